/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmocka_umdev.h"

#include <stdio.h>

#include <umdev/log.h>

static char last_line[4096];
static enum log_level last_level;
static int lines;

static void keep_line(enum log_level level, const char *line)
{
	last_level = level;
	snprintf(last_line, sizeof(last_line), "%s", line);
	lines++;
}

static int begin(void **state)
{
	lines = 0;
	log_set_sink(keep_line);
	log_set_level(LOG_LEVEL_INFO);
	return 0;
}

static void a_line_goes_to_the_sink(void **state)
{
	pr_warn("%s has %d", "it", 3);
	assert_int_equal(lines, 1);
	assert_int_equal(last_level, LOG_LEVEL_WARN);
	assert_string_equal(last_line, "it has 3");
}

static void what_is_less_serious_than_the_level_is_dropped(void **state)
{
	pr_debug("not at first");
	assert_int_equal(lines, 0);
	log_set_level(LOG_LEVEL_ERR);
	pr_warn("not now");
	assert_int_equal(lines, 0);
	pr_err("but this");
	assert_int_equal(lines, 1);
	log_set_level(LOG_LEVEL_DEBUG);
	pr_debug("and this");
	assert_int_equal(lines, 2);
}

static void a_long_line_is_cut(void **state)
{
	pr_err("%2000d", 7);
	assert_int_equal(lines, 1);
	assert_int_equal(strlen(last_line), 1023);
}

static void without_a_sink_it_goes_to_stderr(void **state)
{
	log_set_sink(NULL);
	pr_notice("this line belongs to the test");
	assert_int_equal(lines, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_line_goes_to_the_sink, begin),
		cmocka_unit_test_setup(what_is_less_serious_than_the_level_is_dropped, begin),
		cmocka_unit_test_setup(a_long_line_is_cut, begin),
		cmocka_unit_test_setup(without_a_sink_it_goes_to_stderr, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
