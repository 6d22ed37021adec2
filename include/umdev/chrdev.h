/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Numbers of character devices. Behaviour: Linux 6.1 fs/char_dev.c.
 */
#ifndef UMDEV_CHRDEV_H
#define UMDEV_CHRDEV_H

#include <umdev/device.h>

/**
 * alloc_chrdev_region - take a major number that nobody has
 * @dev:       the first number of the region; give all back with unregister_chrdev_region()
 * @baseminor: its minor
 * @count:     how many minors
 * @name:      whose it is, for the log
 *
 * In the kernel's order: from 254 down to 234, then from 511 down to 384. What the machine's own
 * kernel has given away at this moment is left out, so that both can be looked at as one.
 *
 * Context: any thread. Return: 0, -EINVAL (no minors, or too many), -EBUSY (no major is left),
 * -ENOMEM.
 */
UMDEV_API int alloc_chrdev_region(devnum_t *dev, unsigned int baseminor, unsigned int count,
				  const char *name);

/** unregister_chrdev_region - give back what alloc_chrdev_region() gave. */
UMDEV_API void unregister_chrdev_region(devnum_t from, unsigned int count);

#endif
