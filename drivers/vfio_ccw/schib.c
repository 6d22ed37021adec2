/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The region that is STORE SUBCHANNEL.
 * Behaviour: Linux 7.3 drivers/s390/cio/vfio_ccw_chp.c.
 */
#include <errno.h>
#include <string.h>

#include "private.h"

static ssize_t schib_read(struct vfio_ccw_private *private, void *buf, size_t count, size_t offset)
{
	struct subchannel *sch = private->sch;
	uint8_t bytes[SCHIB_SIZE];
	int err;

	pthread_mutex_lock(&sch->lock);
	err = cio_update_schib(sch);
	if (!err)
		schib_to_bytes(&sch->schib, bytes);
	pthread_mutex_unlock(&sch->lock);
	if (err)
		return -ENODEV;
	memcpy(buf, bytes + offset, count);
	return (ssize_t)count;
}

const struct vfio_ccw_region vfio_ccw_schib_region = {
	.subtype = VFIO_REGION_SUBTYPE_CCW_SCHIB,
	.size = sizeof(struct ccw_schib_region),
	.read = schib_read,
};
