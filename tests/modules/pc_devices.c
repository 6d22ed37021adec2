/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two devices that every PC has on its platform bus. */
#include <umdev/platform.h>

static struct platform_device *speaker, *regulator;

static int add(const char *name, struct platform_device **out)
{
	const struct platform_device_info info = { .name = name, .id = PLATFORM_DEVID_NONE };

	return platform_device_register_full(&info, out);
}

static int pc_devices_init(void)
{
	int err;

	err = add("reg-dummy", &regulator);
	if (err)
		return err;
	err = add("pcspkr", &speaker);
	if (err)
		platform_device_unregister(regulator);
	return err;
}

static void pc_devices_exit(void)
{
	platform_device_unregister(speaker);
	platform_device_unregister(regulator);
}

module_init(pc_devices_init);
module_exit(pc_devices_exit);
MODULE_LICENSE("LGPL-2.1-or-later");
MODULE_DEPENDS("platform");
