/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Numbers that the machine's own kernel has not given away already.
 */
#include "cmocka_umdev.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <umdev/chrdev.h>
#include <umdev/umdev.h>
#include "model/alloc.h"
#include "model/host.h"
#include "support/outside.h"
#include "vfio/vfio.h"

#define MAJORS (254 - 234 + 1 + 511 - 384 + 1)

static char root[] = "/tmp/umdev-host-XXXXXX";

static void make_dir(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

static void write_devices(const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/proc/devices", root);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int setup(void **state)
{
	strcpy(root + strlen(root) - 6, "XXXXXX");
	assert_non_null(mkdtemp(root));
	make_dir("proc");
	make_dir("sys");
	make_dir("sys/groups");
	host_root = root;
	log_capture_begin();
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int teardown(void **state)
{
	log_capture_end();
	return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void assert_major(unsigned int expected)
{
	devnum_t dev = 0;

	assert_int_equal(alloc_chrdev_region(&dev, 3, 2, "test"), 0);
	assert_int_equal(dev, DEVNUM(expected, 3));
	unregister_chrdev_region(dev, 2);
}

static void a_major_is_the_highest_that_nobody_has(void **state)
{
	assert_major(254); /* no /proc/devices */
	write_devices("Character devices:\n  1 mem\n10 misc\n\nBlock devices:\n254 virtblk\n");
	assert_major(254);
	write_devices("Character devices:\n  1 mem\n253 one\n254 two\n\nBlock devices:\n252 x\n");
	assert_major(252);
}

static void what_cannot_be_understood_is_passed_over(void **state)
{
	write_devices("254 before\nCharacter devices:\n99999999999 big\n-3 minus\nword\n"
		      "\n253\n511 high\nBlock");
	assert_major(254);
}

static void each_major_is_given_once(void **state)
{
	devnum_t devs[MAJORS], one_more;

	for (unsigned int i = 0; i < MAJORS; i++) {
		assert_int_equal(alloc_chrdev_region(&devs[i], 0, 1, "test"), 0);
		assert_int_equal(DEVNUM_MAJOR(devs[i]), i <= 20 ? 254 - i : 511 - (i - 21));
	}
	assert_int_equal(alloc_chrdev_region(&one_more, 0, 1, "late"), -EBUSY);
	assert_non_null(strstr(log_taken(), "\"late\": no major number is left"));
	unregister_chrdev_region(devs[100], 1);
	assert_int_equal(alloc_chrdev_region(&one_more, 0, 1, "late"), 0);
	assert_int_equal(one_more, devs[100]);
	for (unsigned int i = 0; i < MAJORS; i++)
		unregister_chrdev_region(devs[i], 1);
}

static void a_region_fits_into_its_major(void **state)
{
	devnum_t dev;

	assert_int_equal(alloc_chrdev_region(&dev, 0, 0, "test"), -EINVAL);
	assert_int_equal(alloc_chrdev_region(&dev, 1 << 20, 1, "test"), -EINVAL);
	assert_int_equal(alloc_chrdev_region(&dev, 1, 1 << 20, "test"), -EINVAL);
	assert_int_equal(alloc_chrdev_region(&dev, 0, 1 << 20, "test"), 0);
	unregister_chrdev_region(dev, 1 << 20);
	unregister_chrdev_region(DEVNUM(4095, 0), 1);
	fault_countdown = 1;
	assert_int_equal(alloc_chrdev_region(&dev, 0, 1, "test"), -ENOMEM);
	assert_major(254);
}

static void numbers_begin_behind_the_largest(void **state)
{
	assert_int_equal(host_first_free("groups", ""), 0);
	assert_int_equal(host_first_free("nothing", ""), 0);
	make_dir("sys/groups/0");
	assert_int_equal(host_first_free("groups", ""), 1);
	make_dir("sys/groups/9");
	make_dir("sys/groups/10");
	make_dir("sys/groups/x77");
	make_dir("sys/groups/88x");
	make_dir("sys/groups/-99");
	make_dir("sys/groups/99999999999999999999");
	assert_int_equal(host_first_free("groups", ""), 11);
	assert_int_equal(host_first_free("groups", "x"), 78);
	fault_countdown = 1;
	assert_int_equal(host_first_free("groups", ""), -ENOMEM);
}

static void groups_begin_behind_the_machines_own(void **state)
{
	struct vfio_group group;
	struct device *dev;

	make_dir("sys/kernel");
	make_dir("sys/kernel/iommu_groups");
	make_dir("sys/kernel/iommu_groups/4");
	make_dir("sys/class");
	make_dir("sys/class/vfio-dev");
	make_dir("sys/class/vfio-dev/vfio6");
	write_devices("Character devices:\n254 two\n");
	assert_int_equal(umdev_start(), 0);
	assert_int_equal(root_device_register("dev", &dev), 0);
	assert_int_equal(vfio_group_create(&group, dev, NULL), 0);
	assert_int_equal(group.id, 7);
	assert_string_equal(outside_link("/devices/dev/iommu_group"),
			    "../../kernel/iommu_groups/7");
	assert_string_equal(outside_read("/class/vfio/7/dev"), "253:7\n");
	vfio_group_destroy(&group, dev);
	assert_int_equal(vfio_group_create(&group, dev, NULL), 0);
	assert_int_equal(group.id, 7);
	vfio_group_destroy(&group, dev);
	root_device_unregister(dev);
	umdev_stop();
	assert_major(253);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
		TEST(a_major_is_the_highest_that_nobody_has),
		TEST(what_cannot_be_understood_is_passed_over),
		TEST(each_major_is_given_once),
		TEST(a_region_fits_into_its_major),
		TEST(numbers_begin_behind_the_largest),
		TEST(groups_begin_behind_the_machines_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
