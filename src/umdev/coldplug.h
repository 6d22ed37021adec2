/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Telling a udevd that begins of what was there before: an "add" for each thing of umdev's, as
 * systemd-udev-trigger does at boot for the machine's.
 */
#ifndef UMDEV_COLDPLUG_H
#define UMDEV_COLDPLUG_H

/**
 * struct coldplug - how to ask
 * @sys:    the tree of the instance alone, without the machine's
 * @batch:  so many events, then @settle: a socket's buffer has to hold them
 * @settle: wait until they are handled. 0, -errno to give up
 * @data:   for @settle
 */
struct coldplug {
	const char *sys;
	unsigned int batch;
	int (*settle)(void *data);
	void *data;
};

/**
 * coldplug - ask for the events of all that is in a tree
 *
 * Modules, buses and drivers first, then devices, parents before children. What leaves meanwhile
 * is none of our business.
 *
 * Return: 0 when all are asked for and handled, -errno.
 */
int coldplug(const struct coldplug *config);

#endif
