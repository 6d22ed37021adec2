/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The library that makes VFIO's calls in place of the kernel (src/preload), for commands.
 */
#ifndef UMDEV_PRELOAD_H
#define UMDEV_PRELOAD_H

#include <stdbool.h>

/**
 * preload_library - where it is: in the build tree that this program runs from, or installed
 * Return: its path, to free(), whether it is there or not; NULL if there is no memory.
 */
char *preload_library(void);

/**
 * preload_set - put the library into LD_PRELOAD, in front of all others, or take it out
 * @library: its path; where there is none, or one that LD_PRELOAD cannot have, a line says so
 *
 * Return: 0, or EXIT_FAILURE after saying that there is no memory.
 */
int preload_set(const char *library, bool wanted);

#endif
