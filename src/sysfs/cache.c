/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the kernel may answer without asking us, and how it learns that it may not any more.
 *
 * A node's entry, attributes and link text, and the listing of a directory, stay in the kernel
 * until we take them back:
 *
 * - An entry that is gone is taken back before the one who removes it goes on (gone()). A lookup
 *   that found the node before, and is answered after, loses: it holds the directory's lock in the
 *   kernel until its answer is in place, and taking back waits for that lock. A lookup that begins
 *   its answer when all is over sees so itself, because a node is made known (kernfs_set_known())
 *   first, then looked at.
 * - Attributes that changed are taken back (changed()), which takes no lock of the kernel's. Of an
 *   answer on the way for an inode that it has, the kernel sees that it is older. If it has no such
 *   inode while we think that it does, an answer that will bring it is on the way; then the entry
 *   is taken back as well, and waited for as if it were gone.
 * - The kernel compares a directory's time of change before it believes in a listing; see
 *   kernfs_touch().
 *
 * There are no negative entries. What is private to a writer, or of the layer below, is not
 * remembered either.
 */
#include <errno.h>

#include "sysfs/window.h"

/* Seconds; as good as for ever. */
#define LONG 31536000.0

static struct sysfs_mount *mount_of(struct kernfs_watch *watch)
{
	return container_of(watch, struct sysfs_mount, watch);
}

double sysfs_cache_timeout(const struct sysfs_inode *inode)
{
	return inode->shared && inode->kn ? LONG : 0;
}

/* Add what the kernel has of @kn to @batch, if it has something. */
static void add_stale(struct sysfs_mount *mount, struct sysfs_batch **batch, struct kernfs_node *kn)
{
	struct sysfs_inode *inode = sysfs_inode_pin(mount, kn), *dir = NULL;

	if (!inode)
		return;
	if (inode != &mount->root)
		dir = sysfs_inode_pin(mount, kernfs_parent(kn));
	if (dir)
		sysfs_batch_add(mount, batch, dir, kn);
	sysfs_inode_unpin(mount, inode);
}

static void gone(struct kernfs_watch *watch, const struct kernfs_gone *nodes)
{
	struct sysfs_mount *mount = mount_of(watch);
	struct sysfs_batch *batch = NULL;
	struct kernfs_node *kn = NULL;

	if (!sysfs_notifier_enter(&mount->notifier))
		return;
	while ((kn = kernfs_gone_next(nodes, kn)))
		add_stale(mount, &batch, kn);
	sysfs_notifier_tell(mount, batch, true);
	sysfs_notifier_leave(&mount->notifier);
}

void sysfs_cache_drop(struct sysfs_mount *mount, struct kernfs_node *kn, bool wait)
{
	struct sysfs_batch *batch = NULL;

	if (!sysfs_notifier_enter(&mount->notifier))
		return;
	add_stale(mount, &batch, kn);
	sysfs_notifier_tell(mount, batch, wait);
	sysfs_notifier_leave(&mount->notifier);
}

static void changed(struct kernfs_watch *watch, struct kernfs_node *kn)
{
	struct sysfs_mount *mount = mount_of(watch);
	struct sysfs_inode *inode;

	if (!sysfs_notifier_enter(&mount->notifier))
		return;
	inode = sysfs_inode_pin(mount, kn);
	if (inode) {
		/* A negative offset: attributes alone. */
		if (fuse_lowlevel_notify_inval_inode(mount->session, sysfs_inode_id(mount, inode),
						     -1, 0) == -ENOENT)
			sysfs_cache_drop(mount, kn, true);
		sysfs_inode_unpin(mount, inode);
	}
	sysfs_notifier_leave(&mount->notifier);
}

void sysfs_cache_init(struct sysfs_mount *mount)
{
	sysfs_notifier_init(&mount->notifier);
	mount->watch.changed = changed;
	mount->watch.gone = gone;
}

void sysfs_cache_finish(struct sysfs_mount *mount)
{
	sysfs_notifier_finish(&mount->notifier);
}

void sysfs_cache_start(struct sysfs_mount *mount)
{
	kernfs_set_known(mount->root.kn);
	sysfs_notifier_start(&mount->notifier);
}

bool sysfs_cache_stop(struct sysfs_mount *mount)
{
	return sysfs_notifier_stop(&mount->notifier);
}
