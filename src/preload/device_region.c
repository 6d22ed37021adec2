/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Access to a device's regions: by message, and mapped.
 */
#include <errno.h>
#include <sys/mman.h>

#include "preload/device_private.h"
#include "preload/next.h"
#include "preload/table.h"
#include "preload/usercopy.h"
#include "vfio_user/protocol.h"

/*
 * The region behind @offset, and how much of @count is in it. Return: NULL if there is nothing that
 * could be accessed so.
 */
static const struct device_region *find_region(const struct device *device, uint64_t offset,
					       uint32_t right, size_t *count)
{
	const struct device_region *region;
	uint64_t index = offset >> REGION_SHIFT, at = offset & REGION_OFFSET_MASK;

	if (index >= device->nr_regions)
		return NULL;
	region = &device->regions[index];
	if (region->err || !(region->flags & right) || at >= region->size)
		return NULL;
	if (*count > region->size - at) {
		if (device_is_ccw(device))
			return NULL;
		*count = region->size - at;
	}
	return region;
}

/* A reply that is about something else, or of a size that cannot be. */
static ssize_t nonsense(struct device *device)
{
	client_shutdown(device->client);
	return -EPROTO;
}

static bool is_same(const struct vfio_user_region_access *reply,
		    const struct vfio_user_region_access *access)
{
	return reply->offset == access->offset && reply->region == access->region &&
	       reply->count <= access->count;
}

/* One message. Return: how many bytes. */
static ssize_t read_some(struct device *device, const struct vfio_user_region_access *access,
			 void *buf)
{
	struct vfio_user_region_access reply;
	struct client_call call = {
		.command = VFIO_USER_REGION_READ,
		.out = { { (void *)access, sizeof(*access) } },
		.nr_out = 1,
		.in = { { &reply, sizeof(reply) }, { buf, access->count } },
		.nr_in = 2,
	};
	int err = client_call(device->client, &call);

	if (err)
		return err;
	if (call.in_size < sizeof(reply) || !is_same(&reply, access) ||
	    call.in_size != sizeof(reply) + reply.count)
		return nonsense(device);
	return reply.count;
}

static ssize_t write_some(struct device *device, const struct vfio_user_region_access *access,
			  const void *buf)
{
	struct vfio_user_region_access reply;
	struct client_call call = {
		.command = VFIO_USER_REGION_WRITE,
		.out = { { (void *)access, sizeof(*access) }, { (void *)buf, access->count } },
		.nr_out = 2,
		.in = { { &reply, sizeof(reply) } },
		.nr_in = 1,
	};
	int err = client_call(device->client, &call);

	if (err)
		return err;
	if (call.in_size != sizeof(reply) || !is_same(&reply, access))
		return nonsense(device);
	return reply.count;
}

/* All of it, in as many messages as it takes. An end before that is one, too. */
static ssize_t transfer(struct device *device, void *to, const void *from, size_t count,
			uint64_t offset)
{
	struct vfio_user_region_access access = {
		.offset = offset & REGION_OFFSET_MASK,
		.region = (uint32_t)(offset >> REGION_SHIFT),
	};
	uint32_t max = client_max_xfer(device->client);
	size_t done = 0;

	while (done < count) {
		ssize_t n;

		access.count = count - done < max ? (uint32_t)(count - done) : max;
		n = to ? read_some(device, &access, (uint8_t *)to + done)
		       : write_some(device, &access, (const uint8_t *)from + done);
		if (n < 0)
			return done ? (ssize_t)done : n;
		done += n;
		access.offset += n;
		if ((uint32_t)n < access.count)
			break;
	}
	return (ssize_t)done;
}

/* A subchannel's region. What is cut by the ends of what is asked for is read whole. */
static ssize_t read_ccw(struct device *device, const struct ccw_layout *layout, void *buf,
			size_t count, uint64_t offset)
{
	size_t at = offset & REGION_OFFSET_MASK, begin = at, end = at + count;
	uint8_t bytes[CCW_REGION_MAX];
	ssize_t n;

	ccw_order_widen(&device->ccw_order, layout, &begin, &end);
	n = transfer(device, bytes, NULL, end - begin, offset - (at - begin));
	if (n < 0)
		return n;
	if ((size_t)n != end - begin)
		return nonsense(device);
	ccw_order_convert(&device->ccw_order, layout, bytes, begin, end);
	return copy_to_user(buf, bytes + (at - begin), count) ? -EFAULT : (ssize_t)count;
}

/* The same. Each write starts something, so what is cut can't be made whole before. */
static ssize_t write_ccw(struct device *device, const struct ccw_layout *layout, const void *buf,
			 size_t count, uint64_t offset)
{
	size_t at = offset & REGION_OFFSET_MASK, begin = at, end = at + count;
	uint8_t bytes[CCW_REGION_MAX];

	if (copy_from_user(bytes, buf, count))
		return -EFAULT;
	ccw_order_learn(&device->ccw_order, layout, bytes, begin, end);
	if (ccw_order_widen(&device->ccw_order, layout, &begin, &end))
		return -EINVAL;
	ccw_order_convert(&device->ccw_order, layout, bytes, begin, end);
	return transfer(device, NULL, bytes, count, offset);
}

/* Some drivers have something to say of it. Without regions there is nobody to ask. */
static bool is_nothing(const struct device *device, size_t count)
{
	return !count && !device_is_platform(device) && device->nr_regions;
}

ssize_t device_read(struct file *file, void *buf, size_t count, uint64_t offset)
{
	struct device *device = device_of(file);
	const struct device_region *region;

	if (is_nothing(device, count))
		return 0;
	region = find_region(device, offset, VFIO_REGION_INFO_FLAG_READ, &count);
	if (!region)
		return -EINVAL;
	if (region->ccw)
		return read_ccw(device, region->ccw, buf, count, offset);
	return transfer(device, buf, NULL, count, offset);
}

ssize_t device_write(struct file *file, const void *buf, size_t count, uint64_t offset)
{
	struct device *device = device_of(file);
	const struct device_region *region;

	if (is_nothing(device, count))
		return 0;
	region = find_region(device, offset, VFIO_REGION_INFO_FLAG_WRITE, &count);
	if (!region)
		return -EINVAL;
	if (region->ccw)
		return write_ccw(device, region->ccw, buf, count, offset);
	return transfer(device, NULL, buf, count, offset);
}

/* ---- mmap ---- */

static uint64_t round_up(uint64_t value, uint64_t unit)
{
	return (value + unit - 1) / unit * unit;
}

/* May [@at, @at + @length) be mapped? A last page counts as whole. */
static bool is_mappable(const struct device_region *region, uint64_t at, uint64_t length,
			uint64_t page)
{
	if (region->err || !(region->flags & VFIO_REGION_INFO_FLAG_MMAP))
		return false;
	if (!region->nr_areas)
		return at + length <= round_up(region->size, page);
	for (unsigned int i = 0; i < region->nr_areas; i++) {
		const struct vfio_region_sparse_mmap_area *area = &region->areas[i];

		if (at >= area->offset && at + length <= round_up(area->offset + area->size, page))
			return true;
	}
	return false;
}

static bool has_rights(const struct device_region *region, int prot)
{
	return (!(prot & PROT_READ) || region->flags & VFIO_REGION_INFO_FLAG_READ) &&
	       (!(prot & PROT_WRITE) || region->flags & VFIO_REGION_INFO_FLAG_WRITE);
}

int device_mmap(struct file *file, void *addr, size_t length, int prot, int flags, uint64_t offset,
		void **out)
{
	uint64_t index = offset >> REGION_SHIFT, at = offset & REGION_OFFSET_MASK;
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	const struct device *device = device_of(file);
	const struct device_region *region;
	int type = flags & MAP_TYPE;
	void *mem;

	if ((type != MAP_SHARED && type != MAP_SHARED_VALIDATE) || index >= device->nr_regions)
		return -EINVAL;
	region = &device->regions[index];
	if (!is_mappable(region, at, round_up(length, page), page) || !has_rights(region, prot))
		return -EINVAL;
	if (!table_is_hidden(region->fd))
		return -ENODEV;
	mem = NEXT(mmap64)(addr, length, prot, flags, region->fd,
			   (off64_t)(region->fd_offset + at));
	if (mem == MAP_FAILED)
		return -errno;
	*out = mem;
	return 0;
}
