/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands behind a command: "umdev ap plug".
 */
#ifndef UMDEV_SUB_COMMAND_H
#define UMDEV_SUB_COMMAND_H

#include "umdev/cli.h"

/**
 * struct sub_command - one of them
 * @name: as it is typed
 * @args: its arguments, for people; "" for none
 * @help: one line
 * @run:  do it; @argv[0] is @name, what follows is its own, options too. Return: the exit status
 */
struct sub_command {
	const char *name;
	const char *args;
	const char *help;
	int (*run)(const struct cli *cli, int argc, char **argv);
};

/**
 * struct sub_commands - all behind one command
 * @name:     that one
 * @about:    what it is about, a line
 * @commands: @nr of them; the first one is run if none is given
 * @more:     the options and what else there is to say, behind the list
 */
struct sub_commands {
	const char *name;
	const char *about;
	const struct sub_command *commands;
	size_t nr;
	const char *more;
};

/** sub_help - print what there is. Return: the exit status. */
int sub_help(const struct sub_commands *all);

/** sub_run - run the one that @argv[1] names; -j, --json and -h, --help may come before it. */
int sub_run(const struct sub_commands *all, const struct cli *cli, int argc, char **argv);

#define SUB_OPTIONS 4 /* at most, besides --help */

/** struct sub_option - an option without value: --@long_name, or -@letter unless that is 0 */
struct sub_option {
	const char *long_name;
	char letter;
	bool *set;
};

/**
 * sub_options - take options out of the arguments; a list of them ends with long_name NULL
 * Return: -1, and what is left in @argv, from @argv[1] on; else the exit status.
 */
int sub_options(const struct sub_commands *all, const struct sub_option *options, int *argc,
		char **argv);

/** sub_usage - say how the command @argv[0] is used. Return: the exit status. */
int sub_usage(const struct sub_commands *all, const char *command);

#endif
