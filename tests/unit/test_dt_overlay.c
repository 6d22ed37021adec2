/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Overlays: what a tree is with one laid over it, and which are refused. */
#include "cmocka_umdev.h"

#include <errno.h>
#include <libfdt.h>
#include <stdio.h>
#include <umdev/of.h>

#include "dt_fixture.h"

static const char base_source[] =
	"/ { #address-cells = <1>; #size-cells = <1>; model = \"m\";"
	"  gic: gic { interrupt-controller; #interrupt-cells = <3>; };"
	"  soc: soc { compatible = \"simple-bus\"; #address-cells = <1>; #size-cells = <1>;"
	"    ranges; interrupt-parent = <&gic>;"
	"    uart0: serial@1000 { compatible = \"arm,pl011\"; reg = <0x1000 0x100>;"
	"      interrupts = <0 1 4>; status = \"disabled\"; };"
	"    bus@8000 { unlabelled; };"
	"  }; };";

static const char overlay_source[] =
	"/plugin/;"
	"&uart0 { status = \"okay\"; mine: port { x = <&mine>; }; };"
	"&soc { clk: clk { compatible = \"fixed-clock\"; #clock-cells = <0>; };"
	"  dma@2000 { compatible = \"umdev,dmac-1.0\"; reg = <0x2000 0x100>;"
	"    clocks = <&uart0>, <&clk>; interrupts = <0 4 1>; }; };"
	"&{/soc/bus@8000} { here = <&gic>, [01], <&clk>; };"
	"&{/} { bus { }; };";

static void overlay_with(const char *base, const char *overlay, struct dt_blob *out)
{
	struct dt_error error = { "" };
	struct dt_blob under, over;

	dts_compile_overlay(base, &under);
	dts_compile_overlay(overlay, &over);
	if (dt_blob_overlay(&under, &over, "test", out, &error))
		fail_msg("refused: %s", error.text);
	dt_blob_free(&under);
	dt_blob_free(&over);
}

static struct dt_tree *tree_of_blob(struct dt_blob *blob)
{
	struct dt_error error = { "" };
	struct dt_tree *tree;

	if (dt_tree_create(blob, &tree, &error))
		fail_msg("refused: %s", error.text);
	dt_blob_free(blob);
	return tree;
}

/* ---- the result ---- */

static unsigned int count(const struct property *prop)
{
	unsigned int nr = 0;

	for (; prop; prop = prop->next)
		nr++;
	return nr;
}

/* The same nodes with the same properties, in whatever order. */
static void assert_same(const struct dt_tree *a, const struct device_node *node,
			const struct dt_tree *b)
{
	const struct device_node *other = dt_find_node_by_path(b, node->path);
	const struct property *prop, *twin;

	if (!other)
		fail_msg("%s is not in both", node->path);
	assert_int_equal(count(node->properties), count(other->properties));
	for (prop = node->properties; prop; prop = prop->next) {
		twin = of_find_property(other, prop->name);
		if (!twin)
			fail_msg("%s: %s is not in both", node->path, prop->name);
		assert_int_equal(prop->length, twin->length);
		assert_memory_equal(prop->value, twin->value, prop->length);
	}
	for (node = node->child; node; node = node->sibling)
		assert_same(a, node, b);
}

static void result_is_that_of_libfdt(void **state)
{
	/* But where libfdt takes "bus" for "bus@8000", or looks no further than its end. */
	static const char source[] =
		"/plugin/;"
		"&uart0 { status = \"okay\"; port { x = <&gic>; }; };"
		"&soc { clk: clk { compatible = \"fixed-clock\"; #clock-cells = <0>; };"
		"  dma@2000 { compatible = \"umdev,dmac-1.0\"; reg = <0x2000 0x100>;"
		"    clocks = <&uart0>, <&clk>; interrupts = <0 4 1>; }; };"
		"&{/soc/bus@8000} { here = <&gic>, [01], <&clk>; };";
	struct dt_blob base, over, mine, theirs;
	struct dt_tree *a, *b;

	overlay_with(base_source, source, &mine);
	dts_compile_overlay(base_source, &base);
	dts_compile_overlay(source, &over);
	theirs.size = 65536;
	theirs.data = malloc(theirs.size);
	assert_int_equal(fdt_open_into(base.data, theirs.data, theirs.size), 0);
	assert_int_equal(fdt_overlay_apply(theirs.data, over.data), 0);
	a = tree_of_blob(&mine);
	b = tree_of_blob(&theirs);
	assert_same(a, a->root, b);
	assert_same(b, b->root, a);
	dt_tree_put(a);
	dt_tree_put(b);
	dt_blob_free(&base);
	dt_blob_free(&over);
}

static void overlay_adds_devices_and_changes_properties(void **state)
{
	const struct device_node *dma, *clk, *uart, *port, *bus;
	struct dt_tree *tree;
	struct dt_blob blob;
	uint32_t a, b;

	overlay_with(base_source, overlay_source, &blob);
	tree = tree_of_blob(&blob);
	assert_int_equal(tree->num_devices, 4);
	dma = dt_find_node_by_path(tree, "/soc/dma@2000");
	clk = dt_find_node_by_path(tree, "/soc/clk");
	uart = dt_find_node_by_path(tree, "/soc/serial@1000");
	port = dt_find_node_by_path(tree, "/soc/serial@1000/port");
	bus = dt_find_node_by_path(tree, "/soc/bus@8000");
	assert_true(of_device_is_available(uart));
	assert_int_equal(of_property_read_u32_index(dma, "clocks", 0, &a), 0);
	assert_int_equal(of_property_read_u32_index(dma, "clocks", 1, &b), 0);
	assert_int_equal(a, uart->phandle);
	assert_int_equal(b, clk->phandle);
	assert_int_equal(of_property_read_u32(port, "x", &a), 0);
	assert_int_equal(a, port->phandle);
	/* A reference that is not aligned. */
	memcpy(&b, (const char *)of_find_property(bus, "here")->value + 5, sizeof(b));
	assert_int_equal(be32toh(b), clk->phandle);
	assert_true(of_property_read_bool(bus, "unlabelled"));
	assert_non_null(dt_find_node_by_path(tree, "/bus"));
	dt_tree_put(tree);
}

static void overlays_find_labels_of_those_before(void **state)
{
	static const char second[] = "/plugin/; &clk { rate = <7>; }; &mine { z = <&clk>; };";
	struct dt_blob first, over, both;
	struct dt_error error = { "" };
	struct dt_tree *tree;
	uint32_t value;

	overlay_with(base_source, overlay_source, &first);
	dts_compile_overlay(second, &over);
	if (dt_blob_overlay(&first, &over, "second", &both, &error))
		fail_msg("refused: %s", error.text);
	tree = tree_of_blob(&both);
	assert_int_equal(
		of_property_read_u32(dt_find_node_by_path(tree, "/soc/clk"), "rate", &value), 0);
	assert_int_equal(value, 7);
	dt_tree_put(tree);
	dt_blob_free(&first);
	dt_blob_free(&over);
}

static void empty_tree_takes_an_overlay(void **state)
{
	struct dt_blob base, over, both;
	struct dt_error error = { "" };
	struct dt_tree *tree;

	assert_int_equal(dt_blob_empty(&base), 0);
	dts_compile_overlay("/plugin/; &{/} { l: a { compatible = \"a\"; b = <&l>; }; };", &over);
	if (dt_blob_overlay(&base, &over, "test", &both, &error))
		fail_msg("refused: %s", error.text);
	tree = tree_of_blob(&both);
	assert_int_equal(tree->num_devices, 1);
	assert_string_equal(
		of_find_property(dt_find_node_by_path(tree, "/__symbols__"), "l")->value, "/a");
	dt_tree_put(tree);
	dt_blob_free(&base);
	dt_blob_free(&over);
}

static void label_for_a_node_of_the_tree_can_be_used(void **state)
{
	const struct device_node *soc;
	struct dt_tree *tree;
	struct dt_blob blob;
	uint32_t value;

	overlay_with("/ { soc { }; };",
		     "/plugin/; &{/} { s: soc { }; a { x = <&s>; }; };"
		     "&{/soc} { t: b { y = <&t>; }; };",
		     &blob);
	tree = tree_of_blob(&blob);
	soc = dt_find_node_by_path(tree, "/soc");
	assert_int_equal(of_property_read_u32(dt_find_node_by_path(tree, "/a"), "x", &value), 0);
	assert_int_equal(value, soc->phandle);
	assert_true(value != 0);
	dt_tree_put(tree);
}

/* ---- what is refused ---- */

static void assert_overlay_refused(const char *base, const char *overlay, const char *line)
{
	struct dt_blob under, over, before, out = { NULL, 0 };
	struct dt_error error = { "" };

	dts_compile_overlay(base, &under);
	dts_compile_overlay(overlay, &over);
	dts_compile_overlay(base, &before);
	assert_int_equal(dt_blob_overlay(&under, &over, "test", &out, &error), -EINVAL);
	assert_string_equal(error.text, line);
	assert_null(out.data);
	/* The tree itself stays as it is. */
	assert_int_equal(under.size, before.size);
	assert_memory_equal(under.data, before.data, before.size);
	dt_blob_free(&under);
	dt_blob_free(&over);
	dt_blob_free(&before);
}

static void overlays_that_lead_nowhere_are_refused(void **state)
{
	static const struct {
		const char *overlay, *line;
	} all[] = {
		{ "/plugin/; &nobody { };", "test: the tree has no label nobody" },
		{ "/plugin/; &soc { x = <&nobody>; };", "test: the tree has no label nobody" },
		{ "/plugin/; &{/soc/none} { };",
		  "test: /fragment@0: target-path: the tree has no node /soc/none" },
		{ "/ { fragment@0 { target-path = \"soc\"; __overlay__ { }; }; };",
		  "test: /fragment@0: target-path: a path that begins with / is expected" },
		{ "/ { fragment@0 { target-path = [2f]; __overlay__ { }; }; };",
		  "test: /fragment@0: target-path: a path that begins with / is expected" },
		{ "/ { fragment@0 { target = <0x77>; __overlay__ { }; }; };",
		  "test: /fragment@0: target: no node of the tree has the phandle 0x77" },
		{ "/ { fragment@0 { target = <1 2>; __overlay__ { }; }; };",
		  "test: /fragment@0: target: one cell is expected" },
		{ "/ { fragment@0 { __overlay__ { }; }; };",
		  "test: /fragment@0: target or target-path is missing" },
		{ "/ { soc { }; };", "test: not an overlay: no node has an __overlay__" },
		{ "/plugin/; &soc { a { }; }; &{/soc} { a { }; };",
		  "test: /soc/a: the node is there twice" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		assert_overlay_refused(base_source, all[i].overlay, all[i].line);
}

#define FRAGMENT "fragment@0 { target-path = \"/soc\"; __overlay__ { a = [00 00]; b = <1>; }; };"

static void wrong_fixups_are_refused(void **state)
{
	static const struct {
		const char *overlay, *line;
	} all[] = {
		{ "/ {" FRAGMENT "__fixups__ { soc = [61]; }; };",
		  "test: /__fixups__: soc: strings are expected" },
		{ "/ {" FRAGMENT "__fixups__ { soc = \"/fragment@0:target\"; }; };",
		  "test: /__fixups__: soc: path:property:offset is expected" },
		{ "/ {" FRAGMENT "__fixups__ { soc = \"/fragment@0:target:-4\"; }; };",
		  "test: /__fixups__: soc: path:property:offset is expected" },
		{ "/ {" FRAGMENT "__fixups__ { soc = \"/fragment@0:target:0x\"; }; };",
		  "test: /__fixups__: soc: path:property:offset is expected" },
		{ "/ {" FRAGMENT "__fixups__ { soc = \"/none:target:0\"; }; };",
		  "test: /__fixups__: soc: there is no node /none" },
		{ "/ {" FRAGMENT "__fixups__ { soc = \"/fragment@0:none:0\"; }; };",
		  "test: a fixup is for /fragment@0: none, which is not there" },
		{ "/ {" FRAGMENT "__fixups__ { soc = \"/fragment@0:name:0\"; }; };",
		  "test: a fixup is for /fragment@0: name, which is not there" },
		{ "/ {" FRAGMENT "__fixups__ { soc = \"/fragment@0/__overlay__:a:0\"; }; };",
		  "test: a fixup is for /fragment@0/__overlay__: a at 0, behind its end" },
		{ "/ {" FRAGMENT "__fixups__ { soc = \"/fragment@0/__overlay__:b:4294967292\"; };"
		  "};",
		  "test: a fixup is for /fragment@0/__overlay__: b at 4294967292, behind its end" },
		{ "/ {" FRAGMENT "__local_fixups__ { none { b = <0>; }; }; };",
		  "test: /__local_fixups__/none: there is no node /none" },
		{ "/ {" FRAGMENT "__local_fixups__ { fragment@0 { c = <0>; }; }; };",
		  "test: a fixup is for /fragment@0: c, which is not there" },
		{ "/ {" FRAGMENT "__local_fixups__ { fragment@0 { __overlay__ { b = <4>; }; }; };"
		  "};",
		  "test: a fixup is for /fragment@0/__overlay__: b at 4, behind its end" },
		{ "/ {" FRAGMENT
		  "__local_fixups__ { fragment@0 { __overlay__ { b = <0xfffffffe>; }; }; }; };",
		  "test: a fixup is for /fragment@0/__overlay__: b at 4294967294, behind its end" },
		{ "/ {" FRAGMENT "__local_fixups__ { fragment@0 { __overlay__ { b = [00]; }; }; };"
		  "};",
		  "test: /__local_fixups__/fragment@0/__overlay__: b: whole cells are expected" },
		{ "/ {" FRAGMENT "__local_fixups__ { fragment@0 { __overlay__ { b = <0>; }; }; };"
		  "};",
		  "test: /fragment@0/__overlay__: b: no node has the phandle 0x1" },
		{ "/ {" FRAGMENT "__symbols__ { l = \"/none\"; }; };",
		  "test: /__symbols__: l: the path of a node is expected" },
		{ "/ {" FRAGMENT "x { phandle = <0xfffffffe>; }; };",
		  "test: /x: phandle: 0xfffffffe is too high to be made free in the tree" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		assert_overlay_refused(base_source, all[i].overlay, all[i].line);
}

static void trees_that_take_no_overlay_are_refused(void **state)
{
	assert_overlay_refused("/ { __symbols__ { soc = \"/none\"; }; };", "/plugin/; &soc { };",
			       "test: the tree's label soc leads to no node");
	assert_overlay_refused("/ { __symbols__ { soc = [2f]; }; };", "/plugin/; &soc { };",
			       "test: the tree's label soc leads to no node");
	assert_overlay_refused("/ { soc { }; __symbols__ { soc = \"/soc\"; }; };",
			       "/plugin/; &soc { };",
			       "test: the tree's label soc leads to /soc, which has no phandle");
}

static void tree_without_labels_says_what_to_do(void **state)
{
	struct dt_blob under, over, out;
	struct dt_error error;

	assert_int_equal(dt_blob_empty(&under), 0);
	dts_compile_overlay("/plugin/; &soc { };", &over);
	assert_int_equal(dt_blob_overlay(&under, &over, "test", &out, &error), -EINVAL);
	assert_string_equal(error.text, "test: the tree has no label soc (nor any: it was made "
					"without dtc's -@)");
	dt_blob_free(&under);
	dt_blob_free(&over);
}

static void result_that_is_too_large_is_refused(void **state)
{
	const size_t size = DT_BLOB_MAX - 4096;
	struct dt_blob under, over, out;
	struct dt_error error;
	char *value = calloc(1, size);

	under.data = malloc(DT_BLOB_MAX);
	assert_int_equal(fdt_create_empty_tree(under.data, DT_BLOB_MAX), 0);
	assert_int_equal(fdt_setprop(under.data, 0, "x", value, size), 0);
	under.size = DT_BLOB_MAX;
	over.data = malloc(DT_BLOB_MAX);
	assert_int_equal(fdt_create_empty_tree(over.data, DT_BLOB_MAX), 0);
	assert_true(fdt_add_subnode(over.data, 0, "f") > 0);
	assert_int_equal(
		fdt_setprop_string(over.data, fdt_path_offset(over.data, "/f"), "target-path", "/"),
		0);
	assert_true(fdt_add_subnode(over.data, fdt_path_offset(over.data, "/f"), "__overlay__") >
		    0);
	assert_int_equal(fdt_setprop(over.data, fdt_path_offset(over.data, "/f/__overlay__"), "y",
				     value, 8192),
			 0);
	over.size = DT_BLOB_MAX;
	assert_int_equal(dt_blob_overlay(&under, &over, "test", &out, &error), -EINVAL);
	assert_string_equal(error.text,
			    "test: the tree would have more than 2097152 bytes with it");
	dt_blob_free(&under);
	dt_blob_free(&over);
	free(value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(result_is_that_of_libfdt),
		cmocka_unit_test(overlay_adds_devices_and_changes_properties),
		cmocka_unit_test(overlays_find_labels_of_those_before),
		cmocka_unit_test(empty_tree_takes_an_overlay),
		cmocka_unit_test(label_for_a_node_of_the_tree_can_be_used),
		cmocka_unit_test(overlays_that_lead_nowhere_are_refused),
		cmocka_unit_test(wrong_fixups_are_refused),
		cmocka_unit_test(trees_that_take_no_overlay_are_refused),
		cmocka_unit_test(tree_without_labels_says_what_to_do),
		cmocka_unit_test(result_that_is_too_large_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
