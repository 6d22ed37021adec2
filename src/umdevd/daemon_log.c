/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "umdevd/daemon_log.h"

static bool to_journal; /* written before there are threads */

/* In front of this thread's complaints: what in a file caused them. */
static _Thread_local const char *origin;

/* Does systemd read our stderr? JOURNAL_STREAM says which file it is that it reads. */
static bool stderr_is_journal(void)
{
	const char *env = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return env && sscanf(env, "%llu:%llu", &dev, &ino) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
	       st.st_dev == dev && st.st_ino == ino;
}

static void sink(enum log_level level, const char *line)
{
	const char *from = level <= LOG_LEVEL_WARN && origin ? origin : "";
	const char *colon = *from ? ": " : "";
	char text[1200 + PATH_MAX];
	ssize_t written;
	int len;

	if (to_journal)
		len = snprintf(text, sizeof(text), "<%d>%s%s%s\n", level, from, colon, line);
	else
		len = snprintf(text, sizeof(text), "umdevd: %s%s%s%s\n",
			       level == LOG_LEVEL_WARN ? "warning: " : "", from, colon, line);
	if (len >= (int)sizeof(text)) {
		len = sizeof(text) - 1;
		text[len - 1] = '\n';
	}
	/* One call, so that threads' lines do not mix. Nobody is left to tell if it fails. */
	written = write(STDERR_FILENO, text, (size_t)len);
	(void)written;
}

void daemon_log_start(enum log_level level)
{
	to_journal = stderr_is_journal();
	log_set_level(level);
	log_set_sink(sink);
}

void daemon_log_set_origin(const char *text)
{
	origin = text;
}
