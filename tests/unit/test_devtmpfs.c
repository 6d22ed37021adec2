/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Device nodes, and the events that name them.
 */
#include "cmocka_umdev.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <umdev/publish.h>
#include "model/devtmpfs.h"
#include "model/kernfs.h"
#include "model_fixture.h"
#include "support/outside.h"
#include "support/tree.h"

#define THREADS 8
#define ROUNDS	200

/* What a device of the class says of its node. */
static const char *node_name;
static mode_t node_mode;

static char *class_devnode(struct device *dev, mode_t *mode)
{
	*mode = node_mode;
	return node_name ? strdup(node_name) : NULL;
}

static char *type_devnode(struct device *dev, mode_t *mode, uid_t *uid, gid_t *gid)
{
	*mode = 0660;
	*uid = 12;
	*gid = 34;
	return strdup("typed");
}

static struct class plain = { .name = "plain" };
static struct class named = { .name = "named", .devnode = class_devnode };
static struct class block = { .name = "block" };
static const struct device_type typed = { .name = "typed", .devnode = type_devnode };

static int setup(void **state)
{
	fixture_setup(state);
	assert_int_equal(class_register(&plain), 0);
	assert_int_equal(class_register(&named), 0);
	assert_int_equal(class_register(&block), 0);
	node_name = "a/node";
	node_mode = 0;
	return 0;
}

static int teardown(void **state)
{
	class_unregister(&block);
	class_unregister(&named);
	class_unregister(&plain);
	return fixture_teardown(state);
}

/* A device with the name @name and the number 240:@minor. */
static struct device *make(struct class *class, const char *name, unsigned int minor)
{
	struct device *dev = fixture_device(NULL, NULL, name);

	dev->class = class;
	dev->devt = DEVNUM(240, minor);
	return dev;
}

static struct device *add(struct class *class, const char *name, unsigned int minor)
{
	struct device *dev = make(class, name, minor);

	assert_int_equal(device_add(dev), 0);
	return dev;
}

/* "UID:GID" of whom the tree belongs to. */
static const char *owner(void)
{
	static char text[32];

	snprintf(text, sizeof(text), "%u:%u", geteuid(), getegid());
	return text;
}

static void assert_node(const char *fmt)
{
	char expected[512];

	snprintf(expected, sizeof(expected), fmt, owner());
	assert_nodes(expected);
}

static void a_device_with_a_number_has_a_node(void **state)
{
	struct device *dev = add(&plain, "thing", 300), *none;

	assert_node("C 600 240:300 %s /thing\n");
	none = fixture_device(NULL, NULL, "numberless");
	none->class = &plain;
	assert_int_equal(device_add(none), 0);
	assert_node("C 600 240:300 %s /thing\n");
	device_unregister(none);
	device_unregister(dev);
	assert_nodes("");
}

static void a_slash_in_the_name_is_a_directory(void **state)
{
	struct device *dev = add(&plain, "snd!pcm!0", 1);

	assert_node("D 755 /snd\nD 755 /snd/pcm\nC 600 240:1 %s /snd/pcm/0\n");
	device_unregister(dev);
	assert_nodes("");
}

static void its_class_names_it(void **state)
{
	struct device *dev;

	node_mode = 0666;
	events_begin();
	dev = add(&named, "thing", 1);
	assert_node("D 755 /a\nC 666 240:1 %s /a/node\n");
	assert_string_equal(events_text(),
			    "add /devices/virtual/named/thing SUBSYSTEM=named MAJOR=240 MINOR=1 "
			    "DEVNAME=a/node DEVMODE=0666\n");
	device_unregister(dev);
}

static void its_type_comes_before_its_class(void **state)
{
	struct device *dev = make(&named, "thing", 1);

	dev->type = &typed;
	events_begin();
	assert_int_equal(device_add(dev), 0);
	assert_nodes("C 660 240:1 12:34 /typed\n");
	assert_string_equal(events_text(),
			    "add /devices/virtual/named/thing SUBSYSTEM=named MAJOR=240 MINOR=1 "
			    "DEVNAME=typed DEVMODE=0660 DEVUID=12 DEVGID=34 DEVTYPE=typed\n");
	assert_string_equal(outside_read("/devices/virtual/named/thing/uevent"),
			    "MAJOR=240\nMINOR=1\nDEVNAME=typed\nDEVMODE=0660\nDEVUID=12\n"
			    "DEVGID=34\nDEVTYPE=typed\n");
	device_unregister(dev);
}

static void a_block_device_has_a_block_node(void **state)
{
	struct device *dev = add(&block, "disk", 5);
	struct kernfs_node *kn = kernfs_lookup(kernfs_dev_root(), "disk");
	struct stat st;

	kernfs_getattr(kn, &st);
	assert_true(S_ISBLK(st.st_mode));
	assert_int_equal(st.st_rdev, makedev(240, 5));
	assert_int_equal(st.st_nlink, 1);
	assert_null(kernfs_file_ops(kn));
	kernfs_put(kn);
	assert_true(outside_exists("/dev/block/240:5"));
	device_unregister(dev);
}

static void a_directory_stays_while_something_is_in_it(void **state)
{
	struct device *one = add(&plain, "d!one", 1), *two = add(&plain, "d!two", 2);

	device_unregister(one);
	assert_node("D 755 /d\nC 600 240:2 %s /d/two\n");
	device_unregister(two);
	assert_nodes("");
}

static void a_name_that_is_taken_is_its_owners(void **state)
{
	struct device *first = add(&named, "first", 1), *second;

	second = add(&named, "second", 2);
	assert_node("D 755 /a\nC 600 240:1 %s /a/node\n");
	assert_non_null(strstr(log_taken(), "second: no device node: File exists"));
	device_unregister(second);
	assert_node("D 755 /a\nC 600 240:1 %s /a/node\n");
	device_unregister(first);
	assert_nodes("");
}

static void a_name_that_can_be_none_makes_nothing(void **state)
{
	static const char *const bad[] = { "",	   "/",	     "/x", "x/",    "x//y",
					   "../x", "x/../y", "..", "x/./y", "first/y" };
	struct device *first = add(&plain, "first", 1), *dev;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		node_name = bad[i];
		dev = add(&named, "thing", 2);
		assert_node("C 600 240:1 %s /first\n");
		assert_non_null(strstr(log_taken(), "thing: no device node"));
		device_unregister(dev);
	}
	device_unregister(first);
}

static void without_memory_for_its_name_there_is_no_device(void **state)
{
	struct device *dev = make(&named, "thing", 1);

	node_name = NULL;
	assert_int_equal(device_add(dev), -ENOMEM);
	assert_nodes("");
	put_device(dev);
}

static void a_node_appears_with_its_device(void **state)
{
	struct device *dev = make(&named, "thing", 1);

	publish_begin();
	assert_int_equal(device_add(dev), 0);
	assert_nodes("D 755 /a\n");
	publish_commit();
	assert_node("D 755 /a\nC 600 240:1 %s /a/node\n");
	device_unregister(dev);
	assert_nodes("");

	dev = make(&named, "thing", 1);
	publish_begin();
	assert_int_equal(device_add(dev), 0);
	device_del(dev);
	publish_abort();
	put_device(dev);
	assert_nodes("");
}

static void what_was_changed_is_kept(void **state)
{
	struct device *dev = add(&plain, "thing", 1);
	struct kernfs_node *kn = kernfs_lookup(kernfs_dev_root(), "thing");
	struct stat st = { .st_mode = 0640, .st_uid = 7, .st_gid = 8 };

	assert_int_equal(kernfs_setattr(kn, &st, KERNFS_SET_MODE | KERNFS_SET_UID | KERNFS_SET_GID),
			 0);
	kernfs_put(kn);
	assert_nodes("C 640 240:1 7:8 /thing\n");
	device_unregister(dev);
}

/* ---- each step fails ---- */

static int add_op(void *data)
{
	struct device **dev = data, *fresh;
	int err;

	err = device_create(&plain, NULL, DEVNUM(240, 1), NULL, &fresh, "d!e!f");
	if (!err)
		*dev = fresh;
	return err;
}

static void remove_op(void *data)
{
	struct device **dev = data;

	device_unregister(*dev);
}

static void a_failed_add_leaves_no_node(void **state)
{
	struct device *dev;

	assert_true(fixture_fail_each_step(add_op, remove_op, &dev) > 10);
}

/* ---- many at once ---- */

static void *come_and_go(void *arg)
{
	unsigned int nr = (uintptr_t)arg;
	struct device *dev;

	for (int i = 0; i < ROUNDS; i++) {
		if (device_create(&plain, NULL, DEVNUM(240, nr), NULL, &dev, "x!y!%u", nr))
			return arg;
		device_unregister(dev);
	}
	return NULL;
}

static void directories_come_and_go_under_many_hands(void **state)
{
	pthread_t threads[THREADS];
	void *failed;

	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, come_and_go, (void *)(i + 1));
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	assert_nodes("");
	assert_string_equal(log_taken(), "");
}

/* ---- the tree ---- */

static void the_two_trees_know_nothing_of_each_other(void **state)
{
	struct device *dev = add(&plain, "d!thing", 1);
	struct kernfs_node *dir = kernfs_lookup(kernfs_dev_root(), "d");
	struct kernfs_node *kn = kernfs_lookup(dir, "thing");
	char path[64];

	assert_false(outside_exists("/d"));
	assert_int_equal(kernfs_path(kn, path, sizeof(path)), strlen("/d/thing"));
	assert_string_equal(path, "/d/thing");
	assert_int_equal(kernfs_path(kernfs_dev_root(), path, sizeof(path)), 1);
	assert_string_equal(path, "/");
	assert_int_equal(kernfs_create_link(kernfs_root(), "link", kn, NULL), -EINVAL);
	kernfs_remove(kernfs_dev_root());
	assert_non_null(strstr(log_taken(), "root cannot be removed"));
	kernfs_put(kn);
	kernfs_put(dir);
	device_unregister(dev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
		TEST(a_device_with_a_number_has_a_node),
		TEST(a_slash_in_the_name_is_a_directory),
		TEST(its_class_names_it),
		TEST(its_type_comes_before_its_class),
		TEST(a_block_device_has_a_block_node),
		TEST(a_directory_stays_while_something_is_in_it),
		TEST(a_name_that_is_taken_is_its_owners),
		TEST(a_name_that_can_be_none_makes_nothing),
		TEST(without_memory_for_its_name_there_is_no_device),
		TEST(a_node_appears_with_its_device),
		TEST(what_was_changed_is_kept),
		TEST(a_failed_add_leaves_no_node),
		TEST(directories_come_and_go_under_many_hands),
		TEST(the_two_trees_know_nothing_of_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
