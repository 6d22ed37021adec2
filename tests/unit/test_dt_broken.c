/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Device trees that are wrong: each is refused, with one line that says where and what. */
#include "cmocka_umdev.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <libfdt.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dt_fixture.h"

#define ONE_CELL  "#address-cells = <1>; #size-cells = <1>;"
#define TWO_CELLS "#address-cells = <2>; #size-cells = <2>;"
#define BUS	  "compatible = \"simple-bus\";"
#define DEVICE	  "compatible = \"d\";"
#define GIC	  "gic: gic { interrupt-controller; #interrupt-cells = <3>; };"

struct broken {
	const char *body, *line;
};

static void assert_refused(struct dt_blob *blob, const char *line)
{
	struct dt_tree *nothing = (struct dt_tree *)1, *tree = nothing;
	struct dt_error error = { "" };
	int err = dt_tree_create(blob, &tree, &error);

	if (!err)
		fail_msg("taken; expected was: %s", line);
	assert_int_equal(err, -EINVAL);
	assert_string_equal(error.text, line);
	assert_ptr_equal(tree, nothing);
}

static void assert_all_refused(const struct broken *all, size_t nr)
{
	struct dt_blob blob;

	for (size_t i = 0; i < nr; i++) {
		dts_compile(all[i].body, &blob);
		assert_refused(&blob, all[i].line);
		dt_blob_free(&blob);
	}
}

/* ---- what nodes say ---- */

static void wrong_addresses_are_refused(void **state)
{
	static const struct broken all[] = {
		{ "/ {" TWO_CELLS "serial@1000 {" DEVICE "reg = <0 0x1000 1>; }; };",
		  "/serial@1000: reg: 3 cells, a multiple of 4 is expected" },
		{ "/ {" ONE_CELL "a {" DEVICE "reg; }; };",
		  "/a: reg: 0 cells, a multiple of 2 is expected" },
		{ "/ {" ONE_CELL "a {" DEVICE "reg = [00 00 00 01 00 00]; }; };",
		  "/a: reg: 6 bytes, whole cells are expected" },
		{ "/ { #address-cells = <5>; a {" DEVICE "reg = <1 2>; }; };",
		  "/: #address-cells: 5, at most 4 is expected" },
		{ "/ { #size-cells = <0x80000000>; a {" DEVICE "reg = <1 2>; }; };",
		  "/: #size-cells: 2147483648, at most 4 is expected" },
		{ "/ { #size-cells = <1 1>; a {" DEVICE "reg = <1 2>; }; };",
		  "/: #size-cells: 8 bytes, one cell is expected" },
		{ "/ { #address-cells = <0>; a {" DEVICE "reg = <1>; }; };",
		  "/: #address-cells: 0, but nodes below have reg" },
		{ "/ { #address-cells = <4>; #size-cells = <1>; a {" DEVICE
		  "reg = <0 1 0 0 4>; }; };",
		  "/a: reg: an address of more than 64 bits" },
		{ "/ { #address-cells = <1>; #size-cells = <3>; a {" DEVICE
		  "reg = <0 1 0 0>; }; };",
		  "/a: reg: region 0 has more than 0x10000000000 bytes" },
		{ "/ {" TWO_CELLS "a {" DEVICE "reg = <0 0 0 8>, <1 0 0x100 1>; }; };",
		  "/a: reg: region 1 has more than 0x10000000000 bytes" },
		{ "/ {" ONE_CELL "a {" DEVICE "reg = <0x1000 0>; }; };",
		  "/a: reg: region 0 has no bytes" },
		{ "/ {" TWO_CELLS "a {" DEVICE "reg = <0xffffffff 0xfffff000 0 0x2000>; }; };",
		  "/a: reg: 0xfffffffffffff000 and 0x1fff bytes behind it wrap around" },
		{ "/ {" ONE_CELL "a {" DEVICE "reg = <0xfffff000 0x2000>; }; };",
		  "/a: reg: 0xfffff000 and 0x1fff bytes behind it wrap around" },
		{ "/ {" ONE_CELL "a {" DEVICE "reg = <1 1>; reg-names = [61]; }; };",
		  "/a: reg-names: strings that end with a NUL are expected" },
	};

	assert_all_refused(all, ARRAY_SIZE(all));
}

static void wrong_ranges_are_refused(void **state)
{
	static const struct broken all[] = {
		{ "/ {" ONE_CELL "soc {" BUS ONE_CELL "ranges = <0 0x1000 0x100>;"
		  "a {" DEVICE "reg = <0x200 1>; }; }; };",
		  "/soc/a: reg: 0x200-0x200 is not in the ranges of /soc" },
		{ "/ {" ONE_CELL "soc {" BUS ONE_CELL "ranges = <0x10 0x1000 0x100>;"
		  "a {" DEVICE "reg = <0x100 0x40>; }; }; };",
		  "/soc/a: reg: 0x100-0x13f goes beyond an entry of the ranges of /soc" },
		{ "/ {" ONE_CELL "soc {" BUS ONE_CELL "ranges = <0x10 0x1000>; }; };",
		  "/soc: ranges: 8 bytes, a multiple of 3 cells is expected" },
		{ "/ {" ONE_CELL "soc {" BUS ONE_CELL
		  "ranges = <0 0 8>, <0xfffff000 0 0x2000>; }; };",
		  "/soc: ranges: entry 1 wraps around" },
		{ "/ {" TWO_CELLS "soc {" BUS ONE_CELL
		  "ranges = <0 0xffffffff 0xfffff000 0x2000>; }; };",
		  "/soc: ranges: entry 0 wraps around" },
		{ "/ {" ONE_CELL "soc {" BUS TWO_CELLS "ranges = <0 0 0 1 1>; }; };",
		  "/soc: ranges: entry 0 wraps around" },
		{ "/ { #address-cells = <4>; #size-cells = <1>; soc {" BUS ONE_CELL
		  "ranges = <0 1 0 0 0 8>; }; };",
		  "/soc: ranges: entry 0 has a number of more than 64 bits" },
		{ "/ {" ONE_CELL "soc {" BUS TWO_CELLS "ranges;"
		  "a {" DEVICE "reg = <1 0 0 8>; }; }; };",
		  "/soc/a: reg: 0x100000000 and 0x7 bytes behind it wrap around" },
		{ "/ {" ONE_CELL "soc {" BUS "#address-cells = <0>; ranges = <1 2>; }; };",
		  "/soc: #address-cells: 0, but nodes below have reg" },
	};

	assert_all_refused(all, ARRAY_SIZE(all));
}

static void overlapping_registers_are_refused(void **state)
{
	static const struct broken all[] = {
		{ "/ {" ONE_CELL "a@10 {" DEVICE "reg = <0x10 0x10>; };"
		  "b@1f {" DEVICE "reg = <0x1f 1>; }; };",
		  "/b@1f: reg: 0x1f-0x1f overlaps 0x10-0x1f of /a@10" },
		{ "/ {" ONE_CELL "a@10 {" DEVICE "reg = <0x10 0x10>, <0x18 0x20>; }; };",
		  "/a@10: reg: 0x18-0x37 overlaps 0x10-0x1f of /a@10" },
		{ "/ {" ONE_CELL "low@0 {" DEVICE "reg = <0 0x100000>; };"
		  "mid@1000 {" DEVICE "reg = <0x200000 1>; };"
		  "soc {" BUS ONE_CELL "ranges = <0 0x80000 0x1000>;"
		  "a@8 {" DEVICE "reg = <8 4>; }; }; };",
		  "/soc/a@8: reg: 0x80008-0x8000b overlaps 0x0-0xfffff of /low@0" },
		{ "/ {" ONE_CELL "x@0 {" BUS ONE_CELL "ranges; reg = <0 0x1000>;"
		  "a@8 {" DEVICE "reg = <8 4>; }; b@a {" DEVICE "reg = <10 4>; }; }; };",
		  "/x@0/b@a: reg: 0xa-0xd overlaps 0x8-0xb of /x@0/a@8" },
	};

	assert_all_refused(all, ARRAY_SIZE(all));
}

static void wrong_interrupts_are_refused(void **state)
{
	static const struct broken all[] = {
		{ "/ { a {" DEVICE "interrupts = <1>; }; };",
		  "/a: interrupts: there is no interrupt-parent" },
		{ "/ { a {" DEVICE "interrupt-parent = <7>; interrupts = <1>; }; };",
		  "/a: interrupt-parent: no node has the phandle 0x7" },
		{ "/ { interrupt-parent = <&gic>;" GIC "a {" DEVICE "interrupts = <1 2 3 4>; }; };",
		  "/a: interrupts: 1 cells are left, 3 are expected by /gic" },
		{ "/ {" GIC "a {" DEVICE "interrupts-extended = <&gic 1>; }; };",
		  "/a: interrupts-extended: 1 cells are left, 3 are expected by /gic" },
		{ "/ {" GIC "a {" DEVICE "interrupts-extended = <0>; }; };",
		  "/a: interrupts-extended: no node has the phandle 0x0" },
		{ "/ { x: x { }; a {" DEVICE "interrupts-extended = <&x 1>; }; };",
		  "/x: #interrupt-cells is missing" },
		{ "/ { x: x { interrupt-controller; #interrupt-cells = <0>; };"
		  "a {" DEVICE "interrupts-extended = <&x 1>; }; };",
		  "/x: #interrupt-cells: 0, 1 to 8 are expected" },
		{ "/ { x: x { interrupt-controller; #interrupt-cells = <9>; };"
		  "a {" DEVICE "interrupts-extended = <&x 1>; }; };",
		  "/x: #interrupt-cells: 9, 1 to 8 are expected" },
		{ "/ { x: x { #interrupt-cells = <1>; };"
		  "a {" DEVICE "interrupts-extended = <&x 1>; }; };",
		  "/a: interrupts: /x is no interrupt-controller" },
		{ "/ { a {" DEVICE "interrupts = [00]; }; };",
		  "/a: interrupts: 1 bytes, whole cells are expected" },
		{ "/ { interrupt-parent = <&gic>;" GIC "a {" DEVICE
		  "interrupts = <1 2 3>; interrupt-names = \"x\", [61]; }; };",
		  "/a: interrupt-names: strings that end with a NUL are expected" },
	};

	assert_all_refused(all, ARRAY_SIZE(all));
}

static void interrupts_in_a_circle_are_refused(void **state)
{
	static const struct broken all[] = {
		{ "/ { a {" DEVICE "interrupt-parent = <&b>; interrupts = <1>; };"
		  "b: b { interrupt-parent = <&c>; }; c: c { interrupt-parent = <&b>; }; };",
		  "/a: interrupt-parent: goes round in a circle" },
		{ "/ { a: a {" DEVICE "interrupt-parent = <&a>; interrupts = <1>; }; };",
		  "/a: interrupt-parent: goes round in a circle" },
		{ "/ { x: x { interrupt-controller; #interrupt-cells = <1>; interrupts = <1>;"
		  "    interrupt-parent = <&y>; };"
		  "  y: y { interrupt-controller; #interrupt-cells = <1>; "
		  "    interrupts-extended = <&x 2>; };"
		  "  a {" DEVICE "interrupts-extended = <&y 1>; }; };",
		  "/a: interrupts: the controllers on the way are in a circle" },
		{ "/ { #address-cells = <0>;"
		  "  x: x { #interrupt-cells = <1>; interrupt-map = <1 &y 1>; };"
		  "  y: y { #interrupt-cells = <1>; interrupt-map = <1 &x 1>; };"
		  "  a {" DEVICE "interrupts-extended = <&y 1>; }; };",
		  "/a: interrupts: go round in a circle" },
		{ "/ { x: x { #interrupt-cells = <1>; interrupt-parent = <&y>; };"
		  "  y: y { #interrupt-cells = <1>; interrupt-parent = <&x>; };"
		  "  a {" DEVICE "interrupts-extended = <&y 1>; }; };",
		  "/a: interrupts: go round in a circle" },
	};

	assert_all_refused(all, ARRAY_SIZE(all));
}

#define MAPPED(map, rest)                                                                    \
	"/ { #address-cells = <1>;" GIC "soc: soc { #interrupt-cells = <1>; " map " };" rest \
	"a {" DEVICE "interrupts-extended = <&soc 1>; }; };"

static void wrong_interrupt_maps_are_refused(void **state)
{
	static const struct broken all[] = {
		{ MAPPED("interrupt-map = <0 2 &gic 1 2 4>;", ""),
		  "/a: interrupts: nothing in the interrupt-map of /soc fits" },
		{ MAPPED("interrupt-map = <0 2 &gic 1 2>;", ""),
		  "/soc: interrupt-map: cut off in an entry" },
		{ MAPPED("interrupt-map = <0 2>;", ""),
		  "/soc: interrupt-map: cut off in an entry" },
		{ MAPPED("interrupt-map = [00];", ""),
		  "/soc: interrupt-map: whole cells are expected" },
		{ MAPPED("interrupt-map = <0 1 0x77 1 2 4>;", ""),
		  "/soc: interrupt-map: no node has the phandle 0x77" },
		{ MAPPED("interrupt-map-mask = <0>; interrupt-map = <0 1 &gic 1 2 4>;", ""),
		  "/soc: interrupt-map-mask: 1 cells, 2 are expected" },
		{ MAPPED("interrupt-map = <0 1 &n 1 2 4>;", "n: n { };"),
		  "/n: #interrupt-cells is missing" },
	};

	assert_all_refused(all, ARRAY_SIZE(all));
}

static void wrong_strings_are_refused(void **state)
{
	static const struct broken all[] = {
		{ "/ { a { compatible = [61 62]; }; };",
		  "/a: compatible: strings that end with a NUL are expected" },
		{ "/ { a { compatible; }; };",
		  "/a: compatible: strings that end with a NUL are expected" },
		{ "/ { a { compatible = \"a\\nDRIVER=b\"; }; };",
		  "/a: compatible: 0x0a is no character of a name" },
		{ "/ { a {" DEVICE "device_type = \"a\\x1b[2J\"; }; };",
		  "/a: device_type: 0x1b is no character of a name" },
		{ "/ {" ONE_CELL "a {" DEVICE "reg = <1 1>; reg-names = [7f 00]; }; };",
		  "/a: reg-names: 0x7f is no character of a name" },
		{ "/ { a {" DEVICE "status = [6f 6b]; }; };",
		  "/a: status: strings that end with a NUL are expected" },
	};

	assert_all_refused(all, ARRAY_SIZE(all));
}

static void what_is_there_twice_is_refused(void **state)
{
	static const struct broken all[] = {
		{ "/ { a {" DEVICE "}; soc { b { phandle = <1>; }; c { phandle = <1>; }; }; };",
		  "/soc/c: phandle: 0x1 is /soc/b's, too" },
		{ "/ { a { phandle = <0>; }; };",
		  "/a: phandle: neither 0 nor 0xffffffff can be one" },
		{ "/ { a { phandle = <1 2>; }; };", "/a: phandle: one cell is expected" },
		{ "/ { a { phandle = <1>; linux,phandle = <2>; }; };",
		  "/a: phandle and linux,phandle are not the same" },
	};

	assert_all_refused(all, ARRAY_SIZE(all));
}

/* ---- what dtc does not make ---- */

/**
 * struct flat - a tree that is being written without dtc
 */
struct flat {
	void *fdt;
};

static void flat_begin(struct flat *flat)
{
	const size_t room = 4 << 20;

	flat->fdt = malloc(room);
	assert_non_null(flat->fdt);
	assert_int_equal(fdt_create(flat->fdt, room), 0);
	assert_int_equal(fdt_finish_reservemap(flat->fdt), 0);
	assert_int_equal(fdt_begin_node(flat->fdt, ""), 0);
}

static void flat_node(struct flat *flat, const char *name)
{
	assert_int_equal(fdt_begin_node(flat->fdt, name), 0);
}

static void flat_end_node(struct flat *flat)
{
	assert_int_equal(fdt_end_node(flat->fdt), 0);
}

static void flat_device(struct flat *flat, const char *name)
{
	flat_node(flat, name);
	assert_int_equal(fdt_property_string(flat->fdt, "compatible", "d"), 0);
	flat_end_node(flat);
}

static void assert_flat_refused(struct flat *flat, const char *line)
{
	struct dt_blob blob;

	flat_end_node(flat);
	assert_int_equal(fdt_finish(flat->fdt), 0);
	blob.data = flat->fdt;
	blob.size = fdt_totalsize(flat->fdt);
	assert_refused(&blob, line);
	dt_blob_free(&blob);
}

static void nodes_of_one_name_are_refused(void **state)
{
	struct flat flat;

	flat_begin(&flat);
	flat_node(&flat, "soc");
	flat_device(&flat, "a@1");
	flat_device(&flat, "b");
	flat_device(&flat, "a@1");
	flat_end_node(&flat);
	assert_flat_refused(&flat, "/soc/a@1: the node is there twice");
}

static void properties_of_one_name_are_refused(void **state)
{
	struct flat flat;

	flat_begin(&flat);
	flat_node(&flat, "a");
	fdt_property_u32(flat.fdt, "x", 1);
	fdt_property_u32(flat.fdt, "y", 1);
	fdt_property_u32(flat.fdt, "x", 1);
	flat_end_node(&flat);
	assert_flat_refused(&flat, "/a: x: the property is there twice");
}

static void devices_of_one_name_are_refused(void **state)
{
	struct flat flat;

	flat_begin(&flat);
	flat_node(&flat, "x");
	fdt_property_string(flat.fdt, "compatible", "simple-bus");
	flat_device(&flat, "y");
	flat_end_node(&flat);
	flat_device(&flat, "x:y");
	assert_flat_refused(&flat, "/x:y: its device would be called x:y, as that of /x/y");
}

static void names_that_are_none_are_refused(void **state)
{
	static const char *const names[] = { "", ".", "..", "a/b", "a b", "a\nb", "a\x7f", "\xc3" };
	struct flat flat;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		flat_begin(&flat);
		flat_node(&flat, "a");
		flat_device(&flat, names[i]);
		flat_end_node(&flat);
		assert_flat_refused(&flat,
				    "/a: a node's name below is empty, too long or not a name");
		flat_begin(&flat);
		flat_node(&flat, "a");
		fdt_property_u32(flat.fdt, names[i], 1);
		flat_end_node(&flat);
		assert_flat_refused(&flat,
				    "/a: a property's name is empty, too long or not a name");
	}
}

static void interrupt_parents_of_two_cells_are_refused(void **state)
{
	static const uint32_t cells[2];
	struct flat flat;

	flat_begin(&flat);
	fdt_property(flat.fdt, "interrupt-parent", cells, sizeof(cells));
	flat_node(&flat, "a");
	fdt_property_string(flat.fdt, "compatible", "d");
	fdt_property(flat.fdt, "interrupts", cells, sizeof(cells));
	flat_end_node(&flat);
	assert_flat_refused(&flat, "/: interrupt-parent: 8 bytes, one cell is expected");
}

static void too_long_names_are_refused(void **state)
{
	char name[300];
	struct flat flat;

	memset(name, 'x', sizeof(name));
	name[256] = '\0';
	flat_begin(&flat);
	flat_device(&flat, name);
	assert_flat_refused(&flat, "/: a node's name below is empty, too long or not a name");
	name[255] = '\0';
	flat_begin(&flat);
	flat_node(&flat, name);
	flat_node(&flat, name);
	flat_end_node(&flat);
	flat_end_node(&flat);
	memset(name, 'x', sizeof(name));
	name[0] = '/';
	snprintf(name + 256, sizeof(name) - 256, ": a node below has too long a path");
	assert_flat_refused(&flat, name);
}

static void too_long_names_of_devices_are_refused(void **state)
{
	char bus[201], line[400];
	struct flat flat;

	memset(bus, 'x', 200);
	bus[200] = '\0';
	flat_begin(&flat);
	flat_node(&flat, bus);
	fdt_property_string(flat.fdt, "compatible", "simple-bus");
	flat_device(&flat, bus + 140);
	flat_end_node(&flat);
	snprintf(line, sizeof(line), "/%s/%s: the device's name has more than 255 bytes", bus,
		 bus + 140);
	assert_flat_refused(&flat, line);
}

static void too_deep_trees_are_refused(void **state)
{
	char line[300] = "";
	struct flat flat;

	flat_begin(&flat);
	for (unsigned int i = 0; i < 10000; i++)
		flat_node(&flat, "n");
	for (unsigned int i = 0; i < 10000; i++)
		flat_end_node(&flat);
	for (unsigned int i = 1; i < DT_DEPTH_MAX; i++)
		strcat(line, "/n");
	strcat(line, ": nodes below are too deep");
	assert_flat_refused(&flat, line);
}

static void too_many_things_are_refused(void **state)
{
	static const uint32_t cells[3 * 600];
	char name[32];
	struct flat flat;

	flat_begin(&flat);
	for (unsigned int i = 0; i <= DT_DEVICES_MAX; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		flat_device(&flat, name);
	}
	assert_flat_refused(&flat, "/n4096: more than 4096 devices");

	flat_begin(&flat);
	for (unsigned int i = 0; i <= DT_NODES_MAX; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		flat_node(&flat, name);
		flat_end_node(&flat);
	}
	assert_flat_refused(&flat, "/: more than 65536 nodes");

	flat_begin(&flat);
	flat_node(&flat, "a");
	for (unsigned int i = 0; i <= DT_PROPERTIES_MAX; i++) {
		snprintf(name, sizeof(name), "p%u", i);
		fdt_property(flat.fdt, name, NULL, 0);
	}
	flat_end_node(&flat);
	assert_flat_refused(&flat, "/a: too many properties");

	flat_begin(&flat);
	flat_node(&flat, "a");
	fdt_property_string(flat.fdt, "compatible", "d");
	fdt_property(flat.fdt, "reg", cells, 65 * 8);
	flat_end_node(&flat);
	assert_flat_refused(&flat, "/a: reg: 65 regions, at most 64 are allowed");

	flat_begin(&flat);
	flat_node(&flat, "a");
	fdt_property_string(flat.fdt, "compatible", "simple-bus");
	fdt_property(flat.fdt, "ranges", cells, 513 * 12);
	flat_end_node(&flat);
	assert_flat_refused(&flat, "/a: ranges: 513 entries, at most 512 are allowed");

	flat_begin(&flat);
	fdt_property_u32(flat.fdt, "#interrupt-cells", 1);
	fdt_property(flat.fdt, "interrupt-controller", NULL, 0);
	flat_node(&flat, "a");
	fdt_property_string(flat.fdt, "compatible", "d");
	fdt_property(flat.fdt, "interrupts", cells, 513 * 4);
	flat_end_node(&flat);
	assert_flat_refused(&flat, "/a: interrupts: more than 512 interrupts");
}

/* ---- blobs ---- */

static void read_virt(struct dt_blob *blob)
{
	struct dt_error error;

	assert_int_equal(dt_blob_read(blob_path("virt"), blob, &error), 0);
}

/* One line, whatever it says. */
static void assert_refused_somehow(const struct dt_blob *blob)
{
	struct dt_error error = { "" };
	struct dt_tree *tree;

	assert_int_equal(dt_tree_create(blob, &tree, &error), -EINVAL);
	assert_true(error.text[0]);
	assert_null(strchr(error.text, '\n'));
}

static void cut_off_trees_are_refused(void **state)
{
	struct dt_blob whole, part;

	read_virt(&whole);
	for (part.size = 0; part.size < whole.size; part.size++) {
		/* Of just that size, so that a sanitizer sees what is read behind it. */
		part.data = malloc(part.size ? part.size : 1);
		memcpy(part.data, whole.data, part.size);
		assert_refused_somehow(&part);
		if (part.size >= sizeof(struct fdt_header)) {
			fdt_set_totalsize(part.data, part.size);
			assert_refused_somehow(&part);
		}
		free(part.data);
	}
	dt_blob_free(&whole);
}

static void damaged_trees_are_taken_or_refused_as_a_whole(void **state)
{
	struct dt_error error;
	struct dt_tree *tree;
	unsigned int taken = 0;
	struct dt_blob blob;
	char *bytes;
	int err;

	dts_compile("/ {" ONE_CELL "interrupt-parent = <&gic>;" GIC "soc {" BUS ONE_CELL
		    "ranges = <0 0x1000 0x1000>;"
		    "a@10 {" DEVICE "reg = <0x10 4>; interrupts = <0 1 4>; }; }; };",
		    &blob);
	bytes = blob.data;
	for (size_t i = 0; i < blob.size; i++) {
		for (unsigned int bit = 0; bit < 8; bit++) {
			bytes[i] ^= 1 << bit;
			error.text[0] = '\0';
			err = dt_tree_create(&blob, &tree, &error);
			if (err) {
				assert_int_equal(err, -EINVAL);
				assert_true(error.text[0]);
			} else {
				dt_tree_put(tree);
				taken++;
			}
			bytes[i] ^= 1 << bit;
		}
	}
	assert_true(taken > 0 && taken < 8 * blob.size);
	dt_blob_free(&blob);
}

/* Lengths with which a walk through the structure would come back to where it was. */
static void lengths_that_wrap_around_are_refused(void **state)
{
	struct fdt_property *prop;
	struct dt_blob blob;
	int node, at;

	dts_compile("/ { a {" DEVICE "x = <1>; }; };", &blob);
	node = fdt_path_offset(blob.data, "/a");
	at = fdt_first_property_offset(blob.data, node);
	prop = (struct fdt_property *)fdt_get_property_by_offset(blob.data, at, NULL);
	assert_non_null(prop);
	for (uint32_t back = 1; back < 256; back++) {
		prop->len = htobe32(-back);
		assert_refused(&blob, "/: the device tree's structure is damaged");
	}
	dt_blob_free(&blob);
}

/* ---- files ---- */

static void assert_file_refused(const char *path, int expected, const char *line)
{
	struct dt_blob blob = { 0 };
	struct dt_error error;
	char text[5000];

	assert_int_equal(dt_blob_read(path, &blob, &error), expected);
	assert_null(blob.data);
	snprintf(text, sizeof(text), "%s: %s", path, line);
	assert_string_equal(error.text, text);
}

static void write_file(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
	close(fd);
}

static void files_that_are_no_trees_are_refused(void **state)
{
	char dir[] = "/tmp/dt_broken.XXXXXX", path[64];
	struct dt_blob blob;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/tree", dir);
	assert_file_refused(path, -ENOENT, "No such file or directory");
	assert_file_refused(dir, -EINVAL, "not a regular file");
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_file_refused(path, -EINVAL, "not a regular file");
	unlink(path);
	write_file(path, "", 0);
	assert_file_refused(path, -EINVAL, "0 bytes are too few for a device tree");
	write_file(path, "/dts-v1/; / { an-apple; }; // and more of it", 44);
	assert_file_refused(path, -EINVAL, "not a flattened device tree");
	assert_int_equal(truncate(path, DT_BLOB_MAX + 7), 0);
	assert_file_refused(path, -EINVAL, "2097153 bytes, at most 2097152 are allowed");
	read_virt(&blob);
	write_file(path, blob.data, 100);
	assert_int_equal(dt_blob_read(path, &(struct dt_blob) { 0 }, &(struct dt_error) { "" }),
			 -EINVAL);
	fdt_set_version(blob.data, 3);
	write_file(path, blob.data, blob.size);
	assert_file_refused(path, -EINVAL, "a device tree of version 3, at least 16 is expected");
	dt_blob_free(&blob);
	unlink(path);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_addresses_are_refused),
		cmocka_unit_test(wrong_ranges_are_refused),
		cmocka_unit_test(overlapping_registers_are_refused),
		cmocka_unit_test(wrong_interrupts_are_refused),
		cmocka_unit_test(interrupts_in_a_circle_are_refused),
		cmocka_unit_test(wrong_interrupt_maps_are_refused),
		cmocka_unit_test(wrong_strings_are_refused),
		cmocka_unit_test(what_is_there_twice_is_refused),
		cmocka_unit_test(nodes_of_one_name_are_refused),
		cmocka_unit_test(properties_of_one_name_are_refused),
		cmocka_unit_test(devices_of_one_name_are_refused),
		cmocka_unit_test(names_that_are_none_are_refused),
		cmocka_unit_test(interrupt_parents_of_two_cells_are_refused),
		cmocka_unit_test(too_long_names_are_refused),
		cmocka_unit_test(too_long_names_of_devices_are_refused),
		cmocka_unit_test(too_deep_trees_are_refused),
		cmocka_unit_test(too_many_things_are_refused),
		cmocka_unit_test(cut_off_trees_are_refused),
		cmocka_unit_test(damaged_trees_are_taken_or_refused_as_a_whole),
		cmocka_unit_test(lengths_that_wrap_around_are_refused),
		cmocka_unit_test(files_that_are_no_trees_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
