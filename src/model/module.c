/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include <umdev/log.h>
#include <umdev/uevent.h>

#include "model/alloc.h"
#include "model/base.h"
#include "model/caller.h"
#include "model/module_internal.h"

typedef void module_ask_t(struct module *mod, unsigned int count);

static __thread char last_error[512];

const char *module_error(void)
{
	return last_error;
}

int module_refuse(int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(last_error, sizeof(last_error), fmt, args);
	va_end(args);
	return err;
}

const char *module_errdesc(int err)
{
	const char *desc = strerrordesc_np(-err);

	return desc ? desc : "unknown error";
}

void module_name_normalise(char *name)
{
	bool in_brackets = false;

	for (; *name; name++) {
		if (*name == '[')
			in_brackets = true;
		else if (*name == ']')
			in_brackets = false;
		else if (*name == '-' && !in_brackets)
			*name = '_';
	}
}

struct module_private *module_alloc(const char *name)
{
	struct module_private *m = zalloc(sizeof(*m));

	if (!m)
		return NULL;
	m->name = strdup_f(name);
	if (!m->name) {
		free(m);
		return NULL;
	}
	m->refcount = 1;
	pthread_mutex_init(&m->param_lock, NULL);
	INIT_LIST_HEAD(&m->list);
	kobject_init(&m->kobj, &module_ktype);
	return m;
}

/* ---- references ---- */

bool try_module_get(struct module *mod)
{
	struct module_private *m = mod ? mod->p : NULL;
	int n;

	/* What is built in stays as long as the program. */
	if (!m || m->builtin)
		return true;
	n = __atomic_load_n(&m->refcount, __ATOMIC_RELAXED);
	while (n > 0)
		if (__atomic_compare_exchange_n(&m->refcount, &n, n + 1, true, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return true;
	return false;
}

void module_put(struct module *mod)
{
	struct module_private *m = mod ? mod->p : NULL;

	if (!m || m->builtin)
		return;
	if (__atomic_sub_fetch(&m->refcount, 1, __ATOMIC_ACQ_REL) != MODULE_CLOSED)
		return;
	/* Who waits may be done and @m gone by now. */
	pthread_mutex_lock(&modules_lock);
	pthread_cond_broadcast(&modules_changed);
	pthread_mutex_unlock(&modules_lock);
}

int module_refcount_of(const struct module_private *m)
{
	int n = __atomic_load_n(&m->refcount, __ATOMIC_RELAXED);

	if (n < 0)
		return n - MODULE_CLOSED;
	return n > 0 ? n - 1 : 0;
}

int module_refcount(struct module *mod)
{
	return mod && mod->p ? module_refcount_of(mod->p) : 0;
}

/* From now on nobody gets a reference. Return: false if somebody has one. */
bool module_close(struct module_private *m)
{
	int base = 1;

	return __atomic_compare_exchange_n(&m->refcount, &base, 0, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

void kernel_param_lock(struct module *mod)
{
	if (mod && mod->p)
		pthread_mutex_lock(&mod->p->param_lock);
}

void kernel_param_unlock(struct module *mod)
{
	if (mod && mod->p)
		pthread_mutex_unlock(&mod->p->param_lock);
}

/* ---- taking one down ---- */

/* Who asks for it has somebody to wait for, and does not mind. */
static int close_locked(struct module_private *m, bool wait)
{
	if (wait)
		__atomic_fetch_add(&m->refcount, MODULE_CLOSED - 1, __ATOMIC_ACQ_REL);
	else if (!module_close(m))
		return module_refuse(-EBUSY, "module \"%s\" is in use (%d reference%s)", m->name,
				     module_refcount_of(m), module_refcount_of(m) == 1 ? "" : "s");
	return 0;
}

static int may_unload_locked(struct module_private *m, bool wait)
{
	char holders[256];

	if (m->builtin)
		return module_refuse(-EBUSY, "module \"%s\" is built in", m->name);
	if (m->status != MODULE_LIVE)
		return module_refuse(-EBUSY, "module \"%s\" is %s", m->name,
				     m->status == MODULE_COMING ? "being loaded"
								: "being unloaded");
	if (module_holders(m, holders, sizeof(holders)))
		return module_refuse(-EBUSY, "module \"%s\" is used by: %s", m->name, holders);
	if (!m->mod->exit)
		return module_refuse(-EBUSY, "module \"%s\" has no module_exit(): it stays",
				     m->name);
	return close_locked(m, wait);
}

unsigned int module_request_interval_ms = 10000;

static bool is_held(const struct module_private *m)
{
	return __atomic_load_n(&m->refcount, __ATOMIC_ACQUIRE) != MODULE_CLOSED;
}

/* Until nobody holds it, or those who do are to be asked again. Return: are there any? */
static bool wait_for_holders(struct module_private *m)
{
	struct timespec t;
	bool held;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += module_request_interval_ms / 1000;
	t.tv_nsec += module_request_interval_ms % 1000 * 1000000l;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&modules_lock);
	while (is_held(m) && pthread_cond_clockwait(&modules_changed, &modules_lock,
						    CLOCK_MONOTONIC, &t) != ETIMEDOUT)
		;
	held = is_held(m);
	pthread_mutex_unlock(&modules_lock);
	return held;
}

/* It is closed. When this returns it is as if nobody had held it. */
static void drain(struct module_private *m, module_ask_t *ask)
{
	unsigned int count = 0;

	if (is_held(m)) {
		caller_may_leave();
		do
			ask(m->mod, count++);
		while (wait_for_holders(m));
		caller_stays();
	}
	__atomic_store_n(&m->refcount, 0, __ATOMIC_RELAXED);
}

static void take_down(struct module_private *m)
{
	m->mod->exit();
	module_sysfs_del(m);
	module_params_finish(m->mod);
	module_unmap(m);
	module_put_dependencies(m);
}

static int unload(const char *name, module_ask_t *ask)
{
	struct module_private *m;
	int err;

	pthread_mutex_lock(&modules_lock);
	while ((m = modules_find(name)) && m->announcing)
		pthread_cond_wait(&modules_changed, &modules_lock);
	if (!m) {
		pthread_mutex_unlock(&modules_lock);
		return module_refuse(-ENOENT, "module \"%s\" is not loaded", name);
	}
	err = may_unload_locked(m, ask);
	if (!err) {
		module_set_status(m, MODULE_GOING);
		module_enter(m);
	}
	pthread_mutex_unlock(&modules_lock);
	if (err)
		return err;

	if (ask)
		drain(m, ask);
	take_down(m);

	pthread_mutex_lock(&modules_lock);
	module_leave(m);
	module_forget(m);
	pthread_mutex_unlock(&modules_lock);
	kobject_put(&m->kobj);
	return 0;
}

static int normalise_and_unload(const char *name, module_ask_t *ask)
{
	char *copy;
	int err;

	if (!name)
		return module_refuse(-ENOENT, "a module's name can't be empty");
	copy = strdup_f(name);
	if (!copy)
		return module_refuse(-ENOMEM, "module \"%s\": out of memory", name);
	module_name_normalise(copy);
	err = unload(copy, ask);
	free(copy);
	if (err)
		pr_notice("%s", last_error);
	return err;
}

int module_unload(const char *name)
{
	return normalise_and_unload(name, NULL);
}

int module_unload_wait(const char *name, module_ask_t *ask)
{
	return normalise_and_unload(name, ask);
}

/* ---- built-in ones ---- */

static int builtin_up(struct module_private *m)
{
	int err;

	err = module_params_init(m);
	if (!err)
		err = module_sysfs_add(m);
	if (err)
		return err;
	err = m->mod->init();
	if (err < 0) {
		module_sysfs_del(m);
		return err;
	}
	return 0;
}

int module_builtin_add(struct module *mod)
{
	struct module_private *m = module_alloc(mod->name);
	int err;

	if (!m)
		return -ENOMEM;
	m->builtin = true;
	m->mod = mod;
	mod->p = m;
	pthread_mutex_lock(&modules_lock);
	list_add_tail(&m->list, &modules);
	module_enter(m);
	pthread_mutex_unlock(&modules_lock);

	err = builtin_up(m);

	pthread_mutex_lock(&modules_lock);
	module_leave(m);
	if (err) {
		module_forget(m);
	} else {
		m->announcing = true;
		module_set_status(m, MODULE_LIVE);
	}
	pthread_mutex_unlock(&modules_lock);
	if (err) {
		mod->p = NULL;
		kobject_put(&m->kobj);
		return err;
	}
	module_announce(m);
	return 0;
}

static void builtin_remove(struct module_private *m)
{
	pthread_mutex_lock(&modules_lock);
	module_set_status(m, MODULE_GOING);
	module_enter(m);
	pthread_mutex_unlock(&modules_lock);
	if (m->mod->exit)
		m->mod->exit();
	module_sysfs_del(m);
	module_params_finish(m->mod);
	m->mod->p = NULL;
	pthread_mutex_lock(&modules_lock);
	module_leave(m);
	module_forget(m);
	pthread_mutex_unlock(&modules_lock);
	kobject_put(&m->kobj);
}

/* The one that came up last, of those that are built in or of the others. */
static struct module_private *last_module(bool builtin)
{
	struct module_private *m, *last = NULL;

	pthread_mutex_lock(&modules_lock);
	list_for_each_entry (m, &modules, list)
		if (m->builtin == builtin && !m->stuck)
			last = m;
	pthread_mutex_unlock(&modules_lock);
	return last;
}

/* Unload what can be, the last one first, and log what can't if @tell. Return: how many went. */
static unsigned int unload_loose(bool tell)
{
	struct module_private *m;
	unsigned int n = 0;

	pthread_mutex_lock(&modules_lock);
	list_for_each_entry (m, &modules, list)
		m->stuck = false;
	pthread_mutex_unlock(&modules_lock);
	while ((m = last_module(false))) {
		if (!unload(m->name, NULL)) {
			n++;
			continue;
		}
		if (tell)
			pr_err("%s", last_error);
		m->stuck = true;
	}
	return n;
}

static bool any_is_stuck(void)
{
	struct module_private *m;
	bool any = false;

	pthread_mutex_lock(&modules_lock);
	list_for_each_entry (m, &modules, list)
		any = any || m->stuck;
	pthread_mutex_unlock(&modules_lock);
	return any;
}

bool modules_finish(void)
{
	struct module_private *m;

	module_requests_finish();
	/* One that came up early may hold a later one, as a driver does its device's hardware. */
	while (unload_loose(false))
		;
	unload_loose(true);
	if (any_is_stuck())
		return false;
	while ((m = last_module(true)))
		builtin_remove(m);
	return true;
}
