/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watches what must never be, at every moment at which it can be seen:
 *
 * - Instructions. The program has functions of its own by the names of the machine's, which modules
 *   find first. A queue that one user (the host, or an open guest) has used is not used by another
 *   before it was reset, and nobody gets a reply to somebody else's request.
 * - Matrices, under the lock of the module vfio_ap: no queue in two guests' matrices, nor assigned
 *   twice, and those that guests have are bound to vfio_ap.
 */
#ifndef TESTS_AP_MODEL_WATCH_H
#define TESTS_AP_MODEL_WATCH_H

#include <umdev/ap.h>

/* Who uses queues: the host. Guests have numbers above. */
#define WATCH_HOST 1

/** watch_start - the module "ap" is loaded from this directory. Before any user. Aborts. */
void watch_start(const char *modules);

/** watch_user - this thread is this user from now on; WATCH_HOST at first. */
void watch_user(uint32_t user);
/** watch_psmid - the next number for a request of this thread's user. */
uint64_t watch_psmid(void);

/**
 * watch_replaced - queues with this card (or any: -1) and this domain (or any) were taken out of
 * the machine, and what may come in their place is new
 */
void watch_replaced(int card, int domain);

/** watch_counts - how many uses, changes of users and resets were seen. */
void watch_counts(unsigned long *uses, unsigned long *changes, unsigned long *resets);

/**
 * watch_matrices - look at all matrices at one moment
 *
 * In the test's vfio_ap, which the caller keeps loaded. Aborts. Return: how many queues guests
 * have.
 */
UMDEV_API unsigned int watch_matrices(void);

#endif
