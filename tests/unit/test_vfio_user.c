/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Starting and stopping the vfio-user server, with every step failing in turn.
 */
#include "cmocka_umdev.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <umdev/vfio_user.h>

#include "model/alloc.h"
#include "model/kernfs.h"
#include "support/tree.h"
#include "vfio_fake.h"

#define MAX_STEPS 200

static char directory[] = "/tmp/test_vfio_user.XXXXXX";

static struct vfio_user_config config = {
	.dir = directory, .mode = 0640, .owner = (uid_t)-1, .group = (gid_t)-1
};

/* The entries of a directory but for those that begin with a dot, as the server's own do. */
static unsigned int count_entries(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	unsigned int n = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n;
}

static int up(void **state)
{
	if (!mkdtemp(directory))
		return -1;
	return fake_bus_up(state);
}

static int down(void **state)
{
	rmdir(directory);
	return fake_bus_down(state);
}

static void assert_socket(const char *name, bool there)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	assert_int_equal(lstat(path, &st), there ? 0 : -1);
	if (there) {
		assert_true(S_ISSOCK(st.st_mode));
		assert_int_equal(st.st_mode & 07777, 0640);
	}
}

static void the_attribute_says_where_the_socket_is(void **state)
{
	struct fake *fake = fake_new("shown");
	char expected[128], path[128], buf[SYSFS_PAGE_SIZE];

	assert_int_equal(vfio_user_start(&config), 0);
	assert_int_equal(fake_add(fake), 0);
	snprintf(path, sizeof(path), "/devices/shown/vfio-dev/%s/socket",
		 dev_name(fake->vdev.device));
	snprintf(expected, sizeof(expected), "%s/shown\n", directory);
	assert_true(tree_read(path, buf) > 0);
	assert_string_equal(buf, expected);
	assert_socket("shown", true);
	fake_free(fake);
	assert_socket("shown", false);
	vfio_user_stop();
}

static void a_device_that_was_there_before_the_server_is_served(void **state)
{
	struct fake *fake = fake_new("before");
	char path[128];

	assert_int_equal(fake_add(fake), 0);
	snprintf(path, sizeof(path), "/devices/before/vfio-dev/%s/socket",
		 dev_name(fake->vdev.device));
	assert_false(tree_exists("%s", path));
	assert_int_equal(vfio_user_start(&config), 0);
	assert_true(tree_exists("%s", path));
	assert_socket("before", true);
	vfio_user_stop();
	assert_false(tree_exists("%s", path));
	assert_socket("before", false);
	fake_free(fake);
}

static void there_is_one_server(void **state)
{
	assert_int_equal(vfio_user_start(&config), 0);
	assert_int_equal(vfio_user_start(&config), -EBUSY);
	vfio_user_stop();
	vfio_user_stop();
}

static void a_directory_that_is_not_there_is_refused(void **state)
{
	struct vfio_user_config nowhere = config;

	nowhere.dir = "/nowhere/at/all";
	assert_int_equal(vfio_user_start(&nowhere), -ENOENT);
	nowhere.dir = NULL;
	assert_int_equal(vfio_user_start(&nowhere), -EINVAL);
}

static void a_start_that_fails_at_any_step_leaves_nothing(void **state)
{
	struct fake *fake = fake_new("steps");
	unsigned int before, step;
	int err = -1;

	assert_int_equal(fake_add(fake), 0);
	before = count_entries("/proc/self/fd");
	for (step = 1; err && step < MAX_STEPS; step++) {
		fault_countdown = step;
		err = vfio_user_start(&config);
		fault_countdown = 0;
		if (err) {
			assert_int_equal(count_entries(directory), 0);
			assert_int_equal(count_entries("/proc/self/fd"), before);
		}
	}
	assert_int_equal(err, 0);
	assert_true(step > 5);
	vfio_user_stop();
	assert_int_equal(count_entries("/proc/self/fd"), before);
	fake_free(fake);
}

static void a_device_that_fails_at_any_step_has_no_socket(void **state)
{
	unsigned int before, step;
	int err = -1;

	assert_int_equal(vfio_user_start(&config), 0);
	before = count_entries("/proc/self/fd");
	for (step = 1; err && step < MAX_STEPS; step++) {
		struct fake *fake = fake_new("steps");

		fault_countdown = step;
		err = fake_add(fake);
		/* Else the one that failed is still ahead. */
		if (fault_countdown)
			assert_int_equal(err, 0);
		fault_countdown = 0;
		if (err)
			assert_socket("steps", false);
		fake_free(fake);
		assert_int_equal(count_entries(directory), 0);
		assert_int_equal(count_entries("/proc/self/fd"), before);
	}
	assert_int_equal(err, 0);
	assert_true(step > 5);
	vfio_user_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_attribute_says_where_the_socket_is),
		cmocka_unit_test(a_device_that_was_there_before_the_server_is_served),
		cmocka_unit_test(there_is_one_server),
		cmocka_unit_test(a_directory_that_is_not_there_is_refused),
		cmocka_unit_test(a_start_that_fails_at_any_step_leaves_nothing),
		cmocka_unit_test(a_device_that_fails_at_any_step_has_no_socket),
	};

	log_set_level(LOG_LEVEL_ERR - 1);
	return cmocka_run_group_tests(tests, up, down);
}
