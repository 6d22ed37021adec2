/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vfio_ccw's state machine and regions; the subchannel and the channel program are this test's. */
#include "cmocka_umdev.h"

#include <errno.h>
#include <stdio.h>

#include "../../drivers/vfio_ccw/private.h"

#define START SCSW_FCTL_START
#define HSCH  VFIO_CCW_ASYNC_CMD_HSCH
#define CSCH  VFIO_CCW_ASYNC_CMD_CSCH
#define NEVER 4711 /* an answer that nobody gives */

/* ---- the subchannel ---- */

/*
 * @calls: what was called, in order
 * The rest is what is answered: condition codes and errors.
 */
static struct {
	char calls[1024];
	int update, enable, cancel, init, ssch_cc, hsch_cc, csch_cc;
	int disable[8]; /* from the last one on */
	unsigned int nr_disable;
	bool initialized;
	void (*in_init)(void);
	struct orb started;
} fake;

static struct subchannel sch;
static struct vfio_ccw_private private;

static void called(const char *name)
{
	assert_true(strlen(fake.calls) + strlen(name) + 2 <= sizeof(fake.calls));
	strcat(fake.calls, *fake.calls ? " " : "");
	strcat(fake.calls, name);
}

int cio_update_schib(struct subchannel *s)
{
	return fake.update;
}

int cio_enable_subchannel(struct subchannel *s, uint32_t intparm)
{
	called("enable");
	return fake.enable;
}

int cio_disable_subchannel(struct subchannel *s)
{
	called("disable");
	return fake.nr_disable ? fake.disable[--fake.nr_disable] : 0;
}

int cio_cancel_halt_clear(struct subchannel *s, int *retries)
{
	called("cancel");
	return fake.cancel;
}

int css_sch_wait(struct subchannel *s, unsigned int ms)
{
	called("wait");
	return 0;
}

void css_sch_unregister_later(struct subchannel *s)
{
	called("unregister");
}

int ssch(struct subchannel *s, const struct orb *orb, struct channel_memory *mem)
{
	called("ssch");
	fake.started = *orb;
	return fake.ssch_cc;
}

int hsch(struct subchannel *s)
{
	called("hsch");
	return fake.hsch_cc;
}

int csch(struct subchannel *s)
{
	called("csch");
	return fake.csch_cc;
}

/* ---- the channel program ---- */

static struct orb orb_of_cp;

int cp_init(struct channel_program *cp, const struct orb *orb)
{
	called("init");
	orb_of_cp = *orb;
	if (fake.in_init)
		fake.in_init();
	fake.initialized = !fake.init;
	return fake.init;
}

void cp_free(struct channel_program *cp)
{
	called("free");
	fake.initialized = false;
}

bool cp_is_initialized(const struct channel_program *cp)
{
	return fake.initialized;
}

const struct orb *cp_get_orb(struct channel_program *cp, uint8_t lpm)
{
	if (!ORB_LPM(orb_of_cp.word1))
		orb_of_cp.word1 |= (uint32_t)lpm << 8;
	return &orb_of_cp;
}

struct channel_memory *cp_memory(struct channel_program *cp)
{
	return NULL;
}

/* ---- the user ---- */

void vfio_irq_trigger(struct vfio_device *vdev, unsigned int index, unsigned int vector)
{
	called(index == VFIO_CCW_IO_IRQ_INDEX ? "signal" : "signal-crw");
}

static void write_request(uint32_t word1, uint16_t ctrl)
{
	cio_put32(private.io_region.orb_area + 4, word1);
	cio_put16(private.io_region.scsw_area + 2, ctrl);
}

static int io_ret(void)
{
	return (int)cio_get32((const uint8_t *)&private.io_region.ret_code);
}

static int cmd_ret(void)
{
	return (int)cio_get32((const uint8_t *)&private.cmd_region.ret_code);
}

/* ---- the fixture ---- */

static struct irb final_irb(void)
{
	return (struct irb) { .scsw = { .ctrl = START | SCSW_STCTL_PRIM | SCSW_STCTL_SEC |
						SCSW_STCTL_STATUS,
					.dstat = DEV_STAT_CHN_END | DEV_STAT_DEV_END } };
}

static struct irb attention_irb(uint8_t dstat)
{
	return (struct irb) { .scsw = { .ctrl = SCSW_STCTL_ALERT | SCSW_STCTL_STATUS,
					.dstat = dstat } };
}

/* In @state, with who has the program then; nothing was called yet. */
static void be_in(enum vfio_ccw_state state)
{
	memset(&fake, 0, sizeof(fake));
	memset(&private, 0, sizeof(private));
	private.sch = &sch;
	private.state = state;
	private.cp_busy =
		state == VFIO_CCW_STATE_CP_PROCESSING || state == VFIO_CCW_STATE_CP_PENDING;
	private.irb = final_irb();
	sch.opm = sch.lpm = 0xc0;
	sch.schib.pmcw = (struct pmcw) { .flags = PMCW_DNV | PMCW_ENA, .pam = 0xf0 };
	write_request(0, START);
	cio_put32((uint8_t *)&private.cmd_region.command, HSCH);
	cio_put32((uint8_t *)&private.io_region.ret_code, NEVER);
	cio_put32((uint8_t *)&private.cmd_region.ret_code, NEVER);
}

static void event(enum vfio_ccw_event event)
{
	pthread_mutex_lock(&sch.lock);
	vfio_ccw_fsm_event(&private, event);
	pthread_mutex_unlock(&sch.lock);
}

static int setup(void **state)
{
	sch.dev.kobj.name = (char *)"0.0.0013";
	pthread_mutex_init(&sch.lock, NULL);
	pthread_cond_init(&sch.cond, NULL);
	return 0;
}

static int teardown(void **state)
{
	pthread_cond_destroy(&sch.cond);
	pthread_mutex_destroy(&sch.lock);
	return 0;
}

/* ---- the table ---- */

struct cell {
	enum vfio_ccw_state state;
	enum vfio_ccw_event event;
	const char *calls;
	enum vfio_ccw_state after;
	int io_ret;
	int cmd_ret;
};

#define CELL(state, event, calls, after, io, cmd)                                                  \
	{                                                                                          \
		VFIO_CCW_STATE_##state, VFIO_CCW_EVENT_##event, calls, VFIO_CCW_STATE_##after, io, \
			cmd                                                                        \
	}

/* The kernel's vfio_ccw_jumptable, as what is seen of it. */
static const struct cell cells[] = {
	CELL(NOT_OPER, NOT_OPER, "", NOT_OPER, NEVER, NEVER),
	CELL(NOT_OPER, IO_REQ, "", NOT_OPER, -EIO, NEVER),
	CELL(NOT_OPER, ASYNC_REQ, "", NOT_OPER, NEVER, -EIO),
	CELL(NOT_OPER, INTERRUPT, "disable", NOT_OPER, NEVER, NEVER),
	CELL(NOT_OPER, OPEN, "", NOT_OPER, NEVER, NEVER),
	CELL(NOT_OPER, CLOSE, "", NOT_OPER, NEVER, NEVER),

	CELL(STANDBY, NOT_OPER, "unregister free", NOT_OPER, NEVER, NEVER),
	CELL(STANDBY, IO_REQ, "", STANDBY, -EIO, NEVER),
	CELL(STANDBY, ASYNC_REQ, "", STANDBY, NEVER, -EIO),
	CELL(STANDBY, INTERRUPT, "disable", STANDBY, NEVER, NEVER),
	CELL(STANDBY, OPEN, "enable", IDLE, NEVER, NEVER),
	CELL(STANDBY, CLOSE, "unregister free", NOT_OPER, NEVER, NEVER),

	CELL(IDLE, NOT_OPER, "unregister free", NOT_OPER, NEVER, NEVER),
	CELL(IDLE, IO_REQ, "init ssch", CP_PENDING, 0, NEVER),
	CELL(IDLE, ASYNC_REQ, "hsch", IDLE, NEVER, 0),
	CELL(IDLE, INTERRUPT, "signal", IDLE, NEVER, NEVER),
	CELL(IDLE, OPEN, "unregister free", NOT_OPER, NEVER, NEVER),
	CELL(IDLE, CLOSE, "disable free", STANDBY, NEVER, NEVER),

	CELL(CP_PROCESSING, NOT_OPER, "unregister", NOT_OPER, NEVER, NEVER),
	CELL(CP_PROCESSING, IO_REQ, "", CP_PROCESSING, -EAGAIN, NEVER),
	CELL(CP_PROCESSING, ASYNC_REQ, "", CP_PROCESSING, NEVER, -EAGAIN),
	CELL(CP_PROCESSING, INTERRUPT, "signal", CP_PROCESSING, NEVER, NEVER),
	CELL(CP_PROCESSING, OPEN, "unregister", NOT_OPER, NEVER, NEVER),
	CELL(CP_PROCESSING, CLOSE, "disable free free", STANDBY, NEVER, NEVER),

	CELL(CP_PENDING, NOT_OPER, "unregister", NOT_OPER, NEVER, NEVER),
	CELL(CP_PENDING, IO_REQ, "", CP_PENDING, -EBUSY, NEVER),
	CELL(CP_PENDING, ASYNC_REQ, "hsch", CP_PENDING, NEVER, 0),
	CELL(CP_PENDING, INTERRUPT, "signal", IDLE, NEVER, NEVER),
	CELL(CP_PENDING, OPEN, "unregister", NOT_OPER, NEVER, NEVER),
	CELL(CP_PENDING, CLOSE, "disable free free", STANDBY, NEVER, NEVER),
};

/* The channel, or the user's thread, that lets go of the program as soon as somebody waits. */
static void *let_go(void *data)
{
	vfio_ccw_cp_end(&private.vdev);
	return NULL;
}

static void try_cell(const struct cell *cell)
{
	bool waits = cell->event == VFIO_CCW_EVENT_CLOSE && private.cp_busy;
	pthread_t thread;

	pthread_mutex_lock(&sch.lock);
	if (waits)
		assert_int_equal(pthread_create(&thread, NULL, let_go, NULL), 0);
	vfio_ccw_fsm_event(&private, cell->event);
	pthread_mutex_unlock(&sch.lock);
	if (waits)
		pthread_join(thread, NULL);
}

static void each_cell_of_the_table_is_the_kernels(void **state)
{
	bool seen[NR_VFIO_CCW_STATES][NR_VFIO_CCW_EVENTS] = { 0 };
	const struct cell *cell;

	for (cell = cells; cell < cells + ARRAY_SIZE(cells); cell++) {
		print_message("state %d, event %d\n", cell->state, cell->event);
		assert_false(seen[cell->state][cell->event]);
		seen[cell->state][cell->event] = true;
		be_in(cell->state);
		try_cell(cell);
		assert_string_equal(fake.calls, cell->calls);
		assert_int_equal(private.state, cell->after);
		assert_int_equal(io_ret(), cell->io_ret);
		assert_int_equal(cmd_ret(), cell->cmd_ret);
	}
	assert_int_equal(ARRAY_SIZE(cells), NR_VFIO_CCW_STATES * NR_VFIO_CCW_EVENTS);
}

/* ---- START SUBCHANNEL ---- */

static void start_answers(uint32_t word1, uint16_t ctrl, int err, const char *calls)
{
	write_request(word1, ctrl);
	event(VFIO_CCW_EVENT_IO_REQ);
	assert_int_equal(io_ret(), err);
	assert_string_equal(fake.calls, calls);
	assert_int_equal(private.state, VFIO_CCW_STATE_IDLE);
	assert_false(private.cp_busy);
}

static void what_the_channel_says_is_the_answer(void **state)
{
	static const int busy[] = { 1, 2 };

	for (unsigned int i = 0; i < ARRAY_SIZE(busy); i++) {
		be_in(VFIO_CCW_STATE_IDLE);
		fake.ssch_cc = busy[i];
		start_answers(0x8000, START, -EBUSY, "init ssch free");
	}
	be_in(VFIO_CCW_STATE_IDLE);
	fake.ssch_cc = 3;
	start_answers(0x8000, START, -EACCES, "init ssch free");
	assert_int_equal(sch.lpm, 0x40);

	memset(fake.calls, 0, sizeof(fake.calls));
	start_answers(0xff00, START, -ENODEV, "init ssch free");
	assert_int_equal(sch.lpm, 0);

	be_in(VFIO_CCW_STATE_IDLE);
	fake.ssch_cc = 3;
	fake.update = -ENODEV;
	start_answers(0x8000, START, -ENODEV, "init ssch free");
}

static void a_program_without_paths_gets_those_of_the_subchannel(void **state)
{
	be_in(VFIO_CCW_STATE_IDLE);
	event(VFIO_CCW_EVENT_IO_REQ);
	assert_int_equal(ORB_LPM(fake.started.word1), 0xc0);

	be_in(VFIO_CCW_STATE_IDLE);
	fake.ssch_cc = 3;
	event(VFIO_CCW_EVENT_IO_REQ);
	assert_int_equal(io_ret(), -ENODEV);
}

static void what_is_no_start_is_refused(void **state)
{
	be_in(VFIO_CCW_STATE_IDLE);
	start_answers(ORB_TM, START, -EOPNOTSUPP, "");
	start_answers(0, SCSW_FCTL_HALT, -EOPNOTSUPP, "");
	start_answers(0, SCSW_FCTL_CLEAR, -EOPNOTSUPP, "");
	/* Nothing was asked for. */
	start_answers(0, 0, -EOPNOTSUPP, "");
	be_in(VFIO_CCW_STATE_IDLE);
	fake.init = -EFAULT;
	start_answers(0, START | SCSW_FCTL_HALT, -EFAULT, "init free");
}

static void it_goes_away(void)
{
	event(VFIO_CCW_EVENT_NOT_OPER);
}

static void one_that_goes_while_its_program_is_read_stays_away(void **state)
{
	be_in(VFIO_CCW_STATE_IDLE);
	fake.in_init = it_goes_away;
	event(VFIO_CCW_EVENT_IO_REQ);
	assert_string_equal(fake.calls, "init unregister free");
	assert_int_equal(io_ret(), -ENODEV);
	assert_int_equal(private.state, VFIO_CCW_STATE_NOT_OPER);
}

static void a_program_is_kept_as_long_as_the_channel_has_it(void **state)
{
	be_in(VFIO_CCW_STATE_CP_PENDING);
	event(VFIO_CCW_EVENT_NOT_OPER);
	assert_string_equal(fake.calls, "unregister");
	vfio_ccw_cp_end(&private.vdev);
	assert_string_equal(fake.calls, "unregister free");

	be_in(VFIO_CCW_STATE_CP_PENDING);
	vfio_ccw_cp_end(&private.vdev);
	assert_string_equal(fake.calls, "");
	event(VFIO_CCW_EVENT_INTERRUPT);
	assert_string_equal(fake.calls, "free signal");
}

static void another_program_waits_for_the_one_that_the_channel_still_has(void **state)
{
	pthread_t thread;

	be_in(VFIO_CCW_STATE_CP_PENDING);
	event(VFIO_CCW_EVENT_INTERRUPT);
	pthread_mutex_lock(&sch.lock);
	assert_int_equal(pthread_create(&thread, NULL, let_go, NULL), 0);
	vfio_ccw_fsm_event(&private, VFIO_CCW_EVENT_IO_REQ);
	pthread_mutex_unlock(&sch.lock);
	pthread_join(thread, NULL);
	assert_int_equal(io_ret(), 0);
	assert_string_equal(fake.calls, "signal free init ssch");
}

/* ---- HALT and CLEAR SUBCHANNEL ---- */

static void halt_and_clear_answer_as_the_channel_does(void **state)
{
	static const int halt[] = { 0, -EBUSY, -EBUSY, -ENODEV };
	static const int clear[] = { 0, NEVER, NEVER, -ENODEV };
	uint8_t *command = (uint8_t *)&private.cmd_region.command;

	for (int cc = 0; cc < 4; cc++) {
		be_in(VFIO_CCW_STATE_IDLE);
		fake.hsch_cc = fake.csch_cc = cc;
		event(VFIO_CCW_EVENT_ASYNC_REQ);
		assert_int_equal(cmd_ret(), halt[cc]);
		if (clear[cc] == NEVER)
			continue;
		cio_put32(command, CSCH);
		event(VFIO_CCW_EVENT_ASYNC_REQ);
		assert_int_equal(cmd_ret(), clear[cc]);
		assert_string_equal(fake.calls, "hsch csch");
	}
	be_in(VFIO_CCW_STATE_IDLE);
	cio_put32(command, HSCH | CSCH);
	event(VFIO_CCW_EVENT_ASYNC_REQ);
	assert_int_equal(cmd_ret(), -EINVAL);
	assert_string_equal(fake.calls, "");
}

/* ---- interrupts ---- */

static enum vfio_ccw_state after_irb(struct irb irb)
{
	be_in(VFIO_CCW_STATE_CP_PENDING);
	private.cp_busy = false;
	private.irb = irb;
	event(VFIO_CCW_EVENT_INTERRUPT);
	return private.state;
}

static void only_a_final_answer_ends_a_program(void **state)
{
	struct irb irb = final_irb();

	irb.scsw.ctrl |= SCSW_ACTL_SCHACT;
	assert_int_equal(after_irb(irb), VFIO_CCW_STATE_CP_PENDING);
	irb = final_irb();
	irb.scsw.ctrl |= SCSW_ACTL_DEVACT;
	assert_int_equal(after_irb(irb), VFIO_CCW_STATE_CP_PENDING);
	irb = attention_irb(DEV_STAT_ATTENTION);
	assert_int_equal(after_irb(irb), VFIO_CCW_STATE_CP_PENDING);
	/* A deferred condition code is an answer, whatever else it is. */
	irb.scsw.flags = SCSW_FLAGS_CC;
	assert_int_equal(after_irb(irb), VFIO_CCW_STATE_IDLE);
	/* So is the end of what has ended it. */
	irb = (struct irb) { .scsw = { .ctrl = SCSW_FCTL_CLEAR | SCSW_STCTL_STATUS } };
	assert_int_equal(after_irb(irb), VFIO_CCW_STATE_IDLE);
}

static uint8_t read_dstat(void)
{
	struct ccw_io_region region;

	vfio_ccw_io_region.read(&private, &region, sizeof(region), 0);
	return region.irb_area[8];
}

static void interrupt(struct irb irb)
{
	private.irb = irb;
	event(VFIO_CCW_EVENT_INTERRUPT);
}

static void unsolicited_status_does_not_hide_an_answer(void **state)
{
	const uint8_t end = DEV_STAT_CHN_END | DEV_STAT_DEV_END;

	be_in(VFIO_CCW_STATE_CP_PENDING);
	interrupt(final_irb());
	interrupt(attention_irb(DEV_STAT_ATTENTION));
	interrupt(attention_irb(DEV_STAT_DEV_END));
	assert_string_equal(fake.calls, "signal");
	assert_int_equal(read_dstat(), end);
	assert_string_equal(fake.calls, "signal signal");
	assert_int_equal(read_dstat(), DEV_STAT_ATTENTION | DEV_STAT_DEV_END);
	assert_string_equal(fake.calls, "signal signal");
	/* Nothing is unread: the next one need not wait. */
	interrupt(attention_irb(DEV_STAT_ATTENTION));
	assert_string_equal(fake.calls, "signal signal signal");
	assert_int_equal(read_dstat(), DEV_STAT_ATTENTION);
}

static void an_answer_comes_before_unsolicited_status(void **state)
{
	be_in(VFIO_CCW_STATE_CP_PENDING);
	interrupt(attention_irb(DEV_STAT_ATTENTION));
	interrupt(final_irb());
	assert_string_equal(fake.calls, "signal signal");
	assert_int_equal(read_dstat(), DEV_STAT_CHN_END | DEV_STAT_DEV_END);
	assert_string_equal(fake.calls, "signal signal signal");
	assert_int_equal(read_dstat(), DEV_STAT_ATTENTION);
}

static void an_answer_takes_the_place_of_one_that_was_not_read(void **state)
{
	struct irb irb = final_irb();

	be_in(VFIO_CCW_STATE_IDLE);
	interrupt(irb);
	irb.scsw.dstat = DEV_STAT_UNIT_EXCEP;
	interrupt(irb);
	assert_int_equal(read_dstat(), DEV_STAT_UNIT_EXCEP);
	assert_string_equal(fake.calls, "signal signal");
}

/* ---- the user comes and goes ---- */

static void one_that_cannot_be_enabled_is_not_operational(void **state)
{
	be_in(VFIO_CCW_STATE_STANDBY);
	fake.enable = -EBUSY;
	event(VFIO_CCW_EVENT_OPEN);
	assert_int_equal(private.state, VFIO_CCW_STATE_NOT_OPER);
	assert_string_equal(fake.calls, "enable unregister free");
}

static void a_user_has_the_paths_that_are_there(void **state)
{
	be_in(VFIO_CCW_STATE_STANDBY);
	sch.lpm = 0;
	sch.opm = 0x5f;
	event(VFIO_CCW_EVENT_OPEN);
	assert_int_equal(sch.lpm, 0x50);
}

static void close_ends_what_is_under_way(void **state)
{
	be_in(VFIO_CCW_STATE_CP_PENDING);
	private.cp_busy = false;
	fake.cancel = -EBUSY;
	fake.disable[0] = 0;
	fake.disable[1] = -EBUSY;
	fake.disable[2] = -EBUSY;
	fake.nr_disable = 3;
	event(VFIO_CCW_EVENT_CLOSE);
	assert_string_equal(fake.calls,
			    "disable cancel wait disable wait cancel wait disable free");
	assert_int_equal(private.state, VFIO_CCW_STATE_STANDBY);
}

static void what_cannot_be_ended_is_not_operational(void **state)
{
	be_in(VFIO_CCW_STATE_CP_PENDING);
	fake.cancel = -EIO;
	fake.disable[0] = -EBUSY;
	fake.nr_disable = 1;
	event(VFIO_CCW_EVENT_CLOSE);
	assert_string_equal(fake.calls, "disable cancel unregister");
	assert_int_equal(private.state, VFIO_CCW_STATE_NOT_OPER);

	be_in(VFIO_CCW_STATE_IDLE);
	sch.schib.pmcw.flags = PMCW_DNV;
	event(VFIO_CCW_EVENT_CLOSE);
	assert_string_equal(fake.calls, "unregister free");
	assert_int_equal(private.state, VFIO_CCW_STATE_NOT_OPER);
}

/* ---- regions ---- */

static uint32_t read_crw(void)
{
	uint8_t bytes[8];

	vfio_ccw_crw_region.read(&private, bytes, sizeof(bytes), 0);
	assert_int_equal(cio_get32(bytes + 4), 0);
	return cio_get32(bytes);
}

static void reports_come_in_order_and_say_when_some_are_lost(void **state)
{
	be_in(VFIO_CCW_STATE_IDLE);
	for (uint16_t i = 0; i < VFIO_CCW_CRW_MAX + 3; i++)
		vfio_ccw_queue_crw(&private, CRW_RSC_CPATH, CRW_ERC_INIT, i);
	for (uint16_t i = 0; i < VFIO_CCW_CRW_MAX - 1; i++)
		assert_int_equal(read_crw(), 0x04020000u | i);
	assert_int_equal(read_crw(), 0x24020000u | (VFIO_CCW_CRW_MAX - 1));
	assert_int_equal(read_crw(), 0);
}

static void each_report_that_is_left_is_told_of(void **state)
{
	be_in(VFIO_CCW_STATE_IDLE);
	vfio_ccw_queue_crw(&private, CRW_RSC_CPATH, CRW_ERC_PERRN, 0x10);
	vfio_ccw_queue_crw(&private, CRW_RSC_CPATH, CRW_ERC_INIT, 0x10);
	assert_string_equal(fake.calls, "signal-crw signal-crw");
	read_crw();
	assert_string_equal(fake.calls, "signal-crw signal-crw signal-crw");
	read_crw();
	assert_string_equal(fake.calls, "signal-crw signal-crw signal-crw");
}

static void nobody_is_told_of_what_was_before_it_came(void **state)
{
	be_in(VFIO_CCW_STATE_STANDBY);
	vfio_ccw_queue_crw(&private, CRW_RSC_CPATH, CRW_ERC_INIT, 0x10);
	assert_string_equal(fake.calls, "");
	assert_int_equal(read_crw(), 0);
}

/* The answer of a write is what is in the region: which the user may have written. */
static void an_answer_that_the_user_has_made_up_is_an_error_or_none(void **state)
{
	static const uint32_t made_up[] = { 5, 124, 125, 0x7fffffff, 0x80000000, 0xfffff000 };
	struct ccw_io_region region = { 0 };

	for (unsigned int i = 0; i < ARRAY_SIZE(made_up); i++) {
		be_in(VFIO_CCW_STATE_IDLE);
		cio_put32((uint8_t *)&region.ret_code, made_up[i]);
		assert_int_equal(vfio_ccw_io_region.write(&private, &region, sizeof(region), 0),
				 sizeof(region));
	}
	cio_put32((uint8_t *)&region.ret_code, (uint32_t)-EIO);
	assert_int_equal(vfio_ccw_io_region.write(&private, &region, sizeof(region), 0), -EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_cell_of_the_table_is_the_kernels),
		cmocka_unit_test(what_the_channel_says_is_the_answer),
		cmocka_unit_test(a_program_without_paths_gets_those_of_the_subchannel),
		cmocka_unit_test(what_is_no_start_is_refused),
		cmocka_unit_test(one_that_goes_while_its_program_is_read_stays_away),
		cmocka_unit_test(a_program_is_kept_as_long_as_the_channel_has_it),
		cmocka_unit_test(another_program_waits_for_the_one_that_the_channel_still_has),
		cmocka_unit_test(halt_and_clear_answer_as_the_channel_does),
		cmocka_unit_test(only_a_final_answer_ends_a_program),
		cmocka_unit_test(unsolicited_status_does_not_hide_an_answer),
		cmocka_unit_test(an_answer_comes_before_unsolicited_status),
		cmocka_unit_test(an_answer_takes_the_place_of_one_that_was_not_read),
		cmocka_unit_test(one_that_cannot_be_enabled_is_not_operational),
		cmocka_unit_test(a_user_has_the_paths_that_are_there),
		cmocka_unit_test(close_ends_what_is_under_way),
		cmocka_unit_test(what_cannot_be_ended_is_not_operational),
		cmocka_unit_test(reports_come_in_order_and_say_when_some_are_lost),
		cmocka_unit_test(each_report_that_is_left_is_told_of),
		cmocka_unit_test(nobody_is_told_of_what_was_before_it_came),
		cmocka_unit_test(an_answer_that_the_user_has_made_up_is_an_error_or_none),
	};

	return cmocka_run_group_tests_name("vfio_ccw_fsm", tests, setup, teardown);
}
