/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * /dev of a view. The host's own must not be seen there: a udevd in the view would make links in it
 * and change the owners of its nodes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "umdev/view.h"

/* Where the host's /dev is, for what can be used nowhere else. */
#define HOST_DEV ".host"

/* What is shared with the host: what is in there belongs to processes on both sides. */
static bool is_shared(const struct mount_entry *entry)
{
	static const char *const names[] = { "pts", "shm", "mqueue", "hugepages" };
	size_t i;

	if (entry->is_mounted)
		return true;
	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(entry->name, names[i]) == 0)
			return S_ISDIR(entry->st.st_mode);
	return false;
}

/*
 * The kernel finds the terminals of a /dev/ptmx in "pts" beside it, and does not see that if
 * the node is mounted alone.
 */
static int link_ptmx(const struct mount_entry *entry)
{
	const int *host = entry->data;
	int err = -*host;

	if (*host >= 0) {
		err = mkdirat(entry->to, HOST_DEV, 0700) ? errno : 0;
		if (!err)
			err = -mount_place(*host, entry->to, HOST_DEV);
		if (!err)
			err = symlinkat(HOST_DEV "/ptmx", entry->to, "ptmx") ? errno : 0;
	}
	return err ? cli_fail("can't make /dev/ptmx in the view: %s", strerror(err)) : 0;
}

static int copy_node(const struct mount_entry *entry)
{
	if (mknodat(entry->to, entry->name, entry->st.st_mode, entry->st.st_rdev) == 0) {
		if (fchownat(entry->to, entry->name, entry->st.st_uid, entry->st.st_gid,
			     AT_SYMLINK_NOFOLLOW))
			return cli_fail("can't make the node \"%s\" in the view: %s", entry->name,
					strerror(errno));
		return 0;
	}
	if (errno != EPERM)
		return cli_fail("can't make the node \"%s\" in the view: %s", entry->name,
				strerror(errno));
	/* Who may not make nodes gets those of the host that may be used. */
	if (faccessat(entry->from, entry->name, R_OK, AT_EACCESS) &&
	    faccessat(entry->from, entry->name, W_OK, AT_EACCESS))
		return 0;
	if (strcmp(entry->name, "ptmx") == 0)
		return link_ptmx(entry);
	return mount_pass(entry->from, entry->to, entry->name, false);
}

static int copy_entry(const struct mount_entry *entry);

static int copy_directory(const struct mount_entry *entry)
{
	int from, to, status;

	if (mkdirat(entry->to, entry->name, entry->st.st_mode & 07777))
		return cli_fail("can't make the directory \"%s\" in the view: %s", entry->name,
				strerror(errno));
	from = openat(entry->from, entry->name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (from < 0)
		return errno == ENOENT || errno == EACCES
			       ? 0
			       : cli_fail("\"%s\" in /dev: %s", entry->name, strerror(errno));
	to = openat(entry->to, entry->name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	status = to < 0 ? cli_fail("\"%s\" in /dev: %s", entry->name, strerror(errno))
			: mount_each(from, to, entry->data, copy_entry);
	if (to >= 0)
		close(to);
	close(from);
	return status;
}

static int copy_entry(const struct mount_entry *entry)
{
	mode_t type = entry->st.st_mode & S_IFMT;

	if (type == S_IFLNK)
		return mount_copy_link(entry);
	if (is_shared(entry))
		return mount_pass(entry->from, entry->to, entry->name, type == S_IFDIR);
	switch (type) {
	case S_IFDIR:
		return copy_directory(entry);
	case S_IFCHR:
	case S_IFBLK:
		return copy_node(entry);
	}
	return mount_pass(entry->from, entry->to, entry->name, false);
}

static int copy_top_entry(const struct mount_entry *entry)
{
	/* The host's groups are not those of our devices. */
	return strcmp(entry->name, "vfio") == 0 ? 0 : copy_entry(entry);
}

static int make_links(int dev)
{
	static const char *const links[][2] = {
		{ "/proc/self/fd", "fd" },
		{ "/proc/self/fd/0", "stdin" },
		{ "/proc/self/fd/1", "stdout" },
		{ "/proc/self/fd/2", "stderr" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(links); i++)
		if (symlinkat(links[i][0], dev, links[i][1]) && errno != EEXIST)
			return cli_fail("can't make /dev/%s in the view: %s", links[i][1],
					strerror(errno));
	return 0;
}

int view_dev_make(int vfio_fd)
{
	mode_t mask = umask(0);
	int host, old, new, status = EXIT_FAILURE;

	/* Before it is covered, or the cover would be copied, too. */
	host = mount_clone(AT_FDCWD, "/dev");
	old = mount_cover("/dev");
	if (old < 0)
		return EXIT_FAILURE;
	new = open("/dev", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (new < 0 || mkdirat(new, "vfio", 0755))
		cli_fail("can't make /dev/vfio in the view: %s", strerror(errno));
	else
		status = mount_each(old, new, &host, copy_top_entry) || make_links(new) ||
			 mount_fuse(vfio_fd, "/dev/vfio");
	if (new >= 0)
		close(new);
	if (host >= 0)
		close(host);
	close(old);
	umask(mask);
	return status;
}
