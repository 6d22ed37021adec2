/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Open files: what a descriptor of the program's stands for, and which descriptor stands for what.
 *
 * A descriptor that the program gets is a real one of the kernel's, opened with O_PATH: it can be
 * passed around, looked at with fstat() and closed, but reading, writing, ioctl() and mmap() of it
 * are EBADF to whoever does not have this library's table, so a program that inherits one by exec
 * or SCM_RIGHTS gets an error and never somebody else's data. In this process the table leads from
 * it to a struct file, which does what the kernel's file would do.
 *
 * Descriptors that the library itself needs (sockets, memory of regions) are hidden: the program
 * can neither close nor replace them, and they are close-on-exec.
 *
 * Behaviour of descriptors: Linux 6.1 fs/file.c, close(2), dup(2), fork(2).
 */
#ifndef UMDEV_PRELOAD_FILE_H
#define UMDEV_PRELOAD_FILE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct file;

/**
 * struct file_ops - what can be done with an open file; the kernel's struct file_operations
 * @name:    what /proc shows of the kernel's, as "vfio-device"; for messages
 * @ioctl:   @arg points into the program, which may have given anything: use usercopy.h. Return: 0
 *           or more for the program, or -errno; -ENOTTY for an unknown @cmd
 * @read:    @offset is the caller's (pread) or the file's own (read). @buf as above. Missing: the
 *           file is not readable (-EINVAL)
 * @write:   the same for writing
 * @mmap:    as mmap(2); @out is where the program sees it. Missing: -ENODEV
 * @release: the last descriptor of this process is closed and no call runs. Free what is the
 *           file's. After a fork both processes call it, each for its own copy
 * @stays:   read() and write() leave the position where it is
 *
 * All of them may be called by many threads at once. No lock of the table's is held.
 */
struct file_ops {
	const char *name;
	long (*ioctl)(struct file *file, unsigned long cmd, void *arg);
	ssize_t (*read)(struct file *file, void *buf, size_t count, uint64_t offset);
	ssize_t (*write)(struct file *file, const void *buf, size_t count, uint64_t offset);
	int (*mmap)(struct file *file, void *addr, size_t length, int prot, int flags,
		    uint64_t offset, void **out);
	void (*release)(struct file *file);
	bool stays;
};

/**
 * struct file - an open file
 * @ops:   what it can do; constant
 * @priv:  the owner's, constant from the moment when a descriptor leads to it
 * @flags: what fcntl(F_GETFL) says (O_RDWR ...)
 * @pos:   where read() and write() go on
 * @refs:  file_pool.h's
 *
 * The memory of a struct file is never given back to the system, so that a reader who comes late
 * finds a file that has no references instead of freed memory.
 */
struct file {
	const struct file_ops *ops;
	void *priv;
	_Atomic(int) flags;
	_Atomic(uint64_t) pos;
	_Atomic(uint64_t) refs;
};

/**
 * file_create - a file that no descriptor leads to yet, with one reference, the caller's
 * Return: 0, -ENOMEM.
 */
int file_create(const struct file_ops *ops, void *priv, int flags, struct file **out);

/** file_get - one more reference for who has one. */
void file_get(struct file *file);

/** file_put - give one back; the last one calls ops->release(). */
void file_put(struct file *file);

/**
 * file_install - let a descriptor lead to @file
 * @fd: an O_PATH descriptor, which becomes the table's
 *
 * Takes a reference of its own. Return: @fd, or -errno (-ENOMEM), and @fd is left alone.
 */
int file_install(struct file *file, int fd);

/**
 * file_from_fd - the file behind a descriptor of the program's, with a reference for the caller
 *
 * Lock-free. Return: NULL if the descriptor is not one of these, which takes two loads while the
 * number never was one.
 */
struct file *file_from_fd(int fd);

/**
 * placeholder_create - a descriptor to install that no name in the file system stands for
 *
 * Close-on-exec as the kernel makes those of devices; O_PATH, without a type (S_IFMT) in fstat(),
 * like the kernel's anonymous inodes. Return: it, or -errno.
 */
int placeholder_create(void);

/**
 * hidden_fd - make a descriptor the library's own
 * @fd: any; is closed, whatever happens
 * Return: the same file under a high number, or -errno. Closed with hidden_close(). close(),
 * fcntl() and dup() of it are EBADF, and dup2() to it, too, as if the number were out of the range;
 * close_range() leaves it alone. Reading, sending, mapping and so on are as with any other.
 */
int hidden_fd(int fd);
/**
 * hidden_lose - what is at @fd is somebody else's, although it has the inode of what was hidden
 * there (all that is anonymous has the same one). hidden_close() leaves it alone then.
 */
void hidden_lose(int fd);
/** hidden_close - close one. -1: nothing. */
void hidden_close(int fd);

#endif
