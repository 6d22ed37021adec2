/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How a test takes part in what its modules do: a program that exports module_hook() is asked at
 * each step; in others (umdevd) the modules go their way.
 */
#ifndef UMDEV_TESTS_HOOK_H
#define UMDEV_TESTS_HOOK_H

#include <umdev/module.h>

/** module_hook - @module does @what: "init" or "exit". Return: what init() shall return. */
extern UMDEV_API int module_hook(const char *module, const char *what) __attribute__((weak));

static inline int hook(const char *what)
{
	return module_hook ? module_hook(THIS_MODULE->name, what) : 0;
}

#endif
