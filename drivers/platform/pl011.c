/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include "pl011.h"

#define FR_LINES   (PL011_FR_RI | PL011_FR_DCD | PL011_FR_DSR | PL011_FR_CTS)
#define FBRD_BITS  0x3f
#define CR_BITS	   0xff87
#define CR_RESET   (PL011_CR_RXE | PL011_CR_TXE)
#define IFLS_BITS  0x3f
#define IFLS_RESET 0x12
#define DMACR_BITS 0x7

/* ---- the FIFOs ---- */

static void fifo_clear(struct pl011_fifo *fifo)
{
	fifo->head = 0;
	fifo->count = 0;
}

static void fifo_push(struct pl011_fifo *fifo, uint16_t value)
{
	fifo->data[(fifo->head + fifo->count++) % PL011_FIFO_SIZE] = value;
}

static uint16_t fifo_pop(struct pl011_fifo *fifo)
{
	uint16_t value = fifo->data[fifo->head];

	fifo->head = (fifo->head + 1) % PL011_FIFO_SIZE;
	fifo->count--;
	return value;
}

static bool fifos_enabled(const struct pl011 *uart)
{
	return uart->lcr_h & PL011_LCR_H_FEN;
}

/* Without FIFOs there is one holding register each way. */
static unsigned int depth(const struct pl011 *uart)
{
	return fifos_enabled(uart) ? PL011_FIFO_SIZE : 1;
}

/* Values that the manual reserves are as the highest. */
static unsigned int level_of(unsigned int code)
{
	static const uint8_t eighths[] = { 1, 2, 4, 6, 7, 7, 7, 7 };

	return PL011_FIFO_SIZE / 8 * eighths[code & 7];
}

static unsigned int rx_level(const struct pl011 *uart)
{
	return fifos_enabled(uart) ? level_of(uart->ifls >> 3) : 1;
}

static unsigned int tx_level(const struct pl011 *uart)
{
	return fifos_enabled(uart) ? level_of(uart->ifls) : 0;
}

static bool in_loopback(const struct pl011 *uart)
{
	return uart->cr & PL011_CR_LBE;
}

static bool is_on(const struct pl011 *uart, uint16_t half)
{
	return (uart->cr & PL011_CR_UARTEN) && (uart->cr & half);
}

uint16_t pl011_mis(const struct pl011 *uart)
{
	return uart->ris & uart->imsc;
}

/* ---- the modem lines ---- */

/* In loopback mode the four outputs are connected to the four inputs. */
static uint16_t seen_lines(const struct pl011 *uart)
{
	uint16_t lines = 0;

	if (!in_loopback(uart))
		return uart->lines;
	if (uart->cr & PL011_CR_RTS)
		lines |= PL011_FR_CTS;
	if (uart->cr & PL011_CR_DTR)
		lines |= PL011_FR_DSR;
	if (uart->cr & PL011_CR_OUT1)
		lines |= PL011_FR_DCD;
	if (uart->cr & PL011_CR_OUT2)
		lines |= PL011_FR_RI;
	return lines;
}

static void note_changes(struct pl011 *uart, uint16_t before)
{
	uint16_t changed = before ^ seen_lines(uart);

	if (changed & PL011_FR_RI)
		uart->ris |= PL011_INT_RI;
	if (changed & PL011_FR_CTS)
		uart->ris |= PL011_INT_CTS;
	if (changed & PL011_FR_DCD)
		uart->ris |= PL011_INT_DCD;
	if (changed & PL011_FR_DSR)
		uart->ris |= PL011_INT_DSR;
}

void pl011_set_lines(struct pl011 *uart, uint16_t lines)
{
	uint16_t before = seen_lines(uart);

	uart->lines = lines & FR_LINES;
	note_changes(uart, before);
}

uint16_t pl011_outputs(const struct pl011 *uart)
{
	uint16_t outputs = uart->cr & (PL011_CR_RTS | PL011_CR_DTR);

	if (in_loopback(uart))
		return 0;
	if (uart->cr & PL011_CR_RTSEN) {
		outputs &= ~PL011_CR_RTS;
		if (pl011_rx_wanted(uart))
			outputs |= PL011_CR_RTS;
	}
	return outputs;
}

/* ---- the receiver ---- */

/* The overrun itself belongs to no character: it is told with the next one that finds room. */
static void receive(struct pl011 *uart, uint8_t value, uint16_t errors)
{
	uart->ris &= ~PL011_INT_RT;
	if (uart->rx.count == depth(uart)) {
		uart->overrun = true;
		uart->rsr |= PL011_RSR_OE;
		uart->ris |= PL011_INT_OE;
		return;
	}
	if (uart->overrun)
		errors |= PL011_DR_OE;
	uart->overrun = false;
	fifo_push(&uart->rx, value | errors);
	if (errors & PL011_DR_FE)
		uart->ris |= PL011_INT_FE;
	if (errors & PL011_DR_PE)
		uart->ris |= PL011_INT_PE;
	if (errors & PL011_DR_BE)
		uart->ris |= PL011_INT_BE;
	/* The transition is what counts: once cleared it stays so above the level. */
	if (uart->rx.count == rx_level(uart))
		uart->ris |= PL011_INT_RX;
}

void pl011_receive_errors(struct pl011 *uart, uint8_t value, uint16_t errors)
{
	if (!in_loopback(uart) && is_on(uart, PL011_CR_RXE))
		receive(uart, value, errors & (PL011_DR_BE | PL011_DR_PE | PL011_DR_FE));
}

void pl011_receive(struct pl011 *uart, uint8_t value)
{
	pl011_receive_errors(uart, value, 0);
}

void pl011_rx_idle(struct pl011 *uart)
{
	if (uart->rx.count && is_on(uart, PL011_CR_RXE))
		uart->ris |= PL011_INT_RT;
}

unsigned int pl011_rx_room(const struct pl011 *uart)
{
	if (in_loopback(uart) || !is_on(uart, PL011_CR_RXE))
		return 0;
	return depth(uart) - uart->rx.count;
}

unsigned int pl011_rx_wanted(const struct pl011 *uart)
{
	unsigned int room = pl011_rx_room(uart);
	unsigned int level = rx_level(uart);

	if (!(uart->cr & PL011_CR_RTSEN) || !room)
		return room;
	return uart->rx.count < level ? level - uart->rx.count : 0;
}

static uint16_t read_received(struct pl011 *uart)
{
	uint16_t value;

	if (!uart->rx.count)
		return 0;
	value = fifo_pop(&uart->rx);
	uart->rsr = (uart->rsr & PL011_RSR_OE) | value >> PL011_RSR_SHIFT;
	if (uart->rx.count < rx_level(uart))
		uart->ris &= ~PL011_INT_RX;
	if (!uart->rx.count)
		uart->ris &= ~PL011_INT_RT;
	return value;
}

/* ---- the transmitter ---- */

/*
 * With a line as slow as a real one the transmitter fills faster than it empties, and tells when it
 * goes down through its trigger level. On this line it may be empty again before the next character
 * is written and never get above the level. So it tells whenever characters have left it and no
 * more than that are in it: one who waits for room is never forgotten.
 */
static void tx_drained(struct pl011 *uart)
{
	if (uart->tx.count <= tx_level(uart))
		uart->ris |= PL011_INT_TX;
}

/* In loopback mode the receiver gets at once what is transmitted, whether it has room or not. */
static void loop_back(struct pl011 *uart)
{
	if (!in_loopback(uart) || !is_on(uart, PL011_CR_TXE))
		return;
	if (uart->break_begun && is_on(uart, PL011_CR_RXE))
		receive(uart, 0, PL011_DR_BE);
	uart->break_begun = false;
	if (!uart->tx.count || (uart->lcr_h & PL011_LCR_H_BRK))
		return;
	while (uart->tx.count) {
		uint16_t value = fifo_pop(&uart->tx);

		if (is_on(uart, PL011_CR_RXE))
			receive(uart, value, 0);
	}
	pl011_rx_idle(uart);
	tx_drained(uart);
}

static void transmit(struct pl011 *uart, uint8_t value)
{
	/* Who writes without looking at TXFF loses a character, in the chip as well. */
	if (uart->tx.count == depth(uart))
		return;
	fifo_push(&uart->tx, value);
	if (uart->tx.count > tx_level(uart))
		uart->ris &= ~PL011_INT_TX;
	loop_back(uart);
}

unsigned int pl011_tx_peek(const struct pl011 *uart, uint8_t *buf, unsigned int size)
{
	unsigned int count = uart->tx.count < size ? uart->tx.count : size;

	if (!is_on(uart, PL011_CR_TXE) || (uart->lcr_h & PL011_LCR_H_BRK))
		return 0;
	if ((uart->cr & PL011_CR_CTSEN) && !(seen_lines(uart) & PL011_FR_CTS))
		return 0;
	for (unsigned int i = 0; i < count; i++)
		buf[i] = uart->tx.data[(uart->tx.head + i) % PL011_FIFO_SIZE];
	return count;
}

void pl011_tx_done(struct pl011 *uart, unsigned int count)
{
	if (!count)
		return;
	while (count--)
		fifo_pop(&uart->tx);
	tx_drained(uart);
}

bool pl011_take_break(struct pl011 *uart)
{
	bool begun = uart->break_begun && !in_loopback(uart) && is_on(uart, PL011_CR_TXE);

	if (begun)
		uart->break_begun = false;
	return begun;
}

/* ---- the registers ---- */

void pl011_reset(struct pl011 *uart, bool sbsa)
{
	uint16_t lines = uart->lines;

	memset(uart, 0, sizeof(*uart));
	uart->lines = lines;
	uart->sbsa = sbsa;
	uart->cr = CR_RESET;
	uart->ifls = IFLS_RESET;
	if (sbsa) {
		uart->cr |= PL011_CR_UARTEN;
		uart->lcr_h = PL011_LCR_H_FEN | PL011_LCR_H_WLEN_8;
	}
}

static uint16_t read_flags(const struct pl011 *uart)
{
	uint16_t flags = seen_lines(uart);

	if (!uart->rx.count)
		flags |= PL011_FR_RXFE;
	if (uart->rx.count == depth(uart))
		flags |= PL011_FR_RXFF;
	/* What is being shifted out counts as being in the FIFO, so both say the same. */
	if (uart->tx.count)
		flags |= PL011_FR_BUSY;
	else
		flags |= PL011_FR_TXFE;
	if (uart->tx.count == depth(uart))
		flags |= PL011_FR_TXFF;
	return flags;
}

static void write_line_control(struct pl011 *uart, uint8_t value)
{
	bool had_fifos = fifos_enabled(uart);

	if ((value & PL011_LCR_H_BRK) && !(uart->lcr_h & PL011_LCR_H_BRK))
		uart->break_begun = true;
	if (!(value & PL011_LCR_H_BRK))
		uart->break_begun = false;
	uart->lcr_h = value;
	/* Turning them off is how they are emptied. */
	if (had_fifos && !fifos_enabled(uart)) {
		fifo_clear(&uart->rx);
		fifo_clear(&uart->tx);
		uart->ris &= ~(PL011_INT_RX | PL011_INT_RT);
	}
	loop_back(uart);
}

static void write_control(struct pl011 *uart, uint16_t value)
{
	uint16_t before = seen_lines(uart);

	uart->cr = value & CR_BITS;
	note_changes(uart, before);
	loop_back(uart);
}

/* A generic UART has no more than these and the ids. */
static bool is_generic(unsigned int offset)
{
	switch (offset) {
	case PL011_DR:
	case PL011_RSR_ECR:
	case PL011_FR:
	case PL011_IMSC:
	case PL011_RIS:
	case PL011_MIS:
	case PL011_ICR:
		return true;
	default:
		return offset >= PL011_ID;
	}
}

/* Part 0x011 of designer 0x41 (ARM), revision r1p5, then the mark of all PrimeCells. */
static uint16_t read_id(unsigned int offset)
{
	static const uint8_t ids[] = { 0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };
	unsigned int index = (offset - PL011_ID) / 4;

	return offset >= PL011_ID && index < sizeof(ids) ? ids[index] : 0;
}

uint16_t pl011_read(struct pl011 *uart, unsigned int offset)
{
	if (uart->sbsa && !is_generic(offset))
		return 0;
	switch (offset) {
	case PL011_DR:
		return read_received(uart);
	case PL011_RSR_ECR:
		return uart->rsr;
	case PL011_FR:
		return read_flags(uart);
	case PL011_ILPR:
		return uart->ilpr;
	case PL011_IBRD:
		return uart->ibrd;
	case PL011_FBRD:
		return uart->fbrd;
	case PL011_LCR_H:
		return uart->lcr_h;
	case PL011_CR:
		return uart->cr;
	case PL011_IFLS:
		return uart->ifls;
	case PL011_IMSC:
		return uart->imsc;
	case PL011_RIS:
		return uart->ris;
	case PL011_MIS:
		return pl011_mis(uart);
	case PL011_DMACR:
		return uart->dmacr;
	default:
		return read_id(offset);
	}
}

void pl011_write(struct pl011 *uart, unsigned int offset, uint32_t value)
{
	if (uart->sbsa && !is_generic(offset))
		return;
	switch (offset) {
	case PL011_DR:
		transmit(uart, value);
		break;
	case PL011_RSR_ECR: /* whatever is written */
		uart->rsr = 0;
		break;
	case PL011_ILPR:
		uart->ilpr = value;
		break;
	case PL011_IBRD:
		uart->ibrd = value;
		break;
	case PL011_FBRD:
		uart->fbrd = value & FBRD_BITS;
		break;
	case PL011_LCR_H:
		write_line_control(uart, value);
		break;
	case PL011_CR:
		write_control(uart, value);
		break;
	case PL011_IFLS:
		uart->ifls = value & IFLS_BITS;
		break;
	case PL011_IMSC:
		uart->imsc = value & PL011_INT_ALL;
		break;
	case PL011_ICR:
		uart->ris &= ~value;
		break;
	case PL011_DMACR:
		uart->dmacr = value & DMACR_BITS;
		break;
	default: /* read-only, or nothing */
		break;
	}
}
