/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A bus with one device, which wants what claims the alias "only-a". */
#include <umdev/device.h>

#include "hook.h"

static int needy_uevent(struct device *dev, struct kobj_uevent_env *env)
{
	return add_uevent_var(env, "MODALIAS=only-a");
}

static struct bus_type needy_bus = { .name = "needy", .uevent = needy_uevent };
static struct device needy_device;

static void needy_release(struct device *dev)
{
}

static int needy_init(void)
{
	int err = bus_register(&needy_bus);

	if (err)
		return err;
	needy_device.bus = &needy_bus;
	needy_device.release = needy_release;
	err = device_initialize(&needy_device);
	if (!err)
		err = dev_set_name(&needy_device, "needy0");
	if (!err)
		err = device_add(&needy_device);
	if (err) {
		put_device(&needy_device);
		bus_unregister(&needy_bus);
	}
	return err;
}

static void needy_exit(void)
{
	device_unregister(&needy_device);
	bus_unregister(&needy_bus);
}

module_init(needy_init);
module_exit(needy_exit);
MODULE_LICENSE("LGPL");
