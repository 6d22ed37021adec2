/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The default drivers of cards and queues, CEX4 to CEX8, and the way to them for programs: a socket
 * where the kernel has /dev/z90crypt (umdev/zcrypt.h).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <umdev/log.h>
#include <umdev/module.h>
#include <umdev/umdev.h>

#include "server.h"
#include "zcrypt.h"

static char *socket_path;
module_param_named(socket, socket_path, charp, 0444);
MODULE_PARM_DESC(socket, "where the socket for requests is; empty: there is none");

static char default_mode[] = "0600";
static char *socket_mode = default_mode;
module_param(socket_mode, charp, 0444);
MODULE_PARM_DESC(socket_mode, "rights of the socket, octal");

static char default_path[256];

/* Return: the path, NULL for none. */
static const char *find_path(void)
{
	const char *dir = umdev_runtime_dir();

	kernel_param_lock(THIS_MODULE);
	if (!socket_path) {
		if (dir)
			snprintf(default_path, sizeof(default_path), "%s/" ZCRYPT_SOCKET_NAME, dir);
		socket_path = default_path;
	}
	kernel_param_unlock(THIS_MODULE);
	return *socket_path ? socket_path : NULL;
}

static int parse_mode(mode_t *mode)
{
	char *end;
	unsigned long value = strtoul(socket_mode, &end, 8);

	if (*socket_mode < '0' || *socket_mode > '7' || *end || value > 0777) {
		module_init_error("socket_mode=%s: three octal digits are expected", socket_mode);
		return -EINVAL;
	}
	*mode = (mode_t)value;
	return 0;
}

static int start_server(void)
{
	const char *path = find_path();
	mode_t mode;
	int err = parse_mode(&mode);

	if (err)
		return err;
	err = server_start(path, mode);
	if (err)
		module_init_error("%s: %s", path ? path : "no socket", strerror(-err));
	return err;
}

/* The socket comes first: it is there for who sees that all queues are bound. */
static int zcrypt_init(void)
{
	int err;

	err = start_server();
	if (err)
		return err;
	err = ap_driver_register(&cex4card_driver, THIS_MODULE, "cex4card");
	if (err)
		goto stop;
	err = ap_driver_register(&cex4queue_driver, THIS_MODULE, "cex4queue");
	if (err)
		goto card;
	return 0;

card:
	ap_driver_unregister(&cex4card_driver);
stop:
	server_stop();
	return err;
}

/* Then requests that wait have come back, and none is taken any more. */
static void zcrypt_exit(void)
{
	ap_driver_unregister(&cex4queue_driver);
	ap_driver_unregister(&cex4card_driver);
	server_stop();
}

module_init(zcrypt_init);
module_exit(zcrypt_exit);
MODULE_DEPENDS("ap");
MODULE_ALIAS("ap:t0A");
MODULE_ALIAS("ap:t0B");
MODULE_ALIAS("ap:t0C");
MODULE_ALIAS("ap:t0D");
MODULE_ALIAS("ap:t0E");
MODULE_DESCRIPTION("Drivers of AP cards and queues, and requests to them");
MODULE_LICENSE("LGPL-2.1-or-later");
