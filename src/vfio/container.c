/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The container device, which programs look for to learn whether there is VFIO at all. Nobody can
 * open it: users come over vfio-user.
 * Behaviour: Linux 6.1 drivers/vfio/container.c, drivers/char/misc.c.
 */
#include "model/alloc.h"
#include "vfio/vfio.h"

#define MISC_MAJOR 10
#define VFIO_MINOR 196

static char *misc_devnode(struct device *dev, mode_t *mode)
{
	*mode = 0666;
	return strdup_f("vfio/vfio");
}

/* The container is the only one of its class here. */
static struct class misc_class = {
	.name = "misc",
	.devnode = misc_devnode,
};

static struct device *container; /* between vfio_container_init() and _cleanup() */

int vfio_container_init(void)
{
	int err = class_register(&misc_class);

	if (err)
		return err;
	err = device_create(&misc_class, NULL, DEVNUM(MISC_MAJOR, VFIO_MINOR), NULL, &container,
			    "vfio");
	if (err)
		class_unregister(&misc_class);
	return err;
}

void vfio_container_cleanup(void)
{
	device_unregister(container);
	class_unregister(&misc_class);
}
