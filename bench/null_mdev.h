/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A parent and mediated devices that do nothing, as many as a bench likes. */
#ifndef UMDEV_BENCH_NULL_MDEV_H
#define UMDEV_BENCH_NULL_MDEV_H

#include <stdint.h>

#include <umdev/mdev.h>

/* The one type that there is. */
extern struct mdev_type null_mdev_type;

/** null_mdev_start - start umdev, register a parent. All of these end the program on an error. */
void null_mdev_start(void);
/** null_mdev_stop - unregister the parent, which removes its devices. */
void null_mdev_stop(void);
/** null_mdev_uuid - the @n-th of a row of UUIDs that lie about as if they were random. */
void null_mdev_uuid(unsigned int n, uint8_t uuid[16]);
/** null_mdev_create - make the device with that UUID. */
void null_mdev_create(unsigned int n);
/** null_mdev_destroy - remove it. */
void null_mdev_destroy(unsigned int n);

#endif
