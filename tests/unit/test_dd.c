/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Binding. Expected answers: a Linux 6.1 kernel's, see doc/differences.md for what is not. */
#include "cmocka_umdev.h"

#include <errno.h>

#include "model/alloc.h"
#include "model_fixture.h"
#include "support/outside.h"
#include "platform_bus.h"

static void the_platform_bus_answers_as_the_kernel(void **state)
{
	assert_string_equal(outside_list(DEVICE),
			    "driver_override explicit_bind_only modalias rebind subsystem uevent ");
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
			    "driver_override explicit_bind_only modalias rebind subsystem uevent ");
}

/* ---- driver_override ---- */

static void driver_override_takes_and_gives_what_the_kernel_does(void **state)
{
	char text[4096 + 1];

	memset(text, 'n', sizeof(text));
	text[4096] = '\0';
	assert_int_equal(outside_write(text, DEVICE "/driver_override"), -EINVAL);
	text[4095] = '\0';
	assert_int_equal(outside_write(text, DEVICE "/driver_override"), -EINVAL);
	text[4094] = '\0';
	assert_int_equal(outside_write(text, DEVICE "/driver_override"), 0);
	assert_int_equal(strlen(outside_read(DEVICE "/driver_override")), 4095);
	fault_countdown = 1;
	assert_int_equal(outside_write("x", DEVICE "/driver_override"), -ENOMEM);
	assert_int_equal(strlen(outside_read(DEVICE "/driver_override")), 4095);
	assert_int_equal(outside_write("\nx", DEVICE "/driver_override"), 0);
	assert_string_equal(outside_read(DEVICE "/driver_override"), "(null)\n");
}

/* ---- what probe() and remove() see, and what the outside sees of them ---- */

static int probe_result;
static struct device_driver scripted;

static ssize_t volume_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "11\n");
}
static DEVICE_ATTR_RO(volume);

static struct attribute *volume_attrs[] = { &dev_attr_volume.attr, NULL };
ATTRIBUTE_GROUPS(volume);

static int scripted_probe(struct device *dev)
{
	assert_ptr_equal(dev->driver, &scripted);
	assert_true(outside_exists(DEVICE "/driver"));
	assert_false(outside_exists(DEVICE "/volume"));
	assert_false(device_is_bound(dev));
	dev_set_drvdata(dev, &scripted);
	return probe_result;
}

static void scripted_remove(struct device *dev)
{
	assert_ptr_equal(dev_get_drvdata(dev), &scripted);
	assert_ptr_equal(dev->driver, &scripted);
	assert_false(outside_exists(DEVICE "/volume"));
	/* After a binding that could not be finished it is still there, as in the kernel. */
	assert_int_equal(outside_exists(DEVICE "/driver"), !device_is_bound(dev));
}

static struct device_driver scripted = { .name = "pcspkr",
					 .bus = &platform,
					 .probe = scripted_probe,
					 .remove = scripted_remove,
					 .dev_groups = volume_groups };

static void dev_groups_live_from_probe_to_remove(void **state)
{
	probe_result = 0;
	events_begin();
	assert_int_equal(driver_register(&scripted), 0);
	assert_true(device_is_bound(speaker));
	assert_string_equal(outside_read(DEVICE "/volume"), "11\n");
	assert_int_equal(outside_write("pcspkr", DRIVERS "/pcspkr/unbind"), 0);
	assert_null(dev_get_drvdata(speaker));
	assert_false(outside_exists(DEVICE "/volume"));
	driver_unregister(&scripted);
	assert_string_equal(events_text(),
			    "bind /devices/pcspkr SUBSYSTEM=platform DRIVER=pcspkr "
			    "MODALIAS=platform:pcspkr\n"
			    "add /bus/platform/drivers/pcspkr SUBSYSTEM=drivers\n"
			    "unbind /devices/pcspkr SUBSYSTEM=platform\n"
			    "remove /bus/platform/drivers/pcspkr SUBSYSTEM=drivers\n");
}

static void a_failed_probe_leaves_nothing(void **state)
{
	const int results[] = { -EIO, -ENODEV, -ENXIO, 5 };

	scripted.explicit_bind_only = true;
	assert_int_equal(driver_register(&scripted), 0);
	events_begin();
	for (size_t i = 0; i < ARRAY_SIZE(results); i++) {
		probe_result = results[i];
		assert_int_equal(outside_write("pcspkr", DRIVERS "/pcspkr/bind"),
				 probe_result > 0 ? -EINVAL : probe_result);
		assert_driver(NULL);
		assert_false(outside_exists(DRIVERS "/pcspkr/pcspkr"));
		assert_null(dev_get_drvdata(speaker));
		assert_null(speaker->driver);
	}
	assert_int_equal(events_count(), 0);
	assert_non_null(strstr(log_taken(), "pcspkr: probe of pcspkr failed with error -5\n"));
	driver_unregister(&scripted);
	scripted.explicit_bind_only = false;
}

static int attach_scripted(void *data)
{
	return device_driver_attach(&scripted, speaker);
}

static void release_scripted(void *data)
{
	device_release_driver(speaker);
}

static void a_failed_binding_leaves_nothing(void **state)
{
	probe_result = 0;
	scripted.explicit_bind_only = true;
	assert_int_equal(driver_register(&scripted), 0);
	/* Two links and an attribute; the event's loss is not the binding's. */
	fault_countdown = 1;
	assert_int_equal(attach_scripted(NULL), -ENOMEM);
	assert_driver(NULL);
	for (unsigned long step = 2; step < 100; step++) {
		events_begin();
		fault_countdown = step;
		if (!attach_scripted(NULL))
			break;
		assert_int_equal(fault_countdown, 0);
		assert_driver(NULL);
		assert_false(outside_exists(DRIVERS "/pcspkr/pcspkr"));
		assert_false(outside_exists(DEVICE "/volume"));
		assert_null(dev_get_drvdata(speaker));
		assert_int_equal(events_count(), 0);
	}
	fault_countdown = 0;
	assert_true(device_is_bound(speaker));
	release_scripted(NULL);
	driver_unregister(&scripted);
	scripted.explicit_bind_only = false;
}

static void device_driver_attach_says_why_not(void **state)
{
	struct bus_type other_bus = { .name = "other" };
	struct device_driver stranger = { .name = "stranger", .bus = &other_bus };
	struct device *dev = fixture_device(&platform, NULL, "new");

	assert_int_equal(device_driver_attach(&pcspkr, speaker), -ENODEV);
	assert_int_equal(driver_register(&stranger), 0);
	assert_int_equal(device_driver_attach(&stranger, speaker), -ENODEV);
	assert_int_equal(bus_register(&other_bus), 0);
	assert_int_equal(device_driver_attach(&stranger, speaker), -ENODEV);
	assert_int_equal(device_driver_attach(&reg_dummy, dev), -ENODEV);
	assert_int_equal(device_add(dev), 0);
	assert_int_equal(device_driver_attach(&reg_dummy, dev), 0);
	assert_int_equal(device_driver_attach(&reg_dummy, dev), -EBUSY);
	device_del(dev);
	assert_int_equal(device_driver_attach(&reg_dummy, dev), -ENODEV);
	assert_int_equal(device_attach(dev), -ENODEV);
	put_device(dev);
	driver_unregister(&stranger);
	bus_unregister(&other_bus);
}

static void no_bind_files_when_the_driver_does_not_want_them(void **state)
{
	pcspkr.suppress_bind_attrs = true;
	assert_int_equal(driver_register(&pcspkr), 0);
	assert_string_equal(outside_list(DRIVERS "/pcspkr"), "explicit_bind_only pcspkr uevent ");
	driver_unregister(&pcspkr);
	pcspkr.suppress_bind_attrs = false;
}

static int bus_probes, bus_removes;

static int counting_bus_probe(struct device *dev)
{
	bus_probes++;
	return dev->driver->probe(dev);
}

static void counting_bus_remove(struct device *dev)
{
	bus_removes++;
}

static void a_bus_can_probe_and_remove_for_its_drivers(void **state)
{
	platform.probe = counting_bus_probe;
	platform.remove = counting_bus_remove;
	assert_int_equal(driver_register(&pcspkr), 0);
	driver_unregister(&pcspkr);
	assert_int_equal(bus_probes, 1);
	assert_int_equal(bus_removes, 1);
	platform.probe = NULL;
	platform.remove = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SPEAKER(the_platform_bus_answers_as_the_kernel),
		WITH_SPEAKER(driver_override_takes_and_gives_what_the_kernel_does),
		WITH_SPEAKER(dev_groups_live_from_probe_to_remove),
		WITH_SPEAKER(a_failed_probe_leaves_nothing),
		WITH_SPEAKER(a_failed_binding_leaves_nothing),
		WITH_SPEAKER(device_driver_attach_says_why_not),
		WITH_SPEAKER(no_bind_files_when_the_driver_does_not_want_them),
		WITH_SPEAKER(a_bus_can_probe_and_remove_for_its_drivers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
