/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tree above the machine's own: the tree answers for what it has, the layer below for the rest.
 *
 * A directory of the tree is at the same path in the layer below, if it is there, so nothing has to
 * be remembered to merge the two. What is below is looked up anew each time: when the tree gains or
 * loses a name, the next one who comes by sees it.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "sysfs/lower.h"
#include "sysfs/window.h"

/*
 * Seconds; the least that there is. What a lookup has just said of a file is believed by the stat()
 * that it was for, and by nobody who comes later: each comes with a lookup of its own.
 */
#define INSTANT 0.001

static struct sysfs_inode *inode_of(fuse_req_t req, fuse_ino_t ino)
{
	return sysfs_inode_of(sysfs_mount_of(req), ino);
}

static bool is_lower(fuse_req_t req, fuse_ino_t ino)
{
	return inode_of(req, ino)->lower;
}

/* The path of a directory of the tree below what is shown, without a slash at its beginning. */
static int path_of_node(struct sysfs_mount *mount, struct kernfs_node *kn, char *buf, size_t size)
{
	size_t len;

	if (!kernfs_get_active(kn))
		return -ENOENT;
	len = kernfs_path(kn, buf, size);
	kernfs_put_active(kn);
	if (len >= size)
		return -ENAMETOOLONG;
	len -= mount->prefix;
	memmove(buf, buf + mount->prefix, len + 1);
	if (*buf == '/')
		memmove(buf, buf + 1, len);
	return 0;
}

int sysfs_union_path(struct sysfs_mount *mount, const struct sysfs_inode *dir, const char *name,
		     char *buf, size_t size)
{
	int err = 0;
	size_t len;

	if (!mount->lower)
		return -ENOENT;
	if (dir->kn)
		err = path_of_node(mount, dir->kn, buf, size);
	else if (snprintf(buf, size, "%s", dir->lower->path) >= (int)size)
		err = -ENAMETOOLONG;
	if (err || !name)
		return err;
	len = strlen(buf);
	if (snprintf(buf + len, size - len, "%s%s", len ? "/" : "", name) >= (int)(size - len))
		return -ENAMETOOLONG;
	return 0;
}

/* No name of an entry: nothing that could lead elsewhere. */
static bool is_strange(const char *name)
{
	return !*name || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, "..");
}

static int lookup_lower(struct sysfs_mount *mount, const struct sysfs_inode *dir, const char *name,
			pid_t tid, struct fuse_entry_param *entry)
{
	struct sysfs_inode *inode;
	struct lower_node *node;
	char path[PATH_MAX];
	int err;

	if (is_strange(name))
		return -ENOENT;
	err = sysfs_union_path(mount, dir, name, path, sizeof(path));
	if (!err)
		err = lower_lookup(mount->lower, path, &node, &entry->attr);
	if (err)
		return err;
	inode = sysfs_inode_get_lower(mount, node, sysfs_inode_nr(dir), tid);
	if (!inode)
		return -ENOMEM;
	entry->ino = sysfs_inode_id(mount, inode);
	entry->attr_timeout = INSTANT;
	return 0;
}

void sysfs_union_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param entry = { 0 }; /* whose name is not cached */
	struct sysfs_mount *mount = sysfs_mount_of(req);
	int err;

	if (sysfs_op_lookup(req, parent, name))
		return;
	err = lookup_lower(mount, inode_of(req, parent), name, fuse_req_ctx(req)->pid, &entry);
	if (err)
		/* Where the layer below has a file or a link, a directory here adds nothing. */
		sysfs_reply_err(req, err == -ENOTDIR || err == -ELOOP ? -ENOENT : err);
	else if (fuse_reply_entry(req, &entry) == -ENOENT)
		sysfs_inode_forget(mount, entry.ino, 1);
}

void sysfs_union_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	if (is_lower(req, ino))
		lower_op_getattr(req, inode_of(req, ino));
	else
		sysfs_op_getattr(req, ino, fi);
}

void sysfs_union_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int to_set,
			 struct fuse_file_info *fi)
{
	if (is_lower(req, ino))
		lower_op_setattr(req, inode_of(req, ino), to_set);
	else
		sysfs_op_setattr(req, ino, st, to_set, fi);
}

void sysfs_union_readlink(fuse_req_t req, fuse_ino_t ino)
{
	if (is_lower(req, ino))
		lower_op_readlink(req, inode_of(req, ino));
	else
		sysfs_op_readlink(req, ino);
}

void sysfs_union_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	if (is_lower(req, ino))
		lower_op_open(req, ino, fi);
	else
		sysfs_op_open(req, ino, fi);
}

void sysfs_union_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		      struct fuse_file_info *fi)
{
	if (is_lower(req, ino))
		lower_op_read(req, size, off, fi);
	else
		sysfs_op_read(req, ino, size, off, fi);
}

void sysfs_union_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off,
		       struct fuse_file_info *fi)
{
	if (is_lower(req, ino))
		lower_op_write(req, buf, size, off, fi);
	else
		sysfs_op_write(req, ino, buf, size, off, fi);
}

void sysfs_union_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	if (is_lower(req, ino))
		lower_op_release(req, fi);
	else
		sysfs_op_release(req, ino, fi);
}

void sysfs_union_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
		      struct fuse_pollhandle *ph)
{
	if (is_lower(req, ino))
		lower_op_poll(req, fi, ph);
	else
		sysfs_op_poll(req, ino, fi, ph);
}
