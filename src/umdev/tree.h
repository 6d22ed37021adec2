/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The daemon's sysfs, as umdev(1) reads and writes it.
 */
#ifndef UMDEV_TREE_H
#define UMDEV_TREE_H

#include "umdev/cli.h"

/**
 * tree_check - is the mount of a daemon there?
 * Return: 0, or EXIT_FAILURE after saying what to do.
 */
int tree_check(const struct cli *cli);

/** tree_path - a path in the mount, to free(). Ends the program without memory. */
char *tree_path(const struct cli *cli, const char *fmt, ...) __umdev_printf(2, 3);

/**
 * tree_names - the names in a directory, sorted
 * @names: a NULL-terminated array for tree_free_names(); empty if there is no such directory
 */
void tree_names(const char *path, char ***names);
void tree_free_names(char **names);

/** tree_exists - is there something with this name? */
bool tree_exists(const char *path);

/** tree_read - what an attribute says, without the last newline, to free(); NULL: can't be read. */
char *tree_read(const char *path);

/** tree_read_all - the same of a file that may be longer, with its last newline. */
char *tree_read_all(const char *path);

/** tree_write - write to an attribute. Return: 0, -errno. */
int tree_write(const char *path, const char *text);

/** tree_link_name - the last part of where a link leads, to free(); NULL if there is none. */
char *tree_link_name(const char *path);

/** tree_parent_name - the name of the directory above what a link leads to, to free(); NULL. */
char *tree_parent_name(const char *path);

/**
 * tree_find_device - the directory of a device
 * @name: BUS/DEVICE, or DEVICE if only one bus has a device of that name. A UUID may be in any case
 *
 * Return: its path under bus/BUS/devices, to free(); NULL after saying what is wrong.
 */
char *tree_find_device(const struct cli *cli, const char *name);

/** tree_vfio_attr - an attribute of the device's vfio-dev/vfioN, as tree_read(). */
char *tree_vfio_attr(const char *device, const char *attr);

/** tree_write_vfio_attr - write to one. Return: 0, -errno; -ENOENT if there is none. */
int tree_write_vfio_attr(const char *device, const char *attr, const char *text);

#endif
