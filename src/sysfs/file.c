/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Open attributes. Behaviour: Linux 6.1 fs/kernfs/file.c, fs/sysfs/file.c, fs/seq_file.c.
 */
#include <errno.h>
#include <fcntl.h>

#include "model/alloc.h"
#include "sysfs/window.h"

void sysfs_file_get(struct sysfs_mount *mount, struct sysfs_file *file)
{
	pthread_mutex_lock(&mount->lock);
	file->refs++;
	pthread_mutex_unlock(&mount->lock);
}

static void file_free(struct sysfs_mount *mount, struct sysfs_file *file)
{
	sysfs_poll_forget(mount, file);
	sysfs_inode_close(mount, file->ino, file->writer);
	kernfs_put(file->kn);
	free(file->page);
	pthread_mutex_destroy(&file->lock);
	free(file);
}

void sysfs_file_put(struct sysfs_mount *mount, struct sysfs_file *file)
{
	bool last;

	pthread_mutex_lock(&mount->lock);
	last = !--file->refs;
	if (last)
		list_del_init(&file->list);
	pthread_mutex_unlock(&mount->lock);
	if (last)
		file_free(mount, file);
}

void sysfs_files_finish(struct sysfs_mount *mount)
{
	struct sysfs_file *file, *next;

	list_for_each_entry_safe (file, next, &mount->files, list) {
		list_del_init(&file->list);
		file_free(mount, file);
	}
}

static struct sysfs_file *file_of(struct fuse_file_info *fi)
{
	return (struct sysfs_file *)(uintptr_t)fi->fh;
}

/*
 * The kernel has checked what this caller may do (default_permissions), and root may do all. What
 * nobody may do, or nobody can, is refused to root as well.
 */
static int check_access(struct kernfs_node *kn, bool reads, bool writes)
{
	const struct kernfs_ops *ops;
	struct stat st = { 0 };
	int err = 0;

	if (kernfs_type(kn) != KERNFS_FILE)
		return -EISDIR;
	if (!kernfs_get_active(kn))
		return -ENODEV;
	ops = kernfs_file_ops(kn);
	kernfs_getattr(kn, &st);
	if (writes && (!(st.st_mode & 0222) || !ops->write))
		err = -EACCES;
	if (reads && (!(st.st_mode & 0444) || !ops->read))
		err = -EACCES;
	kernfs_put_active(kn);
	return err;
}

static int file_open(struct sysfs_mount *mount, fuse_req_t req, fuse_ino_t ino, int flags,
		     struct sysfs_file **out)
{
	int acc = flags & O_ACCMODE;
	bool writes = acc == O_WRONLY || acc == O_RDWR;
	struct kernfs_node *kn = sysfs_node_of(mount, ino);
	struct sysfs_file *file;
	int err;

	err = check_access(kn, acc == O_RDONLY || acc == O_RDWR, writes);
	/* No attribute lies on a disk: the kernel has no way to do without its page cache. */
	if (!err && (flags & O_DIRECT))
		err = -EINVAL;
	if (err)
		return err;
	file = zalloc(sizeof(*file));
	if (!file)
		return -ENOMEM;
	err = sysfs_inode_open(mount, ino, writes, fuse_req_ctx(req)->pid);
	if (err) {
		free(file);
		return err;
	}
	file->kn = kernfs_get(kn);
	file->ino = ino;
	file->writer = writes;
	file->refs = 1;
	INIT_LIST_HEAD(&file->polled);
	pthread_mutex_init(&file->lock, NULL);
	pthread_mutex_lock(&mount->lock);
	list_add_tail(&file->list, &mount->files);
	pthread_mutex_unlock(&mount->lock);
	worker_pool_hand_out(&mount->pool);
	*out = file;
	return 0;
}

void sysfs_op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct sysfs_mount *mount = sysfs_mount_of(req);
	struct sysfs_file *file;
	int err;

	err = file_open(mount, req, ino, fi->flags, &file);
	if (err) {
		sysfs_reply_err(req, err);
		return;
	}
	fi->fh = (uintptr_t)file;
	fi->direct_io = 1;
	/* A caller that was interrupted meanwhile will not close it. */
	if (fuse_reply_open(req, fi) == -ENOENT)
		sysfs_file_put(mount, file);
}

void sysfs_op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	sysfs_file_put(sysfs_mount_of(req), file_of(fi));
	fuse_reply_err(req, 0);
}

static void remember_event(struct sysfs_file *file)
{
	atomic_store(&file->seen, SYSFS_SEEN | kernfs_event(file->kn));
}

/* Called with file->lock held. Return: 0 with the whole text left, or -errno. */
static int text_show(struct sysfs_file *file)
{
	ssize_t len;

	file->from = 0;
	file->left = 0;
	file->shown = false;
	if (!file->page)
		file->page = zalloc(SYSFS_PAGE_SIZE);
	if (!file->page)
		return -ENOMEM;
	if (!kernfs_get_active(file->kn))
		return -ENODEV;
	remember_event(file);
	len = kernfs_file_ops(file->kn)->read(file->kn, file->page, SYSFS_PAGE_SIZE, 0);
	kernfs_put_active(file->kn);
	if (len < 0)
		return len;
	file->left = len < SYSFS_PAGE_SIZE ? len : SYSFS_PAGE_SIZE - 1;
	file->shown = true;
	return 0;
}

/*
 * Called with file->lock held. Where seq_file would ask for the record after the last one, it
 * learns that the object is gone, so a read at the end of the text does.
 */
static int text_end(struct sysfs_file *file)
{
	if (!kernfs_get_active(file->kn))
		return -ENODEV;
	kernfs_put_active(file->kn);
	return 0;
}

/*
 * Called with file->lock held. A read from the beginning, or from anywhere but where the last one
 * stopped, shows again.
 *
 * Return: how much of @size there is at *@text, or -errno.
 */
static ssize_t text_read(struct sysfs_file *file, size_t size, off_t off, const char **text)
{
	size_t len;
	int err = 0;

	if (!off || off != file->pos || !file->shown) {
		file->pos = 0;
		err = text_show(file);
		if (err)
			return err;
		len = (size_t)off < file->left ? (size_t)off : file->left;
		file->from += len;
		file->left -= len;
		file->pos = off;
	} else if (!file->left) {
		err = text_end(file);
		if (err)
			return err;
	}
	len = size < file->left ? size : file->left;
	*text = file->page + file->from;
	file->from += len;
	file->left -= len;
	file->pos += len;
	return len;
}

/* Called with file->lock held. At most a page at a time, at exactly the offset asked for. */
static ssize_t bin_read(struct sysfs_file *file, char *page, size_t size, off_t off)
{
	size_t count = size < SYSFS_PAGE_SIZE ? size : SYSFS_PAGE_SIZE;
	ssize_t len;

	if (!kernfs_get_active(file->kn))
		return -ENODEV;
	remember_event(file);
	len = kernfs_file_ops(file->kn)->read(file->kn, page, count, off);
	kernfs_put_active(file->kn);
	return len > (ssize_t)count ? (ssize_t)count : len;
}

void sysfs_op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		   struct fuse_file_info *fi)
{
	struct sysfs_mount *mount = sysfs_mount_of(req);
	struct sysfs_file *file = file_of(fi);
	char page[SYSFS_PAGE_SIZE];
	const char *text = page;
	struct sysfs_call call;
	ssize_t len;

	if (off < 0) {
		fuse_reply_err(req, EINVAL);
		return;
	}
	sysfs_file_get(mount, file);
	if (!sysfs_call_begin(&call, mount, req))
		goto put;
	pthread_mutex_lock(&file->lock);
	if (sysfs_call_abandoned(&call))
		len = -EINTR;
	else if (kernfs_file_ops(file->kn)->bin)
		len = bin_read(file, page, size, off);
	else
		len = text_read(file, size, off, &text);
	if (!sysfs_call_end(&call))
		;
	else if (len < 0)
		sysfs_reply_err(req, len);
	else
		fuse_reply_buf(req, text, len);
	pthread_mutex_unlock(&file->lock);
put:
	sysfs_file_put(mount, file);
}

/* Called with file->lock held. @page has room for a NUL behind @count bytes. */
static ssize_t file_write(struct sysfs_file *file, char *page, size_t count, off_t off)
{
	ssize_t len;

	if (!kernfs_get_active(file->kn))
		return -ENODEV;
	len = kernfs_file_ops(file->kn)->write(file->kn, page, count, off);
	kernfs_put_active(file->kn);
	/* More than was given is what the kernel's side would take for a broken server. */
	return len > (ssize_t)count ? (ssize_t)count : len;
}

/*
 * A write whose caller has left may hold the lock for long. Who comes with the same open file does
 * not wait for the end of a file that is gone, and may leave: nothing has begun.
 *
 * Return: 0 with the lock held, or -ENODEV.
 */
static int lock_to_write(struct sysfs_file *file)
{
	if (!pthread_mutex_trylock(&file->lock))
		return 0;
	if (!kernfs_get_active(file->kn))
		return -ENODEV;
	kernfs_put_active(file->kn);
	caller_may_leave();
	pthread_mutex_lock(&file->lock);
	caller_stays();
	return 0;
}

void sysfs_op_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	struct sysfs_mount *mount = sysfs_mount_of(req);
	size_t count = size < SYSFS_PAGE_SIZE ? size : SYSFS_PAGE_SIZE;
	struct sysfs_file *file = file_of(fi);
	char page[SYSFS_PAGE_SIZE + 1];
	struct sysfs_call call;
	ssize_t len;

	sysfs_file_get(mount, file);
	if (!sysfs_call_begin(&call, mount, req))
		goto put;
	memcpy(page, buf, count);
	page[count] = '\0';
	len = lock_to_write(file);
	if (!len) {
		len = -EINTR;
		if (!sysfs_call_abandoned(&call))
			len = file_write(file, page, count, off);
		pthread_mutex_unlock(&file->lock);
	}
	if (!sysfs_call_end(&call))
		;
	else if (len < 0)
		sysfs_reply_err(req, len);
	else
		fuse_reply_write(req, len);
put:
	sysfs_file_put(mount, file);
}
