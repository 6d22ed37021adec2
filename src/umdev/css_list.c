/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What devices the simulated machine has, and what the bus has made of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "umdev/css_command.h"
#include "umdev/tree.h"

static char *read_attr(const struct cli *cli, const char *subchannel, const char *name)
{
	char *path = tree_path(cli, "bus/css/devices/%s/%s", subchannel, name);
	char *text = tree_read(path);

	free(path);
	return text;
}

char *css_find(const struct cli *cli, const char *busid)
{
	char *dir = tree_path(cli, "bus/css/devices"), **names, *text, *found = NULL;
	size_t i;

	tree_names(dir, &names);
	for (i = 0; names[i] && !found; i++) {
		text = read_attr(cli, names[i], "dev_busid");
		if (text && strcmp(text, busid) == 0)
			found = strdup(names[i]);
		free(text);
	}
	tree_free_names(names);
	free(dir);
	return found;
}

/* ---- a line of the machine's: "0.0.1000:TYPE[,OPTION]... STATE" ---- */

/* What is behind a device's number, in @all, up to the end of the line, or NULL: it has none. */
static const char *find_line(const char *all, const char *busid)
{
	size_t len = strlen(busid);
	const char *line;

	for (line = all; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, busid, len) == 0 && line[len] == ':')
			return line + len + 1;
	}
	return NULL;
}

static void add_part(struct json_object *obj, const char *key, const char *text, size_t len)
{
	char *copy = text && len ? strndup(text, len) : NULL;

	json_add_text(obj, key, copy);
	free(copy);
}

/* The state is the last word: an option may have blanks in it. */
static void add_line(struct json_object *obj, const char *line)
{
	size_t end = line ? strcspn(line, "\n") : 0, type = line ? strcspn(line, ", \n") : 0;
	size_t blank = end;

	while (blank > type && line[blank - 1] != ' ')
		blank--;
	add_part(obj, "type", line, type);
	add_part(obj, "options", line + type + 1, blank > type + 2 ? blank - type - 2 : 0);
	add_part(obj, "state", line + blank, blank > type ? end - blank : 0);
}

/* ---- the list ---- */

/* Channel paths as "10.11": of eight, those that are installed. */
static void add_paths(struct json_object *obj, const struct cli *cli, const char *subchannel)
{
	char *chpids = read_attr(cli, subchannel, "chpids");
	char *masks = read_attr(cli, subchannel, "pimpampom");
	unsigned int pim, pam, pom, i;
	char text[32], *end = text;

	*text = '\0';
	if (chpids && masks && strlen(chpids) >= 23 &&
	    sscanf(masks, "%x %x %x", &pim, &pam, &pom) == 3) {
		for (i = 0; i < 8; i++)
			if (pim & 0x80 >> i)
				end += sprintf(end, "%s%.2s", end == text ? "" : ".",
					       chpids + (size_t)i * 3);
	}
	json_add_text(obj, "chpids", *text ? text : NULL);
	json_add_text(obj, "pimpampom", masks);
	free(masks);
	free(chpids);
}

/* Which mediated device is on which subchannel. */
static struct json_object *read_mdevs(const struct cli *cli)
{
	struct json_object *owners = json_object_new_object();
	char *dir = tree_path(cli, "bus/mdev/devices"), **names, *path, *parent;
	size_t i;

	tree_names(dir, &names);
	for (i = 0; names[i]; i++) {
		path = tree_path(cli, "bus/mdev/devices/%s", names[i]);
		parent = tree_parent_name(path);
		if (parent)
			json_add_text(owners, parent, names[i]);
		free(parent);
		free(path);
	}
	tree_free_names(names);
	free(dir);
	return owners;
}

static struct json_object *describe(const struct cli *cli, const char *subchannel,
				    const char *machine, struct json_object *mdevs)
{
	struct json_object *obj = json_object_new_object();
	char *busid = read_attr(cli, subchannel, "dev_busid");
	char *link = tree_path(cli, "bus/css/devices/%s/driver", subchannel);
	char *driver = tree_link_name(link);

	json_add_text(obj, "device", busid);
	json_add_text(obj, "subchannel", subchannel);
	add_line(obj, busid ? find_line(machine, busid) : NULL);
	add_paths(obj, cli, subchannel);
	json_add_text(obj, "driver", driver);
	json_add_text(obj, "mdev",
		      json_object_get_string(json_object_object_get(mdevs, subchannel)));
	free(driver);
	free(link);
	free(busid);
	return obj;
}

/* Take --json out of the arguments, of which no others may be left. Return: as sub_options(). */
static int only_json(struct cli *cli, int argc, char **argv)
{
	const struct sub_option options[] = { { "json", 'j', &cli->json }, { NULL, 0, NULL } };
	int status = argc > 1 ? sub_options(&css_commands, options, &argc, argv) : -1;

	if (status >= 0)
		return status;
	return argc > 1 ? sub_usage(&css_commands, argv[0]) : -1;
}

int css_list(const struct cli *cli, int argc, char **argv)
{
	static const struct column columns[] = {
		{ "device", "DEVICE" },	  { "subchannel", "SUBCHANNEL" },
		{ "type", "TYPE" },	  { "state", "STATE" },
		{ "driver", "DRIVER" },	  { "chpids", "PATHS" },
		{ "pimpampom", "MASKS" }, { "mdev", "MDEV" },
		{ NULL, NULL },
	};
	struct cli own = *cli;
	struct json_object *list, *mdevs;
	char *dir, *path, *machine, **names;
	int status = only_json(&own, argc, argv);
	size_t i;

	if (status >= 0)
		return status;
	if (css_check(cli))
		return EXIT_FAILURE;
	path = tree_path(cli, "firmware/css/devices");
	machine = tree_read_all(path);
	free(path);
	dir = tree_path(cli, "bus/css/devices");
	tree_names(dir, &names);
	list = json_object_new_array();
	mdevs = read_mdevs(cli);
	for (i = 0; names[i]; i++)
		json_object_array_add(list, describe(cli, names[i], machine, mdevs));
	status = cli_print_list(&own, list, columns);
	json_object_put(mdevs);
	json_object_put(list);
	tree_free_names(names);
	free(dir);
	free(machine);
	return status;
}

int css_types(const struct cli *cli, int argc, char **argv)
{
	struct cli own = *cli;
	int status = only_json(&own, argc, argv);
	char *path, *text;

	if (status >= 0)
		return status;
	if (css_check(cli))
		return EXIT_FAILURE;
	path = tree_path(cli, "firmware/css/types");
	text = tree_read_all(path);
	free(path);
	if (!text)
		return cli_fail("can't read what types there are");
	fputs(text, stdout);
	free(text);
	return cli_flush();
}
