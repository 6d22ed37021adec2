/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Containers and groups: the order of steps, what is refused, and who keeps what open.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vfio_api.h"

static void status_of(int group, const char *when)
{
	struct vfio_group_status status = { .argsz = sizeof(status), .flags = UINT32_MAX };

	say(ioctl(group, VFIO_GROUP_GET_STATUS, &status), "GROUP_GET_STATUS %s", when);
	printf("status argsz %u flags %#x\n", status.argsz, status.flags);
}

static long set_container(int group, int container)
{
	return ioctl(group, VFIO_GROUP_SET_CONTAINER, &container);
}

static long get_device(const struct user *user, const char *name)
{
	return ioctl(user->group, VFIO_GROUP_GET_DEVICE_FD, name);
}

static int open_container(void)
{
	int fd = open("/dev/vfio/vfio", O_RDWR);

	if (fd < 0)
		die("/dev/vfio/vfio");
	return fd;
}

static int open_group(const struct target *target)
{
	int fd = open(target->group, O_RDWR);

	if (fd < 0)
		die(target->group);
	return fd;
}

static void print_extensions(int container)
{
	printf("extensions");
	for (int i = 0; i <= 12; i++)
		printf(" %d:%d", i, ioctl(container, VFIO_CHECK_EXTENSION, i));
	printf(" -1:%d\n", ioctl(container, VFIO_CHECK_EXTENSION, -1L));
}

static void try_iommu_ioctls(int container)
{
	struct vfio_iommu_type1_info info = { .argsz = sizeof(info) };
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map) };
	struct vfio_iommu_type1_dma_unmap unmap = { .argsz = sizeof(unmap) };

	say(ioctl(container, VFIO_IOMMU_GET_INFO, &info), "IOMMU_GET_INFO");
	say(ioctl(container, VFIO_IOMMU_GET_INFO, NULL), "IOMMU_GET_INFO nowhere");
	say(ioctl(container, VFIO_IOMMU_MAP_DMA, &map), "MAP_DMA of nothing");
	say(ioctl(container, VFIO_IOMMU_UNMAP_DMA, &unmap), "UNMAP_DMA of nothing");
	say(ioctl(container, _IO(VFIO_TYPE, VFIO_BASE + 99)), "bogus ioctl");
	say(ioctl(container, VFIO_DEVICE_GET_INFO, &info), "a device's ioctl");
	say(ioctl(container, VFIO_GROUP_UNSET_CONTAINER), "a group's ioctl");
}

void section_containers(void)
{
	int container = open_container(), group;

	heading("a container without group");
	say(ioctl(container, VFIO_GET_API_VERSION, 1234), "GET_API_VERSION");
	print_extensions(container);
	try_iommu_ioctls(container);
	say(ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU), "SET_IOMMU type1");
	say(ioctl(container, VFIO_SET_IOMMU, 4711), "SET_IOMMU bogus");

	heading("a container with a group");
	group = open_group(&targets[0]);
	say(set_container(group, container), "SET_CONTAINER");
	print_extensions(container);
	try_iommu_ioctls(container);
	say(ioctl(container, VFIO_SET_IOMMU, 4711), "SET_IOMMU bogus");
	say(ioctl(container, VFIO_SET_IOMMU, VFIO_NOIOMMU_IOMMU), "SET_IOMMU noiommu");
	say(ioctl(container, VFIO_SET_IOMMU, 0), "SET_IOMMU 0");

	heading("a container with an IOMMU");
	say(ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1_NESTING_IOMMU), "SET_IOMMU nesting");
	say(ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU), "SET_IOMMU again");
	print_extensions(container);
	try_iommu_ioctls(container);

	heading("without its group again");
	say(ioctl(group, VFIO_GROUP_UNSET_CONTAINER), "UNSET_CONTAINER");
	print_extensions(container);
	try_iommu_ioctls(container);
	say(ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU), "SET_IOMMU type1");
	close(group);
	close(container);
	container = open("/dev/vfio/vfio", O_RDONLY);
	say(container, "open for reading");
	say(ioctl(container, VFIO_GET_API_VERSION), "GET_API_VERSION");
	close(container);
}

static void try_status(int group)
{
	struct vfio_group_status status = { .argsz = 7 };

	say(ioctl(group, VFIO_GROUP_GET_STATUS, &status), "GROUP_GET_STATUS argsz 7");
	status.argsz = 1000;
	say(ioctl(group, VFIO_GROUP_GET_STATUS, &status), "GROUP_GET_STATUS argsz 1000");
	printf("status argsz %u flags %#x\n", status.argsz, status.flags);
	say(ioctl(group, VFIO_GROUP_GET_STATUS, NULL), "GROUP_GET_STATUS nowhere");
}

static void try_foreign_fds(int group)
{
	int event = eventfd(0, 0), other;

	say(ioctl(group, VFIO_GROUP_SET_CONTAINER, NULL), "SET_CONTAINER nowhere");
	say(set_container(group, -1), "SET_CONTAINER -1");
	say(set_container(group, 4711), "SET_CONTAINER closed");
	say(set_container(group, event), "SET_CONTAINER eventfd");
	say(set_container(group, group), "SET_CONTAINER the group itself");
	other = open("/dev/vfio/vfio", O_PATH);
	say(set_container(group, other), "SET_CONTAINER O_PATH");
	close(other);
	close(event);
}

/* Names that end, or do not, at the end of memory or after as much as the kernel reads. */
static void try_names(const struct user *user)
{
	size_t page = sysconf(_SC_PAGESIZE);
	char *mem =
		mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char name[64];

	if (mem == MAP_FAILED || munmap(mem + 3 * page, page))
		die("memory");
	say(get_device(user, NULL), "GET_DEVICE_FD nowhere");
	say(get_device(user, ""), "GET_DEVICE_FD empty name");
	snprintf(name, sizeof(name), "%.35s", targets[0].name);
	say(get_device(user, name), "GET_DEVICE_FD part of the name");
	snprintf(name, sizeof(name), "%s0", targets[0].name);
	say(get_device(user, name), "GET_DEVICE_FD name and more");
	if (nr_targets > 1)
		say(get_device(user, targets[1].name), "GET_DEVICE_FD of another group");
	memset(mem, 'x', 3 * page);
	mem[4095] = '\0';
	say(get_device(user, mem), "GET_DEVICE_FD name of 4095");
	mem[4095] = 'x';
	mem[4096] = '\0';
	say(get_device(user, mem), "GET_DEVICE_FD name of 4096");
	mem[4096] = 'x';
	say(get_device(user, mem), "GET_DEVICE_FD name without end");
	say(get_device(user, mem + 3 * page - 10), "GET_DEVICE_FD name beyond memory");
	munmap(mem, 3 * page);
}

static void try_foreign_ioctls(int group)
{
	say(ioctl(group, _IO(VFIO_TYPE, VFIO_BASE + 99)), "bogus ioctl");
	say(ioctl(group, VFIO_GET_API_VERSION), "a container's ioctl");
	say(ioctl(group, VFIO_DEVICE_RESET), "a device's ioctl");
}

void section_groups(void)
{
	struct user user = { -1, -1, -1 };
	int other;

	heading("open");
	say(open("/dev/vfio/4711", O_RDWR), "open a group that is not there");
	user.group = open(targets[0].group, O_RDONLY);
	say(user.group, "open for reading");
	say(open(targets[0].group, O_RDWR), "open twice");
	close(user.group);
	user.group = open_group(&targets[0]);
	user.container = open_container();

	heading("without container");
	try_status(user.group);
	say(ioctl(user.group, VFIO_GROUP_UNSET_CONTAINER), "UNSET_CONTAINER");
	try_foreign_fds(user.group);
	try_foreign_ioctls(user.group);
	try_names(&user);
	say(get_device(&user, targets[0].name), "GET_DEVICE_FD");

	heading("with a container");
	say(set_container(user.group, user.container), "SET_CONTAINER");
	status_of(user.group, "with a container");
	try_foreign_fds(user.group);
	other = open_container();
	say(set_container(user.group, other), "SET_CONTAINER another");
	try_names(&user);
	say(get_device(&user, targets[0].name), "GET_DEVICE_FD");

	heading("with an IOMMU");
	say(ioctl(user.container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU), "SET_IOMMU");
	status_of(user.group, "with an IOMMU");
	try_names(&user);
	try_foreign_ioctls(user.group);

	heading("with an open device");
	user.device = get_device(&user, targets[0].name);
	say(user.device, "GET_DEVICE_FD");
	status_of(user.group, "with an open device");
	say(ioctl(user.group, VFIO_GROUP_UNSET_CONTAINER), "UNSET_CONTAINER");
	close(user.device);
	user.device = -1;

	heading("and back");
	say(ioctl(user.group, VFIO_GROUP_UNSET_CONTAINER), "UNSET_CONTAINER");
	status_of(user.group, "without container again");
	say(ioctl(user.group, VFIO_GROUP_UNSET_CONTAINER), "UNSET_CONTAINER again");
	say(set_container(user.group, other), "SET_CONTAINER another");
	say(get_device(&user, targets[0].name), "GET_DEVICE_FD");
	close(other);
	user_close(&user);
}

static void map_some(int container, uint64_t iova, const char *what)
{
	static _Alignas(4096) char mem[4096];
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ,
		.vaddr = (uintptr_t)mem,
		.iova = iova,
		.size = sizeof(mem),
	};

	say(ioctl(container, VFIO_IOMMU_MAP_DMA, &map), "MAP_DMA %s", what);
}

static void one_container_for_two(void)
{
	struct user a = user_attach(&targets[0], VFIO_TYPE1v2_IOMMU);
	struct user b = { a.container, open_group(&targets[1]), -1 };

	heading("two groups in one container");
	map_some(a.container, 0, "before the second group");
	status_of(b.group, "of the second");
	say(set_container(b.group, a.container), "SET_CONTAINER of the second");
	say(ioctl(a.container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), "SET_IOMMU again");
	b.device = get_device(&b, targets[1].name);
	say(b.device, "GET_DEVICE_FD of the second");
	say(get_device(&b, targets[0].name), "GET_DEVICE_FD of the first through the second");
	say(get_device(&a, targets[1].name), "GET_DEVICE_FD of the second through the first");
	a.device = get_device(&a, targets[0].name);
	say(a.device, "GET_DEVICE_FD of the first");
	map_some(a.container, 0x1000, "with both");
	close(a.device);
	say(ioctl(a.group, VFIO_GROUP_UNSET_CONTAINER), "UNSET_CONTAINER of the first");
	map_some(a.container, 0x2000, "with one");
	map_some(a.container, 0, "again");
	say(set_container(a.group, a.container), "SET_CONTAINER of the first");
	map_some(a.container, 0x1000, "again");
	a.device = get_device(&a, targets[0].name);
	say(a.device, "GET_DEVICE_FD of the first");
	user_close(&a);
	status_of(b.group, "after all but the second is closed");
	b.container = -1;
	user_close(&b);
}

static void all_mappings_go(void)
{
	struct user user = user_attach(&targets[0], VFIO_TYPE1v2_IOMMU);

	heading("mappings go with the last group");
	map_some(user.container, 0, "");
	say(ioctl(user.group, VFIO_GROUP_UNSET_CONTAINER), "UNSET_CONTAINER");
	map_some(user.container, 0, "without group");
	say(set_container(user.group, user.container), "SET_CONTAINER");
	map_some(user.container, 0, "without IOMMU");
	say(ioctl(user.container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU), "SET_IOMMU, another model");
	map_some(user.container, 0, "again");
	user_close(&user);
}

static void two_containers(void)
{
	struct user a = user_open(&targets[0]), b = user_open(&targets[1]);

	heading("a container each");
	map_some(a.container, 0, "in the first");
	map_some(b.container, 0, "in the second");
	say(set_container(b.group, a.container), "SET_CONTAINER of the second to the first's");
	close(b.device);
	say(ioctl(b.group, VFIO_GROUP_UNSET_CONTAINER), "UNSET_CONTAINER of the second");
	say(set_container(b.group, a.container), "SET_CONTAINER of the second to the first's");
	b.device = get_device(&b, targets[1].name);
	say(b.device, "GET_DEVICE_FD of the second");
	map_some(b.container, 0, "in a container that has lost its group");
	user_close(&a);
	user_close(&b);
}

void section_several(void)
{
	one_container_for_two();
	all_mappings_go();
	two_containers();
	reopen_group(&targets[0], "at the end");
	reopen_group(&targets[1], "at the end");
}
