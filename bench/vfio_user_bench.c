/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an access over the socket costs: its time against a bare AF_UNIX ping-pong of the same
 * message sizes, the server's system calls, and its heap allocations.
 *
 * Client and server are two threads of this process, and so are the two ends of the ping-pong, on
 * the same processors. Both are measured in turns. System calls and allocations are counted by
 * standing in front of the C library's functions, in all threads but the client's. The watchdog's
 * epoll_wait(), a few times per second whatever the clients do, is left out.
 */
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <umdev/vfio_file.h>
#include <umdev/vfio_user.h>

#include "stats.h"
#include "vfio_user/protocol.h"

#define ROUNDS	  61
#define PER_ROUND 2000
#define POSTED	  200000

struct message {
	struct vfio_user_header hdr;
	struct vfio_user_region_access access;
	uint8_t data[4];
};

#define SHORT_SIZE offsetof(struct message, data)
#define LONG_SIZE  (SHORT_SIZE + 4)

/* ---- counting ---- */

static __thread bool is_client;
static atomic_bool counting;
static atomic_ulong syscalls, allocations;

static void count(atomic_ulong *counter)
{
	if (atomic_load_explicit(&counting, memory_order_relaxed) && !is_client)
		atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

#define EXPORT __attribute__((visibility("default")))
#define NEXT(name)                                         \
	static __typeof__(&name) next;                     \
	if (!next)                                         \
		*(void **)&next = dlsym(RTLD_NEXT, #name); \
	count(&syscalls)

EXPORT ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	NEXT(recvmsg);
	return next(fd, msg, flags);
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	NEXT(sendmsg);
	return next(fd, msg, flags);
}

EXPORT ssize_t recv(int fd, void *buf, size_t size, int flags)
{
	NEXT(recv);
	return next(fd, buf, size, flags);
}

EXPORT ssize_t send(int fd, const void *buf, size_t size, int flags)
{
	NEXT(send);
	return next(fd, buf, size, flags);
}

EXPORT ssize_t read(int fd, void *buf, size_t size)
{
	NEXT(read);
	return next(fd, buf, size);
}

EXPORT ssize_t write(int fd, const void *buf, size_t size)
{
	NEXT(write);
	return next(fd, buf, size);
}

EXPORT int poll(struct pollfd *fds, nfds_t n, int timeout)
{
	NEXT(poll);
	return next(fds, n, timeout);
}

EXPORT int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
	NEXT(ppoll);
	return next(fds, n, timeout, mask);
}

EXPORT int sched_yield(void)
{
	NEXT(sched_yield);
	return next();
}

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);

EXPORT void *malloc(size_t size)
{
	count(&allocations);
	return __libc_malloc(size);
}

EXPORT void *calloc(size_t n, size_t size)
{
	count(&allocations);
	return __libc_calloc(n, size);
}

EXPORT void *realloc(void *p, size_t size)
{
	count(&allocations);
	return __libc_realloc(p, size);
}

static void counters_start(void)
{
	atomic_store(&syscalls, 0);
	atomic_store(&allocations, 0);
	atomic_store(&counting, true);
}

static void counters_stop(void)
{
	atomic_store(&counting, false);
}

/* ---- small things ---- */

static void die(const char *what, int err)
{
	fprintf(stderr, "vfio_user_bench: %s: %s\n", what, strerror(err));
	exit(1);
}

/*
 * Run on the first or the last processor that this process may use; threads made after that, too.
 */
static void run_on(bool last)
{
	static cpu_set_t all;
	cpu_set_t one;
	int chosen = -1;

	if (!CPU_COUNT(&all))
		sched_getaffinity(0, sizeof(all), &all);
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &all) && (chosen < 0 || last))
			chosen = i;
	CPU_ZERO(&one);
	CPU_SET(chosen, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

static void send_all(int fd, const void *buf, size_t size)
{
	if (send(fd, buf, size, MSG_NOSIGNAL) != (ssize_t)size)
		die("send", errno);
}

static void recv_all(int fd, void *buf, size_t size)
{
	if (recv(fd, buf, size, MSG_WAITALL) != (ssize_t)size)
		die("recv", errno);
}

/* ---- the device ---- */

static uint32_t register_value;

static int bench_get_region(struct vfio_device *vdev, unsigned int index,
			    struct vfio_region *region)
{
	if (index == 0) {
		region->size = 4096;
		region->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	}
	return 0;
}

static int bench_get_irq(struct vfio_device *vdev, unsigned int index, struct vfio_irq *irq)
{
	return 0;
}

static ssize_t bench_read(struct vfio_device *vdev, unsigned int index, void *buf, size_t size,
			  uint64_t offset)
{
	memcpy(buf, &register_value, size < 4 ? size : 4);
	return size;
}

static ssize_t bench_write(struct vfio_device *vdev, unsigned int index, const void *buf,
			   size_t size, uint64_t offset)
{
	memcpy(&register_value, buf, size < 4 ? size : 4);
	return size;
}

static const struct vfio_device_ops bench_ops = {
	.name = "bench",
	.get_region = bench_get_region,
	.get_irq = bench_get_irq,
	.read = bench_read,
	.write = bench_write,
};

/* ---- the ping-pong ---- */

static void *pong_run(void *arg)
{
	int fd = *(int *)arg;
	struct message m = { 0 };

	while (recv(fd, &m, SHORT_SIZE, 0) == (ssize_t)SHORT_SIZE)
		send_all(fd, &m, LONG_SIZE);
	return NULL;
}

/* ---- the client ---- */

static int client_connect(const char *dir, const char *name)
{
	static const char hello[] =
		"{\"capabilities\":{\"max_msg_fds\":16,\"write_multiple\":true}}";
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct vfio_user_header hdr = { .command = VFIO_USER_VERSION };
	char buf[512] = { 0 };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s", dir, name);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		die("connect", errno);
	hdr.size = sizeof(hdr) + sizeof(struct vfio_user_version) + sizeof(hello);
	memcpy(buf, &hdr, sizeof(hdr));
	memcpy(buf + sizeof(hdr) + sizeof(struct vfio_user_version), hello, sizeof(hello));
	send_all(fd, buf, hdr.size);
	recv_all(fd, &hdr, sizeof(hdr));
	if (hdr.flags != VFIO_USER_F_REPLY || hdr.size > sizeof(buf))
		die("VERSION", hdr.error);
	recv_all(fd, buf, hdr.size - sizeof(hdr));
	return fd;
}

static void access_once(int fd, bool write)
{
	struct message m = { .hdr = { .command = write ? VFIO_USER_REGION_WRITE
						       : VFIO_USER_REGION_READ,
				      .size = write ? LONG_SIZE : SHORT_SIZE },
			     .access = { .count = 4 } };

	send_all(fd, &m, m.hdr.size);
	recv_all(fd, &m, write ? SHORT_SIZE : LONG_SIZE);
	if (m.hdr.flags != VFIO_USER_F_REPLY)
		die("access", m.hdr.error);
}

static double read_round(int fd)
{
	double began = now(CLOCK_MONOTONIC);

	for (int i = 0; i < PER_ROUND; i++)
		access_once(fd, false);
	return now(CLOCK_MONOTONIC) - began;
}

static double ping_round(int fd)
{
	struct message m = { 0 };
	double began = now(CLOCK_MONOTONIC);

	for (int i = 0; i < PER_ROUND; i++) {
		send_all(fd, &m, SHORT_SIZE);
		recv_all(fd, &m, LONG_SIZE);
	}
	return now(CLOCK_MONOTONIC) - began;
}

static void measure_round_trip(int device, int ping)
{
	double ratios[ROUNDS];

	read_round(device);
	ping_round(ping);
	for (int i = 0; i < ROUNDS; i++) {
		double through, bare;

		if (i & 1) {
			through = read_round(device);
			bare = ping_round(ping);
		} else {
			bare = ping_round(ping);
			through = read_round(device);
		}
		ratios[i] = through / bare;
	}
	printf("4-byte region read over the socket against a bare ping-pong\t%.2f\t<= 1.25\n",
	       median(ratios, ROUNDS));
}

static void measure_acknowledged(int device)
{
	counters_start();
	for (int i = 0; i < PER_ROUND * 4; i++)
		access_once(device, i & 1);
	counters_stop();
	printf("server's system calls per acknowledged access\t%.2f\t<= 2\n",
	       (double)atomic_load(&syscalls) / (PER_ROUND * 4));
	printf("server's heap allocations per access\t%.2f\t<= 0\n",
	       (double)atomic_load(&allocations) / (PER_ROUND * 4));
}

static void measure_posted(int device)
{
	struct message m = { .hdr = { .command = VFIO_USER_REGION_WRITE,
				      .size = LONG_SIZE,
				      .flags = VFIO_USER_F_NO_REPLY },
			     .access = { .count = 4 } };

	counters_start();
	for (int i = 0; i < POSTED; i++)
		send_all(device, &m, LONG_SIZE);
	access_once(device, false);
	counters_stop();
	printf("server's system calls per posted write while the client streams\t%.2f\t<= 0.2\n",
	       (double)atomic_load(&syscalls) / POSTED);
	printf("server's heap allocations per posted write\t%.2f\t<= 0\n",
	       (double)atomic_load(&allocations) / POSTED);
}

int main(void)
{
	struct vfio_device vdev = { .ops = &bench_ops, .num_regions = 1, .num_irqs = 1 };
	char dir[] = "/tmp/vfio_user_bench.XXXXXX";
	struct vfio_user_config config = { .dir = dir, .mode = 0600, .owner = -1, .group = -1 };
	pthread_t pong;
	int pair[2], device, err;

	is_client = true;
	if (!mkdtemp(dir) || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		die("set-up", errno);
	log_set_level(LOG_LEVEL_WARN);
	run_on(true);
	err = vfio_user_start(&config);
	if (!err)
		err = root_device_register("bench", &vdev.dev);
	if (!err)
		err = vfio_register_emulated_iommu_dev(&vdev);
	if (err)
		die("device", -err);
	err = pthread_create(&pong, NULL, pong_run, &pair[1]);
	if (err)
		die("thread", err);
	run_on(false);
	device = client_connect(dir, "bench");

	measure_round_trip(device, pair[0]);
	measure_acknowledged(device);
	measure_posted(device);

	close(device);
	close(pair[0]);
	pthread_join(pong, NULL);
	close(pair[1]);
	vfio_unregister_group_dev(&vdev);
	root_device_unregister(vdev.dev);
	vfio_user_stop();
	rmdir(dir);
	return 0;
}
