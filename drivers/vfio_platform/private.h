/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of vfio_platform share: vfio_platform.c (driver and device), region.c (registers),
 * irq.c (interrupts), and reset.c, which is a module of its own.
 *
 * Behaviour: Linux 6.1 drivers/vfio/platform/.
 */
#ifndef UMDEV_VFIO_PLATFORM_PRIVATE_H
#define UMDEV_VFIO_PLATFORM_PRIVATE_H

#include <umdev/vfio_platform.h>

/**
 * struct vfio_platform_device - a device from probe() to remove()
 * @vdev:   its VFIO side
 * @stale:  a former user may still have registers mapped. The user's thread, then remove()
 * @pdev:   constant, as all that follows
 * @compat: the first of its compatibles
 * @reset:  how it is reset, with a reference to its module; NULL: it is not
 */
struct vfio_platform_device {
	struct vfio_device vdev;
	bool stale;
	struct platform_device *pdev;
	const char *compat;
	const struct vfio_platform_reset *reset;
};

static inline struct vfio_platform_device *to_vfio_platform(struct vfio_device *vdev)
{
	return container_of(vdev, struct vfio_platform_device, vdev);
}

/* Of every line in the log, as the kernel's. */
#define VFIO_PLATFORM_LOG "VFIO: "

/* ---- region.c: for struct vfio_device_ops ---- */

int vfio_platform_get_region(struct vfio_device *vdev, unsigned int index,
			     struct vfio_region *region);
ssize_t vfio_platform_read(struct vfio_device *vdev, unsigned int index, void *buf, size_t count,
			   uint64_t offset);
ssize_t vfio_platform_write(struct vfio_device *vdev, unsigned int index, const void *buf,
			    size_t count, uint64_t offset);

/* ---- irq.c ---- */

/** vfio_platform_get_irq - for struct vfio_device_ops */
int vfio_platform_get_irq(struct vfio_device *vdev, unsigned int index, struct vfio_irq *irq);
/** vfio_platform_irqs_take - pass all interrupts on from now. Return: 0, -EBUSY (one is taken). */
int vfio_platform_irqs_take(struct vfio_platform_device *vpdev);
/** vfio_platform_irqs_free - the reverse; for the next user all lines are low. */
void vfio_platform_irqs_free(struct vfio_platform_device *vpdev);

/* ---- reset.c: the module vfio_platform_base ---- */

/**
 * vfio_platform_get_reset - find a reset, loading the module that has it if need be
 * @compatible: what device it is for
 * Context: probe(). Return: the reset, whose module stays, or NULL.
 */
UMDEV_API const struct vfio_platform_reset *vfio_platform_get_reset(const char *compatible);
/** vfio_platform_put_reset - the reverse; NULL does nothing. */
UMDEV_API void vfio_platform_put_reset(const struct vfio_platform_reset *reset);

#endif
