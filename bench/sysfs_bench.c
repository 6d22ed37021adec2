/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What tools that walk the tree wait for: 10,000 mediated devices served over a mount by another
 * process, against the same walk over the machine's own /sys, per device.
 *
 * The walk is what libudev and those above it do with each device of /sys/bus/BUS/devices or
 * /sys/class/CLASS: read the link, open the directory that it leads to, list it, lstat() each
 * entry, read "uevent". The directory walk is find's: list each directory from the device on down,
 * lstat() each entry. The two sides take turns: a pass over all of the machine's devices, then as
 * many of the mediated devices, until these were walked several times; of all passes of a side the
 * typical one counts (see stats.h). What the system has in its caches from the walks before counts
 * as warm; cold is the first walk over a mount that nobody looked at yet, on both sides.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uuid/uuid.h>

#include <umdev/mdev.h>
#include <umdev/sysfs.h>
#include <umdev/umdev.h>
#include <umdev/vfio.h>

#include "null_mdev.h"
#include "stats.h"

#define DEVICES 10000
#define ROUNDS	5
#define PASSES	2000

/* ---- the walks ---- */

/* What was walked over: how many devices and directory entries, and how long it took. */
struct walked {
	unsigned int devices, entries;
	double took;
};

/* What is done with the directory of a device. Return: how many entries were looked at. */
typedef unsigned int walk_device(const char *path);

/* Read a file as a program does that does not know its size. */
static void read_all(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char buf[4096];

	if (fd < 0)
		return;
	while (read(fd, buf, sizeof(buf)) > 0)
		;
	close(fd);
}

static bool is_dots(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

/* Return: how many entries @path has. */
static unsigned int look_at(const char *path)
{
	unsigned int entries = 0;
	char file[PATH_MAX];
	struct dirent *de;
	struct stat st;
	DIR *dir;

	dir = opendir(path);
	if (!dir)
		return 0;
	while ((de = readdir(dir))) {
		if (is_dots(de->d_name))
			continue;
		fstatat(dirfd(dir), de->d_name, &st, AT_SYMLINK_NOFOLLOW);
		entries++;
	}
	closedir(dir);
	if ((size_t)snprintf(file, sizeof(file), "%s/uevent", path) < sizeof(file))
		read_all(file);
	return entries;
}

/* Return: how many entries there are in @fd, which is closed, and below. */
static unsigned int descend(int fd)
{
	unsigned int entries = 0;
	struct dirent *de;
	struct stat st;
	DIR *dir;
	int sub;

	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return 0;
	}
	while ((de = readdir(dir))) {
		if (is_dots(de->d_name) ||
		    fstatat(dirfd(dir), de->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		entries++;
		if (!S_ISDIR(st.st_mode))
			continue;
		sub = openat(dirfd(dir), de->d_name,
			     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub >= 0)
			entries += descend(sub);
	}
	closedir(dir);
	return entries;
}

static unsigned int list_below(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? 0 : descend(fd);
}

/* The path that a relative link in @dir leads to, without dots. Return: false if it is too long. */
static bool follow(const char *dir, const char *link, char *path, size_t size)
{
	size_t len = strlen(dir);
	char *end;

	if (len + strlen(link) + 2 > size)
		return false;
	memcpy(path, dir, len + 1);
	while (!strncmp(link, "../", 3)) {
		link += 3;
		end = strrchr(path, '/');
		if (end)
			*end = '\0';
	}
	strcat(path, "/");
	strcat(path, link);
	return true;
}

/* Walk the devices that the next links in @links, which is @dir, lead to, until there were @max. */
static void walk_next(struct walked *walked, DIR *links, const char *dir, walk_device *walk,
		      unsigned int max)
{
	char text[PATH_MAX], path[PATH_MAX];
	struct dirent *de;
	ssize_t len;

	while (walked->devices < max && (de = readdir(links))) {
		len = readlinkat(dirfd(links), de->d_name, text, sizeof(text) - 1);
		if (len < 0)
			continue;
		text[len] = '\0';
		if (!follow(dir, text, path, sizeof(path)))
			continue;
		walked->entries += walk(path);
		walked->devices++;
	}
}

static void walk_links(struct walked *walked, const char *dir, walk_device *walk, unsigned int max)
{
	DIR *links = opendir(dir);

	if (!links)
		return;
	walk_next(walked, links, dir, walk, max);
	closedir(links);
}

static void walk_all_below(struct walked *walked, const char *sys, const char *sub,
			   const char *links, walk_device *walk, unsigned int max)
{
	char path[PATH_MAX];
	struct dirent *de;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s", sys, sub);
	dir = opendir(path);
	if (!dir)
		return;
	while (walked->devices < max && (de = readdir(dir))) {
		if (is_dots(de->d_name))
			continue;
		snprintf(path, sizeof(path), "%s/%s/%s%s", sys, sub, de->d_name, links);
		walk_links(walked, path, walk, max);
	}
	closedir(dir);
}

/* Walk the devices of all buses and classes of a machine. */
static struct walked walk_machine(const char *sys, walk_device *walk)
{
	double began = now(CLOCK_MONOTONIC);
	struct walked walked = { 0 };

	walk_all_below(&walked, sys, "bus", "/devices", walk, UINT_MAX);
	walk_all_below(&walked, sys, "class", "", walk, UINT_MAX);
	walked.took = now(CLOCK_MONOTONIC) - began;
	bench_check("devices of the machine", walked.devices ? 0 : -ENODEV);
	return walked;
}

/* Walk @max mediated devices, from where @links, which is @dir, is on. */
static struct walked walk_mdevs(DIR *links, const char *dir, walk_device *walk, unsigned int max)
{
	double began = now(CLOCK_MONOTONIC);
	struct walked walked = { 0 };

	walk_next(&walked, links, dir, walk, max);
	walked.took = now(CLOCK_MONOTONIC) - began;
	return walked;
}

static DIR *open_mdevs(const char *sys, char *dir, size_t size)
{
	DIR *links;

	snprintf(dir, size, "%s/bus/mdev/devices", sys);
	links = opendir(dir);
	bench_check(dir, links ? 0 : -errno);
	return links;
}

/* ---- who serves ---- */

static volatile sig_atomic_t stop;

static void on_term(int sig)
{
	stop = 1;
}

static void tell(int fd)
{
	bench_check("tell", write(fd, "", 1) == 1 ? 0 : -EPIPE);
}

/* Serve a mount at @mnt until SIGTERM. Tells @told when there is one device, and when all are. */
static void server(const char *mnt, int told)
{
	struct sysfs_mount *mount;
	sigset_t term, before;
	unsigned int i;

	signal(SIGTERM, on_term);
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, &before);
	null_mdev_start();
	bench_check("mount", sysfs_mount(mnt, &mount));
	null_mdev_create(0);
	tell(told);
	for (i = 1; i < DEVICES; i++)
		null_mdev_create(i);
	tell(told);
	while (!stop)
		sigsuspend(&before);
	sysfs_unmount(mount);
	null_mdev_stop();
}

static pid_t start_server(const char *mnt, int *told)
{
	int ends[2];
	pid_t pid;

	bench_check("pipe", pipe(ends) ? -errno : 0);
	fflush(stdout);
	pid = fork();
	bench_check("fork", pid < 0 ? -errno : 0);
	if (!pid) {
		close(ends[0]);
		server(mnt, ends[1]);
		_exit(0);
	}
	close(ends[1]);
	*told = ends[0];
	return pid;
}

/* The server has said why if it has not come so far. */
static void wait_for_server(int told)
{
	char byte;

	if (read(told, &byte, 1) != 1)
		exit(1);
}

/* ---- the figures ---- */

static double per_device(struct walked walked)
{
	return walked.devices ? walked.took / walked.devices : 0;
}

static double per_entry(struct walked walked)
{
	return walked.entries ? walked.took / walked.entries : 0;
}

static void say(const char *what, struct walked ours, struct walked real)
{
	if (getenv("UMDEV_BENCH_VERBOSE"))
		fprintf(stderr,
			"sysfs_bench: %s: %.1f us a device of %.1f entries, against %.1f us of "
			"%.1f\n",
			what, per_device(ours) * 1e6, (double)ours.entries / ours.devices,
			per_device(real) * 1e6, (double)real.entries / real.devices);
}

static void compare(const char *what, const char *mnt, walk_device *walk, const char *reach)
{
	static double device[2][PASSES], entry[2][PASSES];
	struct walked ours, real;
	unsigned int n = 0, round;
	char dir[PATH_MAX];
	DIR *links;

	for (round = 0; round < ROUNDS; round++) {
		links = open_mdevs(mnt, dir, sizeof(dir));
		for (; n < PASSES; n++) {
			real = walk_machine("/sys", walk);
			ours = walk_mdevs(links, dir, walk, real.devices);
			/* The end is too short for a pass. */
			if (ours.devices < real.devices)
				break;
			device[0][n] = per_device(ours);
			device[1][n] = per_device(real);
			entry[0][n] = per_entry(ours);
			entry[1][n] = per_entry(real);
			say(what, ours, real);
		}
		closedir(links);
	}
	bench_check("passes", n ? 0 : -ENODEV);
	printf("%s, 10,000 mdevs, per device against the real sysfs\t%.2f\t%s\n", what,
	       typical(device[0], n) / typical(device[1], n), reach);
	printf("%s, the same per directory entry\t%.2f\t-\n", what,
	       typical(entry[0], n) / typical(entry[1], n));
}

/*
 * A mount of the real sysfs that nobody has looked at: the kernel gives one to each network
 * namespace. For root only. The process stays in the namespaces that it makes.
 */
static bool fresh_sysfs(const char *path)
{
	return !unshare(CLONE_NEWNS | CLONE_NEWNET) &&
	       !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       !mount("sysfs", path, "sysfs", MS_RDONLY, NULL);
}

/* In a process of its own, for what fresh_sysfs() does. */
static void compare_cold(const char *mnt, const char *real_mnt)
{
	struct walked ours, real;
	char dir[PATH_MAX];
	DIR *links;

	if (!fresh_sysfs(real_mnt))
		return;
	real = walk_machine(real_mnt, look_at);
	links = open_mdevs(mnt, dir, sizeof(dir));
	ours = walk_mdevs(links, dir, look_at, DEVICES);
	closedir(links);
	say("cold walk", ours, real);
	printf("cold walk, 10,000 mdevs, per device against the real sysfs\t%.2f\t-\n",
	       per_device(ours) / per_device(real));
}

static void run_udevadm(void)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	dup2(null, STDOUT_FILENO);
	setenv("SYSTEMD_DEVICE_VERIFY_SYSFS", "0", 1);
	execlp("udevadm", "udevadm", "info", "-e", NULL);
	_exit(127);
}

/* Return: how long udevadm takes to tell of all devices, with @sys, if any, in place of /sys. */
static double time_udevadm(const char *sys)
{
	double began;
	int status;
	pid_t pid;

	fflush(stdout);
	began = now(CLOCK_MONOTONIC);
	pid = fork();
	bench_check("fork", pid < 0 ? -errno : 0);
	if (!pid) {
		if (!sys || (!unshare(CLONE_NEWNS) &&
			     !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
			     !mount(sys, "/sys", NULL, MS_BIND, NULL)))
			run_udevadm();
		_exit(127);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		return 0;
	return now(CLOCK_MONOTONIC) - began;
}

/* How many devices are below @path, as udevadm counts them: directories with an event file. */
static unsigned int count_devices(const char *path)
{
	unsigned int count;
	char file[PATH_MAX];
	struct dirent *de;
	DIR *dir;

	snprintf(file, sizeof(file), "%s/uevent", path);
	count = !access(file, F_OK);
	dir = opendir(path);
	if (!dir)
		return count;
	while ((de = readdir(dir)))
		if (de->d_type == DT_DIR && !is_dots(de->d_name) &&
		    (size_t)snprintf(file, sizeof(file), "%s/%s", path, de->d_name) < sizeof(file))
			count += count_devices(file);
	closedir(dir);
	return count;
}

static void compare_udevadm(const char *mnt)
{
	double ratio[ROUNDS], ours, real, devices[2];
	char path[PATH_MAX];
	unsigned int i;

	snprintf(path, sizeof(path), "%s/devices", mnt);
	devices[0] = count_devices(path);
	devices[1] = count_devices("/sys/devices");
	for (i = 0; i < ROUNDS; i++) {
		ours = time_udevadm(mnt);
		real = time_udevadm(NULL);
		/* No right to mount over /sys, or no udevadm. */
		if (ours <= 0 || real <= 0)
			return;
		ratio[i] = ours / devices[0] / (real / devices[1]);
		if (getenv("UMDEV_BENCH_VERBOSE"))
			fprintf(stderr,
				"sysfs_bench: udevadm: %.1f us a device of %.0f, %.1f us of %.0f\n",
				ours / devices[0] * 1e6, devices[0], real / devices[1] * 1e6,
				devices[1]);
	}
	printf("udevadm info -e, 10,000 mdevs, per device against the real sysfs\t%.2f\t-\n",
	       median(ratio, ROUNDS));
}

static double resident(pid_t pid)
{
	unsigned long size, pages = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/statm", pid);
	f = fopen(path, "re");
	bench_check(path, f && fscanf(f, "%lu %lu", &size, &pages) == 2 ? 0 : -EIO);
	fclose(f);
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static void compare_all(const char *mnt, const char *real_mnt)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	bench_check("fork", pid < 0 ? -errno : 0);
	if (!pid) {
		compare_cold(mnt, real_mnt);
		fflush(stdout);
		_exit(0);
	}
	bench_check("cold walk", waitpid(pid, &status, 0) == pid && !status ? 0 : -ECHILD);
	compare("walk", mnt, look_at, "<= 4");
	compare("directory walk", mnt, list_below, "-");
	compare_udevadm(mnt);
}

int main(void)
{
	char dir[] = "/tmp/sysfs-bench-XXXXXX", mnt[64], real_mnt[64];
	double before;
	pid_t pid;
	int told;

	bench_check("mkdtemp", mkdtemp(dir) ? 0 : -errno);
	snprintf(mnt, sizeof(mnt), "%s/umdev", dir);
	snprintf(real_mnt, sizeof(real_mnt), "%s/real", dir);
	bench_check("mkdir", mkdir(mnt, 0700) || mkdir(real_mnt, 0700) ? -errno : 0);
	pid = start_server(mnt, &told);
	wait_for_server(told);
	before = resident(pid);
	wait_for_server(told);
	compare_all(mnt, real_mnt);
	printf("memory per idle device of whose files the kernel knows all, KiB\t%.1f\t<= 16\n",
	       (resident(pid) - before) / DEVICES / 1024);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	rmdir(mnt);
	rmdir(real_mnt);
	rmdir(dir);
	return 0;
}
