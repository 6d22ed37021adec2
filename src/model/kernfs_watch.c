/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who is told when something changes: a file's contents, what stat() shows, what there is to find.
 */
#include "model/kernfs_internal.h"

/* Who is told. A reader's side is held during the calls. */
static pthread_rwlock_t watch_lock = PTHREAD_RWLOCK_INITIALIZER;
static LIST_HEAD(watches); /* under watch_lock */

void kernfs_watch_add(struct kernfs_watch *watch)
{
	pthread_rwlock_wrlock(&watch_lock);
	list_add_tail(&watch->list, &watches);
	pthread_rwlock_unlock(&watch_lock);
}

void kernfs_watch_remove(struct kernfs_watch *watch)
{
	pthread_rwlock_wrlock(&watch_lock);
	list_del_init(&watch->list);
	pthread_rwlock_unlock(&watch_lock);
}

void kernfs_notify(struct kernfs_node *kn)
{
	struct kernfs_watch *watch;

	if (kn->type != KERNFS_FILE)
		return;
	atomic_fetch_add(&kn->events, 1);
	/* A watcher that asks for the count after this sees it changed and needs no call. */
	if (!kernfs_has(kn, KN_WATCHED))
		return;
	pthread_rwlock_rdlock(&watch_lock);
	list_for_each_entry (watch, &watches, list)
		if (watch->notified)
			watch->notified(watch, kn);
	pthread_rwlock_unlock(&watch_lock);
}

unsigned int kernfs_event(struct kernfs_node *kn)
{
	if (kn->type != KERNFS_FILE)
		return 0;
	atomic_fetch_or(&kn->flags, KN_WATCHED);
	return atomic_load(&kn->events);
}

bool kernfs_set_known(struct kernfs_node *kn)
{
	/* One step: either this sees the end of the node, or who brings it about sees this. */
	return !(atomic_fetch_or(&kn->flags, KN_KNOWN) & (KN_REMOVING | KN_HIDDEN));
}

void kernfs_tell_changed(struct kernfs_node *kn)
{
	struct kernfs_watch *watch;

	if (!kernfs_has(kn, KN_KNOWN))
		return;
	pthread_rwlock_rdlock(&watch_lock);
	list_for_each_entry (watch, &watches, list)
		if (watch->changed)
			watch->changed(watch, kn);
	pthread_rwlock_unlock(&watch_lock);
}

static void tell_gone(const struct kernfs_gone *gone)
{
	struct kernfs_watch *watch;

	pthread_rwlock_rdlock(&watch_lock);
	list_for_each_entry (watch, &watches, list)
		if (watch->gone)
			watch->gone(watch, gone);
	pthread_rwlock_unlock(&watch_lock);
}

void kernfs_tell_gone(struct kernfs_node *kn)
{
	const struct kernfs_gone gone = { .only = kn };

	if (kernfs_has(kn, KN_KNOWN))
		tell_gone(&gone);
}

void kernfs_tell_removed(struct list_head *nodes)
{
	const struct kernfs_gone gone = { .nodes = nodes };
	struct kernfs_node *kn;

	if (list_empty(nodes))
		return;
	tell_gone(&gone);
	while (!list_empty(nodes)) {
		kn = list_first_entry(nodes, struct kernfs_node, sibling);
		list_del_init(&kn->sibling);
		kernfs_notify(kn);
		kernfs_put(kn);
	}
}

struct kernfs_node *kernfs_gone_next(const struct kernfs_gone *gone, struct kernfs_node *kn)
{
	const struct list_head *next;

	if (gone->only)
		return kn ? NULL : gone->only;
	next = kn ? kn->sibling.next : gone->nodes->next;
	return next == gone->nodes ? NULL : list_entry(next, struct kernfs_node, sibling);
}
