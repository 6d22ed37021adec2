/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "support/tree.h"

#define MAX_DEPTH 64
#define MAX_LINKS 16

/* The nodes from the root to where a walk has come, each with a reference. */
struct walk {
	struct kernfs_node *at[MAX_DEPTH];
	int depth;
	int links;
};

static bool walk_path(struct walk *w, const char *path, bool follow);

static bool walk_link(struct walk *w, struct kernfs_node *link)
{
	char text[PATH_MAX];
	bool ok;

	ok = ++w->links <= MAX_LINKS && kernfs_link_text(link, text, sizeof(text)) >= 0 &&
	     walk_path(w, text, true);
	kernfs_put(link);
	return ok;
}

static bool walk_step(struct walk *w, const char *name, bool follow)
{
	struct kernfs_node *kn;

	if (!strcmp(name, "..")) {
		if (!w->depth)
			return false;
		kernfs_put(w->at[w->depth--]);
		return true;
	}
	if (kernfs_type(w->at[w->depth]) != KERNFS_DIR || w->depth + 1 == MAX_DEPTH)
		return false;
	kn = kernfs_lookup(w->at[w->depth], name);
	if (!kn)
		return false;
	if (kernfs_type(kn) == KERNFS_LINK && follow)
		return walk_link(w, kn);
	w->at[++w->depth] = kn;
	return true;
}

static bool walk_path(struct walk *w, const char *path, bool follow)
{
	char copy[PATH_MAX], *name, *next, *rest;

	snprintf(copy, sizeof(copy), "%s", path);
	for (name = strtok_r(copy, "/", &rest); name; name = next) {
		next = strtok_r(NULL, "/", &rest);
		if (!walk_step(w, name, next || follow))
			return false;
	}
	return true;
}

static struct kernfs_node *find(const char *path, bool follow)
{
	struct walk w = { .at = { kernfs_get(kernfs_root()) } };
	struct kernfs_node *found = NULL;

	if (walk_path(&w, path, follow))
		found = kernfs_get(w.at[w.depth]);
	for (; w.depth >= 0; w.depth--)
		kernfs_put(w.at[w.depth]);
	return found;
}

struct kernfs_node *tree_find(const char *path)
{
	return find(path, true);
}

struct kernfs_node *tree_find_itself(const char *path)
{
	return find(path, false);
}

bool tree_exists(const char *fmt, ...)
{
	char path[PATH_MAX];
	struct kernfs_node *kn;
	va_list args;

	va_start(args, fmt);
	vsnprintf(path, sizeof(path), fmt, args);
	va_end(args);
	kn = tree_find(path);
	kernfs_put(kn);
	return kn;
}

static bool is_file_with(struct kernfs_node *kn, mode_t mode)
{
	struct stat st;

	if (kernfs_type(kn) != KERNFS_FILE)
		return false;
	kernfs_getattr(kn, &st);
	return st.st_mode & mode;
}

static ssize_t pwrite_node(struct kernfs_node *kn, const char *data, size_t count, off_t off)
{
	ssize_t ret = -ENODEV;
	char *buf;

	if (!is_file_with(kn, 0222) || !kernfs_file_ops(kn)->write)
		return -EACCES;
	/* A store is given a copy of its own with a NUL behind. */
	buf = calloc(1, count + 1);
	if (!buf)
		return -ENOMEM;
	memcpy(buf, data, count);
	if (kernfs_get_active(kn)) {
		ret = kernfs_file_ops(kn)->write(kn, buf, count, off);
		kernfs_put_active(kn);
	}
	free(buf);
	return ret;
}

static ssize_t pread_node(struct kernfs_node *kn, char *buf, size_t count, off_t off)
{
	ssize_t ret = -ENODEV;

	if (!is_file_with(kn, 0444) || !kernfs_file_ops(kn)->read)
		return -EACCES;
	if (kernfs_get_active(kn)) {
		ret = kernfs_file_ops(kn)->read(kn, buf, count, off);
		kernfs_put_active(kn);
	}
	return ret;
}

ssize_t tree_write_node(struct kernfs_node *kn, const char *text)
{
	return pwrite_node(kn, text, strlen(text), 0);
}

ssize_t tree_pwrite(const char *path, const char *data, size_t count, off_t off)
{
	struct kernfs_node *kn = tree_find(path);
	ssize_t ret = kn ? pwrite_node(kn, data, count, off) : -ENOENT;

	kernfs_put(kn);
	return ret;
}

ssize_t tree_write(const char *path, const char *text)
{
	return tree_pwrite(path, text, strlen(text), 0);
}

ssize_t tree_read_node(struct kernfs_node *kn, char *buf)
{
	memset(buf, 0, SYSFS_PAGE_SIZE);
	return pread_node(kn, buf, SYSFS_PAGE_SIZE, 0);
}

ssize_t tree_pread(const char *path, char *buf, size_t count, off_t off)
{
	struct kernfs_node *kn = tree_find(path);
	ssize_t ret = kn ? pread_node(kn, buf, count, off) : -ENOENT;

	kernfs_put(kn);
	return ret;
}

ssize_t tree_read(const char *path, char *buf)
{
	memset(buf, 0, SYSFS_PAGE_SIZE);
	return tree_pread(path, buf, SYSFS_PAGE_SIZE, 0);
}

static int print_name(struct kernfs_node *kn, void *data)
{
	fprintf(data, "%s\n", kernfs_name(kn));
	return 0;
}

static char *list_node(struct kernfs_node *dir)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	int err;

	err = kernfs_readdir(dir, print_name, f);
	fclose(f);
	if (err) {
		free(text);
		return NULL;
	}
	return text;
}

char *tree_list(const char *path)
{
	struct kernfs_node *kn = tree_find(path);
	char *text = NULL;

	if (kn && kernfs_type(kn) == KERNFS_DIR)
		text = list_node(kn);
	kernfs_put(kn);
	return text;
}

static void print_node(FILE *f, struct kernfs_node *kn)
{
	char path[PATH_MAX], text[PATH_MAX], *names, *name, *rest;
	struct kernfs_node *child;
	struct stat st;

	kernfs_path(kn, path, sizeof(path));
	kernfs_getattr(kn, &st);
	switch (kernfs_type(kn)) {
	case KERNFS_LINK:
		if (kernfs_link_text(kn, text, sizeof(text)) < 0)
			snprintf(text, sizeof(text), "nowhere");
		fprintf(f, "L %s -> %s\n", path, text);
		return;
	case KERNFS_FILE:
		fprintf(f, "F %o:%lld %s\n", (unsigned int)st.st_mode & 07777,
			(long long)st.st_size, path);
		return;
	case KERNFS_DEVNODE:
		fprintf(f, "%c %o %u:%u %u:%u %s\n", S_ISBLK(st.st_mode) ? 'B' : 'C',
			(unsigned int)st.st_mode & 07777, major(st.st_rdev), minor(st.st_rdev),
			st.st_uid, st.st_gid, path);
		return;
	case KERNFS_DIR:
		fprintf(f, "D %o %s\n", (unsigned int)st.st_mode & 07777, path);
		break;
	}
	names = list_node(kn);
	if (!names)
		return;
	for (name = strtok_r(names, "\n", &rest); name; name = strtok_r(NULL, "\n", &rest)) {
		child = kernfs_lookup(kn, name);
		if (child)
			print_node(f, child);
		kernfs_put(child);
	}
	free(names);
}

char *tree_snapshot_node(struct kernfs_node *kn)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (kn)
		print_node(f, kn);
	fclose(f);
	return text;
}

char *tree_snapshot(const char *path)
{
	struct kernfs_node *kn = tree_find(path);
	char *text = tree_snapshot_node(kn);

	kernfs_put(kn);
	return text;
}
