/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * umdevd: puts the house together. What is brought up here in an order goes down in the reverse
 * one.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <umdev/log.h>
#include <umdev/module.h>
#include <umdev/sysfs.h>
#include <umdev/umdev.h>
#include <umdev/vfio_user.h>

#include "umdevd/autoload.h"
#include "umdevd/build_tree.h"
#include "umdevd/control.h"
#include "umdevd/daemon_log.h"
#include "umdevd/notify.h"
#include "umdevd/options.h"
#include "umdevd/rundir.h"
#include "umdevd/streams.h"
#include "umdevd/udevd.h"
#include "umdevd/uevents_host.h"
#include "umdevd/view.h"

struct daemon {
	struct options opt;
	struct rundir dir;
	struct sysfs_mount *sysfs;
	struct sysfs_netlink *host_uevents; /* NULL unless asked for */
	struct views *views;
	struct udevd *udevd;
	struct control_info info;
	struct control *control;
};

/* Every device has sockets and descriptors; the soft limit is made for users of select(). */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit))
			pr_warn("can't raise the limit of open files: %s", strerror(errno));
	}
}

/* Blocked in all threads: signals are fetched by wait_for_end(), and cannot stop a take-down. */
static void block_signals(sigset_t *ends)
{
	sigemptyset(ends);
	sigaddset(ends, SIGTERM);
	sigaddset(ends, SIGINT);
	sigaddset(ends, SIGHUP);
	pthread_sigmask(SIG_BLOCK, ends, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void wait_for_end(const sigset_t *ends)
{
	int sig;

	do {
		sig = sigwaitinfo(ends, NULL);
	} while (sig < 0 && errno == EINTR);
	pr_info("stopping on SIG%s", sig > 0 ? sigabbrev_np(sig) : "?");
}

/*
 * What is waited for at the end may never come: a driver that hangs, a layer below the tree that
 * does not answer. Service managers wait a little longer than this before they kill.
 */
#define END_SECONDS 60

static void *give_up(void *arg)
{
	static const char why[] = "umdevd: something keeps this from ending in order: giving up\n";
	struct timespec left = { .tv_sec = END_SECONDS };
	ssize_t written;

	while (nanosleep(&left, &left))
		;
	written = write(STDERR_FILENO, why, sizeof(why) - 1);
	(void)written;
	_exit(EXIT_FAILURE);
}

/*
 * A thread, which touches nothing else: a signal's handler is not run in one that waits for a file
 * system, and it may be the one that the kernel has chosen for the signal.
 */
static void limit_end(void)
{
	pthread_t thread;
	int err = pthread_create(&thread, NULL, give_up, NULL);

	if (err)
		pr_warn("no thread to limit how long ending takes: %s", strerror(err));
	else
		pthread_detach(thread);
}

static int set_module_path(const char *given)
{
	char *built = given ? NULL : build_tree_module_path();
	int err = module_set_path(given ? given : built);

	free(built);
	return err;
}

static int load_modules(const struct options *opt)
{
	size_t i;
	int err;

	for (i = 0; i < opt->nr_loads; i++) {
		daemon_log_set_origin(opt->loads[i].origin);
		err = module_load(opt->loads[i].name, opt->loads[i].params);
		daemon_log_set_origin(NULL);
		/* One that another one has loaded already is there, as was asked for. */
		if (err == -ENOENT)
			pr_notice("other directories with modules: --module-path DIR[:DIR]...");
		if (err && err != -EEXIST)
			return err;
		pr_info("loaded the module %s", opt->loads[i].name);
	}
	return 0;
}

static int start_control(struct daemon *d)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	d->info.runtime_dir = d->dir.path;
	d->info.sysfs = d->dir.sys;
	d->info.vfio_user = d->dir.vfio_user;
	d->info.started = now.tv_sec;
	d->info.views = d->views;
	d->info.udevd = d->udevd;
	return control_start(d->dir.control, &d->info, &d->control);
}

static int serve_devices(const struct daemon *d)
{
	const struct vfio_user_config config = {
		.dir = d->dir.vfio_user,
		.mode = d->opt.socket_mode,
		.owner = d->opt.socket_owner,
		.group = d->opt.socket_group,
	};
	int err = vfio_user_start(&config);

	if (err)
		pr_err("can't serve devices in %s: %s", config.dir, strerror(-err));
	return err;
}

static int bring_up(struct daemon *d)
{
	int err;

	err = rundir_open(&d->dir, d->opt.runtime_dir);
	if (err)
		return err;
	umdev_set_runtime_dir(d->dir.path);
	err = set_module_path(d->opt.module_path);
	if (!err)
		err = umdev_start();
	if (err) {
		pr_err("can't start: %s", strerror(-err));
		goto dir;
	}
	err = sysfs_mount(d->dir.sys, &d->sysfs);
	if (err)
		goto stop;
	if (d->opt.uevents_host) {
		err = uevents_host_start(&d->host_uevents);
		if (err)
			goto unmount;
	}
	err = serve_devices(d);
	if (err)
		goto unmount;
	autoload_start();
	err = load_modules(&d->opt);
	if (err)
		goto autoload;
	err = views_create(d->dir.path, d->host_uevents, &d->views);
	if (err)
		goto autoload;
	err = udevd_create(&d->udevd);
	if (err)
		goto views;
	err = start_control(d);
	if (err)
		goto udevd;
	return 0;
udevd:
	udevd_destroy(d->udevd);
views:
	views_destroy(d->views);
autoload:
	autoload_stop();
	vfio_user_stop();
unmount:
	umdev_stop();
	sysfs_netlink_stop(d->host_uevents);
	sysfs_unmount(d->sysfs);
	goto dir;
stop:
	umdev_stop();
dir:
	rundir_close(&d->dir);
	return err;
}

/*
 * The guests go first: what is unloaded or removed, now or by a command that runs already, waits
 * for them. The tree can be seen until all in it is gone, so that whoever has a file open gets
 * ENODEV as the kernel would say. The views and whoever listens to events hear of the end of each.
 */
static void take_down(struct daemon *d)
{
	vfio_user_stop();
	control_stop(d->control);
	autoload_stop();
	umdev_stop();
	udevd_destroy(d->udevd);
	views_destroy(d->views);
	sysfs_netlink_stop(d->host_uevents);
	sysfs_unmount(d->sysfs);
	rundir_close(&d->dir);
}

int main(int argc, char **argv)
{
	struct daemon d = { 0 };
	sigset_t ends;
	int ret, err;

	if (streams_occupy())
		return EXIT_FAILURE;
	ret = options_parse(&d.opt, argc, argv);
	if (ret >= 0) {
		options_finish(&d.opt);
		return ret;
	}
	daemon_log_start(d.opt.log_level);
	block_signals(&ends);
	raise_descriptor_limit();
	err = bring_up(&d);
	if (!err) {
		pr_info("ready at %s (pid %d)", d.dir.path, (int)getpid());
		notify("READY=1\nSTATUS=Serving devices");
		wait_for_end(&ends);
		notify("STOPPING=1\nSTATUS=Taking all down");
		limit_end();
		take_down(&d);
		pr_info("stopped");
	}
	options_finish(&d.opt);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
