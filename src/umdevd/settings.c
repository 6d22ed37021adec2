/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "umdevd/settings.h"

static const char *const level_names[] = {
	[LOG_LEVEL_ERR] = "err",   [LOG_LEVEL_WARN] = "warn",	[LOG_LEVEL_NOTICE] = "notice",
	[LOG_LEVEL_INFO] = "info", [LOG_LEVEL_DEBUG] = "debug",
};

static int set_module_path(struct options *opt, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(opt->module_path);
	opt->module_path = copy;
	return 0;
}

static int set_socket_mode(struct options *opt, const char *value)
{
	char *end;
	unsigned long v = strtoul(value, &end, 8);

	if (*value < '0' || *value > '7' || *end || v > 0777)
		return -EINVAL;
	opt->socket_mode = (mode_t)v;
	return 0;
}

/* A number that is neither the "unchanged" of chown() nor too large. */
static int parse_id(const char *value, unsigned int *id)
{
	char *end;
	unsigned long v = strtoul(value, &end, 10);

	if (*value < '0' || *value > '9' || *end || v >= (uid_t)-1)
		return -EINVAL;
	*id = (unsigned int)v;
	return 0;
}

static int set_socket_owner(struct options *opt, const char *value)
{
	const struct passwd *pw = getpwnam(value);

	if (!pw)
		return parse_id(value, &opt->socket_owner);
	opt->socket_owner = pw->pw_uid;
	return 0;
}

static int set_socket_group(struct options *opt, const char *value)
{
	const struct group *gr = getgrnam(value);

	if (!gr)
		return parse_id(value, &opt->socket_group);
	opt->socket_group = gr->gr_gid;
	return 0;
}

static int set_log_level(struct options *opt, const char *value)
{
	size_t i;

	for (i = LOG_LEVEL_ERR; i < ARRAY_SIZE(level_names); i++) {
		if (strcmp(value, level_names[i]) == 0) {
			opt->log_level = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

static int set_uevents(struct options *opt, const char *value)
{
	opt->uevents_host = strcmp(value, "host") == 0;
	return opt->uevents_host || strcmp(value, "views") == 0 ? 0 : -EINVAL;
}

const struct setting settings[SETTINGS_COUNT] = {
	{ "module-path", "a directory", set_module_path },
	{ "socket-mode", "permissions in octal, 0 to 0777", set_socket_mode },
	{ "socket-owner", "the name or the number of a user", set_socket_owner },
	{ "socket-group", "the name or the number of a group", set_socket_group },
	{ "uevents", "views or host", set_uevents },
	{ "log-level", "err, warn, notice, info or debug", set_log_level },
};

const struct setting *setting_find(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(settings); i++)
		if (strcmp(name, settings[i].name) == 0)
			return &settings[i];
	return NULL;
}
