/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "../unit/cmocka_umdev.h"
#include "eckd_programs.h"

void disk_plug(struct disk *d, const char *options)
{
	char spec[160];

	snprintf(spec, sizeof(spec), "0.0.1000:3390,file=%s%s", d->path, options);
	unit_plug(&d->u, &d->m, spec);
	program(d);
}

void disk_start(struct disk *d, const char *options)
{
	int fd;

	memset(d, 0, sizeof(*d));
	snprintf(d->path, sizeof(d->path), "%s/eckd.XXXXXX", getenv("TMPDIR") ?: "/tmp");
	fd = mkstemp(d->path);
	assert_true(fd >= 0);
	close(fd);
	machine_start(&d->m);
	disk_plug(d, options);
}

void disk_restart(struct disk *d, const char *options)
{
	unit_finish(&d->u);
	disk_plug(d, options);
}

void disk_renew(struct disk *d, const char *options)
{
	unit_finish(&d->u);
	assert_int_equal(truncate(d->path, 0), 0);
	disk_plug(d, options);
}

void disk_finish(struct disk *d)
{
	unit_finish(&d->u);
	machine_stop(&d->m);
	unlink(d->path);
}

void program(struct disk *d)
{
	guest_reset(&d->u.guest, true);
	d->first = d->u.guest.next_ccw;
	d->last = 0;
	d->data = GUEST_DATA;
}

static uint32_t command(struct disk *d, uint8_t code, uint8_t flags, uint16_t len, uint32_t cda)
{
	if (d->last)
		d->u.guest.ram[d->last + 1] |= CCW_FLAG_CC;
	d->last = guest_ccw(&d->u.guest, code, flags, len, cda);
	return d->last;
}

uint32_t give(struct disk *d, uint8_t code, uint8_t flags, const void *data, uint16_t len)
{
	uint32_t at = d->data;

	if (len)
		memcpy(d->u.guest.ram + at, data, len);
	d->data += ((uint32_t)len + 15) & ~UINT32_C(15);
	return command(d, code, flags, len, at);
}

uint8_t *take(struct disk *d, uint8_t code, uint8_t flags, uint16_t len)
{
	uint8_t *at = d->u.guest.ram + d->data;

	memset(at, 0xcc, len);
	command(d, code, flags, len, d->data);
	d->data += ((uint32_t)len + 15) & ~UINT32_C(15);
	return at;
}

void tic(struct disk *d, uint32_t to)
{
	command(d, CCW_CMD_TIC, 0, 0, to);
	d->last = 0;
}

/* ---- commands ---- */

void put_count(uint8_t *b, uint32_t track, uint8_t record, uint8_t key_len, uint16_t data_len)
{
	eckd_put_track(b, track);
	b[4] = record;
	b[5] = key_len;
	cio_put16(b + 6, data_len);
}

void put_extent(uint8_t *b, uint8_t mask, uint32_t first, uint32_t last)
{
	memset(b, 0, 16);
	b[0] = mask;
	b[1] = 0xc0;
	eckd_put_track(b + 8, first);
	eckd_put_track(b + 12, last);
}

void put_locate(uint8_t *b, uint8_t op, uint8_t count, uint32_t track, uint8_t record,
		uint16_t length)
{
	memset(b, 0, 16);
	b[0] = op;
	b[1] = length ? 0x80 : 0;
	b[3] = count;
	eckd_put_track(b + 4, track);
	eckd_put_track(b + 8, track);
	b[12] = record;
	cio_put16(b + 14, length);
}

void extent(struct disk *d, uint8_t mask, uint32_t first, uint32_t last)
{
	uint8_t b[16];

	put_extent(b, mask, first, last);
	give(d, ECKD_DEFINE_EXTENT, 0, b, sizeof(b));
}

void locate(struct disk *d, uint8_t op, uint8_t count, uint32_t track, uint8_t record,
	    uint16_t length)
{
	uint8_t b[16];

	put_locate(b, op, count, track, record, length);
	give(d, ECKD_LOCATE, 0, b, sizeof(b));
}

static uint16_t put_extended(uint8_t *b, uint8_t op, uint8_t ext_op, uint8_t count, uint32_t track,
			     uint8_t record, uint16_t length)
{
	memset(b, 0, 22);
	put_locate(b, op, count, track, record, length);
	b[17] = ext_op;
	if (ext_op != ECKD_EXT_FULL_TRACK)
		return 20;
	b[13] = 0xff;
	b[19] = 2;
	cio_put16(b + 20, (uint16_t)(0xffff0000 >> count));
	return 22;
}

void locate_extended(struct disk *d, uint8_t op, uint8_t ext_op, uint8_t count, uint32_t track,
		     uint8_t record, uint16_t length)
{
	uint8_t b[22];
	uint16_t len = put_extended(b, op, ext_op, count, track, record, length);

	give(d, ECKD_LOCATE_EXTENDED, 0, b, len);
}

void prefix(struct disk *d, uint8_t mask, uint32_t first, uint32_t last, uint8_t op, uint8_t ext_op,
	    uint8_t count, uint32_t track, uint8_t record, uint16_t length)
{
	uint8_t b[66] = { 1, 0x80 };
	uint16_t len;

	put_extent(b + 12, mask, first, last);
	len = put_extended(b + 44, op, ext_op, count, track, record, length);
	give(d, ECKD_PREFIX, 0, b, (uint16_t)(44 + len));
}

void prefix_extent(struct disk *d, uint8_t mask, uint32_t first, uint32_t last)
{
	uint8_t b[64] = { 0, 0x80 };

	put_extent(b + 12, mask, first, last);
	give(d, ECKD_PREFIX, 0, b, sizeof(b));
}

/* ---- how it ends ---- */

static void run(struct disk *d, struct irb *irb)
{
	unit_run(&d->u, 0, d->first, irb);
	program(d);
}

void good(struct disk *d)
{
	struct irb irb;

	run(d, &irb);
	if (irb.scsw.dstat & DEV_STAT_UNIT_CHECK)
		fail_msg("sense %02x %02x %02x at CCW %u", irb.ecw[0], irb.ecw[1], irb.ecw[7],
			 (irb.scsw.cpa - GUEST_CCWS) / CCW_SIZE - 1);
	status_is(&irb, STCTL_END, DSTAT_END, 0);
}

void bad(struct disk *d, uint8_t sense0, uint8_t sense1, uint8_t message)
{
	struct irb irb;

	run(d, &irb);
	assert_int_equal(irb.scsw.dstat, DSTAT_END | DEV_STAT_UNIT_CHECK);
	assert_true(irb.esw[1] & ERW_CONS);
	if (irb.ecw[0] != sense0 || irb.ecw[1] != sense1 || irb.ecw[7] != message)
		fail_msg("sense %02x %02x, message %02x; expected %02x %02x, %02x", irb.ecw[0],
			 irb.ecw[1], irb.ecw[7], sense0, sense1, message);
	assert_int_equal(irb.ecw[27] & 0x80, 0x80);
}

void ends(struct disk *d, uint8_t dstat, uint8_t cstat)
{
	struct irb irb;

	run(d, &irb);
	assert_int_equal(irb.scsw.dstat, dstat);
	assert_int_equal(irb.scsw.cstat, cstat);
}

void format_track(struct disk *d, uint32_t track, unsigned int nr, uint16_t len)
{
	uint8_t count[8];
	unsigned int i;

	program(d);
	extent(d, ECKD_MASK_NO_HA_R0, track, track);
	locate(d, ECKD_OP_FORMAT, (uint8_t)nr, track, 0, len);
	for (i = 1; i <= nr; i++) {
		put_count(count, track, (uint8_t)i, 0, len);
		give(d, ECKD_WRITE_CKD, CCW_FLAG_SLI, count, sizeof(count));
	}
	good(d);
}

/* ---- tracks with records, and ways to them ---- */

/* Records 1 to @nr of a track: every other one with a key, all with data of their own. */
void make_track(struct disk *d, uint32_t track, unsigned int nr)
{
	uint8_t b[8 + 8 + 512];
	unsigned int i;

	extent(d, 0, track, track);
	locate(d, ECKD_OP_FORMAT, (uint8_t)nr, track, 0, 8);
	for (i = 1; i <= nr; i++) {
		uint16_t len = (uint16_t)(100 * i);

		put_count(b, track, (uint8_t)i, i % 2 ? 8 : 0, len);
		memset(b + 8, (int)(16 * track + i), sizeof(b) - 8);
		memset(b + 8, 'a' + (int)i, i % 2 ? 8 : 0);
		give(d, ECKD_WRITE_CKD, 0, b, (uint16_t)(8 + (i % 2 ? 8 : 0) + len));
	}
	good(d);
}

void seek(struct disk *d, uint8_t code, uint32_t track)
{
	uint8_t b[6] = { 0 };

	eckd_put_track(b + 2, track);
	give(d, code, 0, b, sizeof(b));
}

/* Search for a record until it is found. */
void search(struct disk *d, uint8_t code, const void *what, uint16_t len)
{
	tic(d, give(d, code, 0, what, len));
	d->last = 0;
}

void search_id(struct disk *d, uint8_t code, uint32_t track, uint8_t record)
{
	uint8_t id[8];

	put_count(id, track, record, 0, 0);
	search(d, code, id, (code & 0x7f) == ECKD_SEARCH_HA_EQ ? 4 : 5);
}
