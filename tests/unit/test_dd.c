/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Binding. Expected answers: a Linux 6.1 kernel's platform bus, see doc/differences.md for what is not. */
#include "cmocka_umdev.h"

#include <errno.h>

#include <umdev/device.h>

#include "model/base.h"
#include "outside.h"

/* ---- a bus like the platform bus, with a device and its driver as in a PC ---- */

#define DEVICE	"/bus/platform/devices/pcspkr"
#define DRIVERS "/bus/platform/drivers"

static int platform_match(struct device *dev, struct device_driver *drv)
{
	return !strcmp(dev_name(dev), drv->name);
}

static int platform_uevent(struct device *dev, struct kobj_uevent_env *env)
{
	return add_uevent_var(env, "MODALIAS=platform:%s", dev_name(dev));
}

static ssize_t modalias_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "platform:%s\n", dev_name(dev));
}
static DEVICE_ATTR_RO(modalias);

static struct attribute *platform_dev_attrs[] = { &dev_attr_modalias.attr, NULL };
ATTRIBUTE_GROUPS(platform_dev);

static struct bus_type platform = {
	.name = "platform",
	.dev_groups = platform_dev_groups,
	.match = platform_match,
	.uevent = platform_uevent,
	.has_driver_override = true,
};

static int nothing_probe(struct device *dev)
{
	return 0;
}

static struct device_driver pcspkr = { .name = "pcspkr", .bus = &platform, .probe = nothing_probe };
static struct device_driver reg_dummy = { .name = "reg-dummy",
					  .bus = &platform,
					  .probe = nothing_probe };
static struct device *speaker;

static void speaker_release(struct device *dev)
{
	free(dev);
}

static int platform_setup(void **state)
{
	assert_int_equal(bus_register(&platform), 0);
	assert_int_equal(driver_register(&reg_dummy), 0);
	speaker = calloc(1, sizeof(*speaker));
	speaker->bus = &platform;
	speaker->release = speaker_release;
	assert_int_equal(device_initialize(speaker), 0);
	assert_int_equal(dev_set_name(speaker, "pcspkr"), 0);
	assert_int_equal(device_add(speaker), 0);
	return 0;
}

static int platform_teardown(void **state)
{
	device_unregister(speaker);
	driver_unregister(&reg_dummy);
	bus_unregister(&platform);
	model_exit();
	assert_string_equal(outside_list("/"), "");
	return 0;
}

static void assert_driver(const char *name)
{
	const char *link = outside_link(DEVICE "/driver");

	if (name)
		assert_string_equal(strrchr(link, '/') + 1, name);
	else
		assert_string_equal(link, "error -2");
}

static void the_platform_bus_answers_as_the_kernel(void **state)
{
	assert_string_equal(outside_list(DEVICE),
			    "driver_override explicit_bind_only modalias subsystem uevent ");
	assert_string_equal(outside_read(DEVICE "/uevent"), "MODALIAS=platform:pcspkr\n");
	assert_string_equal(outside_read(DEVICE "/driver_override"), "(null)\n");
	assert_driver(NULL);

	assert_int_equal(driver_register(&pcspkr), 0);
	assert_driver("pcspkr");
	assert_string_equal(outside_read(DEVICE "/uevent"),
			    "DRIVER=pcspkr\nMODALIAS=platform:pcspkr\n");
	assert_string_equal(outside_list(DRIVERS "/pcspkr"),
			    "bind explicit_bind_only pcspkr uevent unbind ");

	assert_int_equal(outside_write("pcspkr\n", DRIVERS "/pcspkr/bind"), -EBUSY);
	assert_int_equal(outside_write("pcspkr\n", DRIVERS "/pcspkr/unbind"), 0);
	assert_driver(NULL);
	assert_int_equal(outside_write("pcspkr\n", DRIVERS "/pcspkr/unbind"), -ENODEV);
	assert_int_equal(outside_write("pcspkr\n", DRIVERS "/reg-dummy/bind"), -ENODEV);
	assert_driver(NULL);
	assert_int_equal(outside_write("pcspkr\n", DRIVERS "/pcspkr/bind"), 0);
	assert_driver("pcspkr");
	assert_int_equal(outside_write("pcspkr\n", DRIVERS "/reg-dummy/unbind"), -ENODEV);
	assert_driver("pcspkr");

	assert_int_equal(outside_write("nosuch\n", DEVICE "/driver_override"), 0);
	assert_string_equal(outside_read(DEVICE "/driver_override"), "nosuch\n");
	assert_driver("pcspkr");
	assert_int_equal(outside_write("pcspkr\n", DRIVERS "/pcspkr/unbind"), 0);
	assert_int_equal(outside_write("pcspkr\n", "/bus/platform/drivers_probe"), 0);
	assert_driver(NULL);
	assert_int_equal(outside_write("pcspkr\n", DRIVERS "/pcspkr/bind"), -ENODEV);
	assert_driver(NULL);
	assert_int_equal(outside_write("reg-dummy\n", DEVICE "/driver_override"), 0);
	assert_int_equal(outside_write("pcspkr\n", "/bus/platform/drivers_probe"), 0);
	assert_driver("reg-dummy");
	assert_int_equal(outside_write("pcspkr\n", DRIVERS "/reg-dummy/unbind"), 0);
	assert_int_equal(outside_write("", DEVICE "/driver_override"), 0);
	assert_string_equal(outside_read(DEVICE "/driver_override"), "reg-dummy\n");
	assert_int_equal(outside_write("\n", DEVICE "/driver_override"), 0);
	assert_string_equal(outside_read(DEVICE "/driver_override"), "(null)\n");
	assert_int_equal(outside_write("pcspkr\n", "/bus/platform/drivers_probe"), 0);
	assert_driver("pcspkr");
	assert_int_equal(outside_write("a b\nc", DEVICE "/driver_override"), 0);
	assert_string_equal(outside_read(DEVICE "/driver_override"), "a b\n");
	assert_int_equal(outside_write("\n", DEVICE "/driver_override"), 0);

	assert_int_equal(outside_write("0\n", "/bus/platform/drivers_autoprobe"), 0);
	driver_unregister(&pcspkr);
	assert_int_equal(driver_register(&pcspkr), 0);
	assert_driver(NULL);
	assert_int_equal(outside_write("pcspkr\n", "/bus/platform/drivers_probe"), 0);
	assert_driver("pcspkr");
	assert_int_equal(outside_write("1\n", "/bus/platform/drivers_autoprobe"), 0);
	assert_string_equal(outside_read("/bus/platform/drivers_autoprobe"), "1\n");

	driver_unregister(&pcspkr);
	assert_false(outside_exists(DRIVERS "/pcspkr"));
	assert_string_equal(outside_list(DEVICE),
			    "driver_override explicit_bind_only modalias subsystem uevent ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_platform_bus_answers_as_the_kernel,
						platform_setup, platform_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
