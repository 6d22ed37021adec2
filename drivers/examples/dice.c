/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dice: a PCI device with two registers, each 32 bits wide, in a memory BAR.
 *
 *     0  ROLL   reading it rolls a die: 1 to SIDES
 *     4  SIDES  how many sides a die has; 6 after reset
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <umdev/mdev.h>
#include <umdev/module.h>
#include <umdev/vfio_pci.h>

#define DICE_ROLL     0
#define DICE_SIDES    4
#define DICE_BAR_SIZE 4096

/* One per device, from probe to remove. */
struct dice {
	struct vfio_pci_device pdev;
	uint32_t sides;
	atomic_uint rolls; /* the attribute reads it while a guest rolls */
};

static struct dice *to_dice(struct vfio_pci_device *pdev)
{
	return container_of(pdev, struct dice, pdev);
}

/* ---- what a guest does ---- */

static uint32_t roll(struct dice *dice)
{
	uint32_t value = 0;

	if (getrandom(&value, sizeof(value), 0) != sizeof(value))
		return 1;
	atomic_fetch_add(&dice->rolls, 1);
	return value % dice->sides + 1;
}

static ssize_t dice_bar_read(struct vfio_pci_device *pdev, unsigned int bar, void *buf,
			     size_t count, uint64_t offset)
{
	struct dice *dice = to_dice(pdev);
	uint32_t value;

	if (count != sizeof(value))
		return -EINVAL;
	switch (offset) {
	case DICE_ROLL:
		value = roll(dice);
		break;
	case DICE_SIDES:
		value = dice->sides;
		break;
	default:
		return -EINVAL;
	}
	memcpy(buf, &value, sizeof(value));
	return count;
}

static ssize_t dice_bar_write(struct vfio_pci_device *pdev, unsigned int bar, const void *buf,
			      size_t count, uint64_t offset)
{
	uint32_t value;

	if (count != sizeof(value) || offset != DICE_SIDES)
		return -EINVAL;
	memcpy(&value, buf, sizeof(value));
	if (!value)
		return -EINVAL;
	to_dice(pdev)->sides = value;
	return count;
}

static int dice_reset(struct vfio_pci_device *pdev)
{
	to_dice(pdev)->sides = 6;
	return 0;
}

static const struct vfio_pci_ops dice_pci_ops = {
	.bar_read = dice_bar_read,
	.bar_write = dice_bar_write,
	.reset = dice_reset,
};

static const struct vfio_pci_id dice_id = {
	.vendor = 0x1234,
	.device = 0xd1ce,
	.subsystem_vendor = 0x1234,
	.subsystem_device = 0xd1ce,
	.class = 0xff0000,
	.revision = 1,
};

/* ---- what the host sees ---- */

static ssize_t rolls_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct dice *dice = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%u\n", atomic_load(&dice->rolls));
}
static DEVICE_ATTR_RO(rolls);

static struct attribute *dice_attrs[] = { &dev_attr_rolls.attr, NULL };
ATTRIBUTE_GROUPS(dice);

/* ---- a device comes and goes ---- */

static int dice_probe(struct mdev_device *mdev)
{
	const struct vfio_pci_bar bar = { .size = DICE_BAR_SIZE };
	struct dice *dice;
	int err;

	dice = calloc(1, sizeof(*dice));
	if (!dice)
		return -ENOMEM;
	dice->sides = 6;
	vfio_pci_init(&dice->pdev, &mdev->dev, &dice_pci_ops, &dice_id);
	err = vfio_pci_set_bar(&dice->pdev, 0, &bar);
	if (err)
		goto finish;
	dev_set_drvdata(&mdev->dev, dice);
	err = vfio_pci_register(&dice->pdev);
	if (err)
		goto finish;
	return 0;

finish:
	vfio_pci_finish(&dice->pdev);
	free(dice);
	return err;
}

static void dice_quiesce(struct mdev_device *mdev)
{
	struct dice *dice = dev_get_drvdata(&mdev->dev);

	vfio_pci_unregister(&dice->pdev);
}

static void dice_remove(struct mdev_device *mdev)
{
	struct dice *dice = dev_get_drvdata(&mdev->dev);

	vfio_pci_finish(&dice->pdev);
	free(dice);
}

static struct mdev_driver dice_driver = {
	.device_api = VFIO_DEVICE_API_PCI_STRING,
	.max_instances = 16,
	.probe = dice_probe,
	.quiesce = dice_quiesce,
	.remove = dice_remove,
	.driver = {
		.name = "dice",
		.owner = THIS_MODULE,
		.dev_groups = dice_groups,
	},
};

/* ---- the module: a parent device, and what can be made of it ---- */

static struct mdev_type pair = { .sysfs_name = "pair", .pretty_name = "A pair of dice" };
static struct mdev_type *dice_types[] = { &pair };

static struct class dice_class = { .name = "dice", .owner = THIS_MODULE };
static struct device *table;
static struct mdev_parent parent;

static int dice_init(void)
{
	int err;

	err = mdev_register_driver(&dice_driver);
	if (err)
		return err;
	err = class_register(&dice_class);
	if (err)
		goto unregister_driver;
	err = device_create(&dice_class, NULL, 0, NULL, &table, "table");
	if (err)
		goto unregister_class;
	err = mdev_register_parent(&parent, table, &dice_driver, dice_types,
				   ARRAY_SIZE(dice_types));
	if (err)
		goto unregister_device;
	return 0;

unregister_device:
	device_unregister(table);
unregister_class:
	class_unregister(&dice_class);
unregister_driver:
	mdev_unregister_driver(&dice_driver);
	return err;
}

static void dice_exit(void)
{
	mdev_unregister_parent(&parent);
	device_unregister(table);
	class_unregister(&dice_class);
	mdev_unregister_driver(&dice_driver);
}

module_init(dice_init);
module_exit(dice_exit);

MODULE_LICENSE("LGPL-2.1-or-later");
MODULE_DESCRIPTION("Dice that guests can roll");
