/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events for those who listen as to a kernel: it takes a message from whoever may administer a
 * network namespace, adds SEQNUM to it, and hands it to all that listen there, as if it were its
 * own. Behaviour: Linux 6.1 lib/kobject_uevent.c.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <umdev/log.h>
#include <umdev/sysfs.h>
#include <umdev/uevent.h>
#include "model/alloc.h"

/**
 * struct sysfs_netlink - a network namespace that is told of all events
 * @listener:  for the events of this process
 * @fd:        constant
 * @lock:      held from sending a message until the kernel's answer to it is read; inside the lock
 *             of the uevents, a leaf
 * @sent:      under lock; number of the last message
 * @complained: under lock; that events are lost is in the log, and none has arrived since
 */
struct sysfs_netlink {
	struct uevent_listener listener;
	int fd;
	pthread_mutex_t lock;
	uint32_t sent;
	bool complained;
};

/* A message for the kernel. It sends on what is behind the header, byte by byte. */
struct message {
	struct nlmsghdr head;
	char payload[UEVENT_BUFFER_SIZE];
};

/* What the kernel says to a message that it does not like. */
struct refusal {
	struct nlmsghdr head;
	struct nlmsgerr err;
};

static int send_message(struct sysfs_netlink *netlink, struct message *msg, size_t len)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct iovec iov = { .iov_base = msg, .iov_len = sizeof(msg->head) + len };
	struct msghdr hdr = {
		.msg_name = &kernel,
		.msg_namelen = sizeof(kernel),
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	ssize_t n;

	/* Without an acknowledgement: there is an answer only if something is wrong. */
	msg->head = (struct nlmsghdr) {
		.nlmsg_len = iov.iov_len,
		.nlmsg_type = NLMSG_MIN_TYPE,
		.nlmsg_flags = NLM_F_REQUEST,
		.nlmsg_seq = ++netlink->sent,
	};
	if (fault_point())
		return -ENOBUFS;
	do {
		n = sendmsg(netlink->fd, &hdr, 0);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/*
 * The kernel has dealt with a message when sendmsg() returns, so its refusal is here or there is
 * none.
 */
static int read_refusal(struct sysfs_netlink *netlink)
{
	struct refusal refusal;
	ssize_t n;

	for (;;) {
		n = recv(netlink->fd, &refusal, sizeof(refusal), MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		if ((size_t)n == sizeof(refusal) && refusal.head.nlmsg_type == NLMSG_ERROR &&
		    refusal.head.nlmsg_seq == netlink->sent)
			return refusal.err.error;
	}
}

/* Send the first @len bytes of @msg->payload. */
static int exchange(struct sysfs_netlink *netlink, struct message *msg, size_t len)
{
	int err;

	pthread_mutex_lock(&netlink->lock);
	err = send_message(netlink, msg, len);
	if (!err)
		err = read_refusal(netlink);
	pthread_mutex_unlock(&netlink->lock);
	return err;
}

/* Put @str with its NUL behind the @len bytes that are there. Return: their new number, -ENOMEM. */
static int append(struct message *msg, int len, const char *str)
{
	size_t size = strlen(str) + 1;

	if (len < 0 || size > UEVENT_PAYLOAD_MAX - (size_t)len)
		return -ENOMEM;
	memcpy(msg->payload + len, str, size);
	return len + (int)size;
}

/* "action@devpath" and all keys. Return: the length, or -ENOMEM when that is too long. */
static int compose(struct message *msg, const char *action, const char *devpath, char *const envp[])
{
	int len;

	len = snprintf(msg->payload, UEVENT_PAYLOAD_MAX, "%s@%s", action, devpath);
	if (len < 0 || len >= UEVENT_PAYLOAD_MAX)
		return -ENOMEM;
	len++;
	for (; *envp; envp++)
		len = append(msg, len, *envp);
	return len;
}

static int send_event(struct sysfs_netlink *netlink, const char *action, const char *devpath,
		      char *const envp[])
{
	struct message msg;
	int len = compose(&msg, action, devpath, envp);

	return len < 0 ? len : exchange(netlink, &msg, (size_t)len);
}

static const char *what_it_means(int err)
{
	switch (err) {
	case -EPERM:
		return "this process has lost CAP_SYS_ADMIN over the user namespace that owns the "
		       "network namespace";
	case -ENOBUFS:
		return "the machine has no memory for messages";
	default:
		return strerror(-err);
	}
}

/* Say it when events begin to be lost, not for each. */
static void complain(struct sysfs_netlink *netlink, const struct uevent *ev, int err)
{
	bool again;

	pthread_mutex_lock(&netlink->lock);
	again = netlink->complained;
	netlink->complained = err != 0;
	pthread_mutex_unlock(&netlink->lock);
	if (err && !again)
		pr_err("netlink: \"%s\" of %s and what follows is not heard by udev: %s",
		       ev->action, ev->devpath, what_it_means(err));
}

static void send_on(struct uevent_listener *listener, const struct uevent *ev)
{
	struct sysfs_netlink *netlink = container_of(listener, struct sysfs_netlink, listener);

	complain(netlink, ev, send_event(netlink, ev->action, ev->devpath, ev->envp));
}

/* The value of the variable @key in @var, or NULL if it is another. */
static const char *value_of(const char *var, const char *key)
{
	size_t len = strlen(key);

	return var && !strncmp(var, key, len) && var[len] == '=' ? var + len + 1 : NULL;
}

int sysfs_netlink_send(struct sysfs_netlink *netlink, char *const envp[])
{
	const char *action = value_of(envp[0], "ACTION");
	const char *devpath = action ? value_of(envp[1], "DEVPATH") : NULL;

	if (!devpath || !value_of(envp[2], "SUBSYSTEM"))
		return -EINVAL;
	return send_event(netlink, action, devpath, envp);
}

/* Is @fd a socket for uevents that does not listen to them itself? */
static int check_socket(int fd)
{
	struct sockaddr_nl addr = { .nl_groups = 0 };
	socklen_t size = sizeof(int);
	int domain = -1, protocol = -1;

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) || domain != AF_NETLINK ||
	    getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) ||
	    protocol != NETLINK_KOBJECT_UEVENT)
		return -EINVAL;
	size = sizeof(addr);
	if (getsockname(fd, (struct sockaddr *)&addr, &size) || addr.nl_groups)
		return -EINVAL;
	return 0;
}

/*
 * May this process send? A message that is too big tells: the kernel looks at the sender's rights
 * first and at the size then, and nobody gets to hear it.
 */
static int check_right(struct sysfs_netlink *netlink)
{
	struct message msg;
	int err;

	memset(&msg, 0, sizeof(msg));
	err = exchange(netlink, &msg, sizeof(msg.payload));
	return err == -EINVAL ? 0 : err ? err : -EOPNOTSUPP;
}

int sysfs_netlink_start(int fd, struct sysfs_netlink **out)
{
	struct sysfs_netlink *netlink;
	int err;

	err = check_socket(fd);
	if (err)
		return err;
	netlink = zalloc(sizeof(*netlink));
	if (!netlink)
		return -ENOMEM;
	netlink->fd = fd;
	netlink->listener.event = send_on;
	pthread_mutex_init(&netlink->lock, NULL);
	err = check_right(netlink);
	if (err) {
		pthread_mutex_destroy(&netlink->lock);
		free(netlink);
		return err;
	}
	uevent_listener_register(&netlink->listener);
	*out = netlink;
	return 0;
}

void sysfs_netlink_stop(struct sysfs_netlink *netlink)
{
	if (!netlink)
		return;
	uevent_listener_unregister(&netlink->listener);
	close(netlink->fd);
	pthread_mutex_destroy(&netlink->lock);
	free(netlink);
}
