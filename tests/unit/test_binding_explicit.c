/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rule 9: explicit binding is a right. */
#include "cmocka_umdev.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "support/gate.h"
#include "support/outside.h"
#include "platform_bus.h"

static void an_explicit_driver_gets_nothing_by_itself(void **state)
{
	assert_int_equal(driver_register(&pcspkr), 0);
	assert_string_equal(outside_read(DRIVERS "/pcspkr/explicit_bind_only"), "0\n");
	driver_unregister(&pcspkr);

	pcspkr.explicit_bind_only = true;
	assert_int_equal(driver_register(&pcspkr), 0);
	pcspkr.explicit_bind_only = false;
	assert_int_equal(outside_write("1\n", DRIVERS "/pcspkr/explicit_bind_only"), 0);
	assert_string_equal(outside_read(DRIVERS "/pcspkr/explicit_bind_only"), "1\n");
	assert_driver(NULL);
	assert_int_equal(outside_write("pcspkr", "/bus/platform/drivers_probe"), 0);
	assert_driver(NULL);
	assert_int_equal(bus_rescan_devices(&platform), 0);
	assert_driver(NULL);
	assert_int_equal(device_attach(speaker), 0);
	assert_driver(NULL);

	assert_int_equal(outside_write("pcspkr", DRIVERS "/pcspkr/bind"), 0);
	assert_driver("pcspkr");
	assert_int_equal(outside_write("pcspkr", DRIVERS "/pcspkr/unbind"), 0);
	assert_int_equal(outside_write("pcspkr", DEVICE "/driver_override"), 0);
	assert_int_equal(outside_write("pcspkr", "/bus/platform/drivers_probe"), 0);
	assert_driver("pcspkr");
	device_release_driver(speaker);
	assert_int_equal(outside_write("\n", DEVICE "/driver_override"), 0);
	assert_int_equal(device_driver_attach(&pcspkr, speaker), 0);
	assert_driver("pcspkr");

	device_release_driver(speaker);
	assert_int_equal(outside_write("maybe", DRIVERS "/pcspkr/explicit_bind_only"), -EINVAL);
	assert_int_equal(outside_write("0", DRIVERS "/pcspkr/explicit_bind_only"), 0);
	assert_int_equal(outside_write("pcspkr", "/bus/platform/drivers_probe"), 0);
	assert_driver("pcspkr");
	driver_unregister(&pcspkr);
}

static void an_explicit_driver_is_not_found_at_its_registration(void **state)
{
	pcspkr.explicit_bind_only = true;
	assert_int_equal(driver_register(&pcspkr), 0);
	assert_driver(NULL);
	driver_unregister(&pcspkr);
	pcspkr.explicit_bind_only = false;
}

static void an_explicit_device_goes_only_where_it_is_told(void **state)
{
	assert_string_equal(outside_read(DEVICE "/explicit_bind_only"), "0\n");
	assert_int_equal(outside_write("1\n", DEVICE "/explicit_bind_only"), 0);
	assert_string_equal(outside_read(DEVICE "/explicit_bind_only"), "1\n");
	assert_int_equal(driver_register(&pcspkr), 0);
	assert_driver(NULL);
	assert_int_equal(outside_write("pcspkr", "/bus/platform/drivers_probe"), 0);
	assert_driver(NULL);
	assert_int_equal(outside_write("pcspkr", DEVICE "/driver_override"), 0);
	assert_int_equal(outside_write("pcspkr", "/bus/platform/drivers_probe"), 0);
	assert_driver(NULL);

	assert_int_equal(outside_write("pcspkr", DRIVERS "/pcspkr/bind"), 0);
	assert_driver("pcspkr");
	device_release_driver(speaker);
	assert_int_equal(device_driver_attach(&reg_dummy, speaker), 0);
	assert_driver("reg-dummy");
	device_release_driver(speaker);
	assert_int_equal(outside_write("2", DEVICE "/explicit_bind_only"), -EINVAL);
	driver_unregister(&pcspkr);
}

static void match_any_takes_what_it_is_told_to_and_no_more(void **state)
{
	reg_dummy.match_any = true;
	assert_int_equal(outside_write("pcspkr", "/bus/platform/drivers_probe"), 0);
	assert_driver(NULL);
	assert_int_equal(outside_write("pcspkr", DRIVERS "/reg-dummy/bind"), 0);
	assert_driver("reg-dummy");
	device_release_driver(speaker);
	assert_int_equal(outside_write("other", DEVICE "/driver_override"), 0);
	assert_int_equal(outside_write("pcspkr", DRIVERS "/reg-dummy/bind"), -ENODEV);
	reg_dummy.match_any = false;
}

/* Says for both ways of being told what the bus says. */
static int refuse(struct device *dev, struct device_driver *drv)
{
	return -EINVAL;
}

static void a_bus_refuses_what_is_of_the_wrong_kind(void **state)
{
	platform.accept = refuse;
	assert_int_equal(device_driver_attach(&reg_dummy, speaker), 0);
	device_release_driver(speaker);
	reg_dummy.match_any = true;
	assert_int_equal(outside_write("pcspkr", DRIVERS "/reg-dummy/bind"), -EINVAL);
	assert_int_equal(device_driver_attach(&reg_dummy, speaker), -EINVAL);
	assert_int_equal(outside_write("reg-dummy", DEVICE "/driver_override"), 0);
	assert_int_equal(outside_write("pcspkr", "/bus/platform/drivers_probe"), 0);
	assert_driver(NULL);
	reg_dummy.match_any = false;
	assert_int_equal(outside_write("pcspkr", "/bus/platform/drivers_probe"), 0);
	assert_driver("reg-dummy");
	platform.accept = NULL;
}

/* ---- a driver's flag that is set while it probes ---- */

static struct gate probing = GATE_INIT, may_end = GATE_INIT, written = GATE_INIT;

static int slow_probe(struct device *dev)
{
	gate_open(&probing);
	gate_wait(&may_end);
	return 0;
}

static void *probe_main(void *arg)
{
	outside_write("pcspkr", "/bus/platform/drivers_probe");
	return NULL;
}

static void *set_flag_main(void *arg)
{
	assert_int_equal(outside_write("1", DRIVERS "/pcspkr/explicit_bind_only"), 0);
	gate_open(&written);
	return NULL;
}

/* "pcspkr" is in its probe, as drivers_probe has chosen it. Return: the thread. */
static pthread_t begin_probe(void)
{
	pthread_t prober;

	probing.is_open = may_end.is_open = written.is_open = false;
	pcspkr.probe = slow_probe;
	pcspkr.explicit_bind_only = true;
	assert_int_equal(driver_register(&pcspkr), 0);
	assert_int_equal(outside_write("0", DRIVERS "/pcspkr/explicit_bind_only"), 0);
	pthread_create(&prober, NULL, probe_main, NULL);
	gate_wait(&probing);
	return prober;
}

static void end_probe(pthread_t prober)
{
	gate_open(&may_end);
	pthread_join(prober, NULL);
	assert_driver("pcspkr");
	driver_unregister(&pcspkr);
	pcspkr.probe = nothing_probe;
	pcspkr.explicit_bind_only = false;
}

static void who_sets_the_flag_waits_for_what_was_chosen(void **state)
{
	pthread_t prober = begin_probe(), writer;

	pthread_create(&writer, NULL, set_flag_main, NULL);
	assert_true(gate_stays_shut(&written));
	end_probe(prober);
	pthread_join(writer, NULL);
}

/* What happens then is the will of the one who has set it back. */
static void who_finds_the_flag_set_back_waits_no_longer(void **state)
{
	pthread_t prober = begin_probe(), writer;

	pthread_create(&writer, NULL, set_flag_main, NULL);
	while (strcmp(outside_read(DRIVERS "/pcspkr/explicit_bind_only"), "1\n") != 0)
		sched_yield();
	assert_int_equal(outside_write("0", DRIVERS "/pcspkr/explicit_bind_only"), 0);
	gate_wait(&written);
	pthread_join(writer, NULL);
	end_probe(prober);
}

static void who_was_named_is_not_waited_for(void **state)
{
	pthread_t prober;

	assert_int_equal(outside_write("pcspkr", DEVICE "/driver_override"), 0);
	assert_int_equal(outside_write("0", "/bus/platform/drivers_autoprobe"), 0);
	prober = begin_probe();
	assert_int_equal(outside_write("1", DRIVERS "/pcspkr/explicit_bind_only"), 0);
	end_probe(prober);
}

static atomic_int robber_stops;
static atomic_int robbed;

static int rob(struct device *dev)
{
	atomic_fetch_add(&robbed, 1);
	return 0;
}

/* Tries all that could take a device: drivers that come, and rescans. */
static void *robber_main(void *arg)
{
	struct device_driver robber = { .name = "pcspkr", .bus = &platform, .probe = rob };

	while (!atomic_load(&robber_stops)) {
		driver_register(&robber);
		outside_write("pcspkr", "/bus/platform/drivers_probe");
		bus_rescan_devices(&platform);
		driver_unregister(&robber);
	}
	return NULL;
}

/* Between "unbind" from the one and "bind" to the other the device belongs to nobody. */
static void nobody_takes_a_device_on_its_way(void **state)
{
	pthread_t robber;

	reg_dummy.match_any = true;
	assert_int_equal(outside_write("1", DEVICE "/explicit_bind_only"), 0);
	atomic_store(&robber_stops, 0);
	atomic_store(&robbed, 0);
	pthread_create(&robber, NULL, robber_main, NULL);
	for (int round = 0; round < 2000; round++) {
		assert_int_equal(outside_write("pcspkr", DRIVERS "/reg-dummy/bind"), 0);
		assert_int_equal(outside_write("pcspkr", DRIVERS "/reg-dummy/unbind"), 0);
	}
	atomic_store(&robber_stops, 1);
	pthread_join(robber, NULL);
	assert_int_equal(atomic_load(&robbed), 0);
	reg_dummy.match_any = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SPEAKER(an_explicit_driver_gets_nothing_by_itself),
		WITH_SPEAKER(an_explicit_driver_is_not_found_at_its_registration),
		WITH_SPEAKER(an_explicit_device_goes_only_where_it_is_told),
		WITH_SPEAKER(match_any_takes_what_it_is_told_to_and_no_more),
		WITH_SPEAKER(a_bus_refuses_what_is_of_the_wrong_kind),
		WITH_SPEAKER(who_sets_the_flag_waits_for_what_was_chosen),
		WITH_SPEAKER(who_finds_the_flag_set_back_waits_no_longer),
		WITH_SPEAKER(who_was_named_is_not_waited_for),
		WITH_SPEAKER(nobody_takes_a_device_on_its_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
