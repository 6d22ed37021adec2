/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The state machine: what happens on which event in which state.
 *
 * Behaviour: Linux 7.3 drivers/s390/cio/vfio_ccw_fsm.c, with the same table. What is different is
 * that a device that becomes NOT_OPER while something of it is under way stays so.
 */
#include <errno.h>

#include "private.h"

/* How long an interrupt that was promised is waited for before more is done, as in the kernel. */
#define QUIESCE_WAIT_MS 3000
/* What keeps it from being disabled when nothing is under way is soon over. */
#define SETTLE_WAIT_MS 10
/* More rounds than the retries of cio_cancel_halt_clear() can make. */
#define QUIESCE_ROUNDS 1024

typedef void fsm_func_t(struct vfio_ccw_private *private, enum vfio_ccw_event event);

static void set_io_ret(struct vfio_ccw_private *private, int err)
{
	cio_put32((uint8_t *)&private->io_region.ret_code, (uint32_t)err);
}

static void set_cmd_ret(struct vfio_ccw_private *private, int err)
{
	cio_put32((uint8_t *)&private->cmd_region.ret_code, (uint32_t)err);
}

/* ---- the channel program ---- */

void vfio_ccw_cp_put(struct vfio_ccw_private *private)
{
	if (!private->cp_busy && private->state != VFIO_CCW_STATE_CP_PENDING)
		cp_free(private->cp);
}

void vfio_ccw_cp_wait(struct vfio_ccw_private *private)
{
	while (private->cp_busy)
		pthread_cond_wait(&private->sch->cond, &private->sch->lock);
}

/* It is nobody's any more. */
static void cp_release(struct vfio_ccw_private *private)
{
	private->cp_busy = false;
	vfio_ccw_cp_put(private);
	pthread_cond_broadcast(&private->sch->cond);
}

void vfio_ccw_cp_end(struct vfio_device *vdev)
{
	struct vfio_ccw_private *private = container_of(vdev, struct vfio_ccw_private, vdev);
	struct subchannel *sch = private->sch;

	pthread_mutex_lock(&sch->lock);
	cp_release(private);
	pthread_mutex_unlock(&sch->lock);
}

/* ---- what ends it ---- */

static void fsm_nop(struct vfio_ccw_private *private, enum vfio_ccw_event event)
{
}

static void fsm_notoper(struct vfio_ccw_private *private, enum vfio_ccw_event event)
{
	dev_info(&private->sch->dev, "not operational: event %d in state %d", event,
		 private->state);
	css_sch_unregister_later(private->sch);
	private->state = VFIO_CCW_STATE_NOT_OPER;
	vfio_ccw_cp_put(private);
}

static void fsm_disabled_irq(struct vfio_ccw_private *private, enum vfio_ccw_event event)
{
	/* It should not be able to interrupt: disabling it has failed, so once more. */
	cio_disable_subchannel(private->sch);
}

/* ---- requests in a state that has no use for them ---- */

static void fsm_io_error(struct vfio_ccw_private *private, enum vfio_ccw_event event)
{
	dev_info(&private->sch->dev, "I/O request in state %d", private->state);
	set_io_ret(private, -EIO);
}

static void fsm_io_busy(struct vfio_ccw_private *private, enum vfio_ccw_event event)
{
	set_io_ret(private, -EBUSY);
}

static void fsm_io_retry(struct vfio_ccw_private *private, enum vfio_ccw_event event)
{
	set_io_ret(private, -EAGAIN);
}

static void fsm_async_error(struct vfio_ccw_private *private, enum vfio_ccw_event event)
{
	dev_info(&private->sch->dev, "halt or clear request in state %d", private->state);
	set_cmd_ret(private, -EIO);
}

static void fsm_async_retry(struct vfio_ccw_private *private, enum vfio_ccw_event event)
{
	set_cmd_ret(private, -EAGAIN);
}

/* ---- START SUBCHANNEL ---- */

/* No path of those that were asked for can be used: are there others, and is the device there? */
static int not_operational(struct subchannel *sch, uint8_t lpm)
{
	sch->lpm &= (uint8_t)~lpm;
	if (cio_update_schib(sch))
		return -ENODEV;
	return sch->lpm ? -EACCES : -ENODEV;
}

static int start(struct vfio_ccw_private *private)
{
	struct subchannel *sch = private->sch;
	const struct orb *orb;

	if (!cp_is_initialized(private->cp))
		return -EIO;
	orb = cp_get_orb(private->cp, sch->lpm);
	switch (ssch(sch, orb, cp_memory(private->cp))) {
	case 0:
		sch->schib.scsw.ctrl |= SCSW_ACTL_START_PEND;
		private->state = VFIO_CCW_STATE_CP_PENDING;
		return 0;
	case 3:
		return not_operational(sch, ORB_LPM(orb->word1));
	default: /* status pending; busy */
		return -EBUSY;
	}
}

/*
 * Read the program and start it. The user's memory may have to be waited for; and the channel, if
 * it has told of the end of the program before, but has not let go of it yet.
 */
static int process(struct vfio_ccw_private *private, const struct orb *orb)
{
	int err;

	vfio_ccw_cp_wait(private);
	private->cp_busy = true;
	pthread_mutex_unlock(&private->sch->lock);
	err = cp_init(private->cp, orb);
	pthread_mutex_lock(&private->sch->lock);
	if (!err && private->state != VFIO_CCW_STATE_CP_PROCESSING)
		err = -ENODEV;
	if (!err)
		err = start(private);
	if (err)
		cp_release(private);
	return err;
}

static int io_request(struct vfio_ccw_private *private)
{
	struct scsw scsw = scsw_from_bytes(private->io_region.scsw_area);
	struct orb orb = orb_from_bytes(private->io_region.orb_area);

	if (scsw.ctrl & SCSW_FCTL_START) {
		if (orb.word1 & ORB_TM)
			return -EOPNOTSUPP;
		return process(private, &orb);
	}
	/* These have a region of their own. */
	if (scsw.ctrl & (SCSW_FCTL_HALT | SCSW_FCTL_CLEAR))
		return -EOPNOTSUPP;
	/* Nothing was asked for: the answer stays what it was. */
	return (int)cio_get32((const uint8_t *)&private->io_region.ret_code);
}

static void fsm_io_request(struct vfio_ccw_private *private, enum vfio_ccw_event event)
{
	int err;

	private->state = VFIO_CCW_STATE_CP_PROCESSING;
	err = io_request(private);
	set_io_ret(private, err);
	if (private->state == VFIO_CCW_STATE_CP_PROCESSING)
	private->state = VFIO_CCW_STATE_IDLE;
}

/* ---- HALT and CLEAR SUBCHANNEL ---- */

static int halt(struct subchannel *sch)
{
	switch (hsch(sch)) {
	case 0:
		sch->schib.scsw.ctrl |= SCSW_ACTL_HALT_PEND;
		return 0;
	case 3:
		return -ENODEV;
	default: /* status pending; busy */
		return -EBUSY;
	}
}

static int clear(struct subchannel *sch)
{
	if (csch(sch))
		return -ENODEV;
	sch->schib.scsw.ctrl &= (uint16_t)~SCSW_ACTL;
	sch->schib.scsw.ctrl |= SCSW_ACTL_CLEAR_PEND;
	return 0;
}

static void fsm_async_request(struct vfio_ccw_private *private, enum vfio_ccw_event event)
{
	switch (cio_get32((const uint8_t *)&private->cmd_region.command)) {
	case VFIO_CCW_ASYNC_CMD_HSCH:
		set_cmd_ret(private, halt(private->sch));
		break;
	case VFIO_CCW_ASYNC_CMD_CSCH:
		set_cmd_ret(private, clear(private->sch));
		/* What comes now is the user's own. */
		private->left = false;
		break;
	default:
		set_cmd_ret(private, -EINVAL);
	}
}

/* ---- interrupts ---- */

/*
 * A program has ended with the final status of anything that was asked for, also of the HSCH or
 * CSCH that has ended it. In the other states there is none, or it is not started yet.
 */
static void fsm_irq(struct vfio_ccw_private *private, enum vfio_ccw_event event)
{
	const struct irb *irb = &private->irb;
	bool is_final = !(irb->scsw.ctrl & (SCSW_ACTL_DEVACT | SCSW_ACTL_SCHACT));

	if (vfio_ccw_irb_is_solicited(irb) && is_final &&
	    private->state == VFIO_CCW_STATE_CP_PENDING) {
		private->state = VFIO_CCW_STATE_IDLE;
		vfio_ccw_cp_put(private);
	}
	vfio_ccw_io_interrupt(private);
}

/* ---- the user comes and goes ---- */

static void fsm_open(struct vfio_ccw_private *private, enum vfio_ccw_event event)
{
	struct subchannel *sch = private->sch;

	if (cio_enable_subchannel(sch, 0)) {
		fsm_notoper(private, event);
		return;
	}
	/* What the user before has lost of the paths may be back. */
	sch->lpm = sch->schib.pmcw.pam & sch->opm;
	private->state = VFIO_CCW_STATE_IDLE;
	private->left = false;
	vfio_ccw_io_forget(private);
}

/* End what is under way, and disable it. */
static int quiesce(struct subchannel *sch)
{
	int retries = 255, rounds = QUIESCE_ROUNDS, err;

	do {
		err = cio_cancel_halt_clear(sch, &retries);
		if (err == -EIO || !rounds--) {
			dev_err(&sch->dev, "it could not be quiesced");
			return -EIO;
		}
		if (err == -EBUSY)
			css_sch_wait(sch, QUIESCE_WAIT_MS);
		err = cio_disable_subchannel(sch);
		if (err == -EBUSY)
			css_sch_wait(sch, SETTLE_WAIT_MS);
	} while (err == -EBUSY);
	return err;
}

static int disable(struct subchannel *sch)
{
	const uint16_t there = PMCW_DNV | PMCW_ENA;
	int err;

	if ((sch->schib.pmcw.flags & there) != there)
		return -ENODEV;
	err = cio_disable_subchannel(sch);
	return err == -EBUSY ? quiesce(sch) : err;
}

static void fsm_close(struct vfio_ccw_private *private, enum vfio_ccw_event event)
{
	int err = disable(private->sch);

	/* While it was waited for it may have turned out to be gone. */
	if (private->state == VFIO_CCW_STATE_NOT_OPER)
		return;
	if (err) {
		fsm_notoper(private, event);
		return;
	}
	private->state = VFIO_CCW_STATE_STANDBY;
	vfio_ccw_cp_wait(private);
	vfio_ccw_cp_put(private);
}

/* ---- the table ---- */

static fsm_func_t *const jumptable[NR_VFIO_CCW_STATES][NR_VFIO_CCW_EVENTS] = {
	[VFIO_CCW_STATE_NOT_OPER] = {
		[VFIO_CCW_EVENT_NOT_OPER] = fsm_nop,
		[VFIO_CCW_EVENT_IO_REQ] = fsm_io_error,
		[VFIO_CCW_EVENT_ASYNC_REQ] = fsm_async_error,
		[VFIO_CCW_EVENT_INTERRUPT] = fsm_disabled_irq,
		[VFIO_CCW_EVENT_OPEN] = fsm_nop,
		[VFIO_CCW_EVENT_CLOSE] = fsm_nop,
	},
	[VFIO_CCW_STATE_STANDBY] = {
		[VFIO_CCW_EVENT_NOT_OPER] = fsm_notoper,
		[VFIO_CCW_EVENT_IO_REQ] = fsm_io_error,
		[VFIO_CCW_EVENT_ASYNC_REQ] = fsm_async_error,
		[VFIO_CCW_EVENT_INTERRUPT] = fsm_disabled_irq,
		[VFIO_CCW_EVENT_OPEN] = fsm_open,
		[VFIO_CCW_EVENT_CLOSE] = fsm_notoper,
	},
	[VFIO_CCW_STATE_IDLE] = {
		[VFIO_CCW_EVENT_NOT_OPER] = fsm_notoper,
		[VFIO_CCW_EVENT_IO_REQ] = fsm_io_request,
		[VFIO_CCW_EVENT_ASYNC_REQ] = fsm_async_request,
		[VFIO_CCW_EVENT_INTERRUPT] = fsm_irq,
		[VFIO_CCW_EVENT_OPEN] = fsm_notoper,
		[VFIO_CCW_EVENT_CLOSE] = fsm_close,
	},
	[VFIO_CCW_STATE_CP_PROCESSING] = {
		[VFIO_CCW_EVENT_NOT_OPER] = fsm_notoper,
		[VFIO_CCW_EVENT_IO_REQ] = fsm_io_retry,
		[VFIO_CCW_EVENT_ASYNC_REQ] = fsm_async_retry,
		[VFIO_CCW_EVENT_INTERRUPT] = fsm_irq,
		[VFIO_CCW_EVENT_OPEN] = fsm_notoper,
		[VFIO_CCW_EVENT_CLOSE] = fsm_close,
	},
	[VFIO_CCW_STATE_CP_PENDING] = {
		[VFIO_CCW_EVENT_NOT_OPER] = fsm_notoper,
		[VFIO_CCW_EVENT_IO_REQ] = fsm_io_busy,
		[VFIO_CCW_EVENT_ASYNC_REQ] = fsm_async_request,
		[VFIO_CCW_EVENT_INTERRUPT] = fsm_irq,
		[VFIO_CCW_EVENT_OPEN] = fsm_notoper,
		[VFIO_CCW_EVENT_CLOSE] = fsm_close,
	},
};

void vfio_ccw_fsm_event(struct vfio_ccw_private *private, enum vfio_ccw_event event)
{
	jumptable[private->state][event](private, event);
}
