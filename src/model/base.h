/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of the driver model share with each other, and nobody else sees.
 *
 * Locks, outer to inner:
 *
 *   device lock         one per device: binding, unbinding, its driver_override and
 *                       explicit_bind_only. Held while match(), probe() and remove() run. A
 *                       parent's before its child's
 *   bus_private.lock    the lists of one bus: its devices, its drivers, who is bound to whom
 *   class_private.lock  the directories that one class has below its devices' parents
 *   registry_lock       which buses and classes are registered, how far each driver is, who uses it
 *   children_lock       the lists of children of all devices
 *   deferred.c's lock   the devices whose probe is to be tried again
 *   the locks of uevents and of the tree (see kernfs.h)
 *
 * Only the device lock is held while somebody else's code runs. A driver is kept from going away by
 * a use (driver_use()), which driver_unregister() waits for; everything else by references.
 *
 * A thread that holds a device lock never waits for another device's lock in order to bind by
 * itself: it leaves a note on the busy device (device_private.retry), and who lets go of that lock
 * tries.
 */
#ifndef UMDEV_MODEL_BASE_H
#define UMDEV_MODEL_BASE_H

#include <pthread.h>
#include <bsd/sys/tree.h>
#include <umdev/device.h>

#include "model/publish_work.h"
#include "model/roster.h"

struct device_private;

RB_HEAD(glue_tree, class_glue);

/**
 * struct bus_private - a registered bus
 * @kobj:      /sys/bus/NAME; references keep this struct, its attributes' calls keep bus_type.p
 * @bus:       its owner's description, valid while the bus is registered
 * @drivers_dir: of its drivers
 * @devices_dir: links to its devices, which are their index by name; change under @lock
 * @devices_node: its node, with a reference, for as long as this struct
 * @lock:      guards what is said to be under it, here and in the private parts of devices and
 *             drivers
 * @devices:   all devices, in order of arrival; under @lock
 * @drivers:   all complete drivers, in order of arrival; under @lock
 * @open:      devices and drivers may come; under registry_lock
 * @autoprobe: atomic; do devices and drivers find each other by themselves?
 */
struct bus_private {
	struct kobject kobj;
	struct bus_type *bus;
	struct kobject *devices_dir;
	struct kernfs_node *devices_node;
	struct kobject *drivers_dir;
	pthread_mutex_t lock;
	struct roster devices;
	struct roster drivers;
	bool open;
	bool autoprobe;
};

/* How far a driver's registration has come. */
enum driver_state {
	DRIVER_WAITING,	   /* for its bus */
	DRIVER_COMPLETING, /* its bus is there, its directory not yet */
	DRIVER_LIVE,	   /* may be bound */
	DRIVER_GOING,	   /* in driver_unregister() */
};

/**
 * struct driver_private - a registered driver
 * @kobj:    /sys/bus/BUS/drivers/NAME; references keep this struct
 * @driver:  its owner's description, valid until driver_unregister() returns
 * @bus:     its bus, with a reference; NULL while it waits, constant from DRIVER_LIVE on
 * @state:   under registry_lock
 * @users:   threads that may call into it; under registry_lock
 * @tries:   probes that it was chosen for by itself, because it matches and was not
 *           explicit_bind_only; under registry_lock
 * @waiting: on the list of drivers that wait for a bus; under registry_lock
 * @on_bus:  on bus_private.drivers; under @bus->lock
 * @devices: those bound to it, in order of binding; under @bus->lock
 * @module_link: name of the link in its module's directory; NULL if there is none. The registering
 *           thread's, then the unregistering one's
 */
struct driver_private {
	struct kobject kobj;
	struct device_driver *driver;
	struct bus_private *bus;
	enum driver_state state;
	unsigned int users;
	unsigned int tries;
	struct list_head waiting;
	struct roster_entry on_bus;
	struct roster devices;
	char *module_link;
};

/**
 * struct class_private - a registered class
 * @kobj:  /sys/class/NAME; references keep this struct
 * @class: its owner's description, valid while the class is registered
 * @lock:  guards @glue
 * @glue:  its directories below parents, by parent
 */
struct class_private {
	struct kobject kobj;
	struct class *class;
	pthread_mutex_t lock;
	struct glue_tree glue;
};

/**
 * struct device_private - what the model keeps for each device
 * @device:    the device
 * @lock:      device_lock()
 * @bus:       set by device_add(), dropped by the device's release, with a reference; NULL without
 *             a bus
 * @class:     the same for its class
 * @glue:      the directory of its class that it is in, or NULL; device_add() to device_del()
 * @on_bus:    in the list of its bus; under bus->lock
 * @on_driver: bound to a driver; under bus->lock
 * @on_parent: under children_lock
 * @children:  under children_lock
 * @deferred:  see deferred.c; under its lock
 * @node:      its device node, or NULL; device_add() to device_del()
 * @publication: tells when the publication that it was added in is over
 * @publisher: the thread that added it; written before it gets into any list
 * @published: atomic; others than @publisher may see it
 * @tried:     its drivers were tried while it was hidden. @publisher only
 * @used:      was added once, and can't be again. Written by device_add() only
 * @added:     between device_add() and device_del(): it may be bound. Written under the device
 *             lock, atomic
 * @retry:     atomic; some thread wanted to bind it and could not wait for its lock
 */
struct device_private {
	struct device *device;
	pthread_mutex_t lock;
	struct bus_private *bus;
	struct class_private *class;
	struct class_glue *glue;
	struct roster_entry on_bus;
	struct roster_entry on_driver;
	struct roster_entry on_parent;
	struct roster children;
	struct list_head deferred;
	struct kernfs_node *node;
	struct publish_work publication;
	pthread_t publisher;
	bool published;
	bool tried;
	bool used;
	bool added;
	bool retry;
};

RB_PROTOTYPE(glue_tree, class_glue, tree, glue_parent_cmp)

extern pthread_mutex_t registry_lock;

/* ---- roots.c ---- */

/** struct model_roots - the directories that everything hangs from */
struct model_roots {
	struct kobject *bus;	   /* /sys/bus */
	struct kobject *class;	   /* /sys/class */
	struct kobject *devices;   /* /sys/devices */
	struct kobject *virtual;   /* /sys/devices/virtual */
	struct kobject *dev;	   /* /sys/dev */
	struct kobject *dev_char;  /* /sys/dev/char */
	struct kobject *dev_block; /* /sys/dev/block */
	struct kobject *module;	   /* /sys/module */
	struct kobject *kernel;	   /* /sys/kernel */
};

extern struct model_roots model_roots;

/**
 * model_init - make the roots, if they are not there yet
 *
 * Called by everything that registers something, so things may be registered before umdev_start().
 * Context: any thread, also inside a publication. Return: 0 or -ENOMEM, after which it may be
 * called again.
 */
int model_init(void);

/**
 * model_exit - the reverse: end the thread for deferred probes and remove the roots
 *
 * Context: everything that was registered is unregistered; no other thread uses the model.
 * Afterwards model_init() may bring it up again. Nothing if it is not up.
 */
void model_exit(void);

/**
 * module_kobject - the directory /sys/module/NAME of a module
 * module_drivers_dir - the directory "drivers" in there, made at the first call
 *
 * Whatever knows modules implements them; they are weak here, so that the model stands alone.
 * Return: an object that lives until the module is unloaded; NULL if it has none, or without
 * memory.
 */
struct kobject *module_kobject(struct module *mod);
struct kobject *module_drivers_dir(struct module *mod);

/* ---- bus.c ---- */

/** bus_get_private - the private part of a registered bus with a reference, or NULL. */
struct bus_private *bus_get_private(struct bus_type *bus);
/** bus_put_private - drop it; NULL does nothing. */
void bus_put_private(struct bus_private *bp);

/**
 * bus_add_device - attributes, links and lists of its bus for a device whose directory is there
 *
 * dev->p->bus is set; without one nothing happens. Return: 0, -EEXIST, -ENOMEM, -EINVAL.
 */
int bus_add_device(struct device *dev);
/** bus_remove_device - the reverse; the driver is released in between, as in the kernel. */
void bus_remove_device(struct device *dev);

/**
 * struct bus_walk - a walk over the devices or the drivers of a bus, in order of arrival
 * @pos:  where it stands
 * @nr:   its number
 * @last: of the youngest one that is part of the walk
 */
struct bus_walk {
	struct bus_private *bp;
	struct roster_entry *pos;
	uint64_t nr;
	uint64_t last;
};

/** bus_walk_devices, bus_walk_drivers - begin a walk; the caller keeps @bp. */
struct bus_walk bus_walk_devices(struct bus_private *bp);
struct bus_walk bus_walk_drivers(struct bus_private *bp);
/**
 * bus_next_device - the next device that this thread may see
 * @prev: what the last call returned, whose reference is dropped; NULL at first. To end a walk
 *        early, drop it instead of the next call
 * Return: a device with a reference, or NULL at the end.
 */
struct device *bus_next_device(struct bus_walk *walk, struct device *prev);
/**
 * bus_next_driver - the same for drivers: with a use and a reference, to be dropped by
 * driver_unuse().
 */
struct driver_private *bus_next_driver(struct bus_walk *walk, struct driver_private *prev);
/**
 * bus_find_device - the device of that name, one newline at the end allowed, as bus_next_device().
 */
struct device *bus_find_device(struct bus_private *bp, const char *name);
/**
 * bus_find_driver - the driver of that name, one newline at the end allowed
 *
 * Return: a reference, to be dropped with kobject_put() of its kobj, or NULL. It may be on its way
 * out: driver_use() tells, and is needed for all but @kobj.
 */
struct driver_private *bus_find_driver(struct bus_private *bp, const char *name);

/* ---- driver.c ---- */

/**
 * driver_use - keep a driver from going away
 * @dp: kept by the caller until this returns, by the lock of a list that it is on or a running
 *      attribute
 * Return: false if it is not complete, or in driver_unregister() already.
 */
bool driver_use(struct driver_private *dp);
/** driver_use_registered - the same for a driver as others know it. Return: NULL for false. */
struct driver_private *driver_use_registered(struct device_driver *drv);
/** driver_unuse - the reverse. */
void driver_unuse(struct driver_private *dp);

/**
 * driver_choose - decide that a driver which matches a device gets it without having been told
 *
 * Not for one that driver_override names, which explicit_bind_only does not concern.
 * Context: with a use of @dp. Return: false if it is explicit_bind_only. Else who sets that waits
 * until the probe is over: driver_chosen_done().
 */
bool driver_choose(struct driver_private *dp);
/** driver_chosen_done - what it was chosen for is over. */
void driver_chosen_done(struct driver_private *dp);

/**
 * driver_complete_waiting - complete the drivers that wait for a bus that has just been registered.
 */
void driver_complete_waiting(struct bus_private *bp);

/* ---- dd.c ---- */

/**
 * bus_probe_device - try the drivers of its bus on a device, if the bus does so by itself
 *
 * Context: not under this device's lock.
 */
void bus_probe_device(struct device *dev);
/** driver_offer - try a driver on all devices of its bus; the caller keeps it from going away. */
void driver_offer(struct driver_private *dp);
/** driver_detach - unbind all devices of a driver that is going, the last bound first. */
void driver_detach(struct driver_private *dp);
/** driver_bind_told - bind as the file "bind" does. Return: as device_driver_attach(). */
int driver_bind_told(struct driver_private *dp, struct device *dev);
/** driver_unbind - unbind @dev if it is bound to @dp. Return: 0, -ENODEV. */
int driver_unbind(struct driver_private *dp, struct device *dev);
/** device_get_driver - what it is bound to at this moment, for comparing only. Any context. */
static inline struct device_driver *device_get_driver(const struct device *dev)
{
	return __atomic_load_n(&dev->driver, __ATOMIC_ACQUIRE);
}

/*
 * The parts that a binding is made of. Context: under the device's lock, with a use of the driver.
 *
 * driver_may_be_told - may it get @dev because somebody says so? Return: 0, -ENODEV (no match, or
 *                      driver_override names another), -EINVAL (bus_type.accept()), -EAGAIN
 *                      (match() can't say yet), else match()'s error
 * driver_bind_locked - bind without asking match(). Return: as device_driver_attach()
 */
int driver_may_be_told(struct driver_private *dp, struct device *dev);
int driver_bind_locked(struct driver_private *dp, struct device *dev);
/** device_unbind_locked - unbind @dev, which is bound. Context: under its lock. */
void device_unbind_locked(struct device *dev);

/* ---- rebind.c ---- */

/**
 * device_rebind - take @dev from its driver and give it to the one of that name, in one step
 * @name: one newline at the end allowed
 *
 * Nothing happens if it has the device. Else what a write to its file bind would ask is asked
 * first; then the old driver lets go (whose wait for a user goes on if the caller leaves) and the
 * new one probes. If that fails the old one gets the device back; if it does not take it, or is
 * being unregistered, the device is unbound. Nobody else gets it in between. An unbound device is
 * bound.
 *
 * Context: in a store() of the device's. Return: 0, -ENODEV (no such driver, or it is going; no
 * match, or driver_override names another; the device is going), -EINVAL (bus_type.accept()),
 * -EOPNOTSUPP (one of the two drivers is suppress_bind_attrs), -EAGAIN (the probe was deferred),
 * -EINTR (the caller has left before it began), else the probe's error.
 */
int device_rebind(struct device *dev, const char *name);

/* ---- deferred.c ---- */

/** deferred_del - a device is not to be tried again any more. */
void deferred_del(struct device *dev);
/**
 * deferred_kick - have the worker try a device, if it is added
 *
 * Context: the caller keeps @dev; any lock of the caller's.
 */
void deferred_kick(struct device *dev);
/** deferred_trigger - something was bound or registered: try those that wait. Context: any. */
void deferred_trigger(void);

/**
 * deferred_probe_begin, deferred_probe_end - around each match and probe that may be deferred
 * @deferred: have @dev tried again after the next binding; it is locked and added
 *
 * A binding by another thread between the two may be what this probe missed; then it is tried again
 * at once. Return of begin: to be given to end.
 */
uint64_t deferred_probe_begin(void);
void deferred_probe_end(struct device *dev, uint64_t begun, bool deferred);
/** deferred_exit - end the thread, if there is one. */
void deferred_exit(void);

/* ---- device.c ---- */

/** device_is_visible - may this thread see @dev? Not while somebody else's publication hides it. */
bool device_is_visible(const struct device *dev);

/** device_is_added - is it between device_add() and device_del()? */
static inline bool device_is_added(const struct device *dev)
{
	return __atomic_load_n(&dev->p->added, __ATOMIC_ACQUIRE);
}

/**
 * device_lock_for_caller - take the device lock in a store() whose caller may leave meanwhile
 *
 * Whoever has it may wait for a user of the device. Return: is the caller still there? The lock is
 * taken in either case.
 */
bool device_lock_for_caller(struct device *dev);
/**
 * device_lock_to_bind - take the device lock in order to bind by itself
 * Return: false if that could mean a deadlock; whoever holds the lock then tries when it lets go.
 */
bool device_lock_to_bind(struct device *dev);

/* ---- device_attr.c ---- */

extern const struct sysfs_ops device_sysfs_ops;

/** device_add_uevent_file, device_remove_uevent_file - the attribute uevent */
int device_add_uevent_file(struct device *dev);
void device_remove_uevent_file(struct device *dev);
/**
 * device_add_devnum, device_remove_devnum - the attribute dev, its link and the device node;
 * nothing without a number
 */
int device_add_devnum(struct device *dev);
void device_remove_devnum(struct device *dev);
/**
 * device_add_binding, device_remove_binding - explicit_bind_only and rebind, and driver_override if
 * its bus has that; for a device with a bus
 */
int device_add_binding(struct device *dev);
void device_remove_binding(struct device *dev);

/* ---- device_uevent.c ---- */

extern const struct kset_uevent_ops device_uevent_ops;

/**
 * device_announce - send an event of a device where there is no way back: an error is logged only.
 */
void device_announce(struct device *dev, enum kobject_action action);

/**
 * device_uevent_keys - add the keys that are the device's own. Return: 0, -ENOMEM, a callback's
 * error.
 */
int device_uevent_keys(struct device *dev, struct kobj_uevent_env *env);

/**
 * device_get_devnode - the name of its device node ("vfio/0"), to free(), or NULL without memory
 * @mode, @uid, @gid: whose it is; each 0 where nothing is said of it
 */
char *device_get_devnode(struct device *dev, mode_t *mode, uid_t *uid, gid_t *gid);

/* ---- class.c ---- */

/** class_get_private, class_put_private - as for buses */
struct class_private *class_get_private(struct class *class);
void class_put_private(struct class_private *cp);

/**
 * class_glue_get - the directory of a class below @parent, made if need be
 * @glue: to be given back with class_glue_put() when the device's own directory is gone
 * Return: 0, -EEXIST, -ENOENT, -ENOMEM.
 */
int class_glue_get(struct class_private *cp, struct kobject *parent, struct class_glue **glue);
void class_glue_put(struct class_private *cp, struct class_glue *glue);
struct kobject *class_glue_kobj(struct class_glue *glue);

/**
 * class_add_device, class_remove_device - the links between a device and its class; none: nothing
 */
int class_add_device(struct device *dev);
void class_remove_device(struct device *dev);

#endif
