/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <umdev/util.h>
#include "uart_port.h"

static struct uart *uart_of(struct port *port)
{
	return &container_of(port, struct uart_port, port)->uart;
}

static const struct uart *const_uart_of(const struct port *port)
{
	return &container_of((struct port *)port, struct uart_port, port)->uart;
}

/* Filled when it is empty: one system call for a FIFO full of characters, not for each. */
static unsigned int rx_wanted(const struct port *port)
{
	const struct uart *uart = const_uart_of(port);

	return uart_rts(uart) && !uart->rx.count ? uart_rx_room(uart) : 0;
}

static unsigned int rx_room(const struct port *port)
{
	return uart_rx_room(const_uart_of(port));
}

static void receive(struct port *port, const uint8_t *data, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		uart_receive(uart_of(port), data[i]);
}

static void receive_break(struct port *port)
{
	uart_receive_break(uart_of(port));
}

static void rx_idle(struct port *port)
{
	uart_rx_idle(uart_of(port));
}

static unsigned int tx_peek(const struct port *port, uint8_t *buf, unsigned int size)
{
	_Static_assert(PORT_CHUNK >= UART_FIFO_SIZE, "a FIFO's characters fit");
	return uart_tx_peek(const_uart_of(port), buf);
}

static void tx_done(struct port *port, unsigned int count)
{
	uart_tx_done(uart_of(port), count);
}

static bool take_break(struct port *port)
{
	return uart_take_break(uart_of(port));
}

static void set_lines(struct port *port, uint8_t lines)
{
	uart_set_lines(uart_of(port), lines);
}

static uint8_t outputs(const struct port *port)
{
	const struct uart *uart = const_uart_of(port);

	return (uart_rts(uart) ? UART_MCR_RTS : 0) | (uart_dtr(uart) ? UART_MCR_DTR : 0);
}

static const struct port_ops uart_port_ops = {
	.rx_wanted = rx_wanted,
	.rx_room = rx_room,
	.receive = receive,
	.receive_break = receive_break,
	.rx_idle = rx_idle,
	.tx_peek = tx_peek,
	.tx_done = tx_done,
	.take_break = take_break,
	.set_lines = set_lines,
	.outputs = outputs,
};

int uart_port_init(struct uart_port *port, const char *backend)
{
	port->port.ops = &uart_port_ops;
	uart_reset(&port->uart);
	return port_init(&port->port, backend);
}
