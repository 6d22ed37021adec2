/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "umdev ap guest": what is said on its command line, and how it gets into the view. There it is
 * run once more, with the library that makes VFIO's calls work.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "umdev/ap_command.h"
#include "umdev/ap_guest.h"
#include "umdev/exec.h"
#include "umdev/tree.h"

/* Set for who is in the view, with the library. */
#define INSIDE_ENV "UMDEV_AP_GUEST"

enum {
	OPT_REQUEST = 256,
	OPT_ONCE
};

static void print_help(void)
{
	puts("Usage: umdev ap guest [OPTION]... UUID\n"
	     "Is a guest that has the mediated matrix UUID: shows its queues, and what changes,\n"
	     "until it is asked to let go, or told to by its input.\n"
	     "\n"
	     "      --request=COMMAND   carry out COMMAND first (may be repeated)\n"
	     "      --once              end after that\n"
	     "  -j, --json              print a JSON object per line, for programs\n"
	     "  -h, --help              show this help\n"
	     "\n"
	     "Its input may have commands, one on a line:\n"
	     "\n"
	     "  [QUEUE] random [BYTES]  a request to a queue (the first of its matrix), whose\n"
	     "  [QUEUE] rsa [BITS]      answer is checked with OpenSSL\n"
	     "  [QUEUE] ecdsa [CURVE]\n"
	     "  matrix                  show the matrix\n"
	     "  reset                   reset the device\n"
	     "  quit                    close the device and end, as the end of the input does\n"
	     "\n"
	     "From /dev/null there are none, and it stays. See umdev(1) and doc/ap.md.");
}

/* Return: -1 to go on with what is at optind, else the exit status. */
static int parse_options(struct cli *cli, struct guest_options *o, int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "request", required_argument, NULL, OPT_REQUEST },
		{ "once", no_argument, NULL, OPT_ONCE },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	static char program[] = "umdev ap guest";
	int c;

	argv[0] = program;
	optind = 0;
	while ((c = getopt_long(argc, argv, "jh", long_options, NULL)) != -1) {
		switch (c) {
		case OPT_REQUEST:
			o->requests[o->nr_requests++] = optarg;
			break;
		case OPT_ONCE:
			o->once = true;
			break;
		case 'j':
			cli->json = true;
			break;
		case 'h':
			print_help();
			return cli_flush();
		default:
			fputs("Try 'umdev ap guest --help'.\n", stderr);
			return EXIT_USAGE;
		}
	}
	if (argc - optind == 1)
		return -1;
	cli_fail("ap guest: one UUID is expected (see: umdev ap guest --help)");
	return EXIT_USAGE;
}

/* Return: the device's name, to free(); NULL after saying what is wrong. */
static char *check_device(const struct cli *cli, const char *arg)
{
	char *path = tree_check(cli) ? NULL : tree_find_device(cli, arg), *name, *type, *api;

	if (!path)
		return NULL;
	if (asprintf(&type, "%s/mdev_type/device_api", path) < 0)
		abort();
	name = strdup(strrchr(path, '/') + 1);
	api = tree_read(type);
	if (!api || strcmp(api, "vfio-ap")) {
		cli_fail("%s is no mediated matrix of vfio_ap's", arg);
		free(name);
		name = NULL;
	}
	free(api);
	free(type);
	free(path);
	return name;
}

/* Once more, in the view. Return: the exit status, of what has failed. */
static int enter(const struct cli *cli, const struct guest_options *o, char *name)
{
	char **argv = calloc(o->nr_requests * 2 + 8, sizeof(*argv));
	unsigned int i, n = 0;
	int status;

	if (!argv || setenv(INSIDE_ENV, "1", 1)) {
		free(argv);
		return cli_fail("out of memory");
	}
	argv[n++] = program_invocation_name;
	argv[n++] = (char *)"ap";
	argv[n++] = (char *)"guest";
	if (cli->json)
		argv[n++] = (char *)"--json";
	if (o->once)
		argv[n++] = (char *)"--once";
	for (i = 0; i < o->nr_requests; i++) {
		argv[n++] = (char *)"--request";
		argv[n++] = o->requests[i];
	}
	argv[n++] = (char *)"--";
	argv[n] = name;
	status = exec_self(cli, argv);
	free(argv);
	return status;
}

int ap_guest(const struct cli *cli, int argc, char **argv)
{
	struct guest_options o = { .requests = calloc((size_t)argc + 1, sizeof(char *)) };
	struct cli own = *cli;
	char *name;
	int status;

	if (!o.requests)
		return cli_fail("out of memory");
	status = parse_options(&own, &o, argc, argv);
	if (status < 0 && getenv(INSIDE_ENV)) {
		unsetenv(INSIDE_ENV);
		/* Who asks who has the device is told this name, not that of the link. */
		prctl(PR_SET_NAME, "umdev");
		status = guest_run(&own, argv[optind], &o);
	} else if (status < 0) {
		name = check_device(&own, argv[optind]);
		status = name ? enter(&own, &o, name) : EXIT_FAILURE;
		free(name);
	}
	free(o.requests);
	return status;
}
