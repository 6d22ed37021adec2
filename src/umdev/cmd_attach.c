/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices that other programs serve: attach, detach. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "umdev/client.h"
#include "umdev/release.h"

/* As the daemon has to know it, which is somewhere else; to free(), NULL without memory. */
static char *absolute_path(const char *path)
{
	char *cwd, *abs;

	if (*path == '/')
		return strdup(path);
	cwd = getcwd(NULL, 0);
	if (!cwd || asprintf(&abs, "%s/%s", cwd, path) < 0)
		abs = NULL;
	free(cwd);
	return abs;
}

int cmd_attach(const struct cli *cli, int argc, char **argv)
{
	struct json_object *request = client_request("attach"), *answer, *missing;
	char *path = absolute_path(argv[1]);

	if (!path) {
		json_object_put(request);
		return cli_fail("out of memory");
	}
	json_add_text(request, "name", argv[0]);
	json_add_text(request, "socket", path);
	answer = client_call(cli, request);
	if (answer && json_object_object_get_ex(answer, "missing", &missing) &&
	    json_object_get_boolean(missing))
		fprintf(stderr,
			"umdev: nothing is at %s yet: until a server is, opening the device "
			"fails\n",
			path);
	free(path);
	json_object_put(answer);
	return answer ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* What went wrong is said here. */
static int detach_run(struct release *r)
{
	struct json_object *request = client_request("detach"), *answer;

	json_add_text(request, "name", r->name);
	answer = client_call(r->cli, request);
	json_object_put(answer);
	return answer ? 0 : -EIO;
}

static void disconnect(const struct release *r)
{
	release_disconnect(r->path, r->name);
}

int cmd_detach(const struct cli *cli, int argc, char **argv)
{
	int i, status = EXIT_SUCCESS;
	struct release *releases;

	if (tree_check(cli))
		return EXIT_FAILURE;
	releases = calloc((size_t)argc, sizeof(*releases));
	if (!releases)
		return cli_fail("out of memory");
	for (i = 0; i < argc; i++) {
		releases[i] = (struct release) {
			.cli = cli,
			.name = argv[i],
			.path = tree_path(cli, "bus/vfio-user/devices/%s", argv[i]),
			.what = "detaching",
			.run = detach_run,
			.disconnect = disconnect,
		};
		release_say_waiting(cli, releases[i].path, argv[i]);
	}
	release_all(releases, (size_t)argc);
	for (i = 0; i < argc; i++) {
		if (releases[i].err)
			status = EXIT_FAILURE;
		free(releases[i].path);
	}
	free(releases);
	return status;
}
