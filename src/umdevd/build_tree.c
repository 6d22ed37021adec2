/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "umdevd/build_tree.h"

#define PROGRAM "/src/umdevd/umdevd"

static bool has_file(const char *dir, const char *name)
{
	char path[PATH_MAX];
	int len = snprintf(path, sizeof(path), "%s/%s", dir, name);

	return len < (int)sizeof(path) && access(path, F_OK) == 0;
}

/* The top of the build tree that this program is in, as @program, in @top. */
static bool find_top(const char *program, char *top, size_t size)
{
	ssize_t len = readlink("/proc/self/exe", top, size - 1);
	size_t tail = strlen(program);

	if (len <= (ssize_t)tail)
		return false;
	top[len] = '\0';
	len -= (ssize_t)tail;
	if (strcmp(top + len, program) != 0)
		return false;
	top[len] = '\0';
	/* A ':' would end a directory of the path. */
	return !strchr(top, ':') && has_file(top, "build.ninja");
}

static int is_shown(const struct dirent *de)
{
	return de->d_name[0] != '.';
}

char *build_tree_file(const char *program, const char *name)
{
	char top[PATH_MAX - 16], *path;

	if (!find_top(program, top, sizeof(top)) || asprintf(&path, "%s%s", top, name) < 0)
		return NULL;
	return path;
}

char *build_tree_module_path(void)
{
	char top[PATH_MAX - 16], drivers[PATH_MAX], *path = NULL, *longer;
	struct dirent **entries;
	int i, n;

	if (!find_top(PROGRAM, top, sizeof(top)))
		return NULL;
	snprintf(drivers, sizeof(drivers), "%s/drivers", top);
	n = scandir(drivers, &entries, is_shown, alphasort);
	if (n < 0)
		return NULL;
	for (i = 0; i < n; i++) {
		if (asprintf(&longer, "%s%s%s/%s", path ? path : "", path ? ":" : "", drivers,
			     entries[i]->d_name) < 0)
			longer = NULL;
		free(path);
		path = longer;
		free(entries[i]);
	}
	free(entries);
	return path;
}
