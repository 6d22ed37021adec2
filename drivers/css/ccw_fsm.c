/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The states of a ccw device, and what leads from one to the next.
 *
 * Behaviour: Linux 7.3 drivers/s390/cio/device_fsm.c. There every step is an interrupt's; here who
 * has something done waits for it, in a state that tells others to keep away.
 */
#include <errno.h>
#include <string.h>

#include "ccw.h"

bool ccw_device_is_final(const struct ccw_device_private *priv)
{
	switch (priv->state) {
	case DEV_STATE_NOT_OPER:
	case DEV_STATE_OFFLINE:
	case DEV_STATE_ONLINE:
	case DEV_STATE_BOXED:
		return true;
	default:
		return false;
	}
}

void ccw_device_wait_final(struct ccw_device_private *priv)
{
	while (!ccw_device_is_final(priv) && priv->state != DEV_STATE_DISCONNECTED)
		io_sch_wait(priv->ios, NULL);
}

static void set_state(struct ccw_device_private *priv, enum ccw_device_state state)
{
	priv->state = state;
	pthread_cond_broadcast(&priv->ios->changed);
}

bool ccw_device_notify(struct ccw_device_private *priv, int event)
{
	struct ccw_device *cdev = &priv->cdev;

	return cdev->drv && cdev->online && !priv->leaving && cdev->drv->notify &&
	       cdev->drv->notify(cdev, event);
}

void ccw_device_set_notoper(struct ccw_device_private *priv)
{
	io_sch_set_timeout(priv->ios, 0);
	cio_disable_subchannel(priv->ios->sch);
	set_state(priv, DEV_STATE_NOT_OPER);
}

void ccw_device_set_disconnected(struct ccw_device_private *priv)
{
	io_sch_set_timeout(priv->ios, 0);
	set_state(priv, DEV_STATE_DISCONNECTED);
	ccw_device_fake_irb(priv);
}

/* Neither what is under way nor what waits for the end of a verification comes to an end. */
static void lose_io(struct ccw_device_private *priv)
{
	priv->doverify = false;
	ccw_device_fail_io(priv);
	ccw_device_fake_irb(priv);
}

/* One way or another nothing more will come from the device: is its driver to keep it? */
static void lose(struct ccw_device_private *priv, int event)
{
	set_state(priv, DEV_STATE_NOT_OPER);
	lose_io(priv);
	if (ccw_device_notify(priv, event))
		ccw_device_set_disconnected(priv);
	else
		io_sch_todo(priv->ios, IO_SCH_TODO_UNREG);
}

/* It is there again, and its driver has not seen the end of it. */
static void welcome_back(struct ccw_device_private *priv)
{
	if (ccw_device_notify(priv, CIO_OPER)) {
		priv->path_new_mask = priv->ios->vpm;
		return;
	}
	ccw_device_set_notoper(priv);
	io_sch_todo(priv->ios, IO_SCH_TODO_REBIND);
}

/* What has been begun, getting online or offline, has come to @state. */
static void done(struct ccw_device_private *priv, enum ccw_device_state state)
{
	bool back = priv->donotify && (state == DEV_STATE_ONLINE || state == DEV_STATE_OFFLINE);

	io_sch_set_timeout(priv->ios, 0);
	if (state != DEV_STATE_ONLINE)
		cio_disable_subchannel(priv->ios->sch);
	memset(&priv->irb, 0, sizeof(priv->irb));
	priv->donotify = false;
	set_state(priv, state);
	/* Its status may have come, and have gone with the disabling. */
	if (state != DEV_STATE_ONLINE)
		lose_io(priv);
	if (state == DEV_STATE_BOXED) {
		if (priv->cdev.online && !ccw_device_notify(priv, CIO_BOXED))
			io_sch_todo(priv->ios, IO_SCH_TODO_UNREG);
	} else if (state == DEV_STATE_NOT_OPER) {
		lose(priv, CIO_GONE);
	} else if (state == DEV_STATE_DISCONNECTED) {
		lose(priv, CIO_NO_PATH);
	} else if (back) {
		welcome_back(priv);
	}
}

/* ---- recognition ---- */

static bool is_same(const struct ccw_device_id *a, const struct ccw_device_id *b)
{
	return a->cu_type == b->cu_type && a->cu_model == b->cu_model &&
	       a->dev_type == b->dev_type && a->dev_model == b->dev_model;
}

static void take_id(struct ccw_device_private *priv, const struct ccw_device_id *id)
{
	unsigned long driver_info = priv->cdev.id.driver_info;

	priv->cdev.id = *id;
	priv->cdev.id.driver_info = driver_info;
}

static enum ccw_device_state judge(int err)
{
	if (!err)
		return DEV_STATE_OFFLINE;
	return err == -ETIME ? DEV_STATE_BOXED : DEV_STATE_NOT_OPER;
}

/* One that was disconnected, and online before, is there again. */
static void reconnect(struct ccw_device_private *priv, const struct ccw_device_id *id)
{
	set_state(priv, DEV_STATE_OFFLINE);
	if (is_same(&priv->cdev.id, id)) {
		priv->donotify = true;
		ccw_device_online(priv);
		return;
	}
	take_id(priv, id);
	io_sch_todo(priv->ios, IO_SCH_TODO_REBIND);
}

void ccw_device_recognition(struct ccw_device_private *priv)
{
	struct io_subchannel *ios = priv->ios;
	struct subchannel *sch = ios->sch;
	bool was_there = priv->state == DEV_STATE_DISCONNECTED;
	struct ccw_device_id id = { 0 };
	enum ccw_device_state state;
	int err;

	set_state(priv, was_there ? DEV_STATE_DISCONNECTED_SENSE_ID : DEV_STATE_SENSE_ID);
	err = cio_enable_subchannel(sch, (uint32_t)sch->schid.sch_no);
	if (!err)
		err = ccw_sense_id(ios, &id);
	state = judge(err);
	if (cio_disable_subchannel(sch))
		state = DEV_STATE_NOT_OPER;
	/* Having been tried, its paths are known. */
	if (cio_update_schib(sch))
		state = DEV_STATE_NOT_OPER;
	else
		sch->lpm = sch->schib.pmcw.pam & sch->opm;
	if (state == DEV_STATE_OFFLINE && priv->cdev.online) {
		reconnect(priv, &id);
	} else if (was_there && state != DEV_STATE_OFFLINE) {
		set_state(priv, DEV_STATE_DISCONNECTED);
	} else {
		if (state == DEV_STATE_OFFLINE)
			take_id(priv, &id);
		set_state(priv, state);
	}
}

/* ---- verification ---- */

static void tell_paths(struct ccw_device_private *priv)
{
	struct ccw_device *cdev = &priv->cdev;
	uint8_t vpm = priv->ios->vpm;
	int events[8];
	unsigned int i, path;

	for (i = 0, path = 0x80; i < 8; i++, path >>= 1) {
		events[i] = PE_NONE;
		if (path & priv->path_gone_mask & (uint8_t)~vpm)
			events[i] |= PE_PATH_GONE;
		if (path & priv->path_new_mask & vpm)
			events[i] |= PE_PATH_AVAILABLE;
		if (path & priv->pgid_reset_mask & vpm)
			events[i] |= PE_PATHGROUP_ESTABLISHED;
	}
	if (cdev->online && cdev->drv && !priv->leaving && cdev->drv->path_event)
		cdev->drv->path_event(cdev, events);
}

static void verify_done(struct ccw_device_private *priv, int err)
{
	switch (err) {
	case 0:
		done(priv, DEV_STATE_ONLINE);
		ccw_device_fake_irb(priv);
		tell_paths(priv);
		break;
	case -ETIME:
	case -EUSERS:
		priv->donotify = false;
		done(priv, DEV_STATE_BOXED);
		break;
	case -EACCES:
		done(priv, DEV_STATE_DISCONNECTED);
		break;
	default:
		done(priv, DEV_STATE_NOT_OPER);
		break;
	}
	/* Whatever came of it, no start waits any longer. */
	ccw_device_fake_irb(priv);
	priv->path_gone_mask = 0;
	priv->path_new_mask = 0;
	priv->pgid_reset_mask = 0;
}

static void verify(struct ccw_device_private *priv)
{
	struct subchannel *sch = priv->ios->sch;
	int err;

	do {
		priv->doverify = false;
		set_state(priv, DEV_STATE_VERIFY);
		err = cio_update_schib(sch);
		if (!err)
			err = ccw_path_verify(priv);
		if (cio_update_schib(sch))
			err = -ENODEV;
		else
			sch->lpm = priv->ios->vpm;
	} while (err != -ENODEV && err != -EIO && priv->doverify);
	priv->doverify = false;
	verify_done(priv, err);
}

/* May the driver's program, or its status, be disturbed? */
static bool is_idle(const struct ccw_device_private *priv)
{
	const struct scsw *scsw = &priv->ios->sch->schib.scsw;

	return !(scsw->ctrl & (SCSW_ACTL | SCSW_STCTL_STATUS)) &&
	       !(priv->irb.scsw.ctrl & SCSW_STCTL_STATUS);
}

void ccw_device_verify(struct ccw_device_private *priv)
{
	if (priv->state == DEV_STATE_BOXED && priv->cdev.online) {
		if (cio_enable_subchannel(priv->ios->sch, priv->ios->sch->schid.sch_no))
			done(priv, DEV_STATE_NOT_OPER);
		else
			verify(priv);
		return;
	}
	if (priv->state != DEV_STATE_ONLINE)
		return;
	if (cio_update_schib(priv->ios->sch)) {
		verify_done(priv, -ENODEV);
		return;
	}
	/* Else the end of what is under way comes back to it. */
	priv->doverify = true;
	if (is_idle(priv))
		verify(priv);
}

void ccw_device_want_verify(struct ccw_device_private *priv)
{
	switch (priv->state) {
	case DEV_STATE_ONLINE:
		/* From now on no program is started that would hold it up. */
		priv->doverify = true;
		io_sch_todo(priv->ios, IO_SCH_TODO_VERIFY);
		break;
	case DEV_STATE_VERIFY:
	case DEV_STATE_TIMEOUT_KILL:
		priv->doverify = true;
		break;
	case DEV_STATE_BOXED:
		io_sch_todo(priv->ios, priv->cdev.online ? IO_SCH_TODO_VERIFY : IO_SCH_TODO_EVAL);
		break;
	case DEV_STATE_NOT_OPER:
		/* It may just be on its way out; then another one is looked for. */
	case DEV_STATE_OFFLINE:
	case DEV_STATE_DISCONNECTED:
		io_sch_todo(priv->ios, IO_SCH_TODO_EVAL);
		break;
	default:
		break;
	}
}

void ccw_device_notoper(struct ccw_device_private *priv)
{
	switch (priv->state) {
	case DEV_STATE_OFFLINE:
	case DEV_STATE_ONLINE:
	case DEV_STATE_BOXED:
	case DEV_STATE_TIMEOUT_KILL:
		lose(priv, CIO_GONE);
		break;
	default:
		/* Whoever has something done there finds out. */
		break;
	}
}

/* ---- online, offline ---- */

int ccw_device_online(struct ccw_device_private *priv)
{
	struct subchannel *sch = priv->ios->sch;
	int err;

	if (priv->state != DEV_STATE_OFFLINE && priv->state != DEV_STATE_BOXED)
		return -EINVAL;
	err = cio_enable_subchannel(sch, sch->schid.sch_no);
	if (err) {
		if (err == -ENODEV)
			ccw_device_notoper(priv);
		return err;
	}
	verify(priv);
	return 0;
}

int ccw_device_offline(struct ccw_device_private *priv)
{
	struct subchannel *sch = priv->ios->sch;

	priv->donotify = false;
	if (priv->state == DEV_STATE_DISCONNECTED || priv->state == DEV_STATE_NOT_OPER) {
		done(priv, DEV_STATE_NOT_OPER);
		return 0;
	}
	if (priv->state == DEV_STATE_BOXED) {
		done(priv, DEV_STATE_BOXED);
		return 0;
	}
	if (cio_update_schib(sch))
		return -ENODEV;
	if (sch->schib.scsw.ctrl & SCSW_ACTL)
		return -EBUSY;
	if (priv->state != DEV_STATE_ONLINE)
		return -EINVAL;
	if (!priv->pgroup) {
		done(priv, DEV_STATE_OFFLINE);
		return 0;
	}
	set_state(priv, DEV_STATE_DISBAND_PGID);
	done(priv, judge(ccw_pgid_disband(priv)));
	return 0;
}

/* ---- reservations ---- */

#define CMD_UNCONDITIONAL_RESERVE 0x14
#define CMD_RELEASE		  0x94

int ccw_device_stlck(struct ccw_device_private *priv)
{
	struct subchannel *sch = priv->ios->sch;
	uint8_t sense[SENSE_SIZE] = { 0 };
	struct ccw_request req = { .cmd = { CMD_UNCONDITIONAL_RESERVE, CMD_RELEASE },
				   .buf = sense,
				   .len = sizeof(sense),
				   .lpm = sch->schib.pmcw.pam & sch->opm };
	int err;

	if (priv->cdev.drv && !(priv->options & CCWDEV_ALLOW_FORCE))
		return -EINVAL;
	err = cio_enable_subchannel(sch, sch->schid.sch_no);
	if (err)
		return err;
	set_state(priv, DEV_STATE_STEAL_LOCK);
	err = ccw_request_run(priv->ios, &req);
	cio_disable_subchannel(sch);
	set_state(priv, DEV_STATE_BOXED);
	return err;
}
