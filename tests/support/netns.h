/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A network namespace that a user namespace of its own owns, so that the machine's events do not
 * come into it.
 */
#ifndef TESTS_SUPPORT_NETNS_H
#define TESTS_SUPPORT_NETNS_H

#include <stddef.h>
#include <sys/types.h>

/** struct netns - its sockets of NETLINK_KOBJECT_UEVENT; the namespace lives as long as they do */
struct netns {
	int sender;
	int listener; /* hears what the kernel sends */
};

/**
 * netns_open - make one. Return: 0, or -errno where that is not allowed.
 */
int netns_open(struct netns *ns);
/** netns_close - the reverse. */
void netns_close(struct netns *ns);

/**
 * netns_spawn - run @child in a new one
 * @child: gets a socket of its own namespace to send to, and the write end of a pipe; what it
 *         returns is its exit status
 * @from:  the read end of the pipe, to close()
 * @sender: the same socket, to close()
 * Return: the process, to be waited for, or -errno. @child may have begun or not.
 */
pid_t netns_spawn(int (*child)(int sender, int to), int *sender, int *from);

/** uevent_listener_socket - hear the events of the network namespace that one is in, or -errno. */
int uevent_listener_socket(void);

#endif
