/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Many threads at everything at once, for a fixed number of rounds: create, remove, bind, unbind,
 * open, close, read, write, register and unregister a parent, load and unload a module. Afterwards
 * everything is as before. The sanitizers say whether it went well on the way.
 *
 *     stress [--rounds N] [--mount DIR] MODULE
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <umdev/module.h>
#include <umdev/sysfs.h>
#include <umdev/umdev.h>
#include "stress/reach.h"
#include "stress/users.h"
#include "support/inside.h"
#include "support/events.h"
#include "support/tree.h"
#include "support/vendor.h"

#define POOL 24 /* UUIDs that all makers fight for */

static struct vendor acme = { .name = "acme", .vfio = &vendor_vfio, .driver.max_instances = 16 };
static struct vendor fickle = { .name = "fickle", .driver.max_instances = 16 };
static const char *module_path;
static unsigned int rounds = 3000;

/* What happened, to show that something did; atomic. */
static struct {
	unsigned long made, removed, bound, unbound, read, written, registered, loaded;
} tally;

static void count(unsigned long *what, bool it)
{
	if (it)
		__atomic_add_fetch(what, 1, __ATOMIC_RELAXED);
}

static void say_wrong(const char *what, long ret)
{
	fprintf(stderr, "stress: %s: unexpected %s\n", what, strerror(-ret));
	abort();
}

/* Did it work? If not, because somebody else was there first: @may, or it is not there. */
static bool done(const char *what, ssize_t ret, int may)
{
	if (ret < 0 && ret != -may && ret != -ENOENT && ret != -ENODEV)
		say_wrong(what, ret);
	return ret >= 0;
}

static void make_one(const char *parent, unsigned int n)
{
	char path[PATH_MAX];
	ssize_t ret;

	snprintf(path, sizeof(path), "/class/mdev_bus/%s/mdev_supported_types/%s-1/create", parent,
		 parent);
	ret = reach_write(path, uuid_text(n));
	count(&tally.made, ret == -EUSERS ? false : done("create", ret, EEXIST));
}

static void remove_one(unsigned int n)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/bus/mdev/devices/%s/remove", uuid_text(n));
	count(&tally.removed, done("remove", reach_write(path, "1\n"), 0));
}

static void *maker(void *data)
{
	static const char *const parents[] = { "acme", "acme", "fickle", "stressed" };
	unsigned int seed = (uintptr_t)data, i;

	for (i = 0; i < rounds; i++) {
		if (rand_r(&seed) % 3)
			make_one(parents[rand_r(&seed) % ARRAY_SIZE(parents)],
				 rand_r(&seed) % POOL);
		else
			remove_one(rand_r(&seed) % POOL);
	}
	return NULL;
}

static void *binder(void *data)
{
	unsigned int seed = (uintptr_t)data, i, n;

	for (i = 0; i < rounds; i++) {
		n = rand_r(&seed) % POOL;
		count(&tally.unbound,
		      done("unbind", reach_write("/bus/mdev/drivers/acme/unbind", uuid_text(n)),
			   0));
		done("drivers_probe", reach_write("/bus/mdev/drivers_probe", uuid_text(n)), 0);
		count(&tally.bound,
		      done("bind", reach_write("/bus/mdev/drivers/acme/bind", uuid_text(n)),
			   EBUSY));
	}
	return NULL;
}

static void *visitor(void *data)
{
	unsigned int seed = (uintptr_t)data, i;

	for (i = 0; i < rounds * 4; i++)
		users_visit(&seed);
	return NULL;
}

static void read_below(const char *path, unsigned int depth)
{
	char sub[PATH_MAX], buf[SYSFS_PAGE_SIZE], *names, *name, *rest;

	names = reach_list(path);
	if (!names) {
		count(&tally.read, reach_read(path, buf) >= 0);
		return;
	}
	for (name = strtok_r(names, "\n", &rest); name; name = strtok_r(NULL, "\n", &rest)) {
		int len = snprintf(sub, sizeof(sub), "%s/%s", path, name);

		if (depth && len < (int)sizeof(sub))
			read_below(sub, depth - 1);
	}
	free(names);
}

static void *reader(void *data)
{
	unsigned int i;

	for (i = 0; i < rounds / 10 + 1; i++) {
		read_below("/bus/mdev", 4);
		read_below("/class", 4);
		read_below("/kernel", 5);
		read_below("/module", 4);
	}
	return NULL;
}

static void *writer(void *data)
{
	unsigned int seed = (uintptr_t)data, i;
	char path[PATH_MAX];

	for (i = 0; i < rounds; i++) {
		snprintf(path, sizeof(path), "/bus/mdev/devices/%s/vendor/knob",
			 uuid_text(rand_r(&seed) % POOL));
		count(&tally.written, done("knob", reach_write(path, "7\n"), 0));
		snprintf(path, sizeof(path), "/bus/mdev/devices/%s/uevent",
			 uuid_text(rand_r(&seed) % POOL));
		count(&tally.written, done("uevent", reach_write(path, "change\n"), 0));
		reach_write("/bus/mdev/drivers_autoprobe", rand_r(&seed) % 2 ? "1" : "0");
	}
	return NULL;
}

static void *registrar(void *data)
{
	unsigned int i;
	int err;

	for (i = 0; i < rounds / 2; i++) {
		mdev_unregister_parent(&fickle.parent);
		err = vendor_register_parent(&fickle);
		if (err)
			say_wrong("register parent", err);
		count(&tally.registered, true);
	}
	return NULL;
}

static void *loader(void *data)
{
	unsigned int i;
	int err;

	for (i = 0; i < rounds / 4; i++) {
		err = module_load(module_path, NULL);
		if (err)
			say_wrong("load", err);
		count(&tally.loaded, true);
		err = module_unload("stressed");
		if (err)
			say_wrong("unload", err);
	}
	return NULL;
}

typedef void *(*worker_t)(void *);

/* What a tool does, and what only the process itself can do. */
static const worker_t tools[] = { maker, maker, maker, binder, reader, writer };
static const worker_t insiders[] = { visitor, visitor, registrar, loader };

static void start_workers(pthread_t *threads, const worker_t *workers, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		pthread_create(&threads[i], NULL, workers[i], (void *)(i + 1));
}

static void join_workers(pthread_t *threads, size_t n)
{
	while (n--)
		pthread_join(threads[n], NULL);
}

static void print_tally(void)
{
	printf("made %lu, removed %lu, bound %lu, unbound %lu, opened %lu, read %lu, written %lu, "
	       "registered %lu, loaded %lu\n",
	       tally.made, tally.removed, tally.bound, tally.unbound, users_visits(), tally.read,
	       tally.written, tally.registered, tally.loaded);
	fflush(stdout);
}

static void run_tools(void)
{
	pthread_t threads[ARRAY_SIZE(tools)];

	start_workers(threads, tools, ARRAY_SIZE(tools));
	join_workers(threads, ARRAY_SIZE(tools));
}

/*
 * The tools of a mount are a process of their own: one that waits for a file system that it serves
 * itself cannot be killed. It is forked before there are threads, and starts when told to.
 */
static pid_t fork_tools(const char *dir, int *go)
{
	int fds[2];
	pid_t pid;
	char c;

	if (pipe(fds))
		say_wrong("pipe", -errno);
	pid = fork();
	if (pid < 0)
		say_wrong("fork", -errno);
	if (!pid) {
		close(fds[1]);
		if (read(fds[0], &c, 1) != 1)
			_exit(1);
		reach_mount(dir);
		run_tools();
		print_tally();
		_exit(0);
	}
	close(fds[0]);
	*go = fds[1];
	return pid;
}

static void run(pid_t outside, int go)
{
	pthread_t threads[ARRAY_SIZE(insiders)];
	int status = 0;

	start_workers(threads, insiders, ARRAY_SIZE(insiders));
	if (!outside) {
		run_tools();
	} else if (write(go, "", 1) != 1 || waitpid(outside, &status, 0) != outside || status) {
		fprintf(stderr, "stress: the tools failed\n");
		abort();
	}
	join_workers(threads, ARRAY_SIZE(insiders));
	print_tally();
}

/* Everything that is left goes, and then the tree is as it was. */
static int check(const char *before)
{
	char buf[SYSFS_PAGE_SIZE], *after;
	unsigned int n;
	int err = 0;

	for (n = 0; n < POOL; n++)
		remove_one(n);
	reach_write("/bus/mdev/drivers_autoprobe", "1");
	after = tree_snapshot("/");
	if (strcmp(before, after)) {
		fprintf(stderr, "the tree was:\n%s\nit is:\n%s\n", before, after);
		err = 1;
	}
	free(after);
	tree_read("/class/mdev_bus/acme/mdev_supported_types/acme-1/available_instances", buf);
	if (strcmp(buf, "16\n")) {
		fprintf(stderr, "instances left: %s", buf);
		err = 1;
	}
	if (acme.alive || fickle.alive) {
		fprintf(stderr, "devices left: %d, %d\n", acme.alive, fickle.alive);
		err = 1;
	}
	return err;
}

static int stress(const char *dir)
{
	struct events events = { 0 };
	struct sysfs_mount *mount = NULL;
	pid_t outside = 0;
	char *before;
	int go = -1;
	int err;

	if (dir)
		outside = fork_tools(dir, &go);
	err = umdev_start();
	if (!err)
		err = inside_start();
	if (!err)
		err = vendor_start(&acme);
	if (!err)
		err = vendor_start(&fickle);
	if (!err && dir)
		err = sysfs_mount(dir, &mount);
	if (err)
		say_wrong("start", err);
	before = tree_snapshot("/");
	events_start(&events);
	run(outside, go);
	err = check(before);
	events_stop(&events);
	free(before);
	if (dir)
		close(go);
	sysfs_unmount(mount);
	vendor_stop(&fickle);
	vendor_stop(&acme);
	inside_stop();
	umdev_stop();
	return err;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "rounds", required_argument, NULL, 'r' },
		{ "mount", required_argument, NULL, 'm' },
		{ 0 },
	};
	const char *dir = NULL;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'r')
			rounds = strtoul(optarg, NULL, 10);
		else if (opt == 'm')
			dir = optarg;
		else
			return 2;
	}
	if (optind + 1 != argc) {
		fprintf(stderr, "usage: stress [--rounds N] [--mount DIR] MODULE\n");
		return 2;
	}
	module_path = argv[optind];
	return stress(dir);
}
