/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a bus has whose rules change: device_reprobe(), and a driver_override of its own. */
#include "cmocka_umdev.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "model/base.h"
#include "model_fixture.h"
#include "support/gate.h"
#include "support/outside.h"
#include "platform_bus.h"

/* The one of the two drivers that the rules give the device to. */
static struct device_driver first, second;
static struct device_driver *owner;
static atomic_int removes;

static int ask_owner(struct device *dev)
{
	return dev->driver == owner ? 0 : -ENODEV;
}

static void count_remove(struct device *dev)
{
	atomic_fetch_add(&removes, 1);
}

static int match_both(struct device *dev, struct device_driver *drv)
{
	return drv == &first || drv == &second;
}

/* ---- an attribute of the bus's own ---- */

static ssize_t driver_override_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return device_emit_driver_override(dev, buf, "nobody");
}

static ssize_t driver_override_store(struct device *dev, struct device_attribute *attr,
				     const char *buf, size_t count)
{
	int err;

	device_lock(dev);
	err = device_set_driver_override(dev, buf, count);
	device_unlock(dev);
	return err ? err : (ssize_t)count;
}
static DEVICE_ATTR_RW(driver_override);

/* Opened when somebody reads an attribute of the device, and when that ends. */
static struct gate reading = GATE_INIT, read_on = GATE_INIT;

static ssize_t slow_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	gate_open(&reading);
	gate_wait(&read_on);
	return 0;
}
static DEVICE_ATTR_RO(slow);

static struct attribute *own_attrs[] = { &dev_attr_driver_override.attr, &dev_attr_slow.attr,
					 NULL };
ATTRIBUTE_GROUPS(own);

static const struct attribute_group **usual_groups;

static int setup(void **state)
{
	first = (struct device_driver) {
		.name = "first", .bus = &platform, .probe = ask_owner, .remove = count_remove
	};
	second = (struct device_driver) {
		.name = "second", .bus = &platform, .probe = ask_owner, .remove = count_remove
	};
	owner = &first;
	atomic_store(&removes, 0);
	usual_groups = platform.dev_groups;
	platform.dev_groups = own_groups;
	platform.has_driver_override = false;
	platform.match = match_both;
	platform_setup(state);
	assert_int_equal(driver_register(&first), 0);
	assert_int_equal(driver_register(&second), 0);
	assert_driver("first");
	return 0;
}

static int teardown(void **state)
{
	int err;

	driver_unregister(&second);
	driver_unregister(&first);
	err = platform_teardown(state);
	platform.dev_groups = usual_groups;
	platform.has_driver_override = true;
	platform.match = platform_match;
	return err;
}

static int override_with(const char *name)
{
	return outside_write(name, DEVICE "/driver_override");
}

/* ---- reprobe ---- */

static void a_device_goes_where_the_new_rules_say(void **state)
{
	owner = &second;
	events_begin();
	assert_int_equal(device_reprobe(speaker, NULL, NULL), 1);
	assert_driver("second");
	assert_int_equal(atomic_load(&removes), 1);
	assert_string_equal(events_text(), "unbind /devices/pcspkr SUBSYSTEM=platform\n"
					   "bind /devices/pcspkr SUBSYSTEM=platform DRIVER=second "
					   "MODALIAS=platform:pcspkr\n");
	owner = NULL;
	assert_int_equal(device_reprobe(speaker, NULL, NULL), 0);
	assert_driver(NULL);
	/* Free as it is, it is offered. */
	owner = &first;
	assert_int_equal(device_reprobe(speaker, NULL, NULL), 1);
	assert_driver("first");
	assert_int_equal(atomic_load(&removes), 2);
}

static bool stay(struct device *dev, void *data)
{
	/* The lock is held: to take it again ends the program, to let go of it does not. */
	device_unlock(dev);
	device_lock(dev);
	++*(int *)data;
	return true;
}

static void what_may_stay_is_left_alone(void **state)
{
	int asked = 0;

	owner = &second;
	events_begin();
	assert_int_equal(device_reprobe(speaker, stay, &asked), 0);
	assert_driver("first");
	device_release_driver(speaker);
	assert_int_equal(device_reprobe(speaker, stay, &asked), 0);
	assert_driver(NULL);
	assert_int_equal(asked, 2);
	assert_int_equal(atomic_load(&removes), 1);
	assert_int_equal(events_count(), 1);
}

static void it_asks_whatever_autoprobe_says_and_never_binds_what_is_explicit(void **state)
{
	assert_int_equal(outside_write("0", "/bus/platform/drivers_autoprobe"), 0);
	assert_int_equal(device_reprobe(speaker, NULL, NULL), 1);
	assert_driver("first");
	assert_int_equal(outside_write("1", DEVICE "/explicit_bind_only"), 0);
	assert_int_equal(device_reprobe(speaker, NULL, NULL), 0);
	assert_driver(NULL);
	assert_int_equal(outside_write("0", DEVICE "/explicit_bind_only"), 0);
	assert_int_equal(outside_write("1", DRIVERS "/first/explicit_bind_only"), 0);
	assert_int_equal(device_reprobe(speaker, NULL, NULL), 0);
	assert_driver(NULL);
}

static void a_device_that_goes_is_not_bound_again(void **state)
{
	get_device(speaker);
	device_del(speaker);
	assert_int_equal(device_reprobe(speaker, NULL, NULL), -ENODEV);
	assert_null(speaker->driver);
	put_device(speaker);
	put_device(speaker);
	speaker = fixture_added(&platform, NULL, "pcspkr");
}

static void *read_main(void *arg)
{
	outside_read(DEVICE "/slow");
	return NULL;
}

static void *delete_main(void *arg)
{
	device_del(speaker);
	return NULL;
}

/* device_del() may wait for somebody before it unbinds. */
static void a_device_that_goes_is_taken_away_before(void **state)
{
	pthread_t reader, deleting;
	int ret, removed;

	pthread_create(&reader, NULL, read_main, NULL);
	gate_wait(&reading);
	pthread_create(&deleting, NULL, delete_main, NULL);
	while (device_is_added(speaker))
		sched_yield();
	ret = device_reprobe(speaker, NULL, NULL);
	removed = atomic_load(&removes);
	gate_open(&read_on);
	pthread_join(reader, NULL);
	pthread_join(deleting, NULL);
	assert_int_equal(ret, -ENODEV);
	assert_int_equal(removed, 1);
	assert_int_equal(atomic_load(&removes), 1);
	put_device(speaker);
	speaker = fixture_added(&platform, NULL, "pcspkr");
}

/* Opened when the old driver lets go, and when it may. */
static struct gate leaving = GATE_INIT, let_go = GATE_INIT;

static void slow_remove(struct device *dev)
{
	gate_open(&leaving);
	gate_wait(&let_go);
}

static void *reprobe_main(void *arg)
{
	device_reprobe(speaker, NULL, NULL);
	return NULL;
}

static void *bind_main(void *arg)
{
	return (void *)outside_write("pcspkr", DRIVERS "/first/bind");
}

/* Who wants it meanwhile finds it bound by the new rules, not free. */
static void there_is_no_gap(void **state)
{
	pthread_t reprobing, binding;
	void *result;

	first.remove = slow_remove;
	owner = &second;
	pthread_create(&reprobing, NULL, reprobe_main, NULL);
	gate_wait(&leaving);
	pthread_create(&binding, NULL, bind_main, NULL);
	gate_open(&let_go);
	pthread_join(reprobing, NULL);
	pthread_join(binding, &result);
	assert_int_equal((ssize_t)result, -EBUSY);
	assert_driver("second");
}

/* ---- an override that the bus keeps ---- */

static void an_override_restricts(void **state)
{
	assert_string_equal(outside_read(DEVICE "/driver_override"), "nobody\n");
	assert_false(device_has_driver_override(speaker));
	assert_int_equal(device_match_driver_override(speaker, &first), -1);
	device_release_driver(speaker);

	assert_int_equal(override_with("second\njunk"), 0);
	assert_string_equal(outside_read(DEVICE "/driver_override"), "second\n");
	assert_true(device_has_driver_override(speaker));
	assert_int_equal(device_match_driver_override(speaker, &first), 0);
	assert_int_equal(device_match_driver_override(speaker, &second), 1);
	assert_int_equal(outside_write("pcspkr", DRIVERS "/first/bind"), -ENODEV);
	owner = &second;
	assert_int_equal(device_reprobe(speaker, NULL, NULL), 1);
	assert_driver("second");
	assert_int_equal(override_with("\n"), 0);
	assert_string_equal(outside_read(DEVICE "/driver_override"), "nobody\n");
}

/* The difference to has_driver_override: match() has the last word. */
static void who_is_named_has_to_match(void **state)
{
	device_release_driver(speaker);
	assert_int_equal(override_with("reg-dummy"), 0);
	assert_int_equal(device_attach(speaker), 0);
	assert_int_equal(outside_write("pcspkr", DRIVERS "/reg-dummy/bind"), -ENODEV);
	assert_int_equal(outside_write("reg-dummy", DEVICE "/rebind"), -ENODEV);
	assert_driver(NULL);
}

static void who_is_named_and_matches_gets_it_though_explicit(void **state)
{
	device_release_driver(speaker);
	assert_int_equal(outside_write("1", DRIVERS "/first/explicit_bind_only"), 0);
	assert_int_equal(device_attach(speaker), 0);
	assert_int_equal(override_with("first"), 0);
	assert_int_equal(device_attach(speaker), 1);
	assert_driver("first");
}

static void what_is_too_long_to_be_shown_is_refused(void **state)
{
	char name[SYSFS_PAGE_SIZE];

	memset(name, 'x', sizeof(name));
	name[SYSFS_PAGE_SIZE - 1] = '\0';
	assert_int_equal(override_with("first"), 0);
	assert_int_equal(override_with(name), -EINVAL);
	assert_string_equal(outside_read(DEVICE "/driver_override"), "first\n");
	name[SYSFS_PAGE_SIZE - 2] = '\0';
	assert_int_equal(override_with(name), 0);
	assert_int_equal(strlen(outside_read(DEVICE "/driver_override")), SYSFS_PAGE_SIZE - 1);
}

#define REPROBES(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		REPROBES(a_device_goes_where_the_new_rules_say),
		REPROBES(what_may_stay_is_left_alone),
		REPROBES(it_asks_whatever_autoprobe_says_and_never_binds_what_is_explicit),
		REPROBES(a_device_that_goes_is_not_bound_again),
		REPROBES(a_device_that_goes_is_taken_away_before),
		REPROBES(there_is_no_gap),
		REPROBES(an_override_restricts),
		REPROBES(who_is_named_has_to_match),
		REPROBES(who_is_named_and_matches_gets_it_though_explicit),
		REPROBES(what_is_too_long_to_be_shown_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
