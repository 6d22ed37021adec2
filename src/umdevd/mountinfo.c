/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "umdevd/mountinfo.h"

/* Blanks and the like are written as \ and three octal digits. */
static void unescape(char *s)
{
	char *out = s;
	int i, v;

	for (; *s; s++) {
		v = 0;
		for (i = 1; *s == '\\' && i <= 3 && s[i] >= '0' && s[i] <= '7'; i++)
			v = v * 8 + s[i] - '0';
		if (i == 4) {
			*out++ = (char)v;
			s += 3;
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
}

/* ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS [...] - TYPE ... */
static int parse_line(char *line, int (*fn)(const char *path, const char *type, void *data),
		      void *data)
{
	char *type = strstr(line, " - "), *path;
	int err;

	if (!type || sscanf(line, "%*s %*s %*s %*s %ms", &path) != 1)
		return 0;
	unescape(path);
	type += strlen(" - ");
	type[strcspn(type, " \n")] = '\0';
	err = fn(path, type, data);
	free(path);
	return err;
}

int mountinfo_for_each(int (*fn)(const char *path, const char *type, void *data), void *data)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t size = 0;
	int err = 0;

	if (!f)
		return -errno;
	while (!err && getline(&line, &size, f) > 0)
		err = parse_line(line, fn, data);
	free(line);
	fclose(f);
	return err;
}
