/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include <umdev/log.h>
#include <umdev/publish.h>
#include <umdev/uevent.h>

#include "model/alloc.h"
#include "model/kobject_internal.h"

/*
 * Guards the field sd of all objects, which others may look at (a link's target, a notification)
 * while its owner takes it out of sysfs. A leaf.
 */
static pthread_mutex_t sd_lock = PTHREAD_MUTEX_INITIALIZER;

static void set_dir(struct kobject *kobj, struct kernfs_node *dir)
{
	pthread_mutex_lock(&sd_lock);
	kobj->sd = dir;
	pthread_mutex_unlock(&sd_lock);
}

struct kernfs_node *kobject_get_dir(struct kobject *kobj)
{
	struct kernfs_node *dir;

	if (!kobj)
		return kernfs_get(kernfs_root());
	pthread_mutex_lock(&sd_lock);
	dir = kernfs_get(kobj->sd);
	pthread_mutex_unlock(&sd_lock);
	return dir;
}

void kobject_init(struct kobject *kobj, const struct kobj_type *ktype)
{
	if (kobj->state_initialized)
		pr_err("kobject: (%p) is initialized already", (void *)kobj);
	__atomic_store_n(&kobj->refcount, 1, __ATOMIC_RELAXED);
	kobj->ktype = ktype;
	kobj->state_initialized = true;
	kobj->state_in_sysfs = false;
	kobj->state_add_uevent_sent = false;
	kobj->state_remove_uevent_sent = false;
}

static int set_name(struct kobject *kobj, const char *fmt, va_list args)
{
	char *name = vasprintf_f(fmt, args);

	if (!name)
		return -ENOMEM;
	if (!*name) {
		free(name);
		return -EINVAL;
	}
	/* A slash would be another directory: block devices' names have them. */
	for (char *c = name; (c = strchr(c, '/'));)
		*c = '!';
	free(kobj->name);
	kobj->name = name;
	return 0;
}

int kobject_set_name(struct kobject *kobj, const char *fmt, ...)
{
	va_list args;
	int err;

	va_start(args, fmt);
	err = set_name(kobj, fmt, args);
	va_end(args);
	return err;
}

/* Give @kobj a directory in @parent's. */
static int create_dir(struct kobject *kobj, struct kobject *parent)
{
	struct kernfs_node *parent_dir, *dir;
	int err;

	parent_dir = kobject_get_dir(parent);
	if (!parent_dir)
		return -ENOENT;
	err = kernfs_create_dir(parent_dir, kobj->name, 0755, kobj, &dir);
	if (err == -EEXIST)
		sysfs_warn_dup(parent_dir, kobj->name);
	kernfs_put(parent_dir);
	if (err)
		return err;
	set_dir(kobj, kernfs_get(dir));
	return 0;
}

static void remove_dir(struct kobject *kobj)
{
	struct kernfs_node *dir = kobj->sd;

	/* Not to be found through the object first: then nobody adds to what is being removed. */
	set_dir(kobj, NULL);
	kernfs_remove(dir);
	kernfs_put(dir);
}

static int add(struct kobject *kobj, struct kobject *parent)
{
	struct kobject *old_parent = kobj->parent;
	int err;

	if (!kobj->name) {
		pr_err("kobject: (%p): attempted to be registered with empty name", (void *)kobj);
		return -EINVAL;
	}
	kobj->state_add_uevent_sent = false;
	kobj->state_remove_uevent_sent = false;
	publish_begin();
	kobj->parent = kobject_get(parent);
	err = create_dir(kobj, parent);
	if (err)
		goto put_parent;
	err = sysfs_create_groups(kobj, kobj->ktype->default_groups);
	if (err)
		goto remove_dir;
	kobj->state_in_sysfs = true;
	publish_commit();
	kobject_put(old_parent);
	return 0;
remove_dir:
	remove_dir(kobj);
put_parent:
	kobj->parent = old_parent;
	kobject_put(parent);
	publish_abort();
	pr_err("kobject: adding %s to %s failed with %s", kobj->name,
	       parent ? parent->name : "the root", strerrorname_np(-err));
	return err;
}

int kobject_add(struct kobject *kobj, struct kobject *parent, const char *fmt, ...)
{
	va_list args;
	int err;

	if (!kobj->state_initialized) {
		pr_err("kobject: (%p): tried to add an uninitialized object", (void *)kobj);
		return -EINVAL;
	}
	if (kobj->state_in_sysfs)
		return -EEXIST;
	if (fmt) {
		va_start(args, fmt);
		err = set_name(kobj, fmt, args);
		va_end(args);
		if (err)
			return err;
	}
	return add(kobj, parent);
}

void kobject_del(struct kobject *kobj)
{
	if (!kobj || !kobj->state_in_sysfs)
		return;
	sysfs_remove_groups(kobj, kobj->ktype->default_groups);
	if (kobj->state_add_uevent_sent && !kobj->state_remove_uevent_sent)
		kobject_uevent(kobj, KOBJ_REMOVE);
	remove_dir(kobj);
	kobj->state_in_sysfs = false;
}

struct kobject *kobject_get(struct kobject *kobj)
{
	if (kobj && __atomic_fetch_add(&kobj->refcount, 1, __ATOMIC_RELAXED) == 0)
		pr_err("kobject: '%s' (%p): used after its last reference", kobj->name,
		       (void *)kobj);
	return kobj;
}

static void release(struct kobject *kobj)
{
	struct kobject *parent = kobj->parent;
	char *name = kobj->name;

	kobject_del(kobj);
	kobj->ktype->release(kobj);
	free(name);
	kobject_put(parent);
}

void kobject_put(struct kobject *kobj)
{
	if (kobj && __atomic_fetch_sub(&kobj->refcount, 1, __ATOMIC_ACQ_REL) == 1)
		release(kobj);
}

static ssize_t kobj_attr_show(struct kobject *kobj, struct attribute *attr, char *buf)
{
	struct kobj_attribute *kattr = container_of(attr, struct kobj_attribute, attr);

	return kattr->show ? kattr->show(kobj, kattr, buf) : -EIO;
}

static ssize_t kobj_attr_store(struct kobject *kobj, struct attribute *attr, const char *buf,
			       size_t count)
{
	struct kobj_attribute *kattr = container_of(attr, struct kobj_attribute, attr);

	return kattr->store ? kattr->store(kobj, kattr, buf, count) : -EIO;
}

const struct sysfs_ops kobj_sysfs_ops = {
	.show = kobj_attr_show,
	.store = kobj_attr_store,
};

static void dynamic_release(struct kobject *kobj)
{
	free(kobj);
}

static const struct kobj_type dynamic_ktype = {
	.release = dynamic_release,
	.sysfs_ops = &kobj_sysfs_ops,
};

struct kobject *kobject_create_and_add(const char *name, struct kobject *parent)
{
	struct kobject *kobj = zalloc(sizeof(*kobj));

	if (!kobj)
		return NULL;
	kobject_init(kobj, &dynamic_ktype);
	if (kobject_add(kobj, parent, "%s", name)) {
		kobject_put(kobj);
		return NULL;
	}
	return kobj;
}

char *kobject_get_path(const struct kobject *kobj)
{
	const struct kobject *pos;
	size_t len = 0, part;
	char *path, *end;

	for (pos = kobj; pos; pos = pos->parent) {
		if (!pos->name)
			return NULL;
		len += strlen(pos->name) + 1;
	}
	path = zalloc(len + 1);
	if (!path)
		return NULL;
	end = path + len;
	for (pos = kobj; pos; pos = pos->parent) {
		part = strlen(pos->name);
		end -= part;
		memcpy(end, pos->name, part);
		*--end = '/';
	}
	return path;
}
