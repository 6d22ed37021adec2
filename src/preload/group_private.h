/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Between the group (group.c) and the devices that are open through it (device*.c).
 */
#ifndef UMDEV_PRELOAD_GROUP_PRIVATE_H
#define UMDEV_PRELOAD_GROUP_PRIVATE_H

#include "preload/container.h"
#include "preload/file.h"
#include "preload/shared.h"

struct device;

/**
 * struct group_shared - what all processes that have the group agree on
 * @lock:      guards the rest, and in each process what struct group says
 * @container: container_id() of what the group is attached to; 0: nothing
 * @asking:    somebody has asked something at the door and has not had the reply yet
 */
struct group_shared {
	struct shared_mutex lock;
	uint64_t container;
	bool asking;
};

/**
 * struct group - an open group, in this process
 * @id:        its number
 * @shared:    what is the same in all processes
 * @door:      the connection that the group is held by; hidden
 * @holders:   hidden; see holders.h
 * @holder:    this file's own; hidden
 * @container: what it is attached to, as far as this process has seen; under shared->lock, and
 *             constant while a device is open
 * @devices:   that are open in this process; under shared->lock
 */
struct group {
	unsigned int id;
	struct group_shared *shared;
	int door;
	int holders;
	int holder;
	struct container *container;
	struct device *devices;
};

/** group_lock - for what is under group.shared->lock. */
void group_lock(struct group *group);
void group_unlock(struct group *group);

/**
 * device_open - a file for a device of the group
 * @group_file: the group's file, which the device keeps open
 * @name:       as the program says; shorter than VFIO_DOOR_NAME_MAX
 * @out:        with one reference; to be given to device_install()
 *
 * A device that is open in this process already has one connection for all its files.
 * Context: group_lock() held; the group has a container with an IOMMU. Return: 0, -ENODEV, what
 * the server says, or -errno of the connection (client.h).
 */
int device_open(struct file *group_file, const char *name, struct file **out);

/**
 * device_install - a descriptor for it
 * @file: of device_open(); the reference is given back, whatever happens
 * Context: group_lock() not held. Return: the descriptor for the program, or -errno.
 */
int device_install(struct file *file);

#endif
