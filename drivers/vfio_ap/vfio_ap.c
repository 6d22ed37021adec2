/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VFIO for queues of crypto adapters: a matrix of adapters and domains is cut into mediated
 * devices, each for one guest.
 *
 * From the bottom: reset.c resets queues and waits for that; filter.c says which queues a guest
 * gets, and changes what it has; assign.c, attr.c and attr_config.c are what is assigned to it;
 * queue.c and hotplug.c are how the AP bus's changes get here. mdev.c makes mediated devices of it,
 * guest.c, device.c, window.c and irq.c are for who uses one.
 *
 * Behaviour: Linux 7.3 drivers/s390/crypto/vfio_ap_drv.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <umdev/publish.h>

#include "private.h"

struct ap_matrix_dev *matrix_dev;

/* ---- the matrix device ---- */

static ssize_t features_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "guest_matrix hotplug ap_config\n");
}
static DEVICE_ATTR_RO(features);

static struct attribute *matrix_dev_attrs[] = { &dev_attr_features.attr, NULL };
static const struct attribute_group matrix_dev_group = { .attrs = matrix_dev_attrs };
static const struct attribute_group *matrix_dev_groups[] = { &matrix_dev_group, NULL };

/* The bus is there for the matrix, so that it has a subsystem; it has room for no other. */
static int matrix_bus_admit(struct device *dev)
{
	return matrix_dev && dev == &matrix_dev->device ? 0 : -EEXIST;
}

static struct bus_type matrix_bus = {
	.name = "matrix",
	.admit = matrix_bus_admit,
};

static struct device_driver matrix_driver = {
	.name = "vfio_ap",
	.bus = &matrix_bus,
	.owner = THIS_MODULE,
	.suppress_bind_attrs = true,
	.dev_groups = matrix_dev_groups,
};

static void matrix_dev_release(struct device *dev)
{
	struct ap_matrix_dev *matrix = container_of(dev, struct ap_matrix_dev, device);

	pthread_mutex_destroy(&matrix->lock);
	free(matrix);
}

static int matrix_dev_add(struct device *root)
{
	struct device *dev;
	int err;

	matrix_dev = calloc(1, sizeof(*matrix_dev));
	if (!matrix_dev)
		return -ENOMEM;
	pthread_mutex_init(&matrix_dev->lock, NULL);
	dev = &matrix_dev->device;
	dev->parent = root;
	dev->bus = &matrix_bus;
	dev->release = matrix_dev_release;
	err = device_initialize(dev);
	if (!err)
		err = dev_set_name(dev, "matrix");
	if (err)
		goto put;
	/* So that it is seen with its driver, whose attributes tools look for. */
	publish_begin();
	err = device_add(dev);
	if (err) {
		publish_abort();
		goto put;
	}
	publish_commit();
	return 0;
put:
	put_device(dev);
	matrix_dev = NULL;
	return err;
}

static int matrix_dev_create(void)
{
	struct device *root;
	int err;

	err = root_device_register("vfio_ap", &root);
	if (err)
		return err;
	err = bus_register(&matrix_bus);
	if (err)
		goto unregister_root;
	/* Before the device, which then appears with it. */
	err = driver_register(&matrix_driver);
	if (err)
		goto unregister_bus;
	err = matrix_dev_add(root);
	if (err)
		goto unregister_driver;
	return 0;

unregister_driver:
	driver_unregister(&matrix_driver);
unregister_bus:
	bus_unregister(&matrix_bus);
unregister_root:
	root_device_unregister(root);
	return err;
}

static void matrix_dev_destroy(void)
{
	struct device *root = matrix_dev->device.parent;

	device_unregister(&matrix_dev->device);
	matrix_dev = NULL;
	driver_unregister(&matrix_driver);
	bus_unregister(&matrix_bus);
	root_device_unregister(root);
}

/* ---- the driver of queues ---- */

#define QUEUE_TYPE(type)                                                                        \
	{                                                                                       \
		.match_flags = AP_DEVICE_ID_MATCH_QUEUE_TYPE, .dev_type = AP_DEVICE_TYPE_##type \
	}

static const struct ap_device_id queue_ids[] = {
	QUEUE_TYPE(CEX4), QUEUE_TYPE(CEX5), QUEUE_TYPE(CEX6),
	QUEUE_TYPE(CEX7), QUEUE_TYPE(CEX8), {},
};

static struct ap_driver vfio_ap_drv = {
	.driver = { .dev_groups = vfio_ap_queue_attr_groups },
	.probe = vfio_ap_probe_queue,
	.remove = vfio_ap_remove_queue,
	.in_use = vfio_ap_in_use,
	.on_config_changed = vfio_ap_on_config_changed,
	.on_scan_complete = vfio_ap_on_scan_complete,
	.ids = queue_ids,
};

/*
 * When the driver is registered it hears of changes; of those before there is this. Without QCI no
 * guest gets anything.
 */
static int read_configuration(void)
{
	int err;

	pthread_mutex_lock(&matrix_dev->lock);
	err = ap_qci(&matrix_dev->info);
	pthread_mutex_unlock(&matrix_dev->lock);
	return err == -EOPNOTSUPP ? 0 : err;
}

/* ---- the module ---- */

static int vfio_ap_init(void)
{
	int err;

	err = matrix_dev_create();
	if (err)
		return err;
	err = ap_driver_register(&vfio_ap_drv, THIS_MODULE, "vfio_ap");
	if (err)
		goto destroy;
	err = read_configuration();
	if (err)
		goto unregister;
	err = vfio_ap_mdev_register();
	if (err)
		goto unregister;
	return 0;

unregister:
	ap_driver_unregister(&vfio_ap_drv);
destroy:
	matrix_dev_destroy();
	return err;
}

static void vfio_ap_exit(void)
{
	vfio_ap_mdev_unregister();
	vfio_ap_reset_all_queues();
	ap_driver_unregister(&vfio_ap_drv);
	matrix_dev_destroy();
}

module_init(vfio_ap_init);
module_exit(vfio_ap_exit);
MODULE_DEPENDS("ap");
MODULE_LICENSE("LGPL-2.1-or-later");
MODULE_DESCRIPTION("VFIO for queues of crypto adapters");
