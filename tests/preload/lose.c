/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lose.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload/client_private.h"

#define LOST_MAX    16
#define HIDDEN_FROM 100
#define IN_THERE    8

#define EVENT_DATA 0x5a5a5a5a5a5a5a5aull

/*
 * A number, what is there now, and the other one of it, or of what was there. The number that has
 * nothing is no business of the program's: the library may use it again.
 */
static struct {
	int number, other;
	enum {
		NOTHING,
		SOCKET,
		EPOLL
	} there;
} lost[LOST_MAX];
static unsigned int nr_lost;

static bool is_of_service(const struct client *client, int fd)
{
	char name[64], link[64];
	ssize_t n;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	n = readlink(name, link, sizeof(link) - 1);
	link[n < 0 ? 0 : n] = '\0';
	return fd >= HIDDEN_FROM && fd != client->kick &&
	       (!strcmp(link, "anon_inode:[eventpoll]") || !strncmp(link, "pipe:", 5));
}

static bool is_meant(const struct client *client, const char *what, int fd)
{
	if (!strcmp(what, "sockets"))
		return fd == client->fd || fd == client->twin;
	return !strcmp(what, "service") ? is_of_service(client, fd) : fd >= HIDDEN_FROM;
}

static int ready_epoll(void)
{
	struct epoll_event ev = { .events = EPOLLOUT, .data.u64 = EVENT_DATA };
	int epoll = epoll_create1(0), pair[2];

	if (epoll < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, pair[0], &ev))
		abort();
	close(pair[1]);
	return epoll;
}

static void lose_one(int fd, const char *how)
{
	int pair[2], other = -1, there = NOTHING;

	if (!strcmp(how, "kept")) {
		other = dup(fd);
	} else if (!strcmp(how, "taken")) {
		there = SOCKET;
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) ||
		    syscall(SYS_dup3, pair[0], fd, 0) != fd ||
		    write(pair[1], "12345678", IN_THERE) != IN_THERE)
			abort();
		close(pair[0]);
		other = pair[1];
	} else if (!strcmp(how, "epoll")) {
		there = EPOLL;
		other = ready_epoll();
		syscall(SYS_dup3, other, fd, 0);
	}
	if (there == NOTHING)
		syscall(SYS_close, fd);
	lost[nr_lost].number = fd;
	lost[nr_lost].other = other;
	lost[nr_lost++].there = there;
}

void lose(const char *what, const char *how, const struct client *client)
{
	int found[LOST_MAX], n = 0;
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;

	while ((entry = readdir(dir)) && n < LOST_MAX)
		if (is_meant(client, what, atoi(entry->d_name)))
			found[n++] = atoi(entry->d_name);
	closedir(dir);
	for (int i = 0; i < n; i++)
		lose_one(found[i], how);
}

/* Is what was sent to the number still there, and nothing come from it but what is written now? */
static bool is_untouched_socket(int number, int other)
{
	int here = 0, there = 0;

	return !ioctl(number, FIONREAD, &here) && here == IN_THERE &&
	       !ioctl(other, FIONREAD, &there) && !there && send(number, "x", 1, MSG_NOSIGNAL) == 1;
}

static bool is_untouched_epoll(int number)
{
	struct epoll_event ev = { 0 };

	return epoll_wait(number, &ev, 1, 0) == 1 && ev.data.u64 == EVENT_DATA;
}

bool lose_end(void)
{
	bool untouched = true;

	for (; nr_lost; nr_lost--) {
		int number = lost[nr_lost - 1].number, other = lost[nr_lost - 1].other;

		if (lost[nr_lost - 1].there == SOCKET)
			untouched = untouched && is_untouched_socket(number, other);
		else if (lost[nr_lost - 1].there == EPOLL)
			untouched = untouched && is_untouched_epoll(number);
		if (lost[nr_lost - 1].there != NOTHING)
			syscall(SYS_close, number);
		if (other >= 0)
			close(other);
	}
	return untouched;
}
