/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A UNIX stream socket as the host's end: it listens, and serves one connection at a time. A second
 * client waits in the socket's queue until the first has gone; what a client has sent before it
 * went is still delivered.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <umdev/util.h>
#include "end.h"

/* Clients that may wait for their turn. */
#define UNIX_BACKLOG 4

char *unix_socket_dir;

/**
 * struct unix_end - the end
 * @listen_fd: takes connections
 * @fd:        the connection, -1 for none; under the port's lock
 * @addr:      where it listens
 */
struct unix_end {
	struct end end;
	struct watch watch;
	int listen_fd;
	int fd;
	struct sockaddr_un addr;
};

static struct unix_end *to_unix(struct end *end)
{
	return container_of(end, struct unix_end, end);
}

static void unix_ready(struct watch *watch)
{
	end_changed(&container_of(watch, struct unix_end, watch)->end);
}

/* ---- the socket's file ---- */

/* As "mkdir -p"; what exists is fine, what can't be made shows when the socket is bound. */
static void make_directories(const char *dir)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s", dir) >= (int)sizeof(path))
		return;
	for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		mkdir(path, 0755);
		*p = '/';
	}
	mkdir(path, 0755);
}

/* A socket that somebody left behind who died: nobody answers there. */
static bool is_stale(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool stale;

	if (fd < 0)
		return false;
	stale = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) && errno == ECONNREFUSED;
	close(fd);
	return stale;
}

static int unix_bind(struct unix_end *unix_end)
{
	const struct sockaddr *addr = (const struct sockaddr *)&unix_end->addr;
	socklen_t size = sizeof(unix_end->addr);

	if (!bind(unix_end->listen_fd, addr, size))
		return 0;
	if (errno != EADDRINUSE)
		return -errno;
	if (!is_stale(&unix_end->addr))
		return -EADDRINUSE;
	unlink(unix_end->addr.sun_path);
	return bind(unix_end->listen_fd, addr, size) ? -errno : 0;
}

static int unix_set_path(struct unix_end *unix_end)
{
	size_t size = sizeof(unix_end->addr.sun_path);
	int len;

	unix_end->addr.sun_family = AF_UNIX;
	len = snprintf(unix_end->addr.sun_path, size, "%s/%s", unix_socket_dir,
		       unix_end->end.port->name);
	return len < (int)size ? 0 : -ENAMETOOLONG;
}

static int unix_listen(struct unix_end *unix_end)
{
	int err;

	err = unix_set_path(unix_end);
	if (err)
		return err;
	unix_end->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (unix_end->listen_fd < 0)
		return -errno;
	make_directories(unix_socket_dir);
	err = unix_bind(unix_end);
	if (err)
		goto close;
	if (listen(unix_end->listen_fd, UNIX_BACKLOG)) {
		err = -errno;
		goto unlink;
	}
	return 0;

unlink:
	unlink(unix_end->addr.sun_path);
close:
	close(unix_end->listen_fd);
	return err;
}

static int unix_open(struct port *port, struct end **out)
{
	struct unix_end *unix_end;
	int err;

	if (!unix_socket_dir)
		return -EOPNOTSUPP;
	unix_end = calloc(1, sizeof(*unix_end));
	if (!unix_end)
		return -ENOMEM;
	unix_end->end.ops = &end_unix_ops;
	unix_end->end.port = port;
	unix_end->end.path = unix_end->addr.sun_path;
	unix_end->watch.ready = unix_ready;
	unix_end->fd = -1;

	err = unix_listen(unix_end);
	if (err)
		goto free;
	err = loop_add(&unix_end->watch, unix_end->listen_fd);
	if (err)
		goto close;
	*out = &unix_end->end;
	return 0;

close:
	close(unix_end->listen_fd);
	unlink(unix_end->addr.sun_path);
free:
	free(unix_end);
	return err;
}

static void unix_close(struct end *end)
{
	struct unix_end *unix_end = to_unix(end);

	loop_remove(unix_end->listen_fd);
	if (unix_end->fd >= 0) {
		loop_remove(unix_end->fd);
		close(unix_end->fd);
	}
	close(unix_end->listen_fd);
	unlink(unix_end->addr.sun_path);
	free(unix_end);
}

/* ---- the connection ---- */

static void take_next_client(struct unix_end *unix_end)
{
	unix_end->fd = accept4(unix_end->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (unix_end->fd < 0)
		return;
	if (loop_add(&unix_end->watch, unix_end->fd)) {
		close(unix_end->fd);
		unix_end->fd = -1;
	}
}

/* Has the client gone, and is nothing left of what it sent? */
static bool is_finished(struct unix_end *unix_end, short revents)
{
	char c;

	return (revents & (POLLHUP | POLLERR)) && recv(unix_end->fd, &c, 1, MSG_PEEK) <= 0;
}

static void unix_refresh(struct end *end)
{
	struct unix_end *unix_end = to_unix(end);
	struct pollfd fd;

	do {
		if (unix_end->fd < 0)
			take_next_client(unix_end);
		fd = (struct pollfd) { .fd = unix_end->fd, .events = POLLIN | POLLOUT };
		if (poll(&fd, 1, 0) < 0)
			return;
		if (!is_finished(unix_end, fd.revents))
			break;
		/*
		 * Closing it ends the watch; an event that is on its way makes us look again, no
		 * more.
		 */
		close(unix_end->fd);
		unix_end->fd = -1;
	} while (true);

	end->connected = unix_end->fd >= 0 && !(fd.revents & (POLLHUP | POLLERR));
	end->readable = fd.revents & POLLIN;
	end->writable = end->connected && (fd.revents & POLLOUT);
}

static ssize_t unix_read(struct end *end, void *buf, size_t size)
{
	ssize_t count = recv(to_unix(end)->fd, buf, size, 0);

	if (count > 0)
		return count;
	/* The end of what it sends, perhaps of the client. */
	unix_refresh(end);
	return -EAGAIN;
}

static ssize_t unix_write(struct end *end, const void *buf, size_t count)
{
	ssize_t sent = send(to_unix(end)->fd, buf, count, MSG_NOSIGNAL);

	return sent > 0 ? sent : -EAGAIN;
}

const struct end_ops end_unix_ops = {
	.name = "unix",
	.open = unix_open,
	.close = unix_close,
	.refresh = unix_refresh,
	.read = unix_read,
	.write = unix_write,
};
