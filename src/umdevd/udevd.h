/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The udevd of the view that has a network of its own: whether there is one. Who starts it and
 * keeps it is "umdev exec --udev"; the daemon sees that there is only one, and has its log.
 */
#ifndef UMDEVD_UDEVD_H
#define UMDEVD_UDEVD_H

#include <json-c/json.h>
#include <sys/types.h>

struct udevd;

/** udevd_create - there is none yet. Return: 0, -ENOMEM; taken down with udevd_destroy(). */
int udevd_create(struct udevd **out);

/** udevd_destroy - when no udevd_run() runs any more. NULL does nothing. */
void udevd_destroy(struct udevd *udevd);

/** udevd_pid - Return: of the one that is ready; 0 if there is none. */
pid_t udevd_pid(struct udevd *udevd);

/**
 * udevd_run - the command "udevd"
 * @fd: the connection
 *
 * If a udevd is ready, the answer has "start": false; if one is being started, that is waited for.
 * Else the answer has "start": true, and the connection is its keeper's from now on, which sends
 *
 * - "log": a line of it;
 * - "ready": true and its "pid", when others may go on.
 *
 * When the connection ends, there is no udevd; when the daemon ends, the connection does, and the
 * keeper ends the udevd.
 *
 * Return: 0 when the next request may come, else the connection is at its end.
 */
int udevd_run(struct udevd *udevd, int fd);

#endif
