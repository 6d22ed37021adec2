/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdatomic.h>
#include <stdio.h>

#include <umdev/log.h>

#define LOG_LINE_MAX 1024

static void stderr_sink(enum log_level level, const char *line)
{
	(void)level;
	fprintf(stderr, "%s\n", line);
}

static _Atomic(log_sink_t) log_sink = stderr_sink;
static _Atomic(int) log_max_level = LOG_LEVEL_INFO;

void log_set_sink(log_sink_t sink)
{
	atomic_store(&log_sink, sink ? sink : stderr_sink);
}

void log_set_level(enum log_level level)
{
	atomic_store(&log_max_level, (int)level);
}

void umdev_log(enum log_level level, const char *fmt, ...)
{
	char line[LOG_LINE_MAX];
	va_list args;

	if ((int)level > atomic_load(&log_max_level))
		return;
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	atomic_load (&log_sink)(level, line);
}
