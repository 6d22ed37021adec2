/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Parents of mediated devices of each kind that libvirt knows, on buses of their own, so that tools
 * can be tried with them: a PCI device, a subchannel, the matrix of crypto adapters.
 */
#ifndef UMDEV_TESTS_MODULES_PARENTS_H
#define UMDEV_TESTS_MODULES_PARENTS_H

#include <umdev/mdev.h>
#include <umdev/module.h>
#include <umdev/vfio.h>

/**
 * struct stand - a bus with one device on it, and a driver that makes a parent of it
 * @bus:       the bus
 * @driver:    its probe() offers @types, its remove() takes them back
 * @mdev_driver: of what is made
 * @types, @nr_types: what can be made
 * @root_name: directory in /sys/devices that the device is in
 * @dev_name:  the device
 * @groups:    its attributes
 * @root, @dev: while it stands
 * @parent:    while the driver is bound
 */
struct stand {
	struct bus_type bus;
	struct device_driver driver;
	struct mdev_driver mdev_driver;
	struct mdev_type **types;
	unsigned int nr_types;
	const char *root_name;
	const char *dev_name;
	const struct attribute_group **groups;

	struct device *root;
	struct device *dev;
	struct mdev_parent parent;
};

/** stand_probe, stand_remove - for @driver. */
int stand_probe(struct device *dev);
void stand_remove(struct device *dev);

/**
 * struct scratch - a VFIO device with one region of four bytes that keeps what is written into it
 * @vdev:  the device
 * @value: what is in it; all accesses are the user's, one at a time
 */
struct scratch {
	struct vfio_device vdev;
	uint32_t value;
};

/** scratch_register - offer it as a device with @flags. Return: as the registering of VFIO's. */
int scratch_register(struct scratch *scratch, struct device *dev, uint32_t flags);

extern struct stand pci_stand, css_stand, matrix_stand;

#endif
