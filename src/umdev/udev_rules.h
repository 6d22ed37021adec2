/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rules for the udevd of a view: files of the caller's, and what the machine's own need there.
 */
#ifndef UMDEV_UDEV_RULES_H
#define UMDEV_UDEV_RULES_H

#include <stdbool.h>
#include <stddef.h>

/**
 * struct udev_rules_file - one file, read before a view is entered
 * @name: NAME.rules, without a directory; owned
 * @text, @len: what is in it; owned
 */
struct udev_rules_file {
	char *name;
	char *text;
	size_t len;
};

/** struct udev_rules - files to put into a view, in the order in which they were given */
struct udev_rules {
	struct udev_rules_file *files;
	size_t nr_files;
};

/**
 * udev_rules_read - take what --rules names
 * @path: a file *.rules, or a directory with such files
 *
 * Return: 0, -1 after saying what is wrong with it.
 */
int udev_rules_read(struct udev_rules *rules, const char *path);

/** udev_rules_finish - free what is owned; zeroed is fine. */
void udev_rules_finish(struct udev_rules *rules);

/**
 * udev_rules_place - put the files, and corrected ones of the machine's, into /run/udev/rules.d
 * @changed: something there is not as it was before
 *
 * A file of the same name is replaced; of two that were given the later one stays.
 *
 * Context: in a view, whose /run/udev is its own.
 * Return: 0, -1 after saying what is wrong.
 */
int udev_rules_place(const struct udev_rules *rules, bool *changed);

#endif
