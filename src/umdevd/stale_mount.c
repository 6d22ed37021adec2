/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <umdev/log.h>

#include "umdevd/stale_mount.h"

/* More than these on one directory are not ours. */
#define STALE_MAX 64

extern char **environ;

/* In mountinfo, blanks and the like are written as \ and three octal digits. */
static void unescape(char *s)
{
	char *out = s;
	int i, v;

	for (; *s; s++) {
		v = 0;
		for (i = 1; *s == '\\' && i <= 3 && s[i] >= '0' && s[i] <= '7'; i++)
			v = v * 8 + s[i] - '0';
		if (i == 4) {
			*out++ = (char)v;
			s += 3;
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
}

/* Return: 1 if something is mounted on @path, 0 if not, -errno. */
static int is_mounted(const char *path)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL, *where;
	size_t size = 0;
	int found = 0;

	if (!f)
		return -errno;
	while (!found && getline(&line, &size, f) > 0) {
		/* ID PARENT MAJOR:MINOR ROOT MOUNTPOINT ... */
		if (sscanf(line, "%*s %*s %*s %*s %ms", &where) != 1)
			continue;
		unescape(where);
		found = strcmp(where, path) == 0;
		free(where);
	}
	free(line);
	fclose(f);
	return found;
}

/* Without privileges only fusermount3 may unmount, and only what is ours. */
static int run_fusermount(const char *path)
{
	const char *argv[] = { "fusermount3", "-u", "-z", "-q", "--", path, NULL };
	int status, err;
	pid_t pid;

	err = posix_spawnp(&pid, argv[0], NULL, NULL, (char **)argv, environ);
	if (err)
		return -err;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EPERM;
}

static int unmount(const char *path)
{
	if (umount2(path, MNT_DETACH) == 0)
		return 0;
	return errno == EPERM ? run_fusermount(path) : -errno;
}

int stale_mounts_remove(const char *path)
{
	int i, err;

	for (i = 0; i < STALE_MAX; i++) {
		err = is_mounted(path);
		if (err > 0)
			err = unmount(path);
		else if (!err)
			return 0;
		if (err) {
			pr_err("can't unmount what a daemon left at %s: %s", path, strerror(-err));
			return err;
		}
		pr_info("unmounted what a daemon that died left at %s", path);
	}
	return -EBUSY;
}
