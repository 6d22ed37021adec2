/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * After remove returns it is gone: no callback of that device runs any more, an open file of it
 * answers ENODEV, its UUID and its instance are free again.
 */
#include "unit/rules/rule.h"

static struct gate show_runs, show_may_end, removed;

static void stay_in_show(struct vendor *vendor, struct vendor_dev *vd)
{
	gate_open(&show_runs);
	gate_wait(&show_may_end);
}

static void *read_note(void *data)
{
	char buf[SYSFS_PAGE_SIZE];

	*(ssize_t *)data = tree_read(vendor_path(&acme, 1, "vendor/note"), buf);
	return NULL;
}

static void *remove_first(void *data)
{
	*(int *)data = vendor_remove(&acme, 1);
	gate_open(&removed);
	return NULL;
}

static void no_callback_runs_any_more(void **state)
{
	pthread_t reader, remover;
	ssize_t len;
	int err;

	show_runs = show_may_end = removed = (struct gate)GATE_INIT;
	acme.showing = stay_in_show;
	assert_int_equal(vendor_create(&acme, 1, 1), 0);
	pthread_create(&reader, NULL, read_note, &len);
	gate_wait(&show_runs);
	pthread_create(&remover, NULL, remove_first, &err);

	assert_true(gate_stays_shut(&removed));
	assert_int_equal(acme.alive, 1);

	gate_open(&show_may_end);
	pthread_join(remover, NULL);
	pthread_join(reader, NULL);
	assert_int_equal(err, 0);
	assert_int_equal(len, strlen("this is \n") + 36);
	assert_int_equal(acme.alive, 0);
}

static void an_open_file_answers_enodev(void **state)
{
	struct kernfs_node *note, *knob, *uevent, *remove;
	char buf[SYSFS_PAGE_SIZE];

	assert_int_equal(vendor_create(&acme, 1, 1), 0);
	note = tree_find(vendor_path(&acme, 1, "vendor/note"));
	knob = tree_find(vendor_path(&acme, 1, "vendor/knob"));
	uevent = tree_find(vendor_path(&acme, 1, "uevent"));
	remove = tree_find(vendor_path(&acme, 1, "remove"));
	assert_int_equal(vendor_remove(&acme, 1), 0);

	assert_int_equal(tree_read_node(note, buf), -ENODEV);
	assert_int_equal(tree_write_node(knob, "1"), -ENODEV);
	assert_int_equal(tree_read_node(uevent, buf), -ENODEV);
	assert_int_equal(tree_write_node(remove, "1"), -ENODEV);

	/* Not even when the name has been given to another. */
	assert_int_equal(vendor_create(&acme, 1, 1), 0);
	assert_int_equal(tree_read_node(note, buf), -ENODEV);
	assert_int_equal(tree_write_node(remove, "1"), -ENODEV);
	assert_true(tree_exists(DEVICES "/%s", uuid_text(1)));
	kernfs_put(note);
	kernfs_put(knob);
	kernfs_put(uevent);
	kernfs_put(remove);
}

static void uuid_and_instance_are_free_although_somebody_remembers_it(void **state)
{
	struct mdev_device *mdev;
	uint8_t uuid[16];

	mdev_unregister_parent(&acme.parent);
	acme.driver.max_instances = 1;
	assert_int_equal(vendor_register_parent(&acme), 0);
	assert_int_equal(vendor_create(&acme, 0, 1), 0);
	uuid_n(1, uuid);
	mdev = mdev_find(uuid);

	assert_int_equal(vendor_remove(&acme, 1), 0);
	assert_contents(TYPES "/acme-1/available_instances", "1\n");
	assert_int_equal(vendor_create(&acme, 0, 1), 0);
	assert_int_equal(mdev_device_remove(mdev), -ENODEV);
	put_device(&mdev->dev);
	assert_true(tree_exists(DEVICES "/%s", uuid_text(1)));
}

static void a_device_that_somebody_remembers_does_not_hold_its_parent(void **state)
{
	struct vendor *other = calloc(1, sizeof(*other));
	struct mdev_device *mdev;
	uint8_t uuid[16];

	other->name = "other";
	other->driver.max_instances = 1;
	assert_int_equal(vendor_start(other), 0);
	assert_int_equal(vendor_create(other, 0, 1), 0);
	uuid_n(1, uuid);
	mdev = mdev_find(uuid);
	vendor_stop(other);
	free(other);
	assert_int_equal(mdev_device_remove(mdev), -ENODEV);
	put_device(&mdev->dev);
}

#define REMOVERS 4

struct contest {
	struct kernfs_node *remove;
	pthread_barrier_t start;
	ssize_t ret[REMOVERS];
	unsigned int next; /* atomic */
};

static void *contend(void *data)
{
	struct contest *contest = data;
	unsigned int me = __atomic_fetch_add(&contest->next, 1, __ATOMIC_RELAXED);

	pthread_barrier_wait(&contest->start);
	contest->ret[me] = tree_write_node(contest->remove, "1");
	return NULL;
}

static void of_many_who_remove_a_device_one_does(void **state)
{
	pthread_t threads[REMOVERS];
	unsigned int round, i;

	for (round = 0; round < 200; round++) {
		struct contest contest = { 0 };

		assert_int_equal(vendor_create(&acme, 1, 1), 0);
		contest.remove = tree_find(vendor_path(&acme, 1, "remove"));
		pthread_barrier_init(&contest.start, NULL, REMOVERS);
		for (i = 0; i < REMOVERS; i++)
			pthread_create(&threads[i], NULL, contend, &contest);
		for (i = 0; i < REMOVERS; i++)
			pthread_join(threads[i], NULL);
		for (i = 0; i < REMOVERS; i++)
			assert_true(contest.ret[i] == 1 || contest.ret[i] == -ENODEV);
		assert_int_equal(acme.alive, 0);
		assert_false(tree_exists(DEVICES "/%s", uuid_text(1)));
		pthread_barrier_destroy(&contest.start);
		kernfs_put(contest.remove);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_ACME(no_callback_runs_any_more),
		WITH_ACME(an_open_file_answers_enodev),
		WITH_ACME(uuid_and_instance_are_free_although_somebody_remembers_it),
		WITH_ACME(a_device_that_somebody_remembers_does_not_hold_its_parent),
		WITH_ACME(of_many_who_remove_a_device_one_does),
	};

	return cmocka_run_group_tests_name("rule 3: after remove returns it is gone", tests,
					   start_model, stop_model);
}
