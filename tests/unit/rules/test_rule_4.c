/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A failed create leaves nothing, at whichever step it failed: each step is made to fail in turn,
 * and each time the tree, the events, the UUIDs and the instances are as before. Leaks are the
 * sanitizer's to find.
 */
#include <stdio.h>

#include "unit/rules/rule.h"

static void fail_every_step_of_create(struct vendor *vendor)
{
	char *before = everything(), *after;
	struct mdev_device *found;
	unsigned long n;
	uint8_t uuid[16];
	bool hit;
	int err;

	uuid_n(1, uuid);
	free(events_take(&heard));
	for (n = 1;; n++) {
		fault_countdown = n;
		err = vendor_create(vendor, 1, 1);
		hit = !fault_countdown;
		fault_countdown = 0;
		if (!hit)
			break;
		if (!err)
			fail_msg("step %lu failed and nobody noticed", n);
		after = everything();
		assert_same(after, before);
		free(after);
		assert_heard("");
		found = mdev_find(uuid);
		assert_null(found);
		assert_int_equal(vendor->alive, 0);
	}
	assert_int_equal(err, 0);
	print_message("%lu steps can fail\n", n - 1);
	assert_true(n > 10);
	assert_int_equal(vendor->alive, 1);
	free(events_take(&heard));
	assert_int_equal(vendor_remove(vendor, 1), 0);
	after = everything();
	assert_same(after, before);
	free(after);
	free(before);
}

static void every_step_of_create_may_fail(void **state)
{
	fail_every_step_of_create(&acme);
}

static void every_step_of_create_with_vfio_may_fail(void **state)
{
	fail_every_step_of_create(&acme);
}

static void every_step_of_the_thousandth_create_may_fail(void **state)
{
	unsigned int i;

	/* Tables that grow have steps that the first create does not have. */
	mdev_unregister_parent(&acme.parent);
	acme.driver.max_instances = 1001;
	assert_int_equal(vendor_register_parent(&acme), 0);
	for (i = 2; i < 1001; i++)
		assert_int_equal(vendor_create(&acme, 1, i), 0);
	acme.alive = 0;
	fail_every_step_of_create(&acme);
	acme.alive = 999;
}

static int refuse(struct vendor *vendor, struct vendor_dev *vd)
{
	return *(int *)vendor->data;
}

static void whatever_probe_says_leaves_nothing(void **state)
{
	static const int said[][2] = {
		{ -ENOSPC, -ENOSPC }, { -ENOMEM, -ENOMEM },	  { -EBUSY, -EBUSY },
		{ -EPERM, -EPERM },   { -EPROBE_DEFER, -EAGAIN }, { -EIO, -EIO },
	};
	char *before = everything(), *after;
	int value;
	size_t i;

	acme.probing = refuse;
	acme.data = &value;
	free(events_take(&heard));
	for (i = 0; i < ARRAY_SIZE(said); i++) {
		value = said[i][0];
		assert_int_equal(vendor_create(&acme, 1, 1), said[i][1]);
		after = everything();
		assert_same(after, before);
		free(after);
		assert_heard("");
	}
	acme.probing = NULL;
	assert_int_equal(vendor_create(&acme, 1, 1), 0);
	free(before);
}

static void every_step_of_registering_a_parent_may_fail(void **state)
{
	char *before, *after;
	unsigned long n;
	bool hit;
	int err;

	mdev_unregister_parent(&acme.parent);
	before = everything();
	free(events_take(&heard));
	for (n = 1;; n++) {
		fault_countdown = n;
		err = vendor_register_parent(&acme);
		hit = !fault_countdown;
		fault_countdown = 0;
		if (!hit)
			break;
		if (!err)
			fail_msg("step %lu failed and nobody noticed", n);
		after = everything();
		assert_same(after, before);
		free(after);
		assert_heard("");
	}
	assert_int_equal(err, 0);
	assert_true(n > 10);
	free(before);
	assert_int_equal(vendor_create(&acme, 1, 1), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_ACME(every_step_of_create_may_fail),
		WITH_ACME_VFIO(every_step_of_create_with_vfio_may_fail),
		WITH_ACME(every_step_of_the_thousandth_create_may_fail),
		WITH_ACME(whatever_probe_says_leaves_nothing),
		WITH_ACME(every_step_of_registering_a_parent_may_fail),
	};

	return cmocka_run_group_tests_name("rule 4: a failed create leaves nothing", tests,
					   start_model, stop_model);
}
