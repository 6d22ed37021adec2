/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Region 0: START SUBCHANNEL, and the IRBs that come of it.
 *
 * Behaviour: Linux 7.3 drivers/s390/cio/vfio_ccw_{ops,drv}.c, where an IRB takes the place of the
 * one before at once. Here an unsolicited one waits until the user has read that: a device that
 * asks for attention right after it has ended a program would make its user wait for ever.
 */
#include <errno.h>
#include <string.h>

#include "private.h"

/* The part of an IRB that says what it is about. */
#define SCSW_AT	 offsetof(struct ccw_io_region, irb_area)
#define SCSW_END (SCSW_AT + SCSW_SIZE)

/* -errno has 4095 values. */
#define ERRNO_MAX 4095

/* ---- interrupts ---- */

bool vfio_ccw_irb_is_solicited(const struct irb *irb)
{
	return irb->scsw.flags & SCSW_FLAGS_CC ||
	       (irb->scsw.ctrl & SCSW_STCTL) != (SCSW_STCTL_STATUS | SCSW_STCTL_ALERT);
}

static void show(struct vfio_ccw_private *private, const struct irb *irb)
{
	struct vfio_ccw_shown *shown = &private->shown;

	irb_to_bytes(irb, private->io_region.irb_area);
	shown->irb = *irb;
	shown->unsolicited = !vfio_ccw_irb_is_solicited(irb);
	shown->unread = true;
	vfio_irq_trigger(&private->vdev, VFIO_CCW_IO_IRQ_INDEX, 0);
}

/* Several become one, as in a subchannel whose status nobody takes. */
static void hold(struct vfio_ccw_shown *shown, const struct irb *irb)
{
	uint8_t dstat = shown->has_held ? shown->held.scsw.dstat : 0;

	shown->held = *irb;
	shown->held.scsw.dstat |= dstat;
	shown->has_held = true;
}

void vfio_ccw_io_interrupt(struct vfio_ccw_private *private)
{
	struct vfio_ccw_shown *shown = &private->shown;
	const struct irb *irb = &private->irb;

	if (shown->unread && !vfio_ccw_irb_is_solicited(irb)) {
		hold(shown, irb);
		return;
	}
	if (shown->unread && shown->unsolicited)
		hold(shown, &shown->irb);
	show(private, irb);
}

void vfio_ccw_io_forget(struct vfio_ccw_private *private)
{
	private->shown.unread = false;
	private->shown.has_held = false;
}

static void was_read(struct vfio_ccw_private *private)
{
	struct vfio_ccw_shown *shown = &private->shown;

	shown->unread = false;
	if (shown->has_held) {
		shown->has_held = false;
		show(private, &shown->held);
	}
}

/* ---- the region ---- */

static ssize_t io_read(struct vfio_ccw_private *private, void *buf, size_t count, size_t offset)
{
	pthread_mutex_lock(&private->sch->lock);
	memcpy(buf, (const uint8_t *)&private->io_region + offset, count);
	if (offset <= SCSW_AT && offset + count >= SCSW_END)
		was_read(private);
	pthread_mutex_unlock(&private->sch->lock);
	return (ssize_t)count;
}

/* Whatever part of it is written, it is a request that all of it describes. */
static ssize_t io_write(struct vfio_ccw_private *private, const void *buf, size_t count,
			size_t offset)
{
	int ret;

	pthread_mutex_lock(&private->sch->lock);
	memcpy((uint8_t *)&private->io_region + offset, buf, count);
	vfio_ccw_fsm_event(private, VFIO_CCW_EVENT_IO_REQ);
	ret = (int)cio_get32((const uint8_t *)&private->io_region.ret_code);
	pthread_mutex_unlock(&private->sch->lock);
	/* The user may have written this one, too: it is an error, or none. */
	return ret < 0 && ret >= -ERRNO_MAX ? ret : (ssize_t)count;
}

const struct vfio_ccw_region vfio_ccw_io_region = {
	.size = sizeof(struct ccw_io_region),
	.read = io_read,
	.write = io_write,
};
