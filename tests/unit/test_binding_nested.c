/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bindings inside of others, and against others. */
#include "cmocka_umdev.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "model_fixture.h"
#include "support/outside.h"
#include "platform_bus.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SPEAKER(a_probe_can_add_children_and_drivers),
		WITH_SPEAKER(a_driver_that_comes_in_a_probe_gets_the_device_afterwards),
		WITH_SPEAKER(a_driver_that_came_in_vain_does_not_take_the_device_later),
		WITH_SPEAKER(del_waits_for_a_running_probe),
		WITH_SPEAKER(unregister_waits_for_a_running_probe),
		WITH_SPEAKER(a_probe_does_not_wait_for_a_busy_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
