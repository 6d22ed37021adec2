/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The device "null": what it does with each command, and its options. */
#include "../unit/cmocka_umdev.h"
#include "machine.h"

static struct machine m;
static struct unit u;

static int start(void **state)
{
	machine_start(&m);
	return 0;
}

static int stop(void **state)
{
	unit_finish(&u);
	machine_stop(&m);
	return 0;
}

/* One command with so much room, with incorrect length or not, and this residual count. */
static void run(uint8_t code, uint16_t count, uint8_t cstat, uint16_t residual)
{
	struct irb irb;

	guest_reset(&u.guest, true);
	memset(u.guest.ram + GUEST_DATA, 0xa5, count + 1u);
	unit_run(&u, 0, guest_ccw(&u.guest, code, 0, count, GUEST_DATA), &irb);
	status_is(&irb, cstat ? STCTL_ALERT : STCTL_END, DSTAT_END, cstat);
	assert_int_equal(irb.scsw.count, residual);
	if (CCW_CMD_IS_READ(code))
		for (unsigned int i = 0; i < count; i++)
			assert_int_equal(u.guest.ram[GUEST_DATA + i],
					 i < count - residual ? 0 : 0xa5);
	assert_int_equal(u.guest.ram[GUEST_DATA + count], 0xa5);
}

static void it_takes_what_it_is_given(void **state)
{
	unit_plug(&u, &m, "0.0.1000:null");
	run(CCW_CMD_READ, 1, 0, 0);
	run(0x86, 65535, 0, 0);
	run(CCW_CMD_WRITE, 4097, 0, 0);
	run(0x0b, 0, 0, 0);
}

static void a_block_of_one_length(void **state)
{
	unit_plug(&u, &m, "0.0.1000:null,length=5000");
	run(CCW_CMD_READ, 5000, 0, 0);
	run(CCW_CMD_READ, 4999, SCHN_STAT_INCORR_LEN, 0);
	run(CCW_CMD_READ, 5001, SCHN_STAT_INCORR_LEN, 1);
	run(CCW_CMD_WRITE, 5000, 0, 0);
	run(CCW_CMD_WRITE, 4999, SCHN_STAT_INCORR_LEN, 0);
	run(CCW_CMD_WRITE, 5001, SCHN_STAT_INCORR_LEN, 1);
}

static void what_it_does_not_know(void **state)
{
	struct irb irb;

	unit_plug(&u, &m, "0.0.1000:null");
	unit_run(&u, 0, guest_ccw(&u.guest, 0x0c, 0, 8, GUEST_DATA), &irb);
	status_is(&irb, STCTL_ALERT, DSTAT_END | DEV_STAT_UNIT_CHECK, 0);
	assert_int_equal(irb.ecw[0], SENSE_COMMAND_REJECT);
	unit_run(&u, 0, guest_ccw(&u.guest, 0x14, 0, 8, GUEST_DATA), &irb);
	assert_int_equal(irb.ecw[0], SENSE_COMMAND_REJECT);
}

static void it_tells_what_it_is(void **state)
{
	unit_plug(&u, &m, "0.0.1000:null");
	unit_assert_good(&u, 0, guest_ccw(&u.guest, CCW_CMD_SENSE_ID, 0, 7, GUEST_DATA));
	assert_memory_equal(u.guest.ram + GUEST_DATA, "\xff\0\0\1\0\0\1", 7);
}

static void a_command_takes_its_time(void **state)
{
	struct irb irb;

	/* So long that only a halt ends it. */
	unit_plug(&u, &m, "0.0.1000:null,delay_us=60000000");
	assert_int_equal(unit_start(&u, 0, guest_ccw(&u.guest, 0x0b, 0, 0, 0)), 0);
	unit_wait_active(&u);
	assert_int_equal(hw_hsch(u.hw), 0);
	unit_wait(&u, &irb);
	status_is(&irb, STCTL_END, DSTAT_END, 0);
	assert_int_equal(irb.scsw.ctrl & SCSW_FCTL, SCSW_FCTL_START | SCSW_FCTL_HALT);
}

static void a_command_that_does_not_end(void **state)
{
	struct irb irb;

	unit_plug(&u, &m, "0.0.1000:null,hold");
	assert_int_equal(unit_start(&u, 0, guest_ccw(&u.guest, 0x0b, 0, 0, 0)), 0);
	unit_wait_active(&u);
	assert_int_equal(hw_csch(u.hw), 0);
	unit_wait(&u, &irb);
	assert_int_equal(irb.scsw.ctrl, SCSW_FCTL_CLEAR | SCSW_STCTL_STATUS);
	/* What the machine answers itself does not wait. */
	unit_assert_good(&u, 0, guest_ccw(&u.guest, CCW_CMD_NOOP, 0, 0, 0));
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(it_takes_what_it_is_given), T(a_block_of_one_length),
		T(what_it_does_not_know),     T(it_tells_what_it_is),
		T(a_command_takes_its_time),  T(a_command_that_does_not_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
