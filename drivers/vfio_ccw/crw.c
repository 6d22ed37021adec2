/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Channel-report words: what has become of the paths, for the user to tell its guest.
 * Behaviour: Linux 7.3 drivers/s390/cio/vfio_ccw_{chp,drv}.c; there is no end to them there.
 */
#include <string.h>

#include "private.h"

static void tell(struct vfio_ccw_private *private)
{
	if (private->nr_crws)
		vfio_irq_trigger(&private->vdev, VFIO_CCW_CRW_IRQ_INDEX, 0);
}

void vfio_ccw_queue_crw(struct vfio_ccw_private *private, unsigned int rsc, unsigned int erc,
			uint16_t rsid)
{
	struct crw *ring = private->crws;
	unsigned int end = private->first_crw + private->nr_crws;

	/* Who comes later finds the paths as they are. */
	if (private->state < VFIO_CCW_STATE_IDLE)
		return;
	if (private->nr_crws == VFIO_CCW_CRW_MAX) {
		ring[(end - 1) % VFIO_CCW_CRW_MAX].flags |= CRW_FLAG_OVERFLOW;
	} else {
		ring[end % VFIO_CCW_CRW_MAX] =
			(struct crw) { .flags = (uint16_t)(rsc << 8 | erc), .rsid = rsid };
		private->nr_crws++;
	}
	tell(private);
}

void vfio_ccw_drop_crws(struct vfio_ccw_private *private)
{
	private->nr_crws = 0;
}

static struct crw take_crw(struct vfio_ccw_private *private)
{
	struct crw crw = { 0 };

	if (private->nr_crws) {
		crw = private->crws[private->first_crw];
		private->first_crw = (private->first_crw + 1) % VFIO_CCW_CRW_MAX;
		private->nr_crws--;
	}
	return crw;
}

/* Each read takes one, whatever part of it is read; 0 says that there is none. */
static ssize_t crw_read(struct vfio_ccw_private *private, void *buf, size_t count, size_t offset)
{
	uint8_t bytes[sizeof(struct ccw_crw_region)] = { 0 };
	struct crw crw;

	pthread_mutex_lock(&private->sch->lock);
	crw = take_crw(private);
	tell(private);
	pthread_mutex_unlock(&private->sch->lock);
	cio_put16(bytes, crw.flags);
	cio_put16(bytes + 2, crw.rsid);
	memcpy(buf, bytes + offset, count);
	return (ssize_t)count;
}

const struct vfio_ccw_region vfio_ccw_crw_region = {
	.subtype = VFIO_REGION_SUBTYPE_CCW_CRW,
	.size = sizeof(struct ccw_crw_region),
	.read = crw_read,
};
