/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Binding: which driver gets which device, when, and how it is taken away again.
 *
 * Behaviour: Linux 6.1 drivers/base/dd.c; explicit binding after "RFC: (re-)binding the VFIO
 * platform driver to a platform device" (2013).
 *
 * Each decision and its execution happen under one hold of the device's lock. That is what makes
 * explicit binding safe: there is no moment between "nobody else may have it" and "it is yours".
 */
#include <errno.h>
#include <string.h>

#include "model/base.h"

static void device_set_driver(struct device *dev, struct device_driver *drv)
{
	struct bus_private *bp = dev->p->bus;

	/* Under the device's lock and the bus's, so that either is enough to use dev->driver. */
	pthread_mutex_lock(&bp->lock);
	__atomic_store_n(&dev->driver, drv, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&bp->lock);
}

/* ---- decisions, with a use of the driver ---- */

int device_match_driver_override(struct device *dev, const struct device_driver *drv)
{
	struct bus_private *bp = dev->p->bus;
	int says = -1;

	pthread_mutex_lock(&bp->lock);
	if (dev->driver_override)
		says = !strcmp(dev->driver_override, drv->name);
	pthread_mutex_unlock(&bp->lock);
	return says;
}

/*
 * Does what driver_override says of @drv (1, 0, -1) settle the matter? Where the bus keeps the
 * attribute itself, a driver that is named has to match all the same.
 */
static bool override_decides(struct device *dev, int says)
{
	return says == 0 || (says > 0 && dev->bus->has_driver_override);
}

/*
 * May @drv get @dev without anybody asking for it? As bus_type.match(). The answer holds as long as
 * the caller holds the device's lock; without that it is good for not waiting for the lock in vain.
 */
static int match_by_itself(struct device *dev, struct device_driver *drv)
{
	int says;

	if (__atomic_load_n(&dev->explicit_bind_only, __ATOMIC_RELAXED))
		return 0;
	says = device_match_driver_override(dev, drv);
	if (override_decides(dev, says))
		return says;
	if (says < 0 && __atomic_load_n(&drv->explicit_bind_only, __ATOMIC_RELAXED))
		return 0;
	return dev->bus->match ? dev->bus->match(dev, drv) : 1;
}

/* May @drv get @dev when somebody says so? As bus_type.match(), under the device's lock. */
static int match_when_told(struct device *dev, struct device_driver *drv)
{
	int says = device_match_driver_override(dev, drv);

	if (override_decides(dev, says))
		return says;
	if (drv->match_any || !dev->bus->match)
		return 1;
	return dev->bus->match(dev, drv);
}

/* A driver that takes any device may still be refused one of the wrong kind. */
static int ask_bus(struct device *dev, struct device_driver *drv)
{
	return drv->match_any && dev->bus->accept ? dev->bus->accept(dev, drv) : 0;
}

int driver_may_be_told(struct driver_private *dp, struct device *dev)
{
	int ret = match_when_told(dev, dp->driver);

	if (ret > 0)
		return ask_bus(dev, dp->driver);
	if (!ret)
		return -ENODEV;
	return ret == -EPROBE_DEFER ? -EAGAIN : ret;
}

/* ---- one device and one driver, under the device's lock and with a use of the driver ---- */

static int add_driver_links(struct device *dev, struct driver_private *dp)
{
	int err;

	err = sysfs_create_link(&dp->kobj, &dev->kobj, dev_name(dev));
	if (err)
		return err;
	err = sysfs_create_link(&dev->kobj, &dp->kobj, "driver");
	if (err)
		sysfs_remove_link(&dp->kobj, dev_name(dev));
	return err;
}

static void remove_driver_links(struct device *dev, struct driver_private *dp)
{
	sysfs_remove_link(&dp->kobj, dev_name(dev));
	sysfs_remove_link(&dev->kobj, "driver");
}

static int call_probe(struct device *dev, struct device_driver *drv)
{
	int ret = 0;

	if (dev->bus->probe)
		ret = dev->bus->probe(dev);
	else if (drv->probe)
		ret = drv->probe(dev);

	if (ret > 0) {
		pr_err("%s: probe of %s returned %d", drv->name, dev_name(dev), ret);
		ret = -EINVAL;
	}
	if (ret && ret != -EPROBE_DEFER && ret != -ENODEV && ret != -ENXIO)
		pr_warn("%s: probe of %s failed with error %d", drv->name, dev_name(dev), ret);
	else if (ret)
		pr_debug("%s: probe of %s declined with %d", drv->name, dev_name(dev), ret);
	return ret;
}

static void call_remove(struct device *dev, struct device_driver *drv)
{
	if (dev->bus->remove)
		dev->bus->remove(dev);
	else if (drv->remove)
		drv->remove(dev);
}

/* Is bound now: enter the driver's list, and see whether others have waited for it. */
static void driver_bound(struct device *dev, struct driver_private *dp)
{
	pthread_mutex_lock(&dp->bus->lock);
	roster_join(&dp->devices, &dev->p->on_driver);
	pthread_mutex_unlock(&dp->bus->lock);

	deferred_del(dev);
	deferred_trigger();
}

/*
 * Bind @dev to @dp, all or nothing. *@refused tells an error of the driver's or the bus's, after
 * which another driver may have a try, from one of umdev's.
 */
static int really_probe(struct device *dev, struct driver_private *dp, bool *refused)
{
	struct device_driver *drv = dp->driver;
	int err;

	err = ask_bus(dev, drv);
	*refused = err;
	if (err)
		return err;
	device_set_driver(dev, drv);
	err = add_driver_links(dev, dp);
	if (err)
		goto unset_driver;
	err = call_probe(dev, drv);
	if (err) {
		*refused = true;
		goto remove_links;
	}
	err = device_add_groups(dev, drv->dev_groups);
	if (err)
		goto remove;
	/* Nobody would learn of a binding that is not announced. */
	err = kobject_uevent(&dev->kobj, KOBJ_BIND);
	if (err)
		goto remove_groups;
	driver_bound(dev, dp);
	return 0;

remove_groups:
	device_remove_groups(dev, drv->dev_groups);
remove:
	call_remove(dev, drv);
remove_links:
	remove_driver_links(dev, dp);
unset_driver:
	dev_set_drvdata(dev, NULL);
	device_set_driver(dev, NULL);
	return err;
}

void device_unbind_locked(struct device *dev)
{
	struct device_driver *drv = dev->driver;
	struct driver_private *dp = drv->p;

	remove_driver_links(dev, dp);
	device_remove_groups(dev, drv->dev_groups);
	call_remove(dev, drv);
	dev_set_drvdata(dev, NULL);

	pthread_mutex_lock(&dp->bus->lock);
	__atomic_store_n(&dev->driver, NULL, __ATOMIC_RELEASE);
	roster_leave(&dev->p->on_driver);
	pthread_mutex_unlock(&dp->bus->lock);
	device_announce(dev, KOBJ_UNBIND);
}

/* ---- binding by itself ---- */

/*
 * Have @dp, which matches, probe @dev. Unless driver_override names it, it is chosen here, and who
 * sets its explicit_bind_only waits for what was chosen before.
 */
static int probe_chosen(struct device *dev, struct driver_private *dp, bool *refused)
{
	bool named = device_match_driver_override(dev, dp->driver) > 0;
	int err;

	if (!named && !driver_choose(dp)) {
		*refused = true;
		return -ENODEV;
	}
	err = really_probe(dev, dp, refused);
	if (!named)
		driver_chosen_done(dp);
	return err;
}

/*
 * Offer @dev, which is locked and free, to @dp.
 * Return: 1 bound, 0 go on with the next driver, a negative errno to stop.
 */
static int try_driver(struct device *dev, struct driver_private *dp)
{
	uint64_t begun = deferred_probe_begin();
	bool refused = false;
	bool defer;
	int ret;

	ret = match_by_itself(dev, dp->driver);
	defer = ret == -EPROBE_DEFER;
	if (ret > 0) {
		ret = probe_chosen(dev, dp, &refused);
		defer = ret == -EPROBE_DEFER;
		if (!ret)
			ret = 1;
		else if (refused)
			ret = 0;
	}
	deferred_probe_end(dev, begun, defer);
	return ret;
}

/* Under the device's lock. Return: as device_attach(). */
static int try_all_drivers(struct device *dev)
{
	struct driver_private *dp = NULL;
	struct bus_walk walk;
	int ret = 0;

	if (!device_is_added(dev))
		return -ENODEV;
	if (dev->driver)
		return 1;
	walk = bus_walk_drivers(dev->p->bus);
	while (!ret && (dp = bus_next_driver(&walk, dp)))
		ret = try_driver(dev, dp);
	if (dp)
		driver_unuse(dp);
	return ret;
}

int device_attach(struct device *dev)
{
	int ret;

	if (!dev->p->bus)
		return 0;
	if (!device_lock_to_bind(dev))
		return 0;
	ret = try_all_drivers(dev);
	device_unlock(dev);
	return ret;
}

int device_reprobe(struct device *dev, bool (*leave)(struct device *dev, void *data), void *data)
{
	int ret = 0;

	if (!dev->p->bus)
		return 0;
	device_lock(dev);
	if (!leave || !leave(dev, data)) {
		/* Also one that is being deleted, which may not stay with it until then. */
		if (dev->driver)
			device_unbind_locked(dev);
		ret = try_all_drivers(dev);
	}
	device_unlock(dev);
	return ret;
}

void bus_probe_device(struct device *dev)
{
	struct bus_private *bp = dev->p->bus;

	if (bp && __atomic_load_n(&bp->autoprobe, __ATOMIC_RELAXED))
		device_attach(dev);
}

void driver_offer(struct driver_private *dp)
{
	struct bus_walk walk = bus_walk_devices(dp->bus);
	struct device *dev = NULL;

	while ((dev = bus_next_device(&walk, dev))) {
		/* Whoever is busy with a device that is not for @dp does not hold it up. */
		if (!match_by_itself(dev, dp->driver) || !device_lock_to_bind(dev))
			continue;
		/* An error is about this device only: in the log, or it is deferred. */
		if (device_is_added(dev) && !dev->driver)
			try_driver(dev, dp);
		device_unlock(dev);
	}
}

int driver_attach(struct device_driver *drv)
{
	struct driver_private *dp = driver_use_registered(drv);

	if (!dp)
		return -ENODEV;
	driver_offer(dp);
	driver_unuse(dp);
	return 0;
}

/* ---- binding when told to ---- */

int driver_bind_locked(struct driver_private *dp, struct device *dev)
{
	bool refused;
	int err;

	if (!device_is_added(dev) || dev->p->bus != dp->bus)
		return -ENODEV;
	if (dev->driver)
		return -EBUSY;
	err = really_probe(dev, dp, &refused);
	return err == -EPROBE_DEFER ? -EAGAIN : err;
}

int device_driver_attach(struct device_driver *drv, struct device *dev)
{
	struct driver_private *dp = driver_use_registered(drv);
	int err;

	if (!dp)
		return -ENODEV;
	device_lock(dev);
	err = driver_bind_locked(dp, dev);
	device_unlock(dev);
	driver_unuse(dp);
	return err;
}

int driver_bind_told(struct driver_private *dp, struct device *dev)
{
	int err;

	if (!driver_use(dp))
		return -ENODEV;
	/* As long as nothing has begun, nothing is done for a caller who has left. */
	if (!device_lock_for_caller(dev)) {
		err = -EINTR;
		goto unlock;
	}
	err = driver_may_be_told(dp, dev);
	if (!err)
		err = driver_bind_locked(dp, dev);
unlock:
	device_unlock(dev);
	driver_unuse(dp);
	return err;
}

/* ---- unbinding ---- */

int driver_unbind(struct driver_private *dp, struct device *dev)
{
	int err = 0;

	/*
	 * One that is bound to another driver is left in peace, also by not waiting for its lock.
	 */
	if (device_get_driver(dev) != dp->driver)
		return -ENODEV;
	if (!device_lock_for_caller(dev))
		err = -EINTR;
	else if (dev->driver == dp->driver)
		device_unbind_locked(dev);
	else
		err = -ENODEV;
	device_unlock(dev);
	return err;
}

void device_release_driver(struct device *dev)
{
	device_lock(dev);
	if (dev->driver)
		device_unbind_locked(dev);
	device_unlock(dev);
}

bool device_is_bound(struct device *dev)
{
	struct bus_private *bp = dev->p->bus;
	bool bound;

	if (!bp)
		return false;
	pthread_mutex_lock(&bp->lock);
	bound = roster_has(&dev->p->on_driver);
	pthread_mutex_unlock(&bp->lock);
	return bound;
}

/* The device that was bound last, with a reference, or NULL. */
static struct device *driver_last_device(struct driver_private *dp)
{
	struct roster_entry *entry;
	struct device *dev = NULL;

	pthread_mutex_lock(&dp->bus->lock);
	entry = roster_before(&dp->devices, NULL, UINT64_MAX);
	if (entry)
		dev = get_device(list_entry(entry, struct device_private, on_driver)->device);
	pthread_mutex_unlock(&dp->bus->lock);
	return dev;
}

void driver_detach(struct driver_private *dp)
{
	struct device *dev;

	while ((dev = driver_last_device(dp))) {
		device_lock(dev);
		if (dev->driver == dp->driver)
			device_unbind_locked(dev);
		device_unlock(dev);
		put_device(dev);
	}
}
