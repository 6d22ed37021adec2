/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <umdev/kobject.h>
#include "end.h"
#include "port.h"

static const struct end_ops *const backends[] = { &end_pty_ops, &end_unix_ops, &end_loop_ops };

static const struct end_ops *find_backend(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(backends); i++)
		if (sysfs_streq(name, backends[i]->name))
			return backends[i];
	return NULL;
}

bool port_knows_backend(const char *name)
{
	return find_backend(name);
}

/* ---- moving characters ---- */

static void show_lines(struct port *port)
{
	struct end *end = port->end;
	uint8_t lines = end->connected ? UART_MSR_DSR | UART_MSR_CTS | UART_MSR_DCD : 0;

	if (port->ops->set_lines)
		port->ops->set_lines(port, end->ops->lines ? end->ops->lines(end) : lines);
}

static void refresh(struct end *end)
{
	if (end->ops->refresh)
		end->ops->refresh(end);
}

static void send(struct port *port)
{
	struct end *end = port->end;
	uint8_t buf[PORT_CHUNK];
	unsigned int count;
	ssize_t sent;

	if (port->ops->take_break && port->ops->take_break(port) && end->ops->send_break)
		end->ops->send_break(end);

	while (end->writable && (count = port->ops->tx_peek(port, buf, sizeof(buf)))) {
		sent = end->ops->write(end, buf, count);
		if (sent == 0)
			return;
		if (sent < 0)
			end->writable = false;
		else
			port->ops->tx_done(port, sent);
	}
}

static void receive(struct port *port)
{
	struct end *end = port->end;
	uint8_t buf[PORT_CHUNK];
	unsigned int wanted;
	ssize_t count;

	while (end->readable && (wanted = port->ops->rx_wanted(port))) {
		count = end->ops->read(end, buf, wanted < sizeof(buf) ? wanted : sizeof(buf));
		if (count < 0)
			end->readable = false;
		else
			port->ops->receive(port, buf, count);
	}
	if (port->ops->rx_idle)
		port->ops->rx_idle(port);
}

void port_kick(struct port *port)
{
	show_lines(port);
	send(port);
	receive(port);
	/* Reading may have found that nobody is there any more. */
	show_lines(port);
	port->changed(port);
}

void end_changed(struct end *end)
{
	struct port *port = end->port;

	pthread_mutex_lock(port->lock);
	/* It may be new and not in use yet, or no more. */
	if (port->end == end) {
		refresh(end);
		port_kick(port);
	}
	pthread_mutex_unlock(port->lock);
}

/* ---- the host's end ---- */

int port_set_backend(struct port *port, const char *backend)
{
	const struct end_ops *ops = find_backend(backend);
	struct end *old, *end;
	int err;

	if (!ops)
		return -EINVAL;
	/* It is there already, and its path may be one that only one end can have. */
	if (port->end && port->end->ops == ops)
		return 0;
	err = ops->open(port, &end);
	if (err)
		return err;

	pthread_mutex_lock(port->lock);
	old = port->end;
	port->end = end;
	refresh(end);
	port_kick(port);
	pthread_mutex_unlock(port->lock);

	if (old)
		old->ops->close(old);
	return 0;
}

int port_init(struct port *port, const char *backend)
{
	return port_set_backend(port, backend);
}

void port_finish(struct port *port)
{
	struct end *end;

	pthread_mutex_lock(port->lock);
	end = port->end;
	port->end = NULL;
	pthread_mutex_unlock(port->lock);
	if (end)
		end->ops->close(end);
}

const char *port_backend(const struct port *port)
{
	return port->end->ops->name;
}

const char *port_path(const struct port *port)
{
	return port->end->path;
}

/* ---- attributes ---- */

ssize_t port_backend_show(struct port *port, char *buf)
{
	int len;

	pthread_mutex_lock(port->lock);
	len = sysfs_emit(buf, "%s\n", port_backend(port));
	pthread_mutex_unlock(port->lock);
	return len;
}

ssize_t port_path_show(struct port *port, char *buf)
{
	int len;

	pthread_mutex_lock(port->lock);
	len = sysfs_emit(buf, "%s\n", port_path(port));
	pthread_mutex_unlock(port->lock);
	return len;
}

ssize_t port_backend_store(struct port *port, const char *buf, size_t count,
			   pthread_mutex_t *one_at_a_time)
{
	int err;

	if (strlen(buf) != count)
		return -EINVAL;
	pthread_mutex_lock(one_at_a_time);
	err = port_set_backend(port, buf);
	pthread_mutex_unlock(one_at_a_time);
	return err ? err : (ssize_t)count;
}

/* ---- the plug: what goes out comes in ---- */

static int plug_open(struct port *port, struct end **out)
{
	struct end *end = calloc(1, sizeof(*end));

	if (!end)
		return -ENOMEM;
	end->ops = &end_loop_ops;
	end->port = port;
	end->path = "";
	end->writable = true;
	*out = end;
	return 0;
}

static void plug_close(struct end *end)
{
	free(end);
}

static uint8_t plug_lines(const struct end *end)
{
	const struct port *port = end->port;
	uint8_t outputs = port->ops->outputs ? port->ops->outputs(port) : 0;

	return (outputs & UART_MCR_RTS ? UART_MSR_CTS : 0) |
	       (outputs & UART_MCR_DTR ? UART_MSR_DSR | UART_MSR_DCD : 0);
}

static ssize_t plug_write(struct end *end, const void *buf, size_t count)
{
	struct port *port = end->port;
	size_t room = port->ops->rx_room(port);

	if (count > room)
		count = room;
	port->ops->receive(port, buf, count);
	return count;
}

static void plug_send_break(struct end *end)
{
	if (end->port->ops->receive_break)
		end->port->ops->receive_break(end->port);
}

const struct end_ops end_loop_ops = {
	.name = "loop",
	.open = plug_open,
	.close = plug_close,
	.lines = plug_lines,
	.write = plug_write,
	.send_break = plug_send_break,
};
