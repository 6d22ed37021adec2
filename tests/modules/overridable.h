/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A bus whose devices can be given to a driver by name (driver_override). The module "overridable"
 * has the bus and its devices; drivers are in modules of their own names, as driverctl expects it.
 */
#ifndef UMDEV_TESTS_MODULES_OVERRIDABLE_H
#define UMDEV_TESTS_MODULES_OVERRIDABLE_H

#include <string.h>
#include <umdev/device.h>
#include <umdev/module.h>

extern UMDEV_API struct bus_type overridable_bus;

/* Its parameter "refuse" is the error that its probe() says, without the sign. */
#define OVERRIDABLE_DRIVER(_name)                        \
	static int refuse;                               \
	module_param(refuse, int, 0644);                 \
	static int _name##_probe(struct device *dev)     \
	{                                                \
		return -refuse;                          \
	}                                                \
	static struct device_driver _name##_driver = {   \
		.name = #_name,                          \
		.bus = &overridable_bus,                 \
		.owner = THIS_MODULE,                    \
		.probe = _name##_probe,                  \
	};                                               \
	static int _name##_init(void)                    \
	{                                                \
		return driver_register(&_name##_driver); \
	}                                                \
	static void _name##_exit(void)                   \
	{                                                \
		driver_unregister(&_name##_driver);      \
	}                                                \
	module_init(_name##_init);                       \
	module_exit(_name##_exit);                       \
	MODULE_LICENSE("LGPL-2.1-or-later");             \
	MODULE_DEPENDS("overridable")

#endif
