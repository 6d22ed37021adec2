/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The machine's console: /sys/firmware/ap.
 */
#ifndef UMDEV_AP_HW_SYSFS_H
#define UMDEV_AP_HW_SYSFS_H

/** hw_sysfs_init - show it. There is a machine. Return: 0, -ENOMEM. */
int hw_sysfs_init(void);
/** hw_sysfs_exit - the reverse; waits for changes that are under way. */
void hw_sysfs_exit(void);

#endif
