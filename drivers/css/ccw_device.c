/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A ccw device: how it comes and goes, and how it is put online and offline.
 *
 * Behaviour: Linux 7.3 drivers/s390/cio/device.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <umdev/log.h>

#include "ccw.h"

static void release_device(struct device *dev)
{
	struct ccw_device_private *priv = to_private(to_ccwdev(dev));

	put_device(dev->parent);
	free(priv);
}

struct ccw_device_private *ccw_device_create(struct io_subchannel *ios)
{
	struct ccw_device_private *priv = calloc(1, sizeof(*priv));
	struct subchannel *sch = ios->sch;
	struct device *dev;
	int err;

	if (!priv)
		return NULL;
	priv->ios = ios;
	priv->state = DEV_STATE_NOT_OPER;
	priv->cdev.ccwlock = &sch->lock;
	dev = &priv->cdev.dev;
	dev->bus = &ccw_bus_type;
	/* For @ccwlock; a second one is device_add()'s. */
	dev->parent = get_device(&sch->dev);
	dev->groups = ccwdev_attr_groups;
	dev->release = release_device;
	err = device_initialize(dev);
	if (!err)
		err = dev_set_name(dev, "%x.%x.%04x", sch->schid.cssid, sch->schid.ssid,
				   sch->schib.pmcw.dev);
	if (err) {
		put_device(dev);
		return NULL;
	}
	return priv;
}

int ccw_device_register(struct ccw_device_private *priv)
{
	struct subchannel *sch = priv->ios->sch;
	int err;

	priv->registered = true;
	pthread_mutex_unlock(&sch->lock);
	err = device_add(&priv->cdev.dev);
	pthread_mutex_lock(&sch->lock);
	if (err)
		priv->registered = false;
	return err;
}

void ccw_device_unregister(struct ccw_device_private *priv)
{
	struct io_subchannel *ios = priv->ios;
	struct subchannel *sch = ios->sch;
	bool registered = priv->registered;

	/* Its driver still hears of interrupts while it leaves. */
	pthread_mutex_unlock(&sch->lock);
	if (registered)
		device_del(&priv->cdev.dev);
	pthread_mutex_lock(&sch->lock);
	priv->registered = false;
	ios->cdev = NULL;
	pthread_cond_broadcast(&ios->changed);
	pthread_mutex_unlock(&sch->lock);
	put_device(&priv->cdev.dev);
	pthread_mutex_lock(&sch->lock);
}

void ccw_device_rebind(struct ccw_device_private *priv)
{
	struct subchannel *sch = priv->ios->sch;

	if (!priv->registered)
		return;
	pthread_mutex_unlock(&sch->lock);
	device_reprobe(&priv->cdev.dev, NULL, NULL);
	pthread_mutex_lock(&sch->lock);
}

/* ---- online and offline ---- */

/* Take it offline, having waited for what it does. */
static int take_offline(struct ccw_device_private *priv)
{
	int err;

	for (;;) {
		ccw_device_wait_final(priv);
		err = ccw_device_offline(priv);
		if (err != -EBUSY)
			return err;
		/* The driver has left something under way. */
		io_subchannel_disable(priv->ios);
		if (cio_enable_subchannel(to_sch(&priv->cdev), to_sch(&priv->cdev)->schid.sch_no))
			return -ENODEV;
	}
}

static void warn_of_state(const struct ccw_device_private *priv, const char *what)
{
	if (priv->state == DEV_STATE_BOXED)
		dev_warn(&priv->cdev.dev, "%s: the device is boxed", what);
	else if (priv->state == DEV_STATE_NOT_OPER || priv->state == DEV_STATE_DISCONNECTED)
		dev_warn(&priv->cdev.dev, "%s: the device is not operational", what);
}

int ccw_device_set_offline(struct ccw_device *cdev)
{
	struct ccw_device_private *priv = to_private(cdev);
	int err;

	if (!cdev->online || !cdev->drv)
		return -EINVAL;
	if (cdev->drv->set_offline) {
		err = cdev->drv->set_offline(cdev);
		if (err)
			return err;
	}
	pthread_mutex_lock(cdev->ccwlock);
	cdev->online = false;
	err = take_offline(priv);
	if (err) {
		priv->state = DEV_STATE_OFFLINE;
		ccw_device_notoper(priv);
		err = -ENODEV;
	}
	warn_of_state(priv, "offline");
	pthread_mutex_unlock(cdev->ccwlock);
	return err;
}

static int bring_online(struct ccw_device_private *priv)
{
	int err;

	pthread_mutex_lock(priv->cdev.ccwlock);
	err = ccw_device_online(priv);
	if (!err) {
		ccw_device_wait_final(priv);
		if (priv->state != DEV_STATE_ONLINE) {
			warn_of_state(priv, "online");
			err = -ENODEV;
		}
	}
	pthread_mutex_unlock(priv->cdev.ccwlock);
	return err;
}

int ccw_device_set_online(struct ccw_device *cdev)
{
	struct ccw_device_private *priv = to_private(cdev);
	int err;

	if (cdev->online || !cdev->drv)
		return -EINVAL;
	err = bring_online(priv);
	if (err)
		return err;
	err = cdev->drv->set_online ? cdev->drv->set_online(cdev) : 0;
	pthread_mutex_lock(cdev->ccwlock);
	if (!err)
		cdev->online = true;
	else if (take_offline(priv))
		priv->state = DEV_STATE_OFFLINE;
	pthread_mutex_unlock(cdev->ccwlock);
	return err;
}
