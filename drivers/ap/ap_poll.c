/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The poll thread: looks at queues when they want it, or when the hardware indicates a reply.
 *
 * It is there while a queue has something to do, and for a second more. Behaviour: Linux 7.3
 * drivers/s390/crypto/ap_bus.c, where a tasklet, a timer and the thread "appoll" do this.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>
#include <umdev/thread.h>

#include "ap_queue.h"

#define LINGER	     AP_NSEC_PER_SEC
#define POLL_TIMEOUT 250000

enum thread_state {
	THREAD_NONE,
	THREAD_RUNS,
	THREAD_ENDED, /* only to be joined */
};

/**
 * struct poller - the thread and what it looks after
 * @lock:    for all that follows
 * @wake:    something is due sooner than at @asleep; on CLOCK_MONOTONIC
 * @left:    @looks_at has changed
 * @active:  queues that it looks after
 * @by_qid:  the same, by number
 * @looks_at: the queue that it is on its way to, or in
 * @asleep:  until when it sleeps; 0: it doesn't
 * @ends:    it shall end
 */
static struct poller {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_cond_t left;
	struct list_head active;
	struct ap_queue *by_qid[AP_DEVICES * AP_DOMAINS];
	struct ap_queue *looks_at;
	uint64_t asleep;
	bool ends;
	enum thread_state state;
	pthread_t thread;
} poller = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.left = PTHREAD_COND_INITIALIZER,
	.active = LIST_HEAD_INIT(poller.active),
};

static _Atomic bool without_pause;
static _Atomic unsigned long poll_timeout = POLL_TIMEOUT;

uint64_t ap_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * AP_NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

/* ---- the thread; all under the poller's lock ---- */

static bool is_active(const struct ap_queue *aq)
{
	return !list_empty(&aq->poll.list);
}

static uint64_t due(const struct ap_queue *aq)
{
	return aq->poll.kicked ? 0 : aq->poll.due;
}

static struct ap_queue *first_due(void)
{
	struct ap_queue *aq, *first = NULL;

	list_for_each_entry (aq, &poller.active, poll.list)
		if (!first || due(aq) < due(first))
			first = aq;
	return first;
}

/* Return: false when it has slept until then. */
static bool sleep_until(uint64_t then)
{
	struct timespec ts = {
		.tv_sec = (time_t)(then / AP_NSEC_PER_SEC),
		.tv_nsec = (long)(then % AP_NSEC_PER_SEC),
	};
	int err;

	poller.asleep = then;
	if (then == AP_NEVER)
		err = pthread_cond_wait(&poller.wake, &poller.lock);
	else
		err = pthread_cond_timedwait(&poller.wake, &poller.lock, &ts);
	poller.asleep = 0;
	return err != ETIMEDOUT;
}

static void look_at(struct ap_queue *aq)
{
	aq->poll.kicked = false;
	aq->poll.due = AP_NEVER;
	poller.looks_at = aq;
	pthread_mutex_unlock(&poller.lock);
	ap_queue_look(aq);
	/* Who polls without a pause takes no time from others that want to run. */
	if (atomic_load(&without_pause))
		sched_yield();
	pthread_mutex_lock(&poller.lock);
	poller.looks_at = NULL;
	pthread_cond_broadcast(&poller.left);
}

static void *run(void *arg)
{
	struct ap_queue *aq;

	pthread_mutex_lock(&poller.lock);
	while (!poller.ends) {
		aq = first_due();
		if (aq && due(aq) <= ap_now())
			look_at(aq);
		else if (aq)
			sleep_until(due(aq));
		else if (!sleep_until(ap_now() + LINGER) && list_empty(&poller.active))
			break;
	}
	poller.state = THREAD_ENDED;
	pthread_mutex_unlock(&poller.lock);
	return NULL;
}

/* One that has ended has nothing left to wait for. Return: 0, -EAGAIN. */
static int start_thread(void)
{
	int err;

	if (poller.state == THREAD_RUNS)
		return 0;
	if (poller.state == THREAD_ENDED)
		pthread_join(poller.thread, NULL);
	poller.state = THREAD_NONE;
	err = umdev_thread_start(&poller.thread, "appoll", run, NULL);
	if (!err)
		poller.state = THREAD_RUNS;
	return err;
}

static void wake_before(uint64_t then)
{
	if (then < poller.asleep)
		pthread_cond_signal(&poller.wake);
}

static void kick(struct ap_queue *aq)
{
	aq->poll.kicked = true;
	wake_before(0);
}

static void kick_all(void)
{
	struct ap_queue *aq;

	pthread_mutex_lock(&poller.lock);
	list_for_each_entry (aq, &poller.active, poll.list)
		kick(aq);
	pthread_mutex_unlock(&poller.lock);
}

/* ---- queues ---- */

int ap_poll_begin(struct ap_queue *aq)
{
	int err = 0;

	pthread_mutex_lock(&poller.lock);
	if (!is_active(aq)) {
		err = start_thread();
		if (!err) {
			aq->poll.due = AP_NEVER;
			aq->poll.kicked = false;
			list_add_tail(&aq->poll.list, &poller.active);
			poller.by_qid[aq->qid] = aq;
		}
	}
	pthread_mutex_unlock(&poller.lock);
	return err;
}

void ap_poll_at(struct ap_queue *aq, uint64_t due)
{
	pthread_mutex_lock(&poller.lock);
	if (is_active(aq)) {
		aq->poll.due = due;
		wake_before(due);
	}
	pthread_mutex_unlock(&poller.lock);
}

/* Under the poller's lock. */
static void end(struct ap_queue *aq)
{
	list_del_init(&aq->poll.list);
	if (poller.by_qid[aq->qid] == aq)
		poller.by_qid[aq->qid] = NULL;
}

void ap_poll_end(struct ap_queue *aq)
{
	pthread_mutex_lock(&poller.lock);
	end(aq);
	pthread_mutex_unlock(&poller.lock);
}

void ap_poll_forget(struct ap_queue *aq)
{
	pthread_mutex_lock(&poller.lock);
	end(aq);
	while (poller.looks_at == aq)
		pthread_cond_wait(&poller.left, &poller.lock);
	pthread_mutex_unlock(&poller.lock);
}

bool ap_poll_is_self(void)
{
	bool self;

	pthread_mutex_lock(&poller.lock);
	self = poller.state == THREAD_RUNS && pthread_equal(pthread_self(), poller.thread);
	pthread_mutex_unlock(&poller.lock);
	return self;
}

static void indicate(struct ap_indicator *indicator, ap_qid_t qid)
{
	pthread_mutex_lock(&poller.lock);
	if (poller.by_qid[qid])
		kick(poller.by_qid[qid]);
	pthread_mutex_unlock(&poller.lock);
}

struct ap_indicator ap_poll_indicator = { .fn = indicate };

/* ---- the bus's attributes ---- */

uint64_t ap_poll_pause(void)
{
	return atomic_load(&without_pause) ? 0 : atomic_load(&poll_timeout);
}

bool ap_poll_thread_get(void)
{
	return atomic_load(&without_pause);
}

int ap_poll_thread_set(bool on)
{
	if (ap_interrupts_available())
		return 0;
	atomic_store(&without_pause, on);
	kick_all();
	return 0;
}

unsigned long ap_poll_timeout_get(void)
{
	return atomic_load(&poll_timeout);
}

void ap_poll_timeout_set(unsigned long ns)
{
	atomic_store(&poll_timeout, ns);
	kick_all();
}

/* ---- up and down ---- */

int ap_poll_start(void)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&poller.wake, &attr);
	pthread_condattr_destroy(&attr);
	poller.ends = false;
	atomic_store(&without_pause, false);
	atomic_store(&poll_timeout, POLL_TIMEOUT);
	return 0;
}

void ap_poll_stop(void)
{
	bool join;

	pthread_mutex_lock(&poller.lock);
	poller.ends = true;
	pthread_cond_signal(&poller.wake);
	join = poller.state != THREAD_NONE;
	pthread_mutex_unlock(&poller.lock);
	if (join)
		pthread_join(poller.thread, NULL);
	poller.state = THREAD_NONE;
	pthread_cond_destroy(&poller.wake);
}
