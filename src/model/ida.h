/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Small numbers for things that come and go: always the lowest that is free.
 * Behaviour: Linux 6.1 lib/idr.c (ida_alloc_max(), ida_free()).
 */
#ifndef UMDEV_MODEL_IDA_H
#define UMDEV_MODEL_IDA_H

#include <pthread.h>
#include <umdev/util.h>

/* 64^IDA_LEVELS numbers: 16,777,216. */
#define IDA_LEVELS 4

/**
 * struct ida - which numbers are in use
 * @lock:  guards the rest
 * @words: per level, bit maps of @nr_words words. In level 0 a bit is a number in use, in each
 *         level above a full word of the level below: the lowest free number is found in IDA_LEVELS
 *         steps
 *
 * Starts as IDA_INIT; grows with the highest number in use, shrinks with ida_destroy() only.
 */
struct ida {
	pthread_mutex_t lock;
	uint64_t *words[IDA_LEVELS];
	unsigned int nr_words[IDA_LEVELS];
};

#define IDA_INIT                                  \
	{                                         \
		.lock = PTHREAD_MUTEX_INITIALIZER \
	}

/**
 * ida_alloc_max - take the lowest free number
 * @max: the highest that will do
 *
 * Context: any thread; no lock of umdev's is taken inside.
 * Return: the number, -ENOSPC (all up to @max are in use), -ENOMEM.
 */
int ida_alloc_max(struct ida *ida, unsigned int max);

/** ida_free - give a number back; one that is not in use is ignored. */
void ida_free(struct ida *ida, unsigned int id);

/** ida_destroy - free the memory; all numbers are free again, and @ida may be used again. */
void ida_destroy(struct ida *ida);

#endif
