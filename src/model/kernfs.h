/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tree: directories, files and links with their lifetimes, and nothing of how they are shown.
 *
 * A node is active from its creation until its removal begins. Whoever runs code of a node's
 * owner (a show(), a store()) holds an active reference meanwhile; a removal waits until there is
 * none. Counted references (kernfs_get()) keep the node's memory only, so a window on the tree
 * may hold a node whose owner is long gone and gets -ENODEV from it.
 *
 * Behaviour: Linux 6.1 fs/kernfs/.
 */
#ifndef UMDEV_MODEL_KERNFS_H
#define UMDEV_MODEL_KERNFS_H

#include <sys/stat.h>
#include <time.h>
#include <umdev/kobject.h>

struct kernfs_node;

enum kernfs_type {
	KERNFS_DIR,
	KERNFS_FILE,
	KERNFS_LINK,
	KERNFS_DEVNODE,
};

/**
 * struct kernfs_ops - how a file's contents are read and written
 * @read:  @count bytes at most from @off; for text files (size SYSFS_PAGE_SIZE, no bin) called
 *         once per open with a page of room and @off 0, and the window serves slices of what it got
 * @write: @buf has a NUL behind @count bytes
 * @bin:   contents have offsets
 *
 * A window opens no file for what is NULL here. Context: the caller holds an active reference.
 */
struct kernfs_ops {
	ssize_t (*read)(struct kernfs_node *kn, char *buf, size_t count, off_t off);
	ssize_t (*write)(struct kernfs_node *kn, char *buf, size_t count, off_t off);
	bool bin;
};

/** kernfs_root - the node "/"; never goes away, needs no reference. */
struct kernfs_node *kernfs_root(void);
/** kernfs_dev_root - the same of a second tree: device nodes and the directories they are in. */
struct kernfs_node *kernfs_dev_root(void);

/**
 * kernfs_create_dir, _file, _link - add a node
 * @parent: an active directory
 * @name:   copied
 * @mode:   permission bits
 * @size:   as stat() shows it
 * @ops:    must outlive the removal
 * @priv:   for kernfs_priv(): the kobject (directory) or the attribute (file)
 * @target: where the link leads, a directory or a file; a reference is kept until the link is
 *          removed
 * @out:    the node, without a reference for the caller: it is the creator's until removed. May
 *          be NULL
 *
 * Inside a publication (umdev/publish.h) of the calling thread it stays hidden until the commit.
 * Return: 0, -EEXIST, -ENOENT (the parent is being removed), -ENOMEM, -EINVAL (not a directory; a
 * name that is empty, has a '/' or is too long; a link to the root or to a link).
 */
int kernfs_create_dir(struct kernfs_node *parent, const char *name, mode_t mode, void *priv,
		      struct kernfs_node **out);
int kernfs_create_file(struct kernfs_node *parent, const char *name, mode_t mode, size_t size,
		       const struct kernfs_ops *ops, void *priv, struct kernfs_node **out);
int kernfs_create_link(struct kernfs_node *parent, const char *name, struct kernfs_node *target,
		       struct kernfs_node **out);

/**
 * kernfs_create_devnode - the same for a device node
 * @st: its st_mode (S_IFCHR or S_IFBLK, and the permission bits), st_uid and st_gid (0: whom the
 *      tree belongs to), st_rdev
 *
 * Nobody can open it: it is there to be looked at.
 */
int kernfs_create_devnode(struct kernfs_node *parent, const char *name, const struct stat *st,
			  struct kernfs_node **out);

/**
 * kernfs_remove - remove a node and everything below it
 *
 * Nobody can find them from now on; waits until no active reference is left but those that somebody
 * gave up with kernfs_remove_self(). When several threads remove the same, each waits. Links
 * elsewhere that lead here are their creators' to remove. NULL does nothing.
 */
void kernfs_remove(struct kernfs_node *kn);
/** kernfs_remove_by_name - the same for a child. Return: 0, -ENOENT. */
int kernfs_remove_by_name(struct kernfs_node *parent, const char *name);
/** kernfs_remove_file - the same if its kernfs_priv() is @priv. Return: 0, -ENOENT. */
int kernfs_remove_file(struct kernfs_node *parent, const char *name, const void *priv);

/**
 * kernfs_remove_self - remove a file from within its own method
 *
 * The caller's active reference is not waited for, neither here nor by a removal of what the file
 * is in. When several callers race, or somebody else removes the file already, one wins.
 *
 * Context: the caller holds an active reference, which it drops as usual when it is done, and
 * somebody holds a counted reference until then.
 * Return: true for the winner; false for the others, when the winner's method is over.
 */
bool kernfs_remove_self(struct kernfs_node *kn);

/** kernfs_get - keep a node's memory; NULL is passed through. Return: @kn. */
struct kernfs_node *kernfs_get(struct kernfs_node *kn);
/** kernfs_put - the reverse; NULL does nothing. */
void kernfs_put(struct kernfs_node *kn);

/**
 * kernfs_get_active - begin to use the owner's code or data. Return: false when it is being
 * removed.
 */
bool kernfs_get_active(struct kernfs_node *kn);
/** kernfs_put_active - the reverse. */
void kernfs_put_active(struct kernfs_node *kn);

/** kernfs_find_and_get - an active child by name, published or not, with a reference, or NULL. */
struct kernfs_node *kernfs_find_and_get(struct kernfs_node *parent, const char *name);

/** kernfs_lookup - the same as the outside sees it: what is not published yet is not there. */
struct kernfs_node *kernfs_lookup(struct kernfs_node *parent, const char *name);

/**
 * kernfs_readdir - list a directory as the outside sees it
 * @fn: called for each child that was there at one moment, in the order of their names, without
 *      locks; what it returns other than 0 ends the listing
 * Return: 0, -ENODEV (removed), -ENOTDIR, -ENOMEM, or what @fn returned.
 */
int kernfs_readdir(struct kernfs_node *dir, int (*fn)(struct kernfs_node *kn, void *data),
		   void *data);

/**
 * kernfs_path - the path from the root of its tree, as "/devices/x", into @buf; an empty string if
 * it does not fit
 * Return: its length, whether it fits or not.
 */
int kernfs_path(struct kernfs_node *kn, char *buf, size_t size);
/**
 * kernfs_link_text - the relative path that a link shows, into @buf
 * Return: its length, -ENAMETOOLONG, -ENOENT (the link is being removed), -EINVAL (no link).
 */
int kernfs_link_text(struct kernfs_node *link, char *buf, size_t size);

/** kernfs_link_target - where a link leads; valid as long as the caller keeps the link. */
struct kernfs_node *kernfs_link_target(const struct kernfs_node *link);
/** kernfs_type - directory, file, link or device node. */
enum kernfs_type kernfs_type(const struct kernfs_node *kn);
/** kernfs_parent - the directory that it is or was in; lives as long as the node. Root: NULL. */
struct kernfs_node *kernfs_parent(const struct kernfs_node *kn);
/** kernfs_name - the last part of its path; lives as long as the node. */
const char *kernfs_name(const struct kernfs_node *kn);
/**
 * kernfs_file_ops - a file's methods, to be called under an active reference; NULL for what is no
 * file.
 */
const struct kernfs_ops *kernfs_file_ops(const struct kernfs_node *kn);
/** kernfs_priv - what the creator gave. Active reference held. */
void *kernfs_priv(const struct kernfs_node *kn);
/**
 * kernfs_parent_kobj - the kobject that a file is in, also from within a group's subdirectory
 * Context: active reference held.
 */
struct kobject *kernfs_parent_kobj(const struct kernfs_node *kn);
/**
 * kernfs_ino - a number that no other node has or had; the root's is 1
 *
 * The younger a node, the larger its number.
 */
uint64_t kernfs_ino(const struct kernfs_node *kn);

/** kernfs_format - its S_IFMT bits in st_mode. */
mode_t kernfs_format(const struct kernfs_node *kn);
/** kernfs_getattr - what stat() shows. Works for removed nodes too. */
void kernfs_getattr(struct kernfs_node *kn, struct stat *st);
/**
 * kernfs_setattr - remember what chmod(), chown() and utimes() want
 * @st:    the values
 * @flags: which of them, KERNFS_SET_*
 * Return: 0, -ENOMEM.
 */
int kernfs_setattr(struct kernfs_node *kn, const struct stat *st, unsigned int flags);
#define KERNFS_SET_MODE	 1
#define KERNFS_SET_UID	 2
#define KERNFS_SET_GID	 4
#define KERNFS_SET_MTIME 8
#define KERNFS_SET_ATIME 16

/** kernfs_notify - wake those who poll a file. Context: not from a watch's notified(). */
void kernfs_notify(struct kernfs_node *kn);

struct kernfs_gone;

/**
 * struct kernfs_watch - a window's interest in changes; what it does not want to know is NULL
 * @notified: @kn was notified, or removed while somebody watched it. Must not block or notify
 * @changed:  what stat() shows of @kn is not what it was, or what is found in it. Only for nodes
 *            that were made known with kernfs_set_known(). May wait as @gone does
 * @gone:     nodes that were made known cannot be found any more. The one who removes or hides them
 *            waits for this to return, and it may come more than once for a node
 * @list:     the tree's
 *
 * All are called without locks of the tree. None may add or remove watches.
 */
struct kernfs_watch {
	void (*notified)(struct kernfs_watch *watch, struct kernfs_node *kn);
	void (*changed)(struct kernfs_watch *watch, struct kernfs_node *kn);
	void (*gone)(struct kernfs_watch *watch, const struct kernfs_gone *gone);
	struct list_head list;
};

/** kernfs_watch_add - from now on @watch is told; it must live until removed. */
void kernfs_watch_add(struct kernfs_watch *watch);
/** kernfs_watch_remove - when this returns no call runs any more. */
void kernfs_watch_remove(struct kernfs_watch *watch);

/**
 * kernfs_event - counts notifications of a file; a reader remembers what it saw
 *
 * From now on the file is watched. Who then waits for a notification asks under an active
 * reference: so either it gets none because of a removal, or it is told of the removal.
 */
unsigned int kernfs_event(struct kernfs_node *kn);

/**
 * kernfs_set_known - say that a window may show @kn from memory from now on
 *
 * What it remembers it reads after this: then all later changes are told to its watch.
 * Return: false if nobody outside can find the node any more, so that there is nothing to remember.
 */
bool kernfs_set_known(struct kernfs_node *kn);

/** kernfs_gone_next - the node after @kn, or with NULL the first, from the top down; or NULL. */
struct kernfs_node *kernfs_gone_next(const struct kernfs_gone *gone, struct kernfs_node *kn);

/**
 * struct kernfs_hidden - nodes that a publication keeps back
 * @nodes:    in the order of their creation, each with a reference; some may be removed by now
 * @count:    how many
 * @capacity: for how many there is room
 *
 * Begins zeroed. All fields are the thread's that creates the nodes.
 */
struct kernfs_hidden {
	struct kernfs_node **nodes;
	size_t count, capacity;
};

/**
 * kernfs_set_hiding - what this thread creates from now on goes to @hidden; NULL: is shown at once.
 */
void kernfs_set_hiding(struct kernfs_hidden *hidden);
/**
 * kernfs_show_hidden - show all nodes in @hidden that are still there, at one moment, and empty it.
 */
void kernfs_show_hidden(struct kernfs_hidden *hidden);

/**
 * kernfs_hidden_by - what keeps a node, or the nearest directory above it that is kept back
 * Return: NULL when nothing does. It may be gone unless the caller keeps its owner from showing it.
 */
struct kernfs_hidden *kernfs_hidden_by(struct kernfs_node *kn);

/** kernfs_hide - let nobody outside find a node whose removal is certain and follows. */
void kernfs_hide(struct kernfs_node *kn);

#endif
