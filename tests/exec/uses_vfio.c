/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program of VFIO's API that uses its device:
 *
 *   uses_vfio copy UUID         has a device of tests/modules/engine.c copy memory of all kinds
 *   uses_vfio release UUID IRQ  waits for the interrupt that asks it to let go, and does
 *
 * It says what it has found, a line each.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "modules/engine.h"

#define SIZE	      ENGINE_BUFFER_SIZE
#define REGS	      ((uint64_t)ENGINE_REGS << 40)
#define BUFFER	      ((uint64_t)ENGINE_BUFFER << 40)
#define IOVA	      0x100000ull
#define HANG_LIMIT_MS 20000

static int container, group, device;
static int done = -1;

static void check(int good, const char *what)
{
	if (good)
		return;
	printf("failed: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- beginning and end ---- */

static void open_all(const char *uuid)
{
	char path[PATH_MAX], link[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/bus/mdev/devices/%s/iommu_group", uuid);
	n = readlink(path, link, sizeof(link) - 1);
	check(n > 0, path);
	link[n] = '\0';
	snprintf(path, sizeof(path), "/dev/vfio/%d", atoi(strrchr(link, '/') + 1));
	container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	check(container >= 0, "container");
	group = open(path, O_RDWR | O_CLOEXEC);
	check(group >= 0, path);
	check(!ioctl(group, VFIO_GROUP_SET_CONTAINER, &container), "SET_CONTAINER");
	check(!ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), "SET_IOMMU");
	device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, uuid);
	check(device >= 0, "GET_DEVICE_FD");
}

static void close_all(void)
{
	close(device);
	close(group);
	close(container);
}

static int arm(uint32_t index)
{
	struct {
		struct vfio_irq_set set;
		int32_t fd;
	} ask = {
		.set = { .argsz = sizeof(ask),
			 .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
			 .index = index,
			 .count = 1 },
		.fd = eventfd(0, EFD_CLOEXEC),
	};

	check(!ioctl(device, VFIO_DEVICE_SET_IRQS, &ask), "SET_IRQS");
	return ask.fd;
}

static void wait_for(int event)
{
	struct pollfd pfd = { .fd = event, .events = POLLIN };
	uint64_t count;

	check(poll(&pfd, 1, HANG_LIMIT_MS) == 1, "no interrupt");
	check(read(event, &count, sizeof(count)) == sizeof(count), "eventfd");
}

/* ---- copying ---- */

static void map(void *mem, uint64_t iova, uint32_t flags)
{
	struct vfio_iommu_type1_dma_map arg = {
		.argsz = sizeof(arg),
		.flags = flags,
		.vaddr = (uintptr_t)mem,
		.iova = iova,
		.size = SIZE,
	};

	check(!ioctl(container, VFIO_IOMMU_MAP_DMA, &arg), "MAP_DMA");
}

static void unmap(uint64_t iova)
{
	struct vfio_iommu_type1_dma_unmap arg = { .argsz = sizeof(arg),
						  .iova = iova,
						  .size = SIZE };

	check(!ioctl(container, VFIO_IOMMU_UNMAP_DMA, &arg) && arg.size == SIZE, "UNMAP_DMA");
}

static void set_reg(unsigned int reg, uint64_t value)
{
	check(pwrite(device, &value, sizeof(value), REGS + reg) == sizeof(value), "register");
}

/* Return: the status. */
static int copy(uint64_t command, uint64_t iova)
{
	uint64_t status = 0;

	set_reg(ENGINE_ADDRESS, iova);
	set_reg(ENGINE_COUNT, SIZE);
	set_reg(ENGINE_COMMAND, command);
	wait_for(done);
	check(pread(device, &status, sizeof(status), REGS + ENGINE_STATUS) == sizeof(status),
	      "status");
	return (int)status;
}

static void fill(uint8_t *mem, unsigned int seed)
{
	for (unsigned int i = 0; i < SIZE; i++)
		mem[i] = (uint8_t)(i * 7 + i / 256 + seed);
}

/* The device reads what the program has there, and writes what the program reads then. */
static void copy_both_ways(uint8_t *mem, uint64_t how, const char *what)
{
	static uint8_t seen[SIZE], sent[SIZE];

	map(mem, IOVA, VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE);
	fill(mem, (unsigned int)how + 1);
	check(copy(ENGINE_FROM_USER | how, IOVA) == 0, "the device reads");
	check(pread(device, seen, SIZE, BUFFER) == SIZE, "buffer");
	printf("%s: the device has read %s\n", what,
	       memcmp(seen, mem, SIZE) ? "something else" : "it");
	fill(sent, (unsigned int)how + 100);
	check(pwrite(device, sent, SIZE, BUFFER) == SIZE, "buffer");
	check(copy(ENGINE_TO_USER | how, IOVA) == 0, "the device writes");
	printf("%s: the device has written %s\n", what,
	       memcmp(sent, mem, SIZE) ? "something else" : "it");
	unmap(IOVA);
	printf("%s: unmapped %s\n", what, strerrorname_np(copy(ENGINE_FROM_USER | how, IOVA)));
}

static uint8_t *memory(int flags, int fd)
{
	void *mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, flags, fd, 0);

	check(mem != MAP_FAILED, "memory");
	return mem;
}

static void copy_all_kinds(void)
{
	int fd = memfd_create("memory", MFD_CLOEXEC);
	uint8_t *mem;

	check(fd >= 0 && !ftruncate(fd, SIZE), "memfd");
	copy_both_ways(memory(MAP_SHARED, fd), 0, "memfd");
	copy_both_ways(memory(MAP_SHARED, fd), ENGINE_IN_THREAD, "memfd, later");
	copy_both_ways(memory(MAP_PRIVATE, fd), 0, "private memfd");
	copy_both_ways(memory(MAP_PRIVATE | MAP_ANONYMOUS, -1), 0, "anonymous");
	copy_both_ways(memory(MAP_PRIVATE | MAP_ANONYMOUS, -1), ENGINE_IN_THREAD,
		       "anonymous, later");
	copy_both_ways(memory(MAP_SHARED | MAP_ANONYMOUS, -1), 0, "shared");

	mem = memory(MAP_PRIVATE | MAP_ANONYMOUS, -1);
	map(mem, IOVA, VFIO_DMA_MAP_FLAG_READ);
	printf("read only: %s\n", strerrorname_np(copy(ENGINE_TO_USER, IOVA)));
	munmap(mem, SIZE);
	printf("gone: %s\n", strerrorname_np(copy(ENGINE_FROM_USER, IOVA)));
}

/* ---- the rest of what a device has ---- */

static void use_area(void)
{
	uint8_t *area, byte = 0;
	void *more;

	area = mmap(NULL, ENGINE_AREA_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, device,
		    (off_t)BUFFER);
	check(area != MAP_FAILED, "mmap");
	area[1234] = 0x5a;
	check(pread(device, &byte, 1, BUFFER + 1234) == 1, "buffer");
	printf("what is stored in the area is %s\n", byte == 0x5a ? "there" : "elsewhere");
	more = mmap(NULL, ENGINE_AREA_SIZE + 4096, PROT_READ, MAP_SHARED, device, (off_t)BUFFER);
	printf("more than the area: %s\n", more == MAP_FAILED ? strerrorname_np(errno) : "mapped");
}

static void try_access(unsigned int reg)
{
	uint64_t value = 0;
	ssize_t n = pread(device, &value, sizeof(value), REGS + reg);

	printf("register %#x: read %zd %s", reg, n, n < 0 ? strerrorname_np(errno) : "ok");
	n = pwrite(device, &value, sizeof(value), REGS + reg);
	printf(", write %zd %s\n", n, n < 0 ? strerrorname_np(errno) : "ok");
}

static void describe(void)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	struct vfio_region_info region = { .argsz = sizeof(region), .index = ENGINE_BUFFER };
	struct vfio_irq_info irq = { .argsz = sizeof(irq), .index = ENGINE_IRQ_DONE };

	check(!ioctl(device, VFIO_DEVICE_GET_INFO, &info), "GET_INFO");
	printf("flags %#x regions %u irqs %u\n", info.flags, info.num_regions, info.num_irqs);
	check(!ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &region), "GET_REGION_INFO");
	printf("buffer: flags %#x size %#llx needs %u\n", region.flags,
	       (unsigned long long)region.size, region.argsz);
	check(!ioctl(device, VFIO_DEVICE_GET_IRQ_INFO, &irq), "GET_IRQ_INFO");
	printf("interrupt: flags %#x count %u\n", irq.flags, irq.count);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 3)
		return 2;
	open_all(argv[2]);
	if (!strcmp(argv[1], "release") && argc == 4) {
		int asked = arm((uint32_t)atoi(argv[3]));

		printf("ready\n");
		wait_for(asked);
		printf("asked to let go\n");
		close_all();
		printf("closed\n");
		/* Until the one who asked has seen what it wanted to. */
		while (getchar() != EOF)
			;
		return 0;
	}
	done = arm(ENGINE_IRQ_DONE);
	describe();
	copy_all_kinds();
	use_area();
	try_access(ENGINE_BUSY);
	try_access(ENGINE_AGAIN);
	try_access(ENGINE_HALF);
	close_all();
	return 0;
}
