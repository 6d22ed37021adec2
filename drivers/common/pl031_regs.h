/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The registers of the PL031, for the hardware and its drivers.
 *
 * Source: PrimeCell Real Time Clock (PL031) Technical Reference Manual, ARM DDI 0224, chapter 3.
 */
#ifndef COMMON_PL031_REGS_H
#define COMMON_PL031_REGS_H

#define PL031_DR   0x000 /* data: the counter, in seconds */
#define PL031_MR   0x004 /* match */
#define PL031_LR   0x008 /* load */
#define PL031_CR   0x00c
#define PL031_IMSC 0x010
#define PL031_RIS  0x014
#define PL031_MIS  0x018
#define PL031_ICR  0x01c
#define PL031_ID   0xfe0 /* PeriphID0 to 3, PCellID0 to 3: eight of them */

#define PL031_SIZE 0x1000

#define PL031_CR_START 0x1
#define PL031_INT      0x1 /* IMSC, RIS, MIS, ICR */

#endif
