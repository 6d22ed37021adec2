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

#include "stats.h"

#define MANY   100000
#define SERVED 10000
#define ROUNDS 31
#define BATCH  200
#define WRITES 600

static void check(const char *what, long ret)
{
	if (ret >= 0)
		return;
	fprintf(stderr, "mdev_bench: %s: %s\n", what, strerror(-ret));
	exit(1);
}

/* ---- a driver with a device that does nothing ---- */

static int get_region(struct vfio_device *vdev, unsigned int index, struct vfio_region *region)
{
	region->size = 4096;
	region->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	return 0;
}

static int get_irq(struct vfio_device *vdev, unsigned int index, struct vfio_irq *irq)
{
	irq->count = 1;
	irq->flags = VFIO_IRQ_INFO_EVENTFD;
	return 0;
}

static ssize_t read_nothing(struct vfio_device *vdev, unsigned int index, void *buf, size_t count,
			    uint64_t offset)
{
	memset(buf, 0, count);
	return (ssize_t)count;
}

static ssize_t write_nothing(struct vfio_device *vdev, unsigned int index, const void *buf,
			     size_t count, uint64_t offset)
{
	return (ssize_t)count;
}

static const struct vfio_device_ops ops = {
	.name = "bench",
	.get_region = get_region,
	.get_irq = get_irq,
	.read = read_nothing,
	.write = write_nothing,
};

static int bench_probe(struct mdev_device *mdev)
{
	struct vfio_device *vdev = calloc(1, sizeof(*vdev));
	int err;

	if (!vdev)
		return -ENOMEM;
	vdev->dev = &mdev->dev;
	vdev->ops = &ops;
	vdev->flags = VFIO_DEVICE_FLAGS_PCI;
	vdev->num_regions = VFIO_PCI_NUM_REGIONS;
	vdev->num_irqs = VFIO_PCI_NUM_IRQS;
	dev_set_drvdata(&mdev->dev, vdev);
	err = vfio_register_emulated_iommu_dev(vdev);
	if (err)
		free(vdev);
	return err;
}

static void bench_remove(struct mdev_device *mdev)
{
	struct vfio_device *vdev = dev_get_drvdata(&mdev->dev);

	vfio_unregister_group_dev(vdev);
	free(vdev);
}

static struct mdev_driver driver = {
	.device_api = "vfio-pci",
	.max_instances = 2 * MANY,
	.probe = bench_probe,
	.remove = bench_remove,
	.driver = { .name = "bench" },
};

static struct mdev_type type = { .sysfs_name = "1" };
static struct mdev_type *types[] = { &type };
static struct mdev_parent parent;
static struct class bench_class = { .name = "bench" };
static struct device *parent_dev;

static void start(void)
{
	check("umdev_start", umdev_start());
	check("class", class_register(&bench_class));
	check("device", device_create(&bench_class, NULL, 0, NULL, &parent_dev, "bench"));
	check("driver", mdev_register_driver(&driver));
	check("parent", mdev_register_parent(&parent, parent_dev, &driver, types, 1));
}

/* The @n-th of a row of UUIDs that lie about as if they were random. */
static void uuid_n(unsigned int n, uint8_t uuid[16])
{
	uint64_t half[2] = { (n + 1) * UINT64_C(0x9e3779b97f4a7c15), n };

	half[0] ^= half[0] >> 29;
	memcpy(uuid, half, sizeof(half));
}

static void create(unsigned int n)
{
	uint8_t uuid[16];

	uuid_n(n, uuid);
	check("create", mdev_device_create(&type, uuid));
}

static void destroy(unsigned int n)
{
	struct mdev_device *mdev;
	uint8_t uuid[16];

	uuid_n(n, uuid);
	mdev = mdev_find(uuid);
	check("find", mdev ? 0 : -ENODEV);
	check("remove", mdev_device_remove(mdev));
	put_device(&mdev->dev);
}

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
			create(present + j);
			destroy(present + j);
		}
		took[i] = (now(CLOCK_THREAD_CPUTIME_ID) - began) / BATCH;
	}
	return typical(took, ROUNDS);
}

static void bench_many(void)
{
	double few, many;
	unsigned int i;

	start();
	for (i = 0; i < 100; i++)
		create(i);
	create_and_remove(100);
	few = create_and_remove(100);
	for (; i < MANY; i++)
		create(i);
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
		check(path, -errno);
	close(fd);
}

/* In memory, as /run is: making a socket's name elsewhere measures a disk. */
static char *make_dir(void)
{
	static char memory[] = "/dev/shm/mdev-bench-XXXXXX", disk[] = "/tmp/mdev-bench-XXXXXX";

	if (mkdtemp(memory))
		return memory;
	check("mkdtemp", mkdtemp(disk) ? 0 : -errno);
	return disk;
}

static void serve(const char *dir)
{
	struct vfio_user_config config = {
		.dir = dir, .mode = 0600, .owner = (uid_t)-1, .group = (gid_t)-1
	};

	check("server", vfio_user_start(&config));
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

	start();
	serve(dir);
	check("attribute", sysfs_create_file(&type.kobj, &kobj_attr_nothing.attr));
	snprintf(mnt, sizeof(mnt), "%s/sys", dir);
	check("mkdir", mkdir(mnt, 0700) ? -errno : 0);
	check("mount", sysfs_mount(mnt, &mount));
	snprintf(create_path, sizeof(create_path),
		 "%s/sys/class/mdev_bus/bench/mdev_supported_types/bench-1/create", dir);
	snprintf(nothing_path, sizeof(nothing_path),
		 "%s/sys/class/mdev_bus/bench/mdev_supported_types/bench-1/nothing", dir);
	for (i = 0; i < WRITES; i++) {
		uuid_n(i, uuid);
		uuid_unparse_lower(uuid, text);
		began = now(CLOCK_MONOTONIC);
		write_file(nothing_path, text);
		empties[i] = now(CLOCK_MONOTONIC) - began;
		began = now(CLOCK_MONOTONIC);
		write_file(create_path, text);
		creates[i] = now(CLOCK_MONOTONIC) - began;
		destroy(i);
	}
	sysfs_unmount(mount);
	mdev_unregister_parent(&parent);
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

	check("statm", f && fscanf(f, "%lu %lu", &size, &pages) == 2 ? 0 : -EIO);
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
	start();
	serve(dir);
	create(0);
	before = resident();
	for (i = 1; i <= SERVED; i++)
		create(i);
	printf("memory per idle device, 10,000 devices served, KiB\t%.1f\t<= 16\n",
	       (resident() - before) / SERVED / 1024);
	mdev_unregister_parent(&parent);
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
