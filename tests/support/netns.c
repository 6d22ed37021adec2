/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NR_FDS 2

/* For thousands of events that nobody reads yet. */
#define ROOM (16 << 20)

static int uevent_socket(unsigned int groups)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = groups };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

	if (fd >= 0 && groups && bind(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		close(fd);
		return -errno;
	}
	return fd < 0 ? -errno : fd;
}

int uevent_listener_socket(void)
{
	return uevent_socket(1);
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	close(fd);
	return n < 0 ? -errno : 0;
}

/*
 * fork() into a new user namespace that owns a new network namespace. In one call: a process with
 * threads, as sanitizers have them, cannot unshare().
 */
static pid_t fork_into_new(void)
{
	unsigned long flags = CLONE_NEWUSER | CLONE_NEWNET | SIGCHLD;

	return (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, 0);
}

/* Be root in it. */
static int become_root(unsigned int uid, unsigned int gid)
{
	char text[64];
	int err;

	write_file("/proc/self/setgroups", "deny");
	snprintf(text, sizeof(text), "0 %u 1", gid);
	err = write_file("/proc/self/gid_map", text);
	if (err)
		return err;
	snprintf(text, sizeof(text), "0 %u 1", uid);
	return write_file("/proc/self/uid_map", text);
}

union fds_space {
	struct cmsghdr align;
	char buf[CMSG_SPACE(NR_FDS * sizeof(int))];
};

/* Hand over an error, or 0 and the descriptors. */
static void send_fds(int sock, int err, const int *fds)
{
	struct iovec iov = { .iov_base = &err, .iov_len = sizeof(err) };
	union fds_space space = { .align = { .cmsg_len = 0 } };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;

	if (!err) {
		msg.msg_control = &space;
		msg.msg_controllen = sizeof(space.buf);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(NR_FDS * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, NR_FDS * sizeof(int));
	}
	sendmsg(sock, &msg, MSG_NOSIGNAL);
}

static int receive_fds(int sock, int *fds)
{
	int err = -EIO;
	struct iovec iov = { .iov_base = &err, .iov_len = sizeof(err) };
	union fds_space space = { .align = { .cmsg_len = 0 } };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &space,
		.msg_controllen = sizeof(space.buf),
	};
	struct cmsghdr *cmsg;

	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) != sizeof(err))
		return -EIO;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (err || !cmsg)
		return err ? err : -EIO;
	memcpy(fds, CMSG_DATA(cmsg), NR_FDS * sizeof(int));
	return 0;
}

/* In the child. */
static int open_and_send(int sock, int *fds, unsigned int uid, unsigned int gid)
{
	int err = become_root(uid, gid);

	if (!err) {
		fds[0] = uevent_socket(0);
		fds[1] = uevent_socket(1);
		if (fds[0] < 0 || fds[1] < 0)
			err = -EIO;
	}
	send_fds(sock, err, fds);
	return err;
}

static void make_room(int fd)
{
	int room = ROOM;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
}

int netns_open(struct netns *ns)
{
	unsigned int uid = geteuid(), gid = getegid();
	int sv[2], fds[NR_FDS], err;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv))
		return -errno;
	pid = fork_into_new();
	if (!pid)
		_exit(!!open_and_send(sv[1], fds, uid, gid));
	close(sv[1]);
	err = pid < 0 ? -errno : receive_fds(sv[0], fds);
	close(sv[0]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	if (err)
		return err;
	ns->sender = fds[0];
	ns->listener = fds[1];
	make_room(ns->listener);
	return 0;
}

void netns_close(struct netns *ns)
{
	close(ns->sender);
	close(ns->listener);
}

pid_t netns_spawn(int (*child)(int sender, int to), int *sender, int *from)
{
	unsigned int uid = geteuid(), gid = getegid();
	int sv[2], to[2], fds[NR_FDS], err;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv))
		return -errno;
	if (pipe2(to, O_CLOEXEC)) {
		close(sv[0]);
		close(sv[1]);
		return -errno;
	}
	pid = fork_into_new();
	if (!pid) {
		close(to[0]);
		_exit(open_and_send(sv[1], fds, uid, gid) ? 1 : child(fds[0], to[1]));
	}
	close(sv[1]);
	close(to[1]);
	err = pid < 0 ? -errno : receive_fds(sv[0], fds);
	close(sv[0]);
	if (err) {
		close(to[0]);
		if (pid > 0)
			waitpid(pid, NULL, 0);
		return err;
	}
	close(fds[1]);
	*sender = fds[0];
	*from = to[0];
	return pid;
}
