/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests and their replies.
 *
 * With a twin socket all that can come on the main one is the reply, so it is received at once,
 * header and payload, straight to where the caller wants it. Where other messages may come first
 * (the server's requests, replies to somebody who died) the header is read alone, and then what it
 * announces.
 *
 * The pieces are memory of the program's. The kernel says EFAULT where it cannot be copied and then
 * leaves what it was about to deliver in the socket, and sends nothing of a message that fits into
 * one buffer of the socket's; larger ones are copied first.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "preload/bell.h"
#include "preload/client_private.h"
#include "preload/next.h"
#include "preload/table.h"
#include "preload/usercopy.h"

unsigned int client_timeout_ms = 10000;

/**
 * struct exchange - a request under way
 * @hdr:    the request's header, then the reply's
 * @size:   of the request's payload
 * @room:   for the reply's
 * @fds:    the reply's
 * @broken: what went wrong ends the connection
 */
struct exchange {
	struct client *client;
	struct client_call *call;
	struct vfio_user_header hdr;
	uint16_t id;
	size_t size, room;
	struct received_fds fds;
	uint64_t deadline;
	bool broken;
};

static int broken(struct exchange *x, int err)
{
	x->broken = true;
	return err;
}

static void set_wire(struct exchange *x, enum wire wire)
{
	atomic_store_explicit(&x->client->shared->wire, wire, memory_order_relaxed);
}

static size_t total(const struct iovec *iov, unsigned int n)
{
	size_t size = 0;

	for (unsigned int i = 0; i < n; i++)
		if (__builtin_add_overflow(size, iov[i].iov_len, &size))
			return SIZE_MAX;
	return size;
}

/* Leave out the first @done bytes of the pieces @from. Return: how many pieces there are in @to. */
static unsigned int skip_pieces(struct iovec *to, const struct iovec *from, unsigned int n,
				size_t done)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < n; i++) {
		size_t skip = done < from[i].iov_len ? done : from[i].iov_len;

		done -= skip;
		if (skip == from[i].iov_len)
			continue;
		to[kept].iov_base = (uint8_t *)from[i].iov_base + skip;
		to[kept++].iov_len = from[i].iov_len - skip;
	}
	return kept;
}

int socket_wait(int fd, short events, uint64_t deadline)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	for (;;) {
		uint64_t now = clock_coarse();
		int n;

		if (now >= deadline)
			return -ETIMEDOUT;
		n = poll(&pfd, 1, (int)((deadline - now + 999999) / 1000000));
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -ENODEV;
	}
}

/* ---- sending ---- */

/* Send pieces, descriptors with the first byte. Return: 0, -errno (nothing was sent, or broken). */
static int send_pieces(struct exchange *x, struct iovec *iov, unsigned int n)
{
	const struct client_call *call = x->call;
	char control[CMSG_SPACE(CLIENT_MAX_FDS * sizeof(int))]
		__attribute__((aligned(__alignof__(struct cmsghdr))));
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = n };
	size_t left = total(iov, n);
	bool begun = false;

	if (call->nr_fds) {
		struct cmsghdr *c = (struct cmsghdr *)control;

		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(call->nr_fds * sizeof(int));
		memset(control, 0, msg.msg_controllen);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(call->nr_fds * sizeof(int));
		memcpy(CMSG_DATA(c), call->fds, call->nr_fds * sizeof(int));
	}
	while (left) {
		ssize_t sent = sendmsg(x->client->fd, &msg, MSG_NOSIGNAL);
		int err = 0;

		if (sent < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK))
			err = socket_wait(x->client->fd, POLLOUT, x->deadline);
		else if (sent < 0 && !begun && errno != EPIPE && errno != ECONNRESET)
			return -errno; /* the caller's: memory, descriptors, too many of them */
		else if (sent <= 0)
			err = -ENODEV;
		if (err)
			return broken(x, err);
		if (sent <= 0)
			continue;
		left -= sent;
		begun = true;
		if (left)
			set_wire(x, WIRE_UNKNOWN);
		msg.msg_control = NULL;
		msg.msg_controllen = 0;
		msg.msg_iovlen = skip_pieces(iov, iov, (unsigned int)msg.msg_iovlen, sent);
	}
	return 0;
}

/* What does not fit into one buffer of the socket's could fail in the middle: copy it first. */
static int gather(struct exchange *x, struct iovec *iov)
{
	uint8_t *to = x->client->bounce;

	for (unsigned int i = 0; i < x->call->nr_out; i++) {
		if (copy_from_user(to, x->call->out[i].iov_base, x->call->out[i].iov_len))
			return -EFAULT;
		to += x->call->out[i].iov_len;
	}
	*iov = (struct iovec) { x->client->bounce, x->size };
	return 0;
}

static int send_request(struct exchange *x)
{
	const struct client_call *call = x->call;
	struct iovec iov[4] = { { &x->hdr, sizeof(x->hdr) } };
	unsigned int n = 1 + call->nr_out;
	int err;

	if (x->size <= WHOLE_SIZE) {
		for (unsigned int i = 0; i < call->nr_out; i++)
			iov[1 + i] = call->out[i];
	} else {
		err = gather(x, &iov[1]);
		if (err)
			return err;
		n = 2;
	}
	x->id = x->client->shared->next_id++;
	x->hdr = (struct vfio_user_header) { .id = x->id,
					     .command = call->command,
					     .size = sizeof(x->hdr) + x->size };
	set_wire(x, x->size <= WHOLE_SIZE && x->room <= WHOLE_SIZE ? WIRE_WHOLE : WIRE_UNKNOWN);
	return send_pieces(x, iov, n);
}

/* ---- receiving ---- */

/*
 * Receive into pieces, @flags as recvmsg()'s. Return: how many bytes, -EFAULT (nothing was taken
 * from the socket), -ENODEV, -ETIMEDOUT.
 */
static ssize_t receive(struct exchange *x, struct iovec *iov, unsigned int n, int flags)
{
	char control[CMSG_SPACE(CLIENT_MAX_FDS * sizeof(int))]
		__attribute__((aligned(__alignof__(struct cmsghdr))));

	for (;;) {
		struct msghdr msg = { .msg_iov = iov, .msg_iovlen = n };
		ssize_t got;
		int err;

		/* Without room for them the kernel drops descriptors, and says so. */
		if (x->fds.fds) {
			msg.msg_control = control;
			msg.msg_controllen = sizeof(control);
		}
		got = recvmsg(x->client->fd, &msg, flags | MSG_CMSG_CLOEXEC);
		if (got > 0) {
			received_take(&x->fds, &msg);
			return got;
		}
		if (got == 0)
			return -ENODEV;
		if (errno == EFAULT)
			return -EFAULT;
		if (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK)
			return -ENODEV;
		err = socket_wait(x->client->fd, POLLIN, x->deadline);
		if (err)
			return err;
	}
}

/* Receive until @done bytes of the pieces have become @size. Return: 0, -errno as above. */
static int receive_all(struct exchange *x, const struct iovec *pieces, unsigned int n, size_t *done,
		       size_t size)
{
	struct iovec iov[4];

	while (*done < size) {
		unsigned int left = skip_pieces(iov, pieces, n, *done);
		size_t over = total(iov, left) - (size - *done);
		ssize_t got;

		/* No further than that. */
		while (left && iov[left - 1].iov_len <= over)
			over -= iov[--left].iov_len;
		if (left)
			iov[left - 1].iov_len -= over;
		if (clock_coarse() >= x->deadline)
			return -ETIMEDOUT;
		set_wire(x, WIRE_UNKNOWN);
		got = receive(x, iov, left, MSG_WAITALL);
		if (got < 0)
			return (int)got;
		*done += got;
	}
	return 0;
}

static int discard(struct exchange *x, size_t size)
{
	while (size) {
		size_t part = size < BOUNCE_SIZE ? size : BOUNCE_SIZE, done = 0;
		struct iovec iov = { x->client->bounce, part };
		int err = receive_all(x, &iov, 1, &done, part);

		if (err)
			return err;
		size -= part;
	}
	return 0;
}

int socket_discard(struct client *client, size_t size, uint64_t deadline)
{
	struct exchange x = { .client = client, .deadline = deadline };

	return discard(&x, size);
}

static void close_fds(struct exchange *x)
{
	while (x->fds.n)
		NEXT(close)(x->fds.fds[--x->fds.n]);
	x->fds.lost = false;
}

/*
 * The header of the next message, when it need not be the reply. The server's requests are answered
 * meanwhile.
 */
static int next_header(struct exchange *x)
{
	struct client *client = x->client;
	enum wire wire = atomic_load(&client->shared->wire);
	struct iovec iov = { &x->hdr, sizeof(x->hdr) };
	size_t done = 0;
	int step, err;

	/* Who is killed while he waits has read nothing, and what came of a request is shared. */
	if (client->twin >= 0) {
		err = socket_wait(client->fd, POLLIN, x->deadline);
		return err ? err : receive_all(x, &iov, 1, &done, sizeof(x->hdr));
	}
	for (;;) {
		set_wire(x, WIRE_UNKNOWN);
		step = dma_step(client, &x->fds);
		if (step < 0)
			return step;
		if (step == DMA_STEP_REPLY)
			break;
		set_wire(x, wire);
		if (step == DMA_STEP_DONE && clock_coarse() < x->deadline)
			continue;
		err = socket_wait(client->fd, step == DMA_STEP_WRITE ? POLLOUT : POLLIN,
				  x->deadline);
		if (err)
			return err;
	}
	x->hdr = client->shared->dma.hdr;
	client->shared->dma.have = 0;
	return 0;
}

/* Is it a reply to somebody who has died? It is thrown away then. Return: 1, 0, -errno. */
static int skip_lost(struct exchange *x)
{
	struct client_shared *s = x->client->shared;
	size_t size = x->hdr.size - sizeof(x->hdr);
	int err;

	if (x->hdr.id == x->id ||
	    (uint16_t)(x->hdr.id - s->lost_id) >= (uint16_t)(x->id - s->lost_id))
		return 0;
	if (x->hdr.size < sizeof(x->hdr) || size > BOUNCE_SIZE)
		return -EPROTO;
	err = discard(x, size);
	close_fds(x);
	return err ? err : 1;
}

/*
 * Receive the reply's header. @got becomes what has come of its payload, and lies where it is
 * wanted.
 */
static int receive_header(struct exchange *x, size_t *got)
{
	struct client_shared *s = x->client->shared;
	struct iovec iov[4] = { { &x->hdr, sizeof(x->hdr) } };
	size_t done;
	ssize_t n;
	int err;

	*got = 0;
	if (s->lost || x->client->twin < 0) {
		enum wire wire = atomic_load(&s->wire);

		do {
			set_wire(x, wire);
			err = next_header(x);
			if (!err && s->lost)
				err = skip_lost(x);
		} while (err > 0);
		/* Replies come in the order of the requests: no older one can come after this. */
		s->lost = false;
		return err;
	}
	memcpy(iov + 1, x->call->in, x->call->nr_in * sizeof(*iov));
	n = receive(x, iov, 1 + x->call->nr_in, 0);
	if (n == -EFAULT)
		n = 0; /* once more, bit by bit */
	if (n < 0)
		return (int)n;
	if (n < (ssize_t)sizeof(x->hdr)) {
		s->answered = s->answered || n;
		done = n;
		return receive_all(x, iov, 1, &done, sizeof(x->hdr));
	}
	*got = n - sizeof(x->hdr);
	return 0;
}

/* Return: 0, the server's -errno, -EFAULT, or with @x->broken what ends the connection. */
static int receive_reply(struct exchange *x)
{
	struct client_call *call = x->call;
	size_t got, size;
	bool faulty;
	int err;

	err = receive_header(x, &got);
	if (err)
		return broken(x, err);
	x->client->shared->answered = true;
	size = x->hdr.size - sizeof(x->hdr);
	if ((x->hdr.flags & VFIO_USER_F_TYPE) != VFIO_USER_F_REPLY || x->hdr.id != x->id ||
	    x->hdr.command != call->command || x->hdr.size < sizeof(x->hdr) || got > size)
		return broken(x, -EPROTO);
	if (x->hdr.flags & VFIO_USER_F_ERROR) {
		/* Some servers send more than the header. */
		err = size - got > BOUNCE_SIZE ? -EPROTO : discard(x, size - got);
		if (err || x->fds.n || x->fds.lost)
			return broken(x, err ? err : -EPROTO);
		return x->hdr.error >= 1 && x->hdr.error <= 4095 ? -(int)x->hdr.error : -EIO;
	}
	if (size > x->room)
		return broken(x, -EPROTO);
	err = receive_all(x, call->in, call->nr_in, &got, size);
	faulty = err == -EFAULT;
	if (faulty)
		err = discard(x, size - got);
	if (err || x->fds.lost)
		return broken(x, err ? err : -EPROTO);
	if (faulty)
		return -EFAULT;
	call->in_size = size;
	call->nr_in_fds = x->fds.n;
	return 0;
}

/* ---- a call ---- */

void turn_recover(struct client *client)
{
	struct client_shared *s = client->shared;
	int wire = atomic_load(&s->wire);

	if (wire == WIRE_UNKNOWN || (client->twin < 0 && atomic_load(&s->dma.busy))) {
		client_shutdown(client);
	} else if (wire == WIRE_WHOLE && !s->lost) {
		s->lost = true;
		s->lost_id = s->next_id - 1;
	}
	atomic_store(&s->wire, WIRE_IDLE);
}

/* Return: 0, -ENODEV. */
static int take_turn(struct client *client)
{
	struct client_shared *s = client->shared;

	if (shared_mutex_lock(&s->turn) == -EOWNERDEAD)
		turn_recover(client);
	if (!atomic_load(&s->ended))
		return 0;
	shared_mutex_unlock(&s->turn);
	return -ENODEV;
}

static void give_turn(struct client *client)
{
	struct client_shared *s = client->shared;

	atomic_store_explicit(&s->wire, WIRE_IDLE, memory_order_relaxed);
	shared_mutex_unlock(&s->turn);
	if (client->kick >= 0 && atomic_exchange(&s->wanted, false))
		bell_ring(client->kick);
}

/* An answer to the server that is half out has to be whole before anything else goes out. */
static int finish_answer(struct exchange *x)
{
	struct client *client = x->client;
	int err;

	while (client->twin < 0 && client->shared->dma.out < client->shared->dma.out_end) {
		set_wire(x, WIRE_UNKNOWN);
		err = dma_step(client, &x->fds);
		if (err == DMA_STEP_WRITE)
			err = socket_wait(client->fd, POLLOUT, x->deadline);
		if (err < 0)
			return broken(x, err);
	}
	return 0;
}

static int check_size(const struct exchange *x)
{
	size_t limit = sizeof(struct vfio_user_region_access) + x->client->max_xfer;

	if (x->call->command != VFIO_USER_REGION_WRITE && limit < OTHER_MAX)
		limit = OTHER_MAX;
	return x->size > limit || x->call->nr_fds > x->client->max_fds ? -EMSGSIZE : 0;
}

int client_call(struct client *client, struct client_call *call)
{
	struct exchange x = { .client = client, .call = call, .fds = { .fds = call->in_fds } };
	int err;

	call->in_size = 0;
	call->nr_in_fds = 0;
	x.size = total(call->out, call->nr_out);
	x.room = total(call->in, call->nr_in);
	err = check_size(&x);
	if (!err && atomic_load_explicit(&client->agreed, memory_order_relaxed))
		err = dma_join(client);
	/* Closed unseen: what has this number now is not to be written to. */
	if (!err && !table_is_hidden(client->fd))
		err = -ENODEV;
	if (!err)
		err = take_turn(client);
	if (err)
		return err;
	x.deadline = clock_deadline();
	err = finish_answer(&x);
	if (!err)
		err = send_request(&x);
	if (!err)
		err = receive_reply(&x);
	if (err)
		close_fds(&x);
	if (x.broken) {
		/* If somebody else has ended it that is why. */
		if (atomic_load(&client->shared->ended))
			err = -ENODEV;
		client_shutdown(client);
	}
	give_turn(client);
	return err;
}
