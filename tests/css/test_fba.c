// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The disk 9336: what it says of itself, what is read and written, and when a write has ended.
 */
#include "../unit/cmocka_umdev.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../unit/slow_fs.h"
#include "fba_programs.h"

#define BLOCKS 9600
#define SIZE   ((size_t)BLOCKS * FBA_BLOCK)

static char dir[] = "/tmp/umdev-fba-XXXXXX";
static char path[80];
static struct slow_fs *slow;
static struct machine m;
static struct unit u;

static void plug_file(const char *file, const char *options)
{
	char spec[200];

	snprintf(spec, sizeof(spec), "0.0.1000:9336,file=%s%s", file, options);
	unit_plug(&u, &m, spec);
}

static int plug(void **state)
{
	char blocks[32];

	snprintf(path, sizeof(path), "%s/disk", dir);
	snprintf(blocks, sizeof(blocks), ",blocks=%d", BLOCKS);
	machine_start(&m);
	plug_file(path, blocks);
	return 0;
}

static int unplug(void **state)
{
	unit_finish(&u);
	machine_stop(&m);
	unlink(path);
	return 0;
}

static int plug_slow(void **state)
{
	slow_fs_reset(slow);
	machine_start(&m);
	plug_file(slow->path, "");
	return 0;
}

static void put_pattern(uint8_t *at, size_t len, unsigned int seed)
{
	size_t i;

	for (i = 0; i < len; i++)
		at[i] = (uint8_t)(i * 7 + i / 512 * 13 + seed);
}

static void check_pattern(const uint8_t *at, size_t len, unsigned int seed)
{
	uint8_t *want = malloc(len);

	put_pattern(want, len, seed);
	if (memcmp(at, want, len))
		fail_msg("%zu bytes are not those of pattern %u", len, seed);
	free(want);
}

static void check_zero(const uint8_t *at, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (at[i])
			fail_msg("byte %zu of %zu is %#x, not 0", i, len, at[i]);
}

/* The file's bytes; freed by the caller. */
static uint8_t *file_bytes(size_t len, uint32_t block)
{
	uint8_t *buf = malloc(len);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_int_equal(pread(fd, buf, len, (off_t)block * FBA_BLOCK), len);
	close(fd);
	return buf;
}

static void check_file(size_t len, uint32_t block, unsigned int seed)
{
	uint8_t *buf = file_bytes(len, block);

	check_pattern(buf, len, seed);
	free(buf);
}

static void write_blocks(uint32_t block, uint16_t count, unsigned int seed)
{
	put_pattern(u.guest.ram + GUEST_DATA, count * FBA_BLOCK, seed);
	unit_assert_good(&u, 0, fba_program(&u.guest, true, block, count, GUEST_DATA));
}

/* ---- what it says of itself ---- */

static void it_says_what_it_is(void **state)
{
	static const uint8_t id[] = { 0xff, 0x63, 0x10, 0x80, 0x93, 0x36, 0x10 };
	struct irb irb;
	uint32_t at;

	at = guest_ccw(&u.guest, CCW_CMD_SENSE_ID, CCW_FLAG_SLI, 40, GUEST_DATA);
	unit_run(&u, 0, at, &irb);
	status_is(&irb, STCTL_END, DSTAT_END, 0);
	assert_int_equal(irb.scsw.count, 33);
	assert_memory_equal(u.guest.ram + GUEST_DATA, id, sizeof(id));
}

static void it_says_how_large_it_is(void **state)
{
	static const uint8_t want[32] = { 0x30, 0x08, 0x21, 0x11, 0x02, 0x00, 0, 0,    0x03,
					  0xc0, 0,    0,    0x03, 0xc0, 0,    0, 0x25, 0x80 };
	uint32_t at = guest_ccw(&u.guest, 0x64, 0, 32, GUEST_DATA);

	unit_assert_good(&u, 0, at);
	assert_memory_equal(u.guest.ram + GUEST_DATA, want, sizeof(want));
}

static void reservations_are_granted(void **state)
{
	static const uint8_t codes[] = { 0xb4, 0x94, 0x14 };
	unsigned int i;

	for (i = 0; i < sizeof(codes); i++) {
		memset(u.guest.ram + GUEST_DATA, 0xff, 24);
		guest_reset(&u.guest, true);
		unit_assert_good(&u, 0, guest_ccw(&u.guest, codes[i], 0, 24, GUEST_DATA));
		check_zero(u.guest.ram + GUEST_DATA, 24);
	}
}

/* ---- blocks ---- */

static void what_linux_writes_it_reads(void **state)
{
	static const uint16_t counts[] = { 1, 8, 96 };
	unsigned int i, fmt1;

	for (fmt1 = 0; fmt1 < 2; fmt1++) {
		for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
			size_t len = counts[i] * FBA_BLOCK;
			unsigned int seed = 2 * i + fmt1;

			u.guest.fmt1 = fmt1;
			write_blocks(100, counts[i], seed);
			check_file(len, 100, seed);
			memset(u.guest.ram + GUEST_DATA, 0xff, len + 1);
			unit_assert_good(&u, 0,
					 fba_program(&u.guest, false, 100, counts[i], GUEST_DATA));
			check_pattern(u.guest.ram + GUEST_DATA, len, seed);
			assert_int_equal(u.guest.ram[GUEST_DATA + len], 0xff);
		}
	}
}

static void the_last_block_is_a_block(void **state)
{
	write_blocks(BLOCKS - 1, 1, 1);
	check_file(FBA_BLOCK, BLOCKS - 1, 1);
	write_blocks(BLOCKS - 96, 96, 2);
	check_file(96 * FBA_BLOCK, BLOCKS - 96, 2);
}

static void transfers_larger_than_the_buffer(void **state)
{
	const uint16_t count = 5000;
	size_t len = (size_t)count * FBA_BLOCK;

	write_blocks(7, count, 3);
	check_file(len, 7, 3);
	memset(u.guest.ram + GUEST_DATA, 0, len);
	unit_assert_good(&u, 0, fba_program(&u.guest, false, 7, count, GUEST_DATA));
	check_pattern(u.guest.ram + GUEST_DATA, len, 3);
}

static void data_is_chained_at_any_place(void **state)
{
	static const uint16_t lens[] = { 1, 510, 2, 600, 1, 933, 1 };
	size_t i, len = 0;
	uint32_t at;

	put_pattern(u.guest.ram + GUEST_DATA, 4 * FBA_BLOCK, 5);
	at = fba_extent(&u.guest, FBA_MASK_WRITE, 0, 0, 3);
	fba_locate(&u.guest, FBA_OP_WRITE, 0, 4);
	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		guest_ccw(&u.guest, FBA_WRITE, i < 6 ? CCW_FLAG_DC : 0, lens[i],
			  GUEST_DATA + (uint32_t)len);
		len += lens[i];
	}
	assert_int_equal(len, 4 * FBA_BLOCK);
	unit_assert_good(&u, 0, at);
	check_file(len, 0, 5);

	memset(u.guest.ram + GUEST_DATA, 0, len);
	guest_reset(&u.guest, true);
	at = fba_extent(&u.guest, FBA_MASK_READ, 0, 0, 3);
	fba_locate(&u.guest, FBA_OP_READ, 0, 4);
	for (len = i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		guest_ccw(&u.guest, FBA_READ, i < 6 ? CCW_FLAG_DC : 0, lens[i],
			  GUEST_DATA + (uint32_t)len);
		len += lens[i];
	}
	unit_assert_good(&u, 0, at);
	check_pattern(u.guest.ram + GUEST_DATA, len, 5);
}

static void one_program_locates_several_times(void **state)
{
	uint32_t at;

	put_pattern(u.guest.ram + GUEST_DATA, 2 * FBA_BLOCK, 1);
	at = fba_extent(&u.guest, FBA_MASK_WRITE, 1000, 0, 99);
	fba_locate(&u.guest, FBA_OP_WRITE, 50, 1);
	guest_ccw(&u.guest, FBA_WRITE, CCW_FLAG_CC, FBA_BLOCK, GUEST_DATA);
	fba_locate(&u.guest, 0x01, 99, 1);
	guest_ccw(&u.guest, FBA_WRITE, CCW_FLAG_CC, FBA_BLOCK, GUEST_DATA);
	fba_locate(&u.guest, FBA_OP_READ, 50, 1);
	guest_ccw(&u.guest, FBA_READ, 0, FBA_BLOCK, GUEST_DATA + 0x10000);
	unit_assert_good(&u, 0, at);
	check_file(FBA_BLOCK, 1050, 1);
	check_file(FBA_BLOCK, 1099, 1);
	check_pattern(u.guest.ram + GUEST_DATA + 0x10000, FBA_BLOCK, 1);
}

static void an_extent_has_numbers_of_its_own(void **state)
{
	uint32_t at;

	write_blocks(20, 4, 6);
	guest_reset(&u.guest, true);
	at = fba_extent(&u.guest, FBA_MASK_READ, 20, UINT32_MAX - 3, UINT32_MAX);
	fba_locate(&u.guest, FBA_OP_READ, UINT32_MAX - 3, 4);
	guest_ccw(&u.guest, FBA_READ, 0, 4 * FBA_BLOCK, GUEST_DATA + 0x10000);
	unit_assert_good(&u, 0, at);
	check_pattern(u.guest.ram + GUEST_DATA + 0x10000, 4 * FBA_BLOCK, 6);
}

static void a_program_that_wants_less_gets_less(void **state)
{
	struct irb irb;
	uint32_t at;
	int sli;

	write_blocks(0, 8, 2);
	for (sli = 0; sli < 2; sli++) {
		memset(u.guest.ram + GUEST_DATA, 0xff, 8 * FBA_BLOCK);
		guest_reset(&u.guest, true);
		at = fba_extent(&u.guest, FBA_MASK_READ, 0, 0, 7);
		fba_locate(&u.guest, FBA_OP_READ, 0, 8);
		guest_ccw(&u.guest, FBA_READ, sli ? CCW_FLAG_SLI : 0, 700, GUEST_DATA);
		unit_run(&u, 0, at, &irb);
		status_is(&irb, sli ? STCTL_END : STCTL_ALERT, DSTAT_END,
			  sli ? 0 : SCHN_STAT_INCORR_LEN);
		assert_int_equal(irb.scsw.count, 0);
		check_pattern(u.guest.ram + GUEST_DATA, 700, 2);
		assert_int_equal(u.guest.ram[GUEST_DATA + 700], 0xff);
		/* The end of a block is no different. */
		guest_reset(&u.guest, true);
		fba_extent(&u.guest, FBA_MASK_READ, 0, 0, 7);
		fba_locate(&u.guest, FBA_OP_READ, 0, 8);
		guest_ccw(&u.guest, FBA_READ, sli ? CCW_FLAG_SLI : 0, 512, GUEST_DATA);
		unit_run(&u, 0, at, &irb);
		status_is(&irb, sli ? STCTL_END : STCTL_ALERT, DSTAT_END,
			  sli ? 0 : SCHN_STAT_INCORR_LEN);
	}
}

static void a_program_that_wants_more_gets_what_it_located(void **state)
{
	struct irb irb;
	uint32_t at;

	write_blocks(0, 8, 2);
	memset(u.guest.ram + GUEST_DATA, 0xff, 8 * FBA_BLOCK);
	guest_reset(&u.guest, true);
	at = fba_extent(&u.guest, FBA_MASK_READ, 0, 0, 7);
	fba_locate(&u.guest, FBA_OP_READ, 0, 2);
	guest_ccw(&u.guest, FBA_READ, 0, 8 * FBA_BLOCK, GUEST_DATA);
	unit_run(&u, 0, at, &irb);
	status_is(&irb, STCTL_ALERT, DSTAT_END, SCHN_STAT_INCORR_LEN);
	assert_int_equal(irb.scsw.count, 6 * FBA_BLOCK);
	check_pattern(u.guest.ram + GUEST_DATA, 2 * FBA_BLOCK, 2);
	assert_int_equal(u.guest.ram[GUEST_DATA + 2 * FBA_BLOCK], 0xff);
}

static void blocks_without_data_become_zeros(void **state)
{
	uint8_t *file;
	uint32_t at;

	write_blocks(0, 16, 9);
	put_pattern(u.guest.ram + GUEST_DATA, 600, 4);
	guest_reset(&u.guest, true);
	at = fba_extent(&u.guest, FBA_MASK_WRITE, 4, 0, 7);
	fba_locate(&u.guest, FBA_OP_WRITE, 0, 8);
	guest_ccw(&u.guest, FBA_WRITE, CCW_FLAG_SLI, 600, GUEST_DATA);
	unit_assert_good(&u, 0, at);
	file = file_bytes(16 * FBA_BLOCK, 0);
	check_pattern(file, 4 * FBA_BLOCK, 9);
	check_pattern(file + 4 * FBA_BLOCK, 600, 4);
	check_zero(file + 4 * FBA_BLOCK + 600, 8 * FBA_BLOCK - 600);
	/* What is behind them is as it was. */
	put_pattern(u.guest.ram + GUEST_DATA, 16 * FBA_BLOCK, 9);
	assert_memory_equal(file + 12 * FBA_BLOCK, u.guest.ram + GUEST_DATA + 12 * FBA_BLOCK,
			    4 * FBA_BLOCK);
	free(file);
}

/* As Linux does: 4 KiB and more that are aligned, without any data. */
static void discarded_blocks_give_their_storage_back(void **state)
{
	struct stat before, after;
	uint8_t *file;
	uint32_t at;

	write_blocks(0, 4096, 9);
	assert_int_equal(stat(path, &before), 0);
	guest_reset(&u.guest, true);
	at = fba_extent(&u.guest, FBA_MASK_WRITE, 8, 0, 4079);
	fba_locate(&u.guest, FBA_OP_WRITE, 0, 4080);
	guest_ccw(&u.guest, FBA_WRITE, CCW_FLAG_SLI, 0, 0);
	unit_assert_good(&u, 0, at);
	assert_int_equal(stat(path, &after), 0);
	assert_true(after.st_blocks < before.st_blocks / 8);
	assert_int_equal(after.st_size, SIZE);
	file = file_bytes(4096 * FBA_BLOCK, 0);
	check_pattern(file, 8 * FBA_BLOCK, 9);
	check_zero(file + 8 * FBA_BLOCK, 4080 * FBA_BLOCK);
	assert_int_not_equal(file[4088 * FBA_BLOCK + 1], 0);
	free(file);
}

static void it_can_be_loaded_from(void **state)
{
	uint32_t at;

	write_blocks(0, 4, 8);
	guest_reset(&u.guest, true);
	at = guest_ccw(&u.guest, CCW_CMD_READ, CCW_FLAG_CC, FBA_BLOCK, GUEST_DATA + 0x10000);
	fba_locate(&u.guest, FBA_OP_READ, 0, 4);
	guest_ccw(&u.guest, FBA_READ, 0, 4 * FBA_BLOCK, GUEST_DATA + 0x20000);
	unit_assert_good(&u, 0, at);
	check_pattern(u.guest.ram + GUEST_DATA + 0x10000, FBA_BLOCK, 8);
	check_pattern(u.guest.ram + GUEST_DATA + 0x20000, 4 * FBA_BLOCK, 8);
}

static void what_is_written_is_there_after_it_was_unplugged(void **state)
{
	write_blocks(33, 5, 7);
	unit_finish(&u);
	plug_file(path, ",ro");
	unit_assert_good(&u, 0, fba_program(&u.guest, false, 33, 5, GUEST_DATA));
	check_pattern(u.guest.ram + GUEST_DATA, 5 * FBA_BLOCK, 7);
}

/* ---- when a write has ended ---- */

static unsigned int interrupts(void)
{
	unsigned int n;

	pthread_mutex_lock(&u.lock);
	n = u.interrupts;
	pthread_mutex_unlock(&u.lock);
	return n;
}

static void a_write_ends_when_it_is_stable(void **state)
{
	char log[512];
	struct irb irb;

	slow_fs_hold(slow, SLOW_FLUSH);
	assert_int_equal(unit_start(&u, 0, fba_program(&u.guest, true, 0, 8, GUEST_DATA)), 0);
	slow_fs_wait(slow, 1);
	/* All is written, nothing is stable, and nothing was said. */
	slow_fs_log(slow, log);
	assert_string_equal(log, "wf");
	assert_int_equal(interrupts(), 0);
	slow_fs_release(slow, 0);
	unit_wait(&u, &irb);
	status_is(&irb, STCTL_END, DSTAT_END, 0);
}

static void each_write_of_a_program_is_stable(void **state)
{
	char log[512];
	uint32_t at;

	at = fba_extent(&u.guest, FBA_MASK_WRITE, 0, 0, 99);
	fba_locate(&u.guest, FBA_OP_WRITE, 50, 1);
	guest_ccw(&u.guest, FBA_WRITE, CCW_FLAG_CC, FBA_BLOCK, GUEST_DATA);
	fba_locate(&u.guest, FBA_OP_WRITE, 60, 1);
	guest_ccw(&u.guest, FBA_WRITE, CCW_FLAG_SLI | CCW_FLAG_CC, 0, GUEST_DATA);
	fba_locate(&u.guest, FBA_OP_READ, 50, 1);
	guest_ccw(&u.guest, FBA_READ, 0, FBA_BLOCK, GUEST_DATA);
	unit_assert_good(&u, 0, at);
	slow_fs_log(slow, log);
	assert_string_equal(log, "wfwfr");
}

static void unsafe_does_not_wait(void **state)
{
	char log[512];

	unit_finish(&u);
	plug_file(slow->path, ",unsafe");
	unit_assert_good(&u, 0, fba_program(&u.guest, true, 0, 8, GUEST_DATA));
	slow_fs_log(slow, log);
	assert_string_equal(log, "w");
}

/* ---- storage that fails or hangs ---- */

/* What the sense says of a program that ends with a unit check. */
static void unit_check(const struct irb *irb, uint8_t byte0, uint8_t byte1)
{
	status_is(irb, STCTL_ALERT, DSTAT_END | DEV_STAT_UNIT_CHECK, 0);
	assert_int_equal(irb->ecw[0], byte0);
	assert_int_equal(irb->ecw[1], byte1);
	assert_int_equal(irb->ecw[7], 0);
}

static void failures_of_storage_are_unit_checks(void **state)
{
	static const int errs[] = { EIO, ENOSPC, EDQUOT };
	struct irb irb;
	unsigned int i;
	int op;

	for (i = 0; i < sizeof(errs) / sizeof(errs[0]); i++) {
		for (op = 0; op < SLOW_OPS; op++) {
			slow_fs_fail(slow, op, errs[i]);
			unit_run(&u, 0, fba_program(&u.guest, op, 0, 8, GUEST_DATA), &irb);
			unit_check(&irb, op ? SENSE_EQUIPMENT_CHECK : SENSE_DATA_CHECK, 0x80);
			slow_fs_fail(slow, op, 0);
			unit_assert_good(&u, 0, fba_program(&u.guest, op, 0, 8, GUEST_DATA));
		}
	}
}

static void a_halt_or_clear_does_not_wait_for_storage(void **state)
{
	struct io_uring ring;
	struct irb irb;
	int op, clear;

	/* Where the system has no rings it does. */
	if (io_uring_queue_init(1, &ring, 0))
		skip();
	io_uring_queue_exit(&ring);
	for (op = 0; op < SLOW_OPS; op++) {
		for (clear = 0; clear < 2; clear++) {
			bool write = op != SLOW_READ;

			slow_fs_hold(slow, op);
			put_pattern(u.guest.ram + GUEST_DATA, 8 * FBA_BLOCK, 1);
			assert_int_equal(
				unit_start(&u, 0, fba_program(&u.guest, write, 0, 8, GUEST_DATA)),
				0);
			slow_fs_wait(slow, 1);
			assert_int_equal(clear ? hw_csch(u.hw) : hw_hsch(u.hw), 0);
			unit_wait(&u, &irb);
			assert_int_equal(irb.scsw.ctrl & SCSW_FCTL,
					 clear ? SCSW_FCTL_CLEAR
					       : SCSW_FCTL_START | SCSW_FCTL_HALT);
			/* The next one has other data in the same buffer, and comes after it. */
			put_pattern(u.guest.ram + GUEST_DATA, 8 * FBA_BLOCK, 2);
			assert_int_equal(
				unit_start(&u, 0, fba_program(&u.guest, true, 100, 8, GUEST_DATA)),
				0);
			slow_fs_release(slow, 0);
			unit_wait(&u, &irb);
			status_is(&irb, STCTL_END, DSTAT_END, 0);
			check_pattern(slow->data + 100 * FBA_BLOCK, 8 * FBA_BLOCK, 2);
			if (write)
				check_pattern(slow->data, 8 * FBA_BLOCK, 1);
		}
	}
}

int main(void)
{
#define on_file(test) cmocka_unit_test_setup_teardown(test, plug, unplug)
#define on_slow(test) cmocka_unit_test_setup_teardown(test, plug_slow, unplug)
	const struct CMUnitTest tests[] = {
		on_file(it_says_what_it_is),
		on_file(it_says_how_large_it_is),
		on_file(reservations_are_granted),
		on_file(what_linux_writes_it_reads),
		on_file(the_last_block_is_a_block),
		on_file(transfers_larger_than_the_buffer),
		on_file(data_is_chained_at_any_place),
		on_file(one_program_locates_several_times),
		on_file(an_extent_has_numbers_of_its_own),
		on_file(a_program_that_wants_less_gets_less),
		on_file(a_program_that_wants_more_gets_what_it_located),
		on_file(blocks_without_data_become_zeros),
		on_file(discarded_blocks_give_their_storage_back),
		on_file(it_can_be_loaded_from),
		on_file(what_is_written_is_there_after_it_was_unplugged),
		on_slow(a_write_ends_when_it_is_stable),
		on_slow(each_write_of_a_program_is_stable),
		on_slow(unsafe_does_not_wait),
		on_slow(failures_of_storage_are_unit_checks),
		on_slow(a_halt_or_clear_does_not_wait_for_storage),
	};
	int failed;

	if (!mkdtemp(dir))
		return 1;
	slow = slow_fs_start(SIZE, 0);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	slow_fs_stop(slow);
	rmdir(dir);
	return failed;
}
