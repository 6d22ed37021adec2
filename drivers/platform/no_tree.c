/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* As long as nothing makes trees, there are no nodes: what is asked of them has this answer. */
#include <errno.h>

#include "of_sysfs.h"
#include "private.h"

#define WEAK __attribute__((weak))

WEAK int of_property_read_string_index(const struct device_node *node, const char *name,
				       unsigned int index, const char **value)
{
	return -EINVAL;
}

WEAK int of_property_read_u32(const struct device_node *node, const char *name, uint32_t *value)
{
	return -EINVAL;
}

WEAK int of_property_read_string(const struct device_node *node, const char *name,
				 const char **value)
{
	return -EINVAL;
}

WEAK bool of_device_is_compatible(const struct device_node *node, const char *compatible)
{
	return false;
}

WEAK struct dt_tree *dt_tree_get(struct dt_tree *tree)
{
	return tree;
}

WEAK void dt_tree_put(struct dt_tree *tree)
{
}

WEAK const struct device_node *dt_find_node_by_path(const struct dt_tree *tree, const char *path)
{
	return NULL;
}

WEAK struct kobject *of_sysfs_node(const char *path)
{
	return NULL;
}
