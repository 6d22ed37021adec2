/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Order of arrival does not matter: a driver that registers before its bus and a parent before the
 * mdev core wait, and are completed when it comes (seed 002).
 *
 * The core comes once in a process, so this is one story in order.
 */
#include "unit/rules/rule.h"

static struct vendor early, late, fickle, doomed;

static void a_parent_registered_before_the_core_waits(void **state)
{
	struct mdev_parent second = { 0 };

	early = (struct vendor) { .name = "early", .driver.max_instances = 5 };
	assert_int_equal(vendor_start(&early), 0);
	assert_false(tree_exists("/bus/mdev"));
	assert_false(tree_exists("/devices/virtual/early/early/mdev_supported_types"));
	assert_int_equal(vendor_create(&early, 0, 1), -ENODEV);
	assert_int_equal(mdev_register_parent(&second, early.dev, &early.driver, NULL, 0), -EEXIST);
}

static void a_parent_may_go_before_the_core_comes(void **state)
{
	fickle = (struct vendor) { .name = "fickle", .driver.max_instances = 5 };
	assert_int_equal(vendor_start(&fickle), 0);
	vendor_stop(&fickle);
}

static void a_parent_that_cannot_be_shown_stays_registered_and_makes_nothing(void **state)
{
	/* It finds its place taken when the core comes. */
	doomed = (struct vendor) { .name = "doomed", .driver.max_instances = 5 };
	assert_int_equal(vendor_start(&doomed), 0);
	doomed.data = kobject_create_and_add("mdev_supported_types", &doomed.dev->kobj);
	assert_non_null(doomed.data);
}

static void the_core_completes_those_that_waited(void **state)
{
	struct events events = { 0 };
	char *text;

	events_start(&events);
	assert_int_equal(umdev_start(), 0);
	text = events_take(&events);
	assert_non_null(strstr(text, "add /bus/mdev/drivers/early SUBSYSTEM=drivers\n"));
	assert_non_null(strstr(text, "change /devices/virtual/early/early SUBSYSTEM=early "
				     "MDEV_STATE=registered\n"));
	assert_null(strstr(text, "fickle"));
	assert_null(strstr(text, "change /devices/virtual/doomed/doomed"));
	free(text);
	events_stop(&events);

	assert_list("/class/mdev_bus", "early\n");
	assert_int_equal(tree_write("/class/mdev_bus/early/mdev_supported_types/early-1/create",
				    uuid_text(1)),
			 36);
	assert_true(tree_exists("/bus/mdev/drivers/early/%s", uuid_text(1)));
	assert_int_equal(vendor_create(&doomed, 0, 2), -ENODEV);
}

static void a_parent_registered_after_the_core_is_there_at_once(void **state)
{
	late = (struct vendor) { .name = "late", .driver.max_instances = 5 };
	assert_int_equal(vendor_start(&late), 0);
	assert_list("/class/mdev_bus", "early\nlate\n");
	assert_int_equal(vendor_create(&late, 0, 2), 0);
}

static void both_go_alike(void **state)
{
	struct kobject *squatter;

	vendor_stop(&early);
	vendor_stop(&late);
	assert_list("/class/mdev_bus", "");
	assert_list("/bus/mdev/drivers", "doomed\n");
	squatter = doomed.data;
	kobject_del(squatter);
	kobject_put(squatter);
	vendor_stop(&doomed);
	assert_false(tree_exists("/devices/virtual/doomed"));
	umdev_stop();
	assert_false(tree_exists("/bus/mdev"));
	assert_false(tree_exists("/class/mdev_bus"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_parent_registered_before_the_core_waits),
		cmocka_unit_test(a_parent_may_go_before_the_core_comes),
		cmocka_unit_test(a_parent_that_cannot_be_shown_stays_registered_and_makes_nothing),
		cmocka_unit_test(the_core_completes_those_that_waited),
		cmocka_unit_test(a_parent_registered_after_the_core_is_there_at_once),
		cmocka_unit_test(both_go_alike),
	};

	return cmocka_run_group_tests_name("rule 8: order of arrival does not matter", tests, NULL,
					   NULL);
}
