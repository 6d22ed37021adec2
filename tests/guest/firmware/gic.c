/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The machine's interrupt controller, a GIC of version 2. */
#include "firmware.h"

#define GICD	       0x08000000
#define GICD_CTLR      (GICD + 0x000)
#define GICD_ISENABLER (GICD + 0x100)
#define GICD_ICENABLER (GICD + 0x180)
#define GICD_IPRIORITY (GICD + 0x400)
#define GICD_ITARGETS  (GICD + 0x800)
#define GICD_ICFGR     (GICD + 0xc00)

#define GICC	  0x08010000
#define GICC_CTLR (GICC + 0x00)
#define GICC_PMR  (GICC + 0x04)
#define GICC_IAR  (GICC + 0x0c)
#define GICC_EOIR (GICC + 0x10)

static struct interrupt_plan plans[GIC_INTERRUPTS];
static uint32_t enabled[GIC_INTERRUPTS / 32];
static uint32_t spurious;
static uint32_t unplanned;

void gic_interrupt(void); /* start.S calls it */

void gic_init(void)
{
	mmio_write(GICC_PMR, 0xf0);
	mmio_write(GICC_CTLR, 1);
	mmio_write(GICD_CTLR, 1);
}

struct interrupt_plan *gic_plan(unsigned int number)
{
	return number >= 32 && number < GIC_INTERRUPTS ? &plans[number] : NULL;
}

/* Give @number its @value in an array of fields of @bits each. */
static void set_field(uintptr_t array, unsigned int number, unsigned int bits, uint32_t value)
{
	uintptr_t word = array + number / (32 / bits) * 4;
	unsigned int shift = number % (32 / bits) * bits;
	uint32_t mask = ((1u << bits) - 1) << shift;

	mmio_write(word, (mmio_read(word) & ~mask) | value << shift);
}

void gic_enable(unsigned int number, bool edge)
{
	set_field(GICD_ICFGR, number, 2, edge ? 2 : 0);
	set_field(GICD_IPRIORITY, number, 8, 0x80);
	set_field(GICD_ITARGETS, number, 8, 1);
	enabled[number / 32] |= 1u << number % 32;
	mmio_write(GICD_ISENABLER + number / 32 * 4, 1u << number % 32);
}

void gic_disable(unsigned int number)
{
	mmio_write(GICD_ICENABLER + number / 32 * 4, 1u << number % 32);
	enabled[number / 32] &= ~(1u << number % 32);
}

uint32_t gic_spurious(void)
{
	return spurious;
}

uint32_t gic_unplanned(void)
{
	return unplanned;
}

void gic_interrupt(void)
{
	uint32_t iar = mmio_read(GICC_IAR);
	unsigned int number = iar & 0x3ff;
	struct interrupt_plan *plan = gic_plan(number);

	if (number >= 1020) {
		spurious++;
		return;
	}
	if (!plan || !(enabled[number / 32] & 1u << number % 32)) {
		unplanned++;
	} else {
		if (plan->look)
			mmio_read(plan->look);
		if (plan->ack)
			mmio_write(plan->ack, plan->value);
		plan->count++;
	}
	mmio_write(GICC_EOIR, iar);
}
