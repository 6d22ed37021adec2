/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The twin socket: a second one for DMA_READ and DMA_WRITE, if the client has proposed it. On it
 * the server asks and the client answers, one request at a time, so that nothing comes in between
 * and nobody has to read for others.
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "model/alloc.h"
#include "vfio_user/connection.h"

/* How many descriptors one message can bring, of which none is wanted: the kernel's SCM_MAX_FD. */
#define MAX_STRAY_FDS 253

/* struct exchange - a request and what is known of its reply; on its sender's stack */
struct exchange {
	struct vfio_user_header asked;
	struct vfio_user_dma_access access;
	struct vfio_user_header hdr;
	struct vfio_user_dma_access echo;
	uint32_t size; /* of the reply if it is no error */
	uint64_t until;
};

int twin_create(struct connection *c)
{
	uint64_t patience = c->server->timeout_ns * DMA_PATIENCE;
	struct timeval limit = { .tv_sec = patience / 1000000000,
				 .tv_usec = patience % 1000000000 / 1000 };
	int fd[2];

	if (fault_point() || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd))
		return -EMFILE;
	if (setsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit))) {
		close(fd[0]);
		close(fd[1]);
		return -EINVAL;
	}
	pthread_mutex_lock(&c->lock);
	c->twin = fd[0];
	pthread_mutex_unlock(&c->lock);
	return fd[1];
}

static void close_all(const int *fds, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		close(fds[i]);
}

/* The connection's own thread closes what the client has sent. twin_lock held; once. */
static void keep_strays(struct connection *c, struct msghdr *msg)
{
	const struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);
	const int *fds = (const int *)CMSG_DATA(cmsg);
	unsigned int n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	c->strays = zalloc_array(n, sizeof(int));
	if (c->strays) {
		memcpy(c->strays, fds, n * sizeof(int));
		c->nr_strays = n;
	} else {
		close_all(fds, n);
	}
}

void twin_finish(struct connection *c)
{
	close_all(c->strays, c->nr_strays);
	free(c->strays);
	c->strays = NULL;
	c->nr_strays = 0;
}

/* One piece of a reply. Return: how many bytes, -errno. */
static ssize_t receive_piece(struct connection *c, struct iovec *iov, unsigned int n)
{
	char control[CMSG_SPACE(MAX_STRAY_FDS * sizeof(int))]
		__attribute__((aligned(__alignof__(struct cmsghdr))));
	struct msghdr msg = { .msg_iov = iov,
			      .msg_iovlen = n,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	ssize_t got;

	do
		got = recvmsg(c->twin, &msg, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	if (msg.msg_controllen) {
		keep_strays(c, &msg);
		return -EPROTO;
	}
	return got ? got : -EPIPE;
}

/* The header is there: is it that of the reply, and can that be? */
static bool header_fits(const struct exchange *x)
{
	if (x->hdr.id != x->asked.id || x->hdr.command != x->asked.command ||
	    (x->hdr.flags & VFIO_USER_F_TYPE) != VFIO_USER_F_REPLY)
		return false;
	if (x->hdr.flags & VFIO_USER_F_ERROR)
		return x->hdr.size >= sizeof(x->hdr) && x->hdr.size <= x->size;
	return x->hdr.size == x->size;
}

/* Receive all of the reply, which may come in pieces. Return: 0, -errno. */
static int receive_reply(struct connection *c, struct exchange *x, void *in, size_t count)
{
	struct iovec iov[] = { { &x->hdr, sizeof(x->hdr) },
			       { &x->echo, sizeof(x->echo) },
			       { in, count } };
	struct iovec *left = iov;
	unsigned int n = ARRAY_SIZE(iov);
	uint32_t got = 0;

	for (;;) {
		ssize_t len = receive_piece(c, left, n);

		if (len < 0)
			return len;
		got += len;
		iov_advance(&left, &n, len);
		if (got >= sizeof(x->hdr)) {
			if (!header_fits(x) || got > x->hdr.size)
				return -EPROTO;
			if (got == x->hdr.size)
				return 0;
		}
		if (clock_exact() >= x->until)
			return -ETIMEDOUT;
	}
}

static int exchange(struct connection *c, struct exchange *x, size_t count, const void *out,
		    void *in)
{
	struct iovec iov[] = { { &x->asked, sizeof(x->asked) },
			       { &x->access, sizeof(x->access) },
			       { (void *)out, out ? count : 0 } };
	int err = send_all_parts(c->twin, iov, out ? 3 : 2, x->until);

	if (!err)
		err = receive_reply(c, x, in, in ? count : 0);
	if (!err && !(x->hdr.flags & VFIO_USER_F_ERROR) &&
	    memcmp(&x->echo, &x->access, sizeof(x->echo)))
		err = -EPROTO;
	return err;
}

/* The client has not answered as it should: nobody knows what it is at now. */
static void give_up(struct connection *c, const struct exchange *x, int err)
{
	pthread_mutex_lock(&c->lock);
	/* Who ends closes both sockets, in any order: there is nothing to be said of that. */
	if (!c->dead && err != -EPIPE && err != -ECONNRESET)
		pr_err("vfio-user: %s: disconnecting the client (pid %d, %s): %s to %s of %llu "
		       "bytes at 0x%llx",
		       c->ep->name, (int)c->peer.pid, c->peer.comm,
		       err == -EPROTO ? "a wrong answer" : "no answer",
		       x->asked.command == VFIO_USER_DMA_READ ? "DMA_READ" : "DMA_WRITE",
		       (unsigned long long)x->access.count, (unsigned long long)x->access.address);
	connection_kill(c);
	pthread_mutex_unlock(&c->lock);
}

int twin_transfer(struct connection *c, uint16_t command, uint64_t address, size_t count,
		  const void *out, void *in)
{
	struct exchange x = { .asked = { .command = command },
			      .access = { .address = address, .count = count } };
	int err;

	x.size = sizeof(x.hdr) + sizeof(x.echo) + (in ? count : 0);
	x.asked.size = sizeof(x.asked) + sizeof(x.access) + (out ? count : 0);
	pthread_mutex_lock(&c->twin_lock);
	if (c->twin_broken) {
		pthread_mutex_unlock(&c->twin_lock);
		return -EIO;
	}
	x.asked.id = c->twin_id++;
	x.until = clock_exact() + c->server->timeout_ns * DMA_PATIENCE;
	err = exchange(c, &x, count, out, in);
	c->twin_broken = err;
	pthread_mutex_unlock(&c->twin_lock);
	if (err) {
		give_up(c, &x, err);
		return -EIO;
	}
	return x.hdr.flags & VFIO_USER_F_ERROR ? -EFAULT : 0;
}
