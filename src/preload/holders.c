/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>

#include "preload/file.h"
#include "preload/holders.h"
#include "preload/next.h"
#include "preload/table.h"

/* Each kind is a byte of the file. */
static struct flock lock_of(enum holder_kind kind, short type)
{
	return (struct flock) {
		.l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)kind, .l_len = 1
	};
}

int holders_create(void)
{
	int fd = memfd_create("umdev-holders", MFD_CLOEXEC);

	return fd < 0 ? -errno : hidden_fd(fd);
}

int holder_create(int holders, enum holder_kind kind)
{
	struct flock lock = lock_of(kind, F_RDLCK);
	char name[32];
	int fd, err;

	if (!table_is_hidden(holders))
		return -ENODEV;
	/* A description of its own: a duplicate would share @holders' locks. */
	snprintf(name, sizeof(name), "/proc/self/fd/%d", holders);
	fd = NEXT(open)(name, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (NEXT(fcntl)(fd, F_OFD_SETLK, &lock)) {
		err = -errno;
		NEXT(close)(fd);
		return err;
	}
	return hidden_fd(fd);
}

bool holders_any(int holders, enum holder_kind kind)
{
	struct flock lock = lock_of(kind, F_WRLCK);

	return !table_is_hidden(holders) || NEXT(fcntl)(holders, F_OFD_GETLK, &lock) ||
	       lock.l_type != F_UNLCK;
}
