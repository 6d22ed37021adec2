/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ioctl(), mmap(), lseek(). */
#include <stdarg.h>

#include "preload/interpose.h"
#include "preload/vfs.h"

EXPORT int ioctl(int fd, unsigned long cmd, ...)
{
	struct call call;
	va_list args;
	void *arg;

	va_start(args, cmd);
	arg = va_arg(args, void *);
	va_end(args);
	if (!call_begin(&call, fd))
		return NEXT(ioctl)(fd, cmd, arg);
	return (int)call_end(&call, vfs_ioctl(call.file, fd, cmd, arg));
}

static void *map(struct call *call, void *addr, size_t length, int prot, int flags, int64_t offset)
{
	void *out;

	if (call_end(call, vfs_mmap(call->file, addr, length, prot, flags, offset, &out)))
		return MAP_FAILED;
	return out;
}

EXPORT void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset)
{
	struct call call;

	if (flags & MAP_ANONYMOUS || !call_begin(&call, fd))
		return NEXT(mmap)(addr, length, prot, flags, fd, offset);
	return map(&call, addr, length, prot, flags, offset);
}

EXPORT void *mmap64(void *addr, size_t length, int prot, int flags, int fd, off64_t offset)
{
	struct call call;

	if (flags & MAP_ANONYMOUS || !call_begin(&call, fd))
		return NEXT(mmap64)(addr, length, prot, flags, fd, offset);
	return map(&call, addr, length, prot, flags, offset);
}

EXPORT off_t lseek(int fd, off_t offset, int whence)
{
	struct call call;

	if (!call_begin(&call, fd))
		return NEXT(lseek)(fd, offset, whence);
	return call_end(&call, -ESPIPE);
}

EXPORT off64_t lseek64(int fd, off64_t offset, int whence)
{
	struct call call;

	if (!call_begin(&call, fd))
		return NEXT(lseek64)(fd, offset, whence);
	return call_end(&call, -ESPIPE);
}
