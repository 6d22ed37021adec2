/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The caller of a show() or store(): somebody, mostly a process in a system call, who waits for the
 * method to end. A method that waits for somebody else may let it go.
 */
#ifndef UMDEV_CALLER_H
#define UMDEV_CALLER_H

#include <umdev/util.h>

/**
 * caller_may_leave - the method waits for somebody; whoever called it need not
 *
 * For a method that waits for what may never come (a user who is asked to let go of a device),
 * and either has begun what goes on without the caller, or does not begin it without it: an EINTR
 * at any other place would leave the caller with a wrong idea of what happens.
 *
 * Context: any; nothing happens in a thread that runs no method. Ended by caller_stays().
 */
UMDEV_API void caller_may_leave(void);

/** caller_stays - the wait is over. Return: is the caller still there? True if there was none. */
UMDEV_API bool caller_stays(void);

#endif
