/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events of our devices in the network namespace of the daemon: only for who asks for it by name.
 */
#ifndef UMDEVD_UEVENTS_HOST_H
#define UMDEVD_UEVENTS_HOST_H

#include <umdev/sysfs.h>

/**
 * uevents_host_start - from now on send every event to whoever listens beside this process
 *
 * The machine's own udevd is among them, and acts on devices that its kernel does not have.
 *
 * Return: 0, to be ended with sysfs_netlink_stop(); or -errno with a line in the log.
 */
int uevents_host_start(struct sysfs_netlink **out);

#endif
