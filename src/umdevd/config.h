/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The configuration file, umdevd.conf(5).
 */
#ifndef UMDEVD_CONFIG_H
#define UMDEVD_CONFIG_H

#include "umdevd/options.h"

/**
 * config_default_path - where the file of this user is, if there is one
 *
 * Return: an allocated path, NULL if nobody says where (or no memory is left).
 */
char *config_default_path(void);

/**
 * config_read - take over what a file says
 * @path: the file; in messages and in the origin of what it loads it is named as here
 * @opt:  what is there before is replaced, loads are added
 *
 * Prints to stderr what is wrong, a line for each mistake, with the file and the line.
 * Return: 0; -ENOENT if there is no such file, then without a word; else what is wrong first.
 */
int config_read(const char *path, struct options *opt);

#endif
