/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An ECKD disk, command by command: programs with seeks and searches, file masks, extents, domains,
 * and what its sense says of each error.
 */
#include "../unit/cmocka_umdev.h"
#include "eckd_programs.h"

#define MT(code) ((uint8_t)((code) | ECKD_MT))
#define REJECT	 SENSE_COMMAND_REJECT

static struct disk d;

static int start(void **state)
{
	disk_start(&d, ",cyls=2");
	return 0;
}

static int finish(void **state)
{
	disk_finish(&d);
	return 0;
}

static void mask(uint8_t mask)
{
	give(&d, ECKD_SET_FILE_MASK, 0, &mask, 1);
}

/* ---- programs with seeks and searches ---- */

static void a_record_is_searched_for_by_its_id(void **state)
{
	uint8_t *b;

	make_track(&d, 16, 5);
	seek(&d, ECKD_SEEK, 16);
	search_id(&d, ECKD_SEARCH_ID_EQ, 16, 4);
	b = take(&d, ECKD_READ_DATA, 0, 400);
	good(&d);
	assert_int_equal(b[0], (uint8_t)(16 * 16 + 4));
	assert_int_equal(b[399], (uint8_t)(16 * 16 + 4));
}

static void reads_go_on_from_where_the_head_is(void **state)
{
	uint8_t *count, *kd, *ckd, *data, *again;

	make_track(&d, 16, 5);
	seek(&d, ECKD_SEEK, 16);
	search_id(&d, ECKD_SEARCH_ID_EQ, 16, 0);
	count = take(&d, ECKD_READ_COUNT, 0, 8);
	kd = take(&d, ECKD_READ_KD, 0, 108);
	ckd = take(&d, ECKD_READ_CKD, 0, 208);
	data = take(&d, ECKD_READ_DATA, 0, 300);
	take(&d, ECKD_READ_DATA, 0, 400);
	take(&d, ECKD_READ_DATA, 0, 500);
	/* Once around, past record 0. */
	again = take(&d, ECKD_READ_COUNT, 0, 8);
	good(&d);
	assert_int_equal(count[4], 1);
	assert_int_equal(kd[0], 'b');
	assert_int_equal(kd[8], 1);
	assert_int_equal(ckd[4], 2);
	assert_int_equal(ckd[8], 2);
	assert_int_equal(data[0], 3);
	assert_int_equal(again[4], 1);
}

static void a_record_is_searched_for_by_its_key(void **state)
{
	uint8_t *b;

	make_track(&d, 16, 5);
	seek(&d, ECKD_SEEK, 16);
	search(&d, ECKD_SEARCH_KEY_EQ, "dddddddd", 8);
	b = take(&d, ECKD_READ_DATA, 0, 300);
	good(&d);
	assert_int_equal(b[0], 3);
	seek(&d, ECKD_SEEK, 16);
	search(&d, ECKD_SEARCH_KEY_HI, "dddddddd", 8);
	take(&d, ECKD_READ_DATA, 0, 500);
	good(&d);
	seek(&d, ECKD_SEEK, 16);
	search(&d, ECKD_SEARCH_KEY_EQ_HI, "dddddddd", 8);
	take(&d, ECKD_READ_DATA, 0, 300);
	good(&d);
	seek(&d, ECKD_SEEK, 16);
	search(&d, ECKD_SEARCH_KEY_EQ, "xxxxxxxx", 8);
	take(&d, ECKD_READ_DATA, 0, 300);
	bad(&d, 0, ECKD_NO_RECORD, 0);
}

static void a_search_ends_after_two_turns(void **state)
{
	make_track(&d, 16, 5);
	seek(&d, ECKD_SEEK, 16);
	search_id(&d, ECKD_SEARCH_ID_EQ, 16, 77);
	take(&d, ECKD_READ_DATA, 0, 100);
	bad(&d, 0, ECKD_NO_RECORD, 0);
	seek(&d, ECKD_SEEK, 16);
	search_id(&d, ECKD_SEARCH_HA_EQ, 17, 0);
	take(&d, ECKD_READ_R0, 0, 16);
	bad(&d, 0, ECKD_NO_RECORD, 0);
}

static void searches_over_tracks_end_with_the_cylinder(void **state)
{
	uint8_t *b;

	make_track(&d, 16, 2);
	make_track(&d, 20, 3);
	seek(&d, ECKD_SEEK, 16);
	search_id(&d, MT(ECKD_SEARCH_ID_EQ), 20, 3);
	b = take(&d, ECKD_READ_DATA, 0, 300);
	good(&d);
	assert_int_equal(b[0], (uint8_t)(16 * 20 + 3));
	seek(&d, ECKD_SEEK, 16);
	search_id(&d, MT(ECKD_SEARCH_ID_EQ), 20, 4);
	take(&d, ECKD_READ_DATA, 0, 300);
	bad(&d, 0, ECKD_END_OF_CYLINDER, 0);
}

static void home_address_and_record_0_are_read(void **state)
{
	uint8_t *ha, *r0;

	seek(&d, ECKD_SEEK, 17);
	search_id(&d, ECKD_SEARCH_HA_EQ, 17, 0);
	ha = take(&d, ECKD_READ_HA, 0, 5);
	r0 = take(&d, ECKD_READ_R0, 0, 16);
	good(&d);
	assert_memory_equal(ha, "\0\0\1\0\2", 5);
	assert_memory_equal(r0, "\0\1\0\2\0\0\0\10\0\0\0\0\0\0\0\0", 16);
}

static void ipl_reads_the_first_record(void **state)
{
	uint8_t *b;

	make_track(&d, 0, 2);
	seek(&d, ECKD_SEEK, 20);
	good(&d);
	b = take(&d, ECKD_READ_IPL, 0, 100);
	good(&d);
	assert_int_equal(b[0], 1);
}

static void a_record_that_was_found_is_updated(void **state)
{
	uint8_t *b;

	make_track(&d, 16, 5);
	seek(&d, ECKD_SEEK, 16);
	search_id(&d, ECKD_SEARCH_ID_EQ, 16, 2);
	give(&d, ECKD_WRITE_DATA, CCW_FLAG_SLI, "new", 3);
	good(&d);
	seek(&d, ECKD_SEEK, 16);
	search_id(&d, ECKD_SEARCH_ID_EQ, 16, 2);
	b = take(&d, ECKD_READ_DATA, 0, 200);
	good(&d);
	assert_memory_equal(b, "new\0\0\0", 6);
	assert_int_equal(b[199], 0);
	/* Not without a search, nor after one that failed. */
	seek(&d, ECKD_SEEK, 16);
	give(&d, ECKD_WRITE_DATA, CCW_FLAG_SLI, "new", 3);
	bad(&d, REJECT, 0, ECKD_MSG_SEQUENCE);
	seek(&d, ECKD_SEEK, 16);
	take(&d, ECKD_READ_COUNT, 0, 8);
	give(&d, ECKD_WRITE_DATA, CCW_FLAG_SLI, "new", 3);
	bad(&d, REJECT, 0, ECKD_MSG_SEQUENCE);
}

static void formatting_ends_what_is_behind(void **state)
{
	uint8_t record[8 + 4 + 10];
	uint8_t *counts[3];
	unsigned int i;

	make_track(&d, 16, 5);
	put_count(record, 16, 77, 4, 10);
	memset(record + 8, 0x5a, 14);
	seek(&d, ECKD_SEEK, 16);
	search_id(&d, ECKD_SEARCH_ID_EQ, 16, 2);
	give(&d, ECKD_WRITE_CKD, 0, record, sizeof(record));
	good(&d);
	seek(&d, ECKD_SEEK, 16);
	search_id(&d, ECKD_SEARCH_ID_EQ, 16, 77);
	assert_memory_equal(take(&d, ECKD_READ_KD, 0, 14), record + 8, 0);
	good(&d);
	seek(&d, ECKD_SEEK, 16);
	for (i = 0; i < 3; i++)
		counts[i] = take(&d, ECKD_READ_COUNT, 0, 8);
	take(&d, ECKD_READ_COUNT, 0, 8);
	good(&d);
	assert_int_equal(counts[2][4], 77);
	/* In front of it all is as it was. */
	seek(&d, ECKD_SEEK, 16);
	search_id(&d, ECKD_SEARCH_ID_EQ, 16, 2);
	assert_int_equal(take(&d, ECKD_READ_DATA, 0, 200)[0], 0xcc);
	good(&d);
	assert_int_equal(d.u.guest.ram[GUEST_DATA + 32], 2);
}

static void tracks_are_erased(void **state)
{
	uint8_t count[8];
	uint8_t *b;

	make_track(&d, 16, 5);
	put_count(count, 16, 3, 0, 0);
	extent(&d, 0, 16, 16);
	locate(&d, ECKD_OP_WRITE_TRACK, 1, 16, 2, 8);
	give(&d, ECKD_ERASE, CCW_FLAG_SLI, count, 8);
	good(&d);
	seek(&d, ECKD_SEEK, 16);
	take(&d, ECKD_READ_COUNT, 0, 8);
	take(&d, ECKD_READ_COUNT, 0, 8);
	b = take(&d, ECKD_READ_COUNT, 0, 8);
	good(&d);
	assert_int_equal(b[4], 1);
}

static void home_addresses_are_written(void **state)
{
	static const uint8_t ha[5] = { 0, 0, 1, 0, 1 };
	static const uint8_t elsewhere[5] = { 0, 0, 1, 0, 2 };
	uint8_t r0[16] = { 0, 1, 0, 1, 0, 0, 0, 8, 'd', 'a', 't', 'a' };
	uint8_t *b;

	make_track(&d, 16, 5);
	mask(ECKD_MASK_ALL_WRITES);
	seek(&d, ECKD_SEEK, 16);
	give(&d, ECKD_WRITE_HA, 0, elsewhere, 5);
	bad(&d, REJECT, 0, ECKD_MSG_PARAMETER);
	mask(ECKD_MASK_ALL_WRITES);
	seek(&d, ECKD_SEEK, 16);
	give(&d, ECKD_WRITE_HA, 0, ha, 5);
	good(&d);
	seek(&d, ECKD_SEEK, 16);
	take(&d, ECKD_READ_R0, 0, 16);
	bad(&d, 0, ECKD_NO_RECORD, 0);
	mask(ECKD_MASK_ALL_WRITES);
	seek(&d, ECKD_SEEK, 16);
	search(&d, ECKD_SEARCH_HA_EQ, ha + 1, 4);
	give(&d, ECKD_WRITE_R0, 0, r0, sizeof(r0));
	good(&d);
	seek(&d, ECKD_SEEK, 16);
	b = take(&d, ECKD_READ_R0, 0, 16);
	good(&d);
	assert_memory_equal(b, r0, 16);
	mask(ECKD_MASK_NO_HA_R0);
	seek(&d, ECKD_SEEK, 16);
	search(&d, ECKD_SEARCH_HA_EQ, ha + 1, 4);
	give(&d, ECKD_WRITE_R0, 0, r0, sizeof(r0));
	bad(&d, REJECT, 0, ECKD_MSG_SEQUENCE);
}

static void an_end_of_file_is_an_exception(void **state)
{
	format_track(&d, 16, 1, 0);
	seek(&d, ECKD_SEEK, 16);
	take(&d, ECKD_READ_DATA, CCW_FLAG_SLI, 8);
	ends(&d, DSTAT_END | DEV_STAT_UNIT_EXCEP, 0);
}

static void several_records_are_read_at_once(void **state)
{
	uint8_t *b;

	make_track(&d, 16, 3);
	extent(&d, 0x40, 16, 16);
	locate(&d, 0xc0 | ECKD_OP_READ, 1, 16, 0, 0);
	b = take(&d, ECKD_READ_MULTIPLE_CKD, 0, 116 + 208 + 316);
	good(&d);
	assert_int_equal(b[4], 1);
	assert_int_equal(b[116 + 4], 2);
	assert_int_equal(b[116 + 208 + 4], 3);
	assert_int_equal(b[116 + 208 + 315], 3);
}

/* ---- seeks and file masks ---- */

static void seeks_are_checked(void **state)
{
	static const uint8_t bin[6] = { 0, 1 };
	static const uint8_t head[6] = { 0, 0, 0, 0, 0, 15 };
	static const uint8_t cylinder[6] = { 0, 0, 0, 2 };

	give(&d, ECKD_SEEK, 0, bin, 6);
	bad(&d, REJECT, 0, ECKD_MSG_PARAMETER);
	give(&d, ECKD_SEEK, 0, head, 6);
	bad(&d, REJECT, 0, ECKD_MSG_PARAMETER);
	give(&d, ECKD_SEEK, 0, cylinder, 6);
	bad(&d, REJECT, 0, ECKD_MSG_PARAMETER);
	give(&d, ECKD_SEEK, CCW_FLAG_SLI, head, 5);
	bad(&d, REJECT, 0, ECKD_MSG_COUNT);
}

static void a_file_mask_forbids_seeks(void **state)
{
	mask(ECKD_MASK_SEEK_NONE);
	seek(&d, ECKD_SEEK_HEAD, 1);
	bad(&d, 0, ECKD_FILE_PROTECTED, 0);
	mask(ECKD_MASK_SEEK_HEAD);
	seek(&d, ECKD_SEEK_HEAD, 1);
	good(&d);
	mask(ECKD_MASK_SEEK_HEAD);
	seek(&d, ECKD_SEEK_CYLINDER, 1);
	bad(&d, 0, ECKD_FILE_PROTECTED, 0);
	mask(ECKD_MASK_SEEK_CYL_HD);
	seek(&d, ECKD_SEEK_CYLINDER, 1);
	good(&d);
	mask(ECKD_MASK_SEEK_CYL_HD);
	give(&d, ECKD_RECALIBRATE, CCW_FLAG_SLI, "", 1);
	bad(&d, 0, ECKD_FILE_PROTECTED, 0);
	give(&d, ECKD_RECALIBRATE, CCW_FLAG_SLI, "", 1);
	good(&d);
	mask(ECKD_MASK_SEEK_NONE);
	search_id(&d, MT(ECKD_SEARCH_ID_EQ), 0, 9);
	take(&d, ECKD_READ_DATA, 0, 8);
	bad(&d, 0, ECKD_FILE_PROTECTED, 0);
}

static void a_file_mask_is_set_once(void **state)
{
	mask(0);
	mask(0);
	bad(&d, REJECT, 0, ECKD_MSG_SEQUENCE);
	mask(ECKD_MASK_RESERVED);
	bad(&d, REJECT, 0, ECKD_MSG_PARAMETER);
	extent(&d, 0, 0, 1);
	mask(0);
	bad(&d, REJECT, 0, ECKD_MSG_SEQUENCE);
	extent(&d, 0, 0, 1);
	extent(&d, 0, 0, 1);
	bad(&d, REJECT, 0, ECKD_MSG_SEQUENCE);
}

static void a_file_mask_forbids_writes(void **state)
{
	static const struct {
		uint8_t mask;
		bool update;
		bool format;
	} cases[] = {
		{ ECKD_MASK_NO_HA_R0, true, true },
		{ ECKD_MASK_NO_WRITES, false, false },
		{ ECKD_MASK_UPDATES, true, false },
		{ ECKD_MASK_ALL_WRITES, true, true },
	};
	uint8_t count[8];
	unsigned int i;

	make_track(&d, 16, 2);
	put_count(count, 16, 2, 0, 200);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		mask(cases[i].mask);
		seek(&d, ECKD_SEEK, 16);
		search_id(&d, ECKD_SEARCH_ID_EQ, 16, 1);
		give(&d, ECKD_WRITE_DATA, CCW_FLAG_SLI, "x", 1);
		if (cases[i].update)
			good(&d);
		else
			bad(&d, REJECT, 0, ECKD_MSG_SEQUENCE);
		extent(&d, cases[i].mask, 16, 16);
		locate(&d, ECKD_OP_FORMAT, 1, 16, 1, 8);
		give(&d, ECKD_WRITE_CKD, CCW_FLAG_SLI, count, 8);
		if (cases[i].format)
			good(&d);
		else
			bad(&d, REJECT, 0, ECKD_MSG_SEQUENCE);
	}
}

/* ---- extents and domains ---- */

static void extents_are_checked(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} bad_bytes[] = {
		{ 0, 0x20 }, { 1, 0x00 }, { 1, 0x80 }, { 2, 0xff }, { 9, 2 },
		{ 13, 2 },   { 11, 15 },  { 15, 15 },  { 9, 1 },    { 11, 0xf3 },
	};
	uint8_t b[16];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad_bytes); i++) {
		put_extent(b, 0x40, 0, 14);
		b[bad_bytes[i].at] = bad_bytes[i].value;
		give(&d, ECKD_DEFINE_EXTENT, 0, b, sizeof(b));
		bad(&d, REJECT, 0, ECKD_MSG_PARAMETER);
	}
	put_extent(b, 0x40, 0, 14);
	give(&d, ECKD_DEFINE_EXTENT, CCW_FLAG_SLI, b, 15);
	bad(&d, REJECT, 0, ECKD_MSG_COUNT);
}

static void nothing_outside_the_extent_is_used(void **state)
{
	make_track(&d, 15, 2);
	make_track(&d, 16, 2);
	extent(&d, 0x40, 15, 15);
	locate(&d, ECKD_OP_READ_DATA, 1, 16, 1, 0);
	take(&d, ECKD_READ_DATA, CCW_FLAG_SLI, 100);
	bad(&d, 0, ECKD_FILE_PROTECTED, 0);
	extent(&d, 0x40, 15, 15);
	locate(&d, ECKD_OP_READ_DATA, 3, 15, 1, 0);
	take(&d, MT(ECKD_READ_DATA), 0, 100);
	take(&d, MT(ECKD_READ_DATA), 0, 200);
	take(&d, MT(ECKD_READ_DATA), 0, 100);
	bad(&d, 0, ECKD_FILE_PROTECTED, 0);
	extent(&d, 0x40, 15, 15);
	seek(&d, ECKD_SEEK, 16);
	bad(&d, 0, ECKD_FILE_PROTECTED, 0);
	seek(&d, ECKD_SEEK, 16);
	extent(&d, 0x40, 15, 15);
	take(&d, ECKD_READ_COUNT, 0, 8);
	bad(&d, 0, ECKD_FILE_PROTECTED, 0);
}

static void locate_record_is_checked(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} bad_bytes[] = {
		{ 0, 0x02 }, { 0, 0x3f }, { 0, 0x0e }, { 2, 1 },    { 3, 0 },
		{ 0, 0x00 }, { 7, 15 },	  { 5, 2 },    { 13, 224 },
	};
	uint8_t b[16];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad_bytes); i++) {
		extent(&d, 0x40, 0, 14);
		put_locate(b, ECKD_OP_READ_DATA, 1, 0, 0, 0);
		b[bad_bytes[i].at] = bad_bytes[i].value;
		give(&d, ECKD_LOCATE, 0, b, sizeof(b));
		bad(&d, REJECT, 0, ECKD_MSG_PARAMETER);
	}
	locate(&d, ECKD_OP_READ_DATA, 1, 0, 0, 0);
	bad(&d, REJECT, 0, ECKD_MSG_SEQUENCE);
	extent(&d, 0x40, 0, 14);
	locate(&d, ECKD_OP_READ_DATA, 1, 0, 9, 0);
	bad(&d, 0, ECKD_NO_RECORD, 0);
	extent(&d, 0x40, 0, 14);
	put_locate(b, ECKD_OP_READ_DATA, 1, 0, 0, 0);
	give(&d, ECKD_LOCATE, CCW_FLAG_SLI, b, 15);
	bad(&d, REJECT, 0, ECKD_MSG_COUNT);
}

static void a_domain_has_its_commands(void **state)
{
	make_track(&d, 16, 5);
	extent(&d, 0, 16, 16);
	locate(&d, ECKD_OP_READ_DATA, 2, 16, 1, 0);
	give(&d, ECKD_WRITE_DATA, CCW_FLAG_SLI, "x", 1);
	bad(&d, REJECT, 0, ECKD_MSG_SEQUENCE);
	extent(&d, 0, 16, 16);
	locate(&d, ECKD_OP_WRITE_DATA, 2, 16, 1, 8);
	take(&d, ECKD_READ_DATA, CCW_FLAG_SLI, 1);
	bad(&d, REJECT, 0, ECKD_MSG_SEQUENCE);
	extent(&d, 0, 16, 16);
	locate(&d, ECKD_OP_WRITE_DATA, 1, 16, 1, 8);
	give(&d, ECKD_WRITE_DATA, CCW_FLAG_SLI, "x", 1);
	give(&d, ECKD_WRITE_DATA, CCW_FLAG_SLI, "x", 1);
	bad(&d, REJECT, 0, ECKD_MSG_SEQUENCE);
	extent(&d, 0, 16, 16);
	locate(&d, ECKD_OP_READ_DATA, 2, 16, 1, 0);
	locate(&d, ECKD_OP_READ_DATA, 2, 16, 1, 0);
	bad(&d, REJECT, 0, ECKD_MSG_SEQUENCE);
}

static void prefix_is_checked(void **state)
{
	uint8_t b[64] = { 2, 0x80 };

	put_extent(b + 12, 0x40, 0, 14);
	put_locate(b + 44, ECKD_OP_READ_DATA, 1, 0, 0, 0);
	give(&d, ECKD_PREFIX, 0, b, sizeof(b));
	bad(&d, REJECT, 0, ECKD_MSG_PARAMETER);
	b[0] = 1;
	give(&d, ECKD_PREFIX, CCW_FLAG_SLI, b, 63);
	bad(&d, REJECT, 0, ECKD_MSG_COUNT);
	b[1] = 0x80 | 0x20;
	b[2] = 1;
	give(&d, ECKD_PREFIX, 0, b, sizeof(b));
	bad(&d, REJECT, 0, ECKD_MSG_PARAMETER);
	b[1] = 0x80;
	give(&d, ECKD_PREFIX, 0, b, sizeof(b));
	good(&d);
	b[1] = 0;
	give(&d, ECKD_PREFIX, 0, b, sizeof(b));
	bad(&d, REJECT, 0, ECKD_MSG_SEQUENCE);
	give(&d, ECKD_RECALIBRATE, CCW_FLAG_SLI, "", 1);
	give(&d, ECKD_PREFIX, 0, b, sizeof(b));
	bad(&d, REJECT, 0, ECKD_MSG_SEQUENCE);
}

static void what_does_not_fit_is_an_invalid_format(void **state)
{
	uint8_t count[8];
	unsigned int i;

	format_track(&d, 16, 12, 4096);
	extent(&d, 0, 16, 16);
	locate(&d, ECKD_OP_FORMAT, 1, 16, 12, 0);
	put_count(count, 16, 13, 0, 4096);
	give(&d, ECKD_WRITE_CKD, CCW_FLAG_SLI, count, 8);
	bad(&d, 0, ECKD_INVALID_FORMAT, 0);
	/* The largest record, and one more byte. */
	for (i = 0; i < 2; i++) {
		extent(&d, 0, 16, 16);
		locate(&d, ECKD_OP_FORMAT, 1, 16, 0, 0);
		put_count(count, 16, 1, 0, (uint16_t)(56664 + i));
		give(&d, ECKD_WRITE_CKD, CCW_FLAG_SLI, count, 8);
		if (i)
			bad(&d, 0, ECKD_INVALID_FORMAT, 0);
		else
			good(&d);
	}
	extent(&d, 0, 16, 16);
	locate(&d, ECKD_OP_FORMAT, 1, 16, 0, 0);
	put_count(count, 16, 1, 255, 65535);
	give(&d, ECKD_WRITE_CKD, CCW_FLAG_SLI, count, 8);
	bad(&d, 0, ECKD_INVALID_FORMAT, 0);
}

/* How many records fit, as the manual's table of the 3390 has it. */
static void a_track_has_its_capacity(void **state)
{
	static const uint16_t table[][2] = {
		{ 512, 49 }, { 1024, 33 }, { 2048, 21 }, { 4096, 12 },
		{ 8192, 6 }, { 27998, 2 }, { 27999, 1 }, { 56664, 1 }
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(table); i++)
		assert_int_equal(eckd_blocks_per_track(table[i][0]), table[i][1]);
}

/* ---- lengths ---- */

static void lengths_are_told(void **state)
{
	make_track(&d, 16, 2);
	extent(&d, 0x40, 16, 16);
	locate(&d, ECKD_OP_READ_DATA, 1, 16, 1, 0);
	take(&d, ECKD_READ_DATA, 0, 99);
	ends(&d, DSTAT_END, SCHN_STAT_INCORR_LEN);
	extent(&d, 0x40, 16, 16);
	locate(&d, ECKD_OP_READ_DATA, 1, 16, 1, 0);
	take(&d, ECKD_READ_DATA, 0, 101);
	ends(&d, DSTAT_END, SCHN_STAT_INCORR_LEN);
	extent(&d, 0, 16, 16);
	locate(&d, ECKD_OP_WRITE_DATA, 1, 16, 1, 100);
	give(&d, ECKD_WRITE_DATA, 0, d.path, 20);
	ends(&d, DSTAT_END, SCHN_STAT_INCORR_LEN);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, start, finish)
	const struct CMUnitTest tests[] = {
		T(a_record_is_searched_for_by_its_id),
		T(reads_go_on_from_where_the_head_is),
		T(a_record_is_searched_for_by_its_key),
		T(a_search_ends_after_two_turns),
		T(searches_over_tracks_end_with_the_cylinder),
		T(home_address_and_record_0_are_read),
		T(ipl_reads_the_first_record),
		T(a_record_that_was_found_is_updated),
		T(formatting_ends_what_is_behind),
		T(tracks_are_erased),
		T(home_addresses_are_written),
		T(an_end_of_file_is_an_exception),
		T(several_records_are_read_at_once),
		T(seeks_are_checked),
		T(a_file_mask_forbids_seeks),
		T(a_file_mask_is_set_once),
		T(a_file_mask_forbids_writes),
		T(extents_are_checked),
		T(nothing_outside_the_extent_is_used),
		T(locate_record_is_checked),
		T(a_domain_has_its_commands),
		T(prefix_is_checked),
		T(what_does_not_fit_is_an_invalid_format),
		T(a_track_has_its_capacity),
		T(lengths_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
