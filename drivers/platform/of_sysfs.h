/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The nodes of the current tree below /sys/firmware/devicetree/base: a directory per node, a
 * binary file per property.
 *
 * Behaviour: Linux 6.1 drivers/of/kobj.c; Documentation/ABI/testing/sysfs-firmware-ofw.
 */
#ifndef UMDEV_PLATFORM_OF_SYSFS_H
#define UMDEV_PLATFORM_OF_SYSFS_H

#include "dt.h"

/** of_sysfs_init - make the directories. Return: 0, -EEXIST, -ENOMEM. */
int of_sysfs_init(void);
/** of_sysfs_exit - the reverse; the tree is empty by now. */
void of_sysfs_exit(void);
/**
 * of_sysfs_change - show @tree instead of the one before
 * @tree: kept until the next change; NULL: none
 *
 * Nodes that both have stay the same directories, so links to them go on; files that did not change
 * stay, too. All or nothing. Context: one at a time; may sleep. Return: 0, -ENOMEM.
 */
int of_sysfs_change(struct dt_tree *tree);
/** of_sysfs_node - the directory of a node that is shown, for links; valid until it changes. */
struct kobject *of_sysfs_node(const char *path);

#endif
