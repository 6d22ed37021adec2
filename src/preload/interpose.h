/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The functions that programs call: what interpose_*.c have in common.
 *
 * Each asks table_has() whether a descriptor may be one of ours, and passes all others on to the
 * C library at once. Those are cancellation points or not as the C library has it. A call on a
 * file of ours is none: a thread that were cancelled in it would leave the connection half-used.
 */
#ifndef UMDEV_PRELOAD_INTERPOSE_H
#define UMDEV_PRELOAD_INTERPOSE_H

#include <errno.h>
#include <pthread.h>

#include "preload/file_pool.h"
#include "preload/next.h"
#include "preload/table.h"

#define EXPORT __attribute__((visibility("default")))

/* A call that the program makes on a file of ours. */
struct call {
	struct file *file;
	int cancel;
	int saved_errno;
};

/**
 * call_begin - begin one, if there is a file behind @fd
 * Return: false: there is none; whatever the program wants is the C library's.
 */
static inline bool call_begin(struct call *call, int fd)
{
	if (!table_has(fd))
		return false;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &call->cancel);
	call->saved_errno = errno;
	call->file = table_enter(fd);
	if (call->file)
		return true;
	pthread_setcancelstate(call->cancel, NULL);
	return false;
}

/**
 * call_end - end it
 * Return: @ret; if that is a negative errno, -1 with errno.
 */
static inline long call_end(struct call *call, long ret)
{
	file_call_end(call->file);
	errno = call->saved_errno;
	pthread_setcancelstate(call->cancel, NULL);
	if (ret >= 0)
		return ret;
	errno = (int)-ret;
	return -1;
}

#endif
