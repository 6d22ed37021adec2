/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of the tree share among themselves.
 *
 * Locks, outer to inner: kernfs_lock, then those of kernfs_active.c and kernfs_attr.c, which are
 * leaves. A node's parent and name never change, so paths are read without a lock.
 */
#ifndef UMDEV_MODEL_KERNFS_INTERNAL_H
#define UMDEV_MODEL_KERNFS_INTERNAL_H

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>

#include "model/kernfs.h"

/* Added to kernfs_node.active when removal begins: no new active references then. */
#define KERNFS_DEACTIVATED INT_MIN

/* In kernfs_node.flags. All but KN_WATCHED and KN_KNOWN change under kernfs_lock (write). */
enum {
	KN_LINKED = 1,	 /* among the parent's children */
	KN_HIDDEN = 2,	 /* not seen from outside */
	KN_REMOVING = 4, /* removal has begun */
	KN_SELF = 8,	 /* a method of its own removes it and sets KN_REMOVED */
	KN_REMOVED = 16, /* removal is over */
	KN_WATCHED = 32, /* somebody has asked for its notifications */
	KN_KNOWN = 64,	 /* somebody may show it from memory */
};

struct kernfs_iattrs {
	mode_t mode;
	uid_t uid;
	gid_t gid;
	struct timespec atime, mtime, ctime;
};

/* struct kernfs_gone - nodes that left: @only, or those of a list linked by sibling */
struct kernfs_gone {
	struct kernfs_node *only;
	const struct list_head *nodes;
};

/*
 * struct kernfs_dir - the children of a directory; under kernfs_lock
 * @children:   in the order of their creation
 * @slots:      a hash table of them with open addressing; NULL while there are few
 * @nr_slots:   its size, a power of 2, or 0
 * @count:      how many children
 * @changed:    when what can be found in it changed last, for stat(): nanoseconds since the epoch,
 *              and never twice the same. Read without a lock
 */
struct kernfs_dir {
	struct list_head children;
	struct kernfs_node **slots;
	uint32_t nr_slots;
	uint32_t count;
	_Atomic int64_t changed;
};

/*
 * struct kernfs_node - one for each directory, file and link, 100,000s of them: keep it small
 * @sibling: in the parent's children, later in the list of the removal that took it out of them.
 *           Under kernfs_lock, later that removal's
 * @parent:  constant; a reference is held. NULL for the root
 * @count:   references; the tree's own is dropped when the node leaves it
 * @active:  users of the owner's code, plus KERNFS_DEACTIVATED once removal has begun
 * @priv:    the creator's
 * @ops:     of a file
 * @size:    of a file, as stat() shows it
 * @dir:     of a directory; owned
 * @target:  of a link; a reference is held
 * @rdev:    of a device node
 * @block:   of a device node: of a block device
 * @iattr:   what was set from outside; NULL at first, then constant; its contents are under the
 *           lock of kernfs_attr.c
 * @hidden_by: what keeps it from being seen, if it will be shown one day; under kernfs_lock
 * @born:    nanoseconds since the epoch, for stat()
 * @hash:    of the name
 * @events:  of a file: how often it was notified
 * @subdirs: of a directory: how many it has that are shown
 */
struct kernfs_node {
	struct list_head sibling;
	struct kernfs_node *parent;
	_Atomic int count;
	_Atomic int active;
	uint64_t ino;
	void *priv;
	union {
		struct {
			const struct kernfs_ops *ops;
			size_t size;
		};
		struct kernfs_dir *dir;
		struct kernfs_node *target;
		struct {
			dev_t rdev;
			bool block;
		};
	};
	_Atomic(struct kernfs_iattrs *) iattr;
	struct kernfs_hidden *hidden_by;
	int64_t born;
	union {
		_Atomic unsigned int events;
		_Atomic unsigned int subdirs;
	};
	uint32_t hash;
	uint16_t mode;
	uint8_t type;
	_Atomic uint8_t flags;
	char name[];
};

/* Guards the shape of the tree and what of it is shown. Writers go first. */
extern pthread_rwlock_t kernfs_lock;

static inline bool kernfs_has(const struct kernfs_node *kn, uint8_t flags)
{
	return atomic_load(&kn->flags) & flags;
}

/** kernfs_new - a node with one reference, not in the tree. Return: NULL on no memory. */
struct kernfs_node *kernfs_new(struct kernfs_node *parent, const char *name, enum kernfs_type type,
			       mode_t mode, void *priv);

/**
 * kernfs_link_in - put a new node into its parent
 * @kn: from kernfs_new(); its reference becomes the tree's, also on failure, when it is dropped
 * Return: 0, -EEXIST, -ENOENT, -EINVAL.
 */
int kernfs_link_in(struct kernfs_node *kn, struct kernfs_node **out);

/** kernfs_hash - what a name is found by in a directory with many; never 0. */
uint32_t kernfs_hash(const char *name);

/** kernfs_dir_init - make zeroed memory a directory without children. */
void kernfs_dir_init(struct kernfs_dir *dir);
/** kernfs_dir_finish - the reverse; there are no children any more. Zeroed memory is fine. */
void kernfs_dir_finish(struct kernfs_dir *dir);

/*
 * Children of a directory; kernfs_lock held, for writing by insert and erase. A name is inserted
 * once: look for it first. Insertion cannot fail.
 */
struct kernfs_node *kernfs_dir_find(const struct kernfs_dir *dir, const char *name, uint32_t hash);
void kernfs_dir_insert(struct kernfs_dir *dir, struct kernfs_node *kn);
void kernfs_dir_erase(struct kernfs_dir *dir, struct kernfs_node *kn);
/** kernfs_dir_first, kernfs_dir_next - the oldest child, and the next younger one, or NULL. */
struct kernfs_node *kernfs_dir_first(const struct kernfs_dir *dir);
struct kernfs_node *kernfs_dir_next(const struct kernfs_dir *dir, const struct kernfs_node *kn);

/** kernfs_find - a child in any state, or NULL. Context: kernfs_lock held. */
struct kernfs_node *kernfs_find(struct kernfs_node *parent, const char *name);

/**
 * kernfs_touch - what can be found in a directory changed
 * Context: kernfs_lock held for writing; takes a leaf lock.
 */
void kernfs_touch(struct kernfs_node *kn);

/** kernfs_tell_changed - tell the watches that what stat() shows changed. Context: no lock held. */
void kernfs_tell_changed(struct kernfs_node *kn);
/** kernfs_tell_gone - tell them that a node cannot be found any more. Context: no lock held. */
void kernfs_tell_gone(struct kernfs_node *kn);
/**
 * kernfs_tell_removed - the same for all of a list, and those who poll one learn that it is gone
 * @nodes: linked by sibling, from the top down; a reference to each is dropped, the list is emptied
 */
void kernfs_tell_removed(struct list_head *nodes);

#endif
