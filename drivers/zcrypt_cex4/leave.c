/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <unistd.h>
#include <umdev/thread.h>

#include "server.h"

/*
 * Who drops the last reference to a file waits for what it does then, and a TCP socket may be told
 * to linger for as long as one likes; but not for a thread that is ending. So one is started that
 * has all descriptors once more, is left with the last references, and ends.
 */
struct leaver {
	pthread_barrier_t copied;
	pthread_barrier_t closed;
};

static void *run(void *arg)
{
	struct leaver *l = arg;

	/* If that fails they are closed, and waited for, by the other one. */
	(void)!unshare(CLONE_FILES);
	pthread_barrier_wait(&l->copied);
	pthread_barrier_wait(&l->closed);
	return NULL;
}

static void close_fds(const int *fds, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

void leave_fds(const int *fds, size_t nr)
{
	struct leaver l;
	pthread_t thread;

	pthread_barrier_init(&l.copied, NULL, 2);
	pthread_barrier_init(&l.closed, NULL, 2);
	if (!umdev_thread_start(&thread, "zcrypt close", run, &l)) {
		pthread_barrier_wait(&l.copied);
		close_fds(fds, nr);
		pthread_barrier_wait(&l.closed);
		/* For this process it is over before its descriptors are. */
		pthread_join(thread, NULL);
	} else {
		close_fds(fds, nr);
	}
	pthread_barrier_destroy(&l.closed);
	pthread_barrier_destroy(&l.copied);
}
