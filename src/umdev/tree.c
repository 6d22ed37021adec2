/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/suggest.h"
#include "umdev/tree.h"
#include "umdev/view.h"

#define ATTR_MAX 4096

static void out_of_memory(void)
{
	exit(cli_fail("out of memory"));
}

char *tree_path(const struct cli *cli, const char *fmt, ...)
{
	char *rest, *path;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&rest, fmt, args) < 0)
		out_of_memory();
	va_end(args);
	if (asprintf(&path, "%s/sys/%s", cli->runtime_dir, rest) < 0)
		out_of_memory();
	free(rest);
	return path;
}

int tree_check(const struct cli *cli)
{
	char *path = tree_path(cli, "bus");
	struct stat st;
	int err = stat(path, &st) ? errno : 0;

	free(path);
	switch (err) {
	case 0:
		return 0;
	case ENOENT:
	case ENOTDIR:
		return cli_say_no_daemon(cli);
	case ENOTCONN:
	case ECONNABORTED:
		if (view_is_stale())
			return cli_say_no_daemon(cli);
		return cli_fail("the umdevd at %s has died (start it again: it cleans up)",
				cli->runtime_dir);
	case EACCES:
	case EPERM:
		return cli_fail("the umdevd at %s belongs to another user (run this as that user)",
				cli->runtime_dir);
	}
	return cli_fail("%s/sys: %s", cli->runtime_dir, strerror(err));
}

static int not_hidden(const struct dirent *de)
{
	return de->d_name[0] != '.';
}

void tree_names(const char *path, char ***names)
{
	struct dirent **entries;
	int i, n = scandir(path, &entries, not_hidden, alphasort);

	*names = calloc((size_t)(n > 0 ? n : 0) + 1, sizeof(**names));
	if (!*names)
		out_of_memory();
	for (i = 0; i < n; i++) {
		(*names)[i] = strdup(entries[i]->d_name);
		if (!(*names)[i])
			out_of_memory();
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

void tree_free_names(char **names)
{
	size_t i;

	for (i = 0; names[i]; i++)
		free(names[i]);
	free(names);
}

bool tree_exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

char *tree_read(const char *path)
{
	char buf[ATTR_MAX + 1];
	ssize_t len;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	len = read(fd, buf, ATTR_MAX);
	close(fd);
	if (len < 0)
		return NULL;
	if (len > 0 && buf[len - 1] == '\n')
		len--;
	buf[len] = '\0';
	return strdup(buf);
}

char *tree_read_all(const char *path)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = fopen(path, "re");
	ssize_t len;

	if (!f)
		return NULL;
	len = getdelim(&text, &size, '\0', f);
	fclose(f);
	if (len >= 0)
		return text;
	free(text);
	return strdup("");
}

int tree_write(const char *path, const char *text)
{
	ssize_t len;
	int err, fd;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	len = write(fd, text, strlen(text));
	err = len < 0 ? -errno : 0;
	close(fd);
	return err;
}

char *tree_link_name(const char *path)
{
	char target[ATTR_MAX + 1], *base;
	ssize_t len = readlink(path, target, ATTR_MAX);

	if (len < 0)
		return NULL;
	target[len] = '\0';
	base = strrchr(target, '/');
	return strdup(base ? base + 1 : target);
}

char *tree_parent_name(const char *path)
{
	char *real = realpath(path, NULL), *slash, *name = NULL;

	if (!real)
		return NULL;
	slash = strrchr(real, '/');
	if (slash && slash > real) {
		*slash = '\0';
		slash = strrchr(real, '/');
		if (slash)
			name = strdup(slash + 1);
	}
	free(real);
	return name;
}

/* The names of mdevs are in lower case. */
static char *lower(const char *name)
{
	char *copy = strdup(name), *p;

	if (!copy)
		out_of_memory();
	for (p = copy; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return copy;
}

static char *device_on_bus(const struct cli *cli, const char *bus, const char *name)
{
	char *path = tree_path(cli, "bus/%s/devices/%s", bus, name);

	if (!tree_exists(path) && strcmp(bus, "mdev") == 0) {
		char *copy = lower(name);

		free(path);
		path = tree_path(cli, "bus/mdev/devices/%s", copy);
		free(copy);
	}
	if (tree_exists(path))
		return path;
	free(path);
	return NULL;
}

static void no_such_device(const struct cli *cli, char **buses, const char *name)
{
	struct suggestion s;
	char ***devices, *path;
	size_t i, j, n;

	for (n = 0; buses[n]; n++)
		;
	devices = calloc(n + 1, sizeof(*devices));
	if (!devices)
		out_of_memory();
	suggestion_init(&s, name);
	for (i = 0; i < n; i++) {
		path = tree_path(cli, "bus/%s/devices", buses[i]);
		tree_names(path, &devices[i]);
		free(path);
		for (j = 0; devices[i][j]; j++)
			suggestion_offer(&s, devices[i][j]);
	}
	if (s.best)
		cli_fail("no device \"%s\" (did you mean \"%s\"?)", name, s.best);
	else
		cli_fail("no device \"%s\" (see: umdev list)", name);
	for (i = 0; i < n; i++)
		tree_free_names(devices[i]);
	free(devices);
}

char *tree_find_device(const struct cli *cli, const char *name)
{
	const char *slash = strchr(name, '/'), *device = slash ? slash + 1 : name;
	char *path = NULL, *found, *dir, **buses;
	bool twice = false;
	size_t i;

	if (!*device || strchr(device, '/') || name[0] == '.' || device[0] == '.') {
		cli_fail("\"%s\" names no device (DEVICE or BUS/DEVICE is expected)", name);
		return NULL;
	}
	dir = tree_path(cli, "bus");
	tree_names(dir, &buses);
	free(dir);
	for (i = 0; buses[i]; i++) {
		if (slash && (strlen(buses[i]) != (size_t)(slash - name) ||
			      strncmp(buses[i], name, (size_t)(slash - name)) != 0))
			continue;
		found = device_on_bus(cli, buses[i], device);
		twice = twice || (found && path);
		if (path)
			free(found);
		else
			path = found;
	}
	if (!path)
		no_such_device(cli, buses, device);
	tree_free_names(buses);
	if (twice) {
		cli_fail("more than one bus has a device \"%s\": say BUS/%s", name, name);
		free(path);
		return NULL;
	}
	return path;
}

/* The path of an attribute of the device's vfio-dev/vfioN, to free(); NULL if there is none. */
static char *vfio_attr_path(const char *device, const char *attr)
{
	char *dir, *path = NULL, **names;

	if (asprintf(&dir, "%s/vfio-dev", device) < 0)
		out_of_memory();
	tree_names(dir, &names);
	if (names[0] && asprintf(&path, "%s/%s/%s", dir, names[0], attr) < 0)
		out_of_memory();
	tree_free_names(names);
	free(dir);
	return path;
}

char *tree_vfio_attr(const char *device, const char *attr)
{
	char *path = vfio_attr_path(device, attr), *text = path ? tree_read(path) : NULL;

	free(path);
	return text;
}

int tree_write_vfio_attr(const char *device, const char *attr, const char *text)
{
	char *path = vfio_attr_path(device, attr);
	int err = path ? tree_write(path, text) : -ENOENT;

	free(path);
	return err;
}
