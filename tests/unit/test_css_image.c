// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Images: what may be one, who may have it, and transfers, by the ring and without one.
 */
#include "cmocka_umdev.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../drivers/css/image_io.h"
#include "slow_fs.h"

#define SIZE   UINT64_C(4194304)
#define BUFFER 3000000

static char dir[] = "/tmp/umdev-image-XXXXXX";
static char path[80];
static struct image_error error;
static int stop_fd;

static int try_open(struct image **image, const char *name, uint64_t size, bool read_only)
{
	struct image_params params = { .path = name,
				       .size = size,
				       .buffer_size = BUFFER,
				       .read_only = read_only,
				       .stop_fd = &stop_fd };

	*image = NULL;
	memset(&error, 0, sizeof(error));
	return image_open(image, &params, &error);
}

static struct image *opened(const char *name, uint64_t size, bool read_only)
{
	struct image *image;

	if (try_open(&image, name, size, read_only))
		fail_msg("%s", error.text);
	return image;
}

static void refused(int err, const char *name, uint64_t size, bool read_only, const char *words)
{
	struct image *image;

	assert_int_equal(try_open(&image, name, size, read_only), err);
	if (!strstr(error.text, words) || !strstr(error.text, name))
		fail_msg("\"%s\" does not say \"%s\" of %s", error.text, words, name);
}

static void file_of(const char *name, off_t size)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);

	assert_return_code(fd, errno);
	assert_int_equal(ftruncate(fd, size), 0);
	close(fd);
}

static void signal_stop(void)
{
	assert_int_equal(eventfd_write(stop_fd, 1), 0);
}

static void unsignal_stop(void)
{
	eventfd_t value;

	assert_int_equal(eventfd_read(stop_fd, &value), 0);
}

static int setup(void **state)
{
	stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	snprintf(path, sizeof(path), "%s/disk", dir);
	return 0;
}

static int teardown(void **state)
{
	unlink(path);
	close(stop_fd);
	return 0;
}

/* ---- opening ---- */

static void a_file_that_is_not_there_is_created_sparse(void **state)
{
	struct image *image = opened(path, UINT64_C(1) << 40, false);
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size == INT64_C(1) << 40);
	assert_int_equal(st.st_blocks, 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_true(image_is_new(image));
	assert_true(image_size(image) == UINT64_C(1) << 40);
	assert_string_equal(image_path(image), path);
	image_close(image);

	image = opened(path, 0, false);
	assert_false(image_is_new(image));
	assert_true(image_size(image) == UINT64_C(1) << 40);
	image_close(image);
}

static void an_empty_file_gets_its_size(void **state)
{
	struct image *image;

	file_of(path, 0);
	refused(-EINVAL, path, 0, false, "empty");
	refused(-EINVAL, path, SIZE, true, "read only");
	image = opened(path, SIZE, false);
	assert_true(image_is_new(image));
	assert_true(image_size(image) == SIZE);
	image_close(image);
}

static void another_size_is_refused(void **state)
{
	struct stat st;

	file_of(path, 1000);
	refused(-EINVAL, path, 1001, false, "has 1000 bytes, not 1001");
	refused(-EINVAL, path, 999, true, "has 1000 bytes, not 999");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 1000);
}

static void what_is_not_there_needs_a_size(void **state)
{
	refused(-ENOENT, path, 0, false, "No such file");
	refused(-ENOENT, path, SIZE, true, "No such file");
	refused(-ENOENT, "/nowhere/disk", SIZE, false, "No such file");
	assert_int_equal(access(path, F_OK), -1);
}

static void only_files_and_block_devices_are_images(void **state)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	refused(-EINVAL, dir, 0, true, "neither a file nor a block device");
	refused(-EINVAL, dir, SIZE, false, "neither a file nor a block device");
	refused(-EINVAL, "/dev/zero", SIZE, false, "neither a file nor a block device");
	/* Whoever opens one of these waits for the other end. */
	assert_int_equal(mkfifo(path, 0600), 0);
	refused(-EINVAL, path, 0, true, "neither a file nor a block device");
	refused(-EINVAL, path, SIZE, false, "neither a file nor a block device");
	unlink(path);
	strcpy(addr.sun_path, path);
	assert_int_equal(bind(s, (struct sockaddr *)&addr, sizeof(addr)), 0);
	refused(-EINVAL, path, SIZE, false, "neither a file nor a block device");
	close(s);
}

static void a_symbolic_link_is_what_it_leads_to(void **state)
{
	char link[100];
	struct image *image;

	snprintf(link, sizeof(link), "%s/link", dir);
	assert_int_equal(symlink("disk", link), 0);
	refused(-ENOENT, link, SIZE, false, "a symbolic link to nothing");
	assert_int_equal(access(path, F_OK), -1);
	file_of(path, 512);
	image = opened(link, 0, false);
	refused(-EBUSY, path, 0, false, "another device here");
	image_close(image);
	unlink(link);
	assert_int_equal(symlink("link", link), 0);
	refused(-ELOOP, link, SIZE, false, "symbolic links");
	unlink(link);
}

static void a_file_that_cannot_be_made_leaves_nothing(void **state)
{
	struct rlimit old, limit;

	getrlimit(RLIMIT_FSIZE, &old);
	limit = old;
	limit.rlim_cur = 1 << 20;
	setrlimit(RLIMIT_FSIZE, &limit);
	refused(-EFBIG, path, SIZE, false, "4194304 bytes: File too large");
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(access(path, F_OK), -1);
	refused(-EFBIG, path, UINT64_MAX, false, "File too large");
	assert_int_equal(access(path, F_OK), -1);
	/* What was there stays. */
	file_of(path, 0);
	refused(-EFBIG, path, UINT64_MAX, false, "File too large");
	assert_int_equal(access(path, F_OK), 0);
}

static void an_error_is_one_line_of_text(void **state)
{
	char name[400];
	struct image *image;

	snprintf(name, sizeof(name), "/tmp/%0385d%s", 7, "the\n\033end");
	assert_int_equal(try_open(&image, name, 0, false), -ENAMETOOLONG);
	assert_null(strchr(error.text, '\n'));
	assert_null(strchr(error.text, '\033'));
	assert_non_null(strstr(error.text, "7the??end\": "));
}

/* ---- the lock ---- */

static void one_writer_or_many_readers(void **state)
{
	struct image *a, *b;
	char other[100];

	file_of(path, SIZE);
	snprintf(other, sizeof(other), "%s/other", dir);
	assert_int_equal(link(path, other), 0);
	a = opened(path, 0, false);
	refused(-EBUSY, path, 0, false, "in use by another device here");
	refused(-EBUSY, path, 0, true, "in use by another device here");
	refused(-EBUSY, other, 0, false, "in use by another device here");
	image_close(a);
	a = opened(path, 0, true);
	b = opened(other, 0, true);
	refused(-EBUSY, path, 0, false, "in use by another device here");
	image_close(a);
	refused(-EBUSY, path, 0, false, "in use by another device here");
	image_close(b);
	image_close(opened(path, 0, false));
	unlink(other);
}

static void the_lock_is_seen_by_other_processes(void **state)
{
	int ready[2], done[2], status;
	struct image *image;
	char words[64], c;
	pid_t child;

	file_of(path, SIZE);
	assert_int_equal(pipe2(ready, O_CLOEXEC) | pipe2(done, O_CLOEXEC), 0);
	child = fork();
	if (!child) {
		close(done[1]);
		_exit(try_open(&image, path, 0, false) || write(ready[1], "x", 1) != 1 ||
		      read(done[0], &c, 1) != 0);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	snprintf(words, sizeof(words), "test_css_image (process %d)", (int)child);
	refused(-EBUSY, path, 0, true, words);
	/* No process has to tidy up. */
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	image_close(opened(path, 0, false));
	close(ready[0]);
	close(ready[1]);
	close(done[0]);
	close(done[1]);
}

static void who_loses_the_lock_changes_nothing(void **state)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct stat st;
	int fd;

	file_of(path, 0);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &fl), 0);
	refused(-EBUSY, path, SIZE, false, "in use by");
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(st.st_nlink, 1);
	close(fd);
}

/* ---- transfers ---- */

static uint8_t pattern(uint64_t offset, unsigned int seed)
{
	return (uint8_t)((offset * 2654435761u >> 13) + seed);
}

static void fill(struct image *image, size_t len, uint64_t offset, unsigned int seed)
{
	uint8_t *buf = image_buffer(image);
	size_t i;

	for (i = 0; i < len; i++)
		buf[i] = pattern(offset + i, seed);
}

static void check(const uint8_t *buf, size_t len, uint64_t offset, unsigned int seed)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (buf[i] != pattern(offset + i, seed))
			fail_msg("byte %zu is %#x, not %#x", i, buf[i], pattern(offset + i, seed));
}

static void check_file(const char *name, size_t len, uint64_t offset, unsigned int seed)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	uint8_t *buf = malloc(len);

	assert_int_equal(pread(fd, buf, len, (off_t)offset), len);
	check(buf, len, offset, seed);
	free(buf);
	close(fd);
}

/* One byte, a block, requests of their largest size, more than there are at once; odd places. */
static const struct {
	size_t len;
	uint64_t offset;
} transfers[] = {
	{ 0, 0 },      { 1, SIZE - 1 },	    { 512, 4096 },   { 131072, 131072 },
	{ 131073, 1 }, { 8 * 131072, 512 }, { 1500001, 77 }, { BUFFER, SIZE - BUFFER },
};

static void what_is_written_is_in_the_file_and_read(void **state)
{
	struct image *image = opened(path, SIZE, false);
	unsigned int i;

	for (i = 0; i < sizeof(transfers) / sizeof(transfers[0]); i++) {
		size_t len = transfers[i].len;
		uint64_t offset = transfers[i].offset;

		fill(image, len, offset, i);
		assert_int_equal(image_write(image, image_buffer(image), len, offset), 0);
		assert_int_equal(image_flush(image), 0);
		check_file(path, len, offset, i);
		memset(image_buffer(image), 0xee, BUFFER);
		assert_int_equal(image_read(image, image_buffer(image), len, offset), 0);
		check(image_buffer(image), len, offset, i);
		if (len < BUFFER)
			assert_int_equal(image_buffer(image)[len], 0xee);
	}
	image_close(image);
}

static void nothing_outside_is_touched(void **state)
{
	struct image *image = opened(path, SIZE, false);
	uint8_t *buf = image_buffer(image);
	struct stat st;

	assert_int_equal(image_read(image, buf, 1, SIZE), -EINVAL);
	assert_int_equal(image_read(image, buf, 2, SIZE - 1), -EINVAL);
	assert_int_equal(image_read(image, buf, 2, UINT64_MAX), -EINVAL);
	assert_int_equal(image_write(image, buf, 1, SIZE), -EINVAL);
	assert_int_equal(image_write(image, buf, 2, SIZE - 1), -EINVAL);
	assert_int_equal(image_write(image, buf, 2, UINT64_MAX), -EINVAL);
	assert_int_equal(image_zero(image, SIZE, 1), -EINVAL);
	assert_int_equal(image_zero(image, 1, UINT64_MAX), -EINVAL);
	assert_int_equal(image_read(image, buf, 0, SIZE), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_true((uint64_t)st.st_size == SIZE);
	image_close(image);
}

static void a_read_only_image_is_not_written(void **state)
{
	struct image *image;

	file_of(path, SIZE);
	assert_int_equal(chmod(path, 0400), 0);
	image = opened(path, SIZE, true);
	assert_true(image_is_read_only(image));
	assert_int_equal(image_write(image, image_buffer(image), 1, 0), -EROFS);
	assert_int_equal(image_zero(image, 0, 1), -EROFS);
	assert_int_equal(image_read(image, image_buffer(image), BUFFER, 0), 0);
	assert_int_equal(image_flush(image), 0);
	image_close(image);
}

static void a_file_that_was_cut_is_an_error(void **state)
{
	struct image *image = opened(path, SIZE, false);

	assert_int_equal(truncate(path, 1000000), 0);
	assert_int_equal(image_read(image, image_buffer(image), BUFFER, 0), -EIO);
	assert_int_equal(image_read(image, image_buffer(image), 1000000, 0), 0);
	image_close(image);
}

static void zeroing_gives_storage_back(void **state)
{
	struct image *image = opened(path, SIZE, false);
	struct stat before, after;
	size_t i;

	fill(image, BUFFER, 0, 1);
	assert_int_equal(image_write(image, image_buffer(image), BUFFER, 0), 0);
	assert_int_equal(image_flush(image), 0);
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(image_zero(image, 4096, 1048576), 0);
	assert_int_equal(image_zero(image, 2000001, 7), 0);
	assert_int_equal(image_zero(image, 0, 0), 0);
	assert_int_equal(stat(path, &after), 0);
	assert_true(after.st_blocks < before.st_blocks);
	assert_true(after.st_size == before.st_size);
	check_file(path, 4096, 0, 1);
	check_file(path, 2000001 - 1052672, 1052672, 1);
	check_file(path, BUFFER - 2000008, 2000008, 1);
	assert_int_equal(image_read(image, image_buffer(image), 1048576, 4096), 0);
	for (i = 0; i < 1048576; i++)
		assert_int_equal(image_buffer(image)[i], 0);
	assert_int_equal(image_read(image, image_buffer(image), 7, 2000001), 0);
	for (i = 0; i < 7; i++)
		assert_int_equal(image_buffer(image)[i], 0);
	image_close(image);
}

/* ---- storage with its own will ---- */

static struct slow_fs *slow, *pieces; /* the second takes what it gets in pieces */

static int slow_setup(void **state)
{
	slow_fs_reset(slow);
	return setup(state);
}

static void what_storage_takes_in_pieces_is_whole(void **state)
{
	struct image *image = opened(pieces->path, SIZE, false);

	fill(image, BUFFER, 5, 3);
	assert_int_equal(image_write(image, image_buffer(image), BUFFER, 5), 0);
	check(pieces->data + 5, BUFFER, 5, 3);
	memset(image_buffer(image), 0, BUFFER);
	assert_int_equal(image_read(image, image_buffer(image), BUFFER, 5), 0);
	check(image_buffer(image), BUFFER, 5, 3);
	image_close(image);
}

static void errors_of_storage_are_told(void **state)
{
	static const int errs[] = { EIO, ENOSPC, EDQUOT };
	struct image *image = opened(slow->path, SIZE, false);
	uint8_t *buf = image_buffer(image);
	unsigned int i;

	for (i = 0; i < sizeof(errs) / sizeof(errs[0]); i++) {
		slow_fs_fail(slow, SLOW_READ, errs[i]);
		slow_fs_fail(slow, SLOW_WRITE, errs[i]);
		slow_fs_fail(slow, SLOW_FLUSH, errs[i]);
		assert_int_equal(image_read(image, buf, BUFFER, 0), -errs[i]);
		assert_int_equal(image_write(image, buf, BUFFER, 0), -errs[i]);
		assert_int_equal(image_flush(image), -errs[i]);
		assert_int_equal(image_zero(image, 0, BUFFER), -errs[i]);
	}
	for (i = 0; i < SLOW_OPS; i++)
		slow_fs_fail(slow, i, 0);
	assert_int_equal(image_write(image, buf, BUFFER, 0), 0);
	assert_int_equal(image_read(image, buf, BUFFER, 0), 0);
	assert_int_equal(image_flush(image), 0);
	image_close(image);
}

static void where_no_holes_can_be_made_zeros_are_written(void **state)
{
	struct image *image = opened(slow->path, SIZE, false);
	size_t i;

	memset(slow->data, 0xaa, SIZE);
	assert_int_equal(image_zero(image, 3, SIZE - 6), 0);
	for (i = 0; i < SIZE; i++)
		assert_int_equal(slow->data[i], i < 3 || i >= SIZE - 3 ? 0xaa : 0);
	image_close(image);
}

static void unsafe_leaves_flushing_out(void **state)
{
	struct image_params params = { .path = slow->path,
				       .size = SIZE,
				       .buffer_size = BUFFER,
				       .unsafe = true,
				       .stop_fd = &stop_fd };
	struct image *image;
	char log[512];

	assert_int_equal(image_open(&image, &params, &error), 0);
	assert_int_equal(image_write(image, image_buffer(image), 512, 0), 0);
	assert_int_equal(image_flush(image), 0);
	image_close(image);
	slow_fs_log(slow, log);
	assert_string_equal(log, "w");
}

static void transfers_of_the_ring_are_under_way_at_once(void **state)
{
	struct image *image = opened(slow->path, SIZE, false);

	if (!image->has_ring) {
		image_close(image);
		skip();
	}
	slow_fs_hold(slow, SLOW_READ);
	signal_stop();
	assert_int_equal(image_read(image, image_buffer(image), 8 * 131072, 0), -ECANCELED);
	unsignal_stop();
	slow_fs_wait(slow, 8);
	slow_fs_release(slow, 0);
	assert_int_equal(image_settle(image), 0);
	image_close(image);
}

static void *stop_when_held(void *data)
{
	slow_fs_wait(slow, 1);
	signal_stop();
	return NULL;
}

/* What waits for storage that hangs is let go, and what it has left does no harm. */
static void a_stop_lets_a_transfer_go(void **state)
{
	struct image *image = opened(slow->path, SIZE, false);
	uint8_t *buf = image_buffer(image);
	pthread_t thread;
	int op, err = 0;

	if (!image->has_ring) {
		image_close(image);
		skip();
	}
	for (op = 0; op < SLOW_OPS; op++) {
		fill(image, 512, 0, 9);
		slow_fs_hold(slow, op);
		pthread_create(&thread, NULL, stop_when_held, NULL);
		if (op == SLOW_READ)
			err = image_read(image, buf, 512, 512);
		else if (op == SLOW_WRITE)
			err = image_write(image, buf, 512, 0);
		else
			err = image_flush(image);
		assert_int_equal(err, -ECANCELED);
		pthread_join(thread, NULL);
		/* It is still there, so the buffer is not free, and the stop has not ended. */
		assert_int_equal(image_settle(image), -ECANCELED);
		assert_int_equal(image_read(image, buf, 512, 0), -ECANCELED);
		unsignal_stop();
		slow_fs_release(slow, EIO);
		/* Whatever has become of it is not of the next transfer. */
		assert_int_equal(image_read(image, buf, 512, 1024), 0);
		assert_int_equal(image_settle(image), 0);
	}
	image_close(image);
}

static void a_stop_of_before_does_not_count(void **state)
{
	struct image *image = opened(slow->path, SIZE, false);
	int i;

	for (i = 0; i < 3; i++) {
		assert_int_equal(image_read(image, image_buffer(image), 512, 0), 0);
		signal_stop();
		unsignal_stop();
	}
	assert_int_equal(image_read(image, image_buffer(image), BUFFER, 0), 0);
	image_close(image);
}

static void *release_later(void *data)
{
	usleep(50000);
	slow_fs_release(slow, 0);
	return NULL;
}

static void closing_waits_for_what_was_left(void **state)
{
	struct image *image = opened(slow->path, SIZE, false);
	pthread_t thread;

	if (!image->has_ring) {
		image_close(image);
		skip();
	}
	fill(image, 512, 0, 4);
	slow_fs_hold(slow, SLOW_WRITE);
	signal_stop();
	assert_int_equal(image_write(image, image_buffer(image), 512, 0), -ECANCELED);
	slow_fs_wait(slow, 1);
	pthread_create(&thread, NULL, release_later, NULL);
	image_close(image);
	check(slow->data, 512, 0, 4);
	pthread_join(thread, NULL);
}

/* ---- a system that refuses rings ---- */

static void deny(long number, int err)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned int)err),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = 4, .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		_exit(3);
}

/* Once more, in a process of its own whose system says no. */
static void images_work_without_a_ring(long number, int err)
{
	char call[16], errnum[16];
	char *argv[] = { program_invocation_name, call, errnum, NULL };
	int status;
	pid_t child;

	snprintf(call, sizeof(call), "%ld", number);
	snprintf(errnum, sizeof(errnum), "%d", err);
	child = fork();
	if (!child) {
		execv("/proc/self/exe", argv);
		_exit(5);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void there_is_no_ring(void **state)
{
	struct image *image = opened(path, SIZE, false);

	assert_false(image->has_ring);
	image_close(image);
}

static void a_refused_ring_is_done_without(void **state)
{
	images_work_without_a_ring(__NR_io_uring_setup, EPERM);
	images_work_without_a_ring(__NR_io_uring_setup, ENOSYS);
	images_work_without_a_ring(__NR_io_uring_setup, ENOMEM);
}

static void a_ring_that_is_made_but_not_served_is_done_without(void **state)
{
	images_work_without_a_ring(__NR_io_uring_enter, EPERM);
	images_work_without_a_ring(__NR_io_uring_register, EPERM);
}

#define with_dir(test)	cmocka_unit_test_setup_teardown(test, setup, teardown)
#define with_slow(test) cmocka_unit_test_setup_teardown(test, slow_setup, teardown)
#define in_both_ways                                                                             \
	with_dir(what_is_written_is_in_the_file_and_read), with_dir(nothing_outside_is_touched), \
		with_dir(a_read_only_image_is_not_written),                                      \
		with_dir(a_file_that_was_cut_is_an_error), with_dir(zeroing_gives_storage_back), \
		with_dir(what_storage_takes_in_pieces_is_whole),                                 \
		with_slow(errors_of_storage_are_told),                                           \
		with_slow(where_no_holes_can_be_made_zeros_are_written),                         \
		with_slow(unsafe_leaves_flushing_out), with_slow(a_stop_of_before_does_not_count)

int main(int argc, char **argv)
{
	const struct CMUnitTest without[] = { with_dir(there_is_no_ring), in_both_ways };
	const struct CMUnitTest tests[] = {
		with_dir(a_file_that_is_not_there_is_created_sparse),
		with_dir(an_empty_file_gets_its_size),
		with_dir(another_size_is_refused),
		with_dir(what_is_not_there_needs_a_size),
		with_dir(only_files_and_block_devices_are_images),
		with_dir(a_symbolic_link_is_what_it_leads_to),
		with_dir(a_file_that_cannot_be_made_leaves_nothing),
		with_dir(an_error_is_one_line_of_text),
		with_dir(one_writer_or_many_readers),
		with_dir(the_lock_is_seen_by_other_processes),
		with_dir(who_loses_the_lock_changes_nothing),
		in_both_ways,
		with_slow(transfers_of_the_ring_are_under_way_at_once),
		with_slow(a_stop_lets_a_transfer_go),
		with_slow(closing_waits_for_what_was_left),
		with_dir(a_refused_ring_is_done_without),
		with_dir(a_ring_that_is_made_but_not_served_is_done_without),
	};
	int failed;

	if (!mkdtemp(dir))
		return 1;
	slow = slow_fs_start(SIZE, 0);
	pieces = slow_fs_start(SIZE, 50000);
	if (argc == 3) {
		deny(atol(argv[1]), atoi(argv[2]));
		failed = cmocka_run_group_tests(without, NULL, NULL);
	} else {
		failed = cmocka_run_group_tests(tests, NULL, NULL);
	}
	slow_fs_stop(slow);
	slow_fs_stop(pieces);
	rmdir(dir);
	return failed;
}
