/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a plain program does first, and its first mistakes: vfio-api-mtty.linux-6.1.txt.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vfio_api.h"

/* All steps to the device, with what is wrong on the way. */
static struct user open_stepwise(void)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	const struct target *target = &targets[0];
	struct user user;

	user.container = open("/dev/vfio/vfio", O_RDWR);
	if (user.container < 0)
		die("/dev/vfio/vfio");
	printf("api %d type1 %d type1v2 %d noiommu %d bogus %d\n",
	       ioctl(user.container, VFIO_GET_API_VERSION),
	       ioctl(user.container, VFIO_CHECK_EXTENSION, VFIO_TYPE1_IOMMU),
	       ioctl(user.container, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU),
	       ioctl(user.container, VFIO_CHECK_EXTENSION, VFIO_NOIOMMU_IOMMU),
	       ioctl(user.container, VFIO_CHECK_EXTENSION, 4711));
	user.group = open(target->group, O_RDWR);
	say(user.group, "open group");
	say(ioctl(user.group, VFIO_GROUP_GET_STATUS, &status), "GROUP_GET_STATUS");
	printf("status flags %#x\n", status.flags);
	say(open(target->group, O_RDWR), "second open of the group");
	say(ioctl(user.group, VFIO_GROUP_GET_DEVICE_FD, target->name),
	    "GET_DEVICE_FD before SET_CONTAINER");
	say(ioctl(user.container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU),
	    "SET_IOMMU before SET_CONTAINER");
	say(ioctl(user.group, VFIO_GROUP_SET_CONTAINER, &user.container), "SET_CONTAINER");
	say(ioctl(user.group, VFIO_GROUP_SET_CONTAINER, &user.container), "SET_CONTAINER again");
	say(ioctl(user.group, VFIO_GROUP_GET_DEVICE_FD, target->name),
	    "GET_DEVICE_FD before SET_IOMMU");
	say(ioctl(user.container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), "SET_IOMMU");
	say(ioctl(user.group, VFIO_GROUP_GET_DEVICE_FD, "nosuch"), "GET_DEVICE_FD nosuch");
	user.device = ioctl(user.group, VFIO_GROUP_GET_DEVICE_FD, target->name);
	say(user.device, "GET_DEVICE_FD");
	return user;
}

static void print_regions(int device, unsigned int count)
{
	for (unsigned int i = 0; i <= count; i++) {
		struct vfio_region_info region = { .argsz = sizeof(region), .index = i };

		if (ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &region))
			printf("region %u: %s\n", i, strerrorname_np(errno));
		else
			printf("region %u: flags %#x size %#llx\n", i, region.flags,
			       (unsigned long long)region.size);
	}
}

static void print_irqs(int device, unsigned int count)
{
	for (unsigned int i = 0; i <= count; i++) {
		struct vfio_irq_info irq = { .argsz = sizeof(irq), .index = i };

		if (ioctl(device, VFIO_DEVICE_GET_IRQ_INFO, &irq))
			printf("irq %u: %s\n", i, strerrorname_np(errno));
		else
			printf("irq %u: flags %#x count %u\n", i, irq.flags, irq.count);
	}
}

static void print_config(int device)
{
	uint8_t bytes[64];

	say(pread(device, bytes, sizeof(bytes), CONFIG) == sizeof(bytes) ? 0 : -1, "read config");
	for (unsigned int i = 0; i < sizeof(bytes); i++)
		printf("%02x%c", bytes[i], i % 16 == 15 ? '\n' : ' ');
}

static void print_bars(int device)
{
	for (unsigned int i = 0; i < 6; i++) {
		uint32_t ones = UINT32_MAX, before = 0, sized = 0;
		uint64_t at = CONFIG + 0x10 + i * sizeof(before);

		if (pread(device, &before, sizeof(before), at) != sizeof(before) ||
		    pwrite(device, &ones, sizeof(ones), at) != sizeof(ones) ||
		    pread(device, &sized, sizeof(sized), at) != sizeof(sized) ||
		    pwrite(device, &before, sizeof(before), at) != sizeof(before))
			die("sizing a BAR");
		printf("bar%u %08x sized %08x\n", i, before, sized);
	}
}

void section_info(void)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	struct user user = open_stepwise();
	uint32_t word;

	say(ioctl(user.device, VFIO_DEVICE_GET_INFO, &info), "GET_INFO");
	printf("flags %#x regions %u irqs %u\n", info.flags, info.num_regions, info.num_irqs);
	print_regions(user.device, info.num_regions);
	print_irqs(user.device, info.num_irqs);
	print_config(user.device);
	print_bars(user.device);
	say(pread(user.device, &word, sizeof(word), CONFIG + 0x100), "read past the config region");
}

static void try_set_irqs(int device, uint32_t flags, uint32_t index, uint32_t start,
			 const char *what)
{
	struct vfio_irq_set set = {
		.argsz = sizeof(set), .flags = flags, .index = index, .start = start, .count = 1
	};

	say(ioctl(device, VFIO_DEVICE_SET_IRQS, &set), "SET_IRQS %s", what);
}

static void try_map(int container, void *mem, uint64_t iova, uint64_t size, uint32_t flags,
		    const char *what)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = flags,
		.vaddr = (uintptr_t)mem,
		.iova = iova,
		.size = size,
	};

	say(ioctl(container, VFIO_IOMMU_MAP_DMA, &map), "MAP_DMA%s", what);
}

static void try_unmap(int container, uint64_t iova, uint64_t size, const char *what)
{
	struct vfio_iommu_type1_dma_unmap unmap = { .argsz = sizeof(unmap),
						    .iova = iova,
						    .size = size };

	say(ioctl(container, VFIO_IOMMU_UNMAP_DMA, &unmap), "UNMAP_DMA %s", what);
	printf("unmapped %#llx\n", (unsigned long long)unmap.size);
}

void section_errors(void)
{
	const uint32_t both = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
	const uint32_t none = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER;
	struct vfio_device_info info = { .argsz = 4 };
	struct user user = open_stepwise();
	int container = user.container;
	uint8_t *mem;

	mem = mmap(NULL, 0x20000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		die("memory");
	say(ioctl(user.device, VFIO_DEVICE_GET_INFO, &info), "GET_INFO argsz 4");
	try_set_irqs(user.device, none, 99, 0, "index 99");
	try_set_irqs(user.device, none, 0, 7, "start 7");
	try_set_irqs(user.device, 0, 0, 0, "flags 0");
	say(ioctl(user.device, _IO(VFIO_TYPE, VFIO_BASE + 99)), "bogus ioctl");
	say(ioctl(user.device, VFIO_DEVICE_RESET), "RESET");
	try_map(container, mem, 0, 0x10000, both, "");
	try_map(container, mem, 0, 0x10000, both, " again");
	try_map(container, mem, 0x8000, 0x10000, both, " overlapping");
	try_map(container, mem + 1, 0x100000, 0x1000, both, " unaligned");
	try_map(container, mem, 0x100000, 0, both, " size 0");
	try_map(container, mem, 0x100000, 0x1000, 0, " flags 0");
	try_map(container, mem, UINT64_MAX - 0xfff, 0x2000, both, " wrapping");
	try_unmap(container, 0, 0x1000, "part");
	try_unmap(container, 0, 0x10000, "whole");
	try_unmap(container, 0, 0x10000, "none");
}
