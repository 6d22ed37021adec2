/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "cmocka_umdev.h"
#include "fake_server.h"
#include "vfio_user/protocol.h"

void fake_server_init(struct client *client)
{
	memset(client, 0, sizeof(*client));
	client->max_fds = 1;
	client->refuse_at = UINT64_MAX;
	pthread_mutex_init(&client->lock, NULL);
}

struct fake_map *fake_server_map(struct client *client, uint64_t iova)
{
	unsigned int i;

	for (i = 0; i < client->nr; i++) {
		if (client->maps[i].iova == iova)
			return &client->maps[i];
	}
	return NULL;
}

static int take_map(struct client *client, const struct vfio_user_dma_map *msg, const int *fd)
{
	bool refused = client->refuse_at == UINT64_MAX || client->refuse_at == msg->address;
	int err = refused ? fd ? client->refuse_fd : client->refuse : 0;
	struct fake_map *map;
	struct stat st;

	if (err)
		return err;
	if (fake_server_map(client, msg->address))
		return -EEXIST;
	assert_in_range(client->nr, 0, FAKE_MAPS - 1);
	map = &client->maps[client->nr++];
	memset(map, 0, sizeof(*map));
	map->iova = msg->address;
	map->size = msg->size;
	map->flags = msg->flags;
	map->offset = msg->offset;
	if (fd) {
		assert_int_equal(fstat(*fd, &st), 0);
		map->has_fd = true;
		map->writable = (fcntl(*fd, F_GETFL) & O_ACCMODE) == O_RDWR;
		map->dev = st.st_dev;
		map->ino = st.st_ino;
	}
	return 0;
}

static int take_unmap(struct client *client, const struct vfio_user_dma_unmap *msg)
{
	struct fake_map *map = fake_server_map(client, msg->address);

	if (client->refuse_unmap)
		return client->refuse_unmap;
	if (!map || map->size != msg->size)
		return -ENOENT;
	*map = client->maps[--client->nr];
	return 0;
}

int client_call(struct client *client, struct client_call *call)
{
	struct vfio_user_dma_map map;
	struct vfio_user_dma_unmap unmap;
	uint64_t iova;
	int err;

	assert_int_equal(call->nr_out, 1);
	if (call->command == VFIO_USER_DMA_MAP) {
		assert_int_equal(call->out[0].iov_len, sizeof(map));
		memcpy(&map, call->out[0].iov_base, sizeof(map));
		iova = map.address;
	} else {
		assert_int_equal(call->command, VFIO_USER_DMA_UNMAP);
		assert_int_equal(call->out[0].iov_len, sizeof(unmap));
		memcpy(&unmap, call->out[0].iov_base, sizeof(unmap));
		iova = unmap.address;
	}
	if (client->during && !client->dead)
		client->during(client, call->command, iova);
	pthread_mutex_lock(&client->lock);
	client->calls++;
	if (client->dead)
		err = -ENODEV;
	else if (call->command == VFIO_USER_DMA_MAP)
		err = take_map(client, &map, call->nr_fds ? call->fds : NULL);
	else
		err = take_unmap(client, &unmap);
	pthread_mutex_unlock(&client->lock);
	return err;
}

uint32_t client_max_fds(const struct client *client)
{
	return client->max_fds;
}

void client_shutdown(struct client *client)
{
	client->dead = true;
}
