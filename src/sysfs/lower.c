/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sysfs/lower.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <umdev/sysfs.h>
#include "model/alloc.h"

/**
 * struct lower_layer - a directory that is seen through
 * @fd:         of the directory
 * @root_owned: all is shown as belonging to user and group 0
 */
struct lower_layer {
	int fd;
	bool root_owned;
	struct sysfs_netlink *uevents;
	struct lower_rights rights;
	struct lower_files files;
	struct lower_poller poller;
};

int lower_layer_create(int fd, const struct sysfs_serve_config *config, struct lower_layer **out)
{
	struct lower_layer *lower;
	struct stat st;
	int err;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	lower = zalloc(sizeof(*lower));
	if (!lower)
		return -ENOMEM;
	err = lower_rights_init(&lower->rights);
	if (err) {
		free(lower);
		return err;
	}
	lower->fd = fd;
	lower->root_owned = config->root_owned;
	lower->uevents = config->uevents;
	lower_files_init(&lower->files);
	lower_poller_init(&lower->poller);
	*out = lower;
	return 0;
}

void lower_layer_stop(struct lower_layer *lower)
{
	if (lower)
		lower_poller_stop(&lower->poller);
}

void lower_layer_destroy(struct lower_layer *lower)
{
	if (!lower)
		return;
	lower_files_finish(&lower->files);
	lower_poller_finish(&lower->poller);
	lower_rights_finish(&lower->rights);
	close(lower->fd);
	free(lower);
}

struct sysfs_netlink *lower_uevents(const struct lower_layer *lower)
{
	return lower->uevents;
}

struct lower_files *lower_files_of(struct lower_layer *lower)
{
	return &lower->files;
}

struct lower_poller *lower_poller_of(struct lower_layer *lower)
{
	return &lower->poller;
}

const struct lower_rights *lower_rights_of(const struct lower_layer *lower)
{
	return &lower->rights;
}

int lower_open(const struct lower_layer *lower, const char *path, int flags)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	if (fault_point())
		return -EMFILE;
	fd = syscall(SYS_openat2, lower->fd, *path ? path : ".", &how, sizeof(how));
	return fd < 0 ? -errno : fd;
}

static bool has_a_place(mode_t mode)
{
	return S_ISDIR(mode) || S_ISREG(mode) || S_ISLNK(mode);
}

static uint64_t number(uint64_t ino)
{
	return (ino & (LOWER_INO - 1)) | LOWER_INO;
}

uint64_t lower_node_nr(const struct lower_node *node)
{
	return number(node->ino);
}

/* The outside sees one file system with numbers of its own. */
static void show_attr(const struct lower_layer *lower, struct stat *st)
{
	st->st_ino = number(st->st_ino);
	if (!lower->root_owned)
		return;
	st->st_uid = 0;
	st->st_gid = 0;
}

/* Return: a descriptor for looking at what is at @path, with its attributes in @st, or -errno. */
static int look_at(const struct lower_layer *lower, const char *path, struct stat *st)
{
	int fd, err;

	fd = lower_open(lower, path, O_PATH | O_NOFOLLOW);
	if (fd < 0)
		return fd;
	err = fstat(fd, st) ? -errno : 0;
	if (!err && !has_a_place(st->st_mode))
		err = -ENOENT;
	if (!err)
		return fd;
	close(fd);
	return err;
}

int lower_lookup(const struct lower_layer *lower, const char *path, struct lower_node **out,
		 struct stat *st)
{
	size_t len = strlen(path) + 1;
	struct lower_node *node;
	int fd;

	fd = look_at(lower, path, st);
	if (fd < 0)
		return fd;
	close(fd);
	node = zalloc(sizeof(*node) + len);
	if (!node)
		return -ENOMEM;
	atomic_init(&node->refs, 1);
	node->dev = st->st_dev;
	node->ino = st->st_ino;
	node->format = st->st_mode & S_IFMT;
	memcpy(node->path, path, len);
	show_attr(lower, st);
	*out = node;
	return 0;
}

struct lower_node *lower_node_get(struct lower_node *node)
{
	if (node)
		atomic_fetch_add(&node->refs, 1);
	return node;
}

void lower_node_put(struct lower_node *node)
{
	if (node && atomic_fetch_sub(&node->refs, 1) == 1)
		free(node);
}

int lower_node_compare(const struct lower_node *a, const struct lower_node *b)
{
	if (a->ino != b->ino)
		return a->ino < b->ino ? -1 : 1;
	if (a->dev != b->dev)
		return a->dev < b->dev ? -1 : 1;
	if (a->format != b->format)
		return a->format < b->format ? -1 : 1;
	return strcmp(a->path, b->path);
}

bool lower_node_is(const struct lower_node *node, const struct stat *st)
{
	return st->st_ino == node->ino && st->st_dev == node->dev &&
	       (st->st_mode & S_IFMT) == node->format;
}

bool lower_fd_is(const struct lower_node *node, int fd)
{
	struct stat st;

	return !fstat(fd, &st) && lower_node_is(node, &st);
}

/* The same for what was looked at before. */
static int look_again(const struct lower_layer *lower, const struct lower_node *node,
		      struct stat *st)
{
	int fd = look_at(lower, node->path, st);

	if (fd < 0 || lower_node_is(node, st))
		return fd;
	close(fd);
	return -ENOENT;
}

int lower_getattr(const struct lower_layer *lower, const struct lower_node *node, struct stat *st)
{
	int fd = look_again(lower, node, st);

	if (fd < 0)
		return fd;
	close(fd);
	show_attr(lower, st);
	return 0;
}

int lower_readlink(const struct lower_layer *lower, const struct lower_node *node, char *buf,
		   size_t size)
{
	struct stat st;
	ssize_t len;
	int fd, err;

	fd = look_again(lower, node, &st);
	if (fd < 0)
		return fd;
	len = readlinkat(fd, "", buf, size);
	err = -errno;
	close(fd);
	if (len < 0)
		return err;
	if ((size_t)len >= size)
		return -ENAMETOOLONG;
	buf[len] = '\0';
	return 0;
}

static mode_t format_of(DIR *dir, const struct dirent *entry)
{
	struct stat st;

	if (entry->d_type != DT_UNKNOWN)
		return DTTOIF(entry->d_type);
	return fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) ? 0
									    : st.st_mode & S_IFMT;
}

static bool is_dots(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

int lower_list(const struct lower_layer *lower, const char *path,
	       int (*fn)(const char *name, uint64_t ino, mode_t format, void *data), void *data)
{
	struct dirent *entry;
	int fd, err = 0;
	mode_t format;
	DIR *dir;

	fd = lower_open(lower, path, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd;
	dir = fault_point() ? NULL : fdopendir(fd);
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	while (!err) {
		errno = 0;
		entry = readdir(dir);
		if (!entry) {
			err = -errno;
			break;
		}
		format = is_dots(entry->d_name) ? 0 : format_of(dir, entry);
		if (has_a_place(format))
			err = fn(entry->d_name, number(entry->d_ino), format, data);
	}
	closedir(dir);
	return err;
}

static void reply_attr(fuse_req_t req, struct sysfs_inode *inode)
{
	struct stat st;
	int err = lower_getattr(sysfs_mount_of(req)->lower, inode->lower, &st);

	if (err)
		sysfs_reply_err(req, err);
	else
		fuse_reply_attr(req, &st, 0);
}

void lower_op_getattr(fuse_req_t req, struct sysfs_inode *inode)
{
	reply_attr(req, inode);
}

/*
 * A new size does nothing, as in any sysfs. All else would change the machine, for which the tree
 * is not the place.
 */
void lower_op_setattr(fuse_req_t req, struct sysfs_inode *inode, int to_set)
{
	int times = FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_ATIME_NOW |
		    FUSE_SET_ATTR_MTIME_NOW;
	int refused = FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID;

	if (!(to_set & FUSE_SET_ATTR_SIZE))
		refused |= times;
	if (to_set & refused)
		fuse_reply_err(req, EPERM);
	else
		reply_attr(req, inode);
}

void lower_op_readlink(fuse_req_t req, struct sysfs_inode *inode)
{
	char target[PATH_MAX];
	int err = lower_readlink(sysfs_mount_of(req)->lower, inode->lower, target, sizeof(target));

	if (err)
		sysfs_reply_err(req, err);
	else
		fuse_reply_readlink(req, target);
}
