/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tracks of an ECKD disk, in an image.
 *
 * An image is slots of 64 KiB. Slot 0 is the label: what the disk is. Slot 1 + T is track T (=
 * cylinder * 15 + head): two copies of its directory, room for record 0, and the other records in
 * their order, key and data without a gap, each from a boundary of 512 bytes. So records of 4096
 * bytes without keys lie at 4096 * number of their slot. All numbers are big-endian.
 *
 *	label:     0 "UMDEVCKD"  8 version (4)  12 cylinders (4)  16 heads (2)  18 format (2)
 *	           20 block size (2)  24 serial number (12, EBCDIC)
 *	slot:      0 and 1024 directories  2048 record 0  4096 records
 *	directory: 0 "TRK1"  4 CRC-32C of what follows (4)  8 sequence (4)  12 records (2)
 *	           16 track (4)  20 home address: flag, cylinder, head (5)  32 counts (8 each)
 *
 * The directory with the higher sequence is the track's; a new one takes the place of the other, so
 * a write that is torn leaves the old one. A slot without any is as the label's format says:
 * without records, or with blocks of zeros. Records are written in place.
 */
#ifndef UMDEV_CSS_ECKD_DISK_H
#define UMDEV_CSS_ECKD_DISK_H

#include "image.h"

#define ECKD_HEADS	 15
#define ECKD_CYLS_MAX	 1182006
#define ECKD_COUNT_SIZE	 8
#define ECKD_R0_MAX	 2048  /* bytes of record 0's key and data */
#define ECKD_DATA_MAX	 56664 /* of any other's data, without a key */
#define ECKD_RECORDS_MAX 87    /* with record 0: what fits on a track of records without data */
#define ECKD_SERIAL_SIZE 12

/* What a track without a directory looks like. */
enum eckd_format {
	ECKD_UNFORMATTED, /* home address and record 0 */
	ECKD_LDL,	  /* blocks on all tracks, as dasdfmt -d ldl leaves them */
	ECKD_CDL,	  /* the same but for the first two tracks, as dasdfmt -d cdl leaves them */
};

/**
 * struct eckd_track - what is on a track, but for keys and data
 * @number:  which
 * @nr:      records; record 0 is the first, if there is one
 * @ha:      home address: flag, cylinder, head
 * @counts:  as they are on the disk: cylinder, head, record, key and data length
 * @offset:  where each one's key, then data, begins in the slot
 * @slot:    which copy of the directory this is; 1 without any
 * @sequence: its
 */
struct eckd_track {
	uint32_t number;
	bool valid;
	uint8_t slot;
	uint32_t sequence;
	unsigned int nr;
	uint8_t ha[5];
	uint8_t counts[ECKD_RECORDS_MAX][ECKD_COUNT_SIZE];
	uint32_t offset[ECKD_RECORDS_MAX + 1];
};

struct eckd_disk;

/**
 * struct eckd_disk_params - what eckd_disk_open() is to open, or make
 * @cyls:    cylinders; 0: what the label says
 * @format, @blksize: of a new image
 * @serial:  of a new image, EBCDIC; NULL: random digits
 */
struct eckd_disk_params {
	const char *path;
	uint32_t cyls;
	enum eckd_format format;
	unsigned int blksize;
	const uint8_t *serial;
	bool read_only;
	bool unsafe;
	const int *stop_fd;
};

/** eckd_disk_open - open or create an image. @out: eckd_disk_close(). Return: as image_open(), also
 * -EINVAL (not one of these images), -ENOMEM; @error says what. */
int eckd_disk_open(struct eckd_disk **out, const struct eckd_disk_params *params,
		   struct image_error *error);
/** eckd_disk_close - the reverse. NULL is fine. */
void eckd_disk_close(struct eckd_disk *disk);

/* Constant; any thread. */
uint32_t eckd_disk_cyls(const struct eckd_disk *disk);
const uint8_t *eckd_disk_serial(const struct eckd_disk *disk);
const char *eckd_disk_path(const struct eckd_disk *disk);
bool eckd_disk_read_only(const struct eckd_disk *disk);

/*
 * Below: the channel's thread. Errors are image_read()'s and its like's, and -EBADMSG: what the
 * image says of this track makes no sense.
 */

/** eckd_disk_settle - image_settle(), to be called before anything is put into eckd_disk_data(). */
int eckd_disk_settle(struct eckd_disk *disk);

/**
 * eckd_track_get - a track
 * @out: the disk's, until the next call for another track or an error; to be changed by
 *       eckd_track_*() alone
 *
 * One that was changed is stored when another one is asked for, or by eckd_disk_flush().
 */
int eckd_track_get(struct eckd_disk *disk, uint32_t number, struct eckd_track **out);

/**
 * eckd_track_cut - take away all records from the @nr th on, the counted ones; with 0 record 0, too
 *
 * Nothing of it is on the disk before the track is stored.
 */
void eckd_track_cut(struct eckd_disk *disk, struct eckd_track *track, unsigned int nr);

/**
 * eckd_track_append - a record after the last one
 * @zero: its key and data become 0; else the caller writes all of them
 * Return: 0, -ENOSPC: it does not fit, errors of the image's.
 */
int eckd_track_append(struct eckd_disk *disk, struct eckd_track *track,
		      const uint8_t count[ECKD_COUNT_SIZE], bool zero);

/** eckd_track_set_ha - another home address, and no records. */
void eckd_track_set_ha(struct eckd_disk *disk, struct eckd_track *track, const uint8_t ha[5]);

/** eckd_disk_data - memory for a record's key and data, for the calls below. 64 KiB. */
uint8_t *eckd_disk_data(struct eckd_disk *disk);

/** eckd_record_read - read @len bytes of a record's key and data, from @from on, into
 * eckd_disk_data() at @at. */
int eckd_record_read(struct eckd_disk *disk, const struct eckd_track *track, unsigned int nr,
		     size_t from, size_t at, size_t len);
/** eckd_record_write - the reverse. */
int eckd_record_write(struct eckd_disk *disk, const struct eckd_track *track, unsigned int nr,
		      size_t from, size_t at, size_t len);

/**
 * eckd_disk_flush - store what has changed, and have it on stable storage
 *
 * An error takes back the changes of the last track; what was written to others may be lost.
 */
int eckd_disk_flush(struct eckd_disk *disk);

/** eckd_disk_dirty - is there something that eckd_disk_flush() would do? */
bool eckd_disk_dirty(const struct eckd_disk *disk);

static inline unsigned int eckd_key_len(const uint8_t count[ECKD_COUNT_SIZE])
{
	return count[5];
}

static inline unsigned int eckd_data_len(const uint8_t count[ECKD_COUNT_SIZE])
{
	return (unsigned int)count[6] << 8 | count[7];
}

/** eckd_put_track - a track's cylinder and head, as they are in counts and addresses. 4 bytes. */
void eckd_put_track(uint8_t *b, uint32_t number);
/** eckd_parse_track - the reverse. Return: false: there is no such head. */
bool eckd_parse_track(const uint8_t *b, uint32_t *number);

/** eckd_record_cost - cells that a record takes on a track, which has ECKD_TRACK_CELLS. */
unsigned int eckd_record_cost(unsigned int key_len, unsigned int data_len);
#define ECKD_TRACK_CELLS 1729

/** eckd_blocks_per_track - how many records of @blksize fit on a track */
unsigned int eckd_blocks_per_track(unsigned int blksize);

#endif
