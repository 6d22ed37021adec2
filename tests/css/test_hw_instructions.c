/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each instruction in each state of a subchannel: condition codes, and what comes of them. */
#include <errno.h>
#include <unistd.h>

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

/* ---- states ---- */

static void disabled(void)
{
	assert_int_equal(unit_modify(&u, false, true, 0xff), 0);
}

static void idle(void)
{
}

/* A program whose device end is missing: a start has to wait for it. */
static void start_pending(void)
{
	struct irb irb;

	puppet->act[0x07].dstat = DEV_STAT_CHN_END;
	unit_run(&u, 0, guest_ccw(&u.guest, 0x07, 0, 0, 0), &irb);
	assert_int_equal(unit_start(&u, 0, guest_ccw(&u.guest, CCW_CMD_READ, 0, 8, GUEST_DATA)), 0);
	assert_int_equal(unit_schib(&u).scsw.ctrl & SCSW_ACTL_START_PEND, SCSW_ACTL_START_PEND);
}

/* A command that does not end by itself. */
static void active(void)
{
	puppet->act[CCW_CMD_WRITE].hold = true;
	assert_int_equal(unit_start(&u, 0, guest_ccw(&u.guest, CCW_CMD_WRITE, 0, 8, GUEST_DATA)),
			 0);
	unit_wait_active(&u);
}

static void status_pending(void)
{
	u.on_interrupt = leave;
	assert_int_equal(unit_start(&u, 0, guest_ccw(&u.guest, CCW_CMD_READ, 0, 8, GUEST_DATA)), 0);
	wait_interrupts(1);
}

/* The same, with intermediate status. */
static void intermediate(void)
{
	u.on_interrupt = leave;
	puppet->act[CCW_CMD_WRITE].hold = true;
	assert_int_equal(
		unit_start(&u, 0, guest_ccw(&u.guest, CCW_CMD_WRITE, CCW_FLAG_PCI, 8, GUEST_DATA)),
		0);
	wait_interrupts(1);
}

/* A device that does not listen. */
static void halt_pending(void)
{
	puppet->act[CCW_CMD_WRITE].deaf = true;
	active();
	assert_int_equal(hw_hsch(u.hw), 0);
}

static void clear_pending(void)
{
	puppet->hold_reset = true;
	assert_int_equal(hw_csch(u.hw), 0);
}

static void halted(void)
{
	u.on_interrupt = leave;
	assert_int_equal(hw_hsch(u.hw), 0);
	wait_interrupts(1);
}

static void gone(void)
{
	struct hw_error error;

	assert_int_equal(hw_unplug("0.0.1000", &error), 0);
}

/* ---- condition codes ---- */

static int do_ssch(void)
{
	return unit_start(&u, 0, guest_ccw(&u.guest, CCW_CMD_READ, 0, 8, GUEST_DATA));
}

static int do_msch(void)
{
	struct schib schib = { .pmcw = { .flags = PMCW_ENA, .lpm = 0xff } };

	return hw_msch(u.hw, &schib);
}

static int do_hsch(void)
{
	return hw_hsch(u.hw);
}

static int do_csch(void)
{
	return hw_csch(u.hw);
}

static int do_xsch(void)
{
	return hw_xsch(u.hw);
}

static int do_tsch(void)
{
	struct irb irb;

	return hw_tsch(u.hw, &irb);
}

static int do_stsch(void)
{
	struct schib schib;

	return hw_stsch(u.hw, &schib);
}

static const struct {
	const char *name;
	int (*execute)(void);
} instructions[] = {
	{ "ssch", do_ssch }, { "msch", do_msch }, { "hsch", do_hsch },	 { "csch", do_csch },
	{ "xsch", do_xsch }, { "tsch", do_tsch }, { "stsch", do_stsch },
};

static const struct {
	const char *name;
	void (*enter)(void);
	int cc[ARRAY_SIZE(instructions)];
} states[] = {
	{ "disabled", disabled, { 3, 0, 3, 3, 3, 3, 0 } },
	{ "idle", idle, { 0, 0, 0, 0, 2, 1, 0 } },
	{ "start pending", start_pending, { 2, 2, 0, 0, 0, 1, 0 } },
	{ "active", active, { 2, 2, 0, 0, 2, 1, 0 } },
	{ "status pending", status_pending, { 1, 1, 1, 0, 1, 0, 0 } },
	{ "intermediate status", intermediate, { 1, 1, 0, 0, 1, 0, 0 } },
	{ "halt pending", halt_pending, { 2, 2, 2, 0, 2, 1, 0 } },
	{ "clear pending", clear_pending, { 2, 2, 2, 0, 2, 1, 0 } },
	{ "halted, status pending", halted, { 1, 1, 1, 0, 1, 0, 0 } },
	{ "gone", gone, { 3, 3, 3, 3, 3, 3, 3 } },
};

static void condition_codes(void **state)
{
	int cc;

	for (unsigned int s = 0; s < ARRAY_SIZE(states); s++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(instructions); i++) {
			plug(state);
			states[s].enter();
			cc = instructions[i].execute();
			if (cc != states[s].cc[i])
				fail_msg("%s when %s: %d, expected %d", instructions[i].name,
					 states[s].name, cc, states[s].cc[i]);
			if (puppet)
				puppet_go();
			unplug(state);
		}
	}
}

static void what_may_be_modified(void **state)
{
	struct schib schib, before = unit_schib(&u);

	memset(&schib, 0xff, sizeof(schib));
	schib.pmcw.lpm = 0x80;
	schib.pmcw.intparm = 0x55;
	assert_int_equal(hw_msch(u.hw, &schib), 0);
	schib = unit_schib(&u);
	assert_int_equal(schib.pmcw.flags, PMCW_ENA | PMCW_ISC | PMCW_MP | PMCW_DNV);
	assert_int_equal(schib.pmcw.word6, PMCW_CSENSE);
	assert_int_equal(schib.pmcw.lpm, 0x80);
	assert_int_equal(schib.pmcw.intparm, 0x55);
	assert_int_equal(schib.pmcw.dev, before.pmcw.dev);
	assert_int_equal(schib.pmcw.pim, before.pmcw.pim);
	assert_int_equal(schib.pmcw.pam, before.pmcw.pam);
	assert_int_equal(schib.pmcw.mbi, before.pmcw.mbi);
	assert_int_equal(schib.scsw.ctrl, 0);
	assert_int_equal(schib.mba, before.mba);
	assert_memory_equal(schib.pmcw.chpid, before.pmcw.chpid, 8);
}

/* ---- halt ---- */

static void halting_nothing(void **state)
{
	struct irb irb;

	assert_int_equal(hw_hsch(u.hw), 0);
	unit_wait(&u, &irb);
	assert_int_equal(irb.scsw.ctrl, SCSW_FCTL_HALT | SCSW_STCTL_STATUS);
	status_is(&irb, SCSW_STCTL_STATUS, 0, 0);
	assert_int_equal(irb.scsw.flags, 0);
	assert_int_equal(unit_schib(&u).scsw.ctrl, 0);
}

static void halting_a_program(void **state)
{
	struct irb irb;

	active();
	assert_int_equal(hw_hsch(u.hw), 0);
	unit_wait(&u, &irb);
	assert_int_equal(irb.scsw.ctrl, SCSW_FCTL_START | SCSW_FCTL_HALT | STCTL_END);
	status_is(&irb, STCTL_END, DSTAT_END, 0);
	assert_int_equal(irb.scsw.cpa, GUEST_CCWS + 8);
	assert_int_equal(puppet->stops, 1);
	assert_int_equal(puppet->resets, 0);
	assert_int_equal(puppet->ended, 1);
	assert_int_equal(u.guest.ended, 1);
	/* Nothing of it is left for the next one. */
	unit_assert_good(&u, 0, guest_ccw(&u.guest, CCW_CMD_READ, 0, 8, GUEST_DATA));
}

static void what_is_halted_gets_no_data(void **state)
{
	struct irb irb;

	puppet->act[CCW_CMD_READ].hold = true;
	assert_int_equal(unit_start(&u, 0, guest_ccw(&u.guest, CCW_CMD_READ, 0, 8, GUEST_DATA)), 0);
	unit_wait_active(&u);
	assert_int_equal(hw_hsch(u.hw), 0);
	unit_wait(&u, &irb);
	assert_int_equal(puppet->result, -EIO);
	assert_int_equal(u.guest.ram[GUEST_DATA], 0);
	assert_int_equal(irb.scsw.count, 8);
}

static void halting_before_the_first_command(void **state)
{
	struct irb irb;

	puppet->hold_begin = true;
	assert_int_equal(unit_start(&u, 0, guest_ccw(&u.guest, CCW_CMD_READ, 0, 8, GUEST_DATA)), 0);
	unit_wait_active(&u);
	assert_int_equal(hw_hsch(u.hw), 0);
	puppet_go();
	unit_wait(&u, &irb);
	assert_int_equal(irb.scsw.ctrl, SCSW_FCTL_START | SCSW_FCTL_HALT | SCSW_STCTL_STATUS);
	assert_int_equal(puppet->nr_codes, 0);
}

static void halting_after_other_status(void **state)
{
	struct irb irb;

	/* What it said is over. */
	unit_run(&u, 0, guest_ccw(&u.guest, 0x17, 0, 8, GUEST_DATA), &irb);
	assert_int_equal(irb.scsw.dstat, DSTAT_END | DEV_STAT_UNIT_CHECK);
	halting_nothing(state);
}

/* The start finds no path; when it gives its memory back, it is halted. */
static void halt(struct guest *g)
{
	assert_int_equal(hw_hsch(u.hw), 0);
}

static void halting_what_found_no_path(void **state)
{
	struct irb irb;

	start_pending();
	u.guest.on_end = halt;
	assert_int_equal(hw_path_set(0x10, false), 0);
	cu_device_unsolicited(&puppet->dev, DEV_STAT_DEV_END, NULL, 0);
	unit_wait(&u, &irb);
	assert_int_equal(irb.scsw.ctrl, SCSW_FCTL_START | SCSW_FCTL_HALT | SCSW_STCTL_STATUS);
	assert_int_equal(u.interrupts, 2);
}

static void halting_what_waits(void **state)
{
	struct irb irb;

	start_pending();
	assert_int_equal(hw_hsch(u.hw), 0);
	unit_wait(&u, &irb);
	assert_int_equal(irb.scsw.ctrl, SCSW_FCTL_START | SCSW_FCTL_HALT | SCSW_STCTL_STATUS);
	guest_wait_end(&u.guest, 2);
	assert_int_equal(puppet->begun, 1);
}

static void halting_after_intermediate_status(void **state)
{
	struct irb irb;

	intermediate();
	assert_int_equal(hw_hsch(u.hw), 0);
	wait_interrupts(2);
	assert_int_equal(hw_tsch(u.hw, &irb), 0);
	status_is(&irb, STCTL_END, DSTAT_END, 0);
	assert_int_equal(irb.scsw.ctrl & SCSW_FCTL, SCSW_FCTL_START | SCSW_FCTL_HALT);
}

/* ---- clear ---- */

static void cleared(unsigned int ended)
{
	struct irb irb;

	assert_int_equal(hw_csch(u.hw), 0);
	if (u.on_interrupt) {
		wait_interrupts(2);
		assert_int_equal(hw_tsch(u.hw, &irb), 0);
	} else {
		unit_wait(&u, &irb);
	}
	assert_int_equal(irb.scsw.ctrl, SCSW_FCTL_CLEAR | SCSW_STCTL_STATUS);
	assert_int_equal(irb.scsw.flags, 0);
	assert_int_equal(irb.scsw.dstat, 0);
	assert_int_equal(irb.scsw.cstat, 0);
	assert_int_equal(puppet->resets, 1);
	assert_int_equal(puppet->system_resets, 0);
	assert_int_equal(u.guest.ended, ended);
	assert_int_equal(unit_schib(&u).scsw.ctrl, 0);
	assert_int_equal(unit_schib(&u).pmcw.lpum, 0);
	assert_int_equal(unit_schib(&u).pmcw.pnom, 0);
	if (!u.on_interrupt)
		unit_assert_good(&u, 0, guest_ccw(&u.guest, CCW_CMD_READ, 0, 8, GUEST_DATA));
}

static void clearing_nothing(void **state)
{
	cleared(0);
}

static void clearing_a_program(void **state)
{
	active();
	cleared(1);
}

static void clearing_what_waits(void **state)
{
	start_pending();
	cleared(2);
}

static void clearing_intermediate_status(void **state)
{
	intermediate();
	cleared(1);
}

static void clearing_status(void **state)
{
	struct irb irb;

	status_pending();
	assert_int_equal(hw_csch(u.hw), 0);
	wait_interrupts(2);
	assert_int_equal(hw_tsch(u.hw, &irb), 0);
	assert_int_equal(irb.scsw.ctrl, SCSW_FCTL_CLEAR | SCSW_STCTL_STATUS);
	assert_int_equal(hw_tsch(u.hw, &irb), 1);
}

/* ---- cancel ---- */

static void cancelling_what_waits(void **state)
{
	struct irb irb;

	start_pending();
	assert_int_equal(hw_xsch(u.hw), 0);
	guest_wait_end(&u.guest, 2);
	assert_int_equal(unit_schib(&u).scsw.ctrl, SCSW_ACTL_DEVACT);
	assert_int_equal(hw_xsch(u.hw), 2);
	/* Nothing came of it, so the device's end is what is told. */
	cu_device_unsolicited(&puppet->dev, DEV_STAT_DEV_END, NULL, 0);
	unit_wait(&u, &irb);
	status_is(&irb, SCSW_STCTL_SEC | SCSW_STCTL_STATUS, DEV_STAT_DEV_END, 0);
	assert_int_equal(puppet->begun, 1);
	assert_int_equal(u.interrupts, 2);
}

static void a_start_that_waited_goes_on(void **state)
{
	struct irb irb;

	start_pending();
	cu_device_unsolicited(&puppet->dev, DEV_STAT_DEV_END, NULL, 0);
	unit_wait(&u, &irb);
	status_is(&irb, STCTL_END, DSTAT_END, 0);
	assert_int_equal(puppet->begun, 2);
}

/* ---- enabling ---- */

static void disabling_resets_the_device(void **state)
{
	for (unsigned int i = 0; i < 100; i++) {
		assert_int_equal(unit_modify(&u, false, true, 0xff), 0);
		assert_int_equal(unit_modify(&u, true, true, 0xff), 0);
		unit_assert_good(&u, 0, guest_ccw(&u.guest, CCW_CMD_READ, 0, 8, GUEST_DATA));
		assert_int_equal(puppet->resets, i + 1);
		assert_int_equal(puppet->system_resets, i + 1);
	}
}

static void unplugging_a_program(void **state)
{
	active();
	gone();
	assert_int_equal(u.guest.ended, 1);
	assert_int_equal(u.interrupts, 0);
	assert_null(puppet);
}

/* ---- calls that last ---- */

static void *unplug_it(void *data)
{
	gone();
	return NULL;
}

static void unplugging_while_the_device_is_reset(void **state)
{
	pthread_t thread;

	puppet->hold_reset = true;
	assert_int_equal(hw_csch(u.hw), 0);
	while (!__atomic_load_n(&puppet->resets, __ATOMIC_RELAXED))
		usleep(100);
	assert_int_equal(pthread_create(&thread, NULL, unplug_it, NULL), 0);
	while (do_stsch() != 3)
		usleep(100);
	puppet_go();
	pthread_join(thread, NULL);
	assert_int_equal(u.interrupts, 0);
}

static void *halt_it(void *data)
{
	hw_hsch(u.hw);
	return NULL;
}

static void unplugging_while_a_command_is_stopped(void **state)
{
	pthread_t halts, unplugs;
	struct hw_sch *hw = u.hw;

	puppet->hold_stop = true;
	active();
	assert_int_equal(pthread_create(&halts, NULL, halt_it, NULL), 0);
	while (!__atomic_load_n(&puppet->in_stop, __ATOMIC_SEQ_CST))
		usleep(100);
	/* Its program has ended; but who halts it is still with the device. */
	guest_wait_end(&u.guest, 1);
	puppet->hold_stop = false;
	assert_int_equal(pthread_create(&unplugs, NULL, unplug_it, NULL), 0);
	while (do_stsch() != 3)
		usleep(100);
	/* A chance to do it wrong. */
	usleep(20000);
	assert_ptr_equal(hw, u.hw);
	if (puppet)
		puppet_go();
	pthread_join(unplugs, NULL);
	pthread_join(halts, NULL);
	assert_false(puppet_cut_off);
}

static void one_that_does_not_leave_is_in_nobodys_way(void **state)
{
	struct hw_error error;
	pthread_t thread;
	char text[256];

	puppet->act[CCW_CMD_WRITE].deaf = true;
	active();
	assert_int_equal(pthread_create(&thread, NULL, unplug_it, NULL), 0);
	while (do_stsch() != 3)
		usleep(100);
	assert_int_equal(hw_plug("0.0.1001:null,length=1", &error), 0);
	hw_show(text, sizeof(text));
	assert_string_equal(text, "0.0.1001:null,sch=0.0000,chpids=10,length=1 disabled\n");
	assert_int_equal(hw_path_set(0x10, false), 0);
	puppet_go();
	pthread_join(thread, NULL);
	assert_int_equal(u.guest.ended, 1);
}

static int returned;

static void take_long(struct unit *unit)
{
	usleep(20000);
	__atomic_store_n(&returned, 1, __ATOMIC_SEQ_CST);
}

static void a_new_user_waits_for_the_interrupts_of_the_one_before(void **state)
{
	u.on_interrupt = take_long;
	assert_int_equal(do_ssch(), 0);
	wait_interrupts(1);
	hw_sch_set_data(u.hw, NULL);
	assert_int_equal(__atomic_load_n(&returned, __ATOMIC_SEQ_CST), 1);
}

static void a_user_leaves_in_its_interrupt_itself(struct unit *unit)
{
	hw_sch_set_data(unit->hw, NULL);
	__atomic_store_n(&returned, 2, __ATOMIC_SEQ_CST);
}

static void a_user_may_leave_in_an_interrupt(void **state)
{
	u.on_interrupt = a_user_leaves_in_its_interrupt_itself;
	assert_int_equal(do_ssch(), 0);
	while (__atomic_load_n(&returned, __ATOMIC_SEQ_CST) != 2)
		usleep(100);
}

static void unplugging_what_waits(void **state)
{
	start_pending();
	gone();
	assert_int_equal(u.guest.ended, 2);
	assert_int_equal(u.interrupts, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, plug, unplug)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(condition_codes),
		T(what_may_be_modified),
		T(halting_nothing),
		T(halting_a_program),
		T(what_is_halted_gets_no_data),
		T(halting_before_the_first_command),
		T(halting_after_other_status),
		T(halting_what_found_no_path),
		T(halting_what_waits),
		T(halting_after_intermediate_status),
		T(clearing_nothing),
		T(clearing_a_program),
		T(clearing_what_waits),
		T(clearing_intermediate_status),
		T(clearing_status),
		T(cancelling_what_waits),
		T(a_start_that_waited_goes_on),
		T(disabling_resets_the_device),
		T(unplugging_a_program),
		T(unplugging_what_waits),
		T(unplugging_while_the_device_is_reset),
		T(unplugging_while_a_command_is_stopped),
		T(one_that_does_not_leave_is_in_nobodys_way),
		T(a_new_user_waits_for_the_interrupts_of_the_one_before),
		T(a_user_may_leave_in_an_interrupt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
