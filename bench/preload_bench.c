/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the VFIO library costs a program that is not about VFIO: calls on other files with the
 * library in front of the C library and without.
 *
 * This program runs itself three times: without the library, with it, and with it and an open
 * container of VFIO. The three take turns at each call, so that all see the same machine, and the
 * typical turn of each counts (see stats.h). A container can be opened where this user may make a
 * device node; elsewhere the first two are compared.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <umdev/util.h>
#include <unistd.h>

#include "stats.h"

#define TURNS 1000
#define CALLS 500
#define PAGE  4096

/* ---- the calls ---- */

static int null, zero, pipes[2];

static void call_open(void)
{
	close(open("/dev/null", O_RDWR | O_CLOEXEC));
}

static void call_read(void)
{
	char byte;

	bench_check("read", read(zero, &byte, 1));
}

static void call_pread(void)
{
	char byte;

	bench_check("pread", pread(zero, &byte, 1, 0));
}

static void call_write(void)
{
	bench_check("write", write(null, "x", 1));
}

static void call_ioctl(void)
{
	int waiting;

	bench_check("ioctl", ioctl(pipes[0], FIONREAD, &waiting));
}

static void call_fcntl(void)
{
	bench_check("fcntl", fcntl(null, F_GETFD));
}

static void call_mmap(void)
{
	munmap(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, zero, 0), PAGE);
}

static void call_close(void)
{
	close(dup(null));
}

static const struct {
	const char *name;
	void (*call)(void);
} calls[] = {
	{ "open and close", call_open },  { "read", call_read },	   { "pread", call_pread },
	{ "write", call_write },	  { "ioctl", call_ioctl },	   { "fcntl", call_fcntl },
	{ "mmap and munmap", call_mmap }, { "dup and close", call_close },
};

/* ---- those who take turns ---- */

enum role {
	WITHOUT,
	WITH,
	WITH_OPEN,
	ROLES,
};

struct player {
	pid_t pid;
	int fd;
};

/* Nanoseconds for one of many calls. */
static double take_turn(size_t which)
{
	double before = now(CLOCK_MONOTONIC);
	int i;

	for (i = 0; i < CALLS; i++)
		calls[which].call();
	return (now(CLOCK_MONOTONIC) - before) / CALLS * 1e9;
}

/* Plays with whoever is on stdin. */
static int play(const char *vfio)
{
	uint32_t which;
	double took;

	null = open("/dev/null", O_RDWR);
	zero = open("/dev/zero", O_RDWR);
	bench_check("pipe", pipe(pipes) ? -errno : 0);
	if (vfio && open(vfio, O_RDWR) < 0)
		return 2;
	took = 0;
	while (send(STDIN_FILENO, &took, sizeof(took), 0) == sizeof(took) &&
	       recv(STDIN_FILENO, &which, sizeof(which), 0) == sizeof(which))
		took = take_turn(which);
	return 0;
}

/* Return: false: it cannot play. */
static bool start(struct player *player, enum role role, const char *vfio)
{
	double ready;
	int pair[2];

	bench_check("socketpair",
		    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) ? -errno : 0);
	player->fd = pair[0];
	player->pid = fork();
	bench_check("fork", player->pid < 0 ? -errno : 0);
	if (!player->pid) {
		dup2(pair[1], STDIN_FILENO);
		if (role == WITHOUT)
			unsetenv("LD_PRELOAD");
		else
			setenv("LD_PRELOAD", VFIO_LIBRARY, 1);
		execl("/proc/self/exe", "preload_bench", "--play", role == WITH_OPEN ? vfio : NULL,
		      NULL);
		_exit(1);
	}
	close(pair[1]);
	return recv(player->fd, &ready, sizeof(ready), 0) == sizeof(ready);
}

static void stop(struct player *player)
{
	close(player->fd);
	waitpid(player->pid, NULL, 0);
}

static double ask(const struct player *player, uint32_t which)
{
	double took;

	if (send(player->fd, &which, sizeof(which), 0) != sizeof(which) ||
	    recv(player->fd, &took, sizeof(took), 0) != sizeof(took)) {
		fprintf(stderr, "preload_bench: a player is gone\n");
		exit(1);
	}
	return took;
}

/* ---- the comparison ---- */

static void compare(const struct player *players, enum role roles, uint32_t which)
{
	static double took[ROLES][TURNS];
	double figures[ROLES] = { 0 }, worst = 0;
	enum role role;
	size_t turn;

	for (turn = 0; turn < TURNS; turn++)
		for (role = 0; role < roles; role++)
			took[role][turn] = ask(&players[role], which);
	for (role = 0; role < roles; role++)
		figures[role] = typical(took[role], TURNS);
	for (role = WITH; role < roles; role++)
		if (role == WITH || figures[role] - figures[WITHOUT] > worst)
			worst = figures[role] - figures[WITHOUT];
	if (worst > 20)
		fprintf(stderr,
			"preload_bench: %s: %.0f ns without, %.0f with, %.0f with VFIO open\n",
			calls[which].name, figures[WITHOUT], figures[WITH], figures[WITH_OPEN]);
	printf("%s of other files with the VFIO library, ns more\t%.1f\t<= 20\n", calls[which].name,
	       worst);
}

/* All of them on the processor that this one is on: others may be slower just now. */
static void stay_here(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

int main(int argc, char **argv)
{
	char dir[] = "/tmp/umdev-bench-XXXXXX", vfio[sizeof(dir) + 8];
	struct player players[ROLES];
	enum role role, roles = ROLES;
	uint32_t which;

	if (argc > 1)
		return play(argv[2]);
	stay_here();
	bench_check("mkdtemp", mkdtemp(dir) ? 0 : -errno);
	snprintf(vfio, sizeof(vfio), "%s/vfio", dir);
	if (mknod(vfio, S_IFCHR | 0600, makedev(10, 196)))
		roles = WITH_OPEN;
	for (role = 0; role < roles; role++) {
		if (start(&players[role], role, vfio))
			continue;
		stop(&players[role]);
		if (role != WITH_OPEN)
			bench_check("start", -ECHILD);
		roles = WITH_OPEN;
	}
	unlink(vfio);
	rmdir(dir);
	if (roles < ROLES)
		fprintf(stderr, "preload_bench: nobody here can open VFIO's container\n");
	for (which = 0; which < ARRAY_SIZE(calls); which++)
		compare(players, roles, which);
	for (role = 0; role < roles; role++)
		stop(&players[role]);
	return 0;
}
