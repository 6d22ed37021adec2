/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <umdev/vfio_file.h>

#include "support/inside.h"
#include "vfio_ccw/ccw_inside.h"

static int open_inside(struct ccw_client *client, const char *uuid)
{
	struct vfio_region_info info;
	struct vfio_file *file = NULL;
	unsigned int i;
	int err = inside_open(uuid, client, &file);

	client->data = file;
	for (i = 0; !err && i < CCW_NUM_REGIONS; i++) {
		err = vfio_file_get_region_info(file, i, &info, sizeof(info), NULL);
		client->regions[i].size = info.size;
	}
	if (err && file)
		vfio_file_close(file);
	return err;
}

static void inside_close(struct ccw_client *client)
{
	vfio_file_close(client->data);
}

static int inside_read(struct ccw_client *client, unsigned int index, void *buf, size_t size,
		       uint64_t offset)
{
	ssize_t n = vfio_file_read(client->data, index, buf, size, offset);

	return n < 0 ? (int)n : n == (ssize_t)size ? 0 : -EIO;
}

static int inside_write(struct ccw_client *client, unsigned int index, const void *buf, size_t size,
			uint64_t offset)
{
	ssize_t n = vfio_file_write(client->data, index, buf, size, offset);

	return n < 0 ? (int)n : n == (ssize_t)size ? 0 : -EIO;
}

static int inside_map(struct ccw_client *client, uint64_t iova, uint64_t size, uint64_t offset,
		      uint32_t prot)
{
	return vfio_file_dma_map(client->data, iova, size, prot, client->memory_fd, offset);
}

static int inside_unmap(struct ccw_client *client, uint64_t iova, uint64_t size)
{
	return vfio_file_dma_unmap(client->data, iova, size, NULL);
}

static int inside_arm(struct ccw_client *client, unsigned int index, int fd)
{
	return vfio_file_set_irqs(client->data,
				  VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, index, 0,
				  1, &fd);
}

static int inside_reset(struct ccw_client *client)
{
	return vfio_file_reset(client->data);
}

const struct ccw_transport ccw_inside = {
	.open = open_inside,
	.close = inside_close,
	.read = inside_read,
	.write = inside_write,
	.map = inside_map,
	.unmap = inside_unmap,
	.arm = inside_arm,
	.reset = inside_reset,
};
