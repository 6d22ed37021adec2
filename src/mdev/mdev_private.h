/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of the mdev core share.
 *
 * Two locks, neither held while a driver, sysfs or a listener is called: the one of a parent (its
 * devices, its instances, who is at work on it) and the one of the table of UUIDs. They do not
 * nest.
 */
#ifndef UMDEV_MDEV_PRIVATE_H
#define UMDEV_MDEV_PRIVATE_H

/* Built in: umdev/module.h needs to know before it is included for the first time. */
#define UMDEV_BUILTIN mdev

#include <pthread.h>
#include <uthash.h>
#include <umdev/mdev.h>

/* How far a parent has come; under the lock of the registry in mdev_parent.c. */
enum mdev_parent_state {
	MDEV_PARENT_WAITING, /* for the mdev core */
	MDEV_PARENT_RISING,  /* the core has come and shows it just now */
	MDEV_PARENT_SHOWN,
	MDEV_PARENT_FAILED, /* the core has come and could not show it */
};

/**
 * struct mdev_parent_private - what outlives a registration as long as somebody works on it
 * @refs:      atomic; one is the registration's, one each device's
 * @owner:     the registration; dereferenced only by those whom mdev_parent_enter() let in, and by
 *             the attributes of the types
 * @state:     under the registry's lock
 * @waiting:   in the registry's list while MDEV_PARENT_WAITING
 * @types_kobj: the directory mdev_supported_types
 * @lock:      guards all fields below
 * @idle:      signalled when @running or @kobjs drops to 0, or a device goes live
 * @open:      shown, and not being unregistered yet: who wants to create or remove is let in
 * @running:   how many creates and removes are at work
 * @kobjs:     how many kobjects in the driver's storage (those of the types) have a reference left
 * @available: instances left, of no use if the driver has get_available()
 * @devices:   the live devices, in the order of their creation
 */
struct mdev_parent_private {
	unsigned int refs;
	struct mdev_parent *owner;
	enum mdev_parent_state state;
	struct list_head waiting;
	struct kobject types_kobj;
	pthread_mutex_t lock;
	pthread_cond_t idle;
	bool open;
	unsigned int running;
	unsigned int kobjs;
	unsigned int available;
	struct list_head devices;
};

enum mdev_state {
	MDEV_CREATING, /* nobody sees it but its creator, or the creator is just about to finish */
	MDEV_LIVE,
	MDEV_REMOVING, /* somebody removes it; nobody else does */
};

/**
 * struct mdev_device_private - a device and the core's part of it, in one allocation
 * @mdev:   what the driver sees; its last put_device() frees all of this
 * @parent: a reference
 * @state:  under parent->lock
 * @quiesced: its users have let go and none can come; under the device's lock, from one probe() to
 *            the next
 * @list:   in parent->devices while live or being removed; under parent->lock
 * @hh:     in the table of UUIDs, from before the creation to after the removal; under its lock
 */
struct mdev_device_private {
	struct mdev_device mdev;
	struct mdev_parent_private *parent;
	enum mdev_state state;
	bool quiesced;
	struct list_head list;
	UT_hash_handle hh;
};

/* ---- mdev_core.c ---- */

/**
 * mdev_remove_live - take down a device that the caller has the right to
 * @mdev: MDEV_REMOVING, or of a parent that is going and on which nobody is at work
 *
 * Drops the reference of the creation, so @mdev may be freed.
 */
void mdev_remove_live(struct mdev_device *mdev);

/**
 * mdev_may_bind - is @drv that of its parent, and is it neither being made nor being removed?
 *
 * Takes the lock of the parent. Context: with a reference to @mdev.
 */
bool mdev_may_bind(struct mdev_device *mdev, const struct mdev_driver *drv);

/* The class /sys/class/mdev_bus; NULL until the core is there. */
extern struct class_compat *mdev_bus_class;

/* ---- mdev_driver.c ---- */

extern struct bus_type mdev_bus_type;

/** mdev_quiesce - if it is bound and its driver can: let its users go and wait until they have. */
void mdev_quiesce(struct mdev_device *mdev);

/** mdev_driver_is_complete - has it all that the core calls without asking? */
bool mdev_driver_is_complete(const struct mdev_driver *drv);

/* ---- mdev_parent.c ---- */

/** mdev_parents_rise - the core is there: show those that wait, and from now on at once. */
void mdev_parents_rise(void);
/** mdev_parents_wait - the core goes away; all are unregistered by now, those to come wait. */
void mdev_parents_wait(void);

/** mdev_parent_get, mdev_parent_put - keep the private part. */
struct mdev_parent_private *mdev_parent_get(struct mdev_parent_private *p);
void mdev_parent_put(struct mdev_parent_private *p);

/**
 * mdev_parent_enter - begin to work on a parent
 *
 * Until mdev_parent_leave() it is not unregistered: its owner, driver and types stay.
 * Return: 0, -ENODEV (not shown yet, or being unregistered).
 */
int mdev_parent_enter(struct mdev_parent_private *p);
/** mdev_parent_leave - the reverse. */
void mdev_parent_leave(struct mdev_parent_private *p);

/** mdev_parent_take_instance - Return: 0, -EUSERS. The caller has entered. */
int mdev_parent_take_instance(struct mdev_parent_private *p);
/** mdev_parent_give_instance - the reverse. */
void mdev_parent_give_instance(struct mdev_parent_private *p);
/** mdev_parent_available - how many are left. */
unsigned int mdev_parent_available(struct mdev_parent_private *p);

/** mdev_parent_kobj_added, _released - count kobjects that live in the driver's storage. */
void mdev_parent_kobj_added(struct mdev_parent_private *p);
void mdev_parent_kobj_released(struct mdev_parent_private *p);

/* ---- mdev_type.c ---- */

/**
 * mdev_type_add - show a type with its attributes and the empty directory devices
 * @p:    its directory is in p->types_kobj
 * @type: not shown yet
 *
 * Return: 0, -EEXIST (two types of one name), -EINVAL, -ENOMEM; then nothing is left of it once
 * p->kobjs is 0.
 */
int mdev_type_add(struct mdev_parent_private *p, struct mdev_type *type);
/** mdev_type_remove - the reverse. Waits for a running store to create. */
void mdev_type_remove(struct mdev_type *type);

/** mdev_type_add_device - the links mdev_type and devices/UUID. Return: as sysfs_create_link(). */
int mdev_type_add_device(struct mdev_type *type, struct mdev_device *mdev);
/** mdev_type_remove_device - the reverse. */
void mdev_type_remove_device(struct mdev_type *type, struct mdev_device *mdev);

/* ---- mdev_uuid.c ---- */

/** mdev_uuid_parse - from text as a store gets it. Return: 0, -EINVAL. */
int mdev_uuid_parse(const char *buf, size_t count, uint8_t uuid[16]);

/** mdev_uuid_reserve - enter @mdev by its UUID. Return: 0, -EEXIST, -ENOMEM. */
int mdev_uuid_reserve(struct mdev_device *mdev);
/** mdev_uuid_release - the reverse. */
void mdev_uuid_release(struct mdev_device *mdev);

#endif
