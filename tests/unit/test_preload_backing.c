/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which descriptor is behind the program's memory: src/preload/backing*.c. */
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmocka_umdev.h"
#include "container_fixture.h"
#include "preload/backing.h"
#include "support/descriptors.h"
#include "support/huge_pages.h"

static struct backing backing;

static struct backing_part get(const void *vaddr, uint64_t size, uint32_t prot)
{
	struct backing_part part;

	backing_get(&backing, (uintptr_t)vaddr, size, prot, &part);
	return part;
}

static void put(struct backing_part part)
{
	backing_put(&backing, &part);
}

static void expect_none(const void *vaddr, uint64_t size, uint32_t prot)
{
	assert_null(get(vaddr, size, prot).file);
}

/* What is there is at @offset of the file of @fd: it reads the same there. */
static void expect_part(uint8_t *vaddr, uint64_t size, int fd, uint64_t offset)
{
	struct backing_part part = get(vaddr, size, BOTH);
	struct stat a, b;
	uint8_t byte;

	assert_non_null(part.file);
	assert_int_equal(part.offset, offset);
	assert_int_equal(fstat(fd, &a), 0);
	assert_int_equal(fstat(part.file->fd, &b), 0);
	assert_int_equal(a.st_dev, b.st_dev);
	assert_int_equal(a.st_ino, b.st_ino);
	vaddr[0]++;
	assert_int_equal(pread(part.file->fd, &byte, 1, (off_t)offset), 1);
	assert_int_equal(byte, vaddr[0]);
	put(part);
}

static void a_part_of_a_memfd_is_found(void **state)
{
	int fd;
	uint8_t *mem = shared_memory(16 * PAGE, &fd);

	expect_part(mem, 16 * PAGE, fd, 0);
	expect_part(mem + 3 * PAGE, 2 * PAGE, fd, 3 * PAGE);
	expect_part(mem + 15 * PAGE, PAGE, fd, 15 * PAGE);
	munmap(mem, 16 * PAGE);
	close(fd);
}

static void a_mapping_that_begins_in_the_middle_of_a_file_counts_from_there(void **state)
{
	int fd;
	uint8_t *all = shared_memory(16 * PAGE, &fd), *mem;

	mem = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 8 * PAGE);
	assert_ptr_not_equal(mem, MAP_FAILED);
	expect_part(mem + PAGE, PAGE, fd, 9 * PAGE);
	munmap(mem, 4 * PAGE);
	munmap(all, 16 * PAGE);
	close(fd);
}

/* As a program has it that has protected a part for a while, or mapped a file bit by bit. */
static void neighbours_that_go_on_with_the_file_are_one_piece(void **state)
{
	int fd;
	uint8_t *mem = shared_memory(16 * PAGE, &fd);

	/* Names of advice keep the pieces apart. */
	assert_int_equal(madvise(mem + 4 * PAGE, 4 * PAGE, MADV_DONTFORK), 0);
	assert_int_equal(mprotect(mem + 12 * PAGE, PAGE, PROT_READ), 0);
	expect_part(mem, 12 * PAGE, fd, 0);
	expect_part(mem + 2 * PAGE, 4 * PAGE, fd, 2 * PAGE);
	expect_none(mem + 2 * PAGE, 11 * PAGE, BOTH);
	put(get(mem + 2 * PAGE, 11 * PAGE, READ));
	/* The same file in another order is another piece. */
	assert_ptr_not_equal(
		mmap(mem + 4 * PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0),
		MAP_FAILED);
	expect_none(mem + 3 * PAGE, 2 * PAGE, BOTH);
	munmap(mem, 16 * PAGE);
	close(fd);
}

static void what_is_not_shared_or_has_a_hole_has_none(void **state)
{
	int fd;
	uint8_t *mem = shared_memory(4 * PAGE, &fd), *own = memory(4 * PAGE);
	uint8_t *copied = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	assert_ptr_not_equal(copied, MAP_FAILED);
	expect_none(own, PAGE, BOTH);
	expect_none(copied, PAGE, BOTH);
	munmap(mem + PAGE, PAGE);
	expect_none(mem, 3 * PAGE, BOTH);
	expect_none(mem + PAGE, 2 * PAGE, BOTH);
	expect_part(mem + 2 * PAGE, 2 * PAGE, fd, 2 * PAGE);
	expect_none((void *)-PAGE, PAGE, BOTH);
	expect_none(NULL, PAGE, BOTH);
	munmap(mem, 4 * PAGE);
	munmap(own, 4 * PAGE);
	munmap(copied, 4 * PAGE);
	close(fd);
}

static void no_device_gets_more_rights_than_it_has(void **state)
{
	int fd;
	uint8_t *mem = shared_memory(4 * PAGE, &fd);
	struct backing_part part = get(mem, PAGE, READ), both = get(mem, PAGE, BOTH);

	assert_int_equal(fcntl(part.file->fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_int_equal(fcntl(both.file->fd, F_GETFL) & O_ACCMODE, O_RDWR);
	put(part);
	put(both);
	/* What the program cannot write there, devices cannot either. */
	assert_int_equal(mprotect(mem, PAGE, PROT_READ), 0);
	expect_none(mem, PAGE, BOTH);
	assert_int_equal(mprotect(mem, PAGE, PROT_NONE), 0);
	expect_none(mem, PAGE, READ);
	munmap(mem, 4 * PAGE);
	close(fd);
}

static int open_again(int fd, int mode)
{
	char link[64];
	int again;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	again = open(link, mode | O_CLOEXEC);
	assert_true(again >= 0);
	return again;
}

/* Such a descriptor can be mapped by a server; one for writing cannot, before Linux 6.7. */
static void a_sealed_memfd_has_one_for_reading(void **state)
{
	struct backing_part part;
	int fd, reader;
	uint8_t *mem = shared_memory(PAGE, &fd);
	void *there;

	munmap(mem, PAGE);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK), 0);
	reader = open_again(fd, O_RDONLY);
	mem = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, reader, 0);
	assert_ptr_not_equal(mem, MAP_FAILED);
	expect_none(mem, PAGE, BOTH);
	part = get(mem, PAGE, READ);
	there = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, part.file->fd, 0);
	assert_ptr_not_equal(there, MAP_FAILED);
	munmap(there, PAGE);
	put(part);
	munmap(mem, PAGE);
	close(reader);
	close(fd);
}

/* It is the mapping that says what may be done. */
static void a_descriptor_for_reading_leads_to_one_for_writing(void **state)
{
	int fd, reader;
	uint8_t *mem = shared_memory(PAGE, &fd);

	reader = open_again(fd, O_RDONLY);
	close(fd);
	expect_part(mem, PAGE, reader, 0);
	munmap(mem, PAGE);
	close(reader);
}

static void a_file_by_its_name_is_found(void **state)
{
	char path[] = "/dev/shm/umdev-backing-XXXXXX";
	int fd = mkstemp(path);
	uint8_t *mem;

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 4 * PAGE), 0);
	mem = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(mem, MAP_FAILED);
	expect_part(mem + PAGE, PAGE, fd, PAGE);
	/* Nobody can open it again by its mode, not even by the descriptor, but root. */
	assert_int_equal(fchmod(fd, 0), 0);
	expect_part(mem + PAGE, PAGE, fd, PAGE);
	unlink(path);
	expect_part(mem + PAGE, PAGE, fd, PAGE);
	munmap(mem, 4 * PAGE);
	close(fd);
}

static bool may_open_mappings(void *addr, uint64_t size)
{
	char link[64];
	int fd;

	snprintf(link, sizeof(link), "/proc/self/map_files/%lx-%lx", (unsigned long)addr,
		 (unsigned long)addr + (unsigned long)size);
	fd = open(link, O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void memory_whose_descriptor_is_closed_needs_privileges(void **state)
{
	int fd, again;
	uint8_t *mem = shared_memory(4 * PAGE, &fd);

	again = open_again(fd, O_RDWR);
	close(fd);
	close(again);
	if (may_open_mappings(mem, 4 * PAGE))
		put(get(mem + PAGE, PAGE, BOTH));
	else
		expect_none(mem + PAGE, PAGE, BOTH);
	assert_null(backing.files);
	munmap(mem, 4 * PAGE);
}

/* Its inode has the segment's number, which a memfd may have, too. */
static void memory_of_system_v_is_never_taken_for_another_file(void **state)
{
	int id = shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0600);
	struct backing_part part;
	uint8_t *mem;

	assert_true(id >= 0);
	mem = shmat(id, NULL, 0);
	shmctl(id, IPC_RMID, NULL);
	assert_ptr_not_equal(mem, (void *)-1);
	part = get(mem, PAGE, BOTH);
	if (part.file)
		assert_memory_equal(part.file->name, "/SYSV", 5);
	put(part);
	shmdt(mem);
}

static void a_descriptor_is_kept_as_long_as_mappings_use_it(void **state)
{
	int fd, before = descriptors_count();
	uint8_t *mem = shared_memory(4 * PAGE, &fd);
	struct backing_part one = get(mem, PAGE, BOTH), two;

	close(fd);
	two = get(mem + PAGE, PAGE, BOTH);
	assert_ptr_equal(two.file, one.file);
	assert_int_equal(descriptors_count(), before + 1);
	put(one);
	assert_int_equal(descriptors_count(), before + 1);
	put(two);
	assert_int_equal(descriptors_count(), before);
	assert_null(backing.files);
	munmap(mem, 4 * PAGE);
}

/* A lock of flock() is its description's: it goes when the program has let go of its own. */
static void no_description_of_the_programs_is_kept(void **state)
{
	int fd, other;
	uint8_t *mem = shared_memory(PAGE, &fd);
	struct backing_part part;

	other = open_again(fd, O_RDWR);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	part = get(mem, PAGE, BOTH);
	assert_non_null(part.file);
	munmap(mem, PAGE);
	close(fd);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
	put(part);
	close(other);
}

/* QEMU's first megabyte, in memory of huge pages: offsets are those of small ones. */
static void huge_pages_count_in_small_ones(void **state)
{
	int fd;
	uint8_t *mem = huge_memory(&fd);

	if (!mem) {
		print_message("this machine has no huge pages for this user\n");
		skip();
	}
	expect_part(mem, 0xc0000, fd, 0);
	expect_part(mem + 0xc0000, 0x20000, fd, 0xc0000);
	huge_memory_free(mem, fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_part_of_a_memfd_is_found),
		cmocka_unit_test(a_mapping_that_begins_in_the_middle_of_a_file_counts_from_there),
		cmocka_unit_test(neighbours_that_go_on_with_the_file_are_one_piece),
		cmocka_unit_test(what_is_not_shared_or_has_a_hole_has_none),
		cmocka_unit_test(no_device_gets_more_rights_than_it_has),
		cmocka_unit_test(a_sealed_memfd_has_one_for_reading),
		cmocka_unit_test(a_descriptor_for_reading_leads_to_one_for_writing),
		cmocka_unit_test(a_file_by_its_name_is_found),
		cmocka_unit_test(memory_whose_descriptor_is_closed_needs_privileges),
		cmocka_unit_test(memory_of_system_v_is_never_taken_for_another_file),
		cmocka_unit_test(a_descriptor_is_kept_as_long_as_mappings_use_it),
		cmocka_unit_test(no_description_of_the_programs_is_kept),
		cmocka_unit_test(huge_pages_count_in_small_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
