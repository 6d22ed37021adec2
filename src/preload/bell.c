/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "preload/bell.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "preload/file.h"
#include "preload/next.h"
#include "preload/table.h"

int bell_create(void)
{
	char name[sizeof("/proc/self/fd/") + 10];
	int ends[2], fd;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", ends[0]);
	fd = NEXT(open)(name, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	fd = fd < 0 ? -errno : hidden_fd(fd);
	NEXT(close)(ends[0]);
	NEXT(close)(ends[1]);
	return fd;
}

int bell_ring(int bell)
{
	if (!table_is_hidden(bell))
		return -EBADF;
	/* One that is full has been rung. */
	(void)!NEXT(write)(bell, "", 1);
	return 0;
}

void bell_clear(int bell)
{
	char rings[512];

	if (table_is_hidden(bell))
		(void)!NEXT(read)(bell, rings, sizeof(rings));
}
