/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Channel programs out of any bytes: what a guest's driver could write, more or less.
 */
#ifndef UMDEV_FUZZ_CHANNEL_PROGRAM_H
#define UMDEV_FUZZ_CHANNEL_PROGRAM_H

#include <stddef.h>
#include <umdev/cio.h>

#define GUEST_SIZE (512u * 1024)
#define GUEST_PAGE 4096u

/** struct entropy - the bytes that all is made of; zeroes behind their end */
struct entropy {
	const uint8_t *bytes;
	size_t left;
};

/** draw - a number of [0, n), n up to 2^32. */
uint32_t draw(struct entropy *e, uint64_t n);
/** one_in - true in one case of @n. */
static inline bool one_in(struct entropy *e, uint32_t n)
{
	return draw(e, n) == n - 1;
}

/** enum device_kind - whose commands a program has */
enum device_kind {
	DEVICE_NULL,
	DEVICE_FBA,
	DEVICE_ECKD,
	NR_DEVICES,
};

/**
 * make_program - write a program with its data into a guest's memory
 * @memory: GUEST_SIZE bytes; what is not written to stays
 */
struct orb make_program(struct entropy *e, enum device_kind kind, uint8_t *memory);

#endif
