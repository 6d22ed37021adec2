/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The driver model: devices, drivers, buses, classes.
 * Behaviour: Linux 6.1 drivers/base/{core,bus,dd,driver,class}.c.
 *
 * Unless a declaration says otherwise: it may sleep, may be called from any thread, and is not
 * called under the lock (device_lock()) of a device that it is about. probe() and remove() run
 * under the lock of their device and of no other object; they may add and delete other devices and
 * register other drivers. What they must not do is to wait for their own device or driver: no
 * device_del(), device_attach() or driver_unregister() of those. match() runs under that lock or
 * without it, as in the kernel, and only compares.
 */
#ifndef UMDEV_DEVICE_H
#define UMDEV_DEVICE_H

#include <umdev/kobject.h>
#include <umdev/uevent.h>
#include <umdev/log.h>

struct device;
struct device_driver;
struct bus_type;
struct class;

/*
 * A driver's probe() returns it when something that it needs is not there yet; the kernel's number.
 */
#define EPROBE_DEFER 517

/** struct device_attribute - an attribute of a device; show and store as in struct sysfs_ops */
struct device_attribute {
	struct attribute attr;
	ssize_t (*show)(struct device *dev, struct device_attribute *attr, char *buf);
	ssize_t (*store)(struct device *dev, struct device_attribute *attr, const char *buf,
			 size_t count);
};

#define DEVICE_ATTR(_name, _mode, _show, _store) \
	struct device_attribute dev_attr_##_name = __ATTR(_name, _mode, _show, _store)
#define DEVICE_ATTR_RO(_name) struct device_attribute dev_attr_##_name = __ATTR_RO(_name)
#define DEVICE_ATTR_WO(_name) struct device_attribute dev_attr_##_name = __ATTR_WO(_name)
#define DEVICE_ATTR_RW(_name) struct device_attribute dev_attr_##_name = __ATTR_RW(_name)

/** struct bus_attribute - an attribute of a bus */
struct bus_attribute {
	struct attribute attr;
	ssize_t (*show)(struct bus_type *bus, char *buf);
	ssize_t (*store)(struct bus_type *bus, const char *buf, size_t count);
};

#define BUS_ATTR_RO(_name) struct bus_attribute bus_attr_##_name = __ATTR_RO(_name)
#define BUS_ATTR_WO(_name) struct bus_attribute bus_attr_##_name = __ATTR_WO(_name)
#define BUS_ATTR_RW(_name) struct bus_attribute bus_attr_##_name = __ATTR_RW(_name)

/** struct driver_attribute - an attribute of a driver */
struct driver_attribute {
	struct attribute attr;
	ssize_t (*show)(struct device_driver *drv, char *buf);
	ssize_t (*store)(struct device_driver *drv, const char *buf, size_t count);
};

#define DRIVER_ATTR_RO(_name) struct driver_attribute driver_attr_##_name = __ATTR_RO(_name)
#define DRIVER_ATTR_WO(_name) struct driver_attribute driver_attr_##_name = __ATTR_WO(_name)
#define DRIVER_ATTR_RW(_name) struct driver_attribute driver_attr_##_name = __ATTR_RW(_name)

/** struct class_attribute - an attribute of a class */
struct class_attribute {
	struct attribute attr;
	ssize_t (*show)(struct class *class, struct class_attribute *attr, char *buf);
	ssize_t (*store)(struct class *class, struct class_attribute *attr, const char *buf,
			 size_t count);
};

/**
 * struct bus_type - a kind of bus: how its devices and drivers find each other
 * @name:       directory under /sys/bus
 * @dev_name:   with the id of a device makes its name, if it has none ("matrix", "matrix3"); may be
 *              NULL
 * @bus_groups: groups in /sys/bus/NAME
 * @dev_groups: groups in each of its devices
 * @drv_groups: groups in each of its drivers
 * @admit:      may @dev be on this bus at all? 0, or an error that device_add() returns; nothing of
 *              @dev was visible then. Optional: any device
 * @match:      is @drv for @dev? >0 yes, 0 no, -EPROBE_DEFER cannot say yet. NULL: every driver is
 * @accept:     may @drv, which is match_any, have @dev at all? 0, or -EINVAL where the device is of
 *              the wrong kind. Asked before its probe, however it got there; under the lock of
 *              @dev, and only compares. Optional: any device
 * @uevent:     adds the bus's keys (MODALIAS=) to a device's events
 * @probe:      called instead of the driver's own probe(); calls that itself
 * @remove:     called instead of the driver's own remove()
 * @has_driver_override: give each device the attribute driver_override, which decides before
 *              @match. A bus without may have such an attribute of its own (see
 *              device_set_driver_override()); a driver that it names has to match as well
 * @p:          umdev's; NULL while the bus is not registered
 */
struct bus_type {
	const char *name;
	const char *dev_name;
	const struct attribute_group **bus_groups;
	const struct attribute_group **dev_groups;
	const struct attribute_group **drv_groups;
	int (*admit)(struct device *dev);
	int (*match)(struct device *dev, struct device_driver *drv);
	int (*accept)(struct device *dev, struct device_driver *drv);
	int (*uevent)(struct device *dev, struct kobj_uevent_env *env);
	int (*probe)(struct device *dev);
	void (*remove)(struct device *dev);
	bool has_driver_override;
	struct bus_private *p;
};

/**
 * struct device_driver - what a driver is to the core
 * @name:       directory under /sys/bus/BUS/drivers, unique there
 * @bus:        its bus; may be registered later than the driver, which then waits for it
 * @owner:      THIS_MODULE; NULL when built into a program
 * @suppress_bind_attrs: no files bind and unbind
 * @explicit_bind_only: gets a device only through its bind file, the device's rebind or
 *              driver_override, or device_driver_attach(), never by itself (seed 004, and
 *              doc/binding.md). Set before driver_register(), then through its attribute; whose
 *              write returns when probes that it no longer allows are over
 * @match_any:  may be told to take any device of its bus, whatever match() says; alone it takes
 *              only those that match
 * @probe:      take @dev; 0, or -ENODEV/-ENXIO (not mine after all), -EPROBE_DEFER, other errors
 * @remove:     let go of @dev; cannot fail
 * @groups:     groups in the driver's directory
 * @dev_groups: groups in each device, from the end of probe() to the beginning of remove()
 * @p:          umdev's; NULL while not registered
 */
struct device_driver {
	const char *name;
	struct bus_type *bus;
	struct module *owner;
	bool suppress_bind_attrs;
	bool explicit_bind_only;
	bool match_any;
	int (*probe)(struct device *dev);
	void (*remove)(struct device *dev);
	const struct attribute_group **groups;
	const struct attribute_group **dev_groups;
	struct driver_private *p;
};

/**
 * struct class - devices by what they do, under /sys/class/NAME
 * @name:         the directory
 * @owner:        THIS_MODULE
 * @class_groups: groups in /sys/class/NAME
 * @dev_groups:   groups in each of its devices
 * @dev_uevent:   adds keys to a device's events
 * @devnode:      name of the device node below /dev ("vfio/0"), to free(), or NULL without
 *                memory; sets *@mode if not 0. Optional
 * @dev_release:  frees a device that has no release of its own
 * @p:            umdev's; NULL while not registered
 */
struct class
{
	const char *name;
	struct module *owner;
	const struct attribute_group **class_groups;
	const struct attribute_group **dev_groups;
	int (*dev_uevent)(struct device *dev, struct kobj_uevent_env *env);
	char *(*devnode)(struct device *dev, mode_t *mode);
	void (*dev_release)(struct device *dev);
	struct class_private *p;
};

/**
 * struct device_type - devices of one kind within a bus or class (DEVTYPE=)
 * @name:    the DEVTYPE= value; may be NULL
 * @groups:  groups in each device
 * @uevent:  adds keys to its events
 * @devnode: as class.devnode, before which it comes; sets *@uid and *@gid, too, if not 0. Optional
 * @release: frees a device that has no release of its own
 */
struct device_type {
	const char *name;
	const struct attribute_group **groups;
	int (*uevent)(struct device *dev, struct kobj_uevent_env *env);
	char *(*devnode)(struct device *dev, mode_t *mode, uid_t *uid, gid_t *gid);
	void (*release)(struct device *dev);
};

/* A device number, as in the kernel: 12 bits major, 20 bits minor; 0 means none. */
typedef uint32_t devnum_t;
#define DEVNUM(major, minor) (((devnum_t)(major) << 20) | (minor))
#define DEVNUM_MAJOR(devt)   ((devt) >> 20)
#define DEVNUM_MINOR(devt)   ((devt)&0xfffff)

/**
 * struct device - a device
 * @kobj:   its directory and reference count; use get_device() and put_device()
 * @parent: set before device_add(), which takes a reference; NULL for a root device
 * @type:   optional
 * @bus:    set before device_add(), registered before it
 * @class:  the same. A device with a parent needs a bus or a class (seed 000)
 * @devt:   device number, gives the attribute dev, /sys/dev/char/MAJOR:MINOR, and a device node;
 *          0 for none
 * @id:     for bus_type.dev_name
 * @groups: its own groups, NULL-terminated
 * @release: frees it when the last reference is gone; this or type's or class's is mandatory
 * @explicit_bind_only: never bound by itself nor through drivers_probe, not even to the driver that
 *          driver_override names: only where bind, rebind or device_driver_attach() say. Set before
 *          device_add(), then through its attribute
 * @driver: the one it is bound to, or NULL. Under the device's lock; a reader without it sees
 *          either
 * @driver_override: name of the only driver that may have it, or NULL. From malloc(), set before
 *          device_add() and freed by umdev; then written through its attribute or by
 *          device_set_driver_override(), under the device's lock and the bus's. Read it under the
 *          device's
 * @driver_data: dev_set_drvdata(); umdev sets it to NULL after remove() and after a failed probe()
 * @p:      umdev's, made by device_initialize()
 */
struct device {
	struct kobject kobj;
	struct device *parent;
	const struct device_type *type;
	struct bus_type *bus;
	struct class *class;
	devnum_t devt;
	unsigned int id;
	const struct attribute_group **groups;
	void (*release)(struct device *dev);
	bool explicit_bind_only;
	struct device_driver *driver;
	char *driver_override;
	void *driver_data;
	struct device_private *p;
};

static inline struct device *kobj_to_dev(struct kobject *kobj)
{
	return container_of(kobj, struct device, kobj);
}

static inline const char *dev_name(const struct device *dev)
{
	return kobject_name(&dev->kobj);
}

static inline void *dev_get_drvdata(const struct device *dev)
{
	return dev->driver_data;
}

static inline void dev_set_drvdata(struct device *dev, void *data)
{
	dev->driver_data = data;
}

/**
 * dev_set_name - name a device before device_add()
 * Return: 0, -EINVAL (an empty name, or device_add() was called), -ENOMEM.
 */
UMDEV_API int dev_set_name(struct device *dev, const char *fmt, ...) __umdev_printf(2, 3);

/**
 * device_initialize - make zeroed memory a device with one reference
 * @dev: storage of the caller's, given up to release(); afterwards only put_device() frees it
 *
 * Return: 0, or -ENOMEM, after which put_device() is still right.
 */
UMDEV_API int device_initialize(struct device *dev);

/**
 * device_add - show a device and offer it to the drivers of its bus
 * @dev: initialised, named (by dev_set_name() or its bus), with parent, bus, class and groups set
 *
 * Its directory, attributes and links appear together, then the "add" event, then drivers are
 * tried; that none takes it is no error. A class device goes below /sys/devices/virtual/CLASS if it
 * has no parent, and into a directory CLASS of a parent that is no class device.
 *
 * Inside a publication of the caller's (umdev/publish.h) drivers are tried at once all the same, so
 * that it appears with its driver; other threads don't find it before the commit, when drivers that
 * have come meanwhile are tried too.
 *
 * A device is added once in its life. Return: 0, -EINVAL (no name, added before, or a parent but
 * neither bus nor class: seed 000), -EEXIST (name taken), -ENODEV (bus or class not registered, or
 * the parent is going away), -ENOMEM, else what bus_type.admit() says. On an error the caller still
 * owns its reference and drops it with put_device(); nothing of the device was ever visible.
 */
UMDEV_API int device_add(struct device *dev);

/**
 * device_del - the reverse of device_add()
 *
 * Unbinds the driver, sends "remove", takes the directory away. When it returns no show(), store(),
 * probe() or remove() for this device runs or will start, other than a show() or store() that
 * called it (after device_remove_file_self()). Nothing if it is not added. Children are deleted
 * before.
 */
UMDEV_API void device_del(struct device *dev);

/** device_register - device_initialize() and device_add(). On an error: put_device(). */
UMDEV_API int device_register(struct device *dev);
/** device_unregister - device_del() and put_device(). */
UMDEV_API void device_unregister(struct device *dev);

/** get_device - take a reference; NULL is passed through. */
UMDEV_API struct device *get_device(struct device *dev);
/** put_device - drop a reference; the last one calls release(). NULL does nothing. */
UMDEV_API void put_device(struct device *dev);

/**
 * device_create - make and add a simple class device
 * @class:   its class
 * @parent:  or NULL
 * @devt:    or 0
 * @drvdata: for dev_get_drvdata()
 * @out:     the device; take it down with device_unregister()
 * Return: 0 or what device_add() says.
 */
UMDEV_API int device_create(struct class *class, struct device *parent, devnum_t devt,
			    void *drvdata, struct device **out, const char *fmt, ...)
	__umdev_printf(6, 7);

/**
 * root_device_register - a directory /sys/devices/NAME to hang devices on
 * @out: the device; take it down with root_device_unregister()
 * Return: 0, -EEXIST, -ENOMEM.
 */
UMDEV_API int root_device_register(const char *name, struct device **out);
/** root_device_unregister - the reverse. */
UMDEV_API void root_device_unregister(struct device *root);

/**
 * device_lock - the lock under which a device is bound and unbound
 *
 * Not recursive: a thread that takes it twice ends the program instead of waiting for itself. A
 * parent's lock is taken before its child's.
 */
UMDEV_API void device_lock(struct device *dev);
/** device_unlock - the reverse. */
UMDEV_API void device_unlock(struct device *dev);

/** device_create_file - add one attribute. Return: 0, -EEXIST, -ENOENT, -ENOMEM. */
UMDEV_API int device_create_file(struct device *dev, const struct device_attribute *attr);
/** device_remove_file - remove it; waits for running calls. */
UMDEV_API void device_remove_file(struct device *dev, const struct device_attribute *attr);
/** device_remove_file_self - as sysfs_remove_file_self(). */
UMDEV_API bool device_remove_file_self(struct device *dev, const struct device_attribute *attr);
/** device_add_groups - as sysfs_create_groups(). */
UMDEV_API int device_add_groups(struct device *dev, const struct attribute_group **groups);
/** device_remove_groups - as sysfs_remove_groups(). */
UMDEV_API void device_remove_groups(struct device *dev, const struct attribute_group **groups);

/**
 * device_for_each_child - call @fn for each child until it returns something else than 0
 *
 * The children that were there at the beginning and that this thread may see (no other thread's
 * publication hides them); each is kept alive during its call, but may have been deleted in the
 * meantime. Return: what the last call returned.
 */
UMDEV_API int device_for_each_child(struct device *parent, void *data,
				    int (*fn)(struct device *dev, void *data));
/** device_for_each_child_reverse - the same, youngest first. */
UMDEV_API int device_for_each_child_reverse(struct device *parent, void *data,
					    int (*fn)(struct device *dev, void *data));

/** dev_driver_string - name of the driver, else of the bus, else of the class, else "". */
UMDEV_API const char *dev_driver_string(const struct device *dev);

/* ---- binding ---- */

/**
 * device_attach - find a driver for a device that has none
 *
 * Not for one that is explicit_bind_only. Under the lock of another device it does not wait for a
 * device that is busy: that one is tried when it is free, and the return is 0.
 * Return: 1 bound (or was), 0 no driver took it, -ENODEV the device is going away, -EPROBE_DEFER
 * match() can't say yet (it is tried again later), or why it could not be tried.
 */
UMDEV_API int device_attach(struct device *dev);

/**
 * device_driver_attach - bind this device to this driver, whatever match() says
 *
 * Also when either is explicit_bind_only. Return: 0, -EBUSY (bound already), -ENODEV (device or
 * driver is not registered or going away, or they are of different buses), -EINVAL
 * (bus_type.accept()), -EAGAIN (probe deferred; it stays unbound and is not retried), else
 * probe()'s error.
 */
UMDEV_API int device_driver_attach(struct device_driver *drv, struct device *dev);

/** device_release_driver - unbind; nothing if it is not bound. When it returns remove() is done. */
UMDEV_API void device_release_driver(struct device *dev);

/**
 * device_reprobe - take a device from its driver, if it has one, and look for one that takes it
 * @leave: asked under the device's lock; true: it stays as it is, bound or not. NULL: it does not
 * @data:  for @leave
 *
 * For a bus whose rules of who may have what have changed. All is done under one hold of the
 * device's lock: the old driver's remove() and what device_attach() does. Whatever
 * drivers_autoprobe says.
 *
 * Context: no device's lock. Return: as device_attach(); 0 also if it stays as it is.
 */
UMDEV_API int device_reprobe(struct device *dev, bool (*leave)(struct device *dev, void *data),
			     void *data);

/**
 * device_set_driver_override - what an attribute driver_override of a bus's own does in its store()
 * @buf, @count: what was written: a name, which ends at a newline; empty for none
 *
 * Context: the device's lock. Return: 0, -EINVAL (too long to be shown), -ENOMEM; the old name
 * stays then.
 */
UMDEV_API int device_set_driver_override(struct device *dev, const char *buf, size_t count);
/** device_emit_driver_override - print it as sysfs_emit() does, or @none, and a newline. */
UMDEV_API int device_emit_driver_override(struct device *dev, char *buf, const char *none);
/**
 * device_has_driver_override - has it one? device_match_driver_override - does it name @drv?
 *
 * Context: any; the answers hold as long as the caller has the device's lock. For a device that
 * was added to a bus. Return of the second: 1 yes, 0 it names another, -1 it has none.
 */
UMDEV_API bool device_has_driver_override(struct device *dev);
UMDEV_API int device_match_driver_override(struct device *dev, const struct device_driver *drv);

/** device_is_bound - is a driver bound, its probe() finished? */
UMDEV_API bool device_is_bound(struct device *dev);

/**
 * wait_for_device_probe - wait until deferred probes that were due have been tried
 *
 * Context: not from a probe().
 */
UMDEV_API void wait_for_device_probe(void);

/* ---- drivers ---- */

/**
 * driver_register - offer a driver to its bus
 *
 * Binds it to what matches before it returns. If the bus is not registered yet the driver waits and
 * is completed by bus_register() (rule 8). Its directory appears with all that is in it; its "add"
 * event comes after those of what it binds. Return: 0, -EBUSY (the name is taken, or it is
 * registered), -EINVAL (no name or bus), -ENOMEM.
 */
UMDEV_API int driver_register(struct device_driver *drv);
/**
 * driver_unregister - unbind all its devices, the last bound first, then forget it
 *
 * Waits for everything that runs in it, its attributes too: afterwards nothing calls it any more.
 * Also for one that still waits for its bus.
 */
UMDEV_API void driver_unregister(struct device_driver *drv);
/**
 * driver_find - the driver of that name on a bus, or NULL. Stays valid only while it is registered.
 */
UMDEV_API struct device_driver *driver_find(const char *name, struct bus_type *bus);
/**
 * driver_attach - offer a driver to the devices of its bus that have none
 *
 * As driver_register() does, whatever drivers_autoprobe says: for a driver that matches more than
 * before (new_id). Return: 0, also if no device is taken; -ENODEV, not registered or going away.
 */
UMDEV_API int driver_attach(struct device_driver *drv);
/** driver_for_each_device - as device_for_each_child(), over the devices bound to @drv. */
UMDEV_API int driver_for_each_device(struct device_driver *drv, void *data,
				     int (*fn)(struct device *dev, void *data));

/* ---- buses ---- */

/**
 * bus_register - make /sys/bus/NAME and complete the drivers that wait for it
 * Return: 0, -EEXIST, -EINVAL (no name), -ENOMEM.
 */
UMDEV_API int bus_register(struct bus_type *bus);
/** bus_unregister - the reverse; its devices and drivers are gone by now. */
UMDEV_API void bus_unregister(struct bus_type *bus);
/**
 * bus_for_each_dev - as device_for_each_child(), over its devices. Return: also -EINVAL, not
 * registered.
 */
UMDEV_API int bus_for_each_dev(struct bus_type *bus, void *data,
			       int (*fn)(struct device *dev, void *data));
/** bus_for_each_drv - the same over its drivers. */
UMDEV_API int bus_for_each_drv(struct bus_type *bus, void *data,
			       int (*fn)(struct device_driver *drv, void *data));
/** bus_find_device_by_name - a reference to put_device(), or NULL; by hash, not by walking. */
UMDEV_API struct device *bus_find_device_by_name(struct bus_type *bus, const char *name);
/** bus_rescan_devices - try all unbound devices again, as drivers_autoprobe allows. */
UMDEV_API int bus_rescan_devices(struct bus_type *bus);

/* ---- classes ---- */

/** class_register - make /sys/class/NAME. Return: 0, -EEXIST, -EINVAL, -ENOMEM. */
UMDEV_API int class_register(struct class *class);
/** class_unregister - the reverse; its devices are gone by now. */
UMDEV_API void class_unregister(struct class *class);

struct class_compat;
/**
 * class_compat_register - a class that only links to devices of others, as mdev_bus
 * Return: the class, or NULL: no memory, or the name is taken.
 */
UMDEV_API struct class_compat *class_compat_register(const char *name);
/** class_compat_unregister - the reverse. */
UMDEV_API void class_compat_unregister(struct class_compat *cls);
/** class_compat_create_link - put a link to @dev into it. Return: as sysfs_create_link(). */
UMDEV_API int class_compat_create_link(struct class_compat *cls, struct device *dev);
/** class_compat_remove_link - the reverse. */
UMDEV_API void class_compat_remove_link(struct class_compat *cls, struct device *dev);

/* ---- log lines about a device: "mtty mtty: text" ---- */

/** dev_printk - log a line that begins with the driver's (or bus's) and the device's name. */
UMDEV_API void dev_printk(enum log_level level, const struct device *dev, const char *fmt, ...)
	__umdev_printf(3, 4);
#define dev_err(dev, fmt, ...)	dev_printk(LOG_LEVEL_ERR, dev, fmt, ##__VA_ARGS__)
#define dev_warn(dev, fmt, ...) dev_printk(LOG_LEVEL_WARN, dev, fmt, ##__VA_ARGS__)
#define dev_info(dev, fmt, ...) dev_printk(LOG_LEVEL_INFO, dev, fmt, ##__VA_ARGS__)
#define dev_dbg(dev, fmt, ...)	dev_printk(LOG_LEVEL_DEBUG, dev, fmt, ##__VA_ARGS__)

#endif
