/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Registers: read and written as by a processor, or mapped where the hardware has memory there.
 */
#include <string.h>

#include "private.h"

#define PAGE_SIZE 4096

/* Nothing of another device's may lie in the same page. */
static bool has_pages_of_its_own(const struct platform_region *r)
{
	return r->start % PAGE_SIZE == 0 && r->size % PAGE_SIZE == 0;
}

int vfio_platform_get_region(struct vfio_device *vdev, unsigned int index,
			     struct vfio_region *region)
{
	struct platform_device *pdev = to_vfio_platform(vdev)->pdev;
	const struct platform_region *r = &pdev->regions[index];
	struct platform_hw *hw = platform_hw_of_device(pdev);
	struct platform_hw_map map = { 0 };

	region->size = r->size;
	region->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	if (!has_pages_of_its_own(r) || !hw || !hw->ops->get_map ||
	    hw->ops->get_map(hw, index, &map))
		return 0;
	region->flags |= VFIO_REGION_INFO_FLAG_MMAP;
	region->fd = map.memory->fd;
	region->fd_offset = map.offset;
	region->areas = map.areas;
	region->nr_areas = map.nr_areas;
	return 0;
}

/* The largest access that begins at @offset, as the kernel's driver chooses it. */
static unsigned int access_size(uint64_t offset, size_t count)
{
	if (count >= 4 && offset % 4 == 0)
		return 4;
	if (count >= 2 && offset % 2 == 0)
		return 2;
	return 1;
}

ssize_t vfio_platform_read(struct vfio_device *vdev, unsigned int index, void *buf, size_t count,
			   uint64_t offset)
{
	struct platform_device *pdev = to_vfio_platform(vdev)->pdev;
	uint8_t *to = buf;
	size_t done;
	unsigned int size;

	for (done = 0; done < count; done += size) {
		uint32_t word;
		uint16_t half;

		size = access_size(offset + done, count - done);
		word = (uint32_t)platform_read(pdev, index, offset + done, size);
		half = (uint16_t)word;
		if (size == 4)
			memcpy(to + done, &word, 4);
		else if (size == 2)
			memcpy(to + done, &half, 2);
		else
			to[done] = (uint8_t)word;
	}
	return (ssize_t)count;
}

ssize_t vfio_platform_write(struct vfio_device *vdev, unsigned int index, const void *buf,
			    size_t count, uint64_t offset)
{
	struct platform_device *pdev = to_vfio_platform(vdev)->pdev;
	const uint8_t *from = buf;
	size_t done;
	unsigned int size;

	for (done = 0; done < count; done += size) {
		uint32_t word;
		uint16_t half;

		size = access_size(offset + done, count - done);
		if (size == 4) {
			memcpy(&word, from + done, 4);
		} else if (size == 2) {
			memcpy(&half, from + done, 2);
			word = half;
		} else {
			word = from[done];
		}
		platform_write(pdev, index, offset + done, word, size);
	}
	return (ssize_t)count;
}
