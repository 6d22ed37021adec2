/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Buses. Behaviour: Linux 6.1 drivers/base/bus.c. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "model/alloc.h"
#include "model/base.h"
#include "model/kobject_internal.h"

pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;

static struct bus_private *to_bus_private(struct kobject *kobj)
{
	return container_of(kobj, struct bus_private, kobj);
}

struct bus_private *bus_get_private(struct bus_type *bus)
{
	struct bus_private *bp;

	pthread_mutex_lock(&registry_lock);
	bp = bus->p;
	if (bp && bp->open)
		kobject_get(&bp->kobj);
	else
		bp = NULL;
	pthread_mutex_unlock(&registry_lock);
	return bp;
}

void bus_put_private(struct bus_private *bp)
{
	if (bp)
		kobject_put(&bp->kobj);
}

/* ---- walks ---- */

struct bus_walk bus_walk_devices(struct bus_private *bp)
{
	struct bus_walk walk = { .bp = bp };

	pthread_mutex_lock(&bp->lock);
	walk.last = bp->devices.last;
	pthread_mutex_unlock(&bp->lock);
	return walk;
}

struct bus_walk bus_walk_drivers(struct bus_private *bp)
{
	struct bus_walk walk = { .bp = bp };

	pthread_mutex_lock(&bp->lock);
	walk.last = bp->drivers.last;
	pthread_mutex_unlock(&bp->lock);
	return walk;
}

/* Go one step on; false at the end. Under the lock of the bus. */
static bool bus_walk_step(struct bus_walk *walk, struct roster *roster)
{
	walk->pos = roster_after(roster, walk->pos, walk->nr);
	if (!walk->pos || walk->pos->nr > walk->last)
		return false;
	walk->nr = walk->pos->nr;
	return true;
}

struct device *bus_next_device(struct bus_walk *walk, struct device *prev)
{
	struct bus_private *bp = walk->bp;
	struct device *dev = NULL;

	pthread_mutex_lock(&bp->lock);
	while (!dev && bus_walk_step(walk, &bp->devices)) {
		dev = list_entry(walk->pos, struct device_private, on_bus)->device;
		dev = device_is_visible(dev) ? get_device(dev) : NULL;
	}
	pthread_mutex_unlock(&bp->lock);

	put_device(prev);
	return dev;
}

struct driver_private *bus_next_driver(struct bus_walk *walk, struct driver_private *prev)
{
	struct bus_private *bp = walk->bp;
	struct driver_private *dp = NULL;

	pthread_mutex_lock(&bp->lock);
	while (!dp && bus_walk_step(walk, &bp->drivers)) {
		dp = list_entry(walk->pos, struct driver_private, on_bus);
		if (!driver_use(dp))
			dp = NULL;
	}
	pthread_mutex_unlock(&bp->lock);

	if (prev)
		driver_unuse(prev);
	return dp;
}

/* A name as it is written to an attribute, without a newline at its end; false: too long. */
static bool trim_name(const char *name, char trimmed[NAME_MAX + 1])
{
	size_t len = strlen(name);

	if (len && name[len - 1] == '\n')
		len--;
	if (len > NAME_MAX)
		return false;
	memcpy(trimmed, name, len);
	trimmed[len] = '\0';
	return true;
}

struct driver_private *bus_find_driver(struct bus_private *bp, const char *name)
{
	struct driver_private *dp = NULL;
	struct roster_entry *entry;
	char trimmed[NAME_MAX + 1];

	if (!trim_name(name, trimmed))
		return NULL;
	pthread_mutex_lock(&bp->lock);
	list_for_each_entry (entry, &bp->drivers.entries, list) {
		dp = list_entry(entry, struct driver_private, on_bus);
		if (!strcmp(dp->driver->name, trimmed)) {
			kobject_get(&dp->kobj);
			break;
		}
		dp = NULL;
	}
	pthread_mutex_unlock(&bp->lock);
	return dp;
}

struct device *bus_find_device(struct bus_private *bp, const char *name)
{
	struct kernfs_node *link;
	struct device *dev = NULL;
	char trimmed[NAME_MAX + 1];

	if (!trim_name(name, trimmed))
		return NULL;
	pthread_mutex_lock(&bp->lock);
	/* A device has its link as long as it is on the list: see bus_add_device(). */
	link = kernfs_find_and_get(bp->devices_node, trimmed);
	if (link) {
		dev = kobj_to_dev(kernfs_priv(kernfs_link_target(link)));
		dev = device_is_visible(dev) ? get_device(dev) : NULL;
	}
	pthread_mutex_unlock(&bp->lock);
	kernfs_put(link);
	return dev;
}

struct device *bus_find_device_by_name(struct bus_type *bus, const char *name)
{
	struct bus_private *bp = bus_get_private(bus);
	struct device *dev;

	if (!bp)
		return NULL;
	dev = bus_find_device(bp, name);
	bus_put_private(bp);
	return dev;
}

int bus_for_each_dev(struct bus_type *bus, void *data, int (*fn)(struct device *dev, void *data))
{
	struct bus_private *bp = bus_get_private(bus);
	struct device *dev = NULL;
	struct bus_walk walk;
	int ret = 0;

	if (!bp)
		return -EINVAL;
	walk = bus_walk_devices(bp);
	while (!ret && (dev = bus_next_device(&walk, dev)))
		ret = fn(dev, data);
	put_device(dev);
	bus_put_private(bp);
	return ret;
}

int bus_for_each_drv(struct bus_type *bus, void *data,
		     int (*fn)(struct device_driver *drv, void *data))
{
	struct bus_private *bp = bus_get_private(bus);
	struct driver_private *dp = NULL;
	struct bus_walk walk;
	int ret = 0;

	if (!bp)
		return -EINVAL;
	walk = bus_walk_drivers(bp);
	while (!ret && (dp = bus_next_driver(&walk, dp)))
		ret = fn(dp->driver, data);
	if (dp)
		driver_unuse(dp);
	bus_put_private(bp);
	return ret;
}

static int rescan_device(struct device *dev, void *data)
{
	int ret = device_get_driver(dev) ? 0 : device_attach(dev);

	return ret < 0 ? ret : 0;
}

int bus_rescan_devices(struct bus_type *bus)
{
	struct bus_private *bp = bus_get_private(bus);
	bool autoprobe;

	if (!bp)
		return -EINVAL;
	autoprobe = __atomic_load_n(&bp->autoprobe, __ATOMIC_RELAXED);
	bus_put_private(bp);
	return autoprobe ? bus_for_each_dev(bus, NULL, rescan_device) : 0;
}

/* ---- a device's place on its bus ---- */

int bus_add_device(struct device *dev)
{
	struct device_private *p = dev->p;
	struct bus_private *bp = p->bus;
	int err;

	if (!bp)
		return 0;
	err = device_add_groups(dev, dev->bus->dev_groups);
	if (err)
		return err;
	err = device_add_binding(dev);
	if (err)
		goto remove_groups;
	err = sysfs_create_link(&dev->kobj, &bp->kobj, "subsystem");
	if (err)
		goto remove_binding;

	/* Both or none: the list is in order of arrival, the links are the index by name. */
	pthread_mutex_lock(&bp->lock);
	err = sysfs_create_link(bp->devices_dir, &dev->kobj, dev_name(dev));
	if (!err)
		roster_join(&bp->devices, &p->on_bus);
	pthread_mutex_unlock(&bp->lock);
	if (err)
		goto remove_subsystem;
	return 0;

remove_subsystem:
	sysfs_remove_link(&dev->kobj, "subsystem");
remove_binding:
	device_remove_binding(dev);
remove_groups:
	device_remove_groups(dev, dev->bus->dev_groups);
	return err;
}

void bus_remove_device(struct device *dev)
{
	struct device_private *p = dev->p;
	struct bus_private *bp = p->bus;

	if (!bp)
		return;
	pthread_mutex_lock(&bp->lock);
	roster_leave(&p->on_bus);
	sysfs_remove_link(bp->devices_dir, dev_name(dev));
	pthread_mutex_unlock(&bp->lock);

	sysfs_remove_link(&dev->kobj, "subsystem");
	device_remove_binding(dev);
	device_remove_groups(dev, dev->bus->dev_groups);
	device_release_driver(dev);
}

/* ---- attributes of a bus, which is there while one of them runs ---- */

static ssize_t uevent_store(struct bus_type *bus, const char *buf, size_t count)
{
	int err = kobject_synth_uevent(&bus->p->kobj, buf, count);

	return err ? err : (ssize_t)count;
}
static BUS_ATTR_WO(uevent);

static ssize_t drivers_probe_store(struct bus_type *bus, const char *buf, size_t count)
{
	struct device *dev = bus_find_device(bus->p, buf);
	int err;

	if (!dev)
		return -ENODEV;
	err = rescan_device(dev, NULL);
	put_device(dev);
	if (err == -ENODEV) /* it has left the bus meanwhile */
		return err;
	return err ? -EINVAL : (ssize_t)count;
}
static BUS_ATTR_WO(drivers_probe);

static ssize_t drivers_autoprobe_show(struct bus_type *bus, char *buf)
{
	return sysfs_emit(buf, "%d\n", __atomic_load_n(&bus->p->autoprobe, __ATOMIC_RELAXED));
}

static ssize_t drivers_autoprobe_store(struct bus_type *bus, const char *buf, size_t count)
{
	__atomic_store_n(&bus->p->autoprobe, buf[0] != '0', __ATOMIC_RELAXED);
	return count;
}
static BUS_ATTR_RW(drivers_autoprobe);

static struct attribute *bus_attrs[] = {
	&bus_attr_uevent.attr,
	&bus_attr_drivers_probe.attr,
	&bus_attr_drivers_autoprobe.attr,
	NULL,
};
ATTRIBUTE_GROUPS(bus);

static ssize_t bus_attr_show(struct kobject *kobj, struct attribute *attr, char *buf)
{
	struct bus_attribute *battr = container_of(attr, struct bus_attribute, attr);

	return battr->show ? battr->show(to_bus_private(kobj)->bus, buf) : -EIO;
}

static ssize_t bus_attr_store(struct kobject *kobj, struct attribute *attr, const char *buf,
			      size_t count)
{
	struct bus_attribute *battr = container_of(attr, struct bus_attribute, attr);

	return battr->store ? battr->store(to_bus_private(kobj)->bus, buf, count) : -EIO;
}

static const struct sysfs_ops bus_sysfs_ops = {
	.show = bus_attr_show,
	.store = bus_attr_store,
};

static void bus_release(struct kobject *kobj)
{
	struct bus_private *bp = to_bus_private(kobj);

	kernfs_put(bp->devices_node);
	pthread_mutex_destroy(&bp->lock);
	free(bp);
}

static const struct kobj_type bus_ktype = {
	.release = bus_release,
	.sysfs_ops = &bus_sysfs_ops,
	.default_groups = bus_groups,
};

static const char *bus_uevent_name(struct kobject *kobj)
{
	return "bus";
}

static const struct kset_uevent_ops bus_uevent_ops = {
	.name = bus_uevent_name,
};

/* ---- registration ---- */

static struct bus_private *bus_alloc(struct bus_type *bus)
{
	struct bus_private *bp = zalloc(sizeof(*bp));

	if (!bp)
		return NULL;
	kobject_init(&bp->kobj, &bus_ktype);
	bp->kobj.uevent_ops = &bus_uevent_ops;
	bp->bus = bus;
	pthread_mutex_init(&bp->lock, NULL);
	roster_init(&bp->devices);
	roster_init(&bp->drivers);
	bp->autoprobe = true;
	return bp;
}

/* Its directory with all that is in it, and the event. */
static int bus_show(struct bus_private *bp)
{
	int err;

	publish_begin();
	err = kobject_add(&bp->kobj, model_roots.bus, "%s", bp->bus->name);
	if (err)
		goto abort;
	err = -ENOMEM;
	bp->devices_dir = kobject_create_and_add("devices", &bp->kobj);
	if (!bp->devices_dir)
		goto del;
	bp->devices_node = kobject_get_dir(bp->devices_dir);
	bp->drivers_dir = kobject_create_and_add("drivers", &bp->kobj);
	if (!bp->drivers_dir)
		goto put_devices;
	err = sysfs_create_groups(&bp->kobj, bp->bus->bus_groups);
	if (err)
		goto put_drivers;
	err = kobject_uevent(&bp->kobj, KOBJ_ADD);
	if (err)
		goto remove_groups;
	pthread_mutex_lock(&registry_lock);
	bp->bus->p = bp;
	pthread_mutex_unlock(&registry_lock);
	publish_commit();
	return 0;

remove_groups:
	sysfs_remove_groups(&bp->kobj, bp->bus->bus_groups);
put_drivers:
	kobject_del(bp->drivers_dir);
	kobject_put(bp->drivers_dir);
put_devices:
	kobject_del(bp->devices_dir);
	kobject_put(bp->devices_dir);
del:
	kobject_del(&bp->kobj);
abort:
	publish_abort();
	return err;
}

static void bus_hide(struct bus_private *bp)
{
	sysfs_remove_groups(&bp->kobj, bp->bus->bus_groups);
	kobject_del(bp->drivers_dir);
	kobject_put(bp->drivers_dir);
	kobject_del(bp->devices_dir);
	kobject_put(bp->devices_dir);
	kobject_del(&bp->kobj);
}

int bus_register(struct bus_type *bus)
{
	struct bus_private *bp;
	int err;

	if (!bus || !bus->name || !*bus->name)
		return -EINVAL;
	err = model_init();
	if (err)
		return err;
	bp = bus_alloc(bus);
	if (!bp)
		return -ENOMEM;
	err = bus_show(bp);
	if (err) {
		bus_put_private(bp);
		return err;
	}

	pthread_mutex_lock(&registry_lock);
	bp->open = true;
	pthread_mutex_unlock(&registry_lock);
	driver_complete_waiting(bp);
	return 0;
}

void bus_unregister(struct bus_type *bus)
{
	struct bus_private *bp;

	pthread_mutex_lock(&registry_lock);
	bp = bus->p;
	if (bp)
		bp->open = false;
	pthread_mutex_unlock(&registry_lock);
	if (!bp) {
		pr_err("bus '%s' is unregistered, but it is not registered", bus->name);
		return;
	}

	pthread_mutex_lock(&bp->lock);
	if (!roster_empty(&bp->devices) || !roster_empty(&bp->drivers))
		pr_err("bus '%s' is unregistered while it has devices or drivers", bus->name);
	pthread_mutex_unlock(&bp->lock);
	bus_hide(bp);
	pthread_mutex_lock(&registry_lock);
	bus->p = NULL;
	pthread_mutex_unlock(&registry_lock);
	bus_put_private(bp);
}
