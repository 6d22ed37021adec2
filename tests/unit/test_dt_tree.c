/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Device trees that are well: what becomes of their nodes. */
#include "cmocka_umdev.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <libfdt.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <umdev/of.h>

#include "dt_fixture.h"

static struct dt_tree *tree_of_blob(struct dt_blob *blob)
{
	struct dt_error error = { "" };
	struct dt_tree *tree;

	if (dt_tree_create(blob, &tree, &error))
		fail_msg("refused: %s", error.text);
	dt_blob_free(blob);
	return tree;
}

static struct dt_tree *tree_of(const char *dts)
{
	struct dt_blob blob;

	dts_compile(dts, &blob);
	return tree_of_blob(&blob);
}

static const struct dt_device *device_of(const struct dt_tree *tree, const char *path)
{
	for (unsigned int i = 0; i < tree->num_devices; i++)
		if (!strcmp(tree->devices[i].node->path, path))
			return &tree->devices[i];
	return NULL;
}

/* A line for each device: its parent's name, its own, its regions and interrupts. */
static char *describe(const struct dt_tree *tree)
{
	const struct dt_device *device;
	size_t size;
	char *text;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	for (unsigned int i = 0; i < tree->num_devices; i++) {
		device = &tree->devices[i];
		if (device->parent >= 0)
			fprintf(out, "%s/", tree->devices[device->parent].name);
		fprintf(out, "%s%s", device->name, device->is_bus ? " bus" : "");
		for (unsigned int k = 0; k < device->num_regions; k++)
			fprintf(out, " 0x%" PRIx64 "+0x%" PRIx64 "%s%s", device->regions[k].start,
				device->regions[k].size, device->regions[k].name ? ":" : "",
				device->regions[k].name ? device->regions[k].name : "");
		for (unsigned int k = 0; k < device->num_irqs; k++)
			fprintf(out, " irq%u%s%s", device->irqs[k].type,
				device->irqs[k].name ? ":" : "",
				device->irqs[k].name ? device->irqs[k].name : "");
		fprintf(out, "\n");
	}
	assert_int_equal(fclose(out), 0);
	return text;
}

static void assert_devices(struct dt_tree *tree, const char *expected)
{
	char *text = describe(tree);

	assert_string_equal(text, expected);
	free(text);
	dt_tree_put(tree);
}

/* ---- devices ---- */

static void virtual_machine_has_the_devices_of_linux(void **state)
{
	static const char begin[] = "psci\n"
				    "platform-bus@c000000 bus\n"
				    "9020000.fw-cfg 0x9020000+0x18\n"
				    "a000000.virtio_mmio 0xa000000+0x200 irq1\n";
	static const char end[] = "a003e00.virtio_mmio 0xa003e00+0x200 irq1\n"
				  "gpio-keys\n"
				  "9030000.pl061 0x9030000+0x1000 irq4\n"
				  "4010000000.pcie 0x4010000000+0x10000000\n"
				  "9010000.pl031 0x9010000+0x1000 irq4\n"
				  "9000000.pl011 0x9000000+0x1000 irq4\n"
				  "pmu irq4\n"
				  "8000000.intc 0x8000000+0x10000 0x8010000+0x10000\n"
				  "0.flash 0x0+0x4000000 0x4000000+0x4000000\n"
				  "timer irq4 irq4 irq4 irq4\n"
				  "apb-pclk\n";
	struct dt_error error = { "" };
	struct dt_tree *tree;
	struct dt_blob blob;
	char *text;

	if (dt_blob_read(blob_path("virt"), &blob, &error))
		fail_msg("refused: %s", error.text);
	tree = tree_of_blob(&blob);
	text = describe(tree);
	assert_int_equal(tree->num_devices, 45);
	assert_memory_equal(text, begin, strlen(begin));
	assert_string_equal(text + strlen(text) - strlen(end), end);
	free(text);
	dt_tree_put(tree);
}

static void devices_of_buses_have_addresses_of_the_root(void **state)
{
	assert_devices(tree_of("/ { #address-cells = <2>; #size-cells = <2>;"
			       "  soc@40000000 { compatible = \"simple-bus\";"
			       "    #address-cells = <1>; #size-cells = <1>;"
			       "    ranges = <0 0 0x40000000 0x10000>, <0x80000 1 0 0x1000>;"
			       "    serial@1000 { compatible = \"a\"; reg = <0x1000 0x100>,"
			       "      <0x80800 0x800>; reg-names = \"main\", \"far\"; };"
			       "    sub { compatible = \"Simple-MFD\"; ranges;"
			       "      leaf@2000 { compatible = \"b\"; reg = <0x2000 4>; }; };"
			       "    same { compatible = \"b\"; };"
			       "  }; };"),
		       "soc@40000000 bus\n"
		       "soc@40000000/40001000.serial 0x40001000+0x100:main 0x100000800+0x800:far\n"
		       "soc@40000000/soc@40000000:sub bus\n"
		       "soc@40000000:sub/40002000.leaf 0x40002000+0x4\n"
		       "soc@40000000/soc@40000000:same\n");
}

static void only_nodes_that_linux_makes_devices_of_are_devices(void **state)
{
	assert_devices(
		tree_of("/ { #address-cells = <1>; #size-cells = <1>;"
			"  memory@80000000 { device_type = \"memory\";"
			"    reg = <0x80000000 0x1000>; };"
			"  cpus { #address-cells = <1>; #size-cells = <0>;"
			"    cpu@0 { compatible = \"c\"; reg = <0>; }; };"
			"  aliases { serial0 = \"/a\"; };"
			"  a { compatible = \"a\"; child { compatible = \"b\"; }; };"
			"  off { compatible = \"simple-bus\"; status = \"disabled\";"
			"    below { compatible = \"b\"; }; };"
			"  on { compatible = \"c\"; status = \"okay\"; };"
			"  opp { compatible = \"operating-points-v2\"; };"
			"  cell@9000 { compatible = \"arm,primecell\", \"simple-bus\";"
			"    reg = <0x9000 0x1000>; below { compatible = \"b\"; }; };"
			"  chosen { framebuffer { compatible = \"simple-framebuffer\"; }; };"
			"  firmware { fw { compatible = \"f\"; }; };"
			"  reserved-memory { #address-cells = <1>; #size-cells = <1>; ranges;"
			"    log@1000 { compatible = \"ramoops\"; reg = <0x1000 0x100>; };"
			"    pool@2000 { compatible = \"shared-dma-pool\";"
			"      reg = <0x2000 0x100>; }; };"
			"};"),
		"1000.log 0x1000+0x100\n"
		"firmware:fw\n"
		"chosen:framebuffer\n"
		"a\n"
		"on\n"
		"9000.cell 0x9000+0x1000\n");
}

static void reg_that_is_not_the_machines_is_no_region(void **state)
{
	assert_devices(tree_of("/ { #address-cells = <1>; #size-cells = <1>;"
			       "  syscon@1000 { compatible = \"syscon\", \"simple-mfd\";"
			       "    reg = <0x1000 0x1000>;"
			       "    reboot@10 { compatible = \"a\"; reg = <0x10 4>; }; };"
			       "  clocks { compatible = \"simple-bus\";"
			       "    #address-cells = <1>; #size-cells = <0>;"
			       "    clk@0 { compatible = \"fixed-clock\"; reg = <0>; };"
			       "    clk@1 { compatible = \"fixed-clock\"; reg = <1>; }; };"
			       "  isa { compatible = \"isa\"; ranges = <0 0 0x2000 0x1000>,"
			       "    <1 0 0x8000 0x1000>;"
			       "    kbd@60 { compatible = \"b\"; reg = <1 0x60 1>; };"
			       "    mem@60 { compatible = \"b\"; reg = <0 0x60 1>; }; };"
			       "};"),
		       "1000.syscon bus 0x1000+0x1000\n"
		       "1000.syscon/1000.syscon:reboot@10\n"
		       "clocks bus\n"
		       "clocks/clocks:clk@0\n"
		       "clocks/clocks:clk@1\n"
		       "isa bus\n"
		       "isa/8060.kbd\n"
		       "isa/2060.mem 0x2060+0x1\n");
}

static void interrupts_are_what_their_controllers_tell(void **state)
{
	assert_devices(tree_of("/ { #address-cells = <1>; #size-cells = <1>;"
			       "  interrupt-parent = <&gic>;"
			       "  gic: gic { compatible = \"g\"; interrupt-controller;"
			       "    #interrupt-cells = <3>; interrupts = <1 9 0xf04>; };"
			       "  two: two { compatible = \"t\"; interrupt-controller;"
			       "    #interrupt-cells = <2>; };"
			       "  one: one { compatible = \"o\"; interrupt-controller;"
			       "    #interrupt-cells = <1>; };"
			       "  a { compatible = \"a\"; interrupts = <0 1 1>, <0 2 0x104>;"
			       "    interrupt-names = \"tx\", \"rx\"; };"
			       "  b { compatible = \"b\"; interrupt-parent = <&two>;"
			       "    interrupts = <7 2>; };"
			       "  c { compatible = \"c\"; interrupts = <0 0 0>;"
			       "    interrupts-extended = <&one 5>, <&two 1 8>, <&gic 0 1 0xc>; };"
			       "  board { compatible = \"simple-bus\"; #interrupt-cells = <1>;"
			       "    #address-cells = <1>; #size-cells = <1>; ranges;"
			       "    interrupt-map-mask = <0 63>;"
			       "    interrupt-map = <0 0 &gic 0 0 4>, <0 1 &two 3 8>;"
			       "    d@10 { compatible = \"d\"; reg = <0x10 4>;"
			       "      interrupts = <1>, <0>; }; };"
			       "};"),
		       "gic irq4\n"
		       "two\n"
		       "one\n"
		       "a irq1:tx irq4:rx\n"
		       "b irq2\n"
		       "c irq0 irq8 irq0\n"
		       "board bus\n"
		       "board/10.d 0x10+0x4 irq8 irq4\n");
}

static void bus_may_have_registers_around_those_below(void **state)
{
	assert_devices(tree_of("/ { #address-cells = <1>; #size-cells = <1>;"
			       "  bus@1000 { compatible = \"simple-bus\"; reg = <0x1000 0x1000>;"
			       "    #address-cells = <1>; #size-cells = <1>; ranges;"
			       "    a@1800 { compatible = \"a\"; reg = <0x1800 0x100>; };"
			       "    b@1900 { compatible = \"a\"; reg = <0x1900 0x1000>; };"
			       "  }; };"),
		       "1000.bus bus 0x1000+0x1000\n"
		       "1000.bus/1800.a 0x1800+0x100\n"
		       "1000.bus/1900.b 0x1900+0x1000\n");
}

/* dtc gives up at so many. */
static void make_nodes(struct dt_blob *blob, unsigned int nr)
{
	const size_t room = 2 << 20;
	char name[32];
	void *fdt = malloc(room);

	assert_non_null(fdt);
	assert_int_equal(fdt_create(fdt, room), 0);
	assert_int_equal(fdt_finish_reservemap(fdt), 0);
	fdt_begin_node(fdt, "");
	for (unsigned int i = 1; i <= nr; i++) {
		uint32_t reg[] = { htobe32(i * 16), htobe32(16) };

		snprintf(name, sizeof(name), "n@%x", i * 16);
		fdt_begin_node(fdt, name);
		fdt_property(fdt, "reg", reg, sizeof(reg));
		if (i % 4 == 0)
			fdt_property_string(fdt, "compatible", "x");
		fdt_end_node(fdt);
	}
	fdt_end_node(fdt);
	assert_int_equal(fdt_finish(fdt), 0);
	blob->data = fdt;
	blob->size = fdt_totalsize(fdt);
}

static void many_nodes_are_fine(void **state)
{
	struct dt_tree *tree;
	struct dt_blob blob;

	make_nodes(&blob, 10000);
	tree = tree_of_blob(&blob);
	assert_int_equal(tree->num_devices, 2500);
	assert_non_null(dt_find_node_by_path(tree, "/n@27100"));
	assert_null(dt_find_node_by_path(tree, "/n@27110"));
	dt_tree_put(tree);
}

/* ---- nodes ---- */

static void nodes_keep_what_the_tree_says(void **state)
{
	struct dt_tree *tree = tree_of("/ { model = \"m\"; a: bus@10 { x = <1>; "
				       "  leaf { y; p = <&a>; }; z { }; }; };");
	const struct device_node *bus = dt_find_node_by_path(tree, "/bus@10"), *leaf;

	assert_ptr_equal(bus->parent, tree->root);
	assert_ptr_equal(tree->root->child, bus);
	assert_string_equal(tree->root->path, "/");
	assert_string_equal(bus->name, "bus");
	assert_string_equal(bus->full_name, "bus@10");
	assert_true(bus->phandle != 0);
	leaf = bus->child;
	assert_string_equal(leaf->path, "/bus@10/leaf");
	assert_string_equal(leaf->properties->name, "y");
	assert_string_equal(leaf->sibling->full_name, "z");
	assert_null(leaf->sibling->sibling);
	dt_tree_put(tree);
}

static void name_is_synthesized_as_linux_does(void **state)
{
	struct dt_tree *tree = tree_of("/ { a@1 { x; }; b { name = \"b\"; }; };");
	const struct property *prop;
	const char *name;

	prop = of_find_property(dt_find_node_by_path(tree, "/a@1"), "name");
	assert_non_null(prop);
	assert_null(prop->next);
	assert_int_equal(prop->length, 2);
	assert_string_equal(prop->value, "a");
	assert_int_equal(of_find_property(tree->root, "name")->length, 1);
	assert_int_equal(of_property_read_string(dt_find_node_by_path(tree, "/b"), "name", &name),
			 0);
	assert_string_equal(name, "b");
	dt_tree_put(tree);
}

static void properties_are_read_within_their_ends(void **state)
{
	struct dt_tree *tree = tree_of("/ { e; c = <1 2>; o = [00 00 00]; s = \"ab\", \"\", \"c\";"
				       "  u = [61 00 62]; };");
	uint32_t value = 7;
	uint64_t wide = 7;
	const char *s = NULL;

	assert_int_equal(of_property_read_u32(tree->root, "c", &value), 0);
	assert_int_equal(value, 1);
	assert_int_equal(of_property_read_u32_index(tree->root, "c", 1, &value), 0);
	assert_int_equal(value, 2);
	assert_int_equal(of_property_read_u32_index(tree->root, "c", 2, &value), -EOVERFLOW);
	assert_int_equal(of_property_read_u32_index(tree->root, "c", UINT32_MAX, &value),
			 -EOVERFLOW);
	assert_int_equal(of_property_read_u64(tree->root, "c", &wide), 0);
	assert_true(wide == 0x100000002);
	assert_int_equal(of_property_read_u32(tree->root, "e", &value), -ENODATA);
	assert_int_equal(of_property_read_u32(tree->root, "o", &value), -EOVERFLOW);
	assert_int_equal(of_property_read_u32(tree->root, "none", &value), -EINVAL);
	assert_int_equal(of_property_read_u32(NULL, "c", &value), -EINVAL);
	assert_int_equal(value, 2);
	assert_int_equal(of_property_count_strings(tree->root, "s"), 3);
	assert_int_equal(of_property_read_string_index(tree->root, "s", 2, &s), 0);
	assert_string_equal(s, "c");
	assert_int_equal(of_property_read_string_index(tree->root, "s", 3, &s), -ENODATA);
	assert_int_equal(of_property_count_strings(tree->root, "u"), -EILSEQ);
	assert_int_equal(of_property_read_string_index(tree->root, "u", 1, &s), -EILSEQ);
	assert_int_equal(of_property_read_string(tree->root, "u", &s), 0);
	assert_string_equal(s, "a");
	assert_int_equal(of_property_count_strings(tree->root, "e"), -ENODATA);
	assert_int_equal(of_property_count_strings(tree->root, "none"), -EINVAL);
	assert_true(of_property_read_bool(tree->root, "e"));
	assert_false(of_property_read_bool(tree->root, "none"));
	dt_tree_put(tree);
}

static void compatible_is_compared_without_case(void **state)
{
	struct dt_tree *tree = tree_of("/ { compatible = \"ARM,pl011\", \"arm,primecell\"; };");

	assert_true(of_device_is_compatible(tree->root, "arm,PL011"));
	assert_true(of_device_is_compatible(tree->root, "arm,primecell"));
	assert_false(of_device_is_compatible(tree->root, "arm,pl01"));
	assert_false(of_device_is_compatible(NULL, "arm,pl011"));
	dt_tree_put(tree);
}

static void status_says_what_is_available(void **state)
{
	struct dt_tree *tree =
		tree_of("/ { a { }; b { status = \"ok\"; }; c { status = \"okay\"; };"
			"  d { status = \"disabled\"; }; e { status; }; };");

	assert_true(of_device_is_available(dt_find_node_by_path(tree, "/a")));
	assert_true(of_device_is_available(dt_find_node_by_path(tree, "/b")));
	assert_true(of_device_is_available(dt_find_node_by_path(tree, "/c")));
	assert_false(of_device_is_available(dt_find_node_by_path(tree, "/d")));
	assert_false(of_device_is_available(dt_find_node_by_path(tree, "/e")));
	dt_tree_put(tree);
}

static void tree_lives_as_long_as_its_last_reference(void **state)
{
	struct dt_tree *tree = tree_of("/ { a { compatible = \"a\"; }; };");

	assert_ptr_equal(dt_tree_get(tree), tree);
	dt_tree_put(tree);
	assert_string_equal(device_of(tree, "/a")->name, "a");
	dt_tree_put(tree);
	dt_tree_put(NULL);
}

static void empty_tree_has_a_root_and_no_devices(void **state)
{
	struct dt_tree *tree;
	struct dt_blob blob;

	assert_int_equal(dt_blob_empty(&blob), 0);
	tree = tree_of_blob(&blob);
	assert_int_equal(tree->num_devices, 0);
	assert_null(tree->root->child);
	dt_tree_put(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(virtual_machine_has_the_devices_of_linux),
		cmocka_unit_test(devices_of_buses_have_addresses_of_the_root),
		cmocka_unit_test(only_nodes_that_linux_makes_devices_of_are_devices),
		cmocka_unit_test(reg_that_is_not_the_machines_is_no_region),
		cmocka_unit_test(interrupts_are_what_their_controllers_tell),
		cmocka_unit_test(bus_may_have_registers_around_those_below),
		cmocka_unit_test(many_nodes_are_fine),
		cmocka_unit_test(nodes_keep_what_the_tree_says),
		cmocka_unit_test(name_is_synthesized_as_linux_does),
		cmocka_unit_test(properties_are_read_within_their_ends),
		cmocka_unit_test(compatible_is_compared_without_case),
		cmocka_unit_test(status_says_what_is_available),
		cmocka_unit_test(tree_lives_as_long_as_its_last_reference),
		cmocka_unit_test(empty_tree_has_a_root_and_no_devices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
