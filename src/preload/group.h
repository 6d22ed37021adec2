/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Groups (/dev/vfio/N) and the devices that are reached through them.
 *
 * Behaviour: Linux 6.1 drivers/vfio/vfio_main.c (group and device files).
 */
#ifndef UMDEV_PRELOAD_GROUP_H
#define UMDEV_PRELOAD_GROUP_H

#include "preload/file.h"

/**
 * group_open - open("/dev/vfio/N")
 * @fd:    O_PATH descriptor of the node, becomes the file's
 * @id:    the group's number
 * @flags: as given to open()
 *
 * Asks the door (vfio_user/door.h) that /sys/class/vfio/N/socket names.
 * Return: the descriptor for the program, or -errno (and @fd is closed): -EACCES, -EBUSY (somebody
 * has the group or its device), -ENODEV (it has gone).
 */
int group_open(int fd, unsigned int id, int flags);

#endif
