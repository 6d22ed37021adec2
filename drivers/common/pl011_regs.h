/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The registers of the PL011, for the hardware and its drivers.
 *
 * Source: PrimeCell UART (PL011) Technical Reference Manual, ARM DDI 0183, chapter 3.
 */
#ifndef COMMON_PL011_REGS_H
#define COMMON_PL011_REGS_H

#define PL011_DR      0x000
#define PL011_RSR_ECR 0x004
#define PL011_FR      0x018
#define PL011_ILPR    0x020
#define PL011_IBRD    0x024
#define PL011_FBRD    0x028
#define PL011_LCR_H   0x02c
#define PL011_CR      0x030
#define PL011_IFLS    0x034
#define PL011_IMSC    0x038
#define PL011_RIS     0x03c
#define PL011_MIS     0x040
#define PL011_ICR     0x044
#define PL011_DMACR   0x048
#define PL011_ID      0xfe0 /* PeriphID0 to 3, PCellID0 to 3: eight of them */

#define PL011_SIZE 0x1000

/* DR: what came with a character; the same bits from 0 on in RSR */
#define PL011_DR_FE	 0x100
#define PL011_DR_PE	 0x200
#define PL011_DR_BE	 0x400
#define PL011_DR_OE	 0x800
#define PL011_RSR_SHIFT	 8
#define PL011_RSR_OE	 0x8
#define PL011_RSR_ERRORS 0xf

#define PL011_FR_CTS  0x001
#define PL011_FR_DSR  0x002
#define PL011_FR_DCD  0x004
#define PL011_FR_BUSY 0x008
#define PL011_FR_RXFE 0x010
#define PL011_FR_TXFF 0x020
#define PL011_FR_RXFF 0x040
#define PL011_FR_TXFE 0x080
#define PL011_FR_RI   0x100

#define PL011_LCR_H_BRK	   0x01
#define PL011_LCR_H_FEN	   0x10
#define PL011_LCR_H_WLEN_8 0x60

#define PL011_CR_UARTEN 0x0001
#define PL011_CR_LBE	0x0080
#define PL011_CR_TXE	0x0100
#define PL011_CR_RXE	0x0200
#define PL011_CR_DTR	0x0400
#define PL011_CR_RTS	0x0800
#define PL011_CR_OUT1	0x1000
#define PL011_CR_OUT2	0x2000
#define PL011_CR_RTSEN	0x4000
#define PL011_CR_CTSEN	0x8000

/* IFLS: levels of 1/8, 1/4, 1/2, 3/4 and 7/8 are 0 to 4 */
#define PL011_IFLS_TX(level) (level)
#define PL011_IFLS_RX(level) ((level) << 3)

/* IMSC, RIS, MIS, ICR */
#define PL011_INT_RI  0x001
#define PL011_INT_CTS 0x002
#define PL011_INT_DCD 0x004
#define PL011_INT_DSR 0x008
#define PL011_INT_RX  0x010
#define PL011_INT_TX  0x020
#define PL011_INT_RT  0x040
#define PL011_INT_FE  0x080
#define PL011_INT_PE  0x100
#define PL011_INT_BE  0x200
#define PL011_INT_OE  0x400
#define PL011_INT_ALL 0x7ff

#endif
