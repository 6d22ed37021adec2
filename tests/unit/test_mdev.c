/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The mdev core as a tool and as a vendor's driver meet it. */
#include "cmocka_umdev.h"

#include <errno.h>

#include <umdev/umdev.h>
#include "support/events.h"
#include "support/tree.h"
#include "support/vendor.h"

#define PARENT	"/devices/virtual/acme/acme"
#define TYPES	PARENT "/mdev_supported_types"
#define DEVICES "/bus/mdev/devices"
#define U	"83b8f4f2-509f-382f-3c1e-e6bf0000000"

static struct vendor acme;

static int start_acme(void **state)
{
	acme = (struct vendor) { .name = "acme", .driver.max_instances = 3 };
	return vendor_start(&acme);
}

static int stop_acme(void **state)
{
	vendor_stop(&acme);
	return 0;
}

static void assert_list(const char *path, const char *expected)
{
	char *text = tree_list(path);

	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
}

static void assert_contents(const char *path, const char *expected)
{
	char buf[SYSFS_PAGE_SIZE];
	ssize_t len = tree_read(path, buf);

	assert_int_equal(len, strlen(expected));
	assert_string_equal(buf, expected);
}

static void assert_events(struct events *events, const char *expected)
{
	char *text = events_take(events);

	assert_string_equal(text, expected);
	free(text);
}

/* ---- parents and types ---- */

static void registering_a_parent_shows_its_types(void **state)
{
	char *text = tree_snapshot(TYPES);

	assert_string_equal(text, "D 755 " TYPES "\n"
				  "D 755 " TYPES "/acme-1\n"
				  "F 444:4096 " TYPES "/acme-1/available_instances\n"
				  "F 200:4096 " TYPES "/acme-1/create\n"
				  "F 444:4096 " TYPES "/acme-1/device_api\n"
				  "D 755 " TYPES "/acme-1/devices\n"
				  "F 444:4096 " TYPES "/acme-1/name\n"
				  "D 755 " TYPES "/acme-2\n"
				  "F 444:4096 " TYPES "/acme-2/available_instances\n"
				  "F 200:4096 " TYPES "/acme-2/create\n"
				  "F 444:4096 " TYPES "/acme-2/device_api\n"
				  "D 755 " TYPES "/acme-2/devices\n"
				  "F 444:4096 " TYPES "/acme-2/name\n");
	free(text);
	assert_contents(TYPES "/acme-1/name", "First kind\n");
	assert_contents(TYPES "/acme-2/name", "2\n");
	assert_contents(TYPES "/acme-1/device_api", "vfio-pci\n");
	assert_contents(TYPES "/acme-1/available_instances", "3\n");
	assert_list("/class/mdev_bus", "acme\n");
}

static void a_parent_says_when_it_comes_and_goes(void **state)
{
	struct events events = { 0 };

	mdev_unregister_parent(&acme.parent);
	events_start(&events);
	assert_int_equal(vendor_register_parent(&acme), 0);
	assert_events(&events, "change " PARENT " SUBSYSTEM=acme MDEV_STATE=registered\n");
	mdev_unregister_parent(&acme.parent);
	assert_events(&events, "change " PARENT " SUBSYSTEM=acme MDEV_STATE=unregistered\n");
	events_stop(&events);
	assert_false(tree_exists(TYPES));
	assert_false(tree_exists("/class/mdev_bus/acme"));
	assert_int_equal(vendor_register_parent(&acme), 0);
}

static void a_device_is_a_parent_once(void **state)
{
	struct mdev_parent second = { 0 };

	assert_int_equal(mdev_register_parent(&second, acme.dev, &acme.driver, acme.type_list, 2),
			 -EEXIST);
	assert_true(tree_exists(TYPES "/acme-1/create"));
	assert_int_equal(vendor_create(&acme, 0, 1), 0);
	assert_int_equal(vendor_remove(&acme, 1), 0);
}

static void two_types_of_one_name_are_refused_whole(void **state)
{
	struct mdev_type a = { .sysfs_name = "a" }, b = { .sysfs_name = "a" };
	struct mdev_type *types[] = { &a, &b };
	struct mdev_parent parent = { 0 };
	struct events events = { 0 };

	mdev_unregister_parent(&acme.parent);
	events_start(&events);
	assert_int_equal(mdev_register_parent(&parent, acme.dev, &acme.driver, types, 2), -EEXIST);
	assert_events(&events, "");
	events_stop(&events);
	assert_false(tree_exists(TYPES));
	assert_int_equal(vendor_register_parent(&acme), 0);
}

static void incomplete_registrations_are_refused(void **state)
{
	struct mdev_driver complete = acme.driver, drv;
	struct mdev_type unnamed = { 0 };
	struct mdev_type *types[] = { &unnamed }, *none[] = { NULL };
	struct mdev_parent parent = { 0 };

	memset(&complete.driver, 0, sizeof(complete.driver));
	complete.driver.name = "other";
	drv = complete;
	drv.device_api = NULL;
	assert_int_equal(mdev_register_driver(&drv), -EINVAL);
	assert_int_equal(mdev_register_parent(&parent, acme.dev, &drv, NULL, 0), -EINVAL);
	drv = complete;
	drv.probe = NULL;
	assert_int_equal(mdev_register_driver(&drv), -EINVAL);
	drv = complete;
	drv.remove = NULL;
	assert_int_equal(mdev_register_driver(&drv), -EINVAL);
	drv = complete;
	drv.driver.name = NULL;
	assert_int_equal(mdev_register_driver(&drv), -EINVAL);

	assert_int_equal(mdev_register_parent(&parent, acme.dev, &acme.driver, types, 1), -EINVAL);
	assert_int_equal(mdev_register_parent(&parent, acme.dev, &acme.driver, none, 1), -EINVAL);
	assert_int_equal(mdev_register_parent(&parent, acme.dev, &acme.driver, NULL, 1), -EINVAL);
	assert_int_equal(mdev_register_parent(&parent, NULL, &acme.driver, NULL, 0), -EINVAL);
	assert_int_equal(mdev_register_parent(&parent, acme.dev, NULL, NULL, 0), -EINVAL);
	assert_null(parent.p);
}

static ssize_t describe(struct mdev_type *type, char *buf)
{
	return sysfs_emit(buf, "of kind %s\n", type->sysfs_name);
}

static void a_description_is_there_if_the_driver_gives_one(void **state)
{
	assert_false(tree_exists(TYPES "/acme-1/description"));
	mdev_unregister_parent(&acme.parent);
	acme.driver.show_description = describe;
	assert_int_equal(vendor_register_parent(&acme), 0);
	assert_contents(TYPES "/acme-2/description", "of kind 2\n");
}

/* ---- creation ---- */

static void a_created_device_is_complete(void **state)
{
	struct events events = { 0 };
	char *text;

	events_start(&events);
	assert_int_equal(tree_write(TYPES "/acme-2/create", U "1\n"), 37);
	assert_events(&events, "add " PARENT "/" U "1 SUBSYSTEM=mdev\n"
			       "bind " PARENT "/" U "1 SUBSYSTEM=mdev DRIVER=acme\n");
	events_stop(&events);

	text = tree_snapshot(PARENT "/" U "1");
	assert_string_equal(text,
			    "D 755 " PARENT "/" U "1\n"
			    "L " PARENT "/" U "1/driver -> ../../../../../bus/mdev/drivers/acme\n"
			    "F 644:4096 " PARENT "/" U "1/explicit_bind_only\n"
			    "L " PARENT "/" U "1/mdev_type -> ../mdev_supported_types/acme-2\n"
			    "F 200:4096 " PARENT "/" U "1/rebind\n"
			    "F 200:4096 " PARENT "/" U "1/remove\n"
			    "L " PARENT "/" U "1/subsystem -> ../../../../../bus/mdev\n"
			    "F 644:4096 " PARENT "/" U "1/uevent\n"
			    "D 755 " PARENT "/" U "1/vendor\n"
			    "F 644:4096 " PARENT "/" U "1/vendor/knob\n"
			    "F 444:4096 " PARENT "/" U "1/vendor/note\n");
	free(text);
	assert_list(DEVICES, U "1\n");
	assert_list(TYPES "/acme-2/devices", U "1\n");
	assert_list(TYPES "/acme-1/devices", "");
	assert_contents(DEVICES "/" U "1/vendor/note", "this is " U "1\n");
	assert_contents(DEVICES "/" U "1/uevent", "DRIVER=acme\n");
}

static void only_a_uuid_makes_a_device(void **state)
{
	static const char *const refused[] = {
		"\n",
		"x",
		"not-a-uuid\n",
		U "\n",
		U,
		U "12\n",
		U "1\n\n",
		"{" U "1}\n",
		"{" U "1\n",
		" " U "1",
		"83b8f4f2 509f-382f-3c1e-e6bf00000001",
		"83b8f4f2-509f-382f-3c1e-e6bf0000000g",
		"83b8f4f2509f-382f-3c1e-e6bf-00000001",
	};
	char *before = tree_snapshot("/"), *after;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(refused); i++)
		assert_int_equal(tree_write(TYPES "/acme-1/create", refused[i]), -EINVAL);
	after = tree_snapshot("/");
	assert_string_equal(before, after);
	free(before);
	free(after);
}

static void a_uuid_in_upper_case_names_the_same_device(void **state)
{
	assert_int_equal(tree_write(TYPES "/acme-1/create", "83B8F4F2-509F-382F-3C1E-E6BF0000000A"),
			 36);
	assert_list(DEVICES, "83b8f4f2-509f-382f-3c1e-e6bf0000000a\n");
	assert_int_equal(tree_write(TYPES "/acme-1/create", "83b8f4f2-509f-382f-3c1e-e6bf0000000a"),
			 -EEXIST);
}

static void the_character_behind_a_uuid_is_not_looked_at(void **state)
{
	assert_int_equal(tree_write(TYPES "/acme-1/create", U "1z"), 37);
	assert_list(DEVICES, U "1\n");
}

static void a_uuid_is_used_once_anywhere(void **state)
{
	struct vendor other = { .name = "other", .driver.max_instances = 1 };

	assert_int_equal(vendor_start(&other), 0);
	assert_int_equal(vendor_create(&acme, 0, 1), 0);
	assert_int_equal(vendor_create(&acme, 0, 1), -EEXIST);
	assert_int_equal(vendor_create(&acme, 1, 1), -EEXIST);
	assert_int_equal(vendor_create(&other, 0, 1), -EEXIST);
	assert_int_equal(vendor_remove(&acme, 1), 0);
	assert_int_equal(vendor_create(&other, 0, 1), 0);
	assert_int_equal(vendor_create(&acme, 0, 1), -EEXIST);
	vendor_stop(&other);
	assert_int_equal(vendor_create(&acme, 0, 1), 0);
}

static void all_types_share_the_instances_of_their_parent(void **state)
{
	assert_int_equal(vendor_create(&acme, 0, 1), 0);
	assert_int_equal(vendor_create(&acme, 1, 2), 0);
	assert_contents(TYPES "/acme-1/available_instances", "1\n");
	assert_contents(TYPES "/acme-2/available_instances", "1\n");
	assert_int_equal(tree_write(TYPES "/acme-1/create", U "3"), 36);
	assert_contents(TYPES "/acme-1/available_instances", "0\n");
	assert_int_equal(tree_write(TYPES "/acme-1/create", U "4"), -EUSERS);
	assert_int_equal(vendor_create(&acme, 0, 3), -EEXIST);
	assert_int_equal(vendor_remove(&acme, 2), 0);
	assert_contents(TYPES "/acme-1/available_instances", "1\n");
	assert_int_equal(tree_write(TYPES "/acme-1/create", U "4"), 36);
}

static unsigned int count_down(struct mdev_type *type)
{
	return type->sysfs_name[0] == '1' ? 17 : 4000000000;
}

static int no_space(struct vendor *vendor, struct vendor_dev *vd)
{
	return -ENOSPC;
}

static void a_driver_may_count_instances_itself(void **state)
{
	mdev_unregister_parent(&acme.parent);
	acme.driver.get_available = count_down;
	acme.driver.max_instances = 0;
	assert_int_equal(vendor_register_parent(&acme), 0);
	assert_contents(TYPES "/acme-1/available_instances", "17\n");
	assert_contents(TYPES "/acme-2/available_instances", "2147483647\n");
	assert_int_equal(vendor_create(&acme, 0, 1), 0);
	acme.probing = no_space;
	assert_int_equal(tree_write(TYPES "/acme-1/create", U "2"), -ENOSPC);
	assert_list(DEVICES, U "1\n");
}

static int not_yet(struct vendor *vendor, struct vendor_dev *vd)
{
	return -EPROBE_DEFER;
}

static void a_deferred_probe_fails_the_create(void **state)
{
	acme.probing = not_yet;
	assert_int_equal(tree_write(TYPES "/acme-1/create", U "1\n"), -EAGAIN);
	assert_list(DEVICES, "");
	/* What was deferred is forgotten, not tried again. */
	acme.probing = NULL;
	assert_int_equal(vendor_create(&acme, 0, 2), 0);
	wait_for_device_probe();
	assert_list(DEVICES, U "2\n");
	assert_int_equal(vendor_create(&acme, 0, 1), 0);
}

static void a_parent_that_is_gone_makes_nothing(void **state)
{
	struct kernfs_node *create = tree_find(TYPES "/acme-1/create");

	mdev_unregister_parent(&acme.parent);
	assert_int_equal(tree_write_node(create, U "1\n"), -ENODEV);
	kernfs_put(create);
	assert_list(DEVICES, "");
	assert_int_equal(vendor_register_parent(&acme), 0);
}

/* ---- removal ---- */

static void a_removed_device_is_gone_everywhere(void **state)
{
	char *before = tree_snapshot("/"), *after;
	struct events events = { 0 };

	assert_int_equal(vendor_create(&acme, 1, 1), 0);
	events_start(&events);
	assert_int_equal(tree_write(DEVICES "/" U "1/remove", "1\n"), 2);
	assert_events(&events, "unbind " PARENT "/" U "1 SUBSYSTEM=mdev\n"
			       "remove " PARENT "/" U "1 SUBSYSTEM=mdev\n");
	events_stop(&events);
	after = tree_snapshot("/");
	assert_string_equal(before, after);
	free(before);
	free(after);
	assert_int_equal(acme.alive, 0);
}

static void remove_takes_a_number(void **state)
{
	assert_int_equal(vendor_create(&acme, 0, 1), 0);
	assert_int_equal(tree_write(DEVICES "/" U "1/remove", "0\n"), 2);
	assert_int_equal(tree_write(DEVICES "/" U "1/remove", "0x0"), 3);
	assert_int_equal(tree_write(DEVICES "/" U "1/remove", "x\n"), -EINVAL);
	assert_int_equal(tree_write(DEVICES "/" U "1/remove", "\n"), -EINVAL);
	assert_int_equal(tree_write(DEVICES "/" U "1/remove", "-1\n"), -EINVAL);
	assert_list(DEVICES, U "1\n");
	assert_int_equal(tree_write(DEVICES "/" U "1/remove", "0x10\n"), 5);
	assert_list(DEVICES, "");
}

static void a_device_is_found_by_its_uuid_while_it_lives(void **state)
{
	struct mdev_device *mdev;
	uint8_t uuid[16];

	uuid_n(7, uuid);
	assert_null(mdev_find(uuid));
	assert_int_equal(vendor_create(&acme, 0, 7), 0);
	mdev = mdev_find(uuid);
	assert_non_null(mdev);
	assert_string_equal(dev_name(&mdev->dev), uuid_text(7));
	assert_memory_equal(mdev->uuid, uuid, sizeof(uuid));
	assert_int_equal(mdev_device_remove(mdev), 0);
	assert_int_equal(mdev_device_remove(mdev), -ENODEV);
	assert_null(mdev_find(uuid));
	put_device(&mdev->dev);
}

/* ---- binding ---- */

static void an_unbound_device_can_be_bound_again(void **state)
{
	struct events events = { 0 };

	assert_int_equal(vendor_create(&acme, 1, 1), 0);
	events_start(&events);
	assert_int_equal(tree_write("/bus/mdev/drivers/acme/unbind", U "1\n"), 37);
	assert_events(&events, "unbind " PARENT "/" U "1 SUBSYSTEM=mdev\n");
	assert_list(DEVICES "/" U "1",
		    "explicit_bind_only\nmdev_type\nrebind\nremove\nsubsystem\nuevent\n");
	assert_contents(TYPES "/acme-1/available_instances", "2\n");
	assert_contents(DEVICES "/" U "1/uevent", "");
	assert_int_equal(acme.alive, 0);

	assert_int_equal(tree_write("/bus/mdev/drivers/acme/bind", U "1\n"), 37);
	assert_events(&events, "bind " PARENT "/" U "1 SUBSYSTEM=mdev DRIVER=acme\n");
	events_stop(&events);
	assert_list(DEVICES "/" U "1",
		    "driver\nexplicit_bind_only\nmdev_type\nrebind\nremove\nsubsystem\n"
		    "uevent\nvendor\n");
	assert_contents(TYPES "/acme-1/available_instances", "2\n");
	assert_int_equal(acme.alive, 1);
}

/* It is explicit_bind_only; without that it finds back to its parent's driver, and to no other. */
static void an_unbound_device_finds_back_where_it_may(void **state)
{
	assert_int_equal(vendor_create(&acme, 1, 1), 0);
	assert_contents(DEVICES "/" U "1/explicit_bind_only", "1\n");
	assert_int_equal(tree_write("/bus/mdev/drivers/acme/unbind", U "1\n"), 37);
	assert_int_equal(tree_write("/bus/mdev/drivers_probe", U "1\n"), 37);
	assert_int_equal(acme.alive, 0);
	assert_int_equal(tree_write(DEVICES "/" U "1/explicit_bind_only", "0\n"), 2);
	assert_int_equal(acme.alive, 0);
	assert_int_equal(tree_write("/bus/mdev/drivers_probe", U "1\n"), 37);
	assert_int_equal(acme.alive, 1);
	assert_int_equal(tree_write(DEVICES "/" U "1/rebind", "acme\n"), 5);
	assert_int_equal(acme.alive, 1);
}

static void an_unbound_device_can_be_removed(void **state)
{
	assert_int_equal(vendor_create(&acme, 1, 1), 0);
	assert_int_equal(tree_write("/bus/mdev/drivers/acme/unbind", U "1\n"), 37);
	assert_int_equal(tree_write(DEVICES "/" U "1/remove", "1\n"), 2);
	assert_list(DEVICES, "");
	assert_contents(TYPES "/acme-1/available_instances", "3\n");
}

static void nobody_takes_an_unbound_device_by_itself(void **state)
{
	assert_int_equal(vendor_create(&acme, 1, 1), 0);
	assert_int_equal(tree_write("/bus/mdev/drivers/acme/unbind", U "1\n"), 37);
	assert_int_equal(tree_write("/bus/mdev/drivers_probe", U "1\n"), 37);
	assert_int_equal(bus_rescan_devices(acme.driver.driver.bus), 0);
	assert_list(DEVICES "/" U "1",
		    "explicit_bind_only\nmdev_type\nrebind\nremove\nsubsystem\nuevent\n");
}

static void a_device_goes_to_its_own_driver_only(void **state)
{
	struct vendor other = { .name = "other", .driver.max_instances = 1 };

	assert_int_equal(vendor_start(&other), 0);
	assert_int_equal(vendor_create(&acme, 1, 1), 0);
	assert_int_equal(tree_write("/bus/mdev/drivers/acme/bind", U "1\n"), -EBUSY);
	assert_int_equal(tree_write("/bus/mdev/drivers/other/unbind", U "1\n"), -ENODEV);
	assert_int_equal(tree_write("/bus/mdev/drivers/acme/unbind", U "1\n"), 37);
	assert_int_equal(tree_write("/bus/mdev/drivers/other/bind", U "1\n"), -ENODEV);
	assert_int_equal(tree_write("/bus/mdev/drivers/acme/bind", U "2\n"), -ENODEV);
	vendor_stop(&other);
}

static void autoprobe_does_not_matter_to_create(void **state)
{
	assert_int_equal(tree_write("/bus/mdev/drivers_autoprobe", "0\n"), 2);
	assert_int_equal(vendor_create(&acme, 1, 1), 0);
	assert_int_equal(tree_write("/bus/mdev/drivers_autoprobe", "1\n"), 2);
	assert_true(tree_exists(DEVICES "/" U "1/driver"));
}

static int start(void **state)
{
	return umdev_start();
}

static int stop(void **state)
{
	umdev_stop();
	return 0;
}

#define WITH_ACME(test) cmocka_unit_test_setup_teardown(test, start_acme, stop_acme)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_ACME(registering_a_parent_shows_its_types),
		WITH_ACME(a_parent_says_when_it_comes_and_goes),
		WITH_ACME(a_device_is_a_parent_once),
		WITH_ACME(two_types_of_one_name_are_refused_whole),
		WITH_ACME(incomplete_registrations_are_refused),
		WITH_ACME(a_description_is_there_if_the_driver_gives_one),
		WITH_ACME(a_created_device_is_complete),
		WITH_ACME(only_a_uuid_makes_a_device),
		WITH_ACME(a_uuid_in_upper_case_names_the_same_device),
		WITH_ACME(the_character_behind_a_uuid_is_not_looked_at),
		WITH_ACME(a_uuid_is_used_once_anywhere),
		WITH_ACME(all_types_share_the_instances_of_their_parent),
		WITH_ACME(a_driver_may_count_instances_itself),
		WITH_ACME(a_deferred_probe_fails_the_create),
		WITH_ACME(a_parent_that_is_gone_makes_nothing),
		WITH_ACME(a_removed_device_is_gone_everywhere),
		WITH_ACME(remove_takes_a_number),
		WITH_ACME(a_device_is_found_by_its_uuid_while_it_lives),
		WITH_ACME(an_unbound_device_can_be_bound_again),
		WITH_ACME(an_unbound_device_finds_back_where_it_may),
		WITH_ACME(an_unbound_device_can_be_removed),
		WITH_ACME(nobody_takes_an_unbound_device_by_itself),
		WITH_ACME(a_device_goes_to_its_own_driver_only),
		WITH_ACME(autoprobe_does_not_matter_to_create),
	};

	return cmocka_run_group_tests_name("mdev", tests, start, stop);
}
