/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which CCWs the channel takes, of both formats, and what it says of the others. */
#include "../unit/cmocka_umdev.h"
#include "puppet.h"

static struct machine m;
static struct unit u;

static int plug(void **state)
{
	machine_start(&m);
	puppet_register();
	unit_plug(&u, &m, "0.0.1000:puppet");
	return 0;
}

static int unplug(void **state)
{
	unit_finish(&u);
	puppet_unregister();
	machine_stop(&m);
	return 0;
}

/* The program is wrong at @at; @before commands were executed. */
static void is_refused(uint32_t flags, uint32_t cpa, uint32_t at, unsigned int before)
{
	struct irb irb;

	puppet->nr_codes = 0;
	unit_run(&u, flags, cpa, &irb);
	status_is(&irb, STCTL_ALERT, before ? DSTAT_END : 0, SCHN_STAT_PROG_CHECK);
	assert_int_equal(irb.scsw.cpa, at + 8);
	assert_int_equal(puppet->nr_codes, before);
	/* Deferred condition code 1: the device was not reached. */
	assert_int_equal(irb.scsw.flags & SCSW_FLAGS_CC, before ? 0 : 0x0100);
}

/* One CCW alone. */
static void ccw_is_refused(bool fmt1, uint8_t code, uint8_t flags, uint16_t count, uint32_t cda)
{
	uint32_t at;

	guest_reset(&u.guest, fmt1);
	at = guest_ccw(&u.guest, code, flags, count, cda);
	is_refused(0, at, at, 0);
}

static void a_command_code_of_a_kind_that_is_none(void **state)
{
	for (unsigned int code = 0; code < 0x100; code += 0x10) {
		ccw_is_refused(false, (uint8_t)code, 0, 8, GUEST_DATA);
		ccw_is_refused(true, (uint8_t)code, 0, 8, GUEST_DATA);
	}
	/* In format 1 there is one code that transfers; in format 0 it is any of these. */
	for (unsigned int code = 0x18; code < 0x100; code += 0x10) {
		ccw_is_refused(true, (uint8_t)code, 0, 8, GUEST_DATA);
		ccw_is_refused(false, (uint8_t)code, 0, 8, GUEST_DATA);
	}
}

static void a_transfer_as_the_first_ccw(void **state)
{
	uint32_t at;

	for (int fmt1 = 0; fmt1 < 2; fmt1++) {
		guest_reset(&u.guest, fmt1);
		at = guest_tic(&u.guest, GUEST_CCWS + 8);
		guest_ccw(&u.guest, CCW_CMD_READ, 0, 8, GUEST_DATA);
		is_refused(0, at, at, 0);
	}
}

static void a_transfer_to_a_transfer(void **state)
{
	uint32_t at;

	for (int fmt1 = 0; fmt1 < 2; fmt1++) {
		guest_reset(&u.guest, fmt1);
		at = guest_ccw(&u.guest, CCW_CMD_READ, CCW_FLAG_CC, 8, GUEST_DATA);
		guest_tic(&u.guest, at + 16);
		guest_tic(&u.guest, at);
		is_refused(0, at, at + 16, 1);
	}
}

static void a_transfer_to_a_transfer_in_chained_data(void **state)
{
	struct irb irb;
	uint32_t at;

	/* The code would not count there, and there would be room for four. */
	for (int fmt1 = 0; fmt1 < 2; fmt1++) {
		guest_reset(&u.guest, fmt1);
		at = guest_ccw(&u.guest, CCW_CMD_READ, CCW_FLAG_DC, 4, GUEST_DATA);
		guest_tic(&u.guest, at + 16);
		guest_ccw(&u.guest, CCW_CMD_TIC, 0, 4, GUEST_DATA);
		unit_run(&u, 0, at, &irb);
		status_is(&irb, STCTL_ALERT, DSTAT_END, SCHN_STAT_PROG_CHECK);
		assert_int_equal(irb.scsw.cpa, at + 24);
	}
}

static void a_wrong_ccw_after_a_skipped_one(void **state)
{
	uint32_t at = guest_ccw(&u.guest, 0x07, CCW_FLAG_CC, 0, 0);

	puppet->act[0x07].dstat = DSTAT_END | DEV_STAT_STAT_MOD;
	guest_ccw(&u.guest, 0x07, 0, 0, 0);
	guest_ccw(&u.guest, 0, 0, 0, 0);
	is_refused(0, at, at + 16, 1);
}

static void a_transfer_with_more_than_an_address(void **state)
{
	static const struct {
		uint8_t flags;
		uint16_t count;
		uint32_t cda;
	} wrong[] = { { CCW_FLAG_SLI, 0, GUEST_CCWS },
		      { CCW_FLAG_CC, 0, GUEST_CCWS },
		      { 0, 1, GUEST_CCWS },
		      { 0, 0, GUEST_CCWS | 0x80000000 } };
	uint32_t at;

	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++) {
		guest_reset(&u.guest, true);
		at = guest_ccw(&u.guest, CCW_CMD_READ, CCW_FLAG_CC, 8, GUEST_DATA);
		guest_ccw(&u.guest, CCW_CMD_TIC, wrong[i].flags, wrong[i].count, wrong[i].cda);
		is_refused(0, at, at + 8, 1);
	}
}

static void a_transfer_to_where_no_ccw_can_be(void **state)
{
	uint32_t at;

	for (int fmt1 = 0; fmt1 < 2; fmt1++) {
		guest_reset(&u.guest, fmt1);
		at = guest_ccw(&u.guest, CCW_CMD_READ, CCW_FLAG_CC, 8, GUEST_DATA);
		guest_tic(&u.guest, GUEST_CCWS + 4);
		is_refused(0, at, GUEST_CCWS + 4, 1);
	}
	/* There is no memory. */
	guest_reset(&u.guest, true);
	at = guest_ccw(&u.guest, CCW_CMD_READ, CCW_FLAG_CC, 8, GUEST_DATA);
	guest_tic(&u.guest, GUEST_SIZE);
	is_refused(0, at, GUEST_SIZE, 1);
}

static void a_transfer_in_format_0_has_only_an_address(void **state)
{
	uint32_t at;

	guest_reset(&u.guest, false);
	at = guest_ccw(&u.guest, CCW_CMD_READ, CCW_FLAG_CC, 8, GUEST_DATA);
	/* Any high digit of the code, any flags and count. */
	guest_ccw(&u.guest, 0xf8, 0xff, 0xffff, at + 24);
	guest_ccw(&u.guest, 0xff, 0xff, 0xffff, 0);
	guest_ccw(&u.guest, CCW_CMD_READ, 0, 8, GUEST_DATA);
	unit_assert_good(&u, 0, at);
	assert_int_equal(puppet->nr_codes, 2);
}

static void flags_of_what_is_not_offered(void **state)
{
	for (int fmt1 = 0; fmt1 < 2; fmt1++) {
		ccw_is_refused(fmt1, CCW_CMD_READ, CCW_FLAG_SUSPEND, 8, GUEST_DATA);
		ccw_is_refused(fmt1, CCW_CMD_READ, CCW_FLAG_MIDA, 8, GUEST_DATA);
	}
	/* Not even with an ORB that asks for it. */
	guest_reset(&u.guest, true);
	guest_ccw(&u.guest, CCW_CMD_READ, CCW_FLAG_SUSPEND, 8, GUEST_DATA);
	is_refused(ORB_SPND, GUEST_CCWS, GUEST_CCWS, 0);
}

static void a_count_of_zero(void **state)
{
	uint32_t at;

	ccw_is_refused(false, CCW_CMD_READ, CCW_FLAG_SLI, 0, GUEST_DATA);
	ccw_is_refused(false, 0x07, CCW_FLAG_SLI, 0, 0);
	ccw_is_refused(true, CCW_CMD_READ, CCW_FLAG_DC, 0, GUEST_DATA);
	/* In format 1 a command may be without data. */
	guest_reset(&u.guest, true);
	at = guest_ccw(&u.guest, 0x07, 0, 0, 0);
	unit_assert_good(&u, 0, at);
}

static void an_address_with_its_highest_bit(void **state)
{
	ccw_is_refused(true, CCW_CMD_READ, 0, 8, UINT32_C(0x80000000));
	ccw_is_refused(true, 0x07, CCW_FLAG_SLI, 1, UINT32_C(0xffffffff));
}

static void where_the_program_begins(void **state)
{
	static const uint32_t wrong[] = { GUEST_CCWS + 1, GUEST_CCWS + 4, UINT32_C(0x80000000),
					  UINT32_C(0xfffffff8), GUEST_SIZE };

	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++) {
		/* The CCW is good, as far as there is memory for one. */
		guest_reset(&u.guest, true);
		u.guest.next_ccw = wrong[i] < GUEST_SIZE ? wrong[i] : GUEST_CCWS;
		guest_ccw(&u.guest, CCW_CMD_READ, 0, 8, GUEST_DATA);
		is_refused(0, wrong[i], wrong[i], 0);
	}
	/* There is memory, but format 0 has only 24 bits. */
	guest_reset(&u.guest, false);
	u.guest.next_ccw = 0x01000000;
	guest_ccw(&u.guest, CCW_CMD_READ, 0, 8, GUEST_DATA);
	is_refused(0, 0x01000000, 0x01000000, 0);
	guest_reset(&u.guest, true);
	u.guest.next_ccw = 0x01000000;
	guest_ccw(&u.guest, CCW_CMD_READ, 0, 8, GUEST_DATA);
	unit_assert_good(&u, 0, 0x01000000);
}

static void format_0_ends_at_16_mib(void **state)
{
	guest_reset(&u.guest, false);
	u.guest.next_ccw = 0x00fffff8;
	guest_ccw(&u.guest, CCW_CMD_READ, CCW_FLAG_CC, 8, GUEST_DATA);
	guest_ccw(&u.guest, CCW_CMD_READ, 0, 8, GUEST_DATA);
	is_refused(0, 0x00fffff8, 0x01000000, 1);
}

static void transport_mode(void **state)
{
	struct irb irb;

	unit_run(&u, ORB_TM, GUEST_CCWS, &irb);
	status_is(&irb, STCTL_ALERT, 0, SCHN_STAT_PROG_CHECK);
	assert_int_equal(u.guest.fetched, 0);
}

static void memory_that_may_not_be_read(void **state)
{
	struct irb irb;
	uint32_t at;

	at = guest_ccw(&u.guest, 0x07, CCW_FLAG_CC | CCW_FLAG_SLI, 1, 0);
	guest_ccw(&u.guest, 0x07, CCW_FLAG_SLI, 1, 0);
	u.guest.denied = at + 8;
	u.guest.denied_len = 8;
	unit_run(&u, 0, at, &irb);
	status_is(&irb, STCTL_ALERT, DSTAT_END, SCHN_STAT_PROT_CHECK);
	u.guest.denied_len = 0;
	u.guest.broken = at + 8;
	u.guest.broken_len = 8;
	unit_run(&u, 0, at, &irb);
	status_is(&irb, STCTL_ALERT, DSTAT_END, SCHN_STAT_CHN_CTRL);
	assert_int_equal(irb.scsw.cpa, at + 16);
}

static void a_loop_ends(void **state)
{
	struct irb irb;
	uint32_t at;

	at = guest_ccw(&u.guest, 0x07, CCW_FLAG_CC | CCW_FLAG_SLI, 1, 0);
	guest_tic(&u.guest, at);
	unit_run(&u, 0, at, &irb);
	status_is(&irb, STCTL_ALERT, DSTAT_END, SCHN_STAT_PROG_CHECK);
	assert_int_equal(u.guest.fetched, 65536);
	/* The same by data: it is a command whose room has no end. */
	guest_reset(&u.guest, true);
	u.guest.fetched = 0;
	puppet->act[CCW_CMD_READ].store = 100;
	at = guest_ccw(&u.guest, CCW_CMD_READ, CCW_FLAG_DC, 1, GUEST_DATA);
	guest_tic(&u.guest, at);
	unit_run(&u, 0, at, &irb);
	assert_int_equal(u.guest.fetched, 65536);
	status_is(&irb, STCTL_ALERT, DSTAT_END, SCHN_STAT_INCORR_LEN);
}

static void the_code_of_chained_data_does_not_count(void **state)
{
	uint32_t at;

	for (int fmt1 = 0; fmt1 < 2; fmt1++) {
		guest_reset(&u.guest, fmt1);
		puppet->nr_codes = 0;
		at = guest_ccw(&u.guest, CCW_CMD_READ, CCW_FLAG_DC, 4, GUEST_DATA);
		guest_ccw(&u.guest, 0, 0, 4, GUEST_DATA + 100);
		unit_assert_good(&u, 0, at);
		assert_int_equal(puppet->nr_codes, 1);
		assert_int_equal(u.guest.ram[GUEST_DATA + 100], 5);
	}
}

static void data_chained_by_a_transfer(void **state)
{
	uint32_t at;

	at = guest_ccw(&u.guest, CCW_CMD_READ, CCW_FLAG_DC, 4, GUEST_DATA);
	guest_tic(&u.guest, at + 24);
	guest_ccw(&u.guest, 0, 0, 0, 0);
	guest_ccw(&u.guest, 0x02, 0, 4, GUEST_DATA + 100);
	unit_assert_good(&u, 0, at);
	assert_int_equal(u.guest.ram[GUEST_DATA + 103], 8);
}

static void each_ccw_is_fetched_once(void **state)
{
	uint32_t at;

	at = guest_ccw(&u.guest, CCW_CMD_READ, CCW_FLAG_DC, 4, GUEST_DATA);
	guest_ccw(&u.guest, 0, CCW_FLAG_CC, 4, GUEST_DATA);
	guest_tic(&u.guest, at + 24);
	guest_ccw(&u.guest, CCW_CMD_WRITE, 0, 8, GUEST_DATA);
	u.guest.fetched = 0;
	unit_assert_good(&u, 0, at);
	assert_int_equal(u.guest.fetched, 4);
}

static void a_wrong_ccw_of_chained_data_counts_when_it_is_reached(void **state)
{
	struct irb irb;
	uint32_t at;

	/* Eight bytes come: with room for ten before it the channel does not get there. */
	at = guest_ccw(&u.guest, CCW_CMD_READ, CCW_FLAG_DC, 10, GUEST_DATA);
	guest_ccw(&u.guest, 0, 0, 0, GUEST_DATA);
	unit_run(&u, 0, at, &irb);
	status_is(&irb, STCTL_ALERT, DSTAT_END, SCHN_STAT_INCORR_LEN);
	assert_int_equal(irb.scsw.cpa, at + 8);
	assert_int_equal(irb.scsw.count, 2);
	/* With room for eight it does. */
	guest_reset(&u.guest, true);
	guest_ccw(&u.guest, CCW_CMD_READ, CCW_FLAG_DC, 8, GUEST_DATA);
	guest_ccw(&u.guest, 0, 0, 0, GUEST_DATA);
	unit_run(&u, 0, at, &irb);
	status_is(&irb, STCTL_ALERT, DSTAT_END, SCHN_STAT_PROG_CHECK);
	assert_int_equal(irb.scsw.cpa, at + 16);
	assert_int_equal(u.guest.ram[GUEST_DATA + 7], 8);
}

static void many_ccws_chain_data(void **state)
{
	uint32_t at = GUEST_CCWS;

	puppet->act[CCW_CMD_READ].store = 1000;
	for (unsigned int i = 0; i < 1000; i++)
		guest_ccw(&u.guest, CCW_CMD_READ, i == 999 ? 0 : CCW_FLAG_DC, 1,
			  GUEST_DATA + 2 * i);
	unit_assert_good(&u, 0, at);
	for (unsigned int i = 0; i < 1000; i++)
		assert_int_equal(u.guest.ram[GUEST_DATA + 2 * i], (uint8_t)(i + 1));
}

#define T(name) cmocka_unit_test_setup_teardown(name, plug, unplug)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_command_code_of_a_kind_that_is_none),
		T(a_transfer_as_the_first_ccw),
		T(a_transfer_to_a_transfer),
		T(a_transfer_to_a_transfer_in_chained_data),
		T(a_wrong_ccw_after_a_skipped_one),
		T(a_transfer_with_more_than_an_address),
		T(a_transfer_to_where_no_ccw_can_be),
		T(a_transfer_in_format_0_has_only_an_address),
		T(flags_of_what_is_not_offered),
		T(a_count_of_zero),
		T(an_address_with_its_highest_bit),
		T(where_the_program_begins),
		T(format_0_ends_at_16_mib),
		T(transport_mode),
		T(memory_that_may_not_be_read),
		T(a_loop_ends),
		T(the_code_of_chained_data_does_not_count),
		T(data_chained_by_a_transfer),
		T(each_ccw_is_fetched_once),
		T(a_wrong_ccw_of_chained_data_counts_when_it_is_reached),
		T(many_ccws_chain_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
