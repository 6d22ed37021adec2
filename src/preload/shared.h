/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * State that a process and its children share: after fork() both have the same descriptors, as the
 * kernel's would be the same files, so what belongs to a file lies in memory that both see. It is
 * plain data without pointers.
 */
#ifndef UMDEV_PRELOAD_SHARED_H
#define UMDEV_PRELOAD_SHARED_H

#include <pthread.h>
#include <stddef.h>

/**
 * shared_alloc - zeroed memory that children of this process share; pages that are never touched
 * cost nothing
 * Return: NULL if there is none.
 */
void *shared_alloc(size_t size);
/** shared_free - this process no longer needs it. NULL: nothing. */
void shared_free(void *mem, size_t size);

/* A mutex in such memory. */
struct shared_mutex {
	pthread_mutex_t mutex;
};

/** shared_mutex_init - in memory of shared_alloc(). Needs no finish. */
void shared_mutex_init(struct shared_mutex *lock);

/**
 * shared_mutex_lock - wait for it
 * Return: 0, or -EOWNERDEAD: a process died with it. The lock is held in either case, and good
 * again; the caller has to see to what it guards.
 */
int shared_mutex_lock(struct shared_mutex *lock);
/** shared_mutex_trylock - the same without waiting: -EBUSY if somebody has it. */
int shared_mutex_trylock(struct shared_mutex *lock);
void shared_mutex_unlock(struct shared_mutex *lock);

#endif
