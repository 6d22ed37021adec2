/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How the stress reaches the tree: directly, or through a mount of it. */
#ifndef TESTS_STRESS_REACH_H
#define TESTS_STRESS_REACH_H

#include <sys/types.h>

/** reach_mount - go through a mount at this directory from now on; NULL: directly. */
void reach_mount(const char *dir);

/** reach_write, reach_read, reach_list - as tree_write(), tree_read(), tree_list(). */
ssize_t reach_write(const char *path, const char *text);
ssize_t reach_read(const char *path, char *buf);
char *reach_list(const char *path);

#endif
