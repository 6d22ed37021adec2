/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Preloaded into umdev: makes one of its system calls fail, or kills it there.
 *
 * FAIL_STEP=N: the N-th one, of all that are named below; of calls from the same place in a loop
 * the first two count. FAIL_CALL=NAME: the first one of this name. FAIL_ERRNO=NUMBER is what it
 * fails with (ENOMEM); FAIL_KILL=1 kills instead. The file FAIL_MARK is made when it has happened.
 * FAIL_HOLD=FIFO does not let it fail: it writes a byte to the FIFO and waits until nobody is there
 * to read it any more.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PLACES	  512
#define PER_PLACE 2

static struct {
	const void *place;
	int calls;
} seen[PLACES];
static int steps;

static bool is_umdev(void)
{
	return strcmp(program_invocation_short_name, "umdev") == 0;
}

static bool counts(const void *place)
{
	size_t i;

	for (i = 0; i < PLACES && seen[i].place && seen[i].place != place; i++)
		;
	if (i == PLACES)
		abort();
	seen[i].place = place;
	return seen[i].calls++ < PER_PLACE;
}

static void leave_mark(void)
{
	const char *mark = getenv("FAIL_MARK");

	if (mark)
		close((int)syscall(SYS_openat, AT_FDCWD, mark, O_WRONLY | O_CREAT, 0666));
}

static bool hold(void)
{
	const char *fifo = getenv("FAIL_HOLD");
	struct pollfd end = { .events = 0 };

	if (!fifo)
		return false;
	/* Without a reader there is nobody to wait for. */
	end.fd = (int)syscall(SYS_openat, AT_FDCWD, fifo, O_WRONLY | O_NONBLOCK);
	if (end.fd < 0)
		return true;
	if (write(end.fd, "", 1) == 1)
		poll(&end, 1, -1);
	close(end.fd);
	return true;
}

static bool has_to_fail(const char *name, const void *place)
{
	const char *step = getenv("FAIL_STEP"), *call = getenv("FAIL_CALL"),
		   *number = getenv("FAIL_ERRNO");

	if (!is_umdev() || !counts(place))
		return false;
	steps++;
	if (!(step && atoi(step) == steps) && !(call && strcmp(call, name) == 0))
		return false;
	leave_mark();
	if (hold())
		return false;
	if (getenv("FAIL_KILL"))
		raise(SIGKILL);
	errno = number ? atoi(number) : ENOMEM;
	return true;
}

#define STEP(type, name, failed, params, args)                                                 \
	type name params;                                                                      \
	type name params                                                                       \
	{                                                                                      \
		type(*next) params = (type(*) params)dlsym(RTLD_NEXT, #name);                  \
                                                                                               \
		return has_to_fail(#name, __builtin_return_address(0)) ? (failed) : next args; \
	}

STEP(int, unshare, -1, (int flags), (flags))
STEP(int, setns, -1, (int fd, int type), (fd, type))
STEP(int, mount, -1,
     (const char *source, const char *target, const char *type, unsigned long flags,
      const void *data),
     (source, target, type, flags, data))
STEP(int, fsopen, -1, (const char *name, unsigned int flags), (name, flags))
STEP(int, fsmount, -1, (int fd, unsigned int flags, unsigned int attr), (fd, flags, attr))
STEP(int, open_tree, -1, (int fd, const char *path, unsigned int flags), (fd, path, flags))
STEP(int, move_mount, -1,
     (int from, const char *path, int to, const char *target, unsigned int flags),
     (from, path, to, target, flags))
STEP(int, mknodat, -1, (int fd, const char *path, mode_t mode, dev_t dev), (fd, path, mode, dev))
STEP(int, mkdirat, -1, (int fd, const char *path, mode_t mode), (fd, path, mode))
STEP(int, symlinkat, -1, (const char *target, int fd, const char *path), (target, fd, path))
STEP(int, fchownat, -1, (int fd, const char *path, uid_t uid, gid_t gid, int flags),
     (fd, path, uid, gid, flags))
STEP(int, socket, -1, (int domain, int type, int protocol), (domain, type, protocol))
STEP(int, connect, -1, (int fd, const struct sockaddr *addr, socklen_t len), (fd, addr, len))
STEP(ssize_t, sendmsg, -1, (int fd, const struct msghdr *msg, int flags), (fd, msg, flags))
STEP(ssize_t, recvmsg, -1, (int fd, struct msghdr *msg, int flags), (fd, msg, flags))
STEP(int, pipe2, -1, (int fds[2], int flags), (fds, flags))
STEP(pid_t, fork, -1, (void), ())
STEP(FILE *, fopen, NULL, (const char *path, const char *mode), (path, mode))
STEP(FILE *, fopen64, NULL, (const char *path, const char *mode), (path, mode))
STEP(int, setenv, -1, (const char *name, const char *value, int replace), (name, value, replace))

#define OPEN_STEP(name, params, ...)                                                              \
	int name params;                                                                          \
	int name params                                                                           \
	{                                                                                         \
		int(*next) params = (int(*) params)dlsym(RTLD_NEXT, #name);                       \
		va_list ap;                                                                       \
		mode_t mode;                                                                      \
                                                                                                  \
		va_start(ap, flags);                                                              \
		mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;                                  \
		va_end(ap);                                                                       \
		return has_to_fail(#name, __builtin_return_address(0)) ? -1                       \
								       : next(__VA_ARGS__, mode); \
	}

OPEN_STEP(open, (const char *path, int flags, ...), path, flags)
OPEN_STEP(open64, (const char *path, int flags, ...), path, flags)
OPEN_STEP(openat, (int fd, const char *path, int flags, ...), fd, path, flags)
OPEN_STEP(openat64, (int fd, const char *path, int flags, ...), fd, path, flags)
