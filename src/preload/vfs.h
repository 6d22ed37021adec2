/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the kernel does with a call before the driver sees it, and after.
 *
 * All return what the system call does, errors as -errno.
 *
 * Behaviour: Linux 6.1 fs/read_write.c, fs/ioctl.c, fs/fcntl.c, mm/mmap.c for files that have
 * neither read_iter() nor llseek().
 */
#ifndef UMDEV_PRELOAD_VFS_H
#define UMDEV_PRELOAD_VFS_H

#include <sys/uio.h>

#include "preload/file.h"

enum vfs_direction {
	VFS_READ,
	VFS_WRITE,
};

/** vfs_rw - read() or write(): at the file's position, which moves on */
ssize_t vfs_rw(struct file *file, enum vfs_direction direction, void *buf, size_t count);

/** vfs_prw - pread() or pwrite() */
ssize_t vfs_prw(struct file *file, enum vfs_direction direction, void *buf, size_t count,
		int64_t offset);

/**
 * vfs_rwv - readv() or writev(), with the flags of preadv2()
 *
 * One call of the operation for each piece; it ends with one that is not done in full.
 */
ssize_t vfs_rwv(struct file *file, enum vfs_direction direction, const struct iovec *iov, int nr,
		int flags);

/** vfs_prwv - preadv2() or pwritev2(), of which preadv() and pwritev() are the one without flags */
ssize_t vfs_prwv(struct file *file, enum vfs_direction direction, const struct iovec *iov, int nr,
		 int64_t offset, int flags);

/** vfs_ioctl - @fd is the one that the call names */
long vfs_ioctl(struct file *file, int fd, unsigned long cmd, void *arg);

/** vfs_fcntl - all commands but those that duplicate or are about the descriptor alone */
int vfs_fcntl(struct file *file, int cmd, long arg);

/** vfs_mmap - @out is where */
int vfs_mmap(struct file *file, void *addr, size_t length, int prot, int flags, int64_t offset,
	     void **out);

/** vfs_open_flags - of the flags of an open(), those that stay: what fcntl(F_GETFL) says then */
int vfs_open_flags(int flags);

#endif
