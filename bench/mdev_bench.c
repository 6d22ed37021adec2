/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What it costs to make a mediated device: with many present against few, through sysfs against a
 * write that does nothing, and in memory while it is served and idle.
 *
 * Each figure is taken in a process of its own, so that none finds the memory that another left.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uuid/uuid.h>

#include <umdev/mdev.h>
#include <umdev/sysfs.h>
#include <umdev/umdev.h>
#include <umdev/vfio.h>
#include <umdev/vfio_user.h>

#include "null_mdev.h"
#include "stats.h"

#define MANY   100000
#define SERVED 10000
#define ROUNDS 31
#define BATCH  200
#define WRITES 600

/* ---- with many present ---- */

/*
 * Seconds for one create and one remove with @present devices there. All of it happens in this
 * thread, so its own time is taken: what else the machine does is not umdev's.
 */
static double create_and_remove(unsigned int present)
{
	double took[ROUNDS], began;
	unsigned int i, j;

	for (i = 0; i < ROUNDS; i++) {
		began = now(CLOCK_THREAD_CPUTIME_ID);
		for (j = 0; j < BATCH; j++) {
			null_mdev_create(present + j);
			null_mdev_destroy(present + j);
		}
		took[i] = (now(CLOCK_THREAD_CPUTIME_ID) - began) / BATCH;
	}
	return typical(took, ROUNDS);
}

static void bench_many(void)
{
	double few, many;
	unsigned int i;

	null_mdev_start();
	for (i = 0; i < 100; i++)
		null_mdev_create(i);
	create_and_remove(100);
	few = create_and_remove(100);
	for (; i < MANY; i++)
		null_mdev_create(i);
	many = create_and_remove(MANY);
	printf("create and remove with 100,000 devices present, against 100\t%.2f\t<= 1.5\n",
	       many / few);
	if (getenv("UMDEV_BENCH_VERBOSE"))
		fprintf(stderr, "mdev_bench: %.1f us, %.1f us\n", few * 1e6, many * 1e6);
}

/* ---- through sysfs ---- */

static ssize_t nothing_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf,
			     size_t count)
{
	return (ssize_t)count;
}
static KOBJ_ATTR_WO(nothing);

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		bench_check(path, -errno);
	close(fd);
}

/* In memory, as /run is: making a socket's name elsewhere measures a disk. */
static char *make_dir(void)
{
	static char memory[] = "/dev/shm/mdev-bench-XXXXXX", disk[] = "/tmp/mdev-bench-XXXXXX";

	if (mkdtemp(memory))
		return memory;
	bench_check("mkdtemp", mkdtemp(disk) ? 0 : -errno);
	return disk;
}

static void serve(const char *dir)
{
	struct vfio_user_config config = {
		.dir = dir, .mode = 0600, .owner = (uid_t)-1, .group = (gid_t)-1
	};

	bench_check("server", vfio_user_start(&config));
}

static void bench_sysfs(void)
{
	static double creates[WRITES], empties[WRITES];
	char create_path[PATH_MAX], nothing_path[PATH_MAX], mnt[PATH_MAX], text[UUID_STR_LEN];
	struct sysfs_mount *mount;
	const char *dir = make_dir();
	unsigned int i;
	uint8_t uuid[16];
	double began, create_took, empty_took;

	null_mdev_start();
	serve(dir);
	bench_check("attribute", sysfs_create_file(&null_mdev_type.kobj, &kobj_attr_nothing.attr));
	snprintf(mnt, sizeof(mnt), "%s/sys", dir);
	bench_check("mkdir", mkdir(mnt, 0700) ? -errno : 0);
	bench_check("mount", sysfs_mount(mnt, &mount));
	snprintf(create_path, sizeof(create_path),
		 "%s/sys/class/mdev_bus/bench/mdev_supported_types/bench-1/create", dir);
	snprintf(nothing_path, sizeof(nothing_path),
		 "%s/sys/class/mdev_bus/bench/mdev_supported_types/bench-1/nothing", dir);
	for (i = 0; i < WRITES; i++) {
		null_mdev_uuid(i, uuid);
		uuid_unparse_lower(uuid, text);
		began = now(CLOCK_MONOTONIC);
		write_file(nothing_path, text);
		empties[i] = now(CLOCK_MONOTONIC) - began;
		began = now(CLOCK_MONOTONIC);
		write_file(create_path, text);
		creates[i] = now(CLOCK_MONOTONIC) - began;
		null_mdev_destroy(i);
	}
	sysfs_unmount(mount);
	null_mdev_stop();
	vfio_user_stop();
	rmdir(mnt);
	rmdir(dir);
	create_took = typical(creates, WRITES);
	empty_took = typical(empties, WRITES);
	printf("create through sysfs, against an empty write to the same mount\t%.2f\t<= 3\n",
	       create_took / empty_took);
	if (getenv("UMDEV_BENCH_VERBOSE"))
		fprintf(stderr, "mdev_bench: %.1f us, %.1f us\n", create_took * 1e6,
			empty_took * 1e6);
}

/* ---- memory ---- */

static double resident(void)
{
	unsigned long size, pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	bench_check("statm", f && fscanf(f, "%lu %lu", &size, &pages) == 2 ? 0 : -EIO);
	fclose(f);
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static void bench_memory(void)
{
	const char *dir = make_dir();
	struct rlimit files;
	unsigned int i;
	double before;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	null_mdev_start();
	serve(dir);
	null_mdev_create(0);
	before = resident();
	for (i = 1; i <= SERVED; i++)
		null_mdev_create(i);
	printf("memory per idle device, 10,000 devices served, KiB\t%.1f\t<= 16\n",
	       (resident() - before) / SERVED / 1024);
	null_mdev_stop();
	vfio_user_stop();
	rmdir(dir);
}

int main(void)
{
	static void (*const benches[])(void) = { bench_many, bench_sysfs, bench_memory };
	int status, failed = 0;
	size_t i;
	pid_t pid;

	for (i = 0; i < ARRAY_SIZE(benches); i++) {
		fflush(stdout);
		pid = fork();
		if (!pid) {
			benches[i]();
			fflush(stdout);
			_exit(0);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
			failed = 1;
	}
	return failed;
}
