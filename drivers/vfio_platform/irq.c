/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interrupts: each line of the device is an index. What its user says of them src/vfio knows how to
 * take (irq_platform.c there); here they come from the hardware.
 */
#include "private.h"

static bool is_level(const struct platform_device *pdev, unsigned int irq)
{
	return pdev->irqs[irq].type & PLATFORM_IRQ_TYPE_LEVEL_MASK;
}

int vfio_platform_get_irq(struct vfio_device *vdev, unsigned int index, struct vfio_irq *irq)
{
	irq->count = 1;
	irq->flags = VFIO_IRQ_INFO_EVENTFD;
	if (is_level(to_vfio_platform(vdev)->pdev, index))
		irq->flags |= VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED;
	return 0;
}

/* A listener: from any thread of the hardware's, under a lock of the bus's. */
static void line_changed(void *data, unsigned int irq, bool level)
{
	struct vfio_platform_device *vpdev = data;

	if (is_level(vpdev->pdev, irq))
		vfio_irq_set_level(&vpdev->vdev, irq, 0, level);
	else if (level)
		vfio_irq_trigger(&vpdev->vdev, irq, 0);
}

static void free_first(struct vfio_platform_device *vpdev, unsigned int count)
{
	while (count--) {
		platform_free_irq(vpdev->pdev, count);
		vfio_irq_set_level(&vpdev->vdev, count, 0, false);
	}
}

int vfio_platform_irqs_take(struct vfio_platform_device *vpdev)
{
	unsigned int i;
	int err;

	for (i = 0; i < vpdev->pdev->num_irqs; i++) {
		err = platform_listen_irq(vpdev->pdev, i, line_changed, vpdev);
		if (err) {
			free_first(vpdev, i);
			return err;
		}
	}
	return 0;
}

void vfio_platform_irqs_free(struct vfio_platform_device *vpdev)
{
	free_first(vpdev, vpdev->pdev->num_irqs);
}
