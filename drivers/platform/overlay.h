/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tree that the module was loaded with, and the overlays over it, which come and go by the
 * bus's attributes add_overlay and remove_overlay.
 */
#ifndef UMDEV_PLATFORM_OVERLAY_H
#define UMDEV_PLATFORM_OVERLAY_H

#include <umdev/kobject.h>

#include "dt.h"

/** overlay_groups - the attributes of the bus. They say -ENODEV until overlays_init() is done. */
extern const struct attribute_group *overlay_groups[];

/**
 * overlays_init - make the devices of a tree; overlays may come
 * @base: becomes the overlays' if this succeeds
 * Return: as tree_change(), with @error.
 */
int overlays_init(struct dt_blob *base, struct dt_tree *tree, struct dt_error *error);
/** overlays_exit - the reverse: remove all devices. */
void overlays_exit(void);

#endif
