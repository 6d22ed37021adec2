/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * DMA_READ and DMA_WRITE: reaching the client's memory that has no descriptor, over the socket that
 * its requests come in on, if it has no twin (twin.c).
 *
 * Whoever waits for a reply reads the socket, if nobody else does: the connection's own thread may
 * be the one that waits, or may be in a callback that waits for a driver's thread. Requests that
 * come meanwhile stay in the receive buffer, in their order.
 */
#include <poll.h>
#include <string.h>
#include <sys/uio.h>

#include "vfio_user/connection.h"

/**
 * struct dma_request - a DMA_READ or DMA_WRITE that waits for its reply; under connection.lock, on
 * its sender's stack
 * @link:   in connection.dma_requests
 * @data:   where a DMA_READ's data goes
 * @done:   the reply has come, @err is what it says
 */
struct dma_request {
	struct list_head link;
	uint16_t id;
	uint16_t command;
	struct vfio_user_dma_access access;
	void *data;
	bool done;
	int err;
};

static struct dma_request *find_request(struct connection *c, const struct vfio_user_header *hdr)
{
	struct dma_request *r;

	list_for_each_entry (r, &c->dma_requests, link)
		if (r->id == hdr->id && r->command == hdr->command && !r->done)
			return r;
	return NULL;
}

static uint32_t reply_size(const struct dma_request *r)
{
	uint32_t size = sizeof(struct vfio_user_header) + sizeof(r->access);

	return r->command == VFIO_USER_DMA_READ ? size + r->access.count : size;
}

uint32_t dma_request_limit(struct connection *c, const struct vfio_user_header *hdr)
{
	struct dma_request *r = find_request(c, hdr);

	return r ? reply_size(r) : 0;
}

int dma_request_deliver(struct connection *c, const struct vfio_user_header *hdr,
			const uint8_t *payload)
{
	struct dma_request *r = find_request(c, hdr);
	struct vfio_user_dma_access access;

	if (!r)
		return -EPROTO;
	r->done = true;
	if (hdr->flags & VFIO_USER_F_ERROR) {
		r->err = -EFAULT;
		return 0;
	}
	r->err = -EIO;
	if (hdr->size != reply_size(r))
		return -EPROTO;
	memcpy(&access, payload, sizeof(access));
	if (access.address != r->access.address || access.count != r->access.count)
		return -EPROTO;
	if (r->data)
		memcpy(r->data, payload + sizeof(access), access.count);
	r->err = 0;
	return 0;
}

/* Read the socket until @r is answered, or somebody else wants to. lock held, reader. */
static void read_for(struct connection *c, struct dma_request *r, uint64_t until)
{
	c->reader = true;
	while (!r->done && !c->dead && !c->rx.eof && !c->rx.broken) {
		struct pollfd pfd = { .fd = c->fd, .events = POLLIN };
		uint64_t now = clock_exact();
		struct timespec ts;
		uint64_t left;

		if (now >= until)
			break;
		left = until - now;
		ts.tv_sec = left / 1000000000;
		ts.tv_nsec = left % 1000000000;
		pthread_mutex_unlock(&c->lock);
		ppoll(&pfd, 1, &ts, NULL);
		pthread_mutex_lock(&c->lock);
		rx_poll(c);
		if (c->waiters)
			pthread_cond_broadcast(&c->cond);
		if (c->taken)
			event_kick(c->server->watch_kick);
	}
	c->reader = false;
	if (c->waiters)
		pthread_cond_broadcast(&c->cond);
}

/* Wait for the reply. lock held. Return: what it says, -EIO without one. */
static int wait_reply(struct connection *c, struct dma_request *r)
{
	uint64_t until = clock_exact() + c->server->timeout_ns * DMA_PATIENCE;

	while (!r->done) {
		if (c->dead || c->rx.eof || c->rx.broken)
			return -EIO;
		if (clock_exact() >= until) {
			pr_err("vfio-user: %s: disconnecting the client (pid %d, %s): it does not "
			       "answer to %s of %llu bytes at 0x%llx",
			       c->ep->name, (int)c->peer.pid, c->peer.comm,
			       r->command == VFIO_USER_DMA_READ ? "DMA_READ" : "DMA_WRITE",
			       (unsigned long long)r->access.count,
			       (unsigned long long)r->access.address);
			connection_kill(c);
			return -EIO;
		}
		if (c->reader)
			connection_wait(c, until);
		else
			read_for(c, r, until);
	}
	return r->err;
}

/* One message and its reply. @out: data of a DMA_WRITE, @in: room for a DMA_READ's. */
static int dma_transfer(struct connection *c, uint16_t command, uint64_t address, size_t count,
			const void *out, void *in)
{
	struct dma_request r = { .command = command,
				 .access = { .address = address, .count = count },
				 .data = in };
	struct vfio_user_header hdr = { .command = command };
	struct iovec iov[] = {
		{ .iov_base = &hdr, .iov_len = sizeof(hdr) },
		{ .iov_base = &r.access, .iov_len = sizeof(r.access) },
		{ .iov_base = (void *)out, .iov_len = out ? count : 0 },
	};
	int err;

	if (c->twin >= 0)
		return twin_transfer(c, command, address, count, out, in);
	hdr.size = sizeof(hdr) + sizeof(r.access) + iov[2].iov_len;
	pthread_mutex_lock(&c->lock);
	if (c->dead || c->rx.eof || c->rx.broken) {
		pthread_mutex_unlock(&c->lock);
		return -EIO;
	}
	do
		hdr.id = r.id = c->next_id++;
	while (find_request(c, &hdr));
	list_add_tail(&r.link, &c->dma_requests);
	pthread_mutex_unlock(&c->lock);

	err = send_message(c, iov, out ? 3 : 2);

	pthread_mutex_lock(&c->lock);
	if (!err)
		err = wait_reply(c, &r);
	list_del_init(&r.link);
	pthread_mutex_unlock(&c->lock);
	return err;
}

int connection_dma_read(struct vfio_file *file, uint64_t iova, void *data, size_t len)
{
	struct connection *c = vfio_file_data(file);
	int err = 0;

	while (len && !err) {
		size_t n = len < c->max_xfer ? len : c->max_xfer;

		err = dma_transfer(c, VFIO_USER_DMA_READ, iova, n, NULL, data);
		iova += n;
		data = (uint8_t *)data + n;
		len -= n;
	}
	return err;
}

int connection_dma_write(struct vfio_file *file, uint64_t iova, const void *data, size_t len)
{
	struct connection *c = vfio_file_data(file);
	int err = 0;

	while (len && !err) {
		size_t n = len < c->max_xfer ? len : c->max_xfer;

		err = dma_transfer(c, VFIO_USER_DMA_WRITE, iova, n, data, NULL);
		iova += n;
		data = (const uint8_t *)data + n;
		len -= n;
	}
	return err;
}
