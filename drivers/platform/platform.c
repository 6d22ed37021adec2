/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The module "platform": the platform bus, with the devices of a tree.
 *
 * Behaviour: Linux 6.1 drivers/base/platform.c (platform_bus_init()).
 */
#include <umdev/publish.h>

#include "dmac_hw.h"
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

/* The kinds of hardware that come with the bus. */
static const struct platform_hw_ops *const kinds[] = { &dmac_hw_ops };

/* The first @count of them. */
static void kinds_down(size_t count)
{
	while (count--)
		platform_hw_unregister(kinds[count]);
}

static int kinds_up(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		int err = platform_hw_register(kinds[i]);

		if (err) {
			kinds_down(i);
			return err;
		}
	}
	return 0;
}

static int bus_up(void)
{
	int err;

	err = root_device_register("platform", &platform_root);
	if (err)
		return err;
	err = bus_register(&platform_bus_type);
	if (err)
		goto unregister_root;
	err = kinds_up();
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
	kinds_down(ARRAY_SIZE(kinds));
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
