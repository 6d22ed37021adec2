/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waiting for sysfs_notify(). As in the kernel, a file that was never read counts as changed, and
 * one whose object is gone does.
 */
#include <poll.h>

#include "sysfs/window.h"

#define POLL_ALWAYS (POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM)

static struct list_head *polled_bucket(struct sysfs_mount *mount, struct kernfs_node *kn)
{
	return &mount->polled[kernfs_ino(kn) % SYSFS_POLL_BUCKETS];
}

/* Called with poll_lock held. */
static void drop_handle(struct sysfs_file *file)
{
	if (!file->ph)
		return;
	fuse_pollhandle_destroy(file->ph);
	file->ph = NULL;
	list_del_init(&file->polled);
}

static void notified(struct kernfs_watch *watch, struct kernfs_node *kn)
{
	struct sysfs_mount *mount = container_of(watch, struct sysfs_mount, watch);
	struct sysfs_file *file, *next;

	pthread_mutex_lock(&mount->poll_lock);
	list_for_each_entry_safe (file, next, polled_bucket(mount, kn), polled) {
		if (file->kn != kn)
			continue;
		/* It only wakes the waiters, who then ask again. */
		fuse_lowlevel_notify_poll(file->ph);
		drop_handle(file);
	}
	pthread_mutex_unlock(&mount->poll_lock);
}

void sysfs_poll_init(struct sysfs_mount *mount)
{
	pthread_mutex_init(&mount->poll_lock, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(mount->polled); i++)
		INIT_LIST_HEAD(&mount->polled[i]);
	mount->watch.notified = notified;
	kernfs_watch_add(&mount->watch);
}

void sysfs_poll_finish(struct sysfs_mount *mount)
{
	kernfs_watch_remove(&mount->watch);
	pthread_mutex_destroy(&mount->poll_lock);
}

void sysfs_poll_forget(struct sysfs_mount *mount, struct sysfs_file *file)
{
	pthread_mutex_lock(&mount->poll_lock);
	drop_handle(file);
	pthread_mutex_unlock(&mount->poll_lock);
}

static unsigned int poll_mask(struct sysfs_file *file)
{
	unsigned int mask = POLL_ALWAYS;

	if (!kernfs_get_active(file->kn))
		return mask | POLLERR | POLLPRI;
	if (atomic_load(&file->seen) != (SYSFS_SEEN | kernfs_event(file->kn)))
		mask |= POLLERR | POLLPRI;
	kernfs_put_active(file->kn);
	return mask;
}

void sysfs_op_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
		   struct fuse_pollhandle *ph)
{
	struct sysfs_mount *mount = sysfs_mount_of(req);
	struct sysfs_file *file = (struct sysfs_file *)(uintptr_t)fi->fh;

	if (ph) {
		pthread_mutex_lock(&mount->poll_lock);
		drop_handle(file);
		file->ph = ph;
		list_add_tail(&file->polled, polled_bucket(mount, file->kn));
		pthread_mutex_unlock(&mount->poll_lock);
	}
	/* Looked at after the handle is in place, so no notification falls between the two. */
	fuse_reply_poll(req, poll_mask(file));
}
