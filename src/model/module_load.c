/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include <umdev/log.h>
#include <umdev/uevent.h>

#include "model/alloc.h"
#include "model/base.h"
#include "model/module_internal.h"

static int bring_in(const char *name, const char *params, bool top);

/* A file may say the same name twice. */
static bool holds(const struct module_private *m, const struct module_private *dep)
{
	unsigned int i;

	for (i = 0; i < m->nr_deps; i++)
		if (m->deps[i] == dep)
			return true;
	return false;
}

/* Hold @name for @m, if it is live. Return: false if it is not. */
static bool hold_dependency(struct module_private *m, const char *name)
{
	struct module_private *dep;
	bool held = false;

	pthread_mutex_lock(&modules_lock);
	dep = modules_find(name);
	if (dep && (dep->builtin || holds(m, dep))) {
		held = true;
	} else if (dep && dep->status == MODULE_LIVE && try_module_get(dep->mod)) {
		m->deps[m->nr_deps++] = dep;
		held = true;
	}
	pthread_mutex_unlock(&modules_lock);
	return held;
}

static int load_dependency(struct module_private *m, const char *name)
{
	char why[512];
	int err;

	while (!hold_dependency(m, name)) {
		err = bring_in(name, NULL, false);
		if (err == -EDEADLK)
			return module_refuse(-ELOOP,
					     "module \"%s\" and \"%s\" depend on each other",
					     m->name, name);
		if (err && err != -EEXIST) {
			snprintf(why, sizeof(why), "%s", module_error());
			return module_refuse(err, "module \"%s\" needs \"%s\": %.*s", m->name, name,
					     300, why);
		}
	}
	return 0;
}

void module_put_dependencies(struct module_private *m)
{
	pthread_mutex_lock(&modules_lock);
	while (m->nr_deps > 0)
		module_put(m->deps[--m->nr_deps]->mod);
	pthread_mutex_unlock(&modules_lock);
}

/* What stands between the names of what a module depends on. */
#define SEPARATORS ", "

static int load_dependencies(struct module_private *m, const struct module_info *info)
{
	const char *text = module_info_next(info, "depends", NULL);
	char *copy, *name, *rest = NULL;
	size_t n = 1, i;
	int err = 0;

	if (!text || !*text)
		return 0;
	for (i = 0; text[i]; i++)
		n += strchr(SEPARATORS, text[i]) != NULL;
	m->deps = zalloc_array(n, sizeof(*m->deps));
	copy = strdup_f(text);
	if (!m->deps || !copy) {
		free(copy);
		return module_refuse(-ENOMEM, "module \"%s\": out of memory", m->name);
	}
	module_name_normalise(copy);
	for (name = strtok_r(copy, SEPARATORS, &rest); name && !err;
	     name = strtok_r(NULL, SEPARATORS, &rest))
		err = load_dependency(m, name);
	free(copy);
	if (err)
		module_put_dependencies(m);
	return err;
}

/* Let @m see what the modules that it depends on offer. */
static void expose_dependencies(struct module_private *m)
{
	void *handle;
	unsigned int i;

	for (i = 0; i < m->nr_deps; i++) {
		handle = dlopen(m->deps[i]->path, RTLD_NOW | RTLD_GLOBAL | RTLD_NOLOAD);
		if (handle)
			dlclose(handle);
	}
}

/* Map the file and run its constructors, but not its init(). */
static int map_module(struct module_private *m)
{
	struct module *(*entry)(void);
	struct module *mod;
	const char *why;
	char *path;
	int err = 0;

	/* A name without '/' would be looked for elsewhere. */
	errno = ENOMEM;
	path = fault_point() ? NULL : realpath(m->path, NULL);
	if (!path) {
		err = -errno;
		return module_refuse(err, "%s: %s", m->path, module_errdesc(err));
	}
	free(m->path);
	m->path = path;
	m->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!m->handle) {
		why = dlerror();
		return module_refuse(-ENOEXEC, "module \"%s\" can't be loaded: %s", m->name,
				     why ? why : path);
	}
	entry = (struct module * (*)(void)) dlsym(m->handle, "umdev_module_entry");
	mod = entry ? entry() : NULL;
	if (!mod || !mod->init) {
		err = module_refuse(-ENOEXEC, "%s is no module: it has no module_init()", path);
		goto unmap;
	}
	pthread_mutex_lock(&modules_lock);
	if (mod->p) {
		err = module_refuse(-EEXIST, "%s is the file of module \"%s\", which is loaded",
				    path, mod->p->name);
	} else {
		mod->p = m;
		mod->name = m->name;
		m->mod = mod;
	}
	pthread_mutex_unlock(&modules_lock);
	if (!err)
		return 0;
unmap:
	dlclose(m->handle);
	m->handle = NULL;
	return err;
}

void module_unmap(struct module_private *m)
{
	void *handle = m->handle;

	m->mod->name = NULL;
	m->mod->p = NULL;
	m->mod = NULL;
	m->handle = NULL;
	dlclose(handle);
}

static __thread char init_error[512];

void module_init_error(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(init_error, sizeof(init_error), fmt, args);
	va_end(args);
}

static int run_init(struct module_private *m)
{
	int err;

	init_error[0] = '\0';
	err = m->mod->init();

	if (err > 0) {
		pr_warn("module \"%s\": init() returned %d instead of 0 or a negative errno",
			m->name, err);
		err = 0;
	}
	if (!err)
		return 0;
	module_refuse(err, "module \"%s\": init failed: %s", m->name,
		      init_error[0] ? init_error : module_errdesc(err));
	init_error[0] = '\0';
	/* That is what is said of a module that is there already, and this one is not. */
	return err == -EEXIST ? -EBUSY : err;
}

static void fail_init(struct module_private *m)
{
	pthread_mutex_lock(&modules_lock);
	module_set_status(m, MODULE_GOING);
	pthread_mutex_unlock(&modules_lock);
	if (module_close(m))
		return;
	/* Somebody will still call into it or put its reference: its code must stay. */
	pr_err("module \"%s\" is in use though its init failed: its code stays in memory", m->name);
	dlopen(m->path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
}

static int bring_up(struct module_private *m, const char *params)
{
	struct module_info info;
	const char *version;
	int err;

	err = module_info_read(m->path, &info);
	if (err)
		return err;
	m->size = info.size;
	version = module_info_next(&info, "version", NULL);
	if (version) {
		m->version = strdup_f(version);
		if (!m->version) {
			err = module_refuse(-ENOMEM, "module \"%s\": out of memory", m->name);
			goto info;
		}
	}
	err = load_dependencies(m, &info);
	if (err)
		goto info;
	expose_dependencies(m);
	err = map_module(m);
	if (err)
		goto deps;
	err = module_params_parse(m, params);
	if (err)
		goto params;
	err = module_params_init(m);
	if (!err)
		err = module_sysfs_add(m);
	if (err) {
		module_refuse(err, "module \"%s\": can't be shown in /sys/module", m->name);
		goto params;
	}
	err = run_init(m);
	if (err)
		goto fail;
	module_info_finish(&info);
	return 0;
fail:
	fail_init(m);
	module_sysfs_del(m);
params:
	module_params_finish(m->mod);
	module_unmap(m);
deps:
	module_put_dependencies(m);
info:
	module_info_finish(&info);
	return err;
}

/* The module is up; tell, and let nobody unload it before it is told. */
void module_announce(struct module_private *m)
{
	kobject_uevent(&m->kobj, KOBJ_ADD);
	pthread_mutex_lock(&modules_lock);
	m->announcing = false;
	pthread_cond_broadcast(&modules_changed);
	pthread_mutex_unlock(&modules_lock);
}

static int refuse_going(const char *name)
{
	return module_refuse(-EBUSY, "module \"%s\" is being unloaded", name);
}

/* Load a file as the module @name. -EDEADLK: this thread is loading it already, further out. */
static int bring_in_file(const char *name, const char *path, const char *params)
{
	struct module_private *m, *there;
	int err;

	m = module_alloc(name);
	if (m)
		m->path = strdup_f(path);
	if (!m || !m->path) {
		if (m)
			kobject_put(&m->kobj);
		return module_refuse(-ENOMEM, "module \"%s\": out of memory", name);
	}
	pthread_mutex_lock(&modules_lock);
	err = modules_settle(name, &there);
	if (err || there) {
		pthread_mutex_unlock(&modules_lock);
		kobject_put(&m->kobj);
		if (err == -EBUSY)
			return refuse_going(name);
		return module_refuse(err ? err : -EEXIST, "module \"%s\" is loaded already", name);
	}
	list_add_tail(&m->list, &modules);
	module_enter(m);
	pthread_mutex_unlock(&modules_lock);

	err = bring_up(m, params);

	pthread_mutex_lock(&modules_lock);
	module_leave(m);
	if (err) {
		module_forget(m);
	} else {
		/* Behind what it made come up on its way. */
		list_del_init(&m->list);
		list_add_tail(&m->list, &modules);
		m->announcing = true;
		module_set_status(m, MODULE_LIVE);
	}
	pthread_mutex_unlock(&modules_lock);
	if (err)
		kobject_put(&m->kobj);
	else
		module_announce(m);
	return err;
}

static int bring_in_path(const char *path, const char *params)
{
	char *name = module_file_name(path);
	int err;

	if (!name)
		return module_refuse(-ENOENT, "\"%s\" names no file", path);
	err = bring_in_file(name, path, params);
	free(name);
	return err;
}

/* Load all modules that claim @alias; one is enough for success. */
static int bring_in_alias(const char *alias, const char *params)
{
	int err, first = 0;
	bool any = false;
	char **paths;
	size_t i;

	err = module_file_match(alias, &paths);
	if (err == -ENOENT)
		return module_file_missing(alias);
	if (err)
		return module_refuse(err, "module \"%s\": out of memory", alias);
	for (i = 0; paths[i]; i++) {
		err = bring_in_path(paths[i], params);
		any = any || !err;
		if (err && err != -EEXIST)
			pr_debug("%s", module_error());
		if (err && (!first || first == -EEXIST))
			first = err;
	}
	module_paths_free(paths);
	return any ? 0 : first;
}

static int bring_in_name(const char *name, const char *params, bool top)
{
	struct module_private *there;
	char *path;
	int err;

	/* What is built in has no file; what is loaded may have none any more. */
	pthread_mutex_lock(&modules_lock);
	err = modules_settle(name, &there);
	if (!err && there)
		err = module_refuse(-EEXIST, "module \"%s\" is %s already", name,
				    there->builtin ? "built in" : "loaded");
	else if (err == -EBUSY)
		err = refuse_going(name);
	pthread_mutex_unlock(&modules_lock);
	if (err)
		return err;
	err = module_file_find(name, &path);
	if (err == -ENOENT)
		return top ? bring_in_alias(name, params) : module_file_missing(name);
	if (err)
		return module_refuse(err, "module \"%s\": out of memory", name);
	err = bring_in_file(name, path, params);
	free(path);
	return err;
}

/*
 * @top: @name may be a path or an alias; else it is the name of a module.
 * Return: 0, -EEXIST, -EDEADLK (this thread is loading it, further out), errors.
 */
static int bring_in(const char *name, const char *params, bool top)
{
	char *copy;
	int err;

	if (!name || !*name)
		return module_refuse(-ENOENT, "a module's name can't be empty");
	err = model_init();
	if (err)
		return module_refuse(err, "module \"%s\": out of memory", name);
	if (top && strchr(name, '/'))
		return bring_in_path(name, params);
	copy = strdup_f(name);
	if (!copy)
		return module_refuse(-ENOMEM, "module \"%s\": out of memory", name);
	module_name_normalise(copy);
	err = bring_in_name(copy, params, top);
	free(copy);
	return err;
}

int module_load(const char *name, const char *params)
{
	int err = bring_in(name, params, true);

	if (err == -EDEADLK)
		err = -EEXIST;
	if (err == -EEXIST)
		pr_debug("%s", module_error());
	else if (err)
		pr_err("%s", module_error());
	return err;
}

int request_module(const char *name)
{
	int err = bring_in(name, NULL, true);

	if (err == -EEXIST || err == -EDEADLK)
		return 0;
	/* That nobody claims an alias is no fault: most devices work without a module. */
	if (err == -ENOENT)
		pr_debug("%s", module_error());
	else if (err)
		pr_err("%s", module_error());
	return err;
}

int request_module_by(const struct module *by, const char *name)
{
	const struct module *before = modules_set_requester(by);
	int err = request_module(name);

	modules_set_requester(before);
	return err;
}
