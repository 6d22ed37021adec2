/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sending: replies are put behind each other and sent together when no further request is at hand.
 *
 * The socket blocks, with a time limit: a client that takes nothing for that long is given up.
 */
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

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

static int send_all_parts(struct connection *c, struct iovec *iov, unsigned int n)
{
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = n };

	while (msg.msg_iovlen) {
		ssize_t sent = sendmsg(c->fd, &msg, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0) {
			send_failed(c, errno);
			return -EIO;
		}
		while (msg.msg_iovlen && (size_t)sent >= msg.msg_iov->iov_len) {
			sent -= msg.msg_iov->iov_len;
			msg.msg_iov++;
			msg.msg_iovlen--;
		}
		if (msg.msg_iovlen) {
			msg.msg_iov->iov_base = (uint8_t *)msg.msg_iov->iov_base + sent;
			msg.msg_iov->iov_len -= sent;
		}
	}
	return 0;
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
	if (!err)
		err = send_all_parts(c, iov, n);
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
