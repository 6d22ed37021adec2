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
/* What the tree is mounted as, and the blank behind it. */
#define OUR_TYPE "fuse.umdev "

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

/* The type of file system that a line of mountinfo tells of. */
static bool has_our_type(const char *line)
{
	const char *type = strstr(line, " - ");

	return type && strncmp(type + 3, OUR_TYPE, strlen(OUR_TYPE)) == 0;
}

/* Return: 1 if an umdevd has mounted on @path, 0 if nobody has, -EBUSY somebody else, -errno. */
static int is_mounted(const char *path)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL, *where;
	size_t size = 0;
	int found = 0;

	if (!f)
		return -errno;
	while (found >= 0 && getline(&line, &size, f) > 0) {
		/* ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS [...] - TYPE ... */
		if (sscanf(line, "%*s %*s %*s %*s %ms", &where) != 1)
			continue;
		unescape(where);
		if (strcmp(where, path) == 0)
			found = has_our_type(line) ? 1 : -EBUSY;
		free(where);
	}
	free(line);
	fclose(f);
	return found;
}

/* Return: 0, or -errno: -EPERM if @argv did not do it. */
static int run(const char *const argv[])
{
	int status, err;
	pid_t pid;

	err = posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)argv, environ);
	if (err)
		return -err;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EPERM;
}

/*
 * Without privileges only programs that are setuid root may unmount, and only what is ours:
 * fusermount3, which touches nothing but needs an /etc/mtab, or else umount(8).
 */
static int unmount(const char *path)
{
	const char *const fusermount[] = { "fusermount3", "-u", "-z", "-q", "--", path, NULL };
	const char *const umount[] = { "umount", "-l", "--", path, NULL };

	if (umount2(path, MNT_DETACH) == 0)
		return 0;
	if (errno != EPERM)
		return -errno;
	return run(fusermount) == 0 ? 0 : run(umount);
}

int stale_mounts_remove(const char *path)
{
	int i, err;

	for (i = 0; i < STALE_MAX; i++) {
		err = is_mounted(path);
		if (err == -EBUSY)
			pr_err("%s: something else is mounted there", path);
		if (err == -EBUSY || !err)
			return err;
		if (err > 0)
			err = unmount(path);
		if (err) {
			pr_err("can't unmount what a daemon left at %s: %s", path, strerror(-err));
			return err;
		}
		pr_info("unmounted what a daemon that died left at %s", path);
	}
	return -EBUSY;
}
