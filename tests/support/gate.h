/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A gate that one thread opens and others wait for. */
#ifndef TESTS_SUPPORT_GATE_H
#define TESTS_SUPPORT_GATE_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <time.h>

struct gate {
	pthread_mutex_t lock;
	pthread_cond_t opened;
	bool is_open; /* under lock */
};

#define GATE_INIT                                                                     \
	{                                                                             \
		.lock = PTHREAD_MUTEX_INITIALIZER, .opened = PTHREAD_COND_INITIALIZER \
	}

static inline void gate_open(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->is_open = true;
	pthread_cond_broadcast(&gate->opened);
	pthread_mutex_unlock(&gate->lock);
}

static inline void gate_wait(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	while (!gate->is_open)
		pthread_cond_wait(&gate->opened, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
}

/*
 * gate_stays_shut - for what must not happen: true if nobody has opened it for a tenth of a second.
 */
static inline bool gate_stays_shut(struct gate *gate)
{
	struct timespec until;
	int err = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 100000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_mutex_lock(&gate->lock);
	while (!gate->is_open && err != ETIMEDOUT)
		err = pthread_cond_timedwait(&gate->opened, &gate->lock, &until);
	pthread_mutex_unlock(&gate->lock);
	return err == ETIMEDOUT;
}

#endif
