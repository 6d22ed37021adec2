/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Remove mirrors create: first users are asked to let go and waited for, then the device leaves its
 * bus, then the vendor tears down. Nothing in that way can fail, and nothing is put back.
 */
#include <sched.h>
#include <stdio.h>

#include "support/user.h"
#include "unit/rules/rule.h"

struct removal {
	unsigned int n;
	ssize_t ret;
	struct gate done;
	pthread_t thread;
};

static void *do_remove(void *data)
{
	struct removal *removal = data;
	char path[128];

	snprintf(path, sizeof(path), DEVICES "/%s/remove", uuid_text(removal->n));
	removal->ret = tree_write(path, "1\n");
	gate_open(&removal->done);
	return NULL;
}

static void a_user_is_asked_and_waited_for(void **state)
{
	struct removal removal = { .n = 1, .done = GATE_INIT };
	struct user user = USER_INIT;
	uint32_t value;

	assert_int_equal(vendor_create(&acme, 1, 1), 0);
	assert_int_equal(user_open(&user, 1), 0);
	free(events_take(&heard));
	pthread_create(&removal.thread, NULL, do_remove, &removal);

	gate_wait(&user.asked);
	assert_true(gate_stays_shut(&removal.done));
	/* The vendor's part is whole until the user has gone. */
	assert_int_equal(acme.alive, 1);
	assert_int_equal(vfio_file_read(user.file, 0, &value, 4, 0), 4);
	assert_heard("");
	/* Nor has the device left its bus, where one can see who holds it. */
	assert_true(tree_exists(DEVICES "/%s/driver", uuid_text(1)));
	assert_true(tree_exists(DEVICES "/%s/mdev_type", uuid_text(1)));
	assert_true(tree_exists(DEVICES "/%s/vendor/knob", uuid_text(1)));
	assert_true(tree_exists(TYPES "/acme-2/devices/%s", uuid_text(1)));

	user_close(&user);
	pthread_join(removal.thread, NULL);
	assert_int_equal(removal.ret, 2);
	assert_int_equal(acme.alive, 0);
	assert_list(DEVICES, "");
}

static void *do_unbind(void *data)
{
	ssize_t *ret = data;

	*ret = tree_write(DRIVER "/unbind", uuid_text(1));
	return NULL;
}

static void what_is_on_its_way_out_is_not_bound_again(void **state)
{
	struct removal removal = { .n = 1, .done = GATE_INIT };
	struct user user = USER_INIT;
	pthread_t unbinder;
	ssize_t unbound;

	assert_int_equal(vendor_create(&acme, 1, 1), 0);
	assert_int_equal(user_open(&user, 1), 0);
	pthread_create(&unbinder, NULL, do_unbind, &unbound);
	gate_wait(&user.asked);
	/* The removal waits for the unbinding, which waits for the user; then nobody has it. */
	pthread_create(&removal.thread, NULL, do_remove, &removal);
	while (tree_exists(DEVICES "/%s/remove", uuid_text(1)))
		sched_yield();
	user_close(&user);
	pthread_join(unbinder, NULL);
	assert_true(unbound > 0);
	tree_write(DRIVER "/bind", uuid_text(1));
	pthread_join(removal.thread, NULL);
	assert_int_equal(removal.ret, 2);
	assert_int_equal(acme.alive, 0);
	assert_list(DRIVER, "bind\nexplicit_bind_only\nuevent\nunbind\n");
}

struct order {
	char text[512];
};

static void at_remove(struct vendor *vendor, struct vendor_dev *vd)
{
	const char *uuid = dev_name(&vd->mdev->dev);
	struct order *order = vendor->data;
	char *events = events_take(&heard);

	snprintf(order->text, sizeof(order->text), "%s%s%s%s%s",
		 tree_exists(DEVICES "/%s", uuid) ? "bus " : "",
		 tree_exists(TYPES "/acme-2/devices/%s", uuid) ? "type/devices " : "",
		 tree_exists(PARENT "/%s/vendor", uuid) ? "vendor " : "",
		 tree_exists(PARENT "/%s/vfio-dev", uuid) ? "vfio-dev " : "", events);
	free(events);
}

static void what_was_made_last_goes_first(void **state)
{
	struct order order = { 0 };

	acme.removing = at_remove;
	acme.data = &order;
	assert_int_equal(vendor_create(&acme, 1, 1), 0);
	free(events_take(&heard));
	assert_int_equal(vendor_remove(&acme, 1), 0);
	/* When the vendor tears down nobody can use the device any more and it has left its bus. */
	assert_string_equal(
		order.text,
		"remove " PARENT "/83b8f4f2-509f-382f-3c1e-e6bf00000001/vfio-dev/vfio0"
		" SUBSYSTEM=vfio-dev\n"
		"remove /devices/virtual/vfio/0 SUBSYSTEM=vfio MAJOR=254 MINOR=0 DEVNAME=vfio/0\n");
	assert_heard("unbind " PARENT "/83b8f4f2-509f-382f-3c1e-e6bf00000001 SUBSYSTEM=mdev\n"
		     "remove " PARENT "/83b8f4f2-509f-382f-3c1e-e6bf00000001 SUBSYSTEM=mdev\n");
	acme.removing = NULL;
}

static void no_step_of_a_removal_can_fail(void **state)
{
	char *before = everything(), *after;
	unsigned long n;
	bool hit;

	for (n = 1, hit = true; hit; n++) {
		assert_int_equal(vendor_create(&acme, 1, 1), 0);
		fault_countdown = n;
		assert_int_equal(vendor_remove(&acme, 1), 0);
		hit = !fault_countdown;
		fault_countdown = 0;
		after = everything();
		assert_same(after, before);
		free(after);
		assert_int_equal(acme.alive, 0);
	}
	free(before);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_ACME_VFIO(a_user_is_asked_and_waited_for),
		WITH_ACME_VFIO(what_is_on_its_way_out_is_not_bound_again),
		WITH_ACME_VFIO(what_was_made_last_goes_first),
		WITH_ACME_VFIO(no_step_of_a_removal_can_fail),
	};

	return cmocka_run_group_tests_name("rule 2: remove mirrors create", tests, start_model,
					   stop_model);
}
