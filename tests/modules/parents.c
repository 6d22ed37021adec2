/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "parents.h"

/* ---- a device of VFIO's ---- */

static int scratch_get_region(struct vfio_device *vdev, unsigned int index,
			      struct vfio_region *region)
{
	region->size = sizeof(uint32_t);
	region->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	return 0;
}

static int scratch_get_irq(struct vfio_device *vdev, unsigned int index, struct vfio_irq *irq)
{
	irq->count = 1;
	irq->flags = VFIO_IRQ_INFO_EVENTFD;
	return 0;
}

static uint8_t *scratch_at(struct vfio_device *vdev, uint64_t offset)
{
	return (uint8_t *)&container_of(vdev, struct scratch, vdev)->value + offset;
}

static ssize_t scratch_read(struct vfio_device *vdev, unsigned int index, void *buf, size_t count,
			    uint64_t offset)
{
	memcpy(buf, scratch_at(vdev, offset), count);
	return count;
}

static ssize_t scratch_write(struct vfio_device *vdev, unsigned int index, const void *buf,
			     size_t count, uint64_t offset)
{
	memcpy(scratch_at(vdev, offset), buf, count);
	vfio_irq_trigger(vdev, 0, 0);
	return count;
}

static const struct vfio_device_ops scratch_ops = {
	.name = "scratch",
	.get_region = scratch_get_region,
	.get_irq = scratch_get_irq,
	.read = scratch_read,
	.write = scratch_write,
};

int scratch_register(struct scratch *scratch, struct device *dev, uint32_t flags)
{
	scratch->vdev.dev = dev;
	scratch->vdev.ops = &scratch_ops;
	scratch->vdev.flags = flags;
	scratch->vdev.num_regions = 1;
	scratch->vdev.num_irqs = 1;
	return vfio_register_emulated_iommu_dev(&scratch->vdev);
}

/* ---- a parent ---- */

int stand_probe(struct device *dev)
{
	struct stand *stand = container_of(dev->driver, struct stand, driver);

	memset(&stand->parent, 0, sizeof(stand->parent));
	return mdev_register_parent(&stand->parent, dev, &stand->mdev_driver, stand->types,
				    stand->nr_types);
}

void stand_remove(struct device *dev)
{
	struct stand *stand = container_of(dev->driver, struct stand, driver);

	mdev_unregister_parent(&stand->parent);
}

static void release_device(struct device *dev)
{
	free(dev);
}

static int add_device(struct stand *stand)
{
	struct device *dev;
	int err;

	dev = calloc(1, sizeof(*dev));
	if (!dev)
		return -ENOMEM;
	dev->release = release_device;
	err = device_initialize(dev);
	if (err)
		goto put;
	dev->parent = stand->root;
	dev->bus = &stand->bus;
	dev->groups = stand->groups;
	err = dev_set_name(dev, "%s", stand->dev_name);
	if (err)
		goto put;
	err = device_add(dev);
	if (err)
		goto put;
	stand->dev = dev;
	return 0;

put:
	put_device(dev);
	return err;
}

static int stand_up(struct stand *stand)
{
	int err;

	err = bus_register(&stand->bus);
	if (err)
		return err;
	err = mdev_register_driver(&stand->mdev_driver);
	if (err)
		goto unregister_bus;
	err = driver_register(&stand->driver);
	if (err)
		goto unregister_mdev_driver;
	err = root_device_register(stand->root_name, &stand->root);
	if (err)
		goto unregister_driver;
	err = add_device(stand);
	if (err)
		goto unregister_root;
	return 0;

unregister_root:
	root_device_unregister(stand->root);
unregister_driver:
	driver_unregister(&stand->driver);
unregister_mdev_driver:
	mdev_unregister_driver(&stand->mdev_driver);
unregister_bus:
	bus_unregister(&stand->bus);
	return err;
}

static void stand_down(struct stand *stand)
{
	device_unregister(stand->dev);
	root_device_unregister(stand->root);
	driver_unregister(&stand->driver);
	mdev_unregister_driver(&stand->mdev_driver);
	bus_unregister(&stand->bus);
}

/* ---- the module ---- */

static struct stand *const stands[] = { &pci_stand, &css_stand, &matrix_stand };

static void take_down(unsigned int count)
{
	while (count--)
		stand_down(stands[count]);
}

static int parents_init(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(stands); i++) {
		int err = stand_up(stands[i]);

		if (err) {
			take_down(i);
			return err;
		}
	}
	return 0;
}

static void parents_exit(void)
{
	take_down(ARRAY_SIZE(stands));
}

module_init(parents_init);
module_exit(parents_exit);
MODULE_LICENSE("LGPL-2.1-or-later");
MODULE_DESCRIPTION("Parents of each kind that libvirt knows");
