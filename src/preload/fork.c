/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "preload/file_pool.h"
#include "preload/fork.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
/* Whose memory this is, and a page that the kernel wipes in a child that has its own. */
static _Atomic(pid_t) owner;
static _Atomic(unsigned char) *mark;
static __thread sigset_t signals_at_fork;
static __thread bool locked_at_fork;

/* @held: this thread has the lock, from before the fork; else one may have it that is not here. */
static void adopt(bool held)
{
	if (held)
		pthread_mutex_unlock(&lock);
	else
		pthread_mutex_init(&lock, NULL);
	owner = getpid();
	if (mark)
		*mark = 1;
	file_pool_forked();
}

static void before_fork(void)
{
	locked_at_fork = process_lock(&signals_at_fork);
}

static void after_fork(void)
{
	if (locked_at_fork)
		process_unlock(&signals_at_fork);
}

static void after_fork_in_child(void)
{
	adopt(locked_at_fork);
	if (locked_at_fork)
		pthread_sigmask(SIG_SETMASK, &signals_at_fork, NULL);
}

static void begin(void)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page != MAP_FAILED && madvise(page, size, MADV_WIPEONFORK)) {
		munmap(page, size);
		page = MAP_FAILED;
	}
	if (page != MAP_FAILED) {
		mark = page;
		*mark = 1;
	}
	owner = getpid();
	pthread_atfork(before_fork, after_fork, after_fork_in_child);
}

bool process_lock(sigset_t *saved)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, saved);
	pthread_once(&once, begin);
	if (mark && !*mark) {
		/* By a system call of the program's own; no handler has run. */
		adopt(false);
	} else if (getpid() != owner) {
		pthread_sigmask(SIG_SETMASK, saved, NULL);
		return false;
	}
	pthread_mutex_lock(&lock);
	return true;
}

void process_unlock(const sigset_t *saved)
{
	pthread_mutex_unlock(&lock);
	pthread_sigmask(SIG_SETMASK, saved, NULL);
}
