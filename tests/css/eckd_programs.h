/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Channel programs for an ECKD disk, built command by command. */
#ifndef UMDEV_TESTS_CSS_ECKD_PROGRAMS_H
#define UMDEV_TESTS_CSS_ECKD_PROGRAMS_H

#include "../../drivers/css/eckd.h"
#include "machine.h"

/**
 * struct disk - a disk behind a subchannel, and the program that is being built for it
 * @path:  its image
 * @first: address of the program
 * @last:  of its last CCW; 0: it has none
 * @data:  where data goes next
 */
struct disk {
	struct machine m;
	struct unit u;
	char path[64];
	uint32_t first;
	uint32_t last;
	uint32_t data;
};

/** disk_start - a machine with a disk, 0.0.1000, on a new image; @options as ",cyls=2" */
void disk_start(struct disk *d, const char *options);
/** disk_plug - plug one on that image, when there is none. */
void disk_plug(struct disk *d, const char *options);
/** disk_restart - unplug it, and plug one on the same image. */
void disk_restart(struct disk *d, const char *options);
/** disk_renew - the same, on an image that is new. */
void disk_renew(struct disk *d, const char *options);
void disk_finish(struct disk *d);

/** program - begin a new one. */
void program(struct disk *d);
/** give - a command that is given @len bytes. Return: where its CCW is */
uint32_t give(struct disk *d, uint8_t code, uint8_t flags, const void *data, uint16_t len);
/** take - a command that is to give @len bytes. Return: where they will be in memory */
uint8_t *take(struct disk *d, uint8_t code, uint8_t flags, uint16_t len);
/** tic - go on with the CCW at @to, one of give()'s. */
void tic(struct disk *d, uint32_t to);

/** extent, locate, locate_extended, prefix - the commands of those names, as Linux builds them. */
void extent(struct disk *d, uint8_t mask, uint32_t first, uint32_t last);
void locate(struct disk *d, uint8_t op, uint8_t count, uint32_t track, uint8_t record,
	    uint16_t length);
void locate_extended(struct disk *d, uint8_t op, uint8_t ext_op, uint8_t count, uint32_t track,
		     uint8_t record, uint16_t length);
void prefix(struct disk *d, uint8_t mask, uint32_t first, uint32_t last, uint8_t op, uint8_t ext_op,
	    uint8_t count, uint32_t track, uint8_t record, uint16_t length);
/** prefix_extent - Prefix with an extent alone. */
void prefix_extent(struct disk *d, uint8_t mask, uint32_t first, uint32_t last);

/** put_extent, put_locate - what those are given: 16 bytes each. */
void put_extent(uint8_t *b, uint8_t mask, uint32_t first, uint32_t last);
void put_locate(uint8_t *b, uint8_t op, uint8_t count, uint32_t track, uint8_t record,
		uint16_t length);
/** put_count - a record's count: 8 bytes. */
void put_count(uint8_t *b, uint32_t track, uint8_t record, uint8_t key_len, uint16_t data_len);

/** good - run it; it has to end well. */
void good(struct disk *d);
/** bad - run it; it has to end with unit check and these first two bytes and message. */
void bad(struct disk *d, uint8_t sense0, uint8_t sense1, uint8_t message);
/** ends - run it; it has to end with this status. */
void ends(struct disk *d, uint8_t dstat, uint8_t cstat);

/** format_track - Write CKD of @nr records without keys, as dasdfmt does; good. */
void format_track(struct disk *d, uint32_t track, unsigned int nr, uint16_t len);
/** make_track - records 1 to @nr: data of 100 bytes, 200, ..., each byte 16 * track + record; every
 * other one has a key of 8 letters, b, d, ... */
void make_track(struct disk *d, uint32_t track, unsigned int nr);

/** seek - a command of that kind. */
void seek(struct disk *d, uint8_t code, uint32_t track);
/** search - search until it is found. search_id - for a record, or home address. */
void search(struct disk *d, uint8_t code, const void *what, uint16_t len);
void search_id(struct disk *d, uint8_t code, uint32_t track, uint8_t record);

#endif
