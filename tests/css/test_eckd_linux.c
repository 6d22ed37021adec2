/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An ECKD disk as Linux's DASD driver, dasdfmt and fdasd use it: their channel programs, built as
 * Linux 6.12 and 7.3 do (drivers/s390/block/dasd_eckd.c).
 */
#include <stdio.h>
#include <unistd.h>
#include "../unit/cmocka_umdev.h"
#include "eckd_programs.h"

#define CYLS	     3
#define PER_TRK	     12
#define BLK	     4096
#define WRITE_KD_MT  0x8d
#define READ_KD_MT   0x8e
#define WRITE_MT     0x85
#define READ_MT	     0x86
#define WRITE_CKD_MT 0x9d

static struct disk d;

static int start(void **state)
{
	disk_start(&d, ",cyls=3");
	return 0;
}

static int finish(void **state)
{
	disk_finish(&d);
	return 0;
}

/* ---- what it asks before it is online ---- */

static void the_device_is_identified(void **state)
{
	static const uint8_t wanted[] = { 0xff, 0x39, 0x90, 0xe9, 0x33, 0x90,
					  0x02, 0x00, 0x40, 0xfa, 0x01, 0x00 };
	uint8_t *id = take(&d, CCW_CMD_SENSE_ID, CCW_FLAG_SLI, 40);

	good(&d);
	assert_memory_equal(id, wanted, sizeof(wanted));
}

static void path_groups_are_kept(void **state)
{
	static const uint8_t group[11] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 };
	uint8_t b[12] = { 0x80 };
	struct irb irb;
	uint8_t *state_of;

	state_of = take(&d, ECKD_SENSE_PATH_GROUP, 0, 12);
	good(&d);
	assert_int_equal(state_of[0], 0);
	memcpy(b + 1, group, sizeof(group));
	give(&d, ECKD_SET_PATH_GROUP, 0, b, 12);
	good(&d);
	state_of = take(&d, ECKD_SENSE_PATH_GROUP, 0, 12);
	good(&d);
	assert_int_equal(state_of[0], 0xc8);
	assert_memory_equal(state_of + 1, group, sizeof(group));
	take(&d, ECKD_RESERVE, CCW_FLAG_SLI, 32);
	good(&d);
	/* Who clears is who it belongs to. */
	assert_int_equal(hw_csch(d.u.hw), 0);
	unit_wait(&d.u, &irb);
	state_of = take(&d, ECKD_SENSE_PATH_GROUP, 0, 12);
	good(&d);
	assert_int_equal(state_of[0], 0xf8);
	take(&d, ECKD_RELEASE, CCW_FLAG_SLI, 32);
	good(&d);
	/* Another host's. */
	b[11] ^= 1;
	give(&d, ECKD_SET_PATH_GROUP, 0, b, 12);
	bad(&d, SENSE_COMMAND_REJECT, 0, ECKD_MSG_PARAMETER);
	b[11] ^= 1;
	b[0] = 0x20;
	give(&d, ECKD_SET_PATH_GROUP, 0, b, 12);
	good(&d);
	state_of = take(&d, ECKD_SENSE_PATH_GROUP, 0, 12);
	good(&d);
	assert_int_equal(state_of[0], 0x80);
	/* Who comes next has none of it. */
	b[0] = 0x80;
	give(&d, ECKD_SET_PATH_GROUP, 0, b, 12);
	good(&d);
	assert_int_equal(unit_modify(&d.u, false, true, 0xff), 0);
	assert_int_equal(unit_modify(&d.u, true, true, 0xff), 0);
	state_of = take(&d, ECKD_SENSE_PATH_GROUP, 0, 12);
	good(&d);
	assert_int_equal(state_of[0], 0);
}

static void configuration_has_its_elements(void **state)
{
	uint8_t *b = take(&d, ECKD_RCD, 0, 256);
	unsigned int i;
	const uint8_t *ned = NULL;
	const uint8_t *sneq = NULL;
	const uint8_t *gneq = NULL;

	good(&d);
	for (i = 0; i < 8; i++) {
		const uint8_t *e = b + 32 * (size_t)i;

		if (e[0] >> 6 == 3 && e[1] == 1)
			ned = e;
		else if (e[0] >> 6 == 2)
			gneq = e;
		else if (e[0] >> 6 == 1 && cio_get16(e + 2) == 1)
			sneq = e;
	}
	assert_non_null(ned);
	assert_non_null(gneq);
	assert_non_null(sneq);
	assert_int_equal(sneq[8], 1);
	assert_int_equal(gneq[6], 0x83);
	assert_memory_equal(ned + 4, "\xf0\xf0\xf3\xf3\xf9\xf0", 6);
}

static void characteristics_tell_its_size(void **state)
{
	uint8_t *b = take(&d, ECKD_RDC, 0, 64);

	good(&d);
	assert_int_equal(cio_get16(b), 0x3990);
	assert_int_equal(cio_get16(b + 3), 0x3390);
	assert_int_equal(cio_get16(b + 12), CYLS);
	assert_int_equal(cio_get16(b + 14), 15);
	assert_int_equal(cio_get32(b + 60), CYLS);
}

static void large_disks_tell_their_size(void **state)
{
	uint8_t *b;

	disk_renew(&d, ",cyls=100000");
	b = take(&d, ECKD_RDC, 0, 64);
	good(&d);
	assert_int_equal(cio_get16(b + 12), 0xfffe);
	assert_int_equal(cio_get32(b + 60), 100000);
	/* The last track: its address has more than 16 bits of cylinder. */
	format_track(&d, 1499999, PER_TRK, BLK);
	extent(&d, 0x40, 1499999, 1499999);
	locate(&d, ECKD_OP_READ_DATA, 1, 1499999, 13, BLK);
	take(&d, READ_MT, 0, BLK);
	bad(&d, 0, ECKD_NO_RECORD, 0);
}

static void prepare(uint8_t suborder)
{
	uint8_t b[12] = { 0x18, 0, 0, 0, 0, 0, suborder };

	give(&d, ECKD_PSF, 0, b, sizeof(b));
}

static void the_subsystem_tells_of_itself(void **state)
{
	uint8_t ssc[66] = { 0x1d, 0, 0, 0, 0, 0, 0xc8, 0x88 };
	uint8_t *b;

	give(&d, ECKD_PSF, 0, ssc, sizeof(ssc));
	good(&d);
	prepare(0x41);
	b = take(&d, ECKD_RSSD, 0, 256);
	good(&d);
	assert_int_equal(b[8] & 0x01, 0x01);
	assert_int_equal(b[9] & 0x20, 0x20);
	assert_int_equal(b[12] & 0x40, 0x40);
	assert_int_equal(b[14] | b[40] | b[56], 0);
	prepare(0x0e);
	b = take(&d, ECKD_RSSD, 0, 512);
	good(&d);
	assert_int_equal(b[0], 1);
	prepare(0x52);
	b = take(&d, ECKD_RSSD, CCW_FLAG_SLI, 28);
	good(&d);
	assert_int_equal(b[0], 0);
	assert_int_equal(cio_get32(b + 24), CYLS);
	prepare(0x53);
	b = take(&d, ECKD_RSSD, CCW_FLAG_SLI, 4000);
	good(&d);
	assert_int_equal(cio_get16(b + 2), 0);
	prepare(0x01);
	take(&d, ECKD_RSSD, 0, 192);
	good(&d);
	prepare(0x03);
	b = take(&d, ECKD_RSSD, CCW_FLAG_SLI, 4096);
	good(&d);
	assert_int_equal(cio_get16(b), 9);
	assert_int_equal(b[2], 0);
}

/* Linux gives up at once on these, and on nothing else. */
static void what_is_not_supported_is_told_so(void **state)
{
	uint8_t cuir[40] = { 0x1a };

	prepare(0x1c);
	take(&d, ECKD_RSSD, CCW_FLAG_SLI, 4096);
	bad(&d, SENSE_COMMAND_REJECT, 0, ECKD_MSG_PARAMETER);
	give(&d, ECKD_PSF, 0, cuir, sizeof(cuir));
	bad(&d, SENSE_COMMAND_REJECT, 0, ECKD_MSG_PARAMETER);
	take(&d, ECKD_RSSD, CCW_FLAG_SLI, 256);
	bad(&d, SENSE_COMMAND_REJECT, 0, ECKD_MSG_SEQUENCE);
	take(&d, 0xf9, CCW_FLAG_SLI, 32);
	bad(&d, SENSE_COMMAND_REJECT, 0, ECKD_MSG_COMMAND);
	give(&d, 0xf7, 0, cuir, 40);
	bad(&d, SENSE_COMMAND_REJECT, 0, ECKD_MSG_COMMAND);
}

/* ---- what is on it? ---- */

static uint8_t *counts[5];

static void analysis(bool sure)
{
	unsigned int i;

	extent(&d, 0x40, 0, 1);
	locate(&d, ECKD_OP_READ_DATA, 4, 0, 0, 0);
	for (i = 0; i < 4; i++)
		counts[i] = take(&d, ECKD_READ_COUNT, 0, 8);
	locate(&d, ECKD_OP_READ_DATA, 1, 1, 0, 0);
	counts[4] = take(&d, ECKD_READ_COUNT, 0, 8);
	if (sure)
		good(&d);
}

static void count_is(const uint8_t *b, uint32_t track, uint8_t record, uint8_t key_len,
		     uint16_t data_len)
{
	uint8_t wanted[8];

	put_count(wanted, track, record, key_len, data_len);
	assert_memory_equal(b, wanted, 8);
}

static void a_new_disk_is_not_formatted(void **state)
{
	analysis(false);
	bad(&d, 0, ECKD_NO_RECORD, 0);
}

static void a_new_disk_may_be_made_with_blocks(void **state)
{
	unsigned int i;

	disk_renew(&d, ",cyls=3,format=ldl");
	analysis(true);
	for (i = 0; i < 4; i++)
		count_is(counts[i], 0, (uint8_t)(i + 1), 0, BLK);
	count_is(counts[4], 1, 1, 0, BLK);
	disk_restart(&d, "");
	analysis(true);
	count_is(counts[3], 0, 4, 0, BLK);
}

/* ---- dasdfmt ---- */

static void special(uint32_t track, unsigned int i, uint8_t *key_len, uint16_t *data_len)
{
	static const uint16_t first[] = { 24, 144, 80 };

	*key_len = 0;
	*data_len = BLK;
	if (track == 0 && i < 3) {
		*key_len = 4;
		*data_len = first[i];
	} else if (track == 1) {
		*key_len = 44;
		*data_len = 96;
	}
}

/* Records of tracks, for the compatible layout; the first of each next track goes on to it. */
static void format_tracks(uint32_t first, uint32_t last, bool by_prefix)
{
	uint8_t count[8];
	uint32_t track;
	unsigned int i;

	if (by_prefix)
		prefix_extent(&d, ECKD_MASK_NO_HA_R0, first, last);
	else
		extent(&d, ECKD_MASK_NO_HA_R0, first, last);
	locate(&d, ECKD_OP_FORMAT, (uint8_t)(PER_TRK * (last - first + 1)), first, 0, BLK);
	for (track = first; track <= last; track++)
		for (i = 0; i < PER_TRK; i++) {
			uint8_t key_len;
			uint16_t data_len;

			special(track, i, &key_len, &data_len);
			put_count(count, track, (uint8_t)(i + 1), key_len, data_len);
			give(&d, i || track == first ? ECKD_WRITE_CKD : WRITE_CKD_MT, CCW_FLAG_SLI,
			     count, 8);
		}
	good(&d);
}

static void invalidate(uint32_t track)
{
	uint8_t count[8];

	put_count(count, track, 1, 0, 0);
	prefix_extent(&d, ECKD_MASK_NO_HA_R0, track, track);
	locate(&d, ECKD_OP_FORMAT, 1, track, 0, 8);
	give(&d, ECKD_WRITE_CKD, CCW_FLAG_SLI, count, 8);
	good(&d);
}

static void make_cdl(void)
{
	uint32_t track;

	invalidate(0);
	for (track = 1; track < CYLS * 15; track += 20)
		format_tracks(track, track + 19 < CYLS * 15 ? track + 19 : CYLS * 15 - 1,
			      track > 20);
	format_tracks(0, 0, true);
}

static void dasdfmt_formats_it(void **state)
{
	make_cdl();
	analysis(true);
	count_is(counts[0], 0, 1, 4, 24);
	count_is(counts[1], 0, 2, 4, 144);
	count_is(counts[2], 0, 3, 4, 80);
	count_is(counts[3], 0, 4, 0, BLK);
	count_is(counts[4], 1, 1, 44, 96);
	disk_restart(&d, "");
	analysis(true);
	count_is(counts[2], 0, 3, 4, 80);
}

/* dasdfmt --check reads more counts than there are, and stops where they come again. */
static void the_format_is_checked(void **state)
{
	uint8_t *b[50];
	unsigned int i;

	make_cdl();
	prefix(&d, 0x40, 17, 17, ECKD_OP_READ_DATA, 0, 50, 17, 0, 0);
	for (i = 0; i < 50; i++)
		b[i] = take(&d, ECKD_READ_COUNT, CCW_FLAG_SLI, 8);
	bad(&d, 0, ECKD_NO_RECORD, 0);
	for (i = 0; i < 24; i++)
		count_is(b[i], 17, (uint8_t)(i % PER_TRK + 1), 0, BLK);
	assert_int_equal(b[24][0], 0xcc);
}

/* Intensity 1: record 0 of each track, then its records. */
static void records_0_are_written(void **state)
{
	uint8_t count[8];
	uint32_t track;
	unsigned int i;

	prefix_extent(&d, ECKD_MASK_ALL_WRITES | 0x02, 3, 4);
	locate(&d, 0x40 | ECKD_OP_FORMAT, 2 * PER_TRK + 2, 3, 0, BLK);
	for (track = 3; track <= 4; track++) {
		put_count(count, track, 0, 0, 8);
		give(&d, ECKD_WRITE_R0, CCW_FLAG_SLI, count, 8);
		for (i = 0; i < PER_TRK; i++) {
			put_count(count, track, (uint8_t)(i + 1), 0, BLK);
			give(&d, i || track == 3 ? ECKD_WRITE_CKD : WRITE_CKD_MT, CCW_FLAG_SLI,
			     count, 8);
		}
	}
	good(&d);
	for (track = 3; track <= 4; track++) {
		uint8_t *b[PER_TRK];

		extent(&d, 0x40, track, track);
		locate(&d, ECKD_OP_READ_DATA, PER_TRK, track, 0, 0);
		for (i = 0; i < PER_TRK; i++)
			b[i] = take(&d, ECKD_READ_COUNT, 0, 8);
		good(&d);
		for (i = 0; i < PER_TRK; i++)
			count_is(b[i], track, (uint8_t)(i + 1), 0, BLK);
	}
}

/* ---- reading and writing blocks ---- */

static uint8_t block[BLK];

static const uint8_t *fill(uint32_t n)
{
	unsigned int i;

	for (i = 0; i < BLK; i++)
		block[i] = (uint8_t)(n * 31 + i * 7 + i / 256);
	return block;
}

/* A request. Special blocks have a Locate Record each, the rest have one for all. */
static void single(bool write, uint32_t first, unsigned int nr, uint8_t **data)
{
	uint32_t n;

	prefix_extent(&d, write ? 0x80 : 0x40, first / PER_TRK, (first + nr - 1) / PER_TRK);
	for (n = first; n < first + nr; n++) {
		uint8_t key_len;
		uint16_t len;
		uint8_t code = write ? WRITE_MT : READ_MT;
		bool alone = n < 2 * PER_TRK;

		special(n / PER_TRK, n % PER_TRK, &key_len, &len);
		if (key_len)
			code |= 0x08;
		len = (uint16_t)(len + key_len);
		if (alone || n == first || n == 2 * PER_TRK)
			locate(&d, write ? ECKD_OP_WRITE_DATA : ECKD_OP_READ_DATA,
			       alone ? 1 : (uint8_t)(first + nr - n), n / PER_TRK,
			       (uint8_t)(n % PER_TRK + 1), len);
		if (write)
			give(&d, code, 0, fill(n), len);
		else
			data[n - first] = take(&d, code, 0, len);
	}
	good(&d);
}

static void block_is(const uint8_t *data, uint32_t n)
{
	uint8_t key_len;
	uint16_t len;

	special(n / PER_TRK, n % PER_TRK, &key_len, &len);
	assert_memory_equal(data, fill(n), (size_t)key_len + len);
}

static void fdasd_writes_label_and_vtoc(void **state)
{
	uint8_t *data[2 * PER_TRK];
	uint32_t n;

	make_cdl();
	for (n = 0; n < 2 * PER_TRK; n++)
		single(true, n, 1, NULL);
	single(false, 0, 2 * PER_TRK, data);
	for (n = 0; n < 2 * PER_TRK; n++)
		block_is(data[n], n);
}

static void blocks_are_written_and_read(void **state)
{
	uint8_t *data[60];
	uint32_t n;

	make_cdl();
	/* From the special ones on, over tracks and a cylinder's end. */
	single(true, 20, 60, NULL);
	single(true, 14 * PER_TRK + 5, 30, NULL);
	disk_restart(&d, "");
	single(false, 20, 60, data);
	for (n = 0; n < 60; n++)
		block_is(data[n], 20 + n);
	single(false, 14 * PER_TRK + 5, 30, data);
	for (n = 0; n < 30; n++)
		block_is(data[n], 14 * PER_TRK + 5 + n);
}

/* Read Track Data, Write Track Data: one command for each track. */
static void by_tracks(bool write, uint32_t first, unsigned int nr, uint8_t **data)
{
	uint32_t last = first + nr - 1;
	uint32_t n = first;
	uint16_t tlf = (uint16_t)(last / PER_TRK == first / PER_TRK ? nr : last % PER_TRK + 1);
	static uint8_t track[PER_TRK * BLK];
	unsigned int i = 0;

	prefix(&d, write ? 0x80 : 0x40, first / PER_TRK, last / PER_TRK,
	       write ? ECKD_OP_EXTENDED : ECKD_OP_READ_TRACKS, write ? ECKD_EXT_TRACK_DATA : 0,
	       (uint8_t)(last / PER_TRK - first / PER_TRK + 1), first / PER_TRK,
	       (uint8_t)(first % PER_TRK + 1), write ? BLK : (uint16_t)(tlf * BLK));
	while (n <= last) {
		uint16_t len = 0;

		do {
			memcpy(track + len, fill(n), BLK);
			len = (uint16_t)(len + BLK);
			n++;
		} while (n <= last && n % PER_TRK);
		if (write)
			give(&d, ECKD_WRITE_TRACK_DATA, 0, track, len);
		else
			data[i++] = take(&d, ECKD_READ_TRACK_DATA, 0, len);
	}
	good(&d);
}

static void blocks_are_written_and_read_by_tracks(void **state)
{
	static const struct {
		uint32_t first;
		unsigned int nr;
	} requests[] = { { 30, 3 }, { 36, 12 }, { 47, 2 }, { 175, 64 }, { 300, 1 } };
	uint8_t *data[8];
	unsigned int i, k;
	uint32_t n;

	make_cdl();
	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		uint32_t first = requests[i].first;

		by_tracks(true, first, requests[i].nr, NULL);
		by_tracks(false, first, requests[i].nr, data);
		for (n = first, k = 0; n < first + requests[i].nr; k++)
			for (uint8_t *b = data[k];; b += BLK) {
				block_is(b, n++);
				if (n % PER_TRK == 0 || n == first + requests[i].nr)
					break;
			}
	}
	/* Neighbours are as they were: zeros. */
	single(false, 29, 1, data);
	assert_true(data[0][0] == 0 && memcmp(data[0], data[0] + 1, BLK - 1) == 0);
}

/* raw_track_access: whole tracks, with everything. */
static void raw_tracks(void **state)
{
	static uint8_t track[57326];
	uint8_t *b;
	uint8_t *p = track;
	unsigned int t;

	for (t = 4; t < 6; t++) {
		memset(track, 0, sizeof(track));
		p = track;
		put_count(p, t, 0, 0, 8);
		p += 16;
		put_count(p, t, 1, 3, 100);
		memset(p + 8, (int)t, 103);
		p += 111;
		put_count(p, t, 9, 0, 5000);
		memset(p + 8, 0x77, 5000);
		p += 5008;
		memset(p, 0xff, 8);
		p += 8;
		if (t == 4)
			prefix(&d, 0xc0, 4, 5, ECKD_OP_EXTENDED, ECKD_EXT_FULL_TRACK, 2, 4, 0, 0);
		give(&d, ECKD_WRITE_FULL_TRACK, CCW_FLAG_SLI, track, sizeof(track));
	}
	good(&d);
	prefix(&d, 0x40, 4, 5, 0x40 | ECKD_OP_READ_TRACKS, 0, 2, 4, 0, 0);
	take(&d, ECKD_READ_TRACK, CCW_FLAG_SLI, 57326);
	b = take(&d, ECKD_READ_TRACK, CCW_FLAG_SLI, 57326);
	good(&d);
	assert_memory_equal(b, track, (size_t)(p - track));
	/* Without Prefix. */
	extent(&d, 0x40, 5, 5);
	locate_extended(&d, 0x40 | ECKD_OP_READ_TRACKS, 0, 1, 5, 0, 0);
	b = take(&d, ECKD_READ_TRACK, CCW_FLAG_SLI, 57326);
	good(&d);
	assert_memory_equal(b, track, (size_t)(p - track));
}

/* The label that newer ones write into record 4 of the first track while they format it. */
static void a_format_label_is_written_with_its_record(void **state)
{
	uint8_t record[8 + BLK];
	uint8_t *b;

	put_count(record, 0, 1, 0, BLK);
	memcpy(record + 8, fill(5), BLK);
	prefix_extent(&d, 0, 0, 0);
	locate(&d, ECKD_OP_FORMAT, 1, 0, 0, BLK);
	give(&d, ECKD_WRITE_CKD, CCW_FLAG_SLI, record, sizeof(record));
	good(&d);
	extent(&d, 0x40, 0, 0);
	locate(&d, ECKD_OP_READ_DATA, 1, 0, 1, 512);
	b = take(&d, 0x06, CCW_FLAG_SLI, 512);
	good(&d);
	assert_memory_equal(b, fill(5), 512);
}

/* Where a host program finds a block: in its track's slot, at 4096 * record. */
static void blocks_lie_where_they_are_said_to(void **state)
{
	uint8_t found[BLK];
	FILE *f;

	make_cdl();
	single(true, 77, 1, NULL);
	f = fopen(d.path, "rb");
	assert_non_null(f);
	assert_int_equal(fseek(f, 65536L * (1 + 77 / PER_TRK) + 4096L * (1 + 77 % PER_TRK), 0), 0);
	assert_int_equal(fread(found, 1, BLK, f), BLK);
	fclose(f);
	block_is(found, 77);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, start, finish)
	const struct CMUnitTest tests[] = {
		T(the_device_is_identified),
		T(path_groups_are_kept),
		T(configuration_has_its_elements),
		T(characteristics_tell_its_size),
		T(large_disks_tell_their_size),
		T(the_subsystem_tells_of_itself),
		T(what_is_not_supported_is_told_so),
		T(a_new_disk_is_not_formatted),
		T(a_new_disk_may_be_made_with_blocks),
		T(dasdfmt_formats_it),
		T(the_format_is_checked),
		T(records_0_are_written),
		T(fdasd_writes_label_and_vtoc),
		T(blocks_are_written_and_read),
		T(blocks_are_written_and_read_by_tracks),
		T(raw_tracks),
		T(a_format_label_is_written_with_its_record),
		T(blocks_lie_where_they_are_said_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
