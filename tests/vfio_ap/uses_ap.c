/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program of VFIO's API that asks a vfio_ap device everything that the kernel's has an answer
 * to: uses_ap UUID. It says what it was answered, a line each.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/vfio.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define EVENTFD VFIO_IRQ_SET_DATA_EVENTFD
#define NONE	VFIO_IRQ_SET_DATA_NONE
#define BOOLEAN VFIO_IRQ_SET_DATA_BOOL
#define TRIGGER VFIO_IRQ_SET_ACTION_TRIGGER
#define MASK	VFIO_IRQ_SET_ACTION_MASK
#define UNMASK	VFIO_IRQ_SET_ACTION_UNMASK

static int container, group, device;

static void check(int good, const char *what)
{
	if (good)
		return;
	printf("failed: %s: %s\n", what, strerror(errno));
	exit(1);
}

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

static const char *answer(long ret)
{
	return ret < 0 ? strerrorname_np(errno) : "ok";
}

static void device_info(void)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	long ret = ioctl(device, VFIO_DEVICE_GET_INFO, &info);

	printf("info: %s, flags %#x, %u regions, %u interrupts\n", answer(ret), info.flags,
	       info.num_regions, info.num_irqs);
	info.argsz = offsetof(struct vfio_device_info, num_irqs);
	printf("info, too short: %s\n", answer(ioctl(device, VFIO_DEVICE_GET_INFO, &info)));
	printf("info, nowhere: %s\n", answer(ioctl(device, VFIO_DEVICE_GET_INFO, NULL)));
}

static void irq_info(void)
{
	struct vfio_irq_info irq;

	for (uint32_t i = 0; i < 4; i++) {
		irq = (struct vfio_irq_info) { .argsz = sizeof(irq), .index = i };
		printf("interrupt %u: %s", i,
		       answer(ioctl(device, VFIO_DEVICE_GET_IRQ_INFO, &irq)));
		printf(", %u, flags %#x\n", irq.count, irq.flags);
	}
	irq = (struct vfio_irq_info) { .argsz = offsetof(struct vfio_irq_info, count) };
	printf("interrupt, too short: %s\n", answer(ioctl(device, VFIO_DEVICE_GET_IRQ_INFO, &irq)));
}

/* ---- SET_IRQS ---- */

/* @data: how many bytes of it there are. */
static void set(const char *what, uint32_t flags, uint32_t index, uint32_t start, uint32_t count,
		uint32_t data, int32_t fd)
{
	struct {
		struct vfio_irq_set set;
		int32_t fd;
	} ask = {
		.set = { .argsz = (uint32_t)sizeof(ask.set) + data,
			 .flags = flags,
			 .index = index,
			 .start = start,
			 .count = count },
		.fd = fd,
	};

	printf("set, %s: %s\n", what, answer(ioctl(device, VFIO_DEVICE_SET_IRQS, &ask)));
}

/* As the last bytes of a page: behind it there is nothing. */
static void set_at_the_edge(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *mem =
		mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct vfio_irq_set *ask;

	check(mem != MAP_FAILED && !munmap(mem + page, page), "mmap");
	ask = (struct vfio_irq_set *)(mem + page - sizeof(*ask));
	*ask = (struct vfio_irq_set) { .argsz = sizeof(*ask), .flags = EVENTFD | TRIGGER };
	printf("set, data nowhere: %s\n", answer(ioctl(device, VFIO_DEVICE_SET_IRQS, ask)));
	munmap(mem, page);
}

static void set_eventfds(int event, int file)
{
	set("an eventfd", EVENTFD | TRIGGER, 0, 0, 1, 4, event);
	set("the other's", EVENTFD | TRIGGER, 1, 0, 1, 4, event);
	set("once more", EVENTFD | TRIGGER, 0, 0, 1, 4, event);
	set("-1", EVENTFD | TRIGGER, 0, 0, 1, 4, -1);
	set("-1 once more", EVENTFD | TRIGGER, 0, 0, 1, 4, -1);
	set("-2", EVENTFD | TRIGGER, 0, 0, 1, 4, -2);
	set("closed", EVENTFD | TRIGGER, 0, 0, 1, 4, 12345);
	set("no eventfd", EVENTFD | TRIGGER, 0, 0, 1, 4, file);
	set("trigger and mask", EVENTFD | TRIGGER | MASK, 0, 0, 1, 4, event);
}

static void set_numbers(int event)
{
	set("count 0", EVENTFD | TRIGGER, 0, 0, 0, 0, event);
	set("count 0, -2", EVENTFD | TRIGGER, 0, 0, 0, 0, -2);
	set("count 2", EVENTFD | TRIGGER, 0, 0, 2, 4, event);
	set("start 1", EVENTFD | TRIGGER, 0, 1, 1, 4, event);
	set("no data", EVENTFD | TRIGGER, 0, 0, 1, 0, event);
	set("index 9", EVENTFD | TRIGGER, 9, 0, 1, 4, event);
	set_at_the_edge();
}

static void set_flags(int event)
{
	set("mask", EVENTFD | MASK, 0, 0, 1, 4, event);
	set("unmask", EVENTFD | UNMASK, 0, 0, 1, 4, event);
	set("no action", EVENTFD, 0, 0, 1, 4, event);
	set("nothing, count 0", NONE | TRIGGER, 0, 0, 0, 0, 0);
	set("nothing", NONE | TRIGGER, 0, 0, 1, 0, 0);
	set("a boolean", BOOLEAN | TRIGGER, 0, 0, 1, 1, 1);
	set("no type of data", TRIGGER, 0, 0, 0, 0, 0);
	set("an unknown flag", EVENTFD | TRIGGER | 0x40, 0, 0, 1, 4, event);
}

/* ---- the rest ---- */

static void regions(void)
{
	struct vfio_region_info region = { .argsz = sizeof(region) };
	long ret = ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &region);
	char byte = 0;
	void *mem;

	printf("region: %s, %#llx, flags %#x\n", answer(ret), (unsigned long long)region.size,
	       region.flags);
	printf("read: %s\n", answer(pread(device, &byte, 1, 0)));
	printf("read nothing: %s\n", answer(pread(device, &byte, 0, 0)));
	printf("write: %s\n", answer(pwrite(device, &byte, 1, 0)));
	mem = mmap(NULL, 4096, PROT_READ, MAP_SHARED, device, 0);
	printf("mmap: %s\n", answer(mem == MAP_FAILED ? -1 : 0));
}

static void ioctls(void)
{
	struct vfio_device_feature feature = { .argsz = sizeof(feature),
					       .flags = VFIO_DEVICE_FEATURE_GET };
	uint64_t arg[16] = { sizeof(arg) };

	printf("feature: %s\n", answer(ioctl(device, VFIO_DEVICE_FEATURE, &feature)));
	printf("hot reset: %s\n", answer(ioctl(device, VFIO_DEVICE_PCI_HOT_RESET, arg)));
	printf("none of VFIO's: %s\n", answer(ioctl(device, 0x1234, arg)));
	printf("reset: %s\n", answer(ioctl(device, VFIO_DEVICE_RESET)));
}

int main(int argc, char **argv)
{
	int event = eventfd(0, EFD_CLOEXEC), file = open("/dev/null", O_RDWR | O_CLOEXEC);

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 2)
		return 2;
	open_all(argv[1]);
	device_info();
	irq_info();
	set_eventfds(event, file);
	set_numbers(event);
	set_flags(event);
	regions();
	ioctls();
	close(device);
	close(group);
	close(container);
	return 0;
}
