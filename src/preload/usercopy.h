/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory of the program that may not be there: what the kernel answers with EFAULT must not end
 * the program here. Names as the kernel's.
 */
#ifndef UMDEV_PRELOAD_USERCOPY_H
#define UMDEV_PRELOAD_USERCOPY_H

#include <stddef.h>

/** copy_from_user - Return: 0, -EFAULT (some of it may have been copied). */
int copy_from_user(void *to, const void *from, size_t size);
/** copy_to_user - the same, out. */
int copy_to_user(void *to, const void *from, size_t size);

#endif
