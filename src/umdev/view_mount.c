/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "umdev/view.h"

/* The names that our mounts show. */
#define MOUNT_NAME "umdev"

int mount_cover(const char *path)
{
	int old = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (old >= 0 && mount(MOUNT_NAME, path, "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=0755") == 0)
		return old;
	cli_fail("can't mount on %s: %s", path, strerror(errno));
	if (old >= 0)
		close(old);
	return -1;
}

int mount_fuse(int fuse_fd, const char *path)
{
	char options[160];

	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40000,user_id=%u,group_id=%u,default_permissions,allow_other",
		 fuse_fd, (unsigned int)geteuid(), (unsigned int)getegid());
	if (mount(MOUNT_NAME, path, "fuse." MOUNT_NAME,
		  MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME, options) == 0)
		return 0;
	if (errno == ENODEV)
		return cli_fail("can't mount on %s: there is no FUSE here (try: modprobe fuse)",
				path);
	return cli_fail("can't mount on %s: %s", path, strerror(errno));
}

int mount_clone(int from, const char *name)
{
	int fd = open_tree(from, name,
			   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE |
				   AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT);

	return fd < 0 ? -errno : fd;
}

int mount_place(int tree, int to, const char *name)
{
	return move_mount(tree, "", to, name, MOVE_MOUNT_F_EMPTY_PATH) ? -errno : 0;
}

bool mount_is_hidden(int err)
{
	return err == -ENOENT || err == -EACCES || err == -EINVAL || err == -EPERM;
}

static int make_place(int to, const char *name, bool dir)
{
	int fd;

	if (dir)
		return mkdirat(to, name, 0755) ? -errno : 0;
	fd = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int pass(int from, int to, const char *name, bool dir)
{
	int tree = mount_clone(from, name), err;

	if (tree < 0)
		return tree;
	err = make_place(to, name, dir);
	if (!err) {
		err = mount_place(tree, to, name);
		if (err)
			unlinkat(to, name, dir ? AT_REMOVEDIR : 0);
	}
	close(tree);
	return err;
}

int mount_pass(int from, int to, const char *name, bool dir)
{
	int err = pass(from, to, name, dir);

	if (err && !mount_is_hidden(err))
		return cli_fail("can't show \"%s\" of the host in the view: %s", name,
				strerror(-err));
	return 0;
}

/* Return: 0 or -errno. Neither waits for a server nor mounts something by looking. */
static int get_entry(struct mount_entry *entry)
{
	struct statx stx;

	if (statx(entry->from, entry->name,
		  AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, STATX_BASIC_STATS,
		  &stx))
		return -errno;
	memset(&entry->st, 0, sizeof(entry->st));
	entry->st.st_mode = stx.stx_mode;
	entry->st.st_uid = stx.stx_uid;
	entry->st.st_gid = stx.stx_gid;
	entry->st.st_rdev = makedev(stx.stx_rdev_major, stx.stx_rdev_minor);
	entry->is_mounted = stx.stx_attributes & STATX_ATTR_MOUNT_ROOT;
	return 0;
}

int mount_each(int from, int to, void *data, int (*fn)(const struct mount_entry *entry))
{
	struct mount_entry entry = { .from = from, .to = to, .data = data };
	const struct dirent *de;
	int fd, status = 0;
	DIR *dir;

	fd = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		/* What this user may not list is empty to this user. */
		if (fd < 0 && errno == EACCES)
			return 0;
		status = cli_fail("can't read a directory of the host: %s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return status;
	}
	while (!status && (de = readdir(dir))) {
		entry.name = de->d_name;
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0 ||
		    get_entry(&entry))
			continue;
		status = fn(&entry);
	}
	closedir(dir);
	return status;
}

int mount_copy_link(const struct mount_entry *entry)
{
	char target[PATH_MAX];
	ssize_t len = readlinkat(entry->from, entry->name, target, sizeof(target) - 1);

	if (len < 0)
		return 0; /* it is gone */
	target[len] = '\0';
	if (symlinkat(target, entry->to, entry->name) && errno != EEXIST)
		return cli_fail("can't make the link \"%s\" in the view: %s", entry->name,
				strerror(errno));
	return 0;
}
