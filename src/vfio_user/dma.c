/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * DMA_MAP and DMA_UNMAP.
 */
#include <string.h>

#include "vfio_user/connection.h"

#define DMA_MODES (VFIO_USER_DMA_F_MMAP | VFIO_USER_DMA_F_FILE_IO)

int dma_map_handle(struct connection *c, struct request *req, struct reply *reply)
{
	int fd = req->nr_fds ? req->fds[0] : -1;
	struct vfio_user_dma_map map;
	uint32_t flags;

	memcpy(&map, req->payload, sizeof(map));
	if (map.argsz < sizeof(map))
		return -EINVAL;
	flags = map.flags & (VFIO_USER_DMA_F_READ | VFIO_USER_DMA_F_WRITE);
	if ((map.flags & ~(flags | DMA_MODES)) || !flags)
		return -EINVAL;
	/*
	 * An access mode says how to use a descriptor. Of a memory's file one mode is as good as
	 * the other.
	 */
	if ((map.flags & DMA_MODES) && fd < 0)
		return -EINVAL;
	_Static_assert(VFIO_USER_DMA_F_READ == VFIO_DMA_MAP_FLAG_READ, "same bits");
	_Static_assert(VFIO_USER_DMA_F_WRITE == VFIO_DMA_MAP_FLAG_WRITE, "same bits");
	return vfio_file_dma_map(c->file, map.address, map.size, flags, fd,
				 fd < 0 ? 0 : map.offset);
}

int dma_unmap_handle(struct connection *c, struct request *req, struct reply *reply)
{
	struct vfio_user_dma_unmap unmap;
	uint64_t unmapped = 0;
	int err = 0;

	memcpy(&unmap, req->payload, sizeof(unmap));
	if (unmap.argsz < sizeof(unmap) || (unmap.flags & ~VFIO_USER_DMA_UNMAP_F_ALL))
		return -EINVAL;
	if (unmap.flags & VFIO_USER_DMA_UNMAP_F_ALL) {
		if (unmap.address || unmap.size)
			return -EINVAL;
		vfio_file_dma_unmap_all(c->file, &unmapped);
	} else {
		if (unmap.size == 0)
			return -EINVAL;
		err = vfio_file_dma_unmap(c->file, unmap.address, unmap.size, &unmapped);
		if (!err && unmapped == 0)
			err = -ENOENT;
	}
	if (err)
		return err;
	unmap.size = unmapped;
	memcpy(reply->payload, &unmap, sizeof(unmap));
	reply->size = sizeof(unmap);
	return 0;
}
