/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PL011 UARTs behind devices of the platform bus, each connected to something on the host.
 */
#ifndef PLATFORM_PL011_HW_H
#define PLATFORM_PL011_HW_H

#include <umdev/platform.h>

/**
 * pl011_hw_ops - "arm,pl011" and "arm,sbsa-uart"
 *
 * Region 0 is the registers. An interrupt line without a name, or with one that is not of these, is
 * the combined one: "tx", "rx", "ms", "rt", "error". The first needs to be there.
 *
 * Attributes port0/backend and port0/path, as mtty's: where its wire ends on the host.
 * Context: registered between hw_host_start() and hw_host_stop().
 */
extern const struct platform_hw_ops pl011_hw_ops;

#endif
