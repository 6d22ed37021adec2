/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Commands in the instance's view of the machine: exec, shell. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "umdev/exec.h"
#include "umdev/preload.h"
#include "umdev/udevd.h"
#include "umdev/view.h"
#include "umdevd/default_dir.h"

/* As env(1) has it: what a command says itself is not mixed up with what is said of it. */
#define EXIT_NO_VIEW	125
#define EXIT_CANNOT_RUN 126
#define EXIT_NOT_FOUND	127

/**
 * struct exec_options - what is said before the command
 * @net:     "own" or "host"
 * @no_vfio: without what makes VFIO's calls work
 * @udev:    with a udevd
 */
struct exec_options {
	const char *net;
	bool no_vfio;
	struct udevd_options udev;
};

enum {
	OPT_NET = 256,
	OPT_NO_VFIO,
	OPT_UDEV,
	OPT_RULES,
	OPT_UDEVD
};

static const struct option long_options[] = {
	{ "net", required_argument, NULL, OPT_NET },
	{ "no-vfio", no_argument, NULL, OPT_NO_VFIO },
	{ "udev", no_argument, NULL, OPT_UDEV },
	{ "rules", required_argument, NULL, OPT_RULES },
	{ "udevd", required_argument, NULL, OPT_UDEVD },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char options_help[] =
	"\n"
	"      --net=own|host  with a network of its own, where events are heard (this is the\n"
	"                      default); or with the one that is here\n"
	"      --no-vfio       without the library that makes the kernel's VFIO calls work on\n"
	"                      umdev's devices\n"
	"      --udev          with a udevd, which all commands that want one share; it is\n"
	"                      there and has handled all devices when the command begins\n"
	"      --rules=PATH    rules for it: a file NAME.rules, or a directory of such files\n"
	"                      (may be repeated)\n"
	"      --udevd=PATH    the program, if it is not the machine's systemd-udevd\n"
	"  -h, --help          show this help\n"
	"\n"
	"In the view, /sys is the machine's own and umdev's together, /dev and /run are private\n"
	"copies, and /dev/vfio has an entry per group, which programs can open and use as the\n"
	"kernel's. See umdev(1).\n";

static void print_help(const char *name)
{
	if (strcmp(name, "exec") == 0)
		puts("Usage: umdev exec [OPTION]... [--] COMMAND [ARGUMENT]...\n"
		     "Runs a command in umdevd's view of the machine.");
	else
		puts("Usage: umdev shell [OPTION]...\n"
		     "Runs a shell ($SHELL) in umdevd's view of the machine.");
	fputs(options_help, stdout);
}

/* Return: as parse_options(). */
static int check_udev(const struct exec_options *opt)
{
	if (!opt->udev.wanted && (opt->udev.rules.nr_files || opt->udev.program)) {
		cli_fail("--rules and --udevd are about a udevd: --udev is missing");
		return EXIT_NO_VIEW;
	}
	/* It would act on the machine's events, which are its own udevd's. */
	if (opt->udev.wanted && strcmp(opt->net, "own")) {
		cli_fail("--udev: only a view with a network of its own can have a udevd: leave "
			 "out --net=%s",
			 opt->net);
		return EXIT_NO_VIEW;
	}
	return -1;
}

/* Return: -1 to go on with what is at optind, else the exit status. */
static int parse_options(struct exec_options *opt, int argc, char **argv)
{
	static char program[sizeof("umdev shell")];
	const char *name = argv[0];
	int c;

	/* For what getopt_long() says. */
	snprintf(program, sizeof(program), "umdev %s", name);
	argv[0] = program;
	opt->net = "own";
	optind = 0;
	/* What comes behind the command is the command's. */
	while ((c = getopt_long(argc, argv, "+h", long_options, NULL)) != -1) {
		switch (c) {
		case OPT_NET:
			if (strcmp(optarg, "own") && strcmp(optarg, "host")) {
				cli_fail("--net: \"%s\": \"own\" or \"host\" is expected", optarg);
				return EXIT_NO_VIEW;
			}
			opt->net = optarg;
			break;
		case OPT_NO_VFIO:
			opt->no_vfio = true;
			break;
		case OPT_UDEV:
			opt->udev.wanted = true;
			break;
		case OPT_RULES:
			if (udev_rules_read(&opt->udev.rules, optarg))
				return EXIT_NO_VIEW;
			break;
		case OPT_UDEVD:
			opt->udev.program = optarg;
			break;
		case 'h':
			print_help(name);
			return cli_flush() ? EXIT_NO_VIEW : EXIT_SUCCESS;
		default:
			fprintf(stderr, "Try '%s --help'.\n", program);
			return EXIT_NO_VIEW;
		}
	}
	return check_udev(opt);
}

/* ---- the environment ---- */

static bool is_in_path(const char *path, const char *dir)
{
	size_t len = strlen(dir);
	const char *p;

	for (p = path; (p = strstr(p, dir)); p += len)
		if ((p == path || p[-1] == ':') && (!p[len] || p[len] == ':'))
			return true;
	return false;
}

/*
 * Tools for devices are in sbin, which ordinary users do not have in their PATH. It comes last, so
 * that what was found before is found still.
 */
static int add_sbin(void)
{
	static const char *const dirs[] = { "/usr/local/sbin", "/usr/sbin", "/sbin" };
	const char *old = getenv("PATH");
	char *path = strdup(old ? old : "/usr/local/bin:/usr/bin:/bin"), *longer;
	int err;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(dirs) && path; i++) {
		if (is_in_path(path, dirs[i]))
			continue;
		if (asprintf(&longer, "%s%s%s", path, *path ? ":" : "", dirs[i]) < 0)
			longer = NULL;
		free(path);
		path = longer;
	}
	err = path ? setenv("PATH", path, 1) : -1;
	free(path);
	return err;
}

static int set_environment(const char *runtime_dir, const char *net)
{
	/* libudev does not believe a /sys that is no sysfs. */
	if (setenv("SYSTEMD_DEVICE_VERIFY_SYSFS", "0", 1) ||
	    setenv(RUNTIME_DIR_ENV, runtime_dir, 1) || setenv("UMDEV_VIEW", net, 1) || add_sbin())
		return cli_fail("out of memory");
	return 0;
}

static int enter(const struct cli *cli, const struct exec_options *opt)
{
	char *runtime_dir, *library;
	int status;

	/* The name of this program's file is good where it was started. */
	library = preload_library();
	if (!library)
		return cli_fail("out of memory");
	status = view_enter(cli, opt->net, &runtime_dir);
	if (!status) {
		status = set_environment(runtime_dir, opt->net);
		if (!status && opt->udev.wanted)
			status = udevd_start(cli, runtime_dir, &opt->udev);
		if (!status)
			status = preload_set(library, !opt->no_vfio);
		free(runtime_dir);
	}
	free(library);
	return status;
}

/* Become the command. Return: the exit status if that cannot be. */
static int run_command(char **argv)
{
	int err;

	execvp(argv[0], argv);
	err = errno;
	if (err == ENOENT && strchr(argv[0], '/'))
		cli_fail("%s: no such program, or what it needs to run is missing", argv[0]);
	else if (err == ENOENT)
		cli_fail("%s: command not found", argv[0]);
	else
		cli_fail("%s: %s", argv[0], strerror(err));
	return err == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN;
}

int exec_self(const struct cli *cli, char *const argv[])
{
	struct exec_options opt = { .net = "own" };

	if (enter(cli, &opt))
		return EXIT_FAILURE;
	/* By the process's own link: the view may not show the file by its name. */
	execv("/proc/self/exe", argv);
	return cli_fail("can't run in the view: %s", strerror(errno));
}

static int exec_in_view(const struct cli *cli, struct exec_options *opt, int argc, char **argv)
{
	int status = parse_options(opt, argc, argv);

	if (status >= 0)
		return status;
	if (optind == argc) {
		cli_fail("exec: a command is missing (usage: umdev exec [OPTION]... COMMAND...)");
		return EXIT_NO_VIEW;
	}
	if (enter(cli, opt))
		return EXIT_NO_VIEW;
	return run_command(argv + optind);
}

static int shell_in_view(const struct cli *cli, struct exec_options *opt, int argc, char **argv)
{
	const char *shell = getenv("SHELL");
	int status = parse_options(opt, argc, argv);

	if (status >= 0)
		return status;
	if (optind < argc) {
		cli_fail("shell: \"%s\": no argument is expected (to run a command: umdev exec)",
			 argv[optind]);
		return EXIT_NO_VIEW;
	}
	if (enter(cli, opt))
		return EXIT_NO_VIEW;
	/* Debian's shells show this in their prompt. */
	if (setenv("debian_chroot", "umdev", 0)) {
		cli_fail("out of memory");
		return EXIT_NO_VIEW;
	}
	fprintf(stderr,
		"umdev: this is the view of the umdevd at %s, with %s network; leave it with: "
		"exit\n",
		getenv(RUNTIME_DIR_ENV), strcmp(opt->net, "own") ? "the host's" : "its own");
	return run_command((char *[]) { (char *)(shell && *shell ? shell : "/bin/sh"), NULL });
}

int cmd_exec(const struct cli *cli, int argc, char **argv)
{
	struct exec_options opt = { 0 };
	int status = exec_in_view(cli, &opt, argc, argv);

	udev_rules_finish(&opt.udev.rules);
	return status;
}

int cmd_shell(const struct cli *cli, int argc, char **argv)
{
	struct exec_options opt = { 0 };
	int status = shell_in_view(cli, &opt, argc, argv);

	udev_rules_finish(&opt.udev.rules);
	return status;
}
