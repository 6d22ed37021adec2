/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a device says of itself, and access to its regions.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "vfio_api.h"

static void try_info(int device, uint32_t argsz)
{
	struct {
		struct vfio_device_info info;
		uint8_t more[64];
	} ask;

	memset(&ask, 0xee, sizeof(ask));
	ask.info.argsz = argsz;
	if (say(ioctl(device, VFIO_DEVICE_GET_INFO, &ask), "GET_INFO argsz %u", argsz))
		return;
	printf("argsz %u flags %#x regions %u irqs %u cap_offset %#x\n", ask.info.argsz,
	       ask.info.flags, ask.info.num_regions, ask.info.num_irqs, ask.info.cap_offset);
}

static void try_region(int device, uint32_t argsz, uint32_t index)
{
	struct {
		struct vfio_region_info info;
		uint8_t more[64];
	} ask;

	memset(&ask, 0xee, sizeof(ask));
	ask.info.argsz = argsz;
	ask.info.index = index;
	if (say(ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &ask),
		"GET_REGION_INFO argsz %u index %#x", argsz, index))
		return;
	printf("argsz %u flags %#x index %u cap_offset %#x size %#llx offset %#llx more %#x\n",
	       ask.info.argsz, ask.info.flags, ask.info.index, ask.info.cap_offset,
	       (unsigned long long)ask.info.size, (unsigned long long)ask.info.offset, ask.more[0]);
}

static void try_irq(int device, uint32_t argsz, uint32_t index)
{
	struct vfio_irq_info info = {
		.argsz = argsz, .flags = UINT32_MAX, .index = index, .count = 4711
	};

	if (say(ioctl(device, VFIO_DEVICE_GET_IRQ_INFO, &info), "GET_IRQ_INFO argsz %u index %#x",
		argsz, index))
		return;
	printf("argsz %u flags %#x index %u count %u\n", info.argsz, info.flags, info.index,
	       info.count);
}

static void try_feature(int device, uint32_t argsz, uint32_t flags, const char *what)
{
	struct {
		struct vfio_device_feature feature;
		uint64_t data[4];
	} ask = { .feature = { .argsz = argsz, .flags = flags } };

	say(ioctl(device, VFIO_DEVICE_FEATURE, &ask), "DEVICE_FEATURE %s", what);
}

static void try_features(int device)
{
	const uint32_t get = VFIO_DEVICE_FEATURE_GET, set = VFIO_DEVICE_FEATURE_SET;
	const uint32_t probe = VFIO_DEVICE_FEATURE_PROBE;

	heading("features");
	try_feature(device, 7, get, "argsz 7");
	try_feature(device, 8, 0x80000 | get, "unknown flag");
	try_feature(device, 8, get | set | VFIO_DEVICE_FEATURE_MIGRATION, "get and set");
	try_feature(device, 8, get | set | probe | VFIO_DEVICE_FEATURE_MIGRATION,
		    "probe get and set");
	try_feature(device, 8, VFIO_DEVICE_FEATURE_MIGRATION, "neither");
	try_feature(device, 8, probe, "probe 0");
	for (uint32_t i = 0; i <= 12; i++) {
		char what[32];

		snprintf(what, sizeof(what), "get %u", i);
		try_feature(device, 40, get | i, what);
		snprintf(what, sizeof(what), "probe set %u", i);
		try_feature(device, 40, probe | set | i, what);
	}
	say(ioctl(device, VFIO_DEVICE_FEATURE, NULL), "DEVICE_FEATURE nowhere");
}

static void try_other_ioctls(int device)
{
	struct vfio_pci_hot_reset_info hot = { .argsz = sizeof(hot) };
	struct vfio_device_gfx_plane_info plane = { .argsz = sizeof(plane) };
	struct vfio_device_ioeventfd event = { .argsz = sizeof(event) };
	struct vfio_group_status status = { .argsz = sizeof(status) };

	heading("other ioctls");
	say(ioctl(device, VFIO_DEVICE_RESET, 4711), "RESET");
	say(ioctl(device, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, &hot), "GET_PCI_HOT_RESET_INFO");
	say(ioctl(device, VFIO_DEVICE_PCI_HOT_RESET, &hot), "PCI_HOT_RESET");
	say(ioctl(device, VFIO_DEVICE_QUERY_GFX_PLANE, &plane), "QUERY_GFX_PLANE");
	say(ioctl(device, VFIO_DEVICE_IOEVENTFD, &event), "IOEVENTFD");
	say(ioctl(device, VFIO_GROUP_GET_STATUS, &status), "a group's ioctl");
	say(ioctl(device, VFIO_GET_API_VERSION), "a container's ioctl");
	say(ioctl(device, 0), "ioctl 0");
	say(ioctl(device, ~0UL), "ioctl ffffffff");
}

void section_device_info(void)
{
	static const uint32_t sizes[] = { 0, 15, 16, 20, 24, 1000 };
	struct user user = user_open(&targets[0]);
	struct {
		uint8_t shift;
		struct vfio_device_info info;
	} __attribute__((packed)) odd = { .info.argsz = sizeof(odd.info) };

	heading("the device");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		try_info(user.device, sizes[i]);
	say(ioctl(user.device, VFIO_DEVICE_GET_INFO, NULL), "GET_INFO nowhere");
	say(ioctl(user.device, VFIO_DEVICE_GET_INFO,
		  (uint8_t *)&odd + offsetof(__typeof__(odd), info)),
	    "GET_INFO at an odd address");

	heading("regions");
	try_region(user.device, 31, 0);
	for (uint32_t i = 0; i < 2; i++) {
		try_region(user.device, 32, i);
		try_region(user.device, 96, i);
	}
	try_region(user.device, 0, 9);
	try_region(user.device, 32, 9);
	try_region(user.device, 32, INT32_MAX);
	try_region(user.device, 32, UINT32_MAX);
	say(ioctl(user.device, VFIO_DEVICE_GET_REGION_INFO, NULL), "GET_REGION_INFO nowhere");

	heading("interrupts");
	try_irq(user.device, 15, 0);
	try_irq(user.device, 16, 0);
	try_irq(user.device, 100, 4);
	try_irq(user.device, 16, 5);
	try_irq(user.device, 16, UINT32_MAX);
	say(ioctl(user.device, VFIO_DEVICE_GET_IRQ_INFO, NULL), "GET_IRQ_INFO nowhere");
	try_features(user.device);
	try_other_ioctls(user.device);
	user_close(&user);
}

/* ---- access ---- */

/* Values that a compiler would warn of. */
static uint8_t *volatile nowhere;
static volatile size_t too_much = SIZE_MAX;
static volatile int too_many = -1;

static void try_read(int device, uint64_t at, size_t size, const char *what)
{
	uint8_t buf[64] = { 0 };
	ssize_t n = pread(device, buf, size, at);

	if (say(n, "pread %s", what) < 0)
		return;
	printf("%zd:", n);
	for (ssize_t i = 0; i < n && i < 16; i++)
		printf(" %02x", buf[i]);
	printf("\n");
}

static void try_sizes(int device)
{
	char what[48];

	heading("sizes");
	for (size_t size = 0; size <= 9; size++) {
		snprintf(what, sizeof(what), "%zu of config at 0", size);
		try_read(device, CONFIG, size, what);
	}
	for (unsigned int at = 1; at < 4; at++) {
		snprintf(what, sizeof(what), "7 of config at %u", at);
		try_read(device, CONFIG + at, 7, what);
	}
}

static void try_places(int device)
{
	static uint8_t big[16];

	heading("places");
	try_read(device, CONFIG + 0xfe, 1, "the last byte of config but one");
	say(pread(device, big, 4, REGION(VFIO_PCI_ROM_REGION_INDEX)), "pread ROM");
	say(pread(device, big, 4, REGION(VFIO_PCI_VGA_REGION_INDEX)), "pread VGA");
	say(pread(device, big, 4, REGION(9)), "pread region 9");
	say(pread(device, big, 4, REGION(0x7fffff)), "pread region 7fffff");
	say(pread(device, big, 4, INT64_MAX - 2), "pread at the end of all offsets");
	say(pread(device, big, 4, -1), "pread at -1");
	say(pwrite(device, big, 4, REGION(9)), "pwrite region 9");
	say(pread(device, big, 0, REGION(9)), "pread nothing of region 9");
	say(pread(device, nowhere, 4, CONFIG), "pread to nowhere");
	say(pwrite(device, nowhere, 4, CONFIG + 0x3c), "pwrite from nowhere");
	say(pread(device, big, too_much, CONFIG), "pread of too much");
	say(pread(device, nowhere, 0, CONFIG), "pread nothing to nowhere");
}

static void try_position(int device)
{
	uint8_t line = 0x42, buf[8] = { 0 };
	struct iovec iov[2] = { { buf, 2 }, { buf + 2, 4 } };

	heading("the file's own position");
	say(lseek(device, CONFIG, SEEK_SET), "lseek to config");
	/* The scratch register of the first port is the eighth byte of all. */
	for (unsigned int i = 0; i < 7; i++) {
		if (read(device, buf, 1) != 1)
			die("read");
	}
	printf("write %zd\n", write(device, &line, 1));
	try_read(device, 7, 1, "where it was written");
	heading("vectors");
	printf("preadv %zd", preadv(device, iov, 2, CONFIG));
	for (unsigned int i = 0; i < 6; i++)
		printf(" %02x", buf[i]);
	printf("\n");
	iov[1].iov_base = NULL;
	printf("preadv with a part nowhere %zd\n", preadv(device, iov, 2, CONFIG));
	buf[0] = 0x17;
	iov[0].iov_len = 1;
	iov[1] = (struct iovec) { buf, 0 };
	printf("pwritev %zd\n", pwritev(device, iov, 2, CONFIG + 0x3c));
	try_read(device, CONFIG + 0x3c, 1, "interrupt line");
	printf("preadv2 %zd\n", preadv2(device, iov, 2, CONFIG, 0));
	say(preadv2(device, iov, 2, CONFIG, 0x4000), "preadv2 with an unknown flag");
	say(preadv(device, iov, too_many, CONFIG), "preadv of -1 parts");
}

void section_access(void)
{
	struct user user = user_open(&targets[0]);

	try_sizes(user.device);
	try_places(user.device);
	try_position(user.device);
	user_close(&user);
}

/* ---- mmap ---- */

static void try_mmap(int fd, size_t size, int prot, int flags, uint64_t at, const char *what)
{
	void *mem = mmap(NULL, size, prot, flags, fd, at);

	say(mem == MAP_FAILED ? -1 : 0, "mmap %s", what);
	if (mem != MAP_FAILED)
		munmap(mem, size);
}

void section_mmap(void)
{
	const int rw = PROT_READ | PROT_WRITE;
	struct user user = user_open(&targets[0]);

	try_mmap(user.device, 4096, rw, MAP_SHARED, REGION(0), "BAR 0");
	try_mmap(user.device, 4096, rw, MAP_PRIVATE, REGION(0), "BAR 0, private");
	try_mmap(user.device, 4096, PROT_NONE, MAP_SHARED, REGION(1), "BAR 1, PROT_NONE");
	try_mmap(user.device, 0, rw, MAP_SHARED, REGION(0), "nothing");
	try_mmap(user.device, 4096, rw, MAP_SHARED, REGION(0) + 1, "at an odd offset");
	try_mmap(user.device, 4096, rw, 0, REGION(0), "neither shared nor private");
	try_mmap(user.device, 4096, rw, MAP_SHARED, REGION(9), "region 9");
	try_mmap(user.device, 4096, rw, MAP_SHARED, -4096, "at the end of all offsets");
	try_mmap(user.device, SIZE_MAX, rw, MAP_SHARED, REGION(0), "too much");
	try_mmap(user.device, SIZE_MAX - 4095, rw, MAP_SHARED, REGION(0), "very much");
	try_mmap(user.group, 4096, rw, MAP_SHARED, 0, "group");
	try_mmap(user.group, 0, rw, MAP_SHARED, 0, "nothing of the group");
	try_mmap(user.container, 4096, rw, MAP_PRIVATE, 0, "container");
	user_close(&user);
}
