/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Small numbers: always the lowest that is free. */
#include "cmocka_umdev.h"

#include <errno.h>

#include "model/alloc.h"
#include "model/ida.h"

#define MANY 300000

static struct ida ida = IDA_INIT;

static int teardown(void **state)
{
	ida_destroy(&ida);
	return 0;
}

static void take(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		assert_int_equal(ida_alloc_max(&ida, UINT32_MAX), i);
}

static void numbers_come_in_order(void **state)
{
	take(MANY);
}

static void the_lowest_of_the_freed_comes_first(void **state)
{
	static const unsigned int freed[] = { 0, 1, 63, 64, 4095, 4096, 262143, 262144 };
	unsigned int i;

	take(MANY);
	for (i = ARRAY_SIZE(freed); i--;)
		ida_free(&ida, freed[i]);
	for (i = 0; i < ARRAY_SIZE(freed); i++)
		assert_int_equal(ida_alloc_max(&ida, UINT32_MAX), freed[i]);
	assert_int_equal(ida_alloc_max(&ida, UINT32_MAX), MANY);
}

static void the_highest_allowed_is_kept(void **state)
{
	assert_int_equal(ida_alloc_max(&ida, 0), 0);
	assert_int_equal(ida_alloc_max(&ida, 0), -ENOSPC);
	assert_int_equal(ida_alloc_max(&ida, 1), 1);
	ida_free(&ida, 0);
	assert_int_equal(ida_alloc_max(&ida, 0), 0);
}

static void freeing_what_is_not_in_use_does_nothing(void **state)
{
	ida_free(&ida, 0);
	ida_free(&ida, UINT32_MAX);
	take(3);
	ida_free(&ida, 60);
	ida_free(&ida, 1000000);
	assert_int_equal(ida_alloc_max(&ida, UINT32_MAX), 3);
}

static void all_can_be_in_use(void **state)
{
	const unsigned int all = 64 * 64 * 64 * 64;

	take(all);
	assert_int_equal(ida_alloc_max(&ida, UINT32_MAX), -ENOSPC);
	ida_free(&ida, all - 1);
	ida_free(&ida, 12345678);
	assert_int_equal(ida_alloc_max(&ida, UINT32_MAX), 12345678);
	assert_int_equal(ida_alloc_max(&ida, UINT32_MAX), all - 1);
	assert_int_equal(ida_alloc_max(&ida, UINT32_MAX), -ENOSPC);
}

static void without_memory_nothing_is_taken(void **state)
{
	unsigned long step;
	int id = -1;

	for (step = 1; id < 0; step++) {
		fault_countdown = step;
		id = ida_alloc_max(&ida, UINT32_MAX);
		fault_countdown = 0;
		assert_true(id == 0 || id == -ENOMEM);
	}
	assert_true(step > IDA_LEVELS);
}

#define TEST(fn) cmocka_unit_test_teardown(fn, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(numbers_come_in_order),	   TEST(the_lowest_of_the_freed_comes_first),
		TEST(the_highest_allowed_is_kept), TEST(freeing_what_is_not_in_use_does_nothing),
		TEST(all_can_be_in_use),	   TEST(without_memory_nothing_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
