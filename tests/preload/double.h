/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the double's files can do, for tests of the library without a device: the library is built
 * with double.c in place of containers and groups.
 *
 * A file is DOUBLE_SIZE bytes of memory, all files the same, that can be read, written and mapped.
 * One call moves DOUBLE_CHUNK bytes at most.
 */
#ifndef TESTS_PRELOAD_DOUBLE_H
#define TESTS_PRELOAD_DOUBLE_H

#include <sys/ioctl.h>

#define DOUBLE_SIZE  16384
#define DOUBLE_CHUNK 100

#define DOUBLE_KIND  _IO('D', 1)       /* -> 0 for a container, 1 + the number of a group */
#define DOUBLE_LIVE  _IO('D', 2)       /* -> files of this process that are not released */
#define DOUBLE_CALLS _IO('D', 3)       /* -> reads and writes since this was asked */
#define DOUBLE_TAKE  _IOW('D', 4, int) /* -> the int */
#define DOUBLE_GIVE  _IOR('D', 5, int) /* gives 42 */
#define DOUBLE_ERROR _IO('D', 6)       /* fails with errno @arg */
#define DOUBLE_HIDE  _IO('D', 7)       /* -> the number of a hidden descriptor of the file's */

#endif
