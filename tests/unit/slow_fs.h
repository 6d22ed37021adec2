/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Storage that does what a test wants of it: a file system with one file, "disk", whose transfers
 * can be held, fail, be cut short (writes), and are noted in their order. It can't punch holes.
 *
 * A process of its own serves it, which ends with the test's: were it a thread, a test that is
 * killed while it waits for a transfer would wait for ever.
 */
#ifndef UMDEV_TESTS_SLOW_FS_H
#define UMDEV_TESTS_SLOW_FS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum slow_op {
	SLOW_READ,
	SLOW_WRITE,
	SLOW_FLUSH,
	SLOW_OPS
};

/**
 * struct slow_fs - such a file system, in memory that both processes have
 * @path: of the file
 * @data: what is in the file, @size bytes
 * @log:  under @lock: a letter for each transfer that was asked for: r, w, f; it ends when full
 * @held: under @lock: how many are held
 * @hold, @fail: under @lock: as the functions below say
 *
 * The rest is slow_fs.c's.
 */
struct slow_fs {
	char dir[64];
	char path[80];
	size_t size;
	size_t most;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	char log[512];
	bool hold[SLOW_OPS];
	int fail[SLOW_OPS];
	unsigned int held;
	int release_err;
	int mounted;
	bool quit;
	pid_t pid;
	struct slow_request *requests; /* the server's */
	uint8_t data[];
};

/**
 * slow_fs_start - mount one with a file of @size bytes; a write takes @most bytes at most (0: all),
 * and can't be held then. slow_fs_stop - the reverse. Both fail the test if they can't.
 */
struct slow_fs *slow_fs_start(size_t size, size_t most);
void slow_fs_stop(struct slow_fs *fs);
/** slow_fs_reset - nothing is held, fails, or in the file but zeros. */
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
