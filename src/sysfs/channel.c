/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mounting and unmounting: by ourselves where that is allowed, else with the setuid program
 * fusermount3, which sends the descriptor of the mount over a socket. Where there is no /etc/mtab
 * it mounts, but does not unmount; umount(8) then does, which asks the kernel whose mount it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <umdev/log.h>
#include "model/alloc.h"
#include "sysfs/window.h"

#define FUSERMOUNT "fusermount3"
#define UMOUNT	   "umount"
/* The name that a mount shows; the type is "fuse." and this. */
#define MOUNT_NAME "umdev"
/* Mounts that dead servers have left above one another on a directory: more are not believed. */
#define STALE_MOUNTS_MAX 32

extern char **environ;

/* Return: a descriptor, or -errno; -EPERM if a helper with more rights may do better. */
static int mount_directly(const char *path)
{
	char options[160];
	int fd, err;

	if (fault_point())
		return -EMFILE;
	fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40000,user_id=%u,group_id=%u,default_permissions,allow_other", fd,
		 (unsigned int)geteuid(), (unsigned int)getegid());
	if (mount(MOUNT_NAME, path, "fuse." MOUNT_NAME,
		  MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME, options)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

/* This process's environment and @entry, to free(); or NULL. */
static char **environ_with(char *entry)
{
	size_t n = 0;
	char **env;

	while (environ[n])
		n++;
	env = zalloc_array(n + 2, sizeof(*env));
	if (!env)
		return NULL;
	memcpy(env, environ, n * sizeof(*env));
	env[n] = entry;
	return env;
}

/*
 * Run a helper with @argv; @commfd, if not negative, is what it sends the descriptor to.
 * Return: its pid or -errno.
 */
static pid_t spawn_helper(const char *const argv[], int commfd, bool quiet)
{
	posix_spawn_file_actions_t actions;
	char comm[32];
	char **env;
	pid_t pid;
	int err;

	snprintf(comm, sizeof(comm), "_FUSE_COMMFD=%d", commfd);
	env = environ_with(commfd >= 0 ? comm : NULL);
	if (!env)
		return -ENOMEM;
	err = posix_spawn_file_actions_init(&actions);
	if (err) {
		free(env);
		return -err;
	}
	/* A dup2() onto itself takes the close-on-exec flag away. */
	if (commfd >= 0)
		err = posix_spawn_file_actions_adddup2(&actions, commfd, commfd);
	if (!err && quiet)
		err = posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null",
						       O_WRONLY, 0);
	if (!err)
		err = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv, env);
	posix_spawn_file_actions_destroy(&actions);
	free(env);
	return err ? -err : pid;
}

/* Return: did it do what it was asked for? */
static bool wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Return: the descriptor that came, or -EPERM if the peer has closed without sending one. */
static int receive_descriptor(int sock)
{
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(sizeof(size_t))));
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	ssize_t len;
	int fd;

	do {
		len = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	} while (len < 0 && errno == EINTR);
	if (len < 0)
		return -errno;
	cmsg = len ? CMSG_FIRSTHDR(&msg) : NULL;
	if (!cmsg || cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS ||
	    cmsg->cmsg_len != CMSG_LEN(sizeof(int)))
		return -EPERM;
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	return fd;
}

static int mount_with_helper(const char *path, const char *options, bool quiet)
{
	const char *const argv[] = { FUSERMOUNT, "-o", options, "--", path, NULL };
	int sock[2], fd;
	pid_t pid;

	if (fault_point())
		return -EMFILE;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock))
		return -errno;
	pid = spawn_helper(argv, sock[0], quiet);
	close(sock[0]);
	if (pid < 0) {
		close(sock[1]);
		return pid;
	}
	fd = receive_descriptor(sock[1]);
	close(sock[1]);
	wait_for(pid);
	return fd;
}

#define HELPER_OPTIONS \
	"nosuid,nodev,noexec,default_permissions,fsname=" MOUNT_NAME ",subtype=" MOUNT_NAME

static int mount_as_user(const char *path)
{
	int fd;

	fd = mount_with_helper(path, HELPER_OPTIONS ",allow_other", true);
	if (fd >= 0 || fd == -ENOENT)
		return fd;
	fd = mount_with_helper(path, HELPER_OPTIONS, false);
	if (fd >= 0)
		pr_notice("sysfs: %s can be seen by this user only; a line user_allow_other in "
			  "/etc/fuse.conf would show it to all",
			  path);
	return fd;
}

int sysfs_channel_open(const char *path)
{
	int fd = mount_directly(path), err = fd;

	if (fd == -EPERM || (fd == -EACCES && geteuid())) {
		fd = mount_as_user(path);
		if (fd == -ENOENT)
			pr_err("sysfs: %s: mounting needs root or the program " FUSERMOUNT
			       " (install the package fuse3)",
			       path);
		else if (fd < 0 && err == -EACCES)
			pr_err("sysfs: %s: cannot mount: may not open /dev/fuse (its mode or its "
			       "group has to let this user read and write)",
			       path);
		else if (fd < 0)
			pr_err("sysfs: %s: " FUSERMOUNT " could not mount (is it setuid root?)",
			       path);
	} else if (fd == -ENOENT || fd == -ENODEV || fd == -ENXIO) {
		pr_err("sysfs: %s: cannot mount: there is no FUSE here (try: modprobe fuse)", path);
	} else if (fd < 0) {
		pr_err("sysfs: %s: cannot mount: %s", path, strerror(-fd));
	}
	return fd;
}

/* Return: 0, or -errno: -EPERM if @argv did not do it. */
static int detach_with_helper(const char *const argv[])
{
	pid_t pid = spawn_helper(argv, -1, true);

	if (pid < 0)
		return pid;
	return wait_for(pid) ? 0 : -EPERM;
}

int sysfs_channel_detach(const char *path)
{
	const char *const fusermount[] = { FUSERMOUNT, "-u", "-q", "-z", "--", path, NULL };
	const char *const umount[] = { UMOUNT, "-l", "--", path, NULL };
	int err;

	if (!umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW))
		return 0;
	if (errno != EPERM)
		return -errno;
	err = detach_with_helper(fusermount);
	if (err)
		err = detach_with_helper(umount);
	if (err)
		pr_warn("sysfs: %s stays mounted: neither " FUSERMOUNT " nor " UMOUNT
			" could unmount it (is there an /etc/mtab?)",
			path);
	return err;
}

int sysfs_channel_clean(const char *path)
{
	struct stat st;
	int err;

	for (int i = 0; i < STALE_MOUNTS_MAX; i++) {
		if (!stat(path, &st))
			return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
		if (errno != ENOTCONN && errno != ECONNABORTED)
			return -errno;
		pr_notice("sysfs: %s: unmounting what a server that died has left", path);
		err = sysfs_channel_detach(path);
		if (err)
			return err;
	}
	return -EBUSY;
}
