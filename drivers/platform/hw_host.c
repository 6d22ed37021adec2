/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <umdev/log.h>
#include <umdev/module.h>
#include "../common/end.h"
#include "hw_host.h"

static char default_backend[] = "pty";
static char *serial_backend = default_backend;
module_param(serial_backend, charp, 0444);
MODULE_PARM_DESC(serial_backend, "what a new UART is connected to: pty, unix or loop");

static char default_socket_dir[] = "/run/umdev/serial";
module_param_named(serial_socket_dir, unix_socket_dir, charp, 0444);
MODULE_PARM_DESC(serial_socket_dir, "directory of the sockets of UARTs connected to unix");

const char *hw_host_backend(void)
{
	return serial_backend;
}

int hw_host_start(void)
{
	int err;

	if (!port_knows_backend(serial_backend)) {
		pr_err("platform: serial_backend \"%s\" is none of pty, unix, loop",
		       serial_backend);
		return -EINVAL;
	}
	if (!unix_socket_dir)
		unix_socket_dir = default_socket_dir;
	err = loop_start("platform");
	if (err)
		return err;
	err = pty_start();
	if (err)
		loop_stop();
	return err;
}

void hw_host_stop(void)
{
	pty_stop();
	loop_stop();
}
