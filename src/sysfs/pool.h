/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Threads that serve the requests of a FUSE session.
 */
#ifndef UMDEV_SYSFS_POOL_H
#define UMDEV_SYSFS_POOL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <umdev/util.h>

struct fuse_session;

/**
 * struct worker_pool - as many threads as there are requests at work, and a few that wait
 *
 * A thread that takes a request and leaves nobody waiting for the next one starts another before it
 * goes to work, so a request that blocks never holds up others.
 */
struct worker_pool {
	struct fuse_session *session;
	pthread_mutex_t lock;
	struct list_head workers;  /* lock */
	struct list_head finished; /* lock; ended or about to, to be joined */
	unsigned int count;	   /* lock; length of workers */
	unsigned int idle; /* lock; of those, who wait for a request or are on their way to it */
	bool stopping;	   /* lock */
	bool ended;	   /* lock; no more requests come, or soon will not, and that is known */
	bool short_of_threads;	      /* lock; said so in the log */
	atomic_uint orphans;	      /* of count; see worker_pool_orphan() */
	_Atomic(uint64_t) handed_out; /* orders memory; see worker_pool_hand_out() */
};

/* How many may be at work for somebody; only tests change it. */
extern unsigned int worker_pool_max;

/**
 * worker_pool_orphan - nobody waits any more for what @n more (or -@n less) workers do
 *
 * The number of threads that wait for an answer is what bounds the pool, and such a worker does not
 * count for it: whoever lets many go must not keep others out. Context: any thread.
 */
static inline void worker_pool_orphan(struct worker_pool *pool, int n)
{
	atomic_fetch_add_explicit(&pool->orphans, (unsigned int)n, memory_order_relaxed);
}

/**
 * worker_pool_hand_out - something is complete whose address is about to go into an answer
 *
 * The kernel carries it to whichever thread takes the next request about it, and knows nothing of
 * what is there. From now on that thread sees it as it is.
 */
static inline void worker_pool_hand_out(struct worker_pool *pool)
{
	atomic_fetch_add_explicit(&pool->handed_out, 1, memory_order_release);
}

/**
 * worker_pool_start - begin to serve
 * @pool: storage of the caller's until worker_pool_stop() returned
 * Return: 0 or -errno.
 */
int worker_pool_start(struct worker_pool *pool, struct fuse_session *session);

/**
 * worker_pool_expect_end - the session is about to end on purpose: no word about it in the log
 * Return: false if it has ended already, by somebody else's doing.
 */
bool worker_pool_expect_end(struct worker_pool *pool);

/**
 * worker_pool_stop - end all threads
 *
 * Waits for requests at work, which are answered. Not from a thread of the pool.
 */
void worker_pool_stop(struct worker_pool *pool);

#endif
