/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Modules: modprobe, rmmod, lsmod. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "umdev/client.h"

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

int cmd_rmmod(const struct cli *cli, int argc, char **argv)
{
	struct json_object *request, *answer;
	int i, status = EXIT_SUCCESS;

	for (i = 0; i < argc; i++) {
		request = client_request("rmmod");
		json_add_text(request, "name", argv[i]);
		answer = client_call(cli, request);
		if (!answer)
			status = EXIT_FAILURE;
		json_object_put(answer);
	}
	return status;
}

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
