/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VFIO for subchannels: a subchannel, with the device behind it, is handed to a guest as a mediated
 * device, and the guest's channel programs are carried out by the channel.
 *
 * Here is the driver of subchannels. mdev.c makes the mediated device, device.c is what its user
 * sees, fsm.c what happens to it, io.c, async.c, schib.c and crw.c are its regions, and cp.c copies
 * channel programs.
 *
 * What there is of a mediated device exists only while it is bound, and it is enabled only while it
 * has a user; so each callback below may come with none. Then it has nothing to do.
 *
 * Behaviour: Linux 7.3 drivers/s390/cio/vfio_ccw_drv.c.
 */
#include <errno.h>
#include <stdlib.h>

#include "private.h"

/* The mediated device, or NULL. Under sch->lock. */
static struct vfio_ccw_private *get_private(struct subchannel *sch)
{
	struct vfio_ccw_parent *parent = dev_get_drvdata(&sch->dev);

	return parent ? parent->private : NULL;
}

/* ---- the subchannel is bound and unbound ---- */

static void set_parent(struct subchannel *sch, struct vfio_ccw_parent *parent)
{
	pthread_mutex_lock(&sch->lock);
	dev_set_drvdata(&sch->dev, parent);
	pthread_mutex_unlock(&sch->lock);
}

static int vfio_ccw_sch_probe(struct subchannel *sch)
{
	struct vfio_ccw_parent *parent;
	int err;

	if (sch->schib.pmcw.flags & PMCW_QF) {
		dev_warn(&sch->dev, "vfio: ccw: does not support QDIO: %s", dev_name(&sch->dev));
		return -ENODEV;
	}
	parent = calloc(1, sizeof(*parent));
	if (!parent)
		return -ENOMEM;
	parent->type.sysfs_name = "io";
	parent->type.pretty_name = "I/O subchannel (Non-QDIO)";
	parent->types[0] = &parent->type;
	set_parent(sch, parent);
	err = mdev_register_parent(&parent->parent, &sch->dev, &vfio_ccw_mdev_driver, parent->types,
				   ARRAY_SIZE(parent->types));
	if (err) {
		set_parent(sch, NULL);
		free(parent);
	}
	return err;
}

static void vfio_ccw_sch_quiesce(struct subchannel *sch)
{
	struct vfio_ccw_parent *parent = dev_get_drvdata(&sch->dev);

	mdev_unregister_parent(&parent->parent);
}

static void vfio_ccw_sch_remove(struct subchannel *sch)
{
	struct vfio_ccw_parent *parent = dev_get_drvdata(&sch->dev);

	set_parent(sch, NULL);
	free(parent);
}

/* ---- callbacks ---- */

/* What ends a program whose path is gone: as if the path had failed. */
static struct irb left_irb(void)
{
	return (struct irb) {
		.scsw = { .ctrl = SCSW_FCTL_START | SCSW_STCTL_ALERT | SCSW_STCTL_PRIM |
				  SCSW_STCTL_SEC | SCSW_STCTL_STATUS,
			  .cstat = SCHN_STAT_INTF_CTRL },
	};
}

static void vfio_ccw_sch_irq(struct subchannel *sch, const struct irb *irb)
{
	struct vfio_ccw_private *private = get_private(sch);

	if (!private) {
		dev_info(&sch->dev, "unexpected interrupt");
		cio_disable_subchannel(sch);
		return;
	}
	private->irb = *irb;
	if (private->left && irb->scsw.ctrl & (SCSW_FCTL_HALT | SCSW_FCTL_CLEAR)) {
		private->irb = left_irb();
		private->left = false;
	}
	vfio_ccw_fsm_event(private, VFIO_CCW_EVENT_INTERRUPT);
}

static void vfio_ccw_sch_shutdown(struct subchannel *sch)
{
	struct vfio_ccw_private *private;

	pthread_mutex_lock(&sch->lock);
	private = get_private(sch);
	if (private) {
		vfio_ccw_fsm_event(private, VFIO_CCW_EVENT_CLOSE);
		vfio_ccw_fsm_event(private, VFIO_CCW_EVENT_NOT_OPER);
	}
	pthread_mutex_unlock(&sch->lock);
}

static int vfio_ccw_sch_event(struct subchannel *sch, int process)
{
	struct vfio_ccw_private *private = get_private(sch);

	if (cio_update_schib(sch) && private)
		vfio_ccw_fsm_event(private, VFIO_CCW_EVENT_NOT_OPER);
	return 0;
}

/*
 * A path is not to be used any more: end the program that runs on it, unless its user does so. How
 * that ends is told as what it is for the user, who has not asked for a halt: not well. The kernel
 * tells of its own halt; halts also what has used the path last and is idle; and what it cancels
 * before it has begun, which does not interrupt, it leaves its user to wait for.
 */
static void leave_path(struct vfio_ccw_private *private, uint8_t mask)
{
	struct subchannel *sch = private->sch;
	int retries = 255;

	if (private->state != VFIO_CCW_STATE_CP_PENDING || !(sch->schib.pmcw.lpum & mask) ||
	    sch->schib.scsw.ctrl & (SCSW_FCTL_HALT | SCSW_FCTL_CLEAR))
		return;
	if (!cio_cancel_halt_clear(sch, &retries)) {
		private->irb = left_irb();
		vfio_ccw_fsm_event(private, VFIO_CCW_EVENT_INTERRUPT);
	} else if (sch->schib.scsw.ctrl & (SCSW_ACTL_HALT_PEND | SCSW_ACTL_CLEAR_PEND)) {
		private->left = true;
	}
}

static int vfio_ccw_chp_event(struct subchannel *sch, const struct chp_link *link,
			      enum chp_event event)
{
	struct vfio_ccw_private *private = get_private(sch);
	uint8_t mask = sch_path_mask(sch, link);

	if (!private || !mask)
		return 0;
	if (cio_update_schib(sch))
		return -ENODEV;
	switch (event) {
	case CHP_VARY_OFF:
		sch->opm &= (uint8_t)~mask;
		sch->lpm &= (uint8_t)~mask;
		leave_path(private, mask);
		break;
	case CHP_OFFLINE:
		leave_path(private, mask);
		vfio_ccw_queue_crw(private, CRW_RSC_CPATH, CRW_ERC_PERRN, link->chpid);
		break;
	case CHP_VARY_ON:
		sch->opm |= mask;
		sch->lpm |= mask;
		break;
	case CHP_ONLINE:
		sch->lpm |= mask & sch->opm;
		vfio_ccw_queue_crw(private, CRW_RSC_CPATH, CRW_ERC_INIT, link->chpid);
		break;
	}
	return 0;
}

/* ---- the module ---- */

static const struct css_device_id vfio_ccw_sch_ids[] = {
	{ .match_flags = 1, .type = SUBCHANNEL_TYPE_IO },
	{ 0 },
};

/*
 * It matches what io_subchannel does. In the kernel that one comes first, so this one gets only
 * what it is given; here that does not depend on which was loaded first.
 */
static struct css_driver vfio_ccw_sch_driver = {
	.driver = { .explicit_bind_only = true },
	.ids = vfio_ccw_sch_ids,
	.probe = vfio_ccw_sch_probe,
	.quiesce = vfio_ccw_sch_quiesce,
	.remove = vfio_ccw_sch_remove,
	.irq = vfio_ccw_sch_irq,
	.shutdown = vfio_ccw_sch_shutdown,
	.sch_event = vfio_ccw_sch_event,
	.chp_event = vfio_ccw_chp_event,
};

static int vfio_ccw_init(void)
{
	int err = mdev_register_driver(&vfio_ccw_mdev_driver);

	if (err)
		return err;
	err = css_driver_register(&vfio_ccw_sch_driver, THIS_MODULE, "vfio_ccw");
	if (err)
		mdev_unregister_driver(&vfio_ccw_mdev_driver);
	return err;
}

static void vfio_ccw_exit(void)
{
	css_driver_unregister(&vfio_ccw_sch_driver);
	mdev_unregister_driver(&vfio_ccw_mdev_driver);
}

module_init(vfio_ccw_init);
module_exit(vfio_ccw_exit);
MODULE_ALIAS("css:t0");
MODULE_DEPENDS("css");
MODULE_LICENSE("LGPL-2.1-or-later");
MODULE_DESCRIPTION("VFIO for subchannels");
