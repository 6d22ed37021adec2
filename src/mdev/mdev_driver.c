/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bus "mdev" and its drivers.
 * Behaviour: Linux 6.1 drivers/vfio/mdev/mdev_driver.c, but for match().
 */
#include <errno.h>

#include "mdev/mdev_private.h"

/*
 * The kernel's bus matches nothing, and so an unbound device stays without a driver for ever. Here
 * the driver that made a device may have it back, through the file bind: nobody takes it by itself,
 * because every device on this bus is explicit_bind_only.
 */
static int mdev_match(struct device *dev, struct device_driver *drv)
{
	return to_mdev_device(dev)->type->parent->mdev_driver == to_mdev_driver(drv);
}

static int mdev_probe(struct device *dev)
{
	return to_mdev_driver(dev->driver)->probe(to_mdev_device(dev));
}

static void mdev_remove(struct device *dev)
{
	to_mdev_driver(dev->driver)->remove(to_mdev_device(dev));
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
