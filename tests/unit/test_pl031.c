/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The PL031 as its manual (ARM DDI 0224) describes it: one test per promise of the chip. */
#include "cmocka_umdev.h"

#include "../../drivers/platform/pl031.h"

#define SECOND UINT64_C(1000000000)
#define START  (1000 * SECOND + 123456789)

/* What time it is, for all of a test. */
static uint64_t now;

static int new_rtc(void **state)
{
	static struct pl031 rtc;

	memset(&rtc, 0xa5, sizeof(rtc));
	pl031_reset(&rtc);
	now = START;
	*state = &rtc;
	return 0;
}

static uint32_t in(struct pl031 *rtc, unsigned int offset)
{
	return pl031_read(rtc, now, offset);
}

static void out(struct pl031 *rtc, unsigned int offset, uint32_t value)
{
	pl031_write(rtc, now, offset, value);
}

static int new_running_rtc(void **state)
{
	new_rtc(state);
	out(*state, PL031_LR, 5000);
	out(*state, PL031_CR, PL031_CR_START);
	out(*state, PL031_IMSC, PL031_INT);
	return 0;
}

static void registers_are_as_after_a_reset(void **state)
{
	for (unsigned int offset = 0; offset < PL031_ID; offset += 4)
		assert_int_equal(in(*state, offset), 0);
	now += 100 * SECOND;
	assert_int_equal(in(*state, PL031_DR), 0);
	assert_int_equal(in(*state, PL031_RIS), 0);
}

static void the_ids_are_arm_s(void **state)
{
	static const uint8_t ids[] = { 0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };

	for (unsigned int i = 0; i < sizeof(ids); i++) {
		out(*state, PL031_ID + 4 * i, 0xffffffff);
		assert_int_equal(in(*state, PL031_ID + 4 * i), ids[i]);
	}
}

static void what_is_read_only_stays(void **state)
{
	static const unsigned int offsets[] = { PL031_DR, PL031_RIS, PL031_MIS, PL031_ICR };

	for (size_t i = 0; i < 4; i++) {
		uint32_t before = in(*state, offsets[i]);

		out(*state, offsets[i], ~before);
		assert_int_equal(in(*state, offsets[i]), before);
	}
}

static void match_and_load_keep_32_bits_and_the_mask_one(void **state)
{
	out(*state, PL031_MR, 0xfedcba98);
	assert_int_equal(in(*state, PL031_MR), 0xfedcba98);
	out(*state, PL031_LR, 0x89abcdef);
	assert_int_equal(in(*state, PL031_LR), 0x89abcdef);
	out(*state, PL031_IMSC, 0xffffffff);
	assert_int_equal(in(*state, PL031_IMSC), 1);
	out(*state, PL031_IMSC, 0xfffffffe);
	assert_int_equal(in(*state, PL031_IMSC), 0);
}

static void it_counts_seconds_once_it_is_started(void **state)
{
	out(*state, PL031_LR, 7);
	now += 10 * SECOND;
	assert_int_equal(in(*state, PL031_DR), 7);
	out(*state, PL031_CR, PL031_CR_START);
	assert_int_equal(in(*state, PL031_CR), PL031_CR_START);
	now += SECOND - 1;
	assert_int_equal(in(*state, PL031_DR), 7);
	now += 1;
	assert_int_equal(in(*state, PL031_DR), 8);
	now += 3599 * SECOND;
	assert_int_equal(in(*state, PL031_DR), 8 + 3599);
}

static void nothing_stops_it_but_a_reset(void **state)
{
	out(*state, PL031_CR, 0);
	assert_int_equal(in(*state, PL031_CR), PL031_CR_START);
	now += 500 * SECOND / 1000;
	out(*state, PL031_CR, PL031_CR_START);
	now += 500 * SECOND / 1000;
	assert_int_equal(in(*state, PL031_DR), 5001);
	pl031_reset(*state);
	assert_int_equal(in(*state, PL031_CR), 0);
}

static void loading_begins_a_whole_second(void **state)
{
	now += SECOND / 2;
	out(*state, PL031_LR, 100);
	assert_int_equal(in(*state, PL031_DR), 100);
	now += SECOND - 1;
	assert_int_equal(in(*state, PL031_DR), 100);
	now += 1;
	assert_int_equal(in(*state, PL031_DR), 101);
}

static void the_counter_wraps(void **state)
{
	out(*state, PL031_LR, 0xffffffff);
	now += SECOND;
	assert_int_equal(in(*state, PL031_DR), 0);
}

static void the_alarm_comes_when_the_counter_is_the_match(void **state)
{
	out(*state, PL031_MR, 5003);
	assert_true(pl031_next(*state, now) == now + 3 * SECOND);
	now += 3 * SECOND - 1;
	pl031_tick(*state, now);
	assert_false(pl031_irq(*state));
	now += 1;
	pl031_tick(*state, now);
	assert_true(pl031_irq(*state));
	assert_int_equal(in(*state, PL031_RIS), 1);
	assert_int_equal(in(*state, PL031_MIS), 1);
}

static void an_alarm_that_nobody_looked_at_is_not_missed(void **state)
{
	out(*state, PL031_MR, 5003);
	now += 1000 * SECOND;
	assert_int_equal(in(*state, PL031_RIS), 1);
}

static void an_alarm_stays_until_it_is_cleared(void **state)
{
	out(*state, PL031_MR, 5001);
	now += 100 * SECOND;
	pl031_tick(*state, now);
	assert_true(pl031_irq(*state));
	assert_true(pl031_next(*state, now) == UINT64_MAX);
	out(*state, PL031_ICR, 0);
	assert_true(pl031_irq(*state));
	out(*state, PL031_ICR, PL031_INT);
	assert_false(pl031_irq(*state));
	pl031_tick(*state, now);
	assert_false(pl031_irq(*state));
}

static void a_cleared_alarm_does_not_come_again_in_its_second(void **state)
{
	out(*state, PL031_MR, 5001);
	now += SECOND;
	pl031_tick(*state, now);
	out(*state, PL031_ICR, PL031_INT);
	now += SECOND / 2;
	pl031_tick(*state, now);
	assert_int_equal(in(*state, PL031_RIS), 0);
	/* But when the counter has gone all round. */
	assert_true(pl031_next(*state, now) == START + ((UINT64_C(1) << 32) + 1) * SECOND);
}

static void a_masked_alarm_is_pending_and_not_heard(void **state)
{
	out(*state, PL031_IMSC, 0);
	out(*state, PL031_MR, 5001);
	now += SECOND;
	assert_int_equal(in(*state, PL031_RIS), 1);
	assert_int_equal(in(*state, PL031_MIS), 0);
	assert_false(pl031_irq(*state));
	out(*state, PL031_IMSC, PL031_INT);
	assert_true(pl031_irq(*state));
}

static void a_match_with_the_present_is_an_alarm_at_once(void **state)
{
	out(*state, PL031_MR, 5000);
	assert_true(pl031_irq(*state));
}

static void a_match_in_the_past_waits_for_the_counter_to_come_round(void **state)
{
	out(*state, PL031_MR, 4999);
	now += 1000 * SECOND;
	assert_int_equal(in(*state, PL031_RIS), 0);
	out(*state, PL031_LR, 4990);
	now += 8 * SECOND;
	assert_int_equal(in(*state, PL031_RIS), 0);
	now += SECOND;
	assert_int_equal(in(*state, PL031_RIS), 1);
}

static void setting_the_clock_moves_the_alarm(void **state)
{
	out(*state, PL031_MR, 5010);
	out(*state, PL031_LR, 5008);
	assert_true(pl031_next(*state, now) == now + 2 * SECOND);
	out(*state, PL031_LR, 1000);
	assert_true(pl031_next(*state, now) == now + 4010 * SECOND);
}

static void setting_the_clock_past_the_alarm_is_none(void **state)
{
	out(*state, PL031_MR, 5010);
	out(*state, PL031_LR, 5011);
	now += SECOND;
	assert_int_equal(in(*state, PL031_RIS), 0);
}

static void setting_the_clock_to_the_alarm_is_one(void **state)
{
	out(*state, PL031_MR, 5010);
	out(*state, PL031_LR, 5010);
	assert_true(pl031_irq(*state));
}

static void one_that_stands_has_no_alarm(void **state)
{
	out(*state, PL031_IMSC, PL031_INT);
	out(*state, PL031_MR, 0);
	out(*state, PL031_LR, 0);
	assert_false(pl031_irq(*state));
	assert_true(pl031_next(*state, now) == UINT64_MAX);
}

/* The alarm is where pl031_next() says, whatever was done before. */
static void next_is_always_right(void **state)
{
	struct pl031 *rtc = *state;
	uint32_t x = 1;

	for (unsigned int i = 0; i < 100000; i++) {
		uint64_t due;

		x = x * 1664525 + 1013904223;
		now += x % (3 * SECOND);
		out(rtc, x >> 8 & 0x1c,
		    x >> 24 & 1 ? x * 2654435761u : in(rtc, PL031_DR) + (x & 3));
		in(rtc, x >> 8 & 0xffc);
		due = pl031_next(rtc, now);
		if (due == UINT64_MAX)
			continue;
		assert_true(due > now);
		struct pl031 copy = *rtc;
		pl031_tick(&copy, due - 1);
		assert_false(copy.ris);
		pl031_tick(&copy, due);
		assert_true(copy.ris);
	}
}

#define cold(f)	   cmocka_unit_test_setup(f, new_rtc)
#define running(f) cmocka_unit_test_setup(f, new_running_rtc)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cold(registers_are_as_after_a_reset),
		cold(the_ids_are_arm_s),
		cold(what_is_read_only_stays),
		cold(match_and_load_keep_32_bits_and_the_mask_one),
		cold(it_counts_seconds_once_it_is_started),
		running(nothing_stops_it_but_a_reset),
		running(loading_begins_a_whole_second),
		running(the_counter_wraps),
		running(the_alarm_comes_when_the_counter_is_the_match),
		running(an_alarm_that_nobody_looked_at_is_not_missed),
		running(an_alarm_stays_until_it_is_cleared),
		running(a_cleared_alarm_does_not_come_again_in_its_second),
		running(a_masked_alarm_is_pending_and_not_heard),
		running(a_match_with_the_present_is_an_alarm_at_once),
		running(a_match_in_the_past_waits_for_the_counter_to_come_round),
		running(setting_the_clock_moves_the_alarm),
		running(setting_the_clock_past_the_alarm_is_none),
		running(setting_the_clock_to_the_alarm_is_one),
		cold(one_that_stands_has_no_alarm),
		running(next_is_always_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
