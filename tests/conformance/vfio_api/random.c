/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mappings in an order that nobody thought of, the same each time; and dirty pages.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "vfio_api.h"

#define PAGE  0x1000ull
#define CELLS 24u
#define STEPS 400
#define READ  VFIO_DMA_MAP_FLAG_READ

static uint8_t *memory;
static uint32_t seed;

/* Not random(): it has to be the same with any C library. */
static uint32_t next(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 16) % below;
}

static long map(int container, uint64_t iova, uint64_t size)
{
	struct vfio_iommu_type1_dma_map arg = {
		.argsz = sizeof(arg),
		.flags = READ,
		.vaddr = (uintptr_t)memory,
		.iova = iova,
		.size = size,
	};

	return ioctl(container, VFIO_IOMMU_MAP_DMA, &arg);
}

static long unmap(int container, uint32_t flags, uint64_t iova, uint64_t *size)
{
	struct vfio_iommu_type1_dma_unmap arg = {
		.argsz = sizeof(arg), .flags = flags, .iova = iova, .size = *size
	};
	long ret = ioctl(container, VFIO_IOMMU_UNMAP_DMA, &arg);

	*size = ret ? 0 : arg.size;
	return ret;
}

static void step(int container)
{
	uint64_t first = next(CELLS), pages = 1 + next(6), size = pages * PAGE;
	long ret;

	switch (next(8)) {
	case 0 ... 4:
		say(map(container, first * PAGE, size), "map %llu+%llu", (unsigned long long)first,
		    (unsigned long long)pages);
		return;
	case 5 ... 6:
		ret = unmap(container, 0, first * PAGE, &size);
		break;
	default:
		/* Now and then nearly all of it. */
		size = (CELLS + 6 - first) * PAGE;
		ret = unmap(container, 0, first * PAGE, &size);
	}
	say(ret, "unmap %llu+%llu, %llu", (unsigned long long)first, (unsigned long long)pages,
	    (unsigned long long)size / PAGE);
}

static void try_steps(unsigned long model)
{
	struct user user = user_attach(&targets[0], model);
	uint64_t size = 0;

	memory = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		die("memory");
	user.device = ioctl(user.group, VFIO_GROUP_GET_DEVICE_FD, targets[0].name);
	say(user.device, "GET_DEVICE_FD");
	seed = (uint32_t)model;
	for (int i = 0; i < STEPS; i++)
		step(user.container);
	say(unmap(user.container, VFIO_DMA_UNMAP_FLAG_ALL, 0, &size), "unmap all");
	printf("%llu pages\n", (unsigned long long)size / PAGE);
	user_close(&user);
}

void section_random_type1(void)
{
	try_steps(VFIO_TYPE1_IOMMU);
}

void section_random_type1v2(void)
{
	try_steps(VFIO_TYPE1v2_IOMMU);
}

/* ---- dirty pages ---- */

static long dirty(int container, uint32_t flags)
{
	struct vfio_iommu_type1_dirty_bitmap arg = { .argsz = sizeof(arg), .flags = flags };

	return ioctl(container, VFIO_IOMMU_DIRTY_PAGES, &arg);
}

static void try_bitmap(int container, uint64_t iova, uint64_t size, uint64_t pgsize, uint64_t *bits,
		       uint64_t bytes)
{
	struct {
		struct vfio_iommu_type1_dirty_bitmap head;
		struct vfio_iommu_type1_dirty_bitmap_get range;
	} arg = {
		.head = { .argsz = sizeof(arg), .flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP },
		.range = { .iova = iova,
			   .size = size,
			   .bitmap = { .pgsize = pgsize, .size = bytes, .data = (void *)bits } },
	};

	say(ioctl(container, VFIO_IOMMU_DIRTY_PAGES, &arg), "bitmap %#llx+%#llx of %llu bytes",
	    (unsigned long long)iova, (unsigned long long)size, (unsigned long long)bytes);
}

static void try_short_bitmap(int container)
{
	struct vfio_iommu_type1_dirty_bitmap arg = {
		.argsz = sizeof(arg), .flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP
	};

	say(ioctl(container, VFIO_IOMMU_DIRTY_PAGES, &arg), "bitmap without a range");
}

static void try_unmap(int container, uint64_t size, uint64_t pgsize, uint64_t *bits, uint64_t bytes,
		      uint32_t argsz)
{
	struct {
		struct vfio_iommu_type1_dma_unmap head;
		struct vfio_bitmap bitmap;
	} arg = {
		.head = { .argsz = argsz,
			  .flags = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP,
			  .size = size },
		.bitmap = { .pgsize = pgsize, .size = bytes, .data = (void *)bits },
	};

	say(ioctl(container, VFIO_IOMMU_UNMAP_DMA, &arg), "unmap %#llx with a bitmap of %llu bytes",
	    (unsigned long long)size, (unsigned long long)bytes);
	printf("unmapped %#llx\n", (unsigned long long)arg.head.size);
}

static void try_bitmaps(int container)
{
	uint64_t bits[4] = { ~0ull, ~0ull, ~0ull, ~0ull };

	try_short_bitmap(container);
	try_bitmap(container, 0, 128 * PAGE, PAGE, bits, 15);
	try_bitmap(container, 0, 128 * PAGE, PAGE, bits, 0);
	try_bitmap(container, 0, 128 * PAGE, PAGE, bits, (1 << 28) + 8);
	try_bitmap(container, 0, 128 * PAGE, 2 * PAGE, bits, 16);
	try_bitmap(container, 8, 128 * PAGE, PAGE, bits, 24);
	try_bitmap(container, 0, PAGE + 8, PAGE, bits, 16);
	try_bitmap(container, 0, 0, PAGE, bits, 16);
	try_bitmap(container, 0 - PAGE, PAGE, PAGE, bits, 16);
	try_bitmap(container, 0 - PAGE, 2 * PAGE, PAGE, bits, 16);
	try_bitmap(container, PAGE, PAGE, PAGE, bits, 16);
	try_bitmap(container, 0, 2 * PAGE, PAGE, bits, 16);
	try_bitmap(container, 0, 128 * PAGE, PAGE, NULL, 16);
	try_bitmap(container, 0, 128 * PAGE, PAGE, (uint64_t *)-PAGE, 16);
	try_bitmap(container, 0x1000 * PAGE, PAGE, PAGE, bits, 8);
	try_bitmap(container, 0, 128 * PAGE, PAGE, bits, 16);
	printf("bits %016llx %016llx %016llx\n", (unsigned long long)bits[0],
	       (unsigned long long)bits[1], (unsigned long long)bits[2]);
}

void section_dirty(void)
{
	const uint32_t start = VFIO_IOMMU_DIRTY_PAGES_FLAG_START;
	const uint32_t stop = VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP;
	const uint32_t argsz = sizeof(struct vfio_iommu_type1_dma_unmap);
	const uint32_t full = argsz + sizeof(struct vfio_bitmap);
	struct user user = user_open(&targets[0]);
	uint64_t bits[2] = { 0, 0 };

	memory = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		die("memory");
	say(map(user.container, 0, 4 * PAGE), "map 0+4");
	say(map(user.container, 62 * PAGE, 4 * PAGE), "map 62+4");

	heading("before dirty pages are tracked");
	say(dirty(user.container, stop), "stop");
	try_bitmaps(user.container);
	try_unmap(user.container, 4 * PAGE, PAGE, bits, 8, full);

	heading("while they are");
	say(dirty(user.container, start), "start");
	say(dirty(user.container, start), "start again");
	try_bitmaps(user.container);
	say(map(user.container, 256 * PAGE, 1ull << 43), "map too much to be tracked");
	say(map(user.container, 256 * PAGE, PAGE), "map 256+1");
	try_unmap(user.container, 4 * PAGE, PAGE, bits, 8, argsz);
	try_unmap(user.container, 4 * PAGE, PAGE, bits, 7, full);
	try_unmap(user.container, 4 * PAGE, 2 * PAGE, bits, 8, full);
	try_unmap(user.container, 4 * PAGE, PAGE, NULL, 8, full);
	try_unmap(user.container, 2 * PAGE, PAGE, bits, 8, full);
	try_unmap(user.container, 4 * PAGE, PAGE, bits, 8, full);

	heading("and after");
	say(dirty(user.container, stop), "stop");
	try_unmap(user.container, 4 * PAGE, PAGE, bits, 8, full);
	user_close(&user);
}
