/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mapping and unmapping a user's memory.
 * Behaviour: Linux 6.1 drivers/vfio/vfio_iommu_type1.c, the second version of its rules.
 */
#include <errno.h>
#include <sys/mman.h>

#include "model/alloc.h"
#include "vfio/dma.h"
#include "vfio/vfio.h"

static int compare(const struct vfio_dma_map *a, const struct vfio_dma_map *b)
{
	return a->iova < b->iova ? -1 : a->iova > b->iova;
}

RB_PROTOTYPE(vfio_dma_maps, vfio_dma_map, node, compare)
RB_GENERATE(vfio_dma_maps, vfio_dma_map, node, compare)

static bool page_aligned(uint64_t n)
{
	return !(n % VFIO_DMA_PAGE);
}

/* The last address, so that a mapping may end where the address space does. */
static uint64_t last_of(const struct vfio_dma_map *map)
{
	return map->iova + map->size - 1;
}

struct vfio_dma_map *vfio_dma_find(struct vfio_dma *dma, uint64_t iova)
{
	struct vfio_dma_map *map = RB_ROOT(&dma->maps), *found = NULL;

	while (map) {
		if (iova > last_of(map)) {
			map = RB_RIGHT(map, node);
			continue;
		}
		found = map;
		if (iova >= map->iova)
			break;
		map = RB_LEFT(map, node);
	}
	return found;
}

int vfio_dma_create(struct vfio_file *file)
{
	struct vfio_dma *dma = zalloc(sizeof(*dma));

	if (!dma)
		return -ENOMEM;
	dma->file = file;
	RB_INIT(&dma->maps);
	guestmem_pool_init(&dma->files);
	pthread_cond_init(&dma->idle, NULL);
	pthread_mutex_lock(&file->vdev->dma_lock);
	file->vdev->dma = dma;
	pthread_mutex_unlock(&file->vdev->dma_lock);
	return 0;
}

static void free_map(struct vfio_dma *dma, struct vfio_dma_map *map)
{
	if (map->vaddr)
		guestmem_put(&dma->files, map->mem);
	free(map);
}

/* Let the copies in flight end, then take it out of the tree. Under dma_lock, dropped meanwhile. */
static void retire(struct vfio_device *vdev, struct vfio_dma *dma, struct vfio_dma_map *map)
{
	map->state = VFIO_DMA_GOING;
	while (map->users)
		pthread_cond_wait(&dma->idle, &vdev->dma_lock);
	RB_REMOVE(vfio_dma_maps, &dma->maps, map);
	dma->nr_maps--;
}

void vfio_dma_destroy(struct vfio_file *file)
{
	struct vfio_device *vdev = file->vdev;
	struct vfio_dma *dma = vdev->dma;
	struct vfio_dma_map *map;

	pthread_mutex_lock(&vdev->dma_lock);
	vdev->dma = NULL;
	while ((map = RB_ROOT(&dma->maps))) {
		vfio_pins_drop(map);
		retire(vdev, dma, map);
		free_map(dma, map);
	}
	pthread_mutex_unlock(&vdev->dma_lock);
	pthread_cond_destroy(&dma->idle);
	free(dma);
}

/* ---- map ---- */

static int check_map(struct vfio_dma *dma, uint64_t iova, uint64_t size, uint32_t flags,
		     uint64_t offset)
{
	const uint32_t known = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
	struct vfio_dma_map *map;

	if (!flags || flags & ~known)
		return -EINVAL;
	if (!size || !page_aligned(iova | size | offset))
		return -EINVAL;
	if (iova + size - 1 < iova || offset + size < offset)
		return -EINVAL;
	map = vfio_dma_find(dma, iova);
	if (map && map->iova <= iova + size - 1)
		return -EEXIST;
	return dma->nr_maps >= VFIO_DMA_MAPS_MAX ? -ENOSPC : 0;
}

static bool has_messages(const struct vfio_user_ops *ops)
{
	return ops->dma_read && ops->dma_write;
}

/* Map the file's memory here. What can't be mapped is left to messages, if there are any. */
static int attach_memory(struct vfio_file *file, struct vfio_dma_map *map, int fd, uint64_t offset)
{
	void *vaddr;
	int prot = 0, err;

	if (fd < 0)
		return 0;
	if (map->flags & VFIO_DMA_MAP_FLAG_READ)
		prot |= PROT_READ;
	if (map->flags & VFIO_DMA_MAP_FLAG_WRITE)
		prot |= PROT_WRITE;
	err = guestmem_get(&file->vdev->dma->files, fd, offset, map->size, prot, &map->mem, &vaddr);
	if (err)
		return has_messages(file->ops) ? 0 : err;
	map->vaddr = vaddr;
	return 0;
}

int vfio_file_dma_map(struct vfio_file *file, uint64_t iova, uint64_t size, uint32_t flags, int fd,
		      uint64_t offset)
{
	struct vfio_device *vdev = file->vdev;
	struct vfio_dma *dma = vdev->dma;
	struct vfio_dma_map *map;
	int err;

	err = check_map(dma, iova, size, flags, offset);
	if (err)
		return err;
	map = zalloc(sizeof(*map));
	if (!map)
		return -ENOMEM;
	map->iova = iova;
	map->size = size;
	map->flags = flags;
	RB_INIT(&map->pins);
	err = attach_memory(file, map, fd, offset);
	if (err) {
		free(map);
		return err;
	}
	pthread_mutex_lock(&vdev->dma_lock);
	RB_INSERT(vfio_dma_maps, &dma->maps, map);
	dma->nr_maps++;
	pthread_mutex_unlock(&vdev->dma_lock);
	return 0;
}

/* ---- unmap ---- */

static int check_unmap(struct vfio_dma *dma, uint64_t iova, uint64_t size)
{
	struct vfio_dma_map *map;
	uint64_t last = iova + size - 1;

	if (!size || !page_aligned(iova | size) || last < iova)
		return -EINVAL;
	map = vfio_dma_find(dma, iova);
	if (map && map->iova < iova)
		return -EINVAL;
	map = vfio_dma_find(dma, last);
	if (map && map->iova <= last && last_of(map) > last)
		return -EINVAL;
	return 0;
}

static void unmap_one(struct vfio_file *file, struct vfio_dma *dma, struct vfio_dma_map *map)
{
	struct vfio_device *vdev = file->vdev;
	unsigned int left;

	pthread_mutex_lock(&vdev->dma_lock);
	if (!RB_EMPTY(&map->pins)) {
		map->state = VFIO_DMA_UNPINNING;
		pthread_mutex_unlock(&vdev->dma_lock);
		vdev->ops->dma_unmap(vdev, map->iova, map->size);
		pthread_mutex_lock(&vdev->dma_lock);
		left = vfio_pins_drop(map);
		if (left)
			dev_err(vdev->dev,
				"%s left %u pages pinned in [%#llx, +%#llx), which goes away",
				vdev->ops->name, left, (unsigned long long)map->iova,
				(unsigned long long)map->size);
	}
	retire(vdev, dma, map);
	pthread_mutex_unlock(&vdev->dma_lock);
	free_map(dma, map);
}

static uint64_t unmap_range(struct vfio_file *file, uint64_t iova, uint64_t last)
{
	struct vfio_dma *dma = file->vdev->dma;
	struct vfio_dma_map *map;
	uint64_t sum = 0;

	while ((map = vfio_dma_find(dma, iova)) && map->iova <= last) {
		sum += map->size;
		unmap_one(file, dma, map);
	}
	return sum;
}

int vfio_file_dma_unmap(struct vfio_file *file, uint64_t iova, uint64_t size, uint64_t *unmapped)
{
	int err = check_unmap(file->vdev->dma, iova, size);
	uint64_t sum = err ? 0 : unmap_range(file, iova, iova + size - 1);

	if (unmapped)
		*unmapped = sum;
	return err;
}

void vfio_file_dma_unmap_all(struct vfio_file *file, uint64_t *unmapped)
{
	uint64_t sum = unmap_range(file, 0, UINT64_MAX);

	if (unmapped)
		*unmapped = sum;
}
