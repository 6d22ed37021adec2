/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Overlays as libfdt lays them, no nodes in sysfs. Each gives way to another definition. */
#include <errno.h>
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "of_sysfs.h"

#define WEAK __attribute__((weak))

WEAK int of_sysfs_init(void)
{
	return 0;
}

WEAK void of_sysfs_exit(void)
{
}

WEAK int of_sysfs_change(struct dt_tree *tree)
{
	return 0;
}

WEAK struct kobject *of_sysfs_node(const char *path)
{
	return NULL;
}

WEAK int dt_blob_overlay(const struct dt_blob *base, const struct dt_blob *overlay,
			 const char *name, struct dt_blob *out, struct dt_error *error)
{
	size_t size = base->size + 2 * overlay->size + 1024;
	void *copy = malloc(overlay->size);
	int err;

	out->data = malloc(size);
	if (!copy || !out->data) {
		free(copy);
		free(out->data);
		return -ENOMEM;
	}
	/* It writes into both. */
	memcpy(copy, overlay->data, overlay->size);
	err = fdt_open_into(base->data, out->data, (int)size);
	if (!err)
		err = fdt_overlay_apply(out->data, copy);
	if (!err)
		err = fdt_pack(out->data);
	free(copy);
	if (err) {
		free(out->data);
		snprintf(error->text, sizeof(error->text), "%s: %s", name, fdt_strerror(err));
		return -EINVAL;
	}
	out->size = fdt_totalsize(out->data);
	return 0;
}
