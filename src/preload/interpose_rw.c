/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* read(), write() and their family. */
#include "preload/interpose.h"
#include "preload/vfs.h"

/* ---- one piece ---- */

EXPORT ssize_t read(int fd, void *buf, size_t count)
{
	struct call call;

	if (!call_begin(&call, fd))
		return NEXT(read)(fd, buf, count);
	return call_end(&call, vfs_rw(call.file, VFS_READ, buf, count));
}

EXPORT ssize_t write(int fd, const void *buf, size_t count)
{
	struct call call;

	if (!call_begin(&call, fd))
		return NEXT(write)(fd, buf, count);
	return call_end(&call, vfs_rw(call.file, VFS_WRITE, (void *)buf, count));
}

EXPORT ssize_t pread(int fd, void *buf, size_t count, off_t offset)
{
	struct call call;

	if (!call_begin(&call, fd))
		return NEXT(pread)(fd, buf, count, offset);
	return call_end(&call, vfs_prw(call.file, VFS_READ, buf, count, offset));
}

EXPORT ssize_t pread64(int fd, void *buf, size_t count, off64_t offset)
{
	struct call call;

	if (!call_begin(&call, fd))
		return NEXT(pread64)(fd, buf, count, offset);
	return call_end(&call, vfs_prw(call.file, VFS_READ, buf, count, offset));
}

EXPORT ssize_t pwrite(int fd, const void *buf, size_t count, off_t offset)
{
	struct call call;

	if (!call_begin(&call, fd))
		return NEXT(pwrite)(fd, buf, count, offset);
	return call_end(&call, vfs_prw(call.file, VFS_WRITE, (void *)buf, count, offset));
}

EXPORT ssize_t pwrite64(int fd, const void *buf, size_t count, off64_t offset)
{
	struct call call;

	if (!call_begin(&call, fd))
		return NEXT(pwrite64)(fd, buf, count, offset);
	return call_end(&call, vfs_prw(call.file, VFS_WRITE, (void *)buf, count, offset));
}

/* ---- for programs that check sizes: the C library ends those whose buffer is too small ---- */

EXPORT ssize_t __read_chk(int fd, void *buf, size_t count, size_t size)
{
	struct call call;

	if (count > size || !call_begin(&call, fd))
		return NEXT(__read_chk)(fd, buf, count, size);
	return call_end(&call, vfs_rw(call.file, VFS_READ, buf, count));
}

EXPORT ssize_t __pread_chk(int fd, void *buf, size_t count, off_t offset, size_t size)
{
	struct call call;

	if (count > size || !call_begin(&call, fd))
		return NEXT(__pread_chk)(fd, buf, count, offset, size);
	return call_end(&call, vfs_prw(call.file, VFS_READ, buf, count, offset));
}

EXPORT ssize_t __pread64_chk(int fd, void *buf, size_t count, off64_t offset, size_t size)
{
	struct call call;

	if (count > size || !call_begin(&call, fd))
		return NEXT(__pread64_chk)(fd, buf, count, offset, size);
	return call_end(&call, vfs_prw(call.file, VFS_READ, buf, count, offset));
}

/* ---- several pieces ---- */

EXPORT ssize_t readv(int fd, const struct iovec *iov, int nr)
{
	struct call call;

	if (!call_begin(&call, fd))
		return NEXT(readv)(fd, iov, nr);
	return call_end(&call, vfs_rwv(call.file, VFS_READ, iov, nr, 0));
}

EXPORT ssize_t writev(int fd, const struct iovec *iov, int nr)
{
	struct call call;

	if (!call_begin(&call, fd))
		return NEXT(writev)(fd, iov, nr);
	return call_end(&call, vfs_rwv(call.file, VFS_WRITE, iov, nr, 0));
}

EXPORT ssize_t preadv(int fd, const struct iovec *iov, int nr, off_t offset)
{
	struct call call;

	if (!call_begin(&call, fd))
		return NEXT(preadv)(fd, iov, nr, offset);
	return call_end(&call, vfs_prwv(call.file, VFS_READ, iov, nr, offset, 0));
}

EXPORT ssize_t preadv64(int fd, const struct iovec *iov, int nr, off64_t offset)
{
	struct call call;

	if (!call_begin(&call, fd))
		return NEXT(preadv64)(fd, iov, nr, offset);
	return call_end(&call, vfs_prwv(call.file, VFS_READ, iov, nr, offset, 0));
}

EXPORT ssize_t pwritev(int fd, const struct iovec *iov, int nr, off_t offset)
{
	struct call call;

	if (!call_begin(&call, fd))
		return NEXT(pwritev)(fd, iov, nr, offset);
	return call_end(&call, vfs_prwv(call.file, VFS_WRITE, iov, nr, offset, 0));
}

EXPORT ssize_t pwritev64(int fd, const struct iovec *iov, int nr, off64_t offset)
{
	struct call call;

	if (!call_begin(&call, fd))
		return NEXT(pwritev64)(fd, iov, nr, offset);
	return call_end(&call, vfs_prwv(call.file, VFS_WRITE, iov, nr, offset, 0));
}

/* ---- several pieces, with flags; an offset of -1 is the file's position ---- */

static ssize_t rwv2(struct file *file, enum vfs_direction direction, const struct iovec *iov,
		    int nr, int64_t offset, int flags)
{
	if (offset == -1)
		return vfs_rwv(file, direction, iov, nr, flags);
	return vfs_prwv(file, direction, iov, nr, offset, flags);
}

EXPORT ssize_t preadv2(int fd, const struct iovec *iov, int nr, off_t offset, int flags)
{
	struct call call;

	if (!call_begin(&call, fd))
		return NEXT(preadv2)(fd, iov, nr, offset, flags);
	return call_end(&call, rwv2(call.file, VFS_READ, iov, nr, offset, flags));
}

EXPORT ssize_t preadv64v2(int fd, const struct iovec *iov, int nr, off64_t offset, int flags)
{
	struct call call;

	if (!call_begin(&call, fd))
		return NEXT(preadv64v2)(fd, iov, nr, offset, flags);
	return call_end(&call, rwv2(call.file, VFS_READ, iov, nr, offset, flags));
}

EXPORT ssize_t pwritev2(int fd, const struct iovec *iov, int nr, off_t offset, int flags)
{
	struct call call;

	if (!call_begin(&call, fd))
		return NEXT(pwritev2)(fd, iov, nr, offset, flags);
	return call_end(&call, rwv2(call.file, VFS_WRITE, iov, nr, offset, flags));
}

EXPORT ssize_t pwritev64v2(int fd, const struct iovec *iov, int nr, off64_t offset, int flags)
{
	struct call call;

	if (!call_begin(&call, fd))
		return NEXT(pwritev64v2)(fd, iov, nr, offset, flags);
	return call_end(&call, rwv2(call.file, VFS_WRITE, iov, nr, offset, flags));
}
