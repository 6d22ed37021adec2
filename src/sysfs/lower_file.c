/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Open files of the layer: each has a descriptor, and each call becomes one on it.
 */
#include "sysfs/lower.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "model/alloc.h"

/* What most read() ask for; more comes from the heap. */
#define READ_MOST (64 * 1024)

void lower_files_init(struct lower_files *files)
{
	pthread_mutex_init(&files->lock, NULL);
	INIT_LIST_HEAD(&files->files);
}

static void file_free(struct lower_file *file)
{
	lower_poll_forget(file);
	close(file->fd);
	lower_node_put(file->node);
	free(file);
}

void lower_files_finish(struct lower_files *files)
{
	struct lower_file *file, *next;

	list_for_each_entry_safe (file, next, &files->files, list) {
		list_del_init(&file->list);
		file_free(file);
	}
	pthread_mutex_destroy(&files->lock);
}

static void file_put(struct sysfs_mount *mount, struct lower_file *file)
{
	struct lower_files *files = lower_files_of(file->lower);

	if (atomic_fetch_sub(&file->refs, 1) != 1)
		return;
	pthread_mutex_lock(&files->lock);
	list_del_init(&file->list);
	pthread_mutex_unlock(&files->lock);
	sysfs_inode_close(mount, file->ino, file->writer);
	file_free(file);
}

static struct lower_file *file_of(struct fuse_file_info *fi)
{
	return (struct lower_file *)(uintptr_t)fi->fh;
}

/* Return: a descriptor that is what @node was when it was found, or -errno. */
static int open_node(const struct lower_layer *lower, const struct lower_node *node, int flags)
{
	struct stat st;
	int fd, err;

	fd = lower_open(lower, node->path, flags);
	if (fd < 0)
		return fd;
	err = fstat(fd, &st) ? -errno : 0;
	/* Another thing of this name: the kernel is to look the name up again. */
	if (!err && !lower_node_is(node, &st))
		err = -ESTALE;
	/* Nobody may write to it: root neither, who is not asked for mode bits. */
	if (!err && (flags & O_PATH) && !(st.st_mode & 0222))
		err = -EACCES;
	if (!err)
		return fd;
	close(fd);
	return err;
}

/* The same with the rights of the caller. */
static int open_as_caller(fuse_req_t req, const struct lower_layer *lower,
			  const struct lower_node *node, int flags)
{
	const struct lower_rights *rights = lower_rights_of(lower);
	int fd = -EACCES;

	for (int with_groups = 0; with_groups < 2 && fd == -EACCES; with_groups++) {
		fd = lower_rights_drop(rights, req, with_groups);
		if (fd)
			break;
		fd = open_node(lower, node, flags);
		lower_rights_restore(rights, req);
	}
	return fd;
}

/*
 * What asks for an event is never opened for writing. FUSE has checked that the caller may, as far
 * as the mode bits say.
 */
static int open_uevent(fuse_req_t req, const struct lower_layer *lower,
		       const struct lower_node *node, int acc)
{
	int fd = open_node(lower, node, O_PATH | O_NOFOLLOW);

	if (fd < 0 || acc == O_WRONLY)
		return fd;
	close(fd);
	return open_as_caller(req, lower, node, O_RDONLY | O_NONBLOCK);
}

/*
 * Without O_TRUNC, which means nothing in sysfs. O_NONBLOCK means as little, but keeps a pipe, if
 * there should be one, from holding up this thread.
 */
static int open_descriptor(fuse_req_t req, const struct lower_layer *lower,
			   const struct lower_node *node, int flags)
{
	int acc = flags & O_ACCMODE;

	if (S_ISDIR(node->format))
		return -EISDIR;
	if (!S_ISREG(node->format))
		return -ELOOP;
	if (flags & O_DIRECT)
		return -EINVAL;
	if (acc != O_RDONLY && lower_is_uevent(node))
		return open_uevent(req, lower, node, acc);
	return open_as_caller(req, lower, node, acc | O_NONBLOCK | O_NOCTTY);
}

static int file_open(fuse_req_t req, fuse_ino_t ino, int flags, struct lower_file **out)
{
	struct sysfs_mount *mount = sysfs_mount_of(req);
	struct lower_node *node = sysfs_inode_of(mount, ino)->lower;
	struct lower_files *files = lower_files_of(mount->lower);
	bool writes = (flags & O_ACCMODE) != O_RDONLY;
	struct lower_file *file;
	int err;

	file = zalloc(sizeof(*file));
	if (!file)
		return -ENOMEM;
	file->fd = open_descriptor(req, mount->lower, node, flags);
	err = file->fd < 0 ? file->fd : 0;
	if (!err) {
		err = sysfs_inode_open(mount, ino, writes, fuse_req_ctx(req)->pid);
		if (err)
			close(file->fd);
	}
	if (err) {
		free(file);
		return err;
	}
	atomic_init(&file->refs, 1);
	file->lower = mount->lower;
	file->node = lower_node_get(node);
	file->synth = writes && lower_is_uevent(node);
	file->ino = ino;
	file->writer = writes;
	INIT_LIST_HEAD(&file->polled);
	pthread_mutex_lock(&files->lock);
	list_add_tail(&file->list, &files->files);
	pthread_mutex_unlock(&files->lock);
	worker_pool_hand_out(&mount->pool);
	*out = file;
	return 0;
}

void lower_op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct sysfs_mount *mount = sysfs_mount_of(req);
	struct lower_file *file;
	int err;

	err = file_open(req, ino, fi->flags, &file);
	if (err) {
		sysfs_reply_err(req, err);
		return;
	}
	fi->fh = (uintptr_t)file;
	fi->direct_io = 1;
	/* A caller that was interrupted meanwhile will not close it. */
	if (fuse_reply_open(req, fi) == -ENOENT)
		file_put(mount, file);
}

void lower_op_release(fuse_req_t req, struct fuse_file_info *fi)
{
	file_put(sysfs_mount_of(req), file_of(fi));
	fuse_reply_err(req, 0);
}

static ssize_t file_read(fuse_req_t req, struct lower_file *file, char *buf, size_t size, off_t off)
{
	const struct lower_rights *rights = lower_rights_of(file->lower);
	ssize_t len;
	int err;

	err = lower_rights_drop(rights, req, false);
	if (err)
		return err;
	lower_poll_seen(file);
	len = pread(file->fd, buf, size, off);
	if (len < 0)
		len = -errno;
	lower_rights_restore(rights, req);
	return len;
}

static void read_to(fuse_req_t req, struct lower_file *file, char *buf, size_t size, off_t off)
{
	struct sysfs_mount *mount = sysfs_mount_of(req);
	struct sysfs_call call;
	ssize_t len;

	atomic_fetch_add(&file->refs, 1);
	if (!sysfs_call_begin(&call, mount, req))
		goto put;
	len = file_read(req, file, buf, size, off);
	if (!sysfs_call_end(&call))
		;
	else if (len < 0)
		sysfs_reply_err(req, len);
	else
		fuse_reply_buf(req, buf, len);
put:
	file_put(mount, file);
}

void lower_op_read(fuse_req_t req, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct lower_file *file = file_of(fi);
	char most[READ_MOST], *more;

	if (size <= sizeof(most)) {
		read_to(req, file, most, size, off);
		return;
	}
	more = fault_point() ? NULL : malloc(size);
	if (more)
		read_to(req, file, more, size, off);
	else
		fuse_reply_err(req, ENOMEM);
	free(more);
}

static ssize_t file_write(fuse_req_t req, struct lower_file *file, const char *buf, size_t size,
			  off_t off)
{
	const struct lower_rights *rights = lower_rights_of(file->lower);
	ssize_t len;
	int err;

	if (file->synth) {
		size = size < SYSFS_PAGE_SIZE ? size : SYSFS_PAGE_SIZE;
		err = lower_uevent_write(file->lower, file->node, buf, size);
		return err ? err : (ssize_t)size;
	}
	err = lower_rights_drop(rights, req, false);
	if (err)
		return err;
	len = pwrite(file->fd, buf, size, off);
	if (len < 0)
		len = -errno;
	lower_rights_restore(rights, req);
	return len;
}

void lower_op_write(fuse_req_t req, const char *buf, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	struct sysfs_mount *mount = sysfs_mount_of(req);
	struct lower_file *file = file_of(fi);
	struct sysfs_call call;
	ssize_t len;

	atomic_fetch_add(&file->refs, 1);
	if (!sysfs_call_begin(&call, mount, req))
		goto put;
	len = file_write(req, file, buf, size, off);
	if (!sysfs_call_end(&call))
		;
	else if (len < 0)
		sysfs_reply_err(req, len);
	else
		fuse_reply_write(req, len);
put:
	file_put(mount, file);
}
