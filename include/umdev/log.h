/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The log: where the kernel has dmesg, umdev has one function that the hosting program may replace.
 */
#ifndef UMDEV_LOG_H
#define UMDEV_LOG_H

#include <stdarg.h>
#include <umdev/util.h>

/* The kernel's levels, by the same numbers as syslog's. */
enum log_level {
	LOG_LEVEL_ERR = 3,
	LOG_LEVEL_WARN = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7,
};

/**
 * typedef log_sink_t - takes one line of the log
 * @level: how serious it is
 * @line:  the text without a newline; valid during the call
 *
 * Context: any thread, several at once; must not call back into umdev.
 */
typedef void (*log_sink_t)(enum log_level level, const char *line);

/**
 * log_set_sink - send the log somewhere else than to stderr
 * @sink: the function to call for each line, NULL for stderr again
 *
 * Context: any thread.
 */
UMDEV_API void log_set_sink(log_sink_t sink);

/**
 * log_set_level - drop what is less serious than @level
 * @level: LOG_LEVEL_INFO at first
 *
 * Context: any thread.
 */
UMDEV_API void log_set_level(enum log_level level);

/**
 * umdev_log - write one line to the log
 * @level: how serious it is
 * @fmt:   printf format, no newline at the end
 *
 * Context: any thread, any lock.
 */
UMDEV_API void umdev_log(enum log_level level, const char *fmt, ...) __umdev_printf(2, 3);

#ifndef pr_fmt
#define pr_fmt(fmt) fmt
#endif
#define pr_err(fmt, ...)    umdev_log(LOG_LEVEL_ERR, pr_fmt(fmt), ##__VA_ARGS__)
#define pr_warn(fmt, ...)   umdev_log(LOG_LEVEL_WARN, pr_fmt(fmt), ##__VA_ARGS__)
#define pr_notice(fmt, ...) umdev_log(LOG_LEVEL_NOTICE, pr_fmt(fmt), ##__VA_ARGS__)
#define pr_info(fmt, ...)   umdev_log(LOG_LEVEL_INFO, pr_fmt(fmt), ##__VA_ARGS__)
#define pr_debug(fmt, ...)  umdev_log(LOG_LEVEL_DEBUG, pr_fmt(fmt), ##__VA_ARGS__)

#endif
