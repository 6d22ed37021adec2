/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waiting for the machine's attributes to change: one thread for all that somebody polls in a
 * mount, started when the first one does.
 */
#include "sysfs/lower.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <umdev/log.h>
#include <umdev/thread.h>
#include "model/alloc.h"

#define EVENTS 16

void lower_poller_init(struct lower_poller *poller)
{
	pthread_mutex_init(&poller->lock, NULL);
	INIT_LIST_HEAD(&poller->files);
	poller->epoll_fd = -1;
	poller->end_fd = -1;
}

/* Called with poller->lock held. */
static void drop_handle(struct lower_file *file)
{
	if (!file->ph)
		return;
	fuse_pollhandle_destroy(file->ph);
	file->ph = NULL;
	list_del_init(&file->polled);
}

/* Called with poller->lock held. The file of an event may have been closed meanwhile. */
static void wake(struct lower_poller *poller, const struct epoll_event *event)
{
	struct lower_file *file, *next;

	list_for_each_entry_safe (file, next, &poller->files, polled) {
		if (file != event->data.ptr)
			continue;
		/* Some files say so once only, and have said it to us. */
		file->told |= event->events;
		/* It only wakes the waiters, who then ask again. */
		fuse_lowlevel_notify_poll(file->ph);
		drop_handle(file);
	}
}

static void *poller_main(void *data)
{
	struct lower_poller *poller = data;
	struct epoll_event events[EVENTS];
	bool end = false;
	int n, epoll_fd;

	pthread_mutex_lock(&poller->lock);
	epoll_fd = poller->epoll_fd;
	while (!end) {
		pthread_mutex_unlock(&poller->lock);
		n = epoll_wait(epoll_fd, events, EVENTS, -1);
		pthread_mutex_lock(&poller->lock);
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr)
				wake(poller, &events[i]);
			else
				end = true;
		}
	}
	pthread_mutex_unlock(&poller->lock);
	return NULL;
}

static int start_thread(struct lower_poller *poller)
{
	if (fault_point())
		return -EAGAIN;
	return umdev_thread_start(&poller->thread, NULL, poller_main, poller);
}

static void close_both(struct lower_poller *poller)
{
	if (poller->end_fd >= 0)
		close(poller->end_fd);
	if (poller->epoll_fd >= 0)
		close(poller->epoll_fd);
	poller->end_fd = -1;
	poller->epoll_fd = -1;
}

/* Called with poller->lock held. */
static int poller_start(struct lower_poller *poller)
{
	struct epoll_event end = { .events = EPOLLIN };
	int err = 0;

	if (poller->epoll_fd >= 0)
		return 0;
	poller->epoll_fd = fault_point() ? -1 : epoll_create1(EPOLL_CLOEXEC);
	poller->end_fd = fault_point() ? -1 : eventfd(0, EFD_CLOEXEC);
	if (poller->epoll_fd < 0 || poller->end_fd < 0 ||
	    epoll_ctl(poller->epoll_fd, EPOLL_CTL_ADD, poller->end_fd, &end))
		err = -EMFILE;
	if (!err)
		err = start_thread(poller);
	if (err)
		close_both(poller);
	return err;
}

void lower_poller_stop(struct lower_poller *poller)
{
	if (poller->epoll_fd < 0)
		return;
	eventfd_write(poller->end_fd, 1);
	pthread_join(poller->thread, NULL);
	close_both(poller);
}

void lower_poller_finish(struct lower_poller *poller)
{
	pthread_mutex_destroy(&poller->lock);
}

void lower_poll_forget(struct lower_file *file)
{
	struct lower_poller *poller = lower_poller_of(file->lower);

	pthread_mutex_lock(&poller->lock);
	drop_handle(file);
	if (file->armed && poller->epoll_fd >= 0)
		epoll_ctl(poller->epoll_fd, EPOLL_CTL_DEL, file->fd, NULL);
	file->armed = false;
	pthread_mutex_unlock(&poller->lock);
}

void lower_poll_seen(struct lower_file *file)
{
	struct lower_poller *poller = lower_poller_of(file->lower);

	pthread_mutex_lock(&poller->lock);
	file->told = 0;
	pthread_mutex_unlock(&poller->lock);
}

/*
 * Called with poller->lock held. What never changes (EPERM) is waited for in vain, as on the
 * machine.
 */
static int arm(struct lower_poller *poller, struct lower_file *file)
{
	struct epoll_event event = { .events = EPOLLPRI | EPOLLONESHOT, .data.ptr = file };
	int err;

	err = poller_start(poller);
	if (err)
		return err;
	if (epoll_ctl(poller->epoll_fd, file->armed ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, file->fd,
		      &event))
		return errno == EPERM ? 0 : -errno;
	file->armed = true;
	return 0;
}

static unsigned int poll_mask(const struct lower_file *file)
{
	struct pollfd pfd = { .fd = file->fd, .events = POLLIN | POLLOUT | POLLPRI };

	if (poll(&pfd, 1, 0) < 0)
		return POLLERR;
	/* What asks for events alone is not open for the machine's kernel. */
	return pfd.revents & POLLNVAL ? POLLIN | POLLOUT : pfd.revents;
}

void lower_op_poll(fuse_req_t req, struct fuse_file_info *fi, struct fuse_pollhandle *ph)
{
	struct lower_file *file = (struct lower_file *)(uintptr_t)fi->fh;
	struct lower_poller *poller = lower_poller_of(file->lower);
	unsigned int mask;
	int err = 0;

	pthread_mutex_lock(&poller->lock);
	mask = poll_mask(file) | file->told;
	file->told = 0;
	if (ph) {
		drop_handle(file);
		file->ph = ph;
		list_add_tail(&file->polled, &poller->files);
		/* If it has changed since it was asked, that comes as an event at once. */
		err = arm(poller, file);
	}
	pthread_mutex_unlock(&poller->lock);
	if (err)
		sysfs_reply_err(req, err);
	else
		fuse_reply_poll(req, mask);
}
