/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An overlay laid over a tree: what it refers to is found, its nodes are merged into the tree's,
 * and the result is flattened again.
 *
 * libfdt's own way is not gone: it believes the offsets in an overlay's fixups, says in one number
 * what is wrong anywhere, and takes "bus" for "bus@1000".
 *
 * Behaviour: Linux 6.1 drivers/of/{overlay,resolver}.c: targets are nodes of the tree as it was,
 * and two fragments do not add the same node. Unlike there, a label that an overlay gives to a node
 * of the tree's can be referred to.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dt_internal.h"

#define LOCAL_FIXUPS "/__local_fixups__"

/**
 * struct merge - an overlay on its way into a tree
 * @base, @over: the tree's nodes and the overlay's; both change
 * @into:        for each of the overlay's, the tree's that it becomes part of, or NULL
 * @last:        for each of the tree's, its last child; NULL: not looked for yet, or none
 * @made:        the node for labels, if the tree has none
 * @fragments:   nodes that say where they go
 */
struct merge {
	const char *name;
	struct dt_error *error;
	struct dt_nodes base, over;
	struct dt_node **into;
	struct dt_node **last;
	struct dt_node made;
	unsigned int fragments;
};

/* An error of the overlay's. */
#define refuse(m, fmt, ...) dt_refuse((m)->error, "%s: " fmt, (m)->name, ##__VA_ARGS__)

static struct dt_node **into(struct merge *m, const struct dt_node *over)
{
	return &m->into[over - m->over.all];
}

static bool is_string(const struct property *prop)
{
	return prop->length && !((const char *)prop->value)[prop->length - 1];
}

/* ---- references to the tree's labels ---- */

static int label_phandle(struct merge *m, const char *label, uint32_t *phandle)
{
	const struct dt_node *symbols = dt_nodes_path(&m->base, "/__symbols__"), *node;
	const struct property *prop = NULL;

	if (symbols)
		prop = of_find_property(&symbols->of, label);
	if (!prop)
		return refuse(m, "the tree has no label %s%s", label,
			      symbols ? "" : " (nor any: it was made without dtc's -@)");
	node = is_string(prop) ? dt_nodes_path(&m->base, prop->value) : NULL;
	if (!node)
		return refuse(m, "the tree's label %s leads to no node", label);
	if (!node->of.phandle)
		return refuse(m, "the tree's label %s leads to %s, which has no phandle", label,
			      node->of.path);
	*phandle = node->of.phandle;
	return 0;
}

/* Write a cell where a fixup says, which may be anywhere in a property. */
static int write_cell(struct merge *m, const struct dt_node *node, const char *name,
		      uint64_t offset, uint32_t value)
{
	const struct property *prop = of_find_property(&node->of, name);
	uint32_t cell = htobe32(value);

	if (!prop || dt_is_synthesized(&node->of, prop))
		return refuse(m, "a fixup is for %s: %s, which is not there", node->of.path, name);
	if (prop->length < 4 || offset > prop->length - 4)
		return refuse(m, "a fixup is for %s: %s at %llu, behind its end", node->of.path,
			      name, (unsigned long long)offset);
	memcpy((char *)prop->value + offset, &cell, sizeof(cell));
	return 0;
}

/* Up to the next ':' or the end. Return: what is behind it, or NULL. */
static const char *cut(const char *from, char *buf, size_t room)
{
	size_t length = strcspn(from, ":");

	if (length >= room)
		return NULL;
	memcpy(buf, from, length);
	buf[length] = '\0';
	return from[length] ? from + length + 1 : NULL;
}

/* "PATH:PROPERTY:OFFSET" */
static int apply_fixup(struct merge *m, const char *label, const char *fixup, uint32_t phandle)
{
	char path[DT_PATH_MAX], name[DT_PATH_MAX], *end = NULL;
	const struct dt_node *node;
	unsigned long offset = 0;
	const char *rest;

	rest = cut(fixup, path, sizeof(path));
	rest = rest ? cut(rest, name, sizeof(name)) : NULL;
	if (rest && *rest >= '0' && *rest <= '9')
		offset = strtoul(rest, &end, 10);
	if (!end || *end)
		return refuse(m, "/__fixups__: %s: path:property:offset is expected", label);
	node = dt_nodes_path(&m->over, path);
	if (!node)
		return refuse(m, "/__fixups__: %s: there is no node %s", label, path);
	return write_cell(m, node, name, offset, phandle);
}

static int apply_label(struct merge *m, const struct property *fixups)
{
	const char *at = fixups->value, *end = at + fixups->length;
	uint32_t phandle;
	int err;

	if (!is_string(fixups))
		return refuse(m, "/__fixups__: %s: strings are expected", fixups->name);
	err = label_phandle(m, fixups->name, &phandle);
	for (; at < end && !err; at += strlen(at) + 1)
		err = apply_fixup(m, fixups->name, at, phandle);
	return err;
}

static int apply_fixups(struct merge *m)
{
	const struct dt_node *node = dt_nodes_path(&m->over, "/__fixups__");
	const struct property *prop = node ? node->of.properties : NULL;
	int err = 0;

	for (; prop && !err; prop = prop->next)
		if (!dt_is_synthesized(&node->of, prop))
			err = apply_label(m, prop);
	return err;
}

/* ---- where it goes ---- */

static int find_target(struct merge *m, const struct dt_node *fragment, struct dt_node **target)
{
	const struct property *by_phandle = of_find_property(&fragment->of, "target");
	const struct property *by_path = of_find_property(&fragment->of, "target-path");

	if (by_phandle) {
		if (by_phandle->length != 4)
			return refuse(m, "%s: target: one cell is expected", fragment->of.path);
		*target = dt_nodes_phandle(&m->base, dt_cell(by_phandle, 0));
		if (!*target)
			return refuse(m, "%s: target: no node of the tree has the phandle 0x%x",
				      fragment->of.path, dt_cell(by_phandle, 0));
		return 0;
	}
	if (!by_path)
		return refuse(m, "%s: target or target-path is missing", fragment->of.path);
	if (!is_string(by_path) || *(const char *)by_path->value != '/')
		return refuse(m, "%s: target-path: a path that begins with / is expected",
			      fragment->of.path);
	*target = dt_nodes_path(&m->base, by_path->value);
	if (!*target)
		return refuse(m, "%s: target-path: the tree has no node %s", fragment->of.path,
			      (const char *)by_path->value);
	return 0;
}

static int find_targets(struct merge *m)
{
	const struct dt_node *fragment = dt_node(m->over.all[0].of.child), *node;
	int err;

	for (; fragment; fragment = dt_node(fragment->of.sibling)) {
		node = dt_node(fragment->of.child);
		while (node && strcmp(node->of.full_name, "__overlay__") != 0)
			node = dt_node(node->of.sibling);
		if (!node)
			continue;
		err = find_target(m, fragment, into(m, node));
		if (err)
			return err;
		m->fragments++;
	}
	if (!m->fragments)
		return refuse(m, "not an overlay: no node has an __overlay__");
	return 0;
}

/* Find for each node the one of the tree's that it is, too. */
static int find_nodes(struct merge *m)
{
	const struct dt_node *node, *parent;
	char path[DT_PATH_MAX];
	size_t dir;

	for (unsigned int i = 1; i < m->over.nr; i++) {
		node = &m->over.all[i];
		parent = *into(m, dt_parent(node));
		if (!parent || *into(m, node))
			continue;
		dir = parent->of.parent ? strlen(parent->of.path) : 0;
		if (dir + 1 + strlen(node->of.full_name) >= sizeof(path))
			return refuse(m, "%s: too long a path below %s", node->of.path,
				      parent->of.path);
		memcpy(path, parent->of.path, dir);
		path[dir] = '/';
		strcpy(path + dir + 1, node->of.full_name);
		*into(m, node) = dt_nodes_path(&m->base, path);
	}
	return 0;
}

/* ---- references of the overlay's to itself ---- */

/*
 * Give each of its nodes a phandle that is free in the tree, or that which the tree's node has
 * already. @phandles is what each gets.
 */
static int choose_phandles(struct merge *m, uint32_t *phandles)
{
	const struct dt_nodes *base = &m->base;
	uint32_t highest = 0, own;
	struct dt_node *target;

	if (base->nr_by_phandle)
		highest = base->by_phandle[base->nr_by_phandle - 1]->of.phandle;
	for (unsigned int i = 0; i < m->over.nr; i++) {
		own = m->over.all[i].of.phandle;
		target = m->into[i];
		if (!own)
			continue;
		if (target && target->of.phandle) {
			phandles[i] = target->of.phandle;
			continue;
		}
		if (own >= UINT32_MAX - highest)
			return refuse(m,
				      "%s: phandle: 0x%x is too high to be made free in the tree",
				      m->over.all[i].of.path, own);
		phandles[i] = highest + own;
		if (target)
			target->of.phandle = phandles[i];
	}
	return 0;
}

static int fix_property(struct merge *m, const struct dt_node *node, const struct property *offsets,
			const uint32_t *phandles)
{
	const struct property *prop = of_find_property(&node->of, offsets->name);
	const struct dt_node *to;
	uint32_t offset, cell;
	int err = 0;

	if (!prop || dt_is_synthesized(&node->of, prop))
		return refuse(m, "a fixup is for %s: %s, which is not there", node->of.path,
			      offsets->name);
	if (offsets->length % 4)
		return refuse(m, LOCAL_FIXUPS "%s: %s: whole cells are expected", node->of.path,
			      offsets->name);
	for (unsigned int i = 0; i < dt_cells(offsets) && !err; i++) {
		offset = dt_cell(offsets, i);
		if (prop->length < 4 || offset > prop->length - 4)
			return refuse(m, "a fixup is for %s: %s at %u, behind its end",
				      node->of.path, offsets->name, offset);
		memcpy(&cell, (const char *)prop->value + offset, sizeof(cell));
		to = dt_nodes_phandle(&m->over, be32toh(cell));
		if (!to)
			return refuse(m, "%s: %s: no node has the phandle 0x%x", node->of.path,
				      offsets->name, be32toh(cell));
		err = write_cell(m, node, offsets->name, offset, phandles[to - m->over.all]);
	}
	return err;
}

static int fix_references(struct merge *m, const uint32_t *phandles)
{
	const struct dt_node *top = dt_nodes_path(&m->over, LOCAL_FIXUPS), *fixups, *node;
	const struct property *prop;
	const char *path;
	int err;

	for (fixups = top; fixups && fixups <= &m->over.all[top->last]; fixups++) {
		path = fixups->of.path + strlen(LOCAL_FIXUPS);
		node = dt_nodes_path(&m->over, *path ? path : "/");
		if (!node)
			return refuse(m, "%s: there is no node %s", fixups->of.path, path);
		for (prop = fixups->of.properties; prop; prop = prop->next) {
			if (dt_is_synthesized(&fixups->of, prop))
				continue;
			err = fix_property(m, node, prop, phandles);
			if (err)
				return err;
		}
	}
	return 0;
}

static int fix_phandles(struct merge *m, const uint32_t *phandles)
{
	static const char *const names[] = { "phandle", "linux,phandle" };
	const struct dt_node *node;
	int err;

	for (unsigned int i = 0; i < m->over.nr; i++) {
		node = &m->over.all[i];
		for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
			if (!phandles[i] || !of_find_property(&node->of, names[k]))
				continue;
			err = write_cell(m, node, names[k], 0, phandles[i]);
			if (err)
				return err;
		}
	}
	return 0;
}

static int renumber(struct merge *m)
{
	uint32_t *phandles = calloc(m->over.nr, sizeof(*phandles));
	int err;

	if (!phandles)
		return -ENOMEM;
	err = choose_phandles(m, phandles);
	if (!err)
		err = fix_references(m, phandles);
	if (!err)
		err = fix_phandles(m, phandles);
	free(phandles);
	return err;
}

/* ---- merging ---- */

static int set_property(struct merge *m, struct dt_node *node, const char *name, const void *value,
			uint32_t length)
{
	struct property *prop = (struct property *)node->of.properties, *last = NULL;

	while (prop && strcmp(prop->name, name) != 0) {
		last = prop;
		prop = (struct property *)prop->next;
	}
	if (!prop) {
		prop = dt_arena_alloc(&m->base.arena, sizeof(*prop));
		if (!prop)
			return -ENOMEM;
		if (last)
			last->next = prop;
		else
			node->of.properties = prop;
	}
	prop->name = name;
	prop->value = value;
	prop->length = length;
	return 0;
}

static void add_child(struct merge *m, struct dt_node *node, struct dt_node *child)
{
	struct dt_node **last = &m->last[node - m->base.all];

	if (!*last)
		*last = dt_node(node->of.child);
	while (*last && (*last)->of.sibling)
		*last = dt_node((*last)->of.sibling);
	if (*last)
		(*last)->of.sibling = &child->of;
	else
		node->of.child = &child->of;
	*last = child;
	child->of.parent = &node->of;
	child->of.sibling = NULL;
}

static int merge_properties(struct merge *m, struct dt_node *target, const struct dt_node *node)
{
	const struct property *prop = node->of.properties;
	int err;

	for (; prop; prop = prop->next) {
		if (!strcmp(prop->name, "name"))
			continue;
		err = set_property(m, target, prop->name, prop->value, prop->length);
		if (err)
			return err;
	}
	return 0;
}

static int merge_nodes(struct merge *m)
{
	struct dt_node *node, *target;
	int err;

	for (unsigned int i = 1; i < m->over.nr; i++) {
		node = &m->over.all[i];
		if (m->into[i]) {
			err = merge_properties(m, m->into[i], node);
			if (err)
				return err;
			continue;
		}
		/* What is below a new node comes with it; its parent is the overlay's. */
		target = m->into[dt_parent(node) - m->over.all];
		if (target)
			add_child(m, target, node);
	}
	return 0;
}

/* ---- labels of the overlay's ---- */

/* Where a node of the overlay's is in the tree; NULL if it does not go there. */
static int path_in_tree(struct merge *m, const struct dt_node *node, char **out)
{
	const struct dt_node *at = node;
	const char *dir, *rest;
	size_t room;

	*out = NULL;
	while (at && !*into(m, at))
		at = dt_parent(at);
	if (!at)
		return 0;
	dir = (*into(m, at))->of.path;
	rest = node->of.path + strlen(at->of.path);
	if (*rest && !dir[1])
		dir = "";
	room = strlen(dir) + strlen(rest) + 1;
	*out = dt_arena_alloc(&m->base.arena, room);
	if (!*out)
		return -ENOMEM;
	strcpy(*out, dir);
	strcat(*out, rest);
	return 0;
}

/* The node for labels, which the tree may not have. */
static struct dt_node *symbols_node(struct merge *m)
{
	struct dt_node *node = dt_nodes_path(&m->base, "/__symbols__");

	if (node)
		return node;
	node = &m->made;
	node->of.full_name = "__symbols__";
	node->of.name = "";
	add_child(m, &m->base.all[0], node);
	return node;
}

static int merge_symbols(struct merge *m)
{
	const struct dt_node *symbols = dt_nodes_path(&m->over, "/__symbols__"), *node;
	const struct property *prop = symbols ? symbols->of.properties : NULL;
	struct dt_node *target = symbols ? symbols_node(m) : NULL;
	char *path;
	int err;

	for (; prop; prop = prop->next) {
		if (dt_is_synthesized(&symbols->of, prop))
			continue;
		node = is_string(prop) ? dt_nodes_path(&m->over, prop->value) : NULL;
		if (!node)
			return refuse(m, "/__symbols__: %s: the path of a node is expected",
				      prop->name);
		err = path_in_tree(m, node, &path);
		if (!err && path)
			err = set_property(m, target, prop->name, path, strlen(path) + 1);
		if (err)
			return err;
	}
	return 0;
}

/* ---- all of it ---- */

static int merge(struct merge *m)
{
	int err;

	m->into = dt_arena_alloc_array(&m->over.arena, m->over.nr, sizeof(*m->into));
	m->last = dt_arena_alloc_array(&m->base.arena, m->base.nr, sizeof(*m->last));
	if (!m->into || !m->last)
		return -ENOMEM;
	err = apply_fixups(m);
	if (!err)
		err = find_targets(m);
	if (!err)
		err = find_nodes(m);
	if (!err)
		err = renumber(m);
	/* The paths of labels come before the nodes move. */
	if (!err)
		err = merge_symbols(m);
	return err ? err : merge_nodes(m);
}

static int merge_and_flatten(struct merge *m, struct dt_blob *out)
{
	struct dt_nodes result;
	int err;

	err = merge(m);
	if (err)
		return err;
	err = dt_flatten(&m->base, &m->over, m->name, out, m->error);
	if (err)
		return err;
	/* Nodes that are there twice, too deep: what only the whole can show. */
	err = dt_nodes_init(&result, out, m->name, m->error);
	if (err) {
		dt_blob_free(out);
		return err;
	}
	dt_nodes_finish(&result);
	return 0;
}

int dt_blob_overlay(const struct dt_blob *base, const struct dt_blob *overlay, const char *name,
		    struct dt_blob *out, struct dt_error *error)
{
	struct merge m = { .name = name, .error = error };
	int err;

	err = dt_nodes_init(&m.base, base, NULL, error);
	if (err)
		return err;
	err = dt_nodes_init(&m.over, overlay, name, error);
	if (err)
		goto finish_base;
	err = merge_and_flatten(&m, out);
	dt_nodes_finish(&m.over);
finish_base:
	dt_nodes_finish(&m.base);
	return err;
}
