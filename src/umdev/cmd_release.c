/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices that somebody may use: remove, unbind. */
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "umdev/release.h"

static void disconnect(const struct release *r)
{
	release_disconnect(r->path, r->name);
}

/*
 * Write, and wait for the end also if the write was interrupted: by a signal that did not end this
 * program, so it was stopped and goes on.
 */
static int write_and_wait(const char *path, const char *text, const char *device)
{
	int err = tree_write(path, text);
	char *user;

	if (err != -EINTR)
		return err;
	while ((user = tree_vfio_attr(device, "user"))) {
		free(user);
		usleep(100000);
	}
	return 0;
}

/* ---- remove ---- */

static bool is_mediated(const char *device)
{
	char *path, *bus;
	bool is;

	if (asprintf(&path, "%s/subsystem", device) < 0)
		return false;
	bus = tree_link_name(path);
	is = bus && strcmp(bus, "mdev") == 0;
	free(bus);
	free(path);
	return is;
}

/* Somebody else's removal is on its way, which --force helps to its end. */
static int join_removal(const struct release *r)
{
	struct stat begin, now;

	if (r->cli->force < 0)
		return -ENODEV;
	if (stat(r->path, &begin))
		return 0;
	/* Another device of this name is another removal's. */
	while (!stat(r->path, &now) && now.st_ino == begin.st_ino)
		usleep(100000);
	return 0;
}

static int remove_run(struct release *r)
{
	char *path;
	int err;

	if (asprintf(&path, "%s/remove", r->path) < 0)
		return -ENOMEM;
	if (tree_exists(path))
		err = write_and_wait(path, "1", r->path);
	else
		err = is_mediated(r->path) || !tree_exists(r->path) ? -ENODEV : -ENOTTY;
	free(path);
	return err == -ENOENT || err == -ENODEV ? join_removal(r) : err;
}

static int say_remove_failed(const char *name, int err)
{
	switch (-err) {
	case ENOTTY:
		return cli_fail("%s is no mediated device: it can't be removed", name);
	case ENOENT:
	case ENODEV:
		return cli_fail("%s is being removed already", name);
	case EACCES:
	case EPERM:
		return cli_fail("not allowed to remove %s (run this as root)", name);
	}
	return cli_fail("%s can't be removed: %s", name, strerror(-err));
}

int cmd_remove(const struct cli *cli, int argc, char **argv)
{
	int i, n = 0, status = EXIT_SUCCESS;
	struct release *releases;

	if (tree_check(cli))
		return EXIT_FAILURE;
	releases = calloc((size_t)argc, sizeof(*releases));
	if (!releases)
		return cli_fail("out of memory");
	for (i = 0; i < argc; i++) {
		releases[n] = (struct release) { .cli = cli,
						 .name = argv[i],
						 .path = tree_find_device(cli, argv[i]),
						 .what = "removal",
						 .run = remove_run,
						 .disconnect = disconnect };
		if (!releases[n].path) {
			status = EXIT_FAILURE;
			continue;
		}
		release_say_waiting(cli, releases[n].path, argv[i]);
		n++;
	}
	release_all(releases, (size_t)n);
	for (i = 0; i < n; i++) {
		if (releases[i].err)
			status = say_remove_failed(releases[i].name, releases[i].err);
		free(releases[i].path);
	}
	free(releases);
	return status;
}

/* ---- unbind ---- */

static int unbind_run(struct release *r)
{
	char *path, *copy = strdup(r->path);
	int err;

	if (!copy)
		return -ENOMEM;
	if (asprintf(&path, "%s/driver/unbind", r->path) < 0) {
		free(copy);
		return -ENOMEM;
	}
	err = write_and_wait(path, basename(copy), r->path);
	free(path);
	free(copy);
	return err;
}

int cmd_unbind(const struct cli *cli, int argc, char **argv)
{
	struct release r = { .cli = cli,
			     .name = argv[0],
			     .what = "unbinding",
			     .run = unbind_run,
			     .disconnect = disconnect };

	if (tree_check(cli))
		return EXIT_FAILURE;
	r.path = tree_find_device(cli, argv[0]);
	if (!r.path)
		return EXIT_FAILURE;
	release_say_waiting(cli, r.path, argv[0]);
	release_all(&r, 1);
	if (r.err == -ENOENT || r.err == -ENODEV)
		cli_fail("%s is not bound to a driver", argv[0]);
	else if (r.err)
		say_binding_failed("unbind", argv[0], r.err);
	free(r.path);
	return r.err ? EXIT_FAILURE : EXIT_SUCCESS;
}
