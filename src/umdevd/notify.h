/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Telling the service manager how far we are: systemd's notification protocol, see sd_notify(3).
 */
#ifndef UMDEVD_NOTIFY_H
#define UMDEVD_NOTIFY_H

/**
 * notify - send "KEY=VALUE\nKEY=VALUE" to the socket named by $NOTIFY_SOCKET
 *
 * Does nothing without that variable. That it could not be sent is logged.
 */
void notify(const char *state);

#endif
