/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A transport that lets the stress open devices while they come and go. */
#ifndef TESTS_STRESS_USERS_H
#define TESTS_STRESS_USERS_H

/**
 * users_visit - open some device, use it, close it; nothing if there is none. @seed: see rand_r().
 */
void users_visit(unsigned int *seed);
/** users_visits - how many devices were opened until now. */
unsigned long users_visits(void);

#endif
