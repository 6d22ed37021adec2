/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * /run of a view: the host's, but for what a daemon in the view has to have for itself.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "umdev/view.h"

static const char *const private[] = { "udev", "libvirt", "modprobe.d", "*.pid" };

static int pass_entry(const struct mount_entry *entry)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(private); i++)
		if (fnmatch(private[i], entry -> name, 0) == 0)
			return 0;
	if (S_ISLNK(entry->st.st_mode))
		return mount_copy_link(entry);
	return mount_pass(entry->from, entry->to, entry->name, S_ISDIR(entry->st.st_mode));
}

/* ---- copies ---- */

static int copy_file(const struct mount_entry *entry)
{
	int from, to;
	ssize_t len;

	from = openat(entry->from, entry->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (from < 0)
		return 0; /* it is gone, or not for us to see */
	to = openat(entry->to, entry->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (to < 0) {
		close(from);
		return cli_fail("can't copy \"%s\" of /run: %s", entry->name, strerror(errno));
	}
	do {
		len = sendfile(to, from, NULL, 1 << 20);
	} while (len > 0);
	close(to);
	close(from);
	return len < 0 ? cli_fail("can't copy \"%s\" of /run: %s", entry->name, strerror(errno))
		       : 0;
}

static int copy_directory(const struct mount_entry *entry, int (*fn)(const struct mount_entry *))
{
	int from, to, status;

	from = openat(entry->from, entry->name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (from < 0)
		return 0;
	to = mkdirat(entry->to, entry->name, 0755)
		     ? -1
		     : openat(entry->to, entry->name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	status = to < 0 ? cli_fail("can't copy \"%s\" of /run: %s", entry->name, strerror(errno))
			: mount_each(from, to, entry->data, fn);
	if (to >= 0)
		close(to);
	close(from);
	return status;
}

/* ---- what the host's udevd knows of the host's devices ---- */

static int copy_database(const struct mount_entry *entry)
{
	const bool *own_net = entry->data;

	/* Numbers of network interfaces ("n2") are others in a network of its own. */
	if (*own_net && entry->name[0] == 'n' && isdigit((unsigned char)entry->name[1]))
		return 0;
	switch (entry->st.st_mode & S_IFMT) {
	case S_IFDIR:
		return copy_directory(entry, copy_database);
	case S_IFREG:
		return copy_file(entry);
	}
	return 0;
}

static int copy_udev_entry(const struct mount_entry *entry)
{
	if (strcmp(entry->name, "data") && strcmp(entry->name, "tags"))
		return 0;
	return copy_database(entry);
}

static int make_udev(int old, int new, bool own_net)
{
	struct mount_entry udev = { .from = old, .to = new, .name = "udev", .data = &own_net };
	struct stat st;

	if (fstatat(old, "udev", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
		return copy_directory(&udev, copy_udev_entry);
	if (mkdirat(new, "udev", 0755))
		return cli_fail("can't make /run/udev in the view: %s", strerror(errno));
	return 0;
}

/* ---- what the host's modprobe was told ---- */

static int copy_modprobe_entry(const struct mount_entry *entry)
{
	switch (entry->st.st_mode & S_IFMT) {
	case S_IFLNK:
		return mount_copy_link(entry);
	case S_IFREG:
		return copy_file(entry);
	}
	return 0;
}

static int make_modprobe(int old, int new)
{
	struct mount_entry dir = { .from = old, .to = new, .name = "modprobe.d" };
	struct stat st;

	if (fstatat(old, dir.name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) &&
	    copy_directory(&dir, copy_modprobe_entry))
		return EXIT_FAILURE;
	if (mkdirat(new, dir.name, 0755) && errno != EEXIST)
		return cli_fail("can't make /run/modprobe.d in the view: %s", strerror(errno));
	return 0;
}

int view_run_make(bool own_net)
{
	mode_t mask = umask(022);
	int old = mount_cover("/run"), new, status;

	if (old < 0)
		return EXIT_FAILURE;
	new = open("/run", O_PATH | O_DIRECTORY | O_CLOEXEC);
	status = new < 0 ? cli_fail("/run: %s", strerror(errno))
			 : mount_each(old, new, NULL, pass_entry) || make_udev(old, new, own_net) ||
				   make_modprobe(old, new);
	if (new >= 0)
		close(new);
	close(old);
	umask(mask);
	return status;
}
