/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Channel paths: which one a program takes, and what becomes of it when that goes away. */
#include <errno.h>

#include "../unit/cmocka_umdev.h"
#include "puppet.h"

static struct machine m;
static struct unit u;

static int plug(void **state)
{
	machine_start(&m);
	puppet_register();
	unit_plug(&u, &m, "0.0.1000:puppet,chpids=20.21.3f");
	return 0;
}

static int unplug(void **state)
{
	unit_finish(&u);
	puppet_unregister();
	machine_stop(&m);
	return 0;
}

static void masks(uint8_t pam, uint8_t pom)
{
	struct schib schib = unit_schib(&u);

	assert_int_equal(schib.pmcw.pim, 0xe0);
	assert_int_equal(schib.pmcw.pam, pam);
	assert_int_equal(schib.pmcw.pom, pom);
}

/* A program with this mask of paths takes this one. */
static void takes(uint8_t lpm, uint8_t path)
{
	guest_reset(&u.guest, true);
	unit_assert_good(&u, (uint32_t)lpm << 8, guest_ccw(&u.guest, 0x07, 0, 0, 0));
	assert_int_equal(puppet->path, path);
	assert_int_equal(unit_schib(&u).pmcw.lpum, path);
	assert_int_equal(unit_schib(&u).pmcw.pnom, 0);
}

static void active_on(uint8_t lpm)
{
	puppet->act[0x07].hold = true;
	guest_reset(&u.guest, true);
	assert_int_equal(unit_start(&u, (uint32_t)lpm << 8, guest_ccw(&u.guest, 0x07, 0, 0, 0)), 0);
	unit_wait_active(&u);
}

static void the_first_path_that_may_be_used(void **state)
{
	assert_int_equal(unit_schib(&u).pmcw.chpid[1], 0x21);
	masks(0xe0, 0xff);
	takes(0xff, 0x80);
	takes(0x7f, 0x40);
	takes(0x20, 0x20);
	assert_int_equal(unit_start(&u, 0x1f00, GUEST_CCWS), 3);
	assert_int_equal(unit_modify(&u, true, true, 0x60), 0);
	takes(0xff, 0x40);
	assert_int_equal(unit_start(&u, 0x8000, GUEST_CCWS), 3);
}

static void a_cable_is_pulled(void **state)
{
	struct hw_path_state path;

	m.nr_crws = 0;
	assert_int_equal(hw_path_set(0x20, false), 0);
	masks(0x60, 0x7f);
	path = hw_path_get(0x20);
	assert_true(path.exists && path.configured && !path.operational);
	assert_int_equal(path.type, 0x1b);
	takes(0xff, 0x40);
	assert_int_equal(unit_start(&u, 0x8000, GUEST_CCWS), 3);
	/* It is told once. */
	assert_int_equal(hw_path_set(0x20, false), 0);
	assert_int_equal(hw_path_set(0x20, true), 0);
	masks(0xe0, 0xff);
	takes(0xff, 0x80);
	assert_int_equal(m.nr_crws, 2);
	assert_int_equal(CRW_RSC(m.crw[0].flags), CRW_RSC_CPATH);
	assert_int_equal(CRW_ERC(m.crw[0].flags), CRW_ERC_PERRN);
	assert_int_equal(m.crw[0].rsid, 0x20);
	assert_int_equal(CRW_ERC(m.crw[1].flags), CRW_ERC_INIT);
}

static void a_path_in_standby(void **state)
{
	assert_int_equal(hw_path_configure(0x21, false), 0);
	masks(0xa0, 0xff);
	takes(0x7f, 0x20);
	assert_false(hw_path_get(0x21).configured);
	/* Both have to be right; a report comes when that changes. */
	m.nr_crws = 0;
	assert_int_equal(hw_path_set(0x21, false), 0);
	assert_int_equal(hw_path_configure(0x21, true), 0);
	masks(0xa0, 0xbf);
	assert_int_equal(m.nr_crws, 0);
	assert_int_equal(hw_path_set(0x21, true), 0);
	masks(0xe0, 0xff);
	assert_int_equal(m.nr_crws, 1);
	assert_int_equal(CRW_ERC(m.crw[0].flags), CRW_ERC_INIT);
}

static void a_path_that_is_none(void **state)
{
	m.nr_crws = 0;
	assert_int_equal(hw_path_set(0x22, false), -ENODEV);
	assert_int_equal(hw_path_configure(0x22, true), -ENODEV);
	assert_false(hw_path_get(0x22).exists);
	assert_int_equal(m.nr_crws, 0);
}

static void a_path_stays_when_its_devices_go(void **state)
{
	struct hw_error error;
	struct unit other;

	unit_plug(&other, &m, "0.0.2000:null,chpids=55");
	assert_int_equal(hw_path_set(0x55, false), 0);
	assert_int_equal(hw_unplug("0.0.2000", &error), 0);
	unit_finish(&other);
	assert_true(hw_path_get(0x55).exists);
	unit_plug(&other, &m, "0.0.2000:null,chpids=55");
	assert_int_equal(unit_schib(&other).pmcw.pam, 0);
	assert_int_equal(unit_schib(&other).pmcw.pim, 0x80);
	unit_finish(&other);
}

static void the_path_of_a_program_goes_away(void **state)
{
	struct irb irb;

	active_on(0x40);
	/* Others do not matter. */
	assert_int_equal(hw_path_set(0x20, false), 0);
	assert_int_equal(unit_schib(&u).scsw.ctrl & SCSW_ACTL_DEVACT, SCSW_ACTL_DEVACT);
	assert_int_equal(hw_path_set(0x21, false), 0);
	unit_wait(&u, &irb);
	status_is(&irb, STCTL_ALERT, DSTAT_END, SCHN_STAT_INTF_CTRL);
	/* A logout with the path. */
	assert_int_equal(irb.scsw.flags & SCSW_FLAGS_ESWF, SCSW_FLAGS_ESWF);
	assert_int_equal(irb.esw[0], 0x00404000);
	assert_int_equal(u.guest.ended, 1);
	assert_int_equal(puppet->stops, 1);
	puppet->act[0x07].hold = false;
	takes(0xff, 0x20);
	assert_int_equal(unit_schib(&u).scsw.flags & SCSW_FLAGS_ESWF, 0);
	assert_int_equal(puppet->resets, 0);
}

static void the_path_of_a_start_goes_away(void **state)
{
	struct irb irb;

	/* Its device end is missing, so the next start waits. */
	puppet->act[0x07].dstat = DEV_STAT_CHN_END;
	unit_run(&u, 0, guest_ccw(&u.guest, 0x07, 0, 0, 0), &irb);
	assert_int_equal(unit_start(&u, 0xc000, GUEST_CCWS), 0);
	assert_int_equal(hw_path_set(0x20, false), 0);
	cu_device_unsolicited(&puppet->dev, DEV_STAT_DEV_END, NULL, 0);
	/* There is another one, and the first is told of. */
	unit_wait(&u, &irb);
	assert_int_equal(irb.scsw.flags & (SCSW_FLAGS_PNO | SCSW_FLAGS_CC), SCSW_FLAGS_PNO);
	assert_int_equal(unit_schib(&u).pmcw.pnom, 0x80);
	assert_int_equal(unit_schib(&u).pmcw.lpum, 0x40);
	assert_int_equal(unit_start(&u, 0x4000, GUEST_CCWS), 0);
	assert_int_equal(unit_schib(&u).pmcw.pnom, 0);
	assert_int_equal(hw_path_set(0x21, false), 0);
	cu_device_unsolicited(&puppet->dev, DEV_STAT_DEV_END, NULL, 0);
	unit_wait(&u, &irb);
	/* As always, the memory is nobody's any more then. */
	assert_int_equal(u.guest.ended, 3);
	status_is(&irb, STCTL_ALERT, 0, 0);
	assert_int_equal(irb.scsw.flags & (SCSW_FLAGS_PNO | SCSW_FLAGS_CC),
			 SCSW_FLAGS_PNO | SCSW_FLAGS_CC);
	assert_int_equal(unit_schib(&u).pmcw.pnom, 0x40);
	assert_int_equal(unit_schib(&u).scsw.flags & SCSW_FLAGS_PNO, 0);
	assert_int_equal(puppet->begun, 2);
}

static void the_last_path_takes_the_devices_state_with_it(void **state)
{
	assert_int_equal(hw_path_set(0x20, false), 0);
	assert_int_equal(hw_path_set(0x21, false), 0);
	assert_int_equal(hw_path_set(0x3f, false), 0);
	assert_int_equal(unit_start(&u, 0, GUEST_CCWS), 3);
	assert_int_equal(hw_path_set(0x3f, true), 0);
	takes(0xff, 0x20);
	assert_int_equal(puppet->resets, 1);
	assert_int_equal(puppet->system_resets, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, plug, unplug)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_first_path_that_may_be_used),
		T(a_cable_is_pulled),
		T(a_path_in_standby),
		T(a_path_that_is_none),
		T(a_path_stays_when_its_devices_go),
		T(the_path_of_a_program_goes_away),
		T(the_path_of_a_start_goes_away),
		T(the_last_path_takes_the_devices_state_with_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
