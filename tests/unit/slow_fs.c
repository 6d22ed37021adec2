// SPDX-License-Identifier: LGPL-2.1-or-later
#define FUSE_USE_VERSION 35
#include "cmocka_umdev.h"

#include <errno.h>
#include <fuse3/fuse_lowlevel.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
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

/* Whoever has released transfers asks for the attributes next. */
static void finish_released(struct slow_fs *fs)
{
	struct slow_request *r;

	pthread_mutex_lock(&fs->lock);
	while (!fs->held && (r = fs->requests)) {
		fs->requests = r->next;
		finish(fs, r, fs->release_err);
		free(r);
	}
	pthread_mutex_unlock(&fs->lock);
}

static struct fuse_session *mounted_session(struct slow_fs *fs)
{
	static char name[] = "slow_fs";
	char *argv[] = { name, NULL };
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	struct fuse_session *session = fuse_session_new(&args, &ops, sizeof(ops), fs);
	int err = !session || fuse_session_mount(session, fs->dir);

	pthread_mutex_lock(&fs->lock);
	fs->mounted = err ? -1 : 1;
	pthread_cond_broadcast(&fs->cond);
	pthread_mutex_unlock(&fs->lock);
	return err ? NULL : session;
}

static void serve(struct slow_fs *fs, pid_t parent)
{
	struct fuse_session *session;
	struct fuse_buf buf = { .mem = NULL };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	session = mounted_session(fs);
	while (session && !fs->quit) {
		int n = fuse_session_receive_buf(session, &buf);

		if (n == -EINTR)
			continue;
		if (n <= 0)
			break;
		fuse_session_process_buf(session, &buf);
		finish_released(fs);
	}
	if (session)
		fuse_session_unmount(session);
	_exit(0);
}

/* Have the server look at what has changed. */
static void poke(struct slow_fs *fs)
{
	struct stat st;

	stat(fs->path, &st);
}

struct slow_fs *slow_fs_start(size_t size, size_t most)
{
	struct slow_fs *fs = mmap(NULL, sizeof(*fs) + size, PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t shared_lock;
	pthread_condattr_t shared_cond;
	pid_t parent = getpid(), child;

	assert_true(fs != MAP_FAILED);
	pthread_mutexattr_init(&shared_lock);
	pthread_mutexattr_setpshared(&shared_lock, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&fs->lock, &shared_lock);
	pthread_condattr_init(&shared_cond);
	pthread_condattr_setpshared(&shared_cond, PTHREAD_PROCESS_SHARED);
	pthread_cond_init(&fs->cond, &shared_cond);
	fs->size = size;
	fs->most = most;
	snprintf(fs->dir, sizeof(fs->dir), "/tmp/umdev-slow-XXXXXX");
	assert_non_null(mkdtemp(fs->dir));
	snprintf(fs->path, sizeof(fs->path), "%s/disk", fs->dir);
	child = fork();
	assert_true(child >= 0);
	if (!child)
		serve(fs, parent);
	fs->pid = child;
	pthread_mutex_lock(&fs->lock);
	while (!fs->mounted)
		pthread_cond_wait(&fs->cond, &fs->lock);
	pthread_mutex_unlock(&fs->lock);
	assert_int_equal(fs->mounted, 1);
	return fs;
}

void slow_fs_stop(struct slow_fs *fs)
{
	int status;

	slow_fs_reset(fs);
	fs->quit = true;
	poke(fs);
	assert_int_equal(waitpid(fs->pid, &status, 0), fs->pid);
	assert_int_equal(status, 0);
	assert_int_equal(rmdir(fs->dir), 0);
	munmap(fs, sizeof(*fs) + fs->size);
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
	pthread_mutex_lock(&fs->lock);
	memset(fs->hold, 0, sizeof(fs->hold));
	fs->held = 0;
	fs->release_err = err;
	pthread_mutex_unlock(&fs->lock);
	poke(fs);
}

void slow_fs_wait(struct slow_fs *fs, unsigned int count)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += 30;
	pthread_mutex_lock(&fs->lock);
	while (fs->held < count)
		if (pthread_cond_timedwait(&fs->cond, &fs->lock, &t))
			break;
	count = count > fs->held ? count - fs->held : 0;
	pthread_mutex_unlock(&fs->lock);
	if (count)
		fail_msg("%u transfers less are held than should be", count);
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
