/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The memory of a container: type1 and type1v2.
 */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vfio_api.h"

#define READ  VFIO_DMA_MAP_FLAG_READ
#define WRITE VFIO_DMA_MAP_FLAG_WRITE
#define PAGE  0x1000ull

static uint8_t *memory;

static void map_as(int container, uint32_t argsz, uint32_t flags, const void *vaddr, uint64_t iova,
		   uint64_t size)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = argsz,
		.flags = flags,
		.vaddr = (uintptr_t)vaddr,
		.iova = iova,
		.size = size,
	};

	say(ioctl(container, VFIO_IOMMU_MAP_DMA, &map), "MAP_DMA argsz %u flags %#x %#llx+%#llx",
	    argsz, flags, (unsigned long long)iova, (unsigned long long)size);
}

static void map(int container, uint64_t iova, uint64_t size)
{
	map_as(container, sizeof(struct vfio_iommu_type1_dma_map), READ | WRITE, memory, iova,
	       size);
}

static void unmap_as(int container, uint32_t argsz, uint32_t flags, uint64_t iova, uint64_t size)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = argsz, .flags = flags, .iova = iova, .size = size
	};

	say(ioctl(container, VFIO_IOMMU_UNMAP_DMA, &unmap),
	    "UNMAP_DMA argsz %u flags %#x %#llx+%#llx", argsz, flags, (unsigned long long)iova,
	    (unsigned long long)size);
	printf("unmapped %#llx\n", (unsigned long long)unmap.size);
}

static void unmap(int container, uint64_t iova, uint64_t size)
{
	unmap_as(container, sizeof(struct vfio_iommu_type1_dma_unmap), 0, iova, size);
}

static void print_caps(const uint8_t *info, uint32_t argsz)
{
	struct vfio_iommu_type1_info head;
	uint32_t at;

	memcpy(&head, info, sizeof(head));
	at = head.flags & VFIO_IOMMU_INFO_CAPS ? head.cap_offset : 0;
	while (at && at + sizeof(struct vfio_info_cap_header) <= argsz) {
		struct vfio_info_cap_header cap;
		struct vfio_iommu_type1_info_cap_migration migration;
		struct vfio_iommu_type1_info_dma_avail avail;

		memcpy(&cap, info + at, sizeof(cap));
		printf("cap at %u id %u version %u next %u\n", at, cap.id, cap.version, cap.next);
		if (cap.id == VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION) {
			memcpy(&migration, info + at, sizeof(migration));
			printf("  flags %#x pgsizes %#llx largest bitmap %#llx\n", migration.flags,
			       (unsigned long long)migration.pgsize_bitmap,
			       (unsigned long long)migration.max_dirty_bitmap_size);
		} else if (cap.id == VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL) {
			memcpy(&avail, info + at, sizeof(avail));
			printf("  available %u\n", avail.avail);
		}
		at = cap.next;
	}
}

static void try_info(int container, uint32_t argsz)
{
	_Alignas(8) uint8_t info[256];
	struct vfio_iommu_type1_info head;

	memset(info, 0xee, sizeof(info));
	memcpy(info, &argsz, sizeof(argsz));
	if (say(ioctl(container, VFIO_IOMMU_GET_INFO, info), "IOMMU_GET_INFO argsz %u", argsz))
		return;
	memcpy(&head, info, sizeof(head));
	printf("argsz %u flags %#x pgsizes %#llx cap_offset %#x\n", head.argsz, head.flags,
	       (unsigned long long)head.iova_pgsizes, head.cap_offset);
	if (argsz <= sizeof(info))
		print_caps(info, argsz);
}

static void try_infos(int container)
{
	static const uint32_t sizes[] = { 0, 15, 16, 19, 20, 24, 25, 56, 64, 72, 200 };

	heading("information");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		try_info(container, sizes[i]);
	say(ioctl(container, VFIO_IOMMU_GET_INFO, NULL), "IOMMU_GET_INFO nowhere");
	say(ioctl(container, VFIO_DEVICE_RESET), "a device's ioctl");
}

static void try_maps(int container)
{
	const uint32_t argsz = sizeof(struct vfio_iommu_type1_dma_map);

	heading("mapping");
	say(ioctl(container, VFIO_IOMMU_MAP_DMA, NULL), "MAP_DMA nowhere");
	map_as(container, argsz - 1, READ, memory, 0, PAGE);
	map_as(container, argsz, 0, memory, 0, PAGE);
	map_as(container, argsz, 8, memory, 0, PAGE);
	map_as(container, argsz, VFIO_DMA_MAP_FLAG_VADDR, memory, 0, PAGE);
	map_as(container, argsz, VFIO_DMA_MAP_FLAG_VADDR | READ, memory, 0, PAGE);
	map_as(container, argsz, READ, memory, 0x800, PAGE);
	map_as(container, argsz, READ, memory, 0, PAGE + 1);
	map_as(container, argsz, READ, memory + 8, 0, PAGE);
	map_as(container, argsz, READ, memory, 0, 0);
	map_as(container, argsz, READ, memory, 0 - PAGE, 2 * PAGE);
	map_as(container, argsz, READ, (void *)-PAGE, 0, 2 * PAGE);
	map_as(container, argsz, WRITE, memory, 0, PAGE);
	map_as(container, 1000, READ, memory, PAGE, PAGE);
	map_as(container, argsz, READ, NULL, 2 * PAGE, PAGE);
	map_as(container, argsz, READ, (void *)0x7ffffffff000, 3 * PAGE, 16 * PAGE);
	map_as(container, argsz, READ, memory, 0, PAGE);
	map_as(container, argsz, READ, memory, 0, 64 * PAGE);
	try_info(container, 72);
	unmap(container, 0, 32 * PAGE);
}

static void try_unmaps(int container)
{
	const uint32_t argsz = sizeof(struct vfio_iommu_type1_dma_unmap);

	heading("unmapping");
	say(ioctl(container, VFIO_IOMMU_UNMAP_DMA, NULL), "UNMAP_DMA nowhere");
	unmap_as(container, argsz - 1, 0, 0, PAGE);
	unmap_as(container, argsz, 8, 0, PAGE);
	unmap(container, 0x800, PAGE);
	unmap(container, 0, 0x800);
	unmap(container, 0, 0);
	unmap(container, 0 - PAGE, 2 * PAGE);
	unmap(container, 0, 0 - PAGE);
	map(container, 0, 4 * PAGE);
	map(container, 4 * PAGE, 4 * PAGE);
	map(container, 16 * PAGE, 4 * PAGE);
	unmap(container, PAGE, PAGE);
	unmap(container, 2 * PAGE, 4 * PAGE);
	unmap(container, 0, 2 * PAGE);
	unmap(container, 6 * PAGE, 2 * PAGE);
	unmap(container, 0, 18 * PAGE);
	unmap(container, 0, 20 * PAGE);
	unmap(container, 0, UINT64_MAX);
	try_info(container, 72);
}

static void try_all(int container)
{
	const uint32_t argsz = sizeof(struct vfio_iommu_type1_dma_unmap);
	const uint32_t all = VFIO_DMA_UNMAP_FLAG_ALL, vaddr = VFIO_DMA_UNMAP_FLAG_VADDR;

	heading("unmapping all");
	map(container, 0, 4 * PAGE);
	map(container, 8 * PAGE, PAGE);
	unmap_as(container, argsz, all, PAGE, 0);
	unmap_as(container, argsz, all, 0, PAGE);
	unmap_as(container, argsz, all | VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP, 0, 0);
	unmap_as(container, argsz, vaddr, 0, 4 * PAGE);
	unmap_as(container, argsz, vaddr | all, 0, 0);
	unmap_as(container, argsz, all, 0, 0);
	unmap_as(container, argsz, all, 0, 0);
}

static void try_dirty(int container)
{
	struct vfio_iommu_type1_dirty_bitmap dirty = { .argsz = sizeof(dirty) };

	heading("dirty pages");
	say(ioctl(container, VFIO_IOMMU_DIRTY_PAGES, NULL), "DIRTY_PAGES nowhere");
	dirty.flags = 8;
	say(ioctl(container, VFIO_IOMMU_DIRTY_PAGES, &dirty), "DIRTY_PAGES unknown flag");
	dirty.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_START | VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP;
	say(ioctl(container, VFIO_IOMMU_DIRTY_PAGES, &dirty), "DIRTY_PAGES two flags");
	dirty.argsz = 7;
	say(ioctl(container, VFIO_IOMMU_DIRTY_PAGES, &dirty), "DIRTY_PAGES argsz 7");
}

static void fill(int container)
{
	unsigned int n;

	heading("as many as there can be");
	for (n = 0;; n++) {
		struct vfio_iommu_type1_dma_map one = {
			.argsz = sizeof(one),
			.flags = READ,
			.vaddr = (uintptr_t)memory,
			.iova = n * 2 * PAGE,
			.size = PAGE,
		};

		if (ioctl(container, VFIO_IOMMU_MAP_DMA, &one))
			break;
	}
	say(-1, "MAP_DMA after %u", n);
	unmap(container, 0, n * 2 * PAGE);
}

/* Where the sum of address and size is 0. */
static void try_last_page(int container)
{
	heading("the last page of all");
	map(container, 0 - PAGE, PAGE);
	map(container, 0 - PAGE, PAGE);
	unmap(container, 0 - PAGE, PAGE);
	unmap(container, 0 - 2 * PAGE, 2 * PAGE);
}

static void try_model(unsigned long model)
{
	struct user user = user_attach(&targets[0], model);

	memory = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		die("memory");
	/* The kernel learns with its first device what it can do. */
	user.device = ioctl(user.group, VFIO_GROUP_GET_DEVICE_FD, targets[0].name);
	say(user.device, "GET_DEVICE_FD");
	try_infos(user.container);
	try_maps(user.container);
	try_unmaps(user.container);
	try_all(user.container);
	try_dirty(user.container);
	/* That many need not be told to a device. */
	close(user.device);
	user.device = -1;
	fill(user.container);
	/* The last: it leaves something behind in the kernel. */
	try_last_page(user.container);
	user_close(&user);
}

void section_type1(void)
{
	try_model(VFIO_TYPE1_IOMMU);
}

void section_type1v2(void)
{
	try_model(VFIO_TYPE1v2_IOMMU);
}
