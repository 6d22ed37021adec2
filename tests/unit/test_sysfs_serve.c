/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A mount that somebody else has made: what it shows, and how serving begins and ends.
 */
#include "cmocka_umdev.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <umdev/kobject.h>
#include <umdev/log.h>
#include <umdev/sysfs.h>
#include "model/alloc.h"
#include "model/kernfs.h"
#include "support/descriptors.h"

#define STEPS_MAX 100

static char mountpoint[] = "/tmp/umdev-serve-XXXXXX";
static struct kobject *outer, *inner;

static ssize_t value_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", kobj->name);
}

static KOBJ_ATTR_RO(value);

/* Mount at the mount point, as the owner of a namespace does. Return: the descriptor. */
static int mount_fuse(void)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char options[160];

	assert_true(fd >= 0);
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40000,user_id=0,group_id=0,default_permissions,allow_other", fd);
	assert_int_equal(mount("umdev", mountpoint, "fuse.umdev", MS_NOSUID | MS_NODEV, options),
			 0);
	return fd;
}

static void unmount_fuse(void)
{
	assert_int_equal(umount2(mountpoint, MNT_DETACH), 0);
}

static struct sysfs_mount *serve(const struct sysfs_serve_config *config)
{
	struct sysfs_mount *mount = NULL;

	assert_int_equal(sysfs_serve(config, &mount), 0);
	assert_non_null(mount);
	return mount;
}

static struct sysfs_serve_config config_for(int fuse_fd, const char *subdir)
{
	return (struct sysfs_serve_config) {
		.tree = SYSFS_TREE_SYS,
		.subdir = subdir,
		.fuse_fd = fuse_fd,
		.lower_fd = -1,
	};
}

static const char *content(const char *name)
{
	static char text[64];
	char path[128];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", mountpoint, name);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	assert_true(len >= 0);
	text[len] = '\0';
	return text;
}

static void quiet(enum log_level level, const char *line)
{
}

static void a_mount_made_by_others_shows_the_tree(void **state)
{
	struct sysfs_serve_config config = config_for(mount_fuse(), NULL);
	struct sysfs_mount *mount = serve(&config);

	assert_string_equal(content("outer/value"), "outer\n");
	assert_string_equal(content("outer/inner/value"), "inner\n");
	sysfs_unmount(mount);
	unmount_fuse();
}

static void a_part_of_the_tree_can_be_shown_alone(void **state)
{
	struct sysfs_serve_config config = config_for(mount_fuse(), "/outer/inner");
	struct sysfs_mount *mount = serve(&config);
	char path[128];
	struct stat st;

	assert_string_equal(content("value"), "inner\n");
	snprintf(path, sizeof(path), "%s/outer", mountpoint);
	assert_int_equal(stat(path, &st), -1);
	assert_int_equal(errno, ENOENT);
	sysfs_unmount(mount);
	unmount_fuse();
}

static void what_is_no_directory_of_the_tree_cannot_be_shown(void **state)
{
	static const char *const absent[] = { "outer/none", "outer/value", "outer/value/x", ".." };
	int fuse_fd = mount_fuse();
	struct sysfs_mount *mount = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(absent); i++) {
		struct sysfs_serve_config config = config_for(fuse_fd, absent[i]);

		assert_int_equal(sysfs_serve(&config, &mount), -ENOENT);
		assert_null(mount);
	}
	close(fuse_fd);
	unmount_fuse();
}

static void a_descriptor_that_is_not_fuse_is_refused(void **state)
{
	int fds[] = { -1, open("/dev/null", O_RDWR), open("/", O_RDONLY | O_DIRECTORY) };
	struct sysfs_mount *mount = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		struct sysfs_serve_config config = config_for(fds[i], NULL);

		assert_int_equal(sysfs_serve(&config, &mount), -EINVAL);
	}
	close(fds[1]);
	close(fds[2]);
}

static void only_a_directory_can_be_below_and_only_below_sysfs(void **state)
{
	int fuse_fd = mount_fuse(), file = open("/dev/null", O_PATH), dir = open("/sys", O_PATH);
	struct sysfs_serve_config config = config_for(fuse_fd, NULL);
	struct sysfs_mount *mount = NULL;

	config.lower_fd = file;
	assert_int_equal(sysfs_serve(&config, &mount), -EINVAL);
	config.lower_fd = fuse_fd + 1000;
	assert_int_equal(sysfs_serve(&config, &mount), -EINVAL);
	config.tree = SYSFS_TREE_DEV;
	config.lower_fd = dir;
	assert_int_equal(sysfs_serve(&config, &mount), -EINVAL);
	close(dir);
	close(file);
	close(fuse_fd);
	unmount_fuse();
}

static void ending_to_serve_does_not_unmount(void **state)
{
	struct sysfs_serve_config config = config_for(mount_fuse(), NULL);
	struct sysfs_mount *mount = serve(&config);
	struct stat st;

	sysfs_unmount(mount);
	assert_int_equal(stat(mountpoint, &st), -1);
	assert_int_equal(errno, ENOTCONN);
	unmount_fuse();
}

static void a_failed_serve_leaves_the_descriptors_to_the_caller(void **state)
{
	int lower_fd = open("/sys", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fuse_fd = mount_fuse(), before = descriptors_count(), err, steps;
	struct sysfs_serve_config config = config_for(fuse_fd, "outer");
	struct sysfs_mount *mount = NULL;

	config.lower_fd = lower_fd;
	log_set_sink(quiet);
	for (steps = 1; steps < STEPS_MAX; steps++) {
		fault_countdown = steps;
		err = sysfs_serve(&config, &mount);
		if (fault_countdown)
			break;
		assert_true(err < 0);
		assert_null(mount);
		assert_int_equal(descriptors_count(), before);
	}
	fault_countdown = 0;
	log_set_sink(NULL);
	assert_int_equal(err, 0);
	assert_in_range(steps, 7, STEPS_MAX - 1);
	assert_string_equal(content("value"), "outer\n");
	sysfs_unmount(mount);
	assert_int_equal(descriptors_count(), before - 2);
	unmount_fuse();
}

static void all_can_be_shown_as_roots(void **state)
{
	struct sysfs_serve_config config = config_for(mount_fuse(), NULL);
	struct sysfs_mount *mount;
	char path[128];
	struct stat st;

	config.root_owned = true;
	mount = serve(&config);
	snprintf(path, sizeof(path), "%s/outer/value", mountpoint);
	assert_int_equal(chown(path, 12, 34), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(st.st_gid, 0);
	sysfs_unmount(mount);
	unmount_fuse();
}

static void device_nodes_can_be_looked_at_and_not_opened(void **state)
{
	const struct stat node = {
		.st_mode = S_IFCHR | 0600,
		.st_rdev = makedev(240, 7),
		.st_gid = 5,
	};
	struct sysfs_serve_config config = config_for(mount_fuse(), "dir");
	struct kernfs_node *dir, *entry;
	struct sysfs_mount *mount;
	struct dirent *listed;
	char path[128];
	struct stat st;
	DIR *listing;

	assert_int_equal(kernfs_create_dir(kernfs_dev_root(), "dir", 0755, NULL, &dir), 0);
	assert_int_equal(kernfs_create_devnode(dir, "7", &node, &entry), 0);
	config.tree = SYSFS_TREE_DEV;
	mount = serve(&config);
	snprintf(path, sizeof(path), "%s/7", mountpoint);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode, S_IFCHR | 0600);
	assert_int_equal(st.st_rdev, makedev(240, 7));
	assert_int_equal(st.st_gid, 5);
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(chown(path, 12, 34), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode, S_IFCHR | 0666);
	assert_int_equal(st.st_uid, 12);
	assert_int_equal(st.st_gid, 34);
	assert_int_equal(open(path, O_RDWR), -1);
	assert_int_equal(errno, EACCES);

	listing = opendir(mountpoint);
	assert_non_null(listing);
	do {
		listed = readdir(listing);
		assert_non_null(listed);
	} while (strcmp(listed->d_name, "7"));
	assert_int_equal(listed->d_type, DT_CHR);
	closedir(listing);
	sysfs_unmount(mount);
	unmount_fuse();
	kernfs_remove(dir);
}

static int setup(void **state)
{
	if (!mkdtemp(mountpoint))
		return -1;
	outer = kobject_create_and_add("outer", NULL);
	inner = kobject_create_and_add("inner", outer);
	if (!outer || !inner)
		return -1;
	return sysfs_create_file(outer, &kobj_attr_value.attr) ||
	       sysfs_create_file(inner, &kobj_attr_value.attr);
}

static int teardown(void **state)
{
	kobject_del(inner);
	kobject_put(inner);
	kobject_del(outer);
	kobject_put(outer);
	return rmdir(mountpoint);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mount_made_by_others_shows_the_tree),
		cmocka_unit_test(a_part_of_the_tree_can_be_shown_alone),
		cmocka_unit_test(what_is_no_directory_of_the_tree_cannot_be_shown),
		cmocka_unit_test(a_descriptor_that_is_not_fuse_is_refused),
		cmocka_unit_test(only_a_directory_can_be_below_and_only_below_sysfs),
		cmocka_unit_test(ending_to_serve_does_not_unmount),
		cmocka_unit_test(a_failed_serve_leaves_the_descriptors_to_the_caller),
		cmocka_unit_test(all_can_be_shown_as_roots),
		cmocka_unit_test(device_nodes_can_be_looked_at_and_not_opened),
	};
	if (geteuid() || access("/dev/fuse", R_OK | W_OK) || unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) {
		printf("skipped: mounting needs root and /dev/fuse\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, setup, teardown);
}
