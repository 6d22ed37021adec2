/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What to paste behind a VMM's name: qemu-args. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "umdev/tree.h"

/*
 * Which devices of its "virt" machine QEMU can hand to a guest, by what they are. It knows another
 * one, "amd,xgbe-seattle-v1a", but looks for that in the device tree of the host's own /proc.
 */
static const struct {
	const char *compatible;
	const char *driver;
} platform_drivers[] = {
	{ "calxeda,hb-xgmac", "vfio-calxeda-xgmac" },
};

/* QEMU's driver for a platform device, or NULL. It compares the first compatible, as the kernel. */
static const char *find_platform_driver(const char *device)
{
	static const char key[] = "OF_COMPATIBLE_0=";
	const char *compatible, *driver = NULL;
	char *path, *uevent;

	if (asprintf(&path, "%s/uevent", device) < 0)
		return NULL;
	uevent = tree_read(path);
	free(path);
	compatible = uevent ? strstr(uevent, key) : NULL;
	for (size_t i = 0; compatible && i < ARRAY_SIZE(platform_drivers); i++) {
		const char *known = platform_drivers[i].compatible;
		const char *value = compatible + strlen(key);

		if (strcspn(value, "\n") == strlen(known) && !strncmp(value, known, strlen(known)))
			driver = platform_drivers[i].driver;
	}
	free(uevent);
	return driver;
}

static bool is_platform(const char *device)
{
	char *path, *bus = NULL;
	bool is;

	if (asprintf(&path, "%s/subsystem", device) >= 0) {
		bus = tree_link_name(path);
		free(path);
	}
	is = bus && !strcmp(bus, "platform");
	free(bus);
	return is;
}

/* By its place in sysfs: QEMU finds it there when "umdev exec" runs it. */
static struct json_object *platform_object(const char *device)
{
	const char *driver = find_platform_driver(device), *name = strrchr(device, '/') + 1;
	struct json_object *obj;

	if (!driver)
		return NULL;
	obj = json_object_new_object();
	json_add_text(obj, "driver", driver);
	json_add_text(obj, "host", name);
	return obj;
}

/* Is it a mediated device of this kind? */
static bool has_api(const char *device, const char *wanted)
{
	char *path, *api = NULL;
	bool has;

	if (asprintf(&path, "%s/mdev_type/device_api", device) >= 0) {
		api = tree_read(path);
		free(path);
	}
	has = api && !strcmp(api, wanted);
	free(api);
	return has;
}

/* By its place in sysfs, too: there QEMU reads on of the subchannel. */
static struct json_object *ccw_object(const char *device)
{
	struct json_object *obj = json_object_new_object();
	char *path;

	if (asprintf(&path, "/sys/bus/mdev/devices/%s", strrchr(device, '/') + 1) < 0) {
		json_object_put(obj);
		return NULL;
	}
	json_add_text(obj, "driver", "vfio-ccw");
	json_add_text(obj, "sysfsdev", path);
	free(path);
	return obj;
}

static struct json_object *pci_object(const char *socket)
{
	struct json_object *obj = json_object_new_object(), *address = json_object_new_object();

	json_add_text(obj, "driver", "vfio-user-pci");
	json_add_text(address, "type", "unix");
	json_add_text(address, "path", socket);
	json_object_object_add(obj, "socket", address);
	return obj;
}

/* Between single quotes, as a shell reads it. */
static void print_quoted(const char *text)
{
	putchar('\'');
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*text);
	}
	putchar('\'');
}

int cmd_qemu_args(const struct cli *cli, int argc, char **argv)
{
	struct json_object *obj;
	char *device, *socket;
	const char *text;

	if (tree_check(cli))
		return EXIT_FAILURE;
	device = tree_find_device(cli, argv[0]);
	if (!device)
		return EXIT_FAILURE;
	/* QEMU has a device for these, which it makes only with KVM on a mainframe. */
	if (has_api(device, "vfio-ap")) {
		free(device);
		return cli_fail("QEMU takes no matrix but with KVM on a mainframe (a guest of "
				"umdev's: umdev ap guest %s)",
				argv[0]);
	}
	socket = tree_vfio_attr(device, "socket");
	if (!socket || !*socket) {
		free(device);
		free(socket);
		return cli_fail(
			"%s has no socket: it is not bound to a VFIO driver (umdev bind %s)",
			argv[0], argv[0]);
	}
	if (has_api(device, "vfio-ccw"))
		obj = ccw_object(device);
	else
		obj = is_platform(device) ? platform_object(device) : pci_object(socket);
	free(device);
	free(socket);
	if (!obj)
		return cli_fail("QEMU has no device for %s: of platform devices it can take "
				"calxeda,hb-xgmac, for Arm guests",
				argv[0]);
	text = json_object_to_json_string_ext(obj, JSON_C_TO_STRING_PLAIN |
							   JSON_C_TO_STRING_NOSLASHESCAPE);
	if (cli->json) {
		puts(text);
	} else {
		fputs("-device ", stdout);
		print_quoted(text);
		putchar('\n');
	}
	json_object_put(obj);
	return cli_flush();
}
