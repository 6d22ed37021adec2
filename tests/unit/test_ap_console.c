/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The machine's console, /sys/firmware/ap, and its neighbour there. */
#include "cmocka_umdev.h"

#include <errno.h>
#include <stdio.h>
#include <umdev/kobject.h>
#include <umdev/log.h>

#include "../../drivers/ap/hw_sysfs.h"
#include "../../drivers/platform/of_sysfs.h"
#include "ap_machine.h"
#include "model/alloc.h"
#include "support/tree.h"

#define AP "/firmware/ap"

static char last_line[512];

static void keep_line(enum log_level level, const char *line)
{
	snprintf(last_line, sizeof(last_line), "%s", line);
}

static int start(void **state)
{
	machine_start("04:CEX8P,05:CEX8A:off,1f:CEX7C:checkstop,06:CEX4A:off:checkstop",
		      "4,0x47,10-12", 0);
	log_set_sink(keep_line);
	return hw_sysfs_init();
}

static int stop(void **state)
{
	hw_sysfs_exit();
	log_set_sink(NULL);
	assert_false(tree_exists("/firmware"));
	return machine_stop(state);
}

static void assert_reads(const char *path, const char *expected)
{
	char buf[SYSFS_PAGE_SIZE + 1];

	assert_true(tree_read(path, buf) >= 0);
	assert_string_equal(buf, expected);
}

static void assert_cards(const char *expected)
{
	char buf[8192];
	ssize_t n = tree_pread(AP "/cards", buf, sizeof(buf) - 1, 0);

	assert_true(n >= 0);
	buf[n] = '\0';
	assert_string_equal(buf, expected);
}

static void cards_are_listed_with_type_and_state(void **state)
{
	assert_cards("04 CEX8P configured\n"
		     "05 CEX8A deconfigured\n"
		     "06 CEX4A deconfigured checkstopped\n"
		     "1f CEX7C checkstopped\n");
	assert_int_equal(tree_write(AP "/checkstop", "04.000a on"), 10);
	assert_int_equal(tree_write(AP "/checkstop", "04.0047 on\n"), 11);
	assert_int_equal(tree_write(AP "/config", "05 on"), 5);
	assert_int_equal(tree_write(AP "/checkstop", "1f off"), 6);
	assert_int_equal(tree_write(AP "/unplug", "6\n"), 2);
	assert_int_equal(tree_write(AP "/plug", "06:CEX7C:off\n"), 13);
	assert_cards("04 CEX8P configured checkstop=000a,0047\n"
		     "05 CEX8A configured\n"
		     "06 CEX7C deconfigured\n"
		     "1f CEX7C configured\n");
	assert_int_equal(ap_tapq(AP_MKQID(4, 10), NULL).response_code, AP_RESPONSE_CHECKSTOPPED);
	assert_int_equal(ap_tapq(AP_MKQID(4, 11), NULL).response_code, AP_RESPONSE_NORMAL);
}

static void domains_read_as_they_are_written(void **state)
{
	assert_reads(AP "/domains", "4,10-12,71\n");
	assert_reads(AP "/control_domains", "4,10-12,71\n");
	assert_int_equal(tree_write(AP "/domains", "0,1,0xff\n"), 9);
	assert_reads(AP "/domains", "0-1,255\n");
	assert_reads(AP "/control_domains", "0-1,255\n");
	assert_int_equal(tree_write(AP "/control_domains", "7"), 1);
	assert_int_equal(tree_write(AP "/domains", "\n"), 1);
	assert_reads(AP "/domains", "\n");
	assert_reads(AP "/control_domains", "7\n");
}

static void what_cannot_be_is_refused(void **state)
{
	assert_int_equal(tree_write(AP "/plug", "04:CEX8P"), -EEXIST);
	assert_int_equal(tree_write(AP "/unplug", "07"), -ENODEV);
	assert_int_equal(tree_write(AP "/config", "07 on"), -ENODEV);
	assert_int_equal(tree_write(AP "/checkstop", "07 on"), -ENODEV);
	assert_int_equal(tree_write(AP "/checkstop", "04.0005 on"), -ENODEV);
	assert_int_equal(tree_write(AP "/config", "04.0004 on"), -EINVAL);
	assert_int_equal(tree_write(AP "/config", "04"), -EINVAL);
	assert_int_equal(tree_write(AP "/config", "04 on off"), -EINVAL);
	assert_int_equal(tree_write(AP "/unplug", "04 05"), -EINVAL);
	assert_int_equal(tree_write(AP "/domains", "256"), -EINVAL);
	assert_int_equal(tree_write(AP "/control_domains", "x"), -EINVAL);
	assert_int_equal(tree_write(AP "/cards", "04:CEX8P"), -EACCES);
	assert_int_equal(tree_write(AP "/plug", "100:CEX8P"), -EINVAL);
	assert_string_equal(last_line,
			    "ap: plug: \"100\" at character 1: expected the number of an "
			    "adapter in hexadecimal, 00 to ff");
	assert_reads(AP "/domains", "4,10-12,71\n");
}

static void list_of_all_cards_is_not_cut(void **state)
{
	char buf[16384], spec[16];
	ssize_t n, part = 0;

	for (unsigned int id = 0; id < AP_DEVICES; id++) {
		snprintf(spec, sizeof(spec), "%02x:CEX8P", id);
		tree_write(AP "/plug", spec);
	}
	n = tree_pread(AP "/cards", buf, sizeof(buf) - 1, 0);
	assert_int_equal(n, AP_DEVICES * sizeof("04 CEX8P configured") + sizeof("deconfigured") -
				    sizeof("configured") + sizeof("deconfigured checkstopped") -
				    sizeof("configured") + sizeof("checkstopped") -
				    sizeof("configured"));
	part = tree_pread(AP "/cards", spec, 8, n - 5);
	assert_int_equal(part, 5);
	assert_memory_equal(spec, "ured\n", 5);
	assert_int_equal(tree_pread(AP "/cards", spec, 8, n), 0);
	assert_int_equal(tree_pread(AP "/cards", spec, 8, n + 100000), 0);
}

static void neighbours_come_and_go_in_any_order(void **state)
{
	assert_int_equal(of_sysfs_init(), 0);
	assert_true(tree_exists("/firmware/devicetree"));
	hw_sysfs_exit();
	assert_true(tree_exists("/firmware/devicetree"));
	assert_false(tree_exists(AP));
	assert_int_equal(hw_sysfs_init(), 0);
	of_sysfs_exit();
	assert_true(tree_exists(AP "/cards"));
	assert_false(tree_exists("/firmware/devicetree"));
}

static void failed_start_leaves_nothing(void **state)
{
	unsigned long n = 1;
	int err;

	hw_sysfs_exit();
	for (;; n++) {
		fault_countdown = n;
		err = hw_sysfs_init();
		if (fault_countdown)
			break;
		assert_int_equal(err, -ENOMEM);
		assert_false(tree_exists("/firmware"));
	}
	fault_countdown = 0;
	assert_int_equal(err, 0);
	assert_true(n > 8);
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(cards_are_listed_with_type_and_state),
		T(domains_read_as_they_are_written),
		T(what_cannot_be_is_refused),
		T(list_of_all_cards_is_not_cut),
		T(neighbours_come_and_go_in_any_order),
		T(failed_start_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
