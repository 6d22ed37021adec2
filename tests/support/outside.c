/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/events.h"
#include "support/outside.h"
#include "support/tree.h"

static __thread char answer[1 << 16];

static const char *answer_error(int err)
{
	snprintf(answer, sizeof(answer), "error %d", err);
	return answer;
}

/* Sets @path from the arguments behind @fmt. */
#define FORMAT(path, fmt)                                  \
	do {                                               \
		va_list args_;                             \
                                                           \
		va_start(args_, fmt);                      \
		vsnprintf(path, sizeof(path), fmt, args_); \
		va_end(args_);                             \
	} while (0)

bool outside_exists(const char *fmt, ...)
{
	struct kernfs_node *kn;
	char path[PATH_MAX];

	FORMAT(path, fmt);
	kn = tree_find_itself(path);
	kernfs_put(kn);
	return kn;
}

const char *outside_read(const char *fmt, ...)
{
	char path[PATH_MAX];
	ssize_t len;

	FORMAT(path, fmt);
	len = tree_read(path, answer);
	if (len < 0)
		return answer_error(len);
	answer[len] = '\0';
	return strlen(answer) == (size_t)len ? answer : answer_error(-EILSEQ);
}

ssize_t outside_write(const char *text, const char *fmt, ...)
{
	char path[PATH_MAX];
	ssize_t ret;

	FORMAT(path, fmt);
	ret = tree_write(path, text);
	return ret == (ssize_t)strlen(text) ? 0 : ret;
}

const char *outside_link(const char *fmt, ...)
{
	struct kernfs_node *kn;
	char path[PATH_MAX];
	int len = -EINVAL;

	FORMAT(path, fmt);
	kn = tree_find_itself(path);
	if (!kn)
		return answer_error(-ENOENT);
	if (kernfs_type(kn) == KERNFS_LINK)
		len = kernfs_link_text(kn, answer, sizeof(answer));
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
	char path[PATH_MAX];
	int err;

	FORMAT(path, fmt);
	kn = tree_find(path);
	if (!kn)
		return answer_error(-ENOENT);
	answer[0] = '\0';
	err = kernfs_readdir(kn, append_name, NULL);
	kernfs_put(kn);
	return err ? answer_error(err) : answer;
}

/* ---- events ---- */

static struct events recorded;
static bool recording;

void events_begin(void)
{
	events_end();
	recorded = (struct events) { 0 };
	events_start(&recorded);
	recording = true;
}

void events_end(void)
{
	if (recording)
		events_stop(&recorded);
	recording = false;
}

const char *events_text(void)
{
	events_copy(&recorded, answer, sizeof(answer));
	return answer;
}

unsigned int events_count(void)
{
	return events_number(&recorded);
}

/* ---- the log ---- */

void discard_line(enum log_level level, const char *line)
{
}

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static char log_lines[1 << 16]; /* under log_lock */

static void keep_line(enum log_level level, const char *line)
{
	size_t len;

	pthread_mutex_lock(&log_lock);
	len = strlen(log_lines);
	snprintf(log_lines + len, sizeof(log_lines) - len, "%s\n", line);
	pthread_mutex_unlock(&log_lock);
}

void log_capture_begin(void)
{
	pthread_mutex_lock(&log_lock);
	log_lines[0] = '\0';
	pthread_mutex_unlock(&log_lock);
	log_set_sink(keep_line);
}

static const char *copy_log(bool clear)
{
	static __thread char copy[sizeof(log_lines)];

	pthread_mutex_lock(&log_lock);
	memcpy(copy, log_lines, sizeof(copy));
	if (clear)
		log_lines[0] = '\0';
	pthread_mutex_unlock(&log_lock);
	return copy;
}

const char *log_captured(void)
{
	return copy_log(false);
}

const char *log_taken(void)
{
	return copy_log(true);
}

void log_capture_end(void)
{
	log_set_sink(NULL);
}
