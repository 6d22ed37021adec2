/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The module "platform": the platform bus, with the devices of a tree.
 *
 * Behaviour: Linux 6.1 drivers/base/platform.c (platform_bus_init()), drivers/of/platform.c
 * (of_platform_default_populate_init()).
 */
#include <umdev/publish.h>

#include "hardware.h"
#include "of_sysfs.h"
#include "overlay.h"
#include "private.h"

static char *dtb;
module_param(dtb, charp, 0444);
MODULE_PARM_DESC(dtb, "file of the device tree whose devices are there from the beginning");

struct bus_type platform_bus_type = {
	.name = "platform",
	.bus_groups = overlay_groups,
	.dev_groups = platform_dev_groups,
	.drv_groups = platform_drv_groups,
	.match = platform_match,
	.accept = platform_accept,
	.uevent = platform_uevent,
	.probe = platform_probe,
	.remove = platform_remove,
	.has_driver_override = true,
};

static int bus_up(void)
{
	int err;

	err = root_device_register("platform", &platform_root);
	if (err)
		return err;
	err = bus_register(&platform_bus_type);
	if (err)
		goto unregister_root;
	err = hardware_init();
	if (err)
		goto unregister_bus;
	err = of_sysfs_init();
	if (err)
		goto hardware;
	return 0;

hardware:
	hardware_exit();
unregister_bus:
	bus_unregister(&platform_bus_type);
unregister_root:
	root_device_unregister(platform_root);
	return err;
}

static void bus_down(void)
{
	of_sysfs_exit();
	hardware_exit();
	bus_unregister(&platform_bus_type);
	root_device_unregister(platform_root);
}

/* Nobody sees the bus before all is on it that belongs there. */
static int show_all(struct dt_blob *blob, struct dt_tree *tree, struct dt_error *error)
{
	int err;

	publish_begin();
	err = bus_up();
	if (err)
		goto abort;
	/* What brings hardware depends on this module, which is not up before this returns. */
	platform_hw_load_later(true);
	err = overlays_init(blob, tree, error);
	platform_hw_load_later(false);
	if (err)
		goto down;
	publish_commit();
	return 0;

down:
	bus_down();
abort:
	publish_abort();
	return err;
}

static int read_tree(struct dt_blob *blob, struct dt_tree **tree, struct dt_error *error)
{
	int err;

	err = dtb && *dtb ? dt_blob_read(dtb, blob, error) : dt_blob_empty(blob);
	if (err)
		return err;
	err = dt_tree_create(blob, tree, error);
	if (err)
		dt_blob_free(blob);
	return err;
}

static int platform_init(void)
{
	struct dt_error error = { "" };
	struct dt_blob blob;
	struct dt_tree *tree;
	int err;

	err = read_tree(&blob, &tree, &error);
	if (!err) {
		err = show_all(&blob, tree, &error);
		dt_tree_put(tree);
		if (err)
			dt_blob_free(&blob);
	}
	if (err && error.text[0])
		module_init_error("%s", error.text);
	return err;
}

static void platform_exit(void)
{
	overlays_exit();
	bus_down();
}

module_init(platform_init);
module_exit(platform_exit);
MODULE_LICENSE("LGPL-2.1-or-later");
MODULE_DESCRIPTION("The platform bus, with devices of device trees");
