/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The machine, by its first steps: plug, start, interrupt, unplug. */
#include "../unit/cmocka_umdev.h"
#include "machine.h"

static struct machine m;
static struct unit u;

static int plug(void **state)
{
	machine_start(&m);
	unit_plug(&u, &m, "0.0.1000:null");
	return 0;
}

static int unplug(void **state)
{
	unit_finish(&u);
	machine_stop(&m);
	return 0;
}

static void a_read_fills_memory(void **state)
{
	uint32_t at;
	struct irb irb;

	memset(u.guest.ram + GUEST_DATA, 0xa5, 4097);
	at = guest_ccw(&u.guest, CCW_CMD_READ, 0, 4096, GUEST_DATA);
	unit_run(&u, 0, at, &irb);
	status_is(&irb, STCTL_END, DSTAT_END, 0);
	assert_int_equal(irb.scsw.cpa, at + 8);
	assert_int_equal(irb.scsw.count, 0);
	assert_int_equal(irb.scsw.ctrl & SCSW_FCTL, SCSW_FCTL_START);
	assert_int_equal(u.guest.ram[GUEST_DATA], 0);
	assert_int_equal(u.guest.ram[GUEST_DATA + 4095], 0);
	assert_int_equal(u.guest.ram[GUEST_DATA + 4096], 0xa5);
}

static void commands_are_chained(void **state)
{
	uint32_t at;

	at = guest_ccw(&u.guest, CCW_CMD_NOOP, CCW_FLAG_CC | CCW_FLAG_SLI, 1, 0);
	guest_ccw(&u.guest, CCW_CMD_WRITE, CCW_FLAG_CC, 512, GUEST_DATA);
	guest_ccw(&u.guest, CCW_CMD_SENSE_ID, CCW_FLAG_SLI, 255, GUEST_DATA);
	unit_assert_good(&u, 0, at);
	assert_int_equal(u.guest.ram[GUEST_DATA], 0xff);
}

static void an_unplugged_one_is_not_operational(void **state)
{
	struct hw_error error;
	struct schib schib;
	struct irb irb;

	assert_int_equal(hw_unplug("0.0.1000", &error), 0);
	assert_int_equal(hw_stsch(u.hw, &schib), 3);
	assert_int_equal(unit_start(&u, 0, GUEST_CCWS), 3);
	assert_int_equal(hw_hsch(u.hw), 3);
	assert_int_equal(hw_csch(u.hw), 3);
	assert_int_equal(hw_xsch(u.hw), 3);
	assert_int_equal(hw_tsch(u.hw, &irb), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_read_fills_memory, plug, unplug),
		cmocka_unit_test_setup_teardown(commands_are_chained, plug, unplug),
		cmocka_unit_test_setup_teardown(an_unplugged_one_is_not_operational, plug, unplug),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
