/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Binding. Expected answers: a Linux 6.1 kernel's, see doc/differences.md for what is not. */
#include "cmocka_umdev.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>

#include <umdev/device.h>

#include "model/alloc.h"
#include "model/base.h"
#include "model_fixture.h"
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

static int platform_setup(void **state)
{
	fixture_setup(state);
	assert_int_equal(bus_register(&platform), 0);
	assert_int_equal(driver_register(&reg_dummy), 0);
	speaker = fixture_added(&platform, NULL, "pcspkr");
	return 0;
}

static int platform_teardown(void **state)
{
	device_unregister(speaker);
	driver_unregister(&reg_dummy);
	bus_unregister(&platform);
	return fixture_teardown(state);
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

/* ---- rule 9: explicit binding is a right ---- */

static void an_explicit_driver_gets_nothing_by_itself(void **state)
{
	assert_int_equal(driver_register(&pcspkr), 0);
	assert_string_equal(outside_read(DRIVERS "/pcspkr/explicit_bind_only"), "0\n");
	driver_unregister(&pcspkr);

	pcspkr.explicit_bind_only = true;
	assert_int_equal(driver_register(&pcspkr), 0);
	pcspkr.explicit_bind_only = false;
	assert_int_equal(outside_write("1\n", DRIVERS "/pcspkr/explicit_bind_only"), 0);
	assert_string_equal(outside_read(DRIVERS "/pcspkr/explicit_bind_only"), "1\n");
	assert_driver(NULL);
	assert_int_equal(outside_write("pcspkr", "/bus/platform/drivers_probe"), 0);
	assert_driver(NULL);
	assert_int_equal(bus_rescan_devices(&platform), 0);
	assert_driver(NULL);
	assert_int_equal(device_attach(speaker), 0);
	assert_driver(NULL);

	assert_int_equal(outside_write("pcspkr", DRIVERS "/pcspkr/bind"), 0);
	assert_driver("pcspkr");
	assert_int_equal(outside_write("pcspkr", DRIVERS "/pcspkr/unbind"), 0);
	assert_int_equal(outside_write("pcspkr", DEVICE "/driver_override"), 0);
	assert_int_equal(outside_write("pcspkr", "/bus/platform/drivers_probe"), 0);
	assert_driver("pcspkr");
	device_release_driver(speaker);
	assert_int_equal(outside_write("\n", DEVICE "/driver_override"), 0);
	assert_int_equal(device_driver_attach(&pcspkr, speaker), 0);
	assert_driver("pcspkr");

	device_release_driver(speaker);
	assert_int_equal(outside_write("maybe", DRIVERS "/pcspkr/explicit_bind_only"), -EINVAL);
	assert_int_equal(outside_write("0", DRIVERS "/pcspkr/explicit_bind_only"), 0);
	assert_int_equal(outside_write("pcspkr", "/bus/platform/drivers_probe"), 0);
	assert_driver("pcspkr");
	driver_unregister(&pcspkr);
}

static void an_explicit_driver_is_not_found_at_its_registration(void **state)
{
	pcspkr.explicit_bind_only = true;
	assert_int_equal(driver_register(&pcspkr), 0);
	assert_driver(NULL);
	driver_unregister(&pcspkr);
	pcspkr.explicit_bind_only = false;
}

static void an_explicit_device_goes_only_where_it_is_told(void **state)
{
	assert_string_equal(outside_read(DEVICE "/explicit_bind_only"), "0\n");
	assert_int_equal(outside_write("1\n", DEVICE "/explicit_bind_only"), 0);
	assert_string_equal(outside_read(DEVICE "/explicit_bind_only"), "1\n");
	assert_int_equal(driver_register(&pcspkr), 0);
	assert_driver(NULL);
	assert_int_equal(outside_write("pcspkr", "/bus/platform/drivers_probe"), 0);
	assert_driver(NULL);
	assert_int_equal(outside_write("pcspkr", DEVICE "/driver_override"), 0);
	assert_int_equal(outside_write("pcspkr", "/bus/platform/drivers_probe"), 0);
	assert_driver(NULL);

	assert_int_equal(outside_write("pcspkr", DRIVERS "/pcspkr/bind"), 0);
	assert_driver("pcspkr");
	device_release_driver(speaker);
	assert_int_equal(device_driver_attach(&reg_dummy, speaker), 0);
	assert_driver("reg-dummy");
	device_release_driver(speaker);
	assert_int_equal(outside_write("2", DEVICE "/explicit_bind_only"), -EINVAL);
	driver_unregister(&pcspkr);
}

static void match_any_takes_what_it_is_told_to_and_no_more(void **state)
{
	reg_dummy.match_any = true;
	assert_int_equal(outside_write("pcspkr", "/bus/platform/drivers_probe"), 0);
	assert_driver(NULL);
	assert_int_equal(outside_write("pcspkr", DRIVERS "/reg-dummy/bind"), 0);
	assert_driver("reg-dummy");
	device_release_driver(speaker);
	assert_int_equal(outside_write("other", DEVICE "/driver_override"), 0);
	assert_int_equal(outside_write("pcspkr", DRIVERS "/reg-dummy/bind"), -ENODEV);
	reg_dummy.match_any = false;
}

static atomic_int robber_stops;
static atomic_int robbed;

static int rob(struct device *dev)
{
	atomic_fetch_add(&robbed, 1);
	return 0;
}

/* Tries all that could take a device: drivers that come, and rescans. */
static void *robber_main(void *arg)
{
	struct device_driver robber = { .name = "pcspkr", .bus = &platform, .probe = rob };

	while (!atomic_load(&robber_stops)) {
		driver_register(&robber);
		outside_write("pcspkr", "/bus/platform/drivers_probe");
		bus_rescan_devices(&platform);
		driver_unregister(&robber);
	}
	return NULL;
}

/* Between "unbind" from the one and "bind" to the other the device belongs to nobody. */
static void nobody_takes_a_device_on_its_way(void **state)
{
	pthread_t robber;

	reg_dummy.match_any = true;
	assert_int_equal(outside_write("1", DEVICE "/explicit_bind_only"), 0);
	atomic_store(&robber_stops, 0);
	atomic_store(&robbed, 0);
	pthread_create(&robber, NULL, robber_main, NULL);
	for (int round = 0; round < 2000; round++) {
		assert_int_equal(outside_write("pcspkr", DRIVERS "/reg-dummy/bind"), 0);
		assert_int_equal(outside_write("pcspkr", DRIVERS "/reg-dummy/unbind"), 0);
	}
	atomic_store(&robber_stops, 1);
	pthread_join(robber, NULL);
	assert_int_equal(atomic_load(&robbed), 0);
	reg_dummy.match_any = false;
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
	assert_non_null(strstr(fixture_log(), "pcspkr: probe of pcspkr failed with error -5\n"));
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

/* ---- deferral ---- */

static struct device *supplier;
static atomic_int consumer_tries;

static int consumer_probe(struct device *dev)
{
	atomic_fetch_add(&consumer_tries, 1);
	return device_is_bound(supplier) ? 0 : -EPROBE_DEFER;
}

static struct device_driver consumer = { .name = "pcspkr",
					 .bus = &platform,
					 .probe = consumer_probe };
static struct device_driver supply = { .name = "supplier",
				       .bus = &platform,
				       .probe = nothing_probe };

static void a_deferred_probe_is_tried_when_something_binds(void **state)
{
	supplier = fixture_added(&platform, NULL, "supplier");
	atomic_store(&consumer_tries, 0);
	assert_int_equal(driver_register(&consumer), 0);
	wait_for_device_probe();
	assert_driver(NULL);
	assert_int_equal(outside_write("pcspkr", DRIVERS "/pcspkr/bind"), -EAGAIN);
	assert_int_equal(outside_write("pcspkr", "/bus/platform/drivers_probe"), 0);
	assert_driver(NULL);

	assert_int_equal(driver_register(&supply), 0);
	wait_for_device_probe();
	assert_driver("pcspkr");
	driver_unregister(&consumer);
	driver_unregister(&supply);
	device_unregister(supplier);
}

static void a_deferred_probe_is_tried_when_a_device_is_bound_by_hand(void **state)
{
	supplier = fixture_added(&platform, NULL, "supplier");
	supply.explicit_bind_only = true;
	assert_int_equal(driver_register(&supply), 0);
	assert_int_equal(driver_register(&consumer), 0);
	wait_for_device_probe();
	assert_driver(NULL);
	assert_int_equal(outside_write("supplier", DRIVERS "/supplier/bind"), 0);
	wait_for_device_probe();
	assert_driver("pcspkr");
	driver_unregister(&consumer);
	driver_unregister(&supply);
	supply.explicit_bind_only = false;
	device_unregister(supplier);
}

static void a_told_device_that_defers_is_not_tried_again(void **state)
{
	supplier = fixture_added(&platform, NULL, "supplier");
	consumer.explicit_bind_only = true;
	assert_int_equal(driver_register(&consumer), 0);
	assert_int_equal(device_driver_attach(&consumer, speaker), -EAGAIN);
	atomic_store(&consumer_tries, 0);
	assert_int_equal(driver_register(&supply), 0);
	wait_for_device_probe();
	assert_int_equal(atomic_load(&consumer_tries), 0);
	assert_driver(NULL);
	driver_unregister(&consumer);
	consumer.explicit_bind_only = false;
	driver_unregister(&supply);
	device_unregister(supplier);
}

static void a_deferred_device_can_be_deleted(void **state)
{
	struct device *dev;

	supplier = fixture_added(&platform, NULL, "supplier");
	assert_int_equal(driver_register(&consumer), 0);
	device_del(speaker);
	put_device(speaker);
	assert_int_equal(driver_register(&supply), 0);
	wait_for_device_probe();
	dev = fixture_added(&platform, NULL, "pcspkr");
	assert_true(device_is_bound(dev));
	speaker = dev;
	driver_unregister(&consumer);
	driver_unregister(&supply);
	device_unregister(supplier);
}

static int match_result;

static int undecided_match(struct device *dev, struct device_driver *drv)
{
	return match_result;
}

static void a_match_can_be_deferred(void **state)
{
	match_result = -EPROBE_DEFER;
	platform.match = undecided_match;
	assert_int_equal(driver_register(&pcspkr), 0);
	assert_driver(NULL);
	assert_int_equal(device_attach(speaker), -EPROBE_DEFER);
	assert_int_equal(outside_write("pcspkr", "/bus/platform/drivers_probe"), -EINVAL);
	assert_int_equal(outside_write("pcspkr", DRIVERS "/pcspkr/bind"), -EAGAIN);
	match_result = 1;
	supply.explicit_bind_only = true;
	assert_int_equal(driver_register(&supply), 0);
	wait_for_device_probe();
	/* Not the one that came, but the oldest on the bus. */
	assert_driver("reg-dummy");
	driver_unregister(&supply);
	supply.explicit_bind_only = false;
	driver_unregister(&pcspkr);
	platform.match = platform_match;
}

static atomic_int family_tries;

/* Binds a child, which may be what others wait for, and then waits for what never comes. */
static int family_probe(struct device *dev)
{
	struct device *child = fixture_added(&platform, dev, "supplier");

	assert_true(device_is_bound(child));
	device_unregister(child);
	atomic_fetch_add(&family_tries, 1);
	return -EPROBE_DEFER;
}

static void a_deferring_probe_does_not_wake_itself(void **state)
{
	struct device_driver family = { .name = "pcspkr", .bus = &platform, .probe = family_probe };

	assert_int_equal(driver_register(&supply), 0);
	atomic_store(&family_tries, 0);
	assert_int_equal(driver_register(&family), 0);
	wait_for_device_probe();
	/* At its registration; and once more, because a driver was registered. */
	assert_in_range(atomic_load(&family_tries), 1, 2);
	driver_unregister(&family);
	driver_unregister(&supply);
}

/* ---- nesting and races ---- */

static struct device_driver inner = { .name = "inner", .bus = &platform, .probe = nothing_probe };
static struct device *inner_device;
static int inner_err;

static int outer_probe(struct device *dev)
{
	inner_device = fixture_added(&platform, dev, "inner");
	inner_err = driver_register(&inner);
	return 0;
}

static void outer_remove(struct device *dev)
{
	device_unregister(inner_device);
	driver_unregister(&inner);
}

static struct device_driver outer = {
	.name = "pcspkr", .bus = &platform, .probe = outer_probe, .remove = outer_remove
};

static void a_probe_can_add_children_and_drivers(void **state)
{
	assert_int_equal(driver_register(&outer), 0);
	assert_int_equal(inner_err, 0);
	assert_driver("pcspkr");
	assert_string_equal(outside_link(DEVICE "/inner/driver"),
			    "../../../bus/platform/drivers/inner");
	assert_int_equal(outside_write("pcspkr", DRIVERS "/pcspkr/unbind"), 0);
	assert_false(outside_exists(DEVICE "/inner"));
	assert_int_equal(outside_write("pcspkr", DRIVERS "/pcspkr/bind"), 0);
	device_del(speaker);
	assert_false(outside_exists(DRIVERS "/inner"));
	put_device(speaker);
	driver_unregister(&outer);
	speaker = fixture_added(&platform, NULL, "pcspkr");
}

static struct device_driver rival = { .name = "pcspkr", .bus = &platform, .probe = nothing_probe };

/* Registers a driver for the very device that it declines. */
static int declining_probe(struct device *dev)
{
	/* Asked again, it has done so already. */
	if (!rival.p)
		assert_int_equal(driver_register(&rival), 0);
	return -ENODEV;
}

static int any_match(struct device *dev, struct device_driver *drv)
{
	return 1;
}

static void a_driver_that_comes_in_a_probe_gets_the_device_afterwards(void **state)
{
	struct device_driver declining = { .name = "declining",
					   .bus = &platform,
					   .probe = declining_probe };

	driver_unregister(&reg_dummy);
	platform.match = any_match;
	assert_int_equal(driver_register(&declining), 0);
	wait_for_device_probe();
	assert_driver("pcspkr");
	driver_unregister(&declining);
	driver_unregister(&rival);
	platform.match = platform_match;
	assert_int_equal(driver_register(&reg_dummy), 0);
}

static int registering_probe(struct device *dev)
{
	return driver_register(&rival);
}

static void a_driver_that_came_in_vain_does_not_take_the_device_later(void **state)
{
	struct device_driver registering = { .name = "registering",
					     .bus = &platform,
					     .probe = registering_probe };

	driver_unregister(&reg_dummy);
	platform.match = any_match;
	assert_int_equal(driver_register(&registering), 0);
	assert_driver("registering");
	assert_int_equal(outside_write("pcspkr", DRIVERS "/registering/unbind"), 0);
	wait_for_device_probe();
	assert_driver(NULL);
	driver_unregister(&registering);
	driver_unregister(&rival);
	platform.match = platform_match;
	assert_int_equal(driver_register(&reg_dummy), 0);
}

static sem_t in_probe, may_go_on;
static atomic_int over;

static int slow_probe(struct device *dev)
{
	sem_post(&in_probe);
	sem_wait(&may_go_on);
	return 0;
}

static struct device_driver slow = {
	.name = "pcspkr", .bus = &platform, .probe = slow_probe, .explicit_bind_only = true
};

static void *bind_slowly(void *arg)
{
	outside_write("pcspkr", DRIVERS "/pcspkr/bind");
	return NULL;
}

static void *delete_speaker(void *arg)
{
	device_del(speaker);
	atomic_store(&over, 1);
	return NULL;
}

static void *unregister_slow(void *arg)
{
	driver_unregister(&slow);
	atomic_store(&over, 1);
	return NULL;
}

/* Start a probe that hangs, then @other, see that it waits; let the probe go on. */
static void run_against_a_probe(void *(*other)(void *), const char *gone_first)
{
	pthread_t binder, waiter;

	sem_init(&in_probe, 0, 0);
	sem_init(&may_go_on, 0, 0);
	atomic_store(&over, 0);
	assert_int_equal(driver_register(&slow), 0);
	pthread_create(&binder, NULL, bind_slowly, NULL);
	sem_wait(&in_probe);
	pthread_create(&waiter, NULL, other, NULL);
	while (gone_first && outside_exists("%s", gone_first))
		sched_yield();
	assert_false(atomic_load(&over));
	sem_post(&may_go_on);
	pthread_join(binder, NULL);
	pthread_join(waiter, NULL);
	assert_false(device_is_bound(speaker));
}

static void del_waits_for_a_running_probe(void **state)
{
	run_against_a_probe(delete_speaker, NULL);
	put_device(speaker);
	driver_unregister(&slow);
	speaker = fixture_added(&platform, NULL, "pcspkr");
}

static void unregister_waits_for_a_running_probe(void **state)
{
	run_against_a_probe(unregister_slow, DRIVERS "/pcspkr/uevent");
	assert_driver(NULL);
}

static struct device *hub, *leaf;
static sem_t leaf_locked, hub_probed;

static void *hold_leaf(void *arg)
{
	device_lock(leaf);
	sem_post(&leaf_locked);
	sem_wait(&hub_probed);
	device_unlock(leaf);
	return NULL;
}

static struct device_driver leaf_driver = { .name = "leaf",
					    .bus = &platform,
					    .probe = nothing_probe };

static int hub_probe(struct device *dev)
{
	return driver_register(&leaf_driver);
}

static void a_probe_does_not_wait_for_a_busy_device(void **state)
{
	struct device_driver hub_driver = { .name = "hub", .bus = &platform, .probe = hub_probe };
	pthread_t holder;

	sem_init(&leaf_locked, 0, 0);
	sem_init(&hub_probed, 0, 0);
	hub = fixture_added(&platform, NULL, "hub");
	leaf = fixture_added(&platform, NULL, "leaf");
	pthread_create(&holder, NULL, hold_leaf, NULL);
	sem_wait(&leaf_locked);
	assert_int_equal(driver_register(&hub_driver), 0);
	assert_true(device_is_bound(hub));
	assert_false(device_is_bound(leaf));
	sem_post(&hub_probed);
	pthread_join(holder, NULL);
	wait_for_device_probe();
	assert_true(device_is_bound(leaf));
	driver_unregister(&leaf_driver);
	driver_unregister(&hub_driver);
	device_unregister(leaf);
	device_unregister(hub);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, platform_setup, platform_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_platform_bus_answers_as_the_kernel),
		TEST(an_explicit_driver_gets_nothing_by_itself),
		TEST(an_explicit_driver_is_not_found_at_its_registration),
		TEST(an_explicit_device_goes_only_where_it_is_told),
		TEST(match_any_takes_what_it_is_told_to_and_no_more),
		TEST(nobody_takes_a_device_on_its_way),
		TEST(driver_override_takes_and_gives_what_the_kernel_does),
		TEST(dev_groups_live_from_probe_to_remove),
		TEST(a_failed_probe_leaves_nothing),
		TEST(a_failed_binding_leaves_nothing),
		TEST(device_driver_attach_says_why_not),
		TEST(no_bind_files_when_the_driver_does_not_want_them),
		TEST(a_bus_can_probe_and_remove_for_its_drivers),
		TEST(a_deferred_probe_is_tried_when_something_binds),
		TEST(a_deferred_probe_is_tried_when_a_device_is_bound_by_hand),
		TEST(a_told_device_that_defers_is_not_tried_again),
		TEST(a_deferred_device_can_be_deleted),
		TEST(a_match_can_be_deferred),
		TEST(a_deferring_probe_does_not_wake_itself),
		TEST(a_probe_can_add_children_and_drivers),
		TEST(a_driver_that_comes_in_a_probe_gets_the_device_afterwards),
		TEST(a_driver_that_came_in_vain_does_not_take_the_device_later),
		TEST(del_waits_for_a_running_probe),
		TEST(unregister_waits_for_a_running_probe),
		TEST(a_probe_does_not_wait_for_a_busy_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
