// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Transfers between an image and its buffer.
 *
 * A transfer is under way as requests of the ring (at most IMAGE_REQUESTS). The thread waits for
 * all of them, or for stop_fd, for which the ring has one more request that stays from transfer to
 * transfer. A transfer that was left has requests in the ring still; the next one waits for those.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <poll.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "image_io.h"

/* What a completion says that is not of a request of a transfer. */
#define STOP UINT64_C(~0)

#define PUNCH_MODE (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)

/* Is the command to end? Waits for that, for @ms milliseconds. */
static bool stopped(const struct image *image, int ms)
{
	struct pollfd pfd = { .fd = image->stop_fd ? *image->stop_fd : -1, .events = POLLIN };

	return poll(&pfd, 1, ms) > 0;
}

/* What @res, of a request or system call for @len bytes, comes to: the bytes that are done, or
 * -errno. Nothing done is an error: the file has been cut, or doesn't take what it has said. */
static int64_t outcome(enum image_op op, int64_t res, uint64_t len)
{
	if (res == -EINTR || res == -EAGAIN)
		return 0;
	if (res < 0)
		return res;
	if (op == IMAGE_PUNCH || op == IMAGE_FLUSH)
		return (int64_t)len;
	return res ? res : -EIO;
}

static void advance(struct image_request *r, enum image_op op, int64_t done)
{
	if (op <= IMAGE_WRITE)
		r->buf += done;
	r->offset += (uint64_t)done;
	r->len -= (uint64_t)done;
}

/* ---- by system calls ---- */

static int64_t call(struct image *image, enum image_op op, const struct image_request *r)
{
	size_t len = r->len < IMAGE_REQUEST_SIZE ? r->len : IMAGE_REQUEST_SIZE;
	struct iovec iov = { .iov_base = r->buf, .iov_len = len };
	int64_t res = -1;

	switch (op) {
	case IMAGE_READ:
		res = preadv(image->fd, &iov, 1, (off_t)r->offset);
		break;
	case IMAGE_WRITE:
		res = pwritev(image->fd, &iov, 1, (off_t)r->offset);
		break;
	case IMAGE_PUNCH:
		res = fallocate(image->fd, PUNCH_MODE, (off_t)r->offset, (off_t)r->len);
		break;
	case IMAGE_FLUSH:
		res = fdatasync(image->fd);
		break;
	}
	return outcome(op, res < 0 ? -errno : res, r->len);
}

static int transfer_by_calls(struct image *image, enum image_op op, struct image_request r)
{
	int64_t done;

	while (r.len) {
		done = call(image, op, &r);
		if (done < 0)
			return (int)done;
		advance(&r, op, done);
		if (r.len && stopped(image, 0))
			return -ECANCELED;
	}
	return 0;
}

/* ---- by the ring ---- */

/* There is always room: the ring has more entries than we have requests. */
static struct io_uring_sqe *entry(struct image *image, uint64_t data)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&image->ring);

	io_uring_sqe_set_data64(sqe, data);
	return sqe;
}

static void prepare(struct image *image, unsigned int i)
{
	const struct image_request *r = &image->requests[i];
	struct io_uring_sqe *sqe = io_uring_get_sqe(&image->ring);

	switch (image->op) {
	case IMAGE_READ:
		io_uring_prep_read(sqe, image->fd, r->buf, (unsigned int)r->len, r->offset);
		break;
	case IMAGE_WRITE:
		io_uring_prep_write(sqe, image->fd, r->buf, (unsigned int)r->len, r->offset);
		break;
	case IMAGE_PUNCH:
		io_uring_prep_fallocate(sqe, image->fd, PUNCH_MODE, (off_t)r->offset,
					(off_t)r->len);
		break;
	case IMAGE_FLUSH:
		io_uring_prep_fsync(sqe, image->fd, IORING_FSYNC_DATASYNC);
		break;
	}
	io_uring_sqe_set_data64(sqe, i);
}

static void complete(struct image *image, uint64_t data, int res)
{
	struct image_request *r;
	int64_t done;

	if (data == STOP) {
		image->armed = false;
		return;
	}
	r = &image->requests[data];
	done = outcome(image->op, res, r->len);
	if (done < 0) {
		if (!image->error)
			image->error = (int)done;
		done = (int64_t)r->len;
	}
	advance(r, image->op, done);
	if (r->len)
		prepare(image, (unsigned int)data);
	else
		image->busy--;
}

/* Wait until something has ended, and take all that has. Return: 0, -ECANCELED. */
static int wait_for_some(struct image *image)
{
	struct io_uring_cqe *cqe;
	int err;

	if (image->stop_fd && *image->stop_fd >= 0 && !image->armed) {
		io_uring_prep_poll_add(entry(image, STOP), *image->stop_fd, POLLIN);
		image->armed = true;
	}
	err = io_uring_submit_and_wait(&image->ring, 1);
	/* The kernel has no memory for a request: it has kept those that it has not taken. */
	if (err < 0 && err != -EINTR && stopped(image, 1))
		return -ECANCELED;
	while (!io_uring_peek_cqe(&image->ring, &cqe)) {
		uint64_t data = io_uring_cqe_get_data64(cqe);
		int res = cqe->res;

		io_uring_cqe_seen(&image->ring, cqe);
		complete(image, data, res);
	}
	/* That may have been about an earlier command, which was over before it was told. */
	return image->busy && !image->armed && stopped(image, 0) ? -ECANCELED : 0;
}

/* Nobody asks any more what comes of it. */
int image_settle(struct image *image)
{
	int err = 0;

	while (image->busy && !err)
		err = wait_for_some(image);
	return err;
}

static int transfer_by_ring(struct image *image, enum image_op op, struct image_request all)
{
	unsigned int i;
	int err = image_settle(image);

	if (err)
		return err;
	image->op = op;
	image->error = 0;
	while (all.len || image->busy) {
		for (i = 0; i < IMAGE_REQUESTS && all.len && !image->error; i++) {
			struct image_request *r = &image->requests[i];

			if (r->len)
				continue;
			*r = all;
			if (op <= IMAGE_WRITE && r->len > IMAGE_REQUEST_SIZE)
				r->len = IMAGE_REQUEST_SIZE;
			advance(&all, op, (int64_t)r->len);
			prepare(image, i);
			image->busy++;
		}
		if (!image->busy)
			break;
		err = wait_for_some(image);
		if (err)
			return err;
	}
	return image->error;
}

/* A ring can be refused when it is made, and when it is used. */
static bool ring_works(struct io_uring *ring)
{
	static const int ops[] = { IORING_OP_READ, IORING_OP_WRITE, IORING_OP_FSYNC,
				   IORING_OP_FALLOCATE, IORING_OP_POLL_ADD };
	struct io_uring_probe *probe = io_uring_get_probe_ring(ring);
	struct io_uring_cqe *cqe;
	bool works = probe;
	size_t i;

	for (i = 0; i < sizeof(ops) / sizeof(ops[0]) && works; i++)
		works = io_uring_opcode_supported(probe, ops[i]);
	io_uring_free_probe(probe);
	if (!works)
		return false;
	io_uring_prep_nop(io_uring_get_sqe(ring));
	if (io_uring_submit_and_wait(ring, 1) < 0 || io_uring_peek_cqe(ring, &cqe))
		return false;
	io_uring_cqe_seen(ring, cqe);
	return true;
}

void image_io_init(struct image *image)
{
	/* One for each request, one for stop_fd, and what has ended while others were made. */
	if (io_uring_queue_init(2 * IMAGE_REQUESTS, &image->ring, IORING_SETUP_COOP_TASKRUN) &&
	    io_uring_queue_init(2 * IMAGE_REQUESTS, &image->ring, 0))
		return;
	image->has_ring = ring_works(&image->ring);
	if (!image->has_ring)
		io_uring_queue_exit(&image->ring);
}

void image_io_finish(struct image *image)
{
	if (!image->has_ring)
		return;
	/* Nobody may stop this: the buffer goes. */
	image->stop_fd = NULL;
	image_settle(image);
	io_uring_queue_exit(&image->ring);
}

/* ---- what the control units call ---- */

static int transfer(struct image *image, enum image_op op, struct image_request r)
{
	return image->has_ring ? transfer_by_ring(image, op, r) : transfer_by_calls(image, op, r);
}

static bool inside(const struct image *image, uint64_t offset, uint64_t len)
{
	return offset <= image->size && len <= image->size - offset;
}

int image_read(struct image *image, void *buf, size_t len, uint64_t offset)
{
	if (!inside(image, offset, len))
		return -EINVAL;
	return transfer(image, IMAGE_READ, (struct image_request) { buf, len, offset });
}

int image_write(struct image *image, const void *buf, size_t len, uint64_t offset)
{
	/* It is in the image's buffer, which is not const. */
	uint8_t *from = image->buffer + ((const uint8_t *)buf - image->buffer);

	if (image->read_only)
		return -EROFS;
	if (!inside(image, offset, len))
		return -EINVAL;
	return transfer(image, IMAGE_WRITE, (struct image_request) { from, len, offset });
}

static int write_zeros(struct image *image, uint64_t offset, uint64_t len)
{
	int err = image_settle(image);

	if (err)
		return err;
	memset(image->buffer, 0, image->buffer_size);
	while (len && !err) {
		size_t n = len < image->buffer_size ? len : image->buffer_size;

		err = image_write(image, image->buffer, n, offset);
		offset += n;
		len -= n;
	}
	return err;
}

int image_zero(struct image *image, uint64_t offset, uint64_t len)
{
	int err;

	if (image->read_only)
		return -EROFS;
	if (!inside(image, offset, len))
		return -EINVAL;
	if (!len)
		return 0;
	if (!image->no_punch) {
		err = transfer(image, IMAGE_PUNCH, (struct image_request) { NULL, len, offset });
		if (err != -EOPNOTSUPP && err != -ENOSYS && err != -EINVAL)
			return err;
		/* A block device is EINVAL for what is not aligned, but not for everything. */
		image->no_punch = err != -EINVAL;
	}
	return write_zeros(image, offset, len);
}

int image_flush(struct image *image)
{
	if (image->unsafe)
		return 0;
	return transfer(image, IMAGE_FLUSH, (struct image_request) { NULL, 1, 0 });
}
