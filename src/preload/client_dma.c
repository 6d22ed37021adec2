/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The server's requests for the program's memory.
 *
 * With a twin socket the service thread of one process answers them, and nobody else looks at that
 * socket. Without, they come on the main socket: a thread that waits for its reply there answers
 * what comes before it, and the service thread what comes while nobody has the turn. It cannot
 * wait for the turn, since all connections share the thread; so who gives the turn back wakes it
 * if it has found the turn taken.
 *
 * A message and its answer stay in shared memory between two steps, so whoever goes on knows how
 * far it is.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include "preload/bell.h"
#include "preload/client_private.h"
#include "preload/file.h"
#include "preload/next.h"
#include "preload/service.h"

/* So many requests are answered before callers get the turn again. */
#define REQUESTS_PER_TURN 64
/* How often those that wait for serving look, in nanoseconds. */
#define SERVING_LOOK 200000000

/* ---- a step ---- */

void received_take(struct received_fds *fds, struct msghdr *msg)
{
	if (msg->msg_flags & MSG_CTRUNC)
		fds->lost = true;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (fds->n < CLIENT_MAX_FDS) {
				fds->fds[fds->n++] = fd;
			} else {
				NEXT(close)(fd);
				fds->lost = true;
			}
		}
	}
}

/* Receive up to @size bytes of a message. Return: how many, -EAGAIN, -ENODEV. */
static ssize_t receive_part(int fd, void *buf, size_t size, struct received_fds *fds)
{
	char control[CMSG_SPACE(CLIENT_MAX_FDS * sizeof(int))]
		__attribute__((aligned(__alignof__(struct cmsghdr))));
	struct iovec iov = { buf, size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	/* Without room for them the kernel drops descriptors, and says so. */
	if (fds->fds) {
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
	}
	do
		n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return -EAGAIN;
	if (n <= 0)
		return -ENODEV;
	received_take(fds, &msg);
	return n;
}

/* How many bytes has the message that is coming in, as far as is known? */
static size_t message_size(const struct client *client, const struct dma_message *m)
{
	if (m->have < sizeof(m->hdr))
		/* What is no reply is at least as long as its head. */
		return client->twin >= 0 ? DMA_HEAD : sizeof(m->hdr);
	return m->hdr.size;
}

/* The header is there. Return: 1 it is a request, 0 a reply, -EPROTO. */
static int check_header(const struct client *client, const struct dma_message *m)
{
	switch (m->hdr.flags & VFIO_USER_F_TYPE) {
	case VFIO_USER_F_COMMAND:
		if (m->hdr.size < DMA_HEAD || m->hdr.size > DMA_HEAD + sizeof(m->data))
			return -EPROTO;
		return 1;
	case VFIO_USER_F_REPLY:
		return client->twin >= 0 ? -EPROTO : 0;
	default:
		return -EPROTO;
	}
}

/* Do what a complete message asks for. Return: 0 or the errno for the server. */
static int perform(const struct client *client, struct dma_message *m)
{
	size_t data = m->hdr.size - DMA_HEAD;
	uint64_t address = m->access.address, count = m->access.count, end;
	int err;

	if (m->hdr.command != VFIO_USER_DMA_READ && m->hdr.command != VFIO_USER_DMA_WRITE)
		return ENOSYS;
	if (data != (m->hdr.command == VFIO_USER_DMA_WRITE ? count : 0) || count == 0 ||
	    count > sizeof(m->data) || __builtin_add_overflow(address, count - 1, &end) ||
	    !atomic_load(&client->agreed))
		return EINVAL;
	if (m->hdr.command == VFIO_USER_DMA_READ)
		err = client->ops->dma_read(client->data, address, m->data, count);
	else
		err = client->ops->dma_write(client->data, address, m->data, count);
	return -err;
}

/* The message becomes its answer. */
static void answer(const struct client *client, struct dma_message *m)
{
	bool silent = m->hdr.flags & VFIO_USER_F_NO_REPLY;
	int error = perform(client, m);

	m->have = 0;
	m->out = 0;
	m->out_end = 0;
	if (silent)
		return;
	m->out_end = sizeof(m->hdr);
	if (!error) {
		m->out_end = DMA_HEAD;
		if (m->hdr.command == VFIO_USER_DMA_READ)
			m->out_end += m->access.count;
	}
	m->hdr.size = m->out_end;
	m->hdr.flags = VFIO_USER_F_REPLY | (error ? VFIO_USER_F_ERROR : 0);
	m->hdr.error = error;
}

/* Return: DMA_STEP_DONE, DMA_STEP_WRITE, -ENODEV. */
static int send_answer(int fd, struct dma_message *m)
{
	while (m->out < m->out_end) {
		ssize_t n = send(fd, (uint8_t *)&m->hdr + m->out, m->out_end - m->out,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return DMA_STEP_WRITE;
		if (n <= 0)
			return -ENODEV;
		m->out += n;
	}
	m->out = m->out_end = 0;
	return DMA_STEP_DONE;
}

/* Return: 1 the message is complete, or enum dma_step or -errno with @done. */
static int receive_message(struct client *client, int fd, struct received_fds *fds, bool *complete)
{
	struct dma_message *m = &client->shared->dma;

	*complete = false;
	for (;;) {
		size_t size = message_size(client, m);
		ssize_t n = receive_part(fd, (uint8_t *)&m->hdr + m->have, size - m->have, fds);
		int kind;

		if (n == -EAGAIN)
			return DMA_STEP_READ;
		if (n < 0)
			return (int)n;
		m->have += n;
		if (m->have < sizeof(m->hdr))
			continue;
		kind = check_header(client, m);
		if (kind < 0)
			return kind;
		if (kind == 0)
			return DMA_STEP_REPLY;
		if (fds->n || fds->lost)
			return -EPROTO;
		*complete = m->have == m->hdr.size;
		if (*complete)
			return 0;
	}
}

int dma_step(struct client *client, struct received_fds *fds)
{
	int fd = client->twin >= 0 ? client->twin : client->fd;
	struct dma_message *m = &client->shared->dma;
	struct received_fds none = { 0 };
	bool complete;
	int ret;

	if (atomic_load(&client->shared->ended))
		return -ENODEV;
	atomic_store(&m->busy, true);
	if (m->out < m->out_end) {
		ret = send_answer(fd, m);
	} else {
		ret = receive_message(client, fd, fds ? fds : &none, &complete);
		if (complete) {
			answer(client, m);
			ret = send_answer(fd, m);
		}
	}
	atomic_store(&m->busy, false);
	return ret;
}

/* ---- the service thread: twin ---- */

/* What to wait for on the socket that the requests come on. */
static uint32_t events_for(const struct client *client, bool writing)
{
	if (client->twin >= 0)
		return writing ? EPOLLOUT : EPOLLIN;
	/* Edges: while a caller has the turn, what has come is for him to read. */
	return EPOLLIN | EPOLLRDHUP | EPOLLET | (writing ? EPOLLOUT : 0);
}

/* A step has come to @ret: wait for what it needs. */
static void wait_for_step(struct client *client, int fd, int ret)
{
	bool writing = ret == DMA_STEP_WRITE;

	if (ret < 0) {
		client_shutdown(client);
		service_unwatch(fd);
	} else if (writing != client->writing) {
		client->writing = writing;
		service_rewatch(fd, events_for(client, writing));
	}
}

static void twin_ready(void *data, uint32_t events)
{
	struct client *client = data;

	wait_for_step(client, client->twin, dma_step(client, NULL));
}

/* ---- the service thread: no twin ---- */

/* The header of a reply that no living caller waits for. */
static int stray_reply(struct client *client)
{
	struct client_shared *s = client->shared;
	struct vfio_user_header hdr = s->dma.hdr;

	s->dma.have = 0;
	if (!s->lost || (uint16_t)(hdr.id - s->lost_id) >= (uint16_t)(s->next_id - s->lost_id) ||
	    hdr.size < sizeof(hdr) || hdr.size - sizeof(hdr) > BOUNCE_SIZE)
		return -EPROTO;
	return socket_discard(client, hdr.size - sizeof(hdr), clock_deadline());
}

/* The turn is had. Return: DMA_STEP_READ, DMA_STEP_WRITE, -errno. */
static int serve_turn(struct client *client)
{
	for (int i = 0; i < REQUESTS_PER_TURN; i++) {
		int ret = dma_step(client, NULL);

		if (ret == DMA_STEP_REPLY)
			ret = stray_reply(client);
		else if (ret != DMA_STEP_DONE)
			return ret;
		if (ret < 0)
			return ret;
	}
	/* There may be more. */
	bell_ring(client->kick);
	return DMA_STEP_READ;
}

static void main_ready(void *data, uint32_t events)
{
	struct client *client = data;
	struct client_shared *s = client->shared;
	int err, ret;

	/* First: who gives the turn back meanwhile sees it. */
	atomic_store(&s->wanted, true);
	err = shared_mutex_trylock(&s->turn);
	if (err == -EBUSY)
		return;
	atomic_store(&s->wanted, false);
	if (err == -EOWNERDEAD)
		turn_recover(client);
	atomic_store(&s->wire, WIRE_UNKNOWN);
	ret = serve_turn(client);
	atomic_store(&s->wire, WIRE_IDLE);
	shared_mutex_unlock(&s->turn);
	wait_for_step(client, client->fd, ret);
}

static void kicked(void *data, uint32_t events)
{
	struct client *client = data;

	bell_clear(client->kick);
	main_ready(client, events);
}

/* ---- who serves ---- */

static void forget_timer(struct client *client)
{
	service_unwatch(client->timer);
	hidden_close(client->timer);
	client->timer = -1;
}

static void unwatch_all(struct client *client)
{
	if (client->twin >= 0) {
		service_unwatch(client->twin);
		return;
	}
	service_unwatch(client->fd);
	service_unwatch(client->kick);
}

static int watch_all(struct client *client)
{
	int err;

	/* An answer may be half out: the first step shows. */
	client->writing = true;
	if (client->twin >= 0)
		return service_watch(client->twin, events_for(client, true), twin_ready, client);
	err = service_watch(client->kick, EPOLLIN, kicked, client);
	if (!err)
		err = service_watch(client->fd, events_for(client, true), main_ready, client);
	if (err)
		unwatch_all(client);
	return err;
}

/* Return: 0, -EBUSY (another process serves), -ENODEV (the connection is lost), -errno. */
static int begin_serving(struct client *client)
{
	struct client_shared *s = client->shared;
	int err;

	if (client_has_lost(client))
		return -ENODEV;
	err = shared_mutex_trylock(&s->serving);
	if (err == -EBUSY)
		return err;
	if (err == -EOWNERDEAD && client->twin >= 0 && atomic_load(&s->dma.busy))
		client_shutdown(client);
	err = watch_all(client);
	if (err) {
		shared_mutex_unlock(&s->serving);
		return err;
	}
	client->serves = true;
	return 0;
}

static void look(void *data, uint32_t events)
{
	struct client *client = data;
	uint64_t n;
	int err;

	(void)!NEXT(read)(client->timer, &n, sizeof(n));
	err = begin_serving(client);
	if (!err || err == -ENODEV)
		forget_timer(client);
}

static int begin_looking(struct client *client)
{
	static const struct itimerspec often = { .it_interval.tv_nsec = SERVING_LOOK,
						 .it_value.tv_nsec = SERVING_LOOK };
	int err;

	client->timer = hidden_fd(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
	if (client->timer < 0)
		return -EMFILE;
	timerfd_settime(client->timer, 0, &often, NULL);
	err = service_watch(client->timer, EPOLLIN, look, client);
	if (err)
		forget_timer(client);
	return err;
}

struct join {
	struct client *client;
	int err;
};

static void do_join(void *data)
{
	struct join *join = data;
	struct client *client = join->client;
	uint64_t instance = service_instance();

	if (atomic_load(&client->joined) == instance)
		return;
	/* What is here is the parent's, or of a thread that has ended. */
	hidden_close(client->timer);
	client->timer = -1;
	client->serves = false;
	join->err = begin_serving(client);
	if (join->err == -EBUSY)
		join->err = begin_looking(client);
	if (!join->err)
		atomic_store(&client->joined, instance);
}

int dma_join(struct client *client)
{
	uint64_t instance = service_instance();
	struct join join = { .client = client };
	int err;

	if (instance && atomic_load_explicit(&client->joined, memory_order_relaxed) == instance)
		return 0;
	err = service_run(do_join, &join);
	return err ? err : join.err;
}

static void do_leave(void *data)
{
	struct client *client = data;

	/* The thread that knew it may have ended in between. */
	if (atomic_load(&client->joined) != service_instance())
		return;
	if (client->timer >= 0)
		forget_timer(client);
	if (!client->serves)
		return;
	unwatch_all(client);
	client->serves = false;
	shared_mutex_unlock(&client->shared->serving);
}

void dma_leave(struct client *client)
{
	uint64_t instance = service_instance();

	if (instance && atomic_load(&client->joined) == instance)
		service_run(do_leave, client);
}
