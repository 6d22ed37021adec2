/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The control socket: what the file system cannot say (modules, live events) for umdev(1).
 *
 * SOCK_SEQPACKET; each message is one JSON object. A request names a "command"; the answer has
 * "ok": true, or "ok": false with "errno" (its name) and "error" (a line for people). Only "view"
 * passes descriptors, see view.h.
 */
#ifndef UMDEVD_CONTROL_H
#define UMDEVD_CONTROL_H

#include <json-c/json.h>
#include <umdev/util.h>

/* A longer request is refused. */
#define CONTROL_REQUEST_MAX 65536

struct control;
struct udevd;
struct views;

/**
 * struct control_info - what commands are about; must live as long as the control socket
 * @runtime_dir, @sysfs, @vfio_user: paths
 * @started: when, in seconds of CLOCK_MONOTONIC
 * @views:   for "view"
 * @udevd:   for "udevd"
 */
struct control_info {
	const char *runtime_dir;
	const char *sysfs;
	const char *vfio_user;
	int64_t started;
	struct views *views;
	struct udevd *udevd;
};

/**
 * control_start - listen, with a thread of its own and one per connection
 * @path: of the socket, mode 0600
 * @out:  the control socket; taken down with control_stop()
 *
 * Only the user of this process and root are heard.
 * Return: 0, or -errno with a line in the log.
 */
int control_start(const char *path, const struct control_info *info, struct control **out);

/** control_stop - disconnect all, wait for running commands, remove the socket. NULL: nothing. */
void control_stop(struct control *control);

/**
 * control_parse - read a message
 * Return: an object to json_object_put(); NULL: it is no JSON object, or is nested too deep.
 */
struct json_object *control_parse(const char *text, size_t len);

/** control_send - one message. Return: 0, -errno. */
int control_send(int fd, struct json_object *obj);

/**
 * control_set_patience - how long a message of the other side's is waited for
 * @seconds: 0 for ever; else receiving fails with -EAGAIN then
 */
void control_set_patience(int fd, int seconds);

/** control_send_error - the answer to a request that failed. Return: 0, -errno of sending. */
int control_send_error(int fd, int err, const char *fmt, ...) __umdev_printf(3, 4);

#endif
