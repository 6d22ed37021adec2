/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Active references and removal, which waits for them.
 */
#include <errno.h>

#include <umdev/log.h>

#include "model/caller.h"
#include "model/kernfs_internal.h"

/*
 * Where removals wait. A node picks its queue by its address, so that nobody has to touch a node
 * again after giving up the last active reference to it.
 */
static struct drain_queue {
	pthread_mutex_t lock;
	pthread_cond_t changed;
} drain_queues[] = {
#define QUEUE                                                       \
	{                                                           \
		PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER \
	}
	QUEUE, QUEUE, QUEUE, QUEUE, QUEUE, QUEUE, QUEUE, QUEUE,
#undef QUEUE
};

static struct drain_queue *drain_queue(const struct kernfs_node *kn)
{
	return &drain_queues[(uintptr_t)kn / sizeof(*kn) % ARRAY_SIZE(drain_queues)];
}

/* @kn may be freed already: its address is all that is used. */
static void wake_waiters(const struct kernfs_node *kn)
{
	struct drain_queue *q = drain_queue(kn);

	pthread_mutex_lock(&q->lock);
	pthread_cond_broadcast(&q->changed);
	pthread_mutex_unlock(&q->lock);
}

static bool drained(const struct kernfs_node *kn)
{
	return atomic_load(&kn->active) == KERNFS_DEACTIVATED;
}

static void wait_drained(struct kernfs_node *kn)
{
	struct drain_queue *q = drain_queue(kn);

	pthread_mutex_lock(&q->lock);
	while (!drained(kn))
		pthread_cond_wait(&q->changed, &q->lock);
	pthread_mutex_unlock(&q->lock);
}

/* Wait until the removal of @kn and the method that does it, if one does, are over. */
static void wait_removed(struct kernfs_node *kn)
{
	struct drain_queue *q = drain_queue(kn);

	pthread_mutex_lock(&q->lock);
	while (!kernfs_has(kn, KN_REMOVED) || !drained(kn))
		pthread_cond_wait(&q->changed, &q->lock);
	pthread_mutex_unlock(&q->lock);
}

bool kernfs_get_active(struct kernfs_node *kn)
{
	int active = atomic_load(&kn->active);

	do {
		if (active < 0)
			return false;
	} while (!atomic_compare_exchange_weak(&kn->active, &active, active + 1));
	return true;
}

void kernfs_put_active(struct kernfs_node *kn)
{
	if (atomic_fetch_sub(&kn->active, 1) == KERNFS_DEACTIVATED + 1)
		wake_waiters(kn);
}

/* The node that comes first when children come before their parents, from @kn down. */
static struct kernfs_node *first_post_order(struct kernfs_node *kn)
{
	struct kernfs_node *child;

	while (kn->type == KERNFS_DIR && (child = kernfs_dir_first(kn->dir)))
		kn = child;
	return kn;
}

/* The node after @pos in that order, up to @top, which is the last. */
static struct kernfs_node *next_post_order(struct kernfs_node *pos, struct kernfs_node *top)
{
	struct kernfs_node *next;

	if (pos == top)
		return NULL;
	next = kernfs_dir_next(pos->parent->dir, pos);
	return next ? first_post_order(next) : pos->parent;
}

/* Let no lookup find anything from @top down, and no active reference be taken. */
static void deactivate_subtree(struct kernfs_node *top)
{
	struct kernfs_node *kn;

	for (kn = first_post_order(top); kn; kn = next_post_order(kn, top)) {
		if (atomic_fetch_or(&kn->flags, KN_REMOVING) & KN_REMOVING)
			continue;
		atomic_fetch_add(&kn->active, KERNFS_DEACTIVATED);
	}
}

/* Take a drained node out of the tree; the tree's reference goes to @told or is dropped. */
static void unlink_node(struct kernfs_node *kn, struct list_head *told)
{
	struct kernfs_node *parent = kn->parent;
	bool self = kernfs_has(kn, KN_SELF);

	kernfs_dir_erase(parent->dir, kn);
	if (!kernfs_has(kn, KN_HIDDEN) && kn->type == KERNFS_DIR)
		atomic_fetch_sub(&parent->subdirs, 1);
	kn->hidden_by = NULL;
	atomic_fetch_and(&kn->flags, (uint8_t)~KN_LINKED);
	kernfs_touch(parent);
	if (!self) {
		atomic_fetch_or(&kn->flags, KN_REMOVED);
		wake_waiters(kn);
	}
	/* Children came before their parent; who is told hears of the parent first. */
	if (kernfs_has(kn, KN_WATCHED | KN_KNOWN))
		list_add(&kn->sibling, told);
	else
		kernfs_put(kn);
}

/*
 * Several threads may be here for the same nodes: each waits until they are drained, one unlinks.
 * The caller holds a reference to @top, and kernfs_lock, which is dropped while waiting.
 */
static void remove_locked(struct kernfs_node *top, struct list_head *told)
{
	struct kernfs_node *kn;
	bool held, last, waited = false;

	if (!kernfs_has(top, KN_LINKED))
		return;
	deactivate_subtree(top);
	do {
		kn = first_post_order(top);
		last = kn == top;
		held = !drained(kn);
		if (held) {
			kernfs_get(kn);
			pthread_rwlock_unlock(&kernfs_lock);
			/* It may take long, and nobody shall find any of it meanwhile. */
			if (!waited)
				kernfs_tell_gone(top);
			waited = true;
			wait_drained(kn);
			pthread_rwlock_wrlock(&kernfs_lock);
		}
		if (kernfs_has(kn, KN_LINKED))
			unlink_node(kn, told);
		if (held)
			kernfs_put(kn);
	} while (!last);
}

/* Remove @kn, to which the caller gives up a reference, and the hold of kernfs_lock. */
static void remove_and_put(struct kernfs_node *kn)
{
	LIST_HEAD(told);

	remove_locked(kn, &told);
	pthread_rwlock_unlock(&kernfs_lock);
	kernfs_tell_removed(&told);
	kernfs_tell_changed(kn->parent);
	kernfs_put(kn);
}

void kernfs_remove(struct kernfs_node *kn)
{
	if (!kn)
		return;
	if (!kn->parent) {
		pr_err("kernfs: a root cannot be removed");
		return;
	}
	kernfs_get(kn);
	pthread_rwlock_wrlock(&kernfs_lock);
	remove_and_put(kn);
}

/*
 * A child by name, also one that somebody else is removing: whoever returns from its removal may
 * free what its methods used. Not one that is another's than @priv says, if @check.
 */
static int remove_child(struct kernfs_node *parent, const char *name, bool check, const void *priv)
{
	struct kernfs_node *kn;

	pthread_rwlock_wrlock(&kernfs_lock);
	kn = kernfs_find(parent, name);
	if (!kn || (check && kn->priv != priv)) {
		pthread_rwlock_unlock(&kernfs_lock);
		return -ENOENT;
	}
	remove_and_put(kernfs_get(kn));
	return 0;
}

int kernfs_remove_by_name(struct kernfs_node *parent, const char *name)
{
	return remove_child(parent, name, false, NULL);
}

int kernfs_remove_file(struct kernfs_node *parent, const char *name, const void *priv)
{
	return remove_child(parent, name, true, priv);
}

bool kernfs_remove_self(struct kernfs_node *kn)
{
	LIST_HEAD(told);
	bool first;

	pthread_rwlock_wrlock(&kernfs_lock);
	kernfs_put_active(kn);
	first = !kernfs_has(kn, KN_REMOVING);
	if (first) {
		atomic_fetch_or(&kn->flags, KN_SELF);
		remove_locked(kn, &told);
		/*
		 * The caller's active reference is back before those who wait for KN_REMOVED can
		 * go on.
		 */
		atomic_fetch_add(&kn->active, 1);
		atomic_fetch_or(&kn->flags, KN_REMOVED);
	}
	pthread_rwlock_unlock(&kernfs_lock);

	if (first) {
		kernfs_tell_removed(&told);
		kernfs_tell_changed(kn->parent);
		return true;
	}
	/* The method that won may wait for a user of the device, and goes on for both. */
	caller_may_leave();
	wait_removed(kn);
	caller_stays();
	atomic_fetch_add(&kn->active, 1);
	return false;
}
