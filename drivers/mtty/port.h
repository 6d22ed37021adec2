/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A serial port: a UART, and what it is connected to on the host (its end).
 *
 * Nothing is lost when either side is slow. What the guest sends stays in the UART's transmitter
 * while the host's end can't take it, so the guest sees THRE clear and waits. What the host sends
 * is left where it is (in the kernel's buffer, whose writer then waits) while the receiver is full
 * or the guest does not ask for it: RTS is low before a guest opens the port, and when a guest with
 * hardware flow control has enough.
 *
 * DSR, CTS and DCD are high while somebody is at the host's end.
 */
#ifndef MTTY_PORT_H
#define MTTY_PORT_H

#include <pthread.h>
#include <sys/types.h>
#include "loop.h"
#include "uart.h"

struct end;

/**
 * struct port - a serial port
 * @uart:    the guest's side; under @lock
 * @end:     the host's side, never NULL between port_init() and port_finish(); under @lock
 * @lock:    of whoever embeds the port; several ports may share one
 * @changed: called under @lock, by port_kick() and by the module's thread, when interrupts may have
 *           come or gone
 * @name:    unique on the host; the owner's, lives as long as the port
 */
struct port {
	struct uart uart;
	struct end *end;
	pthread_mutex_t *lock;
	void (*changed)(struct port *port);
	const char *name;
};

/** port_knows_backend - is there a backend @name? */
bool port_knows_backend(const char *name);

/**
 * port_init - connect a port to the host
 * @port:    zeroed but for lock, changed and name
 * @backend: "pty", "unix" or "loop"
 *
 * Return: 0, -EINVAL (no such backend), -errno of what failed.
 */
int port_init(struct port *port, const char *backend);

/**
 * port_finish - close the host's end. Context: not under @lock; nobody else uses the port any more.
 */
void port_finish(struct port *port);

/**
 * port_set_backend - connect it to something else
 * @backend: its name; a newline may follow
 *
 * May be done while a guest uses the port: to the guest it is a cable that is pulled and put into
 * another socket. What is in the UART stays there; what the old end has not handed over goes with
 * it. What it is connected to already stays as it is.
 *
 * Context: not under @lock, one call at a time for a port. Return: as port_init(); the port is as
 * before then.
 */
int port_set_backend(struct port *port, const char *backend);

/** port_backend - the name of what it is connected to. Context: under @lock. */
const char *port_backend(const struct port *port);

/**
 * port_path - where the host finds its end, "" if there is nothing to find. Context: under @lock,
 * valid as long.
 */
const char *port_path(const struct port *port);

/**
 * port_kick - move what can be moved, after the guest has used the UART. Context: under @lock; does
 * not sleep.
 */
void port_kick(struct port *port);

#endif
