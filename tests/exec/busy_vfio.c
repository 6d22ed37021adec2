/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program of VFIO's API that is in the middle of something when it, or somebody else, ends. Its
 * device is one of tests/modules/engine.c.
 *
 *   busy_vfio all UUID          reads, maps, arms and has memory copied, in many threads, until
 *                               the device answers no more
 *   busy_vfio children UUID     has children that are killed while they use the device
 *   busy_vfio fight UUID MARK   opens the group again and again, against others that do so, when
 *                               it has got a line
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "modules/engine.h"

#define SIZE	ENGINE_BUFFER_SIZE
#define REGS	((uint64_t)ENGINE_REGS << 40)
#define BUFFER	((uint64_t)ENGINE_BUFFER << 40)
#define IOVA	0x1000000ull
#define MAPPED	0x10000000ull
#define READERS 4
#define KILLED	20
#define FIGHTS	200
#define HELD_US 1000

static char path[PATH_MAX];
static int container, group, device;
static uint8_t *memory;
static bool ended;

static void check(bool good, const char *what)
{
	if (good)
		return;
	printf("failed: %s: %s\n", what, strerror(errno));
	_exit(1);
}

/* ---- what can be done with a device; each returns 0 or -errno ---- */

static int map(void *mem, uint64_t iova)
{
	struct vfio_iommu_type1_dma_map arg = {
		.argsz = sizeof(arg),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)mem,
		.iova = iova,
		.size = SIZE,
	};

	return ioctl(container, VFIO_IOMMU_MAP_DMA, &arg) ? -errno : 0;
}

static int unmap(uint64_t iova)
{
	struct vfio_iommu_type1_dma_unmap arg = { .argsz = sizeof(arg),
						  .iova = iova,
						  .size = SIZE };

	return ioctl(container, VFIO_IOMMU_UNMAP_DMA, &arg) ? -errno : 0;
}

static int arm(int event)
{
	struct {
		struct vfio_irq_set set;
		int32_t fd;
	} ask = {
		.set = { .argsz = sizeof(ask),
			 .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
			 .index = ENGINE_IRQ_DONE,
			 .count = 1 },
		.fd = event,
	};

	return ioctl(device, VFIO_DEVICE_SET_IRQS, &ask) ? -errno : 0;
}

static int read_some(void)
{
	uint8_t buf[256];
	ssize_t n = pread(device, buf, sizeof(buf), BUFFER);

	return n < 0 ? -errno : 0;
}

static int set_reg(unsigned int reg, uint64_t value)
{
	return pwrite(device, &value, sizeof(value), REGS + reg) < 0 ? -errno : 0;
}

static int copy(uint64_t command)
{
	uint64_t status = 0;
	int err = set_reg(ENGINE_ADDRESS, IOVA);

	err = err ? err : set_reg(ENGINE_COUNT, SIZE);
	err = err ? err : set_reg(ENGINE_COMMAND, command);
	if (!err && pread(device, &status, sizeof(status), REGS + ENGINE_STATUS) < 0)
		err = -errno;
	return err ? err : -(int)status;
}

/* ---- all at once ---- */

static int do_read(unsigned int round)
{
	return read_some();
}

static int do_copy(unsigned int round)
{
	return copy(round % 2 ? ENGINE_FROM_USER : ENGINE_TO_USER);
}

static int do_map(unsigned int round)
{
	int flags = round % 2 ? MAP_PRIVATE : MAP_SHARED;
	void *mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
	int err = mem == MAP_FAILED ? -errno : map(mem, MAPPED);

	err = err ? err : unmap(MAPPED);
	if (mem != MAP_FAILED)
		munmap(mem, SIZE);
	return err;
}

static int do_arm(unsigned int round)
{
	static int event = -1;

	if (event < 0)
		event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return arm(round % 2 ? event : -1);
}

struct worker {
	int (*work)(unsigned int round);
	const char *name;
	unsigned int rounds;
	int err;
};

static void *run(void *arg)
{
	struct worker *w = arg;

	while (!w->err && !__atomic_load_n(&ended, __ATOMIC_SEQ_CST)) {
		w->err = w->work(w->rounds);
		__atomic_fetch_add(&w->rounds, 1, __ATOMIC_SEQ_CST);
	}
	__atomic_store_n(&ended, true, __ATOMIC_SEQ_CST);
	return NULL;
}

static void use_all(void)
{
	struct worker workers[READERS + 3] = {
		{ .work = do_copy, .name = "copy" },
		{ .work = do_map, .name = "map" },
		{ .work = do_arm, .name = "arm" },
	};
	pthread_t threads[READERS + 3];
	int i;

	for (i = 0; i < READERS + 3; i++) {
		if (i >= 3)
			workers[i] = (struct worker) { .work = do_read, .name = "read" };
		check(!pthread_create(&threads[i], NULL, run, &workers[i]), "thread");
	}
	for (i = 0; i < READERS + 3; i++)
		while (__atomic_load_n(&workers[i].rounds, __ATOMIC_SEQ_CST) < 3)
			usleep(1000);
	printf("busy\n");
	for (i = 0; i < READERS + 3; i++) {
		pthread_join(threads[i], NULL);
		if (workers[i].err)
			printf("%s: %s\n", workers[i].name, strerrorname_np(-workers[i].err));
	}
	printf("ended: %s\n", strerrorname_np(-read_some()));
}

/* ---- children that are killed ---- */

static void kill_a_child(void)
{
	int go[2], i;
	char byte;
	pid_t pid;

	check(!pipe(go), "pipe");
	pid = fork();
	check(pid >= 0, "fork");
	if (!pid) {
		for (i = 0; !read_some(); i++)
			if (i == 3 && write(go[1], "", 1) != 1)
				_exit(1);
		_exit(1);
	}
	close(go[1]);
	check(read(go[0], &byte, 1) == 1, "child");
	close(go[0]);
	kill(pid, SIGKILL);
	/* It may hold what all of them need. */
	check(!read_some(), "read after a child was killed");
	waitpid(pid, NULL, 0);
	memset(memory, 0, SIZE);
	check(!copy(ENGINE_TO_USER), "copy after a child was killed");
	check(memory[0] == 0x5a && memory[SIZE - 1] == 0xa5, "what was copied");
}

static void use_children(void)
{
	check(pwrite(device, "\x5a", 1, BUFFER) == 1, "buffer");
	check(pwrite(device, "\xa5", 1, BUFFER + SIZE - 1) == 1, "buffer");
	for (int i = 0; i < KILLED; i++)
		kill_a_child();
	printf("goes on\n");
}

/* ---- one group, many that want it ---- */

static void fight(const char *mark)
{
	int had = 0, refused = 0, fd, own;

	printf("ready\n");
	check(getchar() == '\n', "no line");
	/* Against somebody who is not there nothing would be proved. */
	while (had < FIGHTS || !refused) {
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0) {
			check(errno == EBUSY, path);
			refused++;
			continue;
		}
		own = open(mark, O_WRONLY | O_CREAT | O_EXCL, 0600);
		check(own >= 0, "somebody else has the group, too");
		close(own);
		usleep(HELD_US);
		check(!unlink(mark), mark);
		close(fd);
		had++;
	}
	printf("had it\n");
}

static void open_all(const char *uuid)
{
	container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	check(container >= 0, "container");
	group = open(path, O_RDWR | O_CLOEXEC);
	check(group >= 0, path);
	check(!ioctl(group, VFIO_GROUP_SET_CONTAINER, &container), "SET_CONTAINER");
	check(!ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), "SET_IOMMU");
	device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, uuid);
	check(device >= 0, "GET_DEVICE_FD");
	memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(memory != MAP_FAILED && !map(memory, IOVA), "MAP_DMA");
}

int main(int argc, char **argv)
{
	char link[PATH_MAX];
	ssize_t n;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 3)
		return 2;
	snprintf(path, sizeof(path), "/sys/bus/mdev/devices/%s/iommu_group", argv[2]);
	n = readlink(path, link, sizeof(link) - 1);
	check(n > 0, path);
	link[n] = '\0';
	snprintf(path, sizeof(path), "/dev/vfio/%d", atoi(strrchr(link, '/') + 1));
	if (!strcmp(argv[1], "fight") && argc == 4) {
		fight(argv[3]);
		return 0;
	}
	open_all(argv[2]);
	if (!strcmp(argv[1], "children"))
		use_children();
	else
		use_all();
	check(!close(device) && !close(group) && !close(container), "close");
	return 0;
}
