/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A library that makes calls before others have begun: loaded after the VFIO library, its
 * constructor comes first. Says on stdout what it has read, and whether errno was left alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

__attribute__((constructor)) static void call_early(void)
{
	char text[32] = "";
	int fd, err;

	errno = EXDEV;
	fd = open("/proc/self/comm", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0 || close(fd))
		return;
	err = errno;
	dprintf(STDOUT_FILENO, "early: %s %s", err == EXDEV ? "quiet" : strerror(err), text);
}
