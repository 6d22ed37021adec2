/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Between the files of a device: device.c (beginning, end, ioctls), device_info.c (what it is),
 * device_region.c (access), device_irq.c (interrupts).
 *
 * What a device is does not change while it is open, so all of it is asked for at the beginning and
 * checked once, and no lock is needed later.
 *
 * Behaviour: Linux 6.1 drivers/vfio/vfio_main.c, and where that leaves it to drivers what those of
 * the kernel have in common (drivers/vfio/pci, drivers/vfio/platform, drivers/s390/cio), or what
 * drivers/s390/crypto/vfio_ap_ops.c and drivers/s390/cio/vfio_ccw_ops.c of Linux 7.3 have for
 * themselves.
 */
#ifndef UMDEV_PRELOAD_DEVICE_PRIVATE_H
#define UMDEV_PRELOAD_DEVICE_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/vfio.h>

#include "preload/ccw_order.h"
#include "preload/client.h"
#include "preload/container.h"
#include "preload/file.h"
#include "preload/group_private.h"
#include "vfio_user/door.h"

/* Where a region is in the file: its index in the upper bits of an offset. */
#define REGION_SHIFT	   40
#define REGION_OFFSET_MASK ((UINT64_C(1) << REGION_SHIFT) - 1)

/* More than any device has; what a server may make this library remember. */
#define DEVICE_REGIONS_MAX 1024u
#define DEVICE_IRQS_MAX	   1024u

/**
 * struct device_region - one region
 * @err:    -errno that the server has for it: there is no such region; 0: it is there
 * @flags:  VFIO_REGION_INFO_FLAG_*; MMAP only with @fd
 * @size:   in bytes
 * @fd:     hidden, -1 for none
 * @fd_offset: where in @fd the region begins
 * @areas:  @nr_areas parts that can be mapped; none with MMAP: all of it
 * @caps:   the capabilities as the program sees them behind a struct vfio_region_info, @caps_size
 *          bytes; NULL for none
 * @ccw:    a subchannel's whose bytes are converted; NULL for others
 */
struct device_region {
	int err;
	uint32_t flags;
	uint64_t size;
	int fd;
	uint64_t fd_offset;
	struct vfio_region_sparse_mmap_area *areas;
	unsigned int nr_areas;
	uint8_t *caps;
	uint32_t caps_size;
	const struct ccw_layout *ccw;
};

/** struct device_irq - one interrupt index; @err as above */
struct device_irq {
	int err;
	uint32_t flags;
	uint32_t count;
};

/**
 * struct device - a device that this process has open, once or several times
 * @next:    in group.devices
 * @group:   which it is reached through; kept open by the files
 * @refs:    files, and who opens one; under the group's lock
 * @name:    by which it was asked for
 * @client:  the connection to its server
 * @memory:  the container's, of this connection
 * @flags:   VFIO_DEVICE_FLAGS_*
 * @regions: @nr_regions of them
 * @irqs:    @nr_irqs of them
 * @ccw_order: a subchannel's program's byte order
 */
struct device {
	struct device *next;
	struct group *group;
	unsigned int refs;
	char name[VFIO_DOOR_NAME_MAX];
	struct client *client;
	struct container_client memory;
	uint32_t flags;
	struct device_region *regions;
	unsigned int nr_regions;
	struct device_irq *irqs;
	unsigned int nr_irqs;
	struct ccw_order ccw_order;
};

/**
 * struct device_file - an open file of a device
 * @group:  the group's file, a reference
 * @holder: hidden; see holders.h
 */
struct device_file {
	struct device *device;
	struct file *group;
	int holder;
};

static inline struct device *device_of(const struct file *file)
{
	return ((const struct device_file *)file->priv)->device;
}

/** device_is_platform - does the kernel's vfio_platform answer for such a device? */
static inline bool device_is_platform(const struct device *device)
{
	return device->flags & (VFIO_DEVICE_FLAGS_PLATFORM | VFIO_DEVICE_FLAGS_AMBA);
}

/** device_is_ccw - does the kernel's vfio_ccw answer for such a device? */
static inline bool device_is_ccw(const struct device *device)
{
	return device->flags & VFIO_DEVICE_FLAGS_CCW;
}

/** device_is_ap - does the kernel's vfio_ap answer for such a device? */
static inline bool device_is_ap(const struct device *device)
{
	return device->flags & VFIO_DEVICE_FLAGS_AP;
}

/* ---- device_info.c ---- */

/**
 * device_read_info - ask the server what the device is
 * Return: 0, -EPROTO (what it says makes no sense), -ENOMEM, -EMFILE, what client_call() and
 * ccw_order_init() say.
 */
int device_read_info(struct device *device);
/** device_free_info - the reverse; also of what was not read to the end. */
void device_free_info(struct device *device);

long device_get_info(struct device *device, void *arg);
long device_get_region_info(struct device *device, void *arg);
long device_get_irq_info(struct device *device, void *arg);

/* ---- device_region.c: for struct file_ops ---- */

ssize_t device_read(struct file *file, void *buf, size_t count, uint64_t offset);
ssize_t device_write(struct file *file, const void *buf, size_t count, uint64_t offset);
int device_mmap(struct file *file, void *addr, size_t length, int prot, int flags, uint64_t offset,
		void **out);

/* ---- device_irq.c ---- */

long device_set_irqs(struct device *device, const void *arg);

#endif
