/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <umdev/log.h>
#include <umdev/thread.h>
#include "model/alloc.h"
#include "sysfs/window.h"

void sysfs_notifier_init(struct sysfs_notifier *notifier)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&notifier->lock, NULL);
	pthread_cond_init(&notifier->work, NULL);
	pthread_cond_init(&notifier->changed, &attr);
	pthread_condattr_destroy(&attr);
	INIT_LIST_HEAD(&notifier->queue);
	INIT_LIST_HEAD(&notifier->working);
}

void sysfs_notifier_finish(struct sysfs_notifier *notifier)
{
	pthread_cond_destroy(&notifier->changed);
	pthread_cond_destroy(&notifier->work);
	pthread_mutex_destroy(&notifier->lock);
}

void sysfs_notifier_start(struct sysfs_notifier *notifier)
{
	pthread_mutex_lock(&notifier->lock);
	notifier->running = true;
	pthread_mutex_unlock(&notifier->lock);
}

bool sysfs_notifier_enter(struct sysfs_notifier *notifier)
{
	bool running;

	pthread_mutex_lock(&notifier->lock);
	running = notifier->running;
	notifier->inside += running;
	pthread_mutex_unlock(&notifier->lock);
	return running;
}

void sysfs_notifier_leave(struct sysfs_notifier *notifier)
{
	pthread_mutex_lock(&notifier->lock);
	if (!--notifier->inside)
		pthread_cond_broadcast(&notifier->changed);
	pthread_mutex_unlock(&notifier->lock);
}

static struct timespec deadline(clockid_t clock)
{
	struct timespec end;

	clock_gettime(clock, &end);
	end.tv_sec += SYSFS_NOTIFY_SECONDS;
	return end;
}

bool sysfs_notifier_stop(struct sysfs_notifier *notifier)
{
	struct timespec end;
	bool all = true;

	pthread_mutex_lock(&notifier->lock);
	notifier->running = false;
	while (notifier->inside)
		pthread_cond_wait(&notifier->changed, &notifier->lock);
	pthread_cond_broadcast(&notifier->work);
	pthread_mutex_unlock(&notifier->lock);
	/* Nobody starts one any more. */
	end = deadline(CLOCK_REALTIME);
	for (unsigned int i = 0; i < notifier->count; i++) {
		if (!pthread_timedjoin_np(notifier->threads[i], NULL, &end))
			continue;
		pthread_detach(notifier->threads[i]);
		all = false;
	}
	notifier->count = 0;
	return all;
}

/* An error says that the kernel does not have the entry, or no mount any more: all the better. */
static void drop_entry(struct sysfs_mount *mount, struct sysfs_inode *dir, struct kernfs_node *kn)
{
	const char *name = kernfs_name(kn);

	fuse_lowlevel_notify_inval_entry(mount->session, sysfs_inode_id(mount, dir), name,
					 strlen(name));
	sysfs_inode_unpin(mount, dir);
}

/* Return: the first that the kernel was not told of, not the batch's any more; NULL at the end. */
static struct sysfs_stale *batch_next(struct sysfs_batch *batch)
{
	struct sysfs_stale *stale;

	batch->at = NULL;
	if (list_empty(&batch->entries))
		return NULL;
	stale = list_first_entry(&batch->entries, struct sysfs_stale, list);
	list_del_init(&stale->list);
	batch->at = stale->dir;
	return stale;
}

static void stale_tell(struct sysfs_mount *mount, struct sysfs_stale *stale)
{
	drop_entry(mount, stale->dir, stale->kn);
	kernfs_put(stale->kn);
	free(stale);
}

static struct sysfs_batch *batch_create(void)
{
	struct sysfs_batch *batch = zalloc(sizeof(*batch));

	if (batch)
		INIT_LIST_HEAD(&batch->entries);
	return batch;
}

void sysfs_batch_add(struct sysfs_mount *mount, struct sysfs_batch **batch, struct sysfs_inode *dir,
		     struct kernfs_node *kn)
{
	struct sysfs_stale *stale = zalloc(sizeof(*stale));

	if (stale && !*batch)
		*batch = batch_create();
	if (!stale || !*batch) {
		free(stale);
		drop_entry(mount, dir, kn);
		return;
	}
	stale->dir = dir;
	stale->kn = kernfs_get(kn);
	list_add_tail(&stale->list, &(*batch)->entries);
}

static struct sysfs_mount *mount_of(struct sysfs_notifier *notifier)
{
	return container_of(notifier, struct sysfs_mount, notifier);
}

/* Called with notifier->lock held. */
static void work_on(struct sysfs_notifier *notifier, struct sysfs_batch *batch)
{
	struct sysfs_stale *stale;

	list_del_init(&batch->list);
	list_add_tail(&batch->list, &notifier->working);
	notifier->idle--;
	while ((stale = batch_next(batch))) {
		pthread_mutex_unlock(&notifier->lock);
		stale_tell(mount_of(notifier), stale);
		pthread_mutex_lock(&notifier->lock);
	}
	list_del_init(&batch->list);
	notifier->idle++;
	notifier->late -= batch->late;
	batch->over = true;
	if (batch->waited)
		pthread_cond_broadcast(&notifier->changed);
	else
		free(batch);
}

static void *notifier_main(void *data)
{
	struct sysfs_notifier *notifier = data;

	pthread_mutex_lock(&notifier->lock);
	for (;;) {
		while (notifier->running && list_empty(&notifier->queue))
			pthread_cond_wait(&notifier->work, &notifier->lock);
		if (list_empty(&notifier->queue))
			break;
		work_on(notifier, list_first_entry(&notifier->queue, struct sysfs_batch, list));
	}
	pthread_mutex_unlock(&notifier->lock);
	return NULL;
}

/* Called with notifier->lock held. */
static void spawn(struct sysfs_notifier *notifier)
{
	pthread_t *thread = &notifier->threads[notifier->count];

	if (notifier->count == NOTIFIERS_MAX || fault_point() ||
	    umdev_thread_start(thread, NULL, notifier_main, notifier))
		return;
	notifier->count++;
	notifier->idle++;
}

/* Called with notifier->lock held. Return: the kernel was told; false when the time was over. */
static bool wait_for(struct sysfs_notifier *notifier, struct sysfs_batch *batch)
{
	struct timespec end = deadline(CLOCK_MONOTONIC);
	int err = 0;

	while (!batch->over && !err)
		err = pthread_cond_timedwait(&notifier->changed, &notifier->lock, &end);
	return batch->over;
}

/* Called with notifier->lock held. Return: who is held up in @dir, or NULL. */
static struct sysfs_batch *find_late(struct sysfs_notifier *notifier, const struct sysfs_inode *dir)
{
	struct sysfs_batch *batch;

	list_for_each_entry (batch, &notifier->working, list)
		if (batch->late && batch->at == dir)
			return batch;
	return NULL;
}

/* Called with notifier->lock held. Leave to those who are held up what is in their directories. */
static void leave_to_late(struct sysfs_notifier *notifier, struct sysfs_batch *batch)
{
	struct sysfs_stale *stale, *next;
	struct sysfs_batch *late;

	if (!notifier->late)
		return;
	list_for_each_entry_safe (stale, next, &batch->entries, list) {
		late = find_late(notifier, stale->dir);
		if (!late)
			continue;
		list_del_init(&stale->list);
		list_add_tail(&stale->list, &late->entries);
	}
}

/*
 * Called with notifier->lock held. Nobody waits any more for the directory that @batch is at.
 * Return: what it has in others, or NULL.
 */
static struct sysfs_batch *give_up(struct sysfs_notifier *notifier, struct sysfs_batch *batch)
{
	struct sysfs_stale *stale, *next;
	struct sysfs_batch *rest;

	pr_warn("sysfs: somebody keeps a directory from being changed: what was removed from it "
		"may be seen a while longer");
	batch->waited = false;
	/* It may wait for its turn behind others, who are held up. */
	if (!batch->at)
		return NULL;
	batch->late = true;
	notifier->late++;
	rest = batch_create();
	if (!rest)
		return NULL;
	list_for_each_entry_safe (stale, next, &batch->entries, list) {
		if (stale->dir == batch->at)
			continue;
		list_del_init(&stale->list);
		list_add_tail(&stale->list, &rest->entries);
	}
	return rest;
}

/* Called with notifier->lock held; takes over @batch. Return: what is to be told still, or NULL. */
static struct sysfs_batch *hand_over(struct sysfs_notifier *notifier, struct sysfs_batch *batch,
				     bool wait)
{
	leave_to_late(notifier, batch);
	if (list_empty(&batch->entries)) {
		free(batch);
		return NULL;
	}
	batch->waited = wait && notifier->late < NOTIFIERS_MAX;
	list_add_tail(&batch->list, &notifier->queue);
	pthread_cond_signal(&notifier->work);
	if (!batch->waited)
		return NULL;
	if (!wait_for(notifier, batch))
		return give_up(notifier, batch);
	free(batch);
	return NULL;
}

static void tell_at_once(struct sysfs_mount *mount, struct sysfs_batch *batch)
{
	struct sysfs_stale *stale;

	while ((stale = batch_next(batch)))
		stale_tell(mount, stale);
	free(batch);
}

void sysfs_notifier_tell(struct sysfs_mount *mount, struct sysfs_batch *batch, bool wait)
{
	struct sysfs_notifier *notifier = &mount->notifier;

	if (!batch)
		return;
	pthread_mutex_lock(&notifier->lock);
	while (batch) {
		/* Batches in the queue have each one of those who are idle. */
		if (!notifier->idle || !list_empty(&notifier->queue))
			spawn(notifier);
		if (!notifier->count)
			break;
		batch = hand_over(notifier, batch, wait);
	}
	pthread_mutex_unlock(&notifier->lock);
	if (batch)
		tell_at_once(mount, batch);
}
