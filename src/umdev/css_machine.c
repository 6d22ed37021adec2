/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The console of the simulated machine: its files are in /sys/firmware/css (doc/css.md). When a
 * write there returns the bus has seen to it; only users of what was unplugged are waited for by
 * another write, to settle.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "umdev/css_command.h"
#include "umdev/release.h"

int css_check(const struct cli *cli)
{
	char *path;
	bool there;

	if (tree_check(cli))
		return EXIT_FAILURE;
	path = tree_path(cli, "firmware/css");
	there = tree_exists(path);
	free(path);
	return there ? 0 : cli_fail("there is no channel subsystem (first: umdev modprobe css)");
}

/* ---- what was refused ---- */

static bool is_forbidden(int err)
{
	return err == -EACCES || err == -EPERM;
}

/* What the machine says of its last refusal of this command, to free(), or NULL. */
static char *find_reason(const struct cli *cli, const char *file, const char *text)
{
	char *path = tree_path(cli, "firmware/css/errors"), *all = tree_read_all(path);
	char *line, *begin, *rest = NULL, *reason = NULL;

	if (asprintf(&begin, "%s %s: ", file, text) < 0)
		exit(cli_fail("out of memory"));
	for (line = all ? strtok_r(all, "\n", &rest) : NULL; line;
	     line = strtok_r(NULL, "\n", &rest))
		if (strncmp(line, begin, strlen(begin)) == 0) {
			free(reason);
			reason = strdup(line + strlen(begin));
		}
	free(begin);
	free(all);
	free(path);
	return reason;
}

static int say_failed(const struct cli *cli, const char *command, const char *file,
		      const char *text, int err)
{
	char *reason;
	int status;

	if (is_forbidden(err))
		return cli_fail("not allowed to change the machine (run this as root)");
	reason = find_reason(cli, file, text);
	status = cli_fail("css %s: %s", command, reason ? reason : strerror(-err));
	free(reason);
	return status;
}

/* Of an empty text nothing would arrive. Return: 0, -errno. */
static int write_file(const struct cli *cli, const char *file, const char *text)
{
	char *path = tree_path(cli, "firmware/css/%s", file);
	int err = tree_write(path, *text ? text : "\n");

	free(path);
	return err;
}

/* One write for each argument. One that is refused keeps none of the others from being done. */
static int write_each(const struct cli *cli, int argc, char **argv, bool *allowed)
{
	int i, err = 0, status = EXIT_SUCCESS;

	for (i = 1; i < argc && !is_forbidden(err); i++) {
		err = write_file(cli, argv[0], argv[i]);
		if (err)
			status = say_failed(cli, argv[0], argv[0], argv[i], err);
	}
	*allowed = !is_forbidden(err);
	return status;
}

/* ---- devices ---- */

static const struct sub_option no_options[] = { { NULL, 0, NULL } };

int css_plug(const struct cli *cli, int argc, char **argv)
{
	int status = sub_options(&css_commands, no_options, &argc, argv);
	bool allowed;

	if (status >= 0)
		return status;
	if (argc < 2)
		return sub_usage(&css_commands, argv[0]);
	return css_check(cli) ? EXIT_FAILURE : write_each(cli, argc, argv, &allowed);
}

/* The directory of the mediated device on a subchannel, to free(), or NULL. */
static char *find_mdev(const struct cli *cli, const char *subchannel)
{
	char *dir = tree_path(cli, "bus/mdev/devices"), **names, *path, *parent, *found = NULL;
	size_t i;

	tree_names(dir, &names);
	for (i = 0; names[i] && !found; i++) {
		path = tree_path(cli, "bus/mdev/devices/%s", names[i]);
		parent = tree_parent_name(path);
		if (parent && strcmp(parent, subchannel) == 0)
			found = path;
		else
			free(path);
		free(parent);
	}
	tree_free_names(names);
	free(dir);
	return found;
}

static int settle_run(struct release *r)
{
	return write_file(r->cli, "settle", "1");
}

/* Wait for what leaves, and say who uses it. @mdevs: of argv[1] to argv[n], or NULL. */
static int settle(const struct cli *cli, int n, char **argv, char **mdevs)
{
	struct release r = { .cli = cli, .what = "unplugging", .run = settle_run };
	int i;

	r.name = n == 1 ? argv[1] : "the devices";
	for (i = 1; i <= n; i++)
		if (mdevs[i])
			release_say_waiting(cli, mdevs[i], argv[i]);
	release_all(&r, 1);
	return r.err ? cli_fail("css %s: waiting for the bus failed: %s", argv[0], strerror(-r.err))
		     : EXIT_SUCCESS;
}

int css_unplug(const struct cli *cli, int argc, char **argv)
{
	bool no_wait = false, allowed;
	const struct sub_option options[] = { { "no-wait", 0, &no_wait }, { NULL, 0, NULL } };
	int i, status = sub_options(&css_commands, options, &argc, argv);
	char **mdevs, *subchannel;

	if (status >= 0)
		return status;
	if (argc < 2)
		return sub_usage(&css_commands, argv[0]);
	if (css_check(cli))
		return EXIT_FAILURE;
	mdevs = calloc((size_t)argc, sizeof(*mdevs));
	if (!mdevs)
		return cli_fail("out of memory");
	for (i = 1; i < argc; i++) {
		subchannel = css_find(cli, argv[i]);
		mdevs[i] = subchannel ? find_mdev(cli, subchannel) : NULL;
		free(subchannel);
	}
	status = write_each(cli, argc, argv, &allowed);
	if (allowed && !no_wait && settle(cli, argc - 1, argv, mdevs))
		status = EXIT_FAILURE;
	for (i = 1; i < argc; i++)
		free(mdevs[i]);
	free(mdevs);
	return status;
}

int css_attention(const struct cli *cli, int argc, char **argv)
{
	int err, status = sub_options(&css_commands, no_options, &argc, argv);
	char *text;

	if (status >= 0)
		return status;
	if (argc != 2 && argc != 3)
		return sub_usage(&css_commands, argv[0]);
	if (css_check(cli))
		return EXIT_FAILURE;
	if (asprintf(&text, "%s%s%s", argv[1], argc == 3 ? " " : "", argc == 3 ? argv[2] : "") < 0)
		return cli_fail("out of memory");
	err = write_file(cli, argv[0], text);
	status = err ? say_failed(cli, argv[0], argv[0], text, err) : EXIT_SUCCESS;
	free(text);
	return status;
}

/* ---- channel paths ---- */

/* By the machine's console. */
static int change_path(const struct cli *cli, const char *how, const char *chpid)
{
	char *text;
	int err, status;

	if (asprintf(&text, "%s %s", chpid, how) < 0)
		return cli_fail("out of memory");
	err = write_file(cli, "path", text);
	status = err ? say_failed(cli, "chp", "path", text, err) : EXIT_SUCCESS;
	free(text);
	return status;
}

/* By the bus, as the operating system does it. */
static int vary_path(const struct cli *cli, bool on, const char *chpid)
{
	const char *digits = strncmp(chpid, "0.", 2) ? chpid : chpid + 2;
	unsigned long number;
	char *path, *end;
	int err = -EINVAL;

	number = strtoul(digits, &end, 16);
	if (!*digits || *end || strspn(digits, "0123456789abcdefABCDEF") > 2)
		return cli_fail("css chp: \"%s\": expected a channel path, 00 to ff", chpid);
	path = tree_path(cli, "devices/css0/chp0.%02lx/status", number);
	err = tree_write(path, on ? "on" : "off");
	free(path);
	if (err == -ENOENT)
		return cli_fail("css chp: there is no channel path %02lx", number);
	return err ? say_failed(cli, "chp", "status", chpid, err) : EXIT_SUCCESS;
}

int css_chp(const struct cli *cli, int argc, char **argv)
{
	static const char *const hows[] = { "on", "off", "configure", "deconfigure" };
	int i, one, status = sub_options(&css_commands, no_options, &argc, argv);
	bool vary_on, vary_off, known = false;
	size_t h;

	if (status >= 0)
		return status;
	if (argc < 3)
		return sub_usage(&css_commands, argv[0]);
	vary_on = strcmp(argv[1], "vary-on") == 0;
	vary_off = strcmp(argv[1], "vary-off") == 0;
	for (h = 0; h < ARRAY_SIZE(hows); h++)
		known |= strcmp(argv[1], hows[h]) == 0;
	if (!vary_on && !vary_off && !known) {
		cli_fail("css chp: \"%s\": expected on, off, configure, deconfigure, vary-on or "
			 "vary-off",
			 argv[1]);
		return EXIT_USAGE;
	}
	if (css_check(cli))
		return EXIT_FAILURE;
	status = EXIT_SUCCESS;
	for (i = 2; i < argc; i++) {
		one = known ? change_path(cli, argv[1], argv[i]) : vary_path(cli, vary_on, argv[i]);
		if (one)
			status = one;
	}
	return status;
}
