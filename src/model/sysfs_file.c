/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attributes as files: from a read or write of the tree to an object's show() or store().
 */
#include <errno.h>
#include <stdio.h>

#include <umdev/log.h>

#include "model/alloc.h"
#include "model/kobject_internal.h"

/*
 * A method that runs in this thread. sysfs_remove_file_self() finds the file here and not by its
 * name, which may be gone or somebody else's while the method still runs.
 */
struct running {
	struct kernfs_node *kn;
	struct running *outer;
};

static __thread struct running *running;

static void running_begin(struct running *self, struct kernfs_node *kn)
{
	self->kn = kn;
	self->outer = running;
	running = self;
}

static void running_end(const struct running *self)
{
	running = self->outer;
}

static ssize_t text_read(struct kernfs_node *kn, char *buf, size_t count, off_t off)
{
	struct kobject *kobj = kernfs_parent_kobj(kn);
	struct running self;
	ssize_t len;

	memset(buf, 0, SYSFS_PAGE_SIZE);
	running_begin(&self, kn);
	len = kobj->ktype->sysfs_ops->show(kobj, kernfs_priv(kn), buf);
	running_end(&self);
	if (len >= SYSFS_PAGE_SIZE) {
		pr_err("sysfs: show() of %s returned the bad count %zd", kernfs_name(kn), len);
		len = SYSFS_PAGE_SIZE - 1;
	}
	return len;
}

static ssize_t text_write(struct kernfs_node *kn, char *buf, size_t count, off_t off)
{
	struct kobject *kobj = kernfs_parent_kobj(kn);
	struct running self;
	ssize_t ret;

	if (!count)
		return 0;
	running_begin(&self, kn);
	ret = kobj->ktype->sysfs_ops->store(kobj, kernfs_priv(kn), buf, count);
	running_end(&self);
	return ret;
}

/* Cut an access at the end of a file whose size is known. Return: does it begin before that? */
static bool clip(const struct bin_attribute *attr, off_t off, size_t *count)
{
	if (!attr->size)
		return true;
	if ((size_t)off >= attr->size)
		return false;
	if (*count > attr->size - off)
		*count = attr->size - off;
	return true;
}

static ssize_t bin_read(struct kernfs_node *kn, char *buf, size_t count, off_t off)
{
	struct bin_attribute *attr = kernfs_priv(kn);
	struct running self;
	ssize_t ret;

	if (off < 0)
		return -EINVAL;
	if (!clip(attr, off, &count))
		return 0;
	if (!count)
		return 0;
	running_begin(&self, kn);
	ret = attr->read(kernfs_parent_kobj(kn), attr, buf, off, count);
	running_end(&self);
	return ret;
}

static ssize_t bin_write(struct kernfs_node *kn, char *buf, size_t count, off_t off)
{
	struct bin_attribute *attr = kernfs_priv(kn);
	struct running self;
	ssize_t ret;

	if (off < 0)
		return -EINVAL;
	if (!clip(attr, off, &count))
		return -EFBIG;
	if (!count)
		return 0;
	running_begin(&self, kn);
	ret = attr->write(kernfs_parent_kobj(kn), attr, buf, off, count);
	running_end(&self);
	return ret;
}

/* By what the owner offers: a window refuses to open a file for what is not there. */
static const struct kernfs_ops text_ops[2][2] = {
	{ { NULL }, { .write = text_write } },
	{ { .read = text_read }, { .read = text_read, .write = text_write } },
};

static const struct kernfs_ops bin_ops[2][2] = {
	{ { .bin = true }, { .write = bin_write, .bin = true } },
	{ { .read = bin_read, .bin = true },
	  { .read = bin_read, .write = bin_write, .bin = true } },
};

void sysfs_warn_dup(struct kernfs_node *dir, const char *name)
{
	char path[SYSFS_PAGE_SIZE];

	kernfs_path(dir, path, sizeof(path));
	pr_warn("sysfs: cannot create duplicate filename '%s/%s'", dir == kernfs_root() ? "" : path,
		name);
}

int sysfs_add_file(struct kernfs_node *dir, struct kobject *kobj, const struct attribute *attr,
		   mode_t mode)
{
	const struct sysfs_ops *ops = kobj->ktype->sysfs_ops;
	int err;

	if (!attr->name)
		return -EINVAL;
	if (!ops) {
		pr_err("sysfs: missing attribute operations for kobject: %s", kobject_name(kobj));
		return -EINVAL;
	}
	err = kernfs_create_file(dir, attr->name, mode & 0777, SYSFS_PAGE_SIZE,
				 &text_ops[!!ops->show][!!ops->store], (void *)attr, NULL);
	if (err == -EEXIST)
		sysfs_warn_dup(dir, attr->name);
	return err;
}

int sysfs_add_bin_file(struct kernfs_node *dir, struct bin_attribute *attr, mode_t mode)
{
	int err;

	if (!attr->attr.name)
		return -EINVAL;
	err = kernfs_create_file(dir, attr->attr.name, mode & 0777, attr->size,
				 &bin_ops[!!attr->read][!!attr->write], attr, NULL);
	if (err == -EEXIST)
		sysfs_warn_dup(dir, attr->attr.name);
	return err;
}

int sysfs_create_file(struct kobject *kobj, const struct attribute *attr)
{
	struct kernfs_node *dir;
	int err;

	if (!kobj || !attr)
		return -EINVAL;
	dir = kobject_get_dir(kobj);
	if (!dir)
		return -ENOENT;
	err = sysfs_add_file(dir, kobj, attr, attr->mode);
	kernfs_put(dir);
	return err;
}

int sysfs_create_bin_file(struct kobject *kobj, struct bin_attribute *attr)
{
	struct kernfs_node *dir;
	int err;

	if (!kobj || !attr)
		return -EINVAL;
	dir = kobject_get_dir(kobj);
	if (!dir)
		return -ENOENT;
	err = sysfs_add_bin_file(dir, attr, attr->attr.mode);
	kernfs_put(dir);
	return err;
}

static void remove_name(struct kobject *kobj, const char *name)
{
	struct kernfs_node *dir = kobject_get_dir(kobj);

	if (!dir)
		return;
	kernfs_remove_by_name(dir, name);
	kernfs_put(dir);
}

void sysfs_remove_file(struct kobject *kobj, const struct attribute *attr)
{
	remove_name(kobj, attr->name);
}

void sysfs_remove_bin_file(struct kobject *kobj, struct bin_attribute *attr)
{
	remove_name(kobj, attr->attr.name);
}

bool sysfs_remove_file_self(struct kobject *kobj, const struct attribute *attr)
{
	struct running *run;

	for (run = running; run; run = run->outer)
		if (kernfs_parent_kobj(run->kn) == kobj && kernfs_priv(run->kn) == attr)
			return kernfs_remove_self(run->kn);
	pr_err("sysfs: %s: only a file's own method removes it this way", attr->name);
	return false;
}

int sysfs_create_link(struct kobject *kobj, struct kobject *target, const char *name)
{
	struct kernfs_node *dir = kobject_get_dir(kobj);
	struct kernfs_node *to = kobject_get_dir(target);
	int err = -ENOENT;

	if (dir && to)
		err = kernfs_create_link(dir, name, to, NULL);
	if (err == -EEXIST)
		sysfs_warn_dup(dir, name);
	kernfs_put(to);
	kernfs_put(dir);
	return err;
}

void sysfs_remove_link(struct kobject *kobj, const char *name)
{
	remove_name(kobj, name);
}

void sysfs_notify(struct kobject *kobj, const char *dir, const char *attr)
{
	const char *names[] = { dir, attr };
	struct kernfs_node *kn, *child;

	kn = kobject_get_dir(kobj);
	for (size_t i = 0; kn && i < ARRAY_SIZE(names); i++) {
		if (!names[i])
			continue;
		child = kernfs_find_and_get(kn, names[i]);
		kernfs_put(kn);
		kn = child;
	}
	if (kn)
		kernfs_notify(kn);
	kernfs_put(kn);
}
