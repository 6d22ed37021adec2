/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What lasts until users have let go of devices: removing, unbinding, unloading.
 */
#ifndef UMDEV_RELEASE_H
#define UMDEV_RELEASE_H

#include <pthread.h>

#include "umdev/tree.h"

/**
 * struct release - one of them; zeroed but for what is said here
 * @cli:    the command line; its option --force counts
 * @name:   of the device or module, for people
 * @path:   the device's directory; NULL for a module
 * @what:   what it does, as in "umdev: the WHAT of NAME goes on"
 * @run:    do it, and come back when it is done. In a thread of its own. Return: 0, -errno
 * @disconnect: close the connections of all who use it now; as often as it is not done yet
 * @err:    what @run has returned
 * @done:   it has; release.c's, as all that follows
 */
struct release {
	const struct cli *cli;
	const char *name;
	char *path;
	const char *what;
	int (*run)(struct release *release);
	void (*disconnect)(const struct release *release);
	int err;
	bool done;
	pthread_t waiter;
	pthread_t thread;
};

/**
 * release_all - do @n of them at once, and wait for all
 *
 * With --force users are disconnected when their time is over. SIGINT, SIGTERM and SIGHUP end the
 * program, after a line that says that what was begun goes on.
 */
void release_all(struct release *releases, size_t n);

/** release_disconnect - close the connection of a device's user, and say so. */
void release_disconnect(const char *path, const char *name);

/** release_say_waiting - say who is waited for, if there is somebody. */
void release_say_waiting(const struct cli *cli, const char *path, const char *name);

#endif
