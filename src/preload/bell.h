/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A descriptor by which one thread wakes another one that waits for descriptors.
 *
 * It is both ends of a pipe: all eventfds have one inode, and a number that the program may have
 * closed by a system call of its own, and used again, has to be known for what it is.
 */
#ifndef UMDEV_PRELOAD_BELL_H
#define UMDEV_PRELOAD_BELL_H

/**
 * bell_create - one that nobody has rung
 * Return: its descriptor, which is hidden (file.h) and closed with hidden_close(), or -errno.
 */
int bell_create(void);

/**
 * bell_ring - @bell becomes readable, until it is cleared
 * Return: 0, -EBADF: the number is not the library's any more, and nothing was done.
 */
int bell_ring(int bell);

/** bell_clear - it has been heard. One that was rung very often may have to be cleared again. */
void bell_clear(int bell);

#endif
