/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Parents: the devices that mediated devices are made on.
 * Behaviour: Linux 6.1 drivers/vfio/mdev/{mdev_core,mdev_sysfs}.c.
 */
#include <errno.h>

#include "model/alloc.h"
#include <umdev/publish.h>
#include "mdev/mdev_private.h"

/* Parents that were registered before the core was there, in the order in which they came. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t risen; /* one has left MDEV_PARENT_RISING */
	bool core_is_up;
	struct list_head waiting;
} registry = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.risen = PTHREAD_COND_INITIALIZER,
	.waiting = LIST_HEAD_INIT(registry.waiting),
};

/* ---- who works on a parent ---- */

struct mdev_parent_private *mdev_parent_get(struct mdev_parent_private *p)
{
	__atomic_add_fetch(&p->refs, 1, __ATOMIC_RELAXED);
	return p;
}

void mdev_parent_put(struct mdev_parent_private *p)
{
	if (__atomic_sub_fetch(&p->refs, 1, __ATOMIC_ACQ_REL))
		return;
	pthread_cond_destroy(&p->idle);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

int mdev_parent_enter(struct mdev_parent_private *p)
{
	int err = 0;

	pthread_mutex_lock(&p->lock);
	if (p->open)
		p->running++;
	else
		err = -ENODEV;
	pthread_mutex_unlock(&p->lock);
	return err;
}

void mdev_parent_leave(struct mdev_parent_private *p)
{
	pthread_mutex_lock(&p->lock);
	if (!--p->running)
		pthread_cond_broadcast(&p->idle);
	pthread_mutex_unlock(&p->lock);
}

int mdev_parent_take_instance(struct mdev_parent_private *p)
{
	int err = 0;

	if (p->owner->mdev_driver->get_available)
		return 0;
	pthread_mutex_lock(&p->lock);
	if (p->available)
		p->available--;
	else
		err = -EUSERS;
	pthread_mutex_unlock(&p->lock);
	return err;
}

void mdev_parent_give_instance(struct mdev_parent_private *p)
{
	if (p->owner->mdev_driver->get_available)
		return;
	pthread_mutex_lock(&p->lock);
	p->available++;
	pthread_mutex_unlock(&p->lock);
}

unsigned int mdev_parent_available(struct mdev_parent_private *p)
{
	unsigned int n;

	pthread_mutex_lock(&p->lock);
	n = p->available;
	pthread_mutex_unlock(&p->lock);
	return n;
}

void mdev_parent_kobj_added(struct mdev_parent_private *p)
{
	pthread_mutex_lock(&p->lock);
	p->kobjs++;
	pthread_mutex_unlock(&p->lock);
}

void mdev_parent_kobj_released(struct mdev_parent_private *p)
{
	pthread_mutex_lock(&p->lock);
	if (!--p->kobjs)
		pthread_cond_broadcast(&p->idle);
	pthread_mutex_unlock(&p->lock);
}

/* After this the driver's storage is its own again. */
static void wait_for_kobjs(struct mdev_parent_private *p)
{
	pthread_mutex_lock(&p->lock);
	while (p->kobjs)
		pthread_cond_wait(&p->idle, &p->lock);
	pthread_mutex_unlock(&p->lock);
}

/* ---- what the outside sees of a parent ---- */

static void types_release(struct kobject *kobj)
{
	mdev_parent_put(container_of(kobj, struct mdev_parent_private, types_kobj));
}

static const struct kobj_type types_ktype = {
	.release = types_release,
};

static int send_state(struct mdev_parent *parent, char *state)
{
	char *envp[] = { state, NULL };

	return kobject_uevent_env(&parent->dev->kobj, KOBJ_CHANGE, envp);
}

static void open_parent(struct mdev_parent_private *p)
{
	pthread_mutex_lock(&p->lock);
	p->open = true;
	pthread_mutex_unlock(&p->lock);
}

/* Let nobody in any more, and wait for those who are. */
static void close_parent(struct mdev_parent_private *p)
{
	pthread_mutex_lock(&p->lock);
	p->open = false;
	while (p->running)
		pthread_cond_wait(&p->idle, &p->lock);
	pthread_mutex_unlock(&p->lock);
}

static int add_types(struct mdev_parent_private *p)
{
	struct mdev_parent *parent = p->owner;
	unsigned int i;
	int err;

	memset(&p->types_kobj, 0, sizeof(p->types_kobj));
	mdev_parent_get(p);
	kobject_init(&p->types_kobj, &types_ktype);
	err = kobject_add(&p->types_kobj, &parent->dev->kobj, "mdev_supported_types");
	if (err)
		goto put;
	for (i = 0; i < parent->nr_types; i++) {
		err = mdev_type_add(p, parent->types[i]);
		if (err)
			goto remove;
	}
	return 0;

remove:
	while (i--)
		mdev_type_remove(parent->types[i]);
	kobject_del(&p->types_kobj);
put:
	kobject_put(&p->types_kobj);
	wait_for_kobjs(p);
	return err;
}

static void remove_types(struct mdev_parent_private *p)
{
	unsigned int i = p->owner->nr_types;

	while (i--)
		mdev_type_remove(p->owner->types[i]);
	kobject_del(&p->types_kobj);
	kobject_put(&p->types_kobj);
	wait_for_kobjs(p);
}

static char state_registered[] = "MDEV_STATE=registered";
static char state_unregistered[] = "MDEV_STATE=unregistered";

static int show_parent(struct mdev_parent_private *p)
{
	struct mdev_parent *parent = p->owner;
	int err;

	publish_begin();
	err = add_types(p);
	if (err)
		goto abort;
	err = class_compat_create_link(mdev_bus_class, parent->dev);
	if (err)
		goto remove;
	err = send_state(parent, state_registered);
	if (err)
		goto unlink;
	open_parent(p);
	publish_commit();
	dev_info(parent->dev, "mediated devices: %u types", parent->nr_types);
	return 0;

unlink:
	class_compat_remove_link(mdev_bus_class, parent->dev);
remove:
	remove_types(p);
abort:
	publish_abort();
	return err;
}

static void hide_parent(struct mdev_parent_private *p)
{
	struct mdev_device_private *priv;
	struct mdev_parent *parent = p->owner;

	close_parent(p);
	class_compat_remove_link(mdev_bus_class, parent->dev);
	/* Nobody else is at work on this parent now, so its list is this thread's. */
	while (!list_empty(&p->devices)) {
		priv = list_first_entry(&p->devices, struct mdev_device_private, list);
		mdev_remove_live(&priv->mdev);
	}
	remove_types(p);
	if (send_state(parent, state_unregistered))
		dev_err(parent->dev, "nobody is told that mediated devices are gone: no memory");
}

/* ---- registering ---- */

static bool is_valid(const struct mdev_parent *parent, const struct device *dev,
		     const struct mdev_driver *drv, struct mdev_type *const *types,
		     unsigned int nr_types)
{
	unsigned int i;

	if (!parent || !dev || !mdev_driver_is_complete(drv) || (nr_types && !types))
		return false;
	for (i = 0; i < nr_types; i++)
		if (!types[i] || !types[i]->sysfs_name || !types[i]->sysfs_name[0])
			return false;
	return true;
}

static struct mdev_parent_private *parent_alloc(struct mdev_parent *parent)
{
	struct mdev_parent_private *p = zalloc(sizeof(*p));

	if (!p)
		return NULL;
	p->refs = 1;
	p->owner = parent;
	INIT_LIST_HEAD(&p->waiting);
	INIT_LIST_HEAD(&p->devices);
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->idle, NULL);
	p->available = parent->mdev_driver->max_instances;
	return p;
}

/* Put @p aside until the core is there. Return: 1, 0 if it is there, -EEXIST. */
static int wait_for_core(struct mdev_parent_private *p)
{
	struct mdev_parent_private *other;
	int ret = 1;

	pthread_mutex_lock(&registry.lock);
	if (registry.core_is_up) {
		p->state = MDEV_PARENT_SHOWN;
		ret = 0;
		goto unlock;
	}
	list_for_each_entry (other, &registry.waiting, waiting) {
		if (other->owner->dev == p->owner->dev) {
			ret = -EEXIST;
			goto unlock;
		}
	}
	p->state = MDEV_PARENT_WAITING;
	list_add_tail(&p->waiting, &registry.waiting);
unlock:
	pthread_mutex_unlock(&registry.lock);
	return ret;
}

int mdev_register_parent(struct mdev_parent *parent, struct device *dev, struct mdev_driver *drv,
			 struct mdev_type **types, unsigned int nr_types)
{
	int ret;

	if (!is_valid(parent, dev, drv, types, nr_types))
		return -EINVAL;
	parent->dev = dev;
	parent->mdev_driver = drv;
	parent->types = types;
	parent->nr_types = nr_types;
	parent->p = parent_alloc(parent);
	if (!parent->p)
		return -ENOMEM;
	get_device(dev);

	ret = wait_for_core(parent->p);
	if (!ret)
		ret = show_parent(parent->p);
	else if (ret > 0)
		ret = 0;
	if (ret)
		goto put;
	return 0;

put:
	put_device(dev);
	mdev_parent_put(parent->p);
	parent->p = NULL;
	return ret;
}

void mdev_unregister_parent(struct mdev_parent *parent)
{
	struct mdev_parent_private *p = parent->p;
	enum mdev_parent_state state;

	pthread_mutex_lock(&registry.lock);
	while (p->state == MDEV_PARENT_RISING)
		pthread_cond_wait(&registry.risen, &registry.lock);
	state = p->state;
	list_del_init(&p->waiting);
	pthread_mutex_unlock(&registry.lock);

	if (state == MDEV_PARENT_SHOWN)
		hide_parent(p);
	put_device(parent->dev);
	parent->p = NULL;
	mdev_parent_put(p);
}

void mdev_parents_rise(void)
{
	struct mdev_parent_private *p;
	int err;

	pthread_mutex_lock(&registry.lock);
	registry.core_is_up = true;
	while (!list_empty(&registry.waiting)) {
		p = list_first_entry(&registry.waiting, struct mdev_parent_private, waiting);
		list_del_init(&p->waiting);
		p->state = MDEV_PARENT_RISING;
		pthread_mutex_unlock(&registry.lock);

		err = show_parent(p);
		if (err)
			dev_err(p->owner->dev, "no mediated devices can be made here: %s",
				strerror(-err));

		pthread_mutex_lock(&registry.lock);
		p->state = err ? MDEV_PARENT_FAILED : MDEV_PARENT_SHOWN;
		pthread_cond_broadcast(&registry.risen);
	}
	pthread_mutex_unlock(&registry.lock);
}

void mdev_parents_wait(void)
{
	pthread_mutex_lock(&registry.lock);
	registry.core_is_up = false;
	pthread_mutex_unlock(&registry.lock);
}
