/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tree as a file system: what the kernel shows as sysfs, umdev shows through FUSE.
 */
#ifndef UMDEV_SYSFS_H
#define UMDEV_SYSFS_H

#include <umdev/util.h>

struct sysfs_mount;

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
 * sysfs_unmount - unmount (also when files are open), end the threads. NULL does nothing
 *
 * The tree is out of sight at once. Calls of show() and store() that run are waited for, and their
 * callers get their answers: what could keep one from ending (a user of a device that is being
 * removed, say) has to be ended before or meanwhile. Files that stay open answer ENOTCONN.
 *
 * Context: may sleep; not from a show() or store().
 */
UMDEV_API void sysfs_unmount(struct sysfs_mount *mount);

#endif
