/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Talking to the daemon's control socket.
 */
#ifndef UMDEV_CLIENT_H
#define UMDEV_CLIENT_H

#include "umdev/cli.h"
#include "umdevd/descriptors.h"

/**
 * client_open - connect to the daemon
 * Return: a descriptor to close(), or -1 after saying what to do.
 */
int client_open(const struct cli *cli);

/** client_receive - the next message, to json_object_put(); NULL: the daemon is gone. */
struct json_object *client_receive(int fd);

/**
 * client_ask - send a request and wait for its answer
 * @fd:      from client_open()
 * @request: given away
 *
 * Return: the answer, to json_object_put(), or NULL after saying why the daemon refuses.
 */
struct json_object *client_ask(int fd, struct json_object *request);

/**
 * client_ask_with - the same, with descriptors
 * @send: go with the request, and stay the caller's; NULL: none
 * @got:  come with the answer, to descriptors_close(); untouched without one. NULL: none are
 *         expected
 */
struct json_object *client_ask_with(int fd, struct json_object *request,
				    const struct descriptors *send, struct descriptors *got);

/** client_request - a request for @command, to add to. */
struct json_object *client_request(const char *command);

/** client_call - connect, ask, disconnect. Return: as client_ask(). */
struct json_object *client_call(const struct cli *cli, struct json_object *request);

#endif
