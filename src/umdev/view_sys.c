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
#include "umdevd/mountinfo.h"

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

static bool is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 && (!path[len] || path[len] == '/');
}

struct paths {
	char **list; /* ends with NULL */
	size_t nr;
};

/* Keep what is below /sys, unless something above it is kept, which brings it along. */
static int add_mount(const char *path, const char *type, void *data)
{
	struct paths *paths = data;
	char **longer;
	size_t i;

	if (strncmp(path, "/sys/", 5))
		return 0;
	path += 5;
	for (i = 0; i < paths->nr; i++)
		if (is_below(path, paths->list[i]))
			return 0;
	longer = realloc(paths->list, (paths->nr + 2) * sizeof(*longer));
	if (!longer)
		return -ENOMEM;
	paths->list = longer;
	longer[paths->nr] = strdup(path);
	if (!longer[paths->nr])
		return -ENOMEM;
	longer[++paths->nr] = NULL;
	return 0;
}

static int find_mounts(struct view_sys *sys)
{
	struct paths paths = { .list = calloc(1, sizeof(*paths.list)) };
	int err = paths.list ? mountinfo_for_each(add_mount, &paths) : -ENOMEM;

	sys->paths = paths.list;
	if (err == -ENOMEM)
		return cli_fail("out of memory");
	return err ? cli_fail("/proc/self/mountinfo: %s (is /proc mounted?)", strerror(-err)) : 0;
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
