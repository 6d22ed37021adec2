/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A serial port with a 16550A.
 *
 * The guest sees THRE clear and waits while the host's end can't take what it has sent. RTS says
 * whether it asks for characters: it is low before a guest opens the port, and when a guest with
 * hardware flow control has enough.
 */
#ifndef MTTY_UART_PORT_H
#define MTTY_UART_PORT_H

#include "../common/port.h"
#include "uart.h"

/**
 * struct uart_port - such a port
 * @port: what is common to all chips
 * @uart: the guest's side; under port.lock
 */
struct uart_port {
	struct port port;
	struct uart uart;
};

/**
 * uart_port_init - power on and connect to the host
 * @port: zeroed but for port.lock, port.changed and port.name
 * Return: as port_init(). The reverse is port_finish().
 */
int uart_port_init(struct uart_port *port, const char *backend);

#endif
