/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>

#include "preload/next.h"
#include "preload/usercopy.h"
#include "preload/vfs.h"

/* What one call moves at most: MAX_RW_COUNT of <linux/fs.h>, see read(2). */
#define RW_MAX ((size_t)(INT_MAX & ~4095))

/* Of the kernel's O_LARGEFILE, which open() adds on 64-bit machines and fcntl() shows. */
#if defined(__x86_64__) || defined(__riscv) || defined(__s390x__) || defined(__loongarch__)
#define KERNEL_O_LARGEFILE 0100000
#elif defined(__aarch64__)
#define KERNEL_O_LARGEFILE 0400000
#elif defined(__powerpc64__)
#define KERNEL_O_LARGEFILE 0200000
#else
#define KERNEL_O_LARGEFILE 0
#endif

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* ---- reading and writing ---- */

/* 3 is neither: such a file is there for its ioctls. */
static bool is_open_for(const struct file *file, enum vfs_direction direction)
{
	int mode = file->flags & O_ACCMODE;

	return mode == O_RDWR || mode == (direction == VFS_READ ? O_RDONLY : O_WRONLY);
}

static bool has_operation(const struct file *file, enum vfs_direction direction)
{
	return direction == VFS_READ ? file->ops->read != NULL : file->ops->write != NULL;
}

static int check_mode(const struct file *file, enum vfs_direction direction)
{
	if (!is_open_for(file, direction))
		return -EBADF;
	return has_operation(file, direction) ? 0 : -EINVAL;
}

/* Addresses that no program has are told from those that this one has not. */
static int check_range(const void *buf, size_t count)
{
	uintptr_t start = (uintptr_t)buf;

	return start > LONG_MAX || count > LONG_MAX - start ? -EFAULT : 0;
}

static int check_area(uint64_t pos, size_t count)
{
	return pos > INT64_MAX || count > (uint64_t)INT64_MAX - pos ? -EINVAL : 0;
}

static ssize_t call(struct file *file, enum vfs_direction direction, void *buf, size_t count,
		    uint64_t pos)
{
	if (direction == VFS_READ)
		return file->ops->read(file, buf, count, pos);
	return file->ops->write(file, buf, count, pos);
}

static ssize_t rw(struct file *file, enum vfs_direction direction, void *buf, size_t count,
		  uint64_t pos)
{
	int err;

	err = check_mode(file, direction);
	if (!err)
		err = check_range(buf, count);
	if (!err)
		err = check_area(pos, count);
	return err ? err : call(file, direction, buf, min_size(count, RW_MAX), pos);
}

ssize_t vfs_rw(struct file *file, enum vfs_direction direction, void *buf, size_t count)
{
	uint64_t pos = file->pos;
	ssize_t ret = rw(file, direction, buf, count, pos);

	if (ret > 0 && !file->ops->stays)
		file->pos = pos + (uint64_t)ret;
	return ret;
}

ssize_t vfs_prw(struct file *file, enum vfs_direction direction, void *buf, size_t count,
		int64_t offset)
{
	if (offset < 0)
		return -EINVAL;
	return rw(file, direction, buf, count, (uint64_t)offset);
}

/* ---- in pieces ---- */

/* Piece @i of @iov, of which no more than @left counts. */
static int get_piece(const struct iovec *iov, int i, size_t left, struct iovec *piece)
{
	if (copy_from_user(piece, &iov[i], sizeof(*piece)))
		return -EFAULT;
	if (piece->iov_len > SSIZE_MAX)
		return -EINVAL;
	piece->iov_len = min_size(piece->iov_len, left);
	return check_range(piece->iov_base, piece->iov_len);
}

/* Return: how many bytes all pieces have, of which RW_MAX count; or -errno. */
static ssize_t check_pieces(const struct iovec *iov, int nr)
{
	struct iovec piece;
	size_t total = 0;
	int i, err;

	if (nr < 0 || nr > IOV_MAX)
		return -EINVAL;
	for (i = 0; i < nr; i++) {
		err = get_piece(iov, i, RW_MAX - total, &piece);
		if (err)
			return err;
		total += piece.iov_len;
	}
	return (ssize_t)total;
}

static ssize_t rw_pieces(struct file *file, enum vfs_direction direction, const struct iovec *iov,
			 size_t total, uint64_t pos)
{
	struct iovec piece;
	size_t done = 0;
	ssize_t ret;
	int i;

	for (i = 0; done < total; i++) {
		ret = get_piece(iov, i, total - done, &piece);
		if (!ret)
			ret = call(file, direction, piece.iov_base, piece.iov_len,
				   file->ops->stays ? pos : pos + done);
		if (ret < 0)
			return done ? (ssize_t)done : ret;
		done += (size_t)ret;
		if ((size_t)ret != piece.iov_len)
			break;
	}
	return (ssize_t)done;
}

static ssize_t rwv(struct file *file, enum vfs_direction direction, const struct iovec *iov, int nr,
		   uint64_t pos, int flags)
{
	ssize_t total = check_pieces(iov, nr);
	int err;

	if (total < 0)
		return total;
	err = check_mode(file, direction);
	if (err)
		return err;
	if (!total)
		return 0;
	err = check_area(pos, (size_t)total);
	if (err)
		return err;
	if (flags & ~RWF_HIPRI)
		return -EOPNOTSUPP;
	return rw_pieces(file, direction, iov, (size_t)total, pos);
}

ssize_t vfs_rwv(struct file *file, enum vfs_direction direction, const struct iovec *iov, int nr,
		int flags)
{
	uint64_t pos = file->pos;
	ssize_t ret = rwv(file, direction, iov, nr, pos, flags);

	if (ret > 0 && !file->ops->stays)
		file->pos = pos + (uint64_t)ret;
	return ret;
}

ssize_t vfs_prwv(struct file *file, enum vfs_direction direction, const struct iovec *iov, int nr,
		 int64_t offset, int flags)
{
	if (offset < 0)
		return -EINVAL;
	return rwv(file, direction, iov, nr, (uint64_t)offset, flags);
}

/* ---- ioctl and fcntl ---- */

static int set_close_on_exec(int fd, bool on)
{
	NEXT(fcntl)(fd, F_SETFD, on ? FD_CLOEXEC : 0);
	return 0;
}

static int set_nonblock(struct file *file, const void *arg)
{
	int on;

	if (copy_from_user(&on, arg, sizeof(on)))
		return -EFAULT;
	if (on)
		file->flags |= O_NONBLOCK;
	else
		file->flags &= ~O_NONBLOCK;
	return 0;
}

/* There is nothing that such a file could signal. */
static int set_async(struct file *file, const void *arg)
{
	int on;

	if (copy_from_user(&on, arg, sizeof(on)))
		return -EFAULT;
	return !on == !(file->flags & O_ASYNC) ? 0 : -ENOTTY;
}

long vfs_ioctl(struct file *file, int fd, unsigned long cmd, void *arg)
{
	/* The kernel's is 32 bits wide. */
	cmd = (uint32_t)cmd;
	switch (cmd) {
	case FIOCLEX:
		return set_close_on_exec(fd, true);
	case FIONCLEX:
		return set_close_on_exec(fd, false);
	case FIONBIO:
		return set_nonblock(file, arg);
	case FIOASYNC:
		return set_async(file, arg);
	default:
		return file->ops->ioctl ? file->ops->ioctl(file, cmd, arg) : -ENOTTY;
	}
}

static int set_flags(struct file *file, int arg)
{
	const int mask = O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME;
	int flags = file->flags;

	if (arg & O_DIRECT)
		return -EINVAL;
	while (!atomic_compare_exchange_weak(&file->flags, &flags, (arg & mask) | (flags & ~mask)))
		;
	return 0;
}

int vfs_fcntl(struct file *file, int cmd, long arg)
{
	switch (cmd) {
	case F_GETFL:
		return file->flags;
	case F_SETFL:
		return set_flags(file, (int)arg);
	case F_NOTIFY:
		return -ENOTDIR;
	case F_SETPIPE_SZ:
	case F_GETPIPE_SZ:
		return -EBADF;
	default:
		return -EINVAL;
	}
}

int vfs_open_flags(int flags)
{
	flags &= ~(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC);
	return flags | KERNEL_O_LARGEFILE;
}

/* ---- mmap ---- */

/* What MAP_SHARED_VALIDATE knows without the file's help. */
#define MAP_KNOWN                                                                                \
	(MAP_TYPE | MAP_FIXED | MAP_ANONYMOUS | MAP_DENYWRITE | MAP_EXECUTABLE | MAP_GROWSDOWN | \
	 MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK)

static int check_sharing(const struct file *file, int prot, int flags)
{
	switch (flags & MAP_TYPE) {
	case MAP_SHARED_VALIDATE:
		if (flags & ~MAP_KNOWN)
			return -EOPNOTSUPP;
		__attribute__((fallthrough));
	case MAP_SHARED:
		if (prot & PROT_WRITE && !is_open_for(file, VFS_WRITE))
			return -EACCES;
		return 0;
	case MAP_PRIVATE:
		return 0;
	default:
		return -EINVAL;
	}
}

static int check_mmap(const struct file *file, size_t length, int prot, int flags, int64_t offset)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint64_t pages;
	int err;

	if ((uint64_t)offset & (page - 1) || flags & MAP_HUGETLB || !length)
		return -EINVAL;
	if (length > SIZE_MAX - page)
		return -ENOMEM;
	pages = (length + page - 1) / page;
	if ((uint64_t)offset > UINT64_MAX - pages * page)
		return -EOVERFLOW;
	err = check_sharing(file, prot, flags);
	if (err)
		return err;
	if (!is_open_for(file, VFS_READ))
		return -EACCES;
	if (prot & PROT_EXEC)
		return -EPERM;
	if (!file->ops->mmap)
		return -ENODEV;
	return flags & MAP_GROWSDOWN ? -EINVAL : 0;
}

int vfs_mmap(struct file *file, void *addr, size_t length, int prot, int flags, int64_t offset,
	     void **out)
{
	int err = check_mmap(file, length, prot, flags, offset);

	return err ? err : file->ops->mmap(file, addr, length, prot, flags, (uint64_t)offset, out);
}
