/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* close(), dup(), fcntl() and their family. */
#include <stdarg.h>

#include "preload/interpose.h"
#include "preload/vfs.h"

/* ---- closing ---- */

EXPORT int close(int fd)
{
	int cancel, ret;

	if (!table_has(fd))
		return NEXT(close)(fd);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	ret = table_close(fd);
	pthread_setcancelstate(cancel, NULL);
	return ret;
}

EXPORT int close_range(unsigned int first, unsigned int last, int flags)
{
	int cancel, ret;

	if (!table_is_used())
		return NEXT(close_range)(first, last, flags);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	ret = table_close_range(first, last, flags);
	pthread_setcancelstate(cancel, NULL);
	return ret;
}

EXPORT void closefrom(int first)
{
	if (!table_is_used())
		NEXT(closefrom)(first);
	else
		close_range(first < 0 ? 0 : (unsigned int)first, ~0u, 0);
}

/* ---- duplicating ---- */

static int duplicate(int fd, int cmd, int min)
{
	int cancel, ret;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	ret = table_dup(fd, cmd, min);
	pthread_setcancelstate(cancel, NULL);
	return ret;
}

EXPORT int dup(int fd)
{
	if (!table_has(fd))
		return NEXT(dup)(fd);
	return duplicate(fd, F_DUPFD, 0);
}

static int replace(int fd, int to, int flags)
{
	int cancel, ret;

	/* What was there before may be closed by it. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	ret = table_replace(fd, to, flags);
	pthread_setcancelstate(cancel, NULL);
	return ret;
}

EXPORT int dup2(int fd, int to)
{
	if (!table_has(fd) && !table_has(to))
		return NEXT(dup2)(fd, to);
	return replace(fd, to, -1);
}

EXPORT int dup3(int fd, int to, int flags)
{
	/* Negative flags are none that the kernel knows. */
	if ((!table_has(fd) && !table_has(to)) || flags < 0)
		return NEXT(dup3)(fd, to, flags);
	return replace(fd, to, flags);
}

/* ---- fcntl ---- */

/* fcntl() of a number that may be ours. */
static int control(int fd, int cmd, void *arg)
{
	struct call call;

	switch (cmd) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		return duplicate(fd, cmd, (int)(long)arg);
	case F_GETFD:
	case F_SETFD:
		break;
	default:
		if (call_begin(&call, fd))
			return (int)call_end(&call, vfs_fcntl(call.file, cmd, (long)arg));
	}
	if (table_is_hidden(fd)) {
		errno = EBADF;
		return -1;
	}
	return NEXT(fcntl)(fd, cmd, arg);
}

EXPORT int fcntl(int fd, int cmd, ...)
{
	va_list args;
	void *arg;

	va_start(args, cmd);
	arg = va_arg(args, void *);
	va_end(args);
	return table_has(fd) ? control(fd, cmd, arg) : NEXT(fcntl)(fd, cmd, arg);
}

EXPORT int fcntl64(int fd, int cmd, ...)
{
	va_list args;
	void *arg;

	va_start(args, cmd);
	arg = va_arg(args, void *);
	va_end(args);
	return table_has(fd) ? control(fd, cmd, arg) : NEXT(fcntl64)(fd, cmd, arg);
}
