/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program that has come to the door, and the group that it has.
 *
 * All of it is the listener's thread's and under server.lock, unless it says otherwise.
 */
#ifndef UMDEV_VFIO_USER_DOOR_CLIENT_H
#define UMDEV_VFIO_USER_DOOR_CLIENT_H

#include "vfio_user/door.h"
#include "vfio_user/server.h"

/**
 * struct door_client - one connection to the door
 * @watched: the socket
 * @link:    in door.clients
 * @server:  whose door
 * @fd:      the socket; does not block
 * @peer, @uid, @gid: who has connected, as it was then
 * @ep:      of the group's device, a counted reference; NULL: no group
 * @claim:   of the group; NULL without @ep
 * @file:    the device, if another program serves it and it was asked for; else NULL
 * @waits:   it waits for @wanted, whose last user has hung up but not let go yet, until @until
 *           (clock_exact()); nothing is read from it meanwhile
 */
struct door_client {
	struct watched watched;
	struct list_head link;
	struct vfio_user_server *server;
	int fd;
	struct peer peer;
	uid_t uid;
	gid_t gid;
	struct endpoint *ep;
	struct vfio_claim *claim;
	struct vfio_file *file;
	bool waits;
	struct vfio_door_request wanted;
	uint64_t until;
};

/* ---- door_client.c ---- */

/**
 * door_client_create - somebody has connected
 * @fd: becomes the client's, also after an error
 * Return: 0, -ENOMEM, -EPERM (nobody knows who it is).
 */
int door_client_create(struct vfio_user_server *server, int fd);

/** door_client_end - it has hung up, or has to go: its group is free. */
void door_client_end(struct door_client *dc);

/** door_client_retry - look whether what it waits for can be had now. It may be gone after that. */
void door_client_retry(struct door_client *dc);

/**
 * door_client_keeps_out - does a group's claimant keep out who comes with @claim?
 * @dc: may be NULL
 * Context: any thread. Return: the claimant's socket, -1 if not.
 */
int door_client_keeps_out(const struct door_client *dc, const struct vfio_claim *claim);

/* ---- door_rights.c ---- */

/**
 * door_rights_check - may the peer open a node?
 * @st:     the node, as it is now
 * @access: O_RDONLY, O_WRONLY, O_RDWR
 *
 * As the kernel decides in open(): the class of who asks (owner, group, others), then that class's
 * bits. Root may, and so may the user who runs this program, whose tree it is. Capabilities of
 * others can't be seen.
 * Return: 0, -EINVAL (no such @access), -EACCES, -ENOMEM.
 */
int door_rights_check(const struct door_client *dc, const struct stat *st, uint32_t access);

#endif
