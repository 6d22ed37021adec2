/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mediated devices: parents that can be cut into devices, one UUID each.
 * Behaviour: Linux 6.1 drivers/vfio/mdev/, Documentation/driver-api/vfio-mediated-device.rst.
 */
#ifndef UMDEV_MDEV_H
#define UMDEV_MDEV_H

#include <umdev/device.h>
#include <umdev/module.h>

struct mdev_parent_private;
struct mdev_device_private;

/**
 * struct mdev_type - a kind of device that a parent can make
 * @sysfs_name:  the directory in mdev_supported_types is PARENTDRIVER-@sysfs_name
 * @pretty_name: contents of the attribute name; NULL: @sysfs_name
 * @kobj:        its directory, umdev's
 * @devices_kobj: the directory devices/ in it, umdev's
 * @parent:      whose it is, umdev's
 *
 * Storage is the driver's, usually embedded in a struct of its own, from mdev_register_parent() to
 * mdev_unregister_parent().
 */
struct mdev_type {
	const char *sysfs_name;
	const char *pretty_name;
	struct kobject kobj;
	struct kobject devices_kobj;
	struct mdev_parent *parent;
};

/**
 * struct mdev_parent - a device that mediated devices can be made on
 * @dev:   the device
 * @mdev_driver: bound to every device made here
 * @types: what can be made
 * @p:     umdev's, NULL while not registered
 *
 * Zeroed storage of the driver's.
 */
struct mdev_parent {
	struct device *dev;
	struct mdev_driver *mdev_driver;
	struct mdev_type **types;
	unsigned int nr_types;
	struct mdev_parent_private *p;
};

/**
 * struct mdev_device - one mediated device; dev_name(&mdev->dev) is its UUID in lower case
 * @dev:  on the bus "mdev", child of the parent's device; dev_set_drvdata() is the driver's
 * @uuid: as in RFC 4122
 * @type: what it was made as; constant
 * @p:    umdev's
 */
struct mdev_device {
	struct device dev;
	uint8_t uuid[16];
	struct mdev_type *type;
	struct mdev_device_private *p;
};

static inline struct mdev_device *to_mdev_device(struct device *dev)
{
	return container_of(dev, struct mdev_device, dev);
}

/**
 * struct mdev_driver - the vendor's part of mediated devices
 * @device_api:    contents of the attribute device_api: vfio-pci, vfio-ccw, vfio-ap, vfio-platform
 * @max_instances: how many devices one parent can have in all; ignored with @get_available
 * @probe:         make the vendor's part; usually ends in vfio_register_emulated_iommu_dev().
 *                 Nobody sees the device before this returns 0 (rule 1)
 * @quiesce: let the users go and wait until they have: vfio_unregister_group_dev(). The first step
 *           on the way out, while the device is still whole and on its bus (rule 2); nobody can
 *           come after it. Optional: without it remove() does that, when the device has left its
 *           bus, as in the kernel
 * @remove:  free the vendor's part; cannot fail. After @quiesce, in which it was let go
 * @get_available: how many more of this type can be made now; must be cheap, runs at every read.
 *                 The driver then counts by itself and lets probe() fail (-ENOSPC)
 * @show_description: print the attribute description; without it there is none
 * @driver:        name, owner, dev_groups (vendor attributes of each device)
 */
struct mdev_driver {
	const char *device_api;
	unsigned int max_instances;
	int (*probe)(struct mdev_device *mdev);
	void (*quiesce)(struct mdev_device *mdev);
	void (*remove)(struct mdev_device *mdev);
	unsigned int (*get_available)(struct mdev_type *type);
	ssize_t (*show_description)(struct mdev_type *type, char *buf);
	struct device_driver driver;
};

static inline struct mdev_driver *to_mdev_driver(struct device_driver *drv)
{
	return container_of(drv, struct mdev_driver, driver);
}

/**
 * mdev_register_driver - put a driver on the bus "mdev"
 *
 * May be called before the mdev core is there, which then completes it (rule 8).
 * Return: as driver_register(); -EINVAL without device_api, probe or remove.
 */
UMDEV_API int mdev_register_driver(struct mdev_driver *drv);
/** mdev_unregister_driver - the reverse; its parents are unregistered by now. */
UMDEV_API void mdev_unregister_driver(struct mdev_driver *drv);

/**
 * mdev_register_parent - offer mediated devices on top of @dev
 * @parent:   zeroed storage of the caller's; must live until mdev_unregister_parent() returns
 * @dev:      in sysfs; the core takes a reference of its own
 * @drv:      bound to every device made here; registered before, unregistered after
 * @types:    the types; the array and they must live as long as @parent
 * @nr_types: how many
 *
 * The types appear in sysfs, the link in /sys/class/mdev_bus too, and the parent's "change" event
 * (MDEV_STATE=registered) is sent, before this returns. Devices may be made at once, so the caller
 * must be ready for drv->probe(). Before the mdev core is there the parent waits for it (rule 8).
 *
 * Context: may sleep; not from a driver callback of a mediated device on @dev.
 * Return: 0, -EEXIST (@dev is a parent already, or two types have one name), -EINVAL (callback or
 * type name missing), -ENOMEM. After an error nothing was ever visible.
 */
UMDEV_API int mdev_register_parent(struct mdev_parent *parent, struct device *dev,
				   struct mdev_driver *drv, struct mdev_type **types,
				   unsigned int nr_types);

/**
 * mdev_unregister_parent - take back the offer
 *
 * New devices are refused (-ENODEV), one that is being made is finished first; then the link in
 * /sys/class/mdev_bus goes, all devices are removed, their users asked to let go and waited for,
 * then the types go, and the event MDEV_STATE=unregistered says so (rule 5).
 *
 * Context: as mdev_register_parent(). Cannot fail.
 */
UMDEV_API void mdev_unregister_parent(struct mdev_parent *parent);

/**
 * mdev_device_create - make a device, as a write to a type's create does
 * @type: of a registered parent
 * @uuid: 16 bytes as in RFC 4122
 *
 * When it returns 0 the device is complete and visible, its driver bound, its "add" event sent.
 * After an error nothing was ever visible and nothing is left (rule 4).
 *
 * Context: may sleep; not from a driver callback of a mediated device on the same parent.
 * Return: 0, -EEXIST (UUID in use anywhere), -EUSERS (max_instances reached), -ENODEV (the parent
 * is going away, or waits for the core), -EAGAIN (probe deferred), -ENOMEM, else what probe()
 * returned.
 */
UMDEV_API int mdev_device_create(struct mdev_type *type, const uint8_t uuid[16]);

/**
 * mdev_device_remove - take a device away, as a write to its remove does
 * @mdev: the caller holds a reference to mdev->dev
 *
 * When it returns 0 no callback for the device runs any more, its UUID and instance are free (rule
 * 3). A user is asked to let go and waited for, however long that takes; nobody else waits with it
 * but the unregistering of the parent.
 *
 * Context: may sleep; not from a driver callback of @mdev.
 * Return: 0, -ENODEV (somebody else removes it, or the parent is going away).
 */
UMDEV_API int mdev_device_remove(struct mdev_device *mdev);

/**
 * mdev_find - the device with this UUID, by hash
 *
 * One that is being made or being removed is not found. Return: a reference to put_device(), or
 * NULL.
 */
UMDEV_API struct mdev_device *mdev_find(const uint8_t uuid[16]);

#endif
