/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The work of io_subchannel on one subchannel: what waits for the device, or for drivers of ccw
 * devices, is done by a thread, which is there as long as there is something to do. One
 * subchannel's does not hold up another's.
 */
#include <errno.h>
#include <time.h>
#include <umdev/thread.h>

#include "ccw.h"

/* How many subchannels have work that a settle waits for. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t none;
	unsigned int count;
} busy = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0 };

static void busy_begin(void)
{
	pthread_mutex_lock(&busy.lock);
	busy.count++;
	pthread_mutex_unlock(&busy.lock);
}

static void busy_end(void)
{
	pthread_mutex_lock(&busy.lock);
	if (!--busy.count)
		pthread_cond_broadcast(&busy.none);
	pthread_mutex_unlock(&busy.lock);
}

void io_subchannel_settle(void)
{
	pthread_mutex_lock(&busy.lock);
	while (busy.count)
		pthread_cond_wait(&busy.none, &busy.lock);
	pthread_mutex_unlock(&busy.lock);
}

/* ---- time ---- */

struct timespec io_sch_after(unsigned int ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += (long)(ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	return t;
}

static bool is_over(const struct timespec *t)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec > t->tv_sec || (now.tv_sec == t->tv_sec && now.tv_nsec >= t->tv_nsec);
}

int io_sch_wait(struct io_subchannel *ios, const struct timespec *deadline)
{
	pthread_mutex_t *lock = &ios->sch->lock;

	if (!deadline)
		return -pthread_cond_wait(&ios->changed, lock);
	return -pthread_cond_timedwait(&ios->changed, lock, deadline);
}

/* ---- the thread ---- */

static void do_one(struct io_subchannel *ios, unsigned int todo)
{
	if (todo == IO_SCH_TODO_UNREG && ios->cdev)
		ccw_device_unregister(ios->cdev);
	else if (todo == IO_SCH_TODO_REBIND && ios->cdev)
		ccw_device_rebind(ios->cdev);
	else if (todo == IO_SCH_TODO_EVAL)
		io_subchannel_evaluate(ios);
	else if (todo == IO_SCH_TODO_VERIFY && ios->cdev)
		ccw_device_verify(ios->cdev);
}

/* The most important thing first; the constants are in that order. */
static unsigned int take_todo(struct io_subchannel *ios)
{
	unsigned int todo = ios->closed ? 0 : ios->todo & -ios->todo;

	ios->todo &= ~todo;
	return todo;
}

static bool has_work(const struct io_subchannel *ios)
{
	return ios->ended || (ios->todo && !ios->closed);
}

static bool is_armed(const struct io_subchannel *ios)
{
	return ios->deadline.tv_sec;
}

/*
 * Nothing is to be done now: wait for the time of the driver's program, if it has one. While only
 * that is waited for, the subchannel counts as settled.
 */
static void idle(struct io_subchannel *ios)
{
	struct timespec deadline;

	busy_end();
	while (!has_work(ios) && is_armed(ios)) {
		deadline = ios->deadline;
		if (!is_over(&deadline)) {
			io_sch_wait(ios, &deadline);
			continue;
		}
		io_sch_set_timeout(ios, 0);
		if (ios->cdev)
			ccw_device_timeout(ios->cdev);
	}
	busy_begin();
}

static void *work(void *data)
{
	struct io_subchannel *ios = data;
	unsigned int todo;

	pthread_mutex_lock(&ios->sch->lock);
	while (!ios->ended) {
		todo = take_todo(ios);
		if (todo) {
			ios->doing = true;
			do_one(ios, todo);
			ios->doing = false;
			pthread_cond_broadcast(&ios->changed);
		} else if (is_armed(ios)) {
			idle(ios);
		} else {
			break;
		}
	}
	ios->working = false;
	pthread_cond_broadcast(&ios->changed);
	pthread_mutex_unlock(&ios->sch->lock);
	busy_end();
	return NULL;
}

/* The thread has given up the lock for the last time when it does not work any more. */
static void join(struct io_subchannel *ios)
{
	if (ios->joinable)
		pthread_join(ios->thread, NULL);
	ios->joinable = false;
}

static int start(struct io_subchannel *ios)
{
	int err;

	if (ios->working || (!has_work(ios) && !is_armed(ios)) || ios->ended)
		return 0;
	join(ios);
	busy_begin();
	ios->working = true;
	err = umdev_thread_start(&ios->thread, "io_subchannel", work, ios);
	if (!err) {
		ios->joinable = true;
		return 0;
	}
	ios->working = false;
	busy_end();
	dev_err(&ios->sch->dev, "no thread: %d", err);
	return err;
}

int io_sch_todo(struct io_subchannel *ios, unsigned int todo)
{
	ios->todo |= todo;
	pthread_cond_broadcast(&ios->changed);
	return start(ios);
}

void io_sch_set_timeout(struct io_subchannel *ios, unsigned int ms)
{
	if (!ms) {
		ios->deadline = (struct timespec) { 0 };
		return;
	}
	ios->deadline = io_sch_after(ms);
	pthread_cond_broadcast(&ios->changed);
	start(ios);
}

void io_sch_close(struct io_subchannel *ios)
{
	ios->closed = true;
	ios->cancel = true;
	pthread_cond_broadcast(&ios->changed);
	while (ios->doing)
		io_sch_wait(ios, NULL);
	ios->cancel = false;
}

void io_sch_end(struct io_subchannel *ios)
{
	ios->ended = true;
	pthread_cond_broadcast(&ios->changed);
	while (ios->working)
		io_sch_wait(ios, NULL);
	join(ios);
}
