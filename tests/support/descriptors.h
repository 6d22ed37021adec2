/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a failed step may leave behind in a process.
 */
#ifndef TESTS_SUPPORT_DESCRIPTORS_H
#define TESTS_SUPPORT_DESCRIPTORS_H

/** descriptors_count - how many descriptors are open. The same number is added each time. */
int descriptors_count(void);

#endif
