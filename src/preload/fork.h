/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which process this is, and the lock of what is each process's own.
 *
 * A child of fork() has copies of all memory and all descriptors and goes on with them. A child of
 * vfork() (or a clone() with its parent's memory) has copies of the descriptors alone: what it does
 * to them must not be written down, because the memory is its parent's.
 */
#ifndef UMDEV_PRELOAD_FORK_H
#define UMDEV_PRELOAD_FORK_H

#include <signal.h>
#include <stdbool.h>

/**
 * process_lock - the lock of the table and of the files' memory
 * @saved: for process_unlock(): signals are blocked meanwhile, because their handlers may close
 *         and duplicate descriptors
 *
 * Short, and innermost: no operation of a file and nothing of another room is called under it. At
 * a fork it is taken after the locks of all who call pthread_atfork() later than its first use.
 *
 * Return: false, and nothing is locked, if the memory is that of a parent.
 */
bool process_lock(sigset_t *saved);
void process_unlock(const sigset_t *saved);

#endif
