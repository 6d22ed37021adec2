/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stress/reach.h"
#include "support/tree.h"

static const char *mountpoint; /* written before the threads begin */

void reach_mount(const char *dir)
{
	mountpoint = dir;
}

static int open_file(const char *path, int flags)
{
	char full[PATH_MAX];
	int fd;

	snprintf(full, sizeof(full), "%s%s", mountpoint, path);
	fd = open(full, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

ssize_t reach_write(const char *path, const char *text)
{
	ssize_t ret;
	int fd;

	if (!mountpoint)
		return tree_write(path, text);
	fd = open_file(path, O_WRONLY);
	if (fd < 0)
		return fd;
	ret = write(fd, text, strlen(text));
	if (ret < 0)
		ret = -errno;
	close(fd);
	return ret;
}

ssize_t reach_read(const char *path, char *buf)
{
	ssize_t ret;
	int fd;

	if (!mountpoint)
		return tree_read(path, buf);
	fd = open_file(path, O_RDONLY);
	if (fd < 0)
		return fd;
	ret = read(fd, buf, SYSFS_PAGE_SIZE - 1);
	if (ret < 0)
		ret = -errno;
	else
		buf[ret] = '\0';
	close(fd);
	return ret;
}

char *reach_list(const char *path)
{
	struct dirent *entry;
	char *text = NULL;
	size_t size;
	DIR *dir;
	FILE *f;
	int fd;

	if (!mountpoint)
		return tree_list(path);
	fd = open_file(path, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return NULL;
	dir = fdopendir(fd);
	f = open_memstream(&text, &size);
	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			fprintf(f, "%s\n", entry->d_name);
	fclose(f);
	closedir(dir);
	return text;
}
