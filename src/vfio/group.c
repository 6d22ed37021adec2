/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Groups: a device whose memory accesses are made in software is alone in its own.
 * Behaviour: Linux 6.1 drivers/iommu/iommu.c, drivers/vfio/vfio_main.c.
 */
#include <errno.h>

#include <umdev/chrdev.h>

#include "model/alloc.h"
#include "model/devtmpfs.h"
#include "model/host.h"
#include "model/ida.h"
#include "vfio/vfio.h"

#define VFIO_MINORS (1U << 20)

/* Constant between vfio_group_init() and vfio_group_cleanup(). */
static devnum_t group_devt;
static unsigned int first_group;

static struct ida group_ids = IDA_INIT; /* counted from first_group */

/*
 * Groups and their devices, vfio-dev/vfioN, have the same numbers. The machine may have groups, and
 * drivers that make such devices.
 */
static int find_first_group(void)
{
	int groups = host_first_free("kernel/iommu_groups", "");
	int devices = host_first_free("class/vfio-dev", "vfio");
	int first = groups > devices ? groups : devices;

	if (groups < 0 || devices < 0)
		return groups < 0 ? groups : devices;
	if ((unsigned int)first >= VFIO_MINORS)
		return -ENOSPC;
	first_group = (unsigned int)first;
	return 0;
}

int vfio_group_init(void)
{
	int err = find_first_group();

	return err ? err : alloc_chrdev_region(&group_devt, 0, VFIO_MINORS, "vfio");
}

void vfio_group_cleanup(void)
{
	unregister_chrdev_region(group_devt, VFIO_MINORS);
	ida_destroy(&group_ids);
}

static int alloc_group_id(void)
{
	int id = ida_alloc_max(&group_ids, VFIO_MINORS - 1 - first_group);

	return id < 0 ? id : id + (int)first_group;
}

static void free_group_id(int id)
{
	ida_free(&group_ids, (unsigned int)id - first_group);
}

/* No address is reserved for anybody: there is no hardware behind the device. */
static ssize_t reserved_regions_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	return 0;
}

/* A group without a domain of the IOMMU's. */
static ssize_t type_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "unknown\n");
}

static ssize_t type_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf,
			  size_t count)
{
	return -EINVAL;
}

static KOBJ_ATTR_RO(reserved_regions);
static KOBJ_ATTR_RW(type);

static struct attribute *iommu_attrs[] = {
	&kobj_attr_reserved_regions.attr,
	&kobj_attr_type.attr,
	NULL,
};
ATTRIBUTE_GROUPS(iommu);

static void iommu_release(struct kobject *kobj)
{
	free(kobj);
}

static const struct kobj_type iommu_ktype = {
	.release = iommu_release,
	.sysfs_ops = &kobj_sysfs_ops,
	.default_groups = iommu_groups,
};

static int iommu_create(struct vfio_group *group)
{
	int err;

	group->iommu = zalloc(sizeof(*group->iommu));
	if (!group->iommu)
		return -ENOMEM;
	kobject_init(group->iommu, &iommu_ktype);
	err = kobject_add(group->iommu, vfio_iommu_groups, "%d", group->id);
	if (err)
		goto put;
	group->devices = kobject_create_and_add("devices", group->iommu);
	if (!group->devices) {
		err = -ENOMEM;
		goto del;
	}
	return 0;
del:
	kobject_del(group->iommu);
put:
	kobject_put(group->iommu);
	return err;
}

static void iommu_destroy(struct vfio_group *group)
{
	kobject_del(group->devices);
	kobject_put(group->devices);
	kobject_del(group->iommu);
	kobject_put(group->iommu);
}

int vfio_group_create(struct vfio_group *group, struct device *dev,
		      const struct attribute_group **groups)
{
	int err = alloc_group_id();

	if (err < 0)
		return err;
	group->id = err;
	err = iommu_create(group);
	if (err)
		goto free_id;
	err = sysfs_create_link(&dev->kobj, group->iommu, "iommu_group");
	if (err)
		goto destroy_iommu;
	err = sysfs_create_link(group->devices, &dev->kobj, dev_name(dev));
	if (err)
		goto remove_link;
	err = device_create(&vfio_group_class, NULL, group_devt + (devnum_t)group->id, NULL,
			    &group->dev, "%d", group->id);
	if (err)
		goto remove_device;
	err = groups ? device_add_groups(group->dev, groups) : 0;
	if (err)
		goto unregister;
	return 0;
unregister:
	device_unregister(group->dev);
remove_device:
	sysfs_remove_link(group->devices, dev_name(dev));
remove_link:
	sysfs_remove_link(&dev->kobj, "iommu_group");
destroy_iommu:
	iommu_destroy(group);
free_id:
	free_group_id(group->id);
	return err;
}

void vfio_group_destroy(struct vfio_group *group, struct device *dev)
{
	device_unregister(group->dev);
	sysfs_remove_link(group->devices, dev_name(dev));
	sysfs_remove_link(&dev->kobj, "iommu_group");
	iommu_destroy(group);
	free_group_id(group->id);
}

int vfio_group_stat(struct vfio_device *vdev, struct stat *st)
{
	return devtmpfs_stat_node(vdev->p->group.dev, st);
}
