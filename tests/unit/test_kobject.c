/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmocka_umdev.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include <umdev/publish.h>

#include "model/alloc.h"
#include "support/outside.h"
#include "support/tree.h"

struct thing {
	struct kobject kobj;
	struct thing **released; /* set when it is released, if not NULL */
	int value;
};

static void thing_release(struct kobject *kobj)
{
	struct thing *thing = container_of(kobj, struct thing, kobj);

	if (thing->released)
		*thing->released = thing;
	free(thing);
}

static ssize_t value_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n", container_of(kobj, struct thing, kobj)->value);
}

static ssize_t value_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf,
			   size_t count)
{
	unsigned int value;
	int err;

	err = kstrtouint(buf, 0, &value);
	if (err)
		return err;
	container_of(kobj, struct thing, kobj)->value = value;
	return count;
}

static ssize_t long_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	memset(buf, 'x', SYSFS_PAGE_SIZE);
	return SYSFS_PAGE_SIZE;
}

static KOBJ_ATTR_RW(value);
static KOBJ_ATTR_RO(long);
static struct kobj_attribute kobj_attr_nothing = __ATTR(nothing, 0644, NULL, NULL);

static const struct kobj_type thing_ktype = {
	.release = thing_release,
	.sysfs_ops = &kobj_sysfs_ops,
};

static struct attribute *value_attrs[] = { &kobj_attr_value.attr, &kobj_attr_long.attr, NULL };
ATTRIBUTE_GROUPS(value);

static const struct kobj_type full_ktype = {
	.release = thing_release,
	.sysfs_ops = &kobj_sysfs_ops,
	.default_groups = value_groups,
};

static struct thing *new_thing(const struct kobj_type *ktype)
{
	struct thing *thing = calloc(1, sizeof(*thing));

	assert_non_null(thing);
	kobject_init(&thing->kobj, ktype);
	return thing;
}

static struct thing *add_thing(const char *name, const struct kobj_type *ktype)
{
	struct thing *thing = new_thing(ktype);

	assert_int_equal(kobject_add(&thing->kobj, NULL, "%s", name), 0);
	return thing;
}

static void del_thing(struct thing *thing)
{
	kobject_del(&thing->kobj);
	kobject_put(&thing->kobj);
}

static int no_log(void **state)
{
	log_set_sink(discard_line);
	return 0;
}

static void an_object_is_a_directory_with_its_default_files(void **state)
{
	struct thing *thing = add_thing("thing", &full_ktype);
	char *path = kobject_get_path(&thing->kobj);

	assert_string_equal(path, "/thing");
	free(path);
	thing->value = 42;
	assert_string_equal(outside_read("/thing/value"), "42\n");
	assert_int_equal(tree_write("/thing/value", "0x10\n"), 5);
	assert_int_equal(thing->value, 16);
	assert_int_equal(tree_write("/thing/value", "many"), -EINVAL);
	assert_int_equal(tree_write("/thing/value", ""), 0);

	kobject_del(&thing->kobj);
	assert_false(outside_exists("/thing"));
	assert_null(thing->kobj.sd);
	kobject_del(&thing->kobj);
	kobject_put(&thing->kobj);
}

static void a_show_that_fills_the_page_is_cut(void **state)
{
	struct thing *thing = add_thing("thing", &full_ktype);
	char page[SYSFS_PAGE_SIZE];

	assert_int_equal(tree_pread("/thing/long", page, sizeof(page), 0), SYSFS_PAGE_SIZE - 1);
	del_thing(thing);
}

static void an_attribute_without_methods_answers_eio(void **state)
{
	struct thing *thing = add_thing("thing", &thing_ktype);
	char page[SYSFS_PAGE_SIZE];

	assert_int_equal(sysfs_create_file(&thing->kobj, &kobj_attr_nothing.attr), 0);
	assert_int_equal(tree_pread("/thing/nothing", page, sizeof(page), 0), -EIO);
	assert_int_equal(tree_write("/thing/nothing", "x"), -EIO);
	del_thing(thing);
}

static void the_last_reference_takes_it_out_of_sysfs_and_releases(void **state)
{
	struct thing *released = NULL, *thing = add_thing("thing", &full_ktype);

	thing->released = &released;
	kobject_get(&thing->kobj);
	kobject_put(&thing->kobj);
	assert_null(released);
	assert_true(outside_exists("/thing"));
	kobject_put(&thing->kobj);
	assert_ptr_equal(released, thing);
	assert_false(outside_exists("/thing"));
}

static void a_child_keeps_its_parent(void **state)
{
	struct thing *released = NULL, *parent = add_thing("parent", &thing_ktype);
	struct thing *child = new_thing(&thing_ktype);
	char *path;

	parent->released = &released;
	assert_int_equal(kobject_add(&child->kobj, &parent->kobj, "a/b%d", 1), 0);
	assert_true(outside_exists("/parent/a!b1"));
	path = kobject_get_path(&child->kobj);
	assert_string_equal(path, "/parent/a!b1");
	free(path);

	kobject_del(&child->kobj);
	del_thing(parent);
	assert_null(released);
	kobject_put(&child->kobj);
	assert_ptr_equal(released, parent);
}

static void a_failed_add_leaves_the_object_to_its_owner(void **state)
{
	struct thing *released = NULL, *parent = add_thing("thing", &full_ktype);
	struct thing *thing = new_thing(&full_ktype);

	parent->released = &released;
	assert_int_equal(kobject_add(&thing->kobj, NULL, NULL), -EINVAL);
	assert_int_equal(kobject_add(&thing->kobj, NULL, "%s", ""), -EINVAL);
	assert_int_equal(kobject_add(&thing->kobj, NULL, "thing"), -EEXIST);
	assert_int_equal(kobject_add(&thing->kobj, &parent->kobj, "value"), -EEXIST);
	kobject_del(&parent->kobj);
	assert_int_equal(kobject_add(&thing->kobj, &parent->kobj, "child"), -ENOENT);
	kobject_put(&parent->kobj);
	assert_ptr_equal(released, parent);
	assert_null(thing->kobj.sd);
	assert_int_equal(kobject_add(&thing->kobj, NULL, "thing"), 0);
	del_thing(thing);
}

static mode_t some_visible(struct kobject *kobj, struct attribute *attr, int n)
{
	return n == 0 ? 0444 : 0;
}

static void a_group_is_all_or_nothing(void **state)
{
	struct attribute *attrs[] = { &kobj_attr_value.attr, &kobj_attr_long.attr, NULL };
	const struct attribute_group named = { .name = "group", .attrs = attrs };
	const struct attribute_group plain = { .attrs = attrs };
	const struct attribute_group some = { .attrs = attrs, .is_visible = some_visible };
	const struct attribute_group empty = { .name = "empty" };
	const struct attribute_group *groups[] = { &named, &plain, NULL };
	struct thing *thing = add_thing("thing", &thing_ktype);
	struct kernfs_node *kn;
	struct stat st;

	assert_int_equal(sysfs_create_groups(&thing->kobj, groups), 0);
	assert_true(outside_exists("/thing/group/value") && outside_exists("/thing/long"));
	assert_string_equal(outside_read("/thing/group/value"), "0\n");
	sysfs_remove_groups(&thing->kobj, groups);
	assert_false(outside_exists("/thing/group") || outside_exists("/thing/value") ||
		     outside_exists("/thing/long"));

	assert_int_equal(sysfs_create_file(&thing->kobj, &kobj_attr_long.attr), 0);
	assert_int_equal(sysfs_create_groups(&thing->kobj, groups), -EEXIST);
	assert_false(outside_exists("/thing/group") || outside_exists("/thing/value"));
	assert_true(outside_exists("/thing/long"));
	sysfs_remove_file(&thing->kobj, &kobj_attr_long.attr);

	assert_int_equal(sysfs_create_group(&thing->kobj, &some), 0);
	assert_false(outside_exists("/thing/long"));
	kn = tree_find_itself("/thing/value");
	assert_non_null(kn);
	kernfs_getattr(kn, &st);
	assert_int_equal(st.st_mode, S_IFREG | 0444);
	kernfs_put(kn);
	sysfs_remove_group(&thing->kobj, &some);
	assert_false(outside_exists("/thing/value"));

	assert_int_equal(sysfs_create_group(&thing->kobj, &empty), -EINVAL);
	del_thing(thing);
}

static unsigned char image[6] = { 0, 1, 2, 3, 4, 5 };

static ssize_t image_read(struct kobject *kobj, struct bin_attribute *attr, char *buf, off_t off,
			  size_t count)
{
	memcpy(buf, image + off, count);
	return count;
}

static ssize_t image_write(struct kobject *kobj, struct bin_attribute *attr, char *buf, off_t off,
			   size_t count)
{
	memcpy(image + off, buf, count);
	return count;
}

static void a_binary_file_is_cut_at_its_size(void **state)
{
	struct bin_attribute attr = { .attr = { .name = "image", .mode = 0600 },
				      .size = sizeof(image),
				      .read = image_read,
				      .write = image_write };
	struct bin_attribute mute = { .attr = { .name = "mute", .mode = 0600 }, .size = 6 };
	struct thing *thing = add_thing("thing", &thing_ktype);
	char buf[16];

	assert_int_equal(sysfs_create_bin_file(&thing->kobj, &attr), 0);
	assert_int_equal(tree_pread("/thing/image", buf, sizeof(buf), 4), 2);
	assert_memory_equal(buf, "\4\5", 2);
	assert_int_equal(tree_pread("/thing/image", buf, sizeof(buf), 6), 0);
	assert_int_equal(tree_pread("/thing/image", buf, sizeof(buf), LONG_MAX), 0);
	assert_int_equal(tree_pread("/thing/image", buf, sizeof(buf), -1), -EINVAL);
	assert_int_equal(tree_pwrite("/thing/image", "\7\7\7", 3, 5), 1);
	assert_int_equal(image[5], 7);
	assert_int_equal(tree_pwrite("/thing/image", "\7", 1, 6), -EFBIG);
	assert_int_equal(tree_pwrite("/thing/image", "", 0, 0), 0);
	sysfs_remove_bin_file(&thing->kobj, &attr);
	assert_false(outside_exists("/thing/image"));

	assert_int_equal(sysfs_create_bin_file(&thing->kobj, &mute), 0);
	assert_int_equal(tree_pread("/thing/mute", buf, sizeof(buf), 0), -EACCES);
	del_thing(thing);
}

static void a_link_leads_to_an_object_that_is_there(void **state)
{
	struct thing *from = add_thing("from", &thing_ktype), *to = add_thing("to", &thing_ktype);
	struct kernfs_node *kn;
	char text[16];

	assert_int_equal(sysfs_create_link(&from->kobj, &to->kobj, "link"), 0);
	kn = tree_find_itself("/from/link");
	assert_non_null(kn);
	assert_true(kernfs_link_text(kn, text, sizeof(text)) > 0);
	assert_string_equal(text, "../to");
	kernfs_put(kn);
	assert_int_equal(sysfs_create_link(&from->kobj, &to->kobj, "link"), -EEXIST);
	sysfs_remove_link(&from->kobj, "link");
	sysfs_remove_link(&from->kobj, "link");
	assert_false(outside_exists("/from/link"));

	del_thing(to);
	to = new_thing(&thing_ktype);
	assert_int_equal(sysfs_create_link(&from->kobj, &to->kobj, "link"), -ENOENT);
	assert_int_equal(sysfs_create_link(&to->kobj, &from->kobj, "link"), -ENOENT);
	kobject_put(&to->kobj);
	del_thing(from);
}

/* A store that holds on until the test lets it go. */
static sem_t entered, go_on;
static atomic_bool in_store;

static ssize_t slow_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf,
			  size_t count)
{
	atomic_store(&in_store, true);
	sem_post(&entered);
	sem_wait(&go_on);
	atomic_store(&in_store, false);
	return count;
}

static KOBJ_ATTR_WO(slow);

static void *write_slow(void *arg)
{
	return (void *)tree_write("/thing/slow", "1");
}

static void *delete_thing(void *arg)
{
	kobject_del(arg);
	return (void *)(intptr_t)atomic_load(&in_store);
}

static void removal_waits_for_a_running_store(void **state)
{
	struct thing *thing = add_thing("thing", &thing_ktype);
	struct kernfs_node *dir = kernfs_get(thing->kobj.sd);
	pthread_t writer, remover;
	void *ret;

	sem_init(&entered, 0, 0);
	sem_init(&go_on, 0, 0);
	assert_int_equal(sysfs_create_file(&thing->kobj, &kobj_attr_slow.attr), 0);
	pthread_create(&writer, NULL, write_slow, NULL);
	sem_wait(&entered);
	pthread_create(&remover, NULL, delete_thing, &thing->kobj);
	while (kernfs_get_active(dir)) {
		kernfs_put_active(dir);
		sched_yield();
	}
	assert_int_equal(tree_write("/thing/slow", "2"), -ENOENT);
	assert_true(atomic_load(&in_store));
	sem_post(&go_on);
	pthread_join(remover, &ret);
	assert_null(ret);
	pthread_join(writer, &ret);
	assert_int_equal((ssize_t)ret, 1);
	kernfs_put(dir);
	kobject_put(&thing->kobj);
	sem_destroy(&entered);
	sem_destroy(&go_on);
}

static atomic_int wins, losses;

static ssize_t remove_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf,
			    size_t count)
{
	/* All writers are in here before one may win. */
	sem_post(&entered);
	sem_wait(&go_on);
	if (!sysfs_remove_file_self(kobj, &attr->attr)) {
		atomic_fetch_add(&losses, 1);
		return count;
	}
	kobject_del(kobj);
	kobject_put(kobj);
	atomic_fetch_add(&wins, 1);
	return count;
}

static KOBJ_ATTR_WO(remove);

static void *write_remove(void *arg)
{
	ssize_t ret = tree_write("/thing/remove", "1");

	/* Whoever returns, as winner or not: the object is gone. */
	return (void *)(intptr_t)(ret == 1 && !outside_exists("/thing"));
}

static void an_object_is_removed_by_its_own_file_once(void **state)
{
	struct thing *released = NULL, *thing = add_thing("thing", &full_ktype);
	pthread_t writers[4];
	void *fine;

	sem_init(&entered, 0, 0);
	sem_init(&go_on, 0, 0);
	wins = losses = 0;
	thing->released = &released;
	assert_int_equal(sysfs_create_file(&thing->kobj, &kobj_attr_remove.attr), 0);
	for (size_t i = 0; i < ARRAY_SIZE(writers); i++)
		pthread_create(&writers[i], NULL, write_remove, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(writers); i++)
		sem_wait(&entered);
	for (size_t i = 0; i < ARRAY_SIZE(writers); i++)
		sem_post(&go_on);
	for (size_t i = 0; i < ARRAY_SIZE(writers); i++) {
		pthread_join(writers[i], &fine);
		assert_non_null(fine);
	}
	assert_int_equal(wins, 1);
	assert_int_equal(losses, 3);
	assert_ptr_equal(released, thing);
	sem_destroy(&entered);
	sem_destroy(&go_on);
}

static void only_its_own_method_removes_a_file_as_self(void **state)
{
	struct thing *thing = add_thing("thing", &full_ktype);

	assert_false(sysfs_remove_file_self(&thing->kobj, &kobj_attr_value.attr));
	assert_true(outside_exists("/thing/value"));
	del_thing(thing);
}

static void *add_and_remove_files(void *arg)
{
	struct thing *thing = arg;

	for (int i = 0; i < 500; i++) {
		sysfs_create_group(&thing->kobj, &value_group);
		sysfs_remove_group(&thing->kobj, &value_group);
	}
	return NULL;
}

static void lookups_meet_removals(void **state)
{
	struct thing *thing = add_thing("thing", &thing_ktype);
	char page[SYSFS_PAGE_SIZE];
	pthread_t changer;
	ssize_t len;

	pthread_create(&changer, NULL, add_and_remove_files, thing);
	for (int i = 0; i < 500; i++) {
		len = tree_pread("/thing/value", page, sizeof(page), 0);
		assert_true(len == 2 || len == -ENOENT || len == -ENODEV);
	}
	pthread_join(changer, NULL);
	del_thing(thing);
}

struct watcher {
	struct kernfs_watch watch;
	unsigned int count;
};

static void watched(struct kernfs_watch *watch, struct kernfs_node *kn)
{
	container_of(watch, struct watcher, watch)->count++;
}

static void a_notification_reaches_the_file_of_a_group(void **state)
{
	struct attribute *attrs[] = { &kobj_attr_value.attr, NULL };
	const struct attribute_group group = { .name = "group", .attrs = attrs };
	struct thing *thing = add_thing("thing", &full_ktype);
	struct watcher w = { .watch.notified = watched };
	struct kernfs_node *kn;
	unsigned int seen;

	assert_int_equal(sysfs_create_group(&thing->kobj, &group), 0);
	kernfs_watch_add(&w.watch);
	kn = tree_find_itself("/thing/group/value");
	seen = kernfs_event(kn);
	sysfs_notify(&thing->kobj, NULL, "value");
	assert_int_equal(kernfs_event(kn), seen);
	sysfs_notify(&thing->kobj, "group", "value");
	assert_int_equal(kernfs_event(kn), seen + 1);
	assert_int_equal(w.count, 1);
	sysfs_notify(&thing->kobj, "nowhere", "value");
	kernfs_watch_remove(&w.watch);
	kernfs_put(kn);
	del_thing(thing);
}

static void an_add_that_fails_at_any_step_leaves_nothing(void **state)
{
	struct thing *thing = new_thing(&full_ktype);
	unsigned long step = 0;
	int err;

	do {
		fault_countdown = ++step;
		err = kobject_add(&thing->kobj, NULL, "thing");
		assert_true(!err || err == -ENOMEM);
		assert_int_equal(!err, outside_exists("/thing"));
		assert_int_equal(!err, fault_countdown != 0);
	} while (err);
	fault_countdown = 0;
	/*
	 * Its name, its directory's node and children, where that is hidden, its two files, and
	 * one more.
	 */
	assert_int_equal(step, 7);
	del_thing(thing);
}

static struct bin_attribute image_attr = { .attr = { .name = "image", .mode = 0600 },
					   .read = image_read };
static struct bin_attribute *image_attrs[] = { &image_attr, NULL };
static const struct attribute_group full_group = { .name = "full",
						   .attrs = value_attrs,
						   .bin_attrs = image_attrs };
static const struct attribute_group flat_group = { .attrs = value_attrs, .bin_attrs = image_attrs };
static const struct attribute_group *both_groups[] = { &full_group, &flat_group, NULL };

static int create_group(struct kobject *kobj)
{
	return sysfs_create_group(kobj, &full_group);
}

static int create_groups(struct kobject *kobj)
{
	return sysfs_create_groups(kobj, both_groups);
}

static int create_file(struct kobject *kobj)
{
	return sysfs_create_file(kobj, &kobj_attr_value.attr);
}

static int create_bin_file(struct kobject *kobj)
{
	return sysfs_create_bin_file(kobj, &image_attr);
}

static int create_link(struct kobject *kobj)
{
	return sysfs_create_link(kobj, kobj, "link");
}

static int create_plain(struct kobject *kobj)
{
	struct kobject *plain = kobject_create_and_add("plain", kobj);

	/* Gone again with its directory. */
	if (!plain)
		return -ENOMEM;
	kobject_del(plain);
	kobject_put(plain);
	return sysfs_create_file(kobj, &kobj_attr_value.attr);
}

static int count_node(struct kernfs_node *kn, void *data)
{
	++*(int *)data;
	return 0;
}

static void every_create_that_fails_leaves_nothing(void **state)
{
	int (*const creates[])(struct kobject * kobj) = { create_file,	 create_bin_file,
							  create_link,	 create_group,
							  create_groups, create_plain };
	struct thing *thing;
	unsigned long step;
	int n, err;

	for (size_t i = 0; i < ARRAY_SIZE(creates); i++) {
		thing = add_thing("thing", &thing_ktype);
		step = 0;
		do {
			fault_countdown = ++step;
			err = creates[i](&thing->kobj);
			assert_int_equal(err, fault_countdown ? 0 : -ENOMEM);
			fault_countdown = 0;
			n = 0;
			kernfs_readdir(thing->kobj.sd, count_node, &n);
			assert_int_equal(!n, !!err);
		} while (err);
		assert_true(step > 1);
		del_thing(thing);
	}
}

static void emitted_text_stays_in_its_page(void **state)
{
	static char page[SYSFS_PAGE_SIZE + 1];

	page[SYSFS_PAGE_SIZE] = 'e';
	assert_int_equal(sysfs_emit(page, "%d\n", 7), 2);
	assert_string_equal(page, "7\n");
	assert_int_equal(sysfs_emit(page, "%5000d", 7), SYSFS_PAGE_SIZE - 1);
	assert_int_equal(sysfs_emit_at(page, 4090, "%20d", 7), 5);
	assert_int_equal(sysfs_emit_at(page, SYSFS_PAGE_SIZE, "x"), 0);
	assert_int_equal(sysfs_emit_at(page, -1, "x"), 0);
	assert_int_equal(page[SYSFS_PAGE_SIZE], 'e');
	assert_true(sysfs_streq("on\n", "on"));
	assert_true(sysfs_streq("on", "on\n"));
	assert_true(sysfs_streq("", "\n"));
	assert_false(sysfs_streq("on\n\n", "on"));
	assert_false(sysfs_streq("one", "on"));
}

static void numbers_are_parsed_as_the_kernel_does(void **state)
{
	const struct {
		const char *text;
		unsigned int base;
		int err;
		unsigned long value;
	} cases[] = {
		{ "0", 10, 0, 0 },
		{ "+12\n", 10, 0, 12 },
		{ "0x1F", 0, 0, 31 },
		{ "0X1f", 16, 0, 31 },
		{ "1f", 16, 0, 31 },
		{ "010", 0, 0, 8 },
		{ "010", 10, 0, 10 },
		{ "18446744073709551615", 10, 0, ULONG_MAX },
		{ "18446744073709551616", 10, -ERANGE, 0 },
		{ "99999999999999999999x", 10, -ERANGE, 0 },
		{ "", 10, -EINVAL, 0 },
		{ "\n", 10, -EINVAL, 0 },
		{ "+", 10, -EINVAL, 0 },
		{ "-1", 10, -EINVAL, 0 },
		{ " 1", 10, -EINVAL, 0 },
		{ "1 ", 10, -EINVAL, 0 },
		{ "1\n\n", 10, -EINVAL, 0 },
		{ "0x", 16, -EINVAL, 0 },
		{ "08", 0, -EINVAL, 0 },
		{ "1f", 10, -EINVAL, 0 },
	};
	unsigned long value;
	unsigned int small;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		value = 0;
		assert_int_equal(kstrtoul(cases[i].text, cases[i].base, &value), cases[i].err);
		assert_int_equal(value, cases[i].value);
	}
	assert_int_equal(kstrtouint("4294967295", 0, &small), 0);
	assert_int_equal(small, UINT_MAX);
	assert_int_equal(kstrtouint("4294967296", 0, &small), -ERANGE);
}

static void words_are_parsed_as_booleans(void **state)
{
	const char *yes[] = { "y", "Yes\n", "1", "on", "ON", "t" };
	const char *no[] = { "n", "No\n", "0", "off", "oF", "F" };
	const char *bad[] = { "", "o", "2", "\n", "maybe" };
	bool value;

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		value = false;
		assert_int_equal(kstrtobool(yes[i], &value), 0);
		assert_true(value);
		assert_int_equal(kstrtobool(no[i], &value), 0);
		assert_false(value);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(kstrtobool(bad[i], &value), -EINVAL);
	assert_int_equal(kstrtobool(NULL, &value), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_object_is_a_directory_with_its_default_files),
		cmocka_unit_test(a_show_that_fills_the_page_is_cut),
		cmocka_unit_test(an_attribute_without_methods_answers_eio),
		cmocka_unit_test(the_last_reference_takes_it_out_of_sysfs_and_releases),
		cmocka_unit_test(a_child_keeps_its_parent),
		cmocka_unit_test(a_failed_add_leaves_the_object_to_its_owner),
		cmocka_unit_test(a_group_is_all_or_nothing),
		cmocka_unit_test(a_binary_file_is_cut_at_its_size),
		cmocka_unit_test(a_link_leads_to_an_object_that_is_there),
		cmocka_unit_test(removal_waits_for_a_running_store),
		cmocka_unit_test(an_object_is_removed_by_its_own_file_once),
		cmocka_unit_test(only_its_own_method_removes_a_file_as_self),
		cmocka_unit_test(lookups_meet_removals),
		cmocka_unit_test(a_notification_reaches_the_file_of_a_group),
		cmocka_unit_test(an_add_that_fails_at_any_step_leaves_nothing),
		cmocka_unit_test(every_create_that_fails_leaves_nothing),
		cmocka_unit_test(emitted_text_stays_in_its_page),
		cmocka_unit_test(numbers_are_parsed_as_the_kernel_does),
		cmocka_unit_test(words_are_parsed_as_booleans),
	};

	return cmocka_run_group_tests(tests, no_log, NULL);
}
