/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon itself: monitor, status. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "umdev/client.h"

static const char *text_of(struct json_object *obj, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(obj, key, &value) && value ? json_object_get_string(value)
								    : "";
}

static void print_event(struct json_object *event)
{
	struct json_object *env, *lost;

	if (json_object_object_get_ex(event, "lost", &lost)) {
		printf("(%s events are missing here: they came faster than they were read)\n",
		       json_object_get_string(lost));
		return;
	}
	if (!json_object_object_get_ex(event, "env", &env))
		return;
	printf("%-7s %s (%s)", text_of(env, "ACTION"), text_of(env, "DEVPATH"),
	       text_of(env, "SUBSYSTEM"));
	json_object_object_foreach(env, key, value)
	{
		if (strcmp(key, "ACTION") && strcmp(key, "DEVPATH") && strcmp(key, "SUBSYSTEM"))
			printf(" %s=%s", key, value ? json_object_get_string(value) : "");
	}
	putchar('\n');
}

int cmd_monitor(const struct cli *cli, int argc, char **argv)
{
	struct json_object *answer, *event;
	int fd = client_open(cli), status = EXIT_SUCCESS;

	if (fd < 0)
		return EXIT_FAILURE;
	answer = client_ask(fd, client_request("monitor"));
	if (!answer) {
		close(fd);
		return EXIT_FAILURE;
	}
	json_object_put(answer);
	while (!status && (event = client_receive(fd))) {
		/* One line each, so that a program can read them as they come. */
		if (cli->json)
			puts(json_object_to_json_string_ext(event, JSON_C_TO_STRING_NOSLASHESCAPE));
		else
			print_event(event);
		json_object_put(event);
		status = cli_flush();
	}
	close(fd);
	return status ? status : cli_fail("umdevd has ended");
}

int cmd_status(const struct cli *cli, int argc, char **argv)
{
	static const struct column columns[] = {
		{ "pid", "PID" },
		{ "version", "Version" },
		{ "uptime", "Seconds up" },
		{ "runtime_dir", "Runtime directory" },
		{ "sysfs", "Devices" },
		{ "vfio_user", "Sockets" },
		{ "modules", "Modules" },
		{ "udevd", "udevd's PID" },
		{ NULL, NULL },
	};
	struct json_object *answer = client_call(cli, client_request("status"));
	int status;

	if (!answer)
		return EXIT_FAILURE;
	json_object_object_del(answer, "ok");
	status = cli_print_object(cli, answer, columns);
	json_object_put(answer);
	return status;
}
