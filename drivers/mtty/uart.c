/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include "uart.h"

#define LSR_ERRORS	 (UART_LSR_OE | UART_LSR_PE | UART_LSR_FE | UART_LSR_BI)
#define MSR_LINES	 (UART_MSR_DCD | UART_MSR_RI | UART_MSR_DSR | UART_MSR_CTS)
#define IER_BITS	 (UART_IER_RDI | UART_IER_THRI | UART_IER_RLSI | UART_IER_MSI)
#define MCR_BITS	 0x3f
#define FCR_KEPT	 (UART_FCR_ENABLE_FIFO | UART_FCR_DMA_SELECT | UART_FCR_TRIGGER_MASK)
#define IIR_FIFO_ENABLED 0xc0

/* ---- the FIFOs ---- */

static void fifo_clear(struct uart_fifo *fifo)
{
	fifo->head = 0;
	fifo->count = 0;
}

static void fifo_push(struct uart_fifo *fifo, uint8_t value, uint8_t error)
{
	unsigned int tail = (fifo->head + fifo->count) % UART_FIFO_SIZE;

	fifo->data[tail] = value;
	fifo->error[tail] = error;
	fifo->count++;
}

static uint8_t fifo_pop(struct uart_fifo *fifo)
{
	uint8_t value = fifo->data[fifo->head];

	fifo->head = (fifo->head + 1) % UART_FIFO_SIZE;
	fifo->count--;
	return value;
}

static bool fifo_has_error(const struct uart_fifo *fifo)
{
	for (unsigned int i = 0; i < fifo->count; i++)
		if (fifo->error[(fifo->head + i) % UART_FIFO_SIZE])
			return true;
	return false;
}

static bool fifos_enabled(const struct uart *uart)
{
	return uart->fcr & UART_FCR_ENABLE_FIFO;
}

/* Without FIFOs there is one holding register each way, as in the 16450. */
static unsigned int depth(const struct uart *uart)
{
	return fifos_enabled(uart) ? UART_FIFO_SIZE : 1;
}

static unsigned int trigger_level(const struct uart *uart)
{
	static const uint8_t levels[] = { 1, 4, 8, 14 };

	return fifos_enabled(uart) ? levels[uart->fcr >> 6] : 1;
}

static bool in_loopback(const struct uart *uart)
{
	return uart->mcr & UART_MCR_LOOP;
}

/* ---- interrupts ---- */

static uint8_t pending_causes(const struct uart *uart)
{
	uint8_t causes = 0;

	if (uart->errors)
		causes |= UART_IER_RLSI;
	if (uart->rx.count >= trigger_level(uart) || uart->timeout)
		causes |= UART_IER_RDI;
	if (uart->tx_emptied)
		causes |= UART_IER_THRI;
	if (uart->deltas)
		causes |= UART_IER_MSI;
	return causes & uart->ier;
}

/* Called after each change that may make a cause come or go. */
static void update_causes(struct uart *uart)
{
	uint8_t now = pending_causes(uart);
	uint8_t came = now & ~uart->causes;
	uint8_t went = uart->causes & ~now;

	if (came || (went && now))
		uart->edge = true;
	uart->causes = now;
}

bool uart_irq(const struct uart *uart)
{
	return uart->causes;
}

bool uart_take_edge(struct uart *uart)
{
	bool edge = uart->edge;

	uart->edge = false;
	return edge;
}

/* Highest priority first. */
static uint8_t interrupt_id(const struct uart *uart)
{
	if (uart->causes & UART_IER_RLSI)
		return UART_IIR_RLSI;
	if (uart->causes & UART_IER_RDI)
		return uart->rx.count >= trigger_level(uart) ? UART_IIR_RDI : UART_IIR_RX_TIMEOUT;
	if (uart->causes & UART_IER_THRI)
		return UART_IIR_THRI;
	if (uart->causes & UART_IER_MSI)
		return UART_IIR_MSI;
	return UART_IIR_NO_INT;
}

/* ---- the receiver ---- */

static void receive(struct uart *uart, uint8_t value, uint8_t error)
{
	uart->timeout = false;
	if (uart->rx.count == depth(uart)) {
		uart->errors |= UART_LSR_OE;
		/* The FIFO keeps what it has; the single register is written over. */
		if (!fifos_enabled(uart)) {
			fifo_clear(&uart->rx);
			fifo_push(&uart->rx, value, error);
			uart->errors |= error;
		}
	} else {
		fifo_push(&uart->rx, value, error);
		if (uart->rx.count == 1)
			uart->errors |= error;
	}
	update_causes(uart);
}

void uart_receive(struct uart *uart, uint8_t value)
{
	if (!in_loopback(uart))
		receive(uart, value, 0);
}

void uart_receive_break(struct uart *uart)
{
	if (!in_loopback(uart))
		receive(uart, 0, UART_LSR_BI);
}

void uart_rx_idle(struct uart *uart)
{
	uart->timeout = fifos_enabled(uart) && uart->rx.count > 0;
	update_causes(uart);
}

unsigned int uart_rx_room(const struct uart *uart)
{
	return in_loopback(uart) ? 0 : depth(uart) - uart->rx.count;
}

static uint8_t read_received(struct uart *uart)
{
	uint8_t value = 0;

	if (uart->rx.count)
		value = fifo_pop(&uart->rx);
	if (uart->rx.count)
		uart->errors |= uart->rx.error[uart->rx.head];
	else
		uart->timeout = false;
	update_causes(uart);
	return value;
}

static uint8_t read_line_status(struct uart *uart)
{
	uint8_t lsr = uart->errors;

	if (uart->rx.count)
		lsr |= UART_LSR_DR;
	if (!uart->tx.count)
		lsr |= UART_LSR_THRE | UART_LSR_TEMT;
	if (fifos_enabled(uart) && fifo_has_error(&uart->rx))
		lsr |= UART_LSR_FIFOE;

	/* Reading tells the guest of the errors of the oldest character. */
	uart->errors = 0;
	if (uart->rx.count)
		uart->rx.error[uart->rx.head] = 0;
	update_causes(uart);
	return lsr;
}

/* ---- the transmitter ---- */

static void tx_ran_empty(struct uart *uart)
{
	uart->tx_emptied = true;
	update_causes(uart);
}

/* In loopback mode the receiver gets at once what is transmitted, whether it has room or not. */
static void loop_back(struct uart *uart)
{
	if (!in_loopback(uart) || !uart->tx.count)
		return;
	while (uart->tx.count)
		receive(uart, fifo_pop(&uart->tx), 0);
	uart_rx_idle(uart);
	tx_ran_empty(uart);
}

static void transmit(struct uart *uart, uint8_t value)
{
	uart->tx_emptied = false;
	update_causes(uart);

	/* Who writes without looking at THRE loses a character, in the chip as well. */
	if (uart->tx.count == depth(uart)) {
		if (fifos_enabled(uart))
			return;
		fifo_clear(&uart->tx);
	}
	fifo_push(&uart->tx, value, 0);
	loop_back(uart);
}

unsigned int uart_tx_peek(const struct uart *uart, uint8_t *buf)
{
	if ((uart->mcr & UART_MCR_AFE) && !(uart->lines & UART_MSR_CTS))
		return 0;
	for (unsigned int i = 0; i < uart->tx.count; i++)
		buf[i] = uart->tx.data[(uart->tx.head + i) % UART_FIFO_SIZE];
	return uart->tx.count;
}

void uart_tx_done(struct uart *uart, unsigned int count)
{
	if (!count)
		return;
	while (count--)
		fifo_pop(&uart->tx);
	if (!uart->tx.count)
		tx_ran_empty(uart);
}

bool uart_take_break(struct uart *uart)
{
	bool begun = uart->break_begun;

	uart->break_begun = false;
	return begun;
}

/* ---- the modem lines ---- */

/* In loopback mode the four outputs are connected to the four inputs. */
static uint8_t seen_lines(const struct uart *uart)
{
	uint8_t lines = 0;

	if (!in_loopback(uart))
		return uart->lines;
	if (uart->mcr & UART_MCR_RTS)
		lines |= UART_MSR_CTS;
	if (uart->mcr & UART_MCR_DTR)
		lines |= UART_MSR_DSR;
	if (uart->mcr & UART_MCR_OUT1)
		lines |= UART_MSR_RI;
	if (uart->mcr & UART_MCR_OUT2)
		lines |= UART_MSR_DCD;
	return lines;
}

static void note_deltas(struct uart *uart, uint8_t before)
{
	uint8_t now = seen_lines(uart);
	uint8_t changed = before ^ now;

	if (changed & UART_MSR_CTS)
		uart->deltas |= UART_MSR_DCTS;
	if (changed & UART_MSR_DSR)
		uart->deltas |= UART_MSR_DDSR;
	if (changed & UART_MSR_DCD)
		uart->deltas |= UART_MSR_DDCD;
	/* Of the ring indicator only the end of a ring counts. */
	if (changed & before & UART_MSR_RI)
		uart->deltas |= UART_MSR_TERI;
	update_causes(uart);
}

void uart_set_lines(struct uart *uart, uint8_t lines)
{
	uint8_t before = seen_lines(uart);

	uart->lines = lines & MSR_LINES;
	note_deltas(uart, before);
}

bool uart_rts(const struct uart *uart)
{
	if (in_loopback(uart) || !(uart->mcr & UART_MCR_RTS))
		return false;
	return !(uart->mcr & UART_MCR_AFE) || uart->rx.count < trigger_level(uart);
}

bool uart_dtr(const struct uart *uart)
{
	return !in_loopback(uart) && (uart->mcr & UART_MCR_DTR);
}

static uint8_t read_modem_status(struct uart *uart)
{
	uint8_t msr = seen_lines(uart) | uart->deltas;

	uart->deltas = 0;
	update_causes(uart);
	return msr;
}

/* ---- the registers ---- */

void uart_reset(struct uart *uart)
{
	uint8_t lines = uart->lines;

	memset(uart, 0, sizeof(*uart));
	uart->lines = lines;
}

static uint8_t read_interrupt_id(struct uart *uart)
{
	uint8_t id = interrupt_id(uart);

	if (id == UART_IIR_THRI) {
		uart->tx_emptied = false;
		update_causes(uart);
	}
	return fifos_enabled(uart) ? id | IIR_FIFO_ENABLED : id;
}

static void write_interrupt_enable(struct uart *uart, uint8_t value)
{
	bool asks_for_tx = (value & UART_IER_THRI) && !(uart->ier & UART_IER_THRI);

	uart->ier = value & IER_BITS;
	/* Who enables the transmitter's interrupt wants to hear that it is empty now. */
	if (asks_for_tx)
		uart->tx_emptied = !uart->tx.count;
	update_causes(uart);
}

static void write_fifo_control(struct uart *uart, uint8_t value)
{
	bool had_tx = uart->tx.count;

	/* Turning them on or off empties both; while they are off no other bit has an effect. */
	if ((value ^ uart->fcr) & UART_FCR_ENABLE_FIFO)
		value |= UART_FCR_CLEAR_RCVR | UART_FCR_CLEAR_XMIT;
	else if (!fifos_enabled(uart))
		return;
	uart->fcr = value & UART_FCR_ENABLE_FIFO ? value & FCR_KEPT : 0;

	if (value & UART_FCR_CLEAR_RCVR) {
		fifo_clear(&uart->rx);
		uart->timeout = false;
	}
	if (value & UART_FCR_CLEAR_XMIT) {
		fifo_clear(&uart->tx);
		if (had_tx)
			tx_ran_empty(uart);
	}
	update_causes(uart);
}

static void write_line_control(struct uart *uart, uint8_t value)
{
	if ((value & UART_LCR_SBC) && !(uart->lcr & UART_LCR_SBC) && !in_loopback(uart))
		uart->break_begun = true;
	uart->lcr = value;
}

static void write_modem_control(struct uart *uart, uint8_t value)
{
	uint8_t before = seen_lines(uart);

	uart->mcr = value & MCR_BITS;
	note_deltas(uart, before);
	loop_back(uart);
}

uint8_t uart_read(struct uart *uart, unsigned int reg)
{
	bool dlab = uart->lcr & UART_LCR_DLAB;

	switch (reg) {
	case UART_RX:
		return dlab ? uart->divisor & 0xff : read_received(uart);
	case UART_IER:
		return dlab ? uart->divisor >> 8 : uart->ier;
	case UART_IIR:
		return read_interrupt_id(uart);
	case UART_LCR:
		return uart->lcr;
	case UART_MCR:
		return uart->mcr;
	case UART_LSR:
		return read_line_status(uart);
	case UART_MSR:
		return read_modem_status(uart);
	case UART_SCR:
		return uart->scr;
	default:
		return 0xff;
	}
}

void uart_write(struct uart *uart, unsigned int reg, uint8_t value)
{
	bool dlab = uart->lcr & UART_LCR_DLAB;

	switch (reg) {
	case UART_TX:
		if (dlab)
			uart->divisor = (uart->divisor & 0xff00) | value;
		else
			transmit(uart, value);
		break;
	case UART_IER:
		if (dlab)
			uart->divisor = (uart->divisor & 0x00ff) | value << 8;
		else
			write_interrupt_enable(uart, value);
		break;
	case UART_FCR:
		write_fifo_control(uart, value);
		break;
	case UART_LCR:
		write_line_control(uart, value);
		break;
	case UART_MCR:
		write_modem_control(uart, value);
		break;
	case UART_SCR:
		uart->scr = value;
		break;
	default: /* the status registers are the chip's to write */
		break;
	}
}
