/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* open() and its family. */
#include <stdarg.h>

#include "preload/interpose.h"
#include "preload/node.h"

/* open() has failed. */
static int look_closer(int dirfd, const char *path, int flags)
{
	int saved = errno, cancel, ret;
	bool ours;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	ours = node_open(dirfd, path, flags, saved, &ret);
	pthread_setcancelstate(cancel, NULL);
	errno = saved;
	if (!ours)
		return -1;
	if (ret >= 0)
		return ret;
	errno = -ret;
	return -1;
}

/* The mode, which is given only if a file may be made. */
#define GET_MODE(mode, flags)                           \
	do {                                            \
		va_list args_;                          \
                                                        \
		if (__OPEN_NEEDS_MODE(flags)) {         \
			va_start(args_, flags);         \
			(mode) = va_arg(args_, mode_t); \
			va_end(args_);                  \
		}                                       \
	} while (0)

EXPORT int open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	int fd;

	GET_MODE(mode, flags);
	fd = NEXT(open)(path, flags, mode);
	return __builtin_expect(fd >= 0, 1) ? fd : look_closer(AT_FDCWD, path, flags);
}

EXPORT int open64(const char *path, int flags, ...)
{
	mode_t mode = 0;
	int fd;

	GET_MODE(mode, flags);
	fd = NEXT(open64)(path, flags, mode);
	return __builtin_expect(fd >= 0, 1) ? fd : look_closer(AT_FDCWD, path, flags);
}

EXPORT int openat(int dirfd, const char *path, int flags, ...)
{
	mode_t mode = 0;
	int fd;

	GET_MODE(mode, flags);
	fd = NEXT(openat)(dirfd, path, flags, mode);
	return __builtin_expect(fd >= 0, 1) ? fd : look_closer(dirfd, path, flags);
}

EXPORT int openat64(int dirfd, const char *path, int flags, ...)
{
	mode_t mode = 0;
	int fd;

	GET_MODE(mode, flags);
	fd = NEXT(openat64)(dirfd, path, flags, mode);
	return __builtin_expect(fd >= 0, 1) ? fd : look_closer(dirfd, path, flags);
}

/* ---- for programs that check arguments: the C library ends those that forgot the mode ---- */

EXPORT int __open_2(const char *path, int flags)
{
	int fd = NEXT(__open_2)(path, flags);

	return __builtin_expect(fd >= 0, 1) ? fd : look_closer(AT_FDCWD, path, flags);
}

EXPORT int __open64_2(const char *path, int flags)
{
	int fd = NEXT(__open64_2)(path, flags);

	return __builtin_expect(fd >= 0, 1) ? fd : look_closer(AT_FDCWD, path, flags);
}

EXPORT int __openat_2(int dirfd, const char *path, int flags)
{
	int fd = NEXT(__openat_2)(dirfd, path, flags);

	return __builtin_expect(fd >= 0, 1) ? fd : look_closer(dirfd, path, flags);
}

EXPORT int __openat64_2(int dirfd, const char *path, int flags)
{
	int fd = NEXT(__openat64_2)(dirfd, path, flags);

	return __builtin_expect(fd >= 0, 1) ? fd : look_closer(dirfd, path, flags);
}
