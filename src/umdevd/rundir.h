/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The runtime directory: one daemon at a time, and nothing left behind.
 *
 *     sys/         the mount that shows the tree
 *     vfio-user/   a socket for each VFIO device
 *     control      the daemon's own socket
 *     zcrypt       a module's: requests for AP queues (umdev/zcrypt.h)
 *     lock         locked by the daemon that is there; its pid
 */
#ifndef UMDEVD_RUNDIR_H
#define UMDEVD_RUNDIR_H

#include <stdbool.h>

/**
 * struct rundir - a runtime directory that is ours
 * @path:    absolute, without links
 * @sys, @vfio_user, @control, @lock: in it; owned
 * @lock_fd: holds the lock
 * @made:    we made the directory and take it away again
 */
struct rundir {
	char *path;
	char *sys;
	char *vfio_user;
	char *control;
	char *lock;
	int lock_fd;
	bool made;
};

/**
 * rundir_open - make a runtime directory ours, without what a daemon that died has left in it
 * @path: made if it is not there; its parent must be
 *
 * Return: 0, or -errno with one line in the log: -EBUSY when a daemon is there.
 */
int rundir_open(struct rundir *dir, const char *path);

/** rundir_close - remove all that rundir_open() made, and give the directory free. */
void rundir_close(struct rundir *dir);

#endif
