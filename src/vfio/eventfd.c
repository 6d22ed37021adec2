/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signalling eventfds that a stranger shares with us.
 *
 * A write() to an eventfd blocks while its counter is full and the descriptor is not non-blocking,
 * and both are in the hands of the user: one that wants to can catch a driver's thread for ever,
 * and with it the locks that the thread holds. The kernel's own completions of asynchronous I/O
 * signal an eventfd without ever waiting, so an empty read that ends with such a signal stands in
 * for the write.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "model/alloc.h"
#include "vfio/irq.h"

/* The head of the ring of completions as the kernel shares it with us. */
struct aio_ring {
	unsigned int id;
	unsigned int nr;
	unsigned int head; /* ours */
	unsigned int tail; /* the kernel's */
	unsigned int magic;
};

#define AIO_RING_MAGIC 0xa10a10a1

/* Each thread that raises interrupts has a context of its own, so none waits for another. */
static __thread aio_context_t aio_context;
static __thread bool aio_failed;
static pthread_key_t aio_key;
static pthread_once_t aio_once = PTHREAD_ONCE_INIT;
static int null_fd = -1;

static void destroy_context(void *context)
{
	syscall(SYS_io_destroy, (aio_context_t)(uintptr_t)context);
}

static void open_null(void)
{
	null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null_fd >= 0 && pthread_key_create(&aio_key, destroy_context)) {
		close(null_fd);
		null_fd = -1;
	}
}

static bool have_context(void)
{
	aio_context_t context = 0;

	if (aio_context)
		return true;
	if (aio_failed)
		return false;
	aio_failed = true;
	pthread_once(&aio_once, open_null);
	if (null_fd < 0 || syscall(SYS_io_setup, 1, &context))
		return false;
	if (((struct aio_ring *)context)->magic != AIO_RING_MAGIC ||
	    pthread_setspecific(aio_key, (void *)(uintptr_t)context)) {
		syscall(SYS_io_destroy, context);
		return false;
	}
	aio_context = context;
	aio_failed = false;
	return true;
}

static bool signal_by_aio(int fd)
{
	struct aio_ring *ring;
	char nothing;
	struct iocb cb = {
		.aio_lio_opcode = IOCB_CMD_PREAD,
		.aio_fildes = (uint32_t)null_fd,
		.aio_buf = (uintptr_t)&nothing,
		.aio_nbytes = 1,
		.aio_flags = IOCB_FLAG_RESFD,
		.aio_resfd = (uint32_t)fd,
	};
	struct iocb *cbs = &cb;

	if (syscall(SYS_io_submit, aio_context, 1, &cbs) != 1)
		return false;
	/* Reading nothing ended before the call did; take its completion out of the ring. */
	ring = (struct aio_ring *)aio_context;
	__atomic_store_n(&ring->head, __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE),
			 __ATOMIC_RELEASE);
	return true;
}

void vfio_eventfd_signal(int fd)
{
	const uint64_t one = 1;
	int flags;
	ssize_t n;

	if (have_context() && signal_by_aio(fd))
		return;
	/*
	 * A kernel without asynchronous I/O: the user's descriptor does not block from now on.
	 * EAGAIN: the counter is full, the user has a signal.
	 */
	flags = fcntl(fd, F_GETFL);
	if (flags >= 0 && !(flags & O_NONBLOCK))
		fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	do {
		n = write(fd, &one, sizeof(one));
	} while (n < 0 && errno == EINTR);
}

int vfio_eventfd_dup(int fd)
{
	char path[sizeof("/proc/self/fd/-2147483648")], target[32];
	ssize_t n;
	int copy;

	copy = fault_point() ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (copy < 0)
		return errno == EBADF ? -EBADF : -EMFILE;
	/* Of the copy, which nobody can exchange for something else meanwhile. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", copy);
	n = readlink(path, target, sizeof(target));
	if (n != (ssize_t)strlen("anon_inode:[eventfd]") ||
	    memcmp(target, "anon_inode:[eventfd]", (size_t)n)) {
		close(copy);
		return -EBADF;
	}
	return copy;
}
