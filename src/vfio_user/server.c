/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Starting and stopping the server, and the thread that listens.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <umdev/thread.h>

#include "model/alloc.h"
#include "vfio_user/connection.h"
#include "vfio_user/remote.h"

#define DEFAULT_TIMEOUT_MS 4000

/* The one server. */
static pthread_mutex_t the_server_lock = PTHREAD_MUTEX_INITIALIZER;
static struct vfio_user_server *the_server; /* under the_server_lock */

/* ---- small things ---- */

int thread_start(pthread_t *thread, const char *name, void *(*fn)(void *), void *arg)
{
	return fault_point() ? -EAGAIN : umdev_thread_start(thread, name, fn, arg);
}

void event_kick(int fd)
{
	/* A full counter is readable, too, which is all that is wanted. */
	(void)!eventfd_write(fd, 1);
}

void event_drain(int fd)
{
	eventfd_t value;

	(void)!eventfd_read(fd, &value);
}

bool socket_has_hung_up(int fd, short how)
{
	struct pollfd pfd = { .fd = fd, .events = POLLRDHUP };

	return poll(&pfd, 1, 0) == 1 && (pfd.revents & how);
}

void peer_identify(int fd, struct peer *peer)
{
	struct ucred cred = { 0 };
	socklen_t len = sizeof(cred);
	char path[64];
	FILE *f;

	memset(peer, 0, sizeof(*peer));
	strcpy(peer->comm, "unknown");
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) || cred.pid <= 0)
		return;
	peer->pid = cred.pid;
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)cred.pid);
	f = fopen(path, "re");
	if (!f)
		return;
	if (fgets(peer->comm, sizeof(peer->comm), f))
		peer->comm[strcspn(peer->comm, "\n")] = '\0';
	fclose(f);
}

/* ---- the transport ---- */

static int transport_start(struct vfio_transport *transport, struct vfio_device *vdev);
static void transport_stop(struct vfio_transport *transport, struct vfio_device *vdev);

static ssize_t emit_socket(const struct vfio_user_server *server, struct vfio_device *vdev,
			   char *buf)
{
	const struct endpoint *ep = vfio_device_transport_data(vdev);

	if (!ep)
		return -ENODEV;
	if (vdev->ops->socket)
		return sysfs_emit(buf, "%s\n", vdev->ops->socket(vdev));
	return sysfs_emit(buf, "%s/%s\n", server->dir, ep->name);
}

static ssize_t socket_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct vfio_user_server *server;
	ssize_t n = -ENODEV;

	pthread_mutex_lock(&the_server_lock);
	server = the_server;
	if (server) {
		pthread_mutex_lock(&server->lock);
		n = emit_socket(server, vfio_device_from_dev(dev), buf);
		pthread_mutex_unlock(&server->lock);
	}
	pthread_mutex_unlock(&the_server_lock);
	return n;
}

/* Of a group: where the door is. */
static ssize_t door_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	char path[PATH_MAX];
	ssize_t n = -ENODEV;

	pthread_mutex_lock(&the_server_lock);
	if (the_server) {
		door_path(the_server, path, sizeof(path));
		n = sysfs_emit(buf, "%s\n", path);
	}
	pthread_mutex_unlock(&the_server_lock);
	return n;
}

static DEVICE_ATTR_RO(socket);
static struct attribute *socket_attrs[] = { &dev_attr_socket.attr, NULL };
ATTRIBUTE_GROUPS(socket);

static struct device_attribute dev_attr_door = {
	.attr = { .name = "socket", .mode = 0444 },
	.show = door_show,
};
static struct attribute *door_attrs[] = { &dev_attr_door.attr, NULL };
ATTRIBUTE_GROUPS(door);

struct server_transport {
	struct vfio_transport transport;
	struct vfio_user_server *server;
};

static struct server_transport the_transport = {
	.transport = {
		.name = "vfio-user",
		.start = transport_start,
		.stop = transport_stop,
		.dev_groups = socket_groups,
		.group_groups = door_groups,
	},
};

static struct vfio_user_server *to_server(struct vfio_transport *transport)
{
	return container_of(transport, struct server_transport, transport)->server;
}

static int transport_start(struct vfio_transport *transport, struct vfio_device *vdev)
{
	struct vfio_user_server *server = to_server(transport);
	struct endpoint *ep;
	int err;

	err = endpoint_create(server, vdev, &ep);
	if (err) {
		pr_err("vfio-user: %s/%s: %s", server->dir, dev_name(vdev->dev), strerror(-err));
		return err;
	}
	pthread_mutex_lock(&server->lock);
	vfio_device_set_transport_data(vdev, ep);
	pthread_mutex_unlock(&server->lock);
	return 0;
}

/* End the connections of @ep that have not opened the device. server.lock held. */
static void refuse_waiting(struct vfio_user_server *server, struct endpoint *ep)
{
	struct connection *c;

	list_for_each_entry (c, &server->connections, link) {
		if (c->ep == ep && ep->holder != c)
			shutdown(c->fd, SHUT_RDWR);
	}
}

static void transport_stop(struct vfio_transport *transport, struct vfio_device *vdev)
{
	struct vfio_user_server *server = to_server(transport);
	struct endpoint *ep;

	pthread_mutex_lock(&server->lock);
	ep = vfio_device_transport_data(vdev);
	vfio_device_set_transport_data(vdev, NULL);
	if (ep) {
		ep->vdev = NULL;
		refuse_waiting(server, ep);
		pthread_cond_broadcast(&server->cond);
		while (ep->opening)
			pthread_cond_wait(&server->cond, &server->lock);
		endpoint_close(ep);
		/* Somebody may be waiting for its group. */
		event_kick(server->kick);
	}
	pthread_mutex_unlock(&server->lock);
}

/* ---- the listener ---- */

int server_watch(struct vfio_user_server *server, int fd, struct watched *watched)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };

	if ((size_t)fd >= server->nr_by_fd) {
		size_t n = (fd + 64) * 2;
		struct watched **by_fd =
			fault_point() ? NULL : realloc(server->by_fd, n * sizeof(*by_fd));

		if (!by_fd)
			return -ENOMEM;
		memset(by_fd + server->nr_by_fd, 0, (n - server->nr_by_fd) * sizeof(*by_fd));
		server->by_fd = by_fd;
		server->nr_by_fd = n;
	}
	if (fault_point() || epoll_ctl(server->listen_epoll, EPOLL_CTL_ADD, fd, &ev))
		return -ENOMEM;
	server->by_fd[fd] = watched;
	return 0;
}

void server_unwatch(struct vfio_user_server *server, int fd)
{
	server->by_fd[fd] = NULL;
	epoll_ctl(server->listen_epoll, EPOLL_CTL_DEL, fd, NULL);
}

/*
 * Take the one that waits and let it see that it is not wanted, although there is no descriptor for
 * it.
 */
static void refuse_without_fd(struct vfio_user_server *server, int listening, const char *name)
{
	int fd;

	if (server->spare_fd >= 0)
		close(server->spare_fd);
	fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		socket_leave(fd);
	server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pr_err("vfio-user: %s: refusing a client: no more file descriptors", name);
}

int server_accept(struct vfio_user_server *server, int listening, int flags, const char *name)
{
	int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC | flags);
	int err;

	if (fd >= 0)
		return fd;
	err = -errno;
	if (err == -EMFILE || err == -ENFILE)
		refuse_without_fd(server, listening, name);
	return err;
}

/* Free what has ended. server.lock held, dropped meanwhile. */
static void reap_finished(struct vfio_user_server *server)
{
	while (!list_empty(&server->finished)) {
		struct connection *c = list_first_entry(&server->finished, struct connection, link);

		list_del_init(&c->link);
		pthread_mutex_unlock(&server->lock);
		connection_reap(c);
		pthread_mutex_lock(&server->lock);
	}
}

static void *listener_run(void *arg)
{
	struct vfio_user_server *server = arg;
	struct epoll_event ev[16];

	pthread_mutex_lock(&server->lock);
	while (!server->stopping) {
		int patience = door_patience(server), n;

		pthread_mutex_unlock(&server->lock);
		n = epoll_wait(server->listen_epoll, ev, ARRAY_SIZE(ev), patience);
		pthread_mutex_lock(&server->lock);
		for (int i = 0; i < n; i++) {
			size_t fd = ev[i].data.fd;
			struct watched *w = fd < server->nr_by_fd ? server->by_fd[fd] : NULL;

			if (ev[i].data.fd == server->kick)
				event_drain(server->kick);
			else if (w)
				w->ready(server, w);
		}
		door_retry(server);
		reap_finished(server);
	}
	pthread_mutex_unlock(&server->lock);
	return NULL;
}

/* What it waits in. */
static int listener_open(struct vfio_user_server *server)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int err;

	server->listen_epoll = fault_point() ? -1 : epoll_create1(EPOLL_CLOEXEC);
	if (server->listen_epoll < 0)
		return -EMFILE;
	server->kick = fault_point() ? -1 : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (server->kick < 0) {
		err = -EMFILE;
		goto close_epoll;
	}
	ev.data.fd = server->kick;
	if (epoll_ctl(server->listen_epoll, EPOLL_CTL_ADD, server->kick, &ev)) {
		err = -errno;
		goto close_kick;
	}
	server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return 0;
close_kick:
	close(server->kick);
close_epoll:
	close(server->listen_epoll);
	return err;
}

static void listener_close(struct vfio_user_server *server)
{
	if (server->spare_fd >= 0)
		close(server->spare_fd);
	close(server->kick);
	close(server->listen_epoll);
}

static void listener_end(struct vfio_user_server *server)
{
	pthread_mutex_lock(&server->lock);
	server->stopping = true;
	pthread_mutex_unlock(&server->lock);
	event_kick(server->kick);
	pthread_join(server->listener, NULL);
}

/* ---- the server ---- */

static int server_create(const struct vfio_user_config *config, struct vfio_user_server **out)
{
	struct vfio_user_server *server;
	pthread_condattr_t attr;
	unsigned int ms = config->callback_timeout_ms;
	int err = -ENOMEM;

	server = zalloc(sizeof(*server));
	if (!server)
		return -ENOMEM;
	server->dir = fault_point() ? NULL : realpath(config->dir, NULL);
	if (!server->dir) {
		err = errno ? -errno : -ENOMEM;
		goto free;
	}
	/* Room for "/" and at least one character has to be left. */
	if (strlen(server->dir) + 2 >= sizeof(((struct sockaddr_un *)0)->sun_path)) {
		err = -ENAMETOOLONG;
		goto free_dir;
	}
	server->config = *config;
	server->config.dir = server->dir;
	server->timeout_ns = (ms ? ms : DEFAULT_TIMEOUT_MS) * 1000000ull;
	pthread_mutex_init(&server->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&server->cond, &attr);
	pthread_condattr_destroy(&attr);
	INIT_LIST_HEAD(&server->endpoints);
	INIT_LIST_HEAD(&server->connections);
	INIT_LIST_HEAD(&server->finished);
	INIT_LIST_HEAD(&server->door.clients);
	*out = server;
	return 0;
free_dir:
	free(server->dir);
free:
	free(server);
	return err;
}

static void server_destroy(struct vfio_user_server *server)
{
	pthread_cond_destroy(&server->cond);
	pthread_mutex_destroy(&server->lock);
	free(server->by_fd);
	free(server->dir);
	free(server);
}

static void disconnect_all(struct vfio_user_server *server)
{
	struct connection *c;

	pthread_mutex_lock(&server->lock);
	list_for_each_entry (c, &server->connections, link)
		connection_hang_up(c);
	while (!list_empty(&server->connections))
		pthread_cond_wait(&server->cond, &server->lock);
	pthread_mutex_unlock(&server->lock);
}

static int server_start(struct vfio_user_server *server)
{
	int err = watchdog_start(server);

	if (err)
		return err;
	err = listener_open(server);
	if (err)
		goto stop_watchdog;
	err = door_open(server);
	if (err)
		goto close_listener;
	err = thread_start(&server->listener, "vfio-user door", listener_run, server);
	if (err)
		goto close_door;
	return 0;
close_door:
	door_close(server);
close_listener:
	listener_close(server);
stop_watchdog:
	watchdog_stop(server);
	return err;
}

static void server_stop(struct vfio_user_server *server)
{
	disconnect_all(server);
	listener_end(server);
	door_close(server);
	/* Threads that have ended may still be about to kick the listener. */
	pthread_mutex_lock(&server->lock);
	reap_finished(server);
	pthread_mutex_unlock(&server->lock);
	listener_close(server);
	watchdog_stop(server);
}

/* Make @server the one server, or none. Return: false if there is one already. */
static bool set_the_server(struct vfio_user_server *server)
{
	bool done;

	pthread_mutex_lock(&the_server_lock);
	done = !server || !the_server;
	if (done) {
		the_server = server;
		the_transport.server = server;
	}
	pthread_mutex_unlock(&the_server_lock);
	return done;
}

int vfio_user_start(const struct vfio_user_config *config)
{
	struct vfio_user_server *server;
	int err;

	if (!config || !config->dir)
		return -EINVAL;
	err = server_create(config, &server);
	if (err)
		return err;
	if (!set_the_server(server)) {
		err = -EBUSY;
		goto destroy;
	}
	err = server_start(server);
	if (err)
		goto unset;
	err = vfio_transport_register(&the_transport.transport);
	if (err)
		goto stop;
	remotes_open();
	return 0;
stop:
	server_stop(server);
unset:
	set_the_server(NULL);
destroy:
	server_destroy(server);
	return err;
}

void vfio_user_stop(void)
{
	struct vfio_user_server *server = the_server;

	if (!server)
		return;
	vfio_transport_unregister(&the_transport.transport);
	server_stop(server);
	/* Nobody uses them any more. */
	remotes_close();
	set_the_server(NULL);
	server_destroy(server);
}
