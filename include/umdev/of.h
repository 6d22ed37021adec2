/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Device tree nodes and their properties, as drivers and simulated hardware read them.
 *
 * A tree never changes: an overlay makes a new one. A platform device keeps the tree that it was
 * made from, so its node and all that it points to live as long as the device.
 *
 * Behaviour: Devicetree Specification 0.4, chapter 2; Linux 6.1 include/linux/of.h,
 * drivers/of/{base,property}.c.
 */
#ifndef UMDEV_OF_H
#define UMDEV_OF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <umdev/kobject.h>

/**
 * struct property - one property of a node
 * @name:   as in the tree
 * @length: of @value, in bytes
 * @value:  as in the tree: cells are big-endian, strings end with a NUL. Aligned to 4 bytes
 * @next:   the node's next one, in the tree's order; NULL at the end
 */
struct property {
	const char *name;
	uint32_t length;
	const void *value;
	const struct property *next;
};

/**
 * struct device_node - one node
 * @name:       without the unit address: "serial"
 * @full_name:  with it: "serial@9000000"; "" for the root
 * @path:       "/soc/serial@9000000"; "/" for the root
 * @phandle:    0 if it has none
 * @properties: the first one, or NULL
 * @parent:     NULL for the root
 * @child:      the first one, or NULL
 * @sibling:    the next child of its parent, or NULL
 */
struct device_node {
	const char *name;
	const char *full_name;
	const char *path;
	uint32_t phandle;
	const struct property *properties;
	const struct device_node *parent;
	const struct device_node *child;
	const struct device_node *sibling;
};

/* All of them: any context. A NULL node has no properties. */

/** of_find_property - the property of that name, or NULL. */
UMDEV_API const struct property *of_find_property(const struct device_node *node, const char *name);
/** of_property_read_bool - is there such a property? */
UMDEV_API bool of_property_read_bool(const struct device_node *node, const char *name);
/**
 * of_property_read_u32_index - the @index-th cell of a property
 * Return: 0, -EINVAL (no such property), -ENODATA (empty), -EOVERFLOW (too short). *@value is
 * written on success only, here and below.
 */
UMDEV_API int of_property_read_u32_index(const struct device_node *node, const char *name,
					 unsigned int index, uint32_t *value);
/** of_property_read_u32 - its first cell. */
UMDEV_API int of_property_read_u32(const struct device_node *node, const char *name,
				   uint32_t *value);
/** of_property_read_u64 - its first two cells. Return: as above. */
UMDEV_API int of_property_read_u64(const struct device_node *node, const char *name,
				   uint64_t *value);
/**
 * of_property_read_string_index - the @index-th of a property's strings
 * @value: lives as long as the node
 * Return: 0, -EINVAL (no such property), -ENODATA (empty, or not that many), -EILSEQ (the last one
 * has no NUL).
 */
UMDEV_API int of_property_read_string_index(const struct device_node *node, const char *name,
					    unsigned int index, const char **value);
/** of_property_read_string - its first string. */
UMDEV_API int of_property_read_string(const struct device_node *node, const char *name,
				      const char **value);
/** of_property_count_strings - how many strings. Return: at least 1, or as above. */
UMDEV_API int of_property_count_strings(const struct device_node *node, const char *name);
/** of_device_is_compatible - is @compatible one of the node's? Compared without regard to case. */
UMDEV_API bool of_device_is_compatible(const struct device_node *node, const char *compatible);
/** of_device_is_available - has it no status, or one of "okay" and "ok"? */
UMDEV_API bool of_device_is_available(const struct device_node *node);

#endif
