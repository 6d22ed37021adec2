/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "model/alloc.h"
#include "model/kobject_internal.h"
#include "model/uevent_internal.h"

/* Held while listeners run: events have one order for all of them. */
static pthread_mutex_t uevent_lock = PTHREAD_MUTEX_INITIALIZER;
static LIST_HEAD(listeners); /* under uevent_lock */
static uint64_t seqnum;	     /* under uevent_lock */

static const char *const action_names[] = {
	[KOBJ_ADD] = "add",   [KOBJ_REMOVE] = "remove", [KOBJ_CHANGE] = "change",
	[KOBJ_MOVE] = "move", [KOBJ_ONLINE] = "online", [KOBJ_OFFLINE] = "offline",
	[KOBJ_BIND] = "bind", [KOBJ_UNBIND] = "unbind",
};

const char *uevent_action_name(enum kobject_action action)
{
	return action_names[action];
}

int add_uevent_var(struct kobj_uevent_env *env, const char *fmt, ...)
{
	size_t room = sizeof(env->buf) - env->buflen;
	va_list args;
	int len;

	if (env->envp_idx >= (int)ARRAY_SIZE(env->envp))
		return -ENOMEM;
	va_start(args, fmt);
	len = vsnprintf(env->buf + env->buflen, room, fmt, args);
	va_end(args);
	if (len < 0 || (size_t)len >= room)
		return -ENOMEM;
	env->envp[env->envp_idx++] = env->buf + env->buflen;
	env->buflen += len + 1;
	return 0;
}

/*
 * Drop MODALIAS: whoever loads modules by it must not do so for a device that just lost its driver.
 */
static void drop_modalias(struct kobj_uevent_env *env)
{
	int kept = 0;

	for (int i = 0; i < env->envp_idx; i++)
		if (strncmp(env->envp[i], "MODALIAS=", strlen("MODALIAS=")))
			env->envp[kept++] = env->envp[i];
	env->envp_idx = kept;
}

/* An environment as one piece of memory that lives until its delivery. */
static struct uevent_record *make_record(const struct kobj_uevent_env *env)
{
	struct uevent_record *record;
	size_t len, n = env->envp_idx;
	char **envp, *str;

	record = zalloc(sizeof(*record) + (n + 1) * sizeof(*envp) + env->buflen);
	if (!record)
		return NULL;
	INIT_LIST_HEAD(&record->list);
	envp = (char **)(record + 1);
	str = (char *)(envp + n + 1);
	for (size_t i = 0; i < n; i++) {
		len = strlen(env->envp[i]) + 1;
		memcpy(str, env->envp[i], len);
		envp[i] = str;
		str += len;
	}
	record->ev.envp = envp;
	/* The first three are there always, in this order: see compose(). */
	record->ev.action = envp[0] + strlen("ACTION=");
	record->ev.devpath = envp[1] + strlen("DEVPATH=");
	record->ev.subsystem = envp[2] + strlen("SUBSYSTEM=");
	return record;
}

/*
 * Can the kernel carry it to those who listen as to itself? It is refused here, where somebody can
 * be told, for every listener alike; the kernel has one key to add.
 */
static bool can_be_sent(const struct kobj_uevent_env *env, enum kobject_action action,
			const char *path)
{
	size_t len = strlen(action_names[action]) + 1 + strlen(path) + 1;

	for (int i = 0; i < env->envp_idx; i++)
		len += strlen(env->envp[i]) + 1;
	return len <= UEVENT_PAYLOAD_MAX && env->envp_idx < UEVENT_NUM_ENVP;
}

static int compose(struct kobj_uevent_env *env, struct kobject *kobj, enum kobject_action action,
		   const char *subsystem, char *const extra[])
{
	const struct kset_uevent_ops *ops = kobj->uevent_ops;
	char *path;
	int err;

	path = kobject_get_path(kobj);
	if (!path)
		return -ENOMEM;
	err = add_uevent_var(env, "ACTION=%s", action_names[action]);
	if (!err)
		err = add_uevent_var(env, "DEVPATH=%s", path);
	if (!err)
		err = add_uevent_var(env, "SUBSYSTEM=%s", subsystem);
	for (; !err && extra && *extra; extra++)
		err = add_uevent_var(env, "%s", *extra);
	if (!err && ops->uevent)
		err = ops->uevent(kobj, env);
	if (!err && action == KOBJ_UNBIND)
		drop_modalias(env);
	if (!err && !can_be_sent(env, action, path))
		err = -ENOMEM;
	free(path);
	return err;
}

/* Deliver @record, or leave it to a publication to do so. */
static void send_record(struct kobject *kobj, struct uevent_record *record)
{
	struct kernfs_node *dir = kobject_get_dir(kobj);
	LIST_HEAD(events);

	if (!publish_hold(record, dir)) {
		list_add_tail(&record->list, &events);
		uevent_begin();
		uevent_deliver(&events);
		uevent_end();
	}
	kernfs_put(dir);
}

static int send_event(struct kobject *kobj, enum kobject_action action, char *const extra[])
{
	const struct kset_uevent_ops *ops = kobj->uevent_ops;
	struct uevent_record *record = NULL;
	struct kobj_uevent_env *env;
	const char *subsystem;
	int err;

	if (!ops || (ops->filter && !ops->filter(kobj)))
		return 0;
	subsystem = ops->name ? ops->name(kobj) : NULL;
	if (!subsystem)
		return 0;
	env = zalloc(sizeof(*env));
	if (!env)
		return -ENOMEM;
	err = compose(env, kobj, action, subsystem, extra);
	if (!err) {
		record = make_record(env);
		err = record ? 0 : -ENOMEM;
	}
	free(env);
	if (err)
		return err;
	send_record(kobj, record);
	return 0;
}

/* Who hears that an object is gone must not find it any more. */
static void hide(struct kobject *kobj)
{
	struct kernfs_node *dir = kobject_get_dir(kobj);

	if (dir)
		kernfs_hide(dir);
	kernfs_put(dir);
}

int kobject_uevent_env(struct kobject *kobj, enum kobject_action action, char *const envp[])
{
	int err;

	if ((unsigned int)action >= ARRAY_SIZE(action_names))
		return -EINVAL;
	if (action == KOBJ_REMOVE) {
		/* Also when it cannot be sent: there is no second try at the object's end. */
		kobj->state_remove_uevent_sent = true;
		hide(kobj);
	}
	err = send_event(kobj, action, envp);
	if (!err && action == KOBJ_ADD)
		kobj->state_add_uevent_sent = true;
	return err;
}

int kobject_uevent(struct kobject *kobj, enum kobject_action action)
{
	return kobject_uevent_env(kobj, action, NULL);
}

int uevent_send_synthetic(struct kobject *kobj, enum kobject_action action, char *const envp[])
{
	return send_event(kobj, action, envp);
}

void uevent_begin(void)
{
	pthread_mutex_lock(&uevent_lock);
}

void uevent_end(void)
{
	pthread_mutex_unlock(&uevent_lock);
}

void uevent_deliver(struct list_head *events)
{
	struct uevent_listener *listener;
	struct uevent_record *record;

	while (!list_empty(events)) {
		record = list_first_entry(events, struct uevent_record, list);
		list_del_init(&record->list);
		record->ev.seqnum = ++seqnum;
		list_for_each_entry (listener, &listeners, list)
			listener->event(listener, &record->ev);
		free(record);
	}
}

void uevent_listener_register(struct uevent_listener *listener)
{
	pthread_mutex_lock(&uevent_lock);
	list_add_tail(&listener->list, &listeners);
	pthread_mutex_unlock(&uevent_lock);
}

void uevent_listener_unregister(struct uevent_listener *listener)
{
	pthread_mutex_lock(&uevent_lock);
	list_del_init(&listener->list);
	pthread_mutex_unlock(&uevent_lock);
}
