/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * umdev: the Linux driver model, mediated devices and VFIO in user space.
 *
 * A driver module includes what it uses (umdev/mdev.h, umdev/vfio_pci.h, umdev/module.h). A program that
 * hosts devices itself, as umdevd does, begins with umdev_start() and ends with umdev_stop().
 */
#ifndef UMDEV_UMDEV_H
#define UMDEV_UMDEV_H

#include <umdev/util.h>

/**
 * umdev_start - bring up the model and everything that is built in, level by level
 *
 * Built-in modules whose init() fails are logged and left out, as in the kernel. Drivers, buses and devices
 * may be registered before it.
 *
 * Context: once, from one thread. Return: 0 or -ENOMEM, -EALREADY.
 */
UMDEV_API int umdev_start(void);

/**
 * umdev_stop - unload all modules, last loaded first, and take down what is built in, in reverse order
 *
 * Context: once, after umdev_start(); no other thread uses umdev any more.
 */
UMDEV_API void umdev_stop(void);

#endif
