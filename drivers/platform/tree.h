/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The current tree and its devices: what changes with a tree's change.
 */
#ifndef UMDEV_PLATFORM_TREE_H
#define UMDEV_PLATFORM_TREE_H

#include "dt.h"

/**
 * tree_change - make the devices of another tree
 * @new:   gets references
 * @grows: it has all nodes of the one before; else all of its nodes were there before
 * @error: why not
 *
 * Devices that both have (by their nodes' paths) stay, and keep the tree that they were made from.
 * Those that are new come together, with their hardware and their drivers. Then those that are gone
 * are removed, the youngest first; their users are asked and waited for, and the caller of a
 * store() may leave meanwhile. All or nothing: nobody sees anything of a change that fails.
 *
 * Context: one at a time; may sleep. Return: 0, -EINVAL (also when a device would stay but change),
 * -EBUSY (registers of a device that is in no tree), -EEXIST (a name that is taken), -ENOMEM.
 */
int tree_change(struct dt_tree *new, bool grows, struct dt_error *error);

/** tree_clear - remove all devices of the current tree. Context: as above. Cannot fail. */
void tree_clear(void);

#endif
