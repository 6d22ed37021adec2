/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What stat() shows of nodes.
 */
#include <errno.h>
#include <unistd.h>

#include "model/alloc.h"
#include "model/kernfs_internal.h"

#define NS_PER_SEC INT64_C(1000000000)

/* Guards the contents of all kernfs_iattrs. A leaf: nothing is called under it. */
static pthread_mutex_t iattr_lock = PTHREAD_MUTEX_INITIALIZER;

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

static struct timespec to_timespec(int64_t ns)
{
	return (struct timespec) { .tv_sec = ns / NS_PER_SEC, .tv_nsec = ns % NS_PER_SEC };
}

static int64_t to_ns(struct timespec ts)
{
	return ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
}

/* The roots are there before anything runs, so they count as born when one is first looked at. */
static void find_owner(void)
{
	owner_uid = geteuid();
	owner_gid = getegid();
	kernfs_root()->born = to_ns(now_coarse());
	kernfs_dev_root()->born = kernfs_root()->born;
}

static struct kernfs_iattrs default_iattrs(const struct kernfs_node *kn)
{
	struct kernfs_iattrs attrs = { .mode = kn->mode };
	int64_t changed = 0;

	pthread_once(&owner_once, find_owner);
	attrs.uid = owner_uid;
	attrs.gid = owner_gid;
	if (kn->type == KERNFS_DIR)
		changed = atomic_load(&kn->dir->changed);
	attrs.atime = to_timespec(kn->born);
	attrs.mtime = attrs.ctime = changed > kn->born ? to_timespec(changed) : attrs.atime;
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
	kernfs_tell_changed(kn);
	return 0;
}

void kernfs_touch(struct kernfs_node *kn)
{
	struct kernfs_iattrs *set = atomic_load(&kn->iattr);
	int64_t now = to_ns(now_coarse()), last = atomic_load(&kn->dir->changed);

	if (now <= last)
		now = last + 1;
	atomic_store(&kn->dir->changed, now);
	if (!set)
		return;
	pthread_mutex_lock(&iattr_lock);
	set->mtime = set->ctime = to_timespec(now);
	pthread_mutex_unlock(&iattr_lock);
}
