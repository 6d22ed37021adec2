/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The module that the stress loads and unloads: a parent with one type, with everything that is
 * usual.
 */
#include <errno.h>
#include <stdlib.h>

#include <umdev/mdev.h>

static struct class stressed_class = { .name = "stressed" };
static struct device *stressed_dev;
static struct mdev_parent stressed_parent;
static struct mdev_type stressed_type = { .sysfs_name = "1", .pretty_name = "Stressed" };
static struct mdev_type *stressed_types[] = { &stressed_type };

static int stressed_probe(struct mdev_device *mdev)
{
	unsigned int *state = calloc(1, sizeof(*state));

	if (!state)
		return -ENOMEM;
	dev_set_drvdata(&mdev->dev, state);
	return 0;
}

static void stressed_remove(struct mdev_device *mdev)
{
	free(dev_get_drvdata(&mdev->dev));
}

static ssize_t reads_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	unsigned int *state = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%u\n", __atomic_add_fetch(state, 1, __ATOMIC_RELAXED));
}
static DEVICE_ATTR_RO(reads);

static struct attribute *stressed_attrs[] = { &dev_attr_reads.attr, NULL };
ATTRIBUTE_GROUPS(stressed);

static struct mdev_driver stressed_driver = {
	.device_api = "vfio-pci",
	.max_instances = 8,
	.probe = stressed_probe,
	.remove = stressed_remove,
	.driver = { .name = "stressed", .owner = THIS_MODULE, .dev_groups = stressed_groups },
};

static int stressed_init(void)
{
	int err;

	stressed_class.owner = THIS_MODULE;
	stressed_parent = (struct mdev_parent) { 0 };
	err = mdev_register_driver(&stressed_driver);
	if (err)
		return err;
	err = class_register(&stressed_class);
	if (err)
		goto unregister_driver;
	err = device_create(&stressed_class, NULL, 0, NULL, &stressed_dev, "stressed");
	if (err)
		goto unregister_class;
	err = mdev_register_parent(&stressed_parent, stressed_dev, &stressed_driver, stressed_types,
				   ARRAY_SIZE(stressed_types));
	if (err)
		goto unregister_device;
	return 0;

unregister_device:
	device_unregister(stressed_dev);
unregister_class:
	class_unregister(&stressed_class);
unregister_driver:
	mdev_unregister_driver(&stressed_driver);
	return err;
}

static void stressed_exit(void)
{
	mdev_unregister_parent(&stressed_parent);
	device_unregister(stressed_dev);
	class_unregister(&stressed_class);
	mdev_unregister_driver(&stressed_driver);
}

module_init(stressed_init);
module_exit(stressed_exit);
MODULE_LICENSE("LGPL");
MODULE_DESCRIPTION("A parent for stress tests");
