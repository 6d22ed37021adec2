/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Drivers. Behaviour: Linux 6.1 drivers/base/{driver,bus,module}.c. */
#include <errno.h>
#include <string.h>

#include "model/alloc.h"
#include "model/base.h"

/* Drivers whose bus is not registered yet, in order of arrival. Under registry_lock. */
static LIST_HEAD(waiting_drivers);
/*
 * Signalled when a driver's uses or tries drop to 0, when its explicit_bind_only is set to 0, and
 * when it stops COMPLETING. With registry_lock.
 */
static pthread_cond_t driver_changed = PTHREAD_COND_INITIALIZER;

static struct driver_private *to_driver_private(struct kobject *kobj)
{
	return container_of(kobj, struct driver_private, kobj);
}

/* ---- uses ---- */

bool driver_use(struct driver_private *dp)
{
	bool live;

	pthread_mutex_lock(&registry_lock);
	live = dp->state == DRIVER_LIVE;
	if (live) {
		dp->users++;
		kobject_get(&dp->kobj);
	}
	pthread_mutex_unlock(&registry_lock);
	return live;
}

struct driver_private *driver_use_registered(struct device_driver *drv)
{
	struct driver_private *dp;

	pthread_mutex_lock(&registry_lock);
	dp = drv->p;
	if (dp && dp->state == DRIVER_LIVE) {
		dp->users++;
		kobject_get(&dp->kobj);
	} else {
		dp = NULL;
	}
	pthread_mutex_unlock(&registry_lock);
	return dp;
}

void driver_unuse(struct driver_private *dp)
{
	pthread_mutex_lock(&registry_lock);
	if (!--dp->users)
		pthread_cond_broadcast(&driver_changed);
	pthread_mutex_unlock(&registry_lock);
	kobject_put(&dp->kobj);
}

bool driver_choose(struct driver_private *dp)
{
	bool may;

	pthread_mutex_lock(&registry_lock);
	may = !__atomic_load_n(&dp->driver->explicit_bind_only, __ATOMIC_RELAXED);
	dp->tries += may;
	pthread_mutex_unlock(&registry_lock);
	return may;
}

void driver_chosen_done(struct driver_private *dp)
{
	pthread_mutex_lock(&registry_lock);
	if (!--dp->tries)
		pthread_cond_broadcast(&driver_changed);
	pthread_mutex_unlock(&registry_lock);
}

/*
 * When it returns nobody acts on the old value any more. Who finds that another one has set it back
 * meanwhile need not wait: what happens then is that one's will.
 */
static void driver_set_explicit(struct driver_private *dp, bool val)
{
	bool *only = &dp->driver->explicit_bind_only;

	pthread_mutex_lock(&registry_lock);
	__atomic_store_n(only, val, __ATOMIC_RELAXED);
	if (!val)
		pthread_cond_broadcast(&driver_changed);
	while (__atomic_load_n(only, __ATOMIC_RELAXED) && dp->tries)
		pthread_cond_wait(&driver_changed, &registry_lock);
	pthread_mutex_unlock(&registry_lock);
}

struct device_driver *driver_find(const char *name, struct bus_type *bus)
{
	struct bus_private *bp = bus_get_private(bus);
	struct device_driver *drv = NULL;
	struct roster_entry *entry;

	if (!bp)
		return NULL;
	pthread_mutex_lock(&bp->lock);
	list_for_each_entry (entry, &bp->drivers.entries, list) {
		drv = list_entry(entry, struct driver_private, on_bus)->driver;
		if (!strcmp(drv->name, name))
			break;
		drv = NULL;
	}
	pthread_mutex_unlock(&bp->lock);
	bus_put_private(bp);
	return drv;
}

/* The next device bound to @dp after @prev, whose reference is dropped; NULL at the end. */
static struct device *driver_next_device(struct driver_private *dp, struct device *prev,
					 uint64_t *nr, uint64_t last)
{
	struct roster_entry *pos = prev ? &prev->p->on_driver : NULL;
	struct device *dev = NULL;

	pthread_mutex_lock(&dp->bus->lock);
	pos = roster_after(&dp->devices, pos, *nr);
	if (pos && pos->nr <= last) {
		*nr = pos->nr;
		dev = get_device(list_entry(pos, struct device_private, on_driver)->device);
	}
	pthread_mutex_unlock(&dp->bus->lock);
	put_device(prev);
	return dev;
}

int driver_for_each_device(struct device_driver *drv, void *data,
			   int (*fn)(struct device *dev, void *data))
{
	struct driver_private *dp = driver_use_registered(drv);
	struct device *dev = NULL;
	uint64_t nr = 0, last;
	int ret = 0;

	if (!dp)
		return -EINVAL;
	pthread_mutex_lock(&dp->bus->lock);
	last = dp->devices.last;
	pthread_mutex_unlock(&dp->bus->lock);
	while (!ret && (dev = driver_next_device(dp, dev, &nr, last)))
		ret = fn(dev, data);
	put_device(dev);
	driver_unuse(dp);
	return ret;
}

/* ---- attributes of a driver ---- */

static ssize_t uevent_store(struct device_driver *drv, const char *buf, size_t count)
{
	int err = kobject_synth_uevent(&drv->p->kobj, buf, count);

	return err ? err : (ssize_t)count;
}
static DRIVER_ATTR_WO(uevent);

static ssize_t bind_store(struct device_driver *drv, const char *buf, size_t count)
{
	struct device *dev = bus_find_device(drv->p->bus, buf);
	int err;

	if (!dev)
		return -ENODEV;
	err = driver_bind_told(drv->p, dev);
	put_device(dev);
	return err ? err : (ssize_t)count;
}
static DRIVER_ATTR_WO(bind);

static ssize_t unbind_store(struct device_driver *drv, const char *buf, size_t count)
{
	struct device *dev = bus_find_device(drv->p->bus, buf);
	int err;

	if (!dev)
		return -ENODEV;
	err = driver_unbind(drv->p, dev);
	put_device(dev);
	return err ? err : (ssize_t)count;
}
static DRIVER_ATTR_WO(unbind);

static ssize_t explicit_bind_only_show(struct device_driver *drv, char *buf)
{
	return sysfs_emit(buf, "%d\n", __atomic_load_n(&drv->explicit_bind_only, __ATOMIC_RELAXED));
}

static ssize_t explicit_bind_only_store(struct device_driver *drv, const char *buf, size_t count)
{
	bool val;
	int err = kstrtobool(buf, &val);

	if (err)
		return err;
	driver_set_explicit(drv->p, val);
	return count;
}
static DRIVER_ATTR_RW(explicit_bind_only);

static struct attribute *driver_attrs[] = {
	&driver_attr_uevent.attr,
	&driver_attr_unbind.attr,
	&driver_attr_bind.attr,
	&driver_attr_explicit_bind_only.attr,
	NULL,
};

static mode_t driver_attr_is_visible(struct kobject *kobj, struct attribute *attr, int n)
{
	struct device_driver *drv = to_driver_private(kobj)->driver;

	if (attr == &driver_attr_bind.attr || attr == &driver_attr_unbind.attr)
		return drv->suppress_bind_attrs ? 0 : attr->mode;
	return attr->mode;
}

static const struct attribute_group driver_group = {
	.attrs = driver_attrs,
	.is_visible = driver_attr_is_visible,
};

static const struct attribute_group *driver_groups[] = { &driver_group, NULL };

static ssize_t driver_attr_show(struct kobject *kobj, struct attribute *attr, char *buf)
{
	struct driver_attribute *dattr = container_of(attr, struct driver_attribute, attr);

	return dattr->show ? dattr->show(to_driver_private(kobj)->driver, buf) : -EIO;
}

static ssize_t driver_attr_store(struct kobject *kobj, struct attribute *attr, const char *buf,
				 size_t count)
{
	struct driver_attribute *dattr = container_of(attr, struct driver_attribute, attr);

	return dattr->store ? dattr->store(to_driver_private(kobj)->driver, buf, count) : -EIO;
}

static const struct sysfs_ops driver_sysfs_ops = {
	.show = driver_attr_show,
	.store = driver_attr_store,
};

static void driver_release(struct kobject *kobj)
{
	struct driver_private *dp = to_driver_private(kobj);

	bus_put_private(dp->bus);
	free(dp);
}

static const struct kobj_type driver_ktype = {
	.release = driver_release,
	.sysfs_ops = &driver_sysfs_ops,
	.default_groups = driver_groups,
};

static const char *driver_uevent_name(struct kobject *kobj)
{
	return "drivers";
}

static const struct kset_uevent_ops driver_uevent_ops = {
	.name = driver_uevent_name,
};

/* ---- links between a driver and its module ---- */

__attribute__((weak)) struct kobject *module_kobject(struct module *mod)
{
	return NULL;
}

__attribute__((weak)) struct kobject *module_drivers_dir(struct module *mod)
{
	return NULL;
}

static int module_add_driver(struct driver_private *dp)
{
	struct module *owner = dp->driver->owner;
	struct kobject *mkobj = owner ? module_kobject(owner) : NULL;
	struct kobject *dir;
	int err = -ENOMEM;

	if (!mkobj)
		return 0;
	/* The module's other drivers will use it too, so it can't wait for this one's commit. */
	publish_suspend();
	dir = module_drivers_dir(owner);
	publish_resume();
	if (!dir)
		return err;
	dp->module_link = asprintf_f("%s:%s", dp->driver->bus->name, dp->driver->name);
	if (!dp->module_link)
		return err;
	err = sysfs_create_link(dir, &dp->kobj, dp->module_link);
	if (err)
		goto free_name;
	err = sysfs_create_link(&dp->kobj, mkobj, "module");
	if (err)
		goto remove_link;
	return 0;

remove_link:
	sysfs_remove_link(dir, dp->module_link);
free_name:
	free(dp->module_link);
	dp->module_link = NULL;
	return err;
}

static void module_remove_driver(struct driver_private *dp)
{
	if (!dp->module_link)
		return;
	sysfs_remove_link(&dp->kobj, "module");
	sysfs_remove_link(module_drivers_dir(dp->driver->owner), dp->module_link);
	free(dp->module_link);
	dp->module_link = NULL;
}

/* ---- registration ---- */

static void driver_set_state(struct driver_private *dp, enum driver_state state)
{
	pthread_mutex_lock(&registry_lock);
	dp->state = state;
	pthread_cond_broadcast(&driver_changed);
	pthread_mutex_unlock(&registry_lock);
}

/* Its directory with all that is in it. Its event comes later: first what it binds, then itself. */
static int driver_show(struct driver_private *dp)
{
	struct device_driver *drv = dp->driver;
	int err;

	publish_begin();
	err = kobject_add(&dp->kobj, dp->bus->drivers_dir, "%s", drv->name);
	if (err)
		goto abort;
	err = sysfs_create_groups(&dp->kobj, drv->bus->drv_groups);
	if (err)
		goto del;
	err = sysfs_create_groups(&dp->kobj, drv->groups);
	if (err)
		goto remove_drv_groups;
	err = module_add_driver(dp);
	if (err)
		goto remove_groups;
	driver_set_state(dp, DRIVER_LIVE);
	publish_commit();
	return 0;

remove_groups:
	sysfs_remove_groups(&dp->kobj, drv->groups);
remove_drv_groups:
	sysfs_remove_groups(&dp->kobj, drv->bus->drv_groups);
del:
	kobject_del(&dp->kobj);
abort:
	publish_abort();
	return err;
}

/* Bring a driver up whose bus is there: show it, bind it, announce it. */
static int driver_complete(struct driver_private *dp)
{
	struct bus_private *bp = dp->bus;
	int err;

	err = driver_show(dp);
	if (err)
		return err;
	/* It may be unregistered by another thread from now on; that one waits for this use. */
	if (!driver_use(dp))
		return 0;
	pthread_mutex_lock(&bp->lock);
	roster_join(&bp->drivers, &dp->on_bus);
	pthread_mutex_unlock(&bp->lock);

	if (__atomic_load_n(&bp->autoprobe, __ATOMIC_RELAXED))
		driver_offer(dp);
	if (kobject_uevent(&dp->kobj, KOBJ_ADD))
		pr_err("driver '%s': no memory for its event", dp->driver->name);
	deferred_trigger();
	driver_unuse(dp);
	return 0;
}

/* It could not be completed: as if its bus had not come. */
static void driver_wait_again(struct driver_private *dp)
{
	struct bus_private *bp = dp->bus;

	pr_err("driver '%s' can't be completed on bus '%s'", dp->driver->name, bp->bus->name);
	pthread_mutex_lock(&registry_lock);
	dp->bus = NULL;
	dp->state = DRIVER_WAITING;
	list_add_tail(&dp->waiting, &waiting_drivers);
	pthread_cond_broadcast(&driver_changed);
	pthread_mutex_unlock(&registry_lock);
	bus_put_private(bp);
}

void driver_complete_waiting(struct bus_private *bp)
{
	struct driver_private *dp, *next;
	LIST_HEAD(completing);

	pthread_mutex_lock(&registry_lock);
	list_for_each_entry_safe (dp, next, &waiting_drivers, waiting) {
		if (dp->driver->bus != bp->bus)
			continue;
		list_del_init(&dp->waiting);
		list_add_tail(&dp->waiting, &completing);
		dp->state = DRIVER_COMPLETING;
		dp->bus = bp;
		kobject_get(&bp->kobj);
		kobject_get(&dp->kobj);
	}
	while (!list_empty(&completing)) {
		dp = list_first_entry(&completing, struct driver_private, waiting);
		list_del_init(&dp->waiting);
		pthread_mutex_unlock(&registry_lock);
		if (driver_complete(dp))
			driver_wait_again(dp);
		kobject_put(&dp->kobj);
		pthread_mutex_lock(&registry_lock);
	}
	pthread_mutex_unlock(&registry_lock);
}

static struct driver_private *driver_alloc(struct device_driver *drv)
{
	struct driver_private *dp = zalloc(sizeof(*dp));

	if (!dp)
		return NULL;
	kobject_init(&dp->kobj, &driver_ktype);
	dp->kobj.uevent_ops = &driver_uevent_ops;
	dp->driver = drv;
	dp->state = DRIVER_COMPLETING;
	INIT_LIST_HEAD(&dp->waiting);
	roster_entry_init(&dp->on_bus);
	roster_init(&dp->devices);
	return dp;
}

/* Enter @drv: find its bus, or have it wait for that. */
static int driver_enter(struct device_driver *drv, struct driver_private *dp)
{
	struct driver_private *other;
	struct bus_private *bp;
	int err = 0;

	pthread_mutex_lock(&registry_lock);
	if (drv->p) {
		err = -EBUSY;
		goto unlock;
	}
	bp = drv->bus->p;
	if (bp && bp->open) {
		dp->bus = bp;
		kobject_get(&bp->kobj);
	} else {
		list_for_each_entry (other, &waiting_drivers, waiting)
			if (other->driver->bus == drv->bus &&
			    !strcmp(other->driver->name, drv->name))
				err = -EBUSY;
		if (err)
			goto unlock;
		dp->state = DRIVER_WAITING;
		list_add_tail(&dp->waiting, &waiting_drivers);
	}
	drv->p = dp;
unlock:
	pthread_mutex_unlock(&registry_lock);
	return err;
}

/* Forget @drv and drop the registration's reference. */
static void driver_leave(struct device_driver *drv, struct driver_private *dp)
{
	pthread_mutex_lock(&registry_lock);
	drv->p = NULL;
	pthread_mutex_unlock(&registry_lock);
	kobject_put(&dp->kobj);
}

int driver_register(struct device_driver *drv)
{
	struct driver_private *dp;
	bool waits;
	int err;

	if (!drv || !drv->bus || !drv->name || !*drv->name)
		return -EINVAL;
	err = model_init();
	if (err)
		return err;
	dp = driver_alloc(drv);
	if (!dp)
		return -ENOMEM;
	err = driver_enter(drv, dp);
	if (err)
		goto put;
	waits = !dp->bus;
	if (waits)
		return 0;
	err = driver_complete(dp);
	if (err)
		driver_leave(drv, dp);
	return err == -EEXIST ? -EBUSY : err;

put:
	kobject_put(&dp->kobj);
	return err;
}

/* From LIVE to GOING: nobody begins to use it any more. False if it was never completed. */
static bool driver_begin_leaving(struct device_driver *drv, struct driver_private *dp)
{
	bool live;

	pthread_mutex_lock(&registry_lock);
	while (dp->state == DRIVER_COMPLETING)
		pthread_cond_wait(&driver_changed, &registry_lock);
	live = dp->state == DRIVER_LIVE;
	dp->state = DRIVER_GOING;
	list_del_init(&dp->waiting);
	pthread_mutex_unlock(&registry_lock);
	return live;
}

static void driver_wait_unused(struct driver_private *dp)
{
	pthread_mutex_lock(&registry_lock);
	while (dp->users)
		pthread_cond_wait(&driver_changed, &registry_lock);
	pthread_mutex_unlock(&registry_lock);
}

void driver_unregister(struct device_driver *drv)
{
	struct driver_private *dp = drv->p;

	if (!dp) {
		pr_err("driver '%s' is unregistered, but it is not registered", drv->name);
		return;
	}
	if (driver_begin_leaving(drv, dp)) {
		sysfs_remove_groups(&dp->kobj, drv->groups);
		sysfs_remove_groups(&dp->kobj, driver_groups);
		sysfs_remove_groups(&dp->kobj, drv->bus->drv_groups);
		driver_wait_unused(dp);
		pthread_mutex_lock(&dp->bus->lock);
		roster_leave(&dp->on_bus);
		pthread_mutex_unlock(&dp->bus->lock);
		driver_detach(dp);
		module_remove_driver(dp);
		kobject_del(&dp->kobj);
	}
	driver_leave(drv, dp);
}
