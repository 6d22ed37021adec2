/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Addresses: from a node's reg, through the ranges of each bus above it, to what the root sees.
 *
 * Behaviour: Linux 6.1 drivers/of/address.c, with the same buses (ISA and those of three address
 * cells have flags in the first cell), and cell counts that are inherited where a bus has none.
 * What Linux takes as it comes is refused here: lengths that are no multiple, numbers of more than
 * 64 bits, ends that wrap around or lie outside of where the beginning is translated.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "dt_internal.h"

#define CELLS_MAX 4 /* of an address or a size */

/* Linux's where no node says how many; not the specification's, which has two for addresses. */
#define DEFAULT_CELLS 1

enum bus_kind {
	BUS_PLAIN,
	BUS_FLAGS, /* the first cell of an address says which space; the same space on both sides */
	BUS_ISA,   /* the same, with one bit for I/O */
	BUS_PCI,
};

/**
 * struct bus - how a node writes the addresses of its children
 * @na, @ns: cells of an address (with that of flags) and of a size
 */
struct bus {
	const struct dt_node *node;
	enum bus_kind kind;
	unsigned int na, ns;
};

/** struct place - an address on a bus */
struct place {
	uint32_t flags;
	uint64_t at;
};

/* ---- cells ---- */

/* Return: does the number fit into 64 bits? */
static bool read_number(const uint32_t *cells, unsigned int nr, uint64_t *out)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < nr; i++) {
		if (value >> 32)
			return false;
		value = value << 32 | be32toh(cells[i]);
	}
	*out = value;
	return true;
}

static bool has_flags(const struct bus *bus)
{
	return bus->kind != BUS_PLAIN;
}

static bool read_place(const struct bus *bus, const uint32_t *cells, struct place *place)
{
	unsigned int skip = has_flags(bus);

	place->flags = skip ? be32toh(cells[0]) : 0;
	return read_number(cells + skip, bus->na - skip, &place->at);
}

/* The highest address that can be written on a bus. */
static uint64_t last_address(const struct bus *bus)
{
	return bus->na - has_flags(bus) > 1 ? UINT64_MAX : UINT32_MAX;
}

/* What a node says its children's numbers have, or who is above it and does. */
static int inherited_cells(const struct dt_node *node, enum dt_known which, unsigned int *cells,
			   struct dt_error *error)
{
	uint32_t value;
	int err;

	*cells = DEFAULT_CELLS;
	while (node && !node->known[which])
		node = dt_parent(node);
	if (!node)
		return 0;
	err = dt_one_cell(node, which, &value, error);
	if (err)
		return err;
	if (value > CELLS_MAX)
		return dt_refuse(error, "%s: %s: %u, at most %u is expected", node->of.path,
				 dt_known_name(which), value, CELLS_MAX);
	*cells = value;
	return 0;
}

int dt_address_cells(const struct dt_node *bus, unsigned int *cells, struct dt_error *error)
{
	return inherited_cells(bus, DT_ADDRESS_CELLS, cells, error);
}

/* ---- buses ---- */

static bool is_type(const struct dt_node *node, const char *type)
{
	const struct property *prop = node->known[DT_DEVICE_TYPE];

	return prop && prop->length == strlen(type) + 1 && !memcmp(prop->value, type, prop->length);
}

static bool is_pci(const struct dt_node *node)
{
	return is_type(node, "pci") || is_type(node, "pciex") || is_type(node, "vci") ||
	       is_type(node, "ht") || !strcmp(node->of.name, "pcie");
}

static int find_bus(const struct dt_node *node, struct bus *bus, struct dt_error *error)
{
	int err;

	bus->node = node;
	if (is_pci(node)) {
		bus->kind = BUS_PCI;
		bus->na = 3;
		bus->ns = 2;
		return 0;
	}
	if (!strcmp(node->of.name, "isa")) {
		bus->kind = BUS_ISA;
		bus->na = 2;
		bus->ns = 1;
		return 0;
	}
	err = dt_address_cells(node, &bus->na, error);
	if (!err)
		err = inherited_cells(node, DT_SIZE_CELLS, &bus->ns, error);
	if (err)
		return err;
	bus->kind = bus->na == 3 ? BUS_FLAGS : BUS_PLAIN;
	return 0;
}

/* A bus that has children with reg needs cells for it. */
static int check_address_cells(const struct bus *bus, struct dt_error *error)
{
	if (bus->na)
		return 0;
	return dt_refuse(error, "%s: #address-cells: 0, but nodes below have reg",
			 bus->node->of.path);
}

/* ---- ranges ---- */

static int refuse_range(const struct bus *bus, unsigned int number, const char *what,
			struct dt_error *error)
{
	return dt_refuse(error, "%s: ranges: entry %u %s", bus->node->of.path, number, what);
}

static int read_range(const struct bus *bus, const struct bus *above, const uint32_t *cells,
		      unsigned int number, struct dt_range *range, struct dt_error *error)
{
	struct place child, parent;
	uint64_t size;

	if (!read_place(bus, cells, &child) || !read_place(above, cells + bus->na, &parent) ||
	    !read_number(cells + bus->na + above->na, bus->ns, &size))
		return refuse_range(bus, number, "has a number of more than 64 bits", error);
	if (size &&
	    (size - 1 > last_address(bus) || child.at > last_address(bus) - (size - 1) ||
	     size - 1 > last_address(above) || parent.at > last_address(above) - (size - 1)))
		return refuse_range(bus, number, "wraps around", error);
	range->child_flags = child.flags;
	range->child = child.at;
	range->parent_flags = parent.flags;
	range->parent = parent.at;
	range->size = size;
	return 0;
}

static int read_ranges(struct dt_nodes *nodes, struct dt_node *node, const struct bus *bus,
		       const struct bus *above, struct dt_error *error)
{
	const struct property *prop = node->known[DT_RANGES];
	unsigned int one = bus->na + above->na + bus->ns, nr = dt_cells(prop) / one;
	const uint32_t *cells = prop->value;
	int err;

	if (prop->length % (4 * one))
		return dt_refuse(error, "%s: ranges: %u bytes, a multiple of %u cells is expected",
				 node->of.path, prop->length, one);
	if (nr > DT_RANGES_MAX)
		return dt_refuse(error, "%s: ranges: %u entries, at most %u are allowed",
				 node->of.path, nr, DT_RANGES_MAX);
	node->ranges = dt_arena_alloc_array(&nodes->arena, nr, sizeof(*node->ranges));
	if (!node->ranges)
		return -ENOMEM;
	for (unsigned int i = 0; i < nr; i++, cells += one) {
		err = read_range(bus, above, cells, i, &node->ranges[node->nr_ranges], error);
		if (err)
			return err;
		/* One of size 0 holds nothing. */
		if (node->ranges[node->nr_ranges].size)
			node->nr_ranges++;
	}
	return 0;
}

int dt_parse_ranges(struct dt_nodes *nodes, struct dt_node *node, struct dt_error *error)
{
	struct bus bus, above;
	int err;

	if (node->ranges_parsed || !node->of.parent || !dt_cells(node->known[DT_RANGES]))
		return 0;
	node->ranges_parsed = true;
	err = find_bus(node, &bus, error);
	if (!err)
		err = find_bus(dt_parent(node), &above, error);
	if (!err)
		err = check_address_cells(&bus, error);
	if (!err)
		err = check_address_cells(&above, error);
	/* What has no sizes, or PCI's windows, nobody translates. */
	if (err || !bus.ns || bus.kind == BUS_PCI || above.kind == BUS_PCI)
		return err;
	return read_ranges(nodes, node, &bus, &above, error);
}

static bool same_space(const struct bus *bus, uint32_t a, uint32_t b)
{
	return bus->kind == BUS_ISA ? !((a ^ b) & 1) : a == b;
}

/* ---- translation ---- */

/**
 * struct translation - an address on its way up
 * @of:    the node that it is of, for errors
 * @place: on the bus @bus
 * @last:  the place's last byte is so far behind it
 */
struct translation {
	const struct dt_node *of;
	struct bus bus;
	struct place place;
	uint64_t last;
};

static int refuse_place(const struct translation *t, const char *what, const struct dt_node *bus,
			struct dt_error *error)
{
	return dt_refuse(error, "%s: reg: 0x%" PRIx64 "-0x%" PRIx64 " %s %s", t->of->of.path,
			 t->place.at, t->place.at + t->last, what, bus->of.path);
}

static int check_end(const struct translation *t, struct dt_error *error)
{
	if (t->last <= last_address(&t->bus) && t->place.at <= last_address(&t->bus) - t->last)
		return 0;
	return dt_refuse(error,
			 "%s: reg: 0x%" PRIx64 " and 0x%" PRIx64 " bytes behind it wrap around",
			 t->of->of.path, t->place.at, t->last);
}

/* Through the entry of ranges that holds it. */
static int through_range(struct translation *t, struct dt_error *error)
{
	const struct dt_node *node = t->bus.node;
	const struct dt_range *range;
	uint64_t offset;

	for (unsigned int i = 0; i < node->nr_ranges; i++) {
		range = &node->ranges[i];
		offset = t->place.at - range->child;
		if (!same_space(&t->bus, t->place.flags, range->child_flags) ||
		    t->place.at < range->child || offset >= range->size)
			continue;
		if (t->last > range->size - 1 - offset)
			return refuse_place(t, "goes beyond an entry of the ranges of", node,
					    error);
		t->place.at = range->parent + offset;
		t->place.flags = range->parent_flags;
		return 1;
	}
	return refuse_place(t, "is not in the ranges of", node, error);
}

/* To the bus above. Return: 1, 0 (nothing is translated here), -EINVAL, -ENOMEM. */
static int step_up(struct dt_nodes *nodes, struct translation *t, struct dt_error *error)
{
	struct dt_node *node = dt_node(&t->bus.node->of);
	struct bus above;
	int err;

	err = find_bus(dt_parent(node), &above, error);
	if (err)
		return err;
	if (!node->known[DT_RANGES] || !above.ns || !above.na || above.kind == BUS_PCI)
		return 0;
	err = dt_parse_ranges(nodes, node, error);
	if (err)
		return err;
	if (node->known[DT_RANGES]->length) {
		err = through_range(t, error);
		if (err < 0)
			return err;
	} else if (!has_flags(&t->bus)) {
		t->place.flags = 0;
	}
	t->bus = above;
	err = check_end(t, error);
	return err ? err : 1;
}

static int translate(struct dt_nodes *nodes, const struct dt_node *node, const uint32_t *cells,
		     uint64_t last, uint64_t *address, struct dt_error *error)
{
	struct translation t = { .of = node, .last = last };
	int ret;

	ret = find_bus(dt_parent(node), &t.bus, error);
	if (ret)
		return ret;
	if (!t.bus.ns || t.bus.kind == BUS_PCI)
		return 0;
	if (!read_place(&t.bus, cells, &t.place))
		return dt_refuse(error, "%s: reg: an address of more than 64 bits", node->of.path);
	ret = check_end(&t, error);
	if (ret)
		return ret;
	while (t.bus.node->of.parent) {
		ret = step_up(nodes, &t, error);
		if (ret <= 0)
			return ret;
	}
	*address = t.place.at;
	return 1;
}

/* What is true of any reg. Return: 1, 0 (there is none, or of no address), -EINVAL. */
static int check_reg(const struct dt_node *node, struct bus *bus, struct dt_error *error)
{
	const struct property *reg = node->known[DT_REG];
	unsigned int one;
	int err;

	if (!reg || !node->of.parent)
		return 0;
	err = find_bus(dt_parent(node), bus, error);
	if (!err)
		err = check_address_cells(bus, error);
	if (err)
		return err;
	one = bus->na + bus->ns;
	if (!reg->length || reg->length % (4 * one)) {
		if (reg->length % 4)
			return dt_refuse(error, "%s: reg: %u bytes, whole cells are expected",
					 node->of.path, reg->length);
		return dt_refuse(error, "%s: reg: %u cells, a multiple of %u is expected",
				 node->of.path, reg->length / 4, one);
	}
	return 1;
}

int dt_translate_reg(struct dt_nodes *nodes, const struct dt_node *node, uint64_t *address,
		     struct dt_error *error)
{
	struct bus bus;
	int ret = check_reg(node, &bus, error);

	if (ret <= 0)
		return ret;
	return translate(nodes, node, node->known[DT_REG]->value, 0, address, error);
}

/* ---- regions ---- */

/* Return: 1, 0 (not to be translated), -EINVAL, -ENOMEM. */
static int read_region(struct dt_nodes *nodes, const struct dt_node *node, const struct bus *bus,
		       unsigned int index, struct platform_region *region, struct dt_error *error)
{
	const uint32_t *cells = node->known[DT_REG]->value;
	uint64_t size;

	cells += (size_t)index * (bus->na + bus->ns);
	/* Ports of I/O are not in the machine's memory. */
	if (bus->kind == BUS_ISA && (be32toh(cells[0]) & 1))
		return 0;
	if (!read_number(cells + bus->na, bus->ns, &size) || size > DT_REGION_SIZE_MAX)
		return dt_refuse(error, "%s: reg: region %u has more than 0x%" PRIx64 " bytes",
				 node->of.path, index, DT_REGION_SIZE_MAX);
	if (!size)
		return dt_refuse(error, "%s: reg: region %u has no bytes", node->of.path, index);
	region->size = size;
	return translate(nodes, node, cells, size - 1, &region->start, error);
}

int dt_read_regions(struct dt_nodes *nodes, struct dt_device *device, struct dt_error *error)
{
	const struct dt_node *node = dt_node(device->node);
	struct platform_region *regions;
	struct bus bus = { 0 };
	unsigned int nr;
	int ret;

	ret = check_reg(node, &bus, error);
	if (ret <= 0 || !bus.ns || bus.kind == BUS_PCI)
		return ret < 0 ? ret : 0;
	nr = node->known[DT_REG]->length / 4 / (bus.na + bus.ns);
	if (nr > DT_REGIONS_MAX)
		return dt_refuse(error, "%s: reg: %u regions, at most %u are allowed",
				 node->of.path, nr, DT_REGIONS_MAX);
	ret = dt_check_strings(node, DT_REG_NAMES, error);
	if (ret)
		return ret;
	regions = dt_arena_alloc_array(&nodes->arena, nr, sizeof(*regions));
	if (!regions)
		return -ENOMEM;
	device->regions = regions;
	for (unsigned int i = 0; i < nr; i++) {
		ret = read_region(nodes, node, &bus, i, &regions[i], error);
		/* Linux takes those before the first that it cannot translate. */
		if (ret <= 0)
			return ret;
		of_property_read_string_index(&node->of, "reg-names", i, &regions[i].name);
		device->num_regions++;
	}
	return 0;
}
