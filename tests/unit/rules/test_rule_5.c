/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A parent that unregisters refuses new creates (ENODEV), removes its children, then goes; a create
 * that raced it either finished before or never happened. Nobody but the unregistering parent waits
 * for a user who does not let go.
 */
#include <stdio.h>

#include "support/user.h"
#include "unit/rules/rule.h"

static struct gate probing, probe_may_end, unregistered;

static int stay_in_probe(struct vendor *vendor, struct vendor_dev *vd)
{
	if (strcmp(dev_name(&vd->mdev->dev), vendor->data))
		return 0;
	gate_open(&probing);
	gate_wait(&probe_may_end);
	return 0;
}

static void *create_first(void *data)
{
	*(int *)data = vendor_create(&acme, 0, 1);
	return NULL;
}

static void *unregister(void *data)
{
	mdev_unregister_parent(&acme.parent);
	gate_open(&unregistered);
	return NULL;
}

/* Create through a file opened before, until the parent does not let it. */
static void wait_until_refused(struct kernfs_node *create)
{
	char text[40];
	ssize_t ret;

	snprintf(text, sizeof(text), "%s", uuid_text(2));
	do {
		ret = tree_write_node(create, text);
		if (ret > 0)
			vendor_remove(&acme, 2);
	} while (ret > 0);
	assert_int_equal(ret, -ENODEV);
}

static void a_create_that_runs_is_finished_first(void **state)
{
	struct kernfs_node *create = tree_find(TYPES "/acme-1/create");
	pthread_t creator, going;
	char first[40], *text;
	int err = 1;

	probing = probe_may_end = unregistered = (struct gate)GATE_INIT;
	snprintf(first, sizeof(first), "%s", uuid_text(1));
	acme.data = first;
	acme.probing = stay_in_probe;
	pthread_create(&creator, NULL, create_first, &err);
	gate_wait(&probing);
	pthread_create(&going, NULL, unregister, NULL);
	wait_until_refused(create);
	free(events_take(&heard));
	assert_true(gate_stays_shut(&unregistered));

	gate_open(&probe_may_end);
	pthread_join(creator, NULL);
	pthread_join(going, NULL);
	assert_int_equal(err, 0);
	assert_int_equal(acme.alive, 0);
	assert_list(DEVICES, "");
	text = events_take(&heard);
	assert_non_null(strstr(text, "add " PARENT "/83b8f4f2-509f-382f-3c1e-e6bf00000001 "));
	assert_non_null(strstr(text, "remove " PARENT "/83b8f4f2-509f-382f-3c1e-e6bf00000001 "));
	/* The last word is the parent's. */
	assert_string_equal(strstr(text, "change"),
			    "change " PARENT " SUBSYSTEM=acme MDEV_STATE=unregistered\n");
	free(text);
	assert_int_equal(tree_write_node(create, uuid_text(3)), -ENODEV);
	kernfs_put(create);
	acme.probing = NULL;
	assert_int_equal(vendor_register_parent(&acme), 0);
}

static void all_children_go_with_their_parent(void **state)
{
	char *before, *after;
	unsigned int i;

	mdev_unregister_parent(&acme.parent);
	before = everything();
	assert_int_equal(vendor_register_parent(&acme), 0);
	for (i = 0; i < 10; i++)
		assert_int_equal(vendor_create(&acme, i % 2, i), 0);
	assert_int_equal(tree_write(DRIVER "/unbind", uuid_text(4)), 36);
	mdev_unregister_parent(&acme.parent);
	after = everything();
	assert_same(after, before);
	assert_int_equal(acme.alive, 0);
	free(before);
	free(after);
	assert_int_equal(vendor_register_parent(&acme), 0);
	assert_int_equal(vendor_create(&acme, 0, 4), 0);
}

#define MAKERS 3

struct maker {
	pthread_t thread;
	struct kernfs_node *create;
	unsigned int first, made;
	ssize_t last;
};

static void *make_until_refused(void *data)
{
	struct maker *maker = data;
	char text[40];

	do {
		snprintf(text, sizeof(text), "%s", uuid_text(maker->first + maker->made % 20));
		maker->last = tree_write_node(maker->create, text);
		if (maker->last > 0 && ++maker->made >= 20)
			vendor_remove(&acme, maker->first + maker->made % 20);
	} while (maker->last > 0);
	return NULL;
}

static void a_create_that_races_is_finished_or_never_happened(void **state)
{
	struct maker makers[MAKERS];
	unsigned int round, i;

	for (round = 0; round < 60; round++) {
		for (i = 0; i < MAKERS; i++) {
			makers[i] = (struct maker) { .first = i * 100 };
			makers[i].create = tree_find(TYPES "/acme-1/create");
			pthread_create(&makers[i].thread, NULL, make_until_refused, &makers[i]);
		}
		mdev_unregister_parent(&acme.parent);
		assert_int_equal(__atomic_load_n(&acme.alive, __ATOMIC_RELAXED), 0);
		assert_list(DEVICES, "");
		for (i = 0; i < MAKERS; i++) {
			pthread_join(makers[i].thread, NULL);
			assert_int_equal(makers[i].last, -ENODEV);
			kernfs_put(makers[i].create);
		}
		assert_int_equal(acme.alive, 0);
		assert_int_equal(vendor_register_parent(&acme), 0);
	}
}

/* ---- a user who does not let go ---- */

struct removal {
	const char *path;
	const char *text;
	struct gate done;
	pthread_t thread;
};

static void *do_write(void *data)
{
	struct removal *removal = data;

	tree_write(removal->path, removal->text);
	gate_open(&removal->done);
	return NULL;
}

/* While device 1 hangs: everything else on the same parent goes on, and all can be read. */
static void assert_nobody_else_waits(void)
{
	char path[128], *text;

	assert_int_equal(tree_write(TYPES "/acme-1/create", uuid_text(2)), 36);
	snprintf(path, sizeof(path), DEVICES "/%s/remove", uuid_text(2));
	assert_int_equal(tree_write(path, "1"), 1);
	assert_int_equal(vendor_create(&acme, 0, 1), -EEXIST);
	text = everything();
	assert_non_null(strstr(text, "available_instances: 99\n"));
	free(text);
}

static void a_removal_that_hangs_holds_up_nobody(void **state)
{
	struct removal removal = { .text = "1", .done = GATE_INIT };
	struct user user = USER_INIT;
	char path[128];

	assert_int_equal(vendor_create(&acme, 1, 1), 0);
	assert_int_equal(user_open(&user, 1), 0);
	snprintf(path, sizeof(path), DEVICES "/%s/remove", uuid_text(1));
	removal.path = path;
	pthread_create(&removal.thread, NULL, do_write, &removal);
	gate_wait(&user.asked);

	assert_nobody_else_waits();
	assert_true(gate_stays_shut(&removal.done));

	user_close(&user);
	pthread_join(removal.thread, NULL);
	assert_list(DEVICES, "");
	assert_contents(TYPES "/acme-1/available_instances", "100\n");
}

static void an_unbind_that_hangs_holds_up_nobody(void **state)
{
	struct removal removal = { .path = DRIVER "/unbind", .done = GATE_INIT };
	struct user user = USER_INIT;
	char first[40];

	snprintf(first, sizeof(first), "%s", uuid_text(1));
	removal.text = first;
	assert_int_equal(vendor_create(&acme, 1, 1), 0);
	assert_int_equal(user_open(&user, 1), 0);
	pthread_create(&removal.thread, NULL, do_write, &removal);
	gate_wait(&user.asked);

	assert_nobody_else_waits();
	assert_true(gate_stays_shut(&removal.done));

	user_close(&user);
	pthread_join(removal.thread, NULL);
	assert_true(tree_exists(DEVICES "/%s", first));
}

static void a_parent_waits_for_a_removal_that_hangs(void **state)
{
	struct removal removal = { .text = "1", .done = GATE_INIT };
	struct kernfs_node *create = tree_find(TYPES "/acme-1/create");
	struct user user = USER_INIT;
	pthread_t going;
	char path[128];

	unregistered = (struct gate)GATE_INIT;
	assert_int_equal(vendor_create(&acme, 1, 1), 0);
	assert_int_equal(user_open(&user, 1), 0);
	snprintf(path, sizeof(path), DEVICES "/%s/remove", uuid_text(1));
	removal.path = path;
	pthread_create(&removal.thread, NULL, do_write, &removal);
	gate_wait(&user.asked);
	pthread_create(&going, NULL, unregister, NULL);
	wait_until_refused(create);
	kernfs_put(create);

	assert_true(gate_stays_shut(&unregistered));
	assert_true(acme.alive >= 1);

	user_close(&user);
	pthread_join(removal.thread, NULL);
	pthread_join(going, NULL);
	assert_int_equal(acme.alive, 0);
	assert_int_equal(vendor_register_parent(&acme), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_ACME_VFIO(a_create_that_runs_is_finished_first),
		WITH_ACME_VFIO(all_children_go_with_their_parent),
		WITH_ACME_VFIO(a_create_that_races_is_finished_or_never_happened),
		WITH_ACME_VFIO(a_removal_that_hangs_holds_up_nobody),
		WITH_ACME_VFIO(an_unbind_that_hangs_holds_up_nobody),
		WITH_ACME_VFIO(a_parent_waits_for_a_removal_that_hangs),
	};

	return cmocka_run_group_tests_name("rule 5: a parent that unregisters", tests, start_model,
					   stop_model);
}
