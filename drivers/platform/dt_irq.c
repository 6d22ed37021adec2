/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interrupts: from a node's interrupts to the controller that they end at, which knows how they
 * tell.
 *
 * Behaviour: Linux 6.1 drivers/of/irq.c. A controller's driver would know what its cells mean; here
 * it is what nearly all do: of two cells the second, of three and more the third says how the line
 * tells, with other bits above it.
 */
#include <errno.h>
#include <string.h>

#include "dt_internal.h"

#define ARGS_MAX 16 /* cells of a specifier with its unit address */
#define MAP_MAX	 1024
/* Steps from node to node on the way to a controller; more are a circle. */
#define STEPS_MAX (4 * DT_DEPTH_MAX)
/* Controllers and maps that an interrupt goes through; more are a circle. */
#define HOPS_MAX 16

/**
 * struct specifier - an interrupt on its way to its controller
 * @of:     the node whose it is, for errors
 * @at:     the controller, or the next on the way to it
 * @unit:   the unit address that @at's map compares, @nr_unit cells
 * @args:   what @at is told, @nr_args cells
 */
struct specifier {
	const struct dt_node *of;
	const struct dt_node *at;
	uint32_t unit[ARGS_MAX], args[ARGS_MAX];
	unsigned int nr_unit, nr_args;
};

/* ---- controllers ---- */

static int follow_phandle(const struct dt_nodes *nodes, const struct dt_node *node,
			  enum dt_known which, uint32_t phandle, const struct dt_node **out,
			  struct dt_error *error)
{
	*out = dt_nodes_phandle(nodes, phandle);
	if (*out)
		return 0;
	return dt_refuse(error, "%s: %s: no node has the phandle 0x%x", node->of.path,
			 dt_known_name(which), phandle);
}

/*
 * The node that interrupts of @node go to: what interrupt-parent says, or who is above, until one
 * has #interrupt-cells. Return: 0, with NULL if there is none; -EINVAL.
 */
static int find_parent(const struct dt_nodes *nodes, const struct dt_node *node,
		       const struct dt_node **out, struct dt_error *error)
{
	const struct dt_node *at = node;
	uint32_t phandle;
	int err;

	for (unsigned int steps = 0; at; steps++) {
		if (steps > STEPS_MAX)
			return dt_refuse(error, "%s: interrupt-parent: goes round in a circle",
					 node->of.path);
		if (at->known[DT_INTERRUPT_PARENT]) {
			err = dt_one_cell(at, DT_INTERRUPT_PARENT, &phandle, error);
			if (!err)
				err = follow_phandle(nodes, at, DT_INTERRUPT_PARENT, phandle, &at,
						     error);
			if (err)
				return err;
		} else {
			at = dt_parent(at);
		}
		if (at && at->known[DT_INTERRUPT_CELLS])
			break;
	}
	*out = at;
	return 0;
}

static int interrupt_cells(const struct dt_node *node, unsigned int *cells, struct dt_error *error)
{
	uint32_t value;
	int err;

	if (!node->known[DT_INTERRUPT_CELLS])
		return dt_refuse(error, "%s: #interrupt-cells is missing", node->of.path);
	err = dt_one_cell(node, DT_INTERRUPT_CELLS, &value, error);
	if (err)
		return err;
	if (value < 1 || value > ARGS_MAX / 2)
		return dt_refuse(error, "%s: #interrupt-cells: %u, 1 to %u are expected",
				 node->of.path, value, ARGS_MAX / 2);
	*cells = value;
	return 0;
}

/* ---- maps ---- */

/**
 * struct map - the interrupt-map of a node
 * @nr_unit, @nr_args: cells of what an entry is compared with
 * @mask: or NULL: all bits
 */
struct map {
	const struct dt_node *node;
	const struct property *entries;
	const struct property *mask;
	unsigned int nr_unit, nr_args;
};

static int refuse_map(const struct map *map, const char *what, struct dt_error *error)
{
	return dt_refuse(error, "%s: interrupt-map: %s", map->node->of.path, what);
}

static int find_map(const struct dt_node *node, const struct specifier *spec, struct map *map,
		    struct dt_error *error)
{
	const struct dt_node *at = node;
	int err = 0;

	map->node = node;
	map->entries = node->known[DT_INTERRUPT_MAP];
	map->mask = node->known[DT_INTERRUPT_MAP_MASK];
	map->nr_args = spec->nr_args;
	map->nr_unit = 2;
	while (at && !at->known[DT_ADDRESS_CELLS])
		at = dt_parent(at);
	if (at)
		err = dt_address_cells(at, &map->nr_unit, error);
	if (err)
		return err;
	if (map->entries->length % 4)
		return refuse_map(map, "whole cells are expected", error);
	if (map->mask && dt_cells(map->mask) < map->nr_unit + map->nr_args)
		return dt_refuse(error, "%s: interrupt-map-mask: %u cells, %u are expected",
				 node->of.path, dt_cells(map->mask), map->nr_unit + map->nr_args);
	return 0;
}

static bool map_matches(const struct map *map, unsigned int at, const struct specifier *spec)
{
	unsigned int nr = map->nr_unit + map->nr_args;
	uint32_t asked, mask;

	for (unsigned int i = 0; i < nr; i++) {
		if (i >= map->nr_unit)
			asked = spec->args[i - map->nr_unit];
		else
			asked = i < spec->nr_unit ? spec->unit[i] : 0;
		mask = map->mask ? dt_cell(map->mask, i) : UINT32_MAX;
		if ((asked ^ dt_cell(map->entries, at + i)) & mask)
			return false;
	}
	return true;
}

/* The cells of whom an entry leads to. */
static int entry_parent(const struct dt_nodes *nodes, const struct map *map, unsigned int at,
			struct specifier *to, struct dt_error *error)
{
	uint32_t unit = 0;
	int err;

	err = follow_phandle(nodes, map->node, DT_INTERRUPT_MAP, dt_cell(map->entries, at), &to->at,
			     error);
	if (!err)
		err = interrupt_cells(to->at, &to->nr_args, error);
	if (!err && to->at->known[DT_ADDRESS_CELLS])
		err = dt_address_cells(to->at, &unit, error);
	to->nr_unit = unit;
	return err;
}

/* Through the entry of a map that fits. */
static int through_map(const struct dt_nodes *nodes, struct specifier *spec, struct dt_error *error)
{
	struct specifier to = { .of = spec->of };
	unsigned int at = 0, cells;
	struct map map;
	bool fits;
	int err;

	err = find_map(spec->at, spec, &map, error);
	if (err)
		return err;
	cells = dt_cells(map.entries);
	for (unsigned int entries = 0; at < cells; entries++) {
		if (entries == MAP_MAX)
			return refuse_map(&map, "too many entries", error);
		if (cells - at <= map.nr_unit + map.nr_args)
			return refuse_map(&map, "cut off in an entry", error);
		fits = map_matches(&map, at, spec);
		at += map.nr_unit + map.nr_args;
		err = entry_parent(nodes, &map, at++, &to, error);
		if (err)
			return err;
		if (cells - at < to.nr_unit + to.nr_args)
			return refuse_map(&map, "cut off in an entry", error);
		if (fits && of_device_is_available(&to.at->of))
			break;
		at += to.nr_unit + to.nr_args;
	}
	if (at >= cells)
		return dt_refuse(error, "%s: interrupts: nothing in the interrupt-map of %s fits",
				 spec->of->of.path, spec->at->of.path);
	for (unsigned int i = 0; i < to.nr_unit; i++)
		to.unit[i] = dt_cell(map.entries, at + i);
	for (unsigned int i = 0; i < to.nr_args; i++)
		to.args[i] = dt_cell(map.entries, at + to.nr_unit + i);
	*spec = to;
	return 0;
}

/* ---- the way of an interrupt ---- */

/* From a node without a map that is no controller either to the one above it. */
static int to_parent(const struct dt_nodes *nodes, struct specifier *spec, struct dt_error *error)
{
	const struct dt_node *next;
	unsigned int cells;
	int err;

	err = find_parent(nodes, spec->at, &next, error);
	if (err)
		return err;
	if (!next || next == spec->at)
		return dt_refuse(error, "%s: interrupts: %s is no interrupt-controller",
				 spec->of->of.path, spec->at->of.path);
	err = interrupt_cells(next, &cells, error);
	if (err)
		return err;
	if (cells != spec->nr_args)
		return dt_refuse(error, "%s: #interrupt-cells: %u, but %s below has %u",
				 next->of.path, cells, spec->at->of.path, spec->nr_args);
	spec->at = next;
	return 0;
}

static int resolve(const struct dt_nodes *nodes, struct specifier *spec, struct dt_error *error)
{
	const struct dt_node *before;
	int err;

	for (unsigned int hops = 0; hops < HOPS_MAX; hops++) {
		before = spec->at;
		if (before->known[DT_INTERRUPT_MAP]) {
			err = through_map(nodes, spec, error);
			/* A controller's own interrupts in its map. */
			if (!err && spec->at == before)
				return 0;
		} else if (before->known[DT_INTERRUPT_CONTROLLER]) {
			return 0;
		} else {
			err = to_parent(nodes, spec, error);
		}
		if (err)
			return err;
	}
	return dt_refuse(error, "%s: interrupts: go round in a circle", spec->of->of.path);
}

/* Where the interrupts of a controller go: to NULL where it has none. */
static int controller_of(const struct dt_nodes *nodes, const struct dt_node *node,
			 const struct dt_node **out, struct dt_error *error)
{
	const struct property *extended = node->known[DT_INTERRUPTS_EXTENDED];

	*out = NULL;
	if (dt_cells(extended))
		return follow_phandle(nodes, node, DT_INTERRUPTS_EXTENDED, dt_cell(extended, 0),
				      out, error);
	if (node->known[DT_INTERRUPTS])
		return find_parent(nodes, node, out, error);
	return 0;
}

/* No controller can be brought up when each waits for the next one. */
static int check_chain(const struct dt_nodes *nodes, const struct dt_node *of,
		       const struct dt_node *controller, struct dt_error *error)
{
	const struct dt_node *next;
	int err;

	for (unsigned int hops = 0; hops < HOPS_MAX; hops++) {
		err = controller_of(nodes, controller, &next, error);
		if (err || !next || next == controller)
			return err;
		controller = next;
	}
	return dt_refuse(error, "%s: interrupts: the controllers on the way are in a circle",
			 of->of.path);
}

static unsigned int type_of(const struct specifier *spec)
{
	unsigned int type;

	if (spec->nr_args < 2)
		return PLATFORM_IRQ_TYPE_NONE;
	type = spec->args[spec->nr_args == 2 ? 1 : 2] & 0xf;
	switch (type) {
	case PLATFORM_IRQ_TYPE_EDGE_RISING:
	case PLATFORM_IRQ_TYPE_EDGE_FALLING:
	case PLATFORM_IRQ_TYPE_EDGE_RISING | PLATFORM_IRQ_TYPE_EDGE_FALLING:
	case PLATFORM_IRQ_TYPE_LEVEL_HIGH:
	case PLATFORM_IRQ_TYPE_LEVEL_LOW:
		return type;
	default:
		return PLATFORM_IRQ_TYPE_NONE;
	}
}

/* ---- a device's interrupts ---- */

/**
 * struct list - the interrupts that a node lists
 * @prop:    interrupts-extended, or interrupts
 * @parent:  of interrupts
 * @at:      the cell that is read next
 */
struct list {
	const struct dt_nodes *nodes;
	const struct dt_node *node;
	const struct property *prop;
	enum dt_known which;
	const struct dt_node *parent;
	unsigned int at;
};

static int list_open(const struct dt_nodes *nodes, const struct dt_node *node, struct list *list,
		     struct dt_error *error)
{
	int err;

	list->nodes = nodes;
	list->node = node;
	list->which = node->known[DT_INTERRUPTS_EXTENDED] ? DT_INTERRUPTS_EXTENDED : DT_INTERRUPTS;
	list->prop = node->known[list->which];
	list->parent = NULL;
	list->at = 0;
	if (!list->prop)
		return 0;
	if (list->prop->length % 4)
		return dt_refuse(error, "%s: %s: %u bytes, whole cells are expected", node->of.path,
				 dt_known_name(list->which), list->prop->length);
	if (list->which == DT_INTERRUPTS_EXTENDED)
		return 0;
	err = find_parent(nodes, node, &list->parent, error);
	if (err)
		return err;
	if (!list->parent)
		return dt_refuse(error, "%s: interrupts: there is no interrupt-parent",
				 node->of.path);
	return 0;
}

/* Read the next one, of which there is at least a cell. */
static int list_next(struct list *list, struct specifier *spec, struct dt_error *error)
{
	unsigned int cells = dt_cells(list->prop), reg;
	int err;

	memset(spec, 0, sizeof(*spec));
	spec->of = list->node;
	spec->at = list->parent;
	if (list->which == DT_INTERRUPTS_EXTENDED) {
		err = follow_phandle(list->nodes, list->node, list->which,
				     dt_cell(list->prop, list->at++), &spec->at, error);
		if (err)
			return err;
	}
	err = interrupt_cells(spec->at, &spec->nr_args, error);
	if (err)
		return err;
	if (cells - list->at < spec->nr_args)
		return dt_refuse(error, "%s: %s: %u cells are left, %u are expected by %s",
				 list->node->of.path, dt_known_name(list->which), cells - list->at,
				 spec->nr_args, spec->at->of.path);
	for (unsigned int i = 0; i < spec->nr_args; i++)
		spec->args[i] = dt_cell(list->prop, list->at++);
	reg = dt_cells(list->node->known[DT_REG]);
	spec->nr_unit = reg < 4 ? reg : 4;
	for (unsigned int i = 0; i < spec->nr_unit; i++)
		spec->unit[i] = dt_cell(list->node->known[DT_REG], i);
	return 0;
}

/* Go through the list, and write down what it says if @irqs are there. Return: how many. */
static int walk_list(const struct dt_nodes *nodes, const struct dt_node *node,
		     struct platform_irq *irqs, struct dt_error *error)
{
	const struct dt_node *checked = NULL;
	struct specifier spec;
	struct list list;
	int nr = 0, err;

	err = list_open(nodes, node, &list, error);
	if (err)
		return err;
	for (; list.at < dt_cells(list.prop); nr++) {
		err = list_next(&list, &spec, error);
		if (err)
			return err;
		if (nr == DT_IRQS_MAX)
			return dt_refuse(error, "%s: %s: more than %d interrupts", node->of.path,
					 dt_known_name(list.which), DT_IRQS_MAX);
		if (!irqs)
			continue;
		err = resolve(nodes, &spec, error);
		if (!err && spec.at != checked)
			err = check_chain(nodes, node, spec.at, error);
		if (err)
			return err;
		checked = spec.at;
		irqs[nr].type = type_of(&spec);
		of_property_read_string_index(&node->of, "interrupt-names", nr, &irqs[nr].name);
	}
	return nr;
}

int dt_read_irqs(struct dt_nodes *nodes, struct dt_device *device, struct dt_error *error)
{
	const struct dt_node *node = dt_node(device->node);
	int nr, err;

	nr = walk_list(nodes, node, NULL, error);
	if (nr <= 0)
		return nr;
	err = dt_check_strings(node, DT_INTERRUPT_NAMES, error);
	if (err)
		return err;
	device->irqs = dt_arena_alloc_array(&nodes->arena, nr, sizeof(*device->irqs));
	if (!device->irqs)
		return -ENOMEM;
	nr = walk_list(nodes, node, device->irqs, error);
	if (nr < 0)
		return nr;
	device->num_irqs = nr;
	return 0;
}
