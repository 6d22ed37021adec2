/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What kobject.c and the sysfs_*.c files share.
 */
#ifndef UMDEV_MODEL_KOBJECT_INTERNAL_H
#define UMDEV_MODEL_KOBJECT_INTERNAL_H

#include "model/kernfs.h"

/**
 * kobject_get_dir - an object's directory with a reference
 * @kobj: NULL for the root of sysfs
 *
 * Safe against a kobject_del() of another thread.
 * Return: NULL when it is not in sysfs.
 */
struct kernfs_node *kobject_get_dir(struct kobject *kobj);

/**
 * sysfs_add_file - a file for an attribute
 * @dir:  a directory of @kobj's, with a reference
 * @mode: instead of the attribute's own
 * Return: as sysfs_create_file().
 */
int sysfs_add_file(struct kernfs_node *dir, struct kobject *kobj, const struct attribute *attr,
		   mode_t mode);

/** sysfs_add_bin_file - the same for binary contents. */
int sysfs_add_bin_file(struct kernfs_node *dir, struct bin_attribute *attr, mode_t mode);

/** sysfs_warn_dup - say that @name exists in @dir already. */
void sysfs_warn_dup(struct kernfs_node *dir, const char *name);

#endif
