/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is asked at the door, and what is answered.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "model/alloc.h"
#include "vfio_user/connection.h"
#include "vfio_user/door_client.h"

/* How many requests are worked on before others get their turn. */
#define REQUESTS_PER_TURN 4

/* Not an answer: it has to wait for one. */
#define WAIT_FOR_IT 1

/* ---- what the core asks of who has a group ---- */

/* The listener is told by the socket, and does the rest. */
static void claim_gone(void *data)
{
	struct door_client *dc = data;

	shutdown(dc->fd, SHUT_RDWR);
}

static void claim_describe(void *data, char *buf, size_t size)
{
	const struct door_client *dc = data;

	snprintf(buf, size, "pid %d (%s)", (int)dc->peer.pid, dc->peer.comm);
}

static const struct vfio_claim_ops claim_ops = {
	.gone = claim_gone,
	.describe = claim_describe,
};

/* ---- the device of another program's, as long as its group is open ---- */

static void remote_request(struct vfio_file *file, unsigned int count)
{
	struct door_client *dc = vfio_file_data(file);

	if (count == 0)
		pr_notice("vfio-user: %s: pid %d (%s) can't be asked to release the device: "
			  "end it, or what it does with the device",
			  dc->ep->name, (int)dc->peer.pid, dc->peer.comm);
}

static void remote_disconnect(struct vfio_file *file)
{
	claim_gone(vfio_file_data(file));
}

static void remote_describe(struct vfio_file *file, char *buf, size_t size)
{
	claim_describe(vfio_file_data(file), buf, size);
}

static const struct vfio_user_ops remote_ops = {
	.request = remote_request,
	.disconnect = remote_disconnect,
	.describe = remote_describe,
};

static int connect_remote(struct door_client *dc)
{
	struct vfio_device *vdev = dc->ep->vdev;
	int err = 0;

	if (!dc->file)
		err = vfio_file_open_claimed(vdev, dc->claim, &remote_ops, dc, &dc->file);
	return err ? err : vdev->ops->connect(vdev);
}

/* ---- answering ---- */

/* Return: false if nobody takes it. */
static bool answer(struct door_client *dc, int err, int fd)
{
	struct vfio_door_reply reply = { .version = VFIO_DOOR_VERSION, .error = -err };
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = { .iov_base = &reply, .iov_len = sizeof(reply) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;
	ssize_t n;

	if (fd >= 0) {
		msg.msg_control = control.buf;
		msg.msg_controllen = sizeof(control.buf);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	}
	do
		n = sendmsg(dc->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n == sizeof(reply);
}

/* ---- the requests ---- */

static struct endpoint *find_group(struct vfio_user_server *server, uint32_t group)
{
	struct endpoint *ep;

	list_for_each_entry (ep, &server->endpoints, link)
		if (ep->vdev && (uint32_t)ep->group == group)
			return ep;
	return NULL;
}

/* Who has hung up lets go soon. */
static int unless_it_has_left(int fd)
{
	return socket_has_hung_up(fd, POLLRDHUP | POLLHUP) ? WAIT_FOR_IT : -EBUSY;
}

/* Take a group whose node may be opened. Return: 0, -errno, WAIT_FOR_IT. */
static int claim_group(struct door_client *dc, struct endpoint *ep)
{
	int err;

	if (ep->claimant)
		return unless_it_has_left(ep->claimant->fd);
	if (ep->holder)
		return unless_it_has_left(ep->holder->fd);
	err = vfio_group_claim(ep->vdev, &claim_ops, dc, &dc->claim);
	if (err)
		return err;
	ep->claimant = dc;
	ep->refs++;
	dc->ep = ep;
	dc->server->door.nr_silent--;
	return 0;
}

static int open_group(struct door_client *dc, const struct vfio_door_request *req)
{
	struct endpoint *ep;
	struct stat st;
	int err;

	if (dc->ep)
		return -EINVAL;
	ep = find_group(dc->server, req->group);
	if (!ep)
		return -ENODEV;
	err = vfio_group_stat(ep->vdev, &st);
	if (!err)
		err = door_rights_check(dc, &st, req->access);
	return err ? err : claim_group(dc, ep);
}

/* Return: a descriptor, -errno. */
static int open_device(struct door_client *dc, const struct vfio_door_request *req)
{
	if (!dc->ep || req->group != (uint32_t)dc->ep->group ||
	    !memchr(req->name, '\0', sizeof(req->name)))
		return -EINVAL;
	if (!dc->ep->vdev || strcmp(req->name, dc->ep->name))
		return -ENODEV;
	if (dc->ep->vdev->ops->connect)
		return connect_remote(dc);
	return endpoint_adopt(dc->ep, &dc->peer, dc->claim);
}

/* Nothing is to be heard of it but that it has hung up, or again everything. */
static void listen_to(struct door_client *dc, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.fd = dc->fd };

	epoll_ctl(dc->server->listen_epoll, EPOLL_CTL_MOD, dc->fd, &ev);
}

/* Return: false when the client is to go. */
static bool work_on(struct door_client *dc, const struct vfio_door_request *req)
{
	int fd = -1, err = -EINVAL;
	bool taken;

	if (req->version != VFIO_DOOR_VERSION) {
		/* The reply says which one there is. */
	} else if (req->command == VFIO_DOOR_OPEN) {
		err = open_group(dc, req);
	} else if (req->command == VFIO_DOOR_DEVICE) {
		fd = open_device(dc, req);
		err = fd < 0 ? fd : 0;
	}
	if (err == WAIT_FOR_IT) {
		dc->waits = dc->server->door.waiting = true;
		dc->wanted = *req;
		dc->until = clock_exact() + dc->server->timeout_ns / 2;
		listen_to(dc, 0);
		return true;
	}
	taken = answer(dc, err, err ? -1 : fd);
	if (fd >= 0)
		close(fd);
	return taken;
}

void door_client_retry(struct door_client *dc)
{
	int err = open_group(dc, &dc->wanted);

	if (err == WAIT_FOR_IT && clock_exact() < dc->until) {
		dc->server->door.waiting = true;
		return;
	}
	dc->waits = false;
	listen_to(dc, EPOLLIN);
	if (!answer(dc, err == WAIT_FOR_IT ? -EBUSY : err, -1))
		door_client_end(dc);
}

/*
 * The request is looked at before it is taken: one that brings descriptors is not taken at all,
 * since closing them may take long. Return: false when the client is to go.
 */
static bool next_request(struct door_client *dc, bool *more)
{
	struct vfio_door_request req;
	ssize_t len;

	*more = false;
	switch (socket_peek(dc->fd, SOCK_SEQPACKET, &req, sizeof(req), &len)) {
	case SOCKET_QUIET:
		return true;
	case SOCKET_HAS_MESSAGE:
		break;
	default:
		return false;
	}
	if (len != sizeof(req) || recv(dc->fd, &req, sizeof(req), MSG_DONTWAIT) != len)
		return false;
	*more = true;
	return work_on(dc, &req);
}

static void client_ready(struct vfio_user_server *server, struct watched *watched)
{
	struct door_client *dc = container_of(watched, struct door_client, watched);
	bool stays = true, more = true;

	if (dc->waits)
		stays = !socket_has_hung_up(dc->fd, POLLHUP);
	for (int i = 0; i < REQUESTS_PER_TURN && stays && more && !dc->waits; i++)
		stays = next_request(dc, &more);
	if (!stays)
		door_client_end(dc);
}

int door_client_keeps_out(const struct door_client *dc, const struct vfio_claim *claim)
{
	return dc && dc->claim != claim ? dc->fd : -1;
}

/* ---- coming and going ---- */

int door_client_create(struct vfio_user_server *server, int fd)
{
	struct ucred cred = { 0 };
	socklen_t len = sizeof(cred);
	struct door_client *dc;
	int err;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len)) {
		err = -EPERM;
		goto leave;
	}
	dc = zalloc(sizeof(*dc));
	if (!dc) {
		err = -ENOMEM;
		goto leave;
	}
	dc->watched.ready = client_ready;
	dc->server = server;
	dc->fd = fd;
	dc->uid = cred.uid;
	dc->gid = cred.gid;
	peer_identify(fd, &dc->peer);
	err = server_watch(server, fd, &dc->watched);
	if (err)
		goto free;
	list_add_tail(&dc->link, &server->door.clients);
	server->door.nr_silent++;
	return 0;
free:
	free(dc);
leave:
	socket_leave(fd);
	return err;
}

/*
 * Connections that were to open the device with this claim don't get it any more. Who has it keeps
 * it.
 */
static void end_adopted(const struct door_client *dc)
{
	struct connection *c;

	list_for_each_entry (c, &dc->server->connections, link)
		if (c->claim == dc->claim && dc->ep->holder != c)
			shutdown(c->fd, SHUT_RDWR);
}

void door_client_end(struct door_client *dc)
{
	struct vfio_user_server *server = dc->server;

	if (dc->ep) {
		if (dc->file)
			vfio_file_close(dc->file);
		end_adopted(dc);
		vfio_group_release(dc->claim);
		dc->ep->claimant = NULL;
		endpoint_put(dc->ep);
		/* Who has seen that it has hung up waits for this. */
		pthread_cond_broadcast(&server->cond);
	} else {
		server->door.nr_silent--;
	}
	server_unwatch(server, dc->fd);
	list_del_init(&dc->link);
	socket_leave(dc->fd);
	free(dc);
}
