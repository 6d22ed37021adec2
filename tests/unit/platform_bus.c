/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmocka_umdev.h"

#include "model_fixture.h"
#include "support/outside.h"
#include "platform_bus.h"

int platform_match(struct device *dev, struct device_driver *drv)
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

struct bus_type platform = {
	.name = "platform",
	.dev_groups = platform_dev_groups,
	.match = platform_match,
	.uevent = platform_uevent,
	.has_driver_override = true,
};

int nothing_probe(struct device *dev)
{
	return 0;
}

struct device_driver pcspkr = { .name = "pcspkr", .bus = &platform, .probe = nothing_probe };
struct device_driver reg_dummy = { .name = "reg-dummy", .bus = &platform, .probe = nothing_probe };
struct device *speaker;

int platform_setup(void **state)
{
	fixture_setup(state);
	assert_int_equal(bus_register(&platform), 0);
	assert_int_equal(driver_register(&reg_dummy), 0);
	speaker = fixture_added(&platform, NULL, "pcspkr");
	return 0;
}

int platform_teardown(void **state)
{
	device_unregister(speaker);
	driver_unregister(&reg_dummy);
	bus_unregister(&platform);
	return fixture_teardown(state);
}

void assert_driver(const char *name)
{
	const char *link = outside_link(DEVICE "/driver");

	if (name)
		assert_string_equal(strrchr(link, '/') + 1, name);
	else
		assert_string_equal(link, "error -2");
}
