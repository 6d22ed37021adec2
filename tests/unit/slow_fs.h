/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Storage that does what a test wants of it: a file system with one file, "disk", whose transfers
 * can be held, fail, be cut short (writes), and are noted in their order. It can't punch holes.
 */
#ifndef UMDEV_TESTS_SLOW_FS_H
#define UMDEV_TESTS_SLOW_FS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fuse_session;

enum slow_op {
	SLOW_READ,
	SLOW_WRITE,
	SLOW_FLUSH,
	SLOW_OPS
};

/**
 * struct slow_fs - such a file system
 * @path: of the file
 * @data: what is in the file, @size bytes
 * @log:  under @lock: a letter for each transfer that was asked for: r, w, f; it ends when full
 *
 * The rest is slow_fs.c's.
 */
struct slow_fs {
	char dir[64];
	char path[80];
	uint8_t *data;
	size_t size;
	pthread_mutex_t lock;
	char log[512];
	pthread_cond_t cond;
	bool hold[SLOW_OPS];
	int fail[SLOW_OPS];
	size_t most;
	int mounted;
	unsigned int held;
	struct slow_request *requests;
	struct fuse_session *session;
	pthread_t thread;
};

/** slow_fs_start - mount one with a file of @size bytes; a write takes @most bytes at most (0: all),
 * and can't be held then. slow_fs_stop - the reverse. Both fail the
 * test if they can't. */
void slow_fs_start(struct slow_fs *fs, size_t size, size_t most);
void slow_fs_stop(struct slow_fs *fs);
/** slow_fs_reset - nothing is held, fails, is short, or in the file but zeros. */
void slow_fs_reset(struct slow_fs *fs);

/** slow_fs_hold - transfers of this kind don't end from now on. slow_fs_release - all that are held
 * do, and later ones; with @err they fail with it. slow_fs_wait - until @count are held. */
void slow_fs_hold(struct slow_fs *fs, enum slow_op op);
void slow_fs_release(struct slow_fs *fs, int err);
void slow_fs_wait(struct slow_fs *fs, unsigned int count);

/** slow_fs_fail - transfers of this kind fail with @err, 0: don't. */
void slow_fs_fail(struct slow_fs *fs, enum slow_op op, int err);
/** slow_fs_log - what has been asked for since the last call, into @buf. */
void slow_fs_log(struct slow_fs *fs, char buf[512]);

#endif
