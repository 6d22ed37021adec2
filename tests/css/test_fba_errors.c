// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What a 9336 refuses, and the sense that says so; and how one can't be made.
 */
#include "../unit/cmocka_umdev.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fba_programs.h"

#define BLOCKS	  1000
#define PROTECTED 0x04
#define INHIBITED 0x02

static char dir[] = "/tmp/umdev-fba-XXXXXX";
static char path[80];
static struct machine m;
static struct unit u;

static int plug_with(const char *options)
{
	char spec[200];

	snprintf(path, sizeof(path), "%s/disk", dir);
	snprintf(spec, sizeof(spec), "0.0.1000:9336,file=%s%s", path, options);
	machine_start(&m);
	unit_plug(&u, &m, spec);
	return 0;
}

static int plug(void **state)
{
	return plug_with(",size=512000");
}

static int plug_read_only(void **state)
{
	int fd;

	snprintf(path, sizeof(path), "%s/disk", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (ftruncate(fd, BLOCKS * FBA_BLOCK))
		return 1;
	close(fd);
	return plug_with(",ro");
}

static int unplug(void **state)
{
	unit_finish(&u);
	machine_stop(&m);
	unlink(path);
	return 0;
}

static int bare(void **state)
{
	snprintf(path, sizeof(path), "%s/disk", dir);
	machine_start(&m);
	return 0;
}

static int no_more(void **state)
{
	machine_stop(&m);
	unlink(path);
	return 0;
}

/* The program at @at is refused by its last command. */
static void refused(uint32_t at, uint8_t byte1, uint8_t byte7)
{
	uint32_t last = u.guest.next_ccw - CCW_SIZE;
	struct irb irb;

	unit_run(&u, 0, at, &irb);
	status_is(&irb, STCTL_ALERT, DSTAT_END | DEV_STAT_UNIT_CHECK, irb.scsw.cstat);
	assert_int_equal(irb.scsw.cpa, last + CCW_SIZE);
	assert_true(irb.esw[1] & ERW_CONS);
	assert_int_equal(irb.ecw[0], SENSE_COMMAND_REJECT);
	assert_int_equal(irb.ecw[1], byte1);
	assert_int_equal(irb.ecw[7], byte7);
	guest_reset(&u.guest, true);
}

static void unknown_commands_are_rejected(void **state)
{
	static const uint8_t known[] = { 0x02, 0x03, 0x04, 0x14, 0x41, 0x42, 0x43,
					 0x63, 0x64, 0x94, 0xa4, 0xb4, 0xe4 };
	unsigned int code;

	for (code = 1; code < 256; code++) {
		if (memchr(known, (int)code, sizeof(known)) || (code & 0x0f) == 0x08 ||
		    !(code & 0x0f))
			continue;
		refused(guest_ccw(&u.guest, (uint8_t)code, CCW_FLAG_SLI, 1, GUEST_DATA), 0, 1);
	}
}

static void transfers_need_their_locate(void **state)
{
	static const uint8_t transfers[] = { FBA_READ, FBA_WRITE };
	unsigned int i;
	uint32_t at;

	for (i = 0; i < 2; i++) {
		uint8_t code = transfers[i];
		uint8_t other = i ? FBA_OP_READ : FBA_OP_WRITE;
		uint8_t same = i ? FBA_OP_WRITE : FBA_OP_READ;

		/* none; none behind the extent; one for the other direction; */
		refused(guest_ccw(&u.guest, code, 0, FBA_BLOCK, GUEST_DATA), 0, 2);
		at = fba_extent(&u.guest, FBA_MASK_WRITE, 0, 0, 9);
		guest_ccw(&u.guest, code, 0, FBA_BLOCK, GUEST_DATA);
		refused(at, 0, 2);
		at = fba_extent(&u.guest, FBA_MASK_WRITE, 0, 0, 9);
		fba_locate(&u.guest, other, 0, 1);
		guest_ccw(&u.guest, code, 0, FBA_BLOCK, GUEST_DATA);
		refused(at, 0, 2);
		/* one that is used up; one with something in between; one of the last program */
		at = fba_extent(&u.guest, FBA_MASK_WRITE, 0, 0, 9);
		fba_locate(&u.guest, same, 0, 1);
		guest_ccw(&u.guest, code, CCW_FLAG_CC, FBA_BLOCK, GUEST_DATA);
		guest_ccw(&u.guest, code, 0, FBA_BLOCK, GUEST_DATA);
		refused(at, 0, 2);
		at = fba_extent(&u.guest, FBA_MASK_WRITE, 0, 0, 9);
		fba_locate(&u.guest, same, 0, 1);
		guest_ccw(&u.guest, 0x64, CCW_FLAG_CC, 32, GUEST_DATA);
		guest_ccw(&u.guest, code, 0, FBA_BLOCK, GUEST_DATA);
		refused(at, 0, 2);
		at = fba_extent(&u.guest, FBA_MASK_WRITE, 0, 0, 9);
		fba_locate(&u.guest, same, 0, 1);
		guest_ccw(&u.guest, CCW_CMD_NOOP, CCW_FLAG_SLI, 1, 0);
		unit_assert_good(&u, 0, at);
		guest_reset(&u.guest, true);
		refused(guest_ccw(&u.guest, code, 0, FBA_BLOCK, GUEST_DATA), 0, 2);
	}
}

static void locate_needs_its_extent(void **state)
{
	uint32_t at;

	at = fba_locate(&u.guest, FBA_OP_READ, 0, 1);
	refused(at, 0, 2);
	/* An extent ends with its program. */
	at = fba_extent(&u.guest, FBA_MASK_WRITE, 0, 0, 9);
	guest_ccw(&u.guest, CCW_CMD_NOOP, CCW_FLAG_SLI, 1, 0);
	unit_assert_good(&u, 0, at);
	guest_reset(&u.guest, true);
	refused(fba_locate(&u.guest, FBA_OP_READ, 0, 1), 0, 2);
}

static void what_may_be_said_once_is_not_said_twice(void **state)
{
	static const uint8_t reserve[] = { 0x14, 0x94, 0xb4 };
	unsigned int i;
	uint32_t at;

	at = fba_extent(&u.guest, FBA_MASK_WRITE, 0, 0, 9);
	fba_extent(&u.guest, FBA_MASK_WRITE, 0, 0, 9);
	refused(at, 0, 2);
	at = guest_ccw(&u.guest, 0x64, CCW_FLAG_CC, 32, GUEST_DATA);
	guest_ccw(&u.guest, 0x14, 0, 24, GUEST_DATA);
	refused(at, 0, 2);
	at = guest_ccw(&u.guest, 0x64, CCW_FLAG_CC, 32, GUEST_DATA);
	guest_ccw(&u.guest, CCW_CMD_READ, 0, FBA_BLOCK, GUEST_DATA);
	refused(at, 0, 2);
	for (i = 0; i < sizeof(reserve); i++) {
		at = fba_extent(&u.guest, FBA_MASK_WRITE, 0, 0, 9);
		guest_ccw(&u.guest, reserve[i], 0, 24, GUEST_DATA);
		refused(at, 0, 2);
	}
}

static void short_parameters_are_refused(void **state)
{
	uint16_t n;

	for (n = 1; n < 16; n++)
		refused(guest_ccw(&u.guest, FBA_DEFINE_EXTENT, CCW_FLAG_SLI, n, FBA_PARAMS), 0, 3);
	for (n = 1; n < 8; n++) {
		uint32_t at = fba_extent(&u.guest, FBA_MASK_WRITE, 0, 0, 9);

		guest_ccw(&u.guest, FBA_LOCATE, CCW_FLAG_SLI, n, FBA_PARAMS);
		refused(at, 0, 3);
	}
}

static void extents_have_only_what_is_defined(void **state)
{
	unsigned int mask;
	uint32_t at;
	uint8_t *p;

	for (mask = 0; mask < 256; mask++) {
		bool good = !(mask & 0x3b) && (mask & 0xc0) != 0x80;

		at = fba_extent(&u.guest, (uint8_t)mask, 0, 0, 9);
		if (!good) {
			refused(at, 0, 4);
			continue;
		}
		guest_ccw(&u.guest, CCW_CMD_NOOP, CCW_FLAG_SLI, 1, 0);
		unit_assert_good(&u, 0, at);
		guest_reset(&u.guest, true);
	}
	at = fba_extent(&u.guest, 0, 0, 0, 9);
	u.guest.ram[fba_params(at) + 1] = 1;
	refused(at, 0, 4);
	at = fba_extent(&u.guest, 0, 0, 0, 9);
	p = u.guest.ram + fba_params(at);
	cio_put16(p + 2, 4096);
	refused(at, 0, 4);
	/* VM doesn't say how long its blocks are. */
	at = fba_extent(&u.guest, 0, 0, 0, 9);
	cio_put16(p + 2, 0);
	guest_ccw(&u.guest, CCW_CMD_NOOP, CCW_FLAG_SLI, 1, 0);
	unit_assert_good(&u, 0, at);
}

static void extents_are_on_the_disk(void **state)
{
	static const struct {
		uint32_t physical, first, last;
		uint8_t byte1;
	} wrong[] = {
		{ BLOCKS, 0, 0, PROTECTED },
		{ UINT32_MAX, 0, 0, PROTECTED },
		{ 0, 0, BLOCKS, PROTECTED },
		{ 0, 1, BLOCKS + 1, PROTECTED },
		{ BLOCKS - 1, 0, 1, PROTECTED },
		{ 1, 0, UINT32_MAX, PROTECTED },
		{ 0, 0, UINT32_MAX, PROTECTED },
		{ BLOCKS - 1, 1, UINT32_MAX, PROTECTED },
		{ UINT32_MAX, 0, UINT32_MAX, PROTECTED },
		{ 0, 5, 4, 0 },
		{ 0, UINT32_MAX, 0, 0 },
	};
	unsigned int i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		refused(fba_extent(&u.guest, 0, wrong[i].physical, wrong[i].first, wrong[i].last),
			wrong[i].byte1, 4);
}

static void locates_are_in_their_extent(void **state)
{
	/* In an extent of the blocks 100 to 199. */
	static const struct {
		uint32_t block;
		uint16_t count;
		uint8_t byte1;
	} wrong[] = {
		{ 99, 1, PROTECTED },
		{ 0, 1, PROTECTED },
		{ 200, 1, PROTECTED },
		{ 199, 2, PROTECTED },
		{ 100, 101, PROTECTED },
		{ 100, 65535, PROTECTED },
		{ UINT32_MAX, 1, PROTECTED },
		{ UINT32_MAX, 65535, PROTECTED },
		{ UINT32_MAX - 65534, 65535, PROTECTED },
		{ 100, 0, 0 },
		{ 99, 0, 0 },
	};
	static const uint8_t ops[] = { FBA_OP_READ, FBA_OP_WRITE };
	unsigned int i, op;
	uint32_t at;

	for (op = 0; op < 2; op++) {
		for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
			at = fba_extent(&u.guest, 0, 0, 100, 199);
			fba_locate(&u.guest, ops[op], wrong[i].block, wrong[i].count);
			refused(at, wrong[i].byte1, 4);
		}
	}
	/* The same at the end of numbers. */
	at = fba_extent(&u.guest, 0, 0, UINT32_MAX - 9, UINT32_MAX);
	fba_locate(&u.guest, FBA_OP_READ, UINT32_MAX, 2);
	refused(at, PROTECTED, 4);
}

static void operations_that_are_not_there_are_refused(void **state)
{
	unsigned int op;
	uint32_t at;

	for (op = 0; op < 256; op++) {
		bool good = (op & 0xef) == 1 || (op & 0xef) == 5 || (op & 0xef) == 6;

		at = fba_extent(&u.guest, 0, 0, 0, 9);
		fba_locate(&u.guest, (uint8_t)op, 0, 1);
		if (!good) {
			refused(at, 0, 4);
			continue;
		}
		guest_ccw(&u.guest, CCW_CMD_NOOP, CCW_FLAG_SLI, 1, 0);
		unit_assert_good(&u, 0, at);
		guest_reset(&u.guest, true);
	}
}

static void an_extent_can_inhibit_writes(void **state)
{
	uint32_t at = fba_extent(&u.guest, FBA_MASK_READ, 0, 0, 9);

	fba_locate(&u.guest, FBA_OP_WRITE, 0, 1);
	refused(at, PROTECTED, 4);
	at = fba_extent(&u.guest, FBA_MASK_READ, 0, 0, 9);
	fba_locate(&u.guest, FBA_OP_READ, 0, 1);
	guest_ccw(&u.guest, FBA_READ, 0, FBA_BLOCK, GUEST_DATA);
	unit_assert_good(&u, 0, at);
}

static void a_read_only_disk_is_not_written(void **state)
{
	uint32_t at = fba_extent(&u.guest, 0, 0, 0, 9);

	fba_locate(&u.guest, FBA_OP_WRITE, 0, 1);
	refused(at, INHIBITED, 0);
	unit_assert_good(&u, 0, fba_program(&u.guest, false, 0, 8, GUEST_DATA));
}

/* ---- memory of the guest's that is not there ---- */

static void memory_that_is_not_there_writes_nothing(void **state)
{
	struct stat st;
	struct irb irb;
	uint32_t at;

	u.guest.denied = GUEST_DATA + 3 * FBA_BLOCK;
	u.guest.denied_len = 1;
	memset(u.guest.ram + GUEST_DATA, 0xff, 8 * FBA_BLOCK);
	at = fba_program(&u.guest, true, 0, 8, GUEST_DATA);
	unit_run(&u, 0, at, &irb);
	status_is(&irb, irb.scsw.ctrl & SCSW_STCTL, irb.scsw.dstat, SCHN_STAT_PROT_CHECK);
	assert_int_equal(irb.scsw.dstat & DEV_STAT_UNIT_CHECK, 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_blocks, 0);
	/* Nor is anything left of it. */
	u.guest.denied_len = 0;
	unit_assert_good(&u, 0, fba_program(&u.guest, true, 0, 8, GUEST_DATA));
	u.guest.denied_len = 1;
	unit_run(&u, 0, fba_program(&u.guest, false, 0, 8, GUEST_DATA), &irb);
	status_is(&irb, irb.scsw.ctrl & SCSW_STCTL, irb.scsw.dstat, SCHN_STAT_PROT_CHECK);
}

/* ---- making one ---- */

static void cannot_be_made(int err, const char *options, const char *words)
{
	struct hw_error error = { "" };
	char spec[200];
	struct stat st;
	bool was_there = !stat(path, &st);

	snprintf(spec, sizeof(spec), "0.0.1000:9336%s", options);
	assert_int_equal(hw_plug(spec, &error), err);
	if (!strstr(error.text, words))
		fail_msg("\"%s\" does not say \"%s\"", error.text, words);
	assert_int_equal(!stat(path, &st), was_there);
}

static void with_file(int err, const char *options, const char *words)
{
	char all[150];

	snprintf(all, sizeof(all), ",file=%s%s", path, options);
	cannot_be_made(err, all, words);
}

static void wrong_options_are_refused(void **state)
{
	int fd;

	cannot_be_made(-EINVAL, "", "expected file=");
	cannot_be_made(-EINVAL, ",file=", "expected file=");
	cannot_be_made(-EINVAL, ",blocks=10", "expected file=");
	with_file(-ENOENT, "", "No such file");
	with_file(-EINVAL, ",size=512000,what", "what: no option of 9336");
	with_file(-EINVAL, ",blocks=0", "blocks");
	with_file(-EINVAL, ",blocks=4294967296", "blocks");
	with_file(-EINVAL, ",size=511", "size");
	with_file(-EINVAL, ",size=513", "expected a multiple of 512");
	with_file(-EINVAL, ",size=2199023255552", "size");
	with_file(-EINVAL, ",size=1024,blocks=3", "expected one of them");
	with_file(-EINVAL, ",blocks=10,ro=2", "ro");
	with_file(-EINVAL, ",blocks=10,unsafe=x", "unsafe");
	with_file(-ENOENT, ",blocks=10,ro", "No such file");
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(ftruncate(fd, 1000), 0);
	with_file(-EINVAL, "", "has 1000 bytes: expected blocks of 512");
	with_file(-EINVAL, ",blocks=2", "has 1000 bytes, not 1024");
	assert_int_equal(ftruncate(fd, INT64_C(1) << 41), 0);
	with_file(-EINVAL, "", "expected blocks of 512, up to 4294967295");
	close(fd);
}

static void the_largest_disk_works_to_its_end(void **state)
{
	char spec[200];

	snprintf(spec, sizeof(spec), "0.0.1000:9336,file=%s,blocks=4294967295", path);
	unit_plug(&u, &m, spec);
	memset(u.guest.ram + GUEST_DATA, 0xab, FBA_BLOCK);
	unit_assert_good(&u, 0, fba_program(&u.guest, true, UINT32_MAX - 1, 1, GUEST_DATA));
	unit_assert_good(&u, 0, fba_program(&u.guest, false, UINT32_MAX - 1, 1, GUEST_DATA + 4096));
	assert_int_equal(u.guest.ram[GUEST_DATA + 4096 + 511], 0xab);
	refused(fba_extent(&u.guest, 0, UINT32_MAX, 0, 0), PROTECTED, 4);
	unit_finish(&u);
}

static void an_image_is_one_disk(void **state)
{
	struct hw_error error = { "" };
	char spec[200];

	snprintf(spec, sizeof(spec), "0.0.1001:9336,file=%s", path);
	assert_int_equal(hw_plug(spec, &error), -EBUSY);
	assert_non_null(strstr(error.text, path));
	assert_non_null(strstr(error.text, "in use by another device here"));
}

int main(void)
{
#define on_disk(test) cmocka_unit_test_setup_teardown(test, plug, unplug)
#define without(test) cmocka_unit_test_setup_teardown(test, bare, no_more)
	const struct CMUnitTest tests[] = {
		on_disk(unknown_commands_are_rejected),
		on_disk(transfers_need_their_locate),
		on_disk(locate_needs_its_extent),
		on_disk(what_may_be_said_once_is_not_said_twice),
		on_disk(short_parameters_are_refused),
		on_disk(extents_have_only_what_is_defined),
		on_disk(extents_are_on_the_disk),
		on_disk(locates_are_in_their_extent),
		on_disk(operations_that_are_not_there_are_refused),
		on_disk(an_extent_can_inhibit_writes),
		cmocka_unit_test_setup_teardown(a_read_only_disk_is_not_written, plug_read_only,
						unplug),
		on_disk(memory_that_is_not_there_writes_nothing),
		without(wrong_options_are_refused),
		without(the_largest_disk_works_to_its_end),
		on_disk(an_image_is_one_disk),
	};
	int failed;

	if (!mkdtemp(dir))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(dir);
	return failed;
}
