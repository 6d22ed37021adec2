/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * umdev: the command line to umdevd.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/suggest.h"
#include "umdev/cli.h"
#include "umdevd/default_dir.h"
#include "umdevd/streams.h"

#define ANY_NUMBER 1000

static const struct cli_command commands[] = {
	{ "list", "", "devices that are there", 0, 0, cmd_list },
	{ "types", "", "what devices can be made, and on which parents", 0, 0, cmd_types },
	{ "create", "PARENT TYPE [UUID]", "make a device, print its UUID", 2, 3, cmd_create },
	{ "remove", "DEVICE...", "take devices away", 1, ANY_NUMBER, cmd_remove, CLI_FORCE },
	{ "bind", "DEVICE [DRIVER]", "give a device to a driver", 1, 2, cmd_bind,
	  CLI_FORCE | CLI_REBIND },
	{ "unbind", "DEVICE", "take a device from its driver", 1, 1, cmd_unbind, CLI_FORCE },
	{ "attach", "NAME SOCKET", "show a device of another vfio-user server", 2, 2, cmd_attach },
	{ "detach", "NAME...", "take it away", 1, ANY_NUMBER, cmd_detach, CLI_FORCE },
	{ "overlay", "[add NAME FILE|remove NAME]",
	  "overlays over the device tree: list, add, remove", 0, ANY_NUMBER, cmd_overlay },
	{ "ap", "[COMMAND]...", "crypto adapters: plug, unplug, list ... (see: umdev ap -h)", 0,
	  ANY_NUMBER, cmd_ap, 0, true },
	{ "css", "[COMMAND]...", "channel I/O: plug, unplug, list ... (see: umdev css -h)", 0,
	  ANY_NUMBER, cmd_css, 0, true },
	{ "modprobe", "MODULE [PARAM=VALUE]...", "load a module with what it needs", 1, ANY_NUMBER,
	  cmd_modprobe },
	{ "rmmod", "MODULE...", "unload modules", 1, ANY_NUMBER, cmd_rmmod, CLI_FORCE | CLI_WAIT },
	{ "lsmod", "", "modules that are loaded", 0, 0, cmd_lsmod },
	{ "monitor", "", "events as they happen", 0, 0, cmd_monitor },
	{ "qemu-args", "DEVICE", "what makes QEMU use a device", 1, 1, cmd_qemu_args },
	{ "exec", "[OPTION]... COMMAND...", "run a command that sees the devices in /sys", 0,
	  INT_MAX, cmd_exec, 0, true },
	{ "shell", "[OPTION]...", "a shell that sees them", 0, ANY_NUMBER, cmd_shell, 0, true },
	{ "status", "", "the daemon itself", 0, 0, cmd_status },
};

static void print_help(void)
{
	char left[64];
	size_t i;

	puts("Usage: umdev [OPTION]... COMMAND [ARGUMENT]...\n"
	     "Talks to umdevd, which hosts devices for virtual machines.\n");
	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		snprintf(left, sizeof(left), "%s %s", commands[i].name, commands[i].args);
		printf("  %-33s %s\n", left, commands[i].help);
	}
	puts("\n"
	     "      --runtime-dir DIR   where the daemon is (also: $UMDEV_RUNTIME_DIR)\n"
	     "  -j, --json              print JSON, for programs\n"
	     "      --rebind            bind: take it from the driver that has it, in one step\n"
	     "      --force[=SECONDS]   remove, unbind, bind --rebind, detach, rmmod: close the\n"
	     "                          connections of those who do not let go of a device in\n"
	     "                          time (10)\n"
	     "      --wait              rmmod: ask users to let go, and wait for them\n"
	     "  -h, --help              show this help\n"
	     "  -V, --version           show the version\n"
	     "\n"
	     "DEVICE is a name as in umdev list, or BUS/DEVICE. See umdev(1).");
}

static const struct cli_command *find_command(const char *name)
{
	struct suggestion s;
	size_t i;

	suggestion_init(&s, name);
	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
		suggestion_offer(&s, commands[i].name);
	}
	if (s.best)
		cli_fail("no command \"%s\" (did you mean \"%s\"?)", name, s.best);
	else
		cli_fail("no command \"%s\" (see: umdev --help)", name);
	return NULL;
}

/* Root's daemon, if this user has none of its own: everybody may look at it. */
static char *find_runtime_dir(void)
{
	char *dir = default_runtime_dir();

	if (getenv(RUNTIME_DIR_ENV) || geteuid() == 0 || (dir && access(dir, F_OK) == 0) ||
	    access(RUNTIME_DIR_SYSTEM, F_OK))
		return dir ? dir : strdup(RUNTIME_DIR_SYSTEM);
	free(dir);
	return strdup(RUNTIME_DIR_SYSTEM);
}

enum {
	OPT_RUNTIME_DIR = 256,
	OPT_FORCE,
	OPT_WAIT,
	OPT_REBIND
};

/* What a guest needs to let a device go, with time to spare. */
#define FORCE_SECONDS	  10
#define FORCE_SECONDS_MAX (24 * 60 * 60)

static const struct option long_options[] = {
	{ "runtime-dir", required_argument, NULL, OPT_RUNTIME_DIR },
	{ "json", no_argument, NULL, 'j' },
	{ "force", optional_argument, NULL, OPT_FORCE },
	{ "wait", no_argument, NULL, OPT_WAIT },
	{ "rebind", no_argument, NULL, OPT_REBIND },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static int parse_force(struct cli *cli, const char *arg)
{
	unsigned long seconds = FORCE_SECONDS;
	char *end = NULL;

	if (arg)
		seconds = strtoul(arg, &end, 10);
	if (arg && (*arg < '0' || *arg > '9' || *end || seconds > FORCE_SECONDS_MAX)) {
		cli_fail("--force: \"%s\": seconds are expected, at most %d", arg,
			 FORCE_SECONDS_MAX);
		return EXIT_USAGE;
	}
	cli->force = (int)seconds;
	cli->wait = true;
	return -1;
}

/* An option that not all commands have; @command is NULL before it was named. Return: as below. */
static int parse_own(struct cli *cli, const struct cli_command *command, int c)
{
	static const struct {
		const char *name;
		unsigned int option;
	} own[] = { { "force", CLI_FORCE }, { "wait", CLI_WAIT }, { "rebind", CLI_REBIND } };
	const char *name = own[c - OPT_FORCE].name;
	unsigned int option = own[c - OPT_FORCE].option;

	if (!command)
		cli_fail("--%s goes behind the command", name);
	else if (!(command->options & option))
		cli_fail("%s has no option --%s", command->name, name);
	if (!command || !(command->options & option))
		return EXIT_USAGE;
	if (c == OPT_FORCE)
		return parse_force(cli, optarg);
	if (c == OPT_REBIND)
		cli->rebind = true;
	else
		cli->wait = true;
	return -1;
}

/* Return: -1 to go on with what is at optind, else the exit status. */
static int parse_options(struct cli *cli, const struct cli_command *command, int argc, char **argv,
			 const char *short_options)
{
	int c, status;

	/* 0 makes it begin anew. */
	optind = 0;
	while ((c = getopt_long(argc, argv, short_options, long_options, NULL)) != -1) {
		switch (c) {
		case OPT_RUNTIME_DIR:
			free(cli->runtime_dir);
			cli->runtime_dir = strdup(optarg);
			break;
		case 'j':
			cli->json = true;
			break;
		case OPT_FORCE:
		case OPT_WAIT:
		case OPT_REBIND:
			status = parse_own(cli, command, c);
			if (status >= 0)
				return status;
			break;
		case 'h':
			print_help();
			return cli_flush();
		case 'V':
			puts("umdev " UMDEV_VERSION);
			return cli_flush();
		default:
			fputs("Try 'umdev --help'.\n", stderr);
			return EXIT_USAGE;
		}
	}
	return -1;
}

static int run(struct cli *cli, const struct cli_command *command, int argc, char **argv)
{
	if (argc < command->min_args || argc > command->max_args) {
		cli_fail("%s: %s (usage: umdev %s %s)", command->name,
			 argc < command->min_args ? "an argument is missing" : "too many arguments",
			 command->name, command->args);
		return EXIT_USAGE;
	}
	if (!cli->runtime_dir)
		cli->runtime_dir = find_runtime_dir();
	if (!cli->runtime_dir)
		return cli_fail("out of memory");
	return command->run(cli, argc, argv);
}

static int parse_and_run(struct cli *cli, int argc, char **argv)
{
	const struct cli_command *command;
	int status;

	status = parse_options(cli, NULL, argc, argv, "+jhV");
	if (status >= 0)
		return status;
	argc -= optind;
	argv += optind;
	if (!argc) {
		print_help();
		return EXIT_USAGE;
	}
	command = find_command(argv[0]);
	if (!command)
		return EXIT_USAGE;
	if (command->own_options)
		return run(cli, command, argc, argv);
	/* Options may stand behind the command as well. */
	argv[0] = program_invocation_name;
	status = parse_options(cli, command, argc, argv, "jhV");
	if (status >= 0)
		return status;
	return run(cli, command, argc - optind, argv + optind);
}

int main(int argc, char **argv)
{
	struct cli cli = { .force = -1 };
	int status;

	if (streams_occupy())
		return EXIT_FAILURE;
	status = parse_and_run(&cli, argc, argv);
	free(cli.runtime_dir);
	return status;
}
