/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From nodes back to a flattened tree. The names of properties stay where they were found: the
 * strings of both trees are taken over as a whole, one behind the other.
 */
#include <errno.h>
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

#include "dt_internal.h"

#define VERSION	    17
#define LAST_COMPAT 16

/**
 * struct writer - a tree that is being written
 * @buf:   of DT_BLOB_MAX bytes, of which @used are used
 * @full:  something did not fit any more
 * @first, @second: whose strings it has
 */
struct writer {
	char *buf;
	size_t used;
	bool full;
	const struct dt_nodes *first, *second;
};

static size_t strings_size(const struct dt_nodes *nodes)
{
	return fdt_size_dt_strings(nodes->data);
}

static const char *strings(const struct dt_nodes *nodes)
{
	return (const char *)nodes->data + fdt_off_dt_strings(nodes->data);
}

static void put(struct writer *w, const void *data, size_t size)
{
	if (w->full || size > DT_BLOB_MAX - w->used) {
		w->full = true;
		return;
	}
	memcpy(w->buf + w->used, data, size);
	w->used += size;
}

static void put_cell(struct writer *w, uint32_t value)
{
	uint32_t cell = htobe32(value);

	put(w, &cell, sizeof(cell));
}

static void align(struct writer *w)
{
	static const char zeros[4];

	put(w, zeros, -w->used & 3);
}

static uint32_t name_offset(const struct writer *w, const char *name)
{
	const char *first = strings(w->first);

	if (name >= first && name < first + strings_size(w->first))
		return name - first;
	return strings_size(w->first) + (name - strings(w->second));
}

static void begin_node(struct writer *w, const struct device_node *node)
{
	const struct property *prop = node->properties;

	put_cell(w, FDT_BEGIN_NODE);
	put(w, node->full_name, strlen(node->full_name) + 1);
	align(w);
	for (; prop; prop = prop->next) {
		if (dt_is_synthesized(node, prop))
			continue;
		put_cell(w, FDT_PROP);
		put_cell(w, prop->length);
		put_cell(w, name_offset(w, prop->name));
		put(w, prop->value, prop->length);
		align(w);
	}
}

static void put_nodes(struct writer *w)
{
	const struct device_node *root = &w->first->all[0].of, *node = root;

	for (;;) {
		begin_node(w, node);
		if (node->child) {
			node = node->child;
			continue;
		}
		while (node != root && !node->sibling) {
			put_cell(w, FDT_END_NODE);
			node = node->parent;
		}
		put_cell(w, FDT_END_NODE);
		if (node == root)
			break;
		node = node->sibling;
	}
	put_cell(w, FDT_END);
}

static void put_reservations(struct writer *w)
{
	struct fdt_reserve_entry entry;
	uint64_t address, size;
	int nr = fdt_num_mem_rsv(w->first->data);

	for (int i = 0; i < nr; i++) {
		if (fdt_get_mem_rsv(w->first->data, i, &address, &size))
			continue;
		entry.address = htobe64(address);
		entry.size = htobe64(size);
		put(w, &entry, sizeof(entry));
	}
	memset(&entry, 0, sizeof(entry));
	put(w, &entry, sizeof(entry));
}

static void put_tree(struct writer *w)
{
	struct fdt_header header = { .magic = htobe32(FDT_MAGIC),
				     .version = htobe32(VERSION),
				     .last_comp_version = htobe32(LAST_COMPAT) };

	header.boot_cpuid_phys = htobe32(fdt_boot_cpuid_phys(w->first->data));
	put(w, &header, sizeof(header));
	header.off_mem_rsvmap = htobe32(w->used);
	put_reservations(w);
	header.off_dt_struct = htobe32(w->used);
	put_nodes(w);
	header.size_dt_struct = htobe32(w->used - be32toh(header.off_dt_struct));
	header.off_dt_strings = htobe32(w->used);
	put(w, strings(w->first), strings_size(w->first));
	put(w, strings(w->second), strings_size(w->second));
	header.size_dt_strings = htobe32(w->used - be32toh(header.off_dt_strings));
	header.totalsize = htobe32(w->used);
	memcpy(w->buf, &header, sizeof(header));
}

int dt_flatten(const struct dt_nodes *nodes, const struct dt_nodes *others, const char *who,
	       struct dt_blob *out, struct dt_error *error)
{
	struct writer w = { .first = nodes, .second = others };
	char *fit;

	w.buf = malloc(DT_BLOB_MAX);
	if (!w.buf)
		return -ENOMEM;
	put_tree(&w);
	if (w.full) {
		free(w.buf);
		return dt_refuse(error, "%s: the tree would have more than %u bytes with it", who,
				 DT_BLOB_MAX);
	}
	fit = realloc(w.buf, w.used);
	out->data = fit ? fit : w.buf;
	out->size = w.used;
	return 0;
}
