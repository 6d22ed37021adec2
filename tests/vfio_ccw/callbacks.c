/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What css may call of a driver that has nothing to do: vfio_ccw's callbacks for a subchannel that
 * was enabled behind its back, without a mediated device and with one that nobody uses. From
 * outside a subchannel does not get into that state.
 */
#include "unit/cmocka_umdev.h"

#include <errno.h>
#include <umdev/umdev.h>

#include "../../drivers/css/css_bus.h"
#include "support/outside.h"
#include "vfio_ccw/ccw_inside.h"
#include "support/inside.h"

#define SCH	"/bus/css/devices/0.0.0000"
#define UUID	"7e270a25-e163-4922-af60-757fc8ed48c6"
#define WAIT_MS 30000
#define MEMORY	65536
#define PROGRAM 0x1000

static struct subchannel *sch;
static struct css_driver *drv;

/* ---- the fixture ---- */

static int find(struct device *dev, void *data)
{
	sch = to_subchannel(dev);
	drv = to_css_driver(dev->driver);
	return 0;
}

static int without_device(void **state)
{
	log_capture_begin();
	assert_int_equal(umdev_start(), 0);
	assert_int_equal(inside_start(), 0);
	assert_int_equal(outside_write("0.0.1000:null,chpids=10.11", "/firmware/css/plug"), 0);
	assert_int_equal(outside_write("vfio_ccw", SCH "/rebind"), 0);
	bus_for_each_dev(&css_bus_type, NULL, find);
	assert_non_null(sch);
	return 0;
}

static int with_unused_device(void **state)
{
	without_device(state);
	assert_int_equal(outside_write(UUID, SCH "/mdev_supported_types/vfio_ccw-io/create"), 0);
	return 0;
}

static int teardown(void **state)
{
	inside_stop();
	umdev_stop();
	log_capture_end();
	assert_string_equal(outside_list("/"), "");
	return 0;
}

/* Whoever comes afterwards has a device that works. */
static void works(void)
{
	struct orb orb = { .word1 = ORB_FMT | ORB_PFCH | UINT32_C(0xff) << 8, .cpa = PROGRAM };
	struct ccw_client client;
	struct irb irb;

	if (!outside_exists(SCH "/" UUID))
		assert_int_equal(
			outside_write(UUID, SCH "/mdev_supported_types/vfio_ccw-io/create"), 0);
	assert_int_equal(ccw_open(&client, &ccw_inside, UUID, MEMORY), 0);
	ccw_put(&client, PROGRAM, true,
		(struct ccw1) { .cmd_code = CCW_CMD_NOOP, .flags = CCW_FLAG_SLI, .count = 1 });
	assert_int_equal(ccw_run(&client, &orb, &irb), 0);
	assert_int_equal(irb.scsw.dstat, DEV_STAT_CHN_END | DEV_STAT_DEV_END);
	ccw_close(&client);
}

/* ---- interrupts ---- */

static bool is_enabled(void)
{
	return !cio_update_schib(sch) && sch->schib.pmcw.flags & PMCW_ENA;
}

/* An attention of a subchannel that somebody else has enabled: it is disabled, and no more. */
static void interrupt(void)
{
	pthread_mutex_lock(&sch->lock);
	assert_false(is_enabled());
	assert_int_equal(cio_enable_subchannel(sch, 0), 0);
	pthread_mutex_unlock(&sch->lock);
	assert_int_equal(outside_write("0.0.1000", "/firmware/css/attention"), 0);
	pthread_mutex_lock(&sch->lock);
	while (is_enabled())
		assert_int_equal(css_sch_wait(sch, WAIT_MS), 0);
	pthread_mutex_unlock(&sch->lock);
}

static void interrupt_without_device_is_logged_and_ends(void **state)
{
	log_taken();
	interrupt();
	assert_non_null(strstr(log_taken(), "unexpected interrupt"));
	works();
}

static void interrupt_without_user_ends(void **state)
{
	interrupt();
	works();
}

/* ---- events ---- */

static void events_without_device_change_nothing(void **state)
{
	const struct chp_link link = { .chpid = 0x10 };
	enum chp_event event;
	uint8_t opm, lpm;

	pthread_mutex_lock(&sch->lock);
	opm = sch->opm;
	lpm = sch->lpm;
	for (event = CHP_VARY_ON; event <= CHP_OFFLINE; event++)
		assert_int_equal(drv->chp_event(sch, &link, event), 0);
	assert_int_equal(drv->sch_event(sch, 1), 0);
	assert_int_equal(sch->opm, opm);
	assert_int_equal(sch->lpm, lpm);
	pthread_mutex_unlock(&sch->lock);
	works();
}

static void events_without_user_are_noted(void **state)
{
	const struct chp_link link = { .chpid = 0x10 }, others = { .chpid = 0x12 };

	pthread_mutex_lock(&sch->lock);
	assert_int_equal(drv->chp_event(sch, &others, CHP_VARY_OFF), 0);
	assert_int_equal(sch->opm & sch->lpm & 0xc0, 0xc0);
	assert_int_equal(drv->chp_event(sch, &link, CHP_VARY_OFF), 0);
	assert_int_equal((sch->opm | sch->lpm) & 0xc0, 0x40);
	assert_int_equal(drv->chp_event(sch, &link, CHP_ONLINE), 0);
	assert_int_equal(sch->lpm & 0xc0, 0x40);
	assert_int_equal(drv->chp_event(sch, &link, CHP_VARY_ON), 0);
	assert_int_equal(sch->opm & sch->lpm & 0xc0, 0xc0);
	assert_int_equal(drv->sch_event(sch, 1), 0);
	pthread_mutex_unlock(&sch->lock);
	works();
}

/* The bus looks at it when it hears that; its user still has it. */
static void event_of_one_that_is_gone_says_so(void **state)
{
	const struct chp_link link = { .chpid = 0x10 };
	struct ccw_client client;
	enum chp_event event;

	assert_int_equal(ccw_open(&client, &ccw_inside, UUID, MEMORY), 0);
	assert_int_equal(outside_write("0.0.1000", "/firmware/css/unplug"), 0);
	pthread_mutex_lock(&sch->lock);
	for (event = CHP_VARY_ON; event <= CHP_OFFLINE; event++)
		assert_int_equal(drv->chp_event(sch, &link, event), -ENODEV);
	assert_int_equal(drv->sch_event(sch, 1), 0);
	pthread_mutex_unlock(&sch->lock);
	assert_int_equal(ccw_ssch(&client, &(struct orb) { .word1 = ORB_FMT }), -EIO);
	ccw_close(&client);
}

/* ---- the others ---- */

static void shutdown_has_nothing_to_do_without_device(void **state)
{
	drv->shutdown(sch);
	works();
}

static void shutdown_without_user_lets_nobody_come_any_more(void **state)
{
	struct ccw_client client;

	drv->shutdown(sch);
	assert_int_not_equal(ccw_open(&client, &ccw_inside, UUID, MEMORY), 0);
}

static void queues_of_network_adapters_are_refused(void **state)
{
	struct subchannel qdio = { .schib.pmcw.flags = PMCW_DNV | PMCW_QF };

	qdio.dev.kobj.name = (char *)"0.0.0001";
	assert_int_equal(drv->probe(&qdio), -ENODEV);
	assert_non_null(strstr(log_taken(), "does not support QDIO"));
}

#define WITHOUT(test) cmocka_unit_test_setup_teardown(test, without_device, teardown)
#define UNUSED(test)  cmocka_unit_test_setup_teardown(test, with_unused_device, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITHOUT(interrupt_without_device_is_logged_and_ends),
		UNUSED(interrupt_without_user_ends),
		WITHOUT(events_without_device_change_nothing),
		UNUSED(events_without_user_are_noted),
		UNUSED(event_of_one_that_is_gone_says_so),
		WITHOUT(shutdown_has_nothing_to_do_without_device),
		UNUSED(shutdown_without_user_lets_nobody_come_any_more),
		WITHOUT(queues_of_network_adapters_are_refused),
	};

	return cmocka_run_group_tests_name("vfio_ccw_driver", tests, NULL, NULL);
}
