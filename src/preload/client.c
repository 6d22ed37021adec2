/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Connections: their beginning and end.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "preload/bell.h"
#include "preload/client_private.h"
#include "preload/file.h"
#include "preload/next.h"
#include "preload/table.h"

/* Free what was not made, too. */
static void client_free(struct client *client)
{
	hidden_close(client->timer);
	hidden_close(client->kick);
	hidden_close(client->twin);
	hidden_close(client->fd);
	if (client->bounce)
		munmap(client->bounce, BOUNCE_SIZE);
	shared_free(client->shared, sizeof(*client->shared));
	free(client);
}

static int client_alloc(struct client **out)
{
	struct client *client = calloc(1, sizeof(*client));
	void *bounce;

	if (!client)
		return -ENOMEM;
	client->fd = client->twin = client->kick = client->timer = -1;
	client->max_xfer = VFIO_USER_MAX_DATA_XFER;
	/* Pages of both cost nothing until a large message needs them. */
	bounce = mmap(NULL, BOUNCE_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (bounce != MAP_FAILED)
		client->bounce = bounce;
	client->shared = shared_alloc(sizeof(*client->shared));
	if (!client->bounce || !client->shared) {
		client_free(client);
		return -ENOMEM;
	}
	shared_mutex_init(&client->shared->turn);
	shared_mutex_init(&client->shared->serving);
	*out = client;
	return 0;
}

/*
 * Make a blocking socket that does not block for ever of what may be anything. Return: 0, -EPROTO.
 */
static int prepare_socket(int fd)
{
	struct timeval limit = { .tv_sec = client_timeout_ms / 1000,
				 .tv_usec = client_timeout_ms % 1000 * 1000 };
	int flags = NEXT(fcntl)(fd, F_GETFL);

	if (flags < 0 || NEXT(fcntl)(fd, F_SETFL, flags & ~O_NONBLOCK) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)))
		return -EPROTO;
	return 0;
}

int client_create(int fd, const struct client_ops *ops, void *data, struct client **out)
{
	struct client *client;
	int err;

	err = client_alloc(&client);
	if (err) {
		NEXT(close)(fd);
		return err;
	}
	client->ops = ops;
	client->data = data;
	client->fd = hidden_fd(fd);
	err = client->fd < 0 ? client->fd : prepare_socket(client->fd);
	if (!err)
		err = version_agree(client);
	if (!err && client->twin < 0) {
		client->kick = bell_create();
		err = client->kick < 0 ? client->kick : 0;
	}
	if (!err) {
		atomic_store(&client->agreed, true);
		err = dma_join(client);
	}
	if (err) {
		client_free(client);
		return err;
	}
	*out = client;
	return 0;
}

void client_destroy(struct client *client)
{
	dma_leave(client);
	client_free(client);
}

bool client_has_lost(const struct client *client)
{
	return !table_is_hidden(client->fd) ||
	       (client->twin >= 0 && !table_is_hidden(client->twin)) ||
	       (client->kick >= 0 && !table_is_hidden(client->kick));
}

/* A number that is lost is somebody else's. */
static void shut(int fd)
{
	if (table_is_hidden(fd))
		shutdown(fd, SHUT_RDWR);
}

void client_shutdown(struct client *client)
{
	atomic_store(&client->shared->ended, true);
	shut(client->fd);
	shut(client->twin);
}

uint32_t client_max_xfer(const struct client *client)
{
	return client->max_xfer;
}

uint32_t client_max_fds(const struct client *client)
{
	return client->max_fds;
}
