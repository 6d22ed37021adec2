/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Deadlines: what a client gets when a driver's callback does not return.
 *
 * A client gives a request up after five seconds, and an answer that comes later is the end of its
 * device. So before that a watchdog answers in the driver's place: it looks at each connection's
 * @call some times per timeout, which costs the requests nothing but storing a number there. The
 * exchange of that number decides who answers, so each request has one answer.
 *
 * While the callback is stuck the watchdog answers what comes, too, without the driver. What the
 * device or umdev has to know later (mappings, interrupts, reset) is kept and done, unanswered,
 * when the callback has returned.
 */
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "model/alloc.h"
#include "vfio_user/connection.h"

#define TICKS_PER_TIMEOUT 16
#define MAX_DEFERRED	  4096
#define MAX_DEFERRED_FDS  512
#define POLLS_PER_TURN	  16
#define ONES_SIZE	  (64u << 10)
#define ONES_PARTS	  (VFIO_USER_MAX_DATA_XFER / ONES_SIZE + 1)

static uint8_t ones[ONES_SIZE]; /* filled by watchdog_start() */

uint64_t deadline_of(const struct connection *c, const struct request *req, uint64_t now)
{
	uint64_t timeout = c->server->timeout_ns;
	uint64_t deadline = req->arrived + timeout;

	/* Nobody waits for a posted message itself, but somebody may for one that came after it. */
	if (!request_wants_reply(req) && deadline < now + timeout / 8)
		deadline = now + timeout / 8;
	return deadline;
}

int stand_in(const struct connection *c, const struct request *req, uint8_t head[24],
	     size_t *head_size, size_t *size)
{
	struct vfio_user_region_access access;

	*head_size = *size = 0;
	switch (req->hdr.command) {
	case VFIO_USER_REGION_READ:
		memcpy(&access, req->payload, sizeof(access));
		if (access.count == 0 || access.count > c->max_xfer)
			return EINVAL;
		*size = sizeof(access) + access.count;
		*head_size = sizeof(access);
		break;
	case VFIO_USER_REGION_WRITE:
		*size = *head_size = sizeof(access);
		break;
	case VFIO_USER_REGION_WRITE_MULTI:
		*size = *head_size = sizeof(struct vfio_user_write_multi);
		break;
	case VFIO_USER_DMA_MAP:
	case VFIO_USER_DEVICE_SET_IRQS:
	case VFIO_USER_DEVICE_RESET:
		break;
	default:
		/*
		 * Among them DMA_UNMAP: it must not be said that the memory is not used any more
		 * while the driver may still be using it.
		 */
		return ETIMEDOUT;
	}
	memcpy(head, req->payload, *head_size);
	return 0;
}

/* Send an answer without waiting. lock and tx_lock held. */
static void answer(struct connection *c, const struct request *req)
{
	const struct command *cmd = command_find(req->hdr.command);
	struct vfio_user_header hdr = { .id = req->hdr.id,
					.command = req->hdr.command,
					.flags = VFIO_USER_F_REPLY };
	struct iovec iov[2 + ONES_PARTS] = { 0 };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	size_t head_size = 0, size = 0, left;
	uint8_t head[24];
	ssize_t n;

	hdr.error = -request_check(c, cmd, req);
	if (!hdr.error)
		hdr.error = stand_in(c, req, head, &head_size, &size);
	if (hdr.error) {
		hdr.flags |= VFIO_USER_F_ERROR;
		head_size = size = 0;
	}
	hdr.size = sizeof(hdr) + size;
	iov[0] = (struct iovec) { &hdr, sizeof(hdr) };
	iov[1] = (struct iovec) { head, head_size };
	for (left = size - head_size; left; left -= iov[msg.msg_iovlen++].iov_len)
		iov[msg.msg_iovlen] = (struct iovec) { ones, left < ONES_SIZE ? left : ONES_SIZE };
	do
		n = sendmsg(c->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)hdr.size) {
		pr_err("vfio-user: %s: disconnecting the client (pid %d, %s): it takes no messages",
		       c->ep->name, (int)c->peer.pid, c->peer.comm);
		connection_kill(c);
	}
}

/* Keep a request that has been answered until it can be done. lock held. */
static void defer(struct connection *c, struct request *req)
{
	struct deferred *d = NULL;

	if (c->nr_deferred < MAX_DEFERRED && c->nr_deferred_fds + req->nr_fds <= MAX_DEFERRED_FDS)
		d = zalloc(sizeof(*d) + req->size);
	if (!d) {
		pr_err("vfio-user: %s: disconnecting the client: "
		       "too much to do after the driver hangs",
		       c->ep->name);
		connection_kill(c);
		return;
	}
	d->req = *req;
	memcpy(d->payload, req->payload, req->size);
	d->req.payload = d->payload;
	d->req.hdr.flags |= VFIO_USER_F_NO_REPLY;
	req->nr_fds = 0;
	list_add_tail(&d->link, &c->deferred);
	c->nr_deferred++;
	c->nr_deferred_fds += d->req.nr_fds;
}

static void unwatch(struct connection *c)
{
	if (c->watched)
		epoll_ctl(c->server->watch_epoll, EPOLL_CTL_DEL, c->fd, NULL);
	c->watched = false;
}

/* Answer what is there. lock and tx_lock held. */
static void answer_all(struct connection *c)
{
	struct request req;
	int turn;

	if (c->owes) {
		c->owes = false;
		if (request_wants_reply(&c->current))
			answer(c, &c->current);
		/* Without an open device there is nothing to go on with. */
		if (c->current.hdr.command == VFIO_USER_VERSION && !c->dead)
			connection_kill(c);
	}
	for (turn = 0; turn < POLLS_PER_TURN && !c->dead; turn++) {
		while (!c->dead && rx_take(c, &req)) {
			const struct command *cmd = command_find(req.hdr.command);

			if (request_wants_reply(&req))
				answer(c, &req);
			if (cmd && cmd->keeps && !request_check(c, cmd, &req))
				defer(c, &req);
			rx_drop_fds(&c->rx, &req);
		}
		if (c->dead || c->rx.eof || c->rx.broken || c->reader || !rx_poll(c))
			break;
	}
	/* The others get their turn, then this one is due again: its socket tells news only. */
	if (turn == POLLS_PER_TURN)
		event_kick(c->server->watch_kick);
	/* All before it is answered. */
	if (c->rx.broken && !c->dead)
		connection_kill(c);
	if (c->dead || c->rx.eof)
		unwatch(c);
	if (c->waiters)
		pthread_cond_broadcast(&c->cond);
}

static void serve(struct connection *c)
{
	/* A driver's thread may be sending a DMA request: next time. */
	if (pthread_mutex_trylock(&c->tx_lock))
		return;
	if (reply_flush_now(c))
		answer_all(c);
	pthread_mutex_unlock(&c->tx_lock);
}

/* The callback is overdue, and the watchdog has won the exchange. lock held. */
static void take_over(struct connection *c)
{
	/*
	 * Edges: a client that takes no replies keeps its requests waiting, and must not keep the
	 * watchdog busy with that. Nothing is missed for longer than a tick.
	 */
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLET };
	char what[128];

	c->taken = true;
	c->owes = true;
	c->taken_at = clock_coarse();
	request_describe(&c->current, what, sizeof(what));
	pr_err("vfio-user: %s: the driver's %s does not return: answering in its place",
	       c->ep->name, what);
	if (rx_pin(&c->rx)) {
		connection_kill(c);
		return;
	}
	c->watched = !epoll_ctl(c->server->watch_epoll, EPOLL_CTL_ADD, c->fd, &ev);
}

/* Replies to earlier requests should not wait for a slow callback. */
static void flush_waiting(struct connection *c)
{
	if (pthread_mutex_trylock(&c->tx_lock))
		return;
	reply_flush_now(c);
	pthread_mutex_unlock(&c->tx_lock);
}

static void check(struct connection *c, uint64_t now)
{
	uint64_t call = atomic_load_explicit(&c->call, memory_order_acquire);

	if (call && call != CALL_TAKEN && now < call) {
		if (c->seen_call == call)
			flush_waiting(c);
		c->seen_call = call;
		return;
	}
	if (!call)
		return;
	pthread_mutex_lock(&c->lock);
	if (call != CALL_TAKEN && atomic_compare_exchange_strong(&c->call, &call, CALL_TAKEN))
		take_over(c);
	if (c->taken)
		serve(c);
	pthread_mutex_unlock(&c->lock);
}

bool deadline_reclaim(struct connection *c)
{
	bool answered;

	pthread_mutex_lock(&c->lock);
	answered = !c->owes || !request_wants_reply(&c->current);
	c->owes = false;
	c->taken = false;
	unwatch(c);
	c->received = c->arrived = clock_coarse();
	pr_notice("vfio-user: %s: the driver's callback has returned %llu ms after that",
		  c->ep->name, (unsigned long long)(c->arrived - c->taken_at) / 1000000);
	pthread_mutex_unlock(&c->lock);
	return answered;
}

static void *watchdog_run(void *arg)
{
	struct vfio_user_server *server = arg;
	int tick = server->timeout_ns / 1000000 / TICKS_PER_TIMEOUT;
	struct epoll_event ev[16];
	struct connection *c;

	if (tick == 0)
		tick = 1;
	pthread_mutex_lock(&server->lock);
	while (!server->watch_stopping) {
		bool idle = list_empty(&server->connections);

		pthread_mutex_unlock(&server->lock);
		epoll_wait(server->watch_epoll, ev, ARRAY_SIZE(ev), idle ? -1 : tick);
		pthread_mutex_lock(&server->lock);
		event_drain(server->watch_kick);
		list_for_each_entry (c, &server->connections, link)
			check(c, clock_coarse());
	}
	pthread_mutex_unlock(&server->lock);
	return NULL;
}

int watchdog_start(struct vfio_user_server *server)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int err;

	memset(ones, 0xff, sizeof(ones));
	server->watch_epoll = fault_point() ? -1 : epoll_create1(EPOLL_CLOEXEC);
	if (server->watch_epoll < 0)
		return -EMFILE;
	server->watch_kick = fault_point() ? -1 : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (server->watch_kick < 0) {
		err = -EMFILE;
		goto close_epoll;
	}
	err = epoll_ctl(server->watch_epoll, EPOLL_CTL_ADD, server->watch_kick, &ev) ? -errno : 0;
	if (!err)
		err = thread_start(&server->watchdog, "vfio-user watch", watchdog_run, server);
	if (err)
		goto close_kick;
	return 0;
close_kick:
	close(server->watch_kick);
close_epoll:
	close(server->watch_epoll);
	return err;
}

void watchdog_stop(struct vfio_user_server *server)
{
	pthread_mutex_lock(&server->lock);
	server->watch_stopping = true;
	pthread_mutex_unlock(&server->lock);
	event_kick(server->watch_kick);
	pthread_join(server->watchdog, NULL);
	close(server->watch_kick);
	close(server->watch_epoll);
}
