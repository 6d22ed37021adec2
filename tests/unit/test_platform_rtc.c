/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PL031 clocks on the platform bus: the hardware, driven by hand and by its ordinary driver. */
#include "cmocka_umdev.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <umdev/platform.h>
#include <umdev/umdev.h>

#include "../../drivers/common/pl031_regs.h"
#include "support/outside.h"

#define DEVICE	"/bus/platform/devices/arm,pl031"
#define DRIVER	"/bus/platform/drivers/rtc-pl031"
#define CLASS	"/class/rtc"
#define CLOCK_0 1700000000 /* 2023-11-14 22:13:20 */

static const struct platform_region regions[] = { { 0x9010000, 0x1000, NULL } };
static const struct platform_irq irqs[] = { { PLATFORM_IRQ_TYPE_LEVEL_HIGH, NULL } };

static struct platform_device *pdev;
static char rtc[64]; /* its path in the class */

static int add_device_with(unsigned int num_regions, unsigned int num_irqs)
{
	const struct platform_device_info info = { .name = "arm,pl031",
						   .id = PLATFORM_DEVID_NONE,
						   .regions = regions,
						   .num_regions = num_regions,
						   .irqs = irqs,
						   .num_irqs = num_irqs };

	return platform_device_register_full(&info, &pdev);
}

static int setup(void **state)
{
	assert_int_equal(umdev_start(), 0);
	assert_int_equal(add_device_with(1, 1), 0);
	return 0;
}

static int teardown(void **state)
{
	if (pdev)
		platform_device_unregister(pdev);
	pdev = NULL;
	umdev_stop();
	assert_string_equal(outside_list("/"), "");
	return 0;
}

static uint32_t in(unsigned int offset)
{
	return platform_readl(pdev, 0, offset);
}

static void out(unsigned int offset, uint32_t value)
{
	platform_writel(pdev, 0, offset, value);
}

static int setup_bound(void **state)
{
	char name[32];

	setup(state);
	assert_int_equal(outside_write("rtc-pl031", DEVICE "/driver_override"), 0);
	assert_int_equal(outside_write("arm,pl031", DRIVER "/bind"), 0);
	snprintf(name, sizeof(name), "%s", outside_list(CLASS));
	name[strcspn(name, " ")] = '\0';
	snprintf(rtc, sizeof(rtc), CLASS "/%s", name);
	return 0;
}

static long long number(const char *attribute)
{
	return strtoll(outside_read("%s/%s", rtc, attribute), NULL, 10);
}

/* ---- the hardware by hand ---- */

static void it_runs_and_has_the_hosts_time(void **state)
{
	time_t before = time(NULL);
	uint32_t it = in(PL031_DR);

	assert_int_equal(in(PL031_CR), PL031_CR_START);
	/* The host may have been set meanwhile, but not by much. */
	assert_true(it + 2 >= before && it <= time(NULL) + 2);
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool high;

static void on_level(void *data, unsigned int irq, bool level)
{
	pthread_mutex_lock(&lock);
	high = level;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void wait_for_alarm(void)
{
	pthread_mutex_lock(&lock);
	while (!high)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

static void its_alarm_is_an_interrupt_until_it_is_cleared(void **state)
{
	high = false;
	assert_int_equal(platform_listen_irq(pdev, 0, on_level, NULL), 0);
	out(PL031_IMSC, PL031_INT);
	out(PL031_LR, CLOCK_0);
	out(PL031_MR, CLOCK_0 + 1);
	wait_for_alarm();
	assert_int_equal(in(PL031_MIS), PL031_INT);
	assert_true(in(PL031_DR) > CLOCK_0);
	out(PL031_ICR, PL031_INT);
	assert_false(high);
	platform_free_irq(pdev, 0);
}

static void setting_it_moves_the_alarm(void **state)
{
	high = false;
	assert_int_equal(platform_listen_irq(pdev, 0, on_level, NULL), 0);
	out(PL031_IMSC, PL031_INT);
	out(PL031_LR, CLOCK_0);
	out(PL031_MR, CLOCK_0 + 1000000);
	assert_false(high);
	out(PL031_LR, CLOCK_0 + 1000000 - 1);
	wait_for_alarm();
	platform_free_irq(pdev, 0);
}

static void devices_of_the_wrong_shape_are_refused(void **state)
{
	platform_device_unregister(pdev);
	pdev = NULL;
	log_capture_begin();
	assert_int_equal(add_device_with(0, 1), -EINVAL);
	assert_int_equal(add_device_with(1, 0), -EINVAL);
	assert_non_null(strstr(log_taken(), "a PL031 has an interrupt"));
	log_capture_end();
	pdev = NULL;
}

/* ---- its driver ---- */

static void it_has_the_kernels_attributes(void **state)
{
	out(PL031_LR, CLOCK_0);
	assert_string_equal(outside_read("%s/name", rtc), "rtc-pl031 arm,pl031\n");
	assert_string_equal(outside_read("%s/date", rtc), "2023-11-14\n");
	/* Some time has passed, less than what is left of that hour. */
	assert_memory_equal(outside_read("%s/time", rtc), "22:", 3);
	assert_int_equal(strlen(outside_read("%s/time", rtc)), strlen("22:13:20\n"));
	assert_true(number("since_epoch") >= CLOCK_0 && number("since_epoch") < CLOCK_0 + 2800);
	assert_string_equal(outside_read("%s/hctosys", rtc), "0\n");
	assert_string_equal(outside_read("%s/range", rtc), "[0,4294967295]\n");
	assert_string_equal(outside_read("%s/wakealarm", rtc), "");
}

static void dates_go_on_to_the_last_second(void **state)
{
	out(PL031_LR, 951782399); /* before a leap day */
	assert_string_equal(outside_read("%s/date", rtc), "2000-02-28\n");
	out(PL031_LR, 0xfffffff0);
	assert_string_equal(outside_read("%s/date", rtc), "2106-02-07\n");
}

/* The machine's own numbers are not used again. */
static void its_number_is_nobody_elses(void **state)
{
	DIR *dir = opendir("/sys/class/rtc");
	struct dirent *entry;

	assert_true(outside_exists("%s/wakealarm", rtc));
	while (dir && (entry = readdir(dir)))
		assert_string_not_equal(entry->d_name, rtc + strlen(CLASS "/"));
	if (dir)
		closedir(dir);
}

static int set_alarm(const char *text)
{
	return (int)outside_write(text, "%s/wakealarm", rtc);
}

static void an_alarm_is_set_and_cleared_as_in_the_kernel(void **state)
{
	char text[32];

	out(PL031_LR, CLOCK_0);
	snprintf(text, sizeof(text), "%d\n", CLOCK_0 + 1000);
	assert_int_equal(set_alarm(text), 0);
	assert_string_equal(outside_read("%s/wakealarm", rtc), text);
	assert_int_equal(in(PL031_MR), CLOCK_0 + 1000);
	/* One that is set is not lost by accident. */
	assert_int_equal(set_alarm(text), -EBUSY);
	assert_int_equal(set_alarm("+100"), -EBUSY);
	assert_int_equal(set_alarm("+=100"), 0);
	assert_int_equal(number("wakealarm"), CLOCK_0 + 1100);
	assert_int_equal(set_alarm("0"), 0);
	assert_string_equal(outside_read("%s/wakealarm", rtc), "");
	assert_int_equal(in(PL031_IMSC), 0);
	assert_int_equal(set_alarm("+=100"), -EINVAL);
	assert_int_equal(set_alarm("+100"), 0);
	assert_true(number("wakealarm") >= CLOCK_0 + 100);
}

static void what_is_no_time_is_refused(void **state)
{
	static const struct {
		const char *text;
		int err;
	} bad[] = {
		{ "", 0 },
		{ "\n", -EINVAL },
		{ "soon", -EINVAL },
		{ "1 2", -EINVAL },
		{ "+", -EINVAL },
		{ "+=", -EINVAL },
		{ "-+5", -EINVAL },
		{ "- 5", -EINVAL },
		{ "+++5", -EINVAL },
		{ "4294967296", -ERANGE },
		{ "+4294967295", -ERANGE },
		{ "9223372036854775807", -ERANGE },
		{ "9223372036854775808", -ERANGE },
		{ "+9223372036854775807", -ERANGE },
		{ "-9223372036854775809", -ERANGE },
		{ "99999999999999999999999", -ERANGE },
	};

	out(PL031_LR, CLOCK_0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(set_alarm(bad[i].text), bad[i].err);
		assert_string_equal(outside_read("%s/wakealarm", rtc), "");
	}
	/* The past is a way to say "none". */
	assert_int_equal(set_alarm("-9223372036854775808"), 0);
	assert_int_equal(set_alarm("0x10"), 0);
	assert_string_equal(outside_read("%s/wakealarm", rtc), "");
	assert_int_equal(set_alarm("+1000"), 0);
	assert_int_equal(set_alarm("+=9223372036854775807"), -ERANGE);
	assert_int_equal(set_alarm("+=-9223372036854775808"), -ERANGE);
	assert_true(number("wakealarm") >= CLOCK_0 + 1000);
}

/* Waits without looking at a clock of its own: until the attribute is empty. */
static void wait_until_cleared(void)
{
	const struct timespec pause = { .tv_nsec = 20000000 };

	for (unsigned int i = 0; *outside_read("%s/wakealarm", rtc); i++) {
		assert_true(i < 3000);
		nanosleep(&pause, NULL);
	}
}

static void an_alarm_that_comes_is_cleared(void **state)
{
	assert_int_equal(set_alarm("+1"), 0);
	wait_until_cleared();
	assert_int_equal(in(PL031_RIS), 0);
	assert_int_equal(in(PL031_IMSC), 0);
	/* And the next one is possible. */
	assert_int_equal(set_alarm("+1"), 0);
	wait_until_cleared();
}

static void an_alarm_pushed_into_the_past_comes_at_once(void **state)
{
	assert_int_equal(set_alarm("+1000"), 0);
	assert_int_equal(set_alarm("+=-5000"), 0);
	wait_until_cleared();
}

static void unbinding_leaves_the_clock_going_and_quiet(void **state)
{
	out(PL031_LR, CLOCK_0);
	assert_int_equal(set_alarm("+1000"), 0);
	assert_int_equal(outside_write("arm,pl031", DRIVER "/unbind"), 0);
	assert_string_equal(outside_list(CLASS), "");
	assert_int_equal(in(PL031_IMSC), 0);
	assert_int_equal(in(PL031_CR), PL031_CR_START);
	assert_true(in(PL031_DR) >= CLOCK_0);
}

/* ---- anything ---- */

static void *hostile(void *arg)
{
	uint32_t x = *(const uint32_t *)arg;

	for (unsigned int i = 0; i < 100000; i++) {
		unsigned int size;
		uint64_t offset;

		x = x * 1664525 + 1013904223;
		size = x >> 30 == 3 ? x >> 16 & 15 : 1u << (x >> 30);
		offset = x >> 29 & 1 ? x >> 8 & 0xfff : x >> 8 & 0x1f;
		if (x >> 28 & 1)
			platform_read(pdev, x >> 27 & x >> 26 & 1, offset, size);
		else
			platform_write(pdev, 0, offset, x * UINT64_C(0x9e3779b97f4a7c15), size);
	}
	return NULL;
}

static void no_access_breaks_it(void **state)
{
	uint32_t seeds[] = { 1, 2 };
	pthread_t threads[2];

	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hostile, &seeds[i]), 0);
	for (unsigned int i = 0; i < 200; i++) {
		set_alarm(i & 1 ? "+1" : "0");
		outside_read("%s/time", rtc);
	}
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	set_alarm("0");
	an_alarm_is_set_and_cleared_as_in_the_kernel(state);
}

#define by_hand(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define bound(f)   cmocka_unit_test_setup_teardown(f, setup_bound, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		by_hand(it_runs_and_has_the_hosts_time),
		by_hand(its_alarm_is_an_interrupt_until_it_is_cleared),
		by_hand(setting_it_moves_the_alarm),
		by_hand(devices_of_the_wrong_shape_are_refused),
		bound(it_has_the_kernels_attributes),
		bound(dates_go_on_to_the_last_second),
		bound(its_number_is_nobody_elses),
		bound(an_alarm_is_set_and_cleared_as_in_the_kernel),
		bound(what_is_no_time_is_refused),
		bound(an_alarm_that_comes_is_cleared),
		bound(an_alarm_pushed_into_the_past_comes_at_once),
		bound(unbinding_leaves_the_clock_going_and_quiet),
		bound(no_access_breaks_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
