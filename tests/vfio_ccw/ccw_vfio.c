/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A vfio-ccw device by VFIO's calls. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vfio_ccw/ccw_client.h"

enum {
	CONTAINER,
	GROUP,
	DEVICE
};

static void vfio_close(struct ccw_client *client)
{
	int i;

	for (i = DEVICE; i >= CONTAINER; i--) {
		if (client->fds[i] >= 0)
			close(client->fds[i]);
		client->fds[i] = -1;
	}
}

static int open_group(struct ccw_client *client, const char *uuid)
{
	char path[PATH_MAX], link[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/bus/mdev/devices/%s/iommu_group", uuid);
	n = readlink(path, link, sizeof(link) - 1);
	if (n < 0)
		return -errno;
	link[n] = '\0';
	snprintf(path, sizeof(path), "/dev/vfio/%s", strrchr(link, '/') + 1);
	client->fds[CONTAINER] = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (client->fds[CONTAINER] < 0)
		return -errno;
	client->fds[GROUP] = open(path, O_RDWR | O_CLOEXEC);
	if (client->fds[GROUP] < 0 ||
	    ioctl(client->fds[GROUP], VFIO_GROUP_SET_CONTAINER, &client->fds[CONTAINER]) ||
	    ioctl(client->fds[CONTAINER], VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		return -errno;
	client->fds[DEVICE] = ioctl(client->fds[GROUP], VFIO_GROUP_GET_DEVICE_FD, uuid);
	return client->fds[DEVICE] < 0 ? -errno : 0;
}

static int vfio_open(struct ccw_client *client, const char *uuid)
{
	struct vfio_region_info info;
	unsigned int i;
	int err = open_group(client, uuid);

	for (i = 0; !err && i < CCW_NUM_REGIONS; i++) {
		info = (struct vfio_region_info) { .argsz = sizeof(info), .index = i };
		if (ioctl(client->fds[DEVICE], VFIO_DEVICE_GET_REGION_INFO, &info))
			err = -errno;
		client->regions[i] =
			(struct ccw_region) { .offset = info.offset, .size = info.size };
	}
	if (err)
		vfio_close(client);
	return err;
}

static int vfio_read(struct ccw_client *client, unsigned int index, void *buf, size_t size,
		     uint64_t offset)
{
	ssize_t n = pread(client->fds[DEVICE], buf, size,
			  (off_t)(client->regions[index].offset + offset));

	return n < 0 ? -errno : n == (ssize_t)size ? 0 : -EIO;
}

static int vfio_write(struct ccw_client *client, unsigned int index, const void *buf, size_t size,
		      uint64_t offset)
{
	ssize_t n = pwrite(client->fds[DEVICE], buf, size,
			   (off_t)(client->regions[index].offset + offset));

	return n < 0 ? -errno : n == (ssize_t)size ? 0 : -EIO;
}

static int vfio_map(struct ccw_client *client, uint64_t iova, uint64_t size, uint64_t offset,
		    uint32_t prot)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = prot,
		.vaddr = (uintptr_t)client->memory + offset,
		.iova = iova,
		.size = size,
	};

	return ioctl(client->fds[CONTAINER], VFIO_IOMMU_MAP_DMA, &map) ? -errno : 0;
}

static int vfio_unmap(struct ccw_client *client, uint64_t iova, uint64_t size)
{
	struct vfio_iommu_type1_dma_unmap unmap = { .argsz = sizeof(unmap),
						    .iova = iova,
						    .size = size };

	return ioctl(client->fds[CONTAINER], VFIO_IOMMU_UNMAP_DMA, &unmap) ? -errno : 0;
}

static int vfio_arm(struct ccw_client *client, unsigned int index, int fd)
{
	struct {
		struct vfio_irq_set set;
		int32_t fd;
	} ask = {
		.set = { .argsz = sizeof(ask),
			 .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
			 .index = index,
			 .count = 1 },
		.fd = fd,
	};

	return ioctl(client->fds[DEVICE], VFIO_DEVICE_SET_IRQS, &ask) ? -errno : 0;
}

static int vfio_reset(struct ccw_client *client)
{
	return ioctl(client->fds[DEVICE], VFIO_DEVICE_RESET) ? -errno : 0;
}

const struct ccw_transport ccw_vfio = {
	.open = vfio_open,
	.close = vfio_close,
	.read = vfio_read,
	.write = vfio_write,
	.map = vfio_map,
	.unmap = vfio_unmap,
	.arm = vfio_arm,
	.reset = vfio_reset,
	.host_order = true,
};
