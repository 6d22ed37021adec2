/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <uuid/uuid.h>

#include "model/alloc.h"
#include "support/vendor.h"

/* ---- devices ---- */

static ssize_t note_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct vendor_dev *vd = dev_get_drvdata(dev);

	if (vd->vendor->showing)
		vd->vendor->showing(vd->vendor, vd);
	return sysfs_emit(buf, "this is %s\n", dev_name(&vd->mdev->dev));
}
static DEVICE_ATTR_RO(note);

static ssize_t knob_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct vendor_dev *vd = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%u\n", __atomic_load_n(&vd->knob, __ATOMIC_RELAXED));
}

static ssize_t knob_store(struct device *dev, struct device_attribute *attr, const char *buf,
			  size_t count)
{
	struct vendor_dev *vd = dev_get_drvdata(dev);
	unsigned int val;
	int err;

	err = kstrtouint(buf, 0, &val);
	if (err)
		return err;
	__atomic_store_n(&vd->knob, val, __ATOMIC_RELAXED);
	return count;
}
static DEVICE_ATTR_RW(knob);

static struct attribute *vendor_attrs[] = { &dev_attr_note.attr, &dev_attr_knob.attr, NULL };
static const struct attribute_group vendor_group = { .name = "vendor", .attrs = vendor_attrs };
static const struct attribute_group *vendor_groups[] = { &vendor_group, NULL };

static struct vendor *mdev_to_vendor(struct mdev_device *mdev)
{
	return container_of(mdev->type->parent, struct vendor, parent);
}

static int vendor_probe(struct mdev_device *mdev)
{
	struct vendor *vendor = mdev_to_vendor(mdev);
	struct vendor_dev *vd;
	int err = 0;

	vd = zalloc(sizeof(*vd));
	if (!vd)
		return -ENOMEM;
	vd->vendor = vendor;
	vd->mdev = mdev;
	dev_set_drvdata(&mdev->dev, vd);
	if (vendor->vfio)
		err = vendor->vfio->start(vd);
	if (err)
		goto free_vd;
	if (vendor->probing)
		err = vendor->probing(vendor, vd);
	if (err)
		goto stop_vfio;
	__atomic_add_fetch(&vendor->alive, 1, __ATOMIC_RELAXED);
	return 0;

stop_vfio:
	if (vendor->vfio)
		vendor->vfio->stop(vd);
free_vd:
	free(vd);
	return err;
}

static void vendor_quiesce(struct mdev_device *mdev)
{
	struct vendor *vendor = mdev_to_vendor(mdev);

	if (vendor->vfio)
		vendor->vfio->stop(vendor_dev(mdev));
}

static void vendor_remove_dev(struct mdev_device *mdev)
{
	struct vendor *vendor = mdev_to_vendor(mdev);
	struct vendor_dev *vd = vendor_dev(mdev);

	if (vendor->removing)
		vendor->removing(vendor, vd);
	__atomic_sub_fetch(&vendor->alive, 1, __ATOMIC_RELAXED);
	free(vd);
}

/* ---- the parent ---- */

int vendor_start_device(struct vendor *vendor)
{
	int err;

	vendor->class.name = vendor->name;
	err = class_register(&vendor->class);
	if (err)
		return err;
	err = device_create(&vendor->class, NULL, 0, vendor, &vendor->dev, "%s", vendor->name);
	if (err)
		class_unregister(&vendor->class);
	return err;
}

void vendor_stop_device(struct vendor *vendor)
{
	device_unregister(vendor->dev);
	class_unregister(&vendor->class);
}

int vendor_register_parent(struct vendor *vendor)
{
	vendor->types[0].sysfs_name = "1";
	vendor->types[0].pretty_name = "First kind";
	vendor->types[1].sysfs_name = "2";
	vendor->type_list[0] = &vendor->types[0];
	vendor->type_list[1] = &vendor->types[1];
	return mdev_register_parent(&vendor->parent, vendor->dev, &vendor->driver,
				    vendor->type_list, ARRAY_SIZE(vendor->type_list));
}

int vendor_start(struct vendor *vendor)
{
	int err;

	vendor->driver.device_api = "vfio-pci";
	vendor->driver.probe = vendor_probe;
	vendor->driver.quiesce = vendor_quiesce;
	vendor->driver.remove = vendor_remove_dev;
	vendor->driver.driver.name = vendor->name;
	vendor->driver.driver.dev_groups = vendor_groups;

	err = mdev_register_driver(&vendor->driver);
	if (err)
		return err;
	err = vendor_start_device(vendor);
	if (err)
		goto unregister_driver;
	err = vendor_register_parent(vendor);
	if (err)
		goto stop_device;
	return 0;

stop_device:
	vendor_stop_device(vendor);
unregister_driver:
	mdev_unregister_driver(&vendor->driver);
	return err;
}

void vendor_stop(struct vendor *vendor)
{
	mdev_unregister_parent(&vendor->parent);
	vendor_stop_device(vendor);
	mdev_unregister_driver(&vendor->driver);
}

/* ---- devices by number ---- */

void uuid_n(unsigned int n, uint8_t uuid[16])
{
	static const uint8_t base[12] = { 0x83, 0xb8, 0xf4, 0xf2, 0x50, 0x9f,
					  0x38, 0x2f, 0x3c, 0x1e, 0xe6, 0xbf };

	memcpy(uuid, base, sizeof(base));
	uuid[12] = n >> 24;
	uuid[13] = n >> 16;
	uuid[14] = n >> 8;
	uuid[15] = n;
}

const char *uuid_text(unsigned int n)
{
	static __thread char text[UUID_STR_LEN];
	uint8_t uuid[16];

	uuid_n(n, uuid);
	uuid_unparse_lower(uuid, text);
	return text;
}

int vendor_create(struct vendor *vendor, unsigned int t, unsigned int n)
{
	uint8_t uuid[16];

	uuid_n(n, uuid);
	return mdev_device_create(&vendor->types[t], uuid);
}

struct mdev_device *mdev_find_n(unsigned int n)
{
	uint8_t uuid[16];

	uuid_n(n, uuid);
	return mdev_find(uuid);
}

int vendor_remove(struct vendor *vendor, unsigned int n)
{
	struct mdev_device *mdev = mdev_find_n(n);
	int err;

	if (!mdev)
		return -ENODEV;
	err = mdev_device_remove(mdev);
	put_device(&mdev->dev);
	return err;
}

const char *vendor_path(const struct vendor *vendor, unsigned int n, const char *file)
{
	static __thread char path[PATH_MAX];

	snprintf(path, sizeof(path), "/devices/virtual/%s/%s/%s/%s", vendor->name, vendor->name,
		 uuid_text(n), file);
	return path;
}
