/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <umdev/umdev.h>
#include <umdev/vfio.h>

#include "null_mdev.h"
#include "stats.h"

static int get_region(struct vfio_device *vdev, unsigned int index, struct vfio_region *region)
{
	region->size = 4096;
	region->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	return 0;
}

static int get_irq(struct vfio_device *vdev, unsigned int index, struct vfio_irq *irq)
{
	irq->count = 1;
	irq->flags = VFIO_IRQ_INFO_EVENTFD;
	return 0;
}

static ssize_t read_nothing(struct vfio_device *vdev, unsigned int index, void *buf, size_t count,
			    uint64_t offset)
{
	memset(buf, 0, count);
	return (ssize_t)count;
}

static ssize_t write_nothing(struct vfio_device *vdev, unsigned int index, const void *buf,
			     size_t count, uint64_t offset)
{
	return (ssize_t)count;
}

static const struct vfio_device_ops ops = {
	.name = "bench",
	.get_region = get_region,
	.get_irq = get_irq,
	.read = read_nothing,
	.write = write_nothing,
};

static int bench_probe(struct mdev_device *mdev)
{
	struct vfio_device *vdev = calloc(1, sizeof(*vdev));
	int err;

	if (!vdev)
		return -ENOMEM;
	vdev->dev = &mdev->dev;
	vdev->ops = &ops;
	vdev->flags = VFIO_DEVICE_FLAGS_PCI;
	vdev->num_regions = VFIO_PCI_NUM_REGIONS;
	vdev->num_irqs = VFIO_PCI_NUM_IRQS;
	dev_set_drvdata(&mdev->dev, vdev);
	err = vfio_register_emulated_iommu_dev(vdev);
	if (err)
		free(vdev);
	return err;
}

static void bench_remove(struct mdev_device *mdev)
{
	struct vfio_device *vdev = dev_get_drvdata(&mdev->dev);

	vfio_unregister_group_dev(vdev);
	free(vdev);
}

static struct mdev_driver driver = {
	.device_api = "vfio-pci",
	.max_instances = UINT_MAX,
	.probe = bench_probe,
	.remove = bench_remove,
	.driver = { .name = "bench" },
};

struct mdev_type null_mdev_type = { .sysfs_name = "1" };
static struct mdev_type *types[] = { &null_mdev_type };
static struct mdev_parent parent;
static struct class bench_class = { .name = "bench" };
static struct device *parent_dev;

void null_mdev_start(void)
{
	bench_check("umdev_start", umdev_start());
	bench_check("class", class_register(&bench_class));
	bench_check("device", device_create(&bench_class, NULL, 0, NULL, &parent_dev, "bench"));
	bench_check("driver", mdev_register_driver(&driver));
	bench_check("parent", mdev_register_parent(&parent, parent_dev, &driver, types, 1));
}

void null_mdev_uuid(unsigned int n, uint8_t uuid[16])
{
	uint64_t half[2] = { (n + 1) * UINT64_C(0x9e3779b97f4a7c15), n };

	half[0] ^= half[0] >> 29;
	memcpy(uuid, half, sizeof(half));
}

void null_mdev_create(unsigned int n)
{
	uint8_t uuid[16];

	null_mdev_uuid(n, uuid);
	bench_check("create", mdev_device_create(&null_mdev_type, uuid));
}

void null_mdev_destroy(unsigned int n)
{
	struct mdev_device *mdev;
	uint8_t uuid[16];

	null_mdev_uuid(n, uuid);
	mdev = mdev_find(uuid);
	bench_check("find", mdev ? 0 : -ENODEV);
	bench_check("remove", mdev_device_remove(mdev));
	put_device(&mdev->dev);
}

void null_mdev_stop(void)
{
	mdev_unregister_parent(&parent);
}
