/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Devices that other vfio-user servers serve (vfio_user_attach()), for who starts and stops this
 * one.
 */
#ifndef UMDEV_VFIO_USER_REMOTE_H
#define UMDEV_VFIO_USER_REMOTE_H

#include <umdev/vfio_user.h>

/** remotes_open - from now on there may be some, if there is their bus. */
void remotes_open(void);

/** remotes_close - detach all; from now on there are none. Waits for their users. */
void remotes_close(void);

#endif
