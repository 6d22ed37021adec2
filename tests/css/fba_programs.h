/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Channel programs for a 9336, as its users write them, in the memory of a test's guest.
 */
#ifndef UMDEV_TESTS_CSS_FBA_PROGRAMS_H
#define UMDEV_TESTS_CSS_FBA_PROGRAMS_H

#include "machine.h"

#define FBA_WRITE	  0x41
#define FBA_READ	  0x42
#define FBA_LOCATE	  0x43
#define FBA_DEFINE_EXTENT 0x63

#define FBA_BLOCK UINT32_C(512)
/* Where parameters of commands go, one after the other; no data does. */
#define FBA_PARAMS UINT32_C(0xc0000)

/* The mask of an extent that may be written, and of one that may not. */
#define FBA_MASK_WRITE 0x00
#define FBA_MASK_READ  0x40
/* Operations of LOCATE. */
#define FBA_OP_WRITE 0x05
#define FBA_OP_READ  0x06

/* Where the parameters of the CCW at @at go. */
static inline uint32_t fba_params(uint32_t at)
{
	return FBA_PARAMS + (at - GUEST_CCWS) * 2;
}

/** fba_extent - append DEFINE EXTENT: blocks @first to @last are those from @physical on. */
static inline uint32_t fba_extent(struct guest *g, uint8_t mask, uint32_t physical, uint32_t first,
				  uint32_t last)
{
	uint32_t params = fba_params(g->next_ccw);
	uint8_t *p = g->ram + params;

	memset(p, 0, 16);
	p[0] = mask;
	cio_put16(p + 2, FBA_BLOCK);
	cio_put32(p + 4, physical);
	cio_put32(p + 8, first);
	cio_put32(p + 12, last);
	return guest_ccw(g, FBA_DEFINE_EXTENT, CCW_FLAG_CC, 16, params);
}

/** fba_locate - append LOCATE. */
static inline uint32_t fba_locate(struct guest *g, uint8_t op, uint32_t block, uint16_t count)
{
	uint32_t params = fba_params(g->next_ccw);
	uint8_t *p = g->ram + params;

	p[0] = op;
	p[1] = 0;
	cio_put16(p + 2, count);
	cio_put32(p + 4, block);
	return guest_ccw(g, FBA_LOCATE, CCW_FLAG_CC, 8, params);
}

/** fba_transfer - append the transfer of @count blocks at @data, block by block, as Linux does. */
static inline void fba_transfer(struct guest *g, uint8_t code, uint32_t data, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		guest_ccw(g, code, i + 1 < count ? CCW_FLAG_DC : 0, FBA_BLOCK,
			  data + i * FBA_BLOCK);
}

/** fba_program - a new program as Linux writes it: read or write @count blocks from @block on.
 * Return: its address. */
static inline uint32_t fba_program(struct guest *g, bool write, uint32_t block, uint16_t count,
				   uint32_t data)
{
	uint32_t at;

	guest_reset(g, g->fmt1);
	at = fba_extent(g, write ? FBA_MASK_WRITE : FBA_MASK_READ, block, 0, (uint32_t)(count - 1));
	fba_locate(g, write ? FBA_OP_WRITE : FBA_OP_READ, 0, count);
	fba_transfer(g, write ? FBA_WRITE : FBA_READ, data, count);
	return at;
}

#endif
