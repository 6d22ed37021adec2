/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kinds of hardware that the module "platform" has itself.
 */
#ifndef PLATFORM_HARDWARE_H
#define PLATFORM_HARDWARE_H

/**
 * hardware_init - offer them
 * Context: the bus is there. Return: 0, -EINVAL (a parameter of theirs, with a line in the log),
 * -errno.
 */
int hardware_init(void);
/** hardware_exit - the reverse; no devices are left. */
void hardware_exit(void);

#endif
