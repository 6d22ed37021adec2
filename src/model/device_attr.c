/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The attributes that devices have by themselves. Behaviour: Linux 6.1 drivers/base/core.c,
 * platform.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/alloc.h"
#include "model/base.h"
#include "model/devtmpfs.h"

static ssize_t device_attr_show(struct kobject *kobj, struct attribute *attr, char *buf)
{
	struct device_attribute *dattr = container_of(attr, struct device_attribute, attr);

	return dattr->show ? dattr->show(kobj_to_dev(kobj), dattr, buf) : -EIO;
}

static ssize_t device_attr_store(struct kobject *kobj, struct attribute *attr, const char *buf,
				 size_t count)
{
	struct device_attribute *dattr = container_of(attr, struct device_attribute, attr);

	return dattr->store ? dattr->store(kobj_to_dev(kobj), dattr, buf, count) : -EIO;
}

const struct sysfs_ops device_sysfs_ops = {
	.show = device_attr_show,
	.store = device_attr_store,
};

int device_create_file(struct device *dev, const struct device_attribute *attr)
{
	return sysfs_create_file(&dev->kobj, &attr->attr);
}

void device_remove_file(struct device *dev, const struct device_attribute *attr)
{
	sysfs_remove_file(&dev->kobj, &attr->attr);
}

bool device_remove_file_self(struct device *dev, const struct device_attribute *attr)
{
	return sysfs_remove_file_self(&dev->kobj, &attr->attr);
}

int device_add_groups(struct device *dev, const struct attribute_group **groups)
{
	return sysfs_create_groups(&dev->kobj, groups);
}

void device_remove_groups(struct device *dev, const struct attribute_group **groups)
{
	sysfs_remove_groups(&dev->kobj, groups);
}

/* ---- uevent ---- */

static ssize_t uevent_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct kobj_uevent_env *env;
	int i, err, len = 0;

	if (!dev->bus && !dev->class)
		return 0;
	env = zalloc(sizeof(*env));
	if (!env)
		return -ENOMEM;
	/*
	 * Not under the device's lock: a driver's remove() may hold it for as long as a user likes.
	 */
	err = device_uevent_keys(dev, env);
	for (i = 0; !err && i < env->envp_idx; i++)
		len += sysfs_emit_at(buf, len, "%s\n", env->envp[i]);
	free(env);
	return len;
}

static ssize_t uevent_store(struct device *dev, struct device_attribute *attr, const char *buf,
			    size_t count)
{
	int err = kobject_synth_uevent(&dev->kobj, buf, count);

	if (err) {
		dev_err(dev, "uevent: failed to send synthetic uevent: %d", err);
		return err;
	}
	return count;
}
static DEVICE_ATTR_RW(uevent);

int device_add_uevent_file(struct device *dev)
{
	return device_create_file(dev, &dev_attr_uevent);
}

void device_remove_uevent_file(struct device *dev)
{
	device_remove_file(dev, &dev_attr_uevent);
}

/* ---- dev ---- */

static ssize_t dev_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u:%u\n", DEVNUM_MAJOR(dev->devt), DEVNUM_MINOR(dev->devt));
}
static DEVICE_ATTR_RO(dev);

/* Where the link to a device is that has a number, and how it is called there. */
static struct kobject *devnum_link(struct device *dev, char *name, size_t size)
{
	bool block = dev->class && !strcmp(dev->class->name, "block");

	snprintf(name, size, "%u:%u", DEVNUM_MAJOR(dev->devt), DEVNUM_MINOR(dev->devt));
	return block ? model_roots.dev_block : model_roots.dev_char;
}

int device_add_devnum(struct device *dev)
{
	struct kobject *dir;
	char name[32];
	int err;

	if (!DEVNUM_MAJOR(dev->devt))
		return 0;
	err = device_create_file(dev, &dev_attr_dev);
	if (err)
		return err;
	dir = devnum_link(dev, name, sizeof(name));
	err = sysfs_create_link(dir, &dev->kobj, name);
	if (err)
		goto remove_file;
	err = devtmpfs_create_node(dev);
	if (err)
		goto remove_link;
	return 0;

remove_link:
	sysfs_remove_link(dir, name);
remove_file:
	device_remove_file(dev, &dev_attr_dev);
	return err;
}

void device_remove_devnum(struct device *dev)
{
	struct kobject *dir;
	char name[32];

	if (!DEVNUM_MAJOR(dev->devt))
		return;
	devtmpfs_delete_node(dev);
	dir = devnum_link(dev, name, sizeof(name));
	sysfs_remove_link(dir, name);
	device_remove_file(dev, &dev_attr_dev);
}

/* ---- binding: driver_override, explicit_bind_only, rebind ---- */

/*
 * Written under the device's lock and the bus's, so that it can be read under either: the device's
 * may be held for as long as a user does not let go of the device.
 */
bool device_has_driver_override(struct device *dev)
{
	struct bus_private *bp = dev->p->bus;
	bool has;

	pthread_mutex_lock(&bp->lock);
	has = dev->driver_override;
	pthread_mutex_unlock(&bp->lock);
	return has;
}

int device_emit_driver_override(struct device *dev, char *buf, const char *none)
{
	struct bus_private *bp = dev->p->bus;
	int len;

	pthread_mutex_lock(&bp->lock);
	len = sysfs_emit(buf, "%s\n", dev->driver_override ? dev->driver_override : none);
	pthread_mutex_unlock(&bp->lock);
	return len;
}

/* The name in what was written; NULL in *@name for none. */
static int parse_driver_override(const char *buf, size_t count, char **name)
{
	size_t len;

	*name = NULL;
	/* One byte is for the newline behind it when it is shown. */
	if (count >= SYSFS_PAGE_SIZE - 1)
		return -EINVAL;
	len = strcspn(buf, "\n");
	if (!len)
		return 0;
	*name = strdup_f(buf);
	if (!*name)
		return -ENOMEM;
	(*name)[len] = '\0';
	return 0;
}

/* Under the device's lock. @name is the device's from now on. */
static void replace_driver_override(struct device *dev, char *name)
{
	struct bus_private *bp = dev->p->bus;
	char *old;

	pthread_mutex_lock(&bp->lock);
	old = dev->driver_override;
	dev->driver_override = name;
	pthread_mutex_unlock(&bp->lock);
	free(old);
}

int device_set_driver_override(struct device *dev, const char *buf, size_t count)
{
	char *name;
	int err = parse_driver_override(buf, count, &name);

	if (!err)
		replace_driver_override(dev, name);
	return err;
}

static ssize_t driver_override_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return device_emit_driver_override(dev, buf, "(null)");
}

static ssize_t driver_override_store(struct device *dev, struct device_attribute *attr,
				     const char *buf, size_t count)
{
	char *name;
	int err = parse_driver_override(buf, count, &name);

	if (err)
		return err;
	/* When this returns nobody acts on the old name any more. */
	if (device_lock_for_caller(dev))
		replace_driver_override(dev, name);
	else
		err = -EINTR;
	device_unlock(dev);
	if (err)
		free(name);
	return err ? err : (ssize_t)count;
}
static DEVICE_ATTR_RW(driver_override);

static ssize_t explicit_bind_only_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n", __atomic_load_n(&dev->explicit_bind_only, __ATOMIC_RELAXED));
}

static ssize_t explicit_bind_only_store(struct device *dev, struct device_attribute *attr,
					const char *buf, size_t count)
{
	bool val;
	int err = kstrtobool(buf, &val);

	if (err)
		return err;
	/* When this returns nobody acts on the old value any more. */
	if (device_lock_for_caller(dev))
		__atomic_store_n(&dev->explicit_bind_only, val, __ATOMIC_RELAXED);
	else
		err = -EINTR;
	device_unlock(dev);
	return err ? err : (ssize_t)count;
}
static DEVICE_ATTR_RW(explicit_bind_only);

static ssize_t rebind_store(struct device *dev, struct device_attribute *attr, const char *buf,
			    size_t count)
{
	int err = device_rebind(dev, buf);

	return err ? err : (ssize_t)count;
}
static DEVICE_ATTR_WO(rebind);

static struct attribute *binding_attrs[] = {
	&dev_attr_driver_override.attr,
	&dev_attr_explicit_bind_only.attr,
	&dev_attr_rebind.attr,
	NULL,
};

static mode_t binding_is_visible(struct kobject *kobj, struct attribute *attr, int n)
{
	if (attr == &dev_attr_driver_override.attr)
		return kobj_to_dev(kobj)->bus->has_driver_override ? attr->mode : 0;
	return attr->mode;
}

static const struct attribute_group binding_group = {
	.attrs = binding_attrs,
	.is_visible = binding_is_visible,
};

int device_add_binding(struct device *dev)
{
	return sysfs_create_group(&dev->kobj, &binding_group);
}

void device_remove_binding(struct device *dev)
{
	sysfs_remove_group(&dev->kobj, &binding_group);
}
