/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The DMA engine "umdev,dmac-1.0": its registers and descriptors, for the hardware itself, for
 * drivers, and for programs that have it through VFIO. It stands alone: nothing else of umdev's is
 * needed to use it.
 *
 * Region 0 has the registers, region 1 the descriptor memory (4 to 64 KiB, whole pages), which may
 * be mapped. Interrupt 0 is a level: high while DMAC_IRQ_DONE is both in IRQ_STATUS and in
 * IRQ_ENABLE. Interrupt 1 is the same for DMAC_IRQ_ERROR, and tells by its rising edge. All
 * numbers are little-endian.
 *
 * A driver lays out a ring in the descriptor memory, says where it is, enables the engine, fills
 * descriptors and then writes TAIL; the engine works on those from HEAD up to TAIL, one at a
 * time, and writes into each how it went. The ring is empty when HEAD is TAIL, so of its
 * descriptors all but one can be outstanding.
 */
#ifndef UMDEV_DMAC_H
#define UMDEV_DMAC_H

#include <stdint.h>

#define DMAC_REGION_REGISTERS 0
#define DMAC_REGION_MEMORY    1
#define DMAC_NR_REGIONS	      2

#define DMAC_IRQ_LINE_DONE  0
#define DMAC_IRQ_LINE_ERROR 1
#define DMAC_NR_IRQS	    2

/*
 * Registers, 32 bits each. Accesses of another size, and of what is not here, read as all ones and
 * write nothing; so do writes of those that are read only (ro).
 *
 * ID, VERSION:  DMAC_ID_VALUE, DMAC_VERSION_VALUE (ro)
 * CONTROL:      DMAC_CONTROL_*
 * STATUS:       DMAC_STATUS_* (ro)
 * IRQ_STATUS:   DMAC_IRQ_* that have happened since they were acknowledged (ro)
 * IRQ_ENABLE:   DMAC_IRQ_* that may raise their lines
 * IRQ_ACK:      write DMAC_IRQ_* to take them out of IRQ_STATUS; reads as 0
 * RING_BASE:    where the ring begins in the descriptor memory, a multiple of 32
 * RING_SIZE:    how many descriptors it has, at least 2. Writing either of the two, which is lost
 *               while the engine is enabled, sets HEAD and TAIL to 0
 * HEAD:         the descriptor that the engine is at (ro)
 * TAIL:         the one behind the last that it may work on; writing it is the doorbell
 * ERROR_INDEX, ERROR_CODE: why the engine is in the error state: which descriptor (or what was
 *               written to TAIL), and DMAC_ERROR_*; 0 when it is not (ro)
 * COMPLETED:    how many descriptors it has completed since reset, modulo 2^32 (ro)
 * MAX_LENGTH:   the greatest length of a descriptor in bytes (ro)
 */
#define DMAC_ID		 0x00
#define DMAC_VERSION	 0x04
#define DMAC_CONTROL	 0x08
#define DMAC_STATUS	 0x0c
#define DMAC_IRQ_STATUS	 0x10
#define DMAC_IRQ_ENABLE	 0x14
#define DMAC_IRQ_ACK	 0x18
#define DMAC_RING_BASE	 0x20
#define DMAC_RING_SIZE	 0x24
#define DMAC_HEAD	 0x28
#define DMAC_TAIL	 0x2c
#define DMAC_ERROR_INDEX 0x30
#define DMAC_ERROR_CODE	 0x34
#define DMAC_COMPLETED	 0x38
#define DMAC_MAX_LENGTH	 0x3c
/* What region 0 has to have at least. */
#define DMAC_REGISTERS_SIZE 0x40

#define DMAC_ID_VALUE	      0x43414d44u /* "DMAC" */
#define DMAC_VERSION_VALUE    0x00010000u
#define DMAC_MAX_LENGTH_VALUE 0x40000000u

/*
 * ENABLE: work. Setting it checks the ring: DMAC_ERROR_RING. Clearing it stops a copy between two
 * pieces; its descriptor stays at HEAD, without a status, and is begun anew when the engine is
 * enabled again. In the error state, which only a reset ends, setting it is lost.
 *
 * RESET: writing it, whatever the other bits are, makes all registers what they are after power
 * on, at once. It reads as 1 as long as the piece that was being copied may still be on its way;
 * then nothing of the time before the reset is copied or written any more. The descriptor memory
 * stays as it is.
 */
#define DMAC_CONTROL_ENABLE 0x1
#define DMAC_CONTROL_RESET  0x2

/* BUSY: a descriptor is being worked on. ERROR: the error state; the engine is not enabled. */
#define DMAC_STATUS_BUSY  0x1
#define DMAC_STATUS_ERROR 0x2

#define DMAC_IRQ_DONE  0x1
#define DMAC_IRQ_ERROR 0x2

/**
 * struct dmac_desc - a descriptor
 * @src:    address to copy from; with DMAC_DESC_FILL the eight bytes to fill with, again and again
 * @dst:    address to copy to. Source and destination that overlap give no useful result
 * @length: in bytes, 1 to MAX_LENGTH; need not be aligned, as no address need
 * @flags:  DMAC_DESC_*; others are an error
 * @status: 0 when it is handed to the engine, which writes DMAC_DESC_FINISHED with DMAC_ERROR_* or
 *          0 after all the rest of its work is to be seen
 * @user:   the driver's own; the engine leaves it alone
 *
 * The engine reads each field once.
 */
struct dmac_desc {
	uint64_t src;
	uint64_t dst;
	uint32_t length;
	uint32_t flags;
	uint32_t status;
	uint32_t user;
};

#define DMAC_DESC_IRQ  0x1 /* DMAC_IRQ_DONE when it is completed */
#define DMAC_DESC_LAST 0x2 /* the engine disables itself when it is completed */
#define DMAC_DESC_FILL 0x4 /* @src is not an address */

#define DMAC_DESC_FINISHED   0x80000000u
#define DMAC_DESC_ERROR_MASK 0xffu

/* The first that holds, in this order. */
#define DMAC_ERROR_RING	       1 /* base or size don't fit into the descriptor memory */
#define DMAC_ERROR_TAIL	       2 /* TAIL is not in the ring; what was being copied is given up */
#define DMAC_ERROR_NOT_PENDING 3 /* the descriptor has a status already, which it keeps */
#define DMAC_ERROR_FLAGS       4 /* unknown ones */
#define DMAC_ERROR_LENGTH      5 /* 0, or more than MAX_LENGTH */
#define DMAC_ERROR_ADDRESS     6 /* source or destination go beyond the end of the addresses */
#define DMAC_ERROR_READ	       7 /* the source could not be read */
#define DMAC_ERROR_WRITE       8 /* the destination could not be written; part of it may be */
#define DMAC_ERROR_INTERNAL    9 /* the engine itself can't work: no thread to be had for it */

#endif
