/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rebinding: a device goes from one driver to another in one step.
 *
 * The device's lock is held from the first question to the last answer, so whoever else wants the
 * device, by itself or told to, finds it bound before or bound after. With a driver that does not
 * take it after all it goes back to where it was.
 */
#include <errno.h>

#include "model/base.h"

/* May @dp have @dev, from whatever has it now? Return: 0, or why not. Under the device's lock. */
static int may_move(struct device *dev, struct driver_private *dp)
{
	int err;

	if (!driver_use(dp))
		return -ENODEV;
	/* Who has no file bind is not bound by hand, and not unbound either. */
	if (dp->driver->suppress_bind_attrs || (dev->driver && dev->driver->suppress_bind_attrs))
		err = -EOPNOTSUPP;
	else
		err = driver_may_be_told(dp, dev);
	driver_unuse(dp);
	return err;
}

/* Under the device's lock. */
static int bind_if_live(struct device *dev, struct driver_private *dp)
{
	int err;

	if (!driver_use(dp))
		return -ENODEV;
	err = driver_bind_locked(dp, dev);
	driver_unuse(dp);
	return err;
}

/*
 * It was @old's before, so nobody is asked whether it may be. What had to be asked for the new
 * driver is of no account: driver_override may name that one.
 */
static void go_back(struct device *dev, struct driver_private *old, const char *wanted)
{
	int err = driver_bind_locked(old, dev);

	if (err)
		dev_err(dev, "rebind to %s failed, and so did going back to %s: %d; it is unbound",
			wanted, old->driver->name, err);
	else
		dev_warn(dev, "rebind to %s failed: it is back", wanted);
}

/*
 * @dp is only kept in memory while the old driver lets go, which may wait for a user: who unloads
 * the new driver meanwhile need not wait for that one, too. The old one is waited for anyway.
 */
static int move(struct device *dev, struct driver_private *dp)
{
	struct driver_private *old = dev->driver->p;
	bool may_go_back = driver_use(old);
	int err;

	device_unbind_locked(dev);
	err = bind_if_live(dev, dp);
	if (may_go_back) {
		if (err)
			go_back(dev, old, kobject_name(&dp->kobj));
		driver_unuse(old);
	}
	return err;
}

/* Under the device's lock. */
static int rebind_locked(struct device *dev, struct driver_private *dp)
{
	int err;

	if (!device_is_added(dev))
		return -ENODEV;
	if (dev->driver && dev->driver->p == dp)
		return 0;
	err = may_move(dev, dp);
	if (err)
		return err;
	return dev->driver ? move(dev, dp) : bind_if_live(dev, dp);
}

int device_rebind(struct device *dev, const char *name)
{
	struct driver_private *dp = bus_find_driver(dev->p->bus, name);
	int err;

	if (!dp)
		return -ENODEV;
	/* As long as nothing has begun, nothing is done for a caller who has left. */
	if (device_lock_for_caller(dev))
		err = rebind_locked(dev, dp);
	else
		err = -EINTR;
	device_unlock(dev);
	kobject_put(&dp->kobj);
	return err;
}
