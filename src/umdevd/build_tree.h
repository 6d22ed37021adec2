/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A daemon that is run from where it was compiled finds the modules that were compiled with it.
 */
#ifndef UMDEVD_BUILD_TREE_H
#define UMDEVD_BUILD_TREE_H

/**
 * build_tree_module_path - where modules are, if this program runs from its build tree
 * Return: directories with ':' between them, to free(); NULL: it does not (or no memory), so the
 *         installed modules are the right ones.
 */
char *build_tree_module_path(void);

#endif
