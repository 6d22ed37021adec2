/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What umdevd is told: on the command line, in the environment, in the configuration file.
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
 * @origin: "FILE:LINE" that asks for it; owned, NULL for the command line
 */
struct load_option {
	char *name;
	char *params;
	char *origin;
};

/**
 * struct options - what all of them say together
 * @runtime_dir:  owned
 * @module_path:  directories with ':' between them; NULL for the default. Owned
 * @loads:        owned array of @nr_loads, in the order in which to load them
 * @socket_mode, @socket_owner, @socket_group: of the devices' sockets; -1 if not given (but mode)
 * @uevents_host: send events to the network namespace of the host, too
 * @log_level:    what is less serious is not logged
 */
struct options {
	char *runtime_dir;
	char *module_path;
	struct load_option *loads;
	size_t nr_loads;
	mode_t socket_mode;
	uid_t socket_owner;
	gid_t socket_group;
	bool uevents_host;
	enum log_level log_level;
};

/**
 * options_parse - read the configuration file, the environment, the command line
 *
 * The last of them that says something is right; modules are loaded as they come.
 * Prints to stdout for --help and --version, to stderr what is wrong.
 * Return: -1 to go on, else the exit status (0, or 2 for what is not valid).
 */
int options_parse(struct options *opt, int argc, char **argv);

/**
 * options_add_load - one module more to load
 *
 * Return: the entry, with a copy of @name, valid until the next call; NULL without memory.
 */
struct load_option *options_add_load(struct options *opt, const char *name);

/** options_finish - free what is owned; zeroed is fine. */
void options_finish(struct options *opt);

#endif
