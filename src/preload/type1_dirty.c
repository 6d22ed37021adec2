/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Dirty pages. What servers write by descriptor nobody sees, so every page that is mapped counts
 * as written: what the kernel answers for devices that cannot tell either.
 * Behaviour: Linux 6.1 drivers/vfio/vfio_iommu_type1.c.
 */
#include <errno.h>
#include <limits.h>
#include <linux/vfio.h>
#include <string.h>

#include "preload/container_private.h"
#include "preload/usercopy.h"

#define WORD_BITS 64u
/* In one copy to the program. */
#define WORDS 64u

/* Bytes of a bitmap of @pages; whole words. */
static uint64_t bitmap_bytes(uint64_t pages)
{
	return (pages / WORD_BITS + !!(pages % WORD_BITS)) * sizeof(uint64_t);
}

/* The kernel's access_ok(): the lower half of the addresses is the program's. */
static bool is_user_range(const void *data, uint64_t size)
{
	uint64_t end;

	return !__builtin_add_overflow((uint64_t)(uintptr_t)data, size, &end) && end <= INT64_MAX;
}

int dirty_check_bitmap(const struct vfio_bitmap *bitmap, uint64_t size)
{
	uint64_t pages;

	if (!is_user_range(bitmap->data, bitmap->size) || !bitmap->pgsize)
		return -EINVAL;
	pages = size >> __builtin_ctzll(bitmap->pgsize);
	if (!pages || !bitmap->size || bitmap->size > DIRTY_BITMAP_MAX ||
	    bitmap->size < bitmap_bytes(pages))
		return -EINVAL;
	return 0;
}

bool dirty_fits(const struct dma_map *map)
{
	return map->size / type1_page_size() <= INT_MAX;
}

static int set_some_bits(uint64_t *word, unsigned int first, unsigned int count)
{
	uint64_t bits = (count < WORD_BITS ? (UINT64_C(1) << count) - 1 : UINT64_MAX) << first;
	uint64_t value = 0;

	/* What is before the mapping stays; what is behind it belongs to whoever comes next. */
	if (first && copy_from_user(&value, word, sizeof(value)))
		return -EFAULT;
	value &= (UINT64_C(1) << first) - 1;
	value |= bits;
	return copy_to_user(word, &value, sizeof(value));
}

int dirty_report(const struct vfio_bitmap *bitmap, const struct dma_map *map, uint64_t iova)
{
	uint64_t first = (map->iova - iova) / type1_page_size();
	uint64_t count = map->size / type1_page_size(), n;
	uint64_t *word = (uint64_t *)bitmap->data + first / WORD_BITS;
	uint64_t ones[WORDS];

	memset(ones, 0xff, sizeof(ones));
	if (first % WORD_BITS) {
		n = WORD_BITS - first % WORD_BITS;
		n = n < count ? n : count;
		if (set_some_bits(word++, first % WORD_BITS, (unsigned int)n))
			return -EFAULT;
		count -= n;
	}
	while (count >= WORD_BITS) {
		n = count / WORD_BITS < WORDS ? count / WORD_BITS : WORDS;
		if (copy_to_user(word, ones, n * sizeof(*word)))
			return -EFAULT;
		word += n;
		count -= n * WORD_BITS;
	}
	return count ? set_some_bits(word, 0, (unsigned int)count) : 0;
}

/* ---- VFIO_IOMMU_DIRTY_PAGES ---- */

static long track(struct container *container, bool start)
{
	struct container_shared *shared = container->shared;
	long err = type1_begin(container);
	uint32_t i;

	if (err)
		return err;
	for (i = 0; start && !shared->tracking && !err && i < shared->maps.nr; i++) {
		if (!dirty_fits(dma_table_at(&shared->maps, i)))
			err = -EINVAL;
	}
	if (!err)
		shared->tracking = start;
	container_unlock(container);
	return err;
}

static long report(struct container *container,
		   const struct vfio_iommu_type1_dirty_bitmap_get *range)
{
	struct dma_table *maps = &container->shared->maps;
	uint64_t last = range->iova + range->size - 1;
	struct dma_map *map;
	uint32_t i;
	int err;

	map = dma_table_covering(maps, range->iova);
	if (map && map->iova != range->iova)
		return -EINVAL;
	map = dma_table_covering(maps, last);
	if (map && dma_map_last(map) != last)
		return -EINVAL;
	for (i = dma_table_find(maps, range->iova); i < maps->nr; i++) {
		map = dma_table_at(maps, i);
		if (map->iova > last)
			break;
		err = dirty_report(&range->bitmap, map, range->iova);
		if (err)
			return err;
	}
	return 0;
}

static long get_bitmap(struct container *container, const uint8_t *arg, size_t size)
{
	struct vfio_iommu_type1_dirty_bitmap_get range;
	uint64_t page = type1_page_size();
	long err;

	if (size < sizeof(range))
		return -EINVAL;
	if (copy_from_user(&range, arg, sizeof(range)))
		return -EFAULT;
	if (range.iova + range.size < range.iova)
		return -EINVAL;
	err = dirty_check_bitmap(&range.bitmap, range.size);
	if (err)
		return err;
	if (range.bitmap.pgsize != page || range.iova % page || !range.size || range.size % page)
		return -EINVAL;
	err = type1_begin(container);
	if (err)
		return err;
	err = container->shared->tracking ? report(container, &range) : -EINVAL;
	container_unlock(container);
	return err;
}

long dirty_pages(struct container *container, void *arg)
{
	const uint32_t known = VFIO_IOMMU_DIRTY_PAGES_FLAG_START |
			       VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP |
			       VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP;
	struct vfio_iommu_type1_dirty_bitmap dirty;

	if (container->shared->iommu == VFIO_TYPE1_IOMMU)
		return -EACCES;
	if (copy_from_user(&dirty, arg, sizeof(dirty)))
		return -EFAULT;
	if (dirty.argsz < sizeof(dirty) || dirty.flags & ~known)
		return -EINVAL;
	switch (dirty.flags) {
	case VFIO_IOMMU_DIRTY_PAGES_FLAG_START:
	case VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP:
		return track(container, dirty.flags == VFIO_IOMMU_DIRTY_PAGES_FLAG_START);
	case VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP:
		return get_bitmap(container, (uint8_t *)arg + sizeof(dirty),
				  dirty.argsz - sizeof(dirty));
	default:
		return -EINVAL; /* one at a time */
	}
}
