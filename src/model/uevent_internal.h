/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Between uevent.c, which composes and delivers events, and publish.c, which may hold them back.
 */
#ifndef UMDEV_MODEL_UEVENT_INTERNAL_H
#define UMDEV_MODEL_UEVENT_INTERNAL_H

#include <umdev/uevent.h>

struct kernfs_node;

/**
 * struct uevent_record - an event that was composed and waits for its delivery; one piece of memory
 * @list:  in a publication's events
 * @level: nesting depth of the publication that caused it
 * @ev:    without its sequence number; points behind the struct
 */
struct uevent_record {
	struct list_head list;
	unsigned int level;
	struct uevent ev;
};

/**
 * publish_hold - keep an event back until a publication ends
 * @record: the publication's from now on, if it was taken
 * @dir:    the directory of the object, NULL when it is out of sysfs. While another thread's
 *          publication hides it the event is kept back by that one, else by the calling thread's
 * Return: false when there is none: the event is to be delivered now.
 */
bool publish_hold(struct uevent_record *record, struct kernfs_node *dir);

/** uevent_action_name - "add" for KOBJ_ADD and so on. */
const char *uevent_action_name(enum kobject_action action);

/**
 * uevent_send_synthetic - as kobject_uevent_env(), for an event that somebody outside asked for
 *
 * It says nothing of the object's life: the "remove" that follows an "add" is still owed.
 */
int uevent_send_synthetic(struct kobject *kobj, enum kobject_action action, char *const envp[]);

/**
 * uevent_synth_parse - understand what was written to a "uevent" file
 * @buf:    "ACTION [UUID [KEY=VALUE ...]]", optional newline or NUL at the end
 * @action: what is said to have happened
 * @env:    gets SYNTH_UUID and the SYNTH_ARG_*, which stand behind SUBSYSTEM in an event
 * Return: 0, -EINVAL for anything else than the above.
 */
int uevent_synth_parse(const char *buf, size_t count, enum kobject_action *action,
		       struct kobj_uevent_env *env);

/**
 * uevent_begin - let nobody else deliver events. Context: no lock of publications or of the tree
 * held.
 */
void uevent_begin(void);

/**
 * uevent_deliver - tell all listeners what happened
 * @events: struct uevent_record; emptied and freed
 * Context: between uevent_begin() and uevent_end().
 */
void uevent_deliver(struct list_head *events);

/** uevent_end - the reverse of uevent_begin(). */
void uevent_end(void);

#endif
