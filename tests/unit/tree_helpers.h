/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tree as a window on it uses it, for tests.
 */
#ifndef UMDEV_TESTS_TREE_HELPERS_H
#define UMDEV_TESTS_TREE_HELPERS_H

#include <errno.h>
#include <stdio.h>

#include <umdev/log.h>
#include <umdev/uevent.h>

#include "model/kernfs.h"

/* Where messages go that a test causes on purpose. */
static inline void discard_line(enum log_level level, const char *line)
{
}

/* The node at a path as the outside finds it, with a reference, or NULL. */
static inline struct kernfs_node *walk(const char *path)
{
	struct kernfs_node *kn = kernfs_get(kernfs_root()), *child;
	char copy[512], *save = NULL;

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *name = strtok_r(copy, "/", &save); kn && name;
	     name = strtok_r(NULL, "/", &save)) {
		child = kernfs_lookup(kn, name);
		kernfs_put(kn);
		kn = child;
	}
	return kn;
}

static inline bool exists(const char *path)
{
	struct kernfs_node *kn = walk(path);

	kernfs_put(kn);
	return kn;
}

/* Read a file into @buf (a page) from @off, or a negative errno. */
static inline ssize_t read_at(const char *path, char *buf, size_t count, off_t off)
{
	struct kernfs_node *kn = walk(path);
	const struct kernfs_ops *ops;
	ssize_t ret = -ENODEV;

	if (!kn)
		return -ENOENT;
	ops = kernfs_file_ops(kn);
	if (kernfs_get_active(kn)) {
		ret = ops->read ? ops->read(kn, buf, count, off) : -EACCES;
		kernfs_put_active(kn);
	}
	kernfs_put(kn);
	return ret;
}

static inline ssize_t write_at(const char *path, const char *text, size_t count, off_t off)
{
	struct kernfs_node *kn = walk(path);
	const struct kernfs_ops *ops;
	ssize_t ret = -ENODEV;
	char *buf;

	if (!kn)
		return -ENOENT;
	ops = kernfs_file_ops(kn);
	buf = calloc(1, count + 1);
	memcpy(buf, text, count);
	if (kernfs_get_active(kn)) {
		ret = ops->write ? ops->write(kn, buf, count, off) : -EACCES;
		kernfs_put_active(kn);
	}
	free(buf);
	kernfs_put(kn);
	return ret;
}

static inline ssize_t write_text(const char *path, const char *text)
{
	return write_at(path, text, strlen(text), 0);
}

/* Assert that reading a file gives this text. */
#define assert_reads(path, expected)                                   \
	do {                                                           \
		char page_[SYSFS_PAGE_SIZE];                           \
		ssize_t len_ = read_at(path, page_, sizeof(page_), 0); \
		assert_int_equal(len_, strlen(expected));              \
		assert_memory_equal(page_, expected, len_);            \
	} while (0)

/* Writes down the events that it hears as lines "add@/path KEY=VALUE ...". */
struct recorder {
	struct uevent_listener listener;
	char text[16384];
	uint64_t last_seqnum;
	unsigned int gaps; /* sequence numbers that did not follow each other */
};

static inline void record_event(struct uevent_listener *listener, const struct uevent *ev)
{
	struct recorder *r = container_of(listener, struct recorder, listener);
	size_t len = strlen(r->text);

	if (r->last_seqnum && ev->seqnum != r->last_seqnum + 1)
		r->gaps++;
	r->last_seqnum = ev->seqnum;
	len += snprintf(r->text + len, sizeof(r->text) - len, "%s@%s", ev->action, ev->devpath);
	for (char *const *var = ev->envp + 3; *var && len < sizeof(r->text); var++)
		len += snprintf(r->text + len, sizeof(r->text) - len, " %s", *var);
	if (len < sizeof(r->text))
		snprintf(r->text + len, sizeof(r->text) - len, "\n");
}

static inline void recorder_start(struct recorder *r)
{
	memset(r, 0, sizeof(*r));
	r->listener.event = record_event;
	uevent_listener_register(&r->listener);
}

static inline void recorder_stop(struct recorder *r)
{
	uevent_listener_unregister(&r->listener);
}

#endif
