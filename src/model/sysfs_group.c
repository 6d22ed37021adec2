/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attributes that come and go together.
 */
#include <errno.h>

#include <umdev/log.h>
#include <umdev/publish.h>

#include "model/kobject_internal.h"

/*
 * A group's files have no more than these bits: nobody but the owner writes, nothing is executed.
 */
#define GROUP_MODE_MASK 0664

static mode_t checked_mode(const char *name, mode_t mode)
{
	if (mode & ~GROUP_MODE_MASK)
		pr_warn("sysfs: attribute %s: invalid permissions 0%o", name, mode);
	return mode & GROUP_MODE_MASK;
}

static void remove_text_files(struct kernfs_node *dir, const struct attribute_group *grp, size_t n)
{
	for (size_t i = 0; i < n; i++)
		kernfs_remove_file(dir, grp->attrs[i]->name, grp->attrs[i]);
}

static void remove_bin_files(struct kernfs_node *dir, const struct attribute_group *grp, size_t n)
{
	for (size_t i = 0; i < n; i++)
		kernfs_remove_file(dir, grp->bin_attrs[i]->attr.name, grp->bin_attrs[i]);
}

static size_t count_attrs(const struct attribute_group *grp)
{
	size_t n = 0;

	while (grp->attrs && grp->attrs[n])
		n++;
	return n;
}

static size_t count_bin_attrs(const struct attribute_group *grp)
{
	size_t n = 0;

	while (grp->bin_attrs && grp->bin_attrs[n])
		n++;
	return n;
}

static int create_text_files(struct kernfs_node *dir, struct kobject *kobj,
			     const struct attribute_group *grp)
{
	size_t n = count_attrs(grp);
	struct attribute *attr;
	mode_t mode;
	int err;

	for (size_t i = 0; i < n; i++) {
		attr = grp->attrs[i];
		mode = attr->mode;
		if (grp->is_visible) {
			mode = grp->is_visible(kobj, attr, i);
			if (!mode)
				continue;
		}
		err = sysfs_add_file(dir, kobj, attr, checked_mode(attr->name, mode));
		if (err) {
			remove_text_files(dir, grp, i);
			return err;
		}
	}
	return 0;
}

static int create_bin_files(struct kernfs_node *dir, struct kobject *kobj,
			    const struct attribute_group *grp)
{
	size_t n = count_bin_attrs(grp);
	struct bin_attribute *attr;
	mode_t mode;
	int err;

	for (size_t i = 0; i < n; i++) {
		attr = grp->bin_attrs[i];
		mode = attr->attr.mode;
		if (grp->is_bin_visible) {
			mode = grp->is_bin_visible(kobj, attr, i);
			if (!mode)
				continue;
		}
		err = sysfs_add_bin_file(dir, attr, checked_mode(attr->attr.name, mode));
		if (err) {
			remove_bin_files(dir, grp, i);
			return err;
		}
	}
	return 0;
}

static int create_files(struct kernfs_node *dir, struct kobject *kobj,
			const struct attribute_group *grp)
{
	int err;

	err = create_text_files(dir, kobj, grp);
	if (err)
		return err;
	err = create_bin_files(dir, kobj, grp);
	if (err)
		remove_text_files(dir, grp, count_attrs(grp));
	return err;
}

static int create_named_group(struct kernfs_node *dir, struct kobject *kobj,
			      const struct attribute_group *grp)
{
	struct kernfs_node *sub;
	int err;

	err = kernfs_create_dir(dir, grp->name, 0755, kobj, &sub);
	if (err == -EEXIST)
		sysfs_warn_dup(dir, grp->name);
	if (err)
		return err;
	kernfs_get(sub);
	err = create_files(sub, kobj, grp);
	if (err)
		kernfs_remove(sub);
	kernfs_put(sub);
	return err;
}

int sysfs_create_group(struct kobject *kobj, const struct attribute_group *grp)
{
	struct kernfs_node *dir;
	int err;

	if (!grp->attrs && !grp->bin_attrs) {
		pr_err("sysfs: group %s/%s has no attributes", kobject_name(kobj),
		       grp->name ? grp->name : "");
		return -EINVAL;
	}
	dir = kobject_get_dir(kobj);
	if (!dir)
		return -ENOENT;
	publish_begin();
	err = grp->name ? create_named_group(dir, kobj, grp) : create_files(dir, kobj, grp);
	if (err)
		publish_abort();
	else
		publish_commit();
	kernfs_put(dir);
	return err;
}

void sysfs_remove_group(struct kobject *kobj, const struct attribute_group *grp)
{
	struct kernfs_node *dir = kobject_get_dir(kobj);

	if (!dir)
		return;
	if (!grp->name) {
		remove_bin_files(dir, grp, count_bin_attrs(grp));
		remove_text_files(dir, grp, count_attrs(grp));
	} else if (kernfs_remove_by_name(dir, grp->name)) {
		pr_warn("sysfs: group '%s' not found for kobject '%s'", grp->name,
			kobject_name(kobj));
	}
	kernfs_put(dir);
}

int sysfs_create_groups(struct kobject *kobj, const struct attribute_group **groups)
{
	size_t i;
	int err;

	publish_begin();
	for (i = 0; groups && groups[i]; i++) {
		err = sysfs_create_group(kobj, groups[i]);
		if (err)
			goto remove;
	}
	publish_commit();
	return 0;
remove:
	while (i--)
		sysfs_remove_group(kobj, groups[i]);
	publish_abort();
	return err;
}

void sysfs_remove_groups(struct kobject *kobj, const struct attribute_group **groups)
{
	size_t n = 0;

	while (groups && groups[n])
		n++;
	while (n--)
		sysfs_remove_group(kobj, groups[n]);
}
