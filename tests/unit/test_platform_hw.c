/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices, drivers and hardware on the platform bus, in whatever order they come and go. */
#include "cmocka_umdev.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <umdev/platform.h>
#include <umdev/umdev.h>

#include "support/outside.h"

#define DEVICES "/bus/platform/devices"

/* ---- hardware: a register that counts its readers; it can refuse ---- */

static atomic_int alive, reads;
static int create_error;
static uint64_t written;

static int counter_create(struct platform_hw *hw)
{
	if (create_error)
		return create_error;
	atomic_fetch_add(&alive, 1);
	hw->data = &alive;
	return 0;
}

static void counter_destroy(struct platform_hw *hw)
{
	assert_ptr_equal(hw->data, &alive);
	atomic_fetch_sub(&alive, 1);
}

static uint64_t counter_read(struct platform_hw *hw, unsigned int region, uint64_t offset,
			     unsigned int size)
{
	atomic_fetch_add(&reads, 1);
	return 0x1122334455667788 + offset;
}

static void counter_write(struct platform_hw *hw, unsigned int region, uint64_t offset,
			  uint64_t value, unsigned int size)
{
	written = value;
}

static ssize_t wire_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct platform_hw *hw = platform_hw_of_device(to_platform_device(dev));

	return sysfs_emit(buf, "%s\n", hw->ops->name);
}
static DEVICE_ATTR_RO(wire);
static struct attribute *counter_attrs[] = { &dev_attr_wire.attr, NULL };
ATTRIBUTE_GROUPS(counter);

static const char *const counter_compatible[] = { "counter", "counter-2", NULL };
static const struct platform_hw_ops counter = {
	.name = "counter",
	.compatible = counter_compatible,
	.create = counter_create,
	.destroy = counter_destroy,
	.read = counter_read,
	.write = counter_write,
	.groups = counter_groups,
};

/* ---- a device and its driver ---- */

static struct platform_device *probed;
static bool keeps_irq;

static void ignore(void *data, unsigned int irq, bool level)
{
}

static int counter_probe(struct platform_device *pdev)
{
	probed = pdev;
	return keeps_irq ? platform_listen_irq(pdev, 0, ignore, NULL) : 0;
}

static void counter_remove(struct platform_device *pdev)
{
	probed = NULL;
}

static struct platform_driver counter_driver = {
	.probe = counter_probe,
	.remove = counter_remove,
	.driver = { .name = "counter" },
};

static const struct platform_region regions[] = { { 0x1000, 0x100, "regs" } };
static const struct platform_irq irqs[] = { { PLATFORM_IRQ_TYPE_LEVEL_HIGH, "done" } };
static const struct platform_device_info info = {
	.name = "counter",
	.id = PLATFORM_DEVID_NONE,
	.regions = regions,
	.num_regions = 1,
	.irqs = irqs,
	.num_irqs = 1,
};
static struct platform_device *pdev;

static void add_device(void)
{
	assert_int_equal(platform_device_register_full(&info, &pdev), 0);
}

static int setup(void **state)
{
	log_capture_begin();
	assert_int_equal(umdev_start(), 0);
	return 0;
}

static int teardown(void **state)
{
	umdev_stop();
	log_capture_end();
	assert_int_equal(atomic_load(&alive), 0);
	assert_string_equal(outside_list("/"), "");
	return 0;
}

/* ---- who comes first ---- */

static void take_all_down(void)
{
	platform_device_unregister(pdev);
	platform_driver_unregister(&counter_driver);
	platform_hw_unregister(&counter);
}

static void hardware_first(void **state)
{
	assert_int_equal(platform_hw_register(&counter), 0);
	add_device();
	assert_int_equal(atomic_load(&alive), 1);
	assert_string_equal(outside_read(DEVICES "/counter/wire"), "counter\n");
	assert_int_equal(platform_driver_register(&counter_driver), 0);
	assert_ptr_equal(probed, pdev);
	take_all_down();
}

static void driver_first(void **state)
{
	assert_int_equal(platform_driver_register(&counter_driver), 0);
	add_device();
	assert_null(probed);
	assert_non_null(strstr(log_taken(), "no hardware"));
	assert_int_equal(outside_write("counter", "/bus/platform/drivers/counter/bind"), -ENXIO);
	/* It is said once. */
	assert_string_equal(log_taken(), "");
	assert_false(outside_exists(DEVICES "/counter/wire"));
	assert_int_equal(platform_hw_register(&counter), 0);
	assert_ptr_equal(probed, pdev);
	assert_string_equal(outside_read(DEVICES "/counter/wire"), "counter\n");
	take_all_down();
}

static void device_first(void **state)
{
	add_device();
	assert_int_equal(platform_hw_register(&counter), 0);
	assert_int_equal(atomic_load(&alive), 1);
	assert_int_equal(platform_driver_register(&counter_driver), 0);
	assert_ptr_equal(probed, pdev);
	take_all_down();
}

static void late_hardware_is_told_by_a_change(void **state)
{
	add_device();
	events_begin();
	assert_int_equal(platform_hw_register(&counter), 0);
	assert_string_equal(events_text(), "change /devices/platform/counter SUBSYSTEM=platform "
					   "MODALIAS=platform:counter\n");
	events_end();
	platform_device_unregister(pdev);
	platform_hw_unregister(&counter);
}

static void hardware_that_goes_leaves_free_devices(void **state)
{
	assert_int_equal(platform_hw_register(&counter), 0);
	add_device();
	platform_hw_unregister(&counter);
	assert_int_equal(atomic_load(&alive), 0);
	assert_false(outside_exists(DEVICES "/counter/wire"));
	assert_int_equal(platform_hw_register(&counter), 0);
	assert_string_equal(outside_read(DEVICES "/counter/wire"), "counter\n");
	platform_device_unregister(pdev);
	platform_hw_unregister(&counter);
}

static void *bring_and_take(void *arg)
{
	int *err = arg;

	*err = platform_hw_register(&counter);
	if (!*err)
		platform_hw_unregister(&counter);
	return NULL;
}

/* Whoever waits for a user of one device, with its lock, holds up nothing that is not for it. */
static void hardware_waits_for_no_other_device(void **state)
{
	static const struct platform_device_info other_info = {
		.name = "other",
		.id = PLATFORM_DEVID_NONE,
	};
	static struct platform_driver other_driver = {
		.probe = counter_probe,
		.driver = { .name = "other" },
	};
	struct platform_device *other;
	struct timespec limit;
	pthread_t thread;
	int err, late;

	assert_int_equal(platform_driver_register(&other_driver), 0);
	assert_int_equal(platform_device_register_full(&other_info, &other), 0);
	assert_ptr_equal(other->dev.driver, &other_driver.driver);
	device_lock(&other->dev);
	assert_int_equal(pthread_create(&thread, NULL, bring_and_take, &err), 0);
	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += 20;
	late = pthread_timedjoin_np(thread, NULL, &limit);
	device_unlock(&other->dev);
	if (late)
		pthread_join(thread, NULL);
	assert_int_equal(late, 0);
	assert_int_equal(err, 0);
	platform_device_unregister(other);
	platform_driver_unregister(&other_driver);
}

static void hardware_that_refuses_keeps_the_device_away(void **state)
{
	assert_int_equal(platform_hw_register(&counter), 0);
	create_error = -EINVAL;
	assert_int_equal(platform_device_register_full(&info, &pdev), -EINVAL);
	create_error = 0;
	assert_false(outside_exists(DEVICES "/counter"));
	/* Nothing is left of it, its registers are free. */
	add_device();
	platform_device_unregister(pdev);
	platform_hw_unregister(&counter);
}

static void hardware_is_offered_once(void **state)
{
	static const char *const other_compatible[] = { "else", "counter-2", NULL };
	static const struct platform_hw_ops other = {
		.name = "other",
		.compatible = other_compatible,
		.create = counter_create,
		.destroy = counter_destroy,
	};

	assert_int_equal(platform_hw_register(&counter), 0);
	assert_int_equal(platform_hw_register(&counter), -EEXIST);
	assert_int_equal(platform_hw_register(&other), -EEXIST);
	platform_hw_unregister(&counter);
	assert_int_equal(platform_hw_register(&other), 0);
	platform_hw_unregister(&other);
}

/* ---- registers ---- */

static void accesses_are_checked(void **state)
{
	static const struct {
		unsigned int region, size;
		uint64_t offset;
	} wrong[] = {
		{ 1, 4, 0 },
		{ 0, 4, 2 },
		{ 0, 8, 4 },
		{ 0, 4, 0x100 },
		{ 0, 4, UINT64_MAX - 3 },
		{ 0, 3, 0 },
		{ UINT32_MAX, 4, 0 },
		{ 0, 16, 0 },
	};
	size_t i;

	assert_int_equal(platform_hw_register(&counter), 0);
	add_device();
	atomic_store(&reads, 0);
	assert_int_equal(platform_read(pdev, 0, 0, 8), 0x1122334455667788);
	assert_int_equal(platform_read(pdev, 0, 0xfc, 4), 0x55667788 + 0xfc);
	assert_int_equal(platform_read(pdev, 0, 0xff, 1), (0x88 + 0xff) & 0xff);
	assert_int_equal(atomic_load(&reads), 3);
	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		written = 1;
		platform_write(pdev, wrong[i].region, wrong[i].offset, 7, wrong[i].size);
		assert_int_equal(written, 1);
		if (wrong[i].size == 4)
			assert_int_equal(platform_read(pdev, wrong[i].region, wrong[i].offset, 4),
					 UINT32_MAX);
	}
	assert_int_equal(atomic_load(&reads), 3);
	platform_write(pdev, 0, 4, 0x123456789, 4);
	assert_int_equal(written, 0x23456789);
	platform_device_unregister(pdev);
	platform_hw_unregister(&counter);
}

/* ---- devices ---- */

static int register_at(const char *name, int id, uint64_t start, uint64_t size,
		       struct platform_device *parent)
{
	const struct platform_region region = { start, size, NULL };
	const struct platform_device_info at = {
		.name = name,
		.id = id,
		.parent = parent ? &parent->dev : NULL,
		.regions = &region,
		.num_regions = 1,
	};

	return platform_device_register_full(&at, &pdev);
}

static void registers_overlap_only_those_of_parents(void **state)
{
	struct platform_device *first, *child;

	assert_int_equal(register_at("a", 1, 0x1000, 0x1000, NULL), 0);
	first = pdev;
	assert_int_equal(register_at("b", 1, 0x1fff, 1, NULL), -EBUSY);
	assert_non_null(strstr(log_taken(), "overlap those of a.1"));
	assert_int_equal(register_at("b", 1, 0xfff, 1, NULL), 0);
	platform_device_unregister(pdev);
	assert_int_equal(register_at("b", 1, 0x2000, 1, NULL), 0);
	platform_device_unregister(pdev);
	assert_int_equal(register_at("b", 1, 0, UINT64_MAX, NULL), -EBUSY);
	assert_int_equal(register_at("b", 1, 0x1800, 0x10, first), 0);
	child = pdev;
	assert_true(outside_exists("/devices/platform/a.1/b.1"));
	assert_int_equal(register_at("c", 1, 0x1800, 0x10, first), -EBUSY);
	assert_int_equal(register_at("d", 1, UINT64_MAX, 2, NULL), -EINVAL);
	assert_int_equal(register_at("d", 1, 0, 0, NULL), -EINVAL);
	assert_int_equal(register_at("d", 1, UINT64_MAX, 1, NULL), 0);
	platform_device_unregister(pdev);
	platform_device_unregister(child);
	platform_device_unregister(first);
}

static void names_are_the_kernels(void **state)
{
	struct platform_device *made[4];
	struct platform_device_info plain = { .name = "x" };
	size_t i;

	plain.id = PLATFORM_DEVID_AUTO;
	assert_int_equal(platform_device_register_full(&plain, &made[0]), 0);
	assert_int_equal(platform_device_register_full(&plain, &made[1]), 0);
	platform_device_unregister(made[0]);
	assert_int_equal(platform_device_register_full(&plain, &made[0]), 0);
	plain.id = 7;
	assert_int_equal(platform_device_register_full(&plain, &made[2]), 0);
	assert_int_equal(platform_device_register_full(&plain, &made[3]), -EEXIST);
	plain.id = PLATFORM_DEVID_NONE;
	assert_int_equal(platform_device_register_full(&plain, &made[3]), 0);
	assert_string_equal(outside_list(DEVICES), "x x.0.auto x.1.auto x.7 ");
	assert_string_equal(outside_read(DEVICES "/x.7/modalias"), "platform:x\n");
	plain.name = "a/b";
	assert_int_equal(platform_device_register_full(&plain, &pdev), -EINVAL);
	for (i = 0; i < ARRAY_SIZE(made); i++)
		platform_device_unregister(made[i]);
}

/* ---- what a driver leaves behind ---- */

static void what_a_driver_leaves_is_cleared_away(void **state)
{
	assert_int_equal(platform_hw_register(&counter), 0);
	add_device();
	keeps_irq = true;
	assert_int_equal(platform_driver_register(&counter_driver), 0);
	keeps_irq = false;
	assert_ptr_equal(probed, pdev);
	log_taken();
	assert_int_equal(outside_write("counter", "/bus/platform/drivers/counter/unbind"), 0);
	assert_non_null(strstr(log_taken(), "has not freed interrupt 0"));
	assert_int_equal(platform_listen_irq(pdev, 0, ignore, NULL), 0);
	platform_free_irq(pdev, 0);
	take_all_down();
}

/* ---- ids ---- */

static int name_probe(struct platform_device *dev)
{
	return 0;
}

static struct platform_driver taker = { .probe = name_probe, .driver = { .name = "taker" } };

static const char *driver_of(const char *name)
{
	const char *link = outside_link(DEVICES "/%s/driver", name);

	return strrchr(link, '/') ? strrchr(link, '/') + 1 : link;
}

#define NEW_ID	  "/bus/platform/drivers/taker/new_id"
#define REMOVE_ID "/bus/platform/drivers/taker/remove_id"

static void an_id_offers_the_driver(void **state)
{
	const struct platform_device_info plain = { .name = "x", .id = 3 };

	assert_int_equal(platform_driver_register(&taker), 0);
	assert_int_equal(platform_device_register_full(&plain, &pdev), 0);
	assert_string_equal(driver_of("x.3"), "error -2");
	assert_int_equal(outside_write("\n", NEW_ID), -EINVAL);
	assert_int_equal(outside_write("a b", NEW_ID), -EINVAL);
	assert_int_equal(outside_write("taker", NEW_ID), -EEXIST);
	assert_int_equal(outside_write("x", REMOVE_ID), -ENODEV);
	assert_int_equal(outside_write("x\n", NEW_ID), 0);
	assert_string_equal(driver_of("x.3"), "taker");
	assert_int_equal(outside_write("x", NEW_ID), -EEXIST);
	/* Whoever is bound stays so. */
	assert_int_equal(outside_write("x", REMOVE_ID), 0);
	assert_string_equal(driver_of("x.3"), "taker");
	assert_int_equal(outside_write("x.3", "/bus/platform/drivers/taker/unbind"), 0);
	assert_int_equal(outside_write("x.3", "/bus/platform/drivers/taker/bind"), -ENODEV);
	/* They go with the driver. */
	assert_int_equal(outside_write("x", NEW_ID), 0);
	platform_driver_unregister(&taker);
	assert_int_equal(platform_driver_register(&taker), 0);
	assert_string_equal(driver_of("x.3"), "error -2");
	platform_device_unregister(pdev);
	platform_driver_unregister(&taker);
}

/* A table of names takes the place of the driver's own, as in the kernel. */
static void a_table_counts_instead_of_the_name(void **state)
{
	static const struct platform_device_id table[] = { { "y", 0 }, { NULL, 0 } };
	const struct platform_device_info named = { .name = "taker", .id = 1 };
	const struct platform_device_info listed = { .name = "y", .id = 1 };
	struct platform_device *other;

	taker.id_table = table;
	assert_int_equal(platform_driver_register(&taker), 0);
	assert_int_equal(platform_device_register_full(&named, &pdev), 0);
	assert_int_equal(platform_device_register_full(&listed, &other), 0);
	assert_string_equal(driver_of("taker.1"), "error -2");
	assert_string_equal(driver_of("y.1"), "taker");
	platform_device_unregister(other);
	platform_device_unregister(pdev);
	platform_driver_unregister(&taker);
	taker.id_table = NULL;
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(hardware_first),
		TEST(driver_first),
		TEST(device_first),
		TEST(late_hardware_is_told_by_a_change),
		TEST(hardware_that_goes_leaves_free_devices),
		TEST(hardware_waits_for_no_other_device),
		TEST(hardware_that_refuses_keeps_the_device_away),
		TEST(hardware_is_offered_once),
		TEST(accesses_are_checked),
		TEST(registers_overlap_only_those_of_parents),
		TEST(names_are_the_kernels),
		TEST(what_a_driver_leaves_is_cleared_away),
		TEST(an_id_offers_the_driver),
		TEST(a_table_counts_instead_of_the_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
