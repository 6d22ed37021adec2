/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tree as a file system: what the kernel shows as sysfs, umdev shows through FUSE.
 */
#ifndef UMDEV_SYSFS_H
#define UMDEV_SYSFS_H

#include <stdbool.h>
#include <umdev/util.h>

struct sysfs_mount;
struct sysfs_netlink;

/**
 * sysfs_mount - mount the tree of this process
 * @mountpoint: an existing directory; what a server that died has left there is unmounted first
 * @out:        the mount; taken down with sysfs_unmount()
 *
 * Served by threads of its own until then, as many as there are calls that wait for a show() or
 * store(), so that one that hangs holds up nobody else. Visible to all users if this process may
 * ask for that (root, or user_allow_other in /etc/fuse.conf), else to this user only and a line in
 * the log says so. A process does not fork() and go on using its mounts.
 *
 * Behaviour: Linux 6.1 fs/sysfs/ and fs/kernfs/.
 * Return: 0, -ENOMEM, or -errno of the mount, with a line in the log that says what to do.
 */
UMDEV_API int sysfs_mount(const char *mountpoint, struct sysfs_mount **out);

/**
 * enum sysfs_tree - what a mount shows
 * @SYSFS_TREE_SYS: what the kernel shows at /sys
 * @SYSFS_TREE_DEV: the device nodes, as devtmpfs shows them at /dev. They can be looked at,
 *                  chmod'ed and chown'ed; opening one is EACCES, since no driver of the kernel's is
 *                  behind it
 */
enum sysfs_tree {
	SYSFS_TREE_SYS,
	SYSFS_TREE_DEV,
};

/**
 * struct sysfs_serve_config - a mount that somebody else has made
 * @tree:     what to show
 * @subdir:   show only what is in this directory of it; NULL for all. It has to be there
 * @fuse_fd:  /dev/fuse, mounted with "default_permissions"; in any mount namespace
 * @lower_fd: a directory (O_PATH is enough) with the machine's own sysfs, to be seen wherever this
 *            process has nothing of that name; -1 for none. A directory that both have shows both
 * @root_owned: show everything as belonging to user and group 0, which are all that a user
 *            namespace has in which the mount was made
 * @uevents:  where an event goes that a write to a file "uevent" of @lower_fd asks for. The
 *            machine's own kernel never gets to see it. NULL: such a write is EPERM
 *
 * Behaviour of what is in @lower_fd: the machine's, with the rights of the caller.
 */
struct sysfs_serve_config {
	enum sysfs_tree tree;
	const char *subdir;
	int fuse_fd;
	int lower_fd;
	bool root_owned;
	struct sysfs_netlink *uevents;
};

/**
 * sysfs_serve - serve a mount that somebody else has made
 * @config: read during the call; its descriptors belong to the mount from now on if this succeeds,
 *          and @config->uevents must live until the end
 * @out:    taken down with sysfs_unmount(), which then does not unmount but ends serving
 *
 * When the directory that is shown is removed from the tree, the mount stays and is empty.
 *
 * Return: 0, -ENOENT for a @subdir that is not there, -ENOMEM, -EMFILE, -EINVAL (a descriptor that
 * is not what it should be; no such tree).
 */
UMDEV_API int sysfs_serve(const struct sysfs_serve_config *config, struct sysfs_mount **out);

/**
 * sysfs_unmount - unmount (also when files are open), end the threads. NULL does nothing
 *
 * The tree is out of sight at once. Calls of show() and store() that run are waited for, and their
 * callers get their answers: what could keep one from ending (a user of a device that is being
 * removed, say) has to be ended before or meanwhile. Files that stay open answer ENOTCONN.
 *
 * If somebody keeps the kernel from dropping entries of a directory (by withholding the memory that
 * a listing is to be copied to), this returns after a second all the same, and what such a mount
 * needs stays in memory.
 *
 * Context: may sleep; not from a show() or store().
 */
UMDEV_API void sysfs_unmount(struct sysfs_mount *mount);

/**
 * sysfs_netlink_start - send every event of this process to a network namespace
 * @fd:  a socket of NETLINK_KOBJECT_UEVENT in that namespace, opened with CAP_SYS_ADMIN over the
 *       user namespace that owns it; this process needs the same. Taken over if this succeeds
 * @out: taken down with sysfs_netlink_stop()
 *
 * The kernel there adds SEQNUM and hands them to whoever listens (udevd, libudev), in the order in
 * which they happened, as if they were its own.
 *
 * When an event cannot be sent it is lost, and the log says why, once until one gets through again.
 *
 * Return: 0, -EPERM without the right to send, -EINVAL if @fd is something else or listens to
 * events itself, -ENOMEM.
 * Behaviour: Linux 6.1 lib/kobject_uevent.c.
 */
UMDEV_API int sysfs_netlink_start(int fd, struct sysfs_netlink **out);

/**
 * sysfs_netlink_send - send one more event there
 * @envp: all keys: ACTION, DEVPATH, SUBSYSTEM, then the rest; NULL-terminated; no SEQNUM
 *
 * Context: any thread; must not be called from a uevent listener.
 * Return: 0, -EINVAL without one of the three, -ENOMEM for more than UEVENT_PAYLOAD_MAX
 * (umdev/uevent.h), -errno of sending.
 */
UMDEV_API int sysfs_netlink_send(struct sysfs_netlink *netlink, char *const envp[]);

/** sysfs_netlink_stop - when this returns nothing is sent any more. NULL does nothing. */
UMDEV_API void sysfs_netlink_stop(struct sysfs_netlink *netlink);

#endif
