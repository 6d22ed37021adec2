/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What can be said on the command line (--NAME VALUE) and in the configuration file (NAME VALUE)
 * alike.
 */
#ifndef UMDEVD_SETTINGS_H
#define UMDEVD_SETTINGS_H

#include "umdevd/options.h"

/**
 * struct setting - one that takes a single value
 * @name:     without the dashes
 * @expected: what a value is, for people
 * @set:      check @value and keep it in @opt, in place of the one before. 0, -EINVAL, -ENOMEM
 */
struct setting {
	const char *name;
	const char *expected;
	int (*set)(struct options *opt, const char *value);
};

#define SETTINGS_COUNT 6

extern const struct setting settings[SETTINGS_COUNT];

/** setting_find - Return: the one of this name, NULL if there is none. */
const struct setting *setting_find(const char *name);

#endif
