/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "umdevd/default_dir.h"

char *default_runtime_dir(void)
{
	const char *env = getenv(RUNTIME_DIR_ENV);
	char *path;

	if (env && *env)
		return strdup(env);
	if (geteuid() == 0)
		return strdup(RUNTIME_DIR_SYSTEM);
	env = getenv("XDG_RUNTIME_DIR");
	if (!env || !*env || asprintf(&path, "%s/umdev", env) < 0)
		return NULL;
	return path;
}
