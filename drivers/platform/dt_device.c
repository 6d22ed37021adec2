/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which nodes become devices, and what they are called.
 *
 * Behaviour: Linux 6.1 drivers/of/platform.c, of_platform_default_populate_init() on a machine with
 * AMBA, whose primecells are platform devices here. What Linux leaves out of a device without a
 * word (registers that cannot be translated, interrupts that lead nowhere) is refused with the
 * tree.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dt_internal.h"

#define NAME_MAX_LENGTH 255 /* a directory's in sysfs */

static const char *const bus_compatibles[] = { "simple-bus", "simple-mfd", "isa", "arm,amba-bus" };

/* Parts of reserved memory that have drivers. */
static const char *const memory_compatibles[] = {
	"phram",   "qcom,rmtfs-mem", "qcom,cmd-db",	 "qcom,smem",
	"ramoops", "nvmem-rmem",     "google,open-dice",
};

/**
 * struct maker - the devices of a tree, as they are found
 * @nodes:   of the tree
 * @devices: so far
 */
struct maker {
	struct dt_nodes *nodes;
	struct dt_devices *devices;
	struct dt_error *error;
};

/* ---- strings ---- */

/* They become lines in sysfs, events and the log, none of which may be made of two. */
static int check_printable(const struct dt_node *node, enum dt_known which, struct dt_error *error)
{
	const struct property *prop = node->known[which];
	const unsigned char *text = prop ? prop->value : NULL;

	for (uint32_t i = 0; prop && i < prop->length; i++)
		if (text[i] && (text[i] < ' ' || text[i] > '~'))
			return dt_refuse(error, "%s: %s: 0x%02x is no character of a name",
					 node->of.path, dt_known_name(which), text[i]);
	return 0;
}

int dt_check_strings(const struct dt_node *node, enum dt_known which, struct dt_error *error)
{
	const struct property *prop = node->known[which];

	if (!prop || (prop->length && !((const char *)prop->value)[prop->length - 1]))
		return check_printable(node, which, error);
	return dt_refuse(error, "%s: %s: strings that end with a NUL are expected", node->of.path,
			 dt_known_name(which));
}

static bool is_one_of(const struct dt_node *node, const char *const *compatibles, size_t nr)
{
	if (!node->known[DT_COMPATIBLE])
		return false;
	for (size_t i = 0; i < nr; i++)
		if (of_device_is_compatible(&node->of, compatibles[i]))
			return true;
	return false;
}

/* ---- names ---- */

/* Put @part and a colon before what is in @name already. Return: does it fit? */
static bool prepend(char *name, const char *part)
{
	char behind[NAME_MAX_LENGTH + 1];
	int length;

	strcpy(behind, name);
	length = snprintf(name, NAME_MAX_LENGTH + 1, "%s%s%s", part, *behind ? ":" : "", behind);
	return length <= NAME_MAX_LENGTH;
}

/*
 * The address and the name, or where there is no address the names of the nodes from the first one
 * on that has one.
 */
static int compose_name(struct maker *m, const struct dt_node *device, char *name)
{
	char part[NAME_MAX_LENGTH + 64], mask_part[16];
	const struct dt_node *node = device;
	uint64_t address;
	uint32_t mask;
	bool fits;
	int ret;

	name[0] = '\0';
	for (; node->of.parent; node = dt_parent(node)) {
		ret = dt_translate_reg(m->nodes, node, &address, m->error);
		if (ret < 0)
			return ret;
		mask_part[0] = '\0';
		if (ret && node->known[DT_MASK]) {
			ret = dt_one_cell(node, DT_MASK, &mask, m->error);
			if (ret)
				return ret;
			snprintf(mask_part, sizeof(mask_part), "%x.", ffs((int)mask) - 1);
			ret = 1;
		}
		if (ret)
			snprintf(part, sizeof(part), "%" PRIx64 ".%s%s", address, mask_part,
				 node->of.name);
		fits = prepend(name, ret ? part : node->of.full_name);
		if (!fits)
			return dt_refuse(m->error, "%s: the device's name has more than %d bytes",
					 device->of.path, NAME_MAX_LENGTH);
		if (ret)
			break;
	}
	return 0;
}

static int name_device(struct maker *m, struct dt_device *device)
{
	char name[NAME_MAX_LENGTH + 1], *copy;
	int err;

	err = compose_name(m, dt_node(device->node), name);
	if (err)
		return err;
	copy = dt_arena_alloc(&m->nodes->arena, strlen(name) + 1);
	if (!copy)
		return -ENOMEM;
	device->name = strcpy(copy, name);
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	const struct dt_device *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static int check_names(const struct dt_devices *devices, struct dt_error *error)
{
	const struct dt_device **sorted;
	int err = 0;

	sorted = calloc(devices->nr ? devices->nr : 1, sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	for (unsigned int i = 0; i < devices->nr; i++)
		sorted[i] = &devices->all[i];
	qsort(sorted, devices->nr, sizeof(*sorted), compare_names);
	for (unsigned int i = 1; i < devices->nr && !err; i++)
		if (!strcmp(sorted[i - 1]->name, sorted[i]->name))
			err = dt_refuse(error, "%s: its device would be called %s, as that of %s",
					sorted[i]->node->path, sorted[i]->name,
					sorted[i - 1]->node->path);
	free(sorted);
	return err;
}

/* ---- devices ---- */

static int read_device(struct maker *m, struct dt_device *device)
{
	struct dt_devices *devices = m->devices;
	int err;

	err = dt_read_regions(m->nodes, device, m->error);
	if (err)
		return err;
	err = dt_read_irqs(m->nodes, device, m->error);
	if (err)
		return err;
	devices->nr_regions += device->num_regions;
	devices->nr_irqs += device->num_irqs;
	if (devices->nr_regions > DT_ALL_REGIONS_MAX || devices->nr_irqs > DT_ALL_REGIONS_MAX)
		return dt_refuse(m->error, "%s: more than %d regions or interrupts in all",
				 device->node->path, DT_ALL_REGIONS_MAX);
	return name_device(m, device);
}

static int check_strings(const struct dt_node *node, struct dt_error *error)
{
	int err = dt_check_strings(node, DT_COMPATIBLE, error);

	if (!err)
		err = dt_check_strings(node, DT_STATUS, error);
	return err ? err : check_printable(node, DT_DEVICE_TYPE, error);
}

static int make_device(struct maker *m, struct dt_node *node, int parent)
{
	struct dt_devices *devices = m->devices;
	struct dt_device *device;
	int err;

	err = check_strings(node, m->error);
	if (err)
		return err;
	if (node->populated || !of_device_is_available(&node->of))
		return 0;
	if (devices->nr == DT_DEVICES_MAX)
		return dt_refuse(m->error, "%s: more than %d devices", node->of.path,
				 DT_DEVICES_MAX);
	device = &devices->all[devices->nr++];
	device->node = &node->of;
	device->parent = parent;
	node->populated = true;
	return read_device(m, device);
}

/* A node that is asked for because it is below a bus, and may be a bus itself. */
static int make_bus_device(struct maker *m, struct dt_node *node, int parent)
{
	unsigned int before = m->devices->nr;
	int err;

	if (!node->known[DT_COMPATIBLE] || node->bus != DT_NO_BUS ||
	    of_device_is_compatible(&node->of, "operating-points-v2"))
		return 0;
	err = make_device(m, node, parent);
	if (err || m->devices->nr == before ||
	    of_device_is_compatible(&node->of, "arm,primecell") ||
	    !is_one_of(node, bus_compatibles, ARRAY_SIZE(bus_compatibles)))
		return err;
	m->devices->all[before].is_bus = true;
	node->bus = (int)before;
	return dt_parse_ranges(m->nodes, node, m->error);
}

/* All below @top, whose devices are nobody's children. */
static int populate(struct maker *m, struct dt_node *top)
{
	struct dt_node *node, *all = m->nodes->all;
	int err;

	top->bus = -1;
	for (unsigned int i = top - all + 1; i <= top->last; i++) {
		node = &all[i];
		/* What an earlier round has been through is its own. */
		if (dt_parent(node)->bus == DT_NO_BUS)
			continue;
		err = make_bus_device(m, node, dt_parent(node)->bus);
		if (err)
			return err;
	}
	return 0;
}

/* Those that Linux makes first, wherever they are. */
static int make_early(struct maker *m)
{
	struct dt_node *node;
	int err = 0;

	for (unsigned int i = 0; i < m->nodes->nr && !err; i++)
		if (is_one_of(&m->nodes->all[i], memory_compatibles,
			      ARRAY_SIZE(memory_compatibles)))
			err = make_device(m, &m->nodes->all[i], -1);
	node = err ? NULL : dt_nodes_path(m->nodes, "/firmware");
	if (node)
		err = populate(m, node);
	node = err ? NULL : dt_nodes_path(m->nodes, "/chosen");
	node = node ? dt_node(node->of.child) : NULL;
	while (node && !of_device_is_compatible(&node->of, "simple-framebuffer"))
		node = dt_node(node->of.sibling);
	return node ? make_device(m, node, -1) : err;
}

int dt_make_devices(struct dt_nodes *nodes, struct dt_devices *devices, struct dt_error *error)
{
	struct maker m = { .nodes = nodes, .devices = devices, .error = error };
	int err;

	devices->all = dt_arena_alloc_array(&nodes->arena, DT_DEVICES_MAX, sizeof(*devices->all));
	if (!devices->all)
		return -ENOMEM;
	err = make_early(&m);
	if (!err)
		err = populate(&m, &nodes->all[0]);
	if (!err)
		err = check_names(devices, error);
	return err ? err : dt_check_overlaps(devices, error);
}
