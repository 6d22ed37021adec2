/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Claims: groups that somebody has opened, and who is kept out meanwhile. */
#include "cmocka_umdev.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "model/alloc.h"
#include "model/kernfs.h"
#include "support/outside.h"
#include "vfio/vfio.h"
#include "vfio_fake.h"

static int gone; /* atomic: how often a holder was told */

static void claim_gone(void *data)
{
	__atomic_add_fetch(&gone, 1, __ATOMIC_SEQ_CST);
}

static void claim_describe(void *data, char *buf, size_t size)
{
	snprintf(buf, size, "pid 12 (%s)", (const char *)data);
}

static const struct vfio_claim_ops ops = { .gone = claim_gone, .describe = claim_describe };
static const struct vfio_claim_ops shy_ops = { .gone = claim_gone };

static struct vfio_claim *claim_group(struct fake *fake)
{
	static char name[] = "a holder\n";
	struct vfio_claim *claim = NULL;

	assert_int_equal(vfio_group_claim(&fake->vdev, &ops, name, &claim), 0);
	assert_non_null(claim);
	return claim;
}

static int open_with(struct fake *fake, struct vfio_claim *claim)
{
	struct vfio_file *file;
	int err = vfio_file_open_claimed(&fake->vdev, claim, &fake_user_ops, fake, &file);

	if (!err)
		vfio_file_close(file);
	return err;
}

static int try_claim(struct fake *fake)
{
	struct vfio_claim *claim;
	int err = vfio_group_claim(&fake->vdev, &ops, NULL, &claim);

	if (!err)
		vfio_group_release(claim);
	return err;
}

static void a_group_has_one_holder(void **state)
{
	struct fake *fake = fake_create("d0");
	struct vfio_claim *claim = claim_group(fake);

	assert_int_equal(try_claim(fake), -EBUSY);
	vfio_group_release(claim);
	assert_int_equal(try_claim(fake), 0);
	assert_int_equal(gone, 0);
	fake_free(fake);
}

static void groups_are_claimed_each_by_itself(void **state)
{
	struct fake *a = fake_create("a"), *b = fake_create("b");
	struct vfio_claim *claim_a = claim_group(a), *claim_b = claim_group(b);

	assert_int_equal(open_with(a, claim_b), -EBUSY);
	assert_int_equal(open_with(b, claim_b), 0);
	vfio_group_release(claim_a);
	assert_int_equal(open_with(a, claim_b), -ENODEV);
	assert_int_equal(open_with(a, NULL), 0);
	vfio_group_release(claim_b);
	fake_free(a);
	fake_free(b);
}

static void only_the_holder_opens_the_device(void **state)
{
	struct fake *fake = fake_create("d0");
	struct vfio_claim *claim = claim_group(fake);
	struct vfio_file *file, *second;

	assert_int_equal(vfio_file_open(&fake->vdev, &fake_user_ops, NULL, &file), -EBUSY);
	assert_int_equal(fake->opened, 0);
	assert_int_equal(vfio_file_open_claimed(&fake->vdev, claim, &fake_user_ops, fake, &file),
			 0);
	assert_int_equal(vfio_file_open_claimed(&fake->vdev, claim, &fake_user_ops, fake, &second),
			 -EBUSY);
	vfio_file_close(file);
	vfio_group_release(claim);
	assert_int_equal(open_with(fake, NULL), 0);
	fake_free(fake);
}

static void a_device_in_use_keeps_its_group(void **state)
{
	struct fake *fake = fake_create("d0");
	struct vfio_file *file = fake_open(fake);

	assert_int_equal(try_claim(fake), -EBUSY);
	vfio_file_close(file);
	assert_int_equal(try_claim(fake), 0);
	fake_free(fake);
}

static void the_device_stays_open_when_the_group_is_released(void **state)
{
	struct fake *fake = fake_create("d0");
	struct vfio_claim *claim = claim_group(fake);
	struct vfio_file *file;

	assert_int_equal(vfio_file_open_claimed(&fake->vdev, claim, &fake_user_ops, fake, &file),
			 0);
	vfio_group_release(claim);
	assert_int_equal(try_claim(fake), -EBUSY);
	assert_int_equal(open_with(fake, NULL), -EBUSY);
	assert_int_equal(vfio_file_reset(file), 0);
	vfio_file_close(file);
	assert_int_equal(try_claim(fake), 0);
	fake_free(fake);
}

static void a_claim_that_has_ended_opens_nothing(void **state)
{
	struct fake *fake = fake_create("d0");
	struct vfio_claim *claim = vfio_claim_get(claim_group(fake)), *next;

	vfio_group_release(claim);
	assert_int_equal(open_with(fake, claim), -ENODEV);
	next = claim_group(fake);
	assert_ptr_not_equal(next, claim);
	assert_int_equal(open_with(fake, claim), -EBUSY);
	assert_int_equal(open_with(fake, next), 0);
	vfio_group_release(next);
	vfio_claim_put(claim);
	vfio_claim_put(vfio_claim_get(NULL));
	fake_free(fake);
}

static void the_attribute_user_says_who_has_the_group(void **state)
{
	static const char *const user = "/class/vfio-dev/vfio0/user";
	struct fake *fake = fake_create("d0");
	struct vfio_claim *claim = claim_group(fake);
	struct vfio_file *file;

	assert_string_equal(outside_read(user), "pid 12 (a holder?)\n");
	assert_int_equal(vfio_file_open_claimed(&fake->vdev, claim, &fake_user_ops, fake, &file),
			 0);
	assert_string_equal(outside_read(user), "pid 4711 (a test)\n");
	vfio_file_close(file);
	assert_string_equal(outside_read(user), "pid 12 (a holder?)\n");
	vfio_group_release(claim);
	assert_string_equal(outside_read(user), "\n");
	assert_int_equal(vfio_group_claim(&fake->vdev, &shy_ops, NULL, &claim), 0);
	assert_string_equal(outside_read(user), "a user\n");
	vfio_group_release(claim);
	fake_free(fake);
}

static void a_group_alone_does_not_hold_up_the_removal(void **state)
{
	struct fake *fake = fake_create("d0");
	struct vfio_claim *claim = claim_group(fake);

	gone = 0;
	fake_free(fake);
	assert_int_equal(gone, 1);
	/* It is the holder's to give back, long after what it was of. */
	vfio_group_release(claim);
	assert_int_equal(gone, 1);
}

static void the_group_is_there_until_the_device_is_let_go(void **state)
{
	struct fake *fake = fake_create("d0");
	struct vfio_claim *claim = claim_group(fake);
	struct vfio_file *file;

	gone = 0;
	assert_int_equal(vfio_file_open_claimed(&fake->vdev, claim, &fake_user_ops, fake, &file),
			 0);
	log_capture_begin();
	fake_remove_begin(fake);
	fake_wait_requests(fake, 1);
	assert_int_equal(__atomic_load_n(&gone, __ATOMIC_SEQ_CST), 0);
	assert_int_equal(open_with(fake, claim), -ENODEV);
	vfio_file_close(file);
	fake_remove_end(fake);
	log_capture_end();
	assert_int_equal(gone, 1);
	vfio_group_release(claim);
}

static void a_group_that_is_going_is_not_claimed(void **state)
{
	struct fake *fake = fake_create("d0");
	struct vfio_file *file = fake_open(fake);

	log_capture_begin();
	fake_remove_begin(fake);
	fake_wait_requests(fake, 1);
	assert_int_equal(try_claim(fake), -ENODEV);
	vfio_file_close(file);
	fake_remove_end(fake);
	log_capture_end();
}

static void a_claim_that_fails_leaves_nothing(void **state)
{
	struct fake *fake = fake_create("d0");

	fault_countdown = 1;
	assert_int_equal(try_claim(fake), -ENOMEM);
	assert_int_equal(fault_countdown, 0);
	assert_string_equal(outside_read("/class/vfio-dev/vfio0/user"), "\n");
	assert_int_equal(try_claim(fake), 0);
	fake_free(fake);
}

static void the_groups_node_is_as_it_was_set_last(void **state)
{
	struct fake *fake = fake_create("d0");
	struct kernfs_node *dir = kernfs_lookup(kernfs_dev_root(), "vfio");
	struct kernfs_node *node = kernfs_lookup(dir, "0");
	struct stat st = { .st_mode = 0664, .st_uid = 7, .st_gid = 8 };

	assert_int_equal(vfio_group_stat(&fake->vdev, &st), 0);
	assert_int_equal(st.st_mode, S_IFCHR | 0600);
	st = (struct stat) { .st_mode = 0664, .st_uid = 7, .st_gid = 8 };
	assert_int_equal(
		kernfs_setattr(node, &st, KERNFS_SET_MODE | KERNFS_SET_UID | KERNFS_SET_GID), 0);
	memset(&st, 0, sizeof(st));
	assert_int_equal(vfio_group_stat(&fake->vdev, &st), 0);
	assert_int_equal(st.st_mode, S_IFCHR | 0664);
	assert_int_equal(st.st_uid, 7);
	assert_int_equal(st.st_gid, 8);
	kernfs_put(node);
	kernfs_put(dir);
	fake_free(fake);
}

/* ---- holders, users and a device that comes and goes, all at once ---- */

#define ROUNDS 500

/* As a transport has one: who uses the device, and who takes it back. */
static pthread_rwlock_t registered = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
static struct fake *shared; /* under it */
static int inside;	    /* atomic */
static bool over;	    /* atomic */

static void visit(struct vfio_claim *claim)
{
	struct vfio_file *file;

	if (vfio_file_open_claimed(&shared->vdev, claim, &fake_user_ops, shared, &file))
		return;
	assert_int_equal(__atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST), 1);
	__atomic_sub_fetch(&inside, 1, __ATOMIC_SEQ_CST);
	vfio_file_close(file);
}

static void *holder_run(void *arg)
{
	while (!__atomic_load_n(&over, __ATOMIC_SEQ_CST)) {
		struct vfio_claim *claim = NULL;

		pthread_rwlock_rdlock(&registered);
		if (shared && !vfio_group_claim(&shared->vdev, &ops, NULL, &claim))
			visit(claim);
		pthread_rwlock_unlock(&registered);
		/* Perhaps when the device has gone. */
		if (claim)
			vfio_group_release(claim);
	}
	return NULL;
}

static void *plain_run(void *arg)
{
	while (!__atomic_load_n(&over, __ATOMIC_SEQ_CST)) {
		pthread_rwlock_rdlock(&registered);
		if (shared)
			visit(NULL);
		pthread_rwlock_unlock(&registered);
	}
	return NULL;
}

static void holders_users_and_removals_at_once(void **state)
{
	pthread_t holders[2], plain[2];
	struct fake *fake;

	over = false;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pthread_create(&holders[i], NULL, holder_run, NULL), 0);
		assert_int_equal(pthread_create(&plain[i], NULL, plain_run, NULL), 0);
	}
	for (int i = 0; i < ROUNDS; i++) {
		fake = fake_create("shared");
		pthread_rwlock_wrlock(&registered);
		shared = fake;
		pthread_rwlock_unlock(&registered);
		sched_yield();
		pthread_rwlock_wrlock(&registered);
		shared = NULL;
		pthread_rwlock_unlock(&registered);
		fake_free(fake);
	}
	__atomic_store_n(&over, true, __ATOMIC_SEQ_CST);
	for (int i = 0; i < 2; i++) {
		pthread_join(holders[i], NULL);
		pthread_join(plain[i], NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_group_has_one_holder),
		cmocka_unit_test(groups_are_claimed_each_by_itself),
		cmocka_unit_test(only_the_holder_opens_the_device),
		cmocka_unit_test(a_device_in_use_keeps_its_group),
		cmocka_unit_test(the_device_stays_open_when_the_group_is_released),
		cmocka_unit_test(a_claim_that_has_ended_opens_nothing),
		cmocka_unit_test(the_attribute_user_says_who_has_the_group),
		cmocka_unit_test(a_group_alone_does_not_hold_up_the_removal),
		cmocka_unit_test(the_group_is_there_until_the_device_is_let_go),
		cmocka_unit_test(a_group_that_is_going_is_not_claimed),
		cmocka_unit_test(a_claim_that_fails_leaves_nothing),
		cmocka_unit_test(the_groups_node_is_as_it_was_set_last),
		cmocka_unit_test(holders_users_and_removals_at_once),
	};

	return cmocka_run_group_tests(tests, fake_bus_up, fake_bus_down);
}
