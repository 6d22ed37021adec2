/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <umdev/log.h>

#include "umdevd/mountinfo.h"
#include "umdevd/stale_mount.h"

/* More than these on one directory are not ours. */
#define STALE_MAX 64

extern char **environ;

struct search {
	const char *path;
	int found;
};

static int look_at(const char *path, const char *type, void *data)
{
	struct search *search = data;

	if (strcmp(path, search->path))
		return 0;
	search->found = 1;
	return strcmp(type, MOUNTINFO_OURS) ? -EBUSY : 0;
}

/* Return: 1 if an umdevd has mounted on @path, 0 if nobody has, -EBUSY somebody else, -errno. */
static int is_mounted(const char *path)
{
	struct search search = { .path = path };
	int err = mountinfo_for_each(look_at, &search);

	return err ? err : search.found;
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
