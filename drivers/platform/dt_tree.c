/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a flattened tree to nodes, and the tree that all others see.
 *
 * Behaviour: Linux 6.1 drivers/of/fdt.c. Linux renames or ignores what it finds twice; here a tree
 * that says two things about one is refused, since nobody could tell which is meant.
 */
#include <errno.h>
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

#include "dt_internal.h"

/* What a file in sysfs may be called. */
#define NAME_LENGTH_MAX 255

static const char *const known_names[DT_NR_KNOWN] = {
	[DT_COMPATIBLE] = "compatible",
	[DT_STATUS] = "status",
	[DT_DEVICE_TYPE] = "device_type",
	[DT_REG] = "reg",
	[DT_REG_NAMES] = "reg-names",
	[DT_RANGES] = "ranges",
	[DT_ADDRESS_CELLS] = "#address-cells",
	[DT_SIZE_CELLS] = "#size-cells",
	[DT_INTERRUPTS] = "interrupts",
	[DT_INTERRUPTS_EXTENDED] = "interrupts-extended",
	[DT_INTERRUPT_NAMES] = "interrupt-names",
	[DT_INTERRUPT_PARENT] = "interrupt-parent",
	[DT_INTERRUPT_CELLS] = "#interrupt-cells",
	[DT_INTERRUPT_CONTROLLER] = "interrupt-controller",
	[DT_INTERRUPT_MAP] = "interrupt-map",
	[DT_INTERRUPT_MAP_MASK] = "interrupt-map-mask",
	[DT_MASK] = "mask",
};

/**
 * struct reader - a tree on its way from flat to nodes
 * @data:  nodes->data
 * @who:   or NULL
 * @where: the place in @data of the node that is being read
 */
struct reader {
	struct dt_nodes *nodes;
	const void *data;
	const char *who;
	struct dt_error *error;
	int where;
};

const char *dt_known_name(enum dt_known which)
{
	return known_names[which];
}

int dt_one_cell(const struct dt_node *node, enum dt_known which, uint32_t *value,
		struct dt_error *error)
{
	const struct property *prop = node->known[which];

	if (prop->length != 4)
		return dt_refuse(error, "%s: %s: %u bytes, one cell is expected", node->of.path,
				 known_names[which], prop->length);
	*value = dt_cell(prop, 0);
	return 0;
}

/* ---- names ---- */

/* May a file in sysfs have this name, and a line for people contain it? */
static bool good_name(const char *name, size_t length)
{
	if (!length || length > NAME_LENGTH_MAX || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	for (; *name; name++)
		if (*name <= ' ' || *name > '~' || *name == '/')
			return false;
	return true;
}

/* Where a tree without a name is meant, the error begins with the node's path alone. */
static int refuse_in(const struct reader *r, const struct dt_node *node, const char *what)
{
	if (r->who)
		return dt_refuse(r->error, "%s: %s: %s", r->who, node->of.path, what);
	return dt_refuse(r->error, "%s: %s", node->of.path, what);
}

/* ---- properties ---- */

static int read_phandle(const struct reader *r, struct dt_node *node, const struct property *prop)
{
	uint32_t phandle;

	if (prop->length != 4)
		return refuse_in(r, node, "phandle: one cell is expected");
	phandle = dt_cell(prop, 0);
	if (phandle == 0 || phandle == UINT32_MAX)
		return refuse_in(r, node, "phandle: neither 0 nor 0xffffffff can be one");
	if (node->of.phandle && node->of.phandle != phandle)
		return refuse_in(r, node, "phandle and linux,phandle are not the same");
	node->of.phandle = phandle;
	return 0;
}

/* The synthesized property of that name is what Linux shows, and the node's name, too. */
static int add_name(const struct reader *r, struct dt_node *node, struct property **last,
		    bool shown)
{
	size_t length = strcspn(node->of.full_name, "@");
	char *name = dt_arena_alloc(&r->nodes->arena, length + 1);
	struct property *prop;

	if (!name)
		return -ENOMEM;
	memcpy(name, node->of.full_name, length);
	node->of.name = name;
	if (!shown)
		return 0;
	prop = dt_arena_alloc(&r->nodes->arena, sizeof(*prop));
	if (!prop)
		return -ENOMEM;
	prop->name = "name";
	prop->length = length + 1;
	prop->value = name;
	if (*last)
		(*last)->next = prop;
	else
		node->of.properties = prop;
	*last = prop;
	return 0;
}

static int read_property(const struct reader *r, struct dt_node *node, int at,
			 struct property **last)
{
	struct property *prop = dt_arena_alloc(&r->nodes->arena, sizeof(*prop));
	const char *name;
	int length;

	if (!prop)
		return -ENOMEM;
	prop->value = fdt_getprop_by_offset(r->data, at, &name, &length);
	if (!prop->value)
		return refuse_in(r, node, "a property is damaged");
	if (!good_name(name, strlen(name)))
		return refuse_in(r, node, "a property's name is empty, too long or not a name");
	prop->name = name;
	prop->length = length;
	if (*last)
		(*last)->next = prop;
	else
		node->of.properties = prop;
	*last = prop;
	for (size_t i = 0; i < DT_NR_KNOWN; i++)
		if (!strcmp(name, known_names[i]))
			node->known[i] = prop;
	if (!strcmp(name, "phandle") || !strcmp(name, "linux,phandle"))
		return read_phandle(r, node, prop);
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int check_twice(const struct reader *r, const struct dt_node *node, unsigned int nr)
{
	const char **names = calloc(nr ? nr : 1, sizeof(*names));
	const struct property *prop;
	unsigned int n = 0;
	int err = 0;

	if (!names)
		return -ENOMEM;
	for (prop = node->of.properties; prop; prop = prop->next)
		names[n++] = prop->name;
	qsort(names, n, sizeof(*names), compare_names);
	for (unsigned int i = 1; i < n && !err; i++)
		if (!strcmp(names[i - 1], names[i]))
			err = dt_refuse(r->error, "%s%s%s: %s: the property is there twice",
					r->who ? r->who : "", r->who ? ": " : "", node->of.path,
					names[i]);
	free(names);
	return err;
}

static int read_properties(const struct reader *r, struct dt_node *node)
{
	struct property *last = NULL;
	bool has_name = false;
	unsigned int nr = 0;
	int at, err;

	fdt_for_each_property_offset(at, r->data, r->where)
	{
		err = read_property(r, node, at, &last);
		if (err)
			return err;
		has_name |= !strcmp(last->name, "name");
		if (++nr > DT_PROPERTIES_MAX)
			return refuse_in(r, node, "too many properties");
	}
	if (at != -FDT_ERR_NOTFOUND)
		return refuse_in(r, node, "a property is damaged");
	err = add_name(r, node, &last, !has_name);
	if (err)
		return err;
	return check_twice(r, node, nr + !has_name);
}

/* ---- nodes ---- */

static int make_path(const struct reader *r, struct dt_node *node, const struct dt_node *parent)
{
	size_t dir = parent->of.parent ? strlen(parent->of.path) : 0;
	size_t length = strlen(node->of.full_name);
	char *path;

	if (dir + 1 + length >= DT_PATH_MAX)
		return refuse_in(r, parent, "a node below has too long a path");
	path = dt_arena_alloc(&r->nodes->arena, dir + 1 + length + 1);
	if (!path)
		return -ENOMEM;
	memcpy(path, parent->of.path, dir);
	path[dir] = '/';
	memcpy(path + dir + 1, node->of.full_name, length);
	node->of.path = path;
	return 0;
}

static int read_node(const struct reader *r, struct dt_node *node, struct dt_node *parent)
{
	int length, err;

	node->bus = DT_NO_BUS;
	if (!parent) {
		node->of.full_name = "";
		node->of.path = "/";
		return read_properties(r, node);
	}
	node->of.full_name = fdt_get_name(r->data, r->where, &length);
	if (!node->of.full_name || !good_name(node->of.full_name, length))
		return refuse_in(r, parent, "a node's name below is empty, too long or not a name");
	node->of.parent = &parent->of;
	err = make_path(r, node, parent);
	return err ? err : read_properties(r, node);
}

/* Return: how many nodes there are, or -EINVAL. */
static int count_nodes(const struct reader *r)
{
	int depth = 0, at = 0, nr = 0;

	for (; at >= 0 && depth >= 0; at = fdt_next_node(r->data, at, &depth))
		if (++nr > DT_NODES_MAX)
			return dt_refuse(r->error, "%s: more than %d nodes", r->who ? r->who : "/",
					 DT_NODES_MAX);
	if (at < 0 && at != -FDT_ERR_NOTFOUND)
		return dt_refuse(r->error, "%s: the device tree's structure is damaged",
				 r->who ? r->who : "/");
	return nr;
}

static int read_nodes(struct reader *r)
{
	struct dt_node *way[DT_DEPTH_MAX] = { NULL }, *before[DT_DEPTH_MAX] = { NULL };
	struct dt_node *node;
	int depth = 0, err;

	for (unsigned int i = 0; i < r->nodes->nr; i++) {
		node = &r->nodes->all[i];
		if (depth >= DT_DEPTH_MAX)
			return refuse_in(r, node - 1, "nodes below are too deep");
		err = read_node(r, node, depth ? way[depth - 1] : NULL);
		if (err)
			return err;
		if (depth && !way[depth - 1]->of.child)
			way[depth - 1]->of.child = &node->of;
		else if (depth)
			before[depth]->of.sibling = &node->of;
		way[depth] = before[depth] = node;
		for (int up = 0; up <= depth; up++)
			way[up]->last = i;
		r->where = fdt_next_node(r->data, r->where, &depth);
	}
	return 0;
}

/* ---- finding ---- */

static int compare_paths(const void *a, const void *b)
{
	const struct dt_node *const *x = a, *const *y = b;

	return strcmp((*x)->of.path, (*y)->of.path);
}

static int compare_phandles(const void *a, const void *b)
{
	uint32_t x = (*(struct dt_node *const *)a)->of.phandle;
	uint32_t y = (*(struct dt_node *const *)b)->of.phandle;

	return (x > y) - (x < y);
}

static int index_nodes(const struct reader *r)
{
	struct dt_nodes *nodes = r->nodes;
	struct dt_node *node, *other;

	nodes->by_path = dt_arena_alloc_array(&nodes->arena, nodes->nr, sizeof(node));
	nodes->by_phandle = dt_arena_alloc_array(&nodes->arena, nodes->nr, sizeof(node));
	if (!nodes->by_path || !nodes->by_phandle)
		return -ENOMEM;
	for (unsigned int i = 0; i < nodes->nr; i++) {
		nodes->by_path[i] = &nodes->all[i];
		if (nodes->all[i].of.phandle)
			nodes->by_phandle[nodes->nr_by_phandle++] = &nodes->all[i];
	}
	qsort(nodes->by_path, nodes->nr, sizeof(node), compare_paths);
	qsort(nodes->by_phandle, nodes->nr_by_phandle, sizeof(node), compare_phandles);
	for (unsigned int i = 1; i < nodes->nr; i++)
		if (!compare_paths(&nodes->by_path[i - 1], &nodes->by_path[i]))
			return refuse_in(r, nodes->by_path[i], "the node is there twice");
	for (unsigned int i = 1; i < nodes->nr_by_phandle; i++) {
		other = nodes->by_phandle[i - 1];
		node = nodes->by_phandle[i];
		if (node->of.phandle == other->of.phandle)
			return dt_refuse(r->error, "%s%s%s: phandle: 0x%x is %s's, too",
					 r->who ? r->who : "", r->who ? ": " : "", node->of.path,
					 node->of.phandle, other->of.path);
	}
	return 0;
}

struct dt_node *dt_nodes_path(const struct dt_nodes *nodes, const char *path)
{
	struct dt_node key = { .of = { .path = path } }, *of_key = &key, **found;

	found = bsearch(&of_key, nodes->by_path, nodes->nr, sizeof(of_key), compare_paths);
	return found ? *found : NULL;
}

struct dt_node *dt_nodes_phandle(const struct dt_nodes *nodes, uint32_t phandle)
{
	struct dt_node key = { .of = { .phandle = phandle } }, *of_key = &key, **found;

	found = bsearch(&of_key, nodes->by_phandle, nodes->nr_by_phandle, sizeof(of_key),
			compare_phandles);
	return found ? *found : NULL;
}

/* ---- all of it ---- */

static int unflatten(struct reader *r)
{
	int nr, err;

	nr = count_nodes(r);
	if (nr < 0)
		return nr;
	r->nodes->nr = nr;
	r->nodes->all = dt_arena_alloc_array(&r->nodes->arena, nr, sizeof(*r->nodes->all));
	if (!r->nodes->all)
		return -ENOMEM;
	err = read_nodes(r);
	return err ? err : index_nodes(r);
}

int dt_nodes_init(struct dt_nodes *nodes, const struct dt_blob *blob, const char *who,
		  struct dt_error *error)
{
	struct reader r = { .nodes = nodes, .who = who, .error = error };
	void *data;
	int err;

	err = dt_blob_check(blob, who, error);
	if (err)
		return err;
	memset(nodes, 0, sizeof(*nodes));
	data = dt_arena_alloc(&nodes->arena, fdt_totalsize(blob->data));
	if (!data)
		return -ENOMEM;
	memcpy(data, blob->data, fdt_totalsize(blob->data));
	r.data = nodes->data = data;
	err = unflatten(&r);
	if (err)
		dt_nodes_finish(nodes);
	return err;
}

void dt_nodes_finish(struct dt_nodes *nodes)
{
	dt_arena_free(&nodes->arena);
	memset(nodes, 0, sizeof(*nodes));
}

/* ---- the tree ---- */

/**
 * struct dt_whole - a tree with what only this file knows
 * @tree:  as others see it
 * @nodes: and all memory but this struct
 * @users: atomic
 */
struct dt_whole {
	struct dt_tree tree;
	struct dt_nodes nodes;
	unsigned int users;
};

int dt_tree_create(const struct dt_blob *blob, struct dt_tree **out, struct dt_error *error)
{
	struct dt_devices devices = { 0 };
	struct dt_whole *whole;
	int err;

	whole = calloc(1, sizeof(*whole));
	if (!whole)
		return -ENOMEM;
	err = dt_nodes_init(&whole->nodes, blob, NULL, error);
	if (err)
		goto free_whole;
	err = dt_make_devices(&whole->nodes, &devices, error);
	if (err)
		goto finish_nodes;
	whole->tree.root = &whole->nodes.all[0].of;
	whole->tree.devices = devices.all;
	whole->tree.num_devices = devices.nr;
	whole->users = 1;
	*out = &whole->tree;
	return 0;
finish_nodes:
	dt_nodes_finish(&whole->nodes);
free_whole:
	free(whole);
	return err;
}

struct dt_tree *dt_tree_get(struct dt_tree *tree)
{
	struct dt_whole *whole = container_of(tree, struct dt_whole, tree);

	__atomic_fetch_add(&whole->users, 1, __ATOMIC_RELAXED);
	return tree;
}

void dt_tree_put(struct dt_tree *tree)
{
	struct dt_whole *whole;

	if (!tree)
		return;
	whole = container_of(tree, struct dt_whole, tree);
	if (__atomic_fetch_sub(&whole->users, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	dt_nodes_finish(&whole->nodes);
	free(whole);
}

const struct device_node *dt_find_node_by_path(const struct dt_tree *tree, const char *path)
{
	const struct dt_whole *whole = container_of(tree, struct dt_whole, tree);
	const struct dt_node *node = dt_nodes_path(&whole->nodes, path);

	return node ? &node->of : NULL;
}
