/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Threads that tell the kernel which of its directory entries are stale.
 */
#ifndef UMDEV_SYSFS_NOTIFIER_H
#define UMDEV_SYSFS_NOTIFIER_H

#include <pthread.h>
#include <stdbool.h>

#include <umdev/util.h>

struct kernfs_node;
struct sysfs_inode;
struct sysfs_mount;

#define NOTIFIERS_MAX 8

/**
 * struct sysfs_stale - an entry that the kernel must not use any more
 * @dir: the directory's inode, pinned
 * @kn:  a reference is held; for the name
 */
struct sysfs_stale {
	struct list_head list; /* its batch's */
	struct sysfs_inode *dir;
	struct kernfs_node *kn;
};

/**
 * struct sysfs_batch - entries that became stale together
 * @entries: struct sysfs_stale, in the order in which they are told; notifier->lock from when it is
 *           in the queue
 * @list:    notifier->lock; in the queue or among those at work
 * @at:      notifier->lock; the directory that its notifier is at, NULL before it began
 * @late:    notifier->lock; somebody holds that directory, and nobody waits for it any more
 * @over:    notifier->lock; the kernel knows
 * @waited:  notifier->lock; who waits for that frees it, else the notifier does
 */
struct sysfs_batch {
	struct list_head entries;
	struct list_head list;
	const struct sysfs_inode *at;
	bool late;
	bool over;
	bool waited;
};

/**
 * struct sysfs_notifier - threads that write to /dev/fuse what blocks there
 *
 * The kernel takes the lock of a directory to drop an entry of it. Who is in that directory holds
 * it: mostly for a lookup that we answer, but also while it copies a listing to memory that
 * somebody withholds, or waits (in an unlink()) for the end of a write whose store() is what made
 * the entry stale. So the wait is a thread's of its own, and who needs the outcome gives up some
 * day. From then on what goes in that directory is left to the same thread, and nobody waits for
 * it: who holds a directory can neither stop the tree from changing nor slow it down by more than
 * that.
 */
struct sysfs_notifier {
	pthread_mutex_t lock;
	pthread_cond_t work;	  /* with lock; the queue is not empty, or running is false */
	pthread_cond_t changed;	  /* with lock; a batch is over, or nobody is inside */
	struct list_head queue;	  /* lock; struct sysfs_batch */
	struct list_head working; /* lock; struct sysfs_batch */
	pthread_t threads[NOTIFIERS_MAX]; /* lock until running is false */
	unsigned int count;		  /* lock; of threads */
	unsigned int idle;		  /* lock; of those, who wait for work */
	unsigned int late;		  /* lock; of those, who are held up */
	unsigned int inside;		  /* lock; between enter and leave */
	bool running;			  /* lock */
};

/** sysfs_notifier_init - storage of the mount's. Nothing runs until sysfs_notifier_start(). */
void sysfs_notifier_init(struct sysfs_notifier *notifier);
void sysfs_notifier_finish(struct sysfs_notifier *notifier);
/** sysfs_notifier_start - the session is there. Before the first request is served. */
void sysfs_notifier_start(struct sysfs_notifier *notifier);
/**
 * sysfs_notifier_stop - end the threads. While the session is still served.
 *
 * Return: true; nobody uses the session any more. False if a thread is held up in the kernel for
 * longer than SYSFS_NOTIFY_SECONDS: then the mount's memory is needed for good.
 */
bool sysfs_notifier_stop(struct sysfs_notifier *notifier);

/** sysfs_notifier_enter - use the session until leave. Return: false when there is none. */
bool sysfs_notifier_enter(struct sysfs_notifier *notifier);
void sysfs_notifier_leave(struct sysfs_notifier *notifier);

/**
 * sysfs_notifier_tell - have the kernel drop entries
 * @batch: from sysfs_batch_add(); taken over. NULL does nothing
 * @wait:  return when it has done so, or after SYSFS_NOTIFY_SECONDS with a line in the log
 *
 * Context: between enter and leave; without locks.
 */
void sysfs_notifier_tell(struct sysfs_mount *mount, struct sysfs_batch *batch, bool wait);

/**
 * sysfs_batch_add - add the entry of @kn to a batch, which is made if it is NULL
 * @dir: pinned; taken over in any case
 *
 * Without memory the kernel is told at once instead, however long it takes.
 */
void sysfs_batch_add(struct sysfs_mount *mount, struct sysfs_batch **batch, struct sysfs_inode *dir,
		     struct kernfs_node *kn);

#define SYSFS_NOTIFY_SECONDS 1

#endif
