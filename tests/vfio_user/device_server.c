/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Serves the test devices: device_server DIR [TIMEOUT_MS [MODE]]
 *
 * Says "ready", then obeys lines on its standard input; each is answered by "ok", and what it has
 * asked for, or by an error. It ends with its input.
 *
 *   release NAME         let go callbacks that hang
 *   wait_hung NAME       wait until a callback hangs
 *   hang NAME WHAT       hang in the next WHAT: open, close, reset, unmap
 *   unbind NAME          take the device away; answered at once
 *   wait_unbound NAME    wait until that is done
 *   bind NAME            bring it back
 *   chmod NAME MODE      set the rights of its group's node, in octal
 *   chown NAME UID:GID   set whose that is
 *   group NAME           say the group's number
 *   user NAME            say who uses the device
 *   door NAME            say where the group's door is
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <umdev/device.h>
#include <umdev/umdev.h>
#include <umdev/vfio_user.h>

#include "model/kernfs.h"
#include "support/tree.h"
#include "test_device.h"

static pthread_t unbinder;
static bool unbinding;

static void *unbind_run(void *arg)
{
	struct test_device *t = arg;

	device_release_driver(&t->dev);
	return NULL;
}

static int unbind(struct test_device *t)
{
	if (unbinding)
		return -EBUSY;
	unbinding = true;
	return -pthread_create(&unbinder, NULL, unbind_run, t);
}

static int wait_unbound(void)
{
	if (!unbinding)
		return -EINVAL;
	pthread_join(unbinder, NULL);
	unbinding = false;
	return 0;
}

static int hang(struct test_device *t, const char *what)
{
	static const char *const names[] = { [HANG_OPEN] = "open",
					     [HANG_CLOSE] = "close",
					     [HANG_RESET] = "reset",
					     [HANG_UNMAP] = "unmap" };

	for (int i = HANG_OPEN; i <= HANG_UNMAP; i++) {
		if (!strcmp(names[i], what)) {
			test_device_hang(t, i);
			return 0;
		}
	}
	return -EINVAL;
}

/* As chmod() and chown() do through a mount of the device nodes. */
static int set_node(struct test_device *t, const char *verb, const char *what)
{
	struct kernfs_node *dir = kernfs_lookup(kernfs_dev_root(), "vfio"), *node;
	unsigned int flags = KERNFS_SET_UID | KERNFS_SET_GID;
	struct stat st = { 0 };
	char name[16];
	int err;

	snprintf(name, sizeof(name), "%d", vfio_group_id(&t->vdev));
	node = kernfs_lookup(dir, name);
	kernfs_put(dir);
	if (!strcmp(verb, "chmod")) {
		flags = KERNFS_SET_MODE;
		st.st_mode = strtoul(what, NULL, 8);
	} else if (sscanf(what, "%u:%u", &st.st_uid, &st.st_gid) != 2) {
		return -EINVAL;
	}
	err = kernfs_setattr(node, &st, flags);
	kernfs_put(node);
	return err;
}

/* Print "ok" and what is asked for. Return: 1, -errno. */
static int say(struct test_device *t, const char *verb)
{
	char buf[SYSFS_PAGE_SIZE], path[64];
	ssize_t n;

	if (!t->vdev.p)
		return -ENODEV;
	if (!strcmp(verb, "group")) {
		printf("ok %d\n", vfio_group_id(&t->vdev));
		return 1;
	}
	snprintf(path, sizeof(path), "/class/%s%d/%s",
		 strcmp(verb, "user") ? "vfio/" : "vfio-dev/vfio", vfio_group_id(&t->vdev),
		 strcmp(verb, "user") ? "socket" : "user");
	n = tree_read(path, buf);
	if (n < 0)
		return n;
	printf("ok %s", buf);
	return 1;
}

static int obey(const char *verb, struct test_device *t, const char *what)
{
	int ret;

	if (!strcmp(verb, "release"))
		test_device_release(t);
	else if (!strcmp(verb, "wait_hung"))
		test_device_wait_hung(t);
	else if (!strcmp(verb, "hang"))
		return hang(t, what);
	else if (!strcmp(verb, "unbind"))
		return unbind(t);
	else if (!strcmp(verb, "wait_unbound"))
		return wait_unbound();
	else if (!strcmp(verb, "bind")) {
		ret = device_attach(&t->dev);
		return ret == 1 ? 0 : ret ? ret : -ENODEV;
	} else if (!strcmp(verb, "chmod") || !strcmp(verb, "chown"))
		return set_node(t, verb, what);
	else if (!strcmp(verb, "group") || !strcmp(verb, "user") || !strcmp(verb, "door"))
		return say(t, verb);
	else
		return -EINVAL;
	return 0;
}

static void read_commands(void)
{
	char line[256], verb[32], name[32], what[32];

	while (fgets(line, sizeof(line), stdin)) {
		struct test_device *t = NULL;
		int n = sscanf(line, "%31s %31s %31s", verb, name, what);
		int err;

		if (n >= 2)
			t = test_device_find(name);
		err = t ? obey(verb, t, n > 2 ? what : "") : -ENODEV;
		if (err <= 0)
			printf("%s\n", err ? strerror(-err) : "ok");
		fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	struct vfio_user_config config = { .mode = 0600, .owner = -1, .group = -1 };
	int err;

	if (argc < 2)
		return 2;
	config.dir = argv[1];
	if (argc > 2)
		config.callback_timeout_ms = atoi(argv[2]);
	if (argc > 3)
		config.mode = strtoul(argv[3], NULL, 8);
	err = umdev_start();
	if (!err)
		err = vfio_user_start(&config);
	if (!err)
		err = test_devices_create();
	if (err) {
		fprintf(stderr, "device_server: %s\n", strerror(-err));
		return 1;
	}
	printf("ready\n");
	fflush(stdout);
	read_commands();
	test_devices_release();
	vfio_user_stop();
	if (unbinding)
		wait_unbound();
	test_devices_destroy();
	umdev_stop();
	return 0;
}
