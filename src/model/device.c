/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Devices: their life, their place in the tree, their children. Behaviour: Linux 6.1
 * drivers/base/core.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/alloc.h"
#include "model/base.h"
#include "model/caller.h"
#include "model/kobject_internal.h"

/* How many device locks this thread holds. */
static __thread unsigned int locks_held;

static pthread_mutex_t children_lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- locking ---- */

static void locked(struct device *dev, int err)
{
	if (err) {
		pr_err("device '%s': lock: %s", dev_name(dev), strerror(err));
		abort();
	}
	locks_held++;
}

void device_lock(struct device *dev)
{
	/* The mutex checks for errors: to wait for oneself for ever is worse than to stop here. */
	locked(dev, pthread_mutex_lock(&dev->p->lock));
}

static bool device_trylock(struct device *dev)
{
	int err = pthread_mutex_trylock(&dev->p->lock);

	if (err == EBUSY)
		return false;
	locked(dev, err);
	return true;
}

bool device_lock_for_caller(struct device *dev)
{
	if (device_trylock(dev))
		return true;
	caller_may_leave();
	device_lock(dev);
	return caller_stays();
}

bool device_lock_to_bind(struct device *dev)
{
	bool *retry = &dev->p->retry;

	if (!locks_held) {
		device_lock(dev);
		return true;
	}
	if (device_trylock(dev))
		return true;
	__atomic_store_n(retry, true, __ATOMIC_SEQ_CST);
	/* If it was let go before the note was there, nobody has read it. */
	if (!device_trylock(dev))
		return false;
	__atomic_store_n(retry, false, __ATOMIC_SEQ_CST);
	return true;
}

void device_unlock(struct device *dev)
{
	bool *retry = &dev->p->retry;
	int err;

	locks_held--;
	err = pthread_mutex_unlock(&dev->p->lock);
	if (err) {
		pr_err("device '%s': unlock: %s", dev_name(dev), strerror(err));
		abort();
	}
	/* By the worker: the caller may hold what a probe would wait for. */
	if (__atomic_exchange_n(retry, false, __ATOMIC_SEQ_CST) && !device_get_driver(dev))
		deferred_kick(dev);
}

/* ---- life ---- */

static void device_release(struct kobject *kobj)
{
	struct device *dev = kobj_to_dev(kobj);
	struct device_private *p = dev->p;
	struct class *class = dev->class;

	dev->p = NULL;
	free(dev->driver_override);
	dev->driver_override = NULL;
	if (dev->release)
		dev->release(dev);
	else if (dev->type && dev->type->release)
		dev->type->release(dev);
	else if (class && class->dev_release)
		class->dev_release(dev);
	else
		pr_err("device '%s' does not have a release() function", dev_name(dev));
	if (!p)
		return;
	bus_put_private(p->bus);
	class_put_private(p->class);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

static const struct kobj_type device_ktype = {
	.release = device_release,
	.sysfs_ops = &device_sysfs_ops,
};

static void publication_ended(struct publish_work *work, bool shown);

int device_initialize(struct device *dev)
{
	struct device_private *p;

	kobject_init(&dev->kobj, &device_ktype);
	dev->kobj.uevent_ops = &device_uevent_ops;
	p = zalloc(sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->device = dev;
	p->lock = (pthread_mutex_t)PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
	roster_entry_init(&p->on_bus);
	roster_entry_init(&p->on_driver);
	roster_entry_init(&p->on_parent);
	roster_init(&p->children);
	INIT_LIST_HEAD(&p->deferred);
	dev->p = p;
	return 0;
}

struct device *get_device(struct device *dev)
{
	if (dev)
		kobject_get(&dev->kobj);
	return dev;
}

void put_device(struct device *dev)
{
	if (dev)
		kobject_put(&dev->kobj);
}

int dev_set_name(struct device *dev, const char *fmt, ...)
{
	va_list args;
	char *name;
	int err;

	/* Lists are in the order of the names, and others read them. */
	if (dev->p && dev->p->used)
		return -EINVAL;
	va_start(args, fmt);
	name = vasprintf_f(fmt, args);
	va_end(args);
	if (!name)
		return -ENOMEM;
	err = kobject_set_name(&dev->kobj, "%s", name);
	free(name);
	return err;
}

/* ---- publication ---- */

bool device_is_visible(const struct device *dev)
{
	const struct device_private *p = dev->p;
	struct kernfs_node *dir;
	bool hidden;

	if (__atomic_load_n(&p->published, __ATOMIC_SEQ_CST) ||
	    pthread_equal(p->publisher, pthread_self()))
		return true;
	/* As the tree has it: who was told of it just now must not hear that it is not there. */
	dir = kobject_get_dir(&((struct device *)dev)->kobj);
	hidden = !dir || kernfs_hidden_by(dir);
	kernfs_put(dir);
	return !hidden;
}

/* Find out when others may see it. Holds a reference until then. */
static void publication_begun(struct device *dev)
{
	struct device_private *p = dev->p;

	get_device(dev);
	p->publication.fn = publication_ended;
	publish_on_end(&p->publication);
}

static void publication_ended(struct publish_work *work, bool shown)
{
	struct device_private *p = container_of(work, struct device_private, publication);
	struct device *dev = p->device;

	if (!shown && device_is_added(dev)) {
		/*
		 * An abort that its adder has not undone it for: it belongs to the outer one now.
		 */
		publish_on_end(work);
		return;
	}
	if (shown && device_is_added(dev)) {
		__atomic_store_n(&p->published, true, __ATOMIC_SEQ_CST);
		if (p->tried) {
			/*
			 * Drivers that came, and devices that looked for it, while it was hidden.
			 */
			bus_probe_device(dev);
			deferred_trigger();
		}
	}
	put_device(dev);
}

/* ---- adding and removing ---- */

/* Its place in the tree: the parent's directory, or that of its class in there. */
static int device_find_place(struct device *dev, struct kobject **place)
{
	struct device_private *p = dev->p;
	int err;

	*place = dev->parent ? &dev->parent->kobj : model_roots.devices;
	if (!p->class || (dev->parent && dev->parent->class))
		return 0;
	if (!dev->parent)
		*place = model_roots.virtual;
	err = class_glue_get(p->class, *place, &p->glue);
	if (!err)
		*place = class_glue_kobj(p->glue);
	return err;
}

static void device_leave_place(struct device *dev)
{
	struct device_private *p = dev->p;

	class_glue_put(p->class, p->glue);
	p->glue = NULL;
}

static int device_add_attrs(struct device *dev)
{
	const struct attribute_group **class_groups = dev->class ? dev->class->dev_groups : NULL;
	const struct attribute_group **type_groups = dev->type ? dev->type->groups : NULL;
	int err;

	err = device_add_groups(dev, class_groups);
	if (err)
		return err;
	err = device_add_groups(dev, type_groups);
	if (err)
		goto remove_class_groups;
	err = device_add_groups(dev, dev->groups);
	if (err)
		goto remove_type_groups;
	return 0;

remove_type_groups:
	device_remove_groups(dev, type_groups);
remove_class_groups:
	device_remove_groups(dev, class_groups);
	return err;
}

static void device_remove_attrs(struct device *dev)
{
	device_remove_groups(dev, dev->groups);
	if (dev->type)
		device_remove_groups(dev, dev->type->groups);
	if (dev->class)
		device_remove_groups(dev, dev->class->dev_groups);
}

static void device_join_parent(struct device *dev)
{
	if (!dev->parent)
		return;
	pthread_mutex_lock(&children_lock);
	roster_join(&dev->parent->p->children, &dev->p->on_parent);
	pthread_mutex_unlock(&children_lock);
}

static void device_leave_parent(struct device *dev)
{
	pthread_mutex_lock(&children_lock);
	roster_leave(&dev->p->on_parent);
	pthread_mutex_unlock(&children_lock);
}

static void device_set_added(struct device *dev, bool added)
{
	__atomic_store_n(&dev->p->added, added, __ATOMIC_RELEASE);
}

/* All that makes the device visible, in the kernel's order. Inside a publication. */
static int device_show(struct device *dev)
{
	struct kobject *place;
	int err;

	err = device_find_place(dev, &place);
	if (err)
		return err;
	err = kobject_add(&dev->kobj, place, NULL);
	if (err)
		goto leave_place;
	err = device_add_uevent_file(dev);
	if (err)
		goto del;
	err = class_add_device(dev);
	if (err)
		goto remove_uevent_file;
	err = device_add_attrs(dev);
	if (err)
		goto remove_from_class;
	err = bus_add_device(dev);
	if (err)
		goto remove_attrs;
	err = device_add_devnum(dev);
	if (err)
		goto remove_from_bus;
	err = kobject_uevent(&dev->kobj, KOBJ_ADD);
	if (err == -ENOMEM)
		goto remove_devnum;
	return 0;

remove_devnum:
	device_remove_devnum(dev);
remove_from_bus:
	bus_remove_device(dev);
remove_attrs:
	device_remove_attrs(dev);
remove_from_class:
	class_remove_device(dev);
remove_uevent_file:
	device_remove_uevent_file(dev);
del:
	kobject_del(&dev->kobj);
leave_place:
	device_leave_place(dev);
	return err;
}

/* The reverse, with the driver released in between. */
static void device_hide(struct device *dev)
{
	device_remove_devnum(dev);
	class_remove_device(dev);
	device_remove_uevent_file(dev);
	device_remove_attrs(dev);
	bus_remove_device(dev);
	deferred_del(dev);
	device_announce(dev, KOBJ_REMOVE);
	kobject_del(&dev->kobj);
	device_leave_place(dev);
}

static void device_unprepare(struct device *dev)
{
	struct device_private *p = dev->p;

	bus_put_private(p->bus);
	p->bus = NULL;
	class_put_private(p->class);
	p->class = NULL;
}

/* Its name, if its bus numbers its devices, and its bus and class, if they are registered. */
static int device_prepare(struct device *dev)
{
	struct device_private *p = dev->p;
	int err;

	if (!dev_name(dev) && dev->bus && dev->bus->dev_name) {
		err = dev_set_name(dev, "%s%u", dev->bus->dev_name, dev->id);
		if (err)
			return err;
	}
	if (!dev_name(dev))
		return -EINVAL;
	if (dev->parent && !dev->bus && !dev->class) {
		pr_err("device '%s' has a parent, but neither bus nor class: "
		       "it would have no subsystem",
		       dev_name(dev));
		return -EINVAL;
	}
	p->bus = dev->bus ? bus_get_private(dev->bus) : NULL;
	p->class = dev->class ? class_get_private(dev->class) : NULL;
	if ((dev->bus && !p->bus) || (dev->class && !p->class)) {
		device_unprepare(dev);
		return -ENODEV;
	}
	err = dev->bus && dev->bus->admit ? dev->bus->admit(dev) : 0;
	if (err)
		device_unprepare(dev);
	return err;
}

int device_add(struct device *dev)
{
	struct device_private *p = dev->p;
	int err;

	if (!p)
		return -ENOMEM;
	if (p->used)
		return -EINVAL;
	err = model_init();
	if (err)
		return err;
	err = device_prepare(dev);
	if (err)
		return err;

	p->publisher = pthread_self();
	get_device(dev->parent);
	publish_begin();
	err = device_show(dev);
	if (err) {
		publish_abort();
		put_device(dev->parent);
		device_unprepare(dev);
		/* Its place is gone because the parent is. */
		return err == -ENOENT ? -ENODEV : err;
	}
	p->used = true;
	device_join_parent(dev);
	device_set_added(dev, true);
	publication_begun(dev);
	publish_commit();

	p->tried = true;
	bus_probe_device(dev);
	return 0;
}

void device_del(struct device *dev)
{
	struct device *parent = dev->parent;
	bool added;

	if (!dev->p)
		return;
	/* A probe that runs is waited for; from now on none begins. */
	device_lock(dev);
	added = device_is_added(dev);
	device_set_added(dev, false);
	device_unlock(dev);
	if (!added)
		return;
	device_leave_parent(dev);
	device_hide(dev);
	put_device(parent);
}

int device_register(struct device *dev)
{
	int err = device_initialize(dev);

	return err ? err : device_add(dev);
}

void device_unregister(struct device *dev)
{
	device_del(dev);
	put_device(dev);
}

/* ---- devices that are made here ---- */

static void simple_release(struct device *dev)
{
	free(dev);
}

/* A named device that frees itself. On an error there is none. */
static int simple_device(struct device **out, const char *fmt, va_list args)
{
	struct device *dev = zalloc(sizeof(*dev));
	char *name;
	int err;

	if (!dev)
		return -ENOMEM;
	dev->release = simple_release;
	err = device_initialize(dev);
	if (err)
		goto put;
	err = -ENOMEM;
	name = vasprintf_f(fmt, args);
	if (!name)
		goto put;
	err = dev_set_name(dev, "%s", name);
	free(name);
	if (err)
		goto put;
	*out = dev;
	return 0;

put:
	put_device(dev);
	return err;
}

static int simple_device_add(struct device *dev, struct device **out)
{
	int err = device_add(dev);

	if (err)
		put_device(dev);
	else
		*out = dev;
	return err;
}

int device_create(struct class *class, struct device *parent, devnum_t devt, void *drvdata,
		  struct device **out, const char *fmt, ...)
{
	struct device *dev;
	va_list args;
	int err;

	va_start(args, fmt);
	err = simple_device(&dev, fmt, args);
	va_end(args);
	if (err)
		return err;
	dev->class = class;
	dev->parent = parent;
	dev->devt = devt;
	dev_set_drvdata(dev, drvdata);
	return simple_device_add(dev, out);
}

static int simple_device_named(struct device **out, const char *fmt, ...)
{
	va_list args;
	int err;

	va_start(args, fmt);
	err = simple_device(out, fmt, args);
	va_end(args);
	return err;
}

int root_device_register(const char *name, struct device **out)
{
	struct device *dev;
	int err = simple_device_named(&dev, "%s", name);

	return err ? err : simple_device_add(dev, out);
}

void root_device_unregister(struct device *root)
{
	device_unregister(root);
}

/* ---- children ---- */

/* The next child after @prev, whose reference is dropped, older or younger than number *@nr. */
static struct device *next_child(struct device *parent, struct device *prev, uint64_t *nr,
				 bool reverse)
{
	struct roster *children = &parent->p->children;
	struct roster_entry *pos = prev ? &prev->p->on_parent : NULL;
	struct device *dev = NULL;

	pthread_mutex_lock(&children_lock);
	while (!dev) {
		pos = reverse ? roster_before(children, pos, *nr)
			      : roster_after(children, pos, *nr);
		if (!pos)
			break;
		*nr = pos->nr;
		dev = list_entry(pos, struct device_private, on_parent)->device;
		dev = device_is_visible(dev) ? get_device(dev) : NULL;
	}
	pthread_mutex_unlock(&children_lock);
	put_device(prev);
	return dev;
}

int device_for_each_child(struct device *parent, void *data,
			  int (*fn)(struct device *dev, void *data))
{
	struct device *dev = NULL;
	uint64_t nr = 0, last;
	int ret = 0;

	pthread_mutex_lock(&children_lock);
	last = parent->p->children.last;
	pthread_mutex_unlock(&children_lock);
	while (!ret && (dev = next_child(parent, dev, &nr, false)) && nr <= last)
		ret = fn(dev, data);
	put_device(dev);
	return ret;
}

int device_for_each_child_reverse(struct device *parent, void *data,
				  int (*fn)(struct device *dev, void *data))
{
	struct device *dev = NULL;
	uint64_t nr = UINT64_MAX;
	int ret = 0;

	while (!ret && (dev = next_child(parent, dev, &nr, true)))
		ret = fn(dev, data);
	put_device(dev);
	return ret;
}
