/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "preload/door.h"
#include "preload/next.h"
#include "vfio_user/door.h"

/* Longer than the server lets anybody wait. */
#define PATIENCE_SECONDS 10

/* Where the door is, without the attribute's newline. Return: 0, -ENODEV. */
static int read_path(unsigned int group, char *path, size_t size)
{
	char name[64];
	ssize_t n;
	int fd;

	snprintf(name, sizeof(name), "/sys/class/vfio/%u/socket", group);
	fd = NEXT(open)(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -ENODEV;
	n = NEXT(read)(fd, path, size - 1);
	NEXT(close)(fd);
	if (n <= 1)
		return -ENODEV;
	path[n] = '\0';
	path[strcspn(path, "\n")] = '\0';
	return 0;
}

/* A name that is too long for an address is reached through a descriptor. */
static int connect_to(int fd, const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int node = -1, ret;

	if (strlen(path) < sizeof(addr.sun_path)) {
		memcpy(addr.sun_path, path, strlen(path));
	} else {
		node = NEXT(open)(path, O_PATH | O_CLOEXEC);
		if (node < 0)
			return -ENODEV;
		snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d", node);
	}
	do
		ret = connect(fd, (struct sockaddr *)&addr, sizeof(addr)) ? -errno : 0;
	while (ret == -EINTR);
	if (node >= 0)
		NEXT(close)(node);
	/* What is left of a server that has ended. */
	return ret == -ENOENT || ret == -ECONNREFUSED ? -ENODEV : ret;
}

int door_connect(unsigned int group)
{
	struct timeval patience = { .tv_sec = PATIENCE_SECONDS };
	char path[4096];
	int fd, err;

	err = read_path(group, path, sizeof(path));
	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	err = 0;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)))
		err = -errno;
	if (!err)
		err = connect_to(fd, path);
	if (err) {
		NEXT(close)(fd);
		return err;
	}
	return fd;
}

static int send_request(int door, const struct vfio_door_request *req)
{
	ssize_t n;

	do
		n = send(door, req, sizeof(*req), MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n == sizeof(*req))
		return 0;
	return n < 0 && errno == EAGAIN ? -ETIMEDOUT : -ENODEV;
}

/* The first descriptor that came; others are closed. */
static int take_fd(struct msghdr *msg)
{
	struct cmsghdr *cmsg;
	int fd = -1, one;
	size_t n, i;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < n; i++) {
			memcpy(&one, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(one));
			if (fd < 0)
				fd = one;
			else
				NEXT(close)(one);
		}
	}
	return fd;
}

/* Return: 0, -errno as the server says, or of the connection. */
static int receive_reply(int door, int *fd)
{
	char control[CMSG_SPACE(4 * sizeof(int))] __attribute__((aligned(8)));
	struct vfio_door_reply reply = { 0 };
	struct iovec iov = { &reply, sizeof(reply) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n;
	int err;

	*fd = -1;
	do
		n = recvmsg(door, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -ENODEV;
	*fd = take_fd(&msg);
	if (n == 0)
		err = -ENODEV;
	else if (n != sizeof(reply) || msg.msg_flags & MSG_TRUNC ||
		 reply.version != VFIO_DOOR_VERSION || reply.error < 0 || reply.error > 4095)
		err = -EPROTO;
	else
		err = -reply.error;
	if (err && *fd >= 0) {
		NEXT(close)(*fd);
		*fd = -1;
	}
	return err;
}

static int ask(int door, const struct vfio_door_request *req, int *fd)
{
	int err = send_request(door, req);

	return err ? err : receive_reply(door, fd);
}

int door_open(int door, unsigned int group, int access)
{
	struct vfio_door_request req = {
		.version = VFIO_DOOR_VERSION,
		.command = VFIO_DOOR_OPEN,
		.group = group,
		.access = (uint32_t)access,
	};
	int fd, err = ask(door, &req, &fd);

	if (!err && fd >= 0) {
		NEXT(close)(fd);
		err = -EPROTO;
	}
	return err;
}

int door_device(int door, unsigned int group, const char *name)
{
	struct vfio_door_request req = {
		.version = VFIO_DOOR_VERSION,
		.command = VFIO_DOOR_DEVICE,
		.group = group,
	};
	int fd, err;

	memcpy(req.name, name, strnlen(name, sizeof(req.name) - 1));
	err = ask(door, &req, &fd);
	if (err)
		return err;
	return fd >= 0 ? fd : -EPROTO;
}

void door_drain(int door)
{
	int fd;

	receive_reply(door, &fd);
	if (fd >= 0)
		NEXT(close)(fd);
}

bool door_has_gone(int door)
{
	struct pollfd pfd = { .fd = door, .events = POLLRDHUP };

	return poll(&pfd, 1, 0) == 1;
}
