/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A vendor's driver as small as it can be: a parent with two types, devices with a group of
 * attributes, and hooks where a test wants to stand.
 */
#ifndef TESTS_SUPPORT_VENDOR_H
#define TESTS_SUPPORT_VENDOR_H

#include <umdev/mdev.h>
#include <umdev/vfio.h>

struct vendor;
struct vendor_dev;

/** struct vendor_vfio - how a device gets a VFIO device, and how it loses it */
struct vendor_vfio {
	int (*start)(struct vendor_dev *vd);
	void (*stop)(struct vendor_dev *vd);
};

/* One with a region of four bytes; see vendor_vfio.c. */
extern const struct vendor_vfio vendor_vfio;

/**
 * struct vendor_dev - the vendor's part of a device, from probe() to remove()
 * @vendor: whose
 * @mdev:   the device
 * @vdev:   registered with vendor->vfio
 * @knob:   what was written to the attribute knob last; atomic
 */
struct vendor_dev {
	struct vendor *vendor;
	struct mdev_device *mdev;
	struct vfio_device vdev;
	unsigned int knob;
};

/**
 * struct vendor - a parent with its driver
 * @name:      of the parent device, the driver and the class; the parent is
 *             /devices/virtual/NAME/NAME
 * @vfio:      gives each device a VFIO device; NULL for none
 * @probing:   called in probe() when all is done but the last return; its error fails the probe
 * @removing:  called in remove() before anything else
 * @showing:   called in the show() of the attribute note
 * @request:   called when the user of a VFIO device is asked to let go
 * @alive:     devices between probe() and remove(); atomic
 * @data:      the test's
 * Set name, vfio, hooks and driver.max_instances before vendor_start(); the rest is zero.
 */
struct vendor {
	const char *name;
	const struct vendor_vfio *vfio;
	int (*probing)(struct vendor *vendor, struct vendor_dev *vd);
	void (*removing)(struct vendor *vendor, struct vendor_dev *vd);
	void (*showing)(struct vendor *vendor, struct vendor_dev *vd);
	void (*request)(struct vendor *vendor, struct vendor_dev *vd);
	int alive;
	void *data;

	struct class class;
	struct device *dev;
	struct mdev_driver driver;
	struct mdev_parent parent;
	struct mdev_type types[2];
	struct mdev_type *type_list[2];
};

/** vendor_start - register class, parent device, driver and parent. Return: 0 or -errno. */
int vendor_start(struct vendor *vendor);
/** vendor_stop - the reverse. */
void vendor_stop(struct vendor *vendor);
/**
 * vendor_start_device, vendor_stop_device - class and parent device only, for tests of the rest.
 */
int vendor_start_device(struct vendor *vendor);
void vendor_stop_device(struct vendor *vendor);
/** vendor_register_parent - the last step of vendor_start(). */
int vendor_register_parent(struct vendor *vendor);

/** vendor_dev - the vendor's part of a bound device. */
static inline struct vendor_dev *vendor_dev(struct mdev_device *mdev)
{
	return dev_get_drvdata(&mdev->dev);
}

/** uuid_n - the @n-th UUID of a row. */
void uuid_n(unsigned int n, uint8_t uuid[16]);
/** uuid_text - its text, in one of the thread's own buffers. */
const char *uuid_text(unsigned int n);

/** mdev_find_n - mdev_find() of device @n. */
struct mdev_device *mdev_find_n(unsigned int n);

/** vendor_create - make device @n of type @t. Return: as mdev_device_create(). */
int vendor_create(struct vendor *vendor, unsigned int t, unsigned int n);
/** vendor_remove - find device @n and take it away. Return: as mdev_device_remove(). */
int vendor_remove(struct vendor *vendor, unsigned int n);
/**
 * vendor_path - "/devices/virtual/NAME/NAME/UUID/FILE" for device @n, in the thread's own buffer.
 */
const char *vendor_path(const struct vendor *vendor, unsigned int n, const char *file);

#endif
