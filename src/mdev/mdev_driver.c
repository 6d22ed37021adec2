/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bus "mdev" and its drivers.
 * Behaviour: Linux 6.1 drivers/vfio/mdev/mdev_driver.c, but for match().
 */
#include <errno.h>

#include "mdev/mdev_private.h"
#include "model/base.h"

/*
 * The kernel's bus matches nothing, and so an unbound device stays without a driver for ever. Here
 * the driver that made a device may have it back, through the file bind: nobody takes it by itself,
 * because every device on this bus begins as explicit_bind_only. One that is on its way out stays.
 */
static int mdev_match(struct device *dev, struct device_driver *drv)
{
	return mdev_may_bind(to_mdev_device(dev), to_mdev_driver(drv));
}

static int mdev_probe(struct device *dev)
{
	struct mdev_device *mdev = to_mdev_device(dev);

	mdev->p->quiesced = false;
	return to_mdev_driver(dev->driver)->probe(mdev);
}

/* Under the device's lock. */
static void quiesce_once(struct mdev_device *mdev)
{
	struct mdev_driver *drv = to_mdev_driver(mdev->dev.driver);

	if (!drv->quiesce || mdev->p->quiesced)
		return;
	drv->quiesce(mdev);
	mdev->p->quiesced = true;
}

void mdev_quiesce(struct mdev_device *mdev)
{
	/* It may be on its way from its driver already, which waits for its user. */
	device_lock_for_caller(&mdev->dev);
	if (mdev->dev.driver)
		quiesce_once(mdev);
	device_unlock(&mdev->dev);
}

static void mdev_remove(struct device *dev)
{
	struct mdev_device *mdev = to_mdev_device(dev);

	quiesce_once(mdev);
	to_mdev_driver(dev->driver)->remove(mdev);
}

struct bus_type mdev_bus_type = {
	.name = "mdev",
	.match = mdev_match,
	.probe = mdev_probe,
	.remove = mdev_remove,
};

bool mdev_driver_is_complete(const struct mdev_driver *drv)
{
	return drv && drv->device_api && drv->probe && drv->remove;
}

int mdev_register_driver(struct mdev_driver *drv)
{
	if (!mdev_driver_is_complete(drv))
		return -EINVAL;
	drv->driver.bus = &mdev_bus_type;
	return driver_register(&drv->driver);
}

void mdev_unregister_driver(struct mdev_driver *drv)
{
	driver_unregister(&drv->driver);
}
