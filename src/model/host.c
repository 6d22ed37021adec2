/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/host.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "model/alloc.h"

const char *host_root = "";

/* Nobody has numbers where there is nothing to be seen. */
static int not_to_be_seen(int err)
{
	return err == ENOENT || err == ENOTDIR || err == EACCES ? 0 : -err;
}

static FILE *open_devices(void)
{
	char path[PATH_MAX];

	if (fault_point()) {
		errno = ENOMEM;
		return NULL;
	}
	snprintf(path, sizeof(path), "%s/proc/devices", host_root);
	return fopen(path, "re");
}

/* "Character devices:", lines as " 10 misc", an empty line, then the same for block devices. */
int host_chrdev_majors(bool *taken, unsigned int max)
{
	bool character = false;
	unsigned int major;
	char line[256];
	FILE *f = open_devices();

	if (!f)
		return not_to_be_seen(errno);
	while (fgets(line, sizeof(line), f)) {
		if (strchr(line, ':'))
			character = !strncmp(line, "Character", strlen("Character"));
		else if (character && sscanf(line, "%u", &major) == 1 && major < max)
			taken[major] = true;
	}
	fclose(f);
	return 0;
}

/* The number that @name has behind @prefix, or -1. */
static int number_of(const char *name, const char *prefix)
{
	size_t len = strlen(prefix);
	unsigned long number;
	char *end;

	if (strncmp(name, prefix, len) || name[len] < '0' || name[len] > '9')
		return -1;
	number = strtoul(name + len, &end, 10);
	return *end || number >= INT_MAX ? -1 : (int)number;
}

int host_first_free(const char *dir, const char *prefix)
{
	char path[PATH_MAX];
	struct dirent *entry;
	int first = 0, nr;
	DIR *d;

	if (fault_point())
		return -ENOMEM;
	snprintf(path, sizeof(path), "%s/sys/%s", host_root, dir);
	d = opendir(path);
	if (!d)
		return not_to_be_seen(errno);
	while ((entry = readdir(d))) {
		nr = number_of(entry->d_name, prefix);
		if (nr >= first)
			first = nr + 1;
	}
	closedir(d);
	return first;
}
