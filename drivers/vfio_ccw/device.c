/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The VFIO device of a subchannel: what its user sees of it and may do.
 * Behaviour: Linux 7.3 drivers/s390/cio/vfio_ccw_ops.c.
 */
#include <errno.h>
#include <string.h>

#include "private.h"

static const struct vfio_ccw_region *const regions[] = {
	[VFIO_CCW_CONFIG_REGION_INDEX] = &vfio_ccw_io_region,
	&vfio_ccw_async_region,
	&vfio_ccw_schib_region,
	&vfio_ccw_crw_region,
};

static struct vfio_ccw_private *to_private(struct vfio_device *vdev)
{
	return container_of(vdev, struct vfio_ccw_private, vdev);
}

/* ---- the user comes and goes ---- */

/* Nothing of the user before is left. */
static void clean(struct vfio_ccw_private *private)
{
	memset(&private->io_region, 0, sizeof(private->io_region));
	memset(&private->cmd_region, 0, sizeof(private->cmd_region));
	vfio_ccw_io_forget(private);
	vfio_ccw_drop_crws(private);
}

static int open_device(struct vfio_device *vdev)
{
	struct vfio_ccw_private *private = to_private(vdev);
	int err = 0;

	pthread_mutex_lock(&private->sch->lock);
	clean(private);
	vfio_ccw_fsm_event(private, VFIO_CCW_EVENT_OPEN);
	if (private->state == VFIO_CCW_STATE_NOT_OPER)
		err = -EINVAL;
	pthread_mutex_unlock(&private->sch->lock);
	return err;
}

/* Also when it is gone: its memory is the next user's. */
static void close_device(struct vfio_device *vdev)
{
	struct vfio_ccw_private *private = to_private(vdev);

	pthread_mutex_lock(&private->sch->lock);
	vfio_ccw_fsm_event(private, VFIO_CCW_EVENT_CLOSE);
	vfio_ccw_cp_wait(private);
	pthread_mutex_unlock(&private->sch->lock);
}

static int reset_device(struct vfio_device *vdev)
{
	struct vfio_ccw_private *private = to_private(vdev);
	int err = 0;

	pthread_mutex_lock(&private->sch->lock);
	vfio_ccw_fsm_event(private, VFIO_CCW_EVENT_CLOSE);
	vfio_ccw_fsm_event(private, VFIO_CCW_EVENT_OPEN);
	if (private->state == VFIO_CCW_STATE_NOT_OPER)
		err = -EINVAL;
	pthread_mutex_unlock(&private->sch->lock);
	return err;
}

static void request_device(struct vfio_device *vdev, unsigned int count)
{
	if (vfio_irq_is_armed(vdev, VFIO_CCW_REQ_IRQ_INDEX, 0)) {
		if (count % 10 == 0)
			dev_info(vdev->dev, "Relaying device request to user (#%u)", count);
		vfio_irq_trigger(vdev, VFIO_CCW_REQ_IRQ_INDEX, 0);
	} else if (count == 0) {
		dev_info(vdev->dev,
			 "No device request channel registered, blocked until released by user");
	}
}

/* ---- what there is ---- */

static int get_region(struct vfio_device *vdev, unsigned int index, struct vfio_region *region)
{
	const struct vfio_ccw_region *r = regions[index];

	region->size = r->size;
	region->flags = VFIO_REGION_INFO_FLAG_READ;
	if (r->write)
		region->flags |= VFIO_REGION_INFO_FLAG_WRITE;
	region->type = r->subtype ? VFIO_REGION_TYPE_CCW : 0;
	region->subtype = r->subtype;
	return 0;
}

static int get_irq(struct vfio_device *vdev, unsigned int index, struct vfio_irq *irq)
{
	irq->count = 1;
	irq->flags = VFIO_IRQ_INFO_EVENTFD;
	return 0;
}

static ssize_t read_region(struct vfio_device *vdev, unsigned int index, void *buf, size_t count,
			   uint64_t offset)
{
	return regions[index]->read(to_private(vdev), buf, count, (size_t)offset);
}

static ssize_t write_region(struct vfio_device *vdev, unsigned int index, const void *buf,
			    size_t count, uint64_t offset)
{
	return regions[index]->write(to_private(vdev), buf, count, (size_t)offset);
}

static const struct vfio_device_ops vfio_ccw_dev_ops = {
	.name = "vfio-ccw",
	.open_device = open_device,
	.close_device = close_device,
	.get_region = get_region,
	.get_irq = get_irq,
	.read = read_region,
	.write = write_region,
	.reset = reset_device,
	.request = request_device,
};

void vfio_ccw_device_init(struct vfio_ccw_private *private, struct device *dev)
{
	private->vdev.dev = dev;
	private->vdev.ops = &vfio_ccw_dev_ops;
	private->vdev.flags = VFIO_DEVICE_FLAGS_CCW;
	private->vdev.num_regions = ARRAY_SIZE(regions);
	private->vdev.num_irqs = VFIO_CCW_NUM_IRQS;
}
