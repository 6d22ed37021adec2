/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a container answers: src/preload/{container,type1,type1_dirty}.c. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmocka_umdev.h"
#include "container_fixture.h"
#include "preload/table.h"
#include "support/descriptors.h"

/* ---- before there is an IOMMU ---- */

static void extensions_before_and_with_an_iommu(void **state)
{
	static const struct {
		unsigned long extension;
		long before, with;
	} expected[] = {
		{ VFIO_TYPE1_IOMMU, 1, 1 },
		{ VFIO_SPAPR_TCE_IOMMU, 0, 0 },
		{ VFIO_TYPE1v2_IOMMU, 1, 1 },
		{ VFIO_DMA_CC_IOMMU, 0, 1 },
		{ VFIO_EEH, 0, 0 },
		{ VFIO_TYPE1_NESTING_IOMMU, 1, 1 },
		{ VFIO_SPAPR_TCE_v2_IOMMU, 0, 0 },
		{ VFIO_NOIOMMU_IOMMU, 0, 0 },
		{ VFIO_UNMAP_ALL, 1, 1 },
		{ VFIO_UPDATE_VADDR, 0, 0 },
		{ 0, 0, 0 },
		{ ULONG_MAX, 0, 0 },
	};
	int without = open_container(), with = open_with_iommu(VFIO_TYPE1v2_IOMMU);
	size_t i;

	for (i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		const void *arg = (const void *)expected[i].extension;

		assert_int_equal(call(without, VFIO_CHECK_EXTENSION, arg), expected[i].before);
		assert_int_equal(call(with, VFIO_CHECK_EXTENSION, arg), expected[i].with);
	}
	assert_int_equal(call(with, VFIO_GET_API_VERSION, NULL), VFIO_API_VERSION);
	close_container(without);
	close_with_iommu(with);
}

static void an_iommu_needs_a_group_and_is_set_once(void **state)
{
	int fd = open_container();
	struct container *container = container_of_fd(fd);

	assert_int_equal(call(fd, VFIO_SET_IOMMU, (void *)VFIO_TYPE1_IOMMU), -EINVAL);
	assert_int_equal(call(fd, VFIO_IOMMU_GET_INFO, NULL), -EINVAL);
	assert_int_equal(container_attach_group(container), 0);
	assert_int_equal(call(fd, VFIO_SET_IOMMU, (void *)VFIO_NOIOMMU_IOMMU), -ENODEV);
	assert_int_equal(call(fd, VFIO_SET_IOMMU, (void *)99), -ENODEV);
	/* An extension, but nothing that could be set. */
	assert_int_equal(call(fd, VFIO_SET_IOMMU, (void *)VFIO_UNMAP_ALL), -EINVAL);
	assert_false(container_has_iommu(container));
	assert_int_equal(call(fd, VFIO_SET_IOMMU, (void *)VFIO_TYPE1_NESTING_IOMMU), 0);
	assert_true(container_has_iommu(container));
	assert_int_equal(call(fd, VFIO_SET_IOMMU, (void *)VFIO_TYPE1v2_IOMMU), -EINVAL);
	assert_int_equal(call(fd, VFIO_GROUP_GET_STATUS, NULL), -ENOTTY);
	close_with_iommu(fd);
}

static void the_last_group_takes_the_iommu_and_all_mappings_along(void **state)
{
	int fd = open_with_iommu(VFIO_TYPE1v2_IOMMU);
	struct container *container = container_of_fd(fd);
	uint8_t *mem = memory(PAGE), byte;

	assert_int_equal(container_attach_group(container), 0);
	assert_int_equal(map(fd, 0, mem, PAGE, BOTH), 0);
	container_detach_group(container);
	assert_int_equal(container_dma_read(container, 0, &byte, 1), 0);
	container_detach_group(container);
	assert_int_equal(container_dma_read(container, 0, &byte, 1), -EFAULT);
	assert_int_equal(map(fd, 0, mem, PAGE, BOTH), -EINVAL);
	/* It can be used again, by other rules. */
	assert_int_equal(container_attach_group(container), 0);
	assert_int_equal(call(fd, VFIO_SET_IOMMU, (void *)VFIO_TYPE1_IOMMU), 0);
	assert_int_equal(map(fd, 0, mem, PAGE, BOTH), 0);
	close_with_iommu(fd);
	munmap(mem, PAGE);
}

static void a_group_keeps_a_closed_container(void **state)
{
	int fd = open_with_iommu(VFIO_TYPE1v2_IOMMU), before;
	struct container *container = container_of_fd(fd);
	uint8_t *mem = memory(PAGE), byte = 0;

	mem[5] = 42;
	assert_int_equal(map(fd, 0, mem, PAGE, BOTH), 0);
	before = descriptors_count();
	close_container(fd);
	assert_int_equal(descriptors_count(), before - 1);
	assert_int_equal(container_dma_read(container, 5, &byte, 1), 0);
	assert_int_equal(byte, 42);
	container_detach_group(container);
	munmap(mem, PAGE);
}

/* ---- information ---- */

static void information_comes_in_as_much_room_as_there_is(void **state)
{
	static const struct {
		uint32_t argsz, says;
		long err;
		bool offset, caps;
	} expected[] = {
		{ 0, 0, -EINVAL, false, false }, { 15, 15, -EINVAL, false, false },
		{ 16, 68, 0, false, false },	 { 20, 68, 0, true, false },
		{ 67, 68, 0, true, false },	 { 68, 68, 0, true, true },
		{ 1000, 1000, 0, true, true },
	};
	int fd = open_with_iommu(VFIO_TYPE1v2_IOMMU);
	size_t i;

	for (i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		struct {
			struct vfio_iommu_type1_info info;
			uint8_t more[64];
		} ask;

		memset(&ask, 0xee, sizeof(ask));
		ask.info.argsz = expected[i].argsz;
		assert_int_equal(call(fd, VFIO_IOMMU_GET_INFO, &ask), expected[i].err);
		assert_int_equal(ask.info.argsz, expected[i].says);
		assert_int_equal(ask.info.cap_offset, expected[i].caps	   ? 24
						      : expected[i].offset ? 0
									   : 0xeeeeeeee);
		assert_int_equal(ask.more[0],
				 expected[i].caps ? VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION : 0xee);
		if (expected[i].err)
			continue;
		assert_int_equal(ask.info.flags, VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS);
		assert_int_equal(ask.info.iova_pgsizes, -PAGE);
	}
	assert_int_equal(call(fd, VFIO_IOMMU_GET_INFO, NULL), -EFAULT);
	close_with_iommu(fd);
}

static uint32_t available(int fd)
{
	struct {
		struct vfio_iommu_type1_info info;
		struct vfio_iommu_type1_info_cap_migration migration;
		struct vfio_iommu_type1_info_dma_avail avail;
	} ask = { .info = { .argsz = sizeof(ask) } };

	assert_int_equal(call(fd, VFIO_IOMMU_GET_INFO, &ask), 0);
	assert_int_equal(ask.migration.header.id, VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION);
	assert_int_equal(ask.migration.header.version, 1);
	assert_int_equal(ask.migration.header.next, 56);
	assert_int_equal(ask.migration.pgsize_bitmap, PAGE);
	assert_int_equal(ask.migration.max_dirty_bitmap_size, 1 << 28);
	assert_int_equal(ask.avail.header.id, VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL);
	assert_int_equal(ask.avail.header.version, 1);
	assert_int_equal(ask.avail.header.next, 0);
	return ask.avail.avail;
}

static void there_is_room_for_65535_mappings(void **state)
{
	int fd = open_with_iommu(VFIO_TYPE1v2_IOMMU);
	uint8_t *mem = memory(PAGE);
	uint32_t i;

	assert_int_equal(available(fd), 65535);
	for (i = 0; i < 65535; i++)
		assert_int_equal(map(fd, i * 2 * PAGE, mem, PAGE, READ), 0);
	assert_int_equal(available(fd), 0);
	assert_int_equal(map(fd, PAGE, mem, PAGE, READ), -ENOSPC);
	assert_int_equal(map(fd, 0, mem, PAGE, READ), -EEXIST);
	assert_int_equal(unmap(fd, 0, 4 * PAGE), 2 * PAGE);
	assert_int_equal(available(fd), 2);
	close_with_iommu(fd);
	munmap(mem, PAGE);
}

/* ---- mapping ---- */

static void mappings_are_checked(void **state)
{
	int fd = open_with_iommu(VFIO_TYPE1v2_IOMMU);
	uint8_t *mem = memory(4 * PAGE);
	struct vfio_iommu_type1_dma_map arg = { .argsz = sizeof(arg) - 1, .flags = READ };

	assert_int_equal(call(fd, VFIO_IOMMU_MAP_DMA, NULL), -EFAULT);
	assert_int_equal(call(fd, VFIO_IOMMU_MAP_DMA, &arg), -EINVAL);
	assert_int_equal(map(fd, 0, mem, PAGE, 0), -EINVAL);
	assert_int_equal(map(fd, 0, mem, PAGE, 8 | READ), -EINVAL);
	assert_int_equal(map(fd, 0, mem, 0, READ), -EINVAL);
	assert_int_equal(map(fd, 8, mem, PAGE, READ), -EINVAL);
	assert_int_equal(map(fd, 0, mem + 8, PAGE, READ), -EINVAL);
	assert_int_equal(map(fd, 0, mem, PAGE + 8, READ), -EINVAL);
	assert_int_equal(map(fd, 0 - PAGE, mem, 2 * PAGE, READ), -EINVAL);
	assert_int_equal(map(fd, 0, (void *)-PAGE, 2 * PAGE, READ), -EINVAL);
	/* Where nothing is mapped nothing is looked for before a device does. */
	assert_int_equal(map(fd, 0, NULL, 4 * PAGE, WRITE), 0);
	assert_int_equal(map(fd, 0, mem, PAGE, READ), -EEXIST);
	assert_int_equal(map(fd, 3 * PAGE, mem, 4 * PAGE, READ), -EEXIST);
	assert_int_equal(map(fd, 4 * PAGE, mem, 4 * PAGE, READ), 0);
	/* Moving memory. */
	assert_int_equal(map(fd, 0, mem, PAGE, VFIO_DMA_MAP_FLAG_VADDR | READ), -EINVAL);
	assert_int_equal(map(fd, 0, mem, 4 * PAGE, VFIO_DMA_MAP_FLAG_VADDR), -EINVAL);
	assert_int_equal(map(fd, 0x100 * PAGE, mem, PAGE, VFIO_DMA_MAP_FLAG_VADDR), -ENOENT);
	close_with_iommu(fd);
	munmap(mem, 4 * PAGE);
}

static void the_last_page_of_all_is_one_like_others(void **state)
{
	int fd = open_with_iommu(VFIO_TYPE1v2_IOMMU);
	uint8_t *mem = memory(PAGE), byte;

	assert_int_equal(map(fd, 0 - PAGE, mem, PAGE, READ), 0);
	assert_int_equal(map(fd, 0 - PAGE, mem, PAGE, READ), -EEXIST);
	assert_int_equal(container_dma_read(container_of_fd(fd), UINT64_MAX, &byte, 1), 0);
	assert_int_equal(unmap(fd, 0 - 2 * PAGE, 2 * PAGE), PAGE);
	assert_int_equal(container_dma_read(container_of_fd(fd), UINT64_MAX, &byte, 1), -EFAULT);
	close_with_iommu(fd);
	munmap(mem, PAGE);
}

/* ---- unmapping ---- */

static long long unmap_as(int fd, uint32_t flags, uint64_t iova, uint64_t size)
{
	struct vfio_iommu_type1_dma_unmap arg = {
		.argsz = sizeof(arg), .flags = flags, .iova = iova, .size = size
	};
	long err = call(fd, VFIO_IOMMU_UNMAP_DMA, &arg);

	return err ? err : (long long)arg.size;
}

static void unmappings_are_checked(void **state)
{
	int fd = open_with_iommu(VFIO_TYPE1v2_IOMMU);
	const uint32_t all = VFIO_DMA_UNMAP_FLAG_ALL, vaddr = VFIO_DMA_UNMAP_FLAG_VADDR;
	struct vfio_iommu_type1_dma_unmap arg = { .argsz = sizeof(arg) - 1, .size = PAGE };
	uint8_t *mem = memory(PAGE);

	assert_int_equal(call(fd, VFIO_IOMMU_UNMAP_DMA, NULL), -EFAULT);
	assert_int_equal(call(fd, VFIO_IOMMU_UNMAP_DMA, &arg), -EINVAL);
	assert_int_equal(unmap_as(fd, 8, 0, PAGE), -EINVAL);
	assert_int_equal(unmap(fd, 8, PAGE), -EINVAL);
	assert_int_equal(unmap(fd, 0, 0), -EINVAL);
	assert_int_equal(unmap(fd, 0, 8), -EINVAL);
	assert_int_equal(unmap(fd, 0 - PAGE, 2 * PAGE), -EINVAL);
	assert_int_equal(unmap(fd, 0, UINT64_MAX), -EINVAL);
	assert_int_equal(unmap_as(fd, all, PAGE, 0), -EINVAL);
	assert_int_equal(unmap_as(fd, all, 0, PAGE), -EINVAL);
	assert_int_equal(unmap_as(fd, vaddr, 8, 8), -EBUSY);
	assert_int_equal(unmap_as(fd, VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP, 0, PAGE), -EINVAL);
	assert_int_equal(unmap(fd, 0, PAGE), 0);
	assert_int_equal(map(fd, 0, mem, PAGE, READ), 0);
	assert_int_equal(map(fd, 0x1000 * PAGE, mem, PAGE, READ), 0);
	assert_int_equal(unmap_as(fd, all, 0, 0), 2 * PAGE);
	assert_int_equal(unmap_as(fd, all, 0, 0), 0);
	close_with_iommu(fd);
	munmap(mem, PAGE);
}

static int three_mappings(unsigned long iommu, const void *mem)
{
	int fd = open_with_iommu(iommu);

	assert_int_equal(map(fd, 0, mem, 4 * PAGE, READ), 0);
	assert_int_equal(map(fd, 4 * PAGE, mem, 4 * PAGE, READ), 0);
	assert_int_equal(map(fd, 16 * PAGE, mem, 4 * PAGE, READ), 0);
	return fd;
}

static void by_the_second_rules_no_mapping_is_cut(void **state)
{
	uint8_t *mem = memory(4 * PAGE);
	int fd = three_mappings(VFIO_TYPE1v2_IOMMU, mem);

	assert_int_equal(unmap(fd, PAGE, PAGE), -EINVAL);
	assert_int_equal(unmap(fd, 0, 2 * PAGE), -EINVAL);
	assert_int_equal(unmap(fd, 2 * PAGE, 4 * PAGE), -EINVAL);
	assert_int_equal(unmap(fd, 0, 18 * PAGE), -EINVAL);
	assert_int_equal(unmap(fd, 8 * PAGE, 8 * PAGE), 0);
	assert_int_equal(unmap(fd, 0, 16 * PAGE), 8 * PAGE);
	assert_int_equal(unmap(fd, 0, 64 * PAGE), 4 * PAGE);
	close_with_iommu(fd);
	munmap(mem, 4 * PAGE);
}

static void by_the_first_rules_a_mapping_goes_with_its_beginning(void **state)
{
	uint8_t *mem = memory(4 * PAGE);
	int fd = three_mappings(VFIO_TYPE1_IOMMU, mem);

	assert_int_equal(unmap(fd, PAGE, PAGE), 0);
	/* What begins before the range ends the search. */
	assert_int_equal(unmap(fd, PAGE, 8 * PAGE), 0);
	assert_int_equal(unmap(fd, 0, PAGE), 4 * PAGE);
	assert_int_equal(unmap(fd, 0, 17 * PAGE), 8 * PAGE);
	close_with_iommu(fd);
	munmap(mem, 4 * PAGE);
}

/* ---- dirty pages ---- */

static long dirty(int fd, uint32_t flags)
{
	struct vfio_iommu_type1_dirty_bitmap arg = { .argsz = sizeof(arg), .flags = flags };

	return call(fd, VFIO_IOMMU_DIRTY_PAGES, &arg);
}

static long get_bitmap(int fd, uint64_t iova, uint64_t size, uint64_t *bits, uint64_t bytes)
{
	struct {
		struct vfio_iommu_type1_dirty_bitmap head;
		struct vfio_iommu_type1_dirty_bitmap_get range;
	} arg = {
		.head = { .argsz = sizeof(arg), .flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP },
		.range = { .iova = iova,
			   .size = size,
			   .bitmap = { .pgsize = PAGE, .size = bytes, .data = (void *)bits } },
	};

	return call(fd, VFIO_IOMMU_DIRTY_PAGES, &arg);
}

static void all_that_is_mapped_is_dirty(void **state)
{
	int fd = open_with_iommu(VFIO_TYPE1v2_IOMMU);
	uint64_t bits[4] = { 0, 0, 0, ~0ull };
	uint8_t *mem = memory(PAGE);

	assert_int_equal(map(fd, 60 * PAGE, mem, 8 * PAGE, READ), 0);
	assert_int_equal(map(fd, 68 * PAGE, mem, PAGE, READ), 0);
	assert_int_equal(map(fd, 126 * PAGE, mem, 66 * PAGE, READ), 0);
	assert_int_equal(get_bitmap(fd, 0, 192 * PAGE, bits, sizeof(bits)), -EINVAL);
	assert_int_equal(dirty(fd, VFIO_IOMMU_DIRTY_PAGES_FLAG_START), 0);
	assert_int_equal(get_bitmap(fd, 0, 192 * PAGE, bits, sizeof(bits)), 0);
	assert_int_equal(bits[0], 0xfull << 60);
	assert_int_equal(bits[1], 0x1f | 3ull << 62);
	assert_int_equal(bits[2], ~0ull);
	assert_int_equal(bits[3], ~0ull);
	memset(bits, 0, sizeof(bits));
	assert_int_equal(get_bitmap(fd, 60 * PAGE, 8 * PAGE, bits, 8), 0);
	assert_int_equal(bits[0], 0xff);
	/* Nothing is cut, nothing is written beyond, and memory that is not there is noticed. */
	assert_int_equal(get_bitmap(fd, 61 * PAGE, 7 * PAGE, bits, 8), -EINVAL);
	assert_int_equal(get_bitmap(fd, 60 * PAGE, 7 * PAGE, bits, 8), -EINVAL);
	assert_int_equal(get_bitmap(fd, 0, 192 * PAGE, bits, 16), -EINVAL);
	assert_int_equal(get_bitmap(fd, 0, 192 * PAGE, NULL, 24), -EFAULT);
	assert_int_equal(get_bitmap(fd, 0, 192 * PAGE, (uint64_t *)-PAGE, 24), -EINVAL);
	assert_int_equal(get_bitmap(fd, 0, 0, bits, 8), -EINVAL);
	assert_int_equal(get_bitmap(fd, 8, PAGE, bits, 8), -EINVAL);
	assert_int_equal(dirty(fd, VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP), 0);
	assert_int_equal(get_bitmap(fd, 0, 192 * PAGE, bits, sizeof(bits)), -EINVAL);
	assert_int_equal(dirty(fd, 0), -EINVAL);
	assert_int_equal(dirty(fd, 3), -EINVAL);
	assert_int_equal(dirty(fd, 8), -EINVAL);
	close_with_iommu(fd);
	fd = open_with_iommu(VFIO_TYPE1_IOMMU);
	assert_int_equal(dirty(fd, VFIO_IOMMU_DIRTY_PAGES_FLAG_START), -EACCES);
	close_with_iommu(fd);
	munmap(mem, PAGE);
}

static void an_unmapping_tells_what_was_dirty(void **state)
{
	int fd = open_with_iommu(VFIO_TYPE1v2_IOMMU);
	uint64_t bits = 0;
	struct {
		struct vfio_iommu_type1_dma_unmap head;
		struct vfio_bitmap bitmap;
	} arg = {
		.head = { .argsz = sizeof(arg),
			  .flags = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP,
			  .size = 8 * PAGE },
		.bitmap = { .pgsize = PAGE, .size = 8, .data = (void *)&bits },
	};
	uint8_t *mem = memory(PAGE);

	assert_int_equal(map(fd, 2 * PAGE, mem, 4 * PAGE, READ), 0);
	assert_int_equal(call(fd, VFIO_IOMMU_UNMAP_DMA, &arg), -EINVAL);
	assert_int_equal(dirty(fd, VFIO_IOMMU_DIRTY_PAGES_FLAG_START), 0);
	arg.bitmap.data = NULL;
	assert_int_equal(call(fd, VFIO_IOMMU_UNMAP_DMA, &arg), -EFAULT);
	assert_int_equal(map(fd, 2 * PAGE, mem, PAGE, READ), -EEXIST);
	arg.bitmap.data = (void *)&bits;
	assert_int_equal(call(fd, VFIO_IOMMU_UNMAP_DMA, &arg), 0);
	assert_int_equal(arg.head.size, 4 * PAGE);
	assert_int_equal(bits, 0x3c);
	/* What cannot be tracked is not mapped. */
	assert_int_equal(map(fd, 0, NULL, 1ull << 43, READ), -EINVAL);
	close_with_iommu(fd);
	munmap(mem, PAGE);
}

/* ---- processes ---- */

static int in_child(void (*fn)(int fd), int fd)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		fn(fd);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static uint8_t *forked_memory;

static void work_in_child(int fd)
{
	uint8_t byte = 0;

	/* Of its parent's it can take away, but not reach. */
	assert_int_equal(container_dma_read(container_of_fd(fd), 0, &byte, 1), -EFAULT);
	assert_int_equal(unmap(fd, PAGE, PAGE), PAGE);
	forked_memory[0] = 7;
	assert_int_equal(map(fd, 2 * PAGE, forked_memory, PAGE, BOTH), 0);
	assert_int_equal(container_dma_read(container_of_fd(fd), 2 * PAGE, &byte, 1), 0);
	assert_int_equal(byte, 7);
	close_container(fd);
}

static void processes_share_mappings_but_not_memory(void **state)
{
	int fd = open_with_iommu(VFIO_TYPE1v2_IOMMU);
	uint8_t byte = 0;

	forked_memory = memory(PAGE);
	forked_memory[0] = 42;
	assert_int_equal(map(fd, 0, forked_memory, PAGE, BOTH), 0);
	assert_int_equal(map(fd, PAGE, forked_memory, PAGE, BOTH), 0);
	assert_int_equal(in_child(work_in_child, fd), 0);
	assert_int_equal(container_dma_read(container_of_fd(fd), 0, &byte, 1), 0);
	assert_int_equal(byte, 42);
	assert_int_equal(container_dma_read(container_of_fd(fd), PAGE, &byte, 1), -EFAULT);
	assert_int_equal(map(fd, 2 * PAGE, forked_memory, PAGE, BOTH), -EEXIST);
	assert_int_equal(container_dma_read(container_of_fd(fd), 2 * PAGE, &byte, 1), -EFAULT);
	assert_int_equal(unmap(fd, 2 * PAGE, PAGE), PAGE);
	close_with_iommu(fd);
	munmap(forked_memory, PAGE);
}

static void attach_in_child(int fd)
{
	assert_int_equal(container_attach_group(container_of_fd(fd)), 0);
	assert_int_equal(call(fd, VFIO_SET_IOMMU, (void *)VFIO_TYPE1_IOMMU), 0);
}

static void a_container_is_found_by_its_number(void **state)
{
	int fd = open_container(), other = open_container();
	struct container *container = container_of_fd(fd);
	uint64_t id = container_id(container);

	assert_int_not_equal(id, 0);
	assert_int_not_equal(id, container_id(container_of_fd(other)));
	close_container(other);
	assert_int_equal(in_child(attach_in_child, fd), 0);
	/* The child has gone, and what it did has been done. */
	assert_ptr_equal(container_join_group(id), container);
	assert_true(container_has_iommu(container));
	close_container(fd);
	container_detach_group(container);
	assert_null(container_join_group(id));
}

static void memory_is_let_go_that_another_process_has_unmapped(void **state)
{
	int fd = open_with_iommu(VFIO_TYPE1v2_IOMMU), memfd, before;

	forked_memory = shared_memory(2 * PAGE, &memfd);
	before = descriptors_count();
	assert_int_equal(map(fd, PAGE, forked_memory, PAGE, BOTH), 0);
	assert_int_equal(map(fd, 0, memory(PAGE), PAGE, BOTH), 0);
	assert_int_equal(descriptors_count(), before + 1);
	assert_int_equal(in_child(work_in_child, fd), 0);
	assert_int_equal(unmap(fd, 0, PAGE), PAGE);
	assert_int_equal(descriptors_count(), before);
	close_with_iommu(fd);
	close(memfd);
	munmap(forked_memory, 2 * PAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(extensions_before_and_with_an_iommu),
		cmocka_unit_test(an_iommu_needs_a_group_and_is_set_once),
		cmocka_unit_test(the_last_group_takes_the_iommu_and_all_mappings_along),
		cmocka_unit_test(a_group_keeps_a_closed_container),
		cmocka_unit_test(information_comes_in_as_much_room_as_there_is),
		cmocka_unit_test(there_is_room_for_65535_mappings),
		cmocka_unit_test(mappings_are_checked),
		cmocka_unit_test(the_last_page_of_all_is_one_like_others),
		cmocka_unit_test(unmappings_are_checked),
		cmocka_unit_test(by_the_second_rules_no_mapping_is_cut),
		cmocka_unit_test(by_the_first_rules_a_mapping_goes_with_its_beginning),
		cmocka_unit_test(all_that_is_mapped_is_dirty),
		cmocka_unit_test(an_unmapping_tells_what_was_dirty),
		cmocka_unit_test(processes_share_mappings_but_not_memory),
		cmocka_unit_test(a_container_is_found_by_its_number),
		cmocka_unit_test(memory_is_let_go_that_another_process_has_unmapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
