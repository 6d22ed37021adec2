/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The socket (umdev/zcrypt.h). One thread serves all clients and never waits for one: a client
 * whose request is on its way is left alone until that is back, one that does not take its reply
 * gets nothing else meanwhile, and each has its turn for one message after the other.
 */
#ifndef ZCRYPT_CEX4_SERVER_H
#define ZCRYPT_CEX4_SERVER_H

#include <sys/types.h>
#include <umdev/util.h>

/** struct server_task - something that the thread does when it can; zeroed at first */
struct server_task {
	void (*run)(struct server_task *task);
	struct list_head list; /* of tasks that are due, or empty; under the server's lock */
};

/**
 * server_start - let clients come
 * @path: of the socket, NULL: there is none; who died may have left one there
 * @mode: its rights
 *
 * Return: 0, -EADDRINUSE, -ENAMETOOLONG, -errno.
 */
int server_start(const char *path, mode_t mode);
/** server_stop - end all connections. There are no queues any more: no request is on its way. */
void server_stop(void);

/** server_due - have @task run by the thread, once. Context: any thread, any lock. */
void server_due(struct server_task *task);
/** server_not_due - @task won't run, unless it does now. */
void server_not_due(struct server_task *task);

/** server_has_room - a descriptor is free again. On the thread. */
void server_has_room(void);

/* ---- client.c; all on the thread ---- */

/**
 * client_create - serve a connection
 * @fd: non-blocking; the client's from now on, also on an error
 *
 * Nobody has so many that others find no room. Return: 0, -EUSERS, -ENOMEM, -errno.
 */
int client_create(int fd);
/** client_destroy_all - end all connections. */
void client_destroy_all(void);

/* ---- leave.c ---- */

/**
 * leave_fds - close descriptors that somebody else had a hand in
 * @fds: that a client has sent, or a socket in which it may have left some
 *
 * A close() may take as long as who made the file likes; this does not. -1s are left out.
 */
void leave_fds(const int *fds, size_t nr);

#endif
