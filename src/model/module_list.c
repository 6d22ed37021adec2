/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>

#include "model/alloc.h"
#include "model/module_internal.h"

/* No lock is inside of modules_lock, and nothing of a module runs under it. */
pthread_mutex_t modules_lock = PTHREAD_MUTEX_INITIALIZER;
/* Some module has changed its status, or is gone. With modules_lock. */
pthread_cond_t modules_changed = PTHREAD_COND_INITIALIZER;
LIST_HEAD(modules);

/* The innermost module that this thread is bringing up or down; its ->outer is the next. */
static __thread struct module_private *busy;
/* Whose exit() may wait for what this thread is doing, or NULL. */
static __thread const struct module *requester;

struct module_private *modules_find(const char *name)
{
	struct module_private *m;

	list_for_each_entry (m, &modules, list)
		if (strcmp(m->name, name) == 0)
			return m;
	return NULL;
}

void module_set_status(struct module_private *m, enum module_status status)
{
	__atomic_store_n(&m->status, status, __ATOMIC_RELAXED);
	pthread_cond_broadcast(&modules_changed);
}

/* This thread begins to bring @m up or down. */
void module_enter(struct module_private *m)
{
	m->outer = busy;
	if (busy)
		busy->awaits = m;
	busy = m;
}

void module_leave(struct module_private *m)
{
	busy = m->outer;
	if (busy)
		busy->awaits = NULL;
	m->outer = NULL;
}

/* Nobody finds it any more, and those who waited for it look again. */
void module_forget(struct module_private *m)
{
	struct module_private *other;

	list_del_init(&m->list);
	list_for_each_entry (other, &modules, list)
		if (other->awaits == m)
			other->awaits = NULL;
	pthread_cond_broadcast(&modules_changed);
}

/* Does @m, which is coming or going, wait for what this thread is doing? */
static bool waits_for_us_locked(const struct module_private *m)
{
	for (; m; m = m->awaits)
		if (m == busy)
			return true;
	return false;
}

/* Does @m wait for a module that can't go before this thread is done? */
static bool waits_for_requester_locked(const struct module_private *m)
{
	for (; requester && m; m = m->awaits)
		if (m->status == MODULE_GOING && m->mod == requester)
			return true;
	return false;
}

const struct module *modules_set_requester(const struct module *mod)
{
	const struct module *before = requester;

	requester = mod;
	return before;
}

/* Others look again when a chain of those who wait has become longer. */
static void await_locked(struct module_private *m)
{
	if (!busy || busy->awaits == m)
		return;
	busy->awaits = m;
	pthread_cond_broadcast(&modules_changed);
}

/*
 * Wait until the module with this name is live or not there.
 * Return: 0, or if it would never be: -EDEADLK, it waits for this thread; -EBUSY, for the
 * requester.
 */
int modules_settle(const char *name, struct module_private **out)
{
	struct module_private *m;
	int err = 0;

	while ((m = modules_find(name)) && m->status != MODULE_LIVE) {
		err = busy && waits_for_us_locked(m) ? -EDEADLK : 0;
		if (!err && waits_for_requester_locked(m))
			err = -EBUSY;
		if (err)
			break;
		await_locked(m);
		pthread_cond_wait(&modules_changed, &modules_lock);
	}
	if (busy)
		busy->awaits = NULL;
	*out = m;
	return err;
}

/* Names of the modules that depend on @m into @buf. Return: how many there are. */
unsigned int module_holders(const struct module_private *m, char *buf, size_t size)
{
	struct module_private *other;
	unsigned int i, n = 0;
	size_t len = 0;

	*buf = '\0';
	list_for_each_entry (other, &modules, list) {
		for (i = 0; i < other->nr_deps; i++) {
			if (other->deps[i] != m)
				continue;
			if (len < size)
				len += (size_t)snprintf(buf + len, size - len, "%s%s", n ? "," : "",
							other->name);
			n++;
		}
	}
	return n;
}

/* ---- all of them ---- */

static const char *status_name(const struct module_private *m)
{
	if (m->builtin)
		return "builtin";
	switch (m->status) {
	case MODULE_COMING:
		return "coming";
	case MODULE_LIVE:
		return "live";
	case MODULE_GOING:
		break;
	}
	return "going";
}

static void state_free(struct module_state *state)
{
	free((char *)state->name);
	free((char *)state->path);
	free((char *)state->holders);
}

static int state_copy_locked(struct module_state *state, const struct module_private *m)
{
	char holders[1024];

	module_holders(m, holders, sizeof(holders));
	state->name = strdup_f(m->name);
	state->state = status_name(m);
	state->path = m->path ? strdup_f(m->path) : NULL;
	state->size = m->size;
	state->refcount = module_refcount_of(m);
	state->holders = strdup_f(holders);
	return state->name && state->holders && (state->path || !m->path) ? 0 : -ENOMEM;
}

static int states_copy(struct module_state **out, size_t *n)
{
	struct module_private *m;
	int err = 0;

	*n = 0;
	pthread_mutex_lock(&modules_lock);
	list_for_each_entry (m, &modules, list)
		(*n)++;
	*out = zalloc_array(*n + 1, sizeof(**out));
	*n = 0;
	if (!*out)
		err = -ENOMEM;
	list_for_each_entry (m, &modules, list) {
		if (err)
			break;
		err = state_copy_locked(&(*out)[(*n)++], m);
	}
	pthread_mutex_unlock(&modules_lock);
	return err;
}

int module_for_each(int (*fn)(const struct module_state *state, void *data), void *data)
{
	struct module_state *states;
	size_t i, n;
	int ret;

	ret = states_copy(&states, &n);
	for (i = 0; i < n && !ret; i++)
		ret = fn(&states[i], data);
	for (i = 0; i < n; i++)
		state_free(&states[i]);
	free(states);
	return ret;
}
