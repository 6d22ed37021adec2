/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From one driver to another in one step: the attribute rebind. */
#include "cmocka_umdev.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "model/alloc.h"
#include "model/base.h"
#include "model/caller.h"
#include "model_fixture.h"
#include "support/gate.h"
#include "support/outside.h"
#include "support/tree.h"
#include "platform_bus.h"

/* What the probes of the two drivers say, one after the other; 0 when nothing is left. */
static int usual_says[4], other_says[4];
static atomic_int usual_probes, other_probes, removes;

static int said(const int *says, int nr)
{
	return nr < 4 ? says[nr] : 0;
}

static int usual_probe(struct device *dev)
{
	return said(usual_says, atomic_fetch_add(&usual_probes, 1));
}

static int other_probe(struct device *dev)
{
	return said(other_says, atomic_fetch_add(&other_probes, 1));
}

static void count_remove(struct device *dev)
{
	atomic_fetch_add(&removes, 1);
}

/* "pcspkr" matches the speaker, "other" is for what it is told. */
static struct device_driver usual, other;

static int setup(void **state)
{
	usual = (struct device_driver) {
		.name = "pcspkr", .bus = &platform, .probe = usual_probe, .remove = count_remove
	};
	other = (struct device_driver) { .name = "other",
					 .bus = &platform,
					 .match_any = true,
					 .explicit_bind_only = true,
					 .probe = other_probe,
					 .remove = count_remove };
	memset(usual_says, 0, sizeof(usual_says));
	memset(other_says, 0, sizeof(other_says));
	atomic_store(&usual_probes, 0);
	atomic_store(&other_probes, 0);
	atomic_store(&removes, 0);
	platform_setup(state);
	assert_int_equal(driver_register(&usual), 0);
	assert_int_equal(driver_register(&other), 0);
	assert_driver("pcspkr");
	return 0;
}

static int teardown(void **state)
{
	driver_unregister(&other);
	driver_unregister(&usual);
	platform.accept = NULL;
	return platform_teardown(state);
}

static ssize_t rebind_to(const char *name)
{
	return outside_write(name, DEVICE "/rebind");
}

static void a_device_moves_in_one_step(void **state)
{
	events_begin();
	assert_int_equal(rebind_to("other\n"), 0);
	assert_driver("other");
	assert_true(outside_exists(DRIVERS "/other/pcspkr"));
	assert_false(outside_exists(DRIVERS "/pcspkr/pcspkr"));
	assert_int_equal(atomic_load(&removes), 1);
	assert_int_equal(rebind_to("pcspkr"), 0);
	assert_driver("pcspkr");
	assert_string_equal(events_text(), "unbind /devices/pcspkr SUBSYSTEM=platform\n"
					   "bind /devices/pcspkr SUBSYSTEM=platform DRIVER=other "
					   "MODALIAS=platform:pcspkr\n"
					   "unbind /devices/pcspkr SUBSYSTEM=platform\n"
					   "bind /devices/pcspkr SUBSYSTEM=platform DRIVER=pcspkr "
					   "MODALIAS=platform:pcspkr\n");
	assert_string_equal(outside_read(DEVICE "/rebind"), "error -13");
}

static void an_unbound_device_is_bound(void **state)
{
	device_release_driver(speaker);
	assert_int_equal(rebind_to("other"), 0);
	assert_driver("other");
	device_release_driver(speaker);
	other_says[1] = -EIO;
	assert_int_equal(rebind_to("other"), -EIO);
	assert_driver(NULL);
}

static void nothing_happens_where_it_is_already(void **state)
{
	events_begin();
	assert_int_equal(outside_write("nosuch", DEVICE "/driver_override"), 0);
	assert_int_equal(rebind_to("pcspkr\n"), 0);
	assert_int_equal(events_count(), 0);
	assert_int_equal(atomic_load(&usual_probes), 1);
	assert_int_equal(atomic_load(&removes), 0);
}

static int refuse(struct device *dev, struct device_driver *drv)
{
	return drv == &other ? -EINVAL : 0;
}

/* All that can be known before is asked before: the old driver does not notice. */
static void what_may_not_be_is_refused_first(void **state)
{
	char name[300];

	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	events_begin();
	assert_int_equal(rebind_to("nosuch"), -ENODEV);
	assert_int_equal(rebind_to("\n"), -ENODEV);
	assert_int_equal(rebind_to("other\n\n"), -ENODEV);
	assert_int_equal(rebind_to(name), -ENODEV);
	assert_int_equal(rebind_to("reg-dummy"), -ENODEV);
	assert_int_equal(outside_write("nosuch", DEVICE "/driver_override"), 0);
	assert_int_equal(rebind_to("other"), -ENODEV);
	assert_int_equal(outside_write("other", DEVICE "/driver_override"), 0);
	platform.accept = refuse;
	assert_int_equal(rebind_to("other"), -EINVAL);
	assert_int_equal(outside_write("\n", DEVICE "/driver_override"), 0);
	assert_int_equal(rebind_to("other"), -EINVAL);
	platform.accept = NULL;
	other.suppress_bind_attrs = true;
	assert_int_equal(rebind_to("other"), -EOPNOTSUPP);
	other.suppress_bind_attrs = false;
	usual.suppress_bind_attrs = true;
	assert_int_equal(rebind_to("other"), -EOPNOTSUPP);
	usual.suppress_bind_attrs = false;
	assert_int_equal(events_count(), 0);
	assert_int_equal(atomic_load(&removes), 0);
	assert_driver("pcspkr");
}

static void who_is_not_taken_goes_back(void **state)
{
	const int answers[] = { -EIO, -ENODEV, -EPROBE_DEFER, 1 };
	const int errors[] = { -EIO, -ENODEV, -EAGAIN, -EINVAL };

	memcpy(other_says, answers, sizeof(answers));
	/* Also where the device, or the driver that it came from, would not be found by itself. */
	assert_int_equal(outside_write("1", DEVICE "/explicit_bind_only"), 0);
	assert_int_equal(outside_write("1", DRIVERS "/pcspkr/explicit_bind_only"), 0);
	assert_int_equal(outside_write("other", DEVICE "/driver_override"), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(rebind_to("other"), errors[i]);
		assert_driver("pcspkr");
		assert_true(device_is_bound(speaker));
		assert_non_null(strstr(log_taken(), "rebind to other failed: it is back"));
	}
	assert_int_equal(atomic_load(&usual_probes), 5);
	wait_for_device_probe();
	deferred_trigger();
	wait_for_device_probe();
	assert_int_equal(atomic_load(&other_probes), 4);
	assert_int_equal(rebind_to("other"), 0);
	assert_driver("other");
}

static void with_two_failures_it_is_unbound(void **state)
{
	other_says[0] = -EIO;
	usual_says[1] = -ENXIO;
	assert_int_equal(rebind_to("other"), -EIO);
	assert_driver(NULL);
	assert_false(device_is_bound(speaker));
	assert_false(outside_exists(DRIVERS "/pcspkr/pcspkr"));
	assert_non_null(strstr(log_taken(), "so did going back to pcspkr: -6; it is unbound"));
	assert_int_equal(outside_write("pcspkr", "/bus/platform/drivers_probe"), 0);
	assert_driver("pcspkr");
}

static void a_failure_of_umdevs_leaves_it_where_it_was(void **state)
{
	char *before = tree_snapshot("/"), *after;
	unsigned int step;
	ssize_t err;

	for (step = 1; step < 100; step++) {
		fault_countdown = step;
		err = rebind_to("other");
		if (fault_countdown) {
			fault_countdown = 0;
			break;
		}
		/* An "unbind" event that is lost is no failure. */
		if (!err) {
			assert_driver("other");
			assert_int_equal(rebind_to("pcspkr"), 0);
		}
		after = tree_snapshot("/");
		assert_string_equal(after, before);
		free(after);
	}
	assert_in_range(step, 4, 99);
	free(before);
}

static void a_driver_on_its_way_out_is_no_goal(void **state)
{
	driver_unregister(&other);
	assert_int_equal(rebind_to("other"), -ENODEV);
	assert_driver("pcspkr");
	assert_int_equal(driver_register(&other), 0);
}

/* ---- an old driver that waits for a user ---- */

/* Opened when the old driver waits, when a writer may leave, and when the user lets go. */
static struct gate waiting = GATE_INIT, may_leave = GATE_INIT, user = GATE_INIT;

static void wait_for_user(struct device *dev)
{
	gate_open(&waiting);
	caller_may_leave();
	gate_wait(&user);
	caller_stays();
}

struct rebinder {
	pthread_t thread;
	const char *name;
	struct caller *caller;
	ssize_t result;
};

static void *rebind_main(void *arg)
{
	struct rebinder *r = arg;

	caller_set(r->caller);
	r->result = rebind_to(r->name);
	caller_set(NULL);
	return NULL;
}

static void *unregister_main(void *arg)
{
	driver_unregister(arg);
	return NULL;
}

static void begin_waiting(struct rebinder *r)
{
	usual.remove = wait_for_user;
	waiting.is_open = may_leave.is_open = user.is_open = false;
	pthread_create(&r->thread, NULL, rebind_main, r);
	gate_wait(&waiting);
}

/* Threads that want the device while its user has not let go. */
static void *probe_main(void *arg)
{
	outside_write("pcspkr", "/bus/platform/drivers_probe");
	return NULL;
}

static void *bind_main(void *arg)
{
	return (void *)(intptr_t)outside_write("pcspkr", DRIVERS "/pcspkr/bind");
}

static void who_comes_meanwhile_finds_it_bound(void **state)
{
	struct rebinder r = { .name = "other" };
	pthread_t prober, binder;
	void *result;

	begin_waiting(&r);
	pthread_create(&prober, NULL, probe_main, NULL);
	pthread_create(&binder, NULL, bind_main, NULL);
	gate_open(&user);
	pthread_join(r.thread, NULL);
	pthread_join(prober, NULL);
	pthread_join(binder, &result);
	assert_int_equal(r.result, 0);
	assert_int_equal((intptr_t)result, -EBUSY);
	assert_driver("other");
	assert_int_equal(atomic_load(&usual_probes), 1);
}

static void leave(struct caller *caller)
{
	gate_open(&may_leave);
}

static bool has_left(struct caller *caller)
{
	return false;
}

static struct caller leaver = { .may_leave = leave, .stays = has_left };

/* What was begun goes on without the one who asked for it. */
static void a_signal_lets_the_writer_go_and_the_device_moves_on(void **state)
{
	struct rebinder r = { .name = "other", .caller = &leaver };

	begin_waiting(&r);
	gate_wait(&may_leave);
	gate_open(&user);
	pthread_join(r.thread, NULL);
	assert_driver("other");
}

/* Who has only waited for another one, and has left, gets nothing done. */
static void a_writer_who_left_before_it_began_moves_nothing(void **state)
{
	struct rebinder first = { .name = "other" };
	struct rebinder late = { .name = "pcspkr", .caller = &leaver };

	begin_waiting(&first);
	pthread_create(&late.thread, NULL, rebind_main, &late);
	gate_wait(&may_leave);
	gate_open(&user);
	pthread_join(first.thread, NULL);
	pthread_join(late.thread, NULL);
	assert_int_equal(first.result, 0);
	assert_int_equal(late.result, -EINTR);
	assert_driver("other");
}

static void the_new_driver_goes_without_waiting_for_the_old_ones_user(void **state)
{
	struct rebinder r = { .name = "other" };

	begin_waiting(&r);
	driver_unregister(&other);
	gate_open(&user);
	pthread_join(r.thread, NULL);
	assert_int_equal(r.result, -ENODEV);
	assert_driver("pcspkr");
	assert_int_equal(driver_register(&other), 0);
}

static void the_old_driver_goes_when_the_device_has_moved(void **state)
{
	struct rebinder r = { .name = "other" };
	pthread_t unregistering;

	begin_waiting(&r);
	pthread_create(&unregistering, NULL, unregister_main, &usual);
	while (outside_exists(DRIVERS "/pcspkr/bind"))
		sched_yield();
	gate_open(&user);
	pthread_join(r.thread, NULL);
	pthread_join(unregistering, NULL);
	assert_int_equal(r.result, 0);
	assert_driver("other");
	assert_false(outside_exists(DRIVERS "/pcspkr"));
	usual.remove = NULL;
	assert_int_equal(driver_register(&usual), 0);
}

/* A rebind that begins when the old driver is half out has nowhere to go back to. */
static void there_is_no_way_back_to_a_driver_that_goes(void **state)
{
	struct rebinder r = { .name = "other" };
	pthread_t unregistering;

	other_says[0] = -EIO;
	device_lock(speaker);
	pthread_create(&unregistering, NULL, unregister_main, &usual);
	while (outside_exists(DRIVERS "/pcspkr/bind"))
		sched_yield();
	pthread_create(&r.thread, NULL, rebind_main, &r);
	device_unlock(speaker);
	pthread_join(r.thread, NULL);
	pthread_join(unregistering, NULL);
	assert_int_equal(r.result, -EIO);
	assert_driver(NULL);
	assert_int_equal(atomic_load(&removes), 1);
	assert_int_equal(driver_register(&usual), 0);
}

static void *delete_main(void *arg)
{
	device_del(speaker);
	return NULL;
}

static void a_device_is_deleted_when_it_has_moved(void **state)
{
	struct rebinder r = { .name = "other" };
	pthread_t deleting;

	begin_waiting(&r);
	pthread_create(&deleting, NULL, delete_main, NULL);
	gate_open(&user);
	pthread_join(r.thread, NULL);
	pthread_join(deleting, NULL);
	assert_int_equal(r.result, 0);
	assert_int_equal(atomic_load(&other_probes), 1);
	assert_int_equal(atomic_load(&removes), 1);
	assert_false(outside_exists(DEVICE));
	assert_null(speaker->driver);
	put_device(speaker);
	speaker = fixture_added(&platform, NULL, "pcspkr");
}

#define MOVES(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		MOVES(a_device_moves_in_one_step),
		MOVES(an_unbound_device_is_bound),
		MOVES(nothing_happens_where_it_is_already),
		MOVES(what_may_not_be_is_refused_first),
		MOVES(who_is_not_taken_goes_back),
		MOVES(with_two_failures_it_is_unbound),
		MOVES(a_failure_of_umdevs_leaves_it_where_it_was),
		MOVES(a_driver_on_its_way_out_is_no_goal),
		MOVES(who_comes_meanwhile_finds_it_bound),
		MOVES(a_signal_lets_the_writer_go_and_the_device_moves_on),
		MOVES(a_writer_who_left_before_it_began_moves_nothing),
		MOVES(the_new_driver_goes_without_waiting_for_the_old_ones_user),
		MOVES(the_old_driver_goes_when_the_device_has_moved),
		MOVES(there_is_no_way_back_to_a_driver_that_goes),
		MOVES(a_device_is_deleted_when_it_has_moved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
