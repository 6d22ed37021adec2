/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "umdevd/default_dir.h"
#include "umdevd/options.h"
#include "umdevd/params.h"

#define MODULE_PATH_ENV "UMDEV_MODULE_PATH"

#define EXIT_USAGE 2

static const char usage[] =
	"Usage: umdevd [OPTION]...\n"
	"Hosts devices: loads driver modules, shows them in a sysfs of its own, and serves each\n"
	"VFIO device to virtual machines over vfio-user.\n"
	"\n"
	"  -l, --load NAME[,PARAM=VALUE]...  load a module (may be repeated)\n"
	"      --runtime-dir DIR     where sys/, vfio-user/ and control are\n"
	"                            (/run/umdev; $XDG_RUNTIME_DIR/umdev if not root)\n"
	"      --module-path DIRS    where modules are, with ':' between directories\n"
	"      --socket-mode MODE    permissions of the devices' sockets, octal (0600)\n"
	"      --socket-owner USER   who owns them\n"
	"      --socket-group GROUP  and their group\n"
	"      --log-level LEVEL     err, warn, notice, info or debug (info)\n"
	"  -h, --help                show this help\n"
	"  -V, --version             show the version\n"
	"\n"
	"It stays in the foreground; SIGTERM ends it. See umdevd(8).\n";

static const char *const level_names[] = {
	[LOG_LEVEL_ERR] = "err",   [LOG_LEVEL_WARN] = "warn",	[LOG_LEVEL_NOTICE] = "notice",
	[LOG_LEVEL_INFO] = "info", [LOG_LEVEL_DEBUG] = "debug",
};

/* ',' ends a parameter, but not between double quotes. */
static char *next_part(char **rest)
{
	char *part = *rest, *p;
	bool quoted = false;

	if (!part)
		return NULL;
	for (p = part; *p && (quoted || *p != ','); p++)
		if (*p == '"')
			quoted = !quoted;
	*rest = *p ? p + 1 : NULL;
	*p = '\0';
	return part;
}

/* Take the double quotes around a value away: params_append() puts them where they are needed. */
static void unquote_value(char *part)
{
	char *value = strchr(part, '=');
	size_t len;

	if (!value++)
		return;
	len = strlen(value);
	if (len < 2 || value[0] != '"' || value[len - 1] != '"')
		return;
	memmove(value, value + 1, len - 2);
	value[len - 2] = '\0';
}

static int add_load(struct options *opt, const char *arg)
{
	char *copy = strdup(arg), *rest = copy, *name, *part;
	struct load_option *loads;
	int err = 0;

	loads = realloc(opt->loads, (opt->nr_loads + 1) * sizeof(*loads));
	if (loads)
		opt->loads = loads;
	name = next_part(&rest);
	if (!copy || !loads || !*name) {
		free(copy);
		return !copy || !loads ? -ENOMEM : -EINVAL;
	}
	loads += opt->nr_loads++;
	loads->name = strdup(name);
	loads->params = NULL;
	if (!loads->name)
		err = -ENOMEM;
	while (!err && (part = next_part(&rest))) {
		unquote_value(part);
		err = params_append(&loads->params, part);
	}
	free(copy);
	return err;
}

static int parse_mode(const char *arg, mode_t *mode)
{
	char *end;
	unsigned long v = strtoul(arg, &end, 8);

	if (!*arg || *arg == '-' || *end || v > 0777)
		return -EINVAL;
	*mode = (mode_t)v;
	return 0;
}

/* A number that is neither the "unchanged" of chown() nor too large. */
static int parse_id(const char *arg, unsigned int *id)
{
	char *end;
	unsigned long v = strtoul(arg, &end, 10);

	if (!*arg || *arg == '-' || *arg == '+' || *end || v >= (uid_t)-1)
		return -EINVAL;
	*id = (unsigned int)v;
	return 0;
}

static int parse_owner(const char *arg, uid_t *uid)
{
	const struct passwd *pw = getpwnam(arg);

	if (!pw)
		return parse_id(arg, uid);
	*uid = pw->pw_uid;
	return 0;
}

static int parse_group(const char *arg, gid_t *gid)
{
	const struct group *gr = getgrnam(arg);

	if (!gr)
		return parse_id(arg, gid);
	*gid = gr->gr_gid;
	return 0;
}

static int parse_level(const char *arg, enum log_level *level)
{
	size_t i;

	for (i = LOG_LEVEL_ERR; i < ARRAY_SIZE(level_names); i++) {
		if (strcmp(arg, level_names[i]) == 0) {
			*level = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

static int set_runtime_dir(struct options *opt, const char *arg)
{
	free(opt->runtime_dir);
	opt->runtime_dir = *arg ? strdup(arg) : NULL;
	return *arg ? (opt->runtime_dir ? 0 : -ENOMEM) : -EINVAL;
}

enum {
	OPT_RUNTIME_DIR = 256,
	OPT_MODULE_PATH,
	OPT_MODE,
	OPT_OWNER,
	OPT_GROUP,
	OPT_LEVEL
};

static const struct option long_options[] = {
	{ "load", required_argument, NULL, 'l' },
	{ "runtime-dir", required_argument, NULL, OPT_RUNTIME_DIR },
	{ "module-path", required_argument, NULL, OPT_MODULE_PATH },
	{ "socket-mode", required_argument, NULL, OPT_MODE },
	{ "socket-owner", required_argument, NULL, OPT_OWNER },
	{ "socket-group", required_argument, NULL, OPT_GROUP },
	{ "log-level", required_argument, NULL, OPT_LEVEL },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static int take_option(struct options *opt, int c, const char *arg)
{
	switch (c) {
	case 'l':
		return add_load(opt, arg);
	case OPT_RUNTIME_DIR:
		return set_runtime_dir(opt, arg);
	case OPT_MODULE_PATH:
		opt->module_path = arg;
		return 0;
	case OPT_MODE:
		return parse_mode(arg, &opt->socket_mode);
	case OPT_OWNER:
		return parse_owner(arg, &opt->socket_owner);
	case OPT_GROUP:
		return parse_group(arg, &opt->socket_group);
	case OPT_LEVEL:
		return parse_level(arg, &opt->log_level);
	}
	return -EINVAL;
}

static int parse_arguments(struct options *opt, int argc, char **argv)
{
	int c, err, index = -1;

	while ((c = getopt_long(argc, argv, "l:hV", long_options, &index)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			return 0;
		}
		if (c == 'V') {
			puts("umdevd " UMDEV_VERSION);
			return 0;
		}
		if (c == '?') {
			fputs("Try 'umdevd --help'.\n", stderr);
			return EXIT_USAGE;
		}
		err = take_option(opt, c, optarg);
		if (err) {
			fprintf(stderr, "umdevd: %s%s: \"%s\": %s\n", index < 0 ? "-" : "--",
				index < 0 ? "l" : long_options[index].name, optarg,
				err == -ENOMEM ? "out of memory" : "not valid (see umdevd --help)");
			return EXIT_USAGE;
		}
		index = -1;
	}
	if (optind < argc) {
		fprintf(stderr, "umdevd: \"%s\": no argument is expected here%s\n", argv[optind],
			" (to load a module: --load NAME)");
		return EXIT_USAGE;
	}
	return -1;
}

int options_parse(struct options *opt, int argc, char **argv)
{
	int ret;

	memset(opt, 0, sizeof(*opt));
	opt->module_path = getenv(MODULE_PATH_ENV);
	opt->socket_mode = 0600;
	opt->socket_owner = (uid_t)-1;
	opt->socket_group = (gid_t)-1;
	opt->log_level = LOG_LEVEL_INFO;
	ret = parse_arguments(opt, argc, argv);
	if (ret >= 0)
		return ret;
	if (!opt->runtime_dir)
		opt->runtime_dir = default_runtime_dir();
	if (!opt->runtime_dir) {
		fputs("umdevd: XDG_RUNTIME_DIR is not set: "
		      "say with --runtime-dir DIR where to be\n",
		      stderr);
		return EXIT_USAGE;
	}
	return -1;
}

void options_finish(struct options *opt)
{
	size_t i;

	for (i = 0; i < opt->nr_loads; i++) {
		free(opt->loads[i].name);
		free(opt->loads[i].params);
	}
	free(opt->loads);
	free(opt->runtime_dir);
	memset(opt, 0, sizeof(*opt));
}
