/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A way to devices of the process itself, for programs that have umdev built in: so a sanitizer
 * sees user and device at once.
 */
#ifndef UMDEV_TESTS_VFIO_CCW_INSIDE_H
#define UMDEV_TESTS_VFIO_CCW_INSIDE_H

#include "vfio_ccw/ccw_client.h"

extern const struct ccw_transport ccw_inside; /* @where: the UUID of a mediated device */

#endif
