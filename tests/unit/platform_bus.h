/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A bus like the platform bus, with a device and its driver as in a PC: the speaker "pcspkr" is
 * there and unbound, "reg-dummy" is registered and does not match it, "pcspkr" is for the test to
 * register.
 */
#ifndef UMDEV_TESTS_PLATFORM_BUS_H
#define UMDEV_TESTS_PLATFORM_BUS_H

#include <umdev/device.h>

#define DEVICE	"/bus/platform/devices/pcspkr"
#define DRIVERS "/bus/platform/drivers"

/* A test may change their flags and callbacks, and puts back what it has changed. */
extern struct bus_type platform;
extern struct device_driver pcspkr;
extern struct device_driver reg_dummy;
/* A test that deletes it adds another. */
extern struct device *speaker;

/** platform_match - the bus's own: by name. */
int platform_match(struct device *dev, struct device_driver *drv);

/** nothing_probe - a probe() that takes every device and does nothing with it. */
int nothing_probe(struct device *dev);

/** assert_driver - the speaker is bound to the driver @name; to none if NULL. */
void assert_driver(const char *name);

/** platform_setup, platform_teardown - bus, device and "reg-dummy" up and down. For cmocka. */
int platform_setup(void **state);
int platform_teardown(void **state);

#define WITH_SPEAKER(test) cmocka_unit_test_setup_teardown(test, platform_setup, platform_teardown)

#endif
