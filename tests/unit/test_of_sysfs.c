/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The nodes of a tree as directories, and what becomes of them when the tree changes. */
#include "cmocka_umdev.h"

#include <errno.h>
#include <umdev/log.h>
#include <umdev/publish.h>

#include "../../drivers/platform/of_sysfs.h"
#include "dt_fixture.h"
#include "model/alloc.h"
#include "support/tree.h"

#define BASE "/firmware/devicetree/base"

static struct dt_tree *tree_of(const char *dts)
{
	struct dt_error error = { "" };
	struct dt_tree *tree;
	struct dt_blob blob;

	dts_compile(dts, &blob);
	if (dt_tree_create(&blob, &tree, &error))
		fail_msg("refused: %s", error.text);
	dt_blob_free(&blob);
	return tree;
}

/* What a test keeps of it, the directories do. */
static void change(const char *dts)
{
	struct dt_tree *tree = tree_of(dts);

	assert_int_equal(of_sysfs_change(tree), 0);
	dt_tree_put(tree);
}

static void assert_snapshot(const char *expected)
{
	char *text = tree_snapshot(BASE);

	assert_string_equal(text, expected);
	free(text);
}

static void assert_contents(const char *path, const void *expected, size_t size)
{
	char buf[64];

	assert_int_equal(tree_pread(path, buf, sizeof(buf), 0), size);
	assert_memory_equal(buf, expected, size);
}

static int start(void **state)
{
	return of_sysfs_init();
}

static int stop(void **state)
{
	assert_int_equal(of_sysfs_change(NULL), 0);
	of_sysfs_exit();
	assert_false(tree_exists("/firmware"));
	return 0;
}

/* ---- one tree ---- */

static void nodes_are_directories_of_their_properties(void **state)
{
	change("/ { model = \"m\"; soc@10 { on; security-key = <1>; cells = <1 2>; }; };");
	assert_contents(BASE "/model", "m", 2);
	assert_contents(BASE "/name", "", 1);
	assert_contents(BASE "/soc@10/name", "soc", 4);
	assert_contents(BASE "/soc@10/cells", "\0\0\0\1\0\0\0\2", 8);
	assert_contents(BASE "/soc@10/on", "", 0);
	assert_contents(BASE "/soc@10/security-key", "\0\0\0\1", 4);
	assert_int_equal(tree_write(BASE "/soc@10/on", "x"), -EACCES);
	assert_snapshot("D 755 " BASE "\n"
			"F 444:2 " BASE "/model\n"
			"F 444:1 " BASE "/name\n"
			"D 755 " BASE "/soc@10\n"
			"F 444:8 " BASE "/soc@10/cells\n"
			"F 444:4 " BASE "/soc@10/name\n"
			"F 444:0 " BASE "/soc@10/on\n"
			"F 400:0 " BASE "/soc@10/security-key\n");
}

static void part_of_a_file_can_be_read(void **state)
{
	char buf[8];

	change("/ { text = \"abcdef\"; security-text = \"abcdef\"; };");
	assert_int_equal(tree_pread(BASE "/text", buf, 3, 2), 3);
	assert_memory_equal(buf, "cde", 3);
	assert_int_equal(tree_pread(BASE "/text", buf, 8, 5), 2);
	assert_int_equal(tree_pread(BASE "/text", buf, 8, 7), 0);
	assert_int_equal(tree_pread(BASE "/security-text", buf, 8, 5), 2);
	assert_int_equal(tree_pread(BASE "/security-text", buf, 8, 7), 0);
	assert_int_equal(tree_pread(BASE "/security-text", buf, 8, 70000), 0);
}

static void node_named_as_a_property_gets_a_number(void **state)
{
	change("/ { clocks = <1>; clocks { a; }; clocks#1 { b; }; };");
	assert_contents(BASE "/clocks", "\0\0\0\1", 4);
	assert_true(tree_exists(BASE "/clocks#2/a"));
	assert_true(tree_exists(BASE "/clocks#1/b"));
	assert_string_equal(kobject_name(of_sysfs_node("/clocks")), "clocks#2");
	change("/ { clocks#1 { b; }; other { }; };");
	change("/ { other = <7>; clocks#1 { b; }; other { }; };");
	assert_contents(BASE "/other#1", "\0\0\0\7", 4);
	assert_true(tree_exists(BASE "/other/name"));
}

/* ---- another tree ---- */

static void what_both_trees_have_stays(void **state)
{
	struct kernfs_node *same, *longer, *gone;
	struct kobject *soc;
	char buf[SYSFS_PAGE_SIZE];

	change("/ { soc { same = <1>; value = <2>; longer = <3>; gone; old { x; }; }; };");
	soc = of_sysfs_node("/soc");
	same = tree_find(BASE "/soc/same");
	longer = tree_find(BASE "/soc/longer");
	gone = tree_find(BASE "/soc/old/x");
	change("/ { soc { longer = <3 4>; value = <9>; same = <1>; new { y = <5>; }; }; };");
	assert_ptr_equal(of_sysfs_node("/soc"), soc);
	assert_int_equal(tree_read_node(same, buf), 4);
	assert_int_equal(tree_read_node(longer, buf), -ENODEV);
	assert_int_equal(tree_read_node(gone, buf), -ENODEV);
	assert_contents(BASE "/soc/value", "\0\0\0\11", 4);
	assert_contents(BASE "/soc/longer", "\0\0\0\3\0\0\0\4", 8);
	assert_contents(BASE "/soc/new/y", "\0\0\0\5", 4);
	assert_false(tree_exists(BASE "/soc/gone"));
	assert_false(tree_exists(BASE "/soc/old"));
	assert_null(of_sysfs_node("/soc/old"));
	kernfs_put(same);
	kernfs_put(longer);
	kernfs_put(gone);
}

static void no_tree_is_no_directory(void **state)
{
	change("/ { a { }; };");
	assert_int_equal(of_sysfs_change(NULL), 0);
	assert_true(tree_exists("/firmware/devicetree"));
	assert_false(tree_exists(BASE));
	assert_null(of_sysfs_node("/"));
	change("/ { b { }; };");
	assert_true(tree_exists(BASE "/b/name"));
}

static void nobody_sees_half_a_tree(void **state)
{
	publish_begin();
	change("/ { a { x; }; };");
	assert_false(tree_exists(BASE));
	publish_commit();
	assert_true(tree_exists(BASE "/a/x"));
	publish_begin();
	change("/ { a { x; y; z { }; }; };");
	assert_false(tree_exists(BASE "/a/y"));
	assert_false(tree_exists(BASE "/a/z"));
	publish_commit();
	assert_true(tree_exists(BASE "/a/y"));
	assert_true(tree_exists(BASE "/a/z/name"));
}

static void failed_change_leaves_the_tree_as_it_was(void **state)
{
	static const char before[] = "/ { a { x = <1>; y = <1>; clash { }; }; b { c { d; }; }; };";
	static const char after[] = "/ { a { x = <2>; y = <1 2>; clash = <1>; n; clash { };"
				    "  m { o { p; }; }; }; e { f; g { }; }; };";
	struct dt_tree *tree;
	unsigned long step = 0;
	char *text, *now;
	int err;

	change(before);
	text = tree_snapshot(BASE);
	tree = tree_of(after);
	log_set_level(LOG_LEVEL_ERR - 1);
	for (;;) {
		fault_countdown = ++step;
		err = of_sysfs_change(tree);
		if (!err)
			break;
		assert_int_equal(err, -ENOMEM);
		assert_int_equal(fault_countdown, 0);
		now = tree_snapshot(BASE);
		assert_string_equal(now, text);
		free(now);
		assert_contents(BASE "/a/x", "\0\0\0\1", 4);
		assert_contents(BASE "/a/y", "\0\0\0\1", 4);
	}
	fault_countdown = 0;
	log_set_level(LOG_LEVEL_INFO);
	assert_true(step > 20);
	assert_contents(BASE "/a/x", "\0\0\0\2", 4);
	assert_contents(BASE "/a/y", "\0\0\0\1\0\0\0\2", 8);
	assert_contents(BASE "/a/clash#1", "\0\0\0\1", 4);
	assert_true(tree_exists(BASE "/a/m/o/p"));
	assert_false(tree_exists(BASE "/b"));
	free(text);
	dt_tree_put(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nodes_are_directories_of_their_properties, start,
						stop),
		cmocka_unit_test_setup_teardown(part_of_a_file_can_be_read, start, stop),
		cmocka_unit_test_setup_teardown(node_named_as_a_property_gets_a_number, start,
						stop),
		cmocka_unit_test_setup_teardown(what_both_trees_have_stays, start, stop),
		cmocka_unit_test_setup_teardown(no_tree_is_no_directory, start, stop),
		cmocka_unit_test_setup_teardown(nobody_sees_half_a_tree, start, stop),
		cmocka_unit_test_setup_teardown(failed_change_leaves_the_tree_as_it_was, start,
						stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
