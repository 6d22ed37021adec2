/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The commands of umdev(1) for channel I/O: "umdev css ...".
 */
#ifndef UMDEV_CSS_COMMAND_H
#define UMDEV_CSS_COMMAND_H

#include "umdev/sub_command.h"

/** css_commands - all of them. */
extern const struct sub_commands css_commands;

/** css_check - is module css loaded? Return: 0, or EXIT_FAILURE after saying what to do. */
int css_check(const struct cli *cli);

/** css_find - the subchannel of the device "0.0.1000", as "0.0.0000", to free(), or NULL. */
char *css_find(const struct cli *cli, const char *busid);

/* ---- css_list.c: what is there ---- */

int css_list(const struct cli *cli, int argc, char **argv);
int css_types(const struct cli *cli, int argc, char **argv);

/* ---- css_machine.c: the simulated machine's console ---- */

int css_plug(const struct cli *cli, int argc, char **argv);
int css_unplug(const struct cli *cli, int argc, char **argv);
int css_attention(const struct cli *cli, int argc, char **argv);
int css_chp(const struct cli *cli, int argc, char **argv);

#endif
