/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A pseudo-terminal as the host's end. The port holds the master only, so the kernel tells
 * (POLLHUP) whether a terminal has the slave open: that is the carrier. Terminals may come and go;
 * while none is there nothing is written (the kernel refuses it, EIO) and nothing is lost. Settings
 * of the slave outlive the terminals, because the master stays.
 *
 * The kernel wakes nobody when a slave is opened, hence inotify.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <termios.h>
#include <unistd.h>
#include <umdev/util.h>
#include "end.h"

/**
 * struct pty - the end
 * @fd:   the master
 * @wd:   inotify's number for the slave
 * @path: of the slave
 * @list: in ptys.list, under ptys.lock
 */
struct pty {
	struct end end;
	struct watch watch;
	int fd;
	int wd;
	char path[32];
	struct list_head list;
};

/* Taken outside of a port's lock. */
static struct {
	struct watch watch;
	int inotify;
	struct list_head list;
	pthread_mutex_t lock;
} ptys = { .inotify = -1, .list = LIST_HEAD_INIT(ptys.list), .lock = PTHREAD_MUTEX_INITIALIZER };

/* How many have started; as with the loop. Under the lock. */
static unsigned int pty_users;
static pthread_mutex_t users_lock = PTHREAD_MUTEX_INITIALIZER;

static struct pty *to_pty(struct end *end)
{
	return container_of(end, struct pty, end);
}

static void pty_ready(struct watch *watch)
{
	end_changed(&container_of(watch, struct pty, watch)->end);
}

/* Somebody has opened one or more of the slaves. */
static void slaves_opened(struct watch *watch)
{
	char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	const struct inotify_event *event;
	struct pty *pty;
	ssize_t size;

	pthread_mutex_lock(&ptys.lock);
	while ((size = read(ptys.inotify, buf, sizeof(buf))) > 0) {
		for (char *p = buf; p < buf + size; p += sizeof(*event) + event->len) {
			event = (const struct inotify_event *)p;
			list_for_each_entry (pty, &ptys.list, list)
				if (pty->wd == event->wd || (event->mask & IN_Q_OVERFLOW))
					end_changed(&pty->end);
		}
	}
	pthread_mutex_unlock(&ptys.lock);
}

static int watch_slaves(void)
{
	int err;

	ptys.inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (ptys.inotify < 0)
		return -errno;
	ptys.watch.ready = slaves_opened;
	err = loop_add(&ptys.watch, ptys.inotify);
	if (err)
		close(ptys.inotify);
	return err;
}

int pty_start(void)
{
	int err;

	pthread_mutex_lock(&users_lock);
	err = pty_users ? 0 : watch_slaves();
	if (!err)
		pty_users++;
	pthread_mutex_unlock(&users_lock);
	return err;
}

void pty_stop(void)
{
	pthread_mutex_lock(&users_lock);
	if (!--pty_users) {
		loop_remove(ptys.inotify);
		close(ptys.inotify);
	}
	pthread_mutex_unlock(&users_lock);
}

/*
 * The slave passes bytes as they are. Opened and closed once, so that the master knows that nobody
 * has it.
 */
static int pty_prepare_slave(struct pty *pty)
{
	struct termios termios;
	int err = 0;
	int fd;

	if (grantpt(pty->fd) || unlockpt(pty->fd))
		return -errno;
	err = ptsname_r(pty->fd, pty->path, sizeof(pty->path));
	if (err)
		return -err;
	fd = open(pty->path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (tcgetattr(fd, &termios)) {
		err = -errno;
	} else {
		cfmakeraw(&termios);
		if (tcsetattr(fd, TCSANOW, &termios))
			err = -errno;
	}
	close(fd);
	return err;
}

static int pty_watch(struct pty *pty)
{
	int err;

	pthread_mutex_lock(&ptys.lock);
	pty->wd = inotify_add_watch(ptys.inotify, pty->path, IN_OPEN);
	err = pty->wd < 0 ? -errno : 0;
	if (!err)
		list_add_tail(&pty->list, &ptys.list);
	pthread_mutex_unlock(&ptys.lock);
	return err;
}

static void pty_unwatch(struct pty *pty)
{
	pthread_mutex_lock(&ptys.lock);
	list_del_init(&pty->list);
	inotify_rm_watch(ptys.inotify, pty->wd);
	pthread_mutex_unlock(&ptys.lock);
}

static int pty_open(struct port *port, struct end **out)
{
	struct pty *pty = calloc(1, sizeof(*pty));
	int err;

	if (!pty)
		return -ENOMEM;
	pty->end.ops = &end_pty_ops;
	pty->end.port = port;
	pty->end.path = pty->path;
	pty->watch.ready = pty_ready;

	pty->fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (pty->fd < 0) {
		err = -errno;
		goto free;
	}
	err = pty_prepare_slave(pty);
	if (err)
		goto close;
	err = pty_watch(pty);
	if (err)
		goto close;
	err = loop_add(&pty->watch, pty->fd);
	if (err)
		goto unwatch;
	*out = &pty->end;
	return 0;

unwatch:
	pty_unwatch(pty);
close:
	close(pty->fd);
free:
	free(pty);
	return err;
}

static void pty_close(struct end *end)
{
	struct pty *pty = to_pty(end);

	loop_remove(pty->fd);
	pty_unwatch(pty);
	close(pty->fd);
	free(pty);
}

static void pty_refresh(struct end *end)
{
	struct pollfd fd = { .fd = to_pty(end)->fd, .events = POLLIN | POLLOUT };

	if (poll(&fd, 1, 0) < 0)
		return;
	end->connected = !(fd.revents & POLLHUP);
	end->readable = fd.revents & POLLIN;
	end->writable = end->connected && (fd.revents & POLLOUT);
}

static ssize_t pty_read(struct end *end, void *buf, size_t size)
{
	ssize_t count = read(to_pty(end)->fd, buf, size);

	return count > 0 ? count : -EAGAIN;
}

static ssize_t pty_write(struct end *end, const void *buf, size_t count)
{
	ssize_t sent = write(to_pty(end)->fd, buf, count);

	return sent > 0 ? sent : -EAGAIN;
}

const struct end_ops end_pty_ops = {
	.name = "pty",
	.open = pty_open,
	.close = pty_close,
	.refresh = pty_refresh,
	.read = pty_read,
	.write = pty_write,
};
