/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every non-root device has a bus or a class, so every device that a tool meets has a subsystem
 * link. The core refuses one without (seed 000).
 */
#include <stdio.h>

#include "unit/rules/rule.h"

static void release(struct device *dev)
{
	free(dev);
}

static void a_child_without_bus_and_class_is_refused(void **state)
{
	struct device *dev = calloc(1, sizeof(*dev));
	char *before = everything(), *after;

	free(events_take(&heard));
	assert_int_equal(device_initialize(dev), 0);
	dev->release = release;
	dev->parent = acme.dev;
	assert_int_equal(dev_set_name(dev, "stray"), 0);
	assert_int_equal(device_add(dev), -EINVAL);
	put_device(dev);
	after = everything();
	assert_same(after, before);
	assert_heard("");
	free(before);
	free(after);
}

/* A directory below /devices with a file uevent is a device. */
static void assert_subsystems(const char *path, unsigned int depth, unsigned int *devices)
{
	char sub[4096], *names, *name, *rest;
	struct kernfs_node *kn;

	if (tree_exists("%s/uevent", path)) {
		++*devices;
		if (!tree_exists("%s/subsystem", path) && depth > 1)
			fail_msg("%s has no subsystem", path);
	}
	names = tree_list(path);
	for (name = strtok_r(names, "\n", &rest); name; name = strtok_r(NULL, "\n", &rest)) {
		snprintf(sub, sizeof(sub), "%s/%s", path, name);
		kn = tree_find(sub);
		/* A link leads to a node whose own path is another. */
		if (kn && kernfs_type(kn) == KERNFS_DIR) {
			char own[4096];

			kernfs_path(kn, own, sizeof(own));
			if (!strcmp(own, sub))
				assert_subsystems(sub, depth + 1, devices);
		}
		kernfs_put(kn);
	}
	free(names);
}

static void every_device_has_a_subsystem(void **state)
{
	unsigned int devices = 0;

	assert_int_equal(vendor_create(&acme, 1, 1), 0);
	assert_subsystems("/devices", 0, &devices);
	/* The parent, the mdev, its vfio/0 and its vfio-dev/vfio0. */
	assert_true(devices >= 4);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_ACME_VFIO(a_child_without_bus_and_class_is_refused),
		WITH_ACME_VFIO(every_device_has_a_subsystem),
	};

	return cmocka_run_group_tests_name("rule 7: every device has a bus or a class", tests,
					   start_model, stop_model);
}
