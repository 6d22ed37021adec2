/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What vfio_platform wants to be told of a kind of device: how it is reset. The module
 * "vfio_platform_base" offers this; a module with such a reset says
 * MODULE_DEPENDS("vfio_platform_base") and MODULE_ALIAS("vfio-reset:COMPATIBLE"), by which it is
 * loaded when a device needs it.
 *
 * Behaviour: Linux 6.1 drivers/vfio/platform/{vfio_platform_common,vfio_platform_private.h}.
 */
#ifndef UMDEV_VFIO_PLATFORM_H
#define UMDEV_VFIO_PLATFORM_H

#include <umdev/platform.h>
#include <umdev/vfio.h>

/**
 * struct vfio_platform_reset - how devices of one kind are reset
 * @compatible: the first of the device's compatibles
 * @owner:      THIS_MODULE; kept from unloading while a device uses it
 * @reset:      bring the device into a state in which it raises no interrupt and copies nothing,
 *              by its registers (platform_read(), platform_write()); 0 or -errno. Called when a
 *              user opens the device, closes it, or asks for it; one at a time per device
 * @list:       vfio_platform_base's
 */
struct vfio_platform_reset {
	const char *compatible;
	struct module *owner;
	int (*reset)(struct platform_device *pdev);
	struct list_head list;
};

/**
 * vfio_platform_register_reset - offer a reset
 * Devices that are bound already keep what they have. Return: 0, -EINVAL, -EEXIST.
 */
UMDEV_API int vfio_platform_register_reset(struct vfio_platform_reset *reset);
/** vfio_platform_unregister_reset - the reverse; no device uses it any more. */
UMDEV_API void vfio_platform_unregister_reset(struct vfio_platform_reset *reset);

#endif
