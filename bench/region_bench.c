/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the VFIO library costs an access to a device: reading a register by pread64() on the
 * device's descriptor against saying the same over the device's vfio-user socket.
 *
 * An umdevd of this program's own has two devices of one kind. A player, run by `umdev exec`, reads
 * the one through the library and the other over its socket, in turns; so both ways have the same
 * server and the same caller. The daemon is on one processor and the player on another. Memory is
 * mapped and unmapped after that, as a guest's firmware does it.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/vfio.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <umdev/util.h>
#include <unistd.h>

#include "stats.h"
#include "vfio_user/protocol.h"

#define ROUNDS	  101
#define PER_ROUND 1000
#define REMAPS	  300
#define MAP_SIZE  0x100000

#define THROUGH "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"
#define BARE	"83b8f4f2-509f-382f-3c1e-e6bfe0fa1002"
#define DEVICES "/sys/bus/mdev/devices/"

static void die(const char *what)
{
	bench_check(what, errno ? -errno : -EPROTO);
	exit(1);
}

/* On the first or the last processor that this process may use, and so are its children. */
static void run_on(bool last)
{
	cpu_set_t all, one;
	int chosen = -1;

	sched_getaffinity(0, sizeof(all), &all);
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &all) && (chosen < 0 || last))
			chosen = i;
	CPU_ZERO(&one);
	CPU_SET(chosen, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

/* ---- over the socket ---- */

struct message {
	struct vfio_user_header hdr;
	struct vfio_user_region_access access;
	uint32_t data;
};

#define SHORT_SIZE offsetof(struct message, data)
#define LONG_SIZE  (SHORT_SIZE + 4)

static void send_all(int fd, const void *buf, size_t size)
{
	if (send(fd, buf, size, MSG_NOSIGNAL) != (ssize_t)size)
		die("send");
}

static void recv_all(int fd, void *buf, size_t size, int flags)
{
	if (recv(fd, buf, size, flags) != (ssize_t)size)
		die("recv");
}

/* What the only file of the device's with this name says. */
static void read_attribute(const char *pattern, char *buf, size_t size)
{
	glob_t found;
	FILE *file;

	if (glob(pattern, 0, NULL, &found) || found.gl_pathc != 1)
		die(pattern);
	file = fopen(found.gl_pathv[0], "re");
	if (!file || !fgets(buf, (int)size, file))
		die(found.gl_pathv[0]);
	buf[strcspn(buf, "\n")] = '\0';
	fclose(file);
	globfree(&found);
}

static int open_socket(void)
{
	static const char hello[] = "{\"capabilities\":{\"max_msg_fds\":16}}";
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct vfio_user_header hdr = { .command = VFIO_USER_VERSION };
	char buf[512] = { 0 };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	read_attribute(DEVICES BARE "/vfio-dev/*/socket", addr.sun_path, sizeof(addr.sun_path));
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		die("connect");
	hdr.size = sizeof(hdr) + sizeof(struct vfio_user_version) + sizeof(hello);
	memcpy(buf, &hdr, sizeof(hdr));
	memcpy(buf + sizeof(hdr) + sizeof(struct vfio_user_version), hello, sizeof(hello));
	send_all(fd, buf, hdr.size);
	recv_all(fd, &hdr, sizeof(hdr), MSG_WAITALL);
	if (hdr.flags != VFIO_USER_F_REPLY || hdr.size > sizeof(buf))
		die("VERSION");
	recv_all(fd, buf, hdr.size - sizeof(hdr), MSG_WAITALL);
	return fd;
}

static uint32_t read_bare(int fd)
{
	struct message m = {
		.hdr = { .command = VFIO_USER_REGION_READ, .size = SHORT_SIZE },
		.access = { .region = VFIO_PCI_CONFIG_REGION_INDEX, .count = 4 },
	};

	send_all(fd, &m, SHORT_SIZE);
	recv_all(fd, &m, LONG_SIZE, 0);
	if (m.hdr.flags != VFIO_USER_F_REPLY)
		die("REGION_READ");
	return m.data;
}

/* ---- through the library ---- */

struct opened {
	int container, device;
	off64_t config;
};

static void open_device(struct opened *opened)
{
	struct vfio_region_info info = { .argsz = sizeof(info),
					 .index = VFIO_PCI_CONFIG_REGION_INDEX };
	char link[4096], path[4200];
	ssize_t len = readlink(DEVICES THROUGH "/iommu_group", link, sizeof(link) - 1);
	int group;

	if (len < 0)
		die("iommu_group");
	link[len] = '\0';
	snprintf(path, sizeof(path), "/dev/vfio%s", strrchr(link, '/'));
	opened->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (opened->container < 0)
		die("/dev/vfio/vfio");
	group = open(path, O_RDWR | O_CLOEXEC);
	if (group < 0)
		die(path);
	if (ioctl(group, VFIO_GROUP_SET_CONTAINER, &opened->container) ||
	    ioctl(opened->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		die("container");
	opened->device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, THROUGH);
	if (opened->device < 0 || ioctl(opened->device, VFIO_DEVICE_GET_REGION_INFO, &info))
		die("device");
	opened->config = (off64_t)info.offset;
}

static uint32_t read_through(const struct opened *opened)
{
	uint32_t value;

	if (pread64(opened->device, &value, sizeof(value), opened->config) != sizeof(value))
		die("pread64");
	return value;
}

/* ---- the player ---- */

static double through_round(const struct opened *opened)
{
	double began = now(CLOCK_MONOTONIC);

	for (int i = 0; i < PER_ROUND; i++)
		read_through(opened);
	return now(CLOCK_MONOTONIC) - began;
}

static double bare_round(int fd)
{
	double began = now(CLOCK_MONOTONIC);

	for (int i = 0; i < PER_ROUND; i++)
		read_bare(fd);
	return now(CLOCK_MONOTONIC) - began;
}

static void measure_read(const struct opened *opened, int fd)
{
	double ratios[ROUNDS];

	if (read_through(opened) != read_bare(fd))
		die("the two ways do not read the same");
	through_round(opened);
	bare_round(fd);
	for (int i = 0; i < ROUNDS; i++) {
		double through, bare;

		if (i & 1) {
			through = through_round(opened);
			bare = bare_round(fd);
		} else {
			bare = bare_round(fd);
			through = through_round(opened);
		}
		ratios[i] = through / bare;
	}
	printf("4-byte region read through the VFIO library against the socket\t%.2f\t<= 1.15\n",
	       median(ratios, ROUNDS));
}

/* @fd: of what is mapped; -1: anonymous memory. Return: microseconds for a map and unmap. */
static double measure_remaps(int container, int fd)
{
	int sharing = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
	void *memory = mmap(NULL, MAP_SIZE, PROT_READ | PROT_WRITE, sharing, fd, 0);
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)memory,
		.iova = MAP_SIZE,
		.size = MAP_SIZE,
	};
	struct vfio_iommu_type1_dma_unmap unmap = { .argsz = sizeof(unmap),
						    .iova = MAP_SIZE,
						    .size = MAP_SIZE };
	double began = now(CLOCK_MONOTONIC);

	if (memory == MAP_FAILED)
		die("mmap");
	for (int i = 0; i < REMAPS; i++)
		if (ioctl(container, VFIO_IOMMU_MAP_DMA, &map) ||
		    ioctl(container, VFIO_IOMMU_UNMAP_DMA, &unmap))
			die("remap");
	began = (now(CLOCK_MONOTONIC) - began) / REMAPS * 1e6;
	munmap(memory, MAP_SIZE);
	return began;
}

static int play(void)
{
	struct opened opened;
	int fd, memory;

	run_on(false);
	open_device(&opened);
	fd = open_socket();
	measure_read(&opened, fd);
	memory = memfd_create("bench", MFD_CLOEXEC);
	if (memory < 0 || ftruncate(memory, MAP_SIZE))
		die("memfd");
	printf("DMA map and unmap of a memfd through the VFIO library, us\t%.0f\t-\n",
	       measure_remaps(opened.container, memory));
	printf("DMA map and unmap of anonymous memory through the VFIO library, us\t%.0f\t-\n",
	       measure_remaps(opened.container, -1));
	return 0;
}

/* ---- the daemon ---- */

/* @out: its standard output. */
static pid_t start(const char *const *argv, int out)
{
	pid_t pid = fork();

	bench_check("fork", pid < 0 ? -errno : 0);
	if (pid)
		return pid;
	dup2(out, STDOUT_FILENO);
	execv(argv[0], (char *const *)argv);
	fprintf(stderr, "region_bench: %s: %s\n", argv[0], strerror(errno));
	_exit(1);
}

static bool run(const char *const *argv, int out)
{
	pid_t pid = start(argv, out);
	int status;

	return waitpid(pid, &status, 0) == pid && status == 0;
}

/* Where the daemon says when it is ready, as systemd has it said. */
static int open_notify(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		die("notify socket");
	setenv("NOTIFY_SOCKET", path, 1);
	return fd;
}

static void wait_until_ready(int notify)
{
	const struct timeval patience = { .tv_sec = 30 };
	char text[256];
	ssize_t len;

	setsockopt(notify, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	do {
		len = recv(notify, text, sizeof(text) - 1, 0);
		if (len < 0)
			die("umdevd does not become ready");
		text[len] = '\0';
	} while (!strstr(text, "READY=1"));
}

int main(int argc, char **argv)
{
	char dir[] = "/tmp/region_bench.XXXXXX", runtime[sizeof(dir) + 8], path[sizeof(dir) + 8];
	const char *daemon[] = { UMDEVD, "--no-config", "--log-level=warn", "--load=mtty", NULL };
	const char *through[] = { UMDEV, "create", "mtty", "mtty-1", THROUGH, NULL };
	const char *bare[] = { UMDEV, "create", "mtty", "mtty-1", BARE, NULL };
	char self[4096] = { 0 };
	const char *player[] = { UMDEV, "exec", "--", self, "--play", NULL };
	int notify, null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	cpu_set_t allowed;
	bool done;
	pid_t pid;

	if (argc > 1)
		return play();
	if (!mkdtemp(dir) || null < 0 || readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		die("set-up");
	snprintf(runtime, sizeof(runtime), "%s/umdev", dir);
	snprintf(path, sizeof(path), "%s/notify", dir);
	setenv("UMDEV_RUNTIME_DIR", runtime, 1);
	notify = open_notify(path);
	/* The daemon; the player goes elsewhere. */
	sched_getaffinity(0, sizeof(allowed), &allowed);
	run_on(true);
	pid = start(daemon, null);
	sched_setaffinity(0, sizeof(allowed), &allowed);
	wait_until_ready(notify);
	unsetenv("NOTIFY_SOCKET");
	done = run(through, null) && run(bare, null) && run(player, STDOUT_FILENO);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	close(notify);
	close(null);
	unlink(path);
	rmdir(dir);
	return !done;
}
