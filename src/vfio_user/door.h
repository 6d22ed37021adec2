/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The door: how a program that speaks VFIO's own API becomes the user of a group, on the wire.
 *
 * SOCK_SEQPACKET; a request and its reply are one message each. A connection begins with
 * VFIO_DOOR_OPEN and stands for the open group from then on: it is the group's as long as any copy
 * of the socket is open, across fork(). The server closes it when the group is gone or its user is
 * to go. Who connects is judged as open() would, by the rights of the group's node (/dev/vfio/N).
 * The path of the door is in /sys/class/vfio/N/socket.
 */
#ifndef UMDEV_VFIO_USER_DOOR_H
#define UMDEV_VFIO_USER_DOOR_H

#include <stdint.h>

#define VFIO_DOOR_VERSION  1u
#define VFIO_DOOR_NAME_MAX 256

enum vfio_door_command {
	VFIO_DOOR_OPEN = 1,   /* the group, for @access: O_RDONLY, O_WRONLY or O_RDWR */
	VFIO_DOOR_DEVICE = 2, /* the device @name in it: the reply brings a connected socket */
};

struct vfio_door_request {
	uint32_t version;
	uint32_t command;
	uint32_t group;
	uint32_t access;
	char name[VFIO_DOOR_NAME_MAX];
};

/* @error is 0 or an errno. */
struct vfio_door_reply {
	uint32_t version;
	int32_t error;
};

_Static_assert(sizeof(struct vfio_door_request) == 272, "wire format");
_Static_assert(sizeof(struct vfio_door_reply) == 8, "wire format");

#endif
