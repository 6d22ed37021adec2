/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The view of the machine that "umdev exec" runs commands in: how it is built and entered.
 *
 * All of this happens in the process that becomes the command. Functions that return int return 0,
 * or EXIT_FAILURE after saying what is wrong; the process is of no use then and has to exit, and
 * what it has built goes with it.
 */
#ifndef UMDEV_VIEW_H
#define UMDEV_VIEW_H

#include <stdbool.h>
#include <sys/stat.h>

#include "umdev/cli.h"
#include "umdevd/descriptors.h"

/**
 * view_enter - go into the view of the daemon's, which is built if nobody has done so
 * @net:         "own" or "host"
 * @runtime_dir: of the daemon, as it is called there; to free()
 *
 * Afterwards this process is in the view's namespaces, in the directory of the same name as before
 * or else in /.
 */
int view_enter(const struct cli *cli, const char *net, char **runtime_dir);

/** view_is_stale - is this process in a view of a daemon that has ended? */
bool view_is_stale(void);

/* ---- view_namespaces.c ---- */

/**
 * namespaces_make - leave the host's namespaces for new ones
 * @own_net: with a network of its own, too; what is in it is up
 * @desc:    gets the namespaces
 *
 * Root stays in its user namespace; the network belongs to one below, since the kernel's own events
 * are not sent into networks of such a one. Others get a user namespace, in which they are root.
 */
int namespaces_make(bool own_net, struct descriptors *desc);

/** namespaces_enter - enter those of @desc that this process is not in already. */
int namespaces_enter(const struct descriptors *desc);

/* ---- view_mount.c ---- */

/** mount_cover - mount an empty tmpfs on @path. Return: what was there before, O_PATH; or -1. */
int mount_cover(const char *path);

/**
 * mount_is_hidden - may something be left out of a view because of this -errno?
 *
 * It has gone in the meantime, or the kernel does not let it be shown elsewhere.
 */
bool mount_is_hidden(int err);

/**
 * mount_pass - show what is in one directory in another one too, with all that is mounted there
 * @from, @to: descriptors of directories
 * @name:      in both; in @to it is made
 * @dir:       it is a directory
 *
 * What mount_is_hidden() says is left out.
 */
int mount_pass(int from, int to, const char *name, bool dir);

/**
 * mount_clone - a copy of what is mounted at a name, and below, that is mounted nowhere yet
 * @from: a descriptor of a directory, or AT_FDCWD
 * Return: a descriptor, with which it goes if it is not mounted; -errno.
 */
int mount_clone(int from, const char *name);

/** mount_place - mount what mount_clone() gave on an existing name. Return: 0, -errno. */
int mount_place(int tree, int to, const char *name);

/** mount_fuse - mount what @fuse_fd (of /dev/fuse) will serve on the directory @path. */
int mount_fuse(int fuse_fd, const char *path);

/** struct mount_entry - a name in a directory, as mount_each() finds it */
struct mount_entry {
	int from;
	int to;
	const char *name;
	void *data;
	struct stat st;	 /* not of what a link points to */
	bool is_mounted; /* something is mounted there */
};

/**
 * mount_each - call @fn for each name in @from
 * @from, @to: descriptors of directories; @to and @data are only passed on
 * @fn:        stops the walk with a value that is not 0, which is returned
 */
int mount_each(int from, int to, void *data, int (*fn)(const struct mount_entry *entry));

/** mount_copy_link - make the same symbolic link in @entry->to. */
int mount_copy_link(const struct mount_entry *entry);

/* ---- one file per directory of the view ---- */

/** view_dev_make - a /dev of its own, with @vfio_fd mounted on /dev/vfio. */
int view_dev_make(int vfio_fd);

/**
 * view_run_make - a /run of its own
 * @own_net: what the host's udev knows of network devices is not true here
 */
int view_run_make(bool own_net);

/* ---- view_modprobe.c ---- */

/**
 * view_modprobe_make - tell the machine's modprobe of the daemon's modules, in the view's /run
 * @answer: of the daemon: its "modules" and its "runtime_dir"
 *
 * For each of them modprobe runs this program, by its absolute path. If that, or the runtime
 * directory, cannot be written into a file of modprobe's, a line says so, and modprobe is not told.
 */
int view_modprobe_make(struct json_object *answer);

/** view_sys_lower - the machine's own sysfs, as this network sees it, to DESCRIPTOR_LOWER. */
int view_sys_lower(struct descriptors *desc);

/** struct view_sys - /sys before it was covered */
struct view_sys {
	int old;      /* O_PATH, owned */
	char **paths; /* what is mounted below, relative to it, NULL-terminated; owned */
};

/** view_sys_make - mount @sys_fd on /sys. */
int view_sys_make(struct view_sys *sys, int sys_fd);

/** view_sys_fill - mount there what was mounted below /sys before; when it is being served. */
int view_sys_fill(const struct view_sys *sys);

/** view_sys_finish - free what is owned. With @sys->old < 0 and no paths: nothing. */
void view_sys_finish(struct view_sys *sys);

#endif
