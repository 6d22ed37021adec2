/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where a daemon's runtime directory is, if nobody says: what umdevd and umdev agree on.
 */
#ifndef UMDEVD_DEFAULT_DIR_H
#define UMDEVD_DEFAULT_DIR_H

#define RUNTIME_DIR_ENV	   "UMDEV_RUNTIME_DIR"
#define RUNTIME_DIR_SYSTEM "/run/umdev"

/**
 * default_runtime_dir - $UMDEV_RUNTIME_DIR, /run/umdev for root, $XDG_RUNTIME_DIR/umdev for others
 * Return: a path to free(), or NULL: XDG_RUNTIME_DIR is not set, or no memory.
 */
char *default_runtime_dir(void);

#endif
