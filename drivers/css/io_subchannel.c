/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * io_subchannel, the usual driver of I/O subchannels: it looks what is behind one, and makes a ccw
 * device of it.
 *
 * Behaviour: Linux 7.3 drivers/s390/cio/device.c. There is no place for ccw devices without
 * subchannel ("defunct"): one that is gone is removed, whatever its driver says.
 */
#include <errno.h>
#include <stdlib.h>
#include <umdev/log.h>
#include <umdev/module.h>

#include "ccw.h"
#include "css_bus.h"

module_param_named(request_timeout, ccw_request_timeout, uint, 0644);
MODULE_PARM_DESC(request_timeout, "how long io_subchannel waits for an answer, in milliseconds");

/* How long a halt or clear may take before the next means is tried. */
#define DISABLE_MS 100

/* ---- what has become of it ---- */

/* Find out what is there, and show it. */
static void attach(struct io_subchannel *ios)
{
	struct ccw_device_private *priv = ccw_device_create(ios);
	int err = -ENODEV;

	if (!priv) {
		dev_err(&ios->sch->dev, "no memory for the device behind it");
		return;
	}
	ios->cdev = priv;
	ccw_device_recognition(priv);
	if (priv->state == DEV_STATE_OFFLINE && !ios->closed)
		err = ccw_device_register(priv);
	if (!err)
		return;
	if (priv->state == DEV_STATE_OFFLINE && err != -ENODEV)
		dev_err(&ios->sch->dev, "the device behind it can't be added: %d", err);
	ccw_device_unregister(priv);
}

static void without_path(struct io_subchannel *ios, struct ccw_device_private *priv)
{
	if (priv->state == DEV_STATE_DISCONNECTED)
		return;
	ccw_device_set_notoper(priv);
	ccw_device_fail_io(priv);
	if (ccw_device_notify(priv, CIO_NO_PATH)) {
		ccw_device_set_disconnected(priv);
		return;
	}
	ccw_device_unregister(priv);
}

static void evaluate_device(struct io_subchannel *ios, struct ccw_device_private *priv)
{
	const struct subchannel *sch = ios->sch;

	if (!(sch->schib.pmcw.pam & sch->opm)) {
		without_path(ios, priv);
	} else if (priv->state == DEV_STATE_DISCONNECTED) {
		ccw_device_recognition(priv);
	} else if (priv->state == DEV_STATE_NOT_OPER) {
		ccw_device_unregister(priv);
		attach(ios);
	} else if (priv->cdev.online) {
		ccw_device_want_verify(priv);
	}
}

void io_subchannel_evaluate(struct io_subchannel *ios)
{
	struct ccw_device_private *priv = ios->cdev;

	if (cio_update_schib(ios->sch))
		return;
	if (!priv) {
		attach(ios);
	} else if (priv->state == DEV_STATE_TIMEOUT_KILL) {
		/* Its end leads to a verification, which finds out. */
		priv->doverify = true;
	} else {
		ccw_device_wait_final(priv);
		evaluate_device(ios, priv);
	}
}

void io_subchannel_verify(struct io_subchannel *ios)
{
	if (ios->cdev)
		ccw_device_want_verify(ios->cdev);
	else
		io_sch_todo(ios, IO_SCH_TODO_EVAL);
}

/* ---- disabling it ---- */

void io_subchannel_disable(struct io_subchannel *ios)
{
	struct ccw_device_private *priv = ios->cdev;
	struct subchannel *sch = ios->sch;
	enum ccw_device_state state = priv->state;
	int err, retries = 255;
	struct timespec soon;

	/* The driver does not start anything anew when it hears of the end. */
	priv->state = DEV_STATE_QUIESCE;
	ccw_device_fail_io(priv);
	err = cio_disable_subchannel(sch);
	while (err == -EBUSY && !ios->gone) {
		err = cio_cancel_halt_clear(sch, &retries);
		if (err == -EBUSY) {
			soon = io_sch_after(DISABLE_MS);
			io_sch_wait(ios, &soon);
		} else if (err) {
			break;
		}
		err = cio_disable_subchannel(sch);
	}
	priv->state = state;
	pthread_cond_broadcast(&ios->changed);
}

/* ---- what the bus calls ---- */

static int io_subchannel_probe(struct subchannel *sch)
{
	struct io_subchannel *ios = calloc(1, sizeof(*ios));
	pthread_condattr_t attr;

	if (!ios)
		return -ENOMEM;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&ios->changed, &attr);
	pthread_condattr_destroy(&attr);
	ios->sch = sch;
	dev_set_drvdata(&sch->dev, ios);
	/* Interrupts come when this has returned, and so does the evaluation. */
	css_schedule_eval(sch->schid);
	return 0;
}

static void io_subchannel_quiesce(struct subchannel *sch)
{
	struct io_subchannel *ios = to_io_subchannel(sch);

	pthread_mutex_lock(&sch->lock);
	io_sch_close(ios);
	if (ios->cdev)
		ccw_device_unregister(ios->cdev);
	io_sch_end(ios);
	pthread_mutex_unlock(&sch->lock);
}

static void io_subchannel_remove(struct subchannel *sch)
{
	struct io_subchannel *ios = to_io_subchannel(sch);

	pthread_cond_destroy(&ios->changed);
	free(ios);
}

static void io_subchannel_irq(struct subchannel *sch, const struct irb *irb)
{
	struct io_subchannel *ios = to_io_subchannel(sch);

	if (!ios) {
		cio_disable_subchannel(sch);
		return;
	}
	if (ios->req)
		ccw_request_irq(ios, irb);
	else if (ios->cdev)
		ccw_device_irq(ios->cdev, irb);
	else
		cio_disable_subchannel(sch);
	pthread_cond_broadcast(&ios->changed);
}

static int io_subchannel_sch_event(struct subchannel *sch, int process)
{
	struct io_subchannel *ios = to_io_subchannel(sch);

	if (!cio_update_schib(sch))
		return io_sch_todo(ios, IO_SCH_TODO_EVAL);
	/* The bus takes it away. Until then nobody has to wait for it. */
	ios->gone = true;
	if (ios->cdev)
		ccw_device_notoper(ios->cdev);
	pthread_cond_broadcast(&ios->changed);
	return 0;
}

/* A path has gone: what is under way on it is over. */
static void terminate_path(struct io_subchannel *ios, uint8_t path)
{
	const struct schib *schib = &ios->sch->schib;
	struct ccw_device_private *priv = ios->cdev;

	if (!priv)
		return;
	if (schib->scsw.ctrl & SCSW_ACTL && schib->pmcw.lpum == path) {
		if (priv->state == DEV_STATE_ONLINE) {
			ccw_device_kill_io(priv);
			return;
		}
		cio_clear(ios->sch);
	}
	ccw_device_want_verify(priv);
}

static int io_subchannel_chp_event(struct subchannel *sch, const struct chp_link *link,
				   enum chp_event event)
{
	struct io_subchannel *ios = to_io_subchannel(sch);
	uint8_t path = sch_path_mask(sch, link);
	bool came = event == CHP_VARY_ON || event == CHP_ONLINE;

	if (!path)
		return 0;
	if (cio_update_schib(sch))
		return -ENODEV;
	if (came)
		sch->lpm |= path & sch->opm;
	else if (event == CHP_VARY_OFF)
		sch->lpm &= (uint8_t)~path;
	if (ios->cdev && came)
		ios->cdev->path_new_mask |= path;
	else if (ios->cdev)
		ios->cdev->path_gone_mask |= path;
	if (came)
		io_subchannel_verify(ios);
	else
		terminate_path(ios, path);
	return 0;
}

/* ---- attributes ---- */

static ssize_t vpm_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct subchannel *sch = to_subchannel(dev);
	uint8_t vpm;

	pthread_mutex_lock(&sch->lock);
	vpm = to_io_subchannel(sch)->vpm;
	pthread_mutex_unlock(&sch->lock);
	return sysfs_emit(buf, "%02x\n", vpm);
}
static DEVICE_ATTR_RO(vpm);

/* The machine has no such command, as most have not. */
static ssize_t logging_store(struct device *dev, struct device_attribute *attr, const char *buf,
			     size_t count)
{
	dev_warn(dev, "logging failed with errno=%d", -EOPNOTSUPP);
	return -EOPNOTSUPP;
}
static DEVICE_ATTR_WO(logging);

static struct attribute *io_subchannel_attrs[] = {
	&dev_attr_logging.attr,
	&dev_attr_vpm.attr,
	NULL,
};
ATTRIBUTE_GROUPS(io_subchannel);

static const struct css_device_id io_subchannel_ids[] = {
	{ .match_flags = 1, .type = SUBCHANNEL_TYPE_IO },
	{ .match_flags = 0 },
};

static struct css_driver io_subchannel_driver = {
	.driver = { .dev_groups = io_subchannel_groups },
	.ids = io_subchannel_ids,
	.probe = io_subchannel_probe,
	.quiesce = io_subchannel_quiesce,
	.remove = io_subchannel_remove,
	.irq = io_subchannel_irq,
	.sch_event = io_subchannel_sch_event,
	.chp_event = io_subchannel_chp_event,
	.settle = io_subchannel_settle,
};

int io_subchannel_init(void)
{
	int err = bus_register(&ccw_bus_type);

	if (err)
		return err;
	err = css_driver_register(&io_subchannel_driver, THIS_MODULE, "io_subchannel");
	if (err)
		bus_unregister(&ccw_bus_type);
	return err;
}

void io_subchannel_exit(void)
{
	css_driver_unregister(&io_subchannel_driver);
	bus_unregister(&ccw_bus_type);
}
