/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program as others write them with libudev, which knows nothing of umdev. Prints one JSON object
 * per line.
 *
 *     udev_client devices                  all devices that the enumeration finds
 *     udev_client pause                    the same, but says "found" before it looks at them, and
 *                                          waits for a line
 *     udev_client subsystems               all subsystems, drivers and modules
 *     udev_client device SYSPATH [ATTR]... one device, its attributes, its parents
 *     udev_client number c|b MAJOR:MINOR   the device of that number
 *     udev_client name SUBSYSTEM NAME      the device of that name
 *     udev_client monitor kernel|udev [SUBSYSTEM]
 *                                          "ready", then events, until standard input ends
 *     udev_client loop                     "ready", then enumerates, looks at all it finds and says
 *                                          "looked", again and again until standard input ends
 *
 * Exits with 1 and a line on standard error if libudev said that something failed.
 */
#include <errno.h>
#include <json-c/json.h>
#include <libudev.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static struct udev *udev;

static int fail(const char *what, int err)
{
	fprintf(stderr, "udev_client: %s: %s\n", what, strerror(err < 0 ? -err : err));
	return EXIT_FAILURE;
}

static int usage(void)
{
	fputs("udev_client: see its source for what it takes\n", stderr);
	return 2;
}

static void print(struct json_object *object)
{
	puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
							    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
	fflush(stdout);
}

static struct json_object *text(const char *value)
{
	return value ? json_object_new_string(value) : NULL;
}

static void add(struct json_object *object, const char *key, const char *value)
{
	json_object_object_add(object, key, text(value));
}

static struct json_object *properties(struct udev_device *dev)
{
	struct json_object *object = json_object_new_object();
	struct udev_list_entry *entry;

	udev_list_entry_foreach(entry, udev_device_get_properties_list_entry(dev))
		add(object, udev_list_entry_get_name(entry), udev_list_entry_get_value(entry));
	return object;
}

static struct json_object *describe(struct udev_device *dev)
{
	struct json_object *object = json_object_new_object();
	dev_t number = udev_device_get_devnum(dev);
	char digits[32];

	add(object, "syspath", udev_device_get_syspath(dev));
	add(object, "name", udev_device_get_sysname(dev));
	add(object, "subsystem", udev_device_get_subsystem(dev));
	add(object, "driver", udev_device_get_driver(dev));
	add(object, "devtype", udev_device_get_devtype(dev));
	add(object, "devnode", udev_device_get_devnode(dev));
	snprintf(digits, sizeof(digits), "%u:%u", major(number), minor(number));
	add(object, "number", number ? digits : NULL);
	json_object_object_add(object, "initialized",
			       json_object_new_boolean(udev_device_get_is_initialized(dev)));
	json_object_object_add(object, "properties", properties(dev));
	return object;
}

static void say(const char *word)
{
	puts(word);
	fflush(stdout);
}

/* ---- one device ---- */

static int print_device(struct udev_device *dev)
{
	if (!dev)
		return fail("device", errno);
	print(describe(dev));
	udev_device_unref(dev);
	return EXIT_SUCCESS;
}

static struct json_object *parents(struct udev_device *dev)
{
	struct json_object *array = json_object_new_array();

	while ((dev = udev_device_get_parent(dev)))
		json_object_array_add(array, text(udev_device_get_syspath(dev)));
	return array;
}

static struct json_object *attribute_names(struct udev_device *dev)
{
	struct json_object *array = json_object_new_array();
	struct udev_list_entry *entry;

	udev_list_entry_foreach(entry, udev_device_get_sysattr_list_entry(dev))
		json_object_array_add(array, text(udev_list_entry_get_name(entry)));
	return array;
}

static int device(int argc, char **argv)
{
	struct json_object *object, *values;
	struct udev_device *dev;

	if (argc < 1)
		return usage();
	dev = udev_device_new_from_syspath(udev, argv[0]);
	if (!dev)
		return fail(argv[0], errno);
	values = json_object_new_object();
	for (int i = 1; i < argc; i++)
		add(values, argv[i], udev_device_get_sysattr_value(dev, argv[i]));
	object = describe(dev);
	json_object_object_add(object, "parents", parents(dev));
	json_object_object_add(object, "attributes", attribute_names(dev));
	json_object_object_add(object, "values", values);
	print(object);
	udev_device_unref(dev);
	return EXIT_SUCCESS;
}

static int by_number(int argc, char **argv)
{
	unsigned int maj, min;

	if (argc != 2 || sscanf(argv[1], "%u:%u", &maj, &min) != 2)
		return usage();
	return print_device(udev_device_new_from_devnum(udev, argv[0][0], makedev(maj, min)));
}

static int by_name(int argc, char **argv)
{
	if (argc != 2)
		return usage();
	return print_device(udev_device_new_from_subsystem_sysname(udev, argv[0], argv[1]));
}

/* ---- all devices ---- */

/* Devices may leave while they are looked at; everything else is an error. */
static bool has_left(int err)
{
	return err == ENOENT || err == ENODEV || err == ENXIO;
}

static int scan_and_wait(struct udev_enumerate *found)
{
	int err = udev_enumerate_scan_devices(found);
	char line[8];

	say("found");
	return fgets(line, sizeof(line), stdin) ? err : -EIO;
}

/**
 * each_found - call @fn for each device that an enumeration finds
 * @scan: udev_enumerate_scan_devices(), or what else fills it
 */
static int each_found(int (*scan)(struct udev_enumerate *), void (*fn)(struct udev_device *dev))
{
	struct udev_enumerate *found = udev_enumerate_new(udev);
	struct udev_list_entry *entry;
	int status = EXIT_SUCCESS, err;

	if (!found)
		return fail("udev_enumerate_new", errno);
	err = scan(found);
	if (err < 0)
		status = fail("scan", err);
	udev_list_entry_foreach(entry, udev_enumerate_get_list_entry(found))
	{
		const char *path = udev_list_entry_get_name(entry);
		struct udev_device *dev = udev_device_new_from_syspath(udev, path);

		if (dev)
			fn(dev);
		else if (!has_left(errno))
			status = fail(path, errno);
		udev_device_unref(dev);
	}
	udev_enumerate_unref(found);
	return status;
}

static void print_found(struct udev_device *dev)
{
	print(describe(dev));
}

static int devices(int argc, char **argv)
{
	return each_found(udev_enumerate_scan_devices, print_found);
}

static int devices_later(int argc, char **argv)
{
	return each_found(scan_and_wait, print_found);
}

static int subsystems(int argc, char **argv)
{
	return each_found(udev_enumerate_scan_subsystems, print_found);
}

/* All that can be asked of a device, as a program that shows them does. */
static void look_at(struct udev_device *dev)
{
	struct udev_list_entry *entry;

	json_object_put(describe(dev));
	json_object_put(parents(dev));
	if (!udev_device_get_subsystem(dev) || strcmp(udev_device_get_subsystem(dev), "mdev") != 0)
		return;
	udev_list_entry_foreach(entry, udev_device_get_sysattr_list_entry(dev))
		udev_device_get_sysattr_value(dev, udev_list_entry_get_name(entry));
	udev_device_get_sysattr_value(dev, "mdev_type/name");
}

/* ---- until standard input ends ---- */

/* Return: has it ended, within @timeout ms? @fd is watched too, unless it is -1. */
static bool input_has_ended(int fd, int timeout)
{
	struct pollfd fds[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = fd, .events = POLLIN },
	};
	char byte;

	if (poll(fds, 2, timeout) < 0)
		return errno != EINTR;
	return fds[0].revents && read(STDIN_FILENO, &byte, 1) <= 0;
}

static int loop(int argc, char **argv)
{
	int status;

	say("ready");
	do {
		status = each_found(udev_enumerate_scan_devices, look_at);
		say("looked");
	} while (status == EXIT_SUCCESS && !input_has_ended(-1, 0));
	return status;
}

static void print_event(struct udev_device *dev)
{
	struct json_object *object = describe(dev);

	add(object, "action", udev_device_get_action(dev));
	json_object_object_add(object, "seqnum",
			       json_object_new_int64(udev_device_get_seqnum(dev)));
	print(object);
}

static int monitor(int argc, char **argv)
{
	struct udev_monitor *monitor;
	struct udev_device *dev;
	int err, fd;

	if (argc < 1)
		return usage();
	monitor = udev_monitor_new_from_netlink(udev, argv[0]);
	if (!monitor)
		return fail("monitor", errno);
	err = argc > 1 ? udev_monitor_filter_add_match_subsystem_devtype(monitor, argv[1], NULL)
		       : 0;
	if (!err)
		err = udev_monitor_enable_receiving(monitor);
	if (err < 0) {
		udev_monitor_unref(monitor);
		return fail("monitor", err);
	}
	fd = udev_monitor_get_fd(monitor);
	say("ready");
	do {
		while ((dev = udev_monitor_receive_device(monitor))) {
			print_event(dev);
			udev_device_unref(dev);
		}
	} while (!input_has_ended(fd, -1));
	udev_monitor_unref(monitor);
	return EXIT_SUCCESS;
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "devices", devices }, { "pause", devices_later }, { "subsystems", subsystems },
	{ "device", device },	{ "number", by_number },    { "name", by_name },
	{ "monitor", monitor }, { "loop", loop },
};

int main(int argc, char **argv)
{
	int status = -1;

	udev = udev_new();
	if (!udev)
		return fail("udev_new", errno);
	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(argv[1], commands[i].name))
			status = commands[i].run(argc - 2, argv + 2);
	udev_unref(udev);
	return status < 0 ? usage() : status;
}
