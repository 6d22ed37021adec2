/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The VFIO device of a mediated matrix: what its user sees of it and may do.
 *
 * Behaviour: Linux 7.3 drivers/s390/crypto/vfio_ap_ops.c, but for the window (umdev/vfio_ap.h).
 */
#include <errno.h>
#include <umdev/log.h>
#include <umdev/vfio_ap.h>

#include "private.h"

static bool window = true;
module_param(window, bool, 0444);
MODULE_PARM_DESC(window, "devices have a region through which guests execute instructions");

static struct ap_matrix_mdev *to_matrix_mdev(struct vfio_device *vdev)
{
	return container_of(vdev, struct ap_matrix_mdev, vdev);
}

/* ---- the user comes and goes ---- */

static int open_device(struct vfio_device *vdev)
{
	struct ap_matrix_mdev *m = to_matrix_mdev(vdev);

	if (m->window)
		ap_window_reset(m->window);
	m->revoked = false;
	return vfio_ap_guest_attach(m);
}

static void close_device(struct vfio_device *vdev)
{
	vfio_ap_guest_detach(to_matrix_mdev(vdev));
}

static int reset_device(struct vfio_device *vdev)
{
	struct ap_matrix_mdev *m = to_matrix_mdev(vdev);

	if (m->window)
		ap_window_reset(m->window);
	return vfio_ap_mdev_reset_queues(m);
}

/* When this returns no instruction of the guest's is under way, nor will another reach a queue. */
static void take_masks(struct ap_matrix_mdev *m)
{
	pthread_mutex_lock(&m->apcb_lock);
	m->revoked = true;
	pthread_mutex_unlock(&m->apcb_lock);
	vfio_irq_trigger(&m->vdev, VFIO_AP_CFG_CHG_IRQ_INDEX, 0);
}

static void request_device(struct vfio_device *vdev, unsigned int count)
{
	struct ap_matrix_mdev *m = to_matrix_mdev(vdev);

	pthread_mutex_lock(&matrix_dev->lock);
	if (m->opened)
		take_masks(m);
	if (vfio_irq_is_armed(vdev, VFIO_AP_REQ_IRQ_INDEX, 0)) {
		if (count % 10 == 0)
			dev_info(vdev->dev, "Relaying device request to user (#%u)", count);
		vfio_irq_trigger(vdev, VFIO_AP_REQ_IRQ_INDEX, 0);
	} else if (count == 0) {
		dev_info(vdev->dev, "No device request registered, blocked until released by user");
	}
	pthread_mutex_unlock(&matrix_dev->lock);
}

void vfio_ap_signal_cfg_chg(struct ap_matrix_mdev *m)
{
	m->revoked = false;
	vfio_irq_trigger(&m->vdev, VFIO_AP_CFG_CHG_IRQ_INDEX, 0);
}

/* ---- what there is ---- */

static int get_region(struct vfio_device *vdev, unsigned int index, struct vfio_region *region)
{
	region->size = VFIO_AP_WINDOW_SIZE;
	region->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	region->type = VFIO_REGION_TYPE_UMDEV;
	region->subtype = VFIO_REGION_SUBTYPE_AP_WINDOW;
	return 0;
}

static int get_irq(struct vfio_device *vdev, unsigned int index, struct vfio_irq *irq)
{
	irq->count = 1;
	irq->flags = VFIO_IRQ_INFO_EVENTFD;
	return 0;
}

static ssize_t read_window(struct vfio_device *vdev, unsigned int index, void *buf, size_t count,
			   uint64_t offset)
{
	ap_window_read(to_matrix_mdev(vdev)->window, buf, count, offset);
	return (ssize_t)count;
}

static ssize_t write_window(struct vfio_device *vdev, unsigned int index, const void *buf,
			    size_t count, uint64_t offset)
{
	ap_window_write(to_matrix_mdev(vdev), buf, count, offset);
	return (ssize_t)count;
}

static void dma_unmap(struct vfio_device *vdev, uint64_t iova, uint64_t length)
{
	vfio_ap_irq_unmap(to_matrix_mdev(vdev), iova, length);
}

static const struct vfio_device_ops vfio_ap_device_ops = {
	.name = "vfio-ap",
	.open_device = open_device,
	.close_device = close_device,
	.get_region = get_region,
	.get_irq = get_irq,
	.read = read_window,
	.write = write_window,
	.reset = reset_device,
	.request = request_device,
	.dma_unmap = dma_unmap,
};

int vfio_ap_device_init(struct ap_matrix_mdev *m)
{
	if (window) {
		m->window = ap_window_create();
		if (!m->window)
			return -ENOMEM;
	}
	m->vdev.dev = &m->mdev->dev;
	m->vdev.ops = &vfio_ap_device_ops;
	m->vdev.flags = VFIO_DEVICE_FLAGS_AP;
	m->vdev.num_regions = window ? 1 : 0;
	m->vdev.num_irqs = window ? VFIO_AP_WINDOW_IRQ_INDEX + 1 : VFIO_AP_NUM_IRQS;
	return 0;
}

void vfio_ap_device_finish(struct ap_matrix_mdev *m)
{
	ap_window_destroy(m->window);
	m->window = NULL;
}
