/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <umdev/util.h>

#include "umdev/coldplug.h"

/* Deeper than any device can be: a PATH_MAX of names that have one letter. */
#define DEPTH_MAX (PATH_MAX / 2)

/**
 * struct plug - a tree that is being walked
 * @asked: events since the last time that all were handled
 */
struct plug {
	const struct coldplug *config;
	unsigned int asked;
};

/* What is not there any more, or was never to be told of, is no error. */
static int ask(struct plug *plug, int dir)
{
	int fd = openat(dir, "uevent", O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n;
	int err;

	if (fd < 0)
		return errno == ENOENT || errno == ENODEV ? 0 : -errno;
	n = write(fd, "add", 3);
	err = n < 0 ? -errno : 0;
	close(fd);
	if (err)
		return err == -ENODEV || err == -ENOENT ? 0 : err;
	if (++plug->asked < plug->config->batch)
		return 0;
	plug->asked = 0;
	return plug->config->settle(plug->config->data);
}

/* Return: a descriptor; -ENOENT: it is no directory of its own, or is not there any more. */
static int open_dir(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	return errno == ENOTDIR || errno == ELOOP || errno == ENODEV ? -ENOENT : -errno;
}

static bool is_named(const struct dirent *de)
{
	return strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0;
}

typedef int (*visit_t)(struct plug *plug, int fd, int depth);

/* @visit each directory in @fd, which is closed. */
static int for_each_dir(struct plug *plug, int fd, int depth, visit_t visit)
{
	DIR *dir = fdopendir(fd);
	struct dirent *de;
	int child, err = 0;

	if (!dir) {
		err = -errno;
		close(fd);
		return err;
	}
	while (!err && (de = readdir(dir))) {
		if (!is_named(de) || (de->d_type != DT_DIR && de->d_type != DT_UNKNOWN))
			continue;
		child = open_dir(dirfd(dir), de->d_name);
		if (child < 0)
			err = child == -ENOENT ? 0 : child;
		else
			err = visit(plug, child, depth);
	}
	closedir(dir);
	return err;
}

static int visit_plain(struct plug *plug, int fd, int depth)
{
	int err = ask(plug, fd);

	close(fd);
	return err;
}

/* A bus, and then its drivers. */
static int visit_bus(struct plug *plug, int fd, int depth)
{
	int err = ask(plug, fd), drivers = -ENOENT;

	if (!err)
		drivers = open_dir(fd, "drivers");
	close(fd);
	if (drivers >= 0)
		return for_each_dir(plug, drivers, depth, visit_plain);
	return err ? err : drivers == -ENOENT ? 0 : drivers;
}

/* A directory below devices/: a device if it says of which subsystem. */
static int visit_device(struct plug *plug, int fd, int depth)
{
	char target[2];
	int err = 0;

	if (readlinkat(fd, "subsystem", target, sizeof(target)) >= 0)
		err = ask(plug, fd);
	if (err || depth == DEPTH_MAX) {
		close(fd);
		return err;
	}
	return for_each_dir(plug, fd, depth + 1, visit_device);
}

int coldplug(const struct coldplug *config)
{
	static const struct {
		const char *dir;
		visit_t visit;
	} ways[] = {
		{ "module", visit_plain },
		{ "bus", visit_bus },
		{ "devices", visit_device },
	};
	struct plug plug = { .config = config };
	int top, fd, err = 0;
	size_t i;

	top = open(config->sys, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (top < 0)
		return -errno;
	for (i = 0; i < ARRAY_SIZE(ways) && !err; i++) {
		fd = open_dir(top, ways[i].dir);
		if (fd >= 0)
			err = for_each_dir(&plug, fd, 0, ways[i].visit);
		else
			err = fd == -ENOENT ? 0 : fd;
	}
	close(top);
	return err ? err : config->settle(config->data);
}
