/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A thread for each write that waits; the main thread waits for them, for signals and for the time
 * after which users are disconnected. A thread says by SIGUSR2 that it is done.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "umdev/release.h"

/* How often who is still there is disconnected: one may have come before the removal began. */
#define AGAIN_SECONDS 1

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards .done and .err of all */

void release_say_waiting(const struct cli *cli, const char *path, const char *name)
{
	char *user = tree_vfio_attr(path, "user");

	if (user && *user && cli->force < 0)
		fprintf(stderr, "umdev: waiting for %s to let go of %s\n", user, name);
	else if (user && *user && cli->force)
		fprintf(stderr,
			"umdev: waiting for %s to let go of %s, for %d s; then its connection is "
			"closed\n",
			user, name, cli->force);
	free(user);
}

void release_disconnect(const char *path, const char *name)
{
	char *user = tree_vfio_attr(path, "user");
	int err;

	if (user && *user) {
		fprintf(stderr, "umdev: closing the connection of %s to %s\n", user, name);
		err = tree_write_vfio_attr(path, "disconnect", "1");
		/* It may have gone meanwhile. */
		if (err && err != -ENOENT && err != -ENODEV)
			cli_fail("%s can't be disconnected from %s: %s", user, name,
				 strerror(-err));
	}
	free(user);
}

static void *release_run(void *arg)
{
	struct release *r = arg;
	int err = r->run(r);

	pthread_mutex_lock(&lock);
	r->err = err;
	r->done = true;
	pthread_kill(r->waiter, SIGUSR2);
	pthread_mutex_unlock(&lock);
	return NULL;
}

static bool is_done(const struct release *r)
{
	bool done;

	pthread_mutex_lock(&lock);
	done = r->done;
	pthread_mutex_unlock(&lock);
	return done;
}

static bool all_done(const struct release *releases, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!is_done(&releases[i]))
			return false;
	return true;
}

static void disconnect_users(const struct release *releases, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!is_done(&releases[i]))
			releases[i].disconnect(&releases[i]);
}

/* The threads die with the program; what they have begun does not. */
static void leave(const struct release *releases, size_t n, int sig)
{
	sigset_t set;
	size_t i;

	for (i = 0; i < n; i++)
		if (!is_done(&releases[i]))
			cli_fail("not waiting any longer: the %s of %s goes on in umdevd",
				 releases[i].what, releases[i].name);
	signal(sig, SIG_DFL);
	raise(sig);
	sigemptyset(&set);
	sigaddset(&set, sig);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* Add a signal, unless whoever started this program wants it to be ignored. */
static void add_signal(sigset_t *set, int sig)
{
	struct sigaction action;

	if (sigaction(sig, NULL, &action) || action.sa_handler != SIG_IGN)
		sigaddset(set, sig);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Wait for a signal. Return: which, or 0 when it is @until. */
static int next_signal(const sigset_t *set, int64_t until)
{
	struct timespec t;
	int64_t left;
	int sig;

	do {
		left = until - now_ms();
		if (left < 0)
			left = 0;
		t.tv_sec = left / 1000;
		t.tv_nsec = left % 1000 * 1000000;
		sig = until < 0 ? sigwaitinfo(set, NULL) : sigtimedwait(set, NULL, &t);
	} while (sig < 0 && errno == EINTR);
	return sig < 0 ? 0 : sig;
}

static void wait_for_all(const struct release *releases, size_t n, const sigset_t *set)
{
	int force = releases->cli->force;
	int64_t until = force < 0 ? -1 : now_ms() + (int64_t)force * 1000;
	int sig;

	while (!all_done(releases, n)) {
		sig = next_signal(set, until);
		if (sig && sig != SIGUSR2)
			leave(releases, n, sig);
		if (until >= 0 && now_ms() >= until) {
			disconnect_users(releases, n);
			until = now_ms() + AGAIN_SECONDS * 1000;
		}
	}
}

/* One that was not waited for any more would end the program. */
static void take_pending(int sig)
{
	const struct timespec at_once = { 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	while (sigtimedwait(&set, NULL, &at_once) == sig)
		;
}

void release_all(struct release *releases, size_t n)
{
	sigset_t set, old;
	size_t i;
	int err;

	if (!n)
		return;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	add_signal(&set, SIGINT);
	add_signal(&set, SIGTERM);
	add_signal(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, &old);
	for (i = 0; i < n; i++) {
		releases[i].waiter = pthread_self();
		/* Not into @err, which is the thread's from now on. */
		err = pthread_create(&releases[i].thread, NULL, release_run, &releases[i]);
		if (err)
			exit(cli_fail("no thread can be started: %s", strerror(err)));
	}
	wait_for_all(releases, n, &set);
	for (i = 0; i < n; i++)
		pthread_join(releases[i].thread, NULL);
	take_pending(SIGUSR2);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}
