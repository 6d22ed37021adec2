/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Random device trees: dt_fuzz [SECONDS [SEED]]
 *
 * Trees and overlays that are well, in which some things are changed: cells of properties, their
 * lengths and names, names of nodes, tokens of the structure, the header, any byte; or pieces of
 * the structure are left out, doubled or moved. Overlays are laid over trees, sometimes several
 * over one. All of them lie in memory that ends where they do, so that also libfdt, which no
 * sanitizer looks into, cannot read behind them unseen.
 *
 * What must hold: no crash, nothing that a sanitizer reports, one line with each refusal; and what
 * is taken is what it says: its devices in order, their regions and interrupts within the limits,
 * names that nobody else has, nodes that are found by their paths.
 */
#include <endian.h>
#include <errno.h>
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <umdev/of.h>
#include <unistd.h>

#include "../drivers/platform/dt.h"

#define ROOM	   65536 /* for a tree */
#define NR_SEEDS   16
#define MAX_TOKENS 4096

struct tree {
	_Alignas(8) unsigned char data[ROOM];
	size_t size;
};

static struct {
	struct tree trees[NR_SEEDS];
	unsigned int nr;
} bases, overlays;

static uint64_t seed, random_state;
static char *guarded; /* ROOM bytes, and a page behind them that nobody may touch */
static unsigned long inputs, taken, refused, laid;

static void die(const char *what, const char *more)
{
	fprintf(stderr, "dt_fuzz: seed %llu, input %lu: %s: %s\n", (unsigned long long)seed, inputs,
		what, more);
	abort();
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* ---- random numbers ---- */

static uint64_t draw(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static uint32_t below(uint32_t n)
{
	return draw() % n;
}

static bool one_in(uint32_t n)
{
	return below(n) == 0;
}

/* A cell as it is at the edges of things. */
static uint32_t edge(void)
{
	static const uint32_t edges[] = { 0,	      1,	  2,	      3,	4,
					  5,	      7,	  8,	      16,	63,
					  64,	      65,	  255,	      256,	0x1000,
					  0xffff,     0x10000,	  0x7fffffff, 1u << 31, 0xfffffff8,
					  0xfffffffc, 0xfffffffe, 0xffffffff };

	return one_in(6) ? (uint32_t)draw() : edges[below(sizeof(edges) / sizeof(edges[0]))];
}

/* ---- the seeds ---- */

static void check_fdt(int err)
{
	if (err < 0)
		die("libfdt", fdt_strerror(err));
}

static void cells(void *fdt, const char *name, unsigned int nr, const uint32_t *values)
{
	uint32_t buf[32];

	for (unsigned int i = 0; i < nr; i++)
		buf[i] = htobe32(values[i]);
	check_fdt(fdt_property(fdt, name, buf, nr * 4));
}

#define CELLS(fdt, name, ...)                                                     \
	cells(fdt, name, sizeof((uint32_t[]) { __VA_ARGS__ }) / sizeof(uint32_t), \
	      (uint32_t[]) { __VA_ARGS__ })
#define STRINGS(fdt, name, text) check_fdt(fdt_property(fdt, name, text, sizeof(text)))

static void *begin(struct tree *tree)
{
	void *fdt = tree->data;

	check_fdt(fdt_create(fdt, ROOM));
	check_fdt(fdt_add_reservemap_entry(fdt, 0x1000, 0x100));
	check_fdt(fdt_finish_reservemap(fdt));
	check_fdt(fdt_begin_node(fdt, ""));
	return fdt;
}

static void end(struct tree *tree)
{
	check_fdt(fdt_end_node(tree->data));
	check_fdt(fdt_finish(tree->data));
	tree->size = fdt_totalsize(tree->data);
}

static void node(void *fdt, const char *name)
{
	check_fdt(fdt_begin_node(fdt, name));
}

static void end_node(void *fdt)
{
	check_fdt(fdt_end_node(fdt));
}

static void put_bus(void *fdt)
{
	node(fdt, "soc@40000000");
	STRINGS(fdt, "compatible", "vendor,soc\0simple-bus");
	CELLS(fdt, "#address-cells", 1);
	CELLS(fdt, "#size-cells", 1);
	CELLS(fdt, "ranges", 0, 0, 0x40000000, 0x100000, 0x800000, 1, 0, 0x1000);
	CELLS(fdt, "phandle", 3);
	node(fdt, "serial@1000");
	STRINGS(fdt, "compatible", "arm,pl011\0arm,primecell");
	CELLS(fdt, "reg", 0x1000, 0x1000, 0x800800, 0x800);
	STRINGS(fdt, "reg-names", "main\0far");
	CELLS(fdt, "interrupts", 0, 1, 4, 0, 2, 1);
	STRINGS(fdt, "interrupt-names", "rx\0tx");
	STRINGS(fdt, "status", "okay");
	CELLS(fdt, "phandle", 4);
	end_node(fdt);
	node(fdt, "mfd");
	STRINGS(fdt, "compatible", "simple-mfd");
	check_fdt(fdt_property(fdt, "ranges", NULL, 0));
	node(fdt, "leaf@2000");
	STRINGS(fdt, "compatible", "vendor,leaf");
	CELLS(fdt, "reg", 0x2000, 0x10);
	CELLS(fdt, "mask", 8);
	CELLS(fdt, "interrupts-extended", 1, 0, 5, 4, 2, 7, 1);
	end_node(fdt);
	end_node(fdt);
	end_node(fdt);
}

static void put_controllers(void *fdt)
{
	node(fdt, "gic@8000000");
	STRINGS(fdt, "compatible", "arm,gic-400");
	check_fdt(fdt_property(fdt, "interrupt-controller", NULL, 0));
	CELLS(fdt, "#interrupt-cells", 3);
	CELLS(fdt, "#address-cells", 0);
	CELLS(fdt, "interrupts", 1, 9, 0xf04);
	CELLS(fdt, "reg", 0, 0x8000000, 0, 0x1000, 0, 0x8010000, 0, 0x1000);
	CELLS(fdt, "phandle", 1);
	end_node(fdt);
	node(fdt, "board");
	STRINGS(fdt, "compatible", "simple-bus");
	CELLS(fdt, "#interrupt-cells", 2);
	CELLS(fdt, "#address-cells", 1);
	CELLS(fdt, "#size-cells", 0);
	CELLS(fdt, "interrupt-map-mask", 0, 0xff, 0);
	CELLS(fdt, "interrupt-map", 0, 7, 0, 1, 0, 17, 4, 0, 8, 0, 1, 0, 18, 1);
	CELLS(fdt, "phandle", 2);
	node(fdt, "led@8");
	STRINGS(fdt, "compatible", "vendor,led");
	CELLS(fdt, "reg", 8);
	CELLS(fdt, "interrupt-parent", 2);
	CELLS(fdt, "interrupts", 8, 1);
	end_node(fdt);
	end_node(fdt);
}

static void make_base(struct tree *tree)
{
	void *fdt = begin(tree);

	CELLS(fdt, "#address-cells", 2);
	CELLS(fdt, "#size-cells", 2);
	CELLS(fdt, "interrupt-parent", 1);
	put_controllers(fdt);
	put_bus(fdt);
	node(fdt, "isa");
	STRINGS(fdt, "compatible", "isa");
	CELLS(fdt, "ranges", 0, 0, 0, 0x50000000, 0x1000, 1, 0, 0, 0x50001000, 0x1000);
	node(fdt, "kbd@60");
	STRINGS(fdt, "compatible", "vendor,kbd");
	CELLS(fdt, "reg", 0, 0x60, 4);
	end_node(fdt);
	end_node(fdt);
	node(fdt, "reserved-memory");
	CELLS(fdt, "#address-cells", 2);
	CELLS(fdt, "#size-cells", 2);
	check_fdt(fdt_property(fdt, "ranges", NULL, 0));
	node(fdt, "log@90000000");
	STRINGS(fdt, "compatible", "ramoops");
	CELLS(fdt, "reg", 0, 0x90000000, 0, 0x1000);
	end_node(fdt);
	end_node(fdt);
	node(fdt, "__symbols__");
	STRINGS(fdt, "gic", "/gic@8000000");
	STRINGS(fdt, "soc", "/soc@40000000");
	STRINGS(fdt, "uart", "/soc@40000000/serial@1000");
	end_node(fdt);
	end(tree);
}

/* Three cells of address, the first for flags, and nothing with labels. */
static void make_flags(struct tree *tree)
{
	void *fdt = begin(tree);

	CELLS(fdt, "#address-cells", 1);
	CELLS(fdt, "#size-cells", 1);
	node(fdt, "bus");
	STRINGS(fdt, "compatible", "simple-bus");
	CELLS(fdt, "#address-cells", 3);
	CELLS(fdt, "#size-cells", 2);
	CELLS(fdt, "ranges", 1, 0, 0, 0x1000, 0, 0x1000, 2, 0, 0, 0x8000, 0, 0x1000);
	node(fdt, "a@1");
	STRINGS(fdt, "compatible", "a");
	CELLS(fdt, "reg", 1, 0, 0x10, 0, 0x10, 2, 0, 0x20, 0, 0x10);
	end_node(fdt);
	node(fdt, "pcie@2");
	STRINGS(fdt, "compatible", "b");
	STRINGS(fdt, "device_type", "pci");
	CELLS(fdt, "reg", 2, 0, 0x100, 0, 0x10);
	end_node(fdt);
	end_node(fdt);
	end(tree);
}

static void make_deep(struct tree *tree)
{
	void *fdt = begin(tree);
	const unsigned int depth = DT_DEPTH_MAX - 1;

	for (unsigned int i = 0; i < depth; i++) {
		node(fdt, "n");
		STRINGS(fdt, "compatible", "simple-bus");
		if (i % 2)
			CELLS(fdt, "ranges", 0, 0x100, 0xffff0000);
		else
			check_fdt(fdt_property(fdt, "ranges", NULL, 0));
		CELLS(fdt, "reg", i * 16, 8);
	}
	for (unsigned int i = 0; i < depth; i++)
		end_node(fdt);
	end(tree);
}

static void make_overlay(struct tree *tree)
{
	void *fdt = begin(tree);

	node(fdt, "fragment@0");
	CELLS(fdt, "target", 0xffffffff);
	node(fdt, "__overlay__");
	node(fdt, "dma@3000");
	STRINGS(fdt, "compatible", "umdev,dmac-1.0");
	CELLS(fdt, "reg", 0x3000, 0x100);
	CELLS(fdt, "interrupts-extended", 0xffffffff, 0, 9, 4);
	CELLS(fdt, "self", 1, 2);
	CELLS(fdt, "phandle", 1);
	end_node(fdt);
	end_node(fdt);
	end_node(fdt);
	node(fdt, "fragment@1");
	STRINGS(fdt, "target-path", "/soc@40000000/serial@1000");
	node(fdt, "__overlay__");
	STRINGS(fdt, "status", "disabled");
	CELLS(fdt, "phandle", 2);
	end_node(fdt);
	end_node(fdt);
	node(fdt, "__symbols__");
	STRINGS(fdt, "dma", "/fragment@0/__overlay__/dma@3000");
	end_node(fdt);
	node(fdt, "__fixups__");
	STRINGS(fdt, "soc", "/fragment@0:target:0");
	STRINGS(fdt, "gic", "/fragment@0/__overlay__/dma@3000:interrupts-extended:0");
	end_node(fdt);
	node(fdt, "__local_fixups__");
	node(fdt, "fragment@0");
	node(fdt, "__overlay__");
	node(fdt, "dma@3000");
	CELLS(fdt, "self", 0, 4);
	end_node(fdt);
	end_node(fdt);
	end_node(fdt);
	end_node(fdt);
	end(tree);
}

static void make_second_overlay(struct tree *tree)
{
	void *fdt = begin(tree);

	node(fdt, "fragment@0");
	STRINGS(fdt, "target-path", "/");
	node(fdt, "__overlay__");
	node(fdt, "extra");
	STRINGS(fdt, "compatible", "simple-bus");
	CELLS(fdt, "uses", 0xffffffff);
	node(fdt, "in");
	STRINGS(fdt, "compatible", "c");
	end_node(fdt);
	end_node(fdt);
	end_node(fdt);
	end_node(fdt);
	node(fdt, "__fixups__");
	STRINGS(fdt, "uart", "/fragment@0/__overlay__/extra:uses:0");
	end_node(fdt);
	end(tree);
}

static void make_seeds(void)
{
	make_base(&bases.trees[bases.nr++]);
	make_flags(&bases.trees[bases.nr++]);
	make_deep(&bases.trees[bases.nr++]);
	make_overlay(&overlays.trees[overlays.nr++]);
	make_second_overlay(&overlays.trees[overlays.nr++]);
}

/* ---- changing ---- */

/* Where the tokens of a structure begin. */
static unsigned int find_tokens(const struct tree *tree, uint32_t *at)
{
	int offset = 0, next;
	unsigned int nr = 0;
	uint32_t tag;

	if (tree->size < sizeof(struct fdt_header) || fdt_check_header(tree->data) ||
	    fdt_totalsize(tree->data) > tree->size)
		return 0;
	do {
		tag = fdt_next_tag(tree->data, offset, &next);
		if (next < 0 || nr == MAX_TOKENS ||
		    fdt_off_dt_struct(tree->data) + offset + 12 > tree->size)
			break;
		at[nr++] = fdt_off_dt_struct(tree->data) + offset;
		offset = next;
	} while (tag != FDT_END);
	return nr;
}

static uint32_t get_cell(const struct tree *tree, size_t at)
{
	uint32_t cell;

	memcpy(&cell, tree->data + at, sizeof(cell));
	return be32toh(cell);
}

static void set_cell(struct tree *tree, size_t at, uint32_t value)
{
	uint32_t cell = htobe32(value);

	if (at + 4 <= tree->size)
		memcpy(tree->data + at, &cell, sizeof(cell));
}

static void change_property(struct tree *tree, uint32_t at)
{
	size_t length = get_cell(tree, at + 4), cell = at + 12 + 4 * (size_t)below(length / 4 + 1);

	switch (below(8)) {
	case 0: /* how long it is; what follows is then out of step, mostly */
		set_cell(tree, at + 4, one_in(3) ? edge() : length + below(9) - 4);
		break;
	case 1: /* its name */
		set_cell(tree, at + 8,
			 one_in(4) ? edge() : below(fdt_size_dt_strings(tree->data) / 2 + 64));
		break;
	case 2: /* that its last string ends */
		if (length && at + 11 + length < tree->size)
			tree->data[at + 11 + length] = 'x';
		break;
	case 3:
		if (length && at + 11 + length < tree->size)
			tree->data[at + 12 + below(length)] ^= 1 << below(8);
		break;
	default:
		if (length >= 4 && cell < at + 12 + length && cell + 4 <= tree->size)
			set_cell(tree, cell,
				 one_in(3) ? get_cell(tree, cell) + below(5) - 2 : edge());
	}
}

static void change_name(struct tree *tree, uint32_t at)
{
	static const char odd[] = "/@:. \n\xff\x7fx0#";
	size_t room = tree->size - at - 4;
	size_t length = strnlen((char *)tree->data + at + 4, room);

	if (length && length < room)
		tree->data[at + 4 + below(length)] = odd[below(sizeof(odd))];
}

/* Leave out, double or move what is between two tokens. */
static void move_piece(struct tree *tree, const uint32_t *at, unsigned int nr)
{
	static unsigned char piece[ROOM];
	uint32_t from = below(nr), to = from + 1 + below(nr - from < 8 ? nr - from : 8);
	uint32_t start = at[from], stop = to < nr ? at[to] : at[nr - 1], where = at[below(nr)];
	uint32_t size = stop - start;
	bool leave_out = one_in(3), grows = !leave_out;

	if (grows && tree->size + size > ROOM)
		return;
	memcpy(piece, tree->data + start, size);
	if (leave_out) {
		memmove(tree->data + start, tree->data + stop, tree->size - stop);
		tree->size -= size;
		size = -size;
	} else {
		memmove(tree->data + where + size, tree->data + where, tree->size - where);
		memcpy(tree->data + where, piece, size);
		tree->size += size;
	}
	fdt_set_size_dt_struct(tree->data, fdt_size_dt_struct(tree->data) + size);
	fdt_set_off_dt_strings(tree->data, fdt_off_dt_strings(tree->data) + size);
	fdt_set_totalsize(tree->data, tree->size);
}

static void change_structure(struct tree *tree)
{
	static uint32_t at[MAX_TOKENS];
	unsigned int nr = find_tokens(tree, at);
	uint32_t token;

	if (!nr)
		return;
	token = at[below(nr)];
	if (one_in(40))
		set_cell(tree, token, below(11));
	else if (one_in(6))
		move_piece(tree, at, nr);
	else if (get_cell(tree, token) == FDT_PROP)
		change_property(tree, token);
	else if (get_cell(tree, token) == FDT_BEGIN_NODE)
		change_name(tree, token);
}

static void change(struct tree *tree)
{
	switch (below(40)) {
	case 0:
		set_cell(tree, 4 * below(10), edge());
		break;
	case 1:
		tree->data[below(tree->size)] ^= 1 << below(8);
		break;
	case 2:
		tree->size = below(tree->size) + 1;
		if (one_in(2) && tree->size >= sizeof(struct fdt_header))
			fdt_set_totalsize(tree->data, tree->size);
		break;
	default:
		change_structure(tree);
	}
}

/* ---- checking ---- */

static void check_refusal(int err, const struct dt_error *error)
{
	if (err != -EINVAL)
		die("an error that is none of a tree's", strerror(-err));
	if (!error->text[0] || strchr(error->text, '\n') ||
	    !memchr(error->text, '\0', sizeof(error->text)))
		die("not one line", error->text);
}

static void check_nodes(const struct dt_tree *tree, const struct device_node *node,
			unsigned int depth)
{
	const struct device_node *child;

	if (depth >= DT_DEPTH_MAX || dt_find_node_by_path(tree, node->path) != node)
		die("a node that is not found", node->path);
	for (child = node->child; child; child = child->sibling) {
		if (child->parent != node)
			die("a node that has another parent", child->path);
		check_nodes(tree, child, depth + 1);
	}
}

static void check_device(const struct dt_tree *tree, unsigned int nr)
{
	const struct dt_device *device = &tree->devices[nr];
	const struct platform_region *region;

	if (!device->name[0] || strchr(device->name, '/') || device->parent >= (int)nr ||
	    (device->parent >= 0 && !tree->devices[device->parent].is_bus))
		die("a device that cannot be", device->node->path);
	if (device->num_regions > DT_REGIONS_MAX || device->num_irqs > DT_IRQS_MAX ||
	    !of_device_is_available(device->node) ||
	    of_property_count_strings(device->node, "compatible") <= 0)
		die("a device that should not be", device->node->path);
	for (unsigned int i = 0; i < device->num_regions; i++) {
		region = &device->regions[i];
		if (!region->size || region->size > DT_REGION_SIZE_MAX ||
		    region->start + (region->size - 1) < region->start ||
		    (region->name && strlen(region->name) > ROOM))
			die("a region that cannot be", device->node->path);
	}
	for (unsigned int i = 0; i < device->num_irqs; i++)
		if (device->irqs[i].type > 8 ||
		    (device->irqs[i].name && strlen(device->irqs[i].name) > ROOM))
			die("an interrupt that cannot be", device->node->path);
	for (unsigned int i = 0; i < nr; i++)
		if (!strcmp(tree->devices[i].name, device->name))
			die("two devices of one name", device->name);
}

static void try_tree(const struct dt_blob *blob)
{
	struct dt_error error = { "" };
	struct dt_tree *tree;
	int err = dt_tree_create(blob, &tree, &error);

	if (err) {
		check_refusal(err, &error);
		if (!inputs)
			die("a tree that is well is refused", error.text);
		refused++;
		return;
	}
	taken++;
	check_nodes(tree, tree->root, 0);
	for (unsigned int i = 0; i < tree->num_devices; i++)
		check_device(tree, i);
	dt_tree_put(tree);
}

/* ---- trying ---- */

/* A copy that ends at the guard; aligned as the heap's memory is. */
static struct dt_blob guard(const struct tree *tree, size_t *skip)
{
	size_t room = (tree->size + 15) & ~(size_t)15;
	struct dt_blob blob = { guarded + ROOM - room, tree->size };

	*skip = room - tree->size;
	memcpy(blob.data, tree->data, tree->size);
	memset((char *)blob.data + tree->size, 0xa5, *skip);
	return blob;
}

static void lay(const struct dt_blob *base)
{
	static struct tree changed;
	struct dt_error error = { "" };
	struct dt_blob over, out, next;
	size_t skip;
	int err;

	changed = overlays.trees[below(overlays.nr)];
	for (uint32_t n = below(4); n; n--)
		change(&changed);
	over = guard(&changed, &skip);
	err = dt_blob_overlay(base, &over, "fuzz", &out, &error);
	if (err) {
		check_refusal(err, &error);
		refused++;
		return;
	}
	laid++;
	try_tree(&out);
	if (one_in(4)) {
		changed = overlays.trees[below(overlays.nr)];
		over = guard(&changed, &skip);
		err = dt_blob_overlay(&out, &over, "fuzz", &next, &error);
		if (err)
			check_refusal(err, &error);
		else {
			try_tree(&next);
			dt_blob_free(&next);
		}
	}
	dt_blob_free(&out);
}

static void one_input(void)
{
	static struct tree changed;
	struct dt_blob blob;
	size_t skip;

	inputs++;
	if (one_in(2)) {
		blob = (struct dt_blob) { bases.trees[0].data, bases.trees[0].size };
		lay(&blob);
		return;
	}
	changed = bases.trees[below(bases.nr)];
	for (uint32_t n = one_in(3) ? below(12) : below(3); n; n--)
		change(&changed);
	blob = guard(&changed, &skip);
	try_tree(&blob);
	if (one_in(4)) {
		blob = (struct dt_blob) { changed.data, changed.size };
		lay(&blob);
	}
}

static void make_guard(void)
{
	size_t page = sysconf(_SC_PAGESIZE);

	guarded =
		mmap(NULL, ROOM + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (guarded == MAP_FAILED || mprotect(guarded + ROOM, page, PROT_NONE))
		die("no memory", strerror(errno));
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 10, end_at;

	seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)time(NULL);
	random_state = seed * 0x9e3779b97f4a7c15 + 1;
	printf("dt_fuzz: seed %llu, %.0f seconds\n", (unsigned long long)seed, seconds);
	fflush(stdout);
	make_guard();
	make_seeds();
	for (unsigned int i = 0; i < bases.nr; i++)
		try_tree(&(struct dt_blob) { bases.trees[i].data, bases.trees[i].size });
	end_at = now() + seconds;
	while (now() < end_at)
		for (unsigned int i = 0; i < 100; i++)
			one_input();
	printf("dt_fuzz: %lu inputs: %lu trees taken, %lu refused, %lu overlays laid\n", inputs,
	       taken, refused, laid);
	if (!taken || !refused || !laid)
		die("not all was tried", "");
	return 0;
}
