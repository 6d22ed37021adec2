/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <linux/vfio.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "preload/backing.h"
#include "preload/container_private.h"
#include "preload/file.h"
#include "preload/next.h"

/* Of a file nothing but its identity is wanted: opening it must not wait or do anything else. */
#define OPEN_FLAGS (O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
#define LINK_SIZE  64

static bool is_file(int fd, const struct backing_vmas *vmas)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_dev == vmas->dev &&
	       st.st_ino == vmas->ino;
}

/* A server can do with a descriptor what its mode allows, whatever the mapping says. */
static int access_mode(uint32_t prot)
{
	return prot & VFIO_DMA_MAP_FLAG_WRITE ? O_RDWR : O_RDONLY;
}

/* Return: @fd if it is of the file, else it is closed and -1. */
static int checked(int fd, const struct backing_vmas *vmas)
{
	if (fd >= 0 && !is_file(fd, vmas)) {
		NEXT(close)(fd);
		return -1;
	}
	return fd;
}

/*
 * A descriptor like @fd, which may be closed or another file's by now. It is opened anew: a
 * duplicate would keep alive what the program holds by its description (a lock of flock()), and
 * can have more rights than are wanted. Only where the file can't be opened any more a duplicate
 * with just these rights will do.
 */
static int open_again(int fd, const char *link, int mode, const struct backing_vmas *vmas)
{
	int again = checked(NEXT(open)(link, mode | OPEN_FLAGS), vmas), flags;

	if (again >= 0)
		return again;
	again = checked(NEXT(fcntl)(fd, F_DUPFD_CLOEXEC, 0), vmas);
	if (again < 0)
		return -1;
	flags = NEXT(fcntl)(again, F_GETFL);
	if (flags < 0 || flags & O_PATH || (flags & O_ACCMODE) != mode) {
		NEXT(close)(again);
		return -1;
	}
	return again;
}

/*
 * Inode numbers alone don't tell: those of System V's memory are its own, and can be the same as a
 * memfd's.
 */
static bool is_named(const char *link, const char *name)
{
	char buf[BACKING_NAME_MAX];
	ssize_t n = readlink(link, buf, sizeof(buf));

	return n > 0 && (size_t)n < sizeof(buf) && (size_t)n == strlen(name) &&
	       !memcmp(buf, name, (size_t)n);
}

/* Among the program's own descriptors, and the library's. */
static int find_descriptor(const struct backing_vmas *vmas, int mode)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	char link[LINK_SIZE];
	int found = -1, fd;

	if (!dir)
		return -1;
	while (found < 0 && (entry = readdir(dir))) {
		fd = atoi(entry->d_name);
		if (entry->d_name[0] == '.' || !is_file(fd, vmas))
			continue;
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		if (is_named(link, vmas->name))
			found = open_again(fd, link, mode, vmas);
	}
	closedir(dir);
	return found;
}

/* By the mapping itself, which takes CAP_CHECKPOINT_RESTORE. */
static int open_mapping(const struct backing_vmas *vmas, int mode)
{
	char link[LINK_SIZE];

	if (vmas->pieces != 1)
		return -1;
	snprintf(link, sizeof(link), "/proc/self/map_files/%llx-%llx",
		 (unsigned long long)vmas->first, (unsigned long long)vmas->last);
	return checked(NEXT(open)(link, mode | OPEN_FLAGS), vmas);
}

static struct backing_file *find_kept(struct backing *backing, const struct backing_vmas *vmas,
				      uint32_t prot)
{
	struct backing_file *file;

	for (file = backing->files; file; file = file->next) {
		if (file->ino == vmas->ino && file->dev == vmas->dev &&
		    access_mode(file->prot) == access_mode(prot) && !strcmp(file->name, vmas->name))
			return file;
	}
	return NULL;
}

static struct backing_file *keep(struct backing *backing, const struct backing_vmas *vmas,
				 uint32_t prot)
{
	size_t name_size = strlen(vmas->name) + 1;
	struct backing_file *file;
	int fd = find_descriptor(vmas, access_mode(prot));

	if (fd < 0)
		fd = open_mapping(vmas, access_mode(prot));
	if (fd < 0)
		return NULL;
	fd = hidden_fd(fd);
	if (fd < 0)
		return NULL;
	file = malloc(sizeof(*file) + name_size);
	if (!file) {
		hidden_close(fd);
		return NULL;
	}
	file->dev = vmas->dev;
	file->ino = vmas->ino;
	file->prot = prot;
	file->fd = fd;
	file->users = 0;
	memcpy(file->name, vmas->name, name_size);
	fork_guard();
	file->next = backing->files;
	backing->files = file;
	fork_unguard();
	return file;
}

void backing_get(struct backing *backing, uint64_t vaddr, uint64_t size, uint32_t prot,
		 struct backing_part *part)
{
	struct backing_vmas *vmas = malloc(sizeof(*vmas));
	struct backing_file *file;
	int saved = errno;

	part->file = NULL;
	part->offset = 0;
	if (vmas && !backing_vmas_find(vaddr, size, prot, vmas)) {
		file = find_kept(backing, vmas, prot);
		if (!file)
			file = keep(backing, vmas, prot);
		if (file) {
			file->users++;
			part->file = file;
			part->offset = vmas->offset;
		}
	}
	free(vmas);
	errno = saved;
}

void backing_put(struct backing *backing, struct backing_part *part)
{
	struct backing_file *file = part->file, **at;

	part->file = NULL;
	if (!file || --file->users)
		return;
	fork_guard();
	for (at = &backing->files; *at != file;)
		at = &(*at)->next;
	*at = file->next;
	fork_unguard();
	hidden_close(file->fd);
	free(file);
}
