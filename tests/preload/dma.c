/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program of VFIO's API whose devices move its memory (tests/modules/mover.c): does what they
 * read and write come from, and get to, the right place?
 *
 * Arguments: two devices, and their groups' numbers.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/vfio.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cmocka_umdev.h"
#include "modules/mover.h"
#include "support/huge_pages.h"

#define PAGE   4096ull
#define READ   VFIO_DMA_MAP_FLAG_READ
#define WRITE  VFIO_DMA_MAP_FLAG_WRITE
#define BOTH   (READ | WRITE)
#define IOVA   0x100000ull
#define REMAPS 300
#define ROUNDS 300

/* One of the command line. */
static const char *names[2], *groups[2];

/* What is open, in a test. */
static int container, group[2], device[2];
static uint64_t offsets[MOVER_NR_REGIONS];

/* ---- the program ---- */

static int open_device(int n)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/vfio/%s", groups[n]);
	group[n] = open(path, O_RDWR | O_CLOEXEC);
	if (group[n] < 0 || ioctl(group[n], VFIO_GROUP_SET_CONTAINER, &container))
		return -1;
	if (n == 0 && ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		return -1;
	fd = ioctl(group[n], VFIO_GROUP_GET_DEVICE_FD, names[n]);
	return fd;
}

static int setup(void **state)
{
	uint32_t i;

	container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	device[0] = open_device(0);
	device[1] = open_device(1);
	for (i = 0; i < MOVER_NR_REGIONS; i++) {
		struct vfio_region_info info = { .argsz = sizeof(info), .index = i };

		if (ioctl(device[0], VFIO_DEVICE_GET_REGION_INFO, &info))
			return -1;
		offsets[i] = info.offset;
	}
	return device[0] < 0 || device[1] < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	int i;

	for (i = 0; i < 2; i++) {
		close(device[i]);
		close(group[i]);
	}
	close(container);
	return 0;
}

static int map_to(uint64_t iova, const void *vaddr, uint64_t size, uint32_t flags)
{
	struct vfio_iommu_type1_dma_map arg = {
		.argsz = sizeof(arg),
		.flags = flags,
		.vaddr = (uintptr_t)vaddr,
		.iova = iova,
		.size = size,
	};

	return ioctl(container, VFIO_IOMMU_MAP_DMA, &arg) ? -errno : 0;
}

static int unmap(uint64_t iova, uint64_t size)
{
	struct vfio_iommu_type1_dma_unmap arg = { .argsz = sizeof(arg),
						  .iova = iova,
						  .size = size };

	if (ioctl(container, VFIO_IOMMU_UNMAP_DMA, &arg))
		return -errno;
	return arg.size == size ? 0 : -ENOENT;
}

static void put(int fd, const void *buf, size_t size, uint64_t offset)
{
	assert_int_equal(pwrite(fd, buf, size, (off_t)offset), size);
}

static void get(int fd, void *buf, size_t size, uint64_t offset)
{
	assert_int_equal(pread(fd, buf, size, (off_t)offset), size);
}

#define REGISTER(field) (offsets[MOVER_REGISTERS] + offsetof(struct mover_registers, field))

/* Let a device do something. Return: its status. */
static int perform(int fd, uint32_t command, uint64_t iova, uint32_t count)
{
	int32_t status = -EPROTO;

	put(fd, &iova, sizeof(iova), REGISTER(iova));
	put(fd, &count, sizeof(count), REGISTER(count));
	put(fd, &command, sizeof(command), REGISTER(command));
	get(fd, &status, sizeof(status), REGISTER(status));
	return status;
}

static uint8_t *memory(uint64_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(mem, MAP_FAILED);
	return mem;
}

static uint8_t *shared_memory(uint64_t size, int *fd)
{
	void *mem;

	*fd = memfd_create("guest", MFD_CLOEXEC);
	assert_int_equal(ftruncate(*fd, (off_t)size), 0);
	mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	assert_ptr_not_equal(mem, MAP_FAILED);
	return mem;
}

/* The device finds at @iova what the program has at @mem, and the other way round. */
static void expect_moved(int fd, uint64_t iova, uint8_t *mem, uint32_t size)
{
	static uint8_t there[MOVER_BUFFER], back[MOVER_BUFFER];
	static uint8_t seed;
	uint32_t i;

	seed++;
	for (i = 0; i < size; i++)
		mem[i] = (uint8_t)(i + seed + i / 251);
	assert_int_equal(perform(fd, MOVER_READ, iova, size), 0);
	get(fd, there, size, offsets[MOVER_DATA]);
	assert_memory_equal(there, mem, size);
	for (i = 0; i < size; i++)
		there[i] ^= 0x5a;
	put(fd, there, size, offsets[MOVER_DATA]);
	assert_int_equal(perform(fd, MOVER_WRITE, iova, size), 0);
	memcpy(back, mem, size);
	assert_memory_equal(there, back, size);
}

static void expect(int fd, uint64_t iova, uint8_t *mem, uint32_t size, int where)
{
	assert_int_equal(perform(fd, MOVER_WHERE, iova, 0), where);
	expect_moved(fd, iova, mem, size);
}

/* ---- kinds of memory ---- */

static void a_memfd_goes_by_descriptor(void **state)
{
	int fd, i;
	uint8_t *mem = shared_memory(32 * PAGE, &fd);

	assert_int_equal(map_to(IOVA, mem + 4 * PAGE, 16 * PAGE, BOTH), 0);
	for (i = 0; i < 2; i++) {
		expect(device[i], IOVA, mem + 4 * PAGE, 16 * PAGE, MOVER_BY_DESCRIPTOR);
		expect(device[i], IOVA + 5 * PAGE + 3, mem + 9 * PAGE + 3, 1001,
		       MOVER_BY_DESCRIPTOR);
	}
	assert_int_equal(unmap(IOVA, 16 * PAGE), 0);
	assert_int_equal(perform(device[0], MOVER_READ, IOVA, 1), -EFAULT);
	munmap(mem, 32 * PAGE);
	close(fd);
}

static void anonymous_memory_goes_by_message(void **state)
{
	uint8_t *mem = memory(16 * PAGE);

	assert_int_equal(map_to(IOVA, mem, 16 * PAGE, BOTH), 0);
	expect(device[0], IOVA, mem, 16 * PAGE, MOVER_BY_MESSAGE);
	expect(device[1], IOVA + PAGE - 5, mem + PAGE - 5, 10, MOVER_BY_MESSAGE);
	assert_int_equal(unmap(IOVA, 16 * PAGE), 0);
	assert_int_equal(perform(device[0], MOVER_READ, IOVA, 1), -EFAULT);
	munmap(mem, 16 * PAGE);
}

/* What the program sees is its copy, not the file. */
static void a_private_copy_of_a_file_goes_by_message(void **state)
{
	int fd;
	uint8_t *file = shared_memory(PAGE, &fd), *copy;

	copy = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	assert_ptr_not_equal(copy, MAP_FAILED);
	file[0] = 1;
	copy[0] = 2;
	assert_int_equal(map_to(IOVA, copy, PAGE, BOTH), 0);
	expect(device[0], IOVA, copy, PAGE, MOVER_BY_MESSAGE);
	assert_int_equal(file[0], 1);
	assert_int_equal(unmap(IOVA, PAGE), 0);
	munmap(file, PAGE);
	munmap(copy, PAGE);
	close(fd);
}

static void a_part_of_a_huge_page_goes_by_descriptor(void **state)
{
	int fd;
	uint8_t *mem = huge_memory(&fd);

	if (!mem) {
		print_message("this machine has no huge pages for this user\n");
		skip();
	}
	/* As QEMU splits the first megabyte. */
	assert_int_equal(map_to(0, mem, 0xc0000, BOTH), 0);
	assert_int_equal(map_to(0xc0000, mem + 0xc0000, 0x20000, READ), 0);
	assert_int_equal(map_to(0xe0000, mem + 0xe0000, 0x120000, BOTH), 0);
	expect(device[0], 0xbf000, mem + 0xbf000, PAGE, MOVER_BY_DESCRIPTOR);
	expect(device[0], 0xe0000, mem + 0xe0000, PAGE, MOVER_BY_DESCRIPTOR);
	assert_int_equal(perform(device[0], MOVER_WHERE, 0xc0000, 0), MOVER_BY_DESCRIPTOR);
	assert_int_equal(unmap(0, 0x200000), 0);
	huge_memory_free(mem, fd);
}

static void one_device_reaches_anothers_memory(void **state)
{
	uint8_t *mem = mmap(NULL, MOVER_BUFFER, PROT_READ | PROT_WRITE, MAP_SHARED, device[0],
			    (off_t)offsets[MOVER_MEMORY]);

	assert_ptr_not_equal(mem, MAP_FAILED);
	assert_int_equal(map_to(IOVA, mem, MOVER_BUFFER, BOTH), 0);
	expect(device[1], IOVA + PAGE, mem + PAGE, PAGE, MOVER_BY_DESCRIPTOR);
	expect(device[0], IOVA, mem, PAGE, MOVER_BY_DESCRIPTOR);
	assert_int_equal(unmap(IOVA, MOVER_BUFFER), 0);
	munmap(mem, MOVER_BUFFER);
}

static void neighbours_of_both_kinds_are_one_memory(void **state)
{
	int fd;
	uint8_t *shared = shared_memory(2 * PAGE, &fd), *own = memory(PAGE), byte = 7, back;

	assert_int_equal(map_to(IOVA, shared, PAGE, BOTH), 0);
	assert_int_equal(map_to(IOVA + PAGE, own, PAGE, BOTH), 0);
	shared[PAGE - 1] = 1;
	own[0] = 2;
	assert_int_equal(perform(device[0], MOVER_READ, IOVA + PAGE - 1, 2), 0);
	get(device[0], &back, 1, offsets[MOVER_DATA] + 1);
	assert_int_equal(back, 2);
	put(device[0], &byte, 1, offsets[MOVER_DATA]);
	assert_int_equal(perform(device[0], MOVER_WRITE, IOVA + PAGE - 1, 2), 0);
	assert_int_equal(shared[PAGE - 1], 7);
	assert_int_equal(own[0], 2);
	assert_int_equal(unmap(IOVA, 2 * PAGE), 0);
	munmap(shared, 2 * PAGE);
	munmap(own, PAGE);
	close(fd);
}

/* ---- what devices may not ---- */

static void what_is_mapped_for_reading_is_not_written(void **state)
{
	int fd;
	uint8_t *shared = shared_memory(PAGE, &fd), *own = memory(PAGE);

	assert_int_equal(map_to(IOVA, shared, PAGE, READ), 0);
	assert_int_equal(map_to(IOVA + PAGE, own, PAGE, READ), 0);
	assert_int_equal(perform(device[0], MOVER_READ, IOVA, 2 * PAGE), 0);
	assert_int_equal(perform(device[0], MOVER_WRITE, IOVA, 8), -EFAULT);
	assert_int_equal(perform(device[0], MOVER_WRITE, IOVA + PAGE, 8), -EFAULT);
	assert_int_equal(unmap(IOVA, 2 * PAGE), 0);
	munmap(shared, PAGE);
	munmap(own, PAGE);
	close(fd);
}

static void memory_that_has_gone_is_the_devices_fault_not_the_programs(void **state)
{
	uint8_t *mem = memory(3 * PAGE);

	assert_int_equal(map_to(IOVA, mem, 3 * PAGE, BOTH), 0);
	munmap(mem + PAGE, PAGE);
	assert_int_equal(perform(device[0], MOVER_READ, IOVA, 8), 0);
	assert_int_equal(perform(device[0], MOVER_READ, IOVA + PAGE, 8), -EFAULT);
	assert_int_equal(perform(device[0], MOVER_WRITE, IOVA + PAGE, 8), -EFAULT);
	assert_int_equal(perform(device[0], MOVER_WRITE, IOVA + 2 * PAGE - 4, 8), -EFAULT);
	expect_moved(device[0], IOVA + 2 * PAGE, mem + 2 * PAGE, PAGE);
	assert_int_equal(unmap(IOVA, 3 * PAGE), 0);
	munmap(mem, 3 * PAGE);
}

/* ---- orders of things ---- */

/*
 * While a device hands back what it has pinned it reads other memory: by a message, which has to be
 * answered while the program waits for its call to end.
 */
static void a_device_may_ask_while_memory_is_taken_from_it(void **state)
{
	int fd;
	uint8_t *shared = shared_memory(PAGE, &fd), *own = memory(PAGE);
	uint64_t other = IOVA + PAGE, back = 0;
	int32_t status = -EPROTO;

	memset(own, 0x42, 8);
	assert_int_equal(map_to(IOVA, shared, PAGE, BOTH), 0);
	assert_int_equal(map_to(other, own, PAGE, BOTH), 0);
	put(device[0], &other, sizeof(other), REGISTER(other));
	assert_int_equal(perform(device[0], MOVER_PIN, IOVA, 0), 0);
	assert_int_equal(unmap(IOVA, PAGE), 0);
	get(device[0], &status, sizeof(status), REGISTER(status));
	assert_int_equal(status, 0);
	get(device[0], &back, sizeof(back), offsets[MOVER_DATA]);
	assert_int_equal(back, 0x4242424242424242);
	assert_int_equal(unmap(other, PAGE), 0);
	munmap(shared, PAGE);
	munmap(own, PAGE);
	close(fd);
}

static void memory_is_mapped_again_and_again(void **state)
{
	int fd, i;
	uint8_t *mem = shared_memory(16 * PAGE, &fd), *own = memory(PAGE);

	for (i = 0; i < REMAPS; i++) {
		uint8_t *what = i % 3 ? mem + i % 16 * PAGE : own;

		assert_int_equal(map_to(IOVA, what, PAGE, BOTH), 0);
		if (i % 10 == 0)
			expect(device[i / 10 % 2], IOVA, what, PAGE,
			       i % 3 ? MOVER_BY_DESCRIPTOR : MOVER_BY_MESSAGE);
		assert_int_equal(unmap(IOVA, PAGE), 0);
	}
	munmap(mem, 16 * PAGE);
	munmap(own, PAGE);
	close(fd);
}

static void a_device_that_is_opened_late_sees_what_is_mapped(void **state)
{
	int fd;
	uint8_t *shared = shared_memory(PAGE, &fd), *own = memory(PAGE);

	close(device[1]);
	assert_int_equal(map_to(IOVA, shared, PAGE, BOTH), 0);
	assert_int_equal(map_to(IOVA + PAGE, own, PAGE, BOTH), 0);
	device[1] = ioctl(group[1], VFIO_GROUP_GET_DEVICE_FD, names[1]);
	assert_true(device[1] >= 0);
	expect(device[1], IOVA, shared, PAGE, MOVER_BY_DESCRIPTOR);
	expect(device[1], IOVA + PAGE, own, PAGE, MOVER_BY_MESSAGE);
	munmap(shared, PAGE);
	munmap(own, PAGE);
	close(fd);
}

/* Cut a device off, as an administrator does who cannot wait for the program. */
static void disconnect(int n)
{
	char pattern[128];
	glob_t found;
	int fd;

	snprintf(pattern, sizeof(pattern), "/sys/bus/mdev/devices/%s/vfio-dev/vfio*/disconnect",
		 names[n]);
	assert_int_equal(glob(pattern, 0, NULL, &found), 0);
	fd = open(found.gl_pathv[0], O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "1", 1), 1);
	close(fd);
	globfree(&found);
}

static void a_device_that_is_cut_off_disturbs_no_other(void **state)
{
	int fd, i;
	uint8_t *shared = shared_memory(PAGE, &fd), *own = memory(PAGE), byte;

	assert_int_equal(map_to(IOVA, shared, PAGE, BOTH), 0);
	disconnect(1);
	assert_int_equal(pread(device[1], &byte, 1, (off_t)offsets[MOVER_DATA]), -1);
	assert_int_equal(errno, ENODEV);
	for (i = 0; i < 3; i++) {
		assert_int_equal(map_to(IOVA + PAGE, own, PAGE, BOTH), 0);
		expect(device[0], IOVA, shared, PAGE, MOVER_BY_DESCRIPTOR);
		expect(device[0], IOVA + PAGE, own, PAGE, MOVER_BY_MESSAGE);
		assert_int_equal(unmap(IOVA + PAGE, PAGE), 0);
	}
	assert_int_equal(unmap(IOVA, PAGE), 0);
	munmap(shared, PAGE);
	munmap(own, PAGE);
	close(fd);
}

/* ---- processes and threads ---- */

static pid_t child(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	return pid;
}

static void expect_success(pid_t pid)
{
	int status = -1;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void a_parent_goes_on_while_and_after_it_has_a_child(void **state)
{
	uint8_t *mem = memory(PAGE);
	pid_t pid;

	assert_int_equal(map_to(IOVA, mem, PAGE, BOTH), 0);
	pid = child();
	if (pid == 0) {
		/* Its copy of the memory is not what the device sees. */
		memset(mem, 0xff, PAGE);
		pause();
	}
	expect(device[0], IOVA, mem, PAGE, MOVER_BY_MESSAGE);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	expect(device[0], IOVA, mem, PAGE, MOVER_BY_MESSAGE);
	assert_int_equal(unmap(IOVA, PAGE), 0);
	munmap(mem, PAGE);
}

static void a_child_uses_memory_that_is_shared(void **state)
{
	int fd;
	uint8_t *mem = shared_memory(2 * PAGE, &fd);
	pid_t pid;

	assert_int_equal(map_to(IOVA, mem, PAGE, BOTH), 0);
	pid = child();
	if (pid == 0) {
		expect(device[0], IOVA, mem, PAGE, MOVER_BY_DESCRIPTOR);
		assert_int_equal(map_to(IOVA + PAGE, mem + PAGE, PAGE, BOTH), 0);
		expect(device[1], IOVA + PAGE, mem + PAGE, PAGE, MOVER_BY_DESCRIPTOR);
		assert_int_equal(unmap(IOVA, PAGE), 0);
		_exit(0);
	}
	expect_success(pid);
	assert_int_equal(perform(device[0], MOVER_READ, IOVA, 8), -EFAULT);
	expect(device[0], IOVA + PAGE, mem + PAGE, PAGE, MOVER_BY_DESCRIPTOR);
	assert_int_equal(unmap(IOVA + PAGE, PAGE), 0);
	munmap(mem, 2 * PAGE);
	close(fd);
}

/* As a program that goes into the background: the child is who is left. */
static void a_child_goes_on_alone_with_memory_of_its_own(void **state)
{
	int closed = eventfd(0, EFD_CLOEXEC);
	uint64_t value = 1;
	uint8_t *mem = memory(PAGE);
	pid_t pid = child();

	if (pid == 0) {
		assert_int_equal(read(closed, &value, sizeof(value)), sizeof(value));
		assert_int_equal(map_to(IOVA, mem, PAGE, BOTH), 0);
		expect(device[0], IOVA, mem, PAGE, MOVER_BY_MESSAGE);
		_exit(0);
	}
	teardown(NULL);
	assert_int_equal(write(closed, &value, sizeof(value)), sizeof(value));
	expect_success(pid);
	assert_int_equal(setup(NULL), 0);
	munmap(mem, PAGE);
	close(closed);
}

/* A part of the program that has a device of its own, and memory at addresses of its own. */
static void *use_device(void *arg)
{
	int n = *(int *)arg, i;
	uint64_t iova = IOVA + (unsigned int)n * 16 * PAGE;
	uint8_t *mem = memory(2 * PAGE);

	for (i = 0; i < ROUNDS; i++) {
		static uint8_t data[2][2 * PAGE];

		memset(mem, i, 2 * PAGE);
		if (map_to(iova, mem, 2 * PAGE, BOTH) ||
		    perform(device[n], MOVER_READ, iova, 2 * PAGE))
			return arg;
		get(device[n], data[n], 2 * PAGE, offsets[MOVER_DATA]);
		if (memcmp(data[n], mem, 2 * PAGE) || unmap(iova, 2 * PAGE))
			return arg;
	}
	munmap(mem, 2 * PAGE);
	return NULL;
}

static void threads_use_both_devices_at_once(void **state)
{
	static int numbers[2] = { 0, 1 };
	pthread_t threads[2];
	void *failed;
	int i;

	for (i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, use_device, &numbers[i]), 0);
	for (i = 0; i < 2; i++) {
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* ---- what the library does not see ---- */

static uint64_t cpu_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static void expect_rest(void)
{
	const struct timespec pause = { .tv_nsec = 200000000 };
	uint64_t before = cpu_time();

	nanosleep(&pause, NULL);
	assert_true(cpu_time() - before < 100000000);
}

static void a_program_that_closes_all_by_system_calls_may_begin_again(void **state)
{
	uint8_t byte, *mem = memory(4 * PAGE);
	int i;

	for (i = 0; i < 3; i++) {
		assert_int_equal(map_to(IOVA, mem, 4 * PAGE, BOTH), 0);
		expect(device[0], IOVA, mem, 4 * PAGE, MOVER_BY_MESSAGE);
		assert_int_equal(syscall(SYS_close_range, 3, ~0u, 0), 0);
		assert_int_equal(pread(device[0], &byte, 1, 0), -1);
		assert_int_equal(errno, EBADF);
		expect_rest();
		assert_int_equal(setup(NULL), 0);
	}
	assert_int_equal(map_to(IOVA, mem, 4 * PAGE, BOTH), 0);
	expect(device[0], IOVA, mem, 4 * PAGE, MOVER_BY_MESSAGE);
	expect(device[1], IOVA, mem, 4 * PAGE, MOVER_BY_MESSAGE);
	munmap(mem, 4 * PAGE);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(a_memfd_goes_by_descriptor),
		TEST(anonymous_memory_goes_by_message),
		TEST(a_private_copy_of_a_file_goes_by_message),
		TEST(a_part_of_a_huge_page_goes_by_descriptor),
		TEST(one_device_reaches_anothers_memory),
		TEST(neighbours_of_both_kinds_are_one_memory),
		TEST(what_is_mapped_for_reading_is_not_written),
		TEST(memory_that_has_gone_is_the_devices_fault_not_the_programs),
		TEST(a_device_may_ask_while_memory_is_taken_from_it),
		TEST(memory_is_mapped_again_and_again),
		TEST(a_device_that_is_opened_late_sees_what_is_mapped),
		TEST(a_device_that_is_cut_off_disturbs_no_other),
		TEST(a_parent_goes_on_while_and_after_it_has_a_child),
		TEST(a_child_uses_memory_that_is_shared),
		TEST(a_child_goes_on_alone_with_memory_of_its_own),
		TEST(threads_use_both_devices_at_once),
		TEST(a_program_that_closes_all_by_system_calls_may_begin_again),
	};

	if (argc != 5)
		return 2;
	names[0] = argv[1];
	names[1] = argv[2];
	groups[0] = argv[3];
	groups[1] = argv[4];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
