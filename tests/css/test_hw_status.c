/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the status says: of programs, of devices that speak up, and of what they sense. */
#include <unistd.h>

#include "../unit/cmocka_umdev.h"
#include "puppet.h"

static struct machine m;
static struct unit u;

static int plug(void **state)
{
	machine_start(&m);
	puppet_register();
	unit_plug(&u, &m, "0.0.1000:puppet,chpids=20.21");
	return 0;
}

static int unplug(void **state)
{
	unit_finish(&u);
	puppet_unregister();
	machine_stop(&m);
	return 0;
}

/* For interrupts that nobody takes. */
static void leave(struct unit *unit)
{
}

static void wait_interrupts(unsigned int nr)
{
	pthread_mutex_lock(&u.lock);
	while (u.interrupts < nr)
		pthread_cond_wait(&u.cond, &u.lock);
	pthread_mutex_unlock(&u.lock);
}

/* ---- programs ---- */

static void what_the_orb_says_is_shown(void **state)
{
	uint32_t at = guest_ccw(&u.guest, 0x07, 0, 0, 0);
	struct irb irb;

	unit_run(&u, UINT32_C(0xa0000000) | ORB_SPND | ORB_PFCH | ORB_ALCC | ORB_SSIC, at, &irb);
	assert_int_equal(irb.scsw.flags, 0xa000 | SCSW_FLAGS_SCTL | SCSW_FLAGS_FMT |
						 SCSW_FLAGS_PFCH | SCSW_FLAGS_ALCC |
						 SCSW_FLAGS_SSI);
	assert_int_equal(irb.scsw.ctrl, SCSW_FCTL_START | STCTL_END);
	assert_int_equal(irb.esw[0], 0x00800000);
	assert_int_equal(irb.esw[1], 0);
	assert_int_equal(unit_schib(&u).pmcw.intparm, 0x12345678);
	assert_int_equal(unit_schib(&u).pmcw.lpum, 0x80);
	assert_int_equal(unit_schib(&u).scsw.ctrl, 0);
}

static void a_device_hears_where_programs_begin_and_end(void **state)
{
	uint32_t at = guest_ccw(&u.guest, 0x07, CCW_FLAG_CC, 0, 0);

	guest_ccw(&u.guest, 0x07, 0, 0, 0);
	unit_assert_good(&u, 0x4000, at);
	assert_int_equal(puppet->begun, 1);
	assert_int_equal(puppet->ended, 1);
	assert_int_equal(puppet->path, 0x40);
	assert_int_equal(puppet->cmd.path, 0x40);
	assert_int_equal(puppet->stops, 0);
	assert_int_equal(puppet->resets, 0);
}

static void unusual_status_ends_a_chain(void **state)
{
	static const uint8_t unusual[] = {
		DEV_STAT_UNIT_EXCEP, DEV_STAT_UNIT_CHECK, DEV_STAT_ATTENTION,
		DEV_STAT_BUSY,	     DEV_STAT_CU_END,	  DEV_STAT_UNIT_EXCEP | DEV_STAT_STAT_MOD
	};
	uint32_t at = guest_ccw(&u.guest, 0x07, CCW_FLAG_CC | CCW_FLAG_SLI, 1, 0);
	struct irb irb;

	guest_ccw(&u.guest, CCW_CMD_READ, 0, 8, GUEST_DATA);
	for (unsigned int i = 0; i < ARRAY_SIZE(unusual); i++) {
		puppet->nr_codes = 0;
		puppet->act[0x07].dstat = DSTAT_END | unusual[i];
		unit_run(&u, 0, at, &irb);
		status_is(&irb, STCTL_ALERT, DSTAT_END | unusual[i], 0);
		assert_int_equal(irb.scsw.cpa, at + 8);
		assert_int_equal(puppet->nr_codes, 1);
	}
}

static void a_status_modifier_skips_a_ccw(void **state)
{
	uint32_t at = guest_ccw(&u.guest, 0x07, CCW_FLAG_CC | CCW_FLAG_SLI, 1, 0);

	guest_tic(&u.guest, at);
	guest_ccw(&u.guest, CCW_CMD_READ, 0, 8, GUEST_DATA);
	puppet->act[0x07].dstat = DSTAT_END | DEV_STAT_STAT_MOD;
	unit_assert_good(&u, 0, at);
	assert_int_equal(puppet->nr_codes, 2);
	assert_int_equal(puppet->codes[1], CCW_CMD_READ);
}

/* ---- channel end and device end one after the other ---- */

static void device_end_comes_later(void **state)
{
	uint32_t at = guest_ccw(&u.guest, 0x07, 0, 0, 0);
	struct irb irb;

	puppet->act[0x07].dstat = DEV_STAT_CHN_END;
	unit_run(&u, 0, at, &irb);
	status_is(&irb, SCSW_STCTL_PRIM | SCSW_STCTL_STATUS, DEV_STAT_CHN_END, 0);
	assert_int_equal(irb.scsw.ctrl & SCSW_ACTL, SCSW_ACTL_DEVACT);
	assert_int_equal(unit_schib(&u).scsw.ctrl, SCSW_ACTL_DEVACT);
	cu_device_unsolicited(&puppet->dev, DEV_STAT_DEV_END, NULL, 0);
	unit_wait(&u, &irb);
	status_is(&irb, SCSW_STCTL_SEC | SCSW_STCTL_STATUS, DEV_STAT_DEV_END, 0);
	assert_int_equal(unit_schib(&u).scsw.ctrl, 0);
}

static void a_chain_waits_for_device_end(void **state)
{
	uint32_t at = guest_ccw(&u.guest, 0x07, CCW_FLAG_CC, 0, 0);
	struct irb irb;

	guest_ccw(&u.guest, CCW_CMD_READ, 0, 8, GUEST_DATA);
	puppet->act[0x07].dstat = DEV_STAT_CHN_END | DEV_STAT_STAT_MOD;
	guest_ccw(&u.guest, CCW_CMD_READ, 0, 8, GUEST_DATA);
	assert_int_equal(unit_start(&u, 0, at), 0);
	/* Attention is for later. */
	cu_device_unsolicited(&puppet->dev, DEV_STAT_DEV_END | DEV_STAT_ATTENTION, NULL, 0);
	unit_wait(&u, &irb);
	status_is(&irb, STCTL_END, DSTAT_END, 0);
	assert_int_equal(irb.scsw.cpa, at + 24);
	unit_wait(&u, &irb);
	status_is(&irb, SCSW_STCTL_ALERT | SCSW_STCTL_STATUS, DEV_STAT_ATTENTION, 0);
}

static void a_chain_that_waits_is_halted(void **state)
{
	uint32_t at = guest_ccw(&u.guest, 0x07, CCW_FLAG_CC, 0, 0);
	struct irb irb;

	guest_ccw(&u.guest, CCW_CMD_READ, 0, 8, GUEST_DATA);
	puppet->act[0x07].dstat = DEV_STAT_CHN_END;
	assert_int_equal(unit_start(&u, 0, at), 0);
	unit_wait_active(&u);
	assert_int_equal(hw_hsch(u.hw), 0);
	unit_wait(&u, &irb);
	assert_int_equal(irb.scsw.ctrl & SCSW_FCTL, SCSW_FCTL_START | SCSW_FCTL_HALT);
	assert_int_equal(unit_schib(&u).scsw.ctrl & SCSW_FCTL, 0);
}

/* ---- sense ---- */

static void run_unit_check(struct irb *irb)
{
	guest_reset(&u.guest, true);
	puppet->act[0x07] = (struct act) { .dstat = DSTAT_END | DEV_STAT_UNIT_CHECK,
					   .sense = SENSE_INTERVENTION_REQ };
	unit_run(&u, 0, guest_ccw(&u.guest, 0x07, 0, 0, 0), irb);
}

/* BASIC SENSE, which has to tell this first byte. */
static void sense_is(uint8_t sense)
{
	guest_reset(&u.guest, true);
	memset(u.guest.ram + GUEST_DATA, 0xff, 40);
	unit_assert_good(&u, 0, guest_ccw(&u.guest, CCW_CMD_BASIC_SENSE, 0, 32, GUEST_DATA));
	assert_int_equal(u.guest.ram[GUEST_DATA], sense);
	assert_int_equal(u.guest.ram[GUEST_DATA + 31], 0);
	assert_int_equal(u.guest.ram[GUEST_DATA + 32], 0xff);
}

static void sense_comes_with_the_status(void **state)
{
	struct irb irb;

	run_unit_check(&irb);
	status_is(&irb, STCTL_ALERT, DSTAT_END | DEV_STAT_UNIT_CHECK, 0);
	assert_int_equal(irb.scsw.flags & SCSW_FLAGS_ECTL, SCSW_FLAGS_ECTL);
	assert_int_equal(irb.esw[1], 0x01200000);
	assert_int_equal(irb.ecw[0], SENSE_INTERVENTION_REQ);
	assert_int_equal(irb.ecw[1], 0);
	/* It is told once. */
	sense_is(0);
	unit_run(&u, 0, guest_ccw(&u.guest, CCW_CMD_NOOP, 0, 0, 0), &irb);
	assert_int_equal(irb.scsw.flags & SCSW_FLAGS_ECTL, 0);
	assert_int_equal(irb.esw[1], 0);
	assert_int_equal(irb.ecw[0], 0);
}

static void the_device_keeps_its_sense(void **state)
{
	struct irb irb;

	assert_int_equal(unit_modify(&u, true, false, 0xff), 0);
	run_unit_check(&irb);
	status_is(&irb, STCTL_ALERT, DSTAT_END | DEV_STAT_UNIT_CHECK, 0);
	assert_int_equal(irb.scsw.flags & SCSW_FLAGS_ECTL, 0);
	assert_int_equal(irb.esw[1], 0);
	assert_int_equal(irb.ecw[0], 0);
	unit_assert_good(&u, 0, guest_ccw(&u.guest, CCW_CMD_NOOP, 0, 0, 0));
	sense_is(SENSE_INTERVENTION_REQ);
	sense_is(0);
	/* Another command, and nobody wants to know any more. */
	run_unit_check(&irb);
	unit_assert_good(&u, 0, guest_ccw(&u.guest, CCW_CMD_READ, 0, 8, GUEST_DATA));
	sense_is(0);
}

/* With no concurrent sense. */
static void sense_that_goes_away(void **state)
{
	struct irb irb;

	assert_int_equal(unit_modify(&u, true, false, 0xff), 0);
	run_unit_check(&irb);
	assert_int_equal(hw_csch(u.hw), 0);
	unit_wait(&u, &irb);
	sense_is(0);
	/* A command that the channel had to break off has nothing to tell. */
	puppet->act[CCW_CMD_READ].dstat = DSTAT_END | DEV_STAT_UNIT_CHECK;
	puppet->act[CCW_CMD_READ].sense = SENSE_EQUIPMENT_CHECK;
	guest_reset(&u.guest, true);
	unit_run(&u, 0, guest_ccw(&u.guest, CCW_CMD_READ, 0, 8, GUEST_SIZE), &irb);
	status_is(&irb, STCTL_ALERT, DSTAT_END, SCHN_STAT_PROG_CHECK);
	sense_is(0);
}

static void sense_id(void **state)
{
	unit_assert_good(&u, 0, guest_ccw(&u.guest, CCW_CMD_SENSE_ID, 0, 7, GUEST_DATA));
	assert_int_equal(u.guest.ram[GUEST_DATA], 0xff);
	assert_int_equal(puppet->nr_codes, 0);
}

/* ---- intermediate status ---- */

static void a_ccw_interrupts(void **state)
{
	struct irb irb;
	uint32_t at;

	at = guest_ccw(&u.guest, 0x07, CCW_FLAG_CC | CCW_FLAG_PCI, 0, 0);
	guest_ccw(&u.guest, CCW_CMD_READ, CCW_FLAG_DC, 4, GUEST_DATA);
	guest_ccw(&u.guest, 0, CCW_FLAG_PCI, 4, GUEST_DATA);
	assert_int_equal(unit_start(&u, 0, at), 0);
	for (unsigned int i = 0; i < 2; i++) {
		unit_wait(&u, &irb);
		status_is(&irb, SCSW_STCTL_INTER | SCSW_STCTL_STATUS, 0, SCHN_STAT_PCI);
		assert_int_equal(irb.scsw.cpa, at + 8 + 16 * i);
		assert_int_equal(irb.scsw.ctrl & (SCSW_FCTL | SCSW_ACTL),
				 SCSW_FCTL_START | SCSW_ACTL_SCHACT | SCSW_ACTL_DEVACT);
	}
	unit_wait(&u, &irb);
	status_is(&irb, STCTL_END, DSTAT_END, 0);
}

static void a_ccws_interrupt_is_told_with_the_end(void **state)
{
	uint32_t at = guest_ccw(&u.guest, 0x07, CCW_FLAG_PCI, 0, 0);
	struct irb irb;

	u.on_interrupt = leave;
	assert_int_equal(unit_start(&u, 0, at), 0);
	wait_interrupts(2);
	assert_int_equal(hw_tsch(u.hw, &irb), 0);
	status_is(&irb, STCTL_END | SCSW_STCTL_INTER, DSTAT_END, SCHN_STAT_PCI);
	assert_int_equal(hw_tsch(u.hw, &irb), 1);
}

static void initial_status(void **state)
{
	struct irb irb;
	uint32_t at;

	at = guest_ccw(&u.guest, CCW_CMD_READ, CCW_FLAG_CC, 8, GUEST_DATA);
	guest_ccw(&u.guest, CCW_CMD_READ, 0, 8, GUEST_DATA);
	assert_int_equal(unit_start(&u, ORB_ISIC, at), 0);
	unit_wait(&u, &irb);
	status_is(&irb, SCSW_STCTL_INTER | SCSW_STCTL_STATUS, 0, 0);
	assert_int_equal(irb.scsw.flags & SCSW_FLAGS_ZCC, SCSW_FLAGS_ZCC);
	unit_wait(&u, &irb);
	status_is(&irb, STCTL_END, DSTAT_END, 0);
	assert_int_equal(irb.scsw.flags & (SCSW_FLAGS_ZCC | SCSW_FLAGS_ISIC), SCSW_FLAGS_ISIC);
	assert_int_equal(irb.scsw.cpa, at + 16);
	/* A command that ends at once has no initial status that is zero. */
	unit_run(&u, ORB_ISIC, guest_ccw(&u.guest, 0x07, 0, 0, 0), &irb);
	assert_int_equal(u.interrupts, 3);
}

static void initial_status_of_what_is_halted(void **state)
{
	struct irb irb;

	puppet->act[CCW_CMD_READ].hold = puppet->act[CCW_CMD_READ].deaf = true;
	assert_int_equal(
		unit_start(&u, ORB_ISIC, guest_ccw(&u.guest, CCW_CMD_READ, 0, 8, GUEST_DATA)), 0);
	unit_wait_active(&u);
	assert_int_equal(hw_hsch(u.hw), 0);
	puppet_go();
	unit_wait(&u, &irb);
	status_is(&irb, STCTL_END, DSTAT_END, 0);
	assert_int_equal(u.interrupts, 1);
}

/* ---- unsolicited ---- */

static void attention_comes_when_nothing_is_under_way(void **state)
{
	uint32_t at = guest_ccw(&u.guest, 0x07, 0, 0, 0);
	struct irb irb;

	puppet->act[0x07].hold = true;
	assert_int_equal(unit_start(&u, 0, at), 0);
	unit_wait_active(&u);
	cu_device_unsolicited(&puppet->dev, DEV_STAT_ATTENTION, NULL, 0);
	cu_device_unsolicited(&puppet->dev, DEV_STAT_UNIT_CHECK, (uint8_t[]) { 0x40 }, 1);
	puppet_go();
	unit_wait(&u, &irb);
	status_is(&irb, STCTL_END, DSTAT_END, 0);
	unit_wait(&u, &irb);
	status_is(&irb, SCSW_STCTL_ALERT | SCSW_STCTL_STATUS,
		  DEV_STAT_ATTENTION | DEV_STAT_UNIT_CHECK, 0);
	assert_int_equal(irb.scsw.ctrl & (SCSW_FCTL | SCSW_ACTL), 0);
	assert_int_equal(irb.ecw[0], 0x40);
	assert_int_equal(irb.scsw.flags, SCSW_FLAGS_ECTL);
}

static void attention_waits_for_a_user(void **state)
{
	struct hw_error error;
	struct irb irb;

	assert_int_equal(unit_modify(&u, false, true, 0xff), 0);
	assert_int_equal(hw_attention("0.0.1000", DEV_STAT_ATTENTION, &error), 0);
	assert_int_equal(hw_attention("0.0.1000", DEV_STAT_DEV_END, &error), 0);
	assert_int_equal(unit_modify(&u, true, true, 0xff), 0);
	unit_wait(&u, &irb);
	status_is(&irb, SCSW_STCTL_ALERT | SCSW_STCTL_STATUS, DEV_STAT_ATTENTION | DEV_STAT_DEV_END,
		  0);
}

static void attention_does_not_come_to_a_disabled_one(void **state)
{
	struct irb irb;

	/* Its thread is still there. */
	puppet->hold_reset = true;
	assert_int_equal(unit_modify(&u, false, true, 0xff), 0);
	while (!__atomic_load_n(&puppet->resets, __ATOMIC_RELAXED))
		usleep(100);
	cu_device_unsolicited(&puppet->dev, DEV_STAT_ATTENTION, NULL, 0);
	puppet_go();
	/* A chance to do it wrong. */
	usleep(20000);
	assert_int_equal(unit_modify(&u, true, true, 0xff), 0);
	unit_wait(&u, &irb);
	assert_int_equal(irb.scsw.dstat, DEV_STAT_ATTENTION);
	assert_int_equal(u.interrupts, 1);
}

static void attention_waits_for_the_status_before_it(void **state)
{
	struct irb irb;

	u.on_interrupt = leave;
	cu_device_unsolicited(&puppet->dev, DEV_STAT_DEV_END, NULL, 0);
	wait_interrupts(1);
	cu_device_unsolicited(&puppet->dev, DEV_STAT_ATTENTION, NULL, 0);
	assert_int_equal(hw_tsch(u.hw, &irb), 0);
	assert_int_equal(irb.scsw.dstat, DEV_STAT_DEV_END);
	wait_interrupts(2);
	assert_int_equal(hw_tsch(u.hw, &irb), 0);
	assert_int_equal(irb.scsw.dstat, DEV_STAT_ATTENTION);
}

#define T(name) cmocka_unit_test_setup_teardown(name, plug, unplug)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_the_orb_says_is_shown),
		T(a_device_hears_where_programs_begin_and_end),
		T(unusual_status_ends_a_chain),
		T(a_status_modifier_skips_a_ccw),
		T(device_end_comes_later),
		T(a_chain_waits_for_device_end),
		T(a_chain_that_waits_is_halted),
		T(sense_comes_with_the_status),
		T(the_device_keeps_its_sense),
		T(sense_that_goes_away),
		T(sense_id),
		T(a_ccw_interrupts),
		T(a_ccws_interrupt_is_told_with_the_end),
		T(initial_status),
		T(initial_status_of_what_is_halted),
		T(attention_comes_when_nothing_is_under_way),
		T(attention_waits_for_a_user),
		T(attention_does_not_come_to_a_disabled_one),
		T(attention_waits_for_the_status_before_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
