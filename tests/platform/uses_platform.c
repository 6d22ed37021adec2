/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program of VFIO's API that uses a platform device, the DMA engine of <umdev/dmac.h>:
 *
 *   uses_platform use NAME   its registers, descriptor memory, interrupts, memory, reset
 *   uses_platform hold NAME  opens it, says "ready", and closes it at the end of its input
 *
 * It says what it has found, a line each. Nothing of umdev's is in it but the header.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/vfio.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <umdev/dmac.h>
#include <unistd.h>

#define HANG_LIMIT_MS 20000
#define SIZE	      0x40000u
#define IOVA_SRC      0x100000ull
#define IOVA_DST      0x200000ull
#define RING	      4u

static int container, group, device;
static struct vfio_region_info regions[DMAC_NR_REGIONS];
static struct dmac_desc *ring; /* the descriptor memory, mapped */
static uint32_t tail;

static void check(int good, const char *what)
{
	if (good)
		return;
	printf("failed: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- beginning and end ---- */

static void open_all(const char *name)
{
	char path[PATH_MAX], link[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/bus/platform/devices/%s/iommu_group", name);
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
	device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, name);
	check(device >= 0, "GET_DEVICE_FD");
}

static void close_all(void)
{
	close(device);
	close(group);
	close(container);
}

/* ---- what the device says of itself ---- */

static void describe(void)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };

	check(!ioctl(device, VFIO_DEVICE_GET_INFO, &info), "GET_INFO");
	printf("device:%s%s, %u regions, %u interrupts\n",
	       info.flags & VFIO_DEVICE_FLAGS_PLATFORM ? " platform" : "",
	       info.flags & VFIO_DEVICE_FLAGS_RESET ? " reset" : "", info.num_regions,
	       info.num_irqs);
	for (uint32_t i = 0; i < DMAC_NR_REGIONS; i++) {
		regions[i] = (struct vfio_region_info) { .argsz = sizeof(regions[i]), .index = i };
		check(!ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &regions[i]), "GET_REGION_INFO");
		printf("region %u: %#llx bytes%s%s%s\n", i, (unsigned long long)regions[i].size,
		       regions[i].flags & VFIO_REGION_INFO_FLAG_READ ? " read" : "",
		       regions[i].flags & VFIO_REGION_INFO_FLAG_WRITE ? " write" : "",
		       regions[i].flags & VFIO_REGION_INFO_FLAG_MMAP ? " mmap" : "");
	}
	for (uint32_t i = 0; i < DMAC_NR_IRQS; i++) {
		struct vfio_irq_info irq = { .argsz = sizeof(irq), .index = i };

		check(!ioctl(device, VFIO_DEVICE_GET_IRQ_INFO, &irq), "GET_IRQ_INFO");
		printf("interrupt %u: %u%s%s%s\n", i, irq.count,
		       irq.flags & VFIO_IRQ_INFO_EVENTFD ? " eventfd" : "",
		       irq.flags & VFIO_IRQ_INFO_MASKABLE ? " maskable" : "",
		       irq.flags & VFIO_IRQ_INFO_AUTOMASKED ? " automasked" : "");
	}
}

/* ---- registers and descriptor memory ---- */

static uint32_t get(unsigned int reg)
{
	uint32_t value = 0;

	check(pread(device, &value, 4, (off_t)regions[DMAC_REGION_REGISTERS].offset + reg) == 4,
	      "reading a register");
	return value;
}

static void set(unsigned int reg, uint32_t value)
{
	check(pwrite(device, &value, 4, (off_t)regions[DMAC_REGION_REGISTERS].offset + reg) == 4,
	      "writing a register");
}

static void map_ring(void)
{
	const struct vfio_region_info *region = &regions[DMAC_REGION_MEMORY];
	struct vfio_region_info *registers = &regions[DMAC_REGION_REGISTERS];
	uint64_t mark = 0x0123456789abcdef, seen = 0;
	void *none;

	none = mmap(NULL, registers->size, PROT_READ, MAP_SHARED, device, (off_t)registers->offset);
	printf("registers: %s\n", none == MAP_FAILED ? "not mapped" : "mapped");
	ring = mmap(NULL, region->size, PROT_READ | PROT_WRITE, MAP_SHARED, device,
		    (off_t)region->offset);
	check(ring != MAP_FAILED, "mapping the descriptor memory");
	ring[1].src = mark;
	check(pread(device, &seen, 8, (off_t)region->offset + sizeof(*ring)) == 8,
	      "reading the descriptor memory");
	printf("descriptor memory: %s\n", seen == mark ? "mapped" : "something else is mapped");
}

static void enable(void)
{
	memset(ring, 0, RING * sizeof(*ring));
	tail = 0;
	set(DMAC_RING_BASE, 0);
	set(DMAC_RING_SIZE, RING);
	set(DMAC_IRQ_ENABLE, DMAC_IRQ_DONE | DMAC_IRQ_ERROR);
	set(DMAC_CONTROL, DMAC_CONTROL_ENABLE);
}

/* Return: which descriptor it is. */
static uint32_t submit(uint64_t src, uint64_t dst, uint32_t length)
{
	uint32_t index = tail;

	ring[index] = (struct dmac_desc) {
		.src = src, .dst = dst, .length = length, .flags = DMAC_DESC_IRQ
	};
	tail = (tail + 1) % RING;
	set(DMAC_TAIL, tail);
	return index;
}

/* ---- interrupts ---- */

static void set_irqs(uint32_t index, uint32_t flags, int fd)
{
	struct {
		struct vfio_irq_set set;
		int32_t fd;
	} ask = { .set = { .argsz = sizeof(ask.set), .flags = flags, .index = index, .count = 1 } };

	if (flags & VFIO_IRQ_SET_DATA_EVENTFD) {
		ask.set.argsz = sizeof(ask);
		ask.fd = fd;
	}
	check(!ioctl(device, VFIO_DEVICE_SET_IRQS, &ask), "SET_IRQS");
}

static int arm(uint32_t index)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	check(fd >= 0, "eventfd");
	set_irqs(index, VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, fd);
	return fd;
}

static void unmask(uint32_t index)
{
	set_irqs(index, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK, -1);
}

static bool has_come(int event, int timeout)
{
	struct pollfd pfd = { .fd = event, .events = POLLIN };
	uint64_t count;

	if (poll(&pfd, 1, timeout) != 1)
		return false;
	check(read(event, &count, sizeof(count)) == sizeof(count), "eventfd");
	return true;
}

static void wait_for(int event)
{
	check(has_come(event, HANG_LIMIT_MS), "no interrupt");
}

/* Without an interrupt: the status is what the device writes first. */
static uint32_t wait_for_status(uint32_t index)
{
	const volatile uint32_t *status = &ring[index].status;

	for (unsigned int i = 0; i < HANG_LIMIT_MS && !*status; i++)
		usleep(1000);
	return __atomic_load_n(&ring[index].status, __ATOMIC_ACQUIRE);
}

/* ---- memory ---- */

static uint8_t *memory(int flags, int fd, uint64_t iova)
{
	void *mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, flags, fd, 0);
	struct vfio_iommu_type1_dma_map arg = {
		.argsz = sizeof(arg),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)mem,
		.iova = iova,
		.size = SIZE,
	};

	check(mem != MAP_FAILED, "memory");
	check(!ioctl(container, VFIO_IOMMU_MAP_DMA, &arg), "MAP_DMA");
	return mem;
}

static void unmap(uint64_t iova)
{
	struct vfio_iommu_type1_dma_unmap arg = { .argsz = sizeof(arg),
						  .iova = iova,
						  .size = SIZE };

	check(!ioctl(container, VFIO_IOMMU_UNMAP_DMA, &arg) && arg.size == SIZE, "UNMAP_DMA");
}

static void copy(int done, const char *what, int src_flags, int src_fd)
{
	uint8_t *src = memory(src_flags, src_fd, IOVA_SRC);
	uint8_t *dst = memory(MAP_SHARED | MAP_ANONYMOUS, -1, IOVA_DST);
	uint32_t index;

	for (unsigned int i = 0; i < SIZE; i++)
		src[i] = (uint8_t)(i * 7 + i / 256 + (unsigned int)src_flags);
	index = submit(IOVA_SRC + 1, IOVA_DST + 5, SIZE - 8);
	wait_for(done);
	set(DMAC_IRQ_ACK, DMAC_IRQ_DONE);
	unmask(DMAC_IRQ_LINE_DONE);
	printf("%s: status %#x, %s\n", what, ring[index].status,
	       memcmp(src + 1, dst + 5, SIZE - 8) ? "something else was copied" : "copied");
	unmap(IOVA_SRC);
	unmap(IOVA_DST);
	munmap(src, SIZE);
	munmap(dst, SIZE);
}

/* A level is signalled once, masked by that, and again when it is unmasked while it is high. */
static void use_level(int done)
{
	uint32_t index;

	memory(MAP_SHARED | MAP_ANONYMOUS, -1, IOVA_SRC);
	submit(IOVA_SRC, IOVA_SRC + 4096, 100);
	wait_for(done);
	index = submit(IOVA_SRC, IOVA_SRC + 4096, 100);
	wait_for_status(index);
	printf("while masked: %s\n", has_come(done, 0) ? "signalled" : "quiet");
	unmask(DMAC_IRQ_LINE_DONE);
	printf("unmasked while high: %s\n", has_come(done, 0) ? "signalled" : "quiet");
	set(DMAC_IRQ_ACK, DMAC_IRQ_DONE);
	unmask(DMAC_IRQ_LINE_DONE);
	printf("acknowledged and unmasked: %s\n", has_come(done, 0) ? "signalled" : "quiet");
	unmap(IOVA_SRC);
}

static void use_edge(int error)
{
	uint32_t index = submit(IOVA_SRC, IOVA_DST, 100);

	wait_for(error);
	printf("not mapped: status %#x, error %u at %s\n", ring[index].status, get(DMAC_ERROR_CODE),
	       get(DMAC_ERROR_INDEX) == index ? "it" : "another");
}

static void reset(const char *when)
{
	check(!ioctl(device, VFIO_DEVICE_RESET), "RESET");
	printf("reset %s: control %u, status %u, irq_enable %u, ring of %u\n", when,
	       get(DMAC_CONTROL), get(DMAC_STATUS), get(DMAC_IRQ_ENABLE), get(DMAC_RING_SIZE));
}

/* It is in the middle of many megabytes that go by messages. */
static void reset_in_the_middle(int done)
{
	memory(MAP_PRIVATE | MAP_ANONYMOUS, -1, IOVA_SRC);
	enable();
	for (uint32_t i = 0; i < RING - 1; i++)
		submit(IOVA_SRC, IOVA_SRC + 8, SIZE - 8);
	reset("in the middle");
	/* One may have been finished before. */
	has_come(done, 0);
	unmask(DMAC_IRQ_LINE_DONE);
	unmap(IOVA_SRC);
}

static void use(void)
{
	int memfd = memfd_create("memory", MFD_CLOEXEC);
	int done, error;

	check(memfd >= 0 && !ftruncate(memfd, SIZE), "memfd");
	describe();
	printf("id %#x version %#x\n", get(DMAC_ID), get(DMAC_VERSION));
	map_ring();
	done = arm(DMAC_IRQ_LINE_DONE);
	error = arm(DMAC_IRQ_LINE_ERROR);
	enable();
	copy(done, "memfd", MAP_SHARED, memfd);
	copy(done, "anonymous", MAP_PRIVATE | MAP_ANONYMOUS, -1);
	use_level(done);
	use_edge(error);
	reset("after an error");
	reset_in_the_middle(done);
	enable();
	copy(done, "after reset", MAP_SHARED, memfd);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 3)
		return 2;
	open_all(argv[2]);
	if (!strcmp(argv[1], "use")) {
		use();
	} else {
		printf("ready\n");
		while (getchar() != EOF)
			;
	}
	close_all();
	return 0;
}
