/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "umdev/view.h"

/* A map of user or group numbers has at most 340 lines; nobody has that many. */
#define MAP_SIZE 4096

static const struct {
	enum descriptor kind;
	int type;
	const char *path;
	const char *name;
} namespaces[] = {
	/* The user namespace first: it gives the right to enter the others. */
	{ DESCRIPTOR_USER, CLONE_NEWUSER, "/proc/self/ns/user", "user" },
	{ DESCRIPTOR_NET, CLONE_NEWNET, "/proc/self/ns/net", "network" },
	{ DESCRIPTOR_MNT, CLONE_NEWNS, "/proc/self/ns/mnt", "mount" },
};

static bool has_sys_admin(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	return syscall(SYS_capget, &header, data) == 0 &&
	       (data[CAP_TO_INDEX(CAP_SYS_ADMIN)].effective & CAP_TO_MASK(CAP_SYS_ADMIN));
}

static int say_no_user_namespace(int err)
{
	const char * or = geteuid() ? "; or use an umdevd of root" : "";

	switch (err) {
	case ENOSPC:
	case EUSERS:
		return cli_fail("no more user namespaces may be made here (raise the sysctl "
				"user.max_user_namespaces%s)",
				or);
	case EPERM:
	case EACCES:
		return cli_fail("user namespaces are forbidden here (sysctl "
				"kernel.unprivileged_userns_clone=1, or "
				"kernel.apparmor_restrict_unprivileged_userns=0, or the seccomp "
				"profile of a container%s)",
				or);
	case EINVAL:
	case ENOSYS:
		return cli_fail("this kernel has no user namespaces (CONFIG_USER_NS%s)", or);
	}
	return cli_fail("can't make a user namespace: %s", strerror(err));
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

/* ---- an ordinary user ---- */

static int map_to_root(uid_t uid, gid_t gid)
{
	char uid_map[32], gid_map[32];
	int err;

	snprintf(uid_map, sizeof(uid_map), "0 %u 1\n", (unsigned int)uid);
	snprintf(gid_map, sizeof(gid_map), "0 %u 1\n", (unsigned int)gid);
	err = write_file("/proc/self/setgroups", "deny");
	if (!err)
		err = write_file("/proc/self/gid_map", gid_map);
	return err ? err : write_file("/proc/self/uid_map", uid_map);
}

static int become_root_of_own(bool own_net)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int err;

	if (unshare(CLONE_NEWUSER))
		return say_no_user_namespace(errno);
	err = map_to_root(uid, gid);
	if (err)
		return say_no_user_namespace(-err);
	if (own_net && unshare(CLONE_NEWNET))
		return cli_fail("can't make a network namespace: %s", strerror(errno));
	return 0;
}

/* ---- root ---- */

/* All numbers that there are here, as themselves. */
static int map_all(pid_t pid, const char *which)
{
	char path[64], map[MAP_SIZE] = "";
	unsigned int first, count;
	size_t len = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/%s", which);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	while (len < sizeof(map) && fscanf(f, "%u %*u %u", &first, &count) == 2)
		len += (size_t)snprintf(map + len, sizeof(map) - len, "%u %u %u\n", first, first,
					count);
	fclose(f);
	if (len >= sizeof(map))
		return -E2BIG;
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, which);
	return write_file(path, map);
}

/* The child that has the namespaces until its parent has got them, or is gone. */
static void keep_namespaces(int report, int end)
{
	int err = unshare(CLONE_NEWUSER | CLONE_NEWNET) ? errno : 0;
	char byte;

	if (write(report, &err, sizeof(err)) == sizeof(err))
		while (read(end, &byte, 1) < 0 && errno == EINTR)
			;
	_exit(0);
}

static int enter_network_of(pid_t pid, int report)
{
	char path[64];
	ssize_t len;
	int err, fd;

	do {
		len = read(report, &err, sizeof(err));
	} while (len < 0 && errno == EINTR);
	if (len != sizeof(err))
		return cli_fail("can't make a network namespace: the helper process has died");
	if (err)
		return say_no_user_namespace(err);
	err = map_all(pid, "uid_map");
	if (!err)
		err = map_all(pid, "gid_map");
	if (err)
		return cli_fail("can't set up the user namespace of the view's network: %s",
				strerror(-err));
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET)) {
		cli_fail("can't enter the view's network namespace: %s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return EXIT_FAILURE;
	}
	close(fd);
	return 0;
}

static int make_network(void)
{
	int report[2], end[2], status;
	pid_t pid;

	if (pipe2(report, O_CLOEXEC) || pipe2(end, O_CLOEXEC))
		return cli_fail("can't make a pipe: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		return cli_fail("can't start a helper process: %s", strerror(errno));
	if (pid == 0) {
		close(end[1]);
		keep_namespaces(report[1], end[0]);
	}
	close(report[1]);
	close(end[0]);
	status = enter_network_of(pid, report[0]);
	close(end[1]);
	close(report[0]);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* ---- both ---- */

static int bring_up_loopback(void)
{
	struct ifreq lo = { .ifr_name = "lo" };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), status = 0;

	if (fd < 0)
		return cli_fail("can't make a socket: %s", strerror(errno));
	if (ioctl(fd, SIOCGIFFLAGS, &lo) == 0)
		lo.ifr_flags |= IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &lo))
		status = cli_fail("can't bring up the loopback device: %s", strerror(errno));
	close(fd);
	return status;
}

static int open_namespaces(bool user, bool net, struct descriptors *desc)
{
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(namespaces); i++) {
		if ((namespaces[i].kind == DESCRIPTOR_USER && !user) ||
		    (namespaces[i].kind == DESCRIPTOR_NET && !net))
			continue;
		fd = open(namespaces[i].path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return cli_fail("%s: %s", namespaces[i].path, strerror(errno));
		desc->fd[namespaces[i].kind] = fd;
	}
	return 0;
}

int namespaces_make(bool own_net, struct descriptors *desc)
{
	bool user = geteuid() != 0;

	if (!user && !has_sys_admin())
		return cli_fail("root may not mount here: CAP_SYS_ADMIN is missing (in a "
				"container: --cap-add SYS_ADMIN --device /dev/fuse, or use an "
				"umdevd of an ordinary user)");
	if (user ? become_root_of_own(own_net) : own_net && make_network())
		return EXIT_FAILURE;
	if (unshare(CLONE_NEWNS))
		return cli_fail("can't make a mount namespace: %s", strerror(errno));
	/* What the host mounts later is seen here too, but nothing of ours there. */
	if (mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL))
		return cli_fail("can't set mounts apart from the host's: %s", strerror(errno));
	if (own_net && bring_up_loopback())
		return EXIT_FAILURE;
	return open_namespaces(user, own_net, desc);
}

static bool is_in(int fd, const char *path)
{
	struct stat ours, theirs;

	return stat(path, &ours) == 0 && fstat(fd, &theirs) == 0 && ours.st_ino == theirs.st_ino &&
	       ours.st_dev == theirs.st_dev;
}

int namespaces_enter(const struct descriptors *desc)
{
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(namespaces); i++) {
		fd = desc->fd[namespaces[i].kind];
		if (fd < 0 || is_in(fd, namespaces[i].path) || setns(fd, namespaces[i].type) == 0)
			continue;
		if (errno != EPERM)
			return cli_fail("can't enter the view's %s namespace: %s",
					namespaces[i].name, strerror(errno));
		return cli_fail(
			"not allowed to enter the view's %s namespace from here (this shell "
			"is in another view or in a container, or CAP_SYS_ADMIN is missing)",
			namespaces[i].name);
	}
	return 0;
}
