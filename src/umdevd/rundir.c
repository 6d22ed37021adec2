/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <umdev/log.h>

#include "umdevd/rundir.h"
#include "umdevd/stale_mount.h"

/* In the lock file, when the directory was made for the daemon. */
#define LOCK_MADE "made\n"

static int make_dir(const char *path, bool *made)
{
	int err;

	*made = mkdir(path, 0755) == 0;
	if (*made || errno == EEXIST)
		return 0;
	err = -errno;
	pr_err("can't make the directory %s: %s (another place: --runtime-dir DIR)", path,
	       strerror(-err));
	return err;
}

static int get_stat(const char *path, struct stat *st)
{
	int err = lstat(path, st) ? -errno : 0;

	if (err)
		pr_err("%s: %s", path, strerror(-err));
	return err;
}

/* Where the last part of the name leads is decided by whom a link belongs to. */
static int check_link(const char *path)
{
	struct stat st;
	int err = get_stat(path, &st);

	if (err || !S_ISLNK(st.st_mode) || st.st_uid == 0 || st.st_uid == geteuid())
		return err;
	pr_err("%s is a link of another user (uid %u)", path, (unsigned int)st.st_uid);
	return -EPERM;
}

/* Who may rename what is in a directory can put another one in the place of ours. */
static int check_ancestor(const char *path)
{
	struct stat st;
	int err = get_stat(path, &st);

	if (err)
		return err;
	if (st.st_uid != 0 && st.st_uid != geteuid()) {
		pr_err("%s belongs to another user (uid %u)", path, (unsigned int)st.st_uid);
		return -EPERM;
	}
	if ((st.st_mode & S_IWOTH) && !(st.st_mode & S_ISVTX)) {
		pr_err("%s can be written by others: chmod o-w %s, or +t", path, path);
		return -EPERM;
	}
	return 0;
}

/* All directories above the last one of @path, which has no links and no ".." in it. */
static int check_ancestors(const char *path)
{
	char *copy = strdup(path), *slash;
	int err = copy ? 0 : -ENOMEM;

	while (!err && (slash = strrchr(copy, '/'))) {
		*slash = '\0';
		err = check_ancestor(*copy ? copy : "/");
	}
	free(copy);
	return err;
}

/* Others who may write here could put something in the way of our files. */
static int check_dir(const char *path)
{
	struct stat st;
	int err = get_stat(path, &st);

	if (err)
		return err;
	if (!S_ISDIR(st.st_mode)) {
		pr_err("%s is no directory", path);
		return -ENOTDIR;
	}
	if (st.st_uid != geteuid()) {
		pr_err("%s belongs to another user (uid %u)", path, (unsigned int)st.st_uid);
		return -EPERM;
	}
	if (st.st_mode & (S_IWGRP | S_IWOTH)) {
		pr_err("%s can be written by others: chmod go-w %s", path, path);
		return -EPERM;
	}
	return 0;
}

static int make_names(struct rundir *dir, const char *path)
{
	char *real = realpath(path, NULL);
	int err;

	if (!real) {
		err = -errno;
		pr_err("%s: %s", path, strerror(-err));
		return err;
	}
	dir->path = real;
	if (asprintf(&dir->sys, "%s/sys", real) < 0)
		dir->sys = NULL;
	if (asprintf(&dir->vfio_user, "%s/vfio-user", real) < 0)
		dir->vfio_user = NULL;
	if (asprintf(&dir->control, "%s/control", real) < 0)
		dir->control = NULL;
	if (asprintf(&dir->lock, "%s/lock", real) < 0)
		dir->lock = NULL;
	if (!dir->sys || !dir->vfio_user || !dir->control || !dir->lock) {
		pr_err("out of memory");
		return -ENOMEM;
	}
	if (strlen(dir->control) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
		pr_err("%s: the path is too long for sockets", real);
		return -ENAMETOOLONG;
	}
	return 0;
}

/* ---- the lock ---- */

static void say_who_has_it(const struct rundir *dir, int fd)
{
	char pid[24] = "";
	ssize_t len = pread(fd, pid, sizeof(pid) - 1, 0);

	if (len > 0)
		pid[strcspn(pid, "\n")] = '\0';
	pr_err("an umdevd is running at %s already (pid %s)", dir->path, len > 0 ? pid : "unknown");
}

/*
 * The pid, and whether the directory is ours to remove: one that died has not removed it, and
 * whoever cleans up behind it does that, too.
 */
static int write_lock(struct rundir *dir, int fd)
{
	char text[40] = "";
	int len;

	len = (int)pread(fd, text, sizeof(text) - 1, 0);
	if (len > 0 && strstr(text, LOCK_MADE))
		dir->made = true;
	len = snprintf(text, sizeof(text), "%d\n%s", (int)getpid(), dir->made ? LOCK_MADE : "");

	if (ftruncate(fd, 0) || pwrite(fd, text, (size_t)len, 0) != len)
		return -EIO;
	return 0;
}

/* Is the file that we have open still the one with this name? */
static bool is_same_file(int fd, const char *path)
{
	struct stat ours, theirs;

	return fstat(fd, &ours) == 0 && lstat(path, &theirs) == 0 && ours.st_ino == theirs.st_ino &&
	       ours.st_dev == theirs.st_dev;
}

static int take_lock(struct rundir *dir)
{
	int err, fd;

	for (;;) {
		fd = open(dir->lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
		if (fd < 0) {
			err = -errno;
			pr_err("%s: %s", dir->lock, strerror(-err));
			return err;
		}
		if (flock(fd, LOCK_EX | LOCK_NB)) {
			err = errno == EWOULDBLOCK ? -EBUSY : -errno;
			if (err == -EBUSY)
				say_who_has_it(dir, fd);
			else
				pr_err("%s: %s", dir->lock, strerror(-err));
			close(fd);
			return err;
		}
		/* The one before us may just have removed it; then nobody else sees our lock. */
		if (is_same_file(fd, dir->lock))
			break;
		close(fd);
	}
	err = write_lock(dir, fd);
	if (err) {
		pr_err("can't write %s", dir->lock);
		unlink(dir->lock);
		close(fd);
		return err;
	}
	dir->lock_fd = fd;
	return 0;
}

/* ---- what others left ---- */

static void remove_sockets(const char *path)
{
	const struct dirent *de;
	struct stat st;
	DIR *d;

	d = opendir(path);
	if (!d)
		return;
	while ((de = readdir(d))) {
		if (fstatat(dirfd(d), de->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISSOCK(st.st_mode) && unlinkat(dirfd(d), de->d_name, 0) == 0)
			pr_debug("removed the socket %s/%s", path, de->d_name);
	}
	closedir(d);
}

/*
 * Sockets that modules make in the directory itself. By their names: somebody may have made us use
 * a directory that has other people's sockets, too.
 */
static void remove_module_sockets(const struct rundir *dir)
{
	static const char *const names[] = { "zcrypt" };
	char path[PATH_MAX];
	struct stat st;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (snprintf(path, sizeof(path), "%s/%s", dir->path, names[i]) < PATH_MAX &&
		    lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) && unlink(path) == 0)
			pr_debug("removed the socket %s", path);
	}
}

static int remove_leftovers(const struct rundir *dir)
{
	struct stat st;
	int err = stale_mounts_remove(dir->sys);

	if (err)
		return err;
	remove_sockets(dir->vfio_user);
	remove_module_sockets(dir);
	if (lstat(dir->control, &st))
		return 0;
	if (!S_ISSOCK(st.st_mode)) {
		pr_err("%s is in the way: it is no socket", dir->control);
		return -EEXIST;
	}
	if (unlink(dir->control) == 0)
		pr_debug("removed the socket %s", dir->control);
	return 0;
}

/* ---- all of it ---- */

static void free_names(struct rundir *dir)
{
	free(dir->lock);
	free(dir->control);
	free(dir->vfio_user);
	free(dir->sys);
	free(dir->path);
	memset(dir, 0, sizeof(*dir));
	dir->lock_fd = -1;
}

int rundir_open(struct rundir *dir, const char *path)
{
	bool made;
	int err;

	memset(dir, 0, sizeof(*dir));
	dir->lock_fd = -1;
	err = make_dir(path, &dir->made);
	if (err)
		return err;
	err = check_link(path);
	if (!err)
		err = make_names(dir, path);
	if (!err)
		err = check_ancestors(dir->path);
	if (!err)
		err = check_dir(dir->path);
	if (err)
		goto remove;
	err = take_lock(dir);
	if (err)
		goto remove;
	err = remove_leftovers(dir);
	if (err)
		goto unlock;
	err = make_dir(dir->sys, &made);
	if (err)
		goto unlock;
	err = make_dir(dir->vfio_user, &made);
	if (err)
		goto sys;
	err = check_dir(dir->vfio_user);
	if (err)
		goto vfio_user;
	return 0;
vfio_user:
	if (made)
		rmdir(dir->vfio_user);
sys:
	rmdir(dir->sys);
unlock:
	unlink(dir->lock);
	close(dir->lock_fd);
remove:
	if (dir->made)
		rmdir(path);
	free_names(dir);
	return err;
}

static void remove_dir(const char *path)
{
	if (rmdir(path))
		pr_warn("can't remove %s: %s", path, strerror(errno));
}

void rundir_close(struct rundir *dir)
{
	if (!dir->path)
		return;
	remove_dir(dir->vfio_user);
	remove_dir(dir->sys);
	/* As long as we hold the lock: afterwards the name may be another daemon's. */
	unlink(dir->lock);
	if (dir->made)
		rmdir(dir->path);
	close(dir->lock_fd);
	free_names(dir);
}
