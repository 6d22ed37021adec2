/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What answers behind devices that are "umdev,dmac-1.0" (umdev/dmac.h). */
#ifndef UMDEV_PLATFORM_DMAC_HW_H
#define UMDEV_PLATFORM_DMAC_HW_H

#include <umdev/platform.h>

/* For platform_hw_register(). */
extern const struct platform_hw_ops dmac_hw_ops;

#endif
