/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the commands of umdev(1) share: the command line, where the daemon is, how to answer.
 */
#ifndef UMDEV_CLI_H
#define UMDEV_CLI_H

#include <json-c/json.h>
#include <stdbool.h>
#include <umdev/util.h>

#define EXIT_USAGE 2

/**
 * struct cli - what was asked for, besides the command
 * @runtime_dir: of the daemon; owned
 * @json:        answer for programs
 * @force:       after how many seconds users are disconnected; -1: never
 * @wait:        wait for users where that has to be said
 * @rebind:      bind also what is bound
 */
struct cli {
	char *runtime_dir;
	bool json;
	int force;
	bool wait;
	bool rebind;
};

/* Options that only some commands have: cli_command.options. */
#define CLI_FORCE  1u
#define CLI_WAIT   2u
#define CLI_REBIND 4u

/**
 * struct cli_command - one command
 * @name: as it is typed
 * @args: its arguments, for people; "" for none
 * @help: one line
 * @min_args, @max_args: how many it takes
 * @options: which of CLI_FORCE, CLI_WAIT, CLI_REBIND it has
 * @own_options: what follows its name is its own, options too
 * @run:  do it with @argv[0] to @argv[argc - 1]; return the exit status
 */
struct cli_command {
	const char *name;
	const char *args;
	const char *help;
	int min_args;
	int max_args;
	int (*run)(const struct cli *cli, int argc, char **argv);
	unsigned int options;
	bool own_options;
};

/* ---- output.c ---- */

/** cli_fail - say on stderr what is wrong, as "umdev: TEXT". Return: EXIT_FAILURE. */
int cli_fail(const char *fmt, ...) __umdev_printf(1, 2);

/** cli_say_no_daemon - say that there is none, and what to do. Return: EXIT_FAILURE. */
int cli_say_no_daemon(const struct cli *cli);

/** struct column - a column of a table: @key of the objects, @title above */
struct column {
	const char *key;
	const char *title;
};

/**
 * cli_print_list - an array of objects: as a table, or as it is with --json
 * @columns: what the table has of them; ends with a NULL key
 *
 * Return: the exit status; it is a failure if stdout cannot be written.
 */
int cli_print_list(const struct cli *cli, struct json_object *list, const struct column *columns);

/** cli_print_object - one object: a line per key, or as it is with --json. Return: as above. */
int cli_print_object(const struct cli *cli, struct json_object *obj, const struct column *columns);

/** cli_flush - Return: the exit status: a failure if what was printed did not get out. */
int cli_flush(void);

/** json_add_text - add a text to an object; NULL is added as null. */
void json_add_text(struct json_object *obj, const char *key, const char *text);

/**
 * say_binding_failed - say why @name can't be bound or unbound, where that needs no look at it
 * @what: "bind", "rebind", "unbind"
 * Return: EXIT_FAILURE.
 */
int say_binding_failed(const char *what, const char *name, int err);

/* ---- the commands: cli_command.run of the one of this name ---- */

int cmd_list(const struct cli *cli, int argc, char **argv);
int cmd_types(const struct cli *cli, int argc, char **argv);
int cmd_create(const struct cli *cli, int argc, char **argv);
int cmd_remove(const struct cli *cli, int argc, char **argv);
int cmd_bind(const struct cli *cli, int argc, char **argv);
int cmd_unbind(const struct cli *cli, int argc, char **argv);
int cmd_ap(const struct cli *cli, int argc, char **argv);
int cmd_css(const struct cli *cli, int argc, char **argv);
int cmd_attach(const struct cli *cli, int argc, char **argv);
int cmd_detach(const struct cli *cli, int argc, char **argv);
int cmd_overlay(const struct cli *cli, int argc, char **argv);
int cmd_modprobe(const struct cli *cli, int argc, char **argv);
int cmd_rmmod(const struct cli *cli, int argc, char **argv);
int cmd_lsmod(const struct cli *cli, int argc, char **argv);
int cmd_monitor(const struct cli *cli, int argc, char **argv);
int cmd_status(const struct cli *cli, int argc, char **argv);
int cmd_qemu_args(const struct cli *cli, int argc, char **argv);
int cmd_exec(const struct cli *cli, int argc, char **argv);
int cmd_shell(const struct cli *cli, int argc, char **argv);

#endif
