/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The IOMMU of a container: mapping, unmapping, information. Checks are in the kernel's order.
 * Behaviour: Linux 6.1 drivers/vfio/vfio_iommu_type1.c, with emulated groups only.
 */
#include <errno.h>
#include <linux/vfio.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "preload/container_private.h"
#include "preload/mm_id.h"
#include "preload/usercopy.h"

/* The part of a structure up to a field, which is what VFIO means by its least argsz. */
#define UP_TO(type, field) (offsetof(type, field) + sizeof(((type *)NULL)->field))

uint64_t type1_page_size(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

int type1_begin(struct container *container)
{
	container_lock(container);
	if (container->shared->iommu)
		return 0;
	container_unlock(container);
	return -EINVAL;
}

static void lock_maps(struct container *container)
{
	if (shared_mutex_lock(&container->shared->maps_lock) == -EOWNERDEAD)
		dma_table_recover(&container->shared->maps);
}

static void unlock_maps(struct container *container)
{
	shared_mutex_unlock(&container->shared->maps_lock);
}

/* ---- mappings come and go ---- */

static struct container_part *part_at(struct container *container, const struct dma_map *map)
{
	return &container->parts[dma_table_slot(&container->shared->maps, map)];
}

static void remove_at(struct container *container, uint32_t pos)
{
	struct container_shared *shared = container->shared;
	struct dma_map *map = dma_table_at(&shared->maps, pos);
	struct container_part *known = part_at(container, map);

	if (known->id == map->id)
		backing_put(&container->backing, &known->part);
	shared->removed++;
	container->removed++;
	lock_maps(container);
	dma_table_remove(&shared->maps, pos);
	unlock_maps(container);
}

/* From here on devices may use it. Return: the mapping, or NULL if there is no room for it. */
static struct dma_map *insert(struct container *container, const struct dma_map *new)
{
	struct container_shared *shared = container->shared;
	struct container_part *known;
	struct dma_map *map;

	lock_maps(container);
	map = dma_table_insert(&shared->maps, new);
	unlock_maps(container);
	if (!map)
		return NULL;
	known = part_at(container, map);
	backing_get(&container->backing, map->vaddr, map->size, map->prot, &known->part);
	known->id = map->id;
	return map;
}

void type1_forget_parts(struct container *container)
{
	struct container_shared *shared = container->shared;
	uint32_t i;

	if (container->removed == shared->removed)
		return;
	for (i = 0; container->backing.files && i < DMA_TABLE_MAX; i++) {
		struct container_part *known = &container->parts[i];

		if (!shared->maps.slots[i].used || shared->maps.slots[i].id != known->id)
			backing_put(&container->backing, &known->part);
	}
	container->removed = shared->removed;
}

void type1_clear(struct container *container)
{
	struct container_shared *shared = container->shared;

	shared->removed += shared->maps.nr;
	lock_maps(container);
	dma_table_clear(&shared->maps);
	unlock_maps(container);
	type1_forget_parts(container);
}

void type1_recover(struct container *container)
{
	struct dma_table *maps = &container->shared->maps;
	uint32_t pos = 0;

	/* Who died with the calls may have died with the mappings, too. */
	lock_maps(container);
	dma_table_recover(maps);
	unlock_maps(container);
	while (pos < maps->nr) {
		if (dma_table_at(maps, pos)->changing) {
			devices_unmap(container, dma_table_at(maps, pos));
			remove_at(container, pos);
		} else {
			pos++;
		}
	}
}

/* ---- VFIO_IOMMU_MAP_DMA ---- */

/*
 * VFIO_DMA_MAP_FLAG_VADDR: a new place for a mapping whose old one was given up, which is not to be
 * had with devices of software.
 */
static long set_vaddr(struct container *container, uint64_t iova, uint64_t last)
{
	struct dma_table *maps = &container->shared->maps;
	uint32_t pos = dma_table_find(maps, iova);

	return pos < maps->nr && dma_table_at(maps, pos)->iova <= last ? -EINVAL : -ENOENT;
}

static long add_map(struct container *container, const struct dma_map *new)
{
	struct container_shared *shared = container->shared;
	uint32_t pos = dma_table_find(&shared->maps, new->iova);
	struct dma_map *map;
	int err;

	if (pos < shared->maps.nr && dma_table_at(&shared->maps, pos)->iova <= dma_map_last(new))
		return -EEXIST;
	if (shared->maps.nr == DMA_TABLE_MAX)
		return -ENOSPC;
	if (shared->tracking && !dirty_fits(new))
		return -EINVAL;
	map = insert(container, new);
	if (!map)
		return -ENOSPC;
	err = devices_map(container, map, &part_at(container, map)->part);
	if (err)
		remove_at(container, dma_table_find(&shared->maps, new->iova));
	else
		map->changing = false;
	return err;
}

static long map_dma(struct container *container, void *arg)
{
	const uint32_t rights = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
	struct vfio_iommu_type1_dma_map map;
	struct dma_map new = { .changing = true };
	uint64_t page = type1_page_size();
	long err;

	if (copy_from_user(&map, arg, sizeof(map)))
		return -EFAULT;
	if (map.argsz < sizeof(map) || map.flags & ~(rights | VFIO_DMA_MAP_FLAG_VADDR))
		return -EINVAL;
	if ((size_t)map.size != map.size || (uintptr_t)map.vaddr != map.vaddr)
		return -EINVAL;
	if (!(map.flags & rights) == !(map.flags & VFIO_DMA_MAP_FLAG_VADDR))
		return -EINVAL;
	if (!map.size || (map.size | map.iova | map.vaddr) % page ||
	    map.iova + map.size - 1 < map.iova || map.vaddr + map.size - 1 < map.vaddr)
		return -EINVAL;
	err = type1_begin(container);
	if (err)
		return err;
	new.iova = map.iova;
	new.size = map.size;
	new.vaddr = map.vaddr;
	new.prot = map.flags &rights;
	new.mm = mm_id();
	new.id = ++container->shared->last_id;
	if (map.flags & VFIO_DMA_MAP_FLAG_VADDR)
		err = set_vaddr(container, new.iova, dma_map_last(&new));
	else
		err = add_map(container, &new);
	container_unlock(container);
	return err;
}

/* ---- VFIO_IOMMU_UNMAP_DMA ---- */

/*
 * The second version of the rules lets no mapping be cut. By the first one a mapping goes whole if
 * its beginning is in the range, and else stays.
 */
static bool cuts(struct dma_table *maps, uint64_t iova, uint64_t last)
{
	struct dma_map *map = dma_table_covering(maps, iova);

	if (map && map->iova != iova)
		return true;
	map = dma_table_covering(maps, last);
	return map && dma_map_last(map) != last;
}

/* @bitmap: NULL: nobody asks. */
static long unmap_range(struct container *container, uint64_t iova, uint64_t last,
			const struct vfio_bitmap *bitmap, uint64_t *unmapped)
{
	struct dma_table *maps = &container->shared->maps;
	uint32_t pos = dma_table_find(maps, iova);
	struct dma_map *map;
	int err;

	while (pos < maps->nr) {
		map = dma_table_at(maps, pos);
		if (map->iova > last || map->iova < iova)
			break;
		if (bitmap) {
			err = dirty_report(bitmap, map, iova);
			if (err)
				return err;
		}
		map->changing = true;
		devices_unmap(container, map);
		*unmapped += map->size;
		remove_at(container, pos);
	}
	return 0;
}

static long do_unmap(struct container *container, struct vfio_iommu_type1_dma_unmap *unmap,
		     const struct vfio_bitmap *bitmap)
{
	struct container_shared *shared = container->shared;
	bool all = unmap->flags & VFIO_DMA_UNMAP_FLAG_ALL;
	uint64_t page = type1_page_size(), iova = unmap->iova, size = unmap->size;
	uint64_t last = all ? UINT64_MAX : iova + size - 1, unmapped = 0;
	long err;

	/* With devices of software memory cannot move. */
	if (unmap->flags & VFIO_DMA_UNMAP_FLAG_VADDR)
		return -EBUSY;
	if (iova % page)
		return -EINVAL;
	if (all ? iova || size : !size || size % page || last < iova || (size_t)size != size)
		return -EINVAL;
	if (bitmap && (!shared->tracking || bitmap->pgsize != page))
		return -EINVAL;
	if (shared->iommu != VFIO_TYPE1_IOMMU && !all && cuts(&shared->maps, iova, last))
		return -EINVAL;
	err = unmap_range(container, iova, last, bitmap, &unmapped);
	unmap->size = unmapped;
	return err;
}

static long unmap_dma(struct container *container, void *arg)
{
	const uint32_t others = VFIO_DMA_UNMAP_FLAG_ALL | VFIO_DMA_UNMAP_FLAG_VADDR;
	const uint32_t get_bitmap = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP;
	struct vfio_iommu_type1_dma_unmap unmap;
	struct vfio_bitmap bitmap;
	bool asks;
	long err;

	if (copy_from_user(&unmap, arg, sizeof(unmap)))
		return -EFAULT;
	if (unmap.argsz < sizeof(unmap) || unmap.flags & ~(others | get_bitmap))
		return -EINVAL;
	asks = unmap.flags & get_bitmap;
	if (asks) {
		if (unmap.flags & others || unmap.argsz < sizeof(unmap) + sizeof(bitmap))
			return -EINVAL;
		if (copy_from_user(&bitmap, (uint8_t *)arg + sizeof(unmap), sizeof(bitmap)))
			return -EFAULT;
		err = dirty_check_bitmap(&bitmap, unmap.size);
		if (err)
			return err;
	}
	err = type1_begin(container);
	if (err)
		return err;
	err = do_unmap(container, &unmap, asks ? &bitmap : NULL);
	container_unlock(container);
	if (err)
		return err;
	return copy_to_user(arg, &unmap, sizeof(unmap));
}

/* ---- VFIO_IOMMU_GET_INFO ---- */

/* Behind struct vfio_iommu_type1_info, one behind the other, the last one not padded. */
struct info_caps {
	struct vfio_iommu_type1_info_cap_migration migration;
	struct vfio_iommu_type1_info_dma_avail avail;
};

#define INFO_CAPS_SIZE UP_TO(struct info_caps, avail)

static void fill_caps(struct info_caps *caps, uint32_t avail)
{
	memset(caps, 0, sizeof(*caps));
	caps->migration.header.id = VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION;
	caps->migration.header.version = 1;
	caps->migration.header.next =
		sizeof(struct vfio_iommu_type1_info) + offsetof(struct info_caps, avail);
	caps->migration.pgsize_bitmap = type1_page_size();
	caps->migration.max_dirty_bitmap_size = DIRTY_BITMAP_MAX;
	caps->avail.header.id = VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL;
	caps->avail.header.version = 1;
	caps->avail.avail = avail;
}

static long get_info(struct container *container, void *arg)
{
	size_t size = UP_TO(struct vfio_iommu_type1_info, iova_pgsizes);
	const size_t full = UP_TO(struct vfio_iommu_type1_info, cap_offset);
	struct vfio_iommu_type1_info info;
	struct info_caps caps;
	long err;

	if (copy_from_user(&info, arg, size))
		return -EFAULT;
	if (info.argsz < size)
		return -EINVAL;
	if (info.argsz >= full) {
		size = full;
		info.cap_offset = 0;
	}
	err = type1_begin(container);
	if (err)
		return err;
	fill_caps(&caps, DMA_TABLE_MAX - container->shared->maps.nr);
	container_unlock(container);
	info.flags = VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS;
	info.iova_pgsizes = -type1_page_size();
	if (info.argsz < sizeof(info) + INFO_CAPS_SIZE) {
		info.argsz = sizeof(info) + INFO_CAPS_SIZE;
	} else {
		if (copy_to_user((uint8_t *)arg + sizeof(info), &caps, INFO_CAPS_SIZE))
			return -EFAULT;
		info.cap_offset = sizeof(info);
	}
	return copy_to_user(arg, &info, size);
}

/* ---- all of it ---- */

bool type1_supports(const struct container *container, unsigned long extension)
{
	switch (extension) {
	case VFIO_TYPE1_IOMMU:
	case VFIO_TYPE1v2_IOMMU:
	case VFIO_TYPE1_NESTING_IOMMU:
	case VFIO_UNMAP_ALL:
		return true;
	case VFIO_DMA_CC_IOMMU:
		return container; /* true of all devices behind a real IOMMU, as there is none */
	default:
		return false; /* VFIO_UPDATE_VADDR: not with devices of software */
	}
}

long type1_ioctl(struct container *container, unsigned int cmd, void *arg)
{
	switch (cmd) {
	case VFIO_IOMMU_GET_INFO:
		return get_info(container, arg);
	case VFIO_IOMMU_MAP_DMA:
		return map_dma(container, arg);
	case VFIO_IOMMU_UNMAP_DMA:
		return unmap_dma(container, arg);
	case VFIO_IOMMU_DIRTY_PAGES:
		return dirty_pages(container, arg);
	default:
		return -ENOTTY;
	}
}
