/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmocka_umdev.h"

#include <errno.h>

#include <umdev/device.h>

#include "model/base.h"
#include "model_fixture.h"
#include "support/outside.h"

static ssize_t length_show(struct bus_type *bus, char *buf)
{
	return sysfs_emit(buf, "%s is long\n", bus->name);
}
static BUS_ATTR_RO(length);

static struct attribute *line_attrs[] = { &bus_attr_length.attr, NULL };
ATTRIBUTE_GROUPS(line);

static ssize_t colour_show(struct device_driver *drv, char *buf)
{
	return sysfs_emit(buf, "%s is red\n", drv->name);
}
static DRIVER_ATTR_RO(colour);

static ssize_t speed_show(struct device_driver *drv, char *buf)
{
	return sysfs_emit(buf, "7\n");
}
static DRIVER_ATTR_RO(speed);

static struct attribute *colour_attrs[] = { &driver_attr_colour.attr, NULL };
ATTRIBUTE_GROUPS(colour);
static struct attribute *speed_attrs[] = { &driver_attr_speed.attr, NULL };
ATTRIBUTE_GROUPS(speed);

static int name_match(struct device *dev, struct device_driver *drv)
{
	return dev_name(dev)[0] == drv->name[0];
}

static struct bus_type line = {
	.name = "line", .bus_groups = line_groups, .drv_groups = speed_groups, .match = name_match
};
static struct device_driver tram = { .name = "tram", .bus = &line, .groups = colour_groups };

/* ---- registration ---- */

static void a_bus_has_the_kernels_files(void **state)
{
	struct bus_type unnamed = { .match = name_match };
	struct bus_type twin = { .name = "line" };

	assert_int_equal(bus_register(&unnamed), -EINVAL);
	events_begin();
	assert_int_equal(bus_register(&line), 0);
	assert_int_equal(bus_register(&twin), -EEXIST);
	assert_string_equal(outside_list("/bus/line"),
			    "devices drivers drivers_autoprobe drivers_probe length uevent ");
	assert_string_equal(outside_read("/bus/line/length"), "line is long\n");
	assert_string_equal(outside_read("/bus/line/drivers_autoprobe"), "1\n");
	assert_int_equal(outside_write("off", "/bus/line/drivers_autoprobe"), 0);
	assert_string_equal(outside_read("/bus/line/drivers_autoprobe"), "1\n");
	assert_int_equal(outside_write("0", "/bus/line/drivers_autoprobe"), 0);
	assert_string_equal(outside_read("/bus/line/drivers_autoprobe"), "0\n");
	assert_int_equal(outside_write("nosuch\n", "/bus/line/drivers_probe"), -ENODEV);
	assert_int_equal(outside_write("add", "/bus/line/uevent"), 0);
	assert_int_equal(outside_write("sell", "/bus/line/uevent"), -EINVAL);
	bus_unregister(&line);
	assert_string_equal(events_text(), "add /bus/line SUBSYSTEM=bus\n"
					   "add /bus/line SUBSYSTEM=bus SYNTH_UUID=0\n"
					   "remove /bus/line SUBSYSTEM=bus\n");
	assert_null(line.p);
	log_taken();
	bus_unregister(&line);
	assert_string_equal(log_taken(), "bus 'line' is unregistered, but it is not registered\n");
}

static void a_driver_has_the_kernels_files(void **state)
{
	struct device_driver unnamed = { .bus = &line }, homeless = { .name = "homeless" };
	struct device_driver twin = { .name = "tram", .bus = &line };

	assert_int_equal(bus_register(&line), 0);
	assert_int_equal(driver_register(&unnamed), -EINVAL);
	assert_int_equal(driver_register(&homeless), -EINVAL);
	events_begin();
	assert_int_equal(driver_register(&tram), 0);
	assert_int_equal(driver_register(&tram), -EBUSY);
	assert_int_equal(driver_register(&twin), -EBUSY);
	assert_ptr_equal(driver_find("tram", &line), &tram);
	assert_string_equal(outside_list("/bus/line/drivers/tram"),
			    "bind colour explicit_bind_only speed uevent unbind ");
	assert_string_equal(outside_read("/bus/line/drivers/tram/colour"), "tram is red\n");
	assert_int_equal(outside_write("nosuch", "/bus/line/drivers/tram/bind"), -ENODEV);
	assert_int_equal(outside_write("nosuch", "/bus/line/drivers/tram/unbind"), -ENODEV);
	assert_int_equal(outside_write("add\n", "/bus/line/drivers/tram/uevent"), 0);
	driver_unregister(&tram);
	assert_null(driver_find("tram", &line));
	assert_string_equal(events_text(),
			    "add /bus/line/drivers/tram SUBSYSTEM=drivers\n"
			    "add /bus/line/drivers/tram SUBSYSTEM=drivers SYNTH_UUID=0\n"
			    "remove /bus/line/drivers/tram SUBSYSTEM=drivers\n");
	driver_unregister(&tram);
	assert_non_null(strstr(log_taken(), "driver 'tram' is unregistered, but it is not"));
	bus_unregister(&line);
}

static int register_line(void *data)
{
	return bus_register(&line);
}

static void unregister_line(void *data)
{
	bus_unregister(&line);
}

/* A driver whose event is lost is there all the same; that is in the log. */
static int register_tram(void *data)
{
	int err = driver_register(&tram);

	if (err || !strstr(log_taken(), "no memory for its event"))
		return err;
	driver_unregister(&tram);
	return -ENOMEM;
}

static void unregister_tram(void *data)
{
	driver_unregister(&tram);
}

static void a_failed_registration_leaves_nothing(void **state)
{
	assert_in_range(fixture_fail_each_step(register_line, unregister_line, NULL), 8, 100);
	assert_int_equal(bus_register(&line), 0);
	assert_in_range(fixture_fail_each_step(register_tram, unregister_tram, NULL), 8, 100);
	bus_unregister(&line);
}

/* ---- rule 8: the order of arrival does not matter ---- */

static void a_driver_waits_for_its_bus(void **state)
{
	struct device_driver twin = { .name = "tram", .bus = &line };
	struct device_driver train = { .name = "xtrain", .bus = &line };
	struct device *dev;

	events_begin();
	assert_int_equal(driver_register(&tram), 0);
	assert_int_equal(driver_register(&twin), -EBUSY);
	assert_int_equal(driver_register(&train), 0);
	assert_int_equal(events_count(), 0);
	assert_null(driver_find("tram", &line));
	driver_unregister(&train);

	assert_int_equal(bus_register(&line), 0);
	assert_string_equal(events_text(), "add /bus/line SUBSYSTEM=bus\n"
					   "add /bus/line/drivers/tram SUBSYSTEM=drivers\n");
	assert_string_equal(outside_list("/bus/line/drivers"), "tram ");
	dev = fixture_added(&line, NULL, "t1");
	assert_true(device_is_bound(dev));
	driver_unregister(&tram);
	assert_false(device_is_bound(dev));
	device_unregister(dev);
	bus_unregister(&line);
}

static void each_order_of_arrival_ends_the_same(void **state)
{
	struct device *dev;

	/* Bus, device, driver; bus, driver, device; driver, bus, device. */
	for (int order = 0; order < 3; order++) {
		if (order == 2)
			assert_int_equal(driver_register(&tram), 0);
		assert_int_equal(bus_register(&line), 0);
		if (order == 1)
			assert_int_equal(driver_register(&tram), 0);
		dev = fixture_added(&line, NULL, "t1");
		if (order == 0)
			assert_int_equal(driver_register(&tram), 0);
		assert_true(device_is_bound(dev));
		assert_string_equal(outside_link("/bus/line/devices/t1/driver"),
				    "../../bus/line/drivers/tram");
		device_unregister(dev);
		driver_unregister(&tram);
		bus_unregister(&line);
	}
}

static void a_driver_that_can_not_be_completed_waits_on(void **state)
{
	struct attribute_group bad = { .attrs = (struct attribute *[]) { &driver_attr_speed.attr,
									 NULL } };
	const struct attribute_group *groups[] = { &bad, NULL };
	struct device_driver broken = { .name = "broken", .bus = &line, .groups = groups };

	/* It brings an attribute that the bus gives to its drivers already. */
	assert_int_equal(driver_register(&broken), 0);
	assert_int_equal(bus_register(&line), 0);
	assert_non_null(strstr(log_taken(), "driver 'broken' can't be completed on bus 'line'"));
	assert_string_equal(outside_list("/bus/line/drivers"), "");
	driver_unregister(&broken);
	bus_unregister(&line);
}

/* ---- walks ---- */

static int note_name(struct device *dev, void *data)
{
	strcat(data, dev_name(dev));
	return !strcmp(dev_name(dev), "stop");
}

static int note_and_change(struct device *dev, void *data)
{
	note_name(dev, data);
	if (!strcmp(dev_name(dev), "t2")) {
		fixture_added(&line, NULL, "t9");
		device_unregister(bus_find_device_by_name(&line, "t3"));
	}
	return 0;
}

static int note_driver(struct device_driver *drv, void *data)
{
	strcat(data, drv->name);
	return 0;
}

static int delete (struct device *dev, void *data)
{
	device_unregister(dev);
	return 0;
}

static void walks_see_what_was_there_at_their_beginning(void **state)
{
	char names[64] = "";
	struct device *t3;

	assert_int_equal(bus_for_each_dev(&line, names, note_name), -EINVAL);
	assert_int_equal(bus_for_each_drv(&line, names, note_driver), -EINVAL);
	assert_int_equal(driver_for_each_device(&tram, names, note_name), -EINVAL);
	assert_int_equal(bus_rescan_devices(&line), -EINVAL);
	assert_null(bus_find_device_by_name(&line, "t1"));
	assert_int_equal(bus_register(&line), 0);
	assert_int_equal(driver_register(&tram), 0);
	fixture_added(&line, NULL, "t2");
	fixture_added(&line, NULL, "t1");
	t3 = fixture_added(&line, NULL, "t3");
	fixture_added(&line, NULL, "x4");
	assert_int_equal(driver_for_each_device(&tram, names, note_name), 0);
	assert_string_equal(names, "t2t1t3");
	names[0] = '\0';
	assert_int_equal(bus_for_each_drv(&line, names, note_driver), 0);
	assert_string_equal(names, "tram");
	names[0] = '\0';
	assert_int_equal(bus_for_each_dev(&line, names, note_and_change), 0);
	assert_string_equal(names, "t2t1x4");
	put_device(t3);
	assert_int_equal(bus_for_each_dev(&line, NULL, delete), 0);
	driver_unregister(&tram);
	bus_unregister(&line);
}

static void devices_are_found_by_name(void **state)
{
	const char *const names[] = { "t1", "t10", "t100", "s", "u", "t", "0" };
	struct device *dev;

	assert_int_equal(bus_register(&line), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		fixture_added(&line, NULL, names[i]);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		dev = bus_find_device_by_name(&line, names[i]);
		assert_non_null(dev);
		assert_string_equal(dev_name(dev), names[i]);
		put_device(dev);
	}
	dev = bus_find_device_by_name(&line, "t10\n");
	assert_non_null(dev);
	put_device(dev);
	assert_null(bus_find_device_by_name(&line, "t10\n\n"));
	assert_null(bus_find_device_by_name(&line, "t1000"));
	assert_null(bus_find_device_by_name(&line, ""));
	assert_null(bus_find_device_by_name(&line, "\n"));
	bus_for_each_dev(&line, NULL, delete);
	bus_unregister(&line);
}

static void autoprobe_off_leaves_devices_alone(void **state)
{
	struct device *dev;

	assert_int_equal(bus_register(&line), 0);
	assert_int_equal(outside_write("0", "/bus/line/drivers_autoprobe"), 0);
	dev = fixture_added(&line, NULL, "t1");
	assert_int_equal(driver_register(&tram), 0);
	assert_false(device_is_bound(dev));
	assert_int_equal(bus_rescan_devices(&line), 0);
	assert_false(device_is_bound(dev));
	assert_int_equal(device_attach(dev), 1);
	assert_true(device_is_bound(dev));
	device_unregister(dev);
	driver_unregister(&tram);
	bus_unregister(&line);
}

/* ---- who may be on it ---- */

static int only_trams(struct device *dev)
{
	return dev_name(dev)[0] == 't' ? 0 : -EADDRNOTAVAIL;
}

static void a_device_that_is_not_admitted_was_never_there(void **state)
{
	struct bus_type rails = { .name = "rails", .admit = only_trams };
	struct device *dev, *other;

	assert_int_equal(bus_register(&rails), 0);
	dev = fixture_added(&rails, NULL, "t1");
	other = fixture_device(&rails, NULL, "u1");
	events_begin();
	assert_int_equal(device_add(other), -EADDRNOTAVAIL);
	assert_string_equal(events_text(), "");
	assert_string_equal(outside_list("/bus/rails/devices"), "t1 ");
	put_device(other);
	device_unregister(dev);
	bus_unregister(&rails);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_bus_has_the_kernels_files),
		TEST(a_driver_has_the_kernels_files),
		TEST(a_failed_registration_leaves_nothing),
		TEST(a_driver_waits_for_its_bus),
		TEST(each_order_of_arrival_ends_the_same),
		TEST(a_driver_that_can_not_be_completed_waits_on),
		TEST(walks_see_what_was_there_at_their_beginning),
		TEST(devices_are_found_by_name),
		TEST(autoprobe_off_leaves_devices_alone),
		TEST(a_device_that_is_not_admitted_was_never_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
