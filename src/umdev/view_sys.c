/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * /sys of a view: served by umdevd, with the machine's own sysfs below.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "umdev/view.h"

/* A sysfs made here and now shows the network devices of this namespace. Return: fd or -1. */
static int mount_fresh(void)
{
	int context = fsopen("sysfs", FSOPEN_CLOEXEC), fd = -1;

	if (context < 0)
		return -1;
	if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		fd = fsmount(context, FSMOUNT_CLOEXEC,
			     MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	close(context);
	return fd;
}

int view_sys_lower(struct descriptors *desc)
{
	int fd = mount_fresh();

	/*
	 * Refused to who does not own the network namespace, and where parts of /sys are hidden, as
	 * in containers: then it is the one that is there.
	 */
	if (fd < 0)
		fd = open_tree(AT_FDCWD, "/sys",
			       OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	if (fd < 0)
		return cli_fail("can't have the machine's own /sys below: %s", strerror(errno));
	desc->fd[DESCRIPTOR_LOWER] = fd;
	return 0;
}

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

static bool is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 && (!path[len] || path[len] == '/');
}

/* Keep @path unless something above it is kept, which brings it along. */
static int add_path(char ***paths, size_t *nr, const char *path)
{
	char **longer;
	size_t i;

	for (i = 0; i < *nr; i++)
		if (is_below(path, (*paths)[i]))
			return 0;
	longer = realloc(*paths, (*nr + 2) * sizeof(*longer));
	if (!longer)
		return -ENOMEM;
	*paths = longer;
	longer[*nr] = strdup(path);
	if (!longer[*nr])
		return -ENOMEM;
	longer[++*nr] = NULL;
	return 0;
}

static int find_mounts(struct view_sys *sys)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL, *path;
	size_t size = 0, nr = 0;
	int err = 0;

	if (!f)
		return cli_fail("/proc/self/mountinfo: %s (is /proc mounted?)", strerror(errno));
	sys->paths = calloc(1, sizeof(*sys->paths));
	if (!sys->paths)
		err = -ENOMEM;
	while (!err && getline(&line, &size, f) > 0) {
		if (sscanf(line, "%*s %*s %*s %*s %ms", &path) != 1)
			continue;
		unescape(path);
		if (strncmp(path, "/sys/", 5) == 0)
			err = add_path(&sys->paths, &nr, path + 5);
		free(path);
	}
	free(line);
	fclose(f);
	return err ? cli_fail("out of memory") : 0;
}

int view_sys_make(struct view_sys *sys, int sys_fd)
{
	if (find_mounts(sys))
		return EXIT_FAILURE;
	sys->old = open("/sys", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (sys->old < 0)
		return cli_fail("/sys: %s", strerror(errno));
	return mount_fuse(sys_fd, "/sys");
}

static int move_mounts(int old, const char *path)
{
	char *target;
	int tree, err;

	if (asprintf(&target, "/sys/%s", path) < 0)
		return cli_fail("out of memory");
	tree = mount_clone(old, path);
	err = tree < 0 ? tree : mount_place(tree, AT_FDCWD, target);
	if (tree >= 0)
		close(tree);
	if (err == -ENOTCONN || err == -ECONNABORTED)
		cli_fail("umdevd has ended while its view was built");
	else if (err && !mount_is_hidden(err))
		cli_fail("can't show %s of the host in the view: %s", target, strerror(-err));
	else
		err = 0;
	free(target);
	return err ? EXIT_FAILURE : 0;
}

int view_sys_fill(const struct view_sys *sys)
{
	char **path;
	int status = 0;

	for (path = sys->paths; *path && !status; path++)
		status = move_mounts(sys->old, *path);
	return status;
}

void view_sys_finish(struct view_sys *sys)
{
	char **path;

	for (path = sys->paths; path && *path; path++)
		free(*path);
	free(sys->paths);
	if (sys->old >= 0)
		close(sys->old);
}
