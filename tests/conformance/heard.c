/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Does what a transcript's commands say to a model of its own, and prints which events are heard of
 * each on netlink, in the transcript's form.
 *
 * usage: heard MODULE_PATH < COMMANDS
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <umdev/module.h>
#include <umdev/sysfs.h>
#include <umdev/uevent.h>
#include <umdev/umdev.h>
#include "support/netns.h"
#include "support/tree.h"

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

/* echo TEXT > /sys/PATH, with or without quotes around the text. */
static int do_echo(const char *command)
{
	char text[256], path[256];
	ssize_t n;

	if (sscanf(command, "echo '%255[^']' > /sys%255s", text, path) != 2 &&
	    sscanf(command, "echo %255s > /sys%255s", text, path) != 2)
		return -EINVAL;
	n = tree_write(path, text);
	return n < 0 ? (int)n : 0;
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

int main(int argc, char **argv)
{
	struct sysfs_netlink *netlink;
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
	if (!err)
		err = sysfs_netlink_start(ns.sender, &netlink);
	if (err) {
		fprintf(stderr, "heard: %s\n", strerror(-err));
		return 1;
	}
	err = run_all(ns.listener);
	sysfs_netlink_stop(netlink);
	umdev_stop();
	return err != 0;
}
