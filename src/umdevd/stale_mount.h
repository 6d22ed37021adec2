/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mounts whose server died.
 */
#ifndef UMDEVD_STALE_MOUNT_H
#define UMDEVD_STALE_MOUNT_H

/**
 * stale_mounts_remove - unmount all trees of umdev that are mounted on a directory
 * @path: absolute, without links. It is not touched: that could wait for a server that hangs
 *
 * Return: 0, also when there was nothing; -EBUSY (something else is mounted there), -errno; with a
 * line in the log.
 */
int stale_mounts_remove(const char *path);

#endif
