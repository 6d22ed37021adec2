/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An image: the file, or block device, that has what is on a simulated disk.
 *
 * One thread at a time uses an image: the channel's. Transfers go by io_uring, so that a HALT or
 * CLEAR need not wait for storage that is slow or hangs, or, where the system refuses that (as
 * containers do), by plain system calls, which can't be left.
 */
#ifndef UMDEV_CSS_IMAGE_H
#define UMDEV_CSS_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct image;

/** struct image_error - why an image was refused: one line without a newline, with its path */
struct image_error {
	char text[256];
};

/**
 * struct image_params - how an image is to be opened; all of it may go after image_open() but
 * @stop_fd
 * @path:        a regular file or block device, or a symbolic link to one; copied
 * @size:        bytes. A file that is not there, or is empty, becomes one of this size, without
 *               storage yet; another one must have just this. 0: it is there, with any size but 0
 * @buffer_size: bytes that image_buffer() has; at least 1
 * @read_only:   open it only for reading; several may at once
 * @unsafe:      image_flush() does nothing
 * @stop_fd:     where the number of a descriptor stands (cu_device.stop_fd) that is readable when
 *               calls are to return -ECANCELED. It is looked at in image_read(), image_write(),
 *               image_zero(), image_flush(), and once there, it stays the same. NULL: none
 */
struct image_params {
	const char *path;
	uint64_t size;
	size_t buffer_size;
	bool read_only;
	bool unsafe;
	const int *stop_fd;
};

/**
 * image_open - open or create an image, and lock it against other users
 * @out: closed by image_close()
 *
 * The lock is of the open file (F_OFD_SETLK): for writing on all of it, or for reading with
 * @read_only; so two devices can't have one image by any two names of it, in one process or two.
 *
 * Return: 0; -ENOENT (and no size to create it with), -EBUSY (locked; @error says by which process,
 * if that can be seen), -EINVAL (neither file nor block device, or another size), -EFBIG (larger
 * than files may be), other errnos of the system's. @error says which; nothing is left, a file that
 * was created is removed.
 */
int image_open(struct image **out, const struct image_params *params, struct image_error *error);

/** image_close - the reverse; waits for a transfer that was left. NULL is fine. */
void image_close(struct image *image);

/** image_path - as it was given. image_size - its bytes. Constant; any thread. */
const char *image_path(const struct image *image);
uint64_t image_size(const struct image *image);
/** image_is_new - did image_open() create it, or find it empty? All of it reads as 0 then. */
bool image_is_new(const struct image *image);
bool image_is_read_only(const struct image *image);

/**
 * image_buffer - memory for transfers, page-aligned, the image's
 *
 * All that is transferred lies in it, since a transfer that is left (-ECANCELED) goes on: its part
 * of the buffer is in use, and its part of the image undefined, until image_settle() has returned
 * 0. The other calls begin with that, but whoever puts something into the buffer has to before.
 */
uint8_t *image_buffer(struct image *image);

/**
 * image_settle - wait for a transfer that was left, if there is one
 * Context: the image's one thread; may sleep. Costs nothing else. Return: 0, -ECANCELED.
 */
int image_settle(struct image *image);

/**
 * image_read - read into the buffer
 * @buf:    in image_buffer(), with room for @len bytes
 * @len:    any; a large transfer is made of several requests at once
 * @offset: of the image, in bytes
 *
 * Context: the image's one thread; may sleep.
 * Return: 0 (all of it), -ECANCELED (stop_fd), -EINVAL (not in the image), -EIO and what else the
 * system says; -EIO as well if the file has been cut since.
 */
int image_read(struct image *image, void *buf, size_t len, uint64_t offset);

/**
 * image_write - the reverse. Stable after image_flush(). Return: as image_read(), also -EROFS,
 * -ENOSPC, -EDQUOT: then any part of it may have been written.
 */
int image_write(struct image *image, const void *buf, size_t len, uint64_t offset);

/**
 * image_zero - have @len bytes at @offset read as 0, and give their storage back where the file
 * system can
 *
 * Where it can't, zeros are written, by means of the buffer's memory. Return: as image_write().
 */
int image_zero(struct image *image, uint64_t offset, uint64_t len);

/**
 * image_flush - have all that was written, and returned 0 for, on stable storage (fdatasync)
 *
 * Return: 0; -ECANCELED; the system's errno: what was written since the last flush may be lost, and
 * it is told once.
 */
int image_flush(struct image *image);

#endif
