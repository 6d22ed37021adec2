/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "umdevd/config.h"
#include "umdevd/default_dir.h"
#include "umdevd/options.h"
#include "umdevd/params.h"
#include "umdevd/settings.h"

#define MODULE_PATH_ENV "UMDEV_MODULE_PATH"

#define EXIT_USAGE 2

static const char usage[] =
	"Usage: umdevd [OPTION]...\n"
	"Hosts devices: loads driver modules, shows them in a sysfs of its own, and serves each\n"
	"VFIO device to virtual machines over vfio-user.\n"
	"\n"
	"  -l, --load NAME[,PARAM=VALUE]...  load a module (may be repeated)\n"
	"      --config FILE         what to read instead of /etc/umdev/umdevd.conf\n"
	"                            ($XDG_CONFIG_HOME/umdev/umdevd.conf if not root)\n"
	"      --no-config           read no such file\n"
	"      --runtime-dir DIR     where sys/, vfio-user/ and control are\n"
	"                            (/run/umdev; $XDG_RUNTIME_DIR/umdev if not root)\n"
	"      --module-path DIRS    where modules are, with ':' between directories\n"
	"      --socket-mode MODE    permissions of the devices' sockets, octal (0600)\n"
	"      --socket-owner USER   who owns them\n"
	"      --socket-group GROUP  and their group\n"
	"      --uevents=host        send events to the network namespace of the host, too,\n"
	"                            where its udevd acts on them (views: not there)\n"
	"      --log-level LEVEL     err, warn, notice, info or debug (info)\n"
	"  -h, --help                show this help\n"
	"  -V, --version             show the version\n"
	"\n"
	"It stays in the foreground; SIGTERM ends it. See umdevd(8).\n";

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

struct load_option *options_add_load(struct options *opt, const char *name)
{
	struct load_option *loads, *load;

	loads = realloc(opt->loads, (opt->nr_loads + 1) * sizeof(*loads));
	if (!loads)
		return NULL;
	opt->loads = loads;
	load = &loads[opt->nr_loads];
	memset(load, 0, sizeof(*load));
	load->name = strdup(name);
	if (!load->name)
		return NULL;
	opt->nr_loads++;
	return load;
}

static int add_load(struct options *opt, const char *arg)
{
	char *copy = strdup(arg), *rest = copy, *name, *part;
	struct load_option *load;
	int err = 0;

	if (!copy)
		return -ENOMEM;
	name = next_part(&rest);
	load = *name ? options_add_load(opt, name) : NULL;
	if (!load)
		err = *name ? -ENOMEM : -EINVAL;
	while (!err && (part = next_part(&rest))) {
		params_unquote(part);
		err = params_append(&load->params, part);
	}
	free(copy);
	return err;
}

static int set_runtime_dir(struct options *opt, const char *arg)
{
	free(opt->runtime_dir);
	opt->runtime_dir = *arg ? strdup(arg) : NULL;
	return *arg ? (opt->runtime_dir ? 0 : -ENOMEM) : -EINVAL;
}

enum {
	OPT_RUNTIME_DIR = 256,
	OPT_CONFIG,
	OPT_NO_CONFIG,
	OPT_SETTING
};

static const struct option long_options[] = {
	{ "load", required_argument, NULL, 'l' },
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "no-config", no_argument, NULL, OPT_NO_CONFIG },
	{ "runtime-dir", required_argument, NULL, OPT_RUNTIME_DIR },
	{ "module-path", required_argument, NULL, OPT_SETTING },
	{ "socket-mode", required_argument, NULL, OPT_SETTING },
	{ "socket-owner", required_argument, NULL, OPT_SETTING },
	{ "socket-group", required_argument, NULL, OPT_SETTING },
	{ "uevents", required_argument, NULL, OPT_SETTING },
	{ "log-level", required_argument, NULL, OPT_SETTING },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

/* Return: the next option, -1 behind the last. @index: of a long one, else -1 */
static int next_option(int argc, char **argv, int *index)
{
	*index = -1;
	return getopt_long(argc, argv, "l:hV", long_options, index);
}

/**
 * struct config_choice - which file the command line asks for
 * @path: NULL: the default
 * @none: none at all
 */
struct config_choice {
	const char *path;
	bool none;
};

/* What has to be known before the file is read, of which the rest of the line knows better. */
static int look_ahead(int argc, char **argv, struct config_choice *config)
{
	int c, index;

	while ((c = next_option(argc, argv, &index)) != -1) {
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
		if (c == OPT_CONFIG)
			config->path = optarg;
		if (c == OPT_NO_CONFIG)
			config->none = true;
	}
	if (optind < argc) {
		fprintf(stderr, "umdevd: \"%s\": no argument is expected here%s\n", argv[optind],
			" (to load a module: --load NAME)");
		return EXIT_USAGE;
	}
	if (config->path && config->none) {
		fputs("umdevd: --config and --no-config exclude each other\n", stderr);
		return EXIT_USAGE;
	}
	return -1;
}

/* Return: 0, -errno after a line about it. */
static int read_config(struct options *opt, const struct config_choice *config)
{
	char *path;
	int err;

	if (config->none)
		return 0;
	if (config->path) {
		err = config_read(config->path, opt);
		if (err == -ENOENT)
			fprintf(stderr, "umdevd: --config: %s: there is no such file\n",
				config->path);
		return err;
	}
	path = config_default_path();
	err = path ? config_read(path, opt) : 0;
	free(path);
	return err == -ENOENT ? 0 : err;
}

static int take_option(struct options *opt, int c, int index, const char *arg)
{
	const struct setting *setting;

	switch (c) {
	case 'l':
		return add_load(opt, arg);
	case OPT_RUNTIME_DIR:
		return set_runtime_dir(opt, arg);
	case OPT_SETTING:
		setting = setting_find(long_options[index].name);
		return setting->set(opt, arg);
	}
	return 0;
}

static void refuse_value(int c, int index, const char *arg, int err)
{
	const struct setting *setting;

	setting = c == OPT_SETTING ? setting_find(long_options[index].name) : NULL;
	fprintf(stderr, "umdevd: %s%s: \"%s\": ", index < 0 ? "-" : "--",
		index < 0 ? "l" : long_options[index].name, arg);
	if (err == -ENOMEM)
		fputs("out of memory\n", stderr);
	else if (setting)
		fprintf(stderr, "not valid: expected %s\n", setting->expected);
	else
		fputs("not valid (see umdevd --help)\n", stderr);
}

static int take_options(struct options *opt, int argc, char **argv)
{
	int c, err, index;

	optind = 0; /* from the beginning */
	while ((c = next_option(argc, argv, &index)) != -1) {
		err = take_option(opt, c, index, optarg);
		if (err) {
			refuse_value(c, index, optarg, err);
			return EXIT_USAGE;
		}
	}
	return -1;
}

static int take_environment(struct options *opt)
{
	const char *dirs = getenv(MODULE_PATH_ENV);

	if (!dirs)
		return 0;
	free(opt->module_path);
	opt->module_path = strdup(dirs);
	return opt->module_path ? 0 : -ENOMEM;
}

int options_parse(struct options *opt, int argc, char **argv)
{
	struct config_choice config = { NULL, false };
	int ret;

	memset(opt, 0, sizeof(*opt));
	opt->socket_mode = 0600;
	opt->socket_owner = (uid_t)-1;
	opt->socket_group = (gid_t)-1;
	opt->log_level = LOG_LEVEL_INFO;
	ret = look_ahead(argc, argv, &config);
	if (ret >= 0)
		return ret;
	if (read_config(opt, &config))
		return EXIT_USAGE;
	if (take_environment(opt)) {
		fputs("umdevd: out of memory\n", stderr);
		return EXIT_FAILURE;
	}
	ret = take_options(opt, argc, argv);
	if (ret >= 0)
		return ret;
	if (!opt->runtime_dir)
		opt->runtime_dir = default_runtime_dir();
	if (!opt->runtime_dir) {
		fputs("umdevd: XDG_RUNTIME_DIR is not set: say where to be with UMDEV_RUNTIME_DIR, "
		      "which umdev needs, too, or with --runtime-dir DIR\n",
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
		free(opt->loads[i].origin);
	}
	free(opt->loads);
	free(opt->module_path);
	free(opt->runtime_dir);
	memset(opt, 0, sizeof(*opt));
}
