/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The server: its sockets, and who is connected to them.
 *
 * Threads: one that listens on all sockets, one watchdog for all connections, and one per connected
 * client. Idle devices have a socket and a struct endpoint, nothing else.
 *
 * Locks, outer to inner: server.lock > connection.lock > connection.tx_lock.
 */
#ifndef UMDEV_VFIO_USER_SERVER_H
#define UMDEV_VFIO_USER_SERVER_H

#include <pthread.h>
#include <sys/stat.h>

#include <umdev/vfio_file.h>
#include <umdev/vfio_user.h>

struct connection;

/**
 * struct vfio_user_server - the one server of the process
 * @config:      as given; config.dir is @dir
 * @dir:         absolute path of the directory with the sockets
 * @lock:        guards everything below that is not constant, and all endpoints
 * @cond:        with @lock: a connection has ended, an open is over
 * @endpoints:   all devices that are served
 * @connections: all connections that have a thread
 * @finished:    those whose thread waits to be joined
 * @by_fd:       endpoints by their listening descriptor, so that an event that comes late finds
 *               nothing instead of freed memory
 * @listener:    the thread that accepts, waiting in @listen_epoll
 * @kick:        eventfd that wakes it
 * @spare_fd:    given up to be able to accept, and so to refuse, when the process is out of
 *               descriptors
 * @stopping:    the listener is to end
 * @watchdog:    the thread of deadline.c, waiting in @watch_epoll; @watch_kick wakes it
 * @timeout_ns:  config.callback_timeout_ms
 */
struct vfio_user_server {
	struct vfio_user_config config;
	char *dir;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	struct list_head endpoints;
	struct list_head connections;
	struct list_head finished;
	struct endpoint **by_fd;
	size_t nr_by_fd;
	unsigned int next_temp;

	pthread_t listener;
	int listen_epoll;
	int kick;
	int spare_fd;
	bool stopping;

	pthread_t watchdog;
	int watch_epoll;
	int watch_kick;
	bool watch_stopping; /* under lock */
	uint64_t timeout_ns;
};

/**
 * struct endpoint - a device's socket; all of it under server.lock
 * @link:     in server.endpoints while it listens
 * @server:   whose it is
 * @vdev:     the device; NULL once the device has been taken back
 * @holder:   the connection that has opened the device, or NULL
 * @opening:  a connection is inside vfio_file_open()
 * @waiting:  connections that have not opened the device
 * @refs:     one for listening, one for each connection
 * @fd:       the listening socket, -1 once it no longer listens
 * @dev, @ino: which file it is, so that nobody else's is removed
 * @name:     of the device
 */
struct endpoint {
	struct list_head link;
	struct vfio_user_server *server;
	struct vfio_device *vdev;
	struct connection *holder;
	bool opening;
	unsigned int waiting;
	unsigned int refs;
	int fd;
	dev_t dev;
	ino_t ino;
	char name[];
};

/**
 * endpoint_create - make the socket of a device, with its final name and rights from the moment it
 * is there
 * @server: its lock is not held
 * Return: 0, -ENAMETOOLONG, -EEXIST (the name is taken by something that is no socket), -EADDRINUSE
 * (somebody listens there), -ENOMEM, -errno of a system call.
 */
int endpoint_create(struct vfio_user_server *server, struct vfio_device *vdev,
		    struct endpoint **out);

/**
 * endpoint_close - stop listening and remove the file; drops the reference of listening. Lock held.
 */
void endpoint_close(struct endpoint *ep);

/** endpoint_put - drop a reference. Lock held. */
void endpoint_put(struct endpoint *ep);

/** endpoint_accept - take a client that waits; the listener's thread, lock held. */
void endpoint_accept(struct endpoint *ep);

/** server_find_endpoint - the endpoint that listens on @fd, or NULL. Lock held. */
struct endpoint *server_find_endpoint(struct vfio_user_server *server, int fd);

/** thread_start - pthread_create() with all signals blocked and a name. Return: 0 or -errno. */
int thread_start(pthread_t *thread, const char *name, void *(*fn)(void *), void *arg);

/** event_kick - make an eventfd readable. */
void event_kick(int fd);

/** event_drain - make it unreadable again. */
void event_drain(int fd);

#endif
