/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The commands of the control socket.
 */
#ifndef UMDEVD_COMMAND_H
#define UMDEVD_COMMAND_H

#include "umdevd/control.h"

/**
 * command_run - do what a request says, and answer
 * @fd:      the connection
 * @request: a JSON object
 *
 * Context: may take as long as an init() or exit() of a module takes.
 * Return: 0 when the next request may come, else the connection is at its end.
 */
int command_run(int fd, const struct control_info *info, struct json_object *request);

#endif
