/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmocka_umdev.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include <umdev/device.h>

#include "model/base.h"
#include "model_fixture.h"
#include "support/outside.h"

static ssize_t version_show(struct class *class, struct class_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s 3.4.0\n", class->name);
}
static struct class_attribute class_attr_version = __ATTR_RO(version);

static struct attribute *toy_class_attrs[] = { &class_attr_version.attr, NULL };
ATTRIBUTE_GROUPS(toy_class);

static ssize_t age_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "4\n");
}
static DEVICE_ATTR_RO(age);

static struct attribute *toy_dev_attrs[] = { &dev_attr_age.attr, NULL };
ATTRIBUTE_GROUPS(toy_dev);

static int releases;

static void toy_release(struct device *dev)
{
	releases++;
	free(dev);
}

static struct class toy = { .name = "toy",
			    .class_groups = toy_class_groups,
			    .dev_groups = toy_dev_groups,
			    .dev_release = toy_release };
static struct bus_type shelf = { .name = "shelf" };

static void a_class_has_the_kernels_files(void **state)
{
	struct class unnamed = { .dev_release = toy_release }, twin = { .name = "toy" };
	struct device *dev;

	assert_int_equal(class_register(&unnamed), -EINVAL);
	events_begin();
	assert_int_equal(class_register(&toy), 0);
	assert_int_equal(class_register(&twin), -EEXIST);
	assert_string_equal(outside_list("/class/toy"), "version ");
	assert_string_equal(outside_read("/class/toy/version"), "toy 3.4.0\n");
	assert_int_equal(device_create(&toy, NULL, 0, &toy, &dev, "car"), 0);
	assert_ptr_equal(dev_get_drvdata(dev), &toy);
	assert_string_equal(outside_read("/class/toy/car/age"), "4\n");
	device_unregister(dev);
	class_unregister(&toy);
	assert_string_equal(events_text(), "add /class/toy SUBSYSTEM=class\n"
					   "add /devices/virtual/toy/car SUBSYSTEM=toy\n"
					   "remove /devices/virtual/toy/car SUBSYSTEM=toy\n"
					   "remove /class/toy SUBSYSTEM=class\n");
	log_taken();
	class_unregister(&toy);
	assert_string_equal(log_taken(), "class 'toy' is unregistered, but it is not registered\n");
}

static int register_toy(void *data)
{
	return class_register(&toy);
}

static void unregister_toy(void *data)
{
	class_unregister(&toy);
}

static void a_failed_registration_leaves_nothing(void **state)
{
	assert_in_range(fixture_fail_each_step(register_toy, unregister_toy, NULL), 4, 100);
}

static void a_class_can_release_its_devices(void **state)
{
	struct device *dev = calloc(1, sizeof(*dev));

	releases = 0;
	assert_int_equal(class_register(&toy), 0);
	dev->class = &toy;
	assert_int_equal(device_initialize(dev), 0);
	assert_int_equal(dev_set_name(dev, "car"), 0);
	assert_int_equal(device_add(dev), 0);
	device_unregister(dev);
	assert_int_equal(releases, 1);
	class_unregister(&toy);
}

static void two_devices_share_a_directory_until_the_last_goes(void **state)
{
	struct device *parent, *one, *two;

	assert_int_equal(class_register(&toy), 0);
	assert_int_equal(bus_register(&shelf), 0);
	parent = fixture_added(&shelf, NULL, "box");
	assert_int_equal(device_create(&toy, parent, 0, NULL, &one, "one"), 0);
	assert_int_equal(device_create(&toy, parent, 0, NULL, &two, "two"), 0);
	assert_int_equal(device_create(&toy, parent, 0, NULL, &two, "two"), -EEXIST);
	assert_string_equal(outside_list("/devices/box/toy"), "one two ");
	device_unregister(one);
	assert_string_equal(outside_list("/devices/box/toy"), "two ");
	device_unregister(two);
	assert_false(outside_exists("/devices/box/toy"));
	device_unregister(parent);
	bus_unregister(&shelf);
	class_unregister(&toy);
}

static void two_classes_keep_their_names_apart(void **state)
{
	struct class book = { .name = "book" };
	struct device *parent, *car_toy, *car_book;

	assert_int_equal(class_register(&toy), 0);
	assert_int_equal(class_register(&book), 0);
	assert_int_equal(bus_register(&shelf), 0);
	parent = fixture_added(&shelf, NULL, "box");
	assert_int_equal(device_create(&toy, parent, 0, NULL, &car_toy, "car"), 0);
	assert_int_equal(device_create(&book, parent, 0, NULL, &car_book, "car"), 0);
	assert_string_equal(outside_link("/class/book/car"), "../../devices/box/book/car");
	device_unregister(car_book);
	device_unregister(car_toy);
	device_unregister(parent);
	bus_unregister(&shelf);
	class_unregister(&book);
	class_unregister(&toy);
}

static atomic_int unseen;

/* The directory that devices share must be there for whoever hears of one of them. */
static void look_when_added(struct uevent_listener *listener, const struct uevent *ev)
{
	if (!strcmp(ev->action, "add") && !outside_exists("%s/subsystem", ev->devpath))
		atomic_fetch_add(&unseen, 1);
}

static void *come_and_go(void *name)
{
	struct device *dev;

	for (int i = 0; i < 500; i++)
		if (!device_create(&toy, NULL, 0, NULL, &dev, "%s", (char *)name))
			device_unregister(dev);
	return NULL;
}

static void the_directory_is_there_for_each_of_many(void **state)
{
	struct uevent_listener listener = { .event = look_when_added };
	static char names[3][8] = { "one", "two", "three" };
	pthread_t threads[3];

	assert_int_equal(class_register(&toy), 0);
	uevent_listener_register(&listener);
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, come_and_go, names[i]);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	uevent_listener_unregister(&listener);
	assert_int_equal(atomic_load(&unseen), 0);
	assert_string_equal(outside_list("/devices/virtual"), "");
	class_unregister(&toy);
}

static void a_compatibility_class_only_links(void **state)
{
	struct class_compat *compat = class_compat_register("mdev_bus");
	struct device *dev;

	assert_non_null(compat);
	assert_null(class_compat_register("mdev_bus"));
	assert_int_equal(bus_register(&shelf), 0);
	dev = fixture_added(&shelf, NULL, "mtty");
	events_begin();
	assert_int_equal(class_compat_create_link(compat, dev), 0);
	assert_int_equal(class_compat_create_link(compat, dev), -EEXIST);
	assert_string_equal(outside_link("/class/mdev_bus/mtty"), "../../devices/mtty");
	assert_string_equal(outside_link("/devices/mtty/subsystem"), "../../bus/shelf");
	class_compat_remove_link(compat, dev);
	assert_string_equal(outside_list("/class/mdev_bus"), "");
	class_compat_unregister(compat);
	class_compat_unregister(NULL);
	assert_int_equal(events_count(), 0);
	device_unregister(dev);
	bus_unregister(&shelf);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_class_has_the_kernels_files),
		TEST(a_failed_registration_leaves_nothing),
		TEST(a_class_can_release_its_devices),
		TEST(two_devices_share_a_directory_until_the_last_goes),
		TEST(two_classes_keep_their_names_apart),
		TEST(the_directory_is_there_for_each_of_many),
		TEST(a_compatibility_class_only_links),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
