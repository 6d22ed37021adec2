// SPDX-License-Identifier: LGPL-2.1-or-later
#define FUSE_USE_VERSION 35
#include "cmocka_umdev.h"

#include <errno.h>
#include <fuse3/fuse_lowlevel.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "slow_fs.h"

#define DISK 2 /* its inode */

/* A transfer that is held. */
struct slow_request {
	struct slow_request *next;
	fuse_req_t req;
	enum slow_op op;
	size_t len;
	off_t offset;
	uint8_t data[]; /* of a write */
};

static void attributes(struct slow_fs *fs, fuse_ino_t ino, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	st->st_ino = ino;
	st->st_nlink = 1;
	st->st_uid = getuid();
	st->st_gid = getgid();
	st->st_mode = ino == DISK ? S_IFREG | 0600 : S_IFDIR | 0700;
	st->st_size = ino == DISK ? (off_t)fs->size : 0;
}

static void do_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct slow_fs *fs = fuse_req_userdata(req);
	struct fuse_entry_param entry = { .ino = DISK };

	if (strcmp(name, "disk")) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	attributes(fs, DISK, &entry.attr);
	fuse_reply_entry(req, &entry);
}

static void do_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	struct stat st;

	attributes(fuse_req_userdata(req), ino, &st);
	fuse_reply_attr(req, &st, 0);
}

static void do_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	info->direct_io = 1;
	fuse_reply_open(req, info);
}

static void finish(struct slow_fs *fs, const struct slow_request *r, int err)
{
	switch (r->op) {
	case SLOW_READ:
		if (!err)
			fuse_reply_buf(r->req, (char *)fs->data + r->offset, r->len);
		break;
	case SLOW_WRITE:
		if (!err) {
			memcpy(fs->data + r->offset, r->data, r->len);
			fuse_reply_write(r->req, r->len);
		}
		break;
	default:
		if (!err)
			fuse_reply_err(r->req, 0);
	}
	if (err)
		fuse_reply_err(r->req, err);
}

static void transfer(fuse_req_t req, enum slow_op op, const void *data, size_t len, off_t offset)
{
	struct slow_fs *fs = fuse_req_userdata(req);
	struct slow_request *r;
	size_t n;

	pthread_mutex_lock(&fs->lock);
	n = strlen(fs->log);
	if (n + 1 < sizeof(fs->log))
		fs->log[n] = "rwf"[op];
	if (op == SLOW_WRITE && fs->most && len > fs->most)
		len = fs->most;
	if (op != SLOW_FLUSH && (size_t)offset >= fs->size)
		len = 0;
	else if (op != SLOW_FLUSH && len > fs->size - (size_t)offset)
		len = fs->size - (size_t)offset;
	r = malloc(sizeof(*r) + (op == SLOW_WRITE ? len : 0));
	*r = (struct slow_request) { fs->requests, req, op, len, offset };
	if (op == SLOW_WRITE)
		memcpy(r->data, data, len);
	if (fs->hold[op]) {
		fs->requests = r;
		fs->held++;
		pthread_cond_broadcast(&fs->cond);
	} else {
		finish(fs, r, fs->fail[op]);
		free(r);
	}
	pthread_mutex_unlock(&fs->lock);
}

static void do_read(fuse_req_t req, fuse_ino_t ino, size_t len, off_t offset,
		    struct fuse_file_info *info)
{
	transfer(req, SLOW_READ, NULL, len, offset);
}

static void do_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t len, off_t offset,
		     struct fuse_file_info *info)
{
	transfer(req, SLOW_WRITE, buf, len, offset);
}

static void do_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *info)
{
	transfer(req, SLOW_FLUSH, NULL, 0, 0);
}

/* The kernel cuts asynchronous transfers itself, and takes it for an error if one of the pieces is
 * short; others are waited for by whoever asks for them. */
static void do_init(void *data, struct fuse_conn_info *conn)
{
	struct slow_fs *fs = data;

	if (fs->most)
		conn->want &= ~(unsigned int)FUSE_CAP_ASYNC_DIO;
}

static const struct fuse_lowlevel_ops ops = {
	.init = do_init,
	.lookup = do_lookup,
	.getattr = do_getattr,
	.open = do_open,
	.read = do_read,
	.write = do_write,
	.fsync = do_fsync,
};

/* All that may need privileges is done here, so whoever uses it can be without. */
static void *serve(void *data)
{
	struct slow_fs *fs = data;
	int err = fuse_session_mount(fs->session, fs->dir);

	pthread_mutex_lock(&fs->lock);
	fs->mounted = err ? -1 : 1;
	pthread_cond_broadcast(&fs->cond);
	pthread_mutex_unlock(&fs->lock);
	if (err)
		return NULL;
	fuse_session_loop(fs->session);
	fuse_session_unmount(fs->session);
	return NULL;
}

void slow_fs_start(struct slow_fs *fs, size_t size, size_t most)
{
	static char name[] = "slow_fs";
	char *argv[] = { name, NULL };
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);

	memset(fs, 0, sizeof(*fs));
	pthread_mutex_init(&fs->lock, NULL);
	pthread_cond_init(&fs->cond, NULL);
	fs->size = size;
	fs->most = most;
	fs->data = calloc(1, size);
	assert_non_null(fs->data);
	snprintf(fs->dir, sizeof(fs->dir), "/tmp/umdev-slow-XXXXXX");
	assert_non_null(mkdtemp(fs->dir));
	snprintf(fs->path, sizeof(fs->path), "%s/disk", fs->dir);
	fs->session = fuse_session_new(&args, &ops, sizeof(ops), fs);
	assert_non_null(fs->session);
	assert_int_equal(pthread_create(&fs->thread, NULL, serve, fs), 0);
	pthread_mutex_lock(&fs->lock);
	while (!fs->mounted)
		pthread_cond_wait(&fs->cond, &fs->lock);
	pthread_mutex_unlock(&fs->lock);
	assert_int_equal(fs->mounted, 1);
}

void slow_fs_stop(struct slow_fs *fs)
{
	struct stat st;

	slow_fs_reset(fs);
	fuse_session_exit(fs->session);
	/* The server looks at that after its next request. */
	stat(fs->path, &st);
	pthread_join(fs->thread, NULL);
	fuse_session_destroy(fs->session);
	assert_int_equal(rmdir(fs->dir), 0);
	pthread_cond_destroy(&fs->cond);
	pthread_mutex_destroy(&fs->lock);
	free(fs->data);
}

void slow_fs_reset(struct slow_fs *fs)
{
	slow_fs_release(fs, 0);
	pthread_mutex_lock(&fs->lock);
	memset(fs->fail, 0, sizeof(fs->fail));
	memset(fs->log, 0, sizeof(fs->log));
	memset(fs->data, 0, fs->size);
	pthread_mutex_unlock(&fs->lock);
}

void slow_fs_hold(struct slow_fs *fs, enum slow_op op)
{
	pthread_mutex_lock(&fs->lock);
	fs->hold[op] = true;
	pthread_mutex_unlock(&fs->lock);
}

void slow_fs_release(struct slow_fs *fs, int err)
{
	struct slow_request *r;

	pthread_mutex_lock(&fs->lock);
	memset(fs->hold, 0, sizeof(fs->hold));
	fs->held = 0;
	while ((r = fs->requests)) {
		fs->requests = r->next;
		finish(fs, r, err);
		free(r);
	}
	pthread_mutex_unlock(&fs->lock);
}

void slow_fs_wait(struct slow_fs *fs, unsigned int count)
{
	pthread_mutex_lock(&fs->lock);
	while (fs->held < count)
		pthread_cond_wait(&fs->cond, &fs->lock);
	pthread_mutex_unlock(&fs->lock);
}

void slow_fs_fail(struct slow_fs *fs, enum slow_op op, int err)
{
	pthread_mutex_lock(&fs->lock);
	fs->fail[op] = err;
	pthread_mutex_unlock(&fs->lock);
}

void slow_fs_log(struct slow_fs *fs, char buf[512])
{
	pthread_mutex_lock(&fs->lock);
	memcpy(buf, fs->log, sizeof(fs->log));
	memset(fs->log, 0, sizeof(fs->log));
	pthread_mutex_unlock(&fs->lock);
}
