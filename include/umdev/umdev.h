/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * umdev: the Linux driver model, mediated devices and VFIO in user space.
 *
 * A driver module includes what it uses (umdev/mdev.h, umdev/vfio_pci.h, umdev/module.h). A program
 * that hosts devices itself, as umdevd does, begins with umdev_start() and ends with umdev_stop().
 */
#ifndef UMDEV_UMDEV_H
#define UMDEV_UMDEV_H

#include <umdev/util.h>

/**
 * umdev_start - bring up the model and everything that is built in, level by level
 *
 * Built-in modules whose init() fails are logged and left out, as in the kernel. Drivers, buses and
 * devices may be registered before it.
 *
 * Context: from one thread; again only after umdev_stop(). Return: 0, -ENOMEM, -EALREADY.
 */
UMDEV_API int umdev_start(void);

/**
 * umdev_stop - unload all modules, last loaded first, and what is built in, in reverse order
 *
 * A module that is still in use, or has no exit(), is named in the log and stays.
 *
 * Context: after umdev_start(). No other thread registers anything or uses modules any more;
 * windows on the tree (sysfs_mount(), listeners) may still be open and see everything go.
 */
UMDEV_API void umdev_stop(void);

/**
 * umdev_set_runtime_dir - say where modules put the sockets that they offer
 * @dir: an absolute path; belongs to this program, which lets nobody else write there. It must stay
 *       valid until umdev_stop(). NULL: there is none
 *
 * Context: before umdev_start().
 */
UMDEV_API void umdev_set_runtime_dir(const char *dir);

/** umdev_runtime_dir - that directory, or NULL: a module makes no socket then unless told where. */
UMDEV_API const char *umdev_runtime_dir(void);

#endif
