/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An ECKD disk: a 3390 on a 3990 storage control.
 *
 * One file each: cu_eckd.c what it is made from, and which command goes where; eckd_sense.c its
 * sense; eckd_config.c what it tells of itself, path groups and reservation; eckd_extent.c what a
 * program may do where; eckd_search.c seeking and finding; eckd_read.c, eckd_write.c, eckd_format.c
 * the transfers; eckd_disk.h below.
 *
 * Source: IBM 3990/9390 Storage Control Reference (GA32-0274), ESS Command Reference (SC26-7298),
 * 3390 Reference (GC26-4573); Linux 7.3 drivers/s390/block/{dasd_eckd.c,dasd_3990_erp.c}.
 */
#ifndef UMDEV_CSS_ECKD_H
#define UMDEV_CSS_ECKD_H

#include <umdev/control_unit.h>
#include "eckd_disk.h"

/* Commands; those of one track, to which ECKD_MT adds the way to the next one. */
#define ECKD_MT		       0x80
#define ECKD_READ_IPL	       0x02
#define ECKD_WRITE_DATA	       0x05
#define ECKD_READ_DATA	       0x06
#define ECKD_SEEK	       0x07
#define ECKD_SEEK_CYLINDER     0x0b
#define ECKD_WRITE_KD	       0x0d
#define ECKD_READ_KD	       0x0e
#define ECKD_ERASE	       0x11
#define ECKD_READ_COUNT	       0x12
#define ECKD_RECALIBRATE       0x13
#define ECKD_RESERVE_ANYWAY    0x14
#define ECKD_WRITE_R0	       0x15
#define ECKD_READ_R0	       0x16
#define ECKD_WRITE_HA	       0x19
#define ECKD_READ_HA	       0x1a
#define ECKD_SEEK_HEAD	       0x1b
#define ECKD_WRITE_CKD	       0x1d
#define ECKD_READ_CKD	       0x1e
#define ECKD_SET_FILE_MASK     0x1f
#define ECKD_READ_SECTOR       0x22
#define ECKD_SET_SECTOR	       0x23
#define ECKD_PSF	       0x27
#define ECKD_SEARCH_KEY_EQ     0x29
#define ECKD_SEARCH_ID_EQ      0x31
#define ECKD_SENSE_PATH_GROUP  0x34
#define ECKD_SEARCH_HA_EQ      0x39
#define ECKD_RSSD	       0x3e
#define ECKD_LOCATE	       0x47
#define ECKD_SEARCH_KEY_HI     0x49
#define ECKD_LOCATE_EXTENDED   0x4b
#define ECKD_SEARCH_ID_HI      0x51
#define ECKD_READ_MULTIPLE_CKD 0x5e
#define ECKD_DEFINE_EXTENT     0x63
#define ECKD_RDC	       0x64
#define ECKD_SEARCH_KEY_EQ_HI  0x69
#define ECKD_SEARCH_ID_EQ_HI   0x71
#define ECKD_RELEASE	       0x94
#define ECKD_WRITE_FULL_TRACK  0x95
#define ECKD_WRITE_TRACK_DATA  0xa5
#define ECKD_READ_TRACK_DATA   0xa6
#define ECKD_SET_PATH_GROUP    0xaf
#define ECKD_RESERVE	       0xb4
#define ECKD_READ_TRACK	       0xde
#define ECKD_PREFIX	       0xe7
#define ECKD_RCD	       0xfa

/* File mask. */
#define ECKD_MASK_WRITE	      0xc0
#define ECKD_MASK_NO_HA_R0    0x00
#define ECKD_MASK_NO_WRITES   0x40
#define ECKD_MASK_UPDATES     0x80
#define ECKD_MASK_ALL_WRITES  0xc0
#define ECKD_MASK_SEEK	      0x18
#define ECKD_MASK_SEEK_ALL    0x00
#define ECKD_MASK_SEEK_CYL_HD 0x08
#define ECKD_MASK_SEEK_HEAD   0x10
#define ECKD_MASK_SEEK_NONE   0x18
#define ECKD_MASK_AUTHORIZED  0x06
#define ECKD_MASK_RESERVED    0x20

/* Operations of Locate Record. */
#define ECKD_OP_ORIENT	    0x00
#define ECKD_OP_WRITE_DATA  0x01
#define ECKD_OP_FORMAT	    0x03
#define ECKD_OP_READ_DATA   0x06
#define ECKD_OP_WRITE_TRACK 0x0b
#define ECKD_OP_READ_TRACKS 0x0c
#define ECKD_OP_READ	    0x16
#define ECKD_OP_EXTENDED    0x3f
#define ECKD_EXT_FULL_TRACK 0x11
#define ECKD_EXT_TRACK_DATA 0x23

/* enum eckd_at - where on its track the head stands: behind what */
enum eckd_at {
	ECKD_AT_INDEX,
	ECKD_AT_HA,
	ECKD_AT_COUNT, /* of the current record */
	ECKD_AT_KEY,
	ECKD_AT_DATA,
};

/**
 * struct eckd_program - what one command of a program leaves for the next ones
 * @commands:  how many there have been
 * @mask_set, @mask: by Set File Mask, Define Extent or Prefix
 * @extent, @first, @last: tracks that Define Extent or Prefix allows
 * @record:    current record, with @at COUNT and what is behind
 * @passes:    how often index went by with nothing read since
 * @found:     the current record was searched for and found: it, or what is behind, may be written
 * @ha_found:  the same for the home address
 * @domain:    Locate Record's, until @count is 0
 * @op, @ext_op: of it
 * @count:     records, or tracks, that are left
 * @length:    transfer length factor
 * @tracks:    Write Full Track: which, the leftmost bit first, beginning with the current one
 * @begun:     in the domain something was transferred already
 * @wrote:     of @at's record: it was formatted by the command before
 * @suborder:  what Perform Subsystem Function has prepared for Read Subsystem Data; -1: nothing
 */
struct eckd_program {
	unsigned int commands;
	bool mask_set;
	uint8_t mask;
	bool extent;
	uint32_t first;
	uint32_t last;
	enum eckd_at at;
	unsigned int record;
	unsigned int passes;
	bool found;
	bool ha_found;
	bool domain;
	uint8_t op;
	uint8_t ext_op;
	uint8_t count;
	uint16_t length;
	uint16_t tracks;
	bool begun;
	bool wrote;
	int suborder;
};

#define ECKD_PATHS	8
#define ECKD_GROUP_SIZE 11

/** struct eckd_path - what Set Path Group ID said of a path. All 0: nothing since the last reset */
struct eckd_path {
	bool known;
	bool grouped;
	bool multipath;
	uint8_t group[ECKD_GROUP_SIZE];
};

/**
 * struct eckd - a device; all of it the channel's thread's
 * @disk:     its storage
 * @track:    where the access mechanism is
 * @program:  of the one that runs
 * @path:     which one it came by: its number
 * @paths:    by number
 * @reserved: to the paths' group, the only one there is
 * @model:    3390's, as Sense ID tells
 * @reads, @read_records, @writes, @write_records: for the statistics
 */
struct eckd {
	struct cu_device cu;
	struct eckd_disk *disk;
	uint32_t track;
	struct eckd_program program;
	unsigned int path;
	struct eckd_path paths[ECKD_PATHS];
	bool reserved;
	uint8_t model;
	uint32_t reads;
	uint32_t writes;
};

static inline struct eckd *to_eckd(struct cu_device *dev)
{
	return container_of(dev, struct eckd, cu);
}

#define ECKD_DONE (DEV_STAT_CHN_END | DEV_STAT_DEV_END)

/* ---- eckd_sense.c: all set the sense, and return the status of the command ---- */

/* Messages of format 0. */
#define ECKD_MSG_COMMAND   1 /* invalid command */
#define ECKD_MSG_SEQUENCE  2 /* invalid command sequence */
#define ECKD_MSG_COUNT	   3 /* CCW count less than required */
#define ECKD_MSG_PARAMETER 4 /* invalid parameter */

/** eckd_reject - command reject */
uint8_t eckd_reject(struct eckd *eckd, uint8_t message);
/* Conditions of the second byte. */
#define ECKD_INVALID_FORMAT  0x40
#define ECKD_END_OF_CYLINDER 0x20
#define ECKD_NO_RECORD	     0x08
#define ECKD_FILE_PROTECTED  0x04
/** eckd_condition - one of the above */
uint8_t eckd_condition(struct eckd *eckd, uint8_t condition);
/** eckd_write_inhibited - the image is read-only */
uint8_t eckd_write_inhibited(struct eckd *eckd);
/** eckd_error - of the disk's: -EBADMSG is a data check, -EROFS inhibited writing, the rest an
 * equipment check */
uint8_t eckd_error(struct eckd *eckd, int err);

/* ---- eckd_config.c ---- */

/** eckd_config_command - execute @cmd if it is one of those that ask for, or set, what is not on
 * the disk. Return: false: it is not. */
bool eckd_config_command(struct eckd *eckd, struct ccw_command *cmd, uint8_t *status);

/* ---- eckd_extent.c ---- */

/** eckd_extent_command - the same: Define Extent, Locate Record, Prefix, Set File Mask */
bool eckd_extent_command(struct eckd *eckd, struct ccw_command *cmd, uint8_t *status);
/** eckd_domain_allows - may this command be in the domain of the Locate Record that runs? */
bool eckd_domain_allows(const struct eckd *eckd, uint8_t code);
/** eckd_domain_count - a record, or track, of the domain was transferred. */
void eckd_domain_count(struct eckd *eckd);

/* ---- eckd_search.c: a status that is returned is 0 to go on, or the end of the command ---- */

/** eckd_search_command - the same: seeks, searches, Set Sector and Read Sector */
bool eckd_search_command(struct eckd *eckd, struct ccw_command *cmd, uint8_t *status);
/** eckd_track - the current track, if the program may use it */
uint8_t eckd_track(struct eckd *eckd, struct eckd_track **track);
/** eckd_next_track - go to the next one, behind its index */
uint8_t eckd_next_track(struct eckd *eckd);
/** eckd_next_record - go to the next record's count; @code says whether over tracks. @r0: also to
 * record 0 */
uint8_t eckd_next_record(struct eckd *eckd, uint8_t code, bool r0, struct eckd_track **track);
/** eckd_find - go to the record of this ID (5 bytes) on the current track. */
uint8_t eckd_find(struct eckd *eckd, const uint8_t *id);
/** eckd_to_index - go to the track's beginning. */
void eckd_to_index(struct eckd *eckd);

/* ---- eckd_read.c, eckd_write.c, eckd_format.c ---- */

bool eckd_read_command(struct eckd *eckd, struct ccw_command *cmd, uint8_t *status);
bool eckd_write_command(struct eckd *eckd, struct ccw_command *cmd, uint8_t *status);
bool eckd_format_command(struct eckd *eckd, struct ccw_command *cmd, uint8_t *status);
/** eckd_may_write - may it write at all, and as this file mask needs (ECKD_MASK_*)? Return: 0, or
 * the end of the command. */
uint8_t eckd_may_write(struct eckd *eckd, uint8_t needs);

/** eckd_unit_exception - what is returned for a record without data: an end of file */
static inline uint8_t eckd_transferred(const uint8_t *count)
{
	return eckd_data_len(count) ? ECKD_DONE : ECKD_DONE | DEV_STAT_UNIT_EXCEP;
}

#endif
