/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which descriptor leads to which file, and what the program does to descriptors.
 *
 * Numbers are looked up without a lock; who changes what they lead to holds process_lock().
 * A number may have been closed by a system call that nobody here saw, and used again since. So
 * what is found counts only while the kernel still says that the descriptor is an O_PATH one; else
 * the entry is dropped and the number is somebody else's.
 */
#ifndef UMDEV_PRELOAD_TABLE_H
#define UMDEV_PRELOAD_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "preload/file.h"

/* A part of the table; the kernel's descriptors are below 2^31. */
#define TABLE_CHUNK_BITS 16
#define TABLE_CHUNK_SIZE (1u << TABLE_CHUNK_BITS)
#define TABLE_CHUNKS	 (1u << (31 - TABLE_CHUNK_BITS))

typedef _Atomic(struct file *) table_slot;

extern _Atomic(table_slot *) table_chunks[TABLE_CHUNKS];

/* Return: where @fd is looked up; NULL if no descriptor near it ever was one of ours. */
static inline table_slot *table_slot_of(int fd)
{
	unsigned int nr = (unsigned int)fd >> TABLE_CHUNK_BITS;
	table_slot *chunk;

	if (nr >= TABLE_CHUNKS)
		return NULL;
	chunk = atomic_load_explicit(&table_chunks[nr], memory_order_acquire);
	return chunk ? &chunk[(unsigned int)fd & (TABLE_CHUNK_SIZE - 1)] : NULL;
}

/**
 * table_has - may @fd be ours, a file's or a hidden one? What every call of the program's asks.
 */
static inline bool table_has(int fd)
{
	table_slot *slot = table_slot_of(fd);

	return __builtin_expect(slot && atomic_load_explicit(slot, memory_order_relaxed), 0);
}

/** table_is_used - is there any entry at all? */
bool table_is_used(void);

/** table_is_hidden - is @fd a descriptor of the library's own, which the program has not? */
bool table_is_hidden(int fd);

/**
 * table_enter - the file behind @fd, for the length of a call that this thread makes
 *
 * As file_from_fd(), but a child that is forked meanwhile by another thread does not have the
 * reference. Given back with file_call_end() of file_pool.h.
 */
struct file *table_enter(int fd);

/*
 * What the program does to descriptors of which one is ours. These return what the C library's
 * functions of the same name do, with errno.
 */
int table_close(int fd);
/** table_dup - fcntl(@fd, @cmd, @min), where @cmd is F_DUPFD or F_DUPFD_CLOEXEC. */
int table_dup(int fd, int cmd, int min);
/** table_replace - dup3(), or dup2() if @flags is negative. */
int table_replace(int fd, int to, int flags);
/** table_close_range - for closefrom(), too, which is this up to ~0u. */
int table_close_range(unsigned int first, unsigned int last, int flags);

#endif
