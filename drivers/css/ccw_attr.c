/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Attributes of a ccw device. Behaviour: Linux 7.3 drivers/s390/cio/{device,cmf}.c. */
#include <errno.h>
#include <string.h>

#include "ccw.h"

static ssize_t devtype_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct ccw_device *cdev = to_ccwdev(dev);
	struct ccw_device_id id;

	pthread_mutex_lock(cdev->ccwlock);
	id = cdev->id;
	pthread_mutex_unlock(cdev->ccwlock);
	if (!id.dev_type)
		return sysfs_emit(buf, "n/a\n");
	return sysfs_emit(buf, "%04x/%02x\n", id.dev_type, id.dev_model);
}
static DEVICE_ATTR_RO(devtype);

static ssize_t cutype_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct ccw_device *cdev = to_ccwdev(dev);
	struct ccw_device_id id;

	pthread_mutex_lock(cdev->ccwlock);
	id = cdev->id;
	pthread_mutex_unlock(cdev->ccwlock);
	return sysfs_emit(buf, "%04x/%02x\n", id.cu_type, id.cu_model);
}
static DEVICE_ATTR_RO(cutype);

static ssize_t modalias_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct ccw_device *cdev = to_ccwdev(dev);
	char alias[CCW_ALIAS_SIZE];

	pthread_mutex_lock(cdev->ccwlock);
	ccw_print_alias(alias, sizeof(alias), &cdev->id);
	pthread_mutex_unlock(cdev->ccwlock);
	return sysfs_emit(buf, "%s\n", alias);
}
static DEVICE_ATTR_RO(modalias);

static ssize_t availability_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct ccw_device *cdev = to_ccwdev(dev);
	enum ccw_device_state state;
	uint8_t lpm;

	pthread_mutex_lock(cdev->ccwlock);
	state = to_private(cdev)->state;
	lpm = to_sch(cdev)->lpm;
	pthread_mutex_unlock(cdev->ccwlock);
	switch (state) {
	case DEV_STATE_BOXED:
		return sysfs_emit(buf, "boxed\n");
	case DEV_STATE_DISCONNECTED:
	case DEV_STATE_DISCONNECTED_SENSE_ID:
	case DEV_STATE_NOT_OPER:
		return sysfs_emit(buf, lpm ? "no device\n" : "no path\n");
	default:
		return sysfs_emit(buf, "good\n");
	}
}
static DEVICE_ATTR_RO(availability);

/* ---- online ---- */

static ssize_t online_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct ccw_device *cdev = to_ccwdev(dev);
	bool online;

	pthread_mutex_lock(cdev->ccwlock);
	online = cdev->online;
	pthread_mutex_unlock(cdev->ccwlock);
	return sysfs_emit(buf, online ? "1\n" : "0\n");
}

static enum ccw_device_state get_state(struct ccw_device_private *priv)
{
	enum ccw_device_state state;

	pthread_mutex_lock(priv->cdev.ccwlock);
	state = priv->state;
	pthread_mutex_unlock(priv->cdev.ccwlock);
	return state;
}

static int put_offline(struct ccw_device_private *priv)
{
	struct ccw_device *cdev = &priv->cdev;
	bool disconnected;

	pthread_mutex_lock(cdev->ccwlock);
	disconnected = priv->state == DEV_STATE_DISCONNECTED;
	/* Nobody waits for it to come back any more. */
	if (disconnected)
		io_sch_todo(priv->ios, IO_SCH_TODO_UNREG | IO_SCH_TODO_EVAL);
	pthread_mutex_unlock(cdev->ccwlock);
	if (disconnected)
		return 0;
	return cdev->drv && cdev->drv->set_offline ? ccw_device_set_offline(cdev) : -EINVAL;
}

static int try_online(struct ccw_device_private *priv)
{
	struct ccw_device *cdev = &priv->cdev;
	enum ccw_device_state state;

	pthread_mutex_lock(cdev->ccwlock);
	if (priv->state == DEV_STATE_BOXED) {
		ccw_device_recognition(priv);
		state = priv->state;
		pthread_mutex_unlock(cdev->ccwlock);
		if (state != DEV_STATE_OFFLINE)
			return -EAGAIN;
	} else {
		pthread_mutex_unlock(cdev->ccwlock);
	}
	return cdev->drv && cdev->drv->set_online ? ccw_device_set_online(cdev) : -EINVAL;
}

static int put_online(struct ccw_device_private *priv, bool force)
{
	int err = try_online(priv);

	if (!force || get_state(priv) != DEV_STATE_BOXED)
		return force ? 0 : err;
	pthread_mutex_lock(priv->cdev.ccwlock);
	err = ccw_device_stlck(priv);
	pthread_mutex_unlock(priv->cdev.ccwlock);
	return err ? err : try_online(priv);
}

static int parse_online(const char *buf, unsigned long *value, bool *force)
{
	*force = !strcmp(buf, "force") || !strcmp(buf, "force\n");
	*value = 1;
	return *force ? 0 : kstrtoul(buf, 16, value);
}

/* While its states change by themselves, or are about to, nobody changes them by hand. */
static bool is_busy(struct ccw_device_private *priv)
{
	bool busy;

	pthread_mutex_lock(priv->cdev.ccwlock);
	busy = !ccw_device_is_final(priv) && priv->state != DEV_STATE_DISCONNECTED;
	if (priv->ios->todo & (IO_SCH_TODO_UNREG | IO_SCH_TODO_REBIND))
		busy = true;
	pthread_mutex_unlock(priv->cdev.ccwlock);
	return busy;
}

static int set_online(struct device *dev, const char *buf)
{
	struct ccw_device_private *priv = to_private(to_ccwdev(dev));
	unsigned long value;
	bool force;
	int err;

	if (is_busy(priv))
		return -EAGAIN;
	err = parse_online(buf, &value, &force);
	if (err)
		return err;
	device_lock(dev);
	if (value == 0)
		err = put_offline(priv);
	else if (value == 1)
		err = put_online(priv, force);
	else
		err = -EINVAL;
	device_unlock(dev);
	return err;
}

static ssize_t online_store(struct device *dev, struct device_attribute *attr, const char *buf,
			    size_t count)
{
	struct ccw_device_private *priv = to_private(to_ccwdev(dev));
	int err;

	if (atomic_exchange(&priv->onoff, true))
		return -EAGAIN;
	err = set_online(dev, buf);
	atomic_store(&priv->onoff, false);
	return err ? err : (ssize_t)count;
}
static DEVICE_ATTR_RW(online);

/* ---- channel measurement, which this machine has not ---- */

static ssize_t cmb_enable_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "0\n");
}

static ssize_t cmb_enable_store(struct device *dev, struct device_attribute *attr, const char *buf,
				size_t count)
{
	unsigned long value;
	int err = kstrtoul(buf, 16, &value);

	if (err)
		return err;
	if (value > 1)
		return -EINVAL;
	return value ? -EOPNOTSUPP : (ssize_t)count;
}
static DEVICE_ATTR_RW(cmb_enable);

static struct attribute *ccwdev_attrs[] = {
	&dev_attr_devtype.attr,
	&dev_attr_cutype.attr,
	&dev_attr_modalias.attr,
	&dev_attr_online.attr,
	&dev_attr_cmb_enable.attr,
	&dev_attr_availability.attr,
	NULL,
};

static const struct attribute_group ccwdev_attr_group = { .attrs = ccwdev_attrs };

const struct attribute_group *ccwdev_attr_groups[] = { &ccwdev_attr_group, NULL };
