/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The driver's ways to a user's memory: copying, and pinning.
 * Behaviour: Linux 6.1 drivers/vfio/{vfio_main,vfio_iommu_type1}.c.
 */
#include <errno.h>

#include "model/alloc.h"
#include "vfio/dma.h"
#include "vfio/vfio.h"

/* ---- copying ---- */

/* Begin to use the mapping that @iova is in. */
static int use_map(struct vfio_device *vdev, uint64_t iova, uint32_t right,
		   struct vfio_dma_map **out, struct vfio_dma **out_dma)
{
	struct vfio_dma_map *map;
	int err = 0;

	pthread_mutex_lock(&vdev->dma_lock);
	if (!vdev->dma) {
		err = -ENODEV;
		goto unlock;
	}
	map = vfio_dma_find(vdev->dma, iova);
	if (!map || map->iova > iova || map->state == VFIO_DMA_GOING || !(map->flags & right)) {
		err = -EFAULT;
		goto unlock;
	}
	map->users++;
	*out = map;
	*out_dma = vdev->dma;
unlock:
	pthread_mutex_unlock(&vdev->dma_lock);
	return err;
}

static void unuse_map(struct vfio_device *vdev, struct vfio_dma_map *map, struct vfio_dma *dma)
{
	pthread_mutex_lock(&vdev->dma_lock);
	if (!--map->users && map->state == VFIO_DMA_GOING)
		pthread_cond_signal(&dma->idle);
	pthread_mutex_unlock(&vdev->dma_lock);
}

/* What a guest's processors and the device share word by word must not be seen in halves. */
static bool copy_word(void *to, const void *from, size_t len)
{
	if (((uintptr_t)to | (uintptr_t)from) % len)
		return false;
	switch (len) {
	case 8:
		*(volatile uint64_t *)to = *(const volatile uint64_t *)from;
		return true;
	case 4:
		*(volatile uint32_t *)to = *(const volatile uint32_t *)from;
		return true;
	case 2:
		*(volatile uint16_t *)to = *(const volatile uint16_t *)from;
		return true;
	}
	return false;
}

static void copy(void *to, const void *from, size_t len)
{
	if (len > 8 || !copy_word(to, from, len))
		memcpy(to, from, len);
}

static int copy_map(struct vfio_dma *dma, struct vfio_dma_map *map, uint64_t iova, void *data,
		    size_t len, bool write)
{
	const struct vfio_user_ops *ops = dma->file->ops;

	if (map->vaddr) {
		uint8_t *guest = map->vaddr + (iova - map->iova);

		if (write)
			copy(guest, data, len);
		else
			copy(data, guest, len);
		return guestmem_lost(map->mem) ? -EFAULT : 0;
	}
	if (write)
		return ops->dma_write ? ops->dma_write(dma->file, iova, data, len) : -EFAULT;
	return ops->dma_read ? ops->dma_read(dma->file, iova, data, len) : -EFAULT;
}

int vfio_dma_rw(struct vfio_device *vdev, uint64_t iova, void *data, size_t len, bool write)
{
	const uint32_t right = write ? VFIO_DMA_MAP_FLAG_WRITE : VFIO_DMA_MAP_FLAG_READ;
	struct vfio_dma_map *map;
	struct vfio_dma *dma;
	uint8_t *at = data;
	uint64_t room;
	size_t n;
	int err;

	if (len && iova + (len - 1) < iova)
		return -EFAULT;
	while (len) {
		err = use_map(vdev, iova, right, &map, &dma);
		if (err)
			return err;
		room = map->size - (iova - map->iova);
		n = len < room ? len : (size_t)room;
		err = copy_map(dma, map, iova, at, n, write);
		unuse_map(vdev, map, dma);
		if (err)
			return err;
		iova += n;
		at += n;
		len -= n;
	}
	return 0;
}

/* ---- pinning ---- */

static int compare_pins(const struct vfio_pin *a, const struct vfio_pin *b)
{
	return a->iova < b->iova ? -1 : a->iova > b->iova;
}

RB_PROTOTYPE(vfio_pins, vfio_pin, node, compare_pins)
RB_GENERATE(vfio_pins, vfio_pin, node, compare_pins)

unsigned int vfio_pins_drop(struct vfio_dma_map *map)
{
	struct vfio_pin *pin;
	unsigned int n = 0;

	while ((pin = RB_ROOT(&map->pins))) {
		RB_REMOVE(vfio_pins, &map->pins, pin);
		free(pin);
		n++;
	}
	return n;
}

static struct vfio_dma_map *find_exactly(struct vfio_dma *dma, uint64_t iova)
{
	struct vfio_dma_map *map = vfio_dma_find(dma, iova);

	return map && map->iova <= iova ? map : NULL;
}

static struct vfio_pin *find_pin(struct vfio_dma_map *map, uint64_t iova)
{
	struct vfio_pin key = { .iova = iova };

	return RB_FIND(vfio_pins, &map->pins, &key);
}

/* One page. Under dma_lock. */
static int pin_page(struct vfio_dma *dma, uint64_t iova, uint32_t prot, void **page)
{
	struct vfio_dma_map *map = find_exactly(dma, iova);
	struct vfio_pin *pin;

	if (!map || map->state != VFIO_DMA_LIVE || (map->flags & prot) != prot)
		return -EFAULT;
	if (!map->vaddr)
		return -EOPNOTSUPP;
	pin = find_pin(map, iova);
	if (!pin) {
		pin = zalloc(sizeof(*pin));
		if (!pin)
			return -ENOMEM;
		pin->iova = iova;
		RB_INSERT(vfio_pins, &map->pins, pin);
	}
	pin->count++;
	*page = map->vaddr + (iova - map->iova);
	return 0;
}

/* One page. Under dma_lock. Return: was it pinned? */
static bool unpin_page(struct vfio_dma *dma, uint64_t iova)
{
	struct vfio_dma_map *map = find_exactly(dma, iova);
	struct vfio_pin *pin = map ? find_pin(map, iova) : NULL;

	if (!pin)
		return false;
	if (!--pin->count) {
		RB_REMOVE(vfio_pins, &map->pins, pin);
		free(pin);
	}
	return true;
}

static int pin_all(struct vfio_dma *dma, uint64_t iova, int npage, uint32_t prot, void **pages)
{
	int i, err;

	for (i = 0; i < npage; i++) {
		err = pin_page(dma, iova + (uint64_t)i * VFIO_DMA_PAGE, prot, &pages[i]);
		if (err)
			break;
	}
	if (i == npage)
		return npage;
	while (i--)
		unpin_page(dma, iova + (uint64_t)i * VFIO_DMA_PAGE);
	return err;
}

int vfio_pin_pages(struct vfio_device *vdev, uint64_t iova, int npage, int prot, void **pages)
{
	const int known = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
	int ret;

	if (npage <= 0 || npage > VFIO_PIN_PAGES_MAX || !prot || prot & ~known ||
	    !vdev->ops->dma_unmap)
		return -EINVAL;
	iova -= iova % VFIO_DMA_PAGE;
	if (iova + ((uint64_t)npage * VFIO_DMA_PAGE - 1) < iova)
		return -EFAULT;
	pthread_mutex_lock(&vdev->dma_lock);
	ret = vdev->dma ? pin_all(vdev->dma, iova, npage, (uint32_t)prot, pages) : -ENODEV;
	pthread_mutex_unlock(&vdev->dma_lock);
	return ret;
}

void vfio_unpin_pages(struct vfio_device *vdev, uint64_t iova, int npage)
{
	int i, strays = 0;

	iova -= iova % VFIO_DMA_PAGE;
	pthread_mutex_lock(&vdev->dma_lock);
	for (i = 0; vdev->dma && i < npage; i++) {
		if (!unpin_page(vdev->dma, iova + (uint64_t)i * VFIO_DMA_PAGE))
			strays++;
	}
	pthread_mutex_unlock(&vdev->dma_lock);
	if (strays)
		dev_err(vdev->dev, "%s unpinned %d pages at %#llx that were not pinned",
			vdev->ops->name, strays, (unsigned long long)iova);
}
