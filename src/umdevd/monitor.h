/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "monitor": uevents as they happen, to a connection.
 */
#ifndef UMDEVD_MONITOR_H
#define UMDEVD_MONITOR_H

/**
 * monitor_run - send every uevent to a socket, until the other side closes
 * @fd: a connected SOCK_SEQPACKET socket, stays the caller's
 *
 * One JSON object per message. The first one is {"ok": true}: what happens after it is told. The
 * model does not wait for slow readers: when too much is waiting, events are left out, and
 * {"lost": N} stands where they were.
 */
void monitor_run(int fd);

#endif
