/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * umdevd's log: lines on stderr, with levels for the journal when that reads them.
 */
#ifndef UMDEVD_DAEMON_LOG_H
#define UMDEVD_DAEMON_LOG_H

#include <umdev/log.h>

/** daemon_log_start - from now on all of umdev's log goes to stderr, as "umdevd: TEXT". */
void daemon_log_start(enum log_level level);

/**
 * daemon_log_set_origin - let this thread's errors and warnings begin with "ORIGIN: "
 * @origin: must live until the next call; NULL for nothing
 */
void daemon_log_set_origin(const char *origin);

#endif
