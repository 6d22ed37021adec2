/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program that makes the kernel's calls on /dev/vfio/vfio, and knows nothing of any library that
 * is loaded before the C library. It runs with the one that is made with double.c.
 *
 * calls [DIRECTORY]: where vfio is in place of /dev/vfio. Compiled once as it is and once with
 * 64-bit names and checked sizes, which are other functions of the C library.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmocka_umdev.h"
#include "preload/double.h"
#include "support/vforked.h"

static const char *directory = "/dev/vfio";
static char vfio[PATH_MAX], group[PATH_MAX];
static int group_id = -1;
/* Not a constant, so that compilers that check sizes leave it to the C library. */
static volatile size_t some = 64;

#define assert_fails(call, err)               \
	do {                                  \
		errno = 0;                    \
		assert_int_equal(call, -1);   \
		assert_int_equal(errno, err); \
	} while (0)

static int open_vfio(int flags)
{
	int fd = open(vfio, flags);

	assert_true(fd >= 0);
	return fd;
}

/* ---- opening ---- */

static void nodes_open_by_any_name(void **state)
{
	int dir = open(directory, O_RDONLY | O_DIRECTORY), fds[5], here = open(".", O_PATH), i;
	char link[] = "/tmp/umdev-link-XXXXXX";

	assert_int_equal(mkdtemp(link) != NULL, 1);
	assert_int_equal(rmdir(link), 0);
	assert_int_equal(symlink(vfio, link), 0);
	fds[0] = open(link, O_RDWR);
	fds[1] = openat(dir, "vfio", O_RDWR);
	assert_int_equal(fchdir(dir), 0);
	fds[2] = open("./vfio", O_RDWR | O_CREAT, 0600);
	fds[3] = openat(dir, "vfio", (int)(O_RDWR | (some & 1)));
	fds[4] = open("vfio", (int)(O_RDWR | (some & 1)));
	for (i = 0; i < 5; i++) {
		assert_true(fds[i] >= 0);
		assert_int_equal(ioctl(fds[i], DOUBLE_KIND), 0);
		assert_int_equal(close(fds[i]), 0);
	}
	assert_int_equal(fchdir(here), 0);
	assert_fails(open(link, O_RDWR | O_NOFOLLOW), ELOOP);
	assert_int_equal(unlink(link), 0);
	close(here);
	close(dir);
}

static void a_group_opens_by_its_number(void **state)
{
	int fd;

	if (group_id < 0)
		skip();
	fd = open(group, O_RDWR);
	assert_int_equal(ioctl(fd, DOUBLE_KIND), group_id + 1);
	assert_int_equal(close(fd), 0);
}

static void opening_fails_as_it_would(void **state)
{
	struct stat st;
	int fd;

	assert_fails(open(vfio, O_RDWR | O_DIRECTORY), ENOTDIR);
	assert_fails(open(vfio, O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
	assert_fails(open(vfio, O_RDWR | O_DIRECT), EINVAL);
	assert_fails(open("/nowhere/vfio", O_RDWR), ENOENT);
	assert_fails(openat(-1, "vfio", O_RDWR), EBADF);
	fd = open(vfio, O_PATH);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_fails(ioctl(fd, DOUBLE_KIND), EBADF);
	close(fd);
}

static void a_descriptor_looks_like_the_node(void **state)
{
	struct stat node, st;
	int fd = open_vfio(O_RDWR | O_CLOEXEC), other = open_vfio(O_RDONLY);

	assert_int_equal(stat(vfio, &node), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(S_ISCHR(st.st_mode));
	assert_int_equal(st.st_rdev, node.st_rdev);
	assert_int_equal(st.st_ino, node.st_ino);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(other, F_GETFD), 0);
	close(fd);
	close(other);
}

/* ---- reading and writing ---- */

static void bytes_go_both_ways(void **state)
{
	int fd = open_vfio(O_RDWR);
	char out[64] = "to the device", in[64] = "";

	assert_int_equal(pwrite(fd, out, some, 4096), 64);
	assert_int_equal(pread(fd, in, some, 4096), 64);
	assert_memory_equal(in, out, 64);
	/* What one call does not do is left to the next. */
	assert_int_equal(pread(fd, in, some, DOUBLE_SIZE - 10), 10);
	assert_int_equal(pread(fd, in, some, DOUBLE_SIZE), 0);
	close(fd);
}

static void a_file_has_a_position(void **state)
{
	int fd = open_vfio(O_RDWR), twin;
	char in[64] = "";

	assert_int_equal(pwrite(fd, "overwritten, and not", 20, 0), 20);
	assert_int_equal(write(fd, "over", 4), 4);
	twin = dup(fd);
	assert_int_equal(write(twin, "lapping: ", 9), 9);
	assert_int_equal(read(fd, in, some), 64);
	assert_string_equal(in, "and not");
	assert_int_equal(pread(fd, in, some, 0), 64);
	assert_string_equal(in, "overlapping: and not");
	assert_fails(lseek(fd, 0, SEEK_SET), ESPIPE);
	close(fd);
	close(twin);
}

static void the_kernels_checks_come_first(void **state)
{
	int fd = open_vfio(O_RDWR), in = open_vfio(O_RDONLY), out = open_vfio(O_WRONLY);
	int none = open_vfio(O_ACCMODE);
	char *volatile byte = malloc(64);
	volatile size_t huge = SIZE_MAX;

	ioctl(fd, DOUBLE_CALLS);
	assert_fails(pread(fd, byte, 1, -1), EINVAL);
	assert_fails(pwrite(fd, byte, 1, -1), EINVAL);
	assert_fails(pread(fd, byte, 2, INT64_MAX), EINVAL);
	assert_fails(pread(fd, byte, huge, 0), EFAULT);
	assert_fails(pwrite(fd, byte, huge / 2, 0), EFAULT);
	assert_fails(write(in, byte, 1), EBADF);
	assert_fails(read(out, byte, 1), EBADF);
	assert_fails(read(none, byte, 1), EBADF);
	assert_fails(write(none, byte, 1), EBADF);
	assert_int_equal(ioctl(none, DOUBLE_CALLS), 0);
	assert_fails(pread(fd, NULL, some, 0), EFAULT);
	free(byte);
	close(fd);
	close(in);
	close(out);
	close(none);
}

static void pieces_are_calls_of_their_own(void **state)
{
	int fd = open_vfio(O_RDWR);
	char first[10] = "012345678", second[20] = "9abcdefghijklmnopqr", long_one[150], in[40];
	struct iovec pieces[] = { { first, 9 }, { NULL, 0 }, { second, 19 } };
	struct iovec in_pieces[] = { { in, 20 }, { in + 20, 20 } };
	struct iovec too_long[] = { { long_one, sizeof(long_one) }, { in, 1 } };

	ioctl(fd, DOUBLE_CALLS);
	assert_int_equal(pwritev(fd, pieces, 3, 100), 28);
	assert_int_equal(ioctl(fd, DOUBLE_CALLS), 3);
	assert_int_equal(preadv(fd, in_pieces, 2, 100), 40);
	assert_memory_equal(in, "0123456789abcdefghijklmnopqr", 28);
	ioctl(fd, DOUBLE_CALLS);
	/* It ends with a piece that is not done in full. */
	assert_int_equal(preadv(fd, too_long, 2, 0), DOUBLE_CHUNK);
	assert_int_equal(ioctl(fd, DOUBLE_CALLS), 1);
	assert_int_equal(writev(fd, pieces, 3), 28);
	assert_int_equal(pwritev2(fd, pieces, 3, -1, 0), 28);
	assert_int_equal(preadv2(fd, in_pieces, 1, 28, RWF_HIPRI), 20);
	assert_memory_equal(in, "0123456789", 10);
	assert_int_equal(readv(fd, in_pieces, 2), 40);
	close(fd);
}

static void wrong_pieces_are_refused(void **state)
{
	int fd = open_vfio(O_RDWR), in = open_vfio(O_RDONLY);
	volatile int few = -1, many = IOV_MAX + 1;
	char byte = 0;
	struct iovec pieces[] = { { &byte, 1 }, { NULL, 1 } }, none = { &byte, 0 };
	struct iovec negative[] = { { &byte, 1 }, { &byte, (size_t)SSIZE_MAX + 1 } };

	ioctl(fd, DOUBLE_CALLS);
	assert_fails(writev(fd, pieces, few), EINVAL);
	assert_fails(writev(fd, pieces, many), EINVAL);
	assert_fails(writev(fd, negative, 2), EINVAL);
	assert_fails(pwritev(fd, pieces, 1, -1), EINVAL);
	assert_fails(pwritev2(fd, pieces, 1, 0, RWF_NOWAIT), EOPNOTSUPP);
	assert_fails(writev(fd, NULL, 1), EFAULT);
	assert_fails(writev(in, pieces, 1), EBADF);
	assert_fails(writev(in, &none, 1), EBADF);
	assert_int_equal(writev(fd, &none, 1), 0);
	assert_int_equal(writev(fd, pieces, 0), 0);
	assert_int_equal(pwritev2(fd, &none, 1, 0, RWF_NOWAIT), 0);
	assert_int_equal(ioctl(fd, DOUBLE_CALLS), 0);
	/* What was done before the one that failed counts. */
	assert_int_equal(writev(fd, pieces, 2), 1);
	close(fd);
	close(in);
}

/* ---- ioctl, mmap, fcntl ---- */

static void ioctls_answer(void **state)
{
	int fd = open_vfio(O_RDWR), value = 7;

	assert_int_equal(ioctl(fd, DOUBLE_TAKE, &value), 7);
	errno = 77;
	assert_int_equal(ioctl(fd, DOUBLE_GIVE, &value), 0);
	assert_int_equal(errno, 77);
	assert_int_equal(value, 42);
	assert_fails(ioctl(fd, DOUBLE_TAKE, NULL), EFAULT);
	assert_fails(ioctl(fd, DOUBLE_ERROR, (void *)ENOSPC), ENOSPC);
	assert_fails(ioctl(fd, _IO('D', 99)), ENOTTY);
	/* The kernel looks at 32 bits. */
	assert_int_equal(ioctl(fd, DOUBLE_KIND | 1UL << 32), 0);
	close(fd);
}

static void ioctls_of_all_files_work(void **state)
{
	int fd = open_vfio(O_RDWR), on = 1;

	assert_int_equal(ioctl(fd, FIOCLEX), 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(ioctl(fd, FIONCLEX), 0);
	assert_int_equal(fcntl(fd, F_GETFD), 0);
	assert_int_equal(ioctl(fd, FIONBIO, &on), 0);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_fails(ioctl(fd, FIONBIO, NULL), EFAULT);
	assert_fails(ioctl(fd, FIOASYNC, &on), ENOTTY);
	on = 0;
	assert_int_equal(ioctl(fd, FIOASYNC, &on), 0);
	close(fd);
}

static void memory_is_mapped(void **state)
{
	int fd = open_vfio(O_RDWR), page = getpagesize();
	char *mem = mmap(NULL, (size_t)page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, page), in[64];

	assert_ptr_not_equal(mem, MAP_FAILED);
	memcpy(mem, "mapped", 7);
	assert_int_equal(pread(fd, in, some, page), 64);
	assert_string_equal(in, "mapped");
	close(fd);
	/* As with any file, it stays. */
	assert_string_equal(mem, "mapped");
	munmap(mem, (size_t)page);
}

static void assert_no_map(int fd, size_t length, int prot, int flags, off_t offset, int err)
{
	errno = 0;
	assert_ptr_equal(mmap(NULL, length, prot, flags, fd, offset), MAP_FAILED);
	assert_int_equal(errno, err);
}

static void wrong_maps_are_refused(void **state)
{
	int fd = open_vfio(O_RDWR), in = open_vfio(O_RDONLY), out = open_vfio(O_WRONLY);

	assert_no_map(fd, 4096, PROT_READ, MAP_SHARED, 1, EINVAL);
	assert_no_map(fd, 0, PROT_READ, MAP_SHARED, 0, EINVAL);
	assert_no_map(fd, 4096, PROT_READ, 0, 0, EINVAL);
	assert_no_map(fd, 4096, PROT_READ, MAP_SHARED | MAP_HUGETLB, 0, EINVAL);
	assert_no_map(fd, 4096, PROT_READ, MAP_PRIVATE | MAP_GROWSDOWN, 0, EINVAL);
	assert_no_map(fd, 4096, PROT_READ, MAP_SHARED_VALIDATE | MAP_SYNC, 0, EOPNOTSUPP);
	assert_no_map(fd, SIZE_MAX, PROT_READ, MAP_SHARED, 0, ENOMEM);
	assert_no_map(fd, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, 0, EPERM);
	assert_no_map(in, 4096, PROT_WRITE, MAP_SHARED, 0, EACCES);
	assert_no_map(out, 4096, PROT_WRITE, MAP_SHARED, 0, EACCES);
	close(fd);
	close(in);
	close(out);
}

static void flags_are_kept(void **state)
{
	int fd = open_vfio(O_RDWR | O_CLOEXEC | O_NONBLOCK | O_TRUNC | O_NOCTTY), twin;

	/* The kernel adds its O_LARGEFILE, which programs do not know. */
	assert_int_equal(fcntl(fd, F_GETFL) & 07777, O_RDWR | O_NONBLOCK);
	assert_int_equal(fcntl(fd, F_GETFL) & (O_PATH | O_CLOEXEC), 0);
	twin = fcntl(fd, F_DUPFD, 50);
	assert_int_equal(fcntl(fd, F_SETFL, O_APPEND | O_RDONLY), 0);
	assert_int_equal(fcntl(twin, F_GETFL) & 07777, O_RDWR | O_APPEND);
	assert_fails(fcntl(fd, F_SETFL, O_DIRECT), EINVAL);
	assert_int_equal(fcntl(fd, F_SETFD, FD_CLOEXEC), 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(twin, F_GETFD), 0);
	assert_fails(fcntl(fd, F_GETPIPE_SZ), EBADF);
	assert_fails(fcntl(fd, F_GET_SEALS), EINVAL);
	close(fd);
	close(twin);
}

/* ---- closing and duplicating ---- */

static void the_last_close_releases(void **state)
{
	int fd = open_vfio(O_RDWR), watch = open_vfio(O_RDWR), live = ioctl(watch, DOUBLE_LIVE);
	int twins[5], i;

	twins[0] = dup(fd);
	twins[1] = dup2(fd, 60);
	twins[2] = dup3(fd, 61, O_CLOEXEC);
	twins[3] = fcntl(fd, F_DUPFD, 0);
	twins[4] = fcntl(fd, F_DUPFD_CLOEXEC, 70);
	assert_int_equal(close(fd), 0);
	assert_fails(ioctl(fd, DOUBLE_KIND), EBADF);
	for (i = 0; i < 5; i++) {
		assert_int_equal(ioctl(twins[i], DOUBLE_KIND), 0);
		assert_int_equal(ioctl(watch, DOUBLE_LIVE), live);
		errno = 77;
		assert_int_equal(close(twins[i]), 0);
		assert_int_equal(errno, 77);
	}
	assert_int_equal(ioctl(watch, DOUBLE_LIVE), live - 1);
	assert_fails(close(fd), EBADF);
	close(watch);
}

static void a_range_is_closed(void **state)
{
	int fd = open_vfio(O_RDWR), hidden, high, null = open("/dev/null", O_RDWR);
	char byte;

	high = fcntl(fd, F_DUPFD, 300);
	hidden = ioctl(fd, DOUBLE_HIDE);
	assert_fails(close_range((unsigned int)fd, (unsigned int)null, 1 << 20), EINVAL);
	assert_int_equal(close_range((unsigned int)fd, (unsigned int)null, CLOSE_RANGE_CLOEXEC), 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(close_range((unsigned int)fd, (unsigned int)null, 0), 0);
	assert_fails(ioctl(fd, DOUBLE_KIND), EBADF);
	assert_fails(read(null, &byte, 1), EBADF);
	/* What the library needs for those that stay, stays. */
	assert_fails(close(hidden), EBADF);
	assert_fails(dup2(0, hidden), EBADF);
	assert_fails(fcntl(hidden, F_GETFD), EBADF);
	assert_int_equal(close_range((unsigned int)hidden, UINT_MAX, 0), 0);
	assert_int_equal(pread(high, &byte, 1, 0), 1);
	closefrom(high);
	assert_fails(pread(high, &byte, 1, 0), EBADF);
}

/* ---- others ---- */

static void all_uses_are_ebadf(int fd)
{
	char buf[8];
	struct iovec iov = { buf, 8 };
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	assert_fails(ioctl(fd, DOUBLE_KIND), EBADF);
	assert_fails(read(fd, buf, 8), EBADF);
	assert_fails(pread(fd, buf, 8, 0), EBADF);
	assert_fails(write(fd, buf, 8), EBADF);
	assert_fails(pwritev(fd, &iov, 1, 0), EBADF);
	assert_no_map(fd, 4096, PROT_READ, MAP_SHARED, 0, EBADF);
	assert_int_equal(poll(&pfd, 1, 0), 1);
	assert_int_equal(pfd.revents, POLLNVAL);
	assert_int_equal(close(fd), 0);
}

static int wait_for(pid_t pid)
{
	int status;

	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Run this program anew with @fd. */
static pid_t inherit(int fd, bool with_library)
{
	char number[16];
	pid_t pid;

	snprintf(number, sizeof(number), "%d", fd);
	pid = fork();
	if (pid)
		return pid;
	if (!with_library)
		unsetenv("LD_PRELOAD");
	execl("/proc/self/exe", "calls", "--inherited", number, NULL);
	_exit(99);
}

static void who_inherits_one_gets_an_error(void **state)
{
	int fd = open_vfio(O_RDWR);

	assert_int_equal(wait_for(inherit(fd, true)), 0);
	assert_int_equal(wait_for(inherit(fd, false)), 0);
	assert_int_equal(ioctl(fd, DOUBLE_KIND), 0);
	close(fd);
}

static void inherited(void **state)
{
	all_uses_are_ebadf(*(int *)*state);
}

union control {
	struct cmsghdr align;
	char buf[CMSG_SPACE(sizeof(int))];
};

static void send_fd(int to, int fd)
{
	struct iovec iov = { (char[]) { "x" }, 1 };
	union control control = { 0 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.buf,
			      .msg_controllen = sizeof(control.buf) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	assert_int_equal(sendmsg(to, &msg, 0), 1);
}

static int receive_fd(int from)
{
	char byte;
	struct iovec iov = { &byte, 1 };
	union control control;
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.buf,
			      .msg_controllen = sizeof(control.buf) };
	int fd;

	assert_int_equal(recvmsg(from, &msg, 0), 1);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

static void who_is_sent_one_gets_an_error(void **state)
{
	int pair[2], fd;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	fd = open_vfio(O_RDWR);
	send_fd(pair[0], fd);
	all_uses_are_ebadf(receive_fd(pair[1]));
	assert_int_equal(ioctl(fd, DOUBLE_KIND), 0);
	close(fd);
	close(pair[0]);
	close(pair[1]);
}

static void a_child_goes_on(void **state)
{
	int fd = open_vfio(O_RDWR), status;
	char in[8] = "";
	pid_t pid;

	assert_int_equal(pwrite(fd, "parent", 7, 0), 7);
	pid = fork();
	if (pid == 0) {
		status = pread(fd, in, 7, 0) != 7 || strcmp(in, "parent") != 0;
		status |= pwrite(fd, "child", 6, 0) != 6;
		_exit(status | close(fd));
	}
	assert_int_equal(wait_for(pid), 0);
	assert_int_equal(pread(fd, in, 7, 0), 7);
	assert_string_equal(in, "child");
	close(fd);
}

static int close_and_open(void *data)
{
	int fd = *(int *)data;

	if (close(fd) || dup2(0, fd) != fd)
		return 1;
	return open(vfio, O_RDWR) < 0 ? 0 : 2;
}

static void a_child_of_vfork_leaves_it_alone(void **state)
{
	int fd = open_vfio(O_RDWR), live = ioctl(fd, DOUBLE_LIVE);

	assert_int_equal(vforked(close_and_open, &fd), 0);
	assert_int_equal(ioctl(fd, DOUBLE_LIVE), live);
	close(fd);
}

/* ---- everything else ---- */

static void other_files_are_as_ever(void **state)
{
	char name[] = "/tmp/umdev-file-XXXXXX", in[64] = "";
	int fd = mkstemp(name), vfio_fd = open_vfio(O_RDWR), pipes[2];
	struct stat st;

	assert_int_equal(unlink(name), 0);
	assert_int_equal(write(fd, "hello", 6), 6);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(read(fd, in, some), 6);
	assert_string_equal(in, "hello");
	assert_int_equal(pread(fd, in, some, 3), 3);
	assert_fails(ioctl(fd, DOUBLE_KIND), ENOTTY);
	assert_int_equal(pipe(pipes), 0);
	assert_fails(lseek(pipes[0], 0, SEEK_SET), ESPIPE);
	assert_int_equal(dup2(pipes[1], vfio_fd), vfio_fd);
	assert_int_equal(write(vfio_fd, "x", 1), 1);
	assert_int_equal(read(pipes[0], in, 1), 1);
	close(pipes[0]);
	close(pipes[1]);
	close(vfio_fd);
	close(fd);
	umask(027);
	fd = open(name, O_RDWR | O_CREAT | O_EXCL, 0666);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_equal(unlink(name), 0);
	close(fd);
	fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	close(fd);
}

static void *read_forever(void *data)
{
	char byte;

	read(*(int *)data, &byte, 1);
	return NULL;
}

static void a_thread_that_reads_can_be_cancelled(void **state)
{
	pthread_t thread;
	int pipes[2];
	void *ret;

	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(pthread_create(&thread, NULL, read_forever, &pipes[0]), 0);
	assert_int_equal(pthread_cancel(thread), 0);
	assert_int_equal(pthread_join(thread, &ret), 0);
	assert_ptr_equal(ret, PTHREAD_CANCELED);
	close(pipes[0]);
	close(pipes[1]);
}

static int run_inherited(int fd)
{
	void *state = &fd;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(inherited, state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nodes_open_by_any_name),
		cmocka_unit_test(a_group_opens_by_its_number),
		cmocka_unit_test(opening_fails_as_it_would),
		cmocka_unit_test(a_descriptor_looks_like_the_node),
		cmocka_unit_test(bytes_go_both_ways),
		cmocka_unit_test(a_file_has_a_position),
		cmocka_unit_test(the_kernels_checks_come_first),
		cmocka_unit_test(pieces_are_calls_of_their_own),
		cmocka_unit_test(wrong_pieces_are_refused),
		cmocka_unit_test(ioctls_answer),
		cmocka_unit_test(ioctls_of_all_files_work),
		cmocka_unit_test(memory_is_mapped),
		cmocka_unit_test(wrong_maps_are_refused),
		cmocka_unit_test(flags_are_kept),
		cmocka_unit_test(the_last_close_releases),
		cmocka_unit_test(a_range_is_closed),
		cmocka_unit_test(who_inherits_one_gets_an_error),
		cmocka_unit_test(who_is_sent_one_gets_an_error),
		cmocka_unit_test(a_child_goes_on),
		cmocka_unit_test(a_child_of_vfork_leaves_it_alone),
		cmocka_unit_test(other_files_are_as_ever),
		cmocka_unit_test(a_thread_that_reads_can_be_cancelled),
	};

	if (argc == 3 && strcmp(argv[1], "--inherited") == 0)
		return run_inherited(atoi(argv[2]));
	if (argc > 1)
		directory = argv[1];
	if (argc > 2)
		group_id = atoi(argv[2]);
	snprintf(vfio, sizeof(vfio), "%s/vfio", directory);
	snprintf(group, sizeof(group), "%s/%d", directory, group_id);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
