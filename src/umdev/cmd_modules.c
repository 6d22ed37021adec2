/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Modules: modprobe, rmmod, lsmod. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "umdev/client.h"
#include "umdev/release.h"

int cmd_modprobe(const struct cli *cli, int argc, char **argv)
{
	struct json_object *request = client_request("modprobe"), *params, *answer, *already;
	char *path = NULL;
	int i;

	/* The daemon is somewhere else. */
	if (strchr(argv[0], '/')) {
		path = realpath(argv[0], NULL);
		if (!path) {
			json_object_put(request);
			return cli_fail("%s: %s", argv[0], strerror(errno));
		}
	}
	json_add_text(request, "name", path ? path : argv[0]);
	free(path);
	params = json_object_new_array();
	for (i = 1; i < argc; i++)
		json_object_array_add(params, json_object_new_string(argv[i]));
	json_object_object_add(request, "params", params);
	answer = client_call(cli, request);
	if (!answer)
		return EXIT_FAILURE;
	if (argc > 1 && json_object_object_get_ex(answer, "already", &already) &&
	    json_object_get_boolean(already))
		fprintf(stderr, "umdev: %s is loaded already: its parameters are as before\n",
			argv[0]);
	json_object_put(answer);
	return EXIT_SUCCESS;
}

/* ---- rmmod ---- */

/* As the daemon does: in names of modules '-' is '_'. */
static bool is_same_module(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if ((*a == '-' ? '_' : *a) != (*b == '-' ? '_' : *b))
			return false;
	return *a == *b;
}

/* Call @fn for a device, if a driver of the module has it and somebody uses it. */
static bool visit_device(const char *path, const char *module,
			 void (*fn)(const char *path, const char *name, const char *user))
{
	char *link, *owner, *user = NULL;
	bool used;

	if (asprintf(&link, "%s/driver/module", path) < 0)
		exit(cli_fail("out of memory"));
	owner = tree_link_name(link);
	if (owner && is_same_module(owner, module))
		user = tree_vfio_attr(path, "user");
	used = user && *user;
	if (used)
		fn(path, strrchr(path, '/') + 1, user);
	free(user);
	free(owner);
	free(link);
	return used;
}

/* The same for all devices. Return: is there one that somebody uses? */
static bool visit_users(const struct cli *cli, const char *module,
			void (*fn)(const char *path, const char *name, const char *user))
{
	char *dir = tree_path(cli, "bus"), *path, **buses, **devices;
	bool any = false;
	size_t i, j;

	tree_names(dir, &buses);
	free(dir);
	for (i = 0; buses[i]; i++) {
		dir = tree_path(cli, "bus/%s/devices", buses[i]);
		tree_names(dir, &devices);
		for (j = 0; devices[j]; j++) {
			path = tree_path(cli, "bus/%s/devices/%s", buses[i], devices[j]);
			any |= visit_device(path, module, fn);
			free(path);
		}
		tree_free_names(devices);
		free(dir);
	}
	tree_free_names(buses);
	return any;
}

static void say_user(const char *path, const char *name, const char *user)
{
	cli_fail("%s is used by %s", name, user);
}

static void say_waiting(const char *path, const char *name, const char *user)
{
	fprintf(stderr, "umdev: waiting for %s to let go of %s\n", user, name);
}

static void disconnect_user(const char *path, const char *name, const char *user)
{
	release_disconnect(path, name);
}

static void disconnect_users(const struct release *r)
{
	visit_users(r->cli, r->name, disconnect_user);
}

/* What went wrong is said here. */
static int rmmod_run(struct release *r)
{
	struct json_object *request = client_request("rmmod"), *answer;

	json_add_text(request, "name", r->name);
	if (r->cli->wait)
		json_object_object_add(request, "wait", json_object_new_boolean(true));
	answer = client_call(r->cli, request);
	json_object_put(answer);
	return answer ? 0 : -EIO;
}

int cmd_rmmod(const struct cli *cli, int argc, char **argv)
{
	int i, status = EXIT_SUCCESS;

	for (i = 0; i < argc; i++) {
		struct release r = { .cli = cli,
				     .name = argv[i],
				     .what = "unloading",
				     .run = rmmod_run,
				     .disconnect = disconnect_users };

		if (cli->wait && cli->force)
			visit_users(cli, argv[i], say_waiting);
		/* One after the other: what depends on another module goes before that. */
		release_all(&r, 1);
		if (!r.err)
			continue;
		status = EXIT_FAILURE;
		if (!cli->wait && visit_users(cli, argv[i], say_user))
			cli_fail("--wait asks them to let go and waits, --force closes their "
				 "connections");
	}
	return status;
}

/* ---- lsmod ---- */

int cmd_lsmod(const struct cli *cli, int argc, char **argv)
{
	static const struct column columns[] = {
		{ "name", "MODULE" }, { "size", "SIZE" },   { "refcount", "USED" },
		{ "holders", "BY" },  { "state", "STATE" }, { NULL, NULL },
	};
	struct json_object *answer = client_call(cli, client_request("lsmod")), *list;
	int status;

	if (!answer)
		return EXIT_FAILURE;
	if (json_object_object_get_ex(answer, "modules", &list) &&
	    json_object_is_type(list, json_type_array))
		status = cli_print_list(cli, list, columns);
	else
		status = cli_fail("umdevd gave an answer that is not understood");
	json_object_put(answer);
	return status;
}
