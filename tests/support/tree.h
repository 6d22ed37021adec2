/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tree as somebody outside sees it, by path: "/bus/mdev/devices". Links are followed; what is
 * not published yet is not there.
 */
#ifndef TESTS_SUPPORT_TREE_H
#define TESTS_SUPPORT_TREE_H

#include <umdev/util.h>
#include "model/kernfs.h"

/** tree_find - the node at a path, a reference to kernfs_put(); NULL if there is none. */
struct kernfs_node *tree_find(const char *path);

/** tree_find_itself - the same, but a link at the end of the path is not followed. */
struct kernfs_node *tree_find_itself(const char *path);

/** tree_exists - is there anything at this path? */
bool tree_exists(const char *fmt, ...) __umdev_printf(1, 2);

/**
 * tree_write - write a text to an attribute
 * Return: what the store said, -ENOENT, -EACCES (no file, or not for that), -ENODEV.
 */
ssize_t tree_write(const char *path, const char *text);

/** tree_write_node - the same to a node, as through a file that was opened before. */
ssize_t tree_write_node(struct kernfs_node *kn, const char *text);

/**
 * tree_read - read an attribute into @buf (SYSFS_PAGE_SIZE bytes) with a NUL. Return: as
 * tree_write().
 */
ssize_t tree_read(const char *path, char *buf);

/** tree_read_node - the same from a node. */
ssize_t tree_read_node(struct kernfs_node *kn, char *buf);

/** tree_pread, tree_pwrite - the same for @count bytes at @off, which need not be a text. */
ssize_t tree_pread(const char *path, char *buf, size_t count, off_t off);
ssize_t tree_pwrite(const char *path, const char *data, size_t count, off_t off);

/** tree_list - the names in a directory, each with a newline, to free(); NULL if it is none. */
char *tree_list(const char *path);

/**
 * tree_snapshot - all below a path: a line for each node with type, mode, size, number or target;
 * to free().
 */
char *tree_snapshot(const char *path);

/** tree_snapshot_node - the same below a node; nothing for NULL. */
char *tree_snapshot_node(struct kernfs_node *kn);

#endif
