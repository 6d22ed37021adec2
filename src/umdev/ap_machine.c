/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The console of the simulated machine: its files are in /sys/firmware/ap (doc/ap.md). What has
 * changed the bus finds by its scan, which these commands ask for.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "umdev/ap_command.h"
#include "umdev/tree.h"

static int check_machine(const struct cli *cli)
{
	char *path;
	bool there;

	if (tree_check(cli))
		return EXIT_FAILURE;
	path = tree_path(cli, "firmware/ap");
	there = tree_exists(path);
	free(path);
	return there ? 0 : cli_fail("there is no AP bus (first: umdev modprobe ap cards=04:CEX8P)");
}

/* ---- options ---- */

struct options {
	bool json;
	bool no_scan;
};

/* As sub_options(). */
static int parse_options(struct options *o, int *argc, char **argv)
{
	const struct sub_option options[] = {
		{ "no-scan", 0, &o->no_scan },
		{ "json", 'j', &o->json },
		{ NULL, 0, NULL },
	};

	return sub_options(&ap_commands, options, argc, argv);
}

static int say_usage(const char *command)
{
	return sub_usage(&ap_commands, command);
}

/* ---- changes ---- */

/* Of an empty text nothing would arrive. Return: 0, -errno. */
static int write_file(const struct cli *cli, const char *file, const char *text)
{
	char *path = tree_path(cli, "firmware/ap/%s", file);
	int err = tree_write(path, *text ? text : "\n");

	free(path);
	return err;
}

static bool is_forbidden(int err)
{
	return err == -EACCES || err == -EPERM;
}

static int say_failed(const char *command, const char *text, const char *expected, int err)
{
	if (is_forbidden(err))
		return cli_fail("not allowed to change the machine (run this as root)");
	switch (-err) {
	case EINVAL:
		return cli_fail("ap %s: \"%s\": expected %s", command, text, expected);
	case EEXIST:
		return cli_fail("ap %s: \"%s\": there is an adapter in this place", command, text);
	case ENODEV:
		return cli_fail("ap %s: \"%s\": the machine has none (see: umdev ap)", command,
				text);
	default:
		return cli_fail("ap %s: \"%s\": %s", command, text, strerror(-err));
	}
}

static int scan(const struct cli *cli)
{
	char *path = tree_path(cli, "bus/ap/scans");
	int err = tree_write(path, "1");

	free(path);
	return err ? cli_fail("the bus could not be scanned: %s", strerror(-err)) : EXIT_SUCCESS;
}

/* Write @text to a file of the machine, and have that found. */
static int change(const struct cli *cli, const struct options *o, const char *command,
		  const char *file, const char *text, const char *expected)
{
	int err = write_file(cli, file, text);

	if (err)
		return say_failed(command, text, expected, err);
	return o->no_scan ? EXIT_SUCCESS : scan(cli);
}

/* One write for each argument. One that is refused keeps none of the others from being done. */
static int change_each(const struct cli *cli, int argc, char **argv, const char *expected)
{
	struct options o = { .no_scan = false };
	int i, err = 0, status = parse_options(&o, &argc, argv);

	if (status >= 0)
		return status;
	if (argc < 2)
		return say_usage(argv[0]);
	if (check_machine(cli))
		return EXIT_FAILURE;
	status = EXIT_SUCCESS;
	for (i = 1; i < argc && !is_forbidden(err); i++) {
		err = write_file(cli, argv[0], argv[i]);
		if (err)
			status = say_failed(argv[0], argv[i], expected, err);
	}
	if (!o.no_scan && !is_forbidden(err) && scan(cli))
		status = EXIT_FAILURE;
	return status;
}

int ap_plug(const struct cli *cli, int argc, char **argv)
{
	return change_each(cli, argc, argv,
			   "a number, 00 to ff, and a type, CEX4 to CEX8 with A, C or P: 06:CEX8P");
}

int ap_unplug(const struct cli *cli, int argc, char **argv)
{
	return change_each(cli, argc, argv, "an adapter's number, as 06");
}

static int switch_it(const struct cli *cli, int argc, char **argv, const char *expected)
{
	struct options o = { .no_scan = false };
	char *text;
	int status = parse_options(&o, &argc, argv);

	if (status >= 0)
		return status;
	if (argc != 3)
		return say_usage(argv[0]);
	if (check_machine(cli))
		return EXIT_FAILURE;
	if (asprintf(&text, "%s %s", argv[1], argv[2]) < 0)
		return cli_fail("out of memory");
	status = change(cli, &o, argv[0], argv[0], text, expected);
	free(text);
	return status;
}

int ap_config(const struct cli *cli, int argc, char **argv)
{
	return switch_it(cli, argc, argv, "an adapter's number, and on or off, as 06 off");
}

int ap_checkstop(const struct cli *cli, int argc, char **argv)
{
	return switch_it(cli, argc, argv,
			 "an adapter's or a queue's number, and on or off, as 06.0004 on");
}

int ap_domains(const struct cli *cli, int argc, char **argv)
{
	const char *file = strcmp(argv[0], "domains") == 0 ? "domains" : "control_domains";
	struct options o = { .json = cli->json };
	char *path, *text;
	int status = parse_options(&o, &argc, argv);

	if (status >= 0)
		return status;
	if (argc > 2)
		return say_usage(argv[0]);
	if (check_machine(cli))
		return EXIT_FAILURE;
	if (argc == 2)
		return change(cli, &o, argv[0], file, argv[1],
			      "a list of domains up to the machine's highest, as 4,0x47,10-12");
	path = tree_path(cli, "firmware/ap/%s", file);
	text = tree_read(path);
	free(path);
	if (!text)
		return cli_fail("can't read the machine's domains");
	if (o.json)
		printf("\"%s\"\n", text);
	else
		puts(text);
	free(text);
	return cli_flush();
}

/* ---- the list ---- */

static char *read_attr(const char *dir, const char *name)
{
	char *path, *text;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return NULL;
	text = tree_read(path);
	free(path);
	return text;
}

static void add_attr(struct json_object *obj, const char *key, const char *dir, const char *name)
{
	char *text = read_attr(dir, name);

	json_add_text(obj, key, text);
	free(text);
}

static void add_state(struct json_object *obj, const char *dir)
{
	char *config = read_attr(dir, "config"), *chkstop = read_attr(dir, "chkstop");
	const char *state = NULL;

	if (config && chkstop)
		state = strcmp(config, "1")    ? "deconfigured"
			: strcmp(chkstop, "0") ? "checkstopped"
					       : "configured";
	json_add_text(obj, "state", state);
	free(config);
	free(chkstop);
}

/* Which queue is assigned to which mdev, as the mdevs' matrices say. */
static struct json_object *read_matrices(const struct cli *cli)
{
	struct json_object *owners = json_object_new_object();
	char *dir = tree_path(cli, "bus/mdev/devices"), **names, *text, *queue, *rest;
	size_t i;

	tree_names(dir, &names);
	for (i = 0; names[i]; i++) {
		char *path = tree_path(cli, "bus/mdev/devices/%s/matrix", names[i]);

		text = tree_read(path);
		rest = NULL;
		for (queue = text ? strtok_r(text, "\n", &rest) : NULL; queue;
		     queue = strtok_r(NULL, "\n", &rest))
			json_add_text(owners, queue, names[i]);
		free(text);
		free(path);
	}
	tree_free_names(names);
	free(dir);
	return owners;
}

static struct json_object *describe(const struct cli *cli, const char *name,
				    struct json_object *owners)
{
	struct json_object *obj = json_object_new_object();
	char *dir = tree_path(cli, "bus/ap/devices/%s", name), *link, *text;
	bool is_card = strncmp(name, "card", 4) == 0;

	json_add_text(obj, "device", name);
	if (is_card) {
		add_attr(obj, "type", dir, "type");
		add_attr(obj, "hwtype", dir, "hwtype");
	}
	add_state(obj, dir);
	if (asprintf(&link, "%s/driver", dir) < 0)
		link = NULL;
	text = link ? tree_link_name(link) : NULL;
	json_add_text(obj, "driver", text);
	free(text);
	free(link);
	add_attr(obj, "online", dir, "online");
	add_attr(obj, "requests", dir, "request_count");
	add_attr(obj, "pending", dir, "pendingq_count");
	if (!is_card)
		add_attr(obj, "status", dir, "status");
	json_add_text(obj, "mdev", json_object_get_string(json_object_object_get(owners, name)));
	free(dir);
	return obj;
}

/* A card, then its queues. */
static int compare_names(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;
	const char *id_x = strncmp(x, "card", 4) ? x : x + 4;
	const char *id_y = strncmp(y, "card", 4) ? y : y + 4;
	int order = strncmp(id_x, id_y, 2);

	if (order)
		return order;
	if ((id_x == x) != (id_y == y))
		return id_x == x ? 1 : -1;
	return strcmp(x, y);
}

int ap_list(const struct cli *cli, int argc, char **argv)
{
	static const struct column columns[] = {
		{ "device", "DEVICE" },	  { "type", "TYPE" },	  { "state", "STATE" },
		{ "driver", "DRIVER" },	  { "online", "ONLINE" }, { "requests", "REQUESTS" },
		{ "pending", "PENDING" }, { "status", "STATUS" }, { "mdev", "MDEV" },
		{ NULL, NULL },
	};
	struct cli own = *cli;
	struct options o = { .json = cli->json };
	struct json_object *list, *owners;
	char *dir, **names;
	size_t i;
	int status = argc > 1 ? parse_options(&o, &argc, argv) : -1;

	if (status >= 0)
		return status;
	if (argc > 1)
		return say_usage("list");
	if (check_machine(cli))
		return EXIT_FAILURE;
	own.json = o.json;
	dir = tree_path(cli, "bus/ap/devices");
	tree_names(dir, &names);
	for (i = 0; names[i]; i++)
		;
	qsort(names, i, sizeof(*names), compare_names);
	list = json_object_new_array();
	owners = read_matrices(cli);
	for (i = 0; names[i]; i++)
		json_object_array_add(list, describe(cli, names[i], owners));
	status = cli_print_list(&own, list, columns);
	json_object_put(owners);
	json_object_put(list);
	tree_free_names(names);
	free(dir);
	return status;
}
