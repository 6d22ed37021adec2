/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ARM's PrimeCell Real Time Clock (PL031) as a state machine. It has no clock of its own: each
 * function is told what time it is, in nanoseconds of a clock that never goes back.
 *
 * Behaviour: PrimeCell Real Time Clock (PL031) Technical Reference Manual, ARM DDI 0224.
 *
 * Context of all functions here: the caller's lock for this chip is held; none of them sleeps.
 */
#ifndef PLATFORM_PL031_H
#define PLATFORM_PL031_H

#include <stdbool.h>
#include <stdint.h>
#include "../common/pl031_regs.h"

/**
 * struct pl031 - the chip
 * @base:    what the counter was at @since
 * @since:   when it was loaded or started
 * @seen:    what the counter was when the chip was last looked at
 * @mr, @lr: registers of that name
 * @running: CR
 * @imsc, @ris: the one bit of these
 *
 * Plain data: copying it saves the chip's state.
 */
struct pl031 {
	uint32_t base;
	uint64_t since;
	uint32_t seen;
	uint32_t mr;
	uint32_t lr;
	bool running;
	bool imsc;
	bool ris;
};

/** pl031_reset - all registers as the manual says: it stands at 0. */
void pl031_reset(struct pl031 *rtc);

/**
 * pl031_read - read the register at @offset, a multiple of 4 below 0x1000. Where none is, and those
 * that can't be read, are 0.
 */
uint32_t pl031_read(struct pl031 *rtc, uint64_t now, unsigned int offset);

/** pl031_write - write it; what can't be written is left alone. */
void pl031_write(struct pl031 *rtc, uint64_t now, unsigned int offset, uint32_t value);

/** pl031_tick - time has passed: has the alarm's come? */
void pl031_tick(struct pl031 *rtc, uint64_t now);

/** pl031_irq - the level of the interrupt line. */
bool pl031_irq(const struct pl031 *rtc);

/**
 * pl031_next - when pl031_tick() is due: the next time that the counter becomes what the match
 * register says. UINT64_MAX: never, or it makes no difference because RIS is set.
 */
uint64_t pl031_next(const struct pl031 *rtc, uint64_t now);

#endif
