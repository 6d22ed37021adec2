/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What image.c, which opens images, and image_io.c, which transfers, know of one.
 */
#ifndef UMDEV_CSS_IMAGE_IO_H
#define UMDEV_CSS_IMAGE_IO_H

#include <liburing.h>

#include "image.h"

/* A transfer is cut into requests of this size, of which so many are under way at once. */
#define IMAGE_REQUEST_SIZE (128 * 1024)
#define IMAGE_REQUESTS	   8

enum image_op {
	IMAGE_READ,
	IMAGE_WRITE,
	IMAGE_PUNCH,
	IMAGE_FLUSH,
};

/** struct image_request - what one of the ring's requests has still to do; free with len 0 */
struct image_request {
	uint8_t *buf;
	uint64_t len;
	uint64_t offset;
};

/**
 * struct image - an image
 * @stop_fd:   as in struct image_params
 * @no_punch:  holes can't be made
 * @has_ring:  @ring is there; constant
 * @armed:     the ring has a request that waits for @stop_fd
 * @op:        of the transfer under way, and of one that was left
 * @busy:      requests of it that have not ended
 * @error:     the first of it
 * @requests:  those, and free ones
 *
 * What is not constant is the thread's that uses the image.
 */
struct image {
	char *path;
	int fd;
	uint64_t size;
	uint8_t *buffer;
	size_t buffer_size;
	const int *stop_fd;
	bool read_only;
	bool unsafe;
	bool is_new;
	bool no_punch;

	bool has_ring;
	bool armed;
	enum image_op op;
	unsigned int busy;
	int error;
	struct image_request requests[IMAGE_REQUESTS];
	struct io_uring ring;
};

/** image_io_init - get the ring, if the system gives one. image_io_finish - the reverse; waits for
 * a transfer that was left. */
void image_io_init(struct image *image);
void image_io_finish(struct image *image);

#endif
