/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The mount from within the program that serves it: failures at each step, and everything at once.
 */
#include "cmocka_umdev.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <umdev/kobject.h>
#include <umdev/log.h>
#include <umdev/sysfs.h>
#include "model/alloc.h"
#include "model/caller.h"
#include "sysfs/pool.h"
#include "support/descriptors.h"

#define CHURNS	  200
#define READS	  200
#define USERS	  6
#define OBJECTS	  8
#define STEPS_MAX 100

struct thing {
	struct kobject kobj;
	_Atomic(int) value;
};

static char mountpoint[] = "/tmp/umdev-mount-XXXXXX";
static _Atomic(int) right;  /* reads that gave a value */
static _Atomic(int) wanted; /* as many of them before the churn may end */
static _Atomic(int) wrong;  /* reads that gave what none may */

static void thing_release(struct kobject *kobj)
{
	free(container_of(kobj, struct thing, kobj));
}

static ssize_t value_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	struct thing *thing = container_of(kobj, struct thing, kobj);

	return sysfs_emit(buf, "%d\n", atomic_load(&thing->value));
}

static ssize_t value_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf,
			   size_t count)
{
	struct thing *thing = container_of(kobj, struct thing, kobj);

	atomic_fetch_add(&thing->value, 1);
	sysfs_notify(kobj, NULL, "value");
	return count;
}

static KOBJ_ATTR_RW(value);
static struct attribute *thing_attrs[] = { &kobj_attr_value.attr, NULL };
ATTRIBUTE_GROUPS(thing);

static const struct kobj_type thing_type = {
	.release = thing_release,
	.sysfs_ops = &kobj_sysfs_ops,
	.default_groups = thing_groups,
};

static struct thing *thing_add(struct kobject *parent, const char *name)
{
	struct thing *thing = calloc(1, sizeof(*thing));

	assert_non_null(thing);
	kobject_init(&thing->kobj, &thing_type);
	assert_int_equal(kobject_add(&thing->kobj, parent, "%s", name), 0);
	return thing;
}

static void thing_remove(struct thing *thing)
{
	kobject_del(&thing->kobj);
	kobject_put(&thing->kobj);
}

static bool is_mounted(void)
{
	struct stat here, above;

	assert_int_equal(stat(mountpoint, &here), 0);
	assert_int_equal(stat("/tmp", &above), 0);
	return here.st_dev != above.st_dev;
}

static void quiet(enum log_level level, const char *line)
{
}

static void a_failed_mount_leaves_nothing(void **state)
{
	int before = descriptors_count(), err, steps;
	struct sysfs_mount *mount = NULL;

	log_set_sink(quiet);
	for (steps = 1; steps < STEPS_MAX; steps++) {
		fault_countdown = steps;
		err = sysfs_mount(mountpoint, &mount);
		if (fault_countdown)
			break;
		assert_true(err < 0);
		assert_null(mount);
		assert_false(is_mounted());
		assert_int_equal(descriptors_count(), before);
	}
	fault_countdown = 0;
	log_set_sink(NULL);
	assert_int_equal(err, 0);
	assert_in_range(steps, 5, STEPS_MAX - 1);
	assert_true(is_mounted());
	sysfs_unmount(mount);
	assert_false(is_mounted());
	assert_int_equal(descriptors_count(), before);
}

static void unmounting_nothing_is_fine(void **state)
{
	sysfs_unmount(NULL);
}

static void the_tree_can_be_mounted_again_and_again(void **state)
{
	struct sysfs_mount *mount;

	for (int i = 0; i < 20; i++) {
		assert_int_equal(sysfs_mount(mountpoint, &mount), 0);
		assert_true(is_mounted());
		sysfs_unmount(mount);
	}
	assert_false(is_mounted());
}

static struct thing *crowd;

static void *churn_main(void *data)
{
	struct thing *things[OBJECTS] = { NULL };
	char name[32], link[32];

	snprintf(link, sizeof(link), "link-%s", (const char *)data);
	for (int round = 0; round < CHURNS || atomic_load(&right) < atomic_load(&wanted); round++) {
		int i = round % OBJECTS;

		if (things[i])
			thing_remove(things[i]);
		snprintf(name, sizeof(name), "%s%d", (const char *)data, i);
		things[i] = thing_add(&crowd->kobj, name);
		sysfs_create_link(&crowd->kobj, &things[i]->kobj, link);
		sysfs_remove_link(&crowd->kobj, link);
	}
	for (int i = 0; i < OBJECTS; i++)
		thing_remove(things[i]);
	return NULL;
}

static void use_file(const char *path)
{
	int fd = open(path, O_RDWR | O_TRUNC);
	struct pollfd pfd = { .fd = fd, .events = POLLPRI };
	char buf[64];
	ssize_t n;

	if (fd < 0)
		return;
	n = read(fd, buf, sizeof(buf));
	/* A value, or the object has gone, or the mount has. */
	if (!n || (n < 0 && errno != ENODEV && errno != ENOTCONN && errno != ECONNABORTED))
		atomic_fetch_add(&wrong, 1);
	else if (n > 0)
		atomic_fetch_add(&right, 1);
	poll(&pfd, 1, 0);
	n = pwrite(fd, "x", 1, 0);
	poll(&pfd, 1, 1);
	close(fd);
}

/* Return: false when it is not there. */
static bool use_directory(const char *path)
{
	char name[600], target[256];
	struct dirent *entry;
	struct stat st;
	DIR *dir = opendir(path);

	if (!dir)
		return false;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		if (entry->d_type == DT_LNK)
			(void)!readlink(name, target, sizeof(target));
		else if (!lstat(name, &st))
			chmod(name, st.st_mode);
		snprintf(name, sizeof(name), "%s/%s/value", path, entry->d_name);
		use_file(name);
	}
	closedir(dir);
	return true;
}

/* Goes on until the tree is unmounted. */
static void *user_main(void *data)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/crowd", mountpoint);
	while (use_directory(path))
		;
	return NULL;
}

static void users_and_churn_and_an_unmount_in_the_middle_are_safe(void **state)
{
	pthread_t users[USERS], churners[2];
	struct sysfs_mount *mount, *second;
	char names[2][2] = { "a", "b" };

	crowd = thing_add(NULL, "crowd");
	assert_int_equal(sysfs_mount(mountpoint, &mount), 0);
	for (int i = 0; i < USERS; i++)
		assert_int_equal(pthread_create(&users[i], NULL, user_main, NULL), 0);
	for (int round = 0; round < 3; round++) {
		atomic_store(&wanted, round < 2 ? (round + 1) * READS : 0);
		assert_int_equal(pthread_create(&churners[0], NULL, churn_main, names[0]), 0);
		assert_int_equal(pthread_create(&churners[1], NULL, churn_main, names[1]), 0);
		/* In the last round the tree goes while all are at it. */
		if (round == 2)
			sysfs_unmount(mount);
		pthread_join(churners[0], NULL);
		pthread_join(churners[1], NULL);
	}
	assert_int_equal(sysfs_mount(mountpoint, &second), 0);
	sysfs_unmount(second);
	for (int i = 0; i < USERS; i++)
		pthread_join(users[i], NULL);
	thing_remove(crowd);
	assert_int_equal(atomic_load(&wrong), 0);
	assert_false(is_mounted());
}

static _Atomic(int) waiting; /* in patience_store() */
static _Atomic(bool) enough; /* they need not wait any more */

static ssize_t patience_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf,
			      size_t count)
{
	caller_may_leave();
	atomic_fetch_add(&waiting, 1);
	while (!atomic_load(&enough))
		usleep(1000);
	atomic_fetch_sub(&waiting, 1);
	return caller_stays() ? (ssize_t)count : -EINTR;
}
static KOBJ_ATTR_WO(patience);

static void noted(int sig)
{
}

/* Somebody in this process waits for ever for a mount that is served here: nothing else ends it. */
static void abort_mount(int sig)
{
	umount2(mountpoint, MNT_FORCE);
}

static void *writer_main(void *data)
{
	char path[128];
	intptr_t ret;
	int fd;

	snprintf(path, sizeof(path), "%s/crowd/patience", mountpoint);
	fd = open(path, O_WRONLY);
	ret = write(fd, "x", 1) < 0 ? -errno : 0;
	close(fd);
	return (void *)ret;
}

/* Begin a write that waits for somebody, and see it end when a signal comes. */
static void write_and_leave(int others)
{
	pthread_t thread;
	void *ret;

	assert_int_equal(pthread_create(&thread, NULL, writer_main, NULL), 0);
	while (atomic_load(&waiting) == others)
		usleep(1000);
	assert_int_equal(pthread_kill(thread, SIGUSR1), 0);
	assert_int_equal(pthread_join(thread, &ret), 0);
	assert_int_equal((intptr_t)ret, -EINTR);
}

static void those_who_have_left_make_room_for_others(void **state)
{
	const struct sigaction action = { .sa_handler = noted };
	const struct sigaction hang = { .sa_handler = abort_mount };
	unsigned int most = worker_pool_max;
	struct sysfs_mount *mount;
	char path[128];

	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGALRM, &hang, NULL);
	alarm(20);
	worker_pool_max = 3;
	crowd = thing_add(NULL, "crowd");
	assert_int_equal(sysfs_create_file(&crowd->kobj, &kobj_attr_patience.attr), 0);
	assert_int_equal(sysfs_mount(mountpoint, &mount), 0);
	for (int i = 0; i < 10; i++)
		write_and_leave(i);
	atomic_store(&right, 0);
	snprintf(path, sizeof(path), "%s/crowd/value", mountpoint);
	use_file(path);
	assert_int_equal(atomic_load(&right), 1);
	assert_int_equal(atomic_load(&waiting), 10);
	/* What they began goes on to its end. */
	atomic_store(&enough, true);
	while (atomic_load(&waiting))
		usleep(1000);
	sysfs_unmount(mount);
	alarm(0);
	worker_pool_max = most;
	thing_remove(crowd);
}

static int setup(void **state)
{
	return mkdtemp(mountpoint) ? 0 : -1;
}

static int teardown(void **state)
{
	while (is_mounted() && !umount2(mountpoint, MNT_DETACH))
		;
	return rmdir(mountpoint);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failed_mount_leaves_nothing),
		cmocka_unit_test(unmounting_nothing_is_fine),
		cmocka_unit_test(the_tree_can_be_mounted_again_and_again),
		cmocka_unit_test(users_and_churn_and_an_unmount_in_the_middle_are_safe),
		cmocka_unit_test(those_who_have_left_make_room_for_others),
	};
	if (geteuid() || access("/dev/fuse", R_OK | W_OK)) {
		printf("skipped: mounting needs root and /dev/fuse\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, setup, teardown);
}
