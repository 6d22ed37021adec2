/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Registers of 32 bits, each at a multiple of 4, as peripherals on ARM's APB have them: what an
 * access of another size is to them.
 *
 * A narrower read takes its bytes of the register, with all that reading it has as an effect. A
 * narrower write has to begin where the register does, and the bits beyond it are 0; elsewhere
 * nothing is there to take it. 8 bytes are two registers, the lower one first.
 */
#ifndef PLATFORM_APB_H
#define PLATFORM_APB_H

#include <stdint.h>

/** apb_read - read @size (1, 2, 4, 8) bytes at @offset, a multiple of @size, by words. */
static inline uint64_t apb_read(void *state, uint32_t (*read)(void *state, uint64_t offset),
				uint64_t offset, unsigned int size)
{
	uint64_t value = read(state, offset & ~UINT64_C(3));

	if (size == 8)
		return value | (uint64_t)read(state, offset + 4) << 32;
	value >>= 8 * (offset & 3);
	return size == 4 ? value : value & ((UINT64_C(1) << 8 * size) - 1);
}

/** apb_write - the same for writing. */
static inline void apb_write(void *state,
			     void (*write)(void *state, uint64_t offset, uint32_t value),
			     uint64_t offset, uint64_t value, unsigned int size)
{
	if (offset & 3)
		return;
	if (size < 4)
		value &= (UINT64_C(1) << 8 * size) - 1;
	write(state, offset, (uint32_t)value);
	if (size == 8)
		write(state, offset + 4, (uint32_t)(value >> 32));
}

#endif
