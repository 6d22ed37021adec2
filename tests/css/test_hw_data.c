/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the data of a command goes, and which lengths are incorrect. */
#include "../unit/cmocka_umdev.h"
#include "puppet.h"

static struct machine m;
static struct unit u;

static int plug(void **state)
{
	machine_start(&m);
	puppet_register();
	unit_plug(&u, &m, "0.0.1000:puppet");
	return 0;
}

static int unplug(void **state)
{
	unit_finish(&u);
	puppet_unregister();
	machine_stop(&m);
	return 0;
}

/* ---- lengths ---- */

/* A read and a write of 8 bytes, with these CCW flags and count; what becomes of it. */
static void length(uint8_t flags, uint16_t count, uint8_t cstat, uint16_t residual, bool goes_on)
{
	static const uint8_t codes[] = { CCW_CMD_READ, CCW_CMD_WRITE };
	struct irb irb;
	uint32_t at;

	for (unsigned int i = 0; i < 4; i++) {
		guest_reset(&u.guest, i & 1);
		puppet->nr_codes = 0;
		at = guest_ccw(&u.guest, codes[i >> 1], flags, count, GUEST_DATA);
		guest_ccw(&u.guest, 0x07, CCW_FLAG_SLI, 3, 0);
		unit_run(&u, 0, at, &irb);
		status_is(&irb, cstat ? STCTL_ALERT : STCTL_END, DSTAT_END, cstat);
		assert_int_equal(puppet->nr_codes, goes_on ? 2 : 1);
		assert_int_equal(irb.scsw.cpa, at + (goes_on ? 16 : 8));
		assert_int_equal(irb.scsw.count, goes_on ? 3 : residual);
	}
}

static void lengths_of_data(void **state)
{
	const uint8_t il = SCHN_STAT_INCORR_LEN;

	length(0, 8, 0, 0, false);
	length(0, 9, il, 1, false);
	length(0, 7, il, 0, false);
	length(CCW_FLAG_SLI, 8, 0, 0, false);
	length(CCW_FLAG_SLI, 9, 0, 1, false);
	length(CCW_FLAG_SLI, 7, 0, 0, false);
	length(CCW_FLAG_CC, 8, 0, 0, true);
	length(CCW_FLAG_CC, 9, il, 1, false);
	length(CCW_FLAG_CC, 7, il, 0, false);
	length(CCW_FLAG_CC | CCW_FLAG_SLI, 9, 0, 0, true);
	length(CCW_FLAG_CC | CCW_FLAG_SLI, 7, 0, 0, true);
	/* More room was chained, so it is not suppressed. */
	length(CCW_FLAG_DC, 9, il, 1, false);
	length(CCW_FLAG_DC | CCW_FLAG_SLI, 9, il, 1, false);
	length(CCW_FLAG_DC | CCW_FLAG_CC | CCW_FLAG_SLI, 9, il, 1, false);
}

/* A command without data, with these: is it incorrect, in both formats? */
static void immediate(uint8_t flags, uint16_t count, uint32_t orb, bool il0, bool il1)
{
	struct irb irb;
	uint32_t at;

	for (int fmt1 = !count; fmt1 < 2; fmt1++) {
		guest_reset(&u.guest, fmt1);
		at = guest_ccw(&u.guest, 0x07, flags, count, 0);
		guest_ccw(&u.guest, 0x07, CCW_FLAG_SLI, 3, 0);
		unit_run(&u, orb, at, &irb);
		if (fmt1 ? il1 : il0)
			status_is(&irb, STCTL_ALERT, DSTAT_END, SCHN_STAT_INCORR_LEN);
		else
			status_is(&irb, STCTL_END, DSTAT_END, 0);
	}
}

static void lengths_of_commands_without_data(void **state)
{
	immediate(0, 0, 0, false, false);
	immediate(0, 1, 0, false, true);
	immediate(0, 1, ORB_ILS, false, false);
	immediate(CCW_FLAG_SLI, 1, 0, false, false);
	immediate(CCW_FLAG_CC, 1, 0, false, true);
	immediate(CCW_FLAG_CC, 1, ORB_ILS, false, false);
	immediate(CCW_FLAG_CC | CCW_FLAG_SLI, 1, 0, false, false);
	immediate(CCW_FLAG_DC, 1, 0, true, true);
	immediate(CCW_FLAG_DC | CCW_FLAG_SLI, 1, ORB_ILS, true, true);
}

static void a_refused_command_has_no_length(void **state)
{
	struct irb irb;
	uint32_t at = guest_ccw(&u.guest, 0x17, 0, 8, GUEST_DATA);

	unit_run(&u, 0, at, &irb);
	status_is(&irb, STCTL_ALERT, DSTAT_END | DEV_STAT_UNIT_CHECK, 0);
	assert_int_equal(irb.scsw.count, 8);
	/* One that breaks off has. */
	guest_reset(&u.guest, true);
	puppet->act[CCW_CMD_READ].dstat = DSTAT_END | DEV_STAT_UNIT_CHECK;
	at = guest_ccw(&u.guest, CCW_CMD_READ, 0, 20, GUEST_DATA);
	unit_run(&u, 0, at, &irb);
	status_is(&irb, STCTL_ALERT, DSTAT_END | DEV_STAT_UNIT_CHECK, SCHN_STAT_INCORR_LEN);
	assert_int_equal(irb.scsw.count, 12);
}

static void room_for_nothing(void **state)
{
	struct irb irb;
	uint32_t at = guest_ccw(&u.guest, CCW_CMD_READ, 0, 0, GUEST_DATA);

	unit_run(&u, 0, at, &irb);
	status_is(&irb, STCTL_ALERT, DSTAT_END, SCHN_STAT_INCORR_LEN);
	assert_int_equal(puppet->result, 0);
	assert_int_equal(u.guest.ram[GUEST_DATA], 0);
}

/* ---- what the device is told ---- */

static void the_device_knows_the_room(void **state)
{
	uint32_t at;

	puppet->act[CCW_CMD_READ].store = 100;
	puppet->act[CCW_CMD_READ].twice = true;
	at = guest_ccw(&u.guest, CCW_CMD_READ, CCW_FLAG_DC | CCW_FLAG_PCI, 10, GUEST_DATA);
	guest_ccw(&u.guest, 0, CCW_FLAG_SLI, 60, GUEST_DATA + 10);
	unit_assert_good(&u, 0, at);
	assert_int_equal(puppet->cmd.count, 70);
	assert_int_equal(puppet->cmd.done, 70);
	assert_true(puppet->cmd.longer);
	assert_false(puppet->cmd.chained);
	assert_int_equal(puppet->cmd.flags, CCW_FLAG_DC | CCW_FLAG_PCI);
	assert_int_equal(puppet->cmd.path, 0x80);
	assert_int_equal(puppet->result, 20);
	for (unsigned int i = 0; i < 70; i++)
		assert_int_equal(u.guest.ram[GUEST_DATA + i], i + 1);
	assert_int_equal(u.guest.ram[GUEST_DATA + 70], 0);
}

static void a_write_is_gathered(void **state)
{
	uint32_t at;

	for (unsigned int i = 0; i < 100; i++)
		u.guest.ram[GUEST_DATA + i] = (uint8_t)(100 + i);
	puppet->act[CCW_CMD_WRITE].load = 30;
	puppet->act[CCW_CMD_WRITE].twice = true;
	at = guest_ccw(&u.guest, CCW_CMD_WRITE, CCW_FLAG_DC, 20, GUEST_DATA + 50);
	/* Nothing can be skipped in this direction. */
	guest_ccw(&u.guest, 0, CCW_FLAG_SKIP, 10, GUEST_DATA);
	unit_assert_good(&u, 0, at);
	assert_int_equal(puppet->loaded, 30);
	assert_memory_equal(puppet->data, u.guest.ram + GUEST_DATA + 50, 20);
	assert_memory_equal(puppet->data + 20, u.guest.ram + GUEST_DATA, 10);
}

static void a_part_is_skipped(void **state)
{
	uint32_t at;

	at = guest_ccw(&u.guest, CCW_CMD_READ, CCW_FLAG_DC | CCW_FLAG_SKIP, 3, GUEST_DATA);
	/* Where nothing is stored any address will do, also that of a list. */
	guest_ccw(&u.guest, 0, CCW_FLAG_DC | CCW_FLAG_SKIP | CCW_FLAG_IDA, 2, GUEST_SIZE);
	guest_ccw(&u.guest, 0, 0, 3, GUEST_DATA + 3);
	unit_assert_good(&u, 0, at);
	assert_int_equal(u.guest.ram[GUEST_DATA], 0);
	assert_int_equal(u.guest.ram[GUEST_DATA + 3], 6);
	assert_int_equal(u.guest.ram[GUEST_DATA + 5], 8);
}

/* ---- addresses ---- */

/* The data of a read of 8 bytes at @cda ends with this after @done of them. */
static void data_ends(bool fmt1, uint8_t flags, uint32_t cda, uint8_t cstat, uint16_t done)
{
	struct irb irb;
	uint32_t at;

	guest_reset(&u.guest, fmt1);
	at = guest_ccw(&u.guest, CCW_CMD_READ, flags, 8, cda);
	unit_run(&u, 0, at, &irb);
	status_is(&irb, cstat ? STCTL_ALERT : STCTL_END, DSTAT_END, cstat);
	assert_int_equal(irb.scsw.count, 8 - done);
	assert_int_equal(puppet->result, cstat ? -5 : 8);
	assert_int_equal(irb.scsw.cpa, at + 8);
}

static void data_where_there_is_no_memory(void **state)
{
	data_ends(true, 0, GUEST_SIZE, SCHN_STAT_PROG_CHECK, 0);
	data_ends(true, CCW_FLAG_SLI, GUEST_SIZE - 4, SCHN_STAT_PROG_CHECK, 0);
	/* An address does not wrap; what comes before the end is stored. */
	data_ends(false, 0, 0x00fffffc, SCHN_STAT_PROG_CHECK, 4);
	assert_int_equal(u.guest.ram[0x00fffffc], 1);
	data_ends(false, 0, 0x00fffff8, 0, 8);
	u.guest.denied = GUEST_DATA;
	u.guest.denied_len = 1;
	data_ends(true, 0, GUEST_DATA, SCHN_STAT_PROT_CHECK, 0);
	u.guest.denied_len = 0;
	u.guest.broken = GUEST_DATA;
	u.guest.broken_len = 1;
	data_ends(true, 0, GUEST_DATA, SCHN_STAT_CHN_DATA, 0);
}

/* ---- indirect addressing ---- */

#define MANY 20000

/* A read of MANY bytes to blocks of @size, the first from byte @offset on. */
static void by_list(uint32_t orb, unsigned int size, unsigned int offset, uint64_t base)
{
	unsigned int nr = 0, at, block, done = 0;
	uint64_t list[16];

	guest_reset(&u.guest, true);
	memset(u.guest.ram + GUEST_DATA, 0, 0x100000);
	puppet->act[CCW_CMD_READ].store = MANY;
	puppet->act[CCW_CMD_READ].twice = true;
	/* Backwards, with gaps. */
	for (at = 0; at < MANY + offset; at += size, nr++)
		list[nr] = base + GUEST_DATA + 0x80000 - nr * 2 * size + (nr ? 0 : offset);
	guest_ccw(&u.guest, CCW_CMD_READ, CCW_FLAG_IDA, MANY,
		  guest_idaws(&u.guest, orb & ORB_C64, list, nr));
	unit_assert_good(&u, orb, GUEST_CCWS);
	for (at = 0; at < nr; at++) {
		block = size - (at ? 0 : offset);
		for (unsigned int i = 0; i < block && done < MANY; i++, done++)
			assert_int_equal(u.guest.ram[list[at] - base + i], (uint8_t)(done + 1));
	}
	assert_int_equal(done, MANY);
	assert_int_equal(u.guest.ram[list[0] - base - 1], 0);
	assert_int_equal(u.guest.ram[list[1] - base + size], 0);
}

static void lists_of_each_format(void **state)
{
	by_list(0, 2048, 0, 0);
	by_list(0, 2048, 100, 0);
	by_list(ORB_C64, 4096, 0, 0);
	by_list(ORB_C64, 4096, 4095, 0);
	by_list(ORB_C64 | ORB_I2K, 2048, 2047, 0);
	/* This is what the long ones are for. */
	by_list(ORB_C64, 4096, 8, GUEST_HIGH);
	/* Without long ones their size means nothing. */
	by_list(ORB_I2K, 2048, 1, 0);
}

/* A read of @count bytes by this list of two ends with a check after @done. */
static void list_is_refused(uint32_t orb, uint64_t first, uint64_t second, uint16_t done)
{
	uint64_t list[] = { first, second };
	struct irb irb;
	uint32_t at;

	guest_reset(&u.guest, true);
	puppet->act[CCW_CMD_READ].store = 5000;
	at = guest_ccw(&u.guest, CCW_CMD_READ, CCW_FLAG_IDA, 5000,
		       guest_idaws(&u.guest, orb & ORB_C64, list, 2));
	unit_run(&u, orb, at, &irb);
	status_is(&irb, STCTL_ALERT, DSTAT_END, SCHN_STAT_PROG_CHECK);
	assert_int_equal(irb.scsw.count, 5000 - done);
}

static void words_of_a_list(void **state)
{
	const uint64_t d = GUEST_DATA;

	/* All but the first have to be at a block. */
	list_is_refused(0, d, d + 0x1000 + 1, 2048);
	list_is_refused(0, d, d + 0x1400, 2048);
	list_is_refused(ORB_C64, d, d + 0x2800, 4096);
	list_is_refused(ORB_C64 | ORB_I2K, d, d + 0x2400, 2048);
	/* 31 bits. */
	list_is_refused(0, UINT32_C(0x80000000) | d, d, 0);
	list_is_refused(0, d, UINT32_C(0x80000000) | d, 2048);
	/* No memory. */
	list_is_refused(ORB_C64, d, UINT64_C(0xfffffffffffff000), 4096);
	list_is_refused(0, d, GUEST_SIZE, 2048);
}

/* A read of 8 bytes by the list at this address. */
static void list_at(uint32_t orb, uint32_t cda, uint8_t cstat)
{
	struct irb irb;
	uint32_t at;

	guest_reset(&u.guest, true);
	at = guest_ccw(&u.guest, CCW_CMD_READ, CCW_FLAG_IDA, 8, cda);
	unit_run(&u, orb, at, &irb);
	status_is(&irb, cstat ? STCTL_ALERT : STCTL_END, DSTAT_END, cstat);
}

static void where_a_list_is(void **state)
{
	cio_put32(u.guest.ram + GUEST_IDAWS + 4, GUEST_DATA);
	list_at(0, GUEST_IDAWS + 4, 0);
	list_at(0, GUEST_IDAWS + 2, SCHN_STAT_PROG_CHECK);
	list_at(ORB_C64, GUEST_IDAWS + 4, SCHN_STAT_PROG_CHECK);
	list_at(0, GUEST_SIZE, SCHN_STAT_PROG_CHECK);
	u.guest.denied = GUEST_IDAWS;
	u.guest.denied_len = 8;
	list_at(0, GUEST_IDAWS + 4, SCHN_STAT_PROT_CHECK);
	u.guest.denied_len = 0;
	u.guest.broken = GUEST_IDAWS;
	u.guest.broken_len = 8;
	list_at(0, GUEST_IDAWS + 4, SCHN_STAT_CHN_CTRL);
}

static void a_list_ends_where_addresses_do(void **state)
{
	struct irb irb;
	uint32_t at;

	/* In format 0 that is at 16 MiB; there is memory behind it, with an address. */
	guest_reset(&u.guest, false);
	u.guest.next_idaw = 0x00fffff8;
	guest_idaws(&u.guest, false, (uint64_t[]) { 0, GUEST_DATA + 2044, GUEST_DATA }, 3);
	at = guest_ccw(&u.guest, CCW_CMD_READ, CCW_FLAG_IDA, 8, 0x00fffffc);
	unit_run(&u, 0, at, &irb);
	status_is(&irb, STCTL_ALERT, DSTAT_END, SCHN_STAT_PROG_CHECK);
	assert_int_equal(irb.scsw.count, 4);
}

static void a_list_in_each_ccw_that_chains_data(void **state)
{
	uint64_t a = GUEST_DATA + 2046, b = GUEST_DATA + 0x8000;
	uint32_t first, second, at;

	first = guest_idaws(&u.guest, false, (uint64_t[]) { a, b }, 2);
	second = guest_idaws(&u.guest, false, (uint64_t[]) { b + 0x1000 + 5 }, 1);
	at = guest_ccw(&u.guest, CCW_CMD_READ, CCW_FLAG_IDA | CCW_FLAG_DC, 4, first);
	guest_ccw(&u.guest, 0, CCW_FLAG_IDA, 4, second);
	unit_assert_good(&u, 0, at);
	assert_int_equal(u.guest.ram[a + 1], 2);
	assert_int_equal(u.guest.ram[b + 1], 4);
	assert_int_equal(u.guest.ram[b + 2], 0);
	assert_int_equal(u.guest.ram[b + 0x1005], 5);
	assert_int_equal(u.guest.ram[b + 0x1008], 8);
}

#define T(name) cmocka_unit_test_setup_teardown(name, plug, unplug)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(lengths_of_data),
		T(lengths_of_commands_without_data),
		T(a_refused_command_has_no_length),
		T(room_for_nothing),
		T(the_device_knows_the_room),
		T(a_write_is_gathered),
		T(a_part_is_skipped),
		T(data_where_there_is_no_memory),
		T(lists_of_each_format),
		T(words_of_a_list),
		T(where_a_list_is),
		T(a_list_ends_where_addresses_do),
		T(a_list_in_each_ccw_that_chains_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
