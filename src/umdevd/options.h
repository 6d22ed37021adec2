/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * umdevd's command line.
 */
#ifndef UMDEVD_OPTIONS_H
#define UMDEVD_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <umdev/log.h>

/**
 * struct load_option - a module to load at the beginning
 * @name:   name, alias or path; owned
 * @params: for module_load(); owned, NULL for none
 */
struct load_option {
	char *name;
	char *params;
};

/**
 * struct options - what the command line and the environment say
 * @runtime_dir:  owned
 * @module_path:  directories with ':' between them; NULL for the default. Not owned
 * @loads:        owned array of @nr_loads
 * @socket_mode, @socket_owner, @socket_group: of the devices' sockets; -1 if not given (but mode)
 * @log_level:    what is less serious is not logged
 */
struct options {
	char *runtime_dir;
	const char *module_path;
	struct load_option *loads;
	size_t nr_loads;
	mode_t socket_mode;
	uid_t socket_owner;
	gid_t socket_group;
	enum log_level log_level;
};

/**
 * options_parse - read the command line
 *
 * Prints to stdout for --help and --version, to stderr what is wrong.
 * Return: -1 to go on, else the exit status (0, or 2 for wrong usage).
 */
int options_parse(struct options *opt, int argc, char **argv);

/** options_finish - free what is owned; zeroed is fine. */
void options_finish(struct options *opt);

#endif
