/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rule 9: explicit binding is a right. */
#include "cmocka_umdev.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

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
		WITH_SPEAKER(nobody_takes_a_device_on_its_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
