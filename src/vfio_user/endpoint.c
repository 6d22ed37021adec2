/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A device's socket in the file system.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "model/alloc.h"
#include "vfio_user/connection.h"

/* Clients that have connected but not said VERSION yet, per device. */
#define MAX_WAITING 8
#define BACKLOG	    128

static int make_address(struct sockaddr_un *addr, const char *dir, const char *name)
{
	int n;

	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	n = snprintf(addr->sun_path, sizeof(addr->sun_path), "%s/%s", dir, name);
	return n < 0 || (size_t)n >= sizeof(addr->sun_path) ? -ENAMETOOLONG : 0;
}

static int new_socket(void)
{
	int fd;

	if (fault_point())
		return -EMFILE;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return fd < 0 ? -errno : fd;
}

/* May the name be taken? What is there may be left over from a server that died. */
static int check_name(const struct sockaddr_un *addr)
{
	struct stat st;
	int fd, err;

	if (lstat(addr->sun_path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = new_socket();
	if (fd < 0)
		return fd;
	err = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) ? errno : 0;
	close(fd);
	return err == ECONNREFUSED || err == ENOENT ? 0 : -EADDRINUSE;
}

/*
 * Make the socket under a name of its own, then give it its rights and its name: nobody ever sees
 * it with rights that it should not have, and one that is left over is replaced at once.
 */
static int listen_at(const struct vfio_user_config *config, const struct sockaddr_un *addr,
		     const struct sockaddr_un *temp, struct stat *st)
{
	int fd = new_socket();
	int err;

	if (fd < 0)
		return fd;
	unlink(temp->sun_path);
	if (fault_point() || bind(fd, (const struct sockaddr *)temp, sizeof(*temp)))
		goto close;
	if (config->owner != (uid_t)-1 || config->group != (gid_t)-1)
		if (lchown(temp->sun_path, config->owner, config->group))
			goto unlink;
	if (chmod(temp->sun_path, config->mode) || lstat(temp->sun_path, st))
		goto unlink;
	if (fault_point() || listen(fd, BACKLOG) || rename(temp->sun_path, addr->sun_path))
		goto unlink;
	return fd;
unlink:
	err = errno;
	unlink(temp->sun_path);
	errno = err;
close:
	err = errno ? -errno : -EIO;
	close(fd);
	return err;
}

/* server.lock held. */
static int watch(struct vfio_user_server *server, struct endpoint *ep)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = ep->fd };

	if ((size_t)ep->fd >= server->nr_by_fd) {
		size_t n = (ep->fd + 64) * 2;
		struct endpoint **by_fd =
			fault_point() ? NULL : realloc(server->by_fd, n * sizeof(*by_fd));

		if (!by_fd)
			return -ENOMEM;
		memset(by_fd + server->nr_by_fd, 0, (n - server->nr_by_fd) * sizeof(*by_fd));
		server->by_fd = by_fd;
		server->nr_by_fd = n;
	}
	if (fault_point() || epoll_ctl(server->listen_epoll, EPOLL_CTL_ADD, ep->fd, &ev))
		return -ENOMEM;
	server->by_fd[ep->fd] = ep;
	return 0;
}

struct endpoint *server_find_endpoint(struct vfio_user_server *server, int fd)
{
	return fd >= 0 && (size_t)fd < server->nr_by_fd ? server->by_fd[fd] : NULL;
}

static void remove_file(const struct endpoint *ep)
{
	struct sockaddr_un addr;
	struct stat st;

	if (make_address(&addr, ep->server->dir, ep->name) || lstat(addr.sun_path, &st))
		return;
	if (st.st_dev == ep->dev && st.st_ino == ep->ino)
		unlink(addr.sun_path);
}

int endpoint_create(struct vfio_user_server *server, struct vfio_device *vdev,
		    struct endpoint **out)
{
	const char *name = dev_name(vdev->dev);
	struct sockaddr_un addr, temp;
	struct endpoint *ep;
	char temp_name[32];
	struct stat st;
	int err;

	err = make_address(&addr, server->dir, name);
	if (err)
		return err;
	ep = zalloc(sizeof(*ep) + strlen(name) + 1);
	if (!ep)
		return -ENOMEM;
	strcpy(ep->name, name);
	ep->server = server;
	ep->vdev = vdev;
	ep->refs = 1;

	pthread_mutex_lock(&server->lock);
	snprintf(temp_name, sizeof(temp_name), ".new%u", server->next_temp++);
	pthread_mutex_unlock(&server->lock);
	err = make_address(&temp, server->dir, temp_name);
	if (!err)
		err = check_name(&addr);
	if (err)
		goto free;
	errno = 0;
	ep->fd = listen_at(&server->config, &addr, &temp, &st);
	if (ep->fd < 0) {
		err = ep->fd;
		goto free;
	}
	ep->dev = st.st_dev;
	ep->ino = st.st_ino;

	pthread_mutex_lock(&server->lock);
	err = watch(server, ep);
	if (!err)
		list_add_tail(&ep->link, &server->endpoints);
	pthread_mutex_unlock(&server->lock);
	if (err)
		goto close;
	*out = ep;
	return 0;
close:
	remove_file(ep);
	close(ep->fd);
free:
	free(ep);
	return err;
}

void endpoint_close(struct endpoint *ep)
{
	remove_file(ep);
	ep->server->by_fd[ep->fd] = NULL;
	epoll_ctl(ep->server->listen_epoll, EPOLL_CTL_DEL, ep->fd, NULL);
	close(ep->fd);
	ep->fd = -1;
	list_del_init(&ep->link);
	endpoint_put(ep);
}

void endpoint_put(struct endpoint *ep)
{
	if (--ep->refs == 0)
		free(ep);
}

/*
 * Take the one that waits and let it see that it is not wanted, although there is no descriptor for
 * it.
 */
static void refuse_without_fd(struct endpoint *ep)
{
	struct vfio_user_server *server = ep->server;
	int fd;

	if (server->spare_fd >= 0)
		close(server->spare_fd);
	fd = accept4(ep->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pr_err("vfio-user: %s: refusing a client: no more file descriptors", ep->name);
}

void endpoint_accept(struct endpoint *ep)
{
	int fd = accept4(ep->fd, NULL, NULL, SOCK_CLOEXEC);
	int err;

	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE)
			refuse_without_fd(ep);
		return;
	}
	if (ep->waiting >= MAX_WAITING) {
		pr_warn("vfio-user: %s: refusing a client: %u others wait already", ep->name,
			ep->waiting);
		close(fd);
		return;
	}
	err = connection_create(ep, fd);
	if (err)
		pr_err("vfio-user: %s: refusing a client: %s", ep->name, strerror(-err));
}
