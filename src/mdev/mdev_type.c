/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The types of a parent, as directories in mdev_supported_types.
 * Behaviour: Linux 6.1 drivers/vfio/mdev/mdev_sysfs.c.
 *
 * The kobjects are in the driver's storage, so the parent counts them and does not finish its
 * unregistering before the last reference to each is gone.
 */
#include <limits.h>

#include "mdev/mdev_private.h"

static struct mdev_type *kobj_to_type(struct kobject *kobj)
{
	return container_of(kobj, struct mdev_type, kobj);
}

static ssize_t create_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf,
			    size_t count)
{
	uint8_t uuid[16];
	int err;

	err = mdev_uuid_parse(buf, count, uuid);
	if (!err)
		err = mdev_device_create(kobj_to_type(kobj), uuid);
	return err ? err : (ssize_t)count;
}

static ssize_t device_api_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", kobj_to_type(kobj)->parent->mdev_driver->device_api);
}

static ssize_t name_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	struct mdev_type *type = kobj_to_type(kobj);

	return sysfs_emit(buf, "%s\n", type->pretty_name ? type->pretty_name : type->sysfs_name);
}

static ssize_t available_instances_show(struct kobject *kobj, struct kobj_attribute *attr,
					char *buf)
{
	struct mdev_type *type = kobj_to_type(kobj);
	struct mdev_parent *parent = type->parent;
	unsigned int n;

	if (parent->mdev_driver->get_available)
		n = parent->mdev_driver->get_available(type);
	else
		n = mdev_parent_available(parent->p);
	/* mdevctl reads it as a signed integer, and fails on all types when one does not fit. */
	if (n > INT_MAX)
		n = INT_MAX;
	return sysfs_emit(buf, "%u\n", n);
}

static ssize_t description_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	struct mdev_type *type = kobj_to_type(kobj);

	return type->parent->mdev_driver->show_description(type, buf);
}

static KOBJ_ATTR_WO(create);
static KOBJ_ATTR_RO(device_api);
static KOBJ_ATTR_RO(name);
static KOBJ_ATTR_RO(available_instances);
static KOBJ_ATTR_RO(description);

static struct attribute *type_attrs[] = {
	&kobj_attr_create.attr,	     &kobj_attr_device_api.attr,
	&kobj_attr_name.attr,	     &kobj_attr_available_instances.attr,
	&kobj_attr_description.attr, NULL,
};

static mode_t type_attr_is_visible(struct kobject *kobj, struct attribute *attr, int n)
{
	if (attr == &kobj_attr_description.attr &&
	    !kobj_to_type(kobj)->parent->mdev_driver->show_description)
		return 0;
	return attr->mode;
}

static const struct attribute_group type_group = {
	.is_visible = type_attr_is_visible,
	.attrs = type_attrs,
};

static const struct attribute_group *type_groups[] = { &type_group, NULL };

static void type_release(struct kobject *kobj)
{
	mdev_parent_kobj_released(kobj_to_type(kobj)->parent->p);
}

static void devices_release(struct kobject *kobj)
{
	struct mdev_type *type = container_of(kobj, struct mdev_type, devices_kobj);

	mdev_parent_kobj_released(type->parent->p);
}

static const struct kobj_type type_ktype = {
	.release = type_release,
	.sysfs_ops = &kobj_sysfs_ops,
	.default_groups = type_groups,
};

static const struct kobj_type devices_ktype = {
	.release = devices_release,
};

int mdev_type_add(struct mdev_parent_private *p, struct mdev_type *type)
{
	int err;

	type->parent = p->owner;
	memset(&type->kobj, 0, sizeof(type->kobj));
	mdev_parent_kobj_added(p);
	kobject_init(&type->kobj, &type_ktype);
	err = kobject_add(&type->kobj, &p->types_kobj, "%s-%s", dev_driver_string(p->owner->dev),
			  type->sysfs_name);
	if (err)
		goto put_type;

	memset(&type->devices_kobj, 0, sizeof(type->devices_kobj));
	mdev_parent_kobj_added(p);
	kobject_init(&type->devices_kobj, &devices_ktype);
	err = kobject_add(&type->devices_kobj, &type->kobj, "devices");
	if (err)
		goto put_devices;
	return 0;

put_devices:
	kobject_put(&type->devices_kobj);
	kobject_del(&type->kobj);
put_type:
	kobject_put(&type->kobj);
	return err;
}

void mdev_type_remove(struct mdev_type *type)
{
	kobject_del(&type->devices_kobj);
	kobject_put(&type->devices_kobj);
	kobject_del(&type->kobj);
	kobject_put(&type->kobj);
}

int mdev_type_add_device(struct mdev_type *type, struct mdev_device *mdev)
{
	int err;

	err = sysfs_create_link(&type->devices_kobj, &mdev->dev.kobj, dev_name(&mdev->dev));
	if (err)
		return err;
	err = sysfs_create_link(&mdev->dev.kobj, &type->kobj, "mdev_type");
	if (err)
		goto remove_device_link;
	return 0;

remove_device_link:
	sysfs_remove_link(&type->devices_kobj, dev_name(&mdev->dev));
	return err;
}

void mdev_type_remove_device(struct mdev_type *type, struct mdev_device *mdev)
{
	sysfs_remove_link(&mdev->dev.kobj, "mdev_type");
	sysfs_remove_link(&type->devices_kobj, dev_name(&mdev->dev));
}
