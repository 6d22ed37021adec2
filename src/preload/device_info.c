/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a device is. The server's answers are not trusted: what is remembered was checked, and what
 * the program gets is made of it anew.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "preload/device_private.h"
#include "preload/next.h"
#include "preload/usercopy.h"
#include "vfio_user/protocol.h"

/* VFIO_DEVICE_FLAGS_CAPS and what goes with it came later than the protocol. */
#define DEVICE_INFO_SIZE offsetof(struct vfio_device_info, cap_offset)

/* Of a region, with its capabilities: more of it is not heard. */
#define REGION_INFO_MAX 65536u
/* How many capabilities are followed; there are three kinds. */
#define CAPS_MAX 16u

/*
 * Only such files are mapped. Of other kinds the size is not known, which the program would find
 * out by dying.
 */
static bool can_be_mapped(int fd, uint64_t offset, uint64_t size)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size >= 0 &&
	       offset <= (uint64_t)st.st_size && size <= (uint64_t)st.st_size - offset;
}

/* ---- regions ---- */

/* What of a server's list of areas can be used: whole pages, inside of the region. */
static int take_areas(struct device_region *region, const uint8_t *cap, size_t size)
{
	struct vfio_region_info_cap_sparse_mmap head;
	struct vfio_region_sparse_mmap_area area;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (region->areas || size < sizeof(head))
		return 0;
	memcpy(&head, cap, sizeof(head));
	size -= sizeof(head);
	if (head.nr_areas == 0 || head.nr_areas > size / sizeof(area))
		return -EPROTO;
	region->areas = calloc(head.nr_areas, sizeof(area));
	if (!region->areas)
		return -ENOMEM;
	for (uint32_t i = 0; i < head.nr_areas; i++) {
		memcpy(&area, cap + sizeof(head) + i * sizeof(area), sizeof(area));
		if (area.offset > region->size || area.size > region->size - area.offset)
			return -EPROTO;
		if (area.size && area.offset % page == 0)
			region->areas[region->nr_areas++] = area;
	}
	return 0;
}

/* Room for a capability behind those that there are, which are linked. */
static void *add_cap(struct device_region *region, uint16_t id, uint16_t version, size_t size)
{
	uint32_t base = sizeof(struct vfio_region_info), at = region->caps_size;
	struct vfio_info_cap_header *header;
	uint8_t *caps = realloc(region->caps, at + size);

	if (!caps)
		return NULL;
	region->caps = caps;
	region->caps_size = (uint32_t)(at + size);
	memset(caps + at, 0, size);
	if (at) {
		header = (struct vfio_info_cap_header *)caps;
		while (header->next)
			header = (struct vfio_info_cap_header *)(caps + header->next - base);
		header->next = base + at;
	}
	header = (struct vfio_info_cap_header *)(caps + at);
	header->id = id;
	header->version = version;
	return header;
}

/* A list of one area that is all of the region says nothing that the flag does not. */
static bool is_whole(const struct device_region *region)
{
	return region->nr_areas == 1 && region->areas[0].offset == 0 &&
	       region->areas[0].size == region->size;
}

static int add_areas(struct device_region *region)
{
	struct vfio_region_info_cap_sparse_mmap *cap;
	size_t size = region->nr_areas * sizeof(cap->areas[0]);

	if (!region->nr_areas || is_whole(region))
		return 0;
	cap = add_cap(region, VFIO_REGION_INFO_CAP_SPARSE_MMAP, 1, sizeof(*cap) + size);
	if (!cap)
		return -ENOMEM;
	cap->nr_areas = region->nr_areas;
	memcpy(cap->areas, region->areas, size);
	return 0;
}

/* Two words, or one without meaning behind its header. */
static int add_known(struct device_region *region, const struct vfio_info_cap_header *header,
		     const uint8_t *cap, size_t size)
{
	struct vfio_region_info_cap_type type;
	struct vfio_region_info_cap_type *copy;

	switch (header->id) {
	case VFIO_REGION_INFO_CAP_SPARSE_MMAP:
		return take_areas(region, cap, size);
	case VFIO_REGION_INFO_CAP_TYPE:
		if (size < sizeof(type))
			return -EPROTO;
		memcpy(&type, cap, sizeof(type));
		copy = add_cap(region, header->id, header->version, sizeof(type));
		if (!copy)
			return -ENOMEM;
		copy->type = type.type;
		copy->subtype = type.subtype;
		return 0;
	case VFIO_REGION_INFO_CAP_MSIX_MAPPABLE:
		return add_cap(region, header->id, header->version, sizeof(*header)) ? 0 : -ENOMEM;
	default:
		return 0;
	}
}

/* Follow the chain in an answer of @size bytes. */
static int take_caps(struct device_region *region, const uint8_t *answer, size_t size,
		     uint32_t offset)
{
	struct vfio_info_cap_header header;
	unsigned int n;
	int err;

	for (n = 0; offset && n < CAPS_MAX; n++) {
		if (offset < sizeof(struct vfio_region_info) || offset > size ||
		    size - offset < sizeof(header))
			return -EPROTO;
		memcpy(&header, answer + offset, sizeof(header));
		err = add_known(region, &header, answer + offset, size - offset);
		if (err)
			return err;
		offset = header.next;
	}
	return offset ? -EPROTO : 0;
}

static void drop_areas(struct device_region *region)
{
	free(region->areas);
	region->areas = NULL;
	region->nr_areas = 0;
}

/* Without what mapping needs the region is one that cannot be mapped. */
static int take_fd(struct device_region *region, int *fds, unsigned int nr_fds, bool sparse)
{
	if (nr_fds && region->flags & VFIO_REGION_INFO_FLAG_MMAP && region->size &&
	    (region->nr_areas || !sparse) &&
	    can_be_mapped(fds[0], region->fd_offset, region->size)) {
		region->fd = hidden_fd(fds[0]);
		fds[0] = -1;
		return region->fd < 0 ? region->fd : 0;
	}
	region->flags &= ~VFIO_REGION_INFO_FLAG_MMAP;
	drop_areas(region);
	return 0;
}

static int take_region(struct device_region *region, uint32_t index, const uint8_t *answer,
		       size_t size, int *fds, unsigned int nr_fds)
{
	const uint32_t known = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE |
			       VFIO_REGION_INFO_FLAG_MMAP;
	struct vfio_region_info info;
	int err = 0;

	if (size < sizeof(info))
		return -EPROTO;
	memcpy(&info, answer, sizeof(info));
	if (info.index != index || info.size > REGION_OFFSET_MASK + 1)
		return -EPROTO;
	region->flags = info.flags & known;
	region->size = info.size;
	region->fd_offset = info.offset;
	if (info.flags & VFIO_REGION_INFO_FLAG_CAPS)
		err = take_caps(region, answer, size, info.cap_offset);
	if (!err)
		err = take_fd(region, fds, nr_fds, region->areas != NULL);
	return err ? err : add_areas(region);
}

static void close_all(const int *fds, unsigned int nr_fds)
{
	for (unsigned int i = 0; i < nr_fds; i++) {
		if (fds[i] >= 0)
			NEXT(close)(fds[i]);
	}
}

static bool is_servers(int err)
{
	return err && err != -ENODEV && err != -EPROTO && err != -ETIMEDOUT && err != -ENOMEM &&
	       err != -EMFILE;
}

static int read_region(struct device *device, uint32_t index, uint8_t *answer)
{
	struct device_region *region = &device->regions[index];
	struct vfio_region_info ask = { .argsz = REGION_INFO_MAX, .index = index };
	int fds[CLIENT_MAX_FDS];
	struct client_call call = {
		.command = VFIO_USER_DEVICE_GET_REGION_INFO,
		.out = { { &ask, sizeof(ask) } },
		.nr_out = 1,
		.in = { { answer, REGION_INFO_MAX } },
		.nr_in = 1,
		.in_fds = fds,
	};
	int err = client_call(device->client, &call);

	if (is_servers(err)) {
		region->err = err;
		return 0;
	}
	if (!err)
		err = take_region(region, index, answer, call.in_size, fds, call.nr_in_fds);
	close_all(fds, call.nr_in_fds);
	return err;
}

/* ---- the rest ---- */

static int read_irq(struct device *device, uint32_t index)
{
	struct device_irq *irq = &device->irqs[index];
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = index };
	struct client_call call = {
		.command = VFIO_USER_DEVICE_GET_IRQ_INFO,
		.out = { { &info, sizeof(info) } },
		.nr_out = 1,
		.in = { { &info, sizeof(info) } },
		.nr_in = 1,
	};
	int err = client_call(device->client, &call);

	if (is_servers(err)) {
		irq->err = err;
		return 0;
	}
	if (!err && (call.in_size != sizeof(info) || info.index != index))
		err = -EPROTO;
	irq->flags = info.flags;
	irq->count = info.count;
	return err;
}

static int read_head(struct device *device)
{
	struct vfio_device_info info = { .argsz = DEVICE_INFO_SIZE };
	struct client_call call = {
		.command = VFIO_USER_DEVICE_GET_INFO,
		.out = { { &info, DEVICE_INFO_SIZE } },
		.nr_out = 1,
		.in = { { &info, sizeof(info) } },
		.nr_in = 1,
	};
	int err = client_call(device->client, &call);

	if (err)
		return err;
	if (call.in_size < DEVICE_INFO_SIZE || info.num_regions > DEVICE_REGIONS_MAX ||
	    info.num_irqs > DEVICE_IRQS_MAX)
		return -EPROTO;
	device->flags = info.flags & ~VFIO_DEVICE_FLAGS_CAPS;
	device->nr_regions = info.num_regions;
	device->nr_irqs = info.num_irqs;
	return 0;
}

static int read_regions(struct device *device)
{
	uint8_t *answer = malloc(REGION_INFO_MAX);
	int err = answer ? 0 : -ENOMEM;

	for (unsigned int i = 0; i < device->nr_regions; i++)
		device->regions[i].fd = -1;
	for (unsigned int i = 0; i < device->nr_regions && !err; i++)
		err = read_region(device, i, answer);
	free(answer);
	return err;
}

/* Capabilities are as add_cap() has made them. Return: 0 for none, which is no subtype. */
static uint32_t ccw_subtype(const struct device_region *region)
{
	uint32_t base = sizeof(struct vfio_region_info), at = 0;
	struct vfio_region_info_cap_type type;

	while (at + sizeof(type) <= region->caps_size) {
		memcpy(&type, region->caps + at, sizeof(type));
		if (type.header.id == VFIO_REGION_INFO_CAP_TYPE &&
		    type.type == VFIO_REGION_TYPE_CCW)
			return type.subtype;
		if (!type.header.next)
			break;
		at = type.header.next - base;
	}
	return 0;
}

static int find_ccw_layouts(struct device *device)
{
	for (unsigned int i = 0; i < device->nr_regions; i++) {
		struct device_region *region = &device->regions[i];

		if (!region->err)
			region->ccw = ccw_layout_find(i == VFIO_CCW_CONFIG_REGION_INDEX,
						      ccw_subtype(region), region->size);
	}
	return ccw_order_init(&device->ccw_order);
}

static void *table(unsigned int n, size_t size)
{
	return calloc(n ? n : 1, size);
}

int device_read_info(struct device *device)
{
	int err = read_head(device);

	if (err)
		return err;
	device->regions = table(device->nr_regions, sizeof(*device->regions));
	device->irqs = table(device->nr_irqs, sizeof(*device->irqs));
	if (!device->regions || !device->irqs)
		return -ENOMEM;
	err = read_regions(device);
	for (unsigned int i = 0; i < device->nr_irqs && !err; i++)
		err = read_irq(device, i);
	if (!err && device_is_ccw(device))
		err = find_ccw_layouts(device);
	return err;
}

void device_free_info(struct device *device)
{
	for (unsigned int i = 0; device->regions && i < device->nr_regions; i++) {
		free(device->regions[i].areas);
		free(device->regions[i].caps);
		hidden_close(device->regions[i].fd);
	}
	free(device->regions);
	free(device->irqs);
}

/* ---- what the program is told ---- */

long device_get_info(struct device *device, void *arg)
{
	struct vfio_device_info info;

	if (copy_from_user(&info, arg, DEVICE_INFO_SIZE))
		return -EFAULT;
	if (info.argsz < DEVICE_INFO_SIZE)
		return -EINVAL;
	info.flags = device->flags;
	info.num_regions = device->nr_regions;
	info.num_irqs = device->nr_irqs;
	return copy_to_user(arg, &info, DEVICE_INFO_SIZE);
}

long device_get_region_info(struct device *device, void *arg)
{
	const struct device_region *region;
	struct vfio_region_info info;

	if (copy_from_user(&info, arg, sizeof(info)))
		return -EFAULT;
	if (info.argsz < sizeof(info) || info.index >= device->nr_regions)
		return -EINVAL;
	region = &device->regions[info.index];
	if (region->err)
		return region->err;
	info.flags = region->flags;
	info.size = region->size;
	info.offset = (uint64_t)info.index << REGION_SHIFT;
	if (region->caps_size) {
		info.flags |= VFIO_REGION_INFO_FLAG_CAPS;
		if (info.argsz < sizeof(info) + region->caps_size) {
			info.argsz = sizeof(info) + region->caps_size;
			info.cap_offset = 0;
		} else {
			if (copy_to_user((uint8_t *)arg + sizeof(info), region->caps,
					 region->caps_size))
				return -EFAULT;
			info.cap_offset = sizeof(info);
		}
	}
	return copy_to_user(arg, &info, sizeof(info));
}

long device_get_irq_info(struct device *device, void *arg)
{
	struct vfio_irq_info info;

	if (copy_from_user(&info, arg, sizeof(info)))
		return -EFAULT;
	if (info.argsz < sizeof(info) || info.index >= device->nr_irqs)
		return -EINVAL;
	if (device->irqs[info.index].err)
		return device->irqs[info.index].err;
	info.flags = device->irqs[info.index].flags;
	info.count = device->irqs[info.index].count;
	return copy_to_user(arg, &info, sizeof(info));
}
