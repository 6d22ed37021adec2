/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a disk behind a subchannel costs: random reads of 4 KiB by channel programs against pread()
 * of the same file, and channel programs that do nothing against a bare ping-pong of messages of
 * the same sizes.
 *
 * An umdevd of this program's own has the devices; this program uses them by their sockets, with
 * memory that both have mapped. A program is a message that starts it, an interrupt by an eventfd,
 * and a message that reads its status. Files are in the page cache, so what is seen is the way, not
 * the storage. As many reads are under way as there are devices, each with a thread that waits.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <umdev/thread.h>
#include <unistd.h>

#include "stats.h"
#include "vfio_ccw/ccw_client.h"

#define DISKS	  4
#define ROUNDS	  31
#define PER_ROUND 500
#define BLOCKS	  131072u /* of a disk: 64 MiB */
#define READ_SIZE 4096u
#define MEMORY	  (1u << 20)
/* In guest memory */
#define CPA    0x1000u
#define PARAMS 0x2000u
#define DATA   0x10000u

#define GOOD (DEV_STAT_CHN_END | DEV_STAT_DEV_END)

static char dir[] = "/tmp/ccw_bench.XXXXXX";

static void die(const char *what)
{
	bench_check(what, errno ? -errno : -EPROTO);
	exit(1);
}

/* ---- the daemon and its devices ---- */

static pid_t start(const char *const *argv)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid)
		return pid;
	/* It has nothing to say among the figures. */
	dup2(STDERR_FILENO, STDOUT_FILENO);
	execv(argv[0], (char *const *)argv);
	_exit(127);
}

static void run(const char *const *argv)
{
	pid_t pid = start(argv);
	int status;

	if (waitpid(pid, &status, 0) != pid || status)
		die(argv[1]);
}

static void write_to(const char *text, const char *path)
{
	char full[512];
	int fd;

	snprintf(full, sizeof(full), "%s/umdev/sys/%s", dir, path);
	fd = open(full, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die(full);
	close(fd);
}

/* Where the daemon says that it is ready, as systemd has it said. */
static pid_t start_daemon(int *notify)
{
	const char *daemon[] = { UMDEVD,       "--no-config",	  "--log-level=warn",
				 "--load=css", "--load=vfio_ccw", NULL };
	const struct timeval patience = { .tv_sec = 30 };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char text[256];
	ssize_t len;
	pid_t pid;

	snprintf(text, sizeof(text), "%s/umdev", dir);
	setenv("UMDEV_RUNTIME_DIR", text, 1);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/notify", dir);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)))
		die("notify socket");
	setenv("NOTIFY_SOCKET", addr.sun_path, 1);
	pid = start(daemon);
	do {
		len = recv(fd, text, sizeof(text) - 1, 0);
		if (len < 0)
			die("umdevd does not become ready");
		text[len] = '\0';
	} while (!strstr(text, "READY=1"));
	unsetenv("NOTIFY_SOCKET");
	*notify = fd;
	return pid;
}

/* Device @nr of the machine, for vfio_ccw, and its user. */
static void open_device(struct ccw_client *client, unsigned int nr, const char *type)
{
	char spec[256], subchannel[16], uuid[64], path[256], socket_path[200] = { 0 };
	const char *plug[] = { UMDEV, "css", "plug", spec, NULL };
	const char *create[] = { UMDEV, "create", subchannel, "vfio_ccw-io", uuid, NULL };
	const char *find[] = { "/bin/sh", "-c", path, NULL };
	unsigned int tries = 0;
	FILE *file;

	snprintf(spec, sizeof(spec), "0.0.%04x:%s", 0x1000 + nr, type);
	snprintf(subchannel, sizeof(subchannel), "0.0.%04x", nr);
	snprintf(uuid, sizeof(uuid), "7e270a25-e163-4922-af60-757fc8ed48%02x", nr);
	run(plug);
	snprintf(path, sizeof(path), "%s/umdev/sys/bus/css/devices/%s/driver", dir, subchannel);
	while (access(path, F_OK) && tries++ < 3000)
		usleep(10000);
	snprintf(path, sizeof(path), "bus/css/devices/%s/driver_override", subchannel);
	write_to("vfio_ccw", path);
	snprintf(path, sizeof(path), "bus/css/devices/%s/driver/unbind", subchannel);
	write_to(subchannel, path);
	write_to(subchannel, "bus/css/drivers_probe");
	run(create);
	snprintf(path, sizeof(path),
		 "cat %s/umdev/sys/bus/mdev/devices/%s/vfio-dev/*/socket >%s/at", dir, uuid, dir);
	run(find);
	snprintf(path, sizeof(path), "%s/at", dir);
	file = fopen(path, "re");
	if (!file || !fgets(socket_path, sizeof(socket_path), file))
		die(path);
	fclose(file);
	unlink(path);
	socket_path[strcspn(socket_path, "\n")] = '\0';
	bench_check("open", ccw_open(client, &ccw_socket, socket_path, MEMORY));
}

/* ---- reads ---- */

struct disk {
	struct ccw_client client;
	char path[64];
	int fd;
	unsigned int state;
	bool by_pread;
	pthread_barrier_t *begin;
};

static void put_program(struct ccw_client *client)
{
	uint8_t *extent = client->memory + PARAMS, *locate = extent + 16;
	uint32_t at = CPA;

	extent[0] = 0x40;
	cio_put32(extent + 12, BLOCKS - 1);
	locate[0] = 6;
	cio_put16(locate + 2, READ_SIZE / 512);
	at = ccw_put(client, at, true, (struct ccw1) { 0x63, CCW_FLAG_CC, 16, PARAMS });
	at = ccw_put(client, at, true, (struct ccw1) { 0x43, CCW_FLAG_CC, 8, PARAMS + 16 });
	ccw_put(client, at, true, (struct ccw1) { 0x42, 0, READ_SIZE, DATA });
}

static void run_program(struct ccw_client *client)
{
	const struct orb orb = { .word1 = ORB_FMT | ORB_PFCH | ORB_C64, .cpa = CPA };
	struct irb irb;

	bench_check("channel program", ccw_run(client, &orb, &irb));
	if (irb.scsw.dstat != GOOD || irb.scsw.cstat)
		die("status");
}

static void *read_round(void *data)
{
	static __thread uint8_t buf[READ_SIZE];
	struct disk *disk = data;
	int i;

	pthread_barrier_wait(disk->begin);
	for (i = 0; i < PER_ROUND; i++) {
		uint32_t block = (uint32_t)rand_r(&disk->state) % (BLOCKS / 8) * 8;

		if (disk->by_pread) {
			bench_check("pread", pread(disk->fd, buf, READ_SIZE, (off_t)block * 512));
			continue;
		}
		cio_put32(disk->client.memory + PARAMS + 20, block);
		run_program(&disk->client);
	}
	return NULL;
}

/* Seconds for a round of reads of @depth disks at once. */
static double time_round(struct disk *disks, unsigned int depth, bool by_pread)
{
	pthread_barrier_t begin;
	pthread_t threads[DISKS];
	double began;
	unsigned int i;

	pthread_barrier_init(&begin, NULL, depth + 1);
	for (i = 0; i < depth; i++) {
		disks[i].by_pread = by_pread;
		disks[i].begin = &begin;
		bench_check("thread", umdev_thread_start(&threads[i], NULL, read_round, &disks[i]));
	}
	pthread_barrier_wait(&begin);
	began = now(CLOCK_MONOTONIC);
	for (i = 0; i < depth; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&begin);
	return now(CLOCK_MONOTONIC) - began;
}

static void measure_reads(struct disk *disks, unsigned int depth, const char *reach)
{
	double ratios[ROUNDS];
	int i;

	time_round(disks, depth, false);
	time_round(disks, depth, true);
	for (i = 0; i < ROUNDS; i++)
		ratios[i] = time_round(disks, depth, false) / time_round(disks, depth, true);
	printf("4 KiB random read of a 9336 against pread, %u at once\t%.2f\t%s\n", depth,
	       typical(ratios, ROUNDS), reach);
}

static void open_disk(struct disk *disk, unsigned int nr)
{
	char type[128];

	snprintf(disk->path, sizeof(disk->path), "%s/disk%u", dir, nr);
	snprintf(type, sizeof(type), "9336,file=%s,blocks=%u,unsafe", disk->path, BLOCKS);
	open_device(&disk->client, nr, type);
	disk->state = nr;
	disk->fd = open(disk->path, O_RDONLY | O_CLOEXEC);
	/* In the page cache, as what the guest uses is. */
	if (disk->fd < 0 || readahead(disk->fd, 0, (size_t)BLOCKS * 512))
		die(disk->path);
	put_program(&disk->client);
}

/* ---- programs that do nothing ---- */

/* A start and its reply, a read of the status and its reply: as they are on the wire. */
static const size_t sizes[] = { 16 + 16 + sizeof(struct ccw_io_region), 16 + 16, 16 + 16,
				16 + 16 + IRB_SIZE };

static void *pong(void *data)
{
	int fd = *(int *)data;
	char buf[256];
	size_t turn;

	for (turn = 0;; turn = (turn + 2) % 4)
		if (recv(fd, buf, sizes[turn], MSG_WAITALL) <= 0 ||
		    send(fd, buf, sizes[turn + 1], MSG_NOSIGNAL) < 0)
			return NULL;
}

static double ping_round(int fd)
{
	double began = now(CLOCK_MONOTONIC);
	char buf[256] = { 0 };
	size_t turn;
	int i;

	for (i = 0; i < PER_ROUND; i++)
		for (turn = 0; turn < 4; turn += 2)
			if (send(fd, buf, sizes[turn], MSG_NOSIGNAL) < 0 ||
			    recv(fd, buf, sizes[turn + 1], MSG_WAITALL) <= 0)
				die("ping-pong");
	return now(CLOCK_MONOTONIC) - began;
}

static double program_round(struct ccw_client *client)
{
	double began = now(CLOCK_MONOTONIC);
	int i;

	for (i = 0; i < PER_ROUND; i++)
		run_program(client);
	return now(CLOCK_MONOTONIC) - began;
}

static void measure_programs(struct ccw_client *client, const char *reach)
{
	double ratios[ROUNDS];
	pthread_t thread;
	int fds[2], i;

	ccw_put(client, CPA, true, (struct ccw1) { CCW_CMD_NOOP, CCW_FLAG_SLI, 1, DATA });
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		die("socketpair");
	bench_check("thread", umdev_thread_start(&thread, NULL, pong, &fds[1]));
	program_round(client);
	ping_round(fds[0]);
	for (i = 0; i < ROUNDS; i++)
		ratios[i] = program_round(client) / ping_round(fds[0]);
	close(fds[0]);
	pthread_join(thread, NULL);
	close(fds[1]);
	printf("channel program of the null device against two socket ping-pongs\t%.2f\t%s\n",
	       typical(ratios, ROUNDS), reach);
}

int main(void)
{
	static struct disk disks[DISKS];
	static struct ccw_client null;
	char notify_path[64];
	unsigned int i;
	int notify;
	pid_t pid;

	if (!mkdtemp(dir))
		die(dir);
	snprintf(notify_path, sizeof(notify_path), "%s/notify", dir);
	pid = start_daemon(&notify);
	for (i = 0; i < DISKS; i++)
		open_disk(&disks[i], i);
	open_device(&null, DISKS, "null");
	measure_reads(disks, 1, "-");
	measure_reads(disks, DISKS, "-");
	measure_programs(&null, "-");
	fflush(stdout);
	for (i = 0; i < DISKS; i++) {
		ccw_close(&disks[i].client);
		close(disks[i].fd);
		unlink(disks[i].path);
	}
	ccw_close(&null);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	close(notify);
	unlink(notify_path);
	rmdir(dir);
	return 0;
}
