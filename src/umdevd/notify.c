/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <umdev/log.h>

#include "umdevd/notify.h"

static int notify_send(const char *path, const char *state)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	size_t len = strlen(path), size;
	int fd, err = 0;

	if ((path[0] != '/' && path[0] != '@') || len < 2 || len > sizeof(sun.sun_path))
		return -EINVAL;
	memcpy(sun.sun_path, path, len);
	/* '@' stands for the NUL of a socket that has no file. */
	if (sun.sun_path[0] == '@')
		sun.sun_path[0] = '\0';
	size = offsetof(struct sockaddr_un, sun_path) + len;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&sun,
		   (socklen_t)size) < 0)
		err = -errno;
	close(fd);
	return err;
}

void notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	int err;

	if (!path || !*path)
		return;
	err = notify_send(path, state);
	if (err)
		pr_warn("can't notify the service manager at %s: %s", path, strerror(-err));
}
