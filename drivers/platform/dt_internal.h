/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of the device tree share with each other: memory, nodes, and the steps from a
 * flattened tree to its devices.
 *
 * All of it is one thread's until the tree is made, and constant then.
 */
#ifndef UMDEV_PLATFORM_DT_INTERNAL_H
#define UMDEV_PLATFORM_DT_INTERNAL_H

#include <endian.h>
#include <errno.h>

#include "dt.h"

/* ---- memory ---- */

struct dt_arena_block;

/** struct dt_arena - memory that is given back as a whole; begins zeroed */
struct dt_arena {
	struct dt_arena_block *blocks;
};

/** dt_arena_alloc - zeroed memory, aligned to 8, or NULL. */
void *dt_arena_alloc(struct dt_arena *arena, size_t size);
/** dt_arena_alloc_array - the same for @n elements, checked for overflow. */
void *dt_arena_alloc_array(struct dt_arena *arena, size_t n, size_t size);
/** dt_arena_free - give all of it back. */
void dt_arena_free(struct dt_arena *arena);

/* ---- errors ---- */

/** dt_say - write an error: one line, printable characters only. */
void dt_say(struct dt_error *error, const char *fmt, ...) __umdev_printf(2, 3);
/* Say what is wrong, and that it is: -EINVAL, for all to see that it is never 0. */
#define dt_refuse(error, ...) (dt_say((error), __VA_ARGS__), -EINVAL)

/* ---- nodes ---- */

/* Properties that are looked for again and again, found once. */
enum dt_known {
	DT_COMPATIBLE,
	DT_STATUS,
	DT_DEVICE_TYPE,
	DT_REG,
	DT_REG_NAMES,
	DT_RANGES,
	DT_ADDRESS_CELLS,
	DT_SIZE_CELLS,
	DT_INTERRUPTS,
	DT_INTERRUPTS_EXTENDED,
	DT_INTERRUPT_NAMES,
	DT_INTERRUPT_PARENT,
	DT_INTERRUPT_CELLS,
	DT_INTERRUPT_CONTROLLER,
	DT_INTERRUPT_MAP,
	DT_INTERRUPT_MAP_MASK,
	DT_MASK,
	DT_NR_KNOWN,
};

/* The bus that a node is for its children, where it is none. */
#define DT_NO_BUS -2

/**
 * struct dt_range - an entry of a bus's ranges
 * @child_flags, @parent_flags: the cell before the address on buses that have one, else 0
 * @child:  where it begins for those below
 * @parent: where that is for the bus's parent
 * @size:   not 0; neither end wraps around
 */
struct dt_range {
	uint32_t child_flags, parent_flags;
	uint64_t child, parent, size;
};

/**
 * struct dt_node - a node, and what is found out about it on the way
 * @of:        as others see it
 * @known:     its properties of enum dt_known; NULL: it has none of that name
 * @last:      the number of its last descendant in struct dt_nodes.all, or its own
 * @ranges:    parsed, as soon as somebody asks (dt_parse_ranges()); @nr_ranges of them
 * @ranges_parsed: that has been done
 * @bus:       the number of the device that its children's devices are below, -1 for none, or
 *             DT_NO_BUS: its children are no devices
 * @populated: it has become a device
 */
struct dt_node {
	struct device_node of;
	const struct property *known[DT_NR_KNOWN];
	unsigned int last;
	struct dt_range *ranges;
	unsigned int nr_ranges;
	bool ranges_parsed;
	bool populated;
	int bus;
};

static inline struct dt_node *dt_node(const struct device_node *of)
{
	return of ? container_of(of, struct dt_node, of) : NULL;
}

static inline struct dt_node *dt_parent(const struct dt_node *node)
{
	return dt_node(node->of.parent);
}

/** dt_cells - how many cells a property has; 0 for NULL. */
static inline unsigned int dt_cells(const struct property *prop)
{
	return prop ? prop->length / 4 : 0;
}

/** dt_cell - a cell of a property, which has to be there. */
static inline uint32_t dt_cell(const struct property *prop, unsigned int index)
{
	return be32toh(((const uint32_t *)prop->value)[index]);
}

/**
 * dt_one_cell - the value of a property that is one cell
 * Return: 0, or -EINVAL and @error when it is longer or shorter.
 */
int dt_one_cell(const struct dt_node *node, enum dt_known which, uint32_t *value,
		struct dt_error *error);
/** dt_known_name - as in the tree. */
const char *dt_known_name(enum dt_known which);

/**
 * struct dt_nodes - an unflattened tree
 * @arena:      all memory
 * @data:       the flattened tree, which names and values stay in
 * @all:        the nodes, each before its children; the root is the first
 * @nr:         at least 1
 * @by_path:    @nr, sorted
 * @by_phandle: those that have one, sorted
 * @nr_by_phandle: of them
 */
struct dt_nodes {
	struct dt_arena arena;
	const void *data;
	struct dt_node *all;
	unsigned int nr;
	struct dt_node **by_path;
	struct dt_node **by_phandle;
	unsigned int nr_by_phandle;
};

/**
 * dt_nodes_init - unflatten
 * @blob: checked or not; stays the caller's, and may go
 * @who:  for @error where it is not about a node; NULL: the tree is whose
 * Return: 0, -EINVAL, -ENOMEM. What fails leaves nothing.
 */
int dt_nodes_init(struct dt_nodes *nodes, const struct dt_blob *blob, const char *who,
		  struct dt_error *error);
/** dt_nodes_finish - the reverse. */
void dt_nodes_finish(struct dt_nodes *nodes);
/** dt_is_synthesized - is it a property that every node gets, and no flattened tree has? */
static inline bool dt_is_synthesized(const struct device_node *node, const struct property *prop)
{
	return prop->value == node->name;
}
/** dt_nodes_path - the node at a path, or NULL. */
struct dt_node *dt_nodes_path(const struct dt_nodes *nodes, const char *path);
/** dt_nodes_phandle - the node with a phandle, or NULL. */
struct dt_node *dt_nodes_phandle(const struct dt_nodes *nodes, uint32_t phandle);

/**
 * dt_flatten - the reverse, of nodes that have changed since
 * @nodes:  whose root it begins with; that memory reservations are taken of
 * @others: where else names of properties may be from
 * @who:    for @error
 * @out:    a new blob
 * Return: 0, -EINVAL (too large), -ENOMEM.
 */
int dt_flatten(const struct dt_nodes *nodes, const struct dt_nodes *others, const char *who,
	       struct dt_blob *out, struct dt_error *error);

/**
 * dt_blob_check - is it a flattened tree, whole and well-formed?
 * @who: as above
 */
int dt_blob_check(const struct dt_blob *blob, const char *who, struct dt_error *error);

/* ---- addresses ---- */

/**
 * dt_parse_ranges - check a node's ranges and keep them in it; done once
 * Return: 0, -EINVAL, -ENOMEM.
 */
int dt_parse_ranges(struct dt_nodes *nodes, struct dt_node *node, struct dt_error *error);
/**
 * dt_translate_reg - where the first address in a node's reg is, as the root sees it
 * Return: 1; 0 if it has no reg or cannot be translated, by the way it is written: no sizes, a bus
 * without ranges; -EINVAL and @error if it should be but is not in the ranges of a bus; -ENOMEM.
 */
int dt_translate_reg(struct dt_nodes *nodes, const struct dt_node *node, uint64_t *address,
		     struct dt_error *error);
/**
 * dt_read_regions - a device's regions, from its node's reg: none if they cannot be translated by
 * the way it is written
 * Return: 0, -EINVAL, -ENOMEM.
 */
int dt_read_regions(struct dt_nodes *nodes, struct dt_device *device, struct dt_error *error);
/** dt_address_cells - #address-cells for @bus's children. Return: 0, -EINVAL. */
int dt_address_cells(const struct dt_node *bus, unsigned int *cells, struct dt_error *error);

/* ---- interrupts ---- */

/** dt_read_irqs - a device's interrupts. Return: 0, -EINVAL, -ENOMEM. */
int dt_read_irqs(struct dt_nodes *nodes, struct dt_device *device, struct dt_error *error);

/* ---- devices ---- */

/**
 * struct dt_devices - those of a tree
 * @all: room for DT_DEVICES_MAX, of which @nr are used
 */
struct dt_devices {
	struct dt_device *all;
	unsigned int nr;
	unsigned int nr_regions;
	unsigned int nr_irqs;
};

/** dt_make_devices - find all devices, and refuse what cannot be. Return: 0, -EINVAL, -ENOMEM. */
int dt_make_devices(struct dt_nodes *nodes, struct dt_devices *devices, struct dt_error *error);
/** dt_check_overlaps - do the regions of two devices overlap? Return: 0, -EINVAL, -ENOMEM. */
int dt_check_overlaps(const struct dt_devices *devices, struct dt_error *error);
/**
 * dt_check_strings - is a property a list of strings, each with its NUL, of printable ASCII?
 * Return: 0 also when there is no such property, or -EINVAL.
 */
int dt_check_strings(const struct dt_node *node, enum dt_known which, struct dt_error *error);

#endif
