/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The machine's own sysfs, to be seen where the tree has nothing of that name.
 *
 * An inode of this layer is a path from the layer's root. Nothing is pinned: the path is resolved
 * at each use, without following links and without leaving the layer, and what is found there must
 * be what was found first. What is opened is opened here, and each read and write is passed on as
 * one, with the rights of who asks for it.
 */
#ifndef UMDEV_SYSFS_LOWER_H
#define UMDEV_SYSFS_LOWER_H

#include <stdatomic.h>
#include <sys/stat.h>

#include "sysfs/window.h"

struct lower_layer;
struct lower_rights;
struct sysfs_netlink;
struct sysfs_serve_config;

/*
 * Set in the inode numbers of this layer: those of the tree are counted up from 1. Not the highest
 * bit, since they are offsets in listings, too.
 */
#define LOWER_INO (1ULL << 62)

/**
 * struct lower_node - something in the layer
 * @refs:   atomic
 * @dev:    of what was found at @path, as @ino; constant
 * @format: its S_IFMT bits; constant
 * @path:   from the layer's root, without a slash at its beginning; constant
 */
struct lower_node {
	_Atomic(unsigned int) refs;
	dev_t dev;
	ino_t ino;
	mode_t format;
	char path[];
};

/* lower.c */

/**
 * lower_layer_create - use a directory as the layer
 * @fd: the layer's from now on if this succeeds
 * Return: 0, -ENOTDIR, -ENOMEM, -errno.
 */
int lower_layer_create(int fd, const struct sysfs_serve_config *config, struct lower_layer **out);
/** lower_layer_stop - end its thread. No request is at work any more; the session is there. */
void lower_layer_stop(struct lower_layer *lower);
/** lower_layer_destroy - close what is still open. Of NULL neither does anything. */
void lower_layer_destroy(struct lower_layer *lower);

/** lower_uevents - who sends the events that are asked for here, or NULL. */
struct sysfs_netlink *lower_uevents(const struct lower_layer *lower);

/**
 * lower_open - a descriptor of what is at a path
 * @flags: of open(2); O_CLOEXEC is added
 * Return: the descriptor or -errno; -ELOOP for a link, unless @flags has O_PATH and O_NOFOLLOW.
 */
int lower_open(const struct lower_layer *lower, const char *path, int flags);

/**
 * lower_lookup - what is at a path
 * @out: with a reference, lower_node_put()
 * @st:  as the outside sees it
 * Return: 0, -ENOENT (also for what has no place in a sysfs: sockets, devices), -errno.
 */
int lower_lookup(const struct lower_layer *lower, const char *path, struct lower_node **out,
		 struct stat *st);
/** lower_node_get - one more reference, of NULL too. Any thread. */
struct lower_node *lower_node_get(struct lower_node *node);
/** lower_node_put - one less; the last one frees it. */
void lower_node_put(struct lower_node *node);
/** lower_node_compare - an order of all nodes; 0: the same thing at the same path. */
int lower_node_compare(const struct lower_node *a, const struct lower_node *b);
/** lower_node_is - is that which @st describes what was once found as @node? */
bool lower_node_is(const struct lower_node *node, const struct stat *st);
/** lower_fd_is - the same for what is open. */
bool lower_fd_is(const struct lower_node *node, int fd);
/** lower_node_nr - what stat() shows as its inode number. */
uint64_t lower_node_nr(const struct lower_node *node);

/**
 * lower_getattr - what stat() shows
 * Return: 0, -ENOENT when it is gone, -errno.
 */
int lower_getattr(const struct lower_layer *lower, const struct lower_node *node, struct stat *st);
/** lower_readlink - where a link leads, NUL-terminated. Return: 0 or -errno. */
int lower_readlink(const struct lower_layer *lower, const struct lower_node *node, char *buf,
		   size_t size);

/**
 * lower_list - list a directory
 * @fn: called for each entry; what it returns other than 0 ends the listing
 * Return: 0, -errno, or what @fn returned.
 */
int lower_list(const struct lower_layer *lower, const char *path,
	       int (*fn)(const char *name, uint64_t ino, mode_t format, void *data), void *data);

void lower_op_getattr(fuse_req_t req, struct sysfs_inode *inode);
void lower_op_setattr(fuse_req_t req, struct sysfs_inode *inode, int to_set);
void lower_op_readlink(fuse_req_t req, struct sysfs_inode *inode);

/* lower_file.c */

/** struct lower_files - all files that are open in a layer */
struct lower_files {
	pthread_mutex_t lock;
	struct list_head files; /* lock */
};

/** lower_files_init - none is open. */
void lower_files_init(struct lower_files *files);
/** lower_files_finish - close what nobody closed before the mount ended. */
void lower_files_finish(struct lower_files *files);
/** lower_files_of - those of a layer, which live as long as it does. */
struct lower_files *lower_files_of(struct lower_layer *lower);

/**
 * struct lower_file - an open file
 * @list:  files->lock
 * @refs:  the kernel's, and one for each call that runs
 * @node:  a reference is held
 * @fd:    constant
 * @synth: a write asks for an event; @fd cannot be written to
 * @ino:   counted by sysfs_inode_open()
 * @ph:    who waits, or NULL; under the poller's lock
 * @polled: under the poller's lock
 * @told:  under the poller's lock; events of epoll's that nobody was told of yet
 * @armed: under the poller's lock; @fd is known to the poller
 */
struct lower_file {
	struct list_head list;
	_Atomic(unsigned int) refs;
	struct lower_layer *lower;
	struct lower_node *node;
	int fd;
	bool synth;
	fuse_ino_t ino;
	bool writer;
	struct fuse_pollhandle *ph;
	struct list_head polled;
	unsigned int told;
	bool armed;
};

void lower_op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void lower_op_read(fuse_req_t req, size_t size, off_t off, struct fuse_file_info *fi);
void lower_op_write(fuse_req_t req, const char *buf, size_t size, off_t off,
		    struct fuse_file_info *fi);
void lower_op_release(fuse_req_t req, struct fuse_file_info *fi);

/* lower_poll.c */

/** struct lower_poller - a thread that waits for all files that somebody polls */
struct lower_poller {
	pthread_mutex_t lock;
	struct list_head files; /* lock; those with a handle */
	pthread_t thread;	/* lock; while @epoll_fd is there */
	int epoll_fd;		/* lock; -1 until the first poll */
	int end_fd;		/* lock; the same */
};

/** lower_poller_init - nobody polls, and there is no thread. */
void lower_poller_init(struct lower_poller *poller);
/** lower_poller_stop - end the thread. */
void lower_poller_stop(struct lower_poller *poller);
/** lower_poller_finish - free what init took. After lower_poller_stop(). */
void lower_poller_finish(struct lower_poller *poller);
/** lower_poller_of - that of a layer, which lives as long as it does. */
struct lower_poller *lower_poller_of(struct lower_layer *lower);
/** lower_poll_forget - nobody waits for @file any more. */
void lower_poll_forget(struct lower_file *file);
/** lower_poll_seen - what it is now is being read: who was not told of a change need not be. */
void lower_poll_seen(struct lower_file *file);
void lower_op_poll(fuse_req_t req, struct fuse_file_info *fi, struct fuse_pollhandle *ph);

/* lower_rights.c */

#define LOWER_GROUPS 64

/**
 * struct lower_rights - the rights of this process, to go back to
 * @privileged: it has more than its users have
 */
struct lower_rights {
	bool privileged;
	uid_t uid;
	gid_t gid;
	int group_count;
	gid_t *groups;
};

/** lower_rights_init - remember what this process may. Return: 0 or -errno. */
int lower_rights_init(struct lower_rights *rights);
/** lower_rights_finish - free what is owned; zeroed is fine. */
void lower_rights_finish(struct lower_rights *rights);
/** lower_rights_of - those of the process that serves a layer; live as long as it does. */
const struct lower_rights *lower_rights_of(const struct lower_layer *lower);

/**
 * lower_rights_drop - go on with this thread as the caller of a request, without capabilities
 * @with_groups: with the caller's groups too, as far as they can be known
 *
 * A caller who is root is held to the capabilities that he has here. Nothing changes in a process
 * that has no more rights than others.
 * Return: 0, -EPERM if that cannot be; then nothing may be done for the caller.
 */
int lower_rights_drop(const struct lower_rights *rights, fuse_req_t req, bool with_groups);
/** lower_rights_restore - the reverse. Harmless when nothing was dropped. */
void lower_rights_restore(const struct lower_rights *rights, fuse_req_t req);

/* lower_uevent.c */

/** lower_is_uevent - is it a file whose writes ask for events? */
bool lower_is_uevent(const struct lower_node *node);
/**
 * lower_uevent_write - send the event that somebody asks for by a write
 * Return: 0 (also when nobody is to hear of it), -EINVAL, -ENOMEM, -EPERM without a way to send it,
 * or what sending said.
 */
int lower_uevent_write(const struct lower_layer *lower, const struct lower_node *node,
		       const char *buf, size_t count);

#endif
