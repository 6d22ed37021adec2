/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where QEMU begins: at exception level 1, with the address of the device tree in x0, interrupts
 * off, no translation. What comes back from an interrupt goes on as if nothing had been.
 */
	.section .text.start, "ax"
	.globl _start
_start:
	adrp	x1, stack_top
	add	x1, x1, :lo12:stack_top
	mov	sp, x1
	/* The machine's memory is kept over a reset. */
	adrp	x1, bss_start
	add	x1, x1, :lo12:bss_start
	adrp	x2, bss_end
	add	x2, x2, :lo12:bss_end
1:	cmp	x1, x2
	b.hs	2f
	str	xzr, [x1], #8
	b	1b
2:	adrp	x1, vectors
	add	x1, x1, :lo12:vectors
	msr	vbar_el1, x1
	isb
	bl	firmware_main
3:	wfi
	b	3b

	/* Sixteen entries of 128 bytes. Only those of this level with its own stack are used. */
	.balign	2048
vectors:
	.rept	4
	b	fault
	.balign	128
	.endr
	b	fault
	.balign	128
	b	interrupt
	.balign	128
	.rept	10
	b	fault
	.balign	128
	.endr

	/* What a function may change, and where to go back to. */
interrupt:
	stp	x0, x1, [sp, #-192]!
	stp	x2, x3, [sp, #16]
	stp	x4, x5, [sp, #32]
	stp	x6, x7, [sp, #48]
	stp	x8, x9, [sp, #64]
	stp	x10, x11, [sp, #80]
	stp	x12, x13, [sp, #96]
	stp	x14, x15, [sp, #112]
	stp	x16, x17, [sp, #128]
	stp	x18, x30, [sp, #144]
	mrs	x0, elr_el1
	mrs	x1, spsr_el1
	stp	x0, x1, [sp, #160]
	bl	gic_interrupt
	ldp	x0, x1, [sp, #160]
	msr	elr_el1, x0
	msr	spsr_el1, x1
	ldp	x18, x30, [sp, #144]
	ldp	x16, x17, [sp, #128]
	ldp	x14, x15, [sp, #112]
	ldp	x12, x13, [sp, #96]
	ldp	x10, x11, [sp, #80]
	ldp	x8, x9, [sp, #64]
	ldp	x6, x7, [sp, #48]
	ldp	x4, x5, [sp, #32]
	ldp	x2, x3, [sp, #16]
	ldp	x0, x1, [sp], #192
	eret

fault:
	mrs	x0, esr_el1
	mrs	x1, elr_el1
	mrs	x2, far_el1
	bl	firmware_fault
4:	wfi
	b	4b
