/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A command of umdev's that is itself a program of the view (cmd_exec.c). */
#ifndef UMDEV_EXEC_H
#define UMDEV_EXEC_H

#include "umdev/cli.h"

/**
 * exec_self - become this program with other arguments, as "umdev exec" runs one
 * Return: the exit status of what has failed; it is said why.
 */
int exec_self(const struct cli *cli, char *const argv[]);

#endif
