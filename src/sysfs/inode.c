/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "model/alloc.h"
#include "sysfs/lower.h"
#include "sysfs/window.h"

static int compare_nodes(const struct sysfs_inode *a, const struct sysfs_inode *b)
{
	if (a->kn != b->kn)
		return a->kn < b->kn ? -1 : 1;
	return a->kn ? 0 : lower_node_compare(a->lower, b->lower);
}

/* What all inodes of the same node share. */
static const void *subject_of(const struct sysfs_inode *inode)
{
	return inode->kn ? (const void *)inode->kn : inode->lower;
}

RB_PROTOTYPE(sysfs_inode_tree, sysfs_inode, entry, compare_nodes)
RB_GENERATE(sysfs_inode_tree, sysfs_inode, entry, compare_nodes)

struct sysfs_inode *sysfs_inode_of(struct sysfs_mount *mount, fuse_ino_t ino)
{
	return ino == FUSE_ROOT_ID ? &mount->root : (struct sysfs_inode *)(uintptr_t)ino;
}

struct kernfs_node *sysfs_node_of(struct sysfs_mount *mount, fuse_ino_t ino)
{
	return sysfs_inode_of(mount, ino)->kn;
}

void sysfs_attr_of(struct sysfs_mount *mount, struct kernfs_node *kn, struct stat *st)
{
	kernfs_getattr(kn, st);
	if (mount->root_owned) {
		st->st_uid = 0;
		st->st_gid = 0;
	}
	/* How many directories the layer below adds is not counted: 1 stands for "some". */
	if (mount->lower && S_ISDIR(st->st_mode))
		st->st_nlink = 1;
}

uint64_t sysfs_inode_nr(const struct sysfs_inode *inode)
{
	return inode->kn ? kernfs_ino(inode->kn) : lower_node_nr(inode->lower);
}

struct sysfs_mount *sysfs_mount_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

void sysfs_reply_err(fuse_req_t req, long err)
{
	if (err <= -512)
		err = -EIO;
	fuse_reply_err(req, -err);
}

/* Called with mount->lock held. Return: the inode if nobody needs it any more: inode_free() it. */
static struct sysfs_inode *inode_unused(struct sysfs_mount *mount, struct sysfs_inode *inode)
{
	if (inode->nlookup || inode->opens)
		return NULL;
	if (inode->shared)
		RB_REMOVE(sysfs_inode_tree, &mount->shared, inode);
	list_del_init(&inode->list);
	return inode;
}

static void inode_free(struct sysfs_inode *inode)
{
	if (!inode)
		return;
	kernfs_put(inode->kn);
	lower_node_put(inode->lower);
	free(inode);
}

/* Called with mount->lock held. */
static struct sysfs_inode *inode_find(struct sysfs_mount *mount, struct kernfs_node *kn)
{
	struct sysfs_inode key = { .kn = kn };

	return RB_FIND(sysfs_inode_tree, &mount->shared, &key);
}

/* Called with mount->lock held; takes over the caller's reference to the node if it succeeds. */
static struct sysfs_inode *inode_create(struct sysfs_mount *mount, struct kernfs_node *kn,
					struct lower_node *lower, uint64_t dotdot, bool shared)
{
	struct sysfs_inode *inode = zalloc(sizeof(*inode));

	if (!inode)
		return NULL;
	inode->kn = kn;
	inode->lower = lower;
	inode->dotdot = dotdot;
	inode->shared = shared;
	if (shared)
		RB_INSERT(sysfs_inode_tree, &mount->shared, inode);
	list_add_tail(&inode->list, &mount->inodes);
	worker_pool_hand_out(&mount->pool);
	return inode;
}

/* Called with mount->lock held. The slot of a thread whose id is not known here is never used. */
static struct sysfs_refused *refused_slot(struct sysfs_mount *mount, pid_t tid)
{
	return &mount->refused[(unsigned int)tid % SYSFS_REFUSED];
}

/* Called with mount->lock held. */
static bool was_refused(struct sysfs_mount *mount, const void *what, pid_t tid)
{
	struct sysfs_refused *slot = refused_slot(mount, tid);

	return tid > 0 && slot->tid == tid && slot->what == what;
}

fuse_ino_t sysfs_inode_id(struct sysfs_mount *mount, const struct sysfs_inode *inode)
{
	return inode == &mount->root ? FUSE_ROOT_ID : (fuse_ino_t)(uintptr_t)inode;
}

struct sysfs_inode *sysfs_inode_pin(struct sysfs_mount *mount, struct kernfs_node *kn)
{
	struct sysfs_inode *inode = &mount->root;

	if (kn == inode->kn)
		return inode;
	pthread_mutex_lock(&mount->lock);
	inode = inode_find(mount, kn);
	if (inode)
		inode->opens++;
	pthread_mutex_unlock(&mount->lock);
	return inode;
}

void sysfs_inode_unpin(struct sysfs_mount *mount, struct sysfs_inode *inode)
{
	if (inode != &mount->root)
		sysfs_inode_close(mount, sysfs_inode_id(mount, inode), false);
}

/* Takes over the caller's reference to @kn in any case. Return: an inode with one more lookup. */
static struct sysfs_inode *inode_get(struct sysfs_mount *mount, struct kernfs_node *kn,
				     uint64_t dotdot, pid_t tid)
{
	struct sysfs_inode *inode;
	bool found;

	pthread_mutex_lock(&mount->lock);
	inode = inode_find(mount, kn);
	found = inode && !inode->writers && !was_refused(mount, kn, tid);
	if (!found)
		inode = inode_create(mount, kn, NULL, dotdot, !inode);
	if (inode)
		inode->nlookup++;
	pthread_mutex_unlock(&mount->lock);
	if (found || !inode)
		kernfs_put(kn);
	return inode;
}

struct sysfs_inode *sysfs_inode_get_lower(struct sysfs_mount *mount, struct lower_node *node,
					  uint64_t dotdot, pid_t tid)
{
	struct sysfs_inode key = { .lower = node }, *inode, *shared;
	bool found;

	pthread_mutex_lock(&mount->lock);
	inode = shared = RB_FIND(sysfs_inode_tree, &mount->shared, &key);
	found = shared && !shared->writers && !was_refused(mount, shared->lower, tid);
	if (!found) {
		/* One that is private stands for the same thing, also by its address. */
		if (shared) {
			lower_node_put(node);
			node = lower_node_get(shared->lower);
		}
		inode = inode_create(mount, NULL, node, dotdot, !shared);
	}
	if (inode)
		inode->nlookup++;
	pthread_mutex_unlock(&mount->lock);
	if (found || !inode)
		lower_node_put(node);
	return inode;
}

void sysfs_inode_forget(struct sysfs_mount *mount, fuse_ino_t ino, uint64_t nlookup)
{
	struct sysfs_inode *inode = sysfs_inode_of(mount, ino);

	if (inode == &mount->root)
		return;
	pthread_mutex_lock(&mount->lock);
	inode->nlookup -= nlookup < inode->nlookup ? nlookup : inode->nlookup;
	inode = inode_unused(mount, inode);
	pthread_mutex_unlock(&mount->lock);
	inode_free(inode);
}

int sysfs_inode_open(struct sysfs_mount *mount, fuse_ino_t ino, bool writer, pid_t tid)
{
	struct sysfs_inode *inode = sysfs_inode_of(mount, ino);
	bool again, first = false;
	int err = 0;

	pthread_mutex_lock(&mount->lock);
	again = was_refused(mount, subject_of(inode), tid);
	if (writer && inode->writers && inode->shared && tid > 0 && !again) {
		*refused_slot(mount, tid) = (struct sysfs_refused) {
			.tid = tid,
			.what = subject_of(inode),
		};
		err = -ESTALE;
	} else {
		if (again)
			refused_slot(mount, tid)->tid = 0;
		first = writer && inode->shared && !inode->writers;
		inode->opens++;
		inode->writers += writer;
	}
	pthread_mutex_unlock(&mount->lock);
	/* Who comes by the name from now on is to get an inode of its own. */
	if (first && inode->kn)
		sysfs_cache_drop(mount, inode->kn, true);
	return err;
}

void sysfs_inode_close(struct sysfs_mount *mount, fuse_ino_t ino, bool writer)
{
	struct sysfs_inode *inode = sysfs_inode_of(mount, ino);

	pthread_mutex_lock(&mount->lock);
	inode->opens--;
	inode->writers -= writer;
	inode = inode_unused(mount, inode);
	pthread_mutex_unlock(&mount->lock);
	inode_free(inode);
}

void sysfs_inodes_finish(struct sysfs_mount *mount)
{
	struct sysfs_inode *inode, *next;

	list_for_each_entry_safe (inode, next, &mount->inodes, list) {
		inode->nlookup = 0;
		inode->opens = 0;
		inode_free(inode_unused(mount, inode));
	}
}

/*
 * Tell the kernel of an inode that it has one lookup more of. In this order: from where the inode
 * can be found and its node is known on, all that happens to it is told the kernel.
 *
 * Return: false if the node is gone. Then that lookup is taken back.
 */
static bool entry_fill(struct sysfs_mount *mount, struct sysfs_inode *inode,
		       struct fuse_entry_param *entry)
{
	entry->ino = sysfs_inode_id(mount, inode);
	if (!kernfs_set_known(inode->kn)) {
		sysfs_inode_forget(mount, entry->ino, 1);
		return false;
	}
	sysfs_attr_of(mount, inode->kn, &entry->attr);
	entry->attr_timeout = entry->entry_timeout = sysfs_cache_timeout(inode);
	return true;
}

bool sysfs_inode_list(struct sysfs_mount *mount, struct kernfs_node *kn, uint64_t dotdot,
		      struct fuse_entry_param *entry)
{
	struct sysfs_inode *inode;
	bool found;

	pthread_mutex_lock(&mount->lock);
	inode = inode_find(mount, kn);
	found = inode;
	if (!found)
		inode = inode_create(mount, kn, NULL, dotdot, true);
	else if (inode->writers)
		inode = NULL;
	if (inode)
		inode->nlookup++;
	pthread_mutex_unlock(&mount->lock);
	if (found || !inode)
		kernfs_put(kn);
	return inode && entry_fill(mount, inode, entry);
}

bool sysfs_op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct sysfs_mount *mount = sysfs_mount_of(req);
	struct kernfs_node *dir = sysfs_node_of(mount, parent);
	struct fuse_entry_param entry = { 0 };
	struct kernfs_node *kn = NULL;
	struct sysfs_inode *inode;

	if (dir && kernfs_type(dir) == KERNFS_DIR)
		kn = kernfs_lookup(dir, name);
	if (!kn)
		return false;
	inode = inode_get(mount, kn, kernfs_ino(dir), fuse_req_ctx(req)->pid);
	if (!inode) {
		fuse_reply_err(req, ENOMEM);
		return true;
	}
	if (!entry_fill(mount, inode, &entry))
		return false;
	/* A caller that was interrupted meanwhile has not got it, so nobody will forget it. */
	if (fuse_reply_entry(req, &entry) == -ENOENT)
		sysfs_inode_forget(mount, entry.ino, 1);
	return true;
}

void sysfs_op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup)
{
	sysfs_inode_forget(sysfs_mount_of(req), ino, nlookup);
	fuse_reply_none(req);
}

void sysfs_op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	struct sysfs_mount *mount = sysfs_mount_of(req);

	for (size_t i = 0; i < count; i++)
		sysfs_inode_forget(mount, forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(req);
}

static void reply_attr(fuse_req_t req, const struct sysfs_inode *inode)
{
	struct stat st;

	sysfs_attr_of(sysfs_mount_of(req), inode->kn, &st);
	fuse_reply_attr(req, &st, sysfs_cache_timeout(inode));
}

void sysfs_op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	reply_attr(req, sysfs_inode_of(sysfs_mount_of(req), ino));
}

/* A new size is accepted and does nothing; who may set what was the kernel's to check. */
void sysfs_op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int to_set,
		      struct fuse_file_info *fi)
{
	struct sysfs_inode *inode = sysfs_inode_of(sysfs_mount_of(req), ino);
	struct stat set = *st;
	unsigned int flags = 0;
	int err = 0;

	/* Root of that mount is who runs this program, by the name that is used in it. */
	if (sysfs_mount_of(req)->root_owned) {
		set.st_uid = geteuid();
		set.st_gid = getegid();
	}

	if (to_set & FUSE_SET_ATTR_MODE)
		flags |= KERNFS_SET_MODE;
	if (to_set & FUSE_SET_ATTR_UID)
		flags |= KERNFS_SET_UID;
	if (to_set & FUSE_SET_ATTR_GID)
		flags |= KERNFS_SET_GID;
	if (to_set & FUSE_SET_ATTR_ATIME_NOW)
		clock_gettime(CLOCK_REALTIME, &set.st_atim);
	if (to_set & FUSE_SET_ATTR_MTIME_NOW)
		clock_gettime(CLOCK_REALTIME, &set.st_mtim);
	if (to_set & (FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_ATIME_NOW))
		flags |= KERNFS_SET_ATIME;
	if (to_set & (FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW))
		flags |= KERNFS_SET_MTIME;
	if (flags)
		err = kernfs_setattr(inode->kn, &set, flags);
	if (err)
		sysfs_reply_err(req, err);
	else
		reply_attr(req, inode);
}

void sysfs_op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct kernfs_node *kn = sysfs_node_of(sysfs_mount_of(req), ino);
	char target[PATH_MAX];
	int ret = -EINVAL;

	if (kernfs_type(kn) == KERNFS_LINK)
		ret = kernfs_link_text(kn, target, sizeof(target));
	if (ret < 0)
		sysfs_reply_err(req, ret);
	else
		fuse_reply_readlink(req, target);
}
