/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include "pl031.h"

#define NSEC_PER_SEC UINT64_C(1000000000)

static uint32_t counter(const struct pl031 *rtc, uint64_t now)
{
	if (!rtc->running)
		return rtc->base;
	return rtc->base + (uint32_t)((now - rtc->since) / NSEC_PER_SEC);
}

bool pl031_irq(const struct pl031 *rtc)
{
	return rtc->ris && rtc->imsc;
}

/*
 * The comparator sees every value that the counter has had since it was last asked, in a circle of
 * 2^32 seconds.
 */
void pl031_tick(struct pl031 *rtc, uint64_t now)
{
	uint32_t count = counter(rtc, now);

	if ((uint32_t)(rtc->mr - rtc->seen - 1) < (uint32_t)(count - rtc->seen))
		rtc->ris = true;
	rtc->seen = count;
}

uint64_t pl031_next(const struct pl031 *rtc, uint64_t now)
{
	uint64_t seconds;

	if (!rtc->running || rtc->ris)
		return UINT64_MAX;
	seconds = (uint32_t)(rtc->mr - counter(rtc, now) - 1);
	/* From the beginning of the second that it is in now. */
	now -= (now - rtc->since) % NSEC_PER_SEC;
	return now + (seconds + 1) * NSEC_PER_SEC;
}

void pl031_reset(struct pl031 *rtc)
{
	memset(rtc, 0, sizeof(*rtc));
}

/* The second begins anew, so that it is a whole one. */
static void load(struct pl031 *rtc, uint64_t now, uint32_t value)
{
	rtc->lr = value;
	rtc->base = value;
	rtc->since = now;
	rtc->seen = value;
	if (rtc->running && rtc->mr == value)
		rtc->ris = true;
}

static void write_match(struct pl031 *rtc, uint32_t value)
{
	rtc->mr = value;
	if (rtc->running && value == rtc->seen)
		rtc->ris = true;
}

/* Once started it can't be stopped, but by a reset. */
static void start(struct pl031 *rtc, uint64_t now)
{
	if (rtc->running)
		return;
	rtc->running = true;
	rtc->since = now;
}

/* Part 0x031 of designer 0x41 (ARM), then the mark of all PrimeCells. */
static uint32_t read_id(unsigned int offset)
{
	static const uint8_t ids[] = { 0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };
	unsigned int index = (offset - PL031_ID) / 4;

	return offset >= PL031_ID && index < sizeof(ids) ? ids[index] : 0;
}

uint32_t pl031_read(struct pl031 *rtc, uint64_t now, unsigned int offset)
{
	pl031_tick(rtc, now);
	switch (offset) {
	case PL031_DR:
		return rtc->seen;
	case PL031_MR:
		return rtc->mr;
	case PL031_LR:
		return rtc->lr;
	case PL031_CR:
		return rtc->running ? PL031_CR_START : 0;
	case PL031_IMSC:
		return rtc->imsc ? PL031_INT : 0;
	case PL031_RIS:
		return rtc->ris ? PL031_INT : 0;
	case PL031_MIS:
		return pl031_irq(rtc) ? PL031_INT : 0;
	default:
		return read_id(offset);
	}
}

void pl031_write(struct pl031 *rtc, uint64_t now, unsigned int offset, uint32_t value)
{
	pl031_tick(rtc, now);
	switch (offset) {
	case PL031_MR:
		write_match(rtc, value);
		break;
	case PL031_LR:
		load(rtc, now, value);
		break;
	case PL031_CR:
		if (value & PL031_CR_START)
			start(rtc, now);
		break;
	case PL031_IMSC:
		rtc->imsc = value & PL031_INT;
		break;
	case PL031_ICR:
		if (value & PL031_INT)
			rtc->ris = false;
		break;
	default: /* read-only, or nothing */
		break;
	}
}
