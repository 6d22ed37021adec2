/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Device nodes: a tree of their own beside sysfs, with one for each device that has a number.
 * Behaviour: Linux 6.1 drivers/base/devtmpfs.c.
 */
#ifndef UMDEV_MODEL_DEVTMPFS_H
#define UMDEV_MODEL_DEVTMPFS_H

struct device;
struct stat;

/**
 * devtmpfs_create_node - make the node of a device, and the directories that its name needs
 * @dev: has a number
 *
 * Inside a publication the node stays hidden until the commit, its directories don't: they may
 * be others' too. A name that is taken, or can be none, is in the log, and the device has no node.
 * Return: 0, -ENOMEM.
 */
int devtmpfs_create_node(struct device *dev);

/**
 * devtmpfs_stat_node - whose the node is, and what its rights are, as they were set last
 * @dev: is not being removed
 * Return: 0, -ENOENT (it has none).
 */
int devtmpfs_stat_node(struct device *dev, struct stat *st);

/** devtmpfs_delete_node - the reverse: the node goes, and the directories that are empty now. */
void devtmpfs_delete_node(struct device *dev);

#endif
