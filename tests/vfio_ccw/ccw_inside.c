/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <umdev/vfio_file.h>

#include "vfio_ccw/ccw_inside.h"

#define DEVICES_MAX 16

/* Those between the transport's start and stop: only these may be opened. */
static struct vfio_device *devices[DEVICES_MAX]; /* under lock */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int device_comes(struct vfio_transport *transport, struct vfio_device *vdev)
{
	unsigned int i;
	int err = -ENOSPC;

	pthread_mutex_lock(&lock);
	for (i = 0; err && i < DEVICES_MAX; i++) {
		if (!devices[i]) {
			devices[i] = vdev;
			err = 0;
		}
	}
	pthread_mutex_unlock(&lock);
	return err;
}

static void device_goes(struct vfio_transport *transport, struct vfio_device *vdev)
{
	unsigned int i;

	pthread_mutex_lock(&lock);
	for (i = 0; i < DEVICES_MAX; i++) {
		if (devices[i] == vdev)
			devices[i] = NULL;
	}
	pthread_mutex_unlock(&lock);
}

static struct vfio_transport transport = {
	.name = "inside",
	.start = device_comes,
	.stop = device_goes,
};

int ccw_inside_start(void)
{
	return vfio_transport_register(&transport);
}

void ccw_inside_stop(void)
{
	vfio_transport_unregister(&transport);
}

/* ---- a user ---- */

static void describe(struct vfio_file *file, char *buf, size_t size)
{
	snprintf(buf, size, "a guest");
}

static const struct vfio_user_ops user_ops = { .describe = describe };

static int inside_open(struct ccw_client *client, const char *uuid)
{
	struct vfio_region_info info;
	struct vfio_file *file = NULL;
	unsigned int i;
	int err = -ENODEV;

	pthread_mutex_lock(&lock);
	for (i = 0; i < DEVICES_MAX && !file; i++) {
		if (devices[i] && !strcmp(dev_name(devices[i]->dev), uuid))
			err = vfio_file_open(devices[i], &user_ops, client, &file);
	}
	pthread_mutex_unlock(&lock);
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
	.open = inside_open,
	.close = inside_close,
	.read = inside_read,
	.write = inside_write,
	.map = inside_map,
	.unmap = inside_unmap,
	.arm = inside_arm,
	.reset = inside_reset,
};
