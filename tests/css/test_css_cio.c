/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What drivers make of the instructions: enabling, disabling, ending what is under way. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <umdev/css.h>
#include <umdev/umdev.h>

#include "support/outside.h"

#define HANG_MS 30000
#define HOLDS	"0.0.0000" /* its commands end when they are stopped */
#define ENDS	"0.0.0001"

static struct subchannel *taken[2]; /* by number */
static unsigned int irqs;	    /* under the lock of the subchannel that is tested */
static bool ended;		    /* the same */

/* ---- a driver ---- */

static int take(struct subchannel *sch)
{
	assert_in_range(sch->schid.sch_no, 0, 1);
	taken[sch->schid.sch_no] = sch;
	return 0;
}

static void let_go(struct subchannel *sch)
{
	taken[sch->schid.sch_no] = NULL;
}

static void take_irq(struct subchannel *sch, const struct irb *irb)
{
	irqs++;
}

static const struct css_device_id ids[] = { { 1, SUBCHANNEL_TYPE_IO }, { 0 } };
static struct css_driver driver = {
	.driver = { .explicit_bind_only = true },
	.ids = ids,
	.probe = take,
	.remove = let_go,
	.irq = take_irq,
};

static int fetch_ccw(struct channel_memory *mem, uint32_t addr, bool fmt1, struct ccw1 *ccw)
{
	*ccw = (struct ccw1) { .cmd_code = CCW_CMD_WRITE, .flags = CCW_FLAG_SLI, .count = 1 };
	return 0;
}

static int read_memory(struct channel_memory *mem, uint64_t addr, void *buf, size_t len)
{
	memset(buf, 0, len);
	return 0;
}

static void end_program(struct channel_memory *mem)
{
	__atomic_store_n(&ended, true, __ATOMIC_RELEASE);
}

static const struct channel_memory_ops memory_ops = { .fetch_ccw = fetch_ccw,
						      .read = read_memory,
						      .end = end_program };
static struct channel_memory memory = { .ops = &memory_ops };

static void start(struct subchannel *sch)
{
	struct orb orb = { .word1 = ORB_FMT | ORB_PFCH | UINT32_C(0xff) << 8, .cpa = 0x1000 };

	irqs = 0;
	__atomic_store_n(&ended, false, __ATOMIC_RELEASE);
	assert_int_equal(cio_enable_subchannel(sch, 0x1234), 0);
	assert_int_equal(ssch(sch, &orb, &memory), 0);
}

/* What the subchannel is doing, as soon as it is that. */
static void wait_for(struct subchannel *sch, uint16_t ctrl)
{
	struct schib schib;

	do {
		sched_yield();
		assert_int_equal(stsch(sch, &schib), 0);
	} while (!(schib.scsw.ctrl & ctrl));
}

static int setup(void **state)
{
	assert_int_equal(umdev_start(), 0);
	assert_int_equal(css_driver_register(&driver, NULL, "driver"), 0);
	assert_int_equal(outside_write("0.0.1000:null,hold", "/firmware/css/plug"), 0);
	assert_int_equal(outside_write("0.0.1001:null", "/firmware/css/plug"), 0);
	assert_int_equal(outside_write("driver", "/bus/css/devices/" HOLDS "/rebind"), 0);
	assert_int_equal(outside_write("driver", "/bus/css/devices/" ENDS "/rebind"), 0);
	return 0;
}

static int teardown(void **state)
{
	css_driver_unregister(&driver);
	umdev_stop();
	assert_string_equal(outside_list("/"), "");
	return 0;
}

/* ---- enabling ---- */

static void it_is_enabled_with_concurrent_sense_and_disabled(void **state)
{
	struct subchannel *sch = taken[1];
	struct schib schib;

	pthread_mutex_lock(&sch->lock);
	assert_int_equal(cio_enable_subchannel(sch, 0x1234), 0);
	assert_int_equal(stsch(sch, &schib), 0);
	assert_true(schib.pmcw.flags & PMCW_ENA);
	assert_true(schib.pmcw.word6 & PMCW_CSENSE);
	assert_int_equal(schib.pmcw.intparm, 0x1234);
	assert_true(sch->schib.pmcw.flags & PMCW_ENA);
	/* It is no error to do it again. */
	assert_int_equal(cio_enable_subchannel(sch, 0x1234), 0);
	assert_int_equal(cio_disable_subchannel(sch), 0);
	assert_int_equal(stsch(sch, &schib), 0);
	assert_false(schib.pmcw.flags & PMCW_ENA);
	assert_int_equal(cio_disable_subchannel(sch), 0);
	pthread_mutex_unlock(&sch->lock);
}

static void status_that_is_pending_is_no_hindrance(void **state)
{
	struct subchannel *sch = taken[1];

	pthread_mutex_lock(&sch->lock);
	start(sch);
	/* Its interrupt waits for the lock. */
	wait_for(sch, SCSW_STCTL_STATUS);
	assert_int_equal(cio_disable_subchannel(sch), 0);
	assert_int_equal(irqs, 0);
	pthread_mutex_unlock(&sch->lock);
}

static void what_runs_keeps_it_from_being_disabled(void **state)
{
	struct subchannel *sch = taken[0];
	int retries = 255;

	pthread_mutex_lock(&sch->lock);
	start(sch);
	wait_for(sch, SCSW_ACTL_SCHACT);
	assert_int_equal(cio_disable_subchannel(sch), -EBUSY);
	/* It can't be cancelled any more, but halted: an interrupt will tell. */
	assert_int_equal(cio_cancel_halt_clear(sch, &retries), -EBUSY);
	assert_int_equal(retries, 2);
	assert_true(sch->schib.scsw.ctrl & SCSW_ACTL_HALT_PEND);
	while (!irqs)
		assert_int_equal(css_sch_wait(sch, HANG_MS), 0);
	assert_true(__atomic_load_n(&ended, __ATOMIC_ACQUIRE));
	assert_int_equal(cio_disable_subchannel(sch), 0);
	assert_int_equal(cio_cancel_halt_clear(sch, &retries), 0);
	pthread_mutex_unlock(&sch->lock);
}

static void clearing_comes_after_halting_and_gives_up_at_last(void **state)
{
	struct subchannel *sch = taken[0];
	int retries = 0;

	pthread_mutex_lock(&sch->lock);
	start(sch);
	wait_for(sch, SCSW_ACTL_SCHACT);
	assert_int_equal(csch(sch), 0);
	/* One is under way, and there are no tries left. */
	if (cio_update_schib(sch) == 0 && sch->schib.scsw.ctrl & SCSW_ACTL_CLEAR_PEND)
		assert_int_equal(cio_cancel_halt_clear(sch, &retries), -EIO);
	while (!irqs)
		assert_int_equal(css_sch_wait(sch, HANG_MS), 0);
	assert_int_equal(cio_disable_subchannel(sch), 0);
	pthread_mutex_unlock(&sch->lock);
}

static void waiting_ends(void **state)
{
	struct subchannel *sch = taken[1];
	int err;

	pthread_mutex_lock(&sch->lock);
	do
		err = css_sch_wait(sch, 1);
	while (!err);
	assert_int_equal(err, -ETIMEDOUT);
	pthread_mutex_unlock(&sch->lock);
}

/* ---- one that is gone ---- */

static void one_that_is_gone_is_not_operational(void **state)
{
	struct subchannel *sch = taken[1];
	int retries = 255;
	struct schib schib;

	get_device(&sch->dev);
	assert_int_equal(outside_write("0.0.1001", "/firmware/css/unplug"), 0);
	assert_int_equal(outside_write("1", "/firmware/css/settle"), 0);
	assert_null(taken[1]);
	pthread_mutex_lock(&sch->lock);
	assert_int_equal(stsch(sch, &schib), 3);
	assert_int_equal(cio_update_schib(sch), -ENODEV);
	assert_int_equal(cio_enable_subchannel(sch, 1), -ENODEV);
	assert_int_equal(cio_disable_subchannel(sch), -ENODEV);
	assert_int_equal(cio_cancel_halt_clear(sch, &retries), -ENODEV);
	pthread_mutex_unlock(&sch->lock);
	put_device(&sch->dev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_enabled_with_concurrent_sense_and_disabled),
		cmocka_unit_test(status_that_is_pending_is_no_hindrance),
		cmocka_unit_test(what_runs_keeps_it_from_being_disabled),
		cmocka_unit_test(clearing_comes_after_halting_and_gives_up_at_last),
		cmocka_unit_test(waiting_ends),
		cmocka_unit_test(one_that_is_gone_is_not_operational),
	};

	log_set_sink(discard_line);
	return cmocka_run_group_tests(tests, setup, teardown);
}
