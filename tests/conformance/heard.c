/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Does what a transcript's commands say to a model of its own, and prints which events are heard of
 * each on netlink, in the transcript's form.
 *
 * usage: heard MODULE_PATH < COMMANDS
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <umdev/module.h>
#include <umdev/sysfs.h>
#include <umdev/uevent.h>
#include <umdev/umdev.h>
#include "support/netns.h"

static char mountpoint[] = "/tmp/umdev-heard-XXXXXX";

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "action@devpath" and its keys, each with its NUL. */
static void print_event(char *msg, size_t len)
{
	char *keys[UEVENT_NUM_ENVP], *at = strchr(msg, '@');
	size_t count = 0;

	if (!at) {
		printf("garbage: %s\n", msg);
		return;
	}
	*at = ' ';
	printf("%s\n", msg);
	for (char *key = msg + strlen(msg) + 1; key < msg + len; key += strlen(key) + 1)
		if (count < UEVENT_NUM_ENVP && strncmp(key, "ACTION=", 7) &&
		    strncmp(key, "DEVPATH=", 8) && strncmp(key, "SEQNUM=", 7))
			keys[count++] = key;
	qsort(keys, count, sizeof(*keys), compare);
	for (size_t i = 0; i < count; i++)
		printf("    %s\n", keys[i]);
}

/* A message has arrived when its sender goes on. */
static void print_heard(int listener)
{
	char msg[2 * UEVENT_BUFFER_SIZE + 1];
	ssize_t len;

	while ((len = recv(listener, msg, sizeof(msg) - 1, MSG_DONTWAIT)) > 0) {
		msg[len] = '\0';
		print_event(msg, (size_t)len);
	}
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	close(fd);
	return n < 0 ? -errno : 0;
}

/* echo TEXT > /sys/PATH, with or without quotes around the text. */
static int do_echo(const char *command)
{
	char text[256], path[256], full[sizeof(mountpoint) + sizeof(path)];

	if (sscanf(command, "echo '%255[^']' > /sys%255s", text, path) != 2 &&
	    sscanf(command, "echo %255s > /sys%255s", text, path) != 2)
		return -EINVAL;
	snprintf(full, sizeof(full), "%s%s", mountpoint, path);
	return write_file(full, text);
}

static int run(const char *command)
{
	if (!strncmp(command, "insmod ", 7))
		return module_load("mtty", NULL);
	if (!strncmp(command, "rmmod ", 6))
		return module_unload(command + 6);
	return do_echo(command);
}

static int run_all(int listener)
{
	char command[512];
	int err = 0;

	while (!err && fgets(command, sizeof(command), stdin)) {
		command[strcspn(command, "\n")] = '\0';
		printf("$ %s\n", command);
		err = run(command);
		if (err)
			fprintf(stderr, "heard: %s: %s\n", command, strerror(-err));
		print_heard(listener);
	}
	return err;
}

/* With a mount to write to, and all that is heard from now on sent to @ns. */
static int serve(struct netns *ns)
{
	struct sysfs_netlink *netlink;
	struct sysfs_mount *mount;
	int err;

	err = sysfs_mount(mountpoint, &mount);
	if (err)
		return err;
	err = sysfs_netlink_start(ns->sender, &netlink);
	if (!err) {
		err = run_all(ns->listener);
		sysfs_netlink_stop(netlink);
	}
	sysfs_unmount(mount);
	return err;
}

int main(int argc, char **argv)
{
	struct netns ns;
	int err;

	if (argc != 2) {
		fprintf(stderr, "usage: heard MODULE_PATH < COMMANDS\n");
		return 2;
	}
	err = netns_open(&ns);
	if (err) {
		fprintf(stderr, "heard: no namespaces: %s\n", strerror(-err));
		return 77;
	}
	err = module_set_path(argv[1]);
	if (!err)
		err = umdev_start();
	if (!err)
		err = module_load("mtty", NULL);
	if (!err && !mkdtemp(mountpoint))
		err = -errno;
	if (!err)
		err = serve(&ns);
	if (err)
		fprintf(stderr, "heard: %s\n", strerror(-err));
	rmdir(mountpoint);
	umdev_stop();
	return err != 0;
}
