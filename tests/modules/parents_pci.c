/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A PCI device with all that libvirt and libpciaccess read of one.
 * Behaviour: Linux 6.1 drivers/pci/{pci-sysfs,pci-driver}.c.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <umdev/vfio_pci.h>

#include "parents.h"

#define PCI_VENDOR     0x1234
#define PCI_DEVICE     0x5678
#define PCI_CLASS_CODE 0x030000 /* VGA compatible */
#define PCI_SLOT       "1234:00:01.0"
#define PCI_ALIAS      "pci:v00001234d00005678sv00001234sd00005678bc03sc00i00"
#define SMALL_BAR      4096
#define LARGE_BAR      65536
#define NO_NODE	       (-1)

/* ---- the parent ---- */

static int pci_uevent(struct device *dev, struct kobj_uevent_env *env)
{
	int err;

	err = add_uevent_var(env, "PCI_CLASS=%04X", PCI_CLASS_CODE);
	if (!err)
		err = add_uevent_var(env, "PCI_ID=%04X:%04X", PCI_VENDOR, PCI_DEVICE);
	if (!err)
		err = add_uevent_var(env, "PCI_SUBSYS_ID=%04X:%04X", PCI_VENDOR, PCI_DEVICE);
	if (!err)
		err = add_uevent_var(env, "PCI_SLOT_NAME=%s", dev_name(dev));
	if (!err)
		err = add_uevent_var(env, "MODALIAS=" PCI_ALIAS);
	return err;
}

#define PCI_ATTR(name, fmt, value)                                                               \
	static ssize_t name##_show(struct device *dev, struct device_attribute *attr, char *buf) \
	{                                                                                        \
		return sysfs_emit(buf, fmt "\n", value);                                         \
	}                                                                                        \
	static DEVICE_ATTR_RO(name)

PCI_ATTR(vendor, "0x%04x", PCI_VENDOR);
PCI_ATTR(device, "0x%04x", PCI_DEVICE);
PCI_ATTR(subsystem_vendor, "0x%04x", PCI_VENDOR);
PCI_ATTR(subsystem_device, "0x%04x", PCI_DEVICE);
PCI_ATTR(class, "0x%06x", PCI_CLASS_CODE);
PCI_ATTR(revision, "0x%02x", 1);
PCI_ATTR(numa_node, "%d", NO_NODE);
PCI_ATTR(modalias, "%s", PCI_ALIAS);

static struct attribute *pci_attrs[] = {
	&dev_attr_vendor.attr,		 &dev_attr_device.attr,	  &dev_attr_subsystem_vendor.attr,
	&dev_attr_subsystem_device.attr, &dev_attr_class.attr,	  &dev_attr_revision.attr,
	&dev_attr_numa_node.attr,	 &dev_attr_modalias.attr, NULL,
};

static void put16(uint8_t *config, unsigned int at, uint16_t value)
{
	value = htole16(value);
	memcpy(config + at, &value, sizeof(value));
}

/* The core has cut the access to the size of the file. */
static ssize_t config_read(struct kobject *kobj, struct bin_attribute *attr, char *buf, off_t off,
			   size_t count)
{
	uint8_t config[PCI_CFG_SPACE_SIZE] = { 0 };

	put16(config, PCI_VENDOR_ID, PCI_VENDOR);
	put16(config, PCI_DEVICE_ID, PCI_DEVICE);
	put16(config, PCI_SUBSYSTEM_VENDOR_ID, PCI_VENDOR);
	put16(config, PCI_SUBSYSTEM_ID, PCI_DEVICE);
	put16(config, PCI_CLASS_DEVICE, PCI_CLASS_CODE >> 8);
	config[PCI_REVISION_ID] = 1;
	memcpy(buf, config + off, count);
	return count;
}

static struct bin_attribute config_attr = {
	.attr = { .name = "config", .mode = 0444 },
	.size = PCI_CFG_SPACE_SIZE,
	.read = config_read,
};
static struct bin_attribute *pci_bin_attrs[] = { &config_attr, NULL };
static const struct attribute_group pci_group = { .attrs = pci_attrs, .bin_attrs = pci_bin_attrs };
static const struct attribute_group *pci_groups[] = { &pci_group, NULL };

/* ---- what is made of it ---- */

/* One per mediated device, from probe to remove: one register. */
struct slice {
	struct vfio_pci_device pdev;
	uint32_t value;
};

static ssize_t slice_read(struct vfio_pci_device *pdev, unsigned int bar, void *buf, size_t count,
			  uint64_t offset)
{
	const struct slice *slice = container_of(pdev, struct slice, pdev);

	if (offset || count != sizeof(slice->value))
		return -EINVAL;
	memcpy(buf, &slice->value, count);
	return count;
}

static ssize_t slice_write(struct vfio_pci_device *pdev, unsigned int bar, const void *buf,
			   size_t count, uint64_t offset)
{
	struct slice *slice = container_of(pdev, struct slice, pdev);

	if (offset || count != sizeof(slice->value))
		return -EINVAL;
	memcpy(&slice->value, buf, count);
	return count;
}

static const struct vfio_pci_ops slice_ops = { .bar_read = slice_read, .bar_write = slice_write };
static const struct vfio_pci_id slice_id = {
	.vendor = PCI_VENDOR,
	.device = PCI_DEVICE,
	.class = PCI_CLASS_CODE,
	.revision = 1,
};

static struct mdev_type small = { .sysfs_name = "small", .pretty_name = "A small slice" };
static struct mdev_type large = { .sysfs_name = "large", .pretty_name = "A large slice" };

static int slice_probe(struct mdev_device *mdev)
{
	const struct vfio_pci_bar bar = { .size = mdev->type == &large ? LARGE_BAR : SMALL_BAR };
	struct slice *slice;
	int err;

	slice = calloc(1, sizeof(*slice));
	if (!slice)
		return -ENOMEM;
	vfio_pci_init(&slice->pdev, &mdev->dev, &slice_ops, &slice_id);
	err = vfio_pci_set_bar(&slice->pdev, 0, &bar);
	if (err)
		goto finish;
	dev_set_drvdata(&mdev->dev, slice);
	err = vfio_pci_register(&slice->pdev);
	if (err)
		goto finish;
	return 0;

finish:
	vfio_pci_finish(&slice->pdev);
	free(slice);
	return err;
}

static void slice_quiesce(struct mdev_device *mdev)
{
	struct slice *slice = dev_get_drvdata(&mdev->dev);

	vfio_pci_unregister(&slice->pdev);
}

static void slice_remove(struct mdev_device *mdev)
{
	struct slice *slice = dev_get_drvdata(&mdev->dev);

	vfio_pci_finish(&slice->pdev);
	free(slice);
}

static ssize_t slice_description(struct mdev_type *type, char *buf)
{
	return sysfs_emit(buf, "one register\nof four bytes\n");
}

static struct mdev_type *slice_types[] = { &small, &large };

struct stand pci_stand = {
	.bus = { .name = "pci", .uevent = pci_uevent, .has_driver_override = true },
	.driver = {
		.name = "parents-pci",
		.bus = &pci_stand.bus,
		.owner = THIS_MODULE,
		.probe = stand_probe,
		.remove = stand_remove,
	},
	.mdev_driver = {
		.device_api = VFIO_DEVICE_API_PCI_STRING,
		.max_instances = 8,
		.probe = slice_probe,
		.quiesce = slice_quiesce,
		.remove = slice_remove,
		.show_description = slice_description,
		.driver = { .name = "parents-pci", .owner = THIS_MODULE },
	},
	.types = slice_types,
	.nr_types = ARRAY_SIZE(slice_types),
	.root_name = "pci1234:00",
	.dev_name = PCI_SLOT,
	.groups = pci_groups,
};
