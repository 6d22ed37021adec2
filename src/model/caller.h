/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The caller of a show() or store(): somebody, mostly a process in a system call, who waits for the
 * method to end.
 *
 * A window sets it up around the methods that it calls, and a method may say when it need not be
 * waited for. Neither knows of the other; without a window, or with one that can't let anybody go,
 * nothing happens.
 */
#ifndef UMDEV_MODEL_CALLER_H
#define UMDEV_MODEL_CALLER_H

#include <umdev/caller.h>

/**
 * struct caller - who waits, as its window knows it
 * @may_leave: from now on a signal lets it go, with EINTR; also one that came before
 * @stays:     from now on it waits for the end of the method, if it has not left.
 *             Return: is it still there?
 *
 * Called in pairs by the thread that runs the method, with no lock of the window's.
 */
struct caller {
	void (*may_leave)(struct caller *caller);
	bool (*stays)(struct caller *caller);
};

/**
 * caller_set - the methods that this thread runs from now on are for @caller
 * @caller: of the window's, there until it sets another; NULL: for nobody who could leave
 */
void caller_set(struct caller *caller);

#endif
