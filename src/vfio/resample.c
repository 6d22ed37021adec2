/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>
#include <umdev/thread.h>

#include "model/alloc.h"
#include "vfio/irq.h"
#include "vfio/resample.h"

/**
 * struct resampler - the thread that waits, and what it waits for
 * @epoll:  all descriptors, edge triggered
 * @wake:   eventfd that makes the thread look at @dead and @stop
 * @users:  how many eventfds there are; under resample_lock
 * @stop:   the last has gone; under resample_lock
 * @dead:   destroyed ones that the thread may still have in a batch of events; under resample_lock
 */
struct resampler {
	pthread_t thread;
	int epoll;
	int wake;
	unsigned int users;
	bool stop;
	struct vfio_resample *dead;
};

static pthread_mutex_t resample_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t resample_idle = PTHREAD_COND_INITIALIZER; /* a busy one is not any more */
static struct resampler *the_resampler; /* NULL while there are no eventfds; under resample_lock */

static void take_one(struct vfio_resample *rs)
{
	uint64_t count;
	struct iovec iov = { .iov_base = &count, .iov_len = sizeof(count) };

	pthread_mutex_lock(&resample_lock);
	if (rs->dead) {
		pthread_mutex_unlock(&resample_lock);
		return;
	}
	rs->busy = true;
	pthread_mutex_unlock(&resample_lock);

	/*
	 * Edges of the counter are waited for, so this only keeps it from filling up in the long
	 * run. The user may have emptied it itself and must not make this thread wait.
	 */
	if (preadv2(rs->fd, &iov, 1, -1, RWF_NOWAIT) < 0)
		count = 0;
	vfio_irq_set_masked(rs->vdev, rs->index, rs->vector,
			    rs->action == VFIO_IRQ_SET_ACTION_MASK);

	pthread_mutex_lock(&resample_lock);
	rs->busy = false;
	pthread_cond_broadcast(&resample_idle);
	pthread_mutex_unlock(&resample_lock);
}

static void free_chain(struct vfio_resample *rs)
{
	while (rs) {
		struct vfio_resample *next = rs->next;

		free(rs);
		rs = next;
	}
}

/* What has died so far is in no batch of events but the one that has just been worked through. */
static bool bury_dead(struct resampler *r)
{
	struct vfio_resample *dead;
	bool stop;

	pthread_mutex_lock(&resample_lock);
	dead = r->dead;
	r->dead = NULL;
	stop = r->stop;
	pthread_mutex_unlock(&resample_lock);
	free_chain(dead);
	return !stop;
}

static void *resample_thread(void *arg)
{
	struct resampler *r = arg;
	struct epoll_event events[16];
	int i, n;

	do {
		n = epoll_wait(r->epoll, events, ARRAY_SIZE(events), -1);
		for (i = 0; i < n; i++) {
			if (events[i].data.ptr)
				take_one(events[i].data.ptr);
		}
	} while (bury_dead(r));
	return NULL;
}

static int watch(struct resampler *r, int fd, struct vfio_resample *rs)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET, .data.ptr = rs };

	if (fault_point() || epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &ev))
		return -ENOMEM;
	return 0;
}

static int resampler_create(struct resampler **out)
{
	struct resampler *r = zalloc(sizeof(*r));
	int err = -EMFILE;

	if (!r)
		return -ENOMEM;
	r->epoll = fault_point() ? -1 : epoll_create1(EPOLL_CLOEXEC);
	if (r->epoll < 0)
		goto free;
	r->wake = fault_point() ? -1 : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->wake < 0)
		goto close_epoll;
	err = watch(r, r->wake, NULL);
	if (err)
		goto close_wake;
	if (fault_point() || umdev_thread_start(&r->thread, NULL, resample_thread, r)) {
		err = -EAGAIN;
		goto close_wake;
	}
	*out = r;
	return 0;
close_wake:
	close(r->wake);
close_epoll:
	close(r->epoll);
free:
	free(r);
	return err;
}

static void resampler_destroy(struct resampler *r)
{
	eventfd_write(r->wake, 1);
	pthread_join(r->thread, NULL);
	free_chain(r->dead);
	close(r->wake);
	close(r->epoll);
	free(r);
}

/* Leave the resampler. Under resample_lock. Return: what to destroy, if that was the last. */
static struct resampler *leave(struct resampler *r)
{
	if (--r->users)
		return NULL;
	r->stop = true;
	the_resampler = NULL;
	return r;
}

int vfio_resample_create(struct vfio_device *vdev, unsigned int index, unsigned int vector,
			 uint32_t action, int fd, struct vfio_resample **out)
{
	struct resampler *last = NULL;
	struct vfio_resample *rs = zalloc(sizeof(*rs));
	int err;

	if (!rs)
		return -ENOMEM;
	rs->vdev = vdev;
	rs->index = index;
	rs->vector = vector;
	rs->action = action;
	rs->fd = vfio_eventfd_dup(fd);
	if (rs->fd < 0) {
		err = rs->fd;
		goto free;
	}
	pthread_mutex_lock(&resample_lock);
	err = the_resampler ? 0 : resampler_create(&the_resampler);
	if (!err) {
		rs->resampler = the_resampler;
		rs->resampler->users++;
		err = watch(rs->resampler, rs->fd, rs);
		if (err)
			last = leave(rs->resampler);
	}
	pthread_mutex_unlock(&resample_lock);
	if (last)
		resampler_destroy(last);
	if (err)
		goto close;
	*out = rs;
	return 0;
close:
	close(rs->fd);
free:
	free(rs);
	return err;
}

void vfio_resample_destroy(struct vfio_resample *rs)
{
	struct resampler *r = rs->resampler, *last;

	pthread_mutex_lock(&resample_lock);
	epoll_ctl(r->epoll, EPOLL_CTL_DEL, rs->fd, NULL);
	rs->dead = true;
	while (rs->busy)
		pthread_cond_wait(&resample_idle, &resample_lock);
	close(rs->fd);
	rs->next = r->dead;
	r->dead = rs;
	last = leave(r);
	/* Under the lock: afterwards somebody else may be the last, and take the resampler down. */
	if (!last)
		eventfd_write(r->wake, 1);
	pthread_mutex_unlock(&resample_lock);
	if (last)
		resampler_destroy(last);
}
