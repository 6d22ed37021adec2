/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Users of VFIO devices in the program that has the devices: a transport that notes which there
 * are, so that they are opened only while they may be.
 */
#ifndef SUPPORT_INSIDE_H
#define SUPPORT_INSIDE_H

#include <umdev/vfio_file.h>

/* How many devices there can be at once; one more is refused (-ENOSPC). */
#define INSIDE_DEVICES 256

/** inside_start - note devices from now on. Return: as vfio_transport_register(). */
int inside_start(void);
/** inside_stop - the reverse. */
void inside_stop(void);

/**
 * inside_open - open the device whose name this is, for who is described as "a guest"
 * @user: what vfio_user_ops would be given
 * Return: 0; -ENODEV, there is none; as vfio_file_open().
 */
int inside_open(const char *name, void *user, struct vfio_file **out);
/** inside_open_some - open any that can be opened, chosen by @seed; NULL: none can. */
struct vfio_file *inside_open_some(unsigned int *seed);

#endif
