/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <umdev/uevent.h>

#include "model/kernfs.h"
#include "outside.h"

static __thread char answer[1 << 16];

static const char *answer_error(int err)
{
	snprintf(answer, sizeof(answer), "error %d", err);
	return answer;
}

/* The node that @path leads to, with a reference, or NULL. The last link is followed if @follow. */
static struct kernfs_node *find(const char *path, bool follow, int depth)
{
	struct kernfs_node *kn = kernfs_get(kernfs_root()), *next;
	char here[PATH_MAX] = "", link[PATH_MAX], whole[3 * PATH_MAX];
	char *copy = strdup(path), *rest = copy, *name;

	while (kn && (name = strsep(&rest, "/"))) {
		if (!*name)
			continue;
		if (!strcmp(name, "..")) {
			*strrchr(here, '/') = '\0';
			kernfs_put(kn);
			kn = *here ? find(here, true, depth) : kernfs_get(kernfs_root());
			continue;
		}
		next = kernfs_lookup(kn, name);
		kernfs_put(kn);
		kn = next;
		if (kn && kernfs_type(kn) == KERNFS_LINK && (rest || follow)) {
			if (depth > 8 || kernfs_link_text(kn, link, sizeof(link)) < 0) {
				kernfs_put(kn);
				kn = NULL;
				break;
			}
			snprintf(whole, sizeof(whole), "%s/%s%s%s", here, link, rest ? "/" : "",
				 rest ? rest : "");
			kernfs_put(kn);
			kn = find(whole, follow, depth + 1);
			break;
		}
		snprintf(here + strlen(here), sizeof(here) - strlen(here), "/%s", name);
	}
	free(copy);
	return kn;
}

static struct kernfs_node *vfind(bool follow, const char *fmt, va_list args)
{
	char path[PATH_MAX];

	vsnprintf(path, sizeof(path), fmt, args);
	return find(path, follow, 0);
}

bool outside_exists(const char *fmt, ...)
{
	struct kernfs_node *kn;
	va_list args;

	va_start(args, fmt);
	kn = vfind(false, fmt, args);
	va_end(args);
	kernfs_put(kn);
	return kn;
}

const char *outside_read(const char *fmt, ...)
{
	struct kernfs_node *kn;
	va_list args;
	ssize_t len = -ENOENT;

	va_start(args, fmt);
	kn = vfind(true, fmt, args);
	va_end(args);
	if (!kn)
		return answer_error(-ENOENT);
	if (!kernfs_get_active(kn)) {
		len = -ENODEV;
	} else {
		len = -EACCES;
		if (kernfs_type(kn) == KERNFS_FILE && kernfs_file_ops(kn)->read)
			len = kernfs_file_ops(kn)->read(kn, answer, SYSFS_PAGE_SIZE, 0);
		kernfs_put_active(kn);
	}
	kernfs_put(kn);
	if (len < 0)
		return answer_error(len);
	answer[len] = '\0';
	return answer;
}

ssize_t outside_write(const char *text, const char *fmt, ...)
{
	size_t count = strlen(text);
	struct kernfs_node *kn;
	char *buf;
	va_list args;
	ssize_t ret;

	va_start(args, fmt);
	kn = vfind(true, fmt, args);
	va_end(args);
	if (!kn)
		return -ENOENT;
	buf = strdup(text);
	if (!kernfs_get_active(kn)) {
		ret = -ENODEV;
	} else {
		ret = -EACCES;
		if (kernfs_type(kn) == KERNFS_FILE && kernfs_file_ops(kn)->write)
			ret = kernfs_file_ops(kn)->write(kn, buf, count, 0);
		kernfs_put_active(kn);
	}
	kernfs_put(kn);
	free(buf);
	return ret == (ssize_t)count ? 0 : ret;
}

const char *outside_link(const char *fmt, ...)
{
	struct kernfs_node *kn;
	va_list args;
	int len;

	va_start(args, fmt);
	kn = vfind(false, fmt, args);
	va_end(args);
	if (!kn)
		return answer_error(-ENOENT);
	len = kernfs_type(kn) == KERNFS_LINK ? kernfs_link_text(kn, answer, sizeof(answer))
					     : -EINVAL;
	kernfs_put(kn);
	return len < 0 ? answer_error(len) : answer;
}

static int append_name(struct kernfs_node *kn, void *data)
{
	size_t len = strlen(answer);

	snprintf(answer + len, sizeof(answer) - len, "%s ", kernfs_name(kn));
	return 0;
}

const char *outside_list(const char *fmt, ...)
{
	struct kernfs_node *kn;
	va_list args;
	int err;

	va_start(args, fmt);
	kn = vfind(true, fmt, args);
	va_end(args);
	if (!kn)
		return answer_error(-ENOENT);
	answer[0] = '\0';
	err = kernfs_readdir(kn, append_name, NULL);
	kernfs_put(kn);
	return err ? answer_error(err) : answer;
}

static int add_child(struct kernfs_node *kn, void *data)
{
	struct kernfs_node **children = data;

	while (*children)
		children++;
	*children = kernfs_get(kn);
	return 0;
}

static void print_tree(FILE *out, struct kernfs_node *dir)
{
	struct kernfs_node **children = calloc(10000, sizeof(*children)), **child;
	char text[PATH_MAX];

	kernfs_readdir(dir, add_child, children);
	for (child = children; *child; child++) {
		kernfs_path(*child, text, sizeof(text));
		fprintf(out, "%s", text);
		if (kernfs_type(*child) == KERNFS_LINK) {
			kernfs_link_text(*child, text, sizeof(text));
			fprintf(out, " -> %s", text);
		}
		fprintf(out, "\n");
		if (kernfs_type(*child) == KERNFS_DIR)
			print_tree(out, *child);
		kernfs_put(*child);
	}
	free(children);
}

char *outside_tree(void)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	print_tree(out, kernfs_root());
	fclose(out);
	return text;
}

/* ---- events ---- */

static pthread_mutex_t events_lock = PTHREAD_MUTEX_INITIALIZER;
static char *events; /* under events_lock, as all of them */
static size_t events_len, events_size;
static unsigned int events_nr;
static bool events_recorded;

static void append(const char *text)
{
	size_t len = strlen(text);

	if (events_len + len + 1 > events_size) {
		events_size = 2 * (events_len + len + 1);
		events = realloc(events, events_size);
	}
	memcpy(events + events_len, text, len + 1);
	events_len += len;
}

static void record(struct uevent_listener *listener, const struct uevent *ev)
{
	char *const *key;

	pthread_mutex_lock(&events_lock);
	events_nr++;
	append(ev->action);
	append(" ");
	append(ev->devpath);
	for (key = ev->envp + 2; *key; key++) {
		append(" ");
		append(*key);
	}
	append("\n");
	pthread_mutex_unlock(&events_lock);
}

static struct uevent_listener listener = { .event = record };

void events_begin(void)
{
	events_end();
	pthread_mutex_lock(&events_lock);
	free(events);
	events = NULL;
	events_len = events_size = 0;
	events_nr = 0;
	append("");
	pthread_mutex_unlock(&events_lock);
	uevent_listener_register(&listener);
	events_recorded = true;
}

void events_end(void)
{
	if (events_recorded)
		uevent_listener_unregister(&listener);
	events_recorded = false;
}

const char *events_text(void)
{
	pthread_mutex_lock(&events_lock);
	snprintf(answer, sizeof(answer), "%s", events ? events : "");
	pthread_mutex_unlock(&events_lock);
	return answer;
}

unsigned int events_count(void)
{
	unsigned int nr;

	pthread_mutex_lock(&events_lock);
	nr = events_nr;
	pthread_mutex_unlock(&events_lock);
	return nr;
}

/* Freed at the end, so that a leak checker has nothing to say about the recorder. */
static void __attribute__((destructor)) events_free(void)
{
	free(events);
}
