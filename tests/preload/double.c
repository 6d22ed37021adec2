/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stands in for src/preload/container.c and group.c; see double.h. */
#include <errno.h>
#include <stdlib.h>

#include "double.h"
#include "preload/container.h"
#include "preload/group.h"
#include "preload/next.h"
#include "preload/usercopy.h"

struct double_file {
	int kind;
	int memory;
};

static struct double_file files[64];
static _Atomic(int) used, live, calls;

static struct double_file *of(struct file *file)
{
	return file->priv;
}

static size_t cut(size_t count, uint64_t offset)
{
	if (offset >= DOUBLE_SIZE)
		return 0;
	if (count > DOUBLE_SIZE - offset)
		count = DOUBLE_SIZE - offset;
	return count < DOUBLE_CHUNK ? count : DOUBLE_CHUNK;
}

static ssize_t double_read(struct file *file, void *buf, size_t count, uint64_t offset)
{
	ssize_t ret;

	calls++;
	ret = NEXT(pread)(of(file)->memory, buf, cut(count, offset), (off_t)offset);
	return ret < 0 ? -errno : ret;
}

static ssize_t double_write(struct file *file, const void *buf, size_t count, uint64_t offset)
{
	ssize_t ret;

	calls++;
	ret = NEXT(pwrite)(of(file)->memory, buf, cut(count, offset), (off_t)offset);
	return ret < 0 ? -errno : ret;
}

static int double_mmap(struct file *file, void *addr, size_t length, int prot, int flags,
		       uint64_t offset, void **out)
{
	*out = NEXT(mmap)(addr, length, prot, flags, of(file)->memory, (off_t)offset);
	return *out == MAP_FAILED ? -errno : 0;
}

static long double_ioctl(struct file *file, unsigned long cmd, void *arg)
{
	int value = 42;

	switch (cmd) {
	case DOUBLE_KIND:
		/* What ioctl() returns is no error. */
		return of(file)->kind + 1;
	case DOUBLE_LIVE:
		return live;
	case DOUBLE_CALLS:
		return atomic_exchange(&calls, 0);
	case DOUBLE_TAKE:
		return copy_from_user(&value, arg, sizeof(value)) ? -EFAULT : value;
	case DOUBLE_GIVE:
		errno = EXDEV;
		return copy_to_user(arg, &value, sizeof(value));
	case DOUBLE_ERROR:
		errno = EXDEV;
		return -(long)(uintptr_t)arg;
	case DOUBLE_HIDE:
		return of(file)->memory;
	default:
		return -ENOTTY;
	}
}

static void double_release(struct file *file)
{
	hidden_close(of(file)->memory);
	live--;
	errno = EXDEV;
}

static const struct file_ops ops = {
	.name = "double",
	.ioctl = double_ioctl,
	.read = double_read,
	.write = double_write,
	.mmap = double_mmap,
	.release = double_release,
};

static int double_open(int fd, int kind, int flags)
{
	struct double_file *df = &files[used++ % 64];
	struct file *file;
	int ret;

	df->kind = kind;
	df->memory = hidden_fd(memfd_create("double", MFD_CLOEXEC));
	if (df->memory < 0 || ftruncate(df->memory, DOUBLE_SIZE))
		abort();
	ret = file_create(&ops, df, flags, &file);
	if (ret)
		abort();
	live++;
	ret = file_install(file, fd);
	file_put(file);
	return ret;
}

int container_open(int fd, int flags)
{
	return double_open(fd, -1, flags);
}

int group_open(int fd, unsigned int id, int flags)
{
	return double_open(fd, (int)id, flags);
}
