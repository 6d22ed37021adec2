/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "umdev/cli.h"
#include "umdev/udev_rules.h"

#define SUFFIX	    ".rules"
#define RUNTIME_DIR "/run/udev/rules.d"
#define ADMIN_DIR   "/etc/udev/rules.d"
/* No file of rules is longer. */
#define RULES_MAX (1 << 20)

/* ---- reading ---- */

static bool is_rules_name(const char *name)
{
	size_t len = strlen(name), suffix = strlen(SUFFIX);

	return *name != '.' && len > suffix && strcmp(name + len - suffix, SUFFIX) == 0;
}

/* What is in a file, with a NUL behind it. Return: 0, -errno. */
static int read_all(int fd, char **text, size_t *len)
{
	char *buf = malloc(RULES_MAX + 1);
	ssize_t n = 1;

	*text = NULL;
	*len = 0;
	if (!buf)
		return -ENOMEM;
	while (n && *len <= RULES_MAX) {
		n = read(fd, buf + *len, RULES_MAX + 1 - *len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		*len += (size_t)n;
	}
	if (n < 0 || *len > RULES_MAX) {
		n = n < 0 ? -errno : -EFBIG;
		free(buf);
		return (int)n;
	}
	buf[*len] = '\0';
	*text = buf;
	return 0;
}

static int read_regular(int dir, const char *path, char **text, size_t *len)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), err;
	struct stat st;

	*text = NULL;
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		err = -errno;
	else
		err = S_ISREG(st.st_mode) ? read_all(fd, text, len) : -EINVAL;
	close(fd);
	return err;
}

static int refuse(const char *dir, const char *name, int err)
{
	cli_fail("--rules: %s%s%s: %s", dir ? dir : "", dir ? "/" : "", name,
		 err == -EINVAL ? "this is no regular file" : strerror(-err));
	return -1;
}

/* @dir: its name for people, NULL when @path is one that was given */
static int read_file(struct udev_rules *rules, int dir_fd, const char *dir, const char *path)
{
	struct udev_rules_file *files, *file;
	const char *slash = strrchr(path, '/');
	int err;

	files = realloc(rules->files, (rules->nr_files + 1) * sizeof(*files));
	if (!files)
		return refuse(dir, path, -ENOMEM);
	rules->files = files;
	file = &files[rules->nr_files];
	err = read_regular(dir_fd, path, &file->text, &file->len);
	if (err)
		return refuse(dir, path, err);
	file->name = strdup(slash ? slash + 1 : path);
	if (!file->name) {
		free(file->text);
		return refuse(dir, path, -ENOMEM);
	}
	rules->nr_files++;
	return 0;
}

static int is_rules_entry(const struct dirent *de)
{
	return is_rules_name(de->d_name);
}

static int read_dir(struct udev_rules *rules, int fd, const char *path)
{
	struct dirent **entries;
	int i, n, err = 0;

	n = scandirat(fd, ".", &entries, is_rules_entry, alphasort);
	if (n < 0)
		return refuse(NULL, path, -errno);
	for (i = 0; i < n; i++) {
		if (!err)
			err = read_file(rules, fd, path, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	if (!n) {
		cli_fail("--rules: %s: there is no file *" SUFFIX " in this directory", path);
		return -1;
	}
	return err;
}

int udev_rules_read(struct udev_rules *rules, const char *path)
{
	const char *slash = strrchr(path, '/');
	int fd, err;

	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		err = read_dir(rules, fd, path);
		close(fd);
		return err;
	}
	if (errno != ENOTDIR)
		return refuse(NULL, path, -errno);
	if (!is_rules_name(slash ? slash + 1 : path)) {
		cli_fail("--rules: %s: udevd reads only files whose names end in " SUFFIX, path);
		return -1;
	}
	return read_file(rules, AT_FDCWD, NULL, path);
}

void udev_rules_finish(struct udev_rules *rules)
{
	size_t i;

	for (i = 0; i < rules->nr_files; i++) {
		free(rules->files[i].name);
		free(rules->files[i].text);
	}
	free(rules->files);
	memset(rules, 0, sizeof(*rules));
}

/* ---- placing ---- */

static bool is_there_already(int dir, const char *name, const char *text, size_t len)
{
	size_t there_len;
	char *there;
	bool same;

	if (read_regular(dir, name, &there, &there_len))
		return false;
	same = there_len == len && memcmp(there, text, len) == 0;
	free(there);
	return same;
}

static int write_all(int fd, const char *text, size_t len)
{
	ssize_t n;

	while (len) {
		n = write(fd, text, len);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

/* At one moment, so that no udevd reads half of it. */
static int place(int dir, const char *name, const char *text, size_t len, bool *changed)
{
	char temporary[40];
	int err, fd;

	if (is_there_already(dir, name, text, len))
		return 0;
	snprintf(temporary, sizeof(temporary), ".umdev-%d", (int)getpid());
	fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -errno;
	err = fchmod(fd, 0644) ? -errno : write_all(fd, text, len);
	close(fd);
	if (!err && renameat(dir, temporary, dir, name))
		err = -errno;
	if (err)
		unlinkat(dir, temporary, 0);
	else
		*changed = true;
	return err;
}

/* ---- the machine's own ---- */

#define MDEVCTL_RULES "60-mdevctl" SUFFIX
#define MDEVCTL_NAMED "/usr/sbin/mdevctl"
#define MDEVCTL_THERE "/usr/bin/mdevctl"

/* As udevd looks for them, behind the administrator's and the runtime's. */
static const char *const vendor_dirs[] = {
	"/usr/local/lib/udev/rules.d",
	"/usr/lib/udev/rules.d",
	"/lib/udev/rules.d",
};

/* Return: @text in new memory, NULL if there is none. */
static char *replace_all(const char *text, const char *from, const char *to)
{
	const char *hit;
	char *out = NULL;
	size_t len;
	FILE *f = open_memstream(&out, &len);

	if (!f)
		return NULL;
	for (; (hit = strstr(text, from)); text = hit + strlen(from))
		fprintf(f, "%.*s%s", (int)(hit - text), text, to);
	fputs(text, f);
	if (fclose(f) == 0)
		return out;
	free(out);
	return NULL;
}

/*
 * Debian's rule that starts mediated devices names a program that Debian installs elsewhere. One
 * that names the right program takes its place, unless somebody has put another one there.
 */
static int correct_mdevctl(int dir, bool *changed)
{
	char path[sizeof("/usr/local/lib/udev/rules.d/" MDEVCTL_RULES)], *text, *right;
	size_t i, len;
	int err;

	if (access(MDEVCTL_NAMED, F_OK) == 0 || access(MDEVCTL_THERE, X_OK) ||
	    access(ADMIN_DIR "/" MDEVCTL_RULES, F_OK) == 0 ||
	    faccessat(dir, MDEVCTL_RULES, F_OK, 0) == 0)
		return 0;
	for (i = 0; i < ARRAY_SIZE(vendor_dirs); i++) {
		snprintf(path, sizeof(path), "%s/" MDEVCTL_RULES, vendor_dirs[i]);
		err = read_regular(AT_FDCWD, path, &text, &len);
		if (err || !text)
			continue;
		right = replace_all(text, MDEVCTL_NAMED, MDEVCTL_THERE);
		err = right ? place(dir, MDEVCTL_RULES, right, strlen(right), changed) : -ENOMEM;
		free(right);
		free(text);
		return err;
	}
	return 0;
}

static int place_files(const struct udev_rules *rules, int dir, bool *changed)
{
	size_t i;
	int err = 0;

	for (i = 0; i < rules->nr_files && !err; i++)
		err = place(dir, rules->files[i].name, rules->files[i].text, rules->files[i].len,
			    changed);
	return err ? err : correct_mdevctl(dir, changed);
}

int udev_rules_place(const struct udev_rules *rules, bool *changed)
{
	int dir = -1, err = 0;

	*changed = false;
	if ((mkdir("/run/udev", 0755) && errno != EEXIST) ||
	    (mkdir(RUNTIME_DIR, 0755) && errno != EEXIST))
		err = -errno;
	if (!err)
		dir = open(RUNTIME_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!err && dir < 0)
		err = -errno;
	if (!err)
		err = place_files(rules, dir, changed);
	if (dir >= 0)
		close(dir);
	if (err) {
		cli_fail("can't put rules into the view's " RUNTIME_DIR ": %s", strerror(-err));
		return -1;
	}
	return 0;
}
