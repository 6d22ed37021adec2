/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Is something still open in any process? A file is inherited by fork() and closed by exit, exec or
 * a signal, and nobody here sees all of that. The kernel does: a lock of an open file description
 * is held as long as any process has a copy of it. So whoever opens something holds a lock on a
 * file that exists for this alone, and who asks looks for locks.
 */
#ifndef UMDEV_PRELOAD_HOLDERS_H
#define UMDEV_PRELOAD_HOLDERS_H

#include <stdbool.h>

/** enum holder_kind - what is open; any number of each */
enum holder_kind {
	HOLDER_GROUP,
	HOLDER_DEVICE,
};

/**
 * holders_create - a file for locks that nobody holds
 * Return: its descriptor, which is hidden and holds nothing itself, or -errno.
 */
int holders_create(void);

/**
 * holder_create - begin to hold
 * @holders: of holders_create()
 * Return: a hidden descriptor, given up with hidden_close() or with the process; -ENODEV (the
 * program has closed @holders, unseen), or -errno.
 */
int holder_create(int holders, enum holder_kind kind);

/** holders_any - does any process hold one? True if that cannot be found out. */
bool holders_any(int holders, enum holder_kind kind);

#endif
