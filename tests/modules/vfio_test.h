/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The hardware "umdev,conformance": as much of a PL061, a PL031 and a memory as tests/conformance
 * has asked of a real one (vfio_api/platform.c), and an engine that copies.
 *
 *   region 0  4096 bytes, can be mapped; interrupt 0, by level
 *   region 1  2048 bytes, cannot; interrupt 1, by edge
 *   region 2  8192 bytes of memory, can be mapped
 */
#ifndef TESTS_MODULES_VFIO_TEST_H
#define TESTS_MODULES_VFIO_TEST_H

#include <umdev/platform.h>

enum {
	TEST_GPIO,
	TEST_CLOCK,
	TEST_MEMORY,
	TEST_NR_REGIONS
};

enum {
	TEST_LEVEL,
	TEST_EDGE,
	TEST_NR_IRQS
};

#define TEST_MEMORY_SIZE 8192

/* Region 0, a PL061's; its inputs are low. What it asserts is MIS. */
#define TEST_GPIO_IS	0x404
#define TEST_GPIO_IBE	0x408
#define TEST_GPIO_IEV	0x40c
#define TEST_GPIO_IE	0x410
#define TEST_GPIO_RIS	0x414
#define TEST_GPIO_MIS	0x418
#define TEST_GPIO_IC	0x41c
#define TEST_GPIO_AFSEL 0x420
#define TEST_GPIO_ID	0xfd0

/* And what no PL061 has. */
#define TEST_ADDRESS   0x800 /* 8 bytes, in two accesses of 4 */
#define TEST_LENGTH    0x808
#define TEST_COPY      0x80c /* 1: into the memory of region 2, 2: out of it. 0 when it is over */
#define TEST_STATUS    0x810 /* of the last copy: 0 or an error number */
#define TEST_RESETS    0x900 /* how often it was written to, which a reset does */
#define TEST_FAIL      0x904 /* error number of the resets that come */
#define TEST_ACCESSES  0x908 /* of other registers from 0xa00 on, and their sizes */
#define TEST_LAST_SIZE 0x90c
#define TEST_COUNTED   0xa00

/* Region 1, a PL031's; its alarm rings when it is set to the time that it is. */
#define TEST_CLOCK_DR	0x00
#define TEST_CLOCK_MR	0x04
#define TEST_CLOCK_IMSC 0x10
#define TEST_CLOCK_RIS	0x14
#define TEST_CLOCK_MIS	0x18
#define TEST_CLOCK_ICR	0x1c

extern const struct platform_hw_ops vfio_test_ops;

#endif
