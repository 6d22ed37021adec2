/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A user of a VFIO device in the same process. */
#ifndef TESTS_SUPPORT_USER_H
#define TESTS_SUPPORT_USER_H

#include <umdev/vfio_file.h>
#include "support/gate.h"
#include "support/vendor.h"

/**
 * struct user - somebody who holds a device open
 * @file:  the open device
 * @asked: opened when the user is asked to let go
 */
struct user {
	struct vfio_file *file;
	struct gate asked;
};

#define USER_INIT                   \
	{                           \
		.asked = GATE_INIT, \
	}

/** user_open - hold device @n. Return: as vfio_file_open(), -ENODEV if there is none. */
int user_open(struct user *user, unsigned int n);
/** user_close - let go. */
void user_close(struct user *user);

#endif
