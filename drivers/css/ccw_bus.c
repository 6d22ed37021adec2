/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The bus "ccw". Behaviour: Linux 7.3 drivers/s390/cio/device.c. */
#include <errno.h>
#include <stdio.h>

#include "ccw.h"

void ccw_print_alias(char *buf, size_t size, const struct ccw_device_id *id)
{
	if (id->dev_type)
		snprintf(buf, size, "ccw:t%04Xm%02Xdt%04Xdm%02X", id->cu_type, id->cu_model,
			 id->dev_type, id->dev_model);
	else
		snprintf(buf, size, "ccw:t%04Xm%02Xdtdm", id->cu_type, id->cu_model);
}

static bool entry_matches(const struct ccw_device_id *entry, const struct ccw_device_id *id)
{
	if (entry->match_flags & CCW_DEVICE_ID_MATCH_CU_TYPE && entry->cu_type != id->cu_type)
		return false;
	if (entry->match_flags & CCW_DEVICE_ID_MATCH_CU_MODEL && entry->cu_model != id->cu_model)
		return false;
	if (entry->match_flags & CCW_DEVICE_ID_MATCH_DEVICE_TYPE && entry->dev_type != id->dev_type)
		return false;
	return !(entry->match_flags & CCW_DEVICE_ID_MATCH_DEVICE_MODEL) ||
	       entry->dev_model == id->dev_model;
}

static const struct ccw_device_id *find_entry(struct device *dev, struct device_driver *drv)
{
	struct ccw_device *cdev = to_ccwdev(dev);
	const struct ccw_device_id *entry;
	struct ccw_device_id id;

	pthread_mutex_lock(cdev->ccwlock);
	id = cdev->id;
	pthread_mutex_unlock(cdev->ccwlock);
	for (entry = to_ccwdrv(drv)->ids; entry->match_flags; entry++)
		if (entry_matches(entry, &id))
			return entry;
	return NULL;
}

static int ccw_match(struct device *dev, struct device_driver *drv)
{
	return find_entry(dev, drv) != NULL;
}

static int ccw_uevent(struct device *dev, struct kobj_uevent_env *env)
{
	struct ccw_device *cdev = to_ccwdev(dev);
	char alias[CCW_ALIAS_SIZE];
	struct ccw_device_id id;
	int err;

	pthread_mutex_lock(cdev->ccwlock);
	id = cdev->id;
	pthread_mutex_unlock(cdev->ccwlock);
	ccw_print_alias(alias, sizeof(alias), &id);
	err = add_uevent_var(env, "CU_TYPE=%04X", id.cu_type);
	if (!err)
		err = add_uevent_var(env, "CU_MODEL=%02X", id.cu_model);
	if (!err)
		err = add_uevent_var(env, "DEV_TYPE=%04X", id.dev_type);
	if (!err)
		err = add_uevent_var(env, "DEV_MODEL=%02X", id.dev_model);
	return err ? err : add_uevent_var(env, "MODALIAS=%s", alias);
}

static int ccw_probe(struct device *dev)
{
	struct ccw_device *cdev = to_ccwdev(dev);
	struct ccw_driver *drv = to_ccwdrv(dev->driver);
	const struct ccw_device_id *entry = find_entry(dev, dev->driver);
	int err;

	pthread_mutex_lock(cdev->ccwlock);
	cdev->drv = drv;
	cdev->id.driver_info = entry ? entry->driver_info : 0;
	pthread_mutex_unlock(cdev->ccwlock);
	err = drv->probe ? drv->probe(cdev) : -ENODEV;
	if (!err)
		return 0;
	pthread_mutex_lock(cdev->ccwlock);
	cdev->drv = NULL;
	cdev->handler = NULL;
	pthread_mutex_unlock(cdev->ccwlock);
	return err;
}

static void ccw_remove(struct device *dev)
{
	struct ccw_device *cdev = to_ccwdev(dev);
	struct ccw_device_private *priv = to_private(cdev);

	pthread_mutex_lock(cdev->ccwlock);
	priv->leaving = true;
	pthread_mutex_unlock(cdev->ccwlock);
	if (cdev->drv->remove)
		cdev->drv->remove(cdev);
	pthread_mutex_lock(cdev->ccwlock);
	if (cdev->online) {
		cdev->online = false;
		ccw_device_wait_final(priv);
		/* If it can't be done in order, it is done by disabling the subchannel. */
		if (ccw_device_offline(priv) && priv->state != DEV_STATE_NOT_OPER)
			priv->state = DEV_STATE_OFFLINE;
	}
	io_subchannel_disable(priv->ios);
	cdev->drv = NULL;
	cdev->handler = NULL;
	priv->options = 0;
	priv->leaving = false;
	pthread_mutex_unlock(cdev->ccwlock);
}

struct bus_type ccw_bus_type = {
	.name = "ccw",
	.match = ccw_match,
	.uevent = ccw_uevent,
	.probe = ccw_probe,
	.remove = ccw_remove,
};

int ccw_driver_register(struct ccw_driver *drv, struct module *owner, const char *name)
{
	if (!drv->ids)
		return -EINVAL;
	drv->driver.bus = &ccw_bus_type;
	drv->driver.owner = owner;
	drv->driver.name = name;
	return driver_register(&drv->driver);
}

void ccw_driver_unregister(struct ccw_driver *drv)
{
	driver_unregister(&drv->driver);
}
