/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SET_IRQS of platform devices: one interrupt per index, which can be masked before it is armed.
 * Behaviour: Linux 6.1 drivers/vfio/platform/vfio_platform_irq.c, drivers/vfio/vfio_main.c.
 */
#include <errno.h>
#include <unistd.h>

#include "vfio/irq.h"
#include "vfio/resample.h"

/* As the kernel's, for which the number of indexes stands for that of the interrupts in one. */
static int check_numbers(const struct vfio_device *vdev, uint32_t data_type, unsigned int start,
			 unsigned int count)
{
	if (data_type != VFIO_IRQ_SET_DATA_NONE && data_type != VFIO_IRQ_SET_DATA_BOOL &&
	    data_type != VFIO_IRQ_SET_DATA_EVENTFD)
		return -EINVAL;
	if (start >= vdev->num_irqs || count > vdev->num_irqs - start)
		return -EINVAL;
	return 0;
}

/* ---- mask, unmask ---- */

static int set_mask_eventfd(struct vfio_device *vdev, unsigned int index, uint32_t action, int fd)
{
	struct vfio_irq_index *irq = &vdev->irqs[index];
	struct vfio_resample *rs;
	int err;

	if (fd < 0) {
		vfio_irq_drop_resample(irq, 0, action);
		return 0;
	}
	if (*vfio_irq_find_resample(irq, 0, action))
		return -EBUSY;
	err = vfio_resample_create(vdev, index, 0, action, fd, &rs);
	if (err)
		return err;
	rs->next = irq->resamples;
	irq->resamples = rs;
	return 0;
}

static int set_mask(struct vfio_device *vdev, unsigned int index, uint32_t action,
		    uint32_t data_type, const void *data)
{
	if (!(vdev->irqs[index].flags & VFIO_IRQ_INFO_MASKABLE))
		return -EINVAL;
	if (data_type == VFIO_IRQ_SET_DATA_EVENTFD)
		return set_mask_eventfd(vdev, index, action, *(const int *)data);
	if (data_type == VFIO_IRQ_SET_DATA_NONE || *(const uint8_t *)data)
		vfio_irq_set_masked(vdev, index, 0, action == VFIO_IRQ_SET_ACTION_MASK);
	return 0;
}

/* ---- trigger ---- */

static void exchange_fd(struct vfio_device *vdev, struct vfio_irq_index *irq, int fd)
{
	int old;

	pthread_mutex_lock(&vdev->irq_lock);
	old = vfio_irq_exchange_fd(irq, 0, fd);
	pthread_mutex_unlock(&vdev->irq_lock);
	if (old >= 0)
		close(old);
}

/* The one before goes first, also if the new one is none. */
static int arm(struct vfio_device *vdev, struct vfio_irq_index *irq, int fd)
{
	exchange_fd(vdev, irq, -1);
	if (fd < 0)
		return 0;
	fd = vfio_eventfd_dup(fd);
	if (fd < 0)
		return fd;
	exchange_fd(vdev, irq, fd);
	return 0;
}

/* What the handler of the interrupt does, whoever listens. */
static void run_handler(struct vfio_device *vdev, struct vfio_irq_index *irq)
{
	struct vfio_irq_vector *v = &irq->vectors[0];

	pthread_mutex_lock(&vdev->irq_lock);
	if (!v->masked) {
		if (irq->flags & VFIO_IRQ_INFO_AUTOMASKED)
			v->masked = true;
		if (v->fd >= 0)
			vfio_eventfd_signal(v->fd);
	}
	pthread_mutex_unlock(&vdev->irq_lock);
}

static int trigger(struct vfio_device *vdev, struct vfio_irq_index *irq, uint32_t data_type,
		   const void *data)
{
	if (data_type == VFIO_IRQ_SET_DATA_EVENTFD)
		return arm(vdev, irq, *(const int *)data);
	if (data_type == VFIO_IRQ_SET_DATA_NONE || *(const uint8_t *)data)
		run_handler(vdev, irq);
	return 0;
}

int vfio_irqs_set_platform(struct vfio_device *vdev, uint32_t flags, unsigned int index,
			   unsigned int start, unsigned int count, const void *data)
{
	uint32_t data_type = flags & VFIO_IRQ_SET_DATA_TYPE_MASK;
	uint32_t action = flags & VFIO_IRQ_SET_ACTION_TYPE_MASK;
	int err = check_numbers(vdev, data_type, start, count);

	if (err)
		return err;
	switch (action) {
	case VFIO_IRQ_SET_ACTION_MASK:
	case VFIO_IRQ_SET_ACTION_UNMASK:
		if (start != 0 || count != 1)
			return -EINVAL;
		return set_mask(vdev, index, action, data_type, data);
	case VFIO_IRQ_SET_ACTION_TRIGGER:
		if (count == 0 && data_type == VFIO_IRQ_SET_DATA_NONE)
			return arm(vdev, &vdev->irqs[index], -1);
		if (start != 0 || count != 1)
			return -EINVAL;
		return trigger(vdev, &vdev->irqs[index], data_type, data);
	default:
		return -ENOTTY;
	}
}
