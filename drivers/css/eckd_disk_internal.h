/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The two halves of an ECKD disk's image: eckd_disk.c: label, records; eckd_track.c: directories.
 */
#ifndef UMDEV_CSS_ECKD_DISK_INTERNAL_H
#define UMDEV_CSS_ECKD_DISK_INTERNAL_H

#include "eckd_disk.h"

#define ECKD_SLOT_SIZE	    UINT64_C(65536)
#define ECKD_COPY_SIZE	    1024 /* of a directory */
#define ECKD_R0_AREA	    2048
#define ECKD_RECORD_AREA    4096
#define ECKD_DIRECTORY_AREA 4096 /* of the buffer: for directories; records have what follows */

#define ECKD_CACHE  128 /* tracks whose directories are kept */
#define ECKD_STORED 64

/**
 * struct eckd_disk - an open image
 * @changed: the track whose directory has to be stored; NULL: none
 * @written: something was written since image_flush() was called
 * @stored, @nr_stored: tracks whose directory was written since then. The other copy of such a
 *           track's is the last one that is known to be stable, and must stay until this one is
 * @zero_from, @zero_to: what of the image has to read as 0 before @changed is stored
 */
struct eckd_disk {
	struct image *image;
	uint32_t cyls;
	enum eckd_format format;
	unsigned int blksize;
	uint8_t serial[ECKD_SERIAL_SIZE];
	struct eckd_track *changed;
	bool written;
	unsigned int nr_stored;
	uint32_t stored[ECKD_STORED];
	uint64_t zero_from;
	uint64_t zero_to;
	struct eckd_track cache[ECKD_CACHE]; /* by number, modulo */
};

/** eckd_image_size - how long an image of so many cylinders is. */
uint64_t eckd_image_size(uint32_t cyls);
/** eckd_slot_offset - where a track's slot begins in the image. */
uint64_t eckd_slot_offset(uint32_t number);
/** eckd_write - image_write(), to be flushed. */
int eckd_write(struct eckd_disk *disk, const void *buf, size_t len, uint64_t offset);
/** eckd_write_zeros - from @zero_from to @zero_to. */
int eckd_write_zeros(struct eckd_disk *disk);
/** eckd_track_store - write @changed's directory. After an error it is as it was before. */
int eckd_track_store(struct eckd_disk *disk);
/** eckd_sync - what was written is stable. */
int eckd_sync(struct eckd_disk *disk);

#endif
