/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Descriptors that umdev and umdevd hand to each other over the control socket.
 *
 * A message with descriptors names them, in their order, in "descriptors": ["sys", "mnt", ...].
 */
#ifndef UMDEVD_DESCRIPTORS_H
#define UMDEVD_DESCRIPTORS_H

#include <json-c/json.h>
#include <stddef.h>
#include <sys/types.h>

/**
 * enum descriptor - what a view is made of
 * @DESCRIPTOR_SYS:     /dev/fuse, mounted at /sys of the view
 * @DESCRIPTOR_VFIO:    /dev/fuse, mounted at /dev/vfio of the view
 * @DESCRIPTOR_LOWER:   the machine's own sysfs
 * @DESCRIPTOR_NETLINK: a socket of NETLINK_KOBJECT_UEVENT in the view's network namespace
 * @DESCRIPTOR_USER, @DESCRIPTOR_NET, @DESCRIPTOR_MNT: namespaces
 */
enum descriptor {
	DESCRIPTOR_SYS,
	DESCRIPTOR_VFIO,
	DESCRIPTOR_LOWER,
	DESCRIPTOR_NETLINK,
	DESCRIPTOR_USER,
	DESCRIPTOR_NET,
	DESCRIPTOR_MNT,
	DESCRIPTORS,
};

/** struct descriptors - one of each kind; -1 for none */
struct descriptors {
	int fd[DESCRIPTORS];
};

/** struct received - descriptors of a message, in their order; nobody knows yet what they are */
struct received {
	int fd[DESCRIPTORS];
	size_t nr;
};

/** descriptors_init - none of any kind. */
void descriptors_init(struct descriptors *desc);

/** descriptors_close - close those that are there. */
void descriptors_close(struct descriptors *desc);

/**
 * descriptors_send - send a message with the descriptors that are there
 * @sock: SOCK_SEQPACKET
 * @obj:  gets "descriptors"; stays the caller's
 * @desc: stay the caller's
 *
 * Return: 0, -errno.
 */
int descriptors_send(int sock, struct json_object *obj, const struct descriptors *desc);

/**
 * descriptors_receive - receive a message with the descriptors that come with it
 * @in: to be given to descriptors_name() or received_close() if the return value is positive
 *
 * Return: the length of the message, larger than @size if it was cut; 0 at the end; -errno, among
 * them -EMSGSIZE for more descriptors than there are kinds.
 */
ssize_t descriptors_receive(int sock, void *buf, size_t size, struct received *in);

/** received_close - close what came and is not wanted. */
void received_close(struct received *in);

/**
 * descriptors_name - learn from a message what came with it
 * @obj:  the message
 * @in:   what came with it; belongs to @desc after success and is closed after failure
 * @desc: what it is
 *
 * Return: 0, -EINVAL when the names and the descriptors do not go together.
 */
int descriptors_name(struct json_object *obj, struct received *in, struct descriptors *desc);

#endif
