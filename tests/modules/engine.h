/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the devices of engine.c are, for those who use them. */
#ifndef TESTS_MODULES_ENGINE_H
#define TESTS_MODULES_ENGINE_H

enum engine_region {
	ENGINE_REGS,
	ENGINE_BUFFER, /* what is copied from and to; the first part can be mapped */
};

#define ENGINE_REGS_SIZE   256
#define ENGINE_BUFFER_SIZE 65536
#define ENGINE_AREA_SIZE   32768
#define ENGINE_TYPE	   0x7357
#define ENGINE_SUBTYPE	   2

/* Registers of 8 bytes. */
enum engine_reg {
	ENGINE_ADDRESS = 0x00, /* in the user's memory */
	ENGINE_COUNT = 0x08,   /* bytes */
	ENGINE_COMMAND = 0x10, /* ENGINE_FROM_USER or ENGINE_TO_USER; writing it begins */
	ENGINE_STATUS = 0x18,  /* how it ended: an errno */
	ENGINE_BUSY = 0x20,    /* the driver says EBUSY */
	ENGINE_AGAIN = 0x28,   /* the driver says EAGAIN */
	ENGINE_HALF = 0x30,    /* the driver does half of it */
};

#define ENGINE_FROM_USER 1
#define ENGINE_TO_USER	 2
#define ENGINE_IN_THREAD 0x100 /* after the write has ended */

enum engine_irq {
	ENGINE_IRQ_DONE,
	ENGINE_IRQ_REQUEST,
};

#endif
