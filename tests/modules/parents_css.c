/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A subchannel given to the driver vfio_ccw.
 * Behaviour: Linux 6.1 drivers/s390/cio/{css,vfio_ccw_drv,vfio_ccw_ops}.c.
 */
#include <errno.h>
#include <stdlib.h>

#include "parents.h"

/* Of messages: an I/O subchannel's alias asks for the real bus, for which there is no room. */
#define SUBCHANNEL_TYPE 2
#define DEVICE_BUS_ID	"0.0.1234"

static int css_uevent(struct device *dev, struct kobj_uevent_env *env)
{
	int err;

	err = add_uevent_var(env, "ST=%01X", SUBCHANNEL_TYPE);
	if (!err)
		err = add_uevent_var(env, "MODALIAS=css:t%01X", SUBCHANNEL_TYPE);
	return err;
}

static ssize_t type_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%01x\n", SUBCHANNEL_TYPE);
}
static DEVICE_ATTR_RO(type);

static ssize_t modalias_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "css:t%01X\n", SUBCHANNEL_TYPE);
}
static DEVICE_ATTR_RO(modalias);

static ssize_t dev_busid_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", DEVICE_BUS_ID);
}
static DEVICE_ATTR_RO(dev_busid);

static struct attribute *css_attrs[] = {
	&dev_attr_type.attr,
	&dev_attr_modalias.attr,
	&dev_attr_dev_busid.attr,
	NULL,
};
ATTRIBUTE_GROUPS(css);

static int io_probe(struct mdev_device *mdev)
{
	struct scratch *scratch;
	int err;

	scratch = calloc(1, sizeof(*scratch));
	if (!scratch)
		return -ENOMEM;
	dev_set_drvdata(&mdev->dev, scratch);
	err = scratch_register(scratch, &mdev->dev, VFIO_DEVICE_FLAGS_CCW);
	if (err)
		free(scratch);
	return err;
}

static void io_quiesce(struct mdev_device *mdev)
{
	struct scratch *scratch = dev_get_drvdata(&mdev->dev);

	vfio_unregister_group_dev(&scratch->vdev);
}

static void io_remove(struct mdev_device *mdev)
{
	free(dev_get_drvdata(&mdev->dev));
}

static struct mdev_type io = {
	.sysfs_name = "io",
	.pretty_name = "I/O subchannel (Non-QDIO)",
};
static struct mdev_type *io_types[] = { &io };

struct stand css_stand = {
	.bus = { .name = "css", .uevent = css_uevent, .has_driver_override = true },
	.driver = {
		.name = "vfio_ccw",
		.bus = &css_stand.bus,
		.owner = THIS_MODULE,
		.probe = stand_probe,
		.remove = stand_remove,
	},
	.mdev_driver = {
		.device_api = VFIO_DEVICE_API_CCW_STRING,
		.max_instances = 1,
		.probe = io_probe,
		.quiesce = io_quiesce,
		.remove = io_remove,
		.driver = { .name = "vfio_ccw_mdev", .owner = THIS_MODULE },
	},
	.types = io_types,
	.nr_types = ARRAY_SIZE(io_types),
	.root_name = "css0",
	.dev_name = "0.0.0010",
	.groups = css_groups,
};
