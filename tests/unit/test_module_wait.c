/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Unloading a module that somebody holds, by waiting for them. UMDEV_TEST_MODULES is the directory
 * with the modules of tests/modules/.
 */
#include "cmocka_umdev.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <umdev/log.h>
#include <umdev/module.h>
#include <umdev/umdev.h>
#include <unistd.h>

#include "model/module_internal.h"
#include "support/outside.h"

#define HOLDERS 8
#define ROUNDS	50

static atomic_uint asked;
static atomic_bool exited;
static struct module *plain; /* while it is loaded */
static pthread_t unloader;

UMDEV_API int module_hook(const char *module, const char *what);

int module_hook(const char *module, const char *what)
{
	if (!strcmp(what, "exit"))
		atomic_store(&exited, true);
	return 0;
}

static void ask(struct module *mod, unsigned int count)
{
	assert_ptr_equal(mod, plain);
	assert_int_equal(count, atomic_fetch_add(&asked, 1));
}

static void load(void)
{
	struct module *(*entry)(void);
	char path[512];
	void *handle;

	assert_int_equal(module_load("plain", NULL), 0);
	snprintf(path, sizeof(path), "%s/plain.so", getenv("UMDEV_TEST_MODULES"));
	handle = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
	assert_non_null(handle);
	entry = (struct module * (*)(void)) dlsym(handle, "umdev_module_entry");
	assert_non_null(entry);
	plain = entry();
	dlclose(handle);
	atomic_store(&asked, 0);
	atomic_store(&exited, false);
}

static void *unload_run(void *arg)
{
	return (void *)(intptr_t)module_unload_wait("plain", ask);
}

/* Begin to unload it in another thread. */
static void unload_begin(void)
{
	assert_int_equal(pthread_create(&unloader, NULL, unload_run, NULL), 0);
}

static int unload_end(void)
{
	void *ret;

	assert_int_equal(pthread_join(unloader, &ret), 0);
	return (int)(intptr_t)ret;
}

static void wait_until_asked(unsigned int n)
{
	while (atomic_load(&asked) < n)
		usleep(1000);
}

static void a_module_that_nobody_holds_goes_at_once(void **state)
{
	load();
	assert_int_equal(module_unload_wait("plain", ask), 0);
	assert_int_equal(atomic_load(&asked), 0);
	assert_true(atomic_load(&exited));
	assert_int_equal(module_unload_wait("plain", ask), -ENOENT);
}

static void who_holds_it_is_asked_and_waited_for(void **state)
{
	load();
	assert_true(try_module_get(plain));
	assert_true(try_module_get(plain));
	unload_begin();
	wait_until_asked(1);
	/* It is whole, but going: nobody else may have it, and nobody takes it down twice. */
	assert_string_equal(outside_read("/module/plain/initstate"), "going\n");
	assert_string_equal(outside_read("/module/plain/refcnt"), "2\n");
	assert_false(try_module_get(plain));
	assert_int_equal(module_unload("plain"), -EBUSY);
	assert_non_null(strstr(module_error(), "being unloaded"));
	assert_int_equal(module_unload_wait("plain", ask), -EBUSY);
	module_put(plain);
	assert_string_equal(outside_read("/module/plain/refcnt"), "1\n");
	assert_false(atomic_load(&exited));
	module_put(plain);
	assert_int_equal(unload_end(), 0);
	assert_true(atomic_load(&exited));
	assert_false(outside_exists("/module/plain"));
}

static void who_does_not_let_go_is_asked_again(void **state)
{
	module_request_interval_ms = 1;
	load();
	assert_true(try_module_get(plain));
	unload_begin();
	wait_until_asked(5);
	module_put(plain);
	assert_int_equal(unload_end(), 0);
	module_request_interval_ms = 10000;
}

static void what_another_module_needs_is_not_waited_for(void **state)
{
	assert_int_equal(module_load("middle", NULL), 0);
	assert_int_equal(module_unload_wait("bottom", ask), -EBUSY);
	assert_non_null(strstr(module_error(), "used by: middle"));
	assert_int_equal(module_unload_wait("middle", ask), 0);
	assert_int_equal(module_unload_wait("bottom", ask), 0);
}

static void a_load_waits_for_an_unload_that_waits(void **state)
{
	load();
	assert_true(try_module_get(plain));
	unload_begin();
	wait_until_asked(1);
	module_put(plain);
	assert_int_equal(module_load("plain", NULL), 0);
	assert_int_equal(unload_end(), 0);
	assert_string_equal(outside_read("/module/plain/initstate"), "live\n");
	assert_int_equal(module_unload("plain"), 0);
}

/* Takes a reference as long as there are any to be had, and gives each back. */
static void *hold_run(void *arg)
{
	while (try_module_get(plain))
		module_put(plain);
	return NULL;
}

static void holders_that_race_with_the_unload_are_safe(void **state)
{
	pthread_t holders[HOLDERS];

	for (int round = 0; round < ROUNDS; round++) {
		load();
		/* The module's memory is there as long as those who look at it. */
		assert_true(try_module_get(plain));
		for (int i = 0; i < HOLDERS; i++)
			assert_int_equal(pthread_create(&holders[i], NULL, hold_run, NULL), 0);
		unload_begin();
		for (int i = 0; i < HOLDERS; i++)
			pthread_join(holders[i], NULL);
		assert_false(atomic_load(&exited));
		module_put(plain);
		assert_int_equal(unload_end(), 0);
	}
}

static int setup(void **state)
{
	log_set_sink(discard_line);
	assert_int_equal(umdev_start(), 0);
	return module_set_path(getenv("UMDEV_TEST_MODULES"));
}

static int teardown(void **state)
{
	umdev_stop();
	return 0;
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_module_that_nobody_holds_goes_at_once),
		TEST(who_holds_it_is_asked_and_waited_for),
		TEST(who_does_not_let_go_is_asked_again),
		TEST(what_another_module_needs_is_not_waited_for),
		TEST(a_load_waits_for_an_unload_that_waits),
		TEST(holders_that_race_with_the_unload_are_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
