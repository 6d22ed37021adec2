/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the system remembers of a mount is never wrong: two mounts of one tree, looked at by path by
 * several threads, while the tree changes.
 */
#include "cmocka_umdev.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <umdev/kobject.h>
#include <umdev/sysfs.h>

#define MOUNTS	 2
#define CHANGERS 3
#define LOOKERS	 3
#define ROUNDS	 150
#define MANY	 600

struct thing {
	struct kobject kobj;
	_Atomic(bool) removed; /* by its attribute; orders memory as the write() that did it does */
};

static char mountpoints[MOUNTS][32] = { "/tmp/umdev-cache-XXXXXX", "/tmp/umdev-cache-XXXXXX" };
static struct sysfs_mount *mounts[MOUNTS];
static struct thing *home;
static sem_t stored, let_go; /* a store of "hang" began, and may end */

/* cmocka's assertions are for the test's own thread. */
static _Atomic(const char *) wrong;

#define EXPECT(what)                                 \
	do {                                         \
		if (!(what))                         \
			atomic_store(&wrong, #what); \
	} while (0)

static void thing_release(struct kobject *kobj)
{
	free(container_of(kobj, struct thing, kobj));
}

static ssize_t value_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "1\n");
}
static KOBJ_ATTR_RO(value);

static ssize_t remove_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf,
			    size_t count)
{
	if (!sysfs_remove_file_self(kobj, &attr->attr))
		return -ENODEV;
	kobject_del(kobj);
	atomic_store(&container_of(kobj, struct thing, kobj)->removed, true);
	return count;
}
static KOBJ_ATTR_WO(remove);

static ssize_t hang_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf,
			  size_t count)
{
	if (buf[0] == 'h') {
		sem_post(&stored);
		sem_wait(&let_go);
	}
	return count;
}
static KOBJ_ATTR_WO(hang);

static struct attribute *thing_attrs[] = { &kobj_attr_value.attr, &kobj_attr_remove.attr,
					   &kobj_attr_hang.attr, NULL };
ATTRIBUTE_GROUPS(thing);

static const struct kobj_type thing_type = {
	.release = thing_release,
	.sysfs_ops = &kobj_sysfs_ops,
	.default_groups = thing_groups,
};

static struct thing *thing_add(struct kobject *parent, const char *name)
{
	struct thing *thing = calloc(1, sizeof(*thing));

	if (!thing)
		abort();
	kobject_init(&thing->kobj, &thing_type);
	if (kobject_add(&thing->kobj, parent, "%s", name))
		abort();
	return thing;
}

static void thing_remove(struct thing *thing)
{
	kobject_del(&thing->kobj);
	kobject_put(&thing->kobj);
}

static const char *path_of(char *path, int mount, const char *name, const char *file)
{
	snprintf(path, 128, "%s/home/%s/%s", mountpoints[mount], name, file);
	return path;
}

static bool is_there(int mount, const char *name, const char *file)
{
	char path[128];
	struct stat st;

	return !lstat(path_of(path, mount, name, file), &st) || errno != ENOENT;
}

static bool is_listed(int mount, const char *name)
{
	bool listed = false;
	struct dirent *de;
	char path[128];
	DIR *dir;

	dir = opendir(path_of(path, mount, "", ""));
	while (dir && (de = readdir(dir)))
		listed |= !strcmp(de->d_name, name);
	if (dir)
		closedir(dir);
	return listed;
}

static nlink_t links_of_home(int mount)
{
	char path[128];
	struct stat st = { 0 };

	stat(path_of(path, mount, "", ""), &st);
	return st.st_nlink;
}

/* ---- many at once ---- */

static _Atomic(bool) over;

/* Goes to each name by each mount, so that all is remembered, and in each state of its going. */
static void *looker_main(void *data)
{
	char name[8];

	while (!atomic_load(&over)) {
		for (int i = 0; i < MOUNTS * CHANGERS; i++) {
			snprintf(name, sizeof(name), "n%d", i / MOUNTS);
			is_there(i % MOUNTS, name, "value");
			is_there(i % MOUNTS, name, "remove");
			is_listed(i % MOUNTS, name);
		}
	}
	return NULL;
}

/* Remove it as who writes to its attribute does. */
static void remove_through(int mount, struct thing *thing, const char *name)
{
	char path[128];
	int fd = open(path_of(path, mount, name, "remove"), O_WRONLY | O_TRUNC | O_CREAT, 0200);

	EXPECT(fd >= 0);
	EXPECT(write(fd, "1", 1) == 1);
	EXPECT(atomic_load(&thing->removed));
	close(fd);
	kobject_put(&thing->kobj);
}

static void one_life(const char *name, int round)
{
	struct thing *thing = thing_add(&home->kobj, name);
	int dirs[MOUNTS], files[MOUNTS];
	char path[128];
	struct stat st;

	for (int i = 0; i < MOUNTS; i++) {
		EXPECT(is_listed(i, name));
		EXPECT(is_there(i, name, "value"));
		dirs[i] = open(path_of(path, i, name, ""), O_PATH | O_CLOEXEC);
		files[i] = openat(dirs[i], "value", O_PATH | O_CLOEXEC);
		EXPECT(files[i] >= 0);
	}
	if (round % 2)
		remove_through(round / 2 % MOUNTS, thing, name);
	else
		thing_remove(thing);
	for (int i = 0; i < MOUNTS; i++) {
		EXPECT(!is_there(i, name, ""));
		EXPECT(!is_there(i, name, "value"));
		EXPECT(!is_listed(i, name));
		/* Nor from within, where who is there still has what it opened. */
		EXPECT(fstatat(dirs[i], "value", &st, 0) && errno == ENOENT);
		EXPECT(fstatat(dirs[i], "remove", &st, 0) && errno == ENOENT);
		close(files[i]);
		close(dirs[i]);
	}
}

static void *changer_main(void *data)
{
	for (int round = 0; round < ROUNDS; round++)
		one_life(data, round);
	return NULL;
}

static void nobody_finds_what_is_gone_nor_misses_what_is_there(void **state)
{
	pthread_t lookers[LOOKERS], changers[CHANGERS];
	char names[CHANGERS][8];

	atomic_store(&over, false);
	for (int i = 0; i < LOOKERS; i++)
		assert_int_equal(pthread_create(&lookers[i], NULL, looker_main, NULL), 0);
	for (int i = 0; i < CHANGERS; i++) {
		snprintf(names[i], sizeof(names[i]), "n%d", i);
		assert_int_equal(pthread_create(&changers[i], NULL, changer_main, names[i]), 0);
	}
	for (int i = 0; i < CHANGERS; i++)
		pthread_join(changers[i], NULL);
	atomic_store(&over, true);
	for (int i = 0; i < LOOKERS; i++)
		pthread_join(lookers[i], NULL);
	for (int i = 0; i < MOUNTS; i++)
		assert_int_equal(links_of_home(i), 2);
	if (atomic_load(&wrong))
		fail_msg("wrong at least once: %s", atomic_load(&wrong));
}

/* ---- one thing at a time ---- */

static void a_mode_set_through_one_mount_shows_in_the_other(void **state)
{
	struct thing *thing = thing_add(&home->kobj, "moded");
	char path[MOUNTS][128];
	struct stat st;

	for (int i = 0; i < MOUNTS; i++)
		assert_int_equal(stat(path_of(path[i], i, "moded", "value"), &st), 0);
	for (int round = 0; round < 50; round++) {
		assert_int_equal(chmod(path[round % 2], round % 3 ? 0444 : 0400), 0);
		assert_int_equal(stat(path[!(round % 2)], &st), 0);
		assert_int_equal(st.st_mode & 0777, round % 3 ? 0444 : 0400);
	}
	thing_remove(thing);
}

static void a_directory_counts_what_comes_and_goes(void **state)
{
	struct thing *thing;

	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < MOUNTS; i++)
			assert_int_equal(links_of_home(i), 2);
		thing = thing_add(&home->kobj, "counted");
		for (int i = 0; i < MOUNTS; i++)
			assert_int_equal(links_of_home(i), 3);
		thing_remove(thing);
	}
}

static void a_name_that_comes_again_is_the_new_one(void **state)
{
	struct thing *thing;
	struct stat st;
	char path[128];
	ino_t last = 0;

	for (int round = 0; round < 20; round++) {
		thing = thing_add(&home->kobj, "again");
		assert_int_equal(stat(path_of(path, 0, "again", "value"), &st), 0);
		assert_int_not_equal(st.st_ino, last);
		last = st.st_ino;
		thing_remove(thing);
	}
}

static void *hang_main(void *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	EXPECT(write(fd, "h", 1) == 1);
	close(fd);
	return NULL;
}

static void a_store_that_hangs_keeps_nobody_from_its_directory(void **state)
{
	struct thing *thing = thing_add(&home->kobj, "hung");
	char path[128], other[128];
	pthread_t hanging;
	struct stat st;
	int fd;

	/* It is remembered before. */
	assert_int_equal(stat(path_of(path, 0, "hung", "hang"), &st), 0);
	assert_int_equal(pthread_create(&hanging, NULL, hang_main, path), 0);
	sem_wait(&stored);
	/* Each of these takes the lock of the file, in the system, that writing to it takes. */
	assert_int_equal(chmod(path, 0220), 0);
	assert_int_equal(unlink(path), -1);
	assert_int_equal(errno, EPERM);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
	assert_int_equal(stat(path_of(other, 0, "hung", "value"), &st), 0);
	sem_post(&let_go);
	pthread_join(hanging, NULL);
	assert_null(atomic_load(&wrong));
	thing_remove(thing);
}

/* Count the entries of @fd from where it is on into seen, at most until @max. */
static void list_on(int fd, unsigned char seen[MANY], unsigned int max)
{
	char buf[512];
	unsigned int n = 0, number;
	long len, at;

	while (n < max && (len = syscall(SYS_getdents64, fd, buf, sizeof(buf))) > 0) {
		for (at = 0; at < len; n++) {
			struct dirent64 *de = (struct dirent64 *)(buf + at);

			if (sscanf(de->d_name, "m%u", &number) == 1 && number < MANY)
				seen[number]++;
			at += de->d_reclen;
		}
	}
}

static void listings_that_share_what_is_remembered_are_each_whole(void **state)
{
	struct thing *many = thing_add(&home->kobj, "many"), *things[MANY];
	unsigned char seen[MANY] = { 0 }, other[MANY] = { 0 };
	char path[128], name[16];
	int first, second;

	for (int i = 0; i < MANY; i++) {
		/* Not in the order of their names. */
		snprintf(name, sizeof(name), "m%d", i * 7 % MANY);
		things[i * 7 % MANY] = thing_add(&many->kobj, name);
	}
	path_of(path, 0, "many", "");
	/* Let it be remembered as it is now. */
	second = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	list_on(second, other, UINT_MAX);
	close(second);
	first = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	list_on(first, seen, MANY / 2);
	/* Others go, and somebody else has that remembered. */
	for (int i = 0; i < MANY; i += 10) {
		thing_remove(things[i]);
		things[i] = NULL;
	}
	second = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	memset(other, 0, sizeof(other));
	list_on(second, other, UINT_MAX);
	close(second);
	list_on(first, seen, UINT_MAX);
	close(first);
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(other[i], things[i] ? 1 : 0);
		assert_in_range(seen[i], things[i] ? 1 : 0, 1);
		if (things[i])
			thing_remove(things[i]);
	}
	thing_remove(many);
}

static int setup(void **state)
{
	sem_init(&stored, 0, 0);
	sem_init(&let_go, 0, 0);
	home = thing_add(NULL, "home");
	for (int i = 0; i < MOUNTS; i++)
		if (!mkdtemp(mountpoints[i]) || sysfs_mount(mountpoints[i], &mounts[i]))
			return -1;
	return 0;
}

static int teardown(void **state)
{
	int err = 0;

	for (int i = 0; i < MOUNTS; i++) {
		sysfs_unmount(mounts[i]);
		err |= rmdir(mountpoints[i]);
	}
	thing_remove(home);
	return err;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_finds_what_is_gone_nor_misses_what_is_there),
		cmocka_unit_test(a_mode_set_through_one_mount_shows_in_the_other),
		cmocka_unit_test(a_directory_counts_what_comes_and_goes),
		cmocka_unit_test(a_name_that_comes_again_is_the_new_one),
		cmocka_unit_test(a_store_that_hangs_keeps_nobody_from_its_directory),
		cmocka_unit_test(listings_that_share_what_is_remembered_are_each_whole),
	};
	if (geteuid() || access("/dev/fuse", R_OK | W_OK)) {
		printf("skipped: mounting needs root and /dev/fuse\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, setup, teardown);
}
