/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A device's socket in the file system, and who comes to it.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "model/alloc.h"
#include "vfio_user/connection.h"

/* Clients that have connected but not said VERSION yet, per device and way of connecting. */
#define MAX_WAITING 8

static void endpoint_ready(struct vfio_user_server *server, struct watched *watched)
{
	struct endpoint *ep = container_of(watched, struct endpoint, watched);
	int fd = server_accept(server, ep->file.fd, 0, ep->name);
	int err;

	if (fd < 0)
		return;
	if (ep->waiting - ep->adopted >= MAX_WAITING) {
		pr_warn("vfio-user: %s: refusing a client: %u others wait already", ep->name,
			ep->waiting - ep->adopted);
		socket_leave(fd);
		return;
	}
	err = connection_create(ep, fd, NULL, NULL);
	if (err)
		pr_err("vfio-user: %s: refusing a client: %s", ep->name, strerror(-err));
}

int endpoint_adopt(struct endpoint *ep, const struct peer *peer, struct vfio_claim *claim)
{
	int err, fd[2];

	if (ep->adopted >= MAX_WAITING)
		return -EBUSY;
	if (fault_point())
		return -EMFILE;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd))
		return -errno;
	err = connection_create(ep, fd[0], peer, claim);
	if (err) {
		close(fd[1]);
		return err;
	}
	return fd[1];
}

static int listen_for(struct endpoint *ep)
{
	struct vfio_user_server *server = ep->server;
	const struct socket_rights rights = { .type = SOCK_STREAM,
					      .mode = server->config.mode,
					      .owner = server->config.owner,
					      .group = server->config.group };
	int err = socket_file_create(server, ep->name, &rights, &ep->file);

	if (err)
		return err;
	pthread_mutex_lock(&server->lock);
	err = server_watch(server, ep->file.fd, &ep->watched);
	pthread_mutex_unlock(&server->lock);
	if (err)
		socket_file_remove(server, ep->name, &ep->file);
	return err;
}

int endpoint_create(struct vfio_user_server *server, struct vfio_device *vdev,
		    struct endpoint **out)
{
	const char *name = dev_name(vdev->dev);
	struct endpoint *ep;
	int err;

	if (name[0] == '.')
		return -EINVAL;
	ep = zalloc(sizeof(*ep) + strlen(name) + 1);
	if (!ep)
		return -ENOMEM;
	strcpy(ep->name, name);
	ep->watched.ready = endpoint_ready;
	ep->server = server;
	ep->vdev = vdev;
	ep->group = vfio_group_id(vdev);
	ep->refs = 1;
	ep->file.fd = -1;
	err = vdev->ops->connect ? 0 : listen_for(ep);
	if (err) {
		free(ep);
		return err;
	}
	pthread_mutex_lock(&server->lock);
	list_add_tail(&ep->link, &server->endpoints);
	pthread_mutex_unlock(&server->lock);
	*out = ep;
	return 0;
}

void endpoint_close(struct endpoint *ep)
{
	if (ep->file.fd >= 0) {
		server_unwatch(ep->server, ep->file.fd);
		socket_file_remove(ep->server, ep->name, &ep->file);
	}
	list_del_init(&ep->link);
	endpoint_put(ep);
}

void endpoint_put(struct endpoint *ep)
{
	if (--ep->refs == 0)
		free(ep);
}
