/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>

#include <umdev/publish.h>
#include <umdev/uevent.h>

#include "model/alloc.h"
#include "model/base.h"
#include "model/module_internal.h"

static struct module_private *to_module(struct kobject *kobj)
{
	return container_of(kobj, struct module_private, kobj);
}

static ssize_t coresize_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%zu\n", to_module(kobj)->size);
}
static KOBJ_ATTR_RO(coresize);

static ssize_t initstate_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	switch (__atomic_load_n(&to_module(kobj)->status, __ATOMIC_RELAXED)) {
	case MODULE_COMING:
		return sysfs_emit(buf, "coming\n");
	case MODULE_LIVE:
		return sysfs_emit(buf, "live\n");
	case MODULE_GOING:
		break;
	}
	return sysfs_emit(buf, "going\n");
}
static KOBJ_ATTR_RO(initstate);

static ssize_t refcnt_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n", module_refcount_of(to_module(kobj)));
}
static KOBJ_ATTR_RO(refcnt);

static ssize_t version_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", to_module(kobj)->version);
}
static KOBJ_ATTR_RO(version);

static ssize_t uevent_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf,
			    size_t count)
{
	int err = kobject_synth_uevent(kobj, buf, count);

	return err ? err : (ssize_t)count;
}
static KOBJ_ATTR_WO(uevent);

static struct attribute *module_attrs[] = {
	&kobj_attr_coresize.attr, &kobj_attr_initstate.attr, &kobj_attr_refcnt.attr,
	&kobj_attr_version.attr,  &kobj_attr_uevent.attr,    NULL,
};

static mode_t module_attr_visible(struct kobject *kobj, struct attribute *attr, int n)
{
	struct module_private *m = to_module(kobj);

	if (attr == &kobj_attr_version.attr)
		return m->version ? attr->mode : 0;
	/* What is built in has no life of its own. */
	if (attr != &kobj_attr_uevent.attr && m->builtin)
		return 0;
	return attr->mode;
}

static const struct attribute_group module_group = {
	.is_visible = module_attr_visible,
	.attrs = module_attrs,
};
static const struct attribute_group *module_groups[] = { &module_group, NULL };

static void module_release(struct kobject *kobj)
{
	struct module_private *m = to_module(kobj);

	module_params_free(m);
	pthread_mutex_destroy(&m->param_lock);
	free(m->deps);
	free(m->version);
	free(m->path);
	free(m->name);
	free(m);
}

const struct kobj_type module_ktype = {
	.release = module_release,
	.sysfs_ops = &kobj_sysfs_ops,
	.default_groups = module_groups,
};

static const char *module_subsystem(struct kobject *kobj)
{
	return "module";
}

static const struct kset_uevent_ops module_uevent_ops = { .name = module_subsystem };

/* In the directory holders of each module that @m depends on: a link to @m. */
static int holders_add(struct module_private *m)
{
	unsigned int i;
	int err;

	for (i = 0; i < m->nr_deps; i++) {
		err = sysfs_create_link(m->deps[i]->holders_dir, &m->kobj, m->name);
		if (err) {
			while (i-- > 0)
				sysfs_remove_link(m->deps[i]->holders_dir, m->name);
			return err;
		}
	}
	return 0;
}

static void holders_del(struct module_private *m)
{
	unsigned int i = m->nr_deps;

	while (i-- > 0)
		sysfs_remove_link(m->deps[i]->holders_dir, m->name);
}

int module_sysfs_add(struct module_private *m)
{
	int err;

	m->kobj.uevent_ops = &module_uevent_ops;
	publish_begin();
	err = kobject_add(&m->kobj, model_roots.module, "%s", m->name);
	if (err)
		goto abort;
	if (!m->builtin) {
		m->holders_dir = kobject_create_and_add("holders", &m->kobj);
		if (!m->holders_dir) {
			err = -ENOMEM;
			goto del;
		}
	}
	if (m->params) {
		err = sysfs_create_group(&m->kobj, &m->param_group);
		if (err)
			goto holders_dir;
	}
	err = holders_add(m);
	if (err)
		goto params;
	publish_commit();
	return 0;
params:
	if (m->params)
		sysfs_remove_group(&m->kobj, &m->param_group);
holders_dir:
	kobject_del(m->holders_dir);
	kobject_put(m->holders_dir);
	m->holders_dir = NULL;
del:
	kobject_del(&m->kobj);
abort:
	publish_abort();
	return err;
}

void module_sysfs_del(struct module_private *m)
{
	if (m->drivers_dir)
		kobject_del(m->drivers_dir);
	kobject_put(m->drivers_dir);
	m->drivers_dir = NULL;
	holders_del(m);
	if (m->params)
		sysfs_remove_group(&m->kobj, &m->param_group);
	if (m->holders_dir)
		kobject_del(m->holders_dir);
	kobject_put(m->holders_dir);
	m->holders_dir = NULL;
	kobject_del(&m->kobj);
}

struct kobject *module_kobject(struct module *mod)
{
	return mod && mod->p ? &mod->p->kobj : NULL;
}

/* Of all modules: drivers are registered rarely. */
static pthread_mutex_t drivers_lock = PTHREAD_MUTEX_INITIALIZER;

struct kobject *module_drivers_dir(struct module *mod)
{
	struct module_private *m = mod ? mod->p : NULL;
	struct kobject *dir;

	if (!m)
		return NULL;
	pthread_mutex_lock(&drivers_lock);
	if (!m->drivers_dir)
		m->drivers_dir = kobject_create_and_add("drivers", &m->kobj);
	dir = m->drivers_dir;
	pthread_mutex_unlock(&drivers_lock);
	return dir;
}
