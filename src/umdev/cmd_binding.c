/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices and their drivers: bind, and bind --rebind. */
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/suggest.h"
#include "umdev/release.h"

/**
 * struct binding - what is to be done, all of it owned
 * @name:   of the device, as it was typed
 * @path:   its directory
 * @device: its name there
 * @bus:    of both
 * @wanted: the driver that it shall get, or NULL for any; not owned
 */
struct binding {
	const struct cli *cli;
	const char *name;
	char *path;
	char *device;
	char *bus;
	const char *wanted;
};

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
	case EAGAIN:
		return cli_fail("can't %s %s yet: the driver waits for something that is not there "
				"(try again when it is)",
				what, name);
	case EACCES:
	case EPERM:
		return cli_fail("not allowed to %s %s (run this as root)", what, name);
	}
	return cli_fail("can't %s %s: %s (the log of umdevd may say more)", what, name,
			strerror(-err));
}

/* What an attribute of the device says, to free(); NULL if there is none. */
static char *device_attr(const struct binding *b, const char *attr)
{
	char *path, *text;

	if (asprintf(&path, "%s/%s", b->path, attr) < 0)
		return NULL;
	text = tree_read(path);
	free(path);
	return text;
}

/* The driver that has it, to free(); NULL if none has. */
static char *driver_of(const struct binding *b)
{
	char *path, *driver;

	if (asprintf(&path, "%s/driver", b->path) < 0)
		return NULL;
	driver = tree_link_name(path);
	free(path);
	return driver;
}

/* Its driver_override, to free(), or NULL: nothing is overridden. */
static char *override_of(const struct binding *b)
{
	char *text = device_attr(b, "driver_override");

	if (text && strcmp(text, "(null)") == 0) {
		free(text);
		text = NULL;
	}
	return text;
}

static bool is_explicit(const struct binding *b, const char *driver)
{
	char *path = tree_path(b->cli, "bus/%s/drivers/%s/explicit_bind_only", b->bus, driver);
	char *text = tree_read(path);
	bool is = text && strcmp(text, "1") == 0;

	free(text);
	free(path);
	return is;
}

static char **driver_names(const struct binding *b)
{
	char *dir = tree_path(b->cli, "bus/%s/drivers", b->bus), **names;

	tree_names(dir, &names);
	free(dir);
	return names;
}

static bool is_name(const char *driver)
{
	return *driver && driver[0] != '.' && !strchr(driver, '/');
}

/* Is there such a driver, and does it have a file bind? */
static bool can_be_bound(const struct binding *b, const char *driver)
{
	char *path;
	bool can;

	if (!is_name(driver))
		return false;
	path = tree_path(b->cli, "bus/%s/drivers/%s/bind", b->bus, driver);
	can = tree_exists(path);
	free(path);
	return can;
}

/* ---- why not ---- */

static int say_is_bound(const struct binding *b)
{
	char *driver = driver_of(b);

	cli_fail(
		"%s is bound already%s%s (to move it: umdev bind --rebind %s %s; to free it: umdev "
		"unbind %s)",
		b->name, driver ? ", to " : "", driver ? driver : "", b->name,
		b->wanted ? b->wanted : "DRIVER", b->name);
	free(driver);
	return EXIT_FAILURE;
}

/* Return: was there something to say? */
static bool say_overridden(const struct binding *b)
{
	char *override = override_of(b);
	bool other = override && (!b->wanted || strcmp(override, b->wanted) != 0);

	if (other)
		cli_fail("%s is kept for the driver %s by its driver_override (to lift that: "
			 "echo > %s/driver_override)",
			 b->name, override, b->path);
	free(override);
	return other;
}

/* No driver was named, and none takes it; those that have to be named were not asked. */
static int say_none_takes(const struct binding *b)
{
	char **names = driver_names(b), *list = NULL, *more;
	int i;

	for (i = 0; names[i]; i++) {
		if (!is_explicit(b, names[i]))
			continue;
		if (asprintf(&more, "%s%s%s", list ? list : "", list ? ", " : "", names[i]) < 0)
			break;
		free(list);
		list = more;
	}
	if (list)
		cli_fail("no driver takes %s by itself (explicit_bind_only, so to be named: %s)",
			 b->name, list);
	else
		cli_fail("no driver takes %s", b->name);
	free(list);
	tree_free_names(names);
	return EXIT_FAILURE;
}

static int say_no_driver(const struct binding *b)
{
	char **names = driver_names(b);
	struct suggestion s;
	int i;

	suggestion_init(&s, b->wanted);
	for (i = 0; names[i]; i++)
		suggestion_offer(&s, names[i]);
	cli_fail("the bus %s has no driver \"%s\" that can be bound%s%s%s", b->bus, b->wanted,
		 s.best ? " (did you mean \"" : "", s.best ? s.best : "", s.best ? "\"?)" : "");
	tree_free_names(names);
	return EXIT_FAILURE;
}

static int say_failed(const struct binding *b, const char *what, int err)
{
	switch (-err) {
	case EBUSY:
		return say_is_bound(b);
	case ENODEV:
		if (say_overridden(b))
			return EXIT_FAILURE;
		if (!b->wanted)
			return say_none_takes(b);
		return cli_fail("the driver %s does not take %s", b->wanted, b->name);
	case EINVAL:
		if (!b->wanted)
			break;
		return cli_fail("the driver %s can't drive %s, which is not of the right kind (the "
				"log of umdevd may say more)",
				b->wanted, b->name);
	case EOPNOTSUPP:
		return cli_fail("can't %s %s: its driver, or %s, is not bound or unbound by hand",
				what, b->name, b->wanted);
	case ENOENT:
		/* Else it is what its probe() says. */
		if (b->wanted && !can_be_bound(b, b->wanted))
			return say_no_driver(b);
		break;
	}
	return say_binding_failed(what, b->name, err);
}

/* ---- bind ---- */

static int bind_to(const struct binding *b, const char *driver)
{
	char *path;
	int err;

	if (!is_name(driver))
		return -ENOENT;
	path = tree_path(b->cli, "bus/%s/drivers/%s/bind", b->bus, driver);
	err = tree_write(path, b->device);
	free(path);
	return err;
}

/*
 * Ask each driver of the bus in turn: all but the right one say ENODEV. Who is explicit_bind_only
 * might say yes, and was not named by anybody but, perhaps, driver_override.
 */
static int bind_to_any(const struct binding *b)
{
	char **names = driver_names(b), *override = override_of(b);
	int i, ret, err = -ENODEV;

	for (i = 0; names[i] && err; i++) {
		if (!can_be_bound(b, names[i]))
			continue;
		if (is_explicit(b, names[i]) && (!override || strcmp(override, names[i]) != 0))
			continue;
		ret = bind_to(b, names[i]);
		/* Those that do not match are passed over. */
		if (ret != -ENODEV)
			err = ret;
		if (ret == -EBUSY)
			break;
	}
	free(override);
	tree_free_names(names);
	return err;
}

static int bind_only(const struct binding *b)
{
	char *driver = driver_of(b);
	int err = -EBUSY;

	if (!driver)
		err = b->wanted ? bind_to(b, b->wanted) : bind_to_any(b);
	free(driver);
	return err ? say_failed(b, "bind", err) : EXIT_SUCCESS;
}

/* ---- bind --rebind ---- */

static void disconnect(const struct release *r)
{
	release_disconnect(r->path, r->name);
}

/* Its own thread, so the driver's name is where it can find it. */
struct rebinding {
	struct release release;
	const struct binding *binding;
};

/*
 * Interrupted by a signal that did not end this program it goes on in the daemon, or has not begun:
 * asked again, it waits for the first one, and has nothing to do if that one did it.
 */
static int rebind_run(struct release *release)
{
	struct rebinding *r = container_of(release, struct rebinding, release);
	char *path;
	int err;

	if (asprintf(&path, "%s/rebind", r->binding->path) < 0)
		return -ENOMEM;
	do
		err = tree_write(path, r->binding->wanted);
	while (err == -EINTR);
	free(path);
	return err;
}

static int say_rebind_failed(const struct binding *b, const char *before, int err)
{
	char *driver = driver_of(b);

	say_failed(b, "rebind", err);
	if (driver && before && strcmp(driver, before) == 0)
		fprintf(stderr, "umdev: %s is still with %s\n", b->name, driver);
	else if (!driver && before)
		fprintf(stderr, "umdev: %s has no driver now: %s did not take it back\n", b->name,
			before);
	free(driver);
	return EXIT_FAILURE;
}

static int rebind(const struct binding *b)
{
	struct rebinding r = { .release = { .cli = b->cli,
					    .name = b->name,
					    .path = b->path,
					    .what = "rebinding",
					    .run = rebind_run,
					    .disconnect = disconnect },
			       .binding = b };
	char *before;
	int status = EXIT_SUCCESS;

	if (!can_be_bound(b, b->wanted))
		return say_no_driver(b);
	before = driver_of(b);
	if (!before || strcmp(before, b->wanted) != 0)
		release_say_waiting(b->cli, b->path, b->name);
	release_all(&r.release, 1);
	if (r.release.err)
		status = say_rebind_failed(b, before, r.release.err);
	free(before);
	return status;
}

/* ---- the command ---- */

int cmd_bind(const struct cli *cli, int argc, char **argv)
{
	struct binding b = { .cli = cli, .name = argv[0], .wanted = argc > 1 ? argv[1] : NULL };
	int status;

	if (cli->rebind && !b.wanted) {
		cli_fail("bind --rebind: a driver is missing (usage: umdev bind --rebind DEVICE "
			 "DRIVER)");
		return EXIT_USAGE;
	}
	if (cli->force >= 0 && !cli->rebind) {
		cli_fail("bind has option --force only with --rebind");
		return EXIT_USAGE;
	}
	if (tree_check(cli))
		return EXIT_FAILURE;
	b.path = tree_find_device(cli, argv[0]);
	if (!b.path)
		return EXIT_FAILURE;
	b.bus = bus_of(b.path);
	b.device = strdup(basename(b.path));
	if (!b.bus || !b.device)
		status = cli_fail("out of memory");
	else
		status = cli->rebind ? rebind(&b) : bind_only(&b);
	free(b.device);
	free(b.bus);
	free(b.path);
	return status;
}
