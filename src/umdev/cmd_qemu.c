/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What to paste behind a VMM's name: qemu-args. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "umdev/tree.h"

static struct json_object *device_object(const char *socket)
{
	struct json_object *obj = json_object_new_object(), *address = json_object_new_object();

	json_add_text(obj, "driver", "vfio-user-pci");
	json_add_text(address, "type", "unix");
	json_add_text(address, "path", socket);
	json_object_object_add(obj, "socket", address);
	return obj;
}

/* Between single quotes, as a shell reads it. */
static void print_quoted(const char *text)
{
	putchar('\'');
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*text);
	}
	putchar('\'');
}

int cmd_qemu_args(const struct cli *cli, int argc, char **argv)
{
	struct json_object *obj;
	char *device, *socket;
	const char *text;

	if (tree_check(cli))
		return EXIT_FAILURE;
	device = tree_find_device(cli, argv[0]);
	if (!device)
		return EXIT_FAILURE;
	socket = tree_vfio_attr(device, "socket");
	free(device);
	if (!socket || !*socket) {
		free(socket);
		return cli_fail(
			"%s has no socket: it is not bound to a VFIO driver (umdev bind %s)",
			argv[0], argv[0]);
	}
	obj = device_object(socket);
	free(socket);
	text = json_object_to_json_string_ext(obj, JSON_C_TO_STRING_PLAIN |
							   JSON_C_TO_STRING_NOSLASHESCAPE);
	if (cli->json) {
		puts(text);
	} else {
		fputs("-device ", stdout);
		print_quoted(text);
		putchar('\n');
	}
	json_object_put(obj);
	return cli_flush();
}
