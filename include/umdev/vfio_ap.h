/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a user of a vfio_ap device finds beside <linux/vfio.h>: the numbers of its interrupts, and
 * the window, through which a guest without a mainframe's processor executes AP instructions.
 *
 * In the kernel such a device has no regions: KVM has the processor carry out the instructions of
 * the guest, on the queues that the guest's masks show. umdev has no processor for that, so the
 * device has one region for it. The module's parameter window=0 leaves region and the interrupt
 * that goes with it out, and the device is the kernel's.
 *
 * Behaviour: Linux 7.3 drivers/s390/crypto/vfio_ap_ops.c, arch/s390/include/asm/ap.h.
 */
#ifndef UMDEV_VFIO_AP_H
#define UMDEV_VFIO_AP_H

/* Before what follows: a newer one has the first three as an enum. */
#include <linux/vfio.h>

#ifndef VFIO_AP_REQ_IRQ_INDEX
#define VFIO_AP_REQ_IRQ_INDEX	  0 /* the device is being taken away: close it */
#define VFIO_AP_CFG_CHG_IRQ_INDEX 1 /* the guest's adapters or domains have changed */
#define VFIO_AP_NUM_IRQS	  2
#endif

/*
 * The window's interrupt: a queue for which PQAP(AQIC) has asked for that has replies. It is what
 * the adapter interruption is to a guest of KVM's: one for all queues, which indicator bytes tell
 * apart. An eventfd, one vector.
 */
#define VFIO_AP_WINDOW_IRQ_INDEX VFIO_AP_NUM_IRQS

/*
 * The window: region 0, of VFIO_AP_WINDOW_SIZE bytes, read and written, not mapped. Its capability
 * VFIO_REGION_INFO_CAP_TYPE says that it is one.
 */
#define VFIO_AP_WINDOW_REGION	      0
#define VFIO_REGION_TYPE_UMDEV	      0x554d4456
#define VFIO_REGION_SUBTYPE_AP_WINDOW 1
#define VFIO_AP_WINDOW_SIZE	      0x10000

/*
 * Registers, little-endian. They are memory: reads and writes of any size at any offset do, and
 * several registers can be read or written at once. What cannot be written stays as it is.
 *
 * A write that holds all four bytes of EXECUTE carries out the instruction, when all that it brings
 * has been stored; so one write can bring registers and message, and one read all that came of it.
 */
#define VFIO_AP_WINDOW_VERSION	    0x00 /* 32 bits, read: 1 */
#define VFIO_AP_WINDOW_EXECUTE	    0x04 /* 32 bits: VFIO_AP_NQAP, VFIO_AP_DQAP, VFIO_AP_PQAP */
#define VFIO_AP_WINDOW_CC	    0x08 /* 32 bits, read: condition code, 3 if not NORMAL, or 0 */
#define VFIO_AP_WINDOW_INTERRUPTION 0x0c /* 32 bits, read: VFIO_AP_INTERRUPTION_* */
#define VFIO_AP_WINDOW_GR0	    0x10 /* 64 bits: general register 0 */
#define VFIO_AP_WINDOW_GR1	    0x18 /* 64 bits: general register 1 */
#define VFIO_AP_WINDOW_GR2	    0x20 /* 64 bits: general register 2 */
#define VFIO_AP_WINDOW_PSMID	    0x28 /* 64 bits: the pair R1, even half first */
#define VFIO_AP_WINDOW_LENGTH	    0x30 /* 64 bits: the odd register of the pair R2 */
/* Up to the end: where the even register of the pair R2, or for QCI gr2, would point to. */
#define VFIO_AP_WINDOW_MESSAGE	    0x40
#define VFIO_AP_WINDOW_MESSAGE_SIZE (VFIO_AP_WINDOW_SIZE - VFIO_AP_WINDOW_MESSAGE)

/* Instructions, by their operation codes. */
#define VFIO_AP_NQAP 0xb2ad
#define VFIO_AP_DQAP 0xb2ae
#define VFIO_AP_PQAP 0xb2af

/* Program interruptions: nothing has been executed, and no register changed but this one and CC. */
#define VFIO_AP_INTERRUPTION_NONE	   0x0
#define VFIO_AP_INTERRUPTION_OPERATION	   0x1 /* no such instruction */
#define VFIO_AP_INTERRUPTION_ADDRESSING	   0x5 /* LENGTH is more than there is in MESSAGE */
#define VFIO_AP_INTERRUPTION_SPECIFICATION 0x6 /* gr0 asks for a function that is not offered */

/*
 * What is in gr0: the queue (APQN) in the lower 16 bits, and
 *
 * PQAP: a function.
 *   TAPQ  gr1 gets the status, gr2 what the hardware says of itself
 *   RAPQ  gr1 gets the status; ZAPQ too
 *   AQIC  gr1: VFIO_AP_AQIC_IR to have replies indicated, without it to end that; gets the status.
 *         gr2: address of the indicator byte in the guest's memory (an IOVA), which becomes
 *         VFIO_AP_INDICATOR when there are replies. INVALID_ADDRESS: it is 0, or not mapped for
 *         reading and writing, or the user has not shared that memory by a descriptor. Unmapping
 *         it ends what was asked for. ISC, GISA and zone in gr1 mean nothing
 *   QCI   no queue. VFIO_AP_QCI_SIZE bytes in MESSAGE: the guest's configuration
 * NQAP: VFIO_AP_NQAP_LAST must be set: a message comes in one part. PSMID, LENGTH and MESSAGE are
 *   the request. gr1 gets the status
 * DQAP: LENGTH says how much room for the reply there is in MESSAGE, and gets how much of that was
 *   used. PSMID gets that of the request; gr1 the status. MESSAGE_TOO_BIG: the reply is lost; gr2
 *   gets how long it was, LENGTH 0
 *
 * The status is that of the machine. A queue that the guest has not, or not any more, is answered
 * with Q_NOT_AVAIL by all of them.
 */
#define VFIO_AP_PQAP_TAPQ (UINT64_C(0) << 24)
#define VFIO_AP_PQAP_RAPQ (UINT64_C(1) << 24)
#define VFIO_AP_PQAP_ZAPQ (UINT64_C(2) << 24)
#define VFIO_AP_PQAP_AQIC (UINT64_C(3) << 24)
#define VFIO_AP_PQAP_QCI  (UINT64_C(4) << 24)
#define VFIO_AP_NQAP_LAST UINT64_C(0x40000000)
#define VFIO_AP_DQAP_GR0  UINT64_C(0x80000000)

#define VFIO_AP_AQIC_IR	  (UINT64_C(1) << 47)
#define VFIO_AP_INDICATOR 0x80

/* The status in gr1. */
#define VFIO_AP_STATUS_QUEUE_EMPTY     UINT32_C(0x80000000)
#define VFIO_AP_STATUS_REPLIES_WAITING UINT32_C(0x40000000)
#define VFIO_AP_STATUS_QUEUE_FULL      UINT32_C(0x20000000)
#define VFIO_AP_STATUS_IRQ_ENABLED     UINT32_C(0x01000000)
#define VFIO_AP_STATUS_RC(gr1)	       ((unsigned int)((gr1) >> 16 & 0xff)) /* AP_RESPONSE_* */

/* gr2 after TAPQ: facilities (AP_FAC_*), type, highest domain, longest message, queue depth. */
#define VFIO_AP_TAPQ_FAC(gr2) ((uint32_t)((gr2) >> 32))
#define VFIO_AP_TAPQ_AT(gr2)  ((unsigned int)((gr2) >> 24 & 0xff))
#define VFIO_AP_TAPQ_ND(gr2)  ((unsigned int)((gr2) >> 16 & 0xff))
#define VFIO_AP_TAPQ_ML(gr2)  ((unsigned int)((gr2) >> 8 & 0xf))
#define VFIO_AP_TAPQ_QD(gr2)  ((unsigned int)((gr2)&0x1f))

/*
 * The block of QCI, as the machine stores it. Masks have 32 bytes; the leftmost bit of the first
 * byte is number 0. A guest has neither QACT nor secure execution, whatever the machine has.
 */
#define VFIO_AP_QCI_SIZE  128
#define VFIO_AP_QCI_FLAGS 0 /* a byte of VFIO_AP_QCI_* */
#define VFIO_AP_QCI_APSC  0x80
#define VFIO_AP_QCI_APXA  0x40
#define VFIO_AP_QCI_RC8A  0x10
#define VFIO_AP_QCI_NA	  4  /* a byte: highest adapter, with APXA */
#define VFIO_AP_QCI_ND	  5  /* a byte: highest domain, with APXA */
#define VFIO_AP_QCI_APM	  16 /* adapters */
#define VFIO_AP_QCI_AQM	  48 /* usage domains */
#define VFIO_AP_QCI_ADM	  80 /* control domains */

#endif
