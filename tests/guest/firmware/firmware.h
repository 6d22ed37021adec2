/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A firmware for QEMU's "virt" machine of Arm that does with devices what somebody tells it at the
 * console: see main.c. It has one thread of control and interrupts, and no memory but its image's.
 */
#ifndef UMDEV_TESTS_GUEST_FIRMWARE_H
#define UMDEV_TESTS_GUEST_FIRMWARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- the processor ---- */

/* Sleep until an interrupt is pending, masked or not; some come for no reason. */
static inline void cpu_wait(void)
{
	__asm__ volatile("dsb sy\n\twfi" ::: "memory");
}

static inline void cpu_mask_interrupts(void)
{
	__asm__ volatile("msr daifset, #2" ::: "memory");
}

static inline void cpu_unmask_interrupts(void)
{
	__asm__ volatile("msr daifclr, #2\n\tisb" ::: "memory");
}

static inline uint32_t mmio_read(uintptr_t address)
{
	return *(volatile uint32_t *)address;
}

static inline void mmio_write(uintptr_t address, uint32_t value)
{
	*(volatile uint32_t *)address = value;
}

/* ---- the console (console.c) ---- */

/** console_init - make it ready; its interrupt wakes the processor up. */
void console_init(void);
/** console_read_line - the next line that comes, without its end, cut to @size - 1 characters. */
void console_read_line(char *line, size_t size);
void console_text(const char *text);
/** console_hex - without 0x and leading zeroes */
void console_hex(uint64_t value);
void console_decimal(uint64_t value);

/* ---- interrupts (gic.c) ---- */

#define GIC_INTERRUPTS 256

/**
 * struct interrupt_plan - what to do when an interrupt comes
 * @look:  an address that is read first, or 0
 * @ack:   an address that @value is written to then, or 0
 * @value: makes the device lower its line
 * @count: how often it came
 */
struct interrupt_plan {
	uintptr_t look;
	uintptr_t ack;
	uint32_t value;
	volatile uint32_t count;
};

void gic_init(void);
/** gic_plan - that of interrupt @number as the GIC counts (32 + SPI), or NULL */
struct interrupt_plan *gic_plan(unsigned int number);
/** gic_enable - let it come; @edge: by edges, else by level. */
void gic_enable(unsigned int number, bool edge);
void gic_disable(unsigned int number);
/** gic_spurious - how often the processor was interrupted and the GIC knew of nothing */
uint32_t gic_spurious(void);
/** gic_unplanned - how often an interrupt came that is not enabled here */
uint32_t gic_unplanned(void);

/* ---- the device tree (tree.c) ---- */

/**
 * tree_print_platform_bus - say which devices the tree has on QEMU's platform bus
 * @fdt: where the tree is
 *
 * Lines "device NAME", "compatible TEXT", "reg ADDRESS SIZE", "interrupt NUMBER FLAGS". Return:
 * false if there is no tree.
 */
bool tree_print_platform_bus(const void *fdt);

#endif
