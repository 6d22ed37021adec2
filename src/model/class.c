/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Classes. Behaviour: Linux 6.1 drivers/base/{class,core}.c. */
#include <errno.h>
#include <stdlib.h>

#include "model/alloc.h"
#include "model/base.h"

/**
 * struct class_glue - the directory CLASS in a parent, for devices of that class below it
 * @kobj:   the directory
 * @parent: what it is in; it lives as long as @kobj
 * @users:  devices in it; under class_private.lock, as @tree
 */
struct class_glue {
	struct kobject kobj;
	struct kobject *parent;
	unsigned int users;
	RB_ENTRY(class_glue) tree;
};

static int glue_parent_cmp(struct class_glue *a, struct class_glue *b)
{
	uintptr_t pa = (uintptr_t)a->parent, pb = (uintptr_t)b->parent;

	return (pa > pb) - (pa < pb);
}

RB_GENERATE(glue_tree, class_glue, tree, glue_parent_cmp)

static struct class_private *to_class_private(struct kobject *kobj)
{
	return container_of(kobj, struct class_private, kobj);
}

struct class_private *class_get_private(struct class *class)
{
	struct class_private *cp;

	pthread_mutex_lock(&registry_lock);
	cp = class->p;
	if (cp)
		kobject_get(&cp->kobj);
	pthread_mutex_unlock(&registry_lock);
	return cp;
}

void class_put_private(struct class_private *cp)
{
	if (cp)
		kobject_put(&cp->kobj);
}

/* ---- directories below parents ---- */

static void glue_release(struct kobject *kobj)
{
	free(container_of(kobj, struct class_glue, kobj));
}

static const struct kobj_type glue_ktype = {
	.release = glue_release,
};

static struct class_glue *glue_find(struct class_private *cp, struct kobject *parent)
{
	struct class_glue key = { .parent = parent };

	return RB_FIND(glue_tree, &cp->glue, &key);
}

static int glue_create(struct class_private *cp, struct kobject *parent, struct class_glue **out)
{
	struct class_glue *glue = zalloc(sizeof(*glue));
	int err;

	if (!glue)
		return -ENOMEM;
	kobject_init(&glue->kobj, &glue_ktype);
	glue->parent = parent;
	/* Another thread's device may come into it before this one's is shown. */
	publish_suspend();
	err = kobject_add(&glue->kobj, parent, "%s", cp->class->name);
	publish_resume();
	if (err) {
		kobject_put(&glue->kobj);
		return err;
	}
	RB_INSERT(glue_tree, &cp->glue, glue);
	*out = glue;
	return 0;
}

int class_glue_get(struct class_private *cp, struct kobject *parent, struct class_glue **out)
{
	struct class_glue *glue;
	int err = 0;

	pthread_mutex_lock(&cp->lock);
	glue = glue_find(cp, parent);
	if (!glue)
		err = glue_create(cp, parent, &glue);
	if (!err) {
		glue->users++;
		*out = glue;
	}
	pthread_mutex_unlock(&cp->lock);
	return err;
}

void class_glue_put(struct class_private *cp, struct class_glue *glue)
{
	if (!glue)
		return;
	pthread_mutex_lock(&cp->lock);
	if (--glue->users) {
		pthread_mutex_unlock(&cp->lock);
		return;
	}
	/* Still under the lock, so that the next user does not find its name taken. */
	RB_REMOVE(glue_tree, &cp->glue, glue);
	kobject_del(&glue->kobj);
	pthread_mutex_unlock(&cp->lock);
	kobject_put(&glue->kobj);
}

struct kobject *class_glue_kobj(struct class_glue *glue)
{
	return &glue->kobj;
}

/* ---- a device's place in its class ---- */

int class_add_device(struct device *dev)
{
	struct class_private *cp = dev->p->class;
	int err;

	if (!cp)
		return 0;
	err = sysfs_create_link(&dev->kobj, &cp->kobj, "subsystem");
	if (err)
		return err;
	if (dev->parent) {
		err = sysfs_create_link(&dev->kobj, &dev->parent->kobj, "device");
		if (err)
			goto remove_subsystem;
	}
	err = sysfs_create_link(&cp->kobj, &dev->kobj, dev_name(dev));
	if (err)
		goto remove_device;
	return 0;

remove_device:
	if (dev->parent)
		sysfs_remove_link(&dev->kobj, "device");
remove_subsystem:
	sysfs_remove_link(&dev->kobj, "subsystem");
	return err;
}

void class_remove_device(struct device *dev)
{
	struct class_private *cp = dev->p->class;

	if (!cp)
		return;
	sysfs_remove_link(&cp->kobj, dev_name(dev));
	if (dev->parent)
		sysfs_remove_link(&dev->kobj, "device");
	sysfs_remove_link(&dev->kobj, "subsystem");
}

/* ---- registration ---- */

static ssize_t class_attr_show(struct kobject *kobj, struct attribute *attr, char *buf)
{
	struct class_attribute *cattr = container_of(attr, struct class_attribute, attr);

	return cattr->show ? cattr->show(to_class_private(kobj)->class, cattr, buf) : -EIO;
}

static ssize_t class_attr_store(struct kobject *kobj, struct attribute *attr, const char *buf,
				size_t count)
{
	struct class_attribute *cattr = container_of(attr, struct class_attribute, attr);

	return cattr->store ? cattr->store(to_class_private(kobj)->class, cattr, buf, count) : -EIO;
}

static const struct sysfs_ops class_sysfs_ops = {
	.show = class_attr_show,
	.store = class_attr_store,
};

static void class_release(struct kobject *kobj)
{
	struct class_private *cp = to_class_private(kobj);

	pthread_mutex_destroy(&cp->lock);
	free(cp);
}

static const struct kobj_type class_ktype = {
	.release = class_release,
	.sysfs_ops = &class_sysfs_ops,
};

static const char *class_uevent_name(struct kobject *kobj)
{
	return "class";
}

static const struct kset_uevent_ops class_uevent_ops = {
	.name = class_uevent_name,
};

static struct class_private *class_alloc(struct class *class)
{
	struct class_private *cp = zalloc(sizeof(*cp));

	if (!cp)
		return NULL;
	kobject_init(&cp->kobj, &class_ktype);
	cp->kobj.uevent_ops = &class_uevent_ops;
	cp->class = class;
	pthread_mutex_init(&cp->lock, NULL);
	RB_INIT(&cp->glue);
	return cp;
}

static int class_show(struct class_private *cp)
{
	int err;

	publish_begin();
	err = kobject_add(&cp->kobj, model_roots.class, "%s", cp->class->name);
	if (err)
		goto abort;
	err = sysfs_create_groups(&cp->kobj, cp->class->class_groups);
	if (err)
		goto del;
	err = kobject_uevent(&cp->kobj, KOBJ_ADD);
	if (err)
		goto remove_groups;
	publish_commit();
	return 0;

remove_groups:
	sysfs_remove_groups(&cp->kobj, cp->class->class_groups);
del:
	kobject_del(&cp->kobj);
abort:
	publish_abort();
	return err;
}

int class_register(struct class *class)
{
	struct class_private *cp;
	int err;

	if (!class || !class->name || !*class->name)
		return -EINVAL;
	err = model_init();
	if (err)
		return err;
	cp = class_alloc(class);
	if (!cp)
		return -ENOMEM;
	err = class_show(cp);
	if (err) {
		class_put_private(cp);
		return err;
	}
	pthread_mutex_lock(&registry_lock);
	class->p = cp;
	pthread_mutex_unlock(&registry_lock);
	return 0;
}

void class_unregister(struct class *class)
{
	struct class_private *cp;

	pthread_mutex_lock(&registry_lock);
	cp = class->p;
	class->p = NULL;
	pthread_mutex_unlock(&registry_lock);
	if (!cp) {
		pr_err("class '%s' is unregistered, but it is not registered", class->name);
		return;
	}
	sysfs_remove_groups(&cp->kobj, class->class_groups);
	kobject_del(&cp->kobj);
	class_put_private(cp);
}

/* ---- compatibility classes ---- */

struct class_compat {
	struct kobject *kobj;
};

struct class_compat *class_compat_register(const char *name)
{
	struct class_compat *cls;

	if (model_init())
		return NULL;
	cls = zalloc(sizeof(*cls));
	if (!cls)
		return NULL;
	cls->kobj = kobject_create_and_add(name, model_roots.class);
	if (!cls->kobj) {
		free(cls);
		return NULL;
	}
	return cls;
}

void class_compat_unregister(struct class_compat *cls)
{
	if (!cls)
		return;
	kobject_del(cls->kobj);
	kobject_put(cls->kobj);
	free(cls);
}

int class_compat_create_link(struct class_compat *cls, struct device *dev)
{
	return sysfs_create_link(cls->kobj, &dev->kobj, dev_name(dev));
}

void class_compat_remove_link(struct class_compat *cls, struct device *dev)
{
	sysfs_remove_link(cls->kobj, dev_name(dev));
}
