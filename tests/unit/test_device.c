/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmocka_umdev.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>

#include <umdev/device.h>
#include <umdev/publish.h>

#include "model/alloc.h"
#include "model/base.h"
#include "model_fixture.h"
#include "support/outside.h"

static ssize_t colour_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "blue\n");
}
static DEVICE_ATTR_RO(colour);

static struct attribute *colour_attrs[] = { &dev_attr_colour.attr, NULL };
static const struct attribute_group colour_group = { .name = "paint", .attrs = colour_attrs };
static const struct attribute_group *colour_groups[] = { &colour_group, NULL };

static ssize_t size_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "7\n");
}
static DEVICE_ATTR_RO(size);

static struct attribute *size_attrs[] = { &dev_attr_size.attr, NULL };
ATTRIBUTE_GROUPS(size);

static int bus_uevent(struct device *dev, struct kobj_uevent_env *env)
{
	return add_uevent_var(env, "FROM_BUS=1");
}

static int class_uevent(struct device *dev, struct kobj_uevent_env *env)
{
	return add_uevent_var(env, "FROM_CLASS=1");
}

static int type_uevent(struct device *dev, struct kobj_uevent_env *env)
{
	return add_uevent_var(env, "FROM_TYPE=1");
}

static char *class_devnode(struct device *dev, mode_t *mode)
{
	*mode = 0666;
	return strdup("toys/ball");
}

static struct bus_type shelf = { .name = "shelf", .dev_groups = size_groups, .uevent = bus_uevent };
static struct class toy = { .name = "toy", .dev_uevent = class_uevent, .devnode = class_devnode };
static const struct device_type ball = { .name = "ball",
					 .groups = colour_groups,
					 .uevent = type_uevent };

static int setup(void **state)
{
	fixture_setup(state);
	assert_int_equal(bus_register(&shelf), 0);
	assert_int_equal(class_register(&toy), 0);
	return 0;
}

static int teardown(void **state)
{
	class_unregister(&toy);
	bus_unregister(&shelf);
	return fixture_teardown(state);
}

/* ---- names and places ---- */

static void a_device_with_a_parent_needs_a_subsystem(void **state)
{
	struct device *root, *dev;

	assert_int_equal(root_device_register("vfio_ap", &root), 0);
	assert_true(outside_exists("/devices/vfio_ap"));
	dev = fixture_device(NULL, root, "matrix");
	events_begin();
	assert_int_equal(device_add(dev), -EINVAL);
	assert_string_equal(outside_list("/devices/vfio_ap"), "uevent ");
	assert_int_equal(events_count(), 0);
	assert_non_null(strstr(log_taken(), "'matrix' has a parent, but neither bus nor class"));
	put_device(dev);

	dev = fixture_added(&shelf, root, "matrix");
	assert_string_equal(outside_link("/devices/vfio_ap/matrix/subsystem"),
			    "../../../bus/shelf");
	device_unregister(dev);
	root_device_unregister(root);
}

static void a_bad_name_or_place_is_refused(void **state)
{
	struct bus_type no_bus = { .name = "nobus" };
	struct class no_class = { .name = "noclass" };
	struct device *parent = fixture_added(&shelf, NULL, "parent");
	struct device *dev = fixture_device(&shelf, NULL, NULL);

	assert_int_equal(device_add(dev), -EINVAL);
	assert_int_equal(dev_set_name(dev, "%s", ""), -EINVAL);
	assert_int_equal(dev_set_name(dev, "parent"), 0);
	assert_int_equal(device_add(dev), -EEXIST);
	assert_int_equal(dev_set_name(dev, "dev"), 0);
	dev->bus = &no_bus;
	assert_int_equal(device_add(dev), -ENODEV);
	dev->bus = NULL;
	dev->class = &no_class;
	assert_int_equal(device_add(dev), -ENODEV);
	dev->class = NULL;
	dev->bus = &shelf;
	dev->parent = parent;
	device_del(parent);
	assert_int_equal(device_add(dev), -ENODEV);
	dev->parent = NULL;
	assert_int_equal(device_add(dev), 0);
	assert_int_equal(device_add(dev), -EINVAL);
	assert_int_equal(dev_set_name(dev, "other"), -EINVAL);
	device_unregister(dev);
	put_device(parent);
}

static void a_bus_names_its_devices(void **state)
{
	struct bus_type numbered = { .name = "numbered", .dev_name = "matrix" };
	struct device *dev;

	assert_int_equal(bus_register(&numbered), 0);
	dev = fixture_device(&numbered, NULL, NULL);
	dev->id = 3;
	assert_int_equal(device_add(dev), 0);
	assert_true(outside_exists("/bus/numbered/devices/matrix3"));
	device_unregister(dev);
	bus_unregister(&numbered);
}

static void a_device_is_where_the_kernel_puts_it(void **state)
{
	struct device *on_bus = fixture_added(&shelf, NULL, "board");
	struct device *virtual = NULL, *below = NULL, *nested = NULL;

	assert_int_equal(device_create(&toy, NULL, DEVNUM(10, 4), NULL, &virtual, "t%d", 1), 0);
	assert_int_equal(device_create(&toy, on_bus, 0, NULL, &below, "t2"), 0);
	assert_int_equal(device_create(&toy, below, 0, NULL, &nested, "t3"), 0);

	assert_string_equal(outside_link("/bus/shelf/devices/board"), "../../../devices/board");
	assert_string_equal(outside_list("/devices/board"),
			    "explicit_bind_only rebind size subsystem toy uevent ");
	assert_string_equal(outside_link("/class/toy/t1"), "../../devices/virtual/toy/t1");
	assert_string_equal(outside_list("/devices/virtual/toy/t1"), "dev subsystem uevent ");
	assert_string_equal(outside_read("/devices/virtual/toy/t1/dev"), "10:4\n");
	assert_string_equal(outside_link("/dev/char/10:4"), "../../devices/virtual/toy/t1");
	assert_string_equal(outside_link("/class/toy/t2"), "../../devices/board/toy/t2");
	assert_string_equal(outside_link("/devices/board/toy/t2/device"), "../../../board");
	assert_string_equal(outside_link("/devices/board/toy/t2/t3/device"), "../../t2");
	assert_string_equal(outside_link("/devices/board/toy/t2/t3/subsystem"),
			    "../../../../../class/toy");

	device_unregister(nested);
	device_unregister(below);
	assert_false(outside_exists("/devices/board/toy"));
	device_unregister(virtual);
	assert_string_equal(outside_list("/devices/virtual"), "");
	assert_string_equal(outside_list("/dev/char"), "");
	device_unregister(on_bus);
}

/* ---- rule 1: complete before visible; rule 4: nothing is left ---- */

static struct device *full_device(void)
{
	struct device *dev = fixture_device(NULL, NULL, "full");

	dev->class = &toy;
	dev->type = &ball;
	dev->groups = size_groups;
	dev->devt = DEVNUM(10, 5);
	return dev;
}

static atomic_int complete_at_add;

static void look_when_added(struct uevent_listener *listener, const struct uevent *ev)
{
	static const char *const parts[] = { "uevent", "paint/colour", "size", "dev", "subsystem" };
	int found = 0;

	if (strcmp(ev->action, "add") || strcmp(ev->subsystem, "toy"))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		found += outside_exists("%s/%s", ev->devpath, parts[i]);
	found += outside_exists("/class/toy/full") + outside_exists("/dev/char/10:5");
	atomic_store(&complete_at_add, found == ARRAY_SIZE(parts) + 2);
}

static void a_device_is_complete_when_its_event_comes(void **state)
{
	struct uevent_listener listener = { .event = look_when_added };
	struct device *dev = full_device();

	atomic_store(&complete_at_add, 0);
	uevent_listener_register(&listener);
	assert_int_equal(device_add(dev), 0);
	uevent_listener_unregister(&listener);
	assert_true(atomic_load(&complete_at_add));
	device_unregister(dev);
}

static atomic_int parts_seen;

/* A group's last attribute is made after all others: by then nothing of the device may be seen. */
static mode_t look_meanwhile(struct kobject *kobj, struct attribute *attr, int n)
{
	atomic_fetch_add(&parts_seen, outside_exists("/devices/virtual/toy/full"));
	atomic_fetch_add(&parts_seen, outside_exists("/class/toy/full"));
	return attr->mode;
}

static void no_part_of_a_device_is_seen_before_the_rest(void **state)
{
	struct attribute_group group = { .attrs = size_attrs, .is_visible = look_meanwhile };
	const struct attribute_group *groups[] = { &group, NULL };
	struct device *dev = full_device();

	dev->groups = groups;
	atomic_store(&parts_seen, 0);
	assert_int_equal(device_add(dev), 0);
	assert_int_equal(atomic_load(&parts_seen), 0);
	assert_true(outside_exists("/class/toy/full"));
	device_unregister(dev);
}

/* @op's own preparations are not what is to fail. */
static int add_prepared(struct device *dev, unsigned long countdown)
{
	int err;

	fault_countdown = countdown;
	err = device_add(dev);
	if (err) {
		countdown = fault_countdown;
		fault_countdown = 0;
		put_device(dev);
		fault_countdown = countdown;
	}
	return err;
}

static int add_full(void *data)
{
	unsigned long countdown = fault_countdown;
	struct device **dev = data;

	fault_countdown = 0;
	*dev = full_device();
	return add_prepared(*dev, countdown);
}

static struct device *board;

static int add_on_bus_in_class_dir(void *data)
{
	unsigned long countdown = fault_countdown;
	struct device **dev = data;

	fault_countdown = 0;
	*dev = full_device();
	(*dev)->parent = board;
	return add_prepared(*dev, countdown);
}

static int add_on_bus(void *data)
{
	unsigned long countdown = fault_countdown;
	struct device **dev = data;

	fault_countdown = 0;
	*dev = fixture_device(&shelf, board, NULL);
	(*dev)->id = 5;
	(*dev)->type = &ball;
	(*dev)->devt = DEVNUM(10, 6);
	return add_prepared(*dev, countdown);
}

static void del_device(void *data)
{
	device_unregister(*(struct device **)data);
}

static void a_failed_add_leaves_nothing(void **state)
{
	struct device *dev;

	board = fixture_added(&shelf, NULL, "board");
	shelf.dev_name = "numbered";
	shelf.has_driver_override = true;
	assert_in_range(fixture_fail_each_step(add_full, del_device, &dev), 10, 100);
	assert_in_range(fixture_fail_each_step(add_on_bus_in_class_dir, del_device, &dev), 10, 100);
	assert_in_range(fixture_fail_each_step(add_on_bus, del_device, &dev), 10, 100);
	shelf.has_driver_override = false;
	shelf.dev_name = NULL;
	device_unregister(board);
}

static int init_device(void *data)
{
	struct device *dev = calloc(1, sizeof(*dev));
	int err;

	dev->release = (void (*)(struct device *))free;
	err = device_initialize(dev);
	if (err)
		put_device(dev);
	else
		*(struct device **)data = dev;
	return err;
}

static int create_device(void *data)
{
	return device_create(&toy, NULL, 0, NULL, data, "made");
}

static void put_made(void *data)
{
	put_device(*(struct device **)data);
}

static void a_failed_creation_leaves_nothing(void **state)
{
	struct device *dev = NULL;

	assert_int_equal(fixture_fail_each_step(init_device, put_made, &dev), 1);
	assert_in_range(fixture_fail_each_step(create_device, del_device, &dev), 5, 100);
}

/* ---- what it says of itself ---- */

static void events_have_the_kernels_keys_in_its_order(void **state)
{
	struct device *dev = full_device();

	events_begin();
	assert_int_equal(device_add(dev), 0);
	device_unregister(dev);
	assert_string_equal(
		events_text(),
		"add /devices/virtual/toy/full SUBSYSTEM=toy MAJOR=10 MINOR=5 "
		"DEVNAME=toys/ball DEVMODE=0666 DEVTYPE=ball FROM_CLASS=1 FROM_TYPE=1\n"
		"remove /devices/virtual/toy/full SUBSYSTEM=toy MAJOR=10 MINOR=5 "
		"DEVNAME=toys/ball DEVMODE=0666 DEVTYPE=ball FROM_CLASS=1 FROM_TYPE=1\n");
}

static void the_file_uevent_shows_the_keys_of_the_device(void **state)
{
	struct device *dev = full_device(), *plain, *root;

	assert_int_equal(device_add(dev), 0);
	assert_string_equal(outside_read("/class/toy/full/uevent"),
			    "MAJOR=10\nMINOR=5\nDEVNAME=toys/ball\nDEVMODE=0666\nDEVTYPE=ball\n"
			    "FROM_CLASS=1\nFROM_TYPE=1\n");
	plain = fixture_device(&shelf, NULL, "a/b");
	plain->devt = DEVNUM(11, 0);
	assert_int_equal(device_add(plain), 0);
	assert_string_equal(outside_read("/devices/a!b/uevent"),
			    "MAJOR=11\nMINOR=0\nDEVNAME=a/b\nFROM_BUS=1\n");
	assert_int_equal(root_device_register("root", &root), 0);
	assert_string_equal(outside_read("/devices/root/uevent"), "");
	root_device_unregister(root);
	device_unregister(plain);
	device_unregister(dev);
}

static void a_write_to_uevent_sends_what_was_asked_for(void **state)
{
	struct device *dev = fixture_added(&shelf, NULL, "dev"), *root;

	assert_int_equal(root_device_register("root", &root), 0);
	events_begin();
	assert_int_equal(outside_write("change\n", "/devices/dev/uevent"), 0);
	assert_int_equal(outside_write("add", "/devices/root/uevent"), 0);
	assert_string_equal(events_text(),
			    "change /devices/dev SUBSYSTEM=shelf SYNTH_UUID=0 FROM_BUS=1\n");
	assert_int_equal(outside_write("explode", "/devices/dev/uevent"), -EINVAL);
	assert_non_null(
		strstr(log_taken(), "shelf dev: uevent: failed to send synthetic uevent: -22\n"));
	assert_int_equal(events_count(), 1);
	root_device_unregister(root);
	device_unregister(dev);
}

static void log_lines_begin_with_driver_and_device(void **state)
{
	struct device *dev = fixture_device(&shelf, NULL, "dev");
	struct device_driver drv = { .name = "drv", .bus = &shelf };

	dev_info(dev, "one %d", 1);
	assert_int_equal(device_add(dev), 0);
	assert_int_equal(driver_register(&drv), 0);
	assert_string_equal(dev_driver_string(dev), "drv");
	dev_info(dev, "two");
	driver_unregister(&drv);
	dev->bus = NULL;
	assert_string_equal(dev_driver_string(dev), "");
	dev->bus = &shelf;
	dev_info(NULL, "three");
	assert_string_equal(log_taken(),
			    "shelf dev: one 1\ndrv dev: two\n(NULL device *): three\n");
	device_unregister(dev);
}

static void a_device_without_release_is_complained_about(void **state)
{
	struct device dev = { .bus = &shelf };

	assert_int_equal(device_initialize(&dev), 0);
	assert_int_equal(dev_set_name(&dev, "immortal"), 0);
	put_device(&dev);
	assert_string_equal(log_taken(), "device 'immortal' does not have a release() function\n");
}

/* ---- deletion ---- */

static sem_t in_show, may_go_on;

static ssize_t slow_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	sem_post(&in_show);
	sem_wait(&may_go_on);
	return sysfs_emit(buf, "slow\n");
}
static DEVICE_ATTR_RO(slow);

static ssize_t remove_store(struct device *dev, struct device_attribute *attr, const char *buf,
			    size_t count)
{
	if (device_remove_file_self(dev, attr))
		device_unregister(dev);
	return count;
}
static DEVICE_ATTR_WO(remove);

static void *read_slow(void *arg)
{
	return (void *)(intptr_t)!strcmp(outside_read("/devices/dev/slow"), "slow\n");
}

static atomic_int deleted;

static void *delete (void *dev)
{
	device_del(dev);
	atomic_store(&deleted, 1);
	return NULL;
}

static void del_waits_for_a_running_show(void **state)
{
	struct device *dev = fixture_added(&shelf, NULL, "dev");
	pthread_t reader, deleter;
	void *right;

	sem_init(&in_show, 0, 0);
	sem_init(&may_go_on, 0, 0);
	atomic_store(&deleted, 0);
	assert_int_equal(device_create_file(dev, &dev_attr_slow), 0);
	pthread_create(&reader, NULL, read_slow, NULL);
	sem_wait(&in_show);
	pthread_create(&deleter, NULL, delete, dev);
	while (outside_exists("/devices/dev/uevent"))
		sched_yield();
	assert_false(atomic_load(&deleted));
	sem_post(&may_go_on);
	pthread_join(reader, &right);
	pthread_join(deleter, NULL);
	assert_non_null(right);
	put_device(dev);
}

static void a_device_can_be_deleted_by_its_own_attribute(void **state)
{
	struct device *dev = fixture_added(&shelf, NULL, "dev");

	assert_int_equal(device_create_file(dev, &dev_attr_remove), 0);
	assert_int_equal(outside_write("1", "/devices/dev/remove"), 0);
	assert_false(outside_exists("/devices/dev"));
}

static void del_of_what_is_not_added_does_nothing(void **state)
{
	struct device *dev = fixture_device(&shelf, NULL, "dev");

	events_begin();
	device_del(dev);
	assert_int_equal(device_add(dev), 0);
	device_del(dev);
	device_del(dev);
	assert_int_equal(events_count(), 2);
	put_device(dev);
}

/* ---- children ---- */

static int note_name(struct device *dev, void *data)
{
	strcat(data, dev_name(dev));
	return !strcmp(dev_name(dev), "stop");
}

static int note_and_delete(struct device *dev, void *data)
{
	device_unregister(dev);
	return note_name(dev, data);
}

static int note_and_add(struct device *dev, void *data)
{
	if (!strcmp(dev_name(dev), "a"))
		fixture_added(&shelf, dev->parent, "d");
	return note_name(dev, data);
}

static void children_come_in_the_order_of_their_age(void **state)
{
	struct device *parent = fixture_added(&shelf, NULL, "parent");
	char names[32] = "";

	fixture_added(&shelf, parent, "b");
	fixture_added(&shelf, parent, "a");
	fixture_added(&shelf, parent, "c");
	assert_int_equal(device_for_each_child(parent, names, note_and_add), 0);
	assert_string_equal(names, "bac");
	names[0] = '\0';
	assert_int_equal(device_for_each_child_reverse(parent, names, note_name), 0);
	assert_string_equal(names, "dcab");
	names[0] = '\0';
	fixture_added(&shelf, parent, "stop");
	fixture_added(&shelf, parent, "e");
	assert_int_equal(device_for_each_child(parent, names, note_name), 1);
	assert_string_equal(names, "bacdstop");
	names[0] = '\0';
	assert_int_equal(device_for_each_child_reverse(parent, names, note_and_delete), 1);
	assert_string_equal(names, "estop");
	names[0] = '\0';
	assert_int_equal(device_for_each_child(parent, names, note_and_delete), 0);
	assert_string_equal(names, "bacd");
	device_unregister(parent);
}

/* ---- publications ---- */

static atomic_int driver_took;

static int take(struct device *dev)
{
	atomic_fetch_add(&driver_took, 1);
	return 0;
}

static struct device_driver taker = { .name = "taker", .bus = &shelf, .probe = take };

/* What another thread gets while @dev is hidden. */
static void *look_from_aside(void *parent)
{
	char names[32] = "";
	intptr_t wrong = 0;

	wrong += bus_find_device_by_name(&shelf, "child") != NULL;
	wrong += outside_write("child", "/bus/shelf/drivers_probe") != -ENODEV;
	wrong += device_for_each_child(parent, names, note_name) != 0 || *names;
	wrong += outside_exists("/devices/parent/child");
	wrong += driver_register(&taker) != 0;
	wrong += outside_write("child", "/bus/shelf/drivers/taker/bind") != -ENODEV;
	wrong += atomic_load(&driver_took) != 1; /* the parent */
	return (void *)wrong;
}

static void others_find_a_device_when_it_is_published(void **state)
{
	struct device *parent = fixture_added(&shelf, NULL, "parent"), *child, *found;
	pthread_t other;
	void *wrong;

	atomic_store(&driver_took, 0);
	publish_begin();
	child = fixture_added(&shelf, parent, "child");
	found = bus_find_device_by_name(&shelf, "child");
	assert_ptr_equal(found, child);
	put_device(found);
	pthread_create(&other, NULL, look_from_aside, parent);
	pthread_join(other, &wrong);
	assert_null(wrong);
	events_begin();
	publish_commit();
	/* The driver that came while it was hidden has it now. */
	assert_true(device_is_bound(child));
	assert_string_equal(events_text(),
			    "add /devices/parent/child SUBSYSTEM=shelf FROM_BUS=1\n"
			    "bind /devices/parent/child SUBSYSTEM=shelf DRIVER=taker FROM_BUS=1\n");
	driver_unregister(&taker);
	device_unregister(child);
	device_unregister(parent);
}

static void a_device_can_appear_with_its_driver(void **state)
{
	struct device *dev;

	assert_int_equal(driver_register(&taker), 0);
	events_begin();
	publish_begin();
	dev = fixture_added(&shelf, NULL, "dev");
	assert_true(device_is_bound(dev));
	assert_int_equal(events_count(), 0);
	assert_false(outside_exists("/bus/shelf/drivers/taker/dev"));
	publish_commit();
	assert_string_equal(outside_link("/bus/shelf/drivers/taker/dev"),
			    "../../../../devices/dev");
	assert_int_equal(events_count(), 2);
	device_unregister(dev);
	driver_unregister(&taker);
}

static void an_aborted_device_was_never_there(void **state)
{
	struct device *dev;

	assert_int_equal(driver_register(&taker), 0);
	events_begin();
	publish_begin();
	publish_begin();
	dev = fixture_added(&shelf, NULL, "dev");
	device_unregister(dev);
	publish_abort();
	publish_commit();
	assert_int_equal(events_count(), 0);
	assert_string_equal(outside_list("/bus/shelf/devices"), "");
	driver_unregister(&taker);
}

static void what_an_abort_leaves_is_published_later(void **state)
{
	struct device *dev;

	publish_begin();
	publish_begin();
	dev = fixture_added(&shelf, NULL, "dev");
	publish_abort();
	assert_false(outside_exists("/devices/dev"));
	publish_commit();
	assert_true(outside_exists("/devices/dev"));
	assert_int_equal(driver_register(&taker), 0);
	assert_true(device_is_bound(dev));
	driver_unregister(&taker);
	device_unregister(dev);
}

static sem_t heard;

static void tell(struct uevent_listener *listener, const struct uevent *ev)
{
	if (!strcmp(ev->action, "add"))
		sem_post(&heard);
}

static void *bind_what_was_heard_of(void *arg)
{
	sem_wait(&heard);
	return (void *)(intptr_t)outside_write("dev", "/bus/shelf/drivers/taker/bind");
}

static void who_hears_of_a_device_can_use_it(void **state)
{
	struct uevent_listener listener = { .event = tell };
	struct device *dev;
	pthread_t other;
	void *err;

	taker.explicit_bind_only = true;
	sem_init(&heard, 0, 0);
	assert_int_equal(driver_register(&taker), 0);
	uevent_listener_register(&listener);
	for (int round = 0; round < 200; round++) {
		pthread_create(&other, NULL, bind_what_was_heard_of, NULL);
		dev = fixture_added(&shelf, NULL, "dev");
		pthread_join(other, &err);
		assert_null(err);
		device_unregister(dev);
	}
	uevent_listener_unregister(&listener);
	driver_unregister(&taker);
	taker.explicit_bind_only = false;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_device_with_a_parent_needs_a_subsystem),
		TEST(a_bad_name_or_place_is_refused),
		TEST(a_bus_names_its_devices),
		TEST(a_device_is_where_the_kernel_puts_it),
		TEST(a_device_is_complete_when_its_event_comes),
		TEST(no_part_of_a_device_is_seen_before_the_rest),
		TEST(a_failed_add_leaves_nothing),
		TEST(a_failed_creation_leaves_nothing),
		TEST(events_have_the_kernels_keys_in_its_order),
		TEST(the_file_uevent_shows_the_keys_of_the_device),
		TEST(a_write_to_uevent_sends_what_was_asked_for),
		TEST(log_lines_begin_with_driver_and_device),
		TEST(a_device_without_release_is_complained_about),
		TEST(del_waits_for_a_running_show),
		TEST(a_device_can_be_deleted_by_its_own_attribute),
		TEST(del_of_what_is_not_added_does_nothing),
		TEST(children_come_in_the_order_of_their_age),
		TEST(others_find_a_device_when_it_is_published),
		TEST(a_device_can_appear_with_its_driver),
		TEST(an_aborted_device_was_never_there),
		TEST(what_an_abort_leaves_is_published_later),
		TEST(who_hears_of_a_device_can_use_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
