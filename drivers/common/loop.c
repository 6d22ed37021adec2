/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <umdev/thread.h>
#include "loop.h"

static struct {
	int epfd;
	int stopfd;
	pthread_t thread;
	/*
	 * Events are fetched and handled under it, one by one. So whoever has taken a descriptor
	 * out under it knows that no event of that descriptor is on its way.
	 */
	pthread_mutex_t lock;
} loop = { .epfd = -1, .stopfd = -1, .lock = PTHREAD_MUTEX_INITIALIZER };

/* How many use it; modules that are built into one program share it. Under the lock. */
static unsigned int loop_users;
static pthread_mutex_t users_lock = PTHREAD_MUTEX_INITIALIZER;

static bool handle_one(void)
{
	struct epoll_event event;
	bool found;

	pthread_mutex_lock(&loop.lock);
	found = epoll_wait(loop.epfd, &event, 1, 0) == 1;
	if (found) {
		struct watch *watch = event.data.ptr;

		watch->ready(watch);
	}
	pthread_mutex_unlock(&loop.lock);
	return found;
}

static void *run(void *arg)
{
	struct pollfd fds[] = {
		{ .fd = loop.epfd, .events = POLLIN },
		{ .fd = loop.stopfd, .events = POLLIN },
	};

	while (!(fds[1].revents & POLLIN)) {
		/* Waits only: what the events are is looked at under the lock. */
		if (poll(fds, 2, -1) < 0)
			continue;
		while (handle_one())
			;
	}
	return NULL;
}

static int start(const char *name)
{
	int err;

	loop.epfd = epoll_create1(EPOLL_CLOEXEC);
	if (loop.epfd < 0)
		return -errno;
	loop.stopfd = eventfd(0, EFD_CLOEXEC);
	if (loop.stopfd < 0) {
		err = -errno;
		goto close_epoll;
	}

	err = umdev_thread_start(&loop.thread, name, run, NULL);
	if (err)
		goto close_stop;
	return 0;

close_stop:
	close(loop.stopfd);
close_epoll:
	close(loop.epfd);
	return err;
}

static void stop(void)
{
	eventfd_write(loop.stopfd, 1);
	pthread_join(loop.thread, NULL);
	close(loop.stopfd);
	close(loop.epfd);
}

int loop_start(const char *name)
{
	int err;

	pthread_mutex_lock(&users_lock);
	err = loop_users ? 0 : start(name);
	if (!err)
		loop_users++;
	pthread_mutex_unlock(&users_lock);
	return err;
}

void loop_stop(void)
{
	pthread_mutex_lock(&users_lock);
	if (!--loop_users)
		stop();
	pthread_mutex_unlock(&users_lock);
}

int loop_add(struct watch *watch, int fd)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
				     .data.ptr = watch };

	return epoll_ctl(loop.epfd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

void loop_remove(int fd)
{
	pthread_mutex_lock(&loop.lock);
	epoll_ctl(loop.epfd, EPOLL_CTL_DEL, fd, NULL);
	pthread_mutex_unlock(&loop.lock);
}

void loop_forget(int fd)
{
	epoll_ctl(loop.epfd, EPOLL_CTL_DEL, fd, NULL);
}
