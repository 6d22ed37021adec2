/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Listening sockets in the server's directory.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "model/alloc.h"
#include "vfio_user/server.h"

#define BACKLOG 128

static int make_address(struct sockaddr_un *addr, const char *dir, const char *name)
{
	int n;

	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	n = snprintf(addr->sun_path, sizeof(addr->sun_path), "%s/%s", dir, name);
	return n < 0 || (size_t)n >= sizeof(addr->sun_path) ? -ENAMETOOLONG : 0;
}

static int new_socket(int type)
{
	int fd;

	if (fault_point())
		return -EMFILE;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return fd < 0 ? -errno : fd;
}

/* May the name be taken? What is there may be left over from a server that died. */
static int check_name(const struct sockaddr_un *addr, int type)
{
	struct stat st;
	int fd, err;

	if (lstat(addr->sun_path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = new_socket(type);
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
static int listen_at(const struct socket_rights *rights, const struct sockaddr_un *addr,
		     const struct sockaddr_un *temp, struct stat *st)
{
	int fd = new_socket(rights->type);
	int err;

	if (fd < 0)
		return fd;
	unlink(temp->sun_path);
	errno = 0;
	if (fault_point() || bind(fd, (const struct sockaddr *)temp, sizeof(*temp)))
		goto close;
	if (rights->owner != (uid_t)-1 || rights->group != (gid_t)-1)
		if (lchown(temp->sun_path, rights->owner, rights->group))
			goto unlink;
	if (chmod(temp->sun_path, rights->mode) || lstat(temp->sun_path, st))
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

int socket_file_create(struct vfio_user_server *server, const char *name,
		       const struct socket_rights *rights, struct socket_file *file)
{
	struct sockaddr_un addr, temp;
	char temp_name[32];
	struct stat st;
	int err, fd;

	err = make_address(&addr, server->dir, name);
	if (err)
		return err;
	pthread_mutex_lock(&server->lock);
	snprintf(temp_name, sizeof(temp_name), ".new%u", server->next_temp++);
	pthread_mutex_unlock(&server->lock);
	err = make_address(&temp, server->dir, temp_name);
	if (!err)
		err = check_name(&addr, rights->type);
	if (err)
		return err;
	fd = listen_at(rights, &addr, &temp, &st);
	if (fd < 0)
		return fd;
	file->fd = fd;
	file->dev = st.st_dev;
	file->ino = st.st_ino;
	return 0;
}

void socket_file_remove(const struct vfio_user_server *server, const char *name,
			struct socket_file *file)
{
	struct sockaddr_un addr;
	struct stat st;

	if (!make_address(&addr, server->dir, name) && !lstat(addr.sun_path, &st) &&
	    st.st_dev == file->dev && st.st_ino == file->ino)
		unlink(addr.sun_path);
	close(file->fd);
	file->fd = -1;
}
