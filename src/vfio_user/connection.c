/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A connection from its beginning to its end, and its thread.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <umdev/vfio_ap.h>

#include "model/alloc.h"
#include "vfio_user/connection.h"
#include "vfio_user/door_client.h"

/* ---- what the core asks of the client ---- */

/* Has it armed the interrupt by which the driver asks? */
static bool hears_requests(const struct vfio_file *file)
{
	struct vfio_device *vdev = vfio_file_device(file);

	if (vdev->flags & VFIO_DEVICE_FLAGS_PCI)
		return vfio_irq_is_armed(vdev, VFIO_PCI_REQ_IRQ_INDEX, 0);
	return (vdev->flags & VFIO_DEVICE_FLAGS_AP) &&
	       vfio_irq_is_armed(vdev, VFIO_AP_REQ_IRQ_INDEX, 0);
}

static void connection_request(struct vfio_file *file, unsigned int count)
{
	struct connection *c = vfio_file_data(file);

	if (count == 0 && !hears_requests(file))
		pr_notice("vfio-user: %s: the client (pid %d, %s) can't be asked to release the "
			  "device: unplug it there, or end the client",
			  c->ep->name, (int)c->peer.pid, c->peer.comm);
}

static void connection_disconnect(struct vfio_file *file)
{
	struct connection *c = vfio_file_data(file);

	pthread_mutex_lock(&c->lock);
	connection_kill(c);
	pthread_mutex_unlock(&c->lock);
}

static void connection_describe(struct vfio_file *file, char *buf, size_t size)
{
	struct connection *c = vfio_file_data(file);

	snprintf(buf, size, "pid %d (%s)", (int)c->peer.pid, c->peer.comm);
}

static const struct vfio_user_ops user_ops = {
	.request = connection_request,
	.dma_read = connection_dma_read,
	.dma_write = connection_dma_write,
	.disconnect = connection_disconnect,
	.describe = connection_describe,
};

/* ---- opening and closing the device ---- */

/*
 * The socket of who is in the way: the device's user, or who has its group and is somebody else; -1
 * for nobody. server.lock held.
 */
static int in_the_way(const struct connection *c)
{
	const struct endpoint *ep = c->ep;

	if (ep->holder)
		return ep->holder->fd;
	return door_client_keeps_out(ep->claimant, c->claim);
}

/*
 * Wait until nobody has the device, if who has had it has gone already, but not as long as would be
 * too late for an answer. server.lock held. Return: 0, -EBUSY, -ENODEV, -EPIPE.
 */
static int wait_for_device(struct connection *c)
{
	struct vfio_user_server *server = c->server;
	struct endpoint *ep = c->ep;
	uint64_t until = clock_exact() + server->timeout_ns / 2;
	struct timespec ts = { .tv_sec = until / 1000000000, .tv_nsec = until % 1000000000 };
	int other;

	while (ep->vdev && (other = in_the_way(c)) >= 0) {
		if (!socket_has_hung_up(other, POLLRDHUP | POLLHUP))
			return -EBUSY;
		if (pthread_cond_timedwait(&server->cond, &server->lock, &ts))
			return -EBUSY;
	}
	if (!ep->vdev)
		return -ENODEV;
	/* The device is not to be opened for somebody who is not there any more. */
	return socket_has_hung_up(c->fd, POLLHUP) ? -EPIPE : 0;
}

/* Remember what is asked for at each access. */
static int read_region_sizes(struct connection *c)
{
	struct vfio_device_info info = { 0 };

	vfio_file_get_info(c->file, &info);
	c->region_sizes = zalloc_array(info.num_regions ? info.num_regions : 1, sizeof(uint64_t));
	if (!c->region_sizes)
		return -ENOMEM;
	c->nr_regions = info.num_regions;
	c->tell_errors = c->claim || info.flags & VFIO_DEVICE_FLAGS_CCW;
	for (unsigned int i = 0; i < c->nr_regions; i++) {
		struct vfio_region_info region = { 0 };

		if (!vfio_file_get_region_info(c->file, i, &region, sizeof(region), NULL))
			c->region_sizes[i] = region.size;
	}
	return 0;
}

/* server.lock held. */
static void no_longer_waiting(const struct connection *c)
{
	c->ep->waiting--;
	if (c->claim)
		c->ep->adopted--;
}

int connection_open_device(struct connection *c)
{
	struct vfio_user_server *server = c->server;
	struct endpoint *ep = c->ep;
	struct vfio_file *file = NULL;
	struct vfio_device *vdev;
	int err;

	pthread_mutex_lock(&server->lock);
	err = wait_for_device(c);
	if (err) {
		pthread_mutex_unlock(&server->lock);
		return err;
	}
	ep->holder = c;
	ep->opening = true;
	vdev = ep->vdev;
	pthread_mutex_unlock(&server->lock);

	err = vfio_file_open_claimed(vdev, c->claim, &user_ops, c, &file);
	if (!err) {
		c->file = file;
		err = read_region_sizes(c);
	}

	pthread_mutex_lock(&server->lock);
	ep->opening = false;
	if (file)
		no_longer_waiting(c);
	else
		ep->holder = NULL;
	pthread_cond_broadcast(&server->cond);
	pthread_mutex_unlock(&server->lock);
	return err;
}

/* ---- its thread ---- */

int connection_wait(struct connection *c, uint64_t until)
{
	struct timespec ts = { .tv_sec = until / 1000000000, .tv_nsec = until % 1000000000 };
	int ret;

	c->waiters++;
	if (until)
		ret = pthread_cond_timedwait(&c->cond, &c->lock, &ts);
	else
		ret = pthread_cond_wait(&c->cond, &c->lock);
	c->waiters--;
	return ret;
}

/* lock held. */
static void hang_up(struct connection *c)
{
	shutdown(c->fd, SHUT_RDWR);
	if (c->twin >= 0)
		shutdown(c->twin, SHUT_RDWR);
}

void connection_hang_up(struct connection *c)
{
	pthread_mutex_lock(&c->lock);
	hang_up(c);
	pthread_mutex_unlock(&c->lock);
}

void connection_kill(struct connection *c)
{
	c->dead = true;
	hang_up(c);
	pthread_cond_broadcast(&c->cond);
}

/* Take a request that was answered before it could be done. lock held. */
static bool take_deferred(struct connection *c, struct request *req)
{
	struct deferred *d;

	if (list_empty(&c->deferred))
		return false;
	d = list_first_entry(&c->deferred, struct deferred, link);
	list_del_init(&d->link);
	c->nr_deferred--;
	c->nr_deferred_fds -= d->req.nr_fds;
	c->current_deferred = d;
	*req = d->req;
	req->arrived = clock_coarse();
	return true;
}

/* Wait for the next request. Return: false when the connection is over. */
static bool next_request(struct connection *c, struct request *req)
{
	bool flushed = false, got = false;

	if (c->refused)
		return false;
	pthread_mutex_lock(&c->lock);
	rx_release(&c->rx);
	free(c->current_deferred);
	c->current_deferred = NULL;
	while (!c->dead) {
		got = take_deferred(c, req) || rx_take(c, req);
		if (got || c->rx.eof || c->rx.broken)
			break;
		if (!flushed) {
			pthread_mutex_unlock(&c->lock);
			reply_flush(c);
			flushed = true;
			pthread_mutex_lock(&c->lock);
		} else if (c->reader) {
			connection_wait(c, 0);
		} else {
			rx_wait(c);
		}
	}
	pthread_mutex_unlock(&c->lock);
	if (got) {
		c->burst.messages++;
		if (request_wants_reply(req))
			c->burst.posted_only = false;
	}
	return got;
}

static void free_deferred(struct connection *c)
{
	struct deferred *d, *next;

	list_for_each_entry_safe (d, next, &c->deferred, link) {
		list_del_init(&d->link);
		request_close_fds(&d->req);
		free(d);
	}
	free(c->current_deferred);
	c->current_deferred = NULL;
}

/* The client is gone, or has to go: let go of the device, then let others see that. */
static void end_connection(struct connection *c)
{
	struct vfio_user_server *server = c->server;
	struct endpoint *ep = c->ep;

	reply_flush(c);
	pthread_mutex_lock(&c->lock);
	connection_kill(c);
	pthread_mutex_unlock(&c->lock);
	if (c->file) {
		vfio_file_close(c->file);
		pr_info("vfio-user: %s: pid %d (%s) has disconnected", ep->name, (int)c->peer.pid,
			c->peer.comm);
	}
	free_deferred(c);
	rx_finish(&c->rx);
	twin_finish(c);

	/* Who gets the device after this finds nothing left of it. */
	pthread_mutex_lock(&server->lock);
	socket_leave(c->fd);
	if (c->twin >= 0)
		socket_leave(c->twin);
	if (ep->holder == c)
		ep->holder = NULL;
	else
		no_longer_waiting(c);
	endpoint_put(ep);
	list_del_init(&c->link);
	list_add_tail(&c->link, &server->finished);
	pthread_cond_broadcast(&server->cond);
	pthread_mutex_unlock(&server->lock);
	event_kick(server->kick);
}

static void *connection_run(void *arg)
{
	struct connection *c = arg;

	while (next_request(c, &c->current))
		request_run(c, &c->current);
	end_connection(c);
	return NULL;
}

/* ---- creating and freeing ---- */

static void connection_free(struct connection *c)
{
	vfio_claim_put(c->claim);
	rx_finish(&c->rx);
	free(c->tx.buf);
	free(c->region_sizes);
	pthread_mutex_destroy(&c->twin_lock);
	pthread_mutex_destroy(&c->tx_lock);
	pthread_cond_destroy(&c->cond);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

void connection_reap(struct connection *c)
{
	pthread_join(c->thread, NULL);
	connection_free(c);
}

static struct connection *connection_alloc(struct endpoint *ep, int fd)
{
	struct connection *c = zalloc(sizeof(*c));
	pthread_condattr_t attr;

	if (!c)
		return NULL;
	c->server = ep->server;
	c->ep = ep;
	c->fd = fd;
	c->twin = -1;
	c->max_xfer = VFIO_USER_MAX_DATA_XFER;
	c->received = clock_coarse();
	pthread_mutex_init(&c->lock, NULL);
	pthread_mutex_init(&c->tx_lock, NULL);
	pthread_mutex_init(&c->twin_lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->cond, &attr);
	pthread_condattr_destroy(&attr);
	INIT_LIST_HEAD(&c->link);
	INIT_LIST_HEAD(&c->dma_requests);
	INIT_LIST_HEAD(&c->deferred);
	return c;
}

int connection_create(struct endpoint *ep, int fd, const struct peer *peer,
		      struct vfio_claim *claim)
{
	struct vfio_user_server *server = ep->server;
	struct timeval limit = { .tv_sec = server->timeout_ns / 1000000000,
				 .tv_usec = server->timeout_ns % 1000000000 / 1000 };
	struct connection *c = connection_alloc(ep, fd);
	int err;

	if (!c) {
		socket_leave(fd);
		return -ENOMEM;
	}
	err = rx_init(&c->rx);
	if (!err)
		err = tx_init(&c->tx);
	if (!err && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)))
		err = -errno;
	if (err)
		goto free;
	if (peer)
		c->peer = *peer;
	else
		peer_identify(fd, &c->peer);
	c->claim = vfio_claim_get(claim);
	/* server.lock keeps the thread from ending before it is known. */
	err = thread_start(&c->thread, "vfio-user", connection_run, c);
	if (err)
		goto free;
	ep->refs++;
	ep->waiting++;
	if (claim)
		ep->adopted++;
	if (list_empty(&server->connections))
		event_kick(server->watch_kick);
	list_add_tail(&c->link, &server->connections);
	return 0;
free:
	connection_free(c);
	socket_leave(fd);
	return err;
}
