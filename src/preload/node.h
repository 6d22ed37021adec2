/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Device nodes: which are VFIO's, and what opening one gives.
 *
 * No driver of the machine's kernel is behind umdev's nodes, so that open() of one fails: with
 * EACCES on a mount of umdev's, where devices cannot be opened at all; with ENXIO or ENODEV if
 * somebody has made a node with the same number elsewhere. Only then anyone looks here. What the
 * node is says its number, not its name: relative paths, links and copies are as good.
 */
#ifndef UMDEV_PRELOAD_NODE_H
#define UMDEV_PRELOAD_NODE_H

#include <stdbool.h>

/**
 * node_open - open() has failed with @err; is it for us?
 * @dirfd: as openat()'s, like @path and @flags
 * @ret:   the descriptor for the program, or -errno
 *
 * Return: false: it is not, and the program gets what it got.
 */
bool node_open(int dirfd, const char *path, int flags, int err, int *ret);

#endif
