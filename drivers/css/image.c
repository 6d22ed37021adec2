// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Opening images: what may be one, its size, and the lock against other users.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <umdev/util.h>
#include <unistd.h>

#include "image_io.h"

/* ---- errors ---- */

/* Say @fmt of the file; of a long path its end. Return: @err. */
static int __umdev_printf(4, 5)
	refuse(struct image_error *error, const char *path, int err, const char *fmt, ...)
{
	const size_t shown = 120;
	size_t len = strlen(path);
	va_list args;
	char *c;
	int n;

	n = snprintf(error->text, sizeof(error->text), "image \"%s%s\": ", len > shown ? "..." : "",
		     len > shown ? path + len - shown : path);
	va_start(args, fmt);
	vsnprintf(error->text + n, sizeof(error->text) - (size_t)n, fmt, args);
	va_end(args);
	for (c = error->text; *c; c++)
		if (iscntrl((unsigned char)*c))
			*c = '?';
	return err;
}

/* ---- who else has it ---- */

/* Does the open file, of which @info is what /proc tells, hold a lock on @file? */
static bool holds_lock(const char *info, const struct stat *file)
{
	unsigned int maj, min;
	bool found = false;
	char line[256];
	uint64_t ino;
	FILE *f = fopen(info, "re");

	/* "lock: N: OFDLCK ADVISORY WRITE -1 MAJ:MIN:INODE 0 EOF" */
	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "lock: %*s %*s %*s %*s %*s %x:%x:%" SCNu64, &maj, &min,
			       &ino) == 3 &&
			makedev(maj, min) == file->st_dev && ino == file->st_ino;
	if (f)
		fclose(f);
	return found;
}

/* Has the process a lock by one of its descriptors? Not by @except. Nothing but /proc is looked at:
 * what somebody else has open may be on storage that hangs. */
static bool process_holds(const char *pid, const struct stat *file, int except)
{
	char path[64 + 2 * NAME_MAX];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%s/fdinfo", pid);
	dir = opendir(path);
	while (dir && !found && (entry = readdir(dir))) {
		if (!isdigit((unsigned char)entry->d_name[0]) || atoi(entry->d_name) == except)
			continue;
		snprintf(path, sizeof(path), "/proc/%s/fdinfo/%s", pid, entry->d_name);
		found = holds_lock(path, file);
	}
	if (dir)
		closedir(dir);
	return found;
}

static void name_process(const char *pid, char *who, size_t size)
{
	char path[64 + NAME_MAX], name[32] = "?";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	f = fopen(path, "re");
	if (f) {
		if (fgets(name, sizeof(name), f))
			name[strcspn(name, "\n")] = 0;
		fclose(f);
	}
	snprintf(who, size, "%s (process %d)", name, atoi(pid));
}

/* The kernel names the holder of such a lock to nobody; among the processes whose descriptors we
 * may see, it can be found. */
static void find_holder(int fd, const struct stat *file, char *who, size_t size)
{
	struct dirent *entry;
	char pid[16];
	DIR *dir;

	snprintf(who, size, "another program");
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	if (process_holds(pid, file, fd)) {
		snprintf(who, size, "another device here");
		return;
	}
	dir = opendir("/proc");
	while (dir && (entry = readdir(dir))) {
		if (!isdigit((unsigned char)entry->d_name[0]) || !strcmp(entry->d_name, pid) ||
		    !process_holds(entry->d_name, file, -1))
			continue;
		name_process(entry->d_name, who, size);
		break;
	}
	if (dir)
		closedir(dir);
}

static int lock(struct image *image, const struct stat *file, struct image_error *error)
{
	struct flock fl = { .l_type = image->read_only ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET };
	char who[64];

	if (!fcntl(image->fd, F_OFD_SETLK, &fl))
		return 0;
	if (errno != EAGAIN && errno != EACCES)
		return refuse(error, image->path, -errno, "can't be locked: %s", strerror(errno));
	find_holder(image->fd, file, who, sizeof(who));
	return refuse(error, image->path, -EBUSY, "in use by %s", who);
}

/* ---- opening ---- */

/* Open what is there. It is looked at before it is opened, since opening some kinds of files does
 * something, or waits. Return: 0, -ENOENT without words. */
static int open_existing(struct image *image, struct image_error *error)
{
	int access = image->read_only ? O_RDONLY : O_RDWR;
	char name[32];
	struct stat st;
	int fd, err;

	fd = open(image->path, O_PATH | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0)
		return refuse(error, image->path, -errno, "%s", strerror(errno));
	if (fstat(fd, &st) || !(S_ISREG(st.st_mode) || S_ISBLK(st.st_mode))) {
		close(fd);
		return refuse(error, image->path, -EINVAL, "neither a file nor a block device");
	}
	/* Of a block device this makes us its one user, also by another node of it. */
	if (S_ISBLK(st.st_mode) && !image->read_only)
		access |= O_EXCL;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	image->fd = open(name, access | O_CLOEXEC);
	err = image->fd < 0 ? -errno : 0;
	close(fd);
	return err ? refuse(error, image->path, err, "%s", strerror(-err)) : 0;
}

static int create(struct image *image, struct image_error *error)
{
	image->fd = open(image->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (image->fd >= 0)
		return 0;
	if (errno == EEXIST)
		return refuse(error, image->path, -ENOENT, "a symbolic link to nothing");
	return refuse(error, image->path, -errno, "can't be created: %s", strerror(errno));
}

/* A file that is longer than the process may make one is a signal. */
static bool too_large(uint64_t size)
{
	struct rlimit limit;

	return size > INT64_MAX || (!getrlimit(RLIMIT_FSIZE, &limit) && size > limit.rlim_cur);
}

static int make_size(struct image *image, uint64_t size, struct image_error *error)
{
	if (image->read_only)
		return refuse(error, image->path, -EINVAL, "empty, and to be read only");
	if (too_large(size))
		return refuse(error, image->path, -EFBIG, "%" PRIu64 " bytes: %s", size,
			      strerror(EFBIG));
	if (ftruncate(image->fd, (off_t)size))
		return refuse(error, image->path, -errno, "can't have %" PRIu64 " bytes: %s", size,
			      strerror(errno));
	image->is_new = true;
	image->size = size;
	return 0;
}

static int check_size(struct image *image, uint64_t size, const struct stat *st,
		      struct image_error *error)
{
	image->size = (uint64_t)st->st_size;
	if (S_ISBLK(st->st_mode) && ioctl(image->fd, BLKGETSIZE64, &image->size))
		return refuse(error, image->path, -errno, "its size: %s", strerror(errno));
	if (!image->size && S_ISREG(st->st_mode) && size)
		return make_size(image, size, error);
	if (!image->size)
		return refuse(error, image->path, -EINVAL, "empty, and no size was given");
	if (size && size != image->size)
		return refuse(error, image->path, -EINVAL, "has %" PRIu64 " bytes, not %" PRIu64,
			      image->size, size);
	return 0;
}

/* Have the entry of a new file in its directory on stable storage, and its size. */
static int sync_new(struct image *image)
{
	char *slash, *path = strdup(image->path);
	int fd, err = 0;

	if (!path)
		return -ENOMEM;
	slash = strrchr(path, '/');
	if (slash)
		slash[slash == path] = 0;
	fd = open(slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* A directory that may be written to but not read can't be. */
	if (fsync(image->fd) || (fd >= 0 && fsync(fd) && errno != EINVAL))
		err = -errno;
	if (fd >= 0)
		close(fd);
	free(path);
	return err;
}

static int open_locked(struct image *image, uint64_t size, struct image_error *error)
{
	bool created;
	struct stat st;
	int err;

	err = open_existing(image, error);
	if (err == -ENOENT && (!size || image->read_only))
		return refuse(error, image->path, err, "%s", strerror(ENOENT));
	created = err == -ENOENT;
	if (created)
		err = create(image, error);
	if (!err && fstat(image->fd, &st))
		err = refuse(error, image->path, -errno, "%s", strerror(errno));
	if (!err)
		err = lock(image, &st, error);
	if (err)
		return err;
	/* Only now nobody else makes it larger, or has it. */
	if (fstat(image->fd, &st))
		return refuse(error, image->path, -errno, "%s", strerror(errno));
	err = check_size(image, size, &st, error);
	if (!err && image->is_new && !image->unsafe) {
		err = sync_new(image);
		if (err)
			refuse(error, image->path, err, "%s", strerror(-err));
	}
	if (err && created)
		unlink(image->path);
	return err;
}

int image_open(struct image **out, const struct image_params *params, struct image_error *error)
{
	struct image *image = calloc(1, sizeof(*image));
	void *buffer;
	int err;

	if (!image)
		return refuse(error, params->path, -ENOMEM, "%s", strerror(ENOMEM));
	image->fd = -1;
	image->read_only = params->read_only;
	image->unsafe = params->unsafe;
	image->stop_fd = params->stop_fd;
	image->buffer_size = params->buffer_size;
	image->path = strdup(params->path);
	buffer = mmap(NULL, params->buffer_size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	image->buffer = buffer == MAP_FAILED ? NULL : buffer;
	if (image->path && image->buffer)
		err = open_locked(image, params->size, error);
	else
		err = refuse(error, params->path, -ENOMEM, "%s", strerror(ENOMEM));
	if (err) {
		image_close(image);
		return err;
	}
	image_io_init(image);
	*out = image;
	return 0;
}

void image_close(struct image *image)
{
	if (!image)
		return;
	image_io_finish(image);
	if (image->fd >= 0)
		close(image->fd);
	if (image->buffer)
		munmap(image->buffer, image->buffer_size);
	free(image->path);
	free(image);
}

const char *image_path(const struct image *image)
{
	return image->path;
}

uint64_t image_size(const struct image *image)
{
	return image->size;
}

bool image_is_new(const struct image *image)
{
	return image->is_new;
}

bool image_is_read_only(const struct image *image)
{
	return image->read_only;
}

uint8_t *image_buffer(struct image *image)
{
	return image->buffer;
}
