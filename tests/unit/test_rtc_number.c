/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Numbers of clocks, beside those of a machine that is made up here. */
#include "cmocka_umdev.h"

#include <stdio.h>
#include <unistd.h>

#include "../../drivers/rtc_pl031/rtc_number.h"

static char dir[64];
static struct rtc_number numbers[4];

static int setup(void **state)
{
	memset(numbers, 0, sizeof(numbers));
	snprintf(dir, sizeof(dir), "/tmp/test_rtc_number.XXXXXX");
	rtc_machine_dir = mkdtemp(dir);
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", dir);
	assert_int_equal(system(command), 0);
	return 0;
}

static void machine_has(const char *name)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
}

static unsigned int take(unsigned int index)
{
	assert_int_equal(rtc_number_take(&numbers[index]), 0);
	return numbers[index].id;
}

static void the_machines_are_left_out(void **state)
{
	machine_has("rtc0");
	machine_has("rtc3");
	machine_has("rtcetera");
	assert_int_equal(take(0), 4);
	assert_int_equal(take(1), 5);
	rtc_number_give_back(&numbers[1]);
	rtc_number_give_back(&numbers[0]);
}

static void a_machine_without_clocks_leaves_all(void **state)
{
	rtc_machine_dir = "/tmp/no/such/directory";
	assert_int_equal(take(0), 0);
	rtc_number_give_back(&numbers[0]);
}

static void the_lowest_free_one_comes_next(void **state)
{
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(take(i), i);
	rtc_number_give_back(&numbers[1]);
	assert_int_equal(take(3), 1);
	assert_int_equal(take(1), 3);
	for (unsigned int i = 0; i < 4; i++)
		rtc_number_give_back(&numbers[i]);
	assert_int_equal(take(0), 0);
	rtc_number_give_back(&numbers[0]);
}

static void what_the_machine_gets_later_is_left_out_from_then_on(void **state)
{
	assert_int_equal(take(0), 0);
	machine_has("rtc1");
	assert_int_equal(take(1), 2);
	rtc_number_give_back(&numbers[0]);
	assert_int_equal(take(0), 3);
	rtc_number_give_back(&numbers[1]);
	rtc_number_give_back(&numbers[0]);
}

#define with_machine(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_machine(the_machines_are_left_out),
		with_machine(a_machine_without_clocks_leaves_all),
		with_machine(the_lowest_free_one_comes_next),
		with_machine(what_the_machine_gets_later_is_left_out_from_then_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
