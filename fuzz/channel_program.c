/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program is a chain of requests as drivers make them, in which things go wrong now and then:
 * flags, counts, addresses, command codes, parameters, words of lists, any byte.
 */
#include <string.h>

#include "channel_program.h"

/* Where what is in the guest's memory. */
#define ROWS	  0x01000u
#define ROWS_END  0x05000u
#define LISTS	  0x05000u
#define LISTS_END 0x0d000u
#define DATA	  0x10000u

struct builder {
	struct entropy *e;
	uint8_t *memory;
	uint32_t word1;
	uint32_t next; /* where the next CCW goes */
	uint32_t last; /* where the last one is, 0: nowhere */
	uint32_t list;
	uint32_t data;
};

uint32_t draw(struct entropy *e, uint64_t n)
{
	uint64_t value = 0, room;

	for (room = 1; room < n; room <<= 8) {
		value = value << 8 | (e->left ? *e->bytes : 0);
		e->bytes += e->left ? 1 : 0;
		e->left -= e->left ? 1 : 0;
	}
	return n ? (uint32_t)(value % n) : 0;
}

/* ---- CCWs ---- */

static bool is_fmt1(const struct builder *b)
{
	return b->word1 & ORB_FMT;
}

static void put_ccw(struct builder *b, uint32_t addr, struct ccw1 ccw)
{
	uint8_t *at = b->memory + addr;

	if (is_fmt1(b)) {
		at[0] = ccw.cmd_code;
		at[1] = ccw.flags;
		cio_put16(at + 2, ccw.count);
		cio_put32(at + 4, ccw.cda);
	} else {
		cio_put32(at, ccw.cda);
		at[0] = ccw.cmd_code;
		at[4] = ccw.flags;
		cio_put16(at + 6, ccw.count);
	}
}

static uint8_t *flags_at(const struct builder *b, uint32_t addr)
{
	return b->memory + addr + (is_fmt1(b) ? 1 : 4);
}

static void append(struct builder *b, struct ccw1 ccw)
{
	if (b->next > ROWS_END - CCW_SIZE)
		b->next = ROWS;
	if (one_in(b->e, 64))
		ccw.flags ^= (uint8_t)draw(b->e, 256);
	if (one_in(b->e, 64))
		ccw.count = (uint16_t)draw(b->e, 65536);
	if (one_in(b->e, 128))
		ccw.cmd_code = (uint8_t)draw(b->e, 256);
	if (one_in(b->e, 128))
		ccw.cda = draw(b->e, UINT64_C(1) << 32);
	put_ccw(b, b->next, ccw);
	b->last = b->next;
	b->next += CCW_SIZE;
}

/* Go on somewhere else. */
static void jump(struct builder *b)
{
	uint32_t target = ROWS + draw(b->e, (ROWS_END - ROWS) / CCW_SIZE) * CCW_SIZE;

	if (one_in(b->e, 16))
		target += draw(b->e, CCW_SIZE);
	append(b, (struct ccw1) { .cmd_code = CCW_CMD_TIC, .cda = target });
	b->next = target;
}

/* Back to a CCW before, from where a status modifier leads out. */
static void search_again(struct builder *b, unsigned int ccws)
{
	append(b, (struct ccw1) { .cmd_code = CCW_CMD_TIC,
				  .cda = b->next - (ccws + draw(b->e, 2)) * CCW_SIZE });
}

/* ---- data ---- */

static uint32_t place(struct builder *b, uint32_t count)
{
	uint32_t addr = b->data;

	if (one_in(b->e, 8))
		addr += draw(b->e, 4096);
	if (addr + count > GUEST_SIZE)
		addr = DATA;
	b->data = (addr + count + 7) & ~7u;
	if (one_in(b->e, 64))
		return draw(b->e, GUEST_SIZE + 4096);
	return addr;
}

/* A list for [@addr, @addr + @count), its blocks as the ORB says. Return: where it is. */
static uint32_t make_list(struct builder *b, uint32_t addr, uint32_t count)
{
	bool c64 = b->word1 & ORB_C64;
	uint32_t block = c64 && !(b->word1 & ORB_I2K) ? 4096 : 2048;
	uint32_t list = b->list, at = list, end = addr + count;
	uint64_t idaw = addr;

	do {
		if (at > LISTS_END - 8)
			at = list = LISTS;
		if (one_in(b->e, 128))
			idaw = (uint64_t)draw(b->e, UINT64_C(1) << 32) << draw(b->e, 33);
		if (c64)
			cio_put64(b->memory + at, idaw);
		else
			cio_put32(b->memory + at, (uint32_t)idaw);
		at += c64 ? 8 : 4;
		addr = (addr / block + 1) * block;
		idaw = addr;
	} while (addr < end);
	b->list = (at + 7) & ~7u;
	if (one_in(b->e, 128))
		list += draw(b->e, 8);
	return list;
}

/* One CCW with its room. @data: NULL: nothing in particular is there. */
static void add_area(struct builder *b, uint8_t code, uint8_t flags, const uint8_t *data,
		     uint32_t count)
{
	uint32_t addr = place(b, count);

	if (data && addr + count <= GUEST_SIZE)
		memcpy(b->memory + addr, data, count);
	if (one_in(b->e, 3)) {
		addr = make_list(b, addr, count);
		flags |= CCW_FLAG_IDA;
	}
	append(b, (struct ccw1) { code, flags, (uint16_t)count, addr });
}

/* A command, its data in one piece or several, chained to what follows. */
static void add(struct builder *b, uint8_t code, const uint8_t *data, uint32_t count)
{
	uint8_t flags = one_in(b->e, 2) ? CCW_FLAG_SLI : 0;
	uint32_t done = 0, part;

	if (one_in(b->e, 16))
		flags |= CCW_FLAG_SKIP;
	if (one_in(b->e, 16))
		flags |= CCW_FLAG_PCI;
	while (one_in(b->e, 8) && count - done > 1) {
		part = 1 + draw(b->e, count - done - 1);
		add_area(b, code, flags | CCW_FLAG_DC, data ? data + done : NULL, part);
		done += part;
		code = (uint8_t)draw(b->e, 4);
	}
	add_area(b, code, flags | CCW_FLAG_CC, data ? data + done : NULL, count - done);
	if (one_in(b->e, 24))
		jump(b);
}

/* Parameters in which something may be wrong. */
static void add_params(struct builder *b, uint8_t code, uint8_t *params, uint32_t count)
{
	while (one_in(b->e, 6))
		params[draw(b->e, count)] = (uint8_t)draw(b->e, 256);
	if (one_in(b->e, 24))
		count = draw(b->e, count + 1);
	add(b, code, params, count);
}

/* ---- what all devices have ---- */

static void add_common(struct builder *b)
{
	static const uint8_t codes[] = { CCW_CMD_SENSE_ID, CCW_CMD_NOOP, CCW_CMD_BASIC_SENSE,
					 CCW_CMD_READ, CCW_CMD_WRITE };
	uint8_t code = codes[draw(b->e, sizeof(codes))];

	if (one_in(b->e, 4))
		code = (uint8_t)draw(b->e, 256);
	add(b, code, NULL, draw(b->e, 80));
}

/* ---- fixed blocks ---- */

static void add_fba(struct builder *b)
{
	static const uint8_t operations[] = { 6, 5, 8, 2, 4 };
	static const uint8_t transfers[] = { 0x42, 0x41, 0x41 };
	uint32_t blocks = 1 + draw(b->e, 12), extent = draw(b->e, 64), block = draw(b->e, 64);
	uint32_t i = draw(b->e, sizeof(operations)), size;
	uint8_t define[16] = { 0x00, 0, 2, 0 }, locate[8] = { operations[i] };

	define[0] = (uint8_t)(draw(b->e, 4) << 6);
	cio_put32(define + 4, extent);
	cio_put32(define + 12, extent + draw(b->e, 128));
	cio_put16(locate + 2, (uint16_t)blocks);
	cio_put32(locate + 4, block);
	if (!one_in(b->e, 8))
		add_params(b, 0x63, define, sizeof(define));
	if (!one_in(b->e, 8))
		add_params(b, 0x43, locate, sizeof(locate));
	size = one_in(b->e, 8) ? draw(b->e, 8192) : blocks * 512;
	if (one_in(b->e, 16))
		size = 0;
	add(b, i < sizeof(transfers) ? transfers[i] : 0x42, NULL, size);
	if (one_in(b->e, 8))
		add(b, 0x64, NULL, 32 + draw(b->e, 40));
}

/* ---- count, key and data ---- */

struct track {
	uint16_t cyl;
	uint16_t head;
	uint8_t record;
};

static struct track draw_track(struct builder *b)
{
	return (struct track) { (uint16_t)draw(b->e, 4), (uint16_t)draw(b->e, 16),
				(uint8_t)draw(b->e, 14) };
}

static void put_track(uint8_t *at, struct track t)
{
	cio_put16(at, t.cyl);
	cio_put16(at + 2, t.head);
}

static void put_extent(struct builder *b, uint8_t define[16], struct track t)
{
	static const uint8_t masks[] = { 0x40, 0x80, 0x00, 0xc0, 0x98 };
	struct track end = draw_track(b);

	memset(define, 0, 16);
	define[0] = masks[draw(b->e, sizeof(masks))];
	define[1] = 0xc0;
	cio_put16(define + 2, (uint16_t)draw(b->e, 4097));
	if (end.cyl < t.cyl || (end.cyl == t.cyl && end.head < t.head))
		end = t;
	if (one_in(b->e, 4))
		t = (struct track) { 0 };
	put_track(define + 8, t);
	put_track(define + 12, end);
}

static void put_locate(struct builder *b, uint8_t locate[16], struct track t, unsigned int count,
		       uint16_t size)
{
	static const uint8_t operations[] = { 0x06, 0x01, 0x03, 0x16, 0x0b, 0x0c, 0x0a,
					      0x43, 0x81, 0x86, 0x00, 0x03, 0x05, 0x3f };

	memset(locate, 0, 16);
	locate[0] = operations[draw(b->e, sizeof(operations))];
	locate[1] = one_in(b->e, 2) ? 0x80 : 0;
	locate[3] = (uint8_t)count;
	put_track(locate + 4, t);
	put_track(locate + 8, t);
	locate[12] = t.record;
	locate[13] = one_in(b->e, 2) ? 0xff : 0;
	cio_put16(locate + 14, size);
}

/* Records, as they are read and written. */
static void add_records(struct builder *b, struct track t, unsigned int count, uint16_t size)
{
	static const uint8_t codes[] = { 0x06, 0x86, 0x05, 0x85, 0x0e, 0x8e, 0x0d, 0x8d, 0x1d,
					 0x9d, 0x12, 0x92, 0x1e, 0x9e, 0x16, 0x96, 0x95, 0x15,
					 0x11, 0x01, 0x5e, 0xde, 0x1a, 0x19, 0xa5, 0x02 };
	uint8_t code = codes[draw(b->e, sizeof(codes))];
	uint8_t record[8 + 32 + 4096] = { 0 };
	unsigned int i, key = one_in(b->e, 4) ? draw(b->e, 32) : 0;

	for (i = 0; i < count; i++) {
		put_track(record, t);
		record[4] = (uint8_t)(t.record + i);
		record[5] = (uint8_t)key;
		cio_put16(record + 6, size);
		add_params(b, code, record, 8 + key + size);
		if (one_in(b->e, 8))
			code = codes[draw(b->e, sizeof(codes))];
	}
}

static void add_located(struct builder *b)
{
	static const uint16_t sizes[] = { 4096, 512, 0, 80, 24, 8 };
	unsigned int count = 1 + draw(b->e, 6);
	struct track t = draw_track(b);
	uint16_t size = sizes[draw(b->e, 6)];
	uint8_t params[64] = { 0 };

	if (one_in(b->e, 2)) {
		params[0] = (uint8_t)draw(b->e, 3);
		params[1] = (uint8_t)(draw(b->e, 4) << 6);
		put_extent(b, params + 12, t);
		put_locate(b, params + 44, t, count, size);
		add_params(b, 0xe7, params, one_in(b->e, 4) ? 12 : 64);
	} else {
		put_extent(b, params, t);
		add_params(b, 0x63, params, 16);
		put_locate(b, params, t, count, size);
		add_params(b, one_in(b->e, 4) ? 0x4b : 0x47, params, 16);
	}
	add_records(b, t, count, size);
}

/* Records with an end behind the last one: as a whole track is written. */
static void add_full_track(struct builder *b, struct track t, uint16_t size)
{
	uint8_t records[12 * (8 + 512) + 8] = { 0 }, *at = records;
	unsigned int i, nr = draw(b->e, 13);

	if (size > 512)
		size = 512;
	for (i = 0; i < nr; i++) {
		put_track(at, t);
		at[4] = (uint8_t)i;
		cio_put16(at + 6, i ? size : 8);
		at += 8 + (i ? size : 8);
	}
	memset(at, 0xff, 8);
	at += 8;
	add_params(b, 0x95, records, (uint32_t)(at - records));
}

/* What the extended operations of a locate do. */
static void add_tracks(struct builder *b)
{
	static const uint8_t commands[] = { 0xa5, 0xa6, 0x95 };
	unsigned int count = 1 + draw(b->e, 4), kind = draw(b->e, sizeof(commands)), i;
	uint16_t size = (uint16_t)(512 << draw(b->e, 4));
	struct track t = draw_track(b);
	uint8_t params[12 + 32 + 22] = { 1, 0x80 }, *locate = params + 44;

	put_extent(b, params + 12, t);
	if (!one_in(b->e, 4))
		params[12] = 0xc0;
	put_locate(b, locate, t, count, size);
	locate[0] = 0x3f;
	locate[17] = kind == 2 ? 0x11 : 0x23;
	cio_put16(locate + 18, 2);
	cio_put16(locate + 20, (uint16_t)(0xffff0000 >> count));
	add_params(b, 0xe7, params, sizeof(params));
	for (i = 0; i < count; i++) {
		if (kind == 2)
			add_full_track(b, t, size);
		else
			add(b, commands[kind], NULL, size * (1 + draw(b->e, 4)));
		t.head++;
	}
}

static void add_searched(struct builder *b)
{
	static const uint8_t searches[] = { 0x31, 0xb1, 0x51, 0x71, 0x29, 0x39, 0xb9, 0x69 };
	struct track t = draw_track(b);
	uint8_t seek[6] = { 0 }, id[5];

	put_track(seek + 2, t);
	put_track(id, t);
	id[4] = t.record;
	if (one_in(b->e, 2))
		add_params(b, 0x1f, (uint8_t[]) { 0xc0 }, 1);
	if (one_in(b->e, 2))
		add_params(b, 0x23, (uint8_t[]) { 0 }, 1);
	add_params(b, one_in(b->e, 4) ? 0x0b : 0x07, seek, sizeof(seek));
	add_params(b, searches[draw(b->e, sizeof(searches))], id, sizeof(id));
	search_again(b, 1);
	add_records(b, t, 1 + draw(b->e, 3), (uint16_t)draw(b->e, 4097));
}

static void add_controls(struct builder *b)
{
	static const uint8_t codes[] = { 0x27, 0x3e, 0x64, 0xfa, 0x34, 0xaf, 0xb4, 0x94, 0x14,
					 0xa4, 0x24, 0x54, 0x08, 0x13, 0xc4, 0x8a, 0x5b, 0xf7 };
	static const uint8_t orders[] = { 0x1d, 0x18, 0x11, 0x0c, 0x15, 0x1b, 0x1c };
	static const uint8_t reports[] = { 0x41, 0x0e, 0x52, 0x53, 0x01, 0x03 };
	uint8_t params[80] = { 0 }, code = codes[draw(b->e, sizeof(codes))];

	if (code == 0x27) {
		params[0] = orders[draw(b->e, sizeof(orders))];
		params[6] = reports[draw(b->e, sizeof(reports))];
		add_params(b, code, params, one_in(b->e, 2) ? 12 : sizeof(params) - 14);
		if (one_in(b->e, 2))
			add(b, 0x3e, NULL, draw(b->e, 600));
	} else if (code == 0xaf) {
		params[0] = (uint8_t)(draw(b->e, 8) << 5);
		params[1] = (uint8_t)draw(b->e, 256);
		add_params(b, code, params, 12);
	} else {
		add(b, code, NULL, draw(b->e, 300));
	}
}

static void add_eckd(struct builder *b)
{
	switch (draw(b->e, 5)) {
	case 0:
		add_searched(b);
		break;
	case 1:
		add_controls(b);
		break;
	case 2:
		add_tracks(b);
		break;
	default:
		add_located(b);
	}
}

/* ---- programs ---- */

static uint32_t draw_word1(struct entropy *e)
{
	static const uint32_t usual[] = { ORB_FMT | ORB_PFCH | ORB_C64,
					  ORB_PFCH,
					  ORB_FMT | ORB_PFCH,
					  ORB_FMT | ORB_PFCH | ORB_C64 | ORB_I2K,
					  ORB_FMT | ORB_PFCH | ORB_C64 | ORB_ILS,
					  ORB_PFCH | ORB_C64 | ORB_ISIC };
	uint32_t word1 = usual[draw(e, sizeof(usual) / sizeof(usual[0]))];

	return one_in(e, 16) ? word1 ^ UINT32_C(1) << draw(e, 32) : word1;
}

struct orb make_program(struct entropy *e, enum device_kind kind, uint8_t *memory)
{
	struct builder b = { .e = e, .memory = memory, .list = LISTS, .data = DATA };
	unsigned int requests = 1 + draw(e, 4);
	struct orb orb = { .intparm = draw(e, UINT64_C(1) << 32) };

	b.word1 = orb.word1 = draw_word1(e);
	b.next = orb.cpa = ROWS + draw(e, 64) * CCW_SIZE;
	while (requests--) {
		if (kind == DEVICE_FBA && !one_in(e, 8))
			add_fba(&b);
		else if (kind == DEVICE_ECKD && !one_in(e, 8))
			add_eckd(&b);
		else
			add_common(&b);
	}
	if (!one_in(e, 32))
		*flags_at(&b, b.last) &= (uint8_t) ~(CCW_FLAG_CC | CCW_FLAG_DC);
	while (one_in(e, 8))
		memory[ROWS + draw(e, LISTS_END - ROWS)] = (uint8_t)draw(e, 256);
	return orb;
}
