/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Threads of drivers, and of umdev itself.
 *
 * Signals belong to the program that has the modules loaded: who made a thread with
 * pthread_create() alone would get some of them. The exception are those that a thread raises
 * itself by what it does. A thread that touches a user's memory must not block SIGBUS: that is how
 * umdev hears that the user has cut the memory off (umdev/vfio.h).
 */
#ifndef UMDEV_THREAD_H
#define UMDEV_THREAD_H

#include <pthread.h>
#include <signal.h>
#include <stddef.h>

/**
 * umdev_thread_start - pthread_create() that leaves signals to others
 * @thread: to be joined, by whoever starts it
 * @name:   at most 15 bytes, as ps(1) shows it; NULL: the program's
 *
 * Context: any that may allocate. Return: 0, -EAGAIN (no more threads).
 */
static inline int umdev_thread_start(pthread_t *thread, const char *name, void *(*fn)(void *data),
				     void *data)
{
	static const int own[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS };
	sigset_t block, old;
	size_t i;
	int err;

	sigfillset(&block);
	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		sigdelset(&block, own[i]);
	pthread_sigmask(SIG_BLOCK, &block, &old);
	err = pthread_create(thread, NULL, fn, data);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!err && name)
		pthread_setname_np(*thread, name);
	return -err;
}

#endif
