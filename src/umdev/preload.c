/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "umdev/cli.h"
#include "umdev/preload.h"
#include "umdevd/build_tree.h"

#define LIBRARY "/libumdev-vfio.so"
#define PRELOAD "LD_PRELOAD"
/* What stands between two libraries there. */
#define SEPARATORS ": "

char *preload_library(void)
{
	char *path = build_tree_file("/src/umdev/umdev", "/src/preload" LIBRARY);

	return path ? path : strdup(UMDEV_PRELOAD_DIR LIBRARY);
}

static bool can_be_preloaded(const char *library)
{
	const char *problem = NULL;

	if (strpbrk(library, SEPARATORS))
		problem = "a path with a space or a colon cannot be preloaded";
	else if (access(library, R_OK))
		problem = strerror(errno);
	if (!problem)
		return true;
	cli_fail("%s: %s: the command cannot use VFIO (to run without it: --no-vfio)", library,
		 problem);
	return false;
}

static int set(const char *list)
{
	return *list ? setenv(PRELOAD, list, 1) : unsetenv(PRELOAD);
}

int preload_set(const char *library, bool wanted)
{
	const char *old = getenv(PRELOAD);
	char *rest = strdup(old ? old : ""), *list = NULL, *longer, *entry, *save;
	int err;

	if (wanted && can_be_preloaded(library))
		list = strdup(library);
	else
		list = strdup("");
	for (entry = rest ? strtok_r(rest, SEPARATORS, &save) : NULL; entry && list;
	     entry = strtok_r(NULL, SEPARATORS, &save)) {
		if (strcmp(entry, library) == 0)
			continue;
		if (asprintf(&longer, "%s%s%s", list, *list ? ":" : "", entry) < 0)
			longer = NULL;
		free(list);
		list = longer;
	}
	err = rest && list ? set(list) : -1;
	free(rest);
	free(list);
	return err ? cli_fail("out of memory") : 0;
}
