/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <umdev/log.h>
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

void sysfs_notifier_stop(struct sysfs_notifier *notifier)
{
	pthread_mutex_lock(&notifier->lock);
	notifier->running = false;
	while (notifier->inside)
		pthread_cond_wait(&notifier->changed, &notifier->lock);
	pthread_cond_broadcast(&notifier->work);
	pthread_mutex_unlock(&notifier->lock);
	/* Nobody starts one any more. */
	for (unsigned int i = 0; i < notifier->count; i++)
		pthread_join(notifier->threads[i], NULL);
	notifier->count = 0;
}

/* An error says that the kernel does not have the entry, or no mount any more: all the better. */
static void drop_entry(struct sysfs_mount *mount, struct sysfs_inode *dir, struct kernfs_node *kn)
{
	const char *name = kernfs_name(kn);

	fuse_lowlevel_notify_inval_entry(mount->session, sysfs_inode_id(mount, dir), name,
					 strlen(name));
	sysfs_inode_unpin(mount, dir);
}

static void batch_tell(struct sysfs_mount *mount, struct sysfs_batch *batch)
{
	struct sysfs_stale *stale, *next;

	list_for_each_entry_safe (stale, next, &batch->entries, list) {
		drop_entry(mount, stale->dir, stale->kn);
		kernfs_put(stale->kn);
		free(stale);
	}
	INIT_LIST_HEAD(&batch->entries);
}

void sysfs_batch_add(struct sysfs_mount *mount, struct sysfs_batch **batch, struct sysfs_inode *dir,
		     struct kernfs_node *kn)
{
	struct sysfs_stale *stale = zalloc(sizeof(*stale));

	if (stale && !*batch) {
		*batch = zalloc(sizeof(**batch));
		if (*batch)
			INIT_LIST_HEAD(&(*batch)->entries);
	}
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

static void *notifier_main(void *data)
{
	struct sysfs_notifier *notifier = data;
	struct sysfs_batch *batch;

	pthread_mutex_lock(&notifier->lock);
	for (;;) {
		while (notifier->running && list_empty(&notifier->queue))
			pthread_cond_wait(&notifier->work, &notifier->lock);
		if (list_empty(&notifier->queue))
			break;
		batch = list_first_entry(&notifier->queue, struct sysfs_batch, list);
		list_del_init(&batch->list);
		notifier->idle--;
		pthread_mutex_unlock(&notifier->lock);
		batch_tell(mount_of(notifier), batch);
		pthread_mutex_lock(&notifier->lock);
		notifier->idle++;
		batch->over = true;
		if (batch->waited)
			pthread_cond_broadcast(&notifier->changed);
		else
			free(batch);
	}
	pthread_mutex_unlock(&notifier->lock);
	return NULL;
}

/* Called with notifier->lock held. Signals belong to the program that mounts. */
static void spawn(struct sysfs_notifier *notifier)
{
	sigset_t block, old;

	if (notifier->count == NOTIFIERS_MAX || fault_point())
		return;
	sigfillset(&block);
	pthread_sigmask(SIG_BLOCK, &block, &old);
	if (!pthread_create(&notifier->threads[notifier->count], NULL, notifier_main, notifier)) {
		notifier->count++;
		notifier->idle++;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/* Called with notifier->lock held. Return: the kernel was told; false when the time was over. */
static bool wait_for(struct sysfs_notifier *notifier, struct sysfs_batch *batch)
{
	struct timespec end;
	int err = 0;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += SYSFS_NOTIFY_SECONDS;
	while (!batch->over && !err)
		err = pthread_cond_timedwait(&notifier->changed, &notifier->lock, &end);
	return batch->over;
}

void sysfs_notifier_tell(struct sysfs_mount *mount, struct sysfs_batch *batch, bool wait)
{
	struct sysfs_notifier *notifier = &mount->notifier;
	bool told = true;

	if (!batch)
		return;
	pthread_mutex_lock(&notifier->lock);
	/* Batches in the queue have each one of those who are idle. */
	if (!notifier->idle || !list_empty(&notifier->queue))
		spawn(notifier);
	if (!notifier->count) {
		pthread_mutex_unlock(&notifier->lock);
		batch_tell(mount, batch);
		free(batch);
		return;
	}
	batch->waited = wait;
	list_add_tail(&batch->list, &notifier->queue);
	pthread_cond_signal(&notifier->work);
	if (wait) {
		told = wait_for(notifier, batch);
		batch->waited = false;
		if (told)
			free(batch);
	}
	pthread_mutex_unlock(&notifier->lock);
	if (!told)
		pr_warn("sysfs: somebody keeps a directory from being changed: what was removed "
			"from it may be seen a while longer");
}
