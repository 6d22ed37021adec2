/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Gives any device of the bus "overridable" to VFIO, as vfio_platform does with those that have
 * something in them: only where it is told to.
 */
#include <errno.h>
#include <stdlib.h>
#include <umdev/vfio.h>

#include "overridable.h"

/* Its parameter is the error that its probe() says, without the sign. */
static int refuse;
module_param(refuse, int, 0644);

static int get_region(struct vfio_device *vdev, unsigned int index, struct vfio_region *region)
{
	return 0;
}

static int get_irq(struct vfio_device *vdev, unsigned int index, struct vfio_irq *irq)
{
	return 0;
}

static ssize_t read_region(struct vfio_device *vdev, unsigned int index, void *buf, size_t count,
			   uint64_t offset)
{
	return 0;
}

static ssize_t write_region(struct vfio_device *vdev, unsigned int index, const void *buf,
			    size_t count, uint64_t offset)
{
	return 0;
}

static const struct vfio_device_ops ops = {
	.name = "anything",
	.get_region = get_region,
	.get_irq = get_irq,
	.read = read_region,
	.write = write_region,
};

static int anything_probe(struct device *dev)
{
	struct vfio_device *vdev;
	int err;

	if (refuse)
		return -refuse;
	vdev = calloc(1, sizeof(*vdev));
	if (!vdev)
		return -ENOMEM;
	vdev->dev = dev;
	vdev->ops = &ops;
	vdev->flags = VFIO_DEVICE_FLAGS_PCI;
	dev_set_drvdata(dev, vdev);
	err = vfio_register_emulated_iommu_dev(vdev);
	if (err)
		free(vdev);
	return err;
}

static void anything_remove(struct device *dev)
{
	struct vfio_device *vdev = dev_get_drvdata(dev);

	vfio_unregister_group_dev(vdev);
	free(vdev);
}

static struct device_driver anything_driver = {
	.name = "anything",
	.bus = &overridable_bus,
	.owner = THIS_MODULE,
	.match_any = true,
	.explicit_bind_only = true,
	.probe = anything_probe,
	.remove = anything_remove,
};

static int anything_init(void)
{
	return driver_register(&anything_driver);
}

static void anything_exit(void)
{
	driver_unregister(&anything_driver);
}

module_init(anything_init);
module_exit(anything_exit);
MODULE_LICENSE("LGPL-2.1-or-later");
MODULE_DEPENDS("overridable");
