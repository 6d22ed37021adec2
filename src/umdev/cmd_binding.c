/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices and their drivers: bind. */
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/suggest.h"
#include "umdev/tree.h"

/* BUS of .../bus/BUS/devices/DEVICE, to free(). */
static char *bus_of(const char *device)
{
	const char *end = strstr(device, "/devices/"), *next, *begin;

	/* The last one: the runtime directory may have such a part, too. */
	while (end && (next = strstr(end + 1, "/devices/")))
		end = next;
	if (!end)
		return NULL;
	for (begin = end; begin[-1] != '/'; begin--)
		;
	return strndup(begin, (size_t)(end - begin));
}

int say_binding_failed(const char *what, const char *name, int err)
{
	switch (-err) {
	case EBUSY:
		return cli_fail("%s is bound already (first: umdev unbind %s)", name, name);
	case ENODEV:
		return cli_fail("no driver takes %s", name);
	case EACCES:
	case EPERM:
		return cli_fail("not allowed to %s %s (run this as root)", what, name);
	}
	return cli_fail("can't %s %s: %s (the log of umdevd may say more)", what, name,
			strerror(-err));
}

static int write_driver_file(const struct cli *cli, const char *bus, const char *driver,
			     const char *file, const char *device)
{
	char *path = tree_path(cli, "bus/%s/drivers/%s/%s", bus, driver, file);
	int err = tree_write(path, device);

	free(path);
	return err;
}

/* Ask each driver of the bus in turn: all but the right one say ENODEV. */
static int bind_to_any(const struct cli *cli, const char *bus, const char *device)
{
	char *dir = tree_path(cli, "bus/%s/drivers", bus), **names;
	int i, ret, err = -ENODEV;

	tree_names(dir, &names);
	for (i = 0; names[i] && err; i++) {
		ret = write_driver_file(cli, bus, names[i], "bind", device);
		/* Drivers without a file bind, and those that do not match, are passed over. */
		if (ret != -ENOENT && ret != -ENODEV)
			err = ret;
		if (ret == -EBUSY)
			break;
	}
	tree_free_names(names);
	free(dir);
	return err;
}

static int bind_to(const struct cli *cli, const char *bus, const char *driver, const char *device)
{
	char *dir = tree_path(cli, "bus/%s/drivers", bus), **names;
	struct suggestion s;
	int i, err;

	err = strchr(driver, '/') || driver[0] == '.' || !*driver
		      ? -ENOENT
		      : write_driver_file(cli, bus, driver, "bind", device);
	if (err == -ENOENT) {
		suggestion_init(&s, driver);
		tree_names(dir, &names);
		for (i = 0; names[i]; i++)
			suggestion_offer(&s, names[i]);
		cli_fail("the bus %s has no driver \"%s\" that can be bound%s%s%s", bus, driver,
			 s.best ? " (did you mean \"" : "", s.best ? s.best : "",
			 s.best ? "\"?)" : "");
		tree_free_names(names);
	}
	free(dir);
	return err;
}

int cmd_bind(const struct cli *cli, int argc, char **argv)
{
	char *device, *bus, *driver, *link;
	int err;

	if (tree_check(cli))
		return EXIT_FAILURE;
	device = tree_find_device(cli, argv[0]);
	if (!device)
		return EXIT_FAILURE;
	bus = bus_of(device);
	if (!bus || asprintf(&link, "%s/driver", device) < 0) {
		free(bus);
		free(device);
		return cli_fail("out of memory");
	}
	driver = tree_link_name(link);
	if (driver)
		err = -EBUSY;
	else if (argc > 1)
		err = bind_to(cli, bus, argv[1], basename(device));
	else
		err = bind_to_any(cli, bus, basename(device));
	if (err == -ENODEV && argc > 1)
		cli_fail("the driver %s does not take %s", argv[1], argv[0]);
	else if (err && err != -ENOENT)
		say_binding_failed("bind", argv[0], err);
	free(driver);
	free(link);
	free(bus);
	free(device);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
