/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of src/vfio share: the core's side of a device, its group, its one user.
 */
#ifndef UMDEV_VFIO_VFIO_H
#define UMDEV_VFIO_VFIO_H

#include <pthread.h>
#include <umdev/module.h>
#include <umdev/vfio_file.h>

struct vfio_dma;

/**
 * struct vfio_region_bounds - what the hot path has to know of a region
 */
struct vfio_region_bounds {
	uint64_t size;
	uint32_t flags;
};

/**
 * struct vfio_group - an iommu group of one device, and the class device of it
 * @id:      in all names
 * @dev:     the class device vfio/N
 * @iommu:   /sys/kernel/iommu_groups/N
 * @devices: the directory devices/ in it
 */
struct vfio_group {
	int id;
	struct device *dev;
	struct kobject *iommu;
	struct kobject *devices;
};

/**
 * struct vfio_device_private - the core's side of a registered device
 * @device:  the class device vfio-dev/vfioN, whose last reference frees all of this
 * @vdev:    the driver's side; NULL once unregistered
 * @group:   its group
 * @owner:   the driver's module, or NULL; constant
 * @regions: vdev->num_regions of them; constant
 * @list:    in the list of all registered devices, under its lock
 * @started: the transport knows it; under the transport lock
 * @transport_data: the transport's
 * @lock:    guards the rest
 * @changed: @file, @leaving or @visitors changed; with @lock
 * @file:    the user; NULL: none
 * @claim:   who has opened the group; NULL: nobody. Written under claims_lock (claim.c), too
 * @going:   being unregistered: nobody may come any more
 * @leaving: the user is closing: visitors are not let in any more
 * @visitors: who is calling @file's callbacks just now: it can't be freed yet
 */
struct vfio_device_private {
	struct device device;
	struct vfio_device *vdev;
	struct vfio_group group;
	struct module *owner;
	struct vfio_region_bounds *regions;
	struct list_head list;
	bool started;
	void *transport_data;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct vfio_file *file;
	struct vfio_claim *claim;
	bool going;
	bool leaving;
	unsigned int visitors;
};

/**
 * struct vfio_file - the one user of a device
 * @regions: the device's, here for the hot path
 *
 * All constant while open.
 */
struct vfio_file {
	struct vfio_device *vdev;
	const struct vfio_device_ops *dev_ops;
	const struct vfio_region_bounds *regions;
	unsigned int num_regions;
	const struct vfio_user_ops *ops;
	void *data;
};

/* ---- class.c ---- */

extern struct class vfio_group_class;
extern struct kobject *vfio_iommu_groups; /* /sys/kernel/iommu_groups */

/**
 * vfio_init - see that the classes and the directory of groups are there
 *
 * Called by everything that registers something, so devices may be registered before umdev_start().
 * Context: any thread, also inside a publication. Return: 0, -ENOMEM, -EEXIST,
 * what vfio_group_init() says.
 */
int vfio_init(void);

/* ---- vfio_device.c ---- */

extern struct class vfio_device_class;

/* How often a user that does not let go is asked again; only tests change it. */
extern unsigned int vfio_request_interval_ms;

/**
 * vfio_regions_seal - seal what is behind mappable regions, which may be new for each user
 * Context: the user's thread, before it gets a descriptor. Return: 0, -EINVAL, what get_region()
 * says.
 */
int vfio_regions_seal(struct vfio_device *vdev);

/* ---- group.c ---- */

/**
 * vfio_group_create - make a group for @dev alone
 * @groups: attributes of the class device, or NULL
 * Context: vfio_init() has succeeded.
 * Return: 0, -ENOSPC, -ENOMEM, what adding to the tree says; after an error nothing is left.
 */
int vfio_group_create(struct vfio_group *group, struct device *dev,
		      const struct attribute_group **groups);
/** vfio_group_destroy - the reverse. */
void vfio_group_destroy(struct vfio_group *group, struct device *dev);
/**
 * vfio_group_init - find the numbers that groups may have: a major, and those above the machine's
 * own
 * Return: 0, -EBUSY (no major is left), -ENOMEM, -errno of looking for them.
 */
int vfio_group_init(void);
/** vfio_group_cleanup - the reverse; no group is left. */
void vfio_group_cleanup(void);

/* ---- container.c ---- */

/** vfio_container_init - the device misc/vfio. Return: 0, -EEXIST, -ENOMEM. */
int vfio_container_init(void);
/** vfio_container_cleanup - the reverse. */
void vfio_container_cleanup(void);

/* ---- transport.c ---- */

/** vfio_transport_lock - keep the transport as it is; many threads can at once. */
void vfio_transport_lock(void);
/** vfio_transport_unlock - the reverse. */
void vfio_transport_unlock(void);
/** vfio_transport_groups - the transport's attributes for each device, or NULL. Under its lock. */
const struct attribute_group **vfio_transport_groups(void);
/** vfio_transport_group_groups - the same for each group. */
const struct attribute_group **vfio_transport_group_groups(void);
/**
 * vfio_transport_add - put a device into the list of all and let the transport, if any, serve it
 *
 * Context: under the transport lock. Return: 0 or what start() says.
 */
int vfio_transport_add(struct vfio_device_private *p);
/**
 * vfio_transport_devices - all registered devices of the moment
 * Return: a NULL-terminated array to free(), with a reference to the class device of each; NULL
 * without memory.
 */
struct vfio_device_private **vfio_transport_devices(void);
/** vfio_transport_remove - the reverse: no user comes through the transport any more. */
void vfio_transport_remove(struct vfio_device_private *p);

/* ---- claim.c ---- */

/** vfio_claim_kill - end the claim of the device's group, if there is one. Its holder is told. */
void vfio_claim_kill(struct vfio_device_private *p);
/** vfio_claim_describe - who has claimed the group, into @buf. Return: has somebody? */
bool vfio_claim_describe(struct vfio_device_private *p, char *buf, size_t size);

/* ---- file.c ---- */

/** vfio_file_visit - keep the user from being freed. Return: the user, or NULL. */
struct vfio_file *vfio_file_visit(struct vfio_device_private *p);
/** vfio_file_leave - the reverse. */
void vfio_file_leave(struct vfio_device_private *p);
/** vfio_file_describe - who the user is, into @buf. */
void vfio_file_describe(struct vfio_file *file, char *buf, size_t size);
/**
 * vfio_clean_name - replace what has no place in a line: a program may call itself what it likes
 */
void vfio_clean_name(char *name);

#endif
