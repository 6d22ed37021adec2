/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "support/vendor.h"

static int get_region(struct vfio_device *vdev, unsigned int index, struct vfio_region *region)
{
	region->size = 4;
	region->flags = VFIO_REGION_INFO_FLAG_READ;
	return 0;
}

static int get_irq(struct vfio_device *vdev, unsigned int index, struct vfio_irq *irq)
{
	irq->count = 1;
	irq->flags = VFIO_IRQ_INFO_EVENTFD;
	return 0;
}

static ssize_t read_region(struct vfio_device *vdev, unsigned int index, void *buf, size_t count,
			   uint64_t offset)
{
	memset(buf, 0x5a, count);
	return count;
}

static ssize_t write_region(struct vfio_device *vdev, unsigned int index, const void *buf,
			    size_t count, uint64_t offset)
{
	return -EPERM;
}

static void request(struct vfio_device *vdev, unsigned int count)
{
	struct vendor_dev *vd = container_of(vdev, struct vendor_dev, vdev);

	if (vd->vendor->request)
		vd->vendor->request(vd->vendor, vd);
}

static const struct vfio_device_ops vendor_vfio_ops = {
	.name = "vendor",
	.get_region = get_region,
	.get_irq = get_irq,
	.read = read_region,
	.write = write_region,
	.request = request,
};

static int vfio_start(struct vendor_dev *vd)
{
	vd->vdev.dev = &vd->mdev->dev;
	vd->vdev.ops = &vendor_vfio_ops;
	vd->vdev.flags = VFIO_DEVICE_FLAGS_PCI;
	vd->vdev.num_regions = 1;
	vd->vdev.num_irqs = 1;
	return vfio_register_emulated_iommu_dev(&vd->vdev);
}

static void vfio_stop(struct vendor_dev *vd)
{
	vfio_unregister_group_dev(&vd->vdev);
}

const struct vendor_vfio vendor_vfio = {
	.start = vfio_start,
	.stop = vfio_stop,
};
