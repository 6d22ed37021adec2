/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Huge pages, which few machines have reserved.
 */
#ifndef TESTS_SUPPORT_HUGE_PAGES_H
#define TESTS_SUPPORT_HUGE_PAGES_H

#include <stdint.h>

#define HUGE_PAGE (UINT64_C(2) << 20)

/**
 * huge_memory - a memfd of one huge page, mapped
 *
 * If there are none the machine is allowed to make some until huge_memory_free(), which takes root.
 * One test at a time has that. Return: the page, or NULL, and there is nothing to free.
 */
uint8_t *huge_memory(int *fd);
void huge_memory_free(uint8_t *mem, int fd);

#endif
