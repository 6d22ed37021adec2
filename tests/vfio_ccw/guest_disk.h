/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A guest that keeps account of the disk that it has: each block says which write it is of, so that
 * one that is lost, old, torn, or in the wrong place is seen.
 */
#ifndef UMDEV_TESTS_VFIO_CCW_GUEST_DISK_H
#define UMDEV_TESTS_VFIO_CCW_GUEST_DISK_H

#include "vfio_ccw/ccw_client.h"

#define DISK_BLOCK  512u
#define DISK_BLOCKS 256u
/* Of one program. */
#define DISK_RUN 32u

/**
 * struct guest_disk - what should be on a 9336, zeroed: all of it is zeros
 * @known: each block's number of the last write that is known to be there
 * @last:  of the last that was begun and may be there
 * @next:  of writes
 */
struct guest_disk {
	uint32_t known[DISK_BLOCKS];
	uint32_t last[DISK_BLOCKS];
	uint32_t next;
};

/** disk_write - build a program that writes @nr blocks from @first on. Return: its ORB. */
struct orb disk_write(struct guest_disk *disk, struct ccw_client *client, unsigned int first,
		      unsigned int nr);
/** disk_written - it has ended well. */
void disk_written(struct guest_disk *disk, unsigned int first, unsigned int nr);
/** disk_read - build a program that reads blocks. */
struct orb disk_read(struct ccw_client *client, unsigned int first, unsigned int nr);
/** disk_check_read - it has ended well: what it has read is what has to be there, or this says
 * what not. Return: NULL, or which line to print. */
const char *disk_check_read(struct guest_disk *disk, const struct ccw_client *client,
			    unsigned int first, unsigned int nr);
/** disk_check - the same of one block from elsewhere. */
const char *disk_check(struct guest_disk *disk, const uint8_t *block, unsigned int nr);

#endif
