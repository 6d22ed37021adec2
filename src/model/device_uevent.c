/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a device says of itself: in its events and in the log. Behaviour: Linux 6.1
 * drivers/base/core.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/alloc.h"
#include "model/base.h"

static int device_uevent_filter(struct kobject *kobj)
{
	struct device *dev = kobj_to_dev(kobj);

	return dev->bus || dev->class;
}

static const char *device_uevent_subsystem(struct kobject *kobj)
{
	struct device *dev = kobj_to_dev(kobj);

	return dev->bus ? dev->bus->name : dev->class->name;
}

char *device_get_devnode(struct device *dev, mode_t *mode, uid_t *uid, gid_t *gid)
{
	char *name;
	char *c;

	*mode = 0;
	*uid = 0;
	*gid = 0;
	if (dev->type && dev->type->devnode)
		return dev->type->devnode(dev, mode, uid, gid);
	if (dev->class && dev->class->devnode)
		return dev->class->devnode(dev, mode);
	name = strdup_f(dev_name(dev));
	if (!name)
		return NULL;
	for (c = name; (c = strchr(c, '!'));)
		*c = '/';
	return name;
}

static int add_node_keys(struct device *dev, struct kobj_uevent_env *env)
{
	mode_t mode;
	uid_t uid;
	gid_t gid;
	char *name;
	int err;

	err = add_uevent_var(env, "MAJOR=%u", DEVNUM_MAJOR(dev->devt));
	if (err)
		return err;
	err = add_uevent_var(env, "MINOR=%u", DEVNUM_MINOR(dev->devt));
	if (err)
		return err;
	name = device_get_devnode(dev, &mode, &uid, &gid);
	if (!name)
		return -ENOMEM;
	err = add_uevent_var(env, "DEVNAME=%s", name);
	if (!err && mode)
		err = add_uevent_var(env, "DEVMODE=%#o", (unsigned int)mode & 0777);
	if (!err && uid)
		err = add_uevent_var(env, "DEVUID=%u", uid);
	if (!err && gid)
		err = add_uevent_var(env, "DEVGID=%u", gid);
	free(name);
	return err;
}

static int add_driver_key(struct device *dev, struct kobj_uevent_env *env)
{
	struct bus_private *bp = dev->p->bus;
	int err = 0;

	if (!bp)
		return 0;
	pthread_mutex_lock(&bp->lock);
	if (dev->driver)
		err = add_uevent_var(env, "DRIVER=%s", dev->driver->name);
	pthread_mutex_unlock(&bp->lock);
	return err;
}

int device_uevent_keys(struct device *dev, struct kobj_uevent_env *env)
{
	int err = 0;

	if (DEVNUM_MAJOR(dev->devt))
		err = add_node_keys(dev, env);
	if (!err && dev->type && dev->type->name)
		err = add_uevent_var(env, "DEVTYPE=%s", dev->type->name);
	if (!err)
		err = add_driver_key(dev, env);
	if (!err && dev->bus && dev->bus->uevent)
		err = dev->bus->uevent(dev, env);
	if (!err && dev->class && dev->class->dev_uevent)
		err = dev->class->dev_uevent(dev, env);
	if (!err && dev->type && dev->type->uevent)
		err = dev->type->uevent(dev, env);
	return err;
}

static int device_uevent(struct kobject *kobj, struct kobj_uevent_env *env)
{
	return device_uevent_keys(kobj_to_dev(kobj), env);
}

const struct kset_uevent_ops device_uevent_ops = {
	.filter = device_uevent_filter,
	.name = device_uevent_subsystem,
	.uevent = device_uevent,
};

void device_announce(struct device *dev, enum kobject_action action)
{
	int err = kobject_uevent(&dev->kobj, action);

	if (err)
		dev_err(dev, "an event was lost: %s", strerror(-err));
}

static const char *device_family(const struct device *dev)
{
	if (dev->bus)
		return dev->bus->name;
	return dev->class ? dev->class->name : "";
}

const char *dev_driver_string(const struct device *dev)
{
	struct device_driver *drv = device_get_driver(dev);

	return drv ? drv->name : device_family(dev);
}

/* Copy what dev_driver_string() would return, also while the driver is being unbound. */
static void copy_driver_string(const struct device *dev, char *buf, size_t size)
{
	struct bus_private *bp = dev->p ? dev->p->bus : NULL;

	if (bp)
		pthread_mutex_lock(&bp->lock);
	snprintf(buf, size, "%s", dev_driver_string(dev));
	if (bp)
		pthread_mutex_unlock(&bp->lock);
}

void dev_printk(enum log_level level, const struct device *dev, const char *fmt, ...)
{
	char driver[128];
	char text[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (!dev) {
		umdev_log(level, "(NULL device *): %s", text);
		return;
	}
	copy_driver_string(dev, driver, sizeof(driver));
	umdev_log(level, "%s %s: %s", driver, dev_name(dev) ? dev_name(dev) : "(unnamed)", text);
}
