/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A way to devices of the process itself, for programs that have umdev built in: so a sanitizer
 * sees user and device at once.
 */
#ifndef UMDEV_TESTS_VFIO_CCW_INSIDE_H
#define UMDEV_TESTS_VFIO_CCW_INSIDE_H

#include "vfio_ccw/ccw_client.h"

/** ccw_inside_start - devices can be found from now on; this is the process's transport. Return: 0,
 * -errno. */
int ccw_inside_start(void);
/** ccw_inside_stop - the reverse; nobody has one open any more. */
void ccw_inside_stop(void);

extern const struct ccw_transport ccw_inside; /* @where: the UUID of a mediated device */

#endif
