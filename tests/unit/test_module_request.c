/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an init() says of its failure, modules that are requested and not waited for, and modules
 * that hold each other at the end. UMDEV_TEST_MODULES is the directory with the modules of
 * tests/modules/.
 */
#include "cmocka_umdev.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <umdev/log.h>
#include <umdev/module.h>
#include <umdev/umdev.h>

#include "support/outside.h"

UMDEV_API int module_hook(const char *module, const char *what);

static int (*hook_fn)(const char *module, const char *what);

int module_hook(const char *module, const char *what)
{
	return hook_fn ? hook_fn(module, what) : 0;
}

static int setup(void **state)
{
	log_capture_begin();
	assert_int_equal(module_set_path(getenv("UMDEV_TEST_MODULES")), 0);
	return umdev_start();
}

static int teardown(void **state)
{
	hook_fn = NULL;
	umdev_stop();
	log_capture_end();
	assert_string_equal(outside_list("/"), "");
	return 0;
}

/* ---- what an init() says ---- */

static int fail_in_two_ways(const char *module, const char *what)
{
	/* What another one says on the way is not what this one fails by. */
	if (!strcmp(module, "bottom")) {
		module_init_error("the ground has given way");
		return 0;
	}
	assert_int_equal(request_module("bottom"), 0);
	if (!strcmp(module, "plain"))
		module_init_error("it is %d years too old", 7);
	return -ENODEV;
}

static void an_init_says_why_it_fails(void **state)
{
	hook_fn = fail_in_two_ways;
	assert_int_equal(module_load("plain", NULL), -ENODEV);
	assert_string_equal(module_error(), "module \"plain\": init failed: it is 7 years too old");
	assert_non_null(strstr(log_taken(), "it is 7 years too old\n"));
	assert_int_equal(module_load("claims_a", NULL), -ENODEV);
	assert_string_equal(module_error(), "module \"claims_a\": init failed: No such device");
	hook_fn = NULL;
}

static int bottom_exists(const char *module, const char *what)
{
	return strcmp(module, "bottom") ? 0 : -EEXIST;
}

/* It would be waited for by whoever needs it, for ever. */
static void an_init_can_not_say_that_it_is_there_already(void **state)
{
	hook_fn = bottom_exists;
	assert_int_equal(request_module("bottom"), -EBUSY);
	assert_string_equal(module_error(), "module \"bottom\": init failed: File exists");
	assert_int_equal(module_load("middle", NULL), -EBUSY);
	assert_string_equal(module_error(),
			    "module \"middle\" needs \"bottom\": module \"bottom\": "
			    "init failed: File exists");
	hook_fn = NULL;
}

/* ---- not waited for ---- */

static int request_what_needs_it(const char *module, const char *what)
{
	if (strcmp(module, "bottom") || strcmp(what, "init"))
		return 0;
	/* It can't be waited for. */
	assert_int_equal(request_module("middle"), -ELOOP);
	assert_int_equal(request_module_nowait("nosuch"), 0);
	assert_int_equal(request_module_nowait("middle"), 0);
	return 0;
}

static void an_init_may_request_what_depends_on_it(void **state)
{
	hook_fn = request_what_needs_it;
	assert_int_equal(module_load("bottom", NULL), 0);
	while (strcmp(outside_read("/module/middle/initstate"), "live\n") != 0)
		sched_yield();
}

static void a_request_is_over_or_dropped_at_the_end(void **state)
{
	int i;

	for (i = 0; i < 20; i++)
		assert_int_equal(request_module_nowait(i % 2 ? "middle" : "plain"), 0);
}

/* ---- by whom exit() waits for ---- */

static struct module *module_of(const char *name);
static atomic_bool requested;

static int wait_for_the_request(const char *module, const char *what)
{
	while (!strcmp(module, "bottom") && !strcmp(what, "exit") && !atomic_load(&requested))
		sched_yield();
	return 0;
}

static void *unload_bottom(void *arg)
{
	*(int *)arg = module_unload("bottom");
	return NULL;
}

static void a_module_that_waits_for_the_request_is_not_waited_for(void **state)
{
	const struct module *bottom;
	pthread_t thread;
	int err;

	hook_fn = wait_for_the_request;
	atomic_store(&requested, false);
	assert_int_equal(module_load("bottom", NULL), 0);
	bottom = module_of("bottom");
	assert_int_equal(pthread_create(&thread, NULL, unload_bottom, &err), 0);
	while (strcmp(outside_read("/module/bottom/initstate"), "going\n") != 0)
		sched_yield();
	assert_int_equal(request_module_by(bottom, "middle"), -EBUSY);
	assert_string_equal(module_error(),
			    "module \"middle\" needs \"bottom\": module \"bottom\" is being "
			    "unloaded");
	assert_int_equal(request_module_by(bottom, "bottom"), -EBUSY);
	/* What has nothing to do with it. */
	assert_int_equal(request_module_by(bottom, "plain"), 0);
	atomic_store(&requested, true);
	pthread_join(thread, NULL);
	assert_int_equal(err, 0);
	assert_int_equal(request_module_by(bottom, "middle"), 0);
}

/* ---- the end ---- */

static struct module *later;

static struct module *module_of(const char *name)
{
	struct module *(*entry)(void);
	char path[512];
	void *handle;

	snprintf(path, sizeof(path), "%s/%s.so", getenv("UMDEV_TEST_MODULES"), name);
	handle = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
	assert_non_null(handle);
	entry = (struct module * (*)(void)) dlsym(handle, "umdev_module_entry");
	dlclose(handle);
	return entry();
}

static int let_go_of_the_later_one(const char *module, const char *what)
{
	if (!strcmp(module, "plain") && !strcmp(what, "exit"))
		module_put(later);
	return 0;
}

static void an_earlier_module_may_hold_a_later_one(void **state)
{
	hook_fn = let_go_of_the_later_one;
	assert_int_equal(module_load("plain", NULL), 0);
	assert_int_equal(module_load("bottom", NULL), 0);
	later = module_of("bottom");
	assert_true(try_module_get(later));
	log_taken();
	umdev_stop();
	assert_string_equal(log_taken(), "");
	assert_string_equal(outside_list("/"), "");
	assert_int_equal(umdev_start(), 0);
}

static void what_sticks_is_named(void **state)
{
	assert_int_equal(module_load("plain", NULL), 0);
	later = module_of("plain");
	assert_true(try_module_get(later));
	log_taken();
	umdev_stop();
	assert_string_equal(log_taken(), "module \"plain\" is in use (1 reference)\n");
	module_put(later);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_init_says_why_it_fails),
		TEST(an_init_can_not_say_that_it_is_there_already),
		TEST(an_init_may_request_what_depends_on_it),
		TEST(a_request_is_over_or_dropped_at_the_end),
		TEST(a_module_that_waits_for_the_request_is_not_waited_for),
		TEST(an_earlier_module_may_hold_a_later_one),
		TEST(what_sticks_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
