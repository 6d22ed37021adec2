/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Channel programs of drivers, and the interrupts that tell of them.
 *
 * Behaviour: Linux 7.3 drivers/s390/cio/{device_ops,device_fsm,cio}.c.
 */
#include <errno.h>
#include <string.h>

#include "ccw.h"

/* Deferred condition code 1: it has not reached the device. */
#define SCSW_CC_1 0x0100

/* How long a halt or clear may take before the next means is tried. */
#define KILL_MS 3000

/* ---- the handler ---- */

static void call_handler(struct ccw_device_private *priv, unsigned long intparm,
			 const struct irb *irb, int err)
{
	struct ccw_device *cdev = &priv->cdev;

	if (cdev->handler)
		cdev->handler(cdev, intparm, irb, err);
}

/* Tell of what is under way; not of what the driver was told is over. */
static void deliver(struct ccw_device_private *priv, const struct irb *irb, int err, bool final)
{
	if (!priv->pending)
		return;
	if (final) {
		io_sch_set_timeout(priv->ios, 0);
		priv->pending = false;
	}
	call_handler(priv, priv->intparm, irb, err);
}

void ccw_device_fail_io(struct ccw_device_private *priv)
{
	io_sch_set_timeout(priv->ios, 0);
	memset(&priv->irb, 0, sizeof(priv->irb));
	deliver(priv, NULL, -EIO, true);
}

void ccw_device_fake_irb(struct ccw_device_private *priv)
{
	struct irb irb = { .scsw = { .flags = SCSW_CC_1,
				     .ctrl = SCSW_FCTL_START | SCSW_ACTL_START_PEND |
					     SCSW_STCTL_STATUS } };
	struct channel_memory *mem = priv->fake_mem;

	if (!priv->fake_irb)
		return;
	priv->fake_irb = false;
	priv->fake_mem = NULL;
	if (mem->ops->end)
		mem->ops->end(mem);
	if (priv->state == DEV_STATE_ONLINE)
		call_handler(priv, priv->intparm, &irb, 0);
	else
		call_handler(priv, priv->intparm, NULL, -EIO);
}

/* ---- interrupts ---- */

static bool is_wanted(const struct ccw_device_private *priv, bool final)
{
	unsigned int ctrl = priv->irb.scsw.ctrl;

	return final || priv->options & CCWDEV_REPORT_ALL || ctrl & SCSW_STCTL_INTER ||
	       (priv->options & CCWDEV_EARLY_NOTIFICATION && ctrl & SCSW_STCTL_PRIM);
}

static void online_irq(struct ccw_device_private *priv, const struct irb *irb)
{
	struct irb sum;
	bool final;

	if (!ccw_status_is_solicited(irb)) {
		call_handler(priv, 0, irb, 0);
	} else {
		ccw_status_accumulate(&priv->irb, irb);
		final = ccw_status_is_final(&priv->irb);
		if (!is_wanted(priv, final))
			return;
		sum = priv->irb;
		memset(&priv->irb, 0, sizeof(priv->irb));
		deliver(priv, &sum, 0, final);
	}
	if (priv->doverify)
		io_sch_todo(priv->ios, IO_SCH_TODO_VERIFY);
}

/* What was to be ended is over. */
static void killed(struct ccw_device_private *priv)
{
	io_sch_set_timeout(priv->ios, 0);
	memset(&priv->irb, 0, sizeof(priv->irb));
	priv->state = DEV_STATE_ONLINE;
	/* Why it had to be ended may be a path that does not work. */
	ccw_device_want_verify(priv);
	deliver(priv, NULL, priv->kill_rc, true);
	pthread_cond_broadcast(&priv->ios->changed);
}

void ccw_device_irq(struct ccw_device_private *priv, const struct irb *irb)
{
	switch (priv->state) {
	case DEV_STATE_ONLINE:
		online_irq(priv, irb);
		break;
	case DEV_STATE_TIMEOUT_KILL:
		if (ccw_status_is_solicited(irb) && ccw_status_is_final(irb))
			killed(priv);
		break;
	case DEV_STATE_DISCONNECTED:
		io_sch_todo(priv->ios, IO_SCH_TODO_EVAL);
		break;
	case DEV_STATE_NOT_OPER:
	case DEV_STATE_OFFLINE:
		/* It should be disabled. */
		cio_disable_subchannel(priv->ios->sch);
		break;
	default:
		break;
	}
}

/* ---- ending a program ---- */

static void kill_on(struct ccw_device_private *priv)
{
	switch (cio_cancel_halt_clear(priv->ios->sch, &priv->kill_retries)) {
	case 0:
		killed(priv);
		break;
	case -EBUSY:
		priv->state = DEV_STATE_TIMEOUT_KILL;
		io_sch_set_timeout(priv->ios, KILL_MS);
		break;
	default:
		ccw_device_notoper(priv);
		break;
	}
}

static void kill(struct ccw_device_private *priv, int rc)
{
	priv->kill_retries = 255;
	priv->kill_rc = rc;
	kill_on(priv);
}

void ccw_device_kill_io(struct ccw_device_private *priv)
{
	kill(priv, -EIO);
}

void ccw_device_timeout(struct ccw_device_private *priv)
{
	if (priv->state == DEV_STATE_ONLINE)
		kill(priv, -ETIMEDOUT);
	else if (priv->state == DEV_STATE_TIMEOUT_KILL)
		kill_on(priv);
}

/* ---- what drivers call ---- */

/* Return: 0, or why the device can't be used. */
static int check(const struct subchannel *sch, const struct ccw_device_private *priv)
{
	if (!(sch->schib.pmcw.flags & PMCW_DNV) || priv->ios->gone)
		return -ENODEV;
	if (!(sch->schib.pmcw.flags & PMCW_ENA))
		return -EINVAL;
	return priv->state == DEV_STATE_NOT_OPER ? -ENODEV : 0;
}

static int start_later(struct ccw_device_private *priv, struct channel_memory *mem,
		       unsigned long intparm)
{
	if (priv->fake_irb || priv->pending)
		return -EBUSY;
	priv->fake_irb = true;
	priv->fake_mem = mem;
	priv->intparm = intparm;
	return 0;
}

int ccw_device_start_timeout(struct ccw_device *cdev, struct channel_memory *mem, uint32_t cpa,
			     unsigned long intparm, uint8_t lpm, unsigned long flags,
			     unsigned int ms)
{
	struct ccw_device_private *priv = to_private(cdev);
	struct subchannel *sch = to_sch(cdev);
	int err = check(sch, priv);

	if (err)
		return err;
	if (priv->state == DEV_STATE_VERIFY || priv->doverify)
		return start_later(priv, mem, intparm);
	if (priv->state != DEV_STATE_ONLINE)
		return -EBUSY;
	if (lpm) {
		lpm &= sch->lpm;
		if (!lpm)
			return -EACCES;
	}
	err = cio_start(sch, mem, cpa, lpm, flags);
	if (!err) {
		priv->intparm = intparm;
		priv->pending = true;
		io_sch_set_timeout(priv->ios, ms);
	} else if (err != -EBUSY) {
		ccw_device_want_verify(priv);
	}
	return err;
}

int ccw_device_start(struct ccw_device *cdev, struct channel_memory *mem, uint32_t cpa,
		     unsigned long intparm, uint8_t lpm, unsigned long flags)
{
	return ccw_device_start_timeout(cdev, mem, cpa, intparm, lpm, flags, 0);
}

static int end(struct ccw_device *cdev, unsigned long intparm,
	       int (*instruction)(struct subchannel *))
{
	struct ccw_device_private *priv = to_private(cdev);
	int err = check(to_sch(cdev), priv);

	if (!err && priv->state != DEV_STATE_ONLINE)
		err = -EINVAL;
	if (!err)
		err = instruction(to_sch(cdev));
	if (!err) {
		priv->intparm = intparm;
		priv->pending = true;
	}
	return err;
}

int ccw_device_halt(struct ccw_device *cdev, unsigned long intparm)
{
	return end(cdev, intparm, cio_halt);
}

int ccw_device_clear(struct ccw_device *cdev, unsigned long intparm)
{
	return end(cdev, intparm, cio_clear);
}

int ccw_device_set_options(struct ccw_device *cdev, unsigned long flags)
{
	struct ccw_device_private *priv = to_private(cdev);
	unsigned long both = CCWDEV_EARLY_NOTIFICATION | CCWDEV_REPORT_ALL;

	if (((priv->options | flags) & both) == both)
		return -EINVAL;
	priv->options |= flags;
	return 0;
}

void ccw_device_clear_options(struct ccw_device *cdev, unsigned long flags)
{
	to_private(cdev)->options &= ~flags;
}

bool ccw_device_is_pathgroup(struct ccw_device *cdev)
{
	return to_private(cdev)->pgroup;
}

bool ccw_device_is_multipath(struct ccw_device *cdev)
{
	return to_private(cdev)->mpath;
}

uint8_t ccw_device_get_path_mask(struct ccw_device *cdev)
{
	return to_sch(cdev)->lpm;
}
