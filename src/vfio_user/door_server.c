/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The door itself: one socket for all groups, to which everybody may connect. Who may have a group
 * is found out when it is asked for, by the rights that its node has then.
 *
 * A client costs a descriptor. Those that have a group are no more than there are groups; those
 * that have none are few, and give way to those that come later.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "model/alloc.h"
#include "vfio_user/connection.h"
#include "vfio_user/door_client.h"

/* No device has a name that begins with a dot. */
#define DOOR_NAME ".door"

/* Clients without a group: of one user, and all. */
#define MAX_SILENT_OF_USER 16
#define MAX_SILENT	   128

void door_path(const struct vfio_user_server *server, char *buf, size_t size)
{
	snprintf(buf, size, "%s/" DOOR_NAME, server->dir);
}

/* The one that has come first, of one user or (uid_t)-1: of all. @n is filled with how many. */
static struct door_client *first_silent(const struct door *door, uid_t uid, unsigned int *n)
{
	struct door_client *dc, *first = NULL;

	*n = 0;
	list_for_each_entry (dc, &door->clients, link) {
		if (dc->ep || (uid != (uid_t)-1 && dc->uid != uid))
			continue;
		if (!first)
			first = dc;
		++*n;
	}
	return first;
}

/* Make room for one more of that user's. */
static void make_room(struct door *door, uid_t uid)
{
	struct door_client *first;
	unsigned int n;

	first = first_silent(door, uid, &n);
	if (n >= MAX_SILENT_OF_USER) {
		door_client_end(first);
	} else if (door->nr_silent >= MAX_SILENT) {
		first = first_silent(door, (uid_t)-1, &n);
		door_client_end(first);
	}
}

static void door_ready(struct vfio_user_server *server, struct watched *watched)
{
	struct door *door = container_of(watched, struct door, watched);
	int fd = server_accept(server, door->file.fd, SOCK_NONBLOCK, "the door");
	struct ucred cred = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(cred);
	int err;

	if (fd < 0)
		return;
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len);
	make_room(door, cred.uid);
	err = door_client_create(server, fd);
	if (err)
		pr_err("vfio-user: the door: refusing a client: %s", strerror(-err));
}

int door_open(struct vfio_user_server *server)
{
	const struct socket_rights rights = {
		.type = SOCK_SEQPACKET, .mode = 0666, .owner = (uid_t)-1, .group = (gid_t)-1
	};
	struct door *door = &server->door;
	int err = socket_file_create(server, DOOR_NAME, &rights, &door->file);

	if (err) {
		pr_err("vfio-user: %s/" DOOR_NAME ": %s", server->dir, strerror(-err));
		return err;
	}
	door->watched.ready = door_ready;
	pthread_mutex_lock(&server->lock);
	err = server_watch(server, door->file.fd, &door->watched);
	pthread_mutex_unlock(&server->lock);
	if (err)
		socket_file_remove(server, DOOR_NAME, &door->file);
	return err;
}

void door_close(struct vfio_user_server *server)
{
	struct door *door = &server->door;
	struct door_client *dc, *next;

	pthread_mutex_lock(&server->lock);
	list_for_each_entry_safe (dc, next, &door->clients, link)
		door_client_end(dc);
	server_unwatch(server, door->file.fd);
	socket_file_remove(server, DOOR_NAME, &door->file);
	pthread_mutex_unlock(&server->lock);
}

void door_retry(struct vfio_user_server *server)
{
	struct door *door = &server->door;
	struct door_client *dc, *next;

	if (!door->waiting)
		return;
	door->waiting = false;
	list_for_each_entry_safe (dc, next, &door->clients, link)
		if (dc->waits)
			door_client_retry(dc);
}

int door_patience(const struct vfio_user_server *server)
{
	const struct door_client *dc;
	uint64_t until = UINT64_MAX, now;

	if (!server->door.waiting)
		return -1;
	list_for_each_entry (dc, &server->door.clients, link)
		if (dc->waits && dc->until < until)
			until = dc->until;
	if (until == UINT64_MAX)
		return -1;
	now = clock_exact();
	return until > now ? (int)((until - now) / 1000000 + 1) : 0;
}
