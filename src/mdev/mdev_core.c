/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mediated devices: creation and removal.
 * Behaviour: Linux 6.1 drivers/vfio/mdev/mdev_core.c, and where it differs seed 003: a device is
 * published when its driver is bound and its links are there, and the way out mirrors the way in.
 */
#include <errno.h>
#include <uuid/uuid.h>

#include "model/alloc.h"
#include <umdev/publish.h>
#include "mdev/mdev_private.h"

struct class_compat *mdev_bus_class;

static ssize_t remove_store(struct device *dev, struct device_attribute *attr, const char *buf,
			    size_t count)
{
	unsigned long yes;
	int err = 0;

	if (kstrtoul(buf, 0, &yes))
		return -EINVAL;
	if (!yes)
		return count;

	/* Who loses this race finds the device on its way out, which is all that was asked for. */
	get_device(dev);
	if (device_remove_file_self(dev, attr))
		err = mdev_device_remove(to_mdev_device(dev));
	put_device(dev);
	return err ? err : (ssize_t)count;
}
static DEVICE_ATTR_WO(remove);

static struct attribute *mdev_attrs[] = { &dev_attr_remove.attr, NULL };
ATTRIBUTE_GROUPS(mdev);

static void mdev_release(struct device *dev)
{
	struct mdev_device_private *priv = to_mdev_device(dev)->p;

	mdev_parent_put(priv->parent);
	free(priv);
}

/* A device with one reference that nobody else knows. Return: NULL without memory. */
static struct mdev_device *mdev_alloc(struct mdev_type *type, const uint8_t uuid[16])
{
	struct mdev_device_private *priv = zalloc(sizeof(*priv));
	struct mdev_device *mdev;
	char name[UUID_STR_LEN];
	int err;

	if (!priv)
		return NULL;
	priv->parent = mdev_parent_get(type->parent->p);
	priv->state = MDEV_CREATING;
	INIT_LIST_HEAD(&priv->list);

	mdev = &priv->mdev;
	mdev->p = priv;
	mdev->type = type;
	memcpy(mdev->uuid, uuid, sizeof(mdev->uuid));
	mdev->dev.parent = type->parent->dev;
	mdev->dev.bus = &mdev_bus_type;
	mdev->dev.groups = mdev_groups;
	mdev->dev.release = mdev_release;
	mdev->dev.explicit_bind_only = true;

	err = device_initialize(&mdev->dev);
	if (!err) {
		uuid_unparse_lower(uuid, name);
		err = dev_set_name(&mdev->dev, "%s", name);
	}
	if (err) {
		put_device(&mdev->dev);
		return NULL;
	}
	return mdev;
}

/* From here on others may remove it. */
static void mdev_go_live(struct mdev_device *mdev)
{
	struct mdev_parent_private *p = mdev->p->parent;

	pthread_mutex_lock(&p->lock);
	list_add_tail(&mdev->p->list, &p->devices);
	mdev->p->state = MDEV_LIVE;
	pthread_cond_broadcast(&p->idle);
	pthread_mutex_unlock(&p->lock);
}

/* Bring it up and show it: all of it or nothing. */
static int mdev_add(struct mdev_device *mdev)
{
	struct mdev_type *type = mdev->type;
	int err;

	publish_begin();
	err = device_add(&mdev->dev);
	if (err)
		goto abort;
	err = device_driver_attach(&type->parent->mdev_driver->driver, &mdev->dev);
	if (err)
		goto del;
	err = mdev_type_add_device(type, mdev);
	if (err)
		goto del;
	publish_commit();
	return 0;

del:
	device_del(&mdev->dev);
abort:
	publish_abort();
	return err;
}

/*
 * Users first: as long as one has not let go the device stays on its bus, whole, and anybody can
 * see who that is. Then it leaves, and then the vendor takes its part down.
 */
static void mdev_del(struct mdev_device *mdev)
{
	mdev_quiesce(mdev);
	mdev_type_remove_device(mdev->type, mdev);
	device_del(&mdev->dev);
}

int mdev_device_create(struct mdev_type *type, const uint8_t uuid[16])
{
	struct mdev_parent_private *p;
	struct mdev_device *mdev;
	int err;

	/* Its parent may still wait for this core. */
	if (!type->parent || !type->parent->p)
		return -ENODEV;
	p = type->parent->p;
	err = mdev_parent_enter(p);
	if (err)
		return err;
	mdev = mdev_alloc(type, uuid);
	if (!mdev) {
		err = -ENOMEM;
		goto leave;
	}
	err = mdev_uuid_reserve(mdev);
	if (err)
		goto put;
	err = mdev_parent_take_instance(p);
	if (err)
		goto release_uuid;
	err = mdev_add(mdev);
	if (err)
		goto give_instance;
	mdev_go_live(mdev);
	mdev_parent_leave(p);
	return 0;

give_instance:
	mdev_parent_give_instance(p);
release_uuid:
	mdev_uuid_release(mdev);
put:
	put_device(&mdev->dev);
leave:
	mdev_parent_leave(p);
	return err;
}

bool mdev_may_bind(struct mdev_device *mdev, const struct mdev_driver *drv)
{
	struct mdev_parent_private *p = mdev->p->parent;
	bool may;

	pthread_mutex_lock(&p->lock);
	/* What the vendor owns, its parent, is there as long as it is open. */
	may = mdev->p->state == MDEV_LIVE && p->open && mdev->type->parent->mdev_driver == drv;
	pthread_mutex_unlock(&p->lock);
	return may;
}

void mdev_remove_live(struct mdev_device *mdev)
{
	struct mdev_parent_private *p = mdev->p->parent;

	mdev_del(mdev);
	pthread_mutex_lock(&p->lock);
	list_del_init(&mdev->p->list);
	pthread_mutex_unlock(&p->lock);
	mdev_parent_give_instance(p);
	mdev_uuid_release(mdev);
	put_device(&mdev->dev);
}

int mdev_device_remove(struct mdev_device *mdev)
{
	struct mdev_parent_private *p = mdev->p->parent;
	bool mine;

	pthread_mutex_lock(&p->lock);
	/* It was published a moment ago and its creator is about to say so. */
	while (mdev->p->state == MDEV_CREATING)
		pthread_cond_wait(&p->idle, &p->lock);
	mine = mdev->p->state == MDEV_LIVE && p->open;
	if (mine) {
		mdev->p->state = MDEV_REMOVING;
		p->running++;
	}
	pthread_mutex_unlock(&p->lock);
	if (!mine)
		return -ENODEV;

	/* Keeps p when the last reference to the device goes. */
	mdev_parent_get(p);
	mdev_remove_live(mdev);
	mdev_parent_leave(p);
	mdev_parent_put(p);
	return 0;
}

static int mdev_init(void)
{
	int err;

	err = bus_register(&mdev_bus_type);
	if (err)
		return err;
	mdev_bus_class = class_compat_register("mdev_bus");
	if (!mdev_bus_class) {
		bus_unregister(&mdev_bus_type);
		return -ENOMEM;
	}
	mdev_parents_rise();
	return 0;
}

static void mdev_exit(void)
{
	mdev_parents_wait();
	class_compat_unregister(mdev_bus_class);
	mdev_bus_class = NULL;
	bus_unregister(&mdev_bus_type);
}

subsys_initcall(mdev_init);
module_exit(mdev_exit);
