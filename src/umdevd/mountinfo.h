/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is mounted where, as this process sees it.
 */
#ifndef UMDEVD_MOUNTINFO_H
#define UMDEVD_MOUNTINFO_H

/* The type of file system that ours are. */
#define MOUNTINFO_OURS "fuse.umdev"

/**
 * mountinfo_for_each - call @fn for each mount, the upper ones of a place behind the lower
 * @fn: @path is where it is mounted, @type its file system; both valid during the call only. If it
 *      returns something else than 0 that ends it
 *
 * No mount is touched: that could wait for a server that hangs.
 * Return: what the last call returned, or -errno of reading the list.
 */
int mountinfo_for_each(int (*fn)(const char *path, const char *type, void *data), void *data);

#endif
