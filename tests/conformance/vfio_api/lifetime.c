/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Descriptors: who keeps what open, across dup(), fork() and every order of closing; and what can
 * be asked of them beside VFIO's own calls.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vfio_api.h"

/* A register that keeps what is written: the scratch register of the first port. */
#define SCRATCH (REGION(0) + 7)

static long get_info(int device)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };

	return ioctl(device, VFIO_DEVICE_GET_INFO, &info);
}

static void scratch(int device, uint8_t value, const char *what)
{
	uint8_t back = 0;

	if (pwrite(device, &value, 1, SCRATCH) != 1 || pread(device, &back, 1, SCRATCH) != 1)
		printf("%s: scratch %s\n", what, strerrorname_np(errno));
	else
		printf("%s: scratch %s\n", what, back == value ? "keeps" : "loses");
}

static void try_device(int device, const char *what)
{
	say(get_info(device), "%s: GET_INFO", what);
	scratch(device, 0x5a, what);
}

static void unmap_nothing(int container, const char *what)
{
	struct vfio_iommu_type1_dma_unmap unmap = { .argsz = sizeof(unmap), .size = 4096 };

	say(ioctl(container, VFIO_IOMMU_UNMAP_DMA, &unmap), "%s: UNMAP_DMA", what);
}

static void group_first(void)
{
	struct user user = user_open(&targets[0]);

	heading("the group is closed first");
	close(user.group);
	user.group = -1;
	try_device(user.device, "device");
	unmap_nothing(user.container, "container");
	reopen_group(&targets[0], "while the device is open");
	close(user.device);
	user.device = -1;
	reopen_group(&targets[0], "after the device");
	unmap_nothing(user.container, "container");
	user_close(&user);
}

static void container_first(void)
{
	struct user user = user_open(&targets[0]);
	int second;

	heading("the container is closed first");
	close(user.container);
	user.container = -1;
	try_device(user.device, "device");
	second = ioctl(user.group, VFIO_GROUP_GET_DEVICE_FD, targets[0].name);
	say(second, "GET_DEVICE_FD");
	close(user.device);
	user.device = second;
	close(user.group);
	user.group = -1;
	try_device(user.device, "second device");
	user_close(&user);
	reopen_group(&targets[0], "at the end");
}

static void device_twice(void)
{
	struct user user = user_open(&targets[0]);
	int second = ioctl(user.group, VFIO_GROUP_GET_DEVICE_FD, targets[0].name);
	uint8_t byte = 0;

	heading("the device is opened twice");
	say(second, "GET_DEVICE_FD again");
	scratch(user.device, 0x11, "first");
	printf("second reads %s\n",
	       pread(second, &byte, 1, SCRATCH) == 1 && byte == 0x11 ? "the same" : "otherwise");
	close(user.device);
	user.device = -1;
	try_device(second, "second");
	say(ioctl(user.group, VFIO_GROUP_UNSET_CONTAINER), "UNSET_CONTAINER");
	close(second);
	say(ioctl(user.group, VFIO_GROUP_UNSET_CONTAINER), "UNSET_CONTAINER");
	user_close(&user);
}

static void duplicates(void)
{
	struct user user = user_open(&targets[0]);
	int device = dup(user.device), group = fcntl(user.group, F_DUPFD_CLOEXEC, 100);
	int container = dup2(user.container, 200);

	heading("duplicates");
	say(device, "dup of the device");
	say(group, "F_DUPFD_CLOEXEC of the group");
	say(container, "dup2 of the container");
	user_close(&user);
	try_device(device, "device");
	unmap_nothing(container, "container");
	say(ioctl(group, VFIO_GROUP_UNSET_CONTAINER), "UNSET_CONTAINER");
	close(device);
	say(get_info(device), "GET_INFO of a closed one");
	reopen_group(&targets[0], "group");
	say(ioctl(group, VFIO_GROUP_UNSET_CONTAINER), "UNSET_CONTAINER");
	user.device = dup3(group, 300, O_CLOEXEC);
	say(user.device, "dup3 of the group");
	close(group);
	reopen_group(&targets[0], "group");
	say(dup2(container, 300), "dup2 of the container over the group");
	reopen_group(&targets[0], "group");
	say(ioctl(300, VFIO_GET_API_VERSION), "GET_API_VERSION");
	close(300);
	close(container);
	say(close(container), "close twice");
}

void section_lifetimes(void)
{
	group_first();
	container_first();
	device_twice();
	duplicates();
}

/* Run @child in another process; what it prints comes before what is printed here next. */
static void in_child(void (*child)(struct user *user), struct user *user)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		child(user);
		fflush(stdout);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		printf("the child has died: %#x\n", status);
}

static void child_uses(struct user *user)
{
	try_device(user->device, "child");
	unmap_nothing(user->container, "child");
	say(ioctl(user->group, VFIO_GROUP_UNSET_CONTAINER), "child: UNSET_CONTAINER");
	reopen_group(&targets[0], "child");
}

static void child_closes(struct user *user)
{
	user_close(user);
	reopen_group(&targets[0], "child, after closing all");
}

static void child_opens(struct user *user)
{
	user->device = ioctl(user->group, VFIO_GROUP_GET_DEVICE_FD, targets[0].name);
	say(user->device, "child: GET_DEVICE_FD");
	try_device(user->device, "child");
}

static void child_attaches(struct user *user)
{
	say(ioctl(user->group, VFIO_GROUP_SET_CONTAINER, &user->container), "child: SET_CONTAINER");
	say(ioctl(user->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), "child: SET_IOMMU");
}

/* The parent closes all and the child goes on: who says what when is settled by a pipe. */
static void outlive(void)
{
	struct user user = user_open(&targets[0]);
	int closed[2];
	char byte;
	pid_t pid;

	heading("a child outlives its parent's descriptors");
	if (pipe(closed))
		die("pipe");
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		close(closed[1]);
		if (read(closed[0], &byte, 1) != 1)
			_exit(1);
		try_device(user.device, "child");
		unmap_nothing(user.container, "child");
		_exit(0);
	}
	user_close(&user);
	reopen_group(&targets[0], "parent");
	if (write(closed[1], "", 1) != 1)
		die("pipe");
	waitpid(pid, NULL, 0);
	reopen_group(&targets[0], "parent, without the child");
}

void section_forks(void)
{
	struct user user = user_open(&targets[0]);

	heading("a child uses what its parent has opened");
	in_child(child_uses, &user);
	try_device(user.device, "parent");

	heading("a child closes its copies");
	in_child(child_closes, &user);
	try_device(user.device, "parent");
	unmap_nothing(user.container, "parent");
	reopen_group(&targets[0], "parent");

	heading("a child opens the device");
	close(user.device);
	user.device = -1;
	in_child(child_opens, &user);
	say(ioctl(user.group, VFIO_GROUP_UNSET_CONTAINER), "parent: UNSET_CONTAINER");

	heading("a child attaches the group");
	in_child(child_attaches, &user);
	say(ioctl(user.container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), "parent: SET_IOMMU");
	child_opens(&user);
	user_close(&user);
	outlive();
}

static void describe(int fd, const char *what)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN | POLLOUT };
	struct stat st;
	char byte = 0;
	void *mem;

	heading(what);
	printf("F_GETFL %#o\n", fcntl(fd, F_GETFL));
	printf("F_GETFD %#o\n", fcntl(fd, F_GETFD));
	say(fcntl(fd, F_SETFL, O_NONBLOCK), "F_SETFL O_NONBLOCK");
	printf("F_GETFL %#o\n", fcntl(fd, F_GETFL));
	if (!say(fstat(fd, &st), "fstat"))
		printf("type %#o size %lld\n", st.st_mode & S_IFMT, (long long)st.st_size);
	say(lseek(fd, 0, SEEK_CUR), "lseek");
	say(poll(&pfd, 1, 0), "poll");
	printf("revents %#x\n", pfd.revents);
	say(ftruncate(fd, 0), "ftruncate");
	say(fsync(fd), "fsync");
	say(read(fd, &byte, 0), "read of nothing");
	mem = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	say(mem == MAP_FAILED ? -1 : 0, "mmap");
}

static void try_io(int fd, const char *what)
{
	char byte = 0;

	say(read(fd, &byte, 1), "%s: read", what);
	say(write(fd, &byte, 1), "%s: write", what);
	say(pread(fd, &byte, 1, 0), "%s: pread", what);
	say(pwrite(fd, &byte, 1, 0), "%s: pwrite", what);
}

void section_descriptors(void)
{
	struct user user = user_open(&targets[0]);
	int fd;

	describe(user.container, "container");
	try_io(user.container, "container");
	describe(user.group, "group");
	try_io(user.group, "group");
	describe(user.device, "device");
	user_close(&user);

	heading("opened otherwise");
	fd = open(targets[0].group, O_RDONLY | O_CLOEXEC);
	printf("F_GETFL %#o F_GETFD %#o\n", fcntl(fd, F_GETFL), fcntl(fd, F_GETFD));
	try_io(fd, "group, for reading");
	close(fd);
	fd = open("/dev/vfio/vfio", O_WRONLY | O_NONBLOCK | O_APPEND);
	printf("F_GETFL %#o F_GETFD %#o\n", fcntl(fd, F_GETFL), fcntl(fd, F_GETFD));
	try_io(fd, "container, for writing");
	close(fd);
	say(open("/dev/vfio/vfio", O_RDWR | O_CREAT | O_EXCL, 0600), "O_CREAT|O_EXCL");
	say(open("/dev/vfio/vfio", O_RDWR | O_DIRECTORY), "O_DIRECTORY");
	fd = open("/dev/vfio/vfio", O_RDWR | O_TRUNC);
	say(fd, "O_TRUNC");
	close(fd);
	fd = openat(open("/dev/vfio", O_DIRECTORY), "vfio", O_RDWR);
	say(ioctl(fd, VFIO_GET_API_VERSION), "openat: GET_API_VERSION");
}
