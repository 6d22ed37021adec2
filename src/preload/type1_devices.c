/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What devices are told of mappings: DMA_MAP and DMA_UNMAP.
 */
#include <errno.h>
#include <linux/vfio.h>

#include "preload/container_private.h"
#include "preload/table.h"
#include "vfio_user/protocol.h"

/* A server may answer with more than is needed. */
#define REPLY_ROOM 64

static int send_map(struct client *client, const struct dma_map *map, const int *fd,
		    uint64_t offset)
{
	uint8_t reply[REPLY_ROOM];
	struct vfio_user_dma_map msg = {
		.argsz = sizeof(msg),
		.flags = map->prot,
		.offset = offset,
		.address = map->iova,
		.size = map->size,
	};
	struct client_call call = {
		.command = VFIO_USER_DMA_MAP,
		.out = { { &msg, sizeof(msg) } },
		.nr_out = 1,
		.fds = fd,
		.nr_fds = fd ? 1 : 0,
		.in = { { reply, sizeof(reply) } },
		.nr_in = 1,
	};

	_Static_assert(VFIO_USER_DMA_F_READ == VFIO_DMA_MAP_FLAG_READ, "same bits");
	_Static_assert(VFIO_USER_DMA_F_WRITE == VFIO_DMA_MAP_FLAG_WRITE, "same bits");
	return client_call(client, &call);
}

static int send_unmap(struct client *client, const struct dma_map *map)
{
	uint8_t reply[REPLY_ROOM];
	struct vfio_user_dma_unmap msg = {
		.argsz = sizeof(msg),
		.address = map->iova,
		.size = map->size,
	};
	struct client_call call = {
		.command = VFIO_USER_DMA_UNMAP,
		.out = { { &msg, sizeof(msg) } },
		.nr_out = 1,
		.in = { { reply, sizeof(reply) } },
		.nr_in = 1,
	};

	return client_call(client, &call);
}

/*
 * Return: 0, -ENODEV (the connection has ended), or what the server answers. It may dislike the
 * descriptor: then it has to do without.
 */
static int map_one(struct client *client, const struct dma_map *map,
		   const struct backing_part *part)
{
	int err = -EOPNOTSUPP;

	if (part->file && table_is_hidden(part->file->fd) && client_max_fds(client))
		err = send_map(client, map, &part->file->fd, part->offset);
	if (err && err != -ENODEV)
		err = send_map(client, map, NULL, 0);
	/* Who is silent or makes no sense is gone; who only says so has to go. */
	if (err == -ETIMEDOUT || err == -EPROTO) {
		client_shutdown(client);
		err = -ENODEV;
	}
	return err;
}

static void unmap_one(struct client *client, const struct dma_map *map)
{
	int err = send_unmap(client, map);

	/* Memory that the program takes back must not stay with anybody. */
	if (err && err != -ENODEV && err != -ENOENT)
		client_shutdown(client);
}

int devices_map(struct container *container, const struct dma_map *map,
		const struct backing_part *part)
{
	struct container_client *cc, *told;
	int err;

	for (cc = container->clients; cc; cc = cc->next) {
		err = map_one(cc->client, map, part);
		if (err && err != -ENODEV)
			goto unmap;
	}
	return 0;
unmap:
	for (told = container->clients; told != cc; told = told->next)
		unmap_one(told->client, map);
	return err;
}

void devices_unmap(struct container *container, const struct dma_map *map)
{
	struct container_client *cc;

	for (cc = container->clients; cc; cc = cc->next)
		unmap_one(cc->client, map);
}

/* What is known to be behind a mapping; of another process's nothing is. */
static const struct backing_part *part_of(struct container *container, const struct dma_map *map)
{
	static const struct backing_part none;
	struct container_part *known;

	known = &container->parts[dma_table_slot(&container->shared->maps, map)];
	return known->id == map->id ? &known->part : &none;
}

int devices_join(struct container *container, struct client *client)
{
	struct dma_table *maps = &container->shared->maps;
	uint32_t i, done;
	int err;

	for (done = 0; done < maps->nr; done++) {
		const struct dma_map *map = dma_table_at(maps, done);

		err = map_one(client, map, part_of(container, map));
		if (err)
			goto unmap;
	}
	return 0;
unmap:
	for (i = done; i--;)
		unmap_one(client, dma_table_at(maps, i));
	return err;
}
