/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The region for HALT SUBCHANNEL and CLEAR SUBCHANNEL.
 * Behaviour: Linux 7.3 drivers/s390/cio/vfio_ccw_async.c.
 */
#include <string.h>

#include "private.h"

static ssize_t async_read(struct vfio_ccw_private *private, void *buf, size_t count, size_t offset)
{
	pthread_mutex_lock(&private->sch->lock);
	memcpy(buf, (const uint8_t *)&private->cmd_region + offset, count);
	pthread_mutex_unlock(&private->sch->lock);
	return (ssize_t)count;
}

static ssize_t async_write(struct vfio_ccw_private *private, const void *buf, size_t count,
			   size_t offset)
{
	int ret;

	pthread_mutex_lock(&private->sch->lock);
	memcpy((uint8_t *)&private->cmd_region + offset, buf, count);
	vfio_ccw_fsm_event(private, VFIO_CCW_EVENT_ASYNC_REQ);
	ret = (int)cio_get32((const uint8_t *)&private->cmd_region.ret_code);
	pthread_mutex_unlock(&private->sch->lock);
	return ret ? ret : (ssize_t)count;
}

const struct vfio_ccw_region vfio_ccw_async_region = {
	.subtype = VFIO_REGION_SUBTYPE_CCW_ASYNC_CMD,
	.size = sizeof(struct ccw_cmd_region),
	.read = async_read,
	.write = async_write,
};
