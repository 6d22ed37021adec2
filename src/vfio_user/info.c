/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the device is: GET_INFO, GET_REGION_INFO, GET_REGION_IO_FDS, DEVICE_FEATURE.
 */
#include <string.h>

#include "vfio_user/connection.h"

/* VFIO_DEVICE_FLAGS_CAPS and what goes with it came later than the protocol. */
#define DEVICE_INFO_SIZE offsetof(struct vfio_device_info, cap_offset)

int device_info_handle(struct connection *c, struct request *req, struct reply *reply)
{
	struct vfio_device_info info = { 0 };

	memcpy(&info, req->payload, DEVICE_INFO_SIZE);
	if (info.argsz < DEVICE_INFO_SIZE)
		return -EINVAL;
	vfio_file_get_info(c->file, &info);
	info.argsz = DEVICE_INFO_SIZE;
	info.flags &= ~VFIO_DEVICE_FLAGS_CAPS;
	memcpy(reply->payload, &info, DEVICE_INFO_SIZE);
	reply->size = DEVICE_INFO_SIZE;
	return 0;
}

/*
 * A region that can be mapped as a whole needs no list of areas, but Cloud Hypervisor looks for a
 * descriptor only where it finds one.
 */
static uint32_t describe_whole_region(struct vfio_region_info *info, size_t size)
{
	struct vfio_region_info_cap_sparse_mmap cap = {
		.header = { .id = VFIO_REGION_INFO_CAP_SPARSE_MMAP, .version = 1 },
		.nr_areas = 1,
	};
	struct vfio_region_sparse_mmap_area area = { .size = info->size };
	uint8_t *caps = (uint8_t *)(info + 1);

	info->argsz = sizeof(*info) + sizeof(cap) + sizeof(area);
	if (size < info->argsz)
		return sizeof(*info);
	info->flags |= VFIO_REGION_INFO_FLAG_CAPS;
	info->cap_offset = sizeof(*info);
	memcpy(caps, &cap, sizeof(cap));
	memcpy(caps + sizeof(cap), &area, sizeof(area));
	return info->argsz;
}

int region_info_handle(struct connection *c, struct request *req, struct reply *reply)
{
	struct vfio_region_info *info, asked;
	size_t size;
	int err, fd = -1;

	memcpy(&asked, req->payload, sizeof(asked));
	if (asked.argsz < sizeof(asked))
		return -EINVAL;
	size = asked.argsz < RX_INITIAL ? asked.argsz : RX_INITIAL;
	err = reply_room(c, reply, size + sizeof(*info));
	if (err)
		return err;
	/* Replies lie behind each other at any address. */
	info = (void *)(((uintptr_t)reply->payload + 7) & ~(uintptr_t)7);
	memset(info, 0, sizeof(*info));
	err = vfio_file_get_region_info(c->file, asked.index, info, size, &fd);
	if (err)
		return err;
	if (fd < 0 || c->max_fds == 0)
		info->flags &= ~VFIO_REGION_INFO_FLAG_MMAP;
	reply->size = info->argsz <= size ? info->argsz : sizeof(*info);
	if (info->flags & VFIO_REGION_INFO_FLAG_MMAP) {
		if (info->argsz == sizeof(*info))
			reply->size = describe_whole_region(info, size);
		if (info->flags & VFIO_REGION_INFO_FLAG_CAPS)
			reply->fd = fd;
	}
	memmove(reply->payload, info, reply->size);
	return 0;
}

int region_io_fds_handle(struct connection *c, struct request *req, struct reply *reply)
{
	struct vfio_user_region_io_fds io;
	struct vfio_device_info info = { 0 };

	memcpy(&io, req->payload, sizeof(io));
	vfio_file_get_info(c->file, &info);
	if (io.argsz < sizeof(io) || io.flags || io.count || io.index >= info.num_regions)
		return -EINVAL;
	io.argsz = sizeof(io);
	memcpy(reply->payload, &io, sizeof(io));
	reply->size = sizeof(io);
	return 0;
}

/* No feature is offered: what the kernel says of those that a device has not. */
int device_feature_handle(struct connection *c, struct request *req, struct reply *reply)
{
	struct vfio_user_device_feature feature;

	memcpy(&feature, req->payload, sizeof(feature));
	if (feature.argsz < sizeof(feature) ||
	    (feature.flags & ~(VFIO_DEVICE_FEATURE_MASK | VFIO_DEVICE_FEATURE_GET |
			       VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_PROBE)) ||
	    !(feature.flags & ~VFIO_DEVICE_FEATURE_MASK))
		return -EINVAL;
	return -ENOTTY;
}
