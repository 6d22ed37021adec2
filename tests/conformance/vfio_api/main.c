/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vfio_api SECTION DEVICE [DEVICE]: try one part of the API on mediated devices of type mtty-2, or
 * on a platform device (platform.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vfio_api.h"

struct target targets[2];
unsigned int nr_targets;

static const struct {
	const char *name;
	void (*run)(void);
} sections[] = {
	{ "info", section_info },
	{ "errors", section_errors },
	{ "containers", section_containers },
	{ "groups", section_groups },
	{ "several", section_several },
	{ "lifetimes", section_lifetimes },
	{ "forks", section_forks },
	{ "descriptors", section_descriptors },
	{ "device-info", section_device_info },
	{ "set-irqs", section_set_irqs },
	{ "access", section_access },
	{ "mmap", section_mmap },
	{ "interrupts", section_interrupts },
	{ "type1", section_type1 },
	{ "type1v2", section_type1v2 },
	{ "random-type1", section_random_type1 },
	{ "random-type1v2", section_random_type1v2 },
	{ "dirty", section_dirty },
	{ "platform-set-irqs", section_platform_set_irqs },
	{ "platform-interrupts", section_platform_interrupts },
	{ "platform-access", section_platform_access },
	{ "platform-mmap", section_platform_mmap },
	{ "platform-reset", section_platform_reset },
};

#define NR_SECTIONS (sizeof(sections) / sizeof(sections[0]))

long say(long ret, const char *what, ...)
{
	const char *name = ret >= 0 ? "ok" : strerrorname_np(errno);
	va_list args;

	va_start(args, what);
	vprintf(what, args);
	va_end(args);
	printf(" = %s\n", name ? name : "?");
	return ret;
}

void heading(const char *what)
{
	printf("## %s\n", what);
}

void die(const char *what)
{
	printf("cannot go on: %s: %s\n", what, strerror(errno));
	exit(1);
}

void target_find(struct target *target, const char *name)
{
	char path[PATH_MAX], link[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/bus/mdev/devices/%s/iommu_group", name);
	n = readlink(path, link, sizeof(link) - 1);
	if (n < 0) {
		snprintf(path, sizeof(path), "/sys/bus/platform/devices/%s/iommu_group", name);
		n = readlink(path, link, sizeof(link) - 1);
	}
	if (n < 0)
		die(path);
	link[n] = '\0';
	target->name = name;
	snprintf(target->group, sizeof(target->group), "/dev/vfio/%d",
		 atoi(strrchr(link, '/') + 1));
}

struct user user_attach(const struct target *target, unsigned long iommu)
{
	struct user user = { -1, -1, -1 };

	user.container = open("/dev/vfio/vfio", O_RDWR);
	if (user.container < 0)
		die("/dev/vfio/vfio");
	user.group = open(target->group, O_RDWR);
	if (user.group < 0)
		die(target->group);
	if (ioctl(user.group, VFIO_GROUP_SET_CONTAINER, &user.container))
		die("VFIO_GROUP_SET_CONTAINER");
	if (ioctl(user.container, VFIO_SET_IOMMU, iommu))
		die("VFIO_SET_IOMMU");
	return user;
}

struct user user_open(const struct target *target)
{
	struct user user = user_attach(target, VFIO_TYPE1v2_IOMMU);

	user.device = ioctl(user.group, VFIO_GROUP_GET_DEVICE_FD, target->name);
	if (user.device < 0)
		die("VFIO_GROUP_GET_DEVICE_FD");
	return user;
}

void user_close(struct user *user)
{
	int *fds[] = { &user->device, &user->group, &user->container };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

void reopen_group(const struct target *target, const char *what)
{
	int fd = open(target->group, O_RDWR);

	say(fd, "%s: open group", what);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 3 || argc > 4)
		return 2;
	while (nr_targets < (unsigned int)argc - 2) {
		target_find(&targets[nr_targets], argv[2 + nr_targets]);
		nr_targets++;
	}
	for (size_t i = 0; i < NR_SECTIONS; i++) {
		if (!strcmp(argv[1], sections[i].name)) {
			printf("# %s\n", argv[1]);
			sections[i].run();
			return 0;
		}
	}
	return 2;
}
