/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What stat() shows of nodes, and who is told when a file changes.
 */
#include <errno.h>
#include <unistd.h>

#include "model/alloc.h"
#include "model/kernfs_internal.h"

/* Guards the contents of all kernfs_iattrs. A leaf: nothing is called under it. */
static pthread_mutex_t iattr_lock = PTHREAD_MUTEX_INITIALIZER;

/* Who is told of notifications. A reader's side is held during the calls. */
static pthread_rwlock_t watch_lock = PTHREAD_RWLOCK_INITIALIZER;
static LIST_HEAD(watches); /* under watch_lock */

/* The tree belongs to who runs it: root in the kernel, and whoever started the program here. */
static uid_t owner_uid;
static gid_t owner_gid;
static pthread_once_t owner_once = PTHREAD_ONCE_INIT;

static struct timespec now_coarse(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return now;
}

/* The roots are there before anything runs, so they count as born when one is first looked at. */
static void find_owner(void)
{
	struct timespec now = now_coarse();

	owner_uid = geteuid();
	owner_gid = getegid();
	kernfs_root()->born = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
	kernfs_dev_root()->born = kernfs_root()->born;
}

static struct kernfs_iattrs default_iattrs(const struct kernfs_node *kn)
{
	struct kernfs_iattrs attrs = { .mode = kn->mode };

	pthread_once(&owner_once, find_owner);
	attrs.uid = owner_uid;
	attrs.gid = owner_gid;
	attrs.atime.tv_sec = kn->born / 1000000000;
	attrs.atime.tv_nsec = kn->born % 1000000000;
	attrs.mtime = attrs.ctime = attrs.atime;
	return attrs;
}

mode_t kernfs_format(const struct kernfs_node *kn)
{
	switch ((enum kernfs_type)kn->type) {
	case KERNFS_DIR:
		return S_IFDIR;
	case KERNFS_LINK:
		return S_IFLNK;
	case KERNFS_DEVNODE:
		return kn->block ? S_IFBLK : S_IFCHR;
	case KERNFS_FILE:
		break;
	}
	return S_IFREG;
}

void kernfs_getattr(struct kernfs_node *kn, struct stat *st)
{
	struct kernfs_iattrs *set = atomic_load(&kn->iattr);
	struct kernfs_iattrs attrs;

	if (set) {
		pthread_mutex_lock(&iattr_lock);
		attrs = *set;
		pthread_mutex_unlock(&iattr_lock);
	} else {
		attrs = default_iattrs(kn);
	}
	memset(st, 0, sizeof(*st));
	st->st_ino = kn->ino;
	st->st_mode = kernfs_format(kn) | attrs.mode;
	st->st_nlink = kn->type == KERNFS_DIR ? atomic_load(&kn->subdirs) + 2 : 1;
	st->st_uid = attrs.uid;
	st->st_gid = attrs.gid;
	st->st_size = kn->type == KERNFS_FILE ? kn->size : 0;
	st->st_rdev = kn->type == KERNFS_DEVNODE ? kn->rdev : 0;
	st->st_blksize = SYSFS_PAGE_SIZE;
	st->st_atim = attrs.atime;
	st->st_mtim = attrs.mtime;
	st->st_ctim = attrs.ctime;
}

int kernfs_setattr(struct kernfs_node *kn, const struct stat *st, unsigned int flags)
{
	struct kernfs_iattrs *fresh = NULL, *set = atomic_load(&kn->iattr);

	if (!set) {
		fresh = zalloc(sizeof(*fresh));
		if (!fresh)
			return -ENOMEM;
		*fresh = default_iattrs(kn);
	}
	pthread_mutex_lock(&iattr_lock);
	if (fresh) {
		/* Unless another thread was first; once there they stay. */
		set = atomic_load(&kn->iattr);
		if (!set) {
			set = fresh;
			fresh = NULL;
			atomic_store(&kn->iattr, set);
		}
	}
	if (flags & KERNFS_SET_MODE)
		set->mode = st->st_mode & 07777;
	if (flags & KERNFS_SET_UID)
		set->uid = st->st_uid;
	if (flags & KERNFS_SET_GID)
		set->gid = st->st_gid;
	if (flags & KERNFS_SET_ATIME)
		set->atime = st->st_atim;
	if (flags & KERNFS_SET_MTIME)
		set->mtime = st->st_mtim;
	set->ctime = now_coarse();
	pthread_mutex_unlock(&iattr_lock);
	free(fresh);
	return 0;
}

void kernfs_touch(struct kernfs_node *kn)
{
	struct kernfs_iattrs *set = atomic_load(&kn->iattr);

	if (!set)
		return;
	pthread_mutex_lock(&iattr_lock);
	set->mtime = set->ctime = now_coarse();
	pthread_mutex_unlock(&iattr_lock);
}

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
