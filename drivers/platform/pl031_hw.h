/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PL031 clocks behind devices of the platform bus.
 */
#ifndef PLATFORM_PL031_HW_H
#define PLATFORM_PL031_HW_H

#include <umdev/platform.h>

/**
 * pl031_hw_ops - "arm,pl031"
 *
 * Region 0 is the registers, interrupt 0 the alarm's. A clock that appears runs already and has the
 * host's time, as one with a battery does. From then on its time is its own: it goes as fast as the
 * host's, also while that sleeps, and is not set when that is.
 *
 * Context: registered between hw_host_start() and hw_host_stop().
 */
extern const struct platform_hw_ops pl031_hw_ops;

#endif
