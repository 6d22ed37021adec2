/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Devices that other programs serve, from within: steps that fail, and all at once.
 */
#include "cmocka_umdev.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include <umdev/umdev.h>
#include <umdev/vfio_user.h>

#include "model/alloc.h"
#include "support/outside.h"

#define MAX_STEPS 200
#define RACERS	  4
#define ROUNDS	  200
#define DEVICE	  "/bus/vfio-user/devices/d0"
#define NOWHERE	  "/nowhere/at/all"

static char directory[] = "/tmp/test_vfio_remote.XXXXXX";

static const struct vfio_user_config config = {
	.dir = directory, .mode = 0600, .owner = (uid_t)-1, .group = (gid_t)-1
};

static void without_a_server_nothing_is_attached(void **state)
{
	assert_string_equal(outside_list("/bus/vfio-user/drivers"), "vfio-user ");
	assert_int_equal(vfio_user_attach("d0", NOWHERE), -ENODEV);
	assert_int_equal(vfio_user_detach("d0"), -ENODEV);
}

static void without_a_bus_nothing_is_attached(void **state)
{
	umdev_stop();
	assert_false(outside_exists("/devices/vfio-user"));
	assert_int_equal(vfio_user_start(&config), 0);
	assert_int_equal(vfio_user_attach("d0", NOWHERE), -ENODEV);
	vfio_user_stop();
	assert_int_equal(umdev_start(), 0);
}

static void an_attach_that_fails_at_any_step_leaves_nothing(void **state)
{
	unsigned int step;
	int ret = -1;

	assert_int_equal(vfio_user_start(&config), 0);
	for (step = 1; ret < 0 && step < MAX_STEPS; step++) {
		events_begin();
		fault_countdown = step;
		ret = vfio_user_attach("d0", NOWHERE);
		/* Else the one that failed is still ahead. */
		if (fault_countdown)
			assert_int_equal(ret, 1);
		fault_countdown = 0;
		if (ret < 0) {
			assert_string_equal(events_text(), "");
			assert_false(outside_exists(DEVICE));
			assert_string_equal(outside_list("/class/vfio-dev"), "");
			assert_string_equal(outside_list("/kernel/iommu_groups"), "");
		}
		events_end();
	}
	assert_int_equal(ret, 1);
	assert_true(step > 5);
	assert_int_equal(vfio_user_detach("d0"), 0);
	vfio_user_stop();
}

static void stopping_detaches_all(void **state)
{
	char name[16];

	assert_int_equal(vfio_user_start(&config), 0);
	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		assert_int_equal(vfio_user_attach(name, NOWHERE), 1);
	}
	vfio_user_stop();
	assert_string_equal(outside_list("/class/vfio-dev"), "");
	assert_int_equal(vfio_user_detach("d0"), -ENODEV);
}

static atomic_bool stopped;

/* Attach and detach the same two names as the others, for as long as there is a server. */
static void *race_run(void *arg)
{
	int ret;

	while (!atomic_load(&stopped)) {
		ret = vfio_user_attach("d0", NOWHERE);
		assert_true(ret == 1 || ret == -EEXIST || ret == -ENODEV);
		ret = vfio_user_detach("d1");
		assert_true(!ret || ret == -ENODEV || ret == -EALREADY);
		ret = vfio_user_attach("d1", NOWHERE);
		assert_true(ret == 1 || ret == -EEXIST || ret == -ENODEV);
		ret = vfio_user_detach("d0");
		assert_true(!ret || ret == -ENODEV || ret == -EALREADY);
		outside_write("d0", "/bus/vfio-user/drivers/vfio-user/unbind");
		outside_write("d0", "/bus/vfio-user/drivers/vfio-user/bind");
	}
	return NULL;
}

static void attaching_detaching_binding_and_stopping_may_race(void **state)
{
	pthread_t racers[RACERS];

	atomic_store(&stopped, false);
	for (int i = 0; i < RACERS; i++)
		assert_int_equal(pthread_create(&racers[i], NULL, race_run, NULL), 0);
	for (int round = 0; round < ROUNDS; round++) {
		assert_int_equal(vfio_user_start(&config), 0);
		usleep(1000);
		vfio_user_stop();
	}
	atomic_store(&stopped, true);
	for (int i = 0; i < RACERS; i++)
		pthread_join(racers[i], NULL);
	assert_string_equal(outside_list("/class/vfio-dev"), "");
}

static int up(void **state)
{
	log_set_level(LOG_LEVEL_ERR - 1);
	return !mkdtemp(directory) || umdev_start() ? -1 : 0;
}

static int down(void **state)
{
	umdev_stop();
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_server_nothing_is_attached),
		cmocka_unit_test(without_a_bus_nothing_is_attached),
		cmocka_unit_test(an_attach_that_fails_at_any_step_leaves_nothing),
		cmocka_unit_test(stopping_detaches_all),
		cmocka_unit_test(attaching_detaching_binding_and_stopping_may_race),
	};

	return cmocka_run_group_tests(tests, up, down);
}
