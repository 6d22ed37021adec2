/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A bus with driver_override and three devices, which by themselves go to the driver "native", or
 * to "thief". The last one is of another kind: no driver that takes any device may have it.
 */
#include <errno.h>
#include <stdlib.h>

#include "overridable.h"

#define NR_DEVICES 3

static int overridable_match(struct device *dev, struct device_driver *drv)
{
	return !strcmp(drv->name, "native") || !strcmp(drv->name, "thief");
}

static int overridable_accept(struct device *dev, struct device_driver *drv)
{
	return strcmp(dev_name(dev), "ovr2") ? 0 : -EINVAL;
}

static int overridable_uevent(struct device *dev, struct kobj_uevent_env *env)
{
	return add_uevent_var(env, "MODALIAS=overridable:%s", dev_name(dev));
}

struct bus_type overridable_bus = {
	.name = "overridable",
	.match = overridable_match,
	.accept = overridable_accept,
	.uevent = overridable_uevent,
	.has_driver_override = true,
};

static struct device *root;
static struct device *devices[NR_DEVICES];

static void release_device(struct device *dev)
{
	free(dev);
}

static int add_device(unsigned int n)
{
	struct device *dev;
	int err;

	dev = calloc(1, sizeof(*dev));
	if (!dev)
		return -ENOMEM;
	dev->release = release_device;
	err = device_initialize(dev);
	if (err)
		goto put;
	dev->parent = root;
	dev->bus = &overridable_bus;
	err = dev_set_name(dev, "ovr%u", n);
	if (err)
		goto put;
	err = device_add(dev);
	if (err)
		goto put;
	devices[n] = dev;
	return 0;

put:
	put_device(dev);
	return err;
}

static void remove_devices(unsigned int count)
{
	while (count--)
		device_unregister(devices[count]);
}

static int overridable_init(void)
{
	unsigned int n = 0;
	int err;

	err = bus_register(&overridable_bus);
	if (err)
		return err;
	err = root_device_register("overridable", &root);
	if (err)
		goto unregister_bus;
	for (; n < NR_DEVICES; n++) {
		err = add_device(n);
		if (err)
			goto remove_devices;
	}
	return 0;

remove_devices:
	remove_devices(n);
	root_device_unregister(root);
unregister_bus:
	bus_unregister(&overridable_bus);
	return err;
}

static void overridable_exit(void)
{
	remove_devices(NR_DEVICES);
	root_device_unregister(root);
	bus_unregister(&overridable_bus);
}

module_init(overridable_init);
module_exit(overridable_exit);
MODULE_LICENSE("LGPL-2.1-or-later");
