/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sending: replies are put behind each other and sent together when no further request is at hand.
 *
 * The socket blocks, with a time limit: a client that takes nothing for that long is given up.
 */
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "model/alloc.h"
#include "vfio_user/connection.h"

#define REPLY_HEADER sizeof(struct vfio_user_header)

int tx_init(struct tx *tx)
{
	tx->buf = fault_point() ? NULL : malloc(TX_INITIAL);
	if (!tx->buf)
		return -ENOMEM;
	tx->cap = TX_INITIAL;
	return 0;
}

/* The client is gone or takes nothing: who reads the socket will see its end. */
static void send_failed(struct connection *c, int error)
{
	if (error != EPIPE && error != ECONNRESET)
		pr_warn("vfio-user: %s: disconnecting the client (pid %d, %s): it takes no "
			"messages: %s",
			c->ep->name, (int)c->peer.pid, c->peer.comm, strerror(error));
	shutdown(c->fd, SHUT_RDWR);
}

/* Send all of it. tx_lock held. Return: 0, -EIO. */
static int send_all(struct connection *c, const uint8_t *buf, size_t size)
{
	while (size) {
		ssize_t n = send(c->fd, buf, size, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			send_failed(c, errno);
			return -EIO;
		}
		buf += n;
		size -= n;
	}
	return 0;
}

void iov_advance(struct iovec **iov, unsigned int *n, size_t len)
{
	while (*n && len >= (*iov)->iov_len) {
		len -= (*iov)->iov_len;
		++*iov;
		--*n;
	}
	if (*n) {
		(*iov)->iov_base = (uint8_t *)(*iov)->iov_base + len;
		(*iov)->iov_len -= len;
	}
}

/* Wait for room in the socket. Return: 0, -ETIMEDOUT. */
static int wait_for_room(int fd, uint64_t until)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };
	uint64_t now = clock_exact(), left;
	struct timespec ts;

	if (now >= until)
		return -ETIMEDOUT;
	left = until - now;
	ts.tv_sec = left / 1000000000;
	ts.tv_nsec = left % 1000000000;
	ppoll(&pfd, 1, &ts, NULL);
	return 0;
}

/* A send() that waits begins its time limit anew with each piece that the other side takes. */
int send_all_parts(int fd, struct iovec *iov, unsigned int n, uint64_t until)
{
	int err = 0;

	while (n && !err) {
		struct msghdr msg = { .msg_iov = iov, .msg_iovlen = n };
		ssize_t sent = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent >= 0)
			iov_advance(&iov, &n, sent);
		else if (errno == EAGAIN)
			err = wait_for_room(fd, until);
		else if (errno != EINTR)
			err = -errno;
	}
	return err;
}

/* Send what waits. tx_lock held. */
static int flush_locked(struct connection *c)
{
	struct tx *tx = &c->tx;
	int err = 0;

	if (tx->head != tx->tail)
		err = send_all(c, tx->buf + tx->head, tx->tail - tx->head);
	/* After an error the connection ends: nothing of it may be sent again. */
	tx->head = tx->tail;
	return err;
}

void reply_flush(struct connection *c)
{
	pthread_mutex_lock(&c->tx_lock);
	flush_locked(c);
	pthread_mutex_unlock(&c->tx_lock);
}

bool reply_flush_now(struct connection *c)
{
	struct tx *tx = &c->tx;

	while (tx->head != tx->tail) {
		ssize_t n = send(c->fd, tx->buf + tx->head, tx->tail - tx->head,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return false;
		if (n <= 0) {
			send_failed(c, errno);
			tx->head = tx->tail;
			return true;
		}
		tx->head += n;
	}
	return true;
}

int send_message(struct connection *c, struct iovec *iov, unsigned int n)
{
	int err;

	pthread_mutex_lock(&c->tx_lock);
	err = flush_locked(c);
	if (err)
		goto unlock;
	err = send_all_parts(c->fd, iov, n, clock_exact() + c->server->timeout_ns * DMA_PATIENCE);
	if (err) {
		send_failed(c, -err);
		err = -EIO;
	}
unlock:
	pthread_mutex_unlock(&c->tx_lock);
	return err;
}

void reply_begin(struct connection *c, struct reply *reply)
{
	struct tx *tx = &c->tx;

	pthread_mutex_lock(&c->tx_lock);
	if (tx->head == tx->tail || tx->cap - tx->tail < REPLY_HEADER + REPLY_SMALL) {
		flush_locked(c);
		tx->head = tx->tail = 0;
	}
	reply->payload = tx->buf + tx->tail + REPLY_HEADER;
	pthread_mutex_unlock(&c->tx_lock);
	reply->size = 0;
	reply->fd = -1;
	reply->give_fd = false;
}

int reply_room(struct connection *c, struct reply *reply, size_t size)
{
	struct tx *tx = &c->tx;
	int err = 0;

	if (size <= REPLY_SMALL)
		return 0;
	size += REPLY_HEADER;
	pthread_mutex_lock(&c->tx_lock);
	if (tx->cap - tx->tail < size) {
		flush_locked(c);
		tx->head = tx->tail = 0;
	}
	if (tx->cap < size) {
		uint8_t *buf = fault_point() ? NULL : malloc(size);

		if (buf) {
			free(tx->buf);
			tx->buf = buf;
			tx->cap = size;
		} else {
			err = -ENOMEM;
		}
	}
	reply->payload = tx->buf + tx->tail + REPLY_HEADER;
	pthread_mutex_unlock(&c->tx_lock);
	return err;
}

/* Send a reply with a descriptor, which has to come with the reply's first byte. tx_lock held. */
static void send_with_fd(struct connection *c, const uint8_t *msg, size_t size, int fd)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)msg, .iov_len = size };
	struct msghdr hdr = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.buf,
			      .msg_controllen = sizeof(control.buf) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&hdr);
	ssize_t n;

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	if (flush_locked(c))
		return;
	do
		n = sendmsg(c->fd, &hdr, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		send_failed(c, errno);
	else
		send_all(c, msg + n, size - n);
}

void reply_commit(struct connection *c, const struct request *req, struct reply *reply, int error)
{
	struct tx *tx = &c->tx;
	struct vfio_user_header hdr = {
		.id = req->hdr.id,
		.command = req->hdr.command,
		.size = REPLY_HEADER + (error ? 0 : reply->size),
		.flags = VFIO_USER_F_REPLY | (error ? VFIO_USER_F_ERROR : 0),
		.error = error,
	};
	uint8_t *msg;

	pthread_mutex_lock(&c->tx_lock);
	msg = tx->buf + tx->tail;
	memcpy(msg, &hdr, sizeof(hdr));
	if (!error && reply->fd >= 0)
		send_with_fd(c, msg, hdr.size, reply->fd);
	else
		tx->tail += hdr.size;
	pthread_mutex_unlock(&c->tx_lock);
}

void reply_drop_fd(struct reply *reply)
{
	if (reply->give_fd && reply->fd >= 0)
		close(reply->fd);
}
