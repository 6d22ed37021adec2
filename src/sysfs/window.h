/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The window on the tree that FUSE gives: what its parts share.
 *
 * A request of the kernel's comes in through a thread of the pool (pool.c), finds its node through
 * the inode that an earlier lookup made (inode.c), and ends in a listing (dir.c), in a show() or
 * store() (file.c), or in a wait for a notification (poll.c).
 */
#ifndef UMDEV_SYSFS_WINDOW_H
#define UMDEV_SYSFS_WINDOW_H

#ifndef FUSE_USE_VERSION
#define FUSE_USE_VERSION 314
#endif

#include <fuse_lowlevel.h>
#include <pthread.h>
#include <stdatomic.h>
#include <bsd/sys/tree.h>

#include <umdev/util.h>
#include "model/caller.h"
#include "model/kernfs.h"
#include "sysfs/notifier.h"
#include "sysfs/pool.h"

#define SYSFS_POLL_BUCKETS 64

#define SYSFS_REFUSED 64

struct lower_layer;
struct lower_node;
struct sysfs_inode;

RB_HEAD(sysfs_inode_tree, sysfs_inode);

/**
 * struct sysfs_refused - a thread that was last sent to look a name up again
 * @what: the node that it wanted to open, of either layer; only its address is used
 */
struct sysfs_refused {
	pid_t tid;
	const void *what;
};

/**
 * struct sysfs_inode - what a lookup gave to the kernel; its address is FUSE's nodeid
 *
 * One node has one shared inode, and private ones beside it while a writer has the shared one open:
 * the kernel holds an inode's lock while a write to it runs, in places where not even a signal ends
 * the wait, and a store() that hangs must not hold up the next writer.
 *
 * It has either a node of the tree or one of the layer below. A directory that both have is the
 * tree's, and what else is in it is found through its path.
 */
struct sysfs_inode {
	struct kernfs_node *kn;	     /* constant; a reference is held; NULL: see lower */
	struct lower_node *lower;    /* constant; a reference is held; NULL: see kn */
	uint64_t dotdot;	     /* inode number of the directory that it was looked up in */
	struct list_head list;	     /* mount->lock */
	RB_ENTRY(sysfs_inode) entry; /* mount->lock; in mount->shared */
	bool shared;		     /* constant */
	bool listed;		     /* mount->lock; somebody fills or uses the kernel's listing */
	uint64_t nlookup;	     /* mount->lock; what the kernel has not forgotten */
	unsigned int opens;	     /* mount->lock; open files that use this, and pins */
	unsigned int writers;	     /* mount->lock; those of them that may write */
};

/**
 * struct sysfs_mount - one mount of the tree
 *
 * Lock order: lock, poll_lock, interrupt_lock and the notifier's are leaves; none is held while
 * another is taken or while code of a node's owner runs.
 */
struct sysfs_mount {
	struct fuse_session *session;
	char *path;		   /* absolute; constant; NULL if somebody else has mounted it */
	dev_t dev;		   /* st_dev of what is in it, with @path */
	struct sysfs_inode root;   /* never forgotten; in no list */
	bool root_owned;	   /* constant; all is shown as belonging to user and group 0 */
	struct lower_layer *lower; /* constant; NULL without one */
	size_t prefix;		   /* constant; length of the path of what is shown, 0 for all */
	struct worker_pool pool;

	pthread_mutex_t lock;
	struct sysfs_inode_tree shared;		     /* by node, under lock */
	struct list_head inodes;		     /* all of struct sysfs_inode, under lock */
	struct sysfs_refused refused[SYSFS_REFUSED]; /* by thread, under lock */
	struct list_head files;			     /* all of struct sysfs_file, under lock */
	struct list_head listings;		     /* all of struct sysfs_listing, under lock */

	pthread_mutex_t interrupt_lock; /* guards parts of all struct sysfs_call */
	pthread_cond_t call_ended;	/* with interrupt_lock */

	struct kernfs_watch watch;
	struct sysfs_notifier notifier;
	pthread_mutex_t poll_lock;
	struct list_head polled[SYSFS_POLL_BUCKETS]; /* files with a handle, under poll_lock */
};

/** sysfs_mount_of - the mount that a request is for; there until the last request is answered. */
struct sysfs_mount *sysfs_mount_of(fuse_req_t req);

/**
 * sysfs_reply_err - answer with a negative errno
 *
 * The kernel ignores an answer with an errno that user space must not see (512 and up), and its
 * caller would wait for ever: such a one becomes EIO.
 */
void sysfs_reply_err(fuse_req_t req, long err);

/* inode.c */

/** sysfs_inode_of - the inode behind a nodeid: one that a lookup gave, or the root's. */
struct sysfs_inode *sysfs_inode_of(struct sysfs_mount *mount, fuse_ino_t ino);
/** sysfs_node_of - its node of the tree; valid while the kernel has not forgotten the nodeid. */
struct kernfs_node *sysfs_node_of(struct sysfs_mount *mount, fuse_ino_t ino);
/** sysfs_inode_nr - what stat() shows as its inode number. */
uint64_t sysfs_inode_nr(const struct sysfs_inode *inode);
/**
 * sysfs_inode_get_lower - the inode of a node of the layer below
 * @node: a reference, which is taken over in any case
 * @dotdot, @tid: as the lookup says
 *
 * Return: the inode with one more lookup, or NULL without memory.
 */
struct sysfs_inode *sysfs_inode_get_lower(struct sysfs_mount *mount, struct lower_node *node,
					  uint64_t dotdot, pid_t tid);
/** sysfs_attr_of - what stat() shows of a node in this mount. */
void sysfs_attr_of(struct sysfs_mount *mount, struct kernfs_node *kn, struct stat *st);
/**
 * sysfs_inode_open - count an open file
 * @writer: it may write
 * @tid:    the thread that opens
 *
 * Return: 0; -ESTALE when another writer has this inode, upon which the kernel looks the name up
 * again and gets a private one. A thread that comes back to the same inode has no name to look up
 * (it opens through /proc/self/fd) and shares it.
 */
int sysfs_inode_open(struct sysfs_mount *mount, fuse_ino_t ino, bool writer, pid_t tid);
void sysfs_inode_close(struct sysfs_mount *mount, fuse_ino_t ino, bool writer);

/** sysfs_inode_id - FUSE's nodeid. */
fuse_ino_t sysfs_inode_id(struct sysfs_mount *mount, const struct sysfs_inode *inode);
/**
 * sysfs_inode_pin - the shared inode of a node, if the kernel was given one
 *
 * Until it is unpinned its nodeid is not given to another.
 */
struct sysfs_inode *sysfs_inode_pin(struct sysfs_mount *mount, struct kernfs_node *kn);
void sysfs_inode_unpin(struct sysfs_mount *mount, struct sysfs_inode *inode);

/**
 * sysfs_inode_list - what a listing tells of an entry, so that no lookup has to follow
 * @kn:     a reference, which is taken over in any case
 * @dotdot: inode number of the directory
 * @entry:  zeroed; filled in
 *
 * Return: false if only a lookup can tell. Else the kernel has one lookup more to forget.
 */
bool sysfs_inode_list(struct sysfs_mount *mount, struct kernfs_node *kn, uint64_t dotdot,
		      struct fuse_entry_param *entry);
/** sysfs_inode_forget - the kernel has, or never got, so many lookups. */
void sysfs_inode_forget(struct sysfs_mount *mount, fuse_ino_t ino, uint64_t nlookup);
/** sysfs_inodes_finish - drop what the kernel has not forgotten when the mount ended. */
void sysfs_inodes_finish(struct sysfs_mount *mount);

/** sysfs_op_lookup - answer for the tree. Return: false, unanswered, if it has no such name. */
bool sysfs_op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void sysfs_op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup);
void sysfs_op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets);
void sysfs_op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void sysfs_op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int to_set,
		      struct fuse_file_info *fi);
void sysfs_op_readlink(fuse_req_t req, fuse_ino_t ino);

/* dir.c */
void sysfs_op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void sysfs_op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		      struct fuse_file_info *fi);
void sysfs_op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
			  struct fuse_file_info *fi);
void sysfs_op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void sysfs_op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);
/** sysfs_listings_finish - free the listings that nobody closed before the mount ended. */
void sysfs_listings_finish(struct sysfs_mount *mount);

/* union.c: what is answered by the one layer or by the other */

/**
 * sysfs_union_path - where something is in the layer below
 * @dir:  a directory
 * @name: in it; NULL for @dir itself
 *
 * Return: 0, -ENOENT if it can be nowhere (there is no such layer, the directory was removed),
 * -ENAMETOOLONG.
 */
int sysfs_union_path(struct sysfs_mount *mount, const struct sysfs_inode *dir, const char *name,
		     char *buf, size_t size);
void sysfs_union_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void sysfs_union_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void sysfs_union_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int to_set,
			 struct fuse_file_info *fi);
void sysfs_union_readlink(fuse_req_t req, fuse_ino_t ino);
void sysfs_union_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void sysfs_union_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		      struct fuse_file_info *fi);
void sysfs_union_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off,
		       struct fuse_file_info *fi);
void sysfs_union_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void sysfs_union_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
		      struct fuse_pollhandle *ph);

/* cache.c */

/** sysfs_cache_timeout - how long, in seconds, the kernel may use what it knows of an inode. */
double sysfs_cache_timeout(const struct sysfs_inode *inode);
/**
 * sysfs_cache_drop - have the kernel ask again for what @kn's name leads to
 * @wait: return when it will, or after SYSFS_NOTIFY_SECONDS; else it will soon
 */
void sysfs_cache_drop(struct sysfs_mount *mount, struct kernfs_node *kn, bool wait);
/** sysfs_cache_init - before the watch is added. */
void sysfs_cache_init(struct sysfs_mount *mount);
void sysfs_cache_finish(struct sysfs_mount *mount);
/** sysfs_cache_start - the session is there, and serves no request yet. */
void sysfs_cache_start(struct sysfs_mount *mount);
/** sysfs_cache_stop - the session is about to end; it still serves. Return: as the notifier's. */
bool sysfs_cache_stop(struct sysfs_mount *mount);

/* file.c */

/**
 * struct sysfs_file - an open attribute
 *
 * The text of the last show() is served from @page as far as reads go on where the one before
 * stopped; a read anywhere else shows again, as the kernel's seq_file does.
 */
struct sysfs_file {
	struct kernfs_node *kn; /* a reference is held */
	fuse_ino_t ino;		/* counted by sysfs_inode_open() */
	bool writer;
	unsigned int refs;     /* mount->lock; the kernel's, and one for each call that runs */
	struct list_head list; /* mount->lock */

	pthread_mutex_t lock; /* one show() or store() at a time for each open file */
	char *page;	      /* lock; NULL until the first show() */
	size_t from;	      /* lock; where in @page what was not read yet begins */
	size_t left;	      /* lock; how much of it there is */
	bool shown;	      /* lock; nothing comes after what is left */
	off_t pos;	      /* lock; the file position that @from stands for */

	_Atomic(uint64_t) seen;	    /* event at the last show(), with SYSFS_SEEN set */
	struct list_head polled;    /* poll_lock */
	struct fuse_pollhandle *ph; /* poll_lock; NULL when nobody waits */
};

#define SYSFS_SEEN (1ULL << 32)

/** sysfs_file_get - one more reference. Takes mount->lock. */
void sysfs_file_get(struct sysfs_mount *mount, struct sysfs_file *file);
/** sysfs_file_put - one less; the last one frees it. Takes mount->lock, not while it frees. */
void sysfs_file_put(struct sysfs_mount *mount, struct sysfs_file *file);
/** sysfs_files_finish - free the files that nobody closed before the mount ended. */
void sysfs_files_finish(struct sysfs_mount *mount);

void sysfs_op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void sysfs_op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		   struct fuse_file_info *fi);
void sysfs_op_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off,
		    struct fuse_file_info *fi);
void sysfs_op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);

/* poll.c */

/** sysfs_poll_init - hear of changes from now on. */
void sysfs_poll_init(struct sysfs_mount *mount);
/** sysfs_poll_finish - hear of no more; nobody is told any more when this returns. */
void sysfs_poll_finish(struct sysfs_mount *mount);
/** sysfs_poll_forget - nobody waits for @file any more. */
void sysfs_poll_forget(struct sysfs_mount *mount, struct sysfs_file *file);
void sysfs_op_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
		   struct fuse_pollhandle *ph);

/* interrupt.c */

/**
 * struct sysfs_call - a request during which code of a node's owner runs
 * @caller:   the same for that code
 * @tid:      the caller's thread
 * @armed:    the request may be answered by another thread
 * @may_leave: any signal lets the caller go, not only one that kills
 * @answered: it was, for the caller has gone; or the call is over
 * @early:    it was, for the caller has gone
 *
 * The last four are under mount->interrupt_lock.
 */
struct sysfs_call {
	struct caller caller;
	struct sysfs_mount *mount;
	fuse_req_t req;
	pid_t tid;
	bool armed;
	bool may_leave;
	bool answered;
	bool early;
};

/**
 * sysfs_call_begin - let the caller die from now on without waiting for the end of the call
 *
 * Until sysfs_call_end(), which the same thread calls, it is the caller of model/caller.h.
 * Return: false if it is dying already: answered, nothing else is to be done.
 */
bool sysfs_call_begin(struct sysfs_call *call, struct sysfs_mount *mount, fuse_req_t req);
/** sysfs_call_abandoned - has the caller gone since the begin? */
bool sysfs_call_abandoned(struct sysfs_call *call);
/** sysfs_call_end - Return: true if the request still wants its answer. */
bool sysfs_call_end(struct sysfs_call *call);

/* channel.c */

/**
 * sysfs_channel_open - mount @path and get the descriptor that serves it
 * @path: absolute
 * Return: a descriptor, or -errno with a line in the log.
 */
int sysfs_channel_open(const char *path);
/**
 * sysfs_channel_detach - unmount @path now, also when it is in use
 * @path: absolute; its server answers or has closed its descriptor
 * Return: 0 or -errno.
 */
int sysfs_channel_detach(const char *path);
/** sysfs_channel_clean - unmount what servers that died have left on @path. Return: 0 or -errno. */
int sysfs_channel_clean(const char *path);

#endif
