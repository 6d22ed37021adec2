/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A module with a driver on the platform bus that takes devices of its name. */
#ifndef UMDEV_TESTS_MODULES_PLATFORM_DRIVER_H
#define UMDEV_TESTS_MODULES_PLATFORM_DRIVER_H

#include <umdev/platform.h>

#define PLATFORM_DRIVER(_name)                                     \
	static int take(struct platform_device *pdev)              \
	{                                                          \
		return 0;                                          \
	}                                                          \
	static struct platform_driver driver = {                   \
		.probe = take,                                     \
		.driver = { .name = _name, .owner = THIS_MODULE }, \
	};                                                         \
	static int driver_init(void)                               \
	{                                                          \
		return platform_driver_register(&driver);          \
	}                                                          \
	static void driver_exit(void)                              \
	{                                                          \
		platform_driver_unregister(&driver);               \
	}                                                          \
	module_init(driver_init);                                  \
	module_exit(driver_exit);                                  \
	MODULE_LICENSE("LGPL-2.1-or-later");                       \
	MODULE_DEPENDS("platform")

#endif
