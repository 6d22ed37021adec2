/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The host's end of a serial port: one implementation per kind.
 */
#ifndef COMMON_END_H
#define COMMON_END_H

#include <stdbool.h>
#include <sys/types.h>
#include "port.h"

/**
 * struct end_ops - what a kind of end does
 * @name:    as the attribute "backend" shows it
 * @open:    make an end for @port and set its fields; its memory is close()'s to free. Return: 0 or
 *           -errno
 * @close:   the reverse; when it returns no watch of it is left
 * @refresh: find out what can be done now: sets connected, readable, writable. Optional
 * @lines:   the modem lines that it drives; optional: DSR, CTS and DCD while connected
 * @read:    take up to @size characters from the host. Return: how many, or -EAGAIN: none before
 *           the next refresh
 * @write:   give up to @count to the host. Return: how many, 0: ask again when the chip's side has
 *           read, or -EAGAIN as above
 * @send_break: the chip sends a break. Optional: most ends can't show one
 *
 * Context: open and close without the port's lock, the others with it; none of those sleeps.
 */
struct end_ops {
	const char *name;
	int (*open)(struct port *port, struct end **out);
	void (*close)(struct end *end);
	void (*refresh)(struct end *end);
	uint8_t (*lines)(const struct end *end);
	ssize_t (*read)(struct end *end, void *buf, size_t size);
	ssize_t (*write)(struct end *end, const void *buf, size_t count);
	void (*send_break)(struct end *end);
};

/**
 * struct end - the host's end of a port; embedded by its kind
 * @ops:       its kind
 * @port:      whose it is
 * @path:      where the host finds it, "" for nowhere; constant
 * @connected: somebody is there; this and the following under port->lock
 * @readable:  read() may have something
 * @writable:  write() may take something
 */
struct end {
	const struct end_ops *ops;
	struct port *port;
	const char *path;
	bool connected;
	bool readable;
	bool writable;
};

extern const struct end_ops end_pty_ops;  /* a pseudo-terminal */
extern const struct end_ops end_unix_ops; /* a UNIX stream socket */
extern const struct end_ops end_loop_ops; /* a plug that connects outputs to inputs */

/**
 * end_changed - something happened at an end: look at it and move what can be moved. Context:
 * without port->lock.
 */
void end_changed(struct end *end);

/**
 * pty_start, pty_stop - what all pseudo-terminals share; counted as loop_start(). Context: between
 * loop_start() and loop_stop().
 */
int pty_start(void);
void pty_stop(void);

/*
 * Where end_unix makes its sockets; set before the first port. NULL, as at first: there are none
 * (-EOPNOTSUPP).
 */
extern char *unix_socket_dir;

#endif
