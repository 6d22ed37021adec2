/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * References to files, as the table and the calls of the program hold them.
 *
 * A call counts twice: among all references, and among those that a child of fork() does not
 * inherit, because the thread that makes the call is not there.
 */
#ifndef UMDEV_PRELOAD_FILE_POOL_H
#define UMDEV_PRELOAD_FILE_POOL_H

#include <stdbool.h>

#include "preload/file.h"

#define FILE_REF      UINT64_C(1)
#define FILE_CALL_REF ((UINT64_C(1) << 32) | FILE_REF)

/** file_try_get - a reference of kind @unit, unless the last one has been given back already. */
bool file_try_get(struct file *file, uint64_t unit);

/** file_put_unit - give one of kind @unit back. Not under process_lock(). */
void file_put_unit(struct file *file, uint64_t unit);

/**
 * file_call_begin - this thread is in a call from now on, and may take a FILE_CALL_REF
 * file_call_end - the reverse; gives back the FILE_CALL_REF to @file, if there is one
 */
void file_call_begin(void);
void file_call_end(struct file *file);

/**
 * file_pool_forked - in a new process: forget the references of calls that are not there
 *
 * A file that is left without any is released.
 */
void file_pool_forked(void);

#endif
