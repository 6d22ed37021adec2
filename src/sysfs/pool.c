/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <umdev/log.h>
#include <umdev/thread.h>
#include "model/alloc.h"
#include "sysfs/window.h"

/*
 * Each request at work stands for a thread of some process that waits for it, so the number of
 * processes bounds the number of workers; this is what remains when that bound is absent.
 */
unsigned int worker_pool_max = 4096;
/* Who comes one after the other is served by these without a thread being started. */
#define WORKERS_IDLE_MAX 4

struct worker {
	pthread_t thread;
	struct worker_pool *pool;
	struct list_head list; /* pool->lock */
	struct fuse_buf buf;   /* the thread's; the one who joins frees it */
};

static void worker_free(struct worker *worker)
{
	free(worker->buf.mem);
	free(worker);
}

/*
 * Wait for a request. Only here can a worker be cancelled: the wait holds no lock, and the buffer
 * belongs to the struct.
 */
static int worker_receive(struct worker *worker)
{
	int ret;

	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	ret = fuse_session_receive_buf(worker->pool->session, &worker->buf);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	return ret;
}

/* Is this no more than a reason to try again? Without memory for a request, after a while. */
static bool is_passing(int ret)
{
	static const struct timespec a_while = { .tv_nsec = 10 * 1000 * 1000 };

	if (ret == -ENOMEM)
		nanosleep(&a_while, NULL);
	return ret == -EINTR || ret == -EAGAIN || ret == -ENOMEM;
}

/* Called with pool->lock held. */
static void session_ended(struct worker_pool *pool, int ret)
{
	if (pool->stopping || pool->ended)
		return;
	pool->ended = true;
	if (ret)
		pr_err("sysfs: cannot read from /dev/fuse: %s", strerror(-ret));
	else
		pr_notice("sysfs: somebody has unmounted the tree; it is served no longer");
}

static int worker_spawn(struct worker_pool *pool);

static void *worker_main(void *data)
{
	struct worker *worker = data;
	struct worker_pool *pool = worker->pool;
	bool again;
	int ret;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	pthread_mutex_lock(&pool->lock);
	while (!pool->stopping) {
		pthread_mutex_unlock(&pool->lock);
		ret = worker_receive(worker);
		again = is_passing(ret);
		pthread_mutex_lock(&pool->lock);
		if (again)
			continue;
		pool->idle--;
		if (ret <= 0) {
			session_ended(pool, ret);
			goto gone;
		}
		if (!pool->idle && !pool->stopping)
			worker_spawn(pool);
		pthread_mutex_unlock(&pool->lock);
		atomic_load_explicit(&pool->handed_out, memory_order_acquire);
		fuse_session_process_buf(pool->session, &worker->buf);
		pthread_mutex_lock(&pool->lock);
		if (pool->idle >= WORKERS_IDLE_MAX)
			goto gone;
		pool->idle++;
	}
	pool->idle--;
gone:
	if (!pool->stopping) {
		list_del_init(&worker->list);
		list_add_tail(&worker->list, &pool->finished);
		pool->count--;
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

/* Called with pool->lock held; the threads have let go of it for the last time. */
static void join_finished(struct worker_pool *pool)
{
	struct worker *worker, *next;

	list_for_each_entry_safe (worker, next, &pool->finished, list) {
		list_del_init(&worker->list);
		pthread_join(worker->thread, NULL);
		worker_free(worker);
	}
}

static int start_thread(struct worker *worker)
{
	if (fault_point())
		return -EAGAIN;
	return umdev_thread_start(&worker->thread, NULL, worker_main, worker);
}

/* Called with pool->lock held. */
static int worker_spawn(struct worker_pool *pool)
{
	struct worker *worker;
	int err = -EAGAIN;

	join_finished(pool);
	if (pool->count - atomic_load_explicit(&pool->orphans, memory_order_relaxed) >=
	    worker_pool_max)
		goto none;
	err = -ENOMEM;
	worker = zalloc(sizeof(*worker));
	if (!worker)
		goto none;
	worker->pool = pool;
	err = start_thread(worker);
	if (err) {
		worker_free(worker);
		goto none;
	}
	list_add_tail(&worker->list, &pool->workers);
	pool->count++;
	pool->idle++;
	pool->short_of_threads = false;
	return 0;
none:
	if (!pool->short_of_threads)
		pr_warn("sysfs: %u requests are at work and no thread can be added: others wait",
			pool->count);
	pool->short_of_threads = true;
	return err;
}

int worker_pool_start(struct worker_pool *pool, struct fuse_session *session)
{
	int err;

	pool->session = session;
	INIT_LIST_HEAD(&pool->workers);
	INIT_LIST_HEAD(&pool->finished);
	pthread_mutex_init(&pool->lock, NULL);
	pthread_mutex_lock(&pool->lock);
	err = worker_spawn(pool);
	pthread_mutex_unlock(&pool->lock);
	if (err)
		pthread_mutex_destroy(&pool->lock);
	return err;
}

bool worker_pool_expect_end(struct worker_pool *pool)
{
	bool ended;

	pthread_mutex_lock(&pool->lock);
	ended = pool->ended;
	pool->ended = true;
	pthread_mutex_unlock(&pool->lock);
	return !ended;
}

void worker_pool_stop(struct worker_pool *pool)
{
	struct worker *worker, *next;

	pthread_mutex_lock(&pool->lock);
	pool->stopping = true;
	list_for_each_entry (worker, &pool->workers, list)
		pthread_cancel(worker->thread);
	join_finished(pool);
	pthread_mutex_unlock(&pool->lock);
	/* The list is nobody else's from here on. */
	list_for_each_entry_safe (worker, next, &pool->workers, list) {
		pthread_join(worker->thread, NULL);
		worker_free(worker);
	}
	pthread_mutex_destroy(&pool->lock);
}
