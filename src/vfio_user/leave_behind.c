/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Closing a socket in which its peer may have left descriptors.
 *
 * Whoever closes the last descriptor of a file waits for what the file does then, and a TCP socket
 * may be told to linger for as long as one likes. A thread that serves everybody must not close
 * such a thing. It does not linger for a thread that is ending, so one is started that has its own
 * copy of the descriptors, and ends with it.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vfio_user/server.h"

/* More than this is not looked through. */
#define MANY 256

/* struct leaver - @fd is to be closed; @copied: it has a copy; @closed: which is the last one */
struct leaver {
	int fd;
	pthread_barrier_t copied, closed;
};

static void *leaver_run(void *arg)
{
	struct leaver *l = arg;

	/* If that fails it is closed, and waited for, by the other one. */
	close_range(l->fd + 1, ~0u, CLOSE_RANGE_UNSHARE);
	pthread_barrier_wait(&l->copied);
	pthread_barrier_wait(&l->closed);
	return NULL;
}

static void close_elsewhere(int fd)
{
	struct leaver l = { .fd = fd };
	pthread_t thread;

	pthread_barrier_init(&l.copied, NULL, 2);
	pthread_barrier_init(&l.closed, NULL, 2);
	if (thread_start(&thread, "vfio-user close", leaver_run, &l)) {
		close(fd);
	} else {
		pthread_barrier_wait(&l.copied);
		close(fd);
		pthread_barrier_wait(&l.closed);
		/* It is over for this process before its descriptors are. */
		pthread_join(thread, NULL);
	}
	pthread_barrier_destroy(&l.closed);
	pthread_barrier_destroy(&l.copied);
}

enum socket_news socket_peek(int fd, int type, void *buf, size_t size, ssize_t *len)
{
	/* The sender comes with every message, also with an empty one, which is no end. */
	char control[CMSG_SPACE(sizeof(struct ucred))]
		__attribute__((aligned(__alignof__(struct cmsghdr))));
	struct iovec iov = { .iov_base = buf, .iov_len = size };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	const int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)))
		return SOCKET_HAS_FDS;
	do
		*len = recvmsg(fd, &msg, MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC);
	while (*len < 0 && errno == EINTR);
	if (*len < 0)
		return errno == EAGAIN ? SOCKET_QUIET : SOCKET_ENDED;
	if (msg.msg_flags & MSG_CTRUNC)
		return SOCKET_HAS_FDS;
	if (*len == 0 && (type == SOCK_STREAM || msg.msg_controllen == 0))
		return SOCKET_ENDED;
	return SOCKET_HAS_MESSAGE;
}

void socket_leave(int fd)
{
	enum socket_news news = SOCKET_HAS_FDS;
	bool ended = false;
	char buf[4096];
	int type = SOCK_STREAM;
	socklen_t size = sizeof(type);
	ssize_t len;

	/* From here on nothing comes any more. */
	shutdown(fd, SHUT_RDWR);
	getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size);
	for (int i = 0; i < MANY; i++) {
		news = socket_peek(fd, type, buf, sizeof(buf), &len);
		if (news == SOCKET_HAS_MESSAGE)
			(void)!recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		/* The first time it may be the peer's end that is told, before what it has sent. */
		else if (news == SOCKET_ENDED && !ended)
			ended = true;
		else
			break;
	}
	if (news == SOCKET_HAS_FDS || news == SOCKET_HAS_MESSAGE)
		close_elsewhere(fd);
	else
		close(fd);
}
