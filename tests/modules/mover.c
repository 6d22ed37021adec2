/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A device that moves its user's memory, as it is told by its registers (mover.h).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <umdev/mdev.h>
#include <umdev/module.h>
#include <umdev/vfio.h>

#include "mover.h"

/* One per mediated device; all of it is the user's, one access at a time. */
struct mover {
	struct vfio_device vdev;
	struct mover_registers regs;
	uint8_t buffer[MOVER_BUFFER];
	int memory;
};

static struct mover *to_mover(struct vfio_device *vdev)
{
	return container_of(vdev, struct mover, vdev);
}

static int get_region(struct vfio_device *vdev, unsigned int index, struct vfio_region *region)
{
	region->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	region->size = MOVER_BUFFER;
	if (index == MOVER_REGISTERS) {
		region->size = sizeof(struct mover_registers);
	} else if (index == MOVER_MEMORY) {
		region->flags |= VFIO_REGION_INFO_FLAG_MMAP;
		region->fd = to_mover(vdev)->memory;
	}
	return 0;
}

static int get_irq(struct vfio_device *vdev, unsigned int index, struct vfio_irq *irq)
{
	return 0;
}

/* Is the page here, or behind messages? */
static int where(struct vfio_device *vdev, uint64_t iova)
{
	void *page;
	int ret = vfio_pin_pages(vdev, iova, 1, VFIO_DMA_MAP_FLAG_READ, &page);

	if (ret == -EOPNOTSUPP)
		return MOVER_BY_MESSAGE;
	if (ret < 0)
		return ret;
	vfio_unpin_pages(vdev, iova, 1);
	return MOVER_BY_DESCRIPTOR;
}

static int perform(struct mover *mover, uint32_t command)
{
	struct mover_registers *regs = &mover->regs;
	uint32_t count = regs->count < MOVER_BUFFER ? regs->count : MOVER_BUFFER;
	void *page;
	int ret;

	switch (command) {
	case MOVER_READ:
	case MOVER_WRITE:
		return vfio_dma_rw(&mover->vdev, regs->iova, mover->buffer, count,
				   command == MOVER_WRITE);
	case MOVER_WHERE:
		return where(&mover->vdev, regs->iova);
	case MOVER_PIN:
		ret = vfio_pin_pages(&mover->vdev, regs->iova, 1, VFIO_DMA_MAP_FLAG_READ, &page);
		return ret < 0 ? ret : 0;
	default:
		return -EINVAL;
	}
}

static void *place(struct mover *mover, unsigned int index, uint64_t offset)
{
	switch (index) {
	case MOVER_REGISTERS:
		return (uint8_t *)&mover->regs + offset;
	case MOVER_DATA:
		return mover->buffer + offset;
	default:
		return NULL;
	}
}

static ssize_t read_region(struct vfio_device *vdev, unsigned int index, void *buf, size_t count,
			   uint64_t offset)
{
	struct mover *mover = to_mover(vdev);

	if (index == MOVER_MEMORY)
		return pread(mover->memory, buf, count, (off_t)offset);
	memcpy(buf, place(mover, index, offset), count);
	return (ssize_t)count;
}

static ssize_t write_region(struct vfio_device *vdev, unsigned int index, const void *buf,
			    size_t count, uint64_t offset)
{
	struct mover *mover = to_mover(vdev);

	if (index == MOVER_MEMORY)
		return pwrite(mover->memory, buf, count, (off_t)offset);
	memcpy(place(mover, index, offset), buf, count);
	if (index == MOVER_REGISTERS && offset == offsetof(struct mover_registers, command))
		mover->regs.status = perform(mover, mover->regs.command);
	return (ssize_t)count;
}

/* A device that has work to finish reads some of the memory that stays. */
static void dma_unmap(struct vfio_device *vdev, uint64_t iova, uint64_t length)
{
	struct mover *mover = to_mover(vdev);

	vfio_unpin_pages(vdev, mover->regs.iova, 1);
	mover->regs.status = vfio_dma_rw(vdev, mover->regs.other, mover->buffer, 8, false);
}

static const struct vfio_device_ops ops = {
	.name = "mover",
	.get_region = get_region,
	.get_irq = get_irq,
	.read = read_region,
	.write = write_region,
	.dma_unmap = dma_unmap,
};

/* ---- where it comes from ---- */

static int mover_probe(struct mdev_device *mdev)
{
	struct mover *mover = calloc(1, sizeof(*mover));
	int err = -ENOMEM;

	if (!mover)
		return err;
	mover->memory = memfd_create("mover", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (mover->memory < 0 || ftruncate(mover->memory, MOVER_BUFFER))
		goto free;
	mover->vdev.dev = &mdev->dev;
	mover->vdev.ops = &ops;
	mover->vdev.flags = VFIO_DEVICE_FLAGS_PCI;
	mover->vdev.num_regions = MOVER_NR_REGIONS;
	dev_set_drvdata(&mdev->dev, mover);
	err = vfio_register_emulated_iommu_dev(&mover->vdev);
	if (err)
		goto free;
	return 0;

free:
	if (mover->memory >= 0)
		close(mover->memory);
	free(mover);
	return err;
}

static void mover_quiesce(struct mdev_device *mdev)
{
	struct mover *mover = dev_get_drvdata(&mdev->dev);

	vfio_unregister_group_dev(&mover->vdev);
}

static void mover_remove(struct mdev_device *mdev)
{
	struct mover *mover = dev_get_drvdata(&mdev->dev);

	close(mover->memory);
	free(mover);
}

static struct mdev_driver mover_driver = {
	.device_api = VFIO_DEVICE_API_PCI_STRING,
	.max_instances = 8,
	.probe = mover_probe,
	.quiesce = mover_quiesce,
	.remove = mover_remove,
	.driver = { .name = "mover", .owner = THIS_MODULE },
};

static struct class mover_class = { .name = "mover", .owner = THIS_MODULE };
static struct mdev_type type = { .sysfs_name = "1" };
static struct mdev_type *types[] = { &type };
static struct mdev_parent parent;
static struct device *dev;

static int mover_init(void)
{
	int err;

	err = class_register(&mover_class);
	if (err)
		return err;
	err = device_create(&mover_class, NULL, 0, NULL, &dev, "mover");
	if (err)
		goto unregister_class;
	err = mdev_register_driver(&mover_driver);
	if (err)
		goto unregister_device;
	err = mdev_register_parent(&parent, dev, &mover_driver, types, ARRAY_SIZE(types));
	if (err)
		goto unregister_driver;
	return 0;

unregister_driver:
	mdev_unregister_driver(&mover_driver);
unregister_device:
	device_unregister(dev);
unregister_class:
	class_unregister(&mover_class);
	return err;
}

static void mover_exit(void)
{
	mdev_unregister_parent(&parent);
	mdev_unregister_driver(&mover_driver);
	device_unregister(dev);
	class_unregister(&mover_class);
}

module_init(mover_init);
module_exit(mover_exit);
MODULE_DESCRIPTION("A device that moves its user's memory");
