/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The client's side of the door (vfio_user/door.h).
 */
#ifndef UMDEV_PRELOAD_DOOR_H
#define UMDEV_PRELOAD_DOOR_H

#include <stdbool.h>
#include <stdint.h>

/**
 * door_connect - come to the door of a group
 * @group: its number; /sys/class/vfio/N/socket says where the door is
 * Return: a connected socket that gives up waiting after some seconds, or -errno: -ENODEV (no such
 * group, or nobody is there any more), -EMFILE and the like.
 */
int door_connect(unsigned int group);

/**
 * door_open - VFIO_DOOR_OPEN
 * @access: O_RDONLY, O_WRONLY or O_RDWR
 * Return: 0, what the server says (-EACCES, -EBUSY, -ENODEV), -ENODEV (it has hung up), -ETIMEDOUT,
 * -EPROTO (it makes no sense).
 */
int door_open(int door, unsigned int group, int access);

/**
 * door_device - VFIO_DOOR_DEVICE
 * @name: shorter than VFIO_DOOR_NAME_MAX
 * Return: a connected socket of the device's server, or -errno as above.
 */
int door_device(int door, unsigned int group, const char *name);

/** door_drain - take a reply that somebody has asked for and not waited for. */
void door_drain(int door);

/** door_has_gone - has the server ended the connection? */
bool door_has_gone(int door);

#endif
