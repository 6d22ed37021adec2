/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The mediated device of a subchannel: made, and taken away. All that there is of one lives as long
 * as it is bound to this driver; the subchannel finds it by a pointer that is under its lock.
 *
 * Behaviour: Linux 7.3 drivers/s390/cio/vfio_ccw_ops.c, vfio_ccw_mdev_probe() and
 * vfio_ccw_mdev_remove().
 */
#include <errno.h>
#include <stdlib.h>

#include "private.h"

static void set_private(struct subchannel *sch, struct vfio_ccw_private *private)
{
	struct vfio_ccw_parent *parent = dev_get_drvdata(&sch->dev);

	pthread_mutex_lock(&sch->lock);
	parent->private = private;
	pthread_mutex_unlock(&sch->lock);
}

static void destroy(struct vfio_ccw_private *private)
{
	cp_destroy(private->cp);
	free(private);
}

static int vfio_ccw_mdev_probe(struct mdev_device *mdev)
{
	struct subchannel *sch = to_subchannel(mdev->dev.parent);
	struct vfio_ccw_private *private = calloc(1, sizeof(*private));
	int err = -ENOMEM;

	if (!private)
		return -ENOMEM;
	private->sch = sch;
	private->state = VFIO_CCW_STATE_STANDBY;
	vfio_ccw_device_init(private, &mdev->dev);
	private->cp = cp_create(&private->vdev, vfio_ccw_cp_end);
	if (!private->cp)
		goto destroy;
	dev_set_drvdata(&mdev->dev, private);
	set_private(sch, private);
	/* Last: from here on a user may come. */
	err = vfio_register_emulated_iommu_dev(&private->vdev);
	if (err)
		goto unset;
	return 0;

unset:
	set_private(sch, NULL);
destroy:
	destroy(private);
	return err;
}

/* When this returns the user is gone, the subchannel is disabled and no program of it is left. */
static void vfio_ccw_mdev_quiesce(struct mdev_device *mdev)
{
	struct vfio_ccw_private *private = dev_get_drvdata(&mdev->dev);

	vfio_unregister_group_dev(&private->vdev);
}

static void vfio_ccw_mdev_remove(struct mdev_device *mdev)
{
	struct vfio_ccw_private *private = dev_get_drvdata(&mdev->dev);

	set_private(private->sch, NULL);
	destroy(private);
}

struct mdev_driver vfio_ccw_mdev_driver = {
	.device_api = VFIO_DEVICE_API_CCW_STRING,
	.max_instances = 1,
	.probe = vfio_ccw_mdev_probe,
	.quiesce = vfio_ccw_mdev_quiesce,
	.remove = vfio_ccw_mdev_remove,
	.driver = {
		.name = "vfio_ccw_mdev",
		.owner = THIS_MODULE,
	},
};
