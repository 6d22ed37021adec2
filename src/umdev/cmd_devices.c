/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices: list; mediated ones: types, create. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uuid/uuid.h>

#include "model/suggest.h"
#include "umdev/tree.h"

/* Takes @text. */
static void add_and_free(struct json_object *obj, const char *key, char *text)
{
	json_add_text(obj, key, text && *text ? text : NULL);
	free(text);
}

static void add_link(struct json_object *obj, const char *key, const char *device, const char *link)
{
	char *path;

	if (asprintf(&path, "%s/%s", device, link) < 0)
		return;
	add_and_free(obj, key, tree_link_name(path));
	free(path);
}

static bool is_vfio_device(const char *device)
{
	char *dir;
	bool is;

	if (asprintf(&dir, "%s/vfio-dev", device) < 0)
		return false;
	is = tree_exists(dir);
	free(dir);
	return is;
}

static void list_device(const char *bus, const char *name, const char *device,
			struct json_object *list)
{
	struct json_object *obj = json_object_new_object();
	bool mediated = strcmp(bus, "mdev") == 0;

	json_add_text(obj, "name", name);
	json_add_text(obj, "bus", bus);
	json_add_text(obj, "uuid", mediated ? name : NULL);
	add_and_free(obj, "parent", mediated ? tree_parent_name(device) : NULL);
	add_link(obj, "type", device, "mdev_type");
	add_link(obj, "driver", device, "driver");
	add_link(obj, "iommu_group", device, "iommu_group");
	add_and_free(obj, "socket", tree_vfio_attr(device, "socket"));
	add_and_free(obj, "user", tree_vfio_attr(device, "user"));
	json_object_array_add(list, obj);
}

/* All of a bus that is there for VFIO, of others what VFIO has. Return: how many. */
static int list_bus(const struct cli *cli, const char *bus, struct json_object *list)
{
	bool all = strcmp(bus, "mdev") == 0 || strcmp(bus, "vfio-user") == 0;
	char *dir, *device, **names;
	int i, n = 0;

	dir = tree_path(cli, "bus/%s/devices", bus);
	tree_names(dir, &names);
	for (i = 0; names[i]; i++) {
		device = tree_path(cli, "bus/%s/devices/%s", bus, names[i]);
		if (all || is_vfio_device(device)) {
			list_device(bus, names[i], device, list);
			n++;
		}
		free(device);
	}
	tree_free_names(names);
	free(dir);
	return n;
}

int cmd_list(const struct cli *cli, int argc, char **argv)
{
	static const struct column columns[] = {
		{ "name", "DEVICE" }, { "bus", "BUS" },	      { "parent", "PARENT" },
		{ "type", "TYPE" },   { "driver", "DRIVER" }, { "user", "USER" },
		{ NULL, NULL },
	};
	static const struct column columns_mdev[] = {
		{ "name", "DEVICE" },	{ "parent", "PARENT" }, { "type", "TYPE" },
		{ "driver", "DRIVER" }, { "user", "USER" },	{ NULL, NULL },
	};
	struct json_object *list;
	char *dir, **buses;
	int i, status, others = 0;

	if (tree_check(cli))
		return EXIT_FAILURE;
	list = json_object_new_array();
	dir = tree_path(cli, "bus");
	tree_names(dir, &buses);
	for (i = 0; buses[i]; i++)
		if (list_bus(cli, buses[i], list) && strcmp(buses[i], "mdev") != 0)
			others++;
	tree_free_names(buses);
	free(dir);
	status = cli_print_list(cli, list, others ? columns : columns_mdev);
	json_object_put(list);
	return status;
}

static void add_attr(struct json_object *obj, const char *type, const char *attr)
{
	char *path;

	if (asprintf(&path, "%s/%s", type, attr) < 0)
		return;
	add_and_free(obj, attr, tree_read(path));
	free(path);
}

static void add_types_of(const struct cli *cli, const char *parent, struct json_object *list)
{
	struct json_object *obj;
	char *dir, *path, **types;
	int i;

	dir = tree_path(cli, "class/mdev_bus/%s/mdev_supported_types", parent);
	tree_names(dir, &types);
	for (i = 0; types[i]; i++) {
		if (asprintf(&path, "%s/%s", dir, types[i]) < 0)
			break;
		obj = json_object_new_object();
		json_add_text(obj, "parent", parent);
		json_add_text(obj, "type", types[i]);
		add_attr(obj, path, "available_instances");
		add_attr(obj, path, "device_api");
		add_attr(obj, path, "name");
		add_attr(obj, path, "description");
		json_object_array_add(list, obj);
		free(path);
	}
	tree_free_names(types);
	free(dir);
}

int cmd_types(const struct cli *cli, int argc, char **argv)
{
	static const struct column columns[] = {
		{ "parent", "PARENT" },	 { "type", "TYPE" }, { "available_instances", "AVAILABLE" },
		{ "device_api", "API" }, { "name", "NAME" }, { NULL, NULL },
	};
	struct json_object *list;
	char *dir, **parents;
	int status, i;

	if (tree_check(cli))
		return EXIT_FAILURE;
	list = json_object_new_array();
	dir = tree_path(cli, "class/mdev_bus");
	tree_names(dir, &parents);
	for (i = 0; parents[i]; i++)
		add_types_of(cli, parents[i], list);
	tree_free_names(parents);
	free(dir);
	status = cli_print_list(cli, list, columns);
	json_object_put(list);
	return status;
}

/* "no KIND NAME", with what is there instead. */
static void say_missing(const char *kind, const char *name, const char *dir, const char *hint)
{
	struct suggestion s;
	char **names;
	int i;

	suggestion_init(&s, name);
	tree_names(dir, &names);
	for (i = 0; names[i]; i++)
		suggestion_offer(&s, names[i]);
	if (s.best)
		cli_fail("no %s \"%s\" (did you mean \"%s\"?)", kind, name, s.best);
	else
		cli_fail("no %s \"%s\" (%s)", kind, name, hint);
	tree_free_names(names);
}

static bool is_name(const char *name)
{
	return *name && *name != '.' && !strchr(name, '/');
}

/* The directory of a type, to free(); NULL after saying what is wrong. */
static char *find_type(const struct cli *cli, const char *parent, const char *type)
{
	char *parents = tree_path(cli, "class/mdev_bus");
	char *types = tree_path(cli, "class/mdev_bus/%s/mdev_supported_types", parent);
	char *path = tree_path(cli, "class/mdev_bus/%s/mdev_supported_types/%s", parent, type);

	if (!is_name(parent) || !tree_exists(types)) {
		say_missing("parent", parent, parents,
			    "see: umdev types; a driver is loaded with: umdev modprobe NAME");
	} else if (!is_name(type) || !tree_exists(path)) {
		say_missing("type", type, types, "see: umdev types");
	} else {
		free(parents);
		free(types);
		return path;
	}
	free(parents);
	free(types);
	free(path);
	return NULL;
}

static int say_create_failed(const char *parent, const char *type, const char *uuid, int err)
{
	switch (-err) {
	case EEXIST:
		return cli_fail("%s: a device with this UUID is there already", uuid);
	case ENOSPC:
	case EUSERS:
		return cli_fail("no more devices of type %s can be made on %s (see: umdev types)",
				type, parent);
	case ENODEV:
		return cli_fail("%s is going away: its driver is being unloaded", parent);
	case EACCES:
	case EPERM:
		return cli_fail("not allowed to make devices on %s (run this as root)", parent);
	}
	return cli_fail("%s can't be made on %s: %s (the log of umdevd may say more)", uuid, parent,
			strerror(-err));
}

int cmd_create(const struct cli *cli, int argc, char **argv)
{
	char uuid[UUID_STR_LEN], *type, *path;
	struct json_object *obj;
	uuid_t id;
	int err;

	if (argc > 2 && uuid_parse(argv[2], id))
		return cli_fail("\"%s\" is no UUID (make one with: uuidgen)", argv[2]);
	if (argc <= 2)
		uuid_generate(id);
	uuid_unparse_lower(id, uuid);
	if (tree_check(cli))
		return EXIT_FAILURE;
	type = find_type(cli, argv[0], argv[1]);
	if (!type)
		return EXIT_FAILURE;
	err = asprintf(&path, "%s/create", type) < 0 ? -ENOMEM : tree_write(path, uuid);
	free(type);
	if (err != -ENOMEM)
		free(path);
	if (err)
		return say_create_failed(argv[0], argv[1], uuid, err);
	if (!cli->json) {
		puts(uuid);
		return cli_flush();
	}
	obj = json_object_new_object();
	json_add_text(obj, "uuid", uuid);
	err = cli_print_object(cli, obj, NULL);
	json_object_put(obj);
	return err;
}
