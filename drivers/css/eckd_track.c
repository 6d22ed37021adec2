// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The tracks of an ECKD disk: their directories, and what fits on one.
 *
 * Source of the capacity: IBM 3390 Direct Access Storage Reference (GC26-4573), track capacity
 * formulas; Linux 7.3 drivers/s390/block/dasd_eckd.c (recs_per_track()).
 */
#include <errno.h>
#include <string.h>
#include <umdev/cio.h>
#include "eckd_disk_internal.h"

#define DIRECTORY_MAGIC	 UINT32_C(0x54524b31) /* TRK1 */
#define DIRECTORY_HEAD	 32
#define RECORD_ALIGNMENT 512

_Static_assert(DIRECTORY_HEAD + ECKD_RECORDS_MAX * ECKD_COUNT_SIZE <= ECKD_COPY_SIZE,
	       "a directory has room for all records");

/* ---- addresses, capacity ---- */

void eckd_put_track(uint8_t *b, uint32_t number)
{
	uint32_t cyl = number / ECKD_HEADS;

	cio_put16(b, (uint16_t)cyl);
	cio_put16(b + 2, (uint16_t)(cyl >> 16 << 4 | number % ECKD_HEADS));
}

bool eckd_parse_track(const uint8_t *b, uint32_t *number)
{
	uint32_t cyl = cio_get16(b) | (uint32_t)(cio_get16(b + 2) >> 4) << 16;
	unsigned int head = b[3] & 0xf;

	*number = cyl * ECKD_HEADS + head;
	return head < ECKD_HEADS;
}

static unsigned int quotient_up(unsigned int a, unsigned int b)
{
	return (a + b - 1) / b;
}

static unsigned int field_cells(unsigned int len)
{
	return 9 + quotient_up(len + 6 * (quotient_up(len + 6, 232) + 1), 34);
}

unsigned int eckd_record_cost(unsigned int key_len, unsigned int data_len)
{
	return 10 + (key_len ? field_cells(key_len) : 0) + field_cells(data_len);
}

unsigned int eckd_blocks_per_track(unsigned int blksize)
{
	return ECKD_TRACK_CELLS / eckd_record_cost(0, blksize);
}

/* A record 0 of 8 bytes is not counted, as in the formula. */
static unsigned int r0_cost(const uint8_t count[ECKD_COUNT_SIZE])
{
	unsigned int cost = eckd_record_cost(eckd_key_len(count), eckd_data_len(count));
	unsigned int usual = eckd_record_cost(0, 8);

	return cost > usual ? cost - usual : 0;
}

static unsigned int record_len(const uint8_t count[ECKD_COUNT_SIZE])
{
	return eckd_key_len(count) + eckd_data_len(count);
}

/*
 * Find where the records lie. What fits by the capacity fits in the slot, since a record takes more
 * from a track, besides its bytes, than is lost to alignment. Return: do they fit?
 */
static bool lay_out(struct eckd_track *track)
{
	uint32_t offset = ECKD_RECORD_AREA;
	unsigned int cells = 0;
	unsigned int i;

	for (i = 0; i < track->nr; i++) {
		const uint8_t *count = track->counts[i];

		if (i == 0) {
			if (record_len(count) > ECKD_R0_MAX)
				return false;
			track->offset[0] = ECKD_R0_AREA;
			cells += r0_cost(count);
			continue;
		}
		track->offset[i] = offset;
		offset += quotient_up(record_len(count), RECORD_ALIGNMENT) * RECORD_ALIGNMENT;
		cells += eckd_record_cost(eckd_key_len(count), eckd_data_len(count));
		if (cells > ECKD_TRACK_CELLS)
			return false;
	}
	track->offset[track->nr] = track->nr ? offset : ECKD_RECORD_AREA;
	return true;
}

/* ---- directories ---- */

static uint32_t crc32c(const uint8_t *b, size_t len)
{
	static const uint32_t nibble[16] = {
		0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
		0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
		0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
	};
	uint32_t crc = UINT32_MAX;

	while (len--) {
		crc ^= *b++;
		crc = crc >> 4 ^ nibble[crc & 0xf];
		crc = crc >> 4 ^ nibble[crc & 0xf];
	}
	return ~crc;
}

static size_t directory_len(unsigned int nr)
{
	return DIRECTORY_HEAD + (size_t)nr * ECKD_COUNT_SIZE;
}

static bool decode(const uint8_t *b, struct eckd_track *track)
{
	unsigned int nr = cio_get16(b + 12);

	if (cio_get32(b) != DIRECTORY_MAGIC || cio_get32(b + 16) != track->number ||
	    nr > ECKD_RECORDS_MAX || cio_get32(b + 4) != crc32c(b + 8, directory_len(nr) - 8))
		return false;
	track->sequence = cio_get32(b + 8);
	track->nr = nr;
	memcpy(track->ha, b + 20, sizeof(track->ha));
	memcpy(track->counts, b + DIRECTORY_HEAD, (size_t)nr * ECKD_COUNT_SIZE);
	return true;
}

static void encode(const struct eckd_track *track, uint8_t b[ECKD_COPY_SIZE])
{
	memset(b, 0, ECKD_COPY_SIZE);
	cio_put32(b, DIRECTORY_MAGIC);
	cio_put32(b + 8, track->sequence);
	cio_put16(b + 12, (uint16_t)track->nr);
	cio_put32(b + 16, track->number);
	memcpy(b + 20, track->ha, sizeof(track->ha));
	memcpy(b + DIRECTORY_HEAD, track->counts, (size_t)track->nr * ECKD_COUNT_SIZE);
	cio_put32(b + 4, crc32c(b + 8, directory_len(track->nr) - 8));
}

static void put_count(struct eckd_track *track, unsigned int nr, unsigned int key_len,
		      unsigned int data_len)
{
	uint8_t *count = track->counts[nr];

	eckd_put_track(count, track->number);
	count[4] = (uint8_t)nr;
	count[5] = (uint8_t)key_len;
	cio_put16(count + 6, (uint16_t)data_len);
}

/* What is on a track that has never been formatted, by the label's format. */
static void describe_new(const struct eckd_disk *disk, struct eckd_track *track)
{
	/* Of the compatible disk layout: two records for IPL, and the volume label. */
	static const unsigned int first_track[] = { 24, 144, 80 };
	unsigned int blocks =
		disk->format == ECKD_UNFORMATTED ? 0 : eckd_blocks_per_track(disk->blksize);
	bool cdl = disk->format == ECKD_CDL;
	unsigned int i;

	track->slot = 1;
	track->sequence = 0;
	track->ha[0] = 0;
	eckd_put_track(track->ha + 1, track->number);
	put_count(track, 0, 0, 8);
	for (i = 1; i <= blocks; i++) {
		if (cdl && track->number == 0 && i <= 3)
			put_count(track, i, 4, first_track[i - 1]);
		else if (cdl && track->number == 1)
			put_count(track, i, 44, 96);
		else
			put_count(track, i, 0, disk->blksize);
	}
	track->nr = 1 + blocks;
}

static bool is_zero(const uint8_t *b, size_t len)
{
	return len == 0 || (b[0] == 0 && memcmp(b, b + 1, len - 1) == 0);
}

/*
 * Of two good directories the later one counts. With none, the track is new if one has never been
 * written: its first may have been torn.
 */
static int choose(struct eckd_disk *disk, struct eckd_track *track, const uint8_t *b)
{
	const uint8_t *second = b + ECKD_COPY_SIZE;
	struct eckd_track other = { .number = track->number };
	bool first_good = decode(b, track);
	bool second_good = decode(second, &other);

	if (second_good && (!first_good || (int32_t)(other.sequence - track->sequence) > 0)) {
		*track = other;
		track->slot = 1;
	} else if (first_good) {
		track->slot = 0;
	} else if (is_zero(second, ECKD_COPY_SIZE)) {
		describe_new(disk, track);
	} else {
		return -EBADMSG;
	}
	return lay_out(track) ? 0 : -EBADMSG;
}

int eckd_track_get(struct eckd_disk *disk, uint32_t number, struct eckd_track **out)
{
	struct eckd_track *track = &disk->cache[number % ECKD_CACHE];
	uint8_t *b = image_buffer(disk->image);
	int err;

	if (disk->changed && disk->changed->number != number) {
		err = eckd_track_store(disk);
		if (err)
			return err;
	}
	if (!track->valid || track->number != number) {
		track->valid = false;
		track->number = number;
		err = image_read(disk->image, b, 2 * ECKD_COPY_SIZE, eckd_slot_offset(number));
		if (!err)
			err = choose(disk, track, b);
		if (err)
			return err;
		track->valid = true;
	}
	*out = track;
	return 0;
}

/* ---- changes ---- */

static void change(struct eckd_disk *disk, struct eckd_track *track)
{
	if (disk->changed == track)
		return;
	track->sequence++;
	track->slot ^= 1;
	disk->changed = track;
}

void eckd_track_cut(struct eckd_disk *disk, struct eckd_track *track, unsigned int nr)
{
	if (nr >= track->nr)
		return;
	change(disk, track);
	track->nr = nr;
	lay_out(track);
}

void eckd_track_set_ha(struct eckd_disk *disk, struct eckd_track *track, const uint8_t ha[5])
{
	change(disk, track);
	memcpy(track->ha, ha, sizeof(track->ha));
	track->nr = 0;
	lay_out(track);
}

int eckd_track_append(struct eckd_disk *disk, struct eckd_track *track,
		      const uint8_t count[ECKD_COUNT_SIZE], bool zero)
{
	unsigned int nr = track->nr;
	uint64_t from;
	uint64_t to;
	int err;

	if (nr == ECKD_RECORDS_MAX)
		return -ENOSPC;
	memcpy(track->counts[nr], count, ECKD_COUNT_SIZE);
	track->nr++;
	if (!lay_out(track)) {
		track->nr--;
		lay_out(track);
		return -ENOSPC;
	}
	change(disk, track);
	if (!zero)
		return 0;
	from = eckd_slot_offset(track->number) + track->offset[nr];
	to = from + quotient_up(record_len(count), RECORD_ALIGNMENT) * RECORD_ALIGNMENT;
	if (disk->zero_to != from) {
		err = eckd_write_zeros(disk);
		if (err)
			return err;
		disk->zero_from = from;
	}
	disk->zero_to = to;
	return 0;
}

static bool was_stored(const struct eckd_disk *disk, uint32_t number)
{
	unsigned int i;

	for (i = 0; i < disk->nr_stored; i++)
		if (disk->stored[i] == number)
			return true;
	return false;
}

int eckd_track_store(struct eckd_disk *disk)
{
	struct eckd_track *track = disk->changed;
	uint8_t *b = image_buffer(disk->image);
	int err;

	if (!track)
		return 0;
	disk->changed = NULL;
	track->valid = false;
	disk->written = true;
	err = image_settle(disk->image);
	if (!err)
		err = eckd_write_zeros(disk);
	if (err)
		goto drop;
	if (disk->nr_stored == ECKD_STORED || was_stored(disk, track->number)) {
		err = eckd_sync(disk);
		if (err)
			goto drop;
		disk->written = true;
	}
	encode(track, b);
	err = eckd_write(disk, b, ECKD_COPY_SIZE,
			 eckd_slot_offset(track->number) + (uint64_t)track->slot * ECKD_COPY_SIZE);
	disk->stored[disk->nr_stored++] = track->number;
	if (err)
		return err;
	track->valid = true;
	return 0;
drop:
	disk->zero_from = disk->zero_to = 0;
	return err;
}
