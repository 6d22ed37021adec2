/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Uevents: what the model tells the world, in the order in which it happened.
 * Behaviour: Linux 6.1 lib/kobject_uevent.c.
 */
#ifndef UMDEV_UEVENT_H
#define UMDEV_UEVENT_H

#include <umdev/kobject.h>

#define UEVENT_NUM_ENVP	   64
#define UEVENT_BUFFER_SIZE 2048

/*
 * How long an event may be: "ACTION@DEVPATH" and all keys, each with its NUL. The kernel takes
 * messages of UEVENT_BUFFER_SIZE for its listeners, of which the header of netlink (16) and the
 * longest SEQNUM that it may add (28) are not ours.
 */
#define UEVENT_PAYLOAD_MAX (UEVENT_BUFFER_SIZE - 16 - 28)

enum kobject_action {
	KOBJ_ADD,
	KOBJ_REMOVE,
	KOBJ_CHANGE,
	KOBJ_MOVE,
	KOBJ_ONLINE,
	KOBJ_OFFLINE,
	KOBJ_BIND,
	KOBJ_UNBIND,
};

/**
 * struct kobj_uevent_env - the environment of one event while it is put together
 * @envp:    "KEY=VALUE" strings, in the order in which they are sent
 * @envp_idx: how many
 * @buf:     where they are, one behind the other, each with its NUL
 * @buflen:  bytes used of @buf
 */
struct kobj_uevent_env {
	char *envp[UEVENT_NUM_ENVP];
	int envp_idx;
	char buf[UEVENT_BUFFER_SIZE];
	int buflen;
};

/**
 * add_uevent_var - add "KEY=VALUE" to an environment
 * Return: 0, or -ENOMEM when 64 strings or 2048 bytes are used up (the event is then not sent).
 */
UMDEV_API int add_uevent_var(struct kobj_uevent_env *env, const char *fmt, ...)
	__umdev_printf(2, 3);

/**
 * kobject_uevent_env - send an event about an object
 * @kobj:   in sysfs (for "remove": was until now)
 * @action: what happened
 * @envp:   NULL-terminated "KEY=VALUE" strings to add behind SUBSYSTEM, or NULL
 *
 * The keys are gathered now. Inside a publication (umdev/publish.h) the event is sent at its end,
 * and so is one about an object that another thread's publication keeps back. From "remove" on
 * the outside does not find the object any more.
 * Return: 0 (also when nobody wants events of this object), -ENOMEM (also for an event that is
 * longer than UEVENT_PAYLOAD_MAX or has UEVENT_NUM_ENVP keys, SEQNUM included), -EINVAL.
 */
UMDEV_API int kobject_uevent_env(struct kobject *kobj, enum kobject_action action,
				 char *const envp[]);
/** kobject_uevent - the same without more keys. */
UMDEV_API int kobject_uevent(struct kobject *kobj, enum kobject_action action);

/**
 * kobject_synth_uevent - send the event that somebody asked for by writing to a "uevent" file
 * @buf:   "ACTION [UUID [KEY=VALUE ...]]", optional newline or NUL at the end
 * @count: its length
 * Return: 0, -EINVAL for anything else than the above, -ENOMEM (as kobject_uevent_env()).
 */
UMDEV_API int kobject_synth_uevent(struct kobject *kobj, const char *buf, size_t count);

/**
 * struct uevent - an event as listeners get it
 * @seqnum:  counts up by one for each event of this process
 * @action:  "add", "remove", ...
 * @devpath: path below the mount of sysfs
 * @subsystem: the SUBSYSTEM= value
 * @envp:    all keys: ACTION, DEVPATH, SUBSYSTEM, then the rest; NULL-terminated; no SEQNUM
 *
 * Valid during the listener's call only.
 */
struct uevent {
	uint64_t seqnum;
	const char *action;
	const char *devpath;
	const char *subsystem;
	char *const *envp;
};

/**
 * struct uevent_listener - somebody who wants all events
 * @event: called for each, in order, one call at a time for all listeners. The device is as the
 *         event says: complete at "add", out of sight after "remove". Must be quick; may read the
 *         tree; must not add or remove anything in it, nor wait for somebody who does, nor
 *         (un)register listeners.
 * @list:  umdev's, under the lock of the uevents
 */
struct uevent_listener {
	void (*event)(struct uevent_listener *listener, const struct uevent *ev);
	struct list_head list;
};

/** uevent_listener_register - from now on @listener is called; it must live until unregistered. */
UMDEV_API void uevent_listener_register(struct uevent_listener *listener);
/** uevent_listener_unregister - when this returns no call runs any more. */
UMDEV_API void uevent_listener_unregister(struct uevent_listener *listener);

#endif
