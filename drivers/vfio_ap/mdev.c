/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mediated matrices: made, and taken away. All that there is of one lives as long as it is bound to
 * this driver.
 *
 * Behaviour: Linux 7.3 drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_probe() and
 * vfio_ap_mdev_remove().
 */
#include <errno.h>
#include <stdlib.h>

#include "private.h"

static void list_join(struct ap_matrix_mdev *m)
{
	pthread_mutex_lock(&matrix_dev->lock);
	vfio_ap_matrix_init(&m->matrix);
	vfio_ap_matrix_init(&m->shadow);
	m->next = matrix_dev->mdevs;
	matrix_dev->mdevs = m;
	pthread_mutex_unlock(&matrix_dev->lock);
}

static void unlist(struct ap_matrix_mdev *m)
{
	struct ap_matrix_mdev **p = &matrix_dev->mdevs;

	while (*p != m)
		p = &(*p)->next;
	*p = m->next;
}

/* Nothing is assigned to it any more, and what was is reset; nobody finds it. */
static void list_leave(struct ap_matrix_mdev *m)
{
	static const struct ap_matrix nothing;
	struct qid_set resets = { 0 };

	pthread_mutex_lock(&matrix_dev->lock);
	unlist(m);
	vfio_ap_reset_linked(m, &resets);
	/* There is no guest, and what was its is reset with the rest. */
	ap_matrix_copy_masks(&m->shadow, &nothing);
	vfio_ap_set_matrix(m, &nothing, false, false, &resets);
	pthread_mutex_unlock(&matrix_dev->lock);

	vfio_ap_settle(&resets, NULL);
}

static int vfio_ap_mdev_probe(struct mdev_device *mdev)
{
	struct ap_matrix_mdev *m = calloc(1, sizeof(*m));
	int err;

	if (!m)
		return -ENOMEM;
	m->mdev = mdev;
	m->vdev.dev = &mdev->dev;
	pthread_mutex_init(&m->apcb_lock, NULL);
	err = vfio_ap_device_init(m);
	if (err)
		goto free;
	dev_set_drvdata(&mdev->dev, m);
	list_join(m);
	/* Last: from here on a guest may come. */
	err = vfio_register_emulated_iommu_dev(&m->vdev);
	if (err)
		goto leave;
	return 0;

leave:
	list_leave(m);
	vfio_ap_device_finish(m);
free:
	pthread_mutex_destroy(&m->apcb_lock);
	free(m);
	return err;
}

/* When this returns the guest is gone. */
static void vfio_ap_mdev_quiesce(struct mdev_device *mdev)
{
	struct ap_matrix_mdev *m = dev_get_drvdata(&mdev->dev);

	vfio_unregister_group_dev(&m->vdev);
}

static void vfio_ap_mdev_remove(struct mdev_device *mdev)
{
	struct ap_matrix_mdev *m = dev_get_drvdata(&mdev->dev);

	list_leave(m);
	vfio_ap_device_finish(m);
	pthread_mutex_destroy(&m->apcb_lock);
	free(m);
}

static struct mdev_driver vfio_ap_mdev_driver = {
	.device_api = VFIO_DEVICE_API_AP_STRING,
	.max_instances = AP_DEVICES * AP_DOMAINS,
	.probe = vfio_ap_mdev_probe,
	.quiesce = vfio_ap_mdev_quiesce,
	.remove = vfio_ap_mdev_remove,
	.driver = {
		.name = "vfio_ap_mdev",
		.owner = THIS_MODULE,
		.dev_groups = vfio_ap_mdev_attr_groups,
	},
};

static struct mdev_type passthrough = {
	.sysfs_name = "passthrough",
	.pretty_name = "VFIO AP Passthrough Device",
};
static struct mdev_type *types[] = { &passthrough };

int vfio_ap_mdev_register(void)
{
	int err = mdev_register_driver(&vfio_ap_mdev_driver);

	if (err)
		return err;
	err = mdev_register_parent(&matrix_dev->parent, &matrix_dev->device, &vfio_ap_mdev_driver,
				   types, ARRAY_SIZE(types));
	if (err)
		mdev_unregister_driver(&vfio_ap_mdev_driver);
	return err;
}

void vfio_ap_mdev_unregister(void)
{
	mdev_unregister_parent(&matrix_dev->parent);
	mdev_unregister_driver(&vfio_ap_mdev_driver);
}
