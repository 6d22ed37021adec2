/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a tool sees of the model, as texts to compare: the published tree by path, and the events.
 */
#ifndef TESTS_SUPPORT_OUTSIDE_H
#define TESTS_SUPPORT_OUTSIDE_H

#include <stdbool.h>
#include <sys/types.h>

#include <umdev/log.h>

/** outside_exists - is there a path as "/bus/b"? Links on the way are followed, not the last. */
bool outside_exists(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * outside_read - the contents of a file
 * Return: a string that is valid until this thread's next call; "error N" with a negative errno,
 * which is -EILSEQ for a NUL in it.
 */
const char *outside_read(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * outside_write - write @text to a file
 * Return: 0 if all was taken, a negative errno, or the count.
 */
ssize_t outside_write(const char *text, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** outside_link - where a link leads, as the link says; else as outside_read(). */
const char *outside_link(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** outside_list - the names in a directory, with a blank behind each; else as outside_read(). */
const char *outside_list(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** events_begin - forget the events so far and record from now on. */
void events_begin(void);
/** events_end - record no more. */
void events_end(void);
/**
 * events_text - what was recorded: "ACTION DEVPATH KEY=VALUE ...\n" for each event
 * Return: a string that is valid until this thread's next call. Not after events_end().
 */
const char *events_text(void);
/** events_count - how many were recorded. Not after events_end(). */
unsigned int events_count(void);

/** discard_line - for log_set_sink(): where messages go that a test causes on purpose. */
void discard_line(enum log_level level, const char *line);
/** log_capture_begin - keep the log from now on instead of printing it. */
void log_capture_begin(void);
/**
 * log_captured - what was logged since then or since log_taken(), each line with a newline
 * Return: a string that is valid until this thread's next call.
 */
const char *log_captured(void);
/** log_taken - the same, and forget it. */
const char *log_taken(void);
/** log_capture_end - print again. */
void log_capture_end(void);

#endif
