/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A serial port: a chip, and what it is connected to on the host (its end).
 *
 * Nothing is lost when either side is slow. What the chip sends stays in its transmitter while the
 * host's end can't take it. What the host sends is left where it is (in the kernel's buffer, whose
 * writer then waits) while the chip does not want it: its receiver is full, or not enabled.
 *
 * DSR, CTS and DCD are high while somebody is at the host's end.
 */
#ifndef COMMON_PORT_H
#define COMMON_PORT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <linux/serial_reg.h>
#include "loop.h"

struct end;
struct port;

/* What is moved at once, at most. */
#define PORT_CHUNK 256

/**
 * struct port_ops - the chip's side of a port
 * @rx_wanted:  how many characters it wants to be read from the host now; 0: none
 * @rx_room:    how many it could take, whether it wants them or not
 * @receive:    take these; never more than it has room for
 * @receive_break: the line was held low. Optional
 * @rx_idle:    nothing more arrives at present. Optional
 * @tx_peek:    copy what has to be transmitted, at most @size, oldest first. Return: how many
 * @tx_done:    the oldest @count of them are transmitted
 * @take_break: true once for each break that the chip has begun. Optional
 * @set_lines:  the modem lines are now @lines: UART_MSR_DCD, _RI, _DSR, _CTS. Optional
 * @outputs:    the modem lines that it drives: UART_MCR_DTR, _RTS. Optional: none
 *
 * Context: under port->lock; none of them sleeps.
 */
struct port_ops {
	unsigned int (*rx_wanted)(const struct port *port);
	unsigned int (*rx_room)(const struct port *port);
	void (*receive)(struct port *port, const uint8_t *data, unsigned int count);
	void (*receive_break)(struct port *port);
	void (*rx_idle)(struct port *port);
	unsigned int (*tx_peek)(const struct port *port, uint8_t *buf, unsigned int size);
	void (*tx_done)(struct port *port, unsigned int count);
	bool (*take_break)(struct port *port);
	void (*set_lines)(struct port *port, uint8_t lines);
	uint8_t (*outputs)(const struct port *port);
};

/**
 * struct port - a serial port; embedded by who has the chip
 * @ops:     the chip's side; constant
 * @end:     the host's side, never NULL between port_init() and port_finish(); under @lock
 * @lock:    guards the chip and the end; of whoever embeds the port; several ports may share one
 * @changed: called under @lock, by port_kick() and by the module's thread, when interrupts may have
 *           come or gone
 * @name:    unique on the host; the owner's, lives as long as the port
 */
struct port {
	const struct port_ops *ops;
	struct end *end;
	pthread_mutex_t *lock;
	void (*changed)(struct port *port);
	const char *name;
};

/** port_knows_backend - is there a backend @name? */
bool port_knows_backend(const char *name);

/**
 * port_init - connect a port to the host
 * @port:    zeroed but for ops, lock, changed and name; its chip is ready
 * @backend: "pty", "unix" or "loop"
 *
 * Return: 0, -EINVAL (no such backend), -errno of what failed.
 */
int port_init(struct port *port, const char *backend);

/**
 * port_finish - close the host's end. Context: not under @lock; nobody else uses the port any more.
 * Nothing if it has none.
 */
void port_finish(struct port *port);

/**
 * port_set_backend - connect it to something else
 * @backend: its name; a newline may follow
 *
 * May be done while the chip is in use: to who uses it, it is a cable that is pulled and put into
 * another socket. What is in the chip stays there; what the old end has not handed over goes with
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
 * port_kick - move what can be moved, after the chip has been used. Context: under @lock; does not
 * sleep.
 */
void port_kick(struct port *port);

/* ---- attributes: show and store of "backend" and "path" ---- */

/** port_backend_show - its backend and a newline, into a page. Return: the length. */
ssize_t port_backend_show(struct port *port, char *buf);
/** port_path_show - its path and a newline, the same way. */
ssize_t port_path_show(struct port *port, char *buf);
/**
 * port_backend_store - set its backend to the text @buf
 * @one_at_a_time: a lock of the caller's, not @lock, that makes them so
 * Return: @count, or as port_set_backend().
 */
ssize_t port_backend_store(struct port *port, const char *buf, size_t count,
			   pthread_mutex_t *one_at_a_time);

#endif
