/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one thread of a module, which waits for all of its descriptors. Each module that is made of
 * this has its own; those that are built into one program share one.
 */
#ifndef COMMON_LOOP_H
#define COMMON_LOOP_H

#include <stdint.h>

/**
 * struct watch - a descriptor that the thread waits for; embed it
 * @ready: called when something has changed: data, room, or the other end came or went. What it was
 *         is not said: look. It runs on the thread, one call at a time for the whole module, and
 *         must not block
 */
struct watch {
	void (*ready)(struct watch *watch);
};

/**
 * loop_start - start the thread, if nobody has yet
 * @name: of the thread, 15 characters at most
 * Return: 0 or -errno.
 */
int loop_start(const char *name);

/**
 * loop_stop - the reverse: the last one ends the thread and waits for it; all watches are removed
 * by now.
 */
void loop_stop(void);

/**
 * loop_add - wait for @fd from now on
 * @watch: the caller's until loop_remove(), or until @fd is closed and @watch is known not to run
 *
 * Each change is told once (edge-triggered), and one at the beginning. Context: any lock may be
 * held. Return: 0, -ENOMEM, -ENOSPC.
 */
int loop_add(struct watch *watch, int fd);

/**
 * loop_remove - wait for @fd no more
 *
 * When it returns @watch->ready() does not run and won't any more. Context: without any lock that a
 * ready() takes, and not from one.
 */
void loop_remove(int fd);

/**
 * loop_forget - the same from a ready(), where no other one runs
 *
 * To be called before the close() of a descriptor whose watch is freed: that alone ends the watch
 * only if nobody has a copy, be it a thread for a moment.
 */
void loop_forget(int fd);

#endif
