/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Overlays over the platform bus's device tree. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "umdev/release.h"

/* What the bus says of the last change with this name, to free(), or NULL. */
static char *find_reason(const struct cli *cli, const char *name)
{
	char *path = tree_path(cli, "bus/platform/overlay_error"), *text = tree_read(path);
	char *line, *rest = NULL, *reason = NULL;
	size_t len = strlen(name);

	free(path);
	for (line = text ? strtok_r(text, "\n", &rest) : NULL; line && !reason;
	     line = strtok_r(NULL, "\n", &rest))
		if (strncmp(line, name, len) == 0 && strncmp(line + len, ": ", 2) == 0)
			reason = strdup(line + len + 2);
	free(text);
	return reason;
}

static int say_failed(const struct cli *cli, const char *what, const char *name, int err)
{
	char *reason;
	int status;

	switch (-err) {
	case EACCES:
	case EPERM:
		return cli_fail("not allowed to %s the overlay %s (run this as root)", what, name);
	case ENODEV:
		return cli_fail("the platform bus is going away");
	}
	reason = find_reason(cli, name);
	status = cli_fail("can't %s the overlay %s: %s", what, name,
			  reason ? reason : strerror(-err));
	free(reason);
	return status;
}

static int check_bus(const struct cli *cli)
{
	char *path;
	bool there;

	if (tree_check(cli))
		return EXIT_FAILURE;
	path = tree_path(cli, "bus/platform/overlays");
	there = tree_exists(path);
	free(path);
	return there ? 0 : cli_fail("there is no platform bus (first: umdev modprobe platform)");
}

static int list(const struct cli *cli)
{
	static const struct column columns[] = { { "name", "OVERLAY" }, { NULL, NULL } };
	char *path = tree_path(cli, "bus/platform/overlays"), *text = tree_read(path);
	struct json_object *names = json_object_new_array(), *obj;
	char *name, *rest = NULL;
	int status;

	for (name = text ? strtok_r(text, "\n", &rest) : NULL; name;
	     name = strtok_r(NULL, "\n", &rest)) {
		obj = json_object_new_object();
		json_add_text(obj, "name", name);
		json_object_array_add(names, obj);
	}
	status = cli_print_list(cli, names, columns);
	json_object_put(names);
	free(text);
	free(path);
	return status;
}

static int add(const struct cli *cli, const char *name, const char *file)
{
	char *attr, *text, *real = realpath(file, NULL);
	int err;

	if (!real)
		return cli_fail("%s: %s", file, strerror(errno));
	if (strpbrk(real, "\n") || asprintf(&text, "%s %s", name, real) < 0) {
		free(real);
		return cli_fail("%s: the path of an overlay has no line breaks", file);
	}
	attr = tree_path(cli, "bus/platform/add_overlay");
	err = tree_write(attr, text);
	free(attr);
	free(text);
	free(real);
	if (err == -EINVAL && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					   "0123456789_-.+") != strlen(name))
		return cli_fail("\"%s\" is no name for an overlay: letters, digits and _-.+", name);
	return err ? say_failed(cli, "add", name, err) : EXIT_SUCCESS;
}

/* ---- remove ---- */

static bool is_there(const struct cli *cli, const char *name)
{
	char *path = tree_path(cli, "bus/platform/overlays"), *text = tree_read(path);
	char *line, *rest = NULL;
	bool there = false;

	for (line = text ? strtok_r(text, "\n", &rest) : NULL; line && !there;
	     line = strtok_r(NULL, "\n", &rest))
		there = strcmp(line, name) == 0;
	free(text);
	free(path);
	return there;
}

static int remove_run(struct release *r)
{
	char *attr = tree_path(r->cli, "bus/platform/remove_overlay");
	int err = tree_write(attr, r->name);

	free(attr);
	/* By a signal that did not end this program: it goes on. */
	while (err == -EINTR && is_there(r->cli, r->name))
		usleep(100000);
	return err == -EINTR ? 0 : err;
}

/* In the order in which they are given: one may need what is in another. */
static int remove_all(const struct cli *cli, int argc, char **argv)
{
	int i, status = EXIT_SUCCESS;

	for (i = 0; i < argc; i++) {
		struct release release = {
			.cli = cli, .name = argv[i], .what = "removal", .run = remove_run
		};

		release_all(&release, 1);
		if (release.err)
			status = say_failed(cli, "remove", argv[i], release.err);
	}
	return status;
}

int cmd_overlay(const struct cli *cli, int argc, char **argv)
{
	bool adds = argc && strcmp(argv[0], "add") == 0;
	bool removes = argc && strcmp(argv[0], "remove") == 0;

	if ((argc && !adds && !removes) || (adds && argc != 3) || (removes && argc < 2)) {
		cli_fail(
			"overlay: \"add NAME FILE\" or \"remove NAME...\" is expected, or nothing");
		return EXIT_USAGE;
	}
	if (check_bus(cli))
		return EXIT_FAILURE;
	if (adds)
		return add(cli, argv[1], argv[2]);
	return removes ? remove_all(cli, argc - 1, argv + 1) : list(cli);
}
