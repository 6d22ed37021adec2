/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmocka_umdev.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>

#include "model/alloc.h"
#include "model/base.h"
#include "model_fixture.h"
#include "support/outside.h"
#include "support/tree.h"

static atomic_int devices_alive;

void assert_nodes(const char *expected)
{
	static const char root[] = "D 755 /\n";
	char *nodes = tree_snapshot_node(kernfs_dev_root());

	assert_non_null(nodes);
	assert_memory_equal(nodes, root, strlen(root));
	assert_string_equal(nodes + strlen(root), expected);
	free(nodes);
}

/* Both trees. */
static char *snapshot(void)
{
	char *sys = tree_snapshot("/"), *dev = tree_snapshot_node(kernfs_dev_root()), *both;

	assert_true(asprintf(&both, "%s%s", sys, dev) > 0);
	free(sys);
	free(dev);
	return both;
}

int fixture_setup(void **state)
{
	log_capture_begin();
	assert_int_equal(model_init(), 0);
	return 0;
}

int fixture_teardown(void **state)
{
	events_end();
	model_exit();
	log_capture_end();
	assert_string_equal(outside_list("/"), "");
	assert_nodes("");
	assert_int_equal(atomic_load(&devices_alive), 0);
	return 0;
}

static void device_gone(struct device *dev)
{
	atomic_fetch_sub(&devices_alive, 1);
	free(dev);
}

struct device *fixture_device(struct bus_type *bus, struct device *parent, const char *name)
{
	struct device *dev = calloc(1, sizeof(*dev));

	assert_non_null(dev);
	atomic_fetch_add(&devices_alive, 1);
	dev->bus = bus;
	dev->parent = parent;
	dev->release = device_gone;
	assert_int_equal(device_initialize(dev), 0);
	if (name)
		assert_int_equal(dev_set_name(dev, "%s", name), 0);
	return dev;
}

struct device *fixture_added(struct bus_type *bus, struct device *parent, const char *name)
{
	struct device *dev = fixture_device(bus, parent, name);

	assert_int_equal(device_add(dev), 0);
	return dev;
}

unsigned int fixture_fail_each_step(int (*op)(void *data), void (*undo)(void *data), void *data)
{
	char *before = snapshot(), *after;
	unsigned int step;
	bool failed;
	int err;

	for (step = 1;; step++) {
		events_begin();
		fault_countdown = step;
		err = op(data);
		failed = !fault_countdown;
		fault_countdown = 0;
		if (!failed)
			break;
		if (err != -ENOMEM)
			print_error("step %u: %d instead of -ENOMEM\n", step, err);
		assert_int_equal(err, -ENOMEM);
		assert_string_equal(events_text(), "");
		after = snapshot();
		assert_string_equal(after, before);
		free(after);
	}
	assert_int_equal(err, 0);
	undo(data);
	after = snapshot();
	assert_string_equal(after, before);
	free(after);
	free(before);
	return step - 1;
}
