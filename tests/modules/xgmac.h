/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The registers of the device of xgmac.c, for it and for its users: guests, firmware, programs.
 *
 * Those up to 0xfff that Linux's driver for "calxeda,hb-xgmac" knows are where it has them, if they
 * are here at all. What follows "of the tests" no real one has.
 */
#ifndef UMDEV_TESTS_MODULES_XGMAC_H
#define UMDEV_TESTS_MODULES_XGMAC_H

#define XGMAC_SIZE    4096
#define XGMAC_NR_IRQS 3

/*
 * Of the tests: a device may have a second region, memory of this size that can be mapped.
 * XGMAC_TEST_PEEK is how the device itself sees it.
 */
#define XGMAC_MEMORY_SIZE 4096

#define XGMAC_CONTROL	   0x000 /* kept, nothing else */
#define XGMAC_VERSION	   0x020 /* read only */
#define XGMAC_ADDR_HIGH	   0x040 /* kept */
#define XGMAC_ADDR_LOW	   0x044 /* kept */
#define XGMAC_DMA_CONTROL  0xf18 /* kept */
#define XGMAC_DMA_INTR_ENA 0xf1c /* kept */

/* Of the tests: bit n is interrupt n. */
#define XGMAC_TEST_RAISE   0xd00 /* write 1: raise it. Read: which are raised */
#define XGMAC_TEST_ACK	   0xd04 /* write 1: lower it. Read: 0 */
#define XGMAC_TEST_RAISED  0xd08 /* read: how often any was raised; a write sets it to 0 */
#define XGMAC_TEST_PEEK	   0xd0c /* write an offset in the memory. Read: the word there */
#define XGMAC_TEST_SCRATCH 0xd10 /* four registers that are kept */

#define XGMAC_VERSION_VALUE 0x1012

#endif
