/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What of a user's memory a channel program is made of, copied: each byte is read once, however
 * many pieces of the program it is in, so it has one value all the time.
 */
#ifndef UMDEV_VFIO_CCW_CP_COPY_H
#define UMDEV_VFIO_CCW_CP_COPY_H

#include <umdev/vfio.h>

struct cp_copy;

/**
 * cp_copy_create - room for @takes calls of cp_copy_take() of @bytes in all, empty
 * Return: NULL, no memory. The caller serialises all calls but cp_copy_get(), of which there may be
 * several at once.
 */
struct cp_copy *cp_copy_create(size_t takes, size_t bytes);
/** cp_copy_destroy - give it back; NULL is fine. */
void cp_copy_destroy(struct cp_copy *copy);
/** cp_copy_clear - forget all. */
void cp_copy_clear(struct cp_copy *copy);

/**
 * cp_copy_take - copy [@iova, @iova + @len), but for what is there already
 * Return: 0, what vfio_dma_rw() says, -EINVAL (more than there is room for). After an error part of
 * it may be there.
 */
int cp_copy_take(struct cp_copy *copy, struct vfio_device *vdev, uint64_t iova, size_t len);

/** cp_copy_get - @len bytes of what was copied. Return: 0, -EFAULT (not all of it was). */
int cp_copy_get(const struct cp_copy *copy, uint64_t iova, void *buf, size_t len);

#endif
