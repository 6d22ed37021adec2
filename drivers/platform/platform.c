/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The module "platform": the platform bus, with the devices of a tree.
 *
 * Behaviour: Linux 6.1 drivers/base/platform.c (platform_bus_init()).
 */
#include <umdev/publish.h>

#include "hardware.h"
#include "private.h"

struct bus_type platform_bus_type = {
	.name = "platform",
	.dev_groups = platform_dev_groups,
	.drv_groups = platform_drv_groups,
	.match = platform_match,
	.accept = platform_accept,
	.uevent = platform_uevent,
	.probe = platform_probe,
	.remove = platform_remove,
	.has_driver_override = true,
};

static int bus_up(void)
{
	int err;

	err = root_device_register("platform", &platform_root);
	if (err)
		return err;
	err = bus_register(&platform_bus_type);
	if (err)
		goto unregister_root;
	err = hardware_init();
	if (err)
		goto unregister_bus;
	return 0;

unregister_bus:
	bus_unregister(&platform_bus_type);
unregister_root:
	root_device_unregister(platform_root);
	return err;
}

static void bus_down(void)
{
	hardware_exit();
	bus_unregister(&platform_bus_type);
	root_device_unregister(platform_root);
}

static int platform_init(void)
{
	int err;

	/* Nobody sees the bus before all is on it that belongs there. */
	publish_begin();
	err = bus_up();
	if (err)
		publish_abort();
	else
		publish_commit();
	return err;
}

static void platform_exit(void)
{
	bus_down();
}

module_init(platform_init);
module_exit(platform_exit);
MODULE_LICENSE("LGPL-2.1-or-later");
MODULE_DESCRIPTION("The platform bus, with devices from device trees");
