/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The C library's own functions, of those that this library stands in front of.
 *
 * Whatever in here would come back to itself by the plain name (closing a hidden descriptor, say)
 * calls NEXT(close)(fd).
 */
#ifndef UMDEV_PRELOAD_NEXT_H
#define UMDEV_PRELOAD_NEXT_H

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

/* What programs call that were compiled with _FORTIFY_SOURCE; no header declares all of them. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int dirfd, const char *path, int flags);
int __openat64_2(int dirfd, const char *path, int flags);
ssize_t __read_chk(int fd, void *buf, size_t count, size_t size);
ssize_t __pread_chk(int fd, void *buf, size_t count, off_t offset, size_t size);
ssize_t __pread64_chk(int fd, void *buf, size_t count, off64_t offset, size_t size);

/* All that is exported. tests/preload compares this list with the library's symbols. */
/* clang-format off */
#define NEXT_FUNCTIONS(X) \
	X(open) X(open64) X(openat) X(openat64) \
	X(__open_2) X(__open64_2) X(__openat_2) X(__openat64_2) \
	X(ioctl) X(mmap) X(mmap64) X(lseek) X(lseek64) \
	X(read) X(__read_chk) X(pread) X(pread64) X(__pread_chk) X(__pread64_chk) \
	X(readv) X(preadv) X(preadv64) X(preadv2) X(preadv64v2) \
	X(write) X(pwrite) X(pwrite64) \
	X(writev) X(pwritev) X(pwritev64) X(pwritev2) X(pwritev64v2) \
	X(close) X(close_range) X(closefrom) X(dup) X(dup2) X(dup3) X(fcntl) X(fcntl64)
/* clang-format on */

enum next_function {
#define NEXT_ENUM(name) NEXT_##name,
	NEXT_FUNCTIONS(NEXT_ENUM)
#undef NEXT_ENUM
	NEXT_NR
};

extern _Atomic(void *) next_functions[NEXT_NR];

/** next_find - look one up; ends the program if the C library has none of this name. */
void *next_find(enum next_function which);

/* Before the constructors have run, others may call already: then it is looked up here. */
static inline void *next_get(enum next_function which)
{
	void *function = atomic_load_explicit(&next_functions[which], memory_order_relaxed);

	return __builtin_expect(function != NULL, 1) ? function : next_find(which);
}

/** NEXT - the C library's function @name (or that of the next library that stands before it). */
#define NEXT(name) ((__typeof__(name) *)next_get(NEXT_##name))

#endif
