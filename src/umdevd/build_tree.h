/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program that is run from where it was compiled finds what was compiled with it.
 */
#ifndef UMDEVD_BUILD_TREE_H
#define UMDEVD_BUILD_TREE_H

/**
 * build_tree_file - where something else of the build tree is that this program runs from
 * @program: where it is itself there, as "/src/umdevd/umdevd"
 * @name:    what is looked for, in the same way
 * Return: its path, to free(), whether it is there or not; NULL: this program does not run from
 *         its build tree (or no memory), so what is installed is right.
 */
char *build_tree_file(const char *program, const char *name);

/**
 * build_tree_module_path - where modules are, if the daemon runs from its build tree
 * Return: directories with ':' between them, to free(); NULL: it does not (or no memory), so the
 *         installed modules are the right ones.
 */
char *build_tree_module_path(void);

#endif
