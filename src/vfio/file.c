/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one user of a device, from open to close.
 * Behaviour: Linux 6.1 drivers/vfio/{vfio_main,pci/vfio_pci_core}.c.
 */
#include <errno.h>
#include <stdio.h>

#include "model/alloc.h"
#include "vfio/dma.h"
#include "vfio/irq.h"
#include "vfio/vfio.h"

/* ---- who it is ---- */

struct vfio_file *vfio_file_visit(struct vfio_device_private *p)
{
	struct vfio_file *file;

	pthread_mutex_lock(&p->lock);
	file = p->leaving ? NULL : p->file;
	if (file)
		p->visitors++;
	pthread_mutex_unlock(&p->lock);
	return file;
}

void vfio_file_leave(struct vfio_device_private *p)
{
	pthread_mutex_lock(&p->lock);
	if (!--p->visitors)
		pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
}

void vfio_clean_name(char *name)
{
	for (; *name; name++) {
		if ((unsigned char)*name < ' ' || *name == 0x7f)
			*name = '?';
	}
}

void vfio_file_describe(struct vfio_file *file, char *buf, size_t size)
{
	snprintf(buf, size, "a user");
	if (file->ops->describe)
		file->ops->describe(file, buf, size);
	vfio_clean_name(buf);
}

/* ---- open and close ---- */

/* Become the user, unless there is one, or somebody else has the group. */
static int take(struct vfio_device_private *p, struct vfio_claim *claim, struct vfio_file *file)
{
	int err = 0;

	pthread_mutex_lock(&p->lock);
	if (p->going)
		err = -ENODEV;
	else if (p->file || (p->claim && p->claim != claim))
		err = -EBUSY;
	else if (claim && !p->claim)
		err = -ENODEV;
	else
		p->file = file;
	pthread_mutex_unlock(&p->lock);
	return err;
}

/* Be the user no more. Whoever waits for that may free the device once the lock is dropped. */
static void release(struct vfio_device_private *p)
{
	pthread_mutex_lock(&p->lock);
	p->leaving = true;
	while (p->visitors)
		pthread_cond_wait(&p->changed, &p->lock);
	p->leaving = false;
	p->file = NULL;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
}

int vfio_file_open_claimed(struct vfio_device *vdev, struct vfio_claim *claim,
			   const struct vfio_user_ops *ops, void *data, struct vfio_file **out)
{
	struct vfio_device_private *p = vdev->p;
	struct module *owner = p->owner;
	struct vfio_file *file;
	int err;

	file = zalloc(sizeof(*file));
	if (!file)
		return -ENOMEM;
	file->vdev = vdev;
	file->dev_ops = vdev->ops;
	file->regions = p->regions;
	file->num_regions = vdev->num_regions;
	file->ops = ops;
	file->data = data;
	if (!try_module_get(owner)) {
		err = -ENODEV;
		goto free;
	}
	err = take(p, claim, file);
	if (err)
		goto put;
	err = vfio_dma_create(file);
	if (err)
		goto release;
	err = vfio_irqs_open(vdev);
	if (err)
		goto destroy_dma;
	err = vdev->ops->open_device ? vdev->ops->open_device(vdev) : 0;
	if (err)
		goto disable_irqs;
	err = vfio_regions_seal(vdev);
	if (err)
		goto close_device;
	*out = file;
	return 0;
close_device:
	if (vdev->ops->close_device)
		vdev->ops->close_device(vdev);
disable_irqs:
	vfio_irqs_disable_all(vdev);
destroy_dma:
	vfio_dma_destroy(file);
release:
	release(p);
put:
	module_put(owner);
free:
	free(file);
	return err;
}

int vfio_file_open(struct vfio_device *vdev, const struct vfio_user_ops *ops, void *data,
		   struct vfio_file **out)
{
	return vfio_file_open_claimed(vdev, NULL, ops, data, out);
}

void vfio_file_close(struct vfio_file *file)
{
	struct vfio_device *vdev = file->vdev;
	struct vfio_device_private *p = vdev->p;
	struct module *owner = p->owner;

	vfio_irqs_disable_all(vdev);
	if (vdev->ops->close_device)
		vdev->ops->close_device(vdev);
	vfio_dma_destroy(file);
	release(p);
	module_put(owner);
	free(file);
}

void *vfio_file_data(const struct vfio_file *file)
{
	return file->data;
}

struct vfio_device *vfio_file_device(const struct vfio_file *file)
{
	return file->vdev;
}

/* ---- information ---- */

void vfio_file_get_info(struct vfio_file *file, struct vfio_device_info *info)
{
	struct vfio_device *vdev = file->vdev;

	info->flags = vdev->flags;
	if (vdev->ops->has_reset ? vdev->ops->has_reset(vdev) : vdev->ops->reset != NULL)
		info->flags |= VFIO_DEVICE_FLAGS_RESET;
	info->num_regions = vdev->num_regions;
	info->num_irqs = vdev->num_irqs;
}

/* The capabilities of a region, one after the other behind the fixed part of its information. */
struct cap_writer {
	uint8_t *info; /* NULL: only count */
	uint32_t at;
	uint32_t last; /* where the offset of the next one is kept; 0 before the first */
};

/* Begin a capability of @size bytes. Return: room for it, or NULL when only counting. */
static void *add_cap(struct cap_writer *w, uint16_t id, size_t size)
{
	struct vfio_info_cap_header header = { .id = id, .version = 1 };
	uint8_t *place = w->info ? w->info + w->at : NULL;

	if (place) {
		memset(place, 0, size);
		memcpy(place, &header, sizeof(header));
		if (w->last)
			memcpy(w->info + w->last, &w->at, sizeof(w->at));
		w->last = w->at + offsetof(struct vfio_info_cap_header, next);
	}
	w->at += (uint32_t)size;
	return place;
}

static void add_sparse_mmap(struct cap_writer *w, const struct vfio_region *region)
{
	struct vfio_region_info_cap_sparse_mmap *cap;
	unsigned int i;

	if (!(region->flags & VFIO_REGION_INFO_FLAG_MMAP) || !region->nr_areas)
		return;
	cap = add_cap(w, VFIO_REGION_INFO_CAP_SPARSE_MMAP,
		      sizeof(*cap) + region->nr_areas * sizeof(cap->areas[0]));
	if (!cap)
		return;
	cap->nr_areas = region->nr_areas;
	for (i = 0; i < region->nr_areas; i++) {
		cap->areas[i].offset = region->areas[i].offset;
		cap->areas[i].size = region->areas[i].size;
	}
}

static void add_type(struct cap_writer *w, const struct vfio_region *region)
{
	struct vfio_region_info_cap_type *cap;

	if (!region->type)
		return;
	cap = add_cap(w, VFIO_REGION_INFO_CAP_TYPE, sizeof(*cap));
	if (!cap)
		return;
	cap->type = region->type;
	cap->subtype = region->subtype;
}

/* Write what capabilities there are behind @info, or count only. Return: the size of everything. */
static uint32_t add_caps(struct vfio_region_info *info, const struct vfio_region *region)
{
	struct cap_writer w = { .info = (uint8_t *)info, .at = sizeof(*info) };

	add_sparse_mmap(&w, region);
	add_type(&w, region);
	return w.at;
}

int vfio_file_get_region_info(struct vfio_file *file, unsigned int index,
			      struct vfio_region_info *info, size_t size, int *fd)
{
	struct vfio_region region = { 0 };
	bool mappable;

	if (index >= file->num_regions || size < sizeof(*info))
		return -EINVAL;
	if (file->dev_ops->get_region(file->vdev, index, &region))
		return -EINVAL;
	mappable = region.size && region.flags & VFIO_REGION_INFO_FLAG_MMAP;
	if (!mappable)
		region.flags &= ~(uint32_t)VFIO_REGION_INFO_FLAG_MMAP;
	memset(info, 0, sizeof(*info));
	info->index = index;
	info->flags = region.flags;
	info->size = region.size;
	info->offset = mappable ? region.fd_offset : 0;
	info->argsz = add_caps(NULL, &region);
	if (info->argsz > sizeof(*info) && info->argsz <= size) {
		add_caps(info, &region);
		info->flags |= VFIO_REGION_INFO_FLAG_CAPS;
		info->cap_offset = sizeof(*info);
	}
	if (fd)
		*fd = mappable ? region.fd : -1;
	return 0;
}

int vfio_file_get_irq_info(struct vfio_file *file, unsigned int index, struct vfio_irq_info *info)
{
	const struct vfio_device *vdev = file->vdev;

	if (index >= vdev->num_irqs)
		return -EINVAL;
	info->argsz = sizeof(*info);
	info->index = index;
	info->count = vdev->irqs[index].count;
	info->flags = vdev->irqs[index].flags;
	return 0;
}

/* ---- use ---- */

int vfio_file_set_irqs(struct vfio_file *file, uint32_t flags, unsigned int index,
		       unsigned int start, unsigned int count, const void *data)
{
	struct vfio_device *vdev = file->vdev;
	int err = vfio_irqs_set(vdev, flags, index, start, count, data);

	if (!err && vdev->ops->irqs_changed)
		vdev->ops->irqs_changed(vdev, index);
	return err;
}

/* Is the access inside of the region, and may it be? */
static inline int check_access(const struct vfio_file *file, unsigned int index, size_t count,
			       uint64_t offset, uint32_t right)
{
	const struct vfio_region_bounds *region;

	if (index >= file->num_regions)
		return -EINVAL;
	region = &file->regions[index];
	if (offset > region->size || count > region->size - offset || !region->size)
		return -EINVAL;
	return region->flags & right ? 0 : -EACCES;
}

ssize_t vfio_file_read(struct vfio_file *file, unsigned int index, void *buf, size_t count,
		       uint64_t offset)
{
	int err = check_access(file, index, count, offset, VFIO_REGION_INFO_FLAG_READ);

	if (err || !count)
		return err;
	return file->dev_ops->read(file->vdev, index, buf, count, offset);
}

ssize_t vfio_file_write(struct vfio_file *file, unsigned int index, const void *buf, size_t count,
			uint64_t offset)
{
	int err = check_access(file, index, count, offset, VFIO_REGION_INFO_FLAG_WRITE);

	if (err || !count)
		return err;
	return file->dev_ops->write(file->vdev, index, buf, count, offset);
}

int vfio_file_reset(struct vfio_file *file)
{
	return file->dev_ops->reset ? file->dev_ops->reset(file->vdev) : -ENOTTY;
}
