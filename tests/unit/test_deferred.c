/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Probes that ask to be tried later. */
#include "cmocka_umdev.h"

#include <errno.h>
#include <stdatomic.h>

#include "model_fixture.h"
#include "support/outside.h"
#include "platform_bus.h"

static struct device *supplier;
static atomic_int consumer_tries;

static int consumer_probe(struct device *dev)
{
	atomic_fetch_add(&consumer_tries, 1);
	return device_is_bound(supplier) ? 0 : -EPROBE_DEFER;
}

static struct device_driver consumer = { .name = "pcspkr",
					 .bus = &platform,
					 .probe = consumer_probe };
static struct device_driver supply = { .name = "supplier",
				       .bus = &platform,
				       .probe = nothing_probe };

static void a_deferred_probe_is_tried_when_something_binds(void **state)
{
	supplier = fixture_added(&platform, NULL, "supplier");
	atomic_store(&consumer_tries, 0);
	assert_int_equal(driver_register(&consumer), 0);
	wait_for_device_probe();
	assert_driver(NULL);
	assert_int_equal(outside_write("pcspkr", DRIVERS "/pcspkr/bind"), -EAGAIN);
	assert_int_equal(outside_write("pcspkr", "/bus/platform/drivers_probe"), 0);
	assert_driver(NULL);

	assert_int_equal(driver_register(&supply), 0);
	wait_for_device_probe();
	assert_driver("pcspkr");
	driver_unregister(&consumer);
	driver_unregister(&supply);
	device_unregister(supplier);
}

static void a_deferred_probe_is_tried_when_a_device_is_bound_by_hand(void **state)
{
	supplier = fixture_added(&platform, NULL, "supplier");
	supply.explicit_bind_only = true;
	assert_int_equal(driver_register(&supply), 0);
	assert_int_equal(driver_register(&consumer), 0);
	wait_for_device_probe();
	assert_driver(NULL);
	assert_int_equal(outside_write("supplier", DRIVERS "/supplier/bind"), 0);
	wait_for_device_probe();
	assert_driver("pcspkr");
	driver_unregister(&consumer);
	driver_unregister(&supply);
	supply.explicit_bind_only = false;
	device_unregister(supplier);
}

static void a_told_device_that_defers_is_not_tried_again(void **state)
{
	supplier = fixture_added(&platform, NULL, "supplier");
	consumer.explicit_bind_only = true;
	assert_int_equal(driver_register(&consumer), 0);
	assert_int_equal(device_driver_attach(&consumer, speaker), -EAGAIN);
	atomic_store(&consumer_tries, 0);
	assert_int_equal(driver_register(&supply), 0);
	wait_for_device_probe();
	assert_int_equal(atomic_load(&consumer_tries), 0);
	assert_driver(NULL);
	driver_unregister(&consumer);
	consumer.explicit_bind_only = false;
	driver_unregister(&supply);
	device_unregister(supplier);
}

static void a_deferred_device_can_be_deleted(void **state)
{
	struct device *dev;

	supplier = fixture_added(&platform, NULL, "supplier");
	assert_int_equal(driver_register(&consumer), 0);
	device_del(speaker);
	put_device(speaker);
	assert_int_equal(driver_register(&supply), 0);
	wait_for_device_probe();
	dev = fixture_added(&platform, NULL, "pcspkr");
	assert_true(device_is_bound(dev));
	speaker = dev;
	driver_unregister(&consumer);
	driver_unregister(&supply);
	device_unregister(supplier);
}

static int match_result;

static int undecided_match(struct device *dev, struct device_driver *drv)
{
	return match_result;
}

static void a_match_can_be_deferred(void **state)
{
	match_result = -EPROBE_DEFER;
	platform.match = undecided_match;
	assert_int_equal(driver_register(&pcspkr), 0);
	assert_driver(NULL);
	assert_int_equal(device_attach(speaker), -EPROBE_DEFER);
	assert_int_equal(outside_write("pcspkr", "/bus/platform/drivers_probe"), -EINVAL);
	assert_int_equal(outside_write("pcspkr", DRIVERS "/pcspkr/bind"), -EAGAIN);
	match_result = 1;
	supply.explicit_bind_only = true;
	assert_int_equal(driver_register(&supply), 0);
	wait_for_device_probe();
	/* Not the one that came, but the oldest on the bus. */
	assert_driver("reg-dummy");
	driver_unregister(&supply);
	supply.explicit_bind_only = false;
	driver_unregister(&pcspkr);
	platform.match = platform_match;
}

static atomic_int family_tries;

/* Binds a child, which may be what others wait for, and then waits for what never comes. */
static int family_probe(struct device *dev)
{
	struct device *child = fixture_added(&platform, dev, "supplier");

	assert_true(device_is_bound(child));
	device_unregister(child);
	atomic_fetch_add(&family_tries, 1);
	return -EPROBE_DEFER;
}

static void a_deferring_probe_does_not_wake_itself(void **state)
{
	struct device_driver family = { .name = "pcspkr", .bus = &platform, .probe = family_probe };

	assert_int_equal(driver_register(&supply), 0);
	atomic_store(&family_tries, 0);
	assert_int_equal(driver_register(&family), 0);
	wait_for_device_probe();
	/* At its registration; and once more, because a driver was registered. */
	assert_in_range(atomic_load(&family_tries), 1, 2);
	driver_unregister(&family);
	driver_unregister(&supply);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SPEAKER(a_deferred_probe_is_tried_when_something_binds),
		WITH_SPEAKER(a_deferred_probe_is_tried_when_a_device_is_bound_by_hand),
		WITH_SPEAKER(a_told_device_that_defers_is_not_tried_again),
		WITH_SPEAKER(a_deferred_device_can_be_deleted),
		WITH_SPEAKER(a_match_can_be_deferred),
		WITH_SPEAKER(a_deferring_probe_does_not_wake_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
