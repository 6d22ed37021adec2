/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ARM's PrimeCell UART (PL011) as a state machine: registers on one side, a line on the other,
 * nothing else.
 *
 * It knows no time, no thread and no descriptor, so every promise of the chip can be tested by
 * itself. The line is infinitely fast: a character is transmitted when whoever holds the line takes
 * it (pl011_tx_peek(), pl011_tx_done()), and received when he puts it in (pl011_receive()).
 * Characters are bytes, whatever baud rate, word length and parity are set to.
 *
 * Behaviour: PrimeCell UART (PL011) Technical Reference Manual, ARM DDI 0183, of revision r1p5; the
 * generic UART of the Server Base System Architecture, ARM DEN 0029.
 *
 * Context of all functions here: the caller's lock for this chip is held; none of them sleeps.
 */
#ifndef PLATFORM_PL011_H
#define PLATFORM_PL011_H

#include <stdbool.h>
#include <stdint.h>
#include "../common/pl011_regs.h"

#define PL011_FIFO_SIZE 32 /* r1p5; those before it had 16 */

/**
 * struct pl011_fifo - characters in a row
 * @data:  each with PL011_DR_OE, _BE, _PE, _FE if something was wrong with it
 * @head:  where the oldest one is
 * @count: how many
 */
struct pl011_fifo {
	uint16_t data[PL011_FIFO_SIZE];
	uint8_t head;
	uint8_t count;
};

/**
 * struct pl011 - the chip
 * @rx:       received, not read yet
 * @tx:       written, not taken by the line yet
 * @sbsa:     it is a generic UART: has fewer registers, and is set up from power-on
 * @rsr:      receive status: PL011_RSR_*
 * @overrun:  a character was lost since the last one that found room
 * @ilpr, @ibrd, @fbrd, @lcr_h, @cr, @ifls, @imsc, @dmacr: registers of that name
 * @ris:      raw interrupt status: PL011_INT_*
 * @lines:    PL011_FR_RI, _DCD, _DSR, _CTS as the line has them
 * @break_begun: a break has begun, and the line has not seen it
 *
 * Plain data: copying it saves the chip's state.
 */
struct pl011 {
	struct pl011_fifo rx;
	struct pl011_fifo tx;
	bool sbsa;
	uint8_t rsr;
	bool overrun;
	uint8_t ilpr;
	uint16_t ibrd;
	uint8_t fbrd;
	uint8_t lcr_h;
	uint16_t cr;
	uint16_t ifls;
	uint16_t imsc;
	uint8_t dmacr;
	uint16_t ris;
	uint16_t lines;
	bool break_begun;
};

/**
 * pl011_reset - power on: all registers as the manual says; the state of the lines stays
 * @sbsa: as a generic UART, which has its FIFOs on and works without being set up
 */
void pl011_reset(struct pl011 *uart, bool sbsa);

/**
 * pl011_read - read the register at @offset (a multiple of 4 below 0x1000), with all that reading
 * has as an effect. Where none is, and those that can't be read, are 0.
 */
uint16_t pl011_read(struct pl011 *uart, unsigned int offset);

/**
 * pl011_write - write the register at @offset, as above; what can't be written is left alone. The
 * upper half of @value is not there.
 */
void pl011_write(struct pl011 *uart, unsigned int offset, uint32_t value);

/** pl011_mis - the interrupts that are pending and not masked: PL011_INT_*. */
uint16_t pl011_mis(const struct pl011 *uart);

/* ---- the line ---- */

/**
 * pl011_rx_room - how many characters the receiver can take now; 0 while it is disabled and in
 * loopback mode, when it hears itself only.
 */
unsigned int pl011_rx_room(const struct pl011 *uart);

/**
 * pl011_rx_wanted - how many of them it asks for: with RTS flow control no more than the receive
 * FIFO's trigger level. Without it nRTS is a matter of software's, and says nothing here.
 */
unsigned int pl011_rx_wanted(const struct pl011 *uart);

/**
 * pl011_outputs - PL011_CR_RTS and _DTR as the line sees them: none in loopback mode; RTS by the
 * hardware with flow control.
 */
uint16_t pl011_outputs(const struct pl011 *uart);

/** pl011_receive - a character arrives. Without room it is an overrun, and it is lost. */
void pl011_receive(struct pl011 *uart, uint8_t value);

/** pl011_receive_errors - the same, with PL011_DR_BE, _PE, _FE; a break is a 0 with _BE. */
void pl011_receive_errors(struct pl011 *uart, uint8_t value, uint16_t errors);

/**
 * pl011_rx_idle - nothing arrives at present
 *
 * The line is infinitely fast, so the 32 bit times that the receive timeout needs are over as soon
 * as the other end has nothing to send: call it then.
 */
void pl011_rx_idle(struct pl011 *uart);

/**
 * pl011_tx_peek - look at what has to be transmitted
 * @buf: room for @size characters
 * Return: how many there are, oldest first; 0 while the transmitter is disabled, sends a break, or
 * waits for CTS.
 */
unsigned int pl011_tx_peek(const struct pl011 *uart, uint8_t *buf, unsigned int size);

/** pl011_tx_done - the oldest @count of them are transmitted. */
void pl011_tx_done(struct pl011 *uart, unsigned int count);

/** pl011_take_break - true once for each break that was begun. */
bool pl011_take_break(struct pl011 *uart);

/** pl011_set_lines - the modem lines are now @lines: PL011_FR_RI, _DCD, _DSR, _CTS. */
void pl011_set_lines(struct pl011 *uart, uint16_t lines);

#endif
