/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "preload/container.h"
#include "preload/fork.h"
#include "preload/group.h"
#include "preload/next.h"
#include "preload/node.h"
#include "preload/vfs.h"

/* The container's, "vfio" of Linux' Documentation/admin-guide/devices.txt. */
#define MISC_MAJOR 10
#define VFIO_MINOR 196

enum node_kind {
	NODE_OTHER,
	NODE_CONTAINER,
	NODE_GROUP,
};

/* The last component of what a link leads to. Return: false if there is none. */
static bool read_link_name(const char *link, char *name, size_t size)
{
	char target[PATH_MAX];
	ssize_t len = readlink(link, target, sizeof(target) - 1);
	const char *last;

	if (len <= 0)
		return false;
	target[len] = '\0';
	last = strrchr(target, '/');
	last = last ? last + 1 : target;
	if (strlen(last) >= size)
		return false;
	strcpy(name, last);
	return true;
}

static bool parse_id(const char *name, unsigned int *id)
{
	unsigned long nr;
	char *end;

	if (*name < '0' || *name > '9')
		return false;
	nr = strtoul(name, &end, 10);
	*id = (unsigned int)nr;
	return !*end && nr <= INT_MAX;
}

/* A node's number is looked up in sysfs, as udev does it. */
static enum node_kind kind_of(dev_t number, unsigned int *id)
{
	char path[64], name[NAME_MAX + 1];
	int len;

	if (number == makedev(MISC_MAJOR, VFIO_MINOR))
		return NODE_CONTAINER;
	len = snprintf(path, sizeof(path), "/sys/dev/char/%u:%u", major(number), minor(number));
	strcpy(path + len, "/subsystem");
	if (!read_link_name(path, name, sizeof(name)) || strcmp(name, "vfio") != 0)
		return NODE_OTHER;
	path[len] = '\0';
	return read_link_name(path, name, sizeof(name)) && parse_id(name, id) ? NODE_GROUP
									      : NODE_OTHER;
}

/* What open() may have failed for instead: the node's mode. */
static bool is_allowed(int fd, int flags)
{
	static const int wanted[] = {
		[O_RDONLY] = R_OK,
		[O_WRONLY] = W_OK,
		[O_RDWR] = R_OK | W_OK,
		/* Neither is possible then, but both must be allowed. */
		[O_ACCMODE] = R_OK | W_OK,
	};

	return !syscall(SYS_faccessat2, fd, "", wanted[flags & O_ACCMODE],
			AT_EACCESS | AT_EMPTY_PATH) ||
	       errno != EACCES;
}

static int open_kind(enum node_kind kind, int fd, unsigned int id, int flags)
{
	if (flags & O_DIRECT) {
		NEXT(close)(fd);
		return -EINVAL;
	}
	if (kind == NODE_CONTAINER)
		return container_open(fd, vfs_open_flags(flags));
	return group_open(fd, id, vfs_open_flags(flags));
}

bool node_open(int dirfd, const char *path, int flags, int err, int *ret)
{
	enum node_kind kind = NODE_OTHER;
	unsigned int id = 0;
	sigset_t signals;
	struct stat st;
	int fd;

	if ((err != EACCES && err != ENXIO && err != ENODEV) || flags & O_PATH)
		return false;
	/* A file would be known in the parent, which does not have the descriptor. */
	if (!process_lock(&signals))
		return false;
	process_unlock(&signals);
	fd = NEXT(openat)(dirfd, path, O_PATH | (flags & (O_CLOEXEC | O_NOFOLLOW | O_DIRECTORY)));
	if (fd < 0)
		return false;
	if (!fstat(fd, &st) && S_ISCHR(st.st_mode) && is_allowed(fd, flags))
		kind = kind_of(st.st_rdev, &id);
	if (kind == NODE_OTHER) {
		NEXT(close)(fd);
		return false;
	}
	*ret = open_kind(kind, fd, id, flags);
	return true;
}
