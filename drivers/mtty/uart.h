/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A 16550A UART as a state machine: registers on the guest's side, a line on the other, nothing
 * else.
 *
 * It knows no time, no thread and no descriptor, so every promise of the chip can be tested by
 * itself. The line is infinitely fast: a character is transmitted when whoever holds the line takes
 * it (uart_tx_peek(), uart_tx_done()), and received when he puts it in (uart_receive()).
 *
 * Behaviour: the PC16550D data sheet of National Semiconductor; automatic flow control (MCR bit 5)
 * as in the TL16C550C data sheet of Texas Instruments.
 *
 * Context of all functions here: the caller's lock for this UART is held; none of them sleeps.
 */
#ifndef MTTY_UART_H
#define MTTY_UART_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/serial_reg.h>

#define UART_NR_REGS   8
#define UART_FIFO_SIZE 16

/**
 * struct uart_fifo - characters in a row, with what was wrong with each
 * @data:  the characters
 * @error: UART_LSR_OE, _PE, _FE, _BI of each; of a transmitter's always 0
 * @head:  where the oldest one is
 * @count: how many
 */
struct uart_fifo {
	uint8_t data[UART_FIFO_SIZE];
	uint8_t error[UART_FIFO_SIZE];
	uint8_t head;
	uint8_t count;
};

/**
 * struct uart - the chip
 * @rx:      received, not read by the guest yet
 * @tx:      written by the guest, not taken by the line yet
 * @ier:     interrupt enable register
 * @fcr:     what was last written to the FIFO control register, without the bits that clear
 *           themselves
 * @lcr:     line control register
 * @mcr:     modem control register
 * @scr:     scratch register
 * @divisor: DLM and DLL; kept, but the line has no speed
 * @errors:  the error bits of the line status register
 * @deltas:  the lower half of the modem status register: which lines have changed since it was read
 * @lines:   UART_MSR_DCD, _RI, _DSR, _CTS as the line has them
 * @tx_emptied: the transmitter has run empty, and the guest was not told
 * @timeout: characters wait in the receiver, and the line is idle
 * @break_begun: the guest has begun a break, and the line has not seen it
 * @causes:  UART_IER_* of the interrupts that are pending and enabled
 * @edge:    see uart_take_edge()
 *
 * Plain data: copying it saves the chip's state.
 */
struct uart {
	struct uart_fifo rx;
	struct uart_fifo tx;
	uint8_t ier;
	uint8_t fcr;
	uint8_t lcr;
	uint8_t mcr;
	uint8_t scr;
	uint16_t divisor;
	uint8_t errors;
	uint8_t deltas;
	uint8_t lines;
	bool tx_emptied;
	bool timeout;
	bool break_begun;
	uint8_t causes;
	bool edge;
};

/** uart_reset - power on: all registers as the data sheet says; the state of the lines stays. */
void uart_reset(struct uart *uart);

/** uart_read - the guest reads register @reg (0 to 7), with all that reading has as an effect. */
uint8_t uart_read(struct uart *uart, unsigned int reg);

/** uart_write - the guest writes @value to register @reg (0 to 7). */
void uart_write(struct uart *uart, unsigned int reg, uint8_t value);

/* ---- interrupts ---- */

/** uart_irq - the level of the interrupt line: is an enabled interrupt pending? */
bool uart_irq(const struct uart *uart);

/**
 * uart_take_edge - has the guest to be told by an interrupt that is a message?
 *
 * True once for each new cause, and once when a cause is gone and another one is left. A guest that
 * handles one cause per interrupt hears of all of them that way, though nothing like a level
 * repeats it.
 */
bool uart_take_edge(struct uart *uart);

/* ---- the line ---- */

/**
 * uart_rx_room - how many characters the receiver can take now; 0 in loopback mode, when it hears
 * itself only.
 */
unsigned int uart_rx_room(const struct uart *uart);

/**
 * uart_rts - does the guest ask for characters? RTS, which automatic flow control lowers at the
 * trigger level.
 */
bool uart_rts(const struct uart *uart);

/** uart_dtr - has the guest opened the port? DTR. */
bool uart_dtr(const struct uart *uart);

/** uart_receive - a character arrives. Without room it is an overrun, and one character is lost. */
void uart_receive(struct uart *uart, uint8_t value);

/** uart_receive_break - the line was held low for longer than a character. */
void uart_receive_break(struct uart *uart);

/**
 * uart_rx_idle - nothing arrives at present
 *
 * The line is infinitely fast, so the four character times that the character timeout needs are
 * over as soon as the other end has nothing to send: call it then. It stays pending until the FIFO
 * is empty.
 */
void uart_rx_idle(struct uart *uart);

/**
 * uart_tx_peek - look at what has to be transmitted
 * @buf: room for UART_FIFO_SIZE characters
 * Return: how many there are, oldest first; 0 while automatic flow control waits for CTS.
 */
unsigned int uart_tx_peek(const struct uart *uart, uint8_t *buf);

/** uart_tx_done - the oldest @count of them are transmitted. */
void uart_tx_done(struct uart *uart, unsigned int count);

/** uart_take_break - true once for each break that the guest has begun. */
bool uart_take_break(struct uart *uart);

/** uart_set_lines - the modem lines are now @lines: UART_MSR_DCD, _RI, _DSR, _CTS. */
void uart_set_lines(struct uart *uart, uint8_t lines);

#endif
