/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The server: its sockets, and who is connected to them.
 *
 * Threads: one that listens on all sockets, one watchdog for all connections, and one per connected
 * client. Idle devices have a socket and a struct endpoint, nothing else.
 *
 * Locks, outer to inner: server.lock > connection.lock > connection.tx_lock. The lock of the core's
 * claims is inside of server.lock, and nothing else is taken under it.
 */
#ifndef UMDEV_VFIO_USER_SERVER_H
#define UMDEV_VFIO_USER_SERVER_H

#include <pthread.h>
#include <sys/stat.h>

#include <umdev/vfio_file.h>
#include <umdev/vfio_user.h>

struct connection;
struct door_client;
struct vfio_user_server;

/**
 * struct watched - a descriptor that the listener waits for
 * @ready: something has happened on it; the listener's thread, lock held. It must not wait. May
 *         come once too often
 */
struct watched {
	void (*ready)(struct vfio_user_server *server, struct watched *watched);
};

/**
 * struct socket_file - a listening socket with a name in the server's directory
 * @fd:        -1: there is none
 * @dev, @ino: which file it is, so that nobody else's is removed
 */
struct socket_file {
	int fd;
	dev_t dev;
	ino_t ino;
};

/**
 * struct door - where the users of the kernel's VFIO calls come in (door.h); under server.lock
 * @watched: the socket
 * @clients: all who are connected, in the order of their coming
 * @nr_silent: how many of them have no group
 * @waiting: some of them wait for a group
 */
struct door {
	struct watched watched;
	struct socket_file file;
	struct list_head clients;
	unsigned int nr_silent;
	bool waiting;
};

/**
 * struct vfio_user_server - the one server of the process
 * @config:      as given; config.dir is @dir
 * @dir:         absolute path of the directory with the sockets
 * @lock:        guards everything below that is not constant, and all endpoints
 * @cond:        with @lock: a connection has ended, an open is over
 * @endpoints:   all devices that are served
 * @connections: all connections that have a thread
 * @finished:    those whose thread waits to be joined
 * @door:        for who has a group's node
 * @by_fd:       what the listener waits for, by its descriptor, so that an event that comes late
 *               finds nothing instead of freed memory
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
	struct door door;
	struct watched **by_fd;
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
 * @watched:  the socket
 * @link:     in server.endpoints until the device is taken back
 * @server:   whose it is
 * @vdev:     the device; NULL once the device has been taken back
 * @group:    number of its group
 * @claimant: who has come through the door and has the group, or NULL
 * @holder:   the connection that has opened the device, or NULL
 * @opening:  a connection is inside vfio_file_open()
 * @waiting:  connections that have not opened the device
 * @adopted:  how many of them the door has made
 * @refs:     one for being listed, one for each connection and each client of the door's
 * @file:     the listening socket; none if another program has the device
 * @name:     of the device
 */
struct endpoint {
	struct watched watched;
	struct list_head link;
	struct vfio_user_server *server;
	struct vfio_device *vdev;
	int group;
	struct door_client *claimant;
	struct connection *holder;
	bool opening;
	unsigned int waiting;
	unsigned int adopted;
	unsigned int refs;
	struct socket_file file;
	char name[];
};

/**
 * struct peer - who is at the other end of a socket
 * @pid:  0 if it can't be known
 * @comm: the name of that process, "unknown" if it can't be known
 */
struct peer {
	pid_t pid;
	char comm[16];
};

/* ---- endpoint.c ---- */

/**
 * endpoint_create - make the socket of a device, with its final name and rights from the moment it
 * is there
 * @server: its lock is not held
 *
 * A device that another program serves gets none.
 * Return: 0, -EINVAL (a name that begins with a dot: those are the server's own), -ENOMEM, what
 * socket_file_create() says.
 */
int endpoint_create(struct vfio_user_server *server, struct vfio_device *vdev,
		    struct endpoint **out);

/**
 * endpoint_close - stop listening and remove the file; drops the reference of the list. Lock held.
 */
void endpoint_close(struct endpoint *ep);

/** endpoint_put - drop a reference. Lock held. */
void endpoint_put(struct endpoint *ep);

/**
 * endpoint_adopt - a connection that nobody has made by connect()
 * @peer:  whom it is for
 * @claim: of the device's group, with which the device is going to be opened
 * Context: the listener's thread, lock held. Return: the other end, a blocking stream socket, or
 * -EBUSY (many such have not opened the device yet), -ENOMEM, -EMFILE, -errno.
 */
int endpoint_adopt(struct endpoint *ep, const struct peer *peer, struct vfio_claim *claim);

/* ---- socket_file.c ---- */

/** struct socket_rights - of what type (SOCK_STREAM, ...) it is, whose, and with which rights */
struct socket_rights {
	int type;
	mode_t mode;
	uid_t owner; /* (uid_t)-1: the process's */
	gid_t group; /* (gid_t)-1: the process's */
};

/**
 * socket_file_create - listen at a name in the server's directory
 *
 * It has its final name and rights from the moment it is there.
 * Context: server.lock is not held.
 * Return: 0, -ENAMETOOLONG, -EEXIST (the name is taken by something that is no socket), -EADDRINUSE
 * (somebody listens there), -errno of a system call.
 */
int socket_file_create(struct vfio_user_server *server, const char *name,
		       const struct socket_rights *rights, struct socket_file *file);
/** socket_file_remove - the reverse; a file that somebody has put in its place is left alone. */
void socket_file_remove(const struct vfio_user_server *server, const char *name,
			struct socket_file *file);

/* ---- leave_behind.c ---- */

enum socket_news {
	SOCKET_QUIET,	    /* there is nothing yet */
	SOCKET_HAS_MESSAGE, /* there is something to be read */
	SOCKET_HAS_FDS,	    /* there is something with descriptors */
	SOCKET_ENDED,	    /* there will be nothing, or there is an error */
};

/**
 * socket_peek - look at what comes next, without taking it
 * @type: of the socket, SOCK_STREAM or SOCK_SEQPACKET
 * @len:  filled with how long it is, which may be more than @size
 * Context: any; does not wait.
 */
enum socket_news socket_peek(int fd, int type, void *buf, size_t size, ssize_t *len);

/** socket_leave - close a socket from which not everything was read, without waiting for that. */
void socket_leave(int fd);

/* ---- door_server.c ---- */

/**
 * door_open - let users in
 * Context: before the listener runs, lock not held. Return: what socket_file_create() says,
 * -ENOMEM.
 */
int door_open(struct vfio_user_server *server);
/** door_close - the reverse: all groups are free. The listener has ended, lock not held. */
void door_close(struct vfio_user_server *server);

/** door_retry - look again after those who wait. Lock held, the listener's thread. */
void door_retry(struct vfio_user_server *server);
/** door_patience - for how many milliseconds nobody loses patience, -1: for ever. Lock held. */
int door_patience(const struct vfio_user_server *server);

/** door_path - the path of the door, into @buf. */
void door_path(const struct vfio_user_server *server, char *buf, size_t size);

/* ---- server.c ---- */

/**
 * server_watch - have the listener wait for @fd
 * Context: lock held. Return: 0, -ENOMEM.
 */
int server_watch(struct vfio_user_server *server, int fd, struct watched *watched);
/** server_unwatch - the reverse, before @fd is closed. Lock held. */
void server_unwatch(struct vfio_user_server *server, int fd);

/**
 * server_accept - take who waits at a listening socket
 * @name: of what listens, for the log
 * @flags: for accept4()
 * Context: the listener's thread, lock held. Return: a socket, or -errno; who waits is refused when
 * there is no descriptor left.
 */
int server_accept(struct vfio_user_server *server, int fd, int flags, const char *name);

/** socket_has_hung_up - has the peer: POLLRDHUP: it sends nothing more; POLLHUP: nor hears. */
bool socket_has_hung_up(int fd, short how);

/** peer_identify - who has connected? */
void peer_identify(int fd, struct peer *peer);

/**
 * thread_start - umdev_thread_start(), which tests can have fail
 * Return: 0 or -errno.
 */
int thread_start(pthread_t *thread, const char *name, void *(*fn)(void *), void *arg);

/** event_kick - make an eventfd readable. */
void event_kick(int fd);

/** event_drain - make it unreadable again. */
void event_drain(int fd);

#endif
