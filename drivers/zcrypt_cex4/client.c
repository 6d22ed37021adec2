/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../common/loop.h"
#include "server.h"
#include "zcrypt.h"

/* Connections of one user, and of all. */
#define CLIENTS_OF_USER 256
#define CLIENTS_OF_ALL	1024

/* The most descriptors that a message can have: the kernel's SCM_MAX_FD. */
#define FDS_MAX 253

/*
 * What a client is at. One after the other, but that CLIENT_AWAY and CLIENT_REPLYING are left out
 * where there is nothing to wait for.
 */
enum client_state {
	CLIENT_IDLE,	 /* waits for a message */
	CLIENT_AWAY,	 /* its request is with a queue */
	CLIENT_REPLYING, /* there is a reply for which it has no room yet */
};

/**
 * struct client - a connection; all of it is the thread's, but @req while that is away
 * @turn:   look at the socket again, after others
 * @back:   the request has come back
 * @header: what came before the request, then what goes before the reply
 * @buf:    ZCRYPT_MESSAGE_MAX bytes for request and reply
 * @used:   so much of that was written to at most
 * @reply_len: what of that is to be sent
 */
struct client {
	struct watch watch;
	struct server_task turn;
	struct server_task back;
	enum client_state state;
	int fd;
	uid_t uid;
	struct zcrypt_request req;
	union {
		struct zcrypt_request_header request;
		struct zcrypt_reply_header reply;
	} header;
	uint8_t *buf;
	size_t used;
	size_t reply_len;
	struct list_head list;
};

static LIST_HEAD(clients);

/* ---- the end of one ---- */

/* Nothing is left in the socket that somebody would have to close. */
static bool is_empty(int fd)
{
	/* The sender comes with every message, also with an empty one, which is no end. */
	char control[CMSG_SPACE(sizeof(struct ucred))]
		__attribute__((aligned(__alignof__(struct cmsghdr))));
	struct msghdr msg = { .msg_control = control, .msg_controllen = sizeof(control) };

	/* From here on nothing comes any more. */
	shutdown(fd, SHUT_RDWR);
	return recvmsg(fd, &msg, MSG_PEEK | MSG_DONTWAIT) == 0 && !msg.msg_controllen;
}

static void close_connection(int fd)
{
	if (is_empty(fd))
		close(fd);
	else
		leave_fds(&fd, 1);
}

static void client_destroy(struct client *c)
{
	if (c->state == CLIENT_AWAY) {
		zcrypt_cancel(&c->req);
		zcrypt_finish(&c->req);
	}
	server_not_due(&c->turn);
	server_not_due(&c->back);
	loop_forget(c->fd);
	close_connection(c->fd);
	list_del_init(&c->list);
	explicit_bzero(c->buf, c->used);
	free(c->buf);
	free(c);
	server_has_room();
}

void client_destroy_all(void)
{
	while (!list_empty(&clients))
		client_destroy(list_first_entry(&clients, struct client, list));
}

/* ---- the reply ---- */

static void send_reply(struct client *c)
{
	struct iovec iov[] = {
		{ .iov_base = &c->header.reply, .iov_len = sizeof(c->header.reply) },
		{ .iov_base = c->buf, .iov_len = c->reply_len },
	};
	const struct msghdr msg = { .msg_iov = iov, .msg_iovlen = ARRAY_SIZE(iov) };

	/* Who does not take it hears nothing else; who is gone is seen by the next recvmsg(). */
	if (sendmsg(c->fd, &msg, MSG_NOSIGNAL) < 0 && errno == EAGAIN) {
		c->state = CLIENT_REPLYING;
		return;
	}
	/* There may be keys in it. */
	explicit_bzero(c->buf, c->used);
	c->used = 0;
	c->state = CLIENT_IDLE;
	/* Messages that are there already don't tell. */
	server_due(&c->turn);
}

/* @error: an errno, or 0: with what is in the buffer. */
static void reply(struct client *c, int error)
{
	int qid = c->req.qid;
	uint64_t tag = c->header.request.tag;

	c->reply_len = error ? 0 : c->req.msg.len;
	c->header.reply = (struct zcrypt_reply_header) {
		.version = ZCRYPT_VERSION,
		.card = qid < 0 ? ZCRYPT_ANY : (uint16_t)AP_QID_CARD((unsigned int)qid),
		.domain = qid < 0 ? ZCRYPT_ANY : (uint16_t)AP_QID_QUEUE((unsigned int)qid),
		.tag = tag,
		.error = (uint32_t)error,
	};
	send_reply(c);
}

/* ---- the request ---- */

static void request_done(struct zcrypt_request *req)
{
	server_due(&container_of(req, struct client, req)->back);
}

static void send_request(struct client *c)
{
	int err;

	c->state = CLIENT_AWAY;
	err = zcrypt_send(&c->req);
	if (err)
		reply(c, -err);
}

static void client_back(struct server_task *task)
{
	struct client *c = container_of(task, struct client, back);
	int err = zcrypt_finish(&c->req);

	if (err == -EAGAIN)
		send_request(c);
	else {
		if (!err && c->req.msg.len > c->used)
			c->used = c->req.msg.len;
		reply(c, -err);
	}
}

static int check_header(const struct zcrypt_request_header *h)
{
	if (h->version != ZCRYPT_VERSION || h->reserved)
		return -EINVAL;
	if ((h->card != ZCRYPT_ANY && h->card >= AP_DEVICES) ||
	    (h->domain != ZCRYPT_ANY && h->domain >= AP_DOMAINS))
		return -EINVAL;
	return 0;
}

/* @len: of the message, which may be more than there is room for */
static void take_message(struct client *c, size_t len)
{
	struct zcrypt_request_header *h = &c->header.request;
	int err = 0;

	c->req.qid = -1;
	c->req.again = 0;
	if (len < sizeof(*h)) {
		h->tag = 0;
		err = -EINVAL;
	} else if (len - sizeof(*h) > ZCRYPT_MESSAGE_MAX) {
		c->used = ZCRYPT_MESSAGE_MAX;
		err = -EMSGSIZE;
	} else {
		c->req.len = len - sizeof(*h);
		c->used = c->req.len;
		err = check_header(h);
	}
	if (err) {
		reply(c, -err);
		return;
	}
	c->req.card = h->card;
	c->req.domain = h->domain;
	zcrypt_weigh(&c->req);
	send_request(c);
}

/* All descriptors that came with a message. Return: how many. */
static size_t find_fds(struct msghdr *msg, int *fds)
{
	struct cmsghdr *cmsg;
	size_t len, nr = 0;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		len = cmsg->cmsg_len - CMSG_LEN(0);
		memcpy(fds, CMSG_DATA(cmsg), len);
		nr = len / sizeof(*fds);
	}
	return nr;
}

static ssize_t receive(struct client *c, struct msghdr *msg)
{
	ssize_t len;

	do
		len = recvmsg(c->fd, msg, MSG_TRUNC | MSG_CMSG_CLOEXEC);
	while (len < 0 && errno == EINTR);
	return len;
}

static void receive_message(struct client *c)
{
	char control[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(FDS_MAX * sizeof(int))]
		__attribute__((aligned(__alignof__(struct cmsghdr))));
	struct iovec iov[] = {
		{ .iov_base = &c->header.request, .iov_len = sizeof(c->header.request) },
		{ .iov_base = c->buf, .iov_len = ZCRYPT_MESSAGE_MAX },
	};
	struct msghdr msg = { .msg_iov = iov,
			      .msg_iovlen = ARRAY_SIZE(iov),
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	int fds[FDS_MAX];
	ssize_t len = receive(c, &msg);
	size_t nr;

	if (len < 0 && errno == EAGAIN)
		return;
	nr = len < 0 ? 0 : find_fds(&msg, fds);
	if (nr)
		leave_fds(fds, nr);
	if (len < 0 || nr || !msg.msg_controllen)
		client_destroy(c);
	else
		take_message(c, (size_t)len);
}

/* ---- its turn ---- */

/* Nobody waits for the reply any more. */
static bool is_hung_up(const struct client *c)
{
	struct pollfd fd = { .fd = c->fd };

	return poll(&fd, 1, 0) == 1 && (fd.revents & (POLLHUP | POLLERR));
}

static void client_look(struct client *c)
{
	if (c->state == CLIENT_IDLE)
		receive_message(c);
	else if (is_hung_up(c))
		client_destroy(c);
	else if (c->state == CLIENT_REPLYING)
		send_reply(c);
}

static void client_ready(struct watch *watch)
{
	client_look(container_of(watch, struct client, watch));
}

static void client_turn(struct server_task *task)
{
	client_look(container_of(task, struct client, turn));
}

/* ---- the beginning of one ---- */

static bool has_room_for(uid_t uid)
{
	struct client *c;
	unsigned int of_user = 0, of_all = 0;

	list_for_each_entry (c, &clients, list) {
		of_user += c->uid == uid;
		of_all++;
	}
	return of_user < CLIENTS_OF_USER && of_all < CLIENTS_OF_ALL;
}

static int get_user(int fd, uid_t *uid)
{
	struct ucred cred;
	socklen_t size = sizeof(cred);
	const int on = 1;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) ||
	    setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)))
		return -errno;
	*uid = cred.uid;
	return has_room_for(cred.uid) ? 0 : -EUSERS;
}

int client_create(int fd)
{
	struct client *c = calloc(1, sizeof(*c));
	int err = -ENOMEM;

	if (!c)
		goto leave;
	err = get_user(fd, &c->uid);
	if (err)
		goto free;
	c->buf = malloc(ZCRYPT_MESSAGE_MAX);
	if (!c->buf) {
		err = -ENOMEM;
		goto free;
	}
	c->fd = fd;
	c->state = CLIENT_IDLE;
	c->watch.ready = client_ready;
	c->turn.run = client_turn;
	c->back.run = client_back;
	c->req.done = request_done;
	c->req.msg.msg = c->buf;
	c->req.msg.bufsize = ZCRYPT_MESSAGE_MAX;
	err = loop_add(&c->watch, fd);
	if (err)
		goto buf;
	list_add_tail(&c->list, &clients);
	return 0;

buf:
	free(c->buf);
free:
	free(c);
leave:
	close_connection(fd);
	return err;
}
