/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The copy of a guest's channel program: what is read of it, how often, and what is refused. */
#include <errno.h>
#include <umdev/log.h>

#include "../../drivers/vfio_ccw/cp.h"
#include "cmocka_umdev.h"

#define MEMORY	  (256u * 1024)
#define PAGE	  4096u
#define CPA	  0x2000u
#define FAR_PIECE 0x8000u

#define FMT1 (ORB_FMT | ORB_PFCH)
#define CC   CCW_FLAG_CC
#define DC   CCW_FLAG_DC
#define IDA  CCW_FLAG_IDA
#define SLI  CCW_FLAG_SLI
#define SKIP CCW_FLAG_SKIP

/* ---- the guest's memory, and the device that reads it ---- */

static struct guest {
	uint8_t bytes[MEMORY];
	uint8_t reads[MEMORY];	     /* of each byte */
	bool missing[MEMORY / PAGE]; /* not mapped */
	bool changes;		     /* when it has been read */
	unsigned int warnings;
	unsigned int ends;
} guest;

static struct vfio_device vdev;

int vfio_dma_rw(struct vfio_device *dev, uint64_t iova, void *data, size_t len, bool write)
{
	uint8_t *bytes = data;
	uint64_t at;

	assert_ptr_equal(dev, &vdev);
	for (at = iova; at < iova + len; at++) {
		if (at >= MEMORY || guest.missing[at / PAGE])
			return -EFAULT;
		if (write) {
			guest.bytes[at] = bytes[at - iova];
			continue;
		}
		bytes[at - iova] = guest.bytes[at];
		guest.reads[at]++;
		if (guest.changes)
			guest.bytes[at] ^= 0xff;
	}
	return 0;
}

void dev_printk(enum log_level level, const struct device *dev, const char *fmt, ...)
{
	(void)dev;
	(void)fmt;
	assert_int_equal(level, LOG_LEVEL_WARN);
	guest.warnings++;
}

static void has_ended(struct vfio_device *dev)
{
	assert_ptr_equal(dev, &vdev);
	guest.ends++;
}

static int new_program(void **state)
{
	memset(&guest, 0, sizeof(guest));
	*state = cp_create(&vdev, has_ended);
	return !*state;
}

static int old_program(void **state)
{
	cp_destroy(*state);
	return 0;
}

/* ---- programs ---- */

static void put1(uint32_t addr, uint8_t cmd, uint8_t flags, uint16_t count, uint32_t cda)
{
	uint8_t *b = guest.bytes + addr;

	b[0] = cmd;
	b[1] = flags;
	cio_put16(b + 2, count);
	cio_put32(b + 4, cda);
}

static void put0(uint32_t addr, uint8_t cmd, uint8_t flags, uint16_t count, uint32_t cda)
{
	uint8_t *b = guest.bytes + addr;

	cio_put32(b, cda);
	b[0] = cmd;
	b[4] = flags;
	b[5] = 0xff; /* nobody's */
	cio_put16(b + 6, count);
}

/* @nr CCWs in a row, all but the last one with @flags. */
static void put_row(uint32_t addr, unsigned int nr, uint8_t flags)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		put1(addr + i * CCW_SIZE, CCW_CMD_READ, i + 1 < nr ? flags : 0, 1, 0x1000);
}

static int init(struct channel_program *cp, uint32_t word1, uint32_t cpa)
{
	struct orb orb = { .intparm = 0x12345678, .word1 = word1, .cpa = cpa };

	return cp_init(cp, &orb);
}

static int fetch(struct channel_program *cp, uint32_t addr, struct ccw1 *ccw)
{
	struct channel_memory *mem = cp_memory(cp);

	return mem->ops->fetch_ccw(mem, addr, ORB_FMT & cp_get_orb(cp, 0)->word1, ccw);
}

static int fetch_idaw(struct channel_program *cp, uint64_t addr, uint64_t *idaw)
{
	struct channel_memory *mem = cp_memory(cp);

	return mem->ops->fetch_idaw(mem, addr, ORB_C64 & cp_get_orb(cp, 0)->word1, idaw);
}

static void has_ccw(struct channel_program *cp, uint32_t addr, struct ccw1 want)
{
	struct ccw1 ccw;

	assert_int_equal(fetch(cp, addr, &ccw), 0);
	assert_int_equal(ccw.cmd_code, want.cmd_code);
	assert_int_equal(ccw.flags, want.flags);
	assert_int_equal(ccw.count, want.count);
	assert_int_equal(ccw.cda, want.cda);
}

static void has_no_ccw(struct channel_program *cp, uint32_t addr)
{
	struct ccw1 ccw;

	assert_int_equal(fetch(cp, addr, &ccw), -EFAULT);
}

static unsigned int most_reads(void)
{
	unsigned int i, most = 0;

	for (i = 0; i < MEMORY; i++) {
		if (guest.reads[i] > most)
			most = guest.reads[i];
	}
	return most;
}

/* ---- pieces ---- */

static void a_row_ends_where_it_does_not_chain(void **state)
{
	put1(CPA, 0x63, CC, 16, 0x1000);
	put1(CPA + 8, 0x42, DC, 512, 0x3000);
	put1(CPA + 16, 0x42, SLI, 512, 0x3200);
	put1(CPA + 24, 0x42, 0, 512, 0x3400);
	assert_int_equal(init(*state, FMT1, CPA), 0);
	assert_true(cp_is_initialized(*state));
	has_ccw(*state, CPA, (struct ccw1) { 0x63, CC, 16, 0x1000 });
	has_ccw(*state, CPA + 8, (struct ccw1) { 0x42, DC, 512, 0x3000 });
	has_ccw(*state, CPA + 16, (struct ccw1) { 0x42, SLI, 512, 0x3200 });
	has_no_ccw(*state, CPA + 24);
	has_no_ccw(*state, CPA - 8);
	has_no_ccw(*state, CPA + 4);
}

static void format_0_is_decoded(void **state)
{
	put0(CPA, 0x63, CC, 0x1234, 0xabcdef);
	put0(CPA + 8, 0xf8, 0xff, 0xffff, CPA + 32); /* a TIC, whose other bits are nothing's */
	put0(CPA + 32, 0x03, SLI, 1, 0);
	assert_int_equal(init(*state, ORB_PFCH, CPA), 0);
	has_ccw(*state, CPA, (struct ccw1) { 0x63, CC, 0x1234, 0xabcdef });
	has_ccw(*state, CPA + 8, (struct ccw1) { CCW_CMD_TIC, 0, 0, CPA + 32 });
	has_ccw(*state, CPA + 32, (struct ccw1) { 0x03, SLI, 1, 0 });
	has_no_ccw(*state, CPA + 16);
}

static void code_18_is_no_tic_in_format_1(void **state)
{
	put1(CPA, 0x18, 0, 1, 0xfffffff8);
	assert_int_equal(init(*state, FMT1, CPA), 0);
	has_no_ccw(*state, CPA + 8);
}

static void a_tic_of_format_1_that_chains_does_not_end_its_row(void **state)
{
	put1(CPA, CCW_CMD_TIC, CC, 0, FAR_PIECE);
	put1(CPA + 8, 0x03, 0, 1, 0);
	put1(FAR_PIECE, 0x03, 0, 1, 0);
	assert_int_equal(init(*state, FMT1, CPA), 0);
	has_ccw(*state, CPA + 8, (struct ccw1) { 0x03, 0, 1, 0 });
	has_ccw(*state, FAR_PIECE, (struct ccw1) { 0x03, 0, 1, 0 });
}

static void a_row_has_256_ccws(void **state)
{
	put_row(CPA, CCWCHAIN_LEN_MAX, CC);
	assert_int_equal(init(*state, FMT1, CPA), 0);
	has_ccw(*state, CPA + 255 * 8, (struct ccw1) { CCW_CMD_READ, 0, 1, 0x1000 });
	has_no_ccw(*state, CPA + 256 * 8);
}

static void a_row_of_257_ccws_is_refused(void **state)
{
	put_row(CPA, CCWCHAIN_LEN_MAX + 1, DC);
	assert_int_equal(init(*state, FMT1, CPA), -EINVAL);
	assert_false(cp_is_initialized(*state));
	has_no_ccw(*state, CPA);
}

static void a_tic_back_into_its_row_does_not_end_it(void **state)
{
	put1(CPA, 0x31, CC, 5, 0x1000); /* a search ... */
	put1(CPA + 8, CCW_CMD_TIC, 0, 0, CPA);
	put1(CPA + 16, 0x06, 0, 4096, 0x3000); /* ... whose status modifier leads here */
	assert_int_equal(init(*state, FMT1, CPA), 0);
	has_ccw(*state, CPA + 16, (struct ccw1) { 0x06, 0, 4096, 0x3000 });
}

static void a_tic_to_itself_does_not_end_its_row(void **state)
{
	put1(CPA, CCW_CMD_TIC, 0, 0, CPA);
	put1(CPA + 8, 0x03, 0, 1, 0);
	assert_int_equal(init(*state, FMT1, CPA), 0);
	has_ccw(*state, CPA + 8, (struct ccw1) { 0x03, 0, 1, 0 });
}

static void a_tic_forward_in_its_row_begins_another(void **state)
{
	put1(CPA, CCW_CMD_TIC, 0, 0, CPA + 16);
	put1(CPA + 8, 0xff, 0, 1, 0);
	put1(CPA + 16, 0x03, 0, 1, 0);
	assert_int_equal(init(*state, FMT1, CPA), 0);
	has_no_ccw(*state, CPA + 8);
	has_ccw(*state, CPA + 16, (struct ccw1) { 0x03, 0, 1, 0 });
}

static void tics_lead_to_pieces_and_back(void **state)
{
	put1(CPA, 0x03, CC, 1, 0);
	put1(CPA + 8, CCW_CMD_TIC, 0, 0, FAR_PIECE);
	put1(FAR_PIECE, 0x03, CC, 2, 0);
	put1(FAR_PIECE + 8, CCW_CMD_TIC, 0, 0, CPA);
	assert_int_equal(init(*state, FMT1, CPA), 0);
	has_ccw(*state, CPA, (struct ccw1) { 0x03, CC, 1, 0 });
	has_ccw(*state, FAR_PIECE, (struct ccw1) { 0x03, CC, 2, 0 });
	has_no_ccw(*state, FAR_PIECE + 16);
}

/* @nr rows, each of which ends with a TIC to the next one. */
static void put_pieces(unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		put1(CPA + i * 0x100, 0x03, CC, 1, i);
		put1(CPA + i * 0x100 + 8, CCW_CMD_TIC, 0, 0, CPA + (i + 1) * 0x100);
	}
	put1(CPA + (nr - 1) * 0x100, 0x03, 0, 1, nr - 1);
}

static void there_are_16_pieces(void **state)
{
	put_pieces(CCWCHAIN_COUNT_MAX);
	assert_int_equal(init(*state, FMT1, CPA), 0);
	has_ccw(*state, CPA + 15 * 0x100, (struct ccw1) { 0x03, 0, 1, 15 });
}

static void a_program_of_17_pieces_is_refused(void **state)
{
	put_pieces(CCWCHAIN_COUNT_MAX + 1);
	assert_int_equal(init(*state, FMT1, CPA), -EINVAL);
}

static void several_tics_of_one_row_count(void **state)
{
	unsigned int i;

	for (i = 0; i < CCWCHAIN_COUNT_MAX; i++) {
		put1(CPA + i * 8, CCW_CMD_TIC, CC, 0, FAR_PIECE + i * 0x100);
		put1(FAR_PIECE + i * 0x100, 0x03, 0, 1, 0);
	}
	assert_int_equal(init(*state, FMT1, CPA), -EINVAL);
	put1(CPA + 14 * 8, CCW_CMD_TIC, 0, 0, FAR_PIECE + 14 * 0x100);
	assert_int_equal(init(*state, FMT1, CPA), 0);
	has_ccw(*state, FAR_PIECE + 14 * 0x100, (struct ccw1) { 0x03, 0, 1, 0 });
}

static void a_tic_to_where_nothing_is_is_refused(void **state)
{
	put1(CPA, CCW_CMD_TIC, 0, 0, 0x7ffffff8);
	assert_int_equal(init(*state, FMT1, CPA), -EFAULT);
	put1(CPA, CCW_CMD_TIC, 0, 0, 0xfffffff8);
	assert_int_equal(init(*state, FMT1, CPA), -EFAULT);
	assert_false(cp_is_initialized(*state));
}

static void a_program_where_nothing_is_is_refused(void **state)
{
	assert_int_equal(init(*state, FMT1, MEMORY), -EFAULT);
	assert_int_equal(init(*state, FMT1, 0xffffffff), -EFAULT);
}

/* ---- the end of the memory ---- */

static void a_program_may_end_where_the_memory_does(void **state)
{
	put1(MEMORY - 16, 0x03, CC, 1, 0);
	put1(MEMORY - 8, 0x03, 0, 1, 0);
	assert_int_equal(init(*state, FMT1, MEMORY - 16), 0);
	has_ccw(*state, MEMORY - 8, (struct ccw1) { 0x03, 0, 1, 0 });
}

static void a_program_that_goes_on_behind_the_memory_is_refused(void **state)
{
	put1(MEMORY - 8, 0x03, CC, 1, 0);
	assert_int_equal(init(*state, FMT1, MEMORY - 8), -EFAULT);
}

static void a_row_crosses_into_the_next_page(void **state)
{
	put1(CPA + PAGE - 8, 0x03, CC, 1, 0);
	put1(CPA + PAGE, 0x03, CC, 2, 0);
	put1(CPA + PAGE + 8, 0x03, 0, 3, 0);
	assert_int_equal(init(*state, FMT1, CPA + PAGE - 8), 0);
	has_ccw(*state, CPA + PAGE + 8, (struct ccw1) { 0x03, 0, 3, 0 });
}

/* At an address that no channel executes, one of them is in both pages. */
static void a_row_crosses_in_the_middle_of_a_ccw(void **state)
{
	put1(CPA + PAGE - 12, 0x03, CC, 1, 0);
	put1(CPA + PAGE - 4, 0x03, CC, 2, 0x11223344);
	put1(CPA + PAGE + 4, 0x03, 0, 3, 0);
	assert_int_equal(init(*state, FMT1, CPA + PAGE - 12), 0);
	has_ccw(*state, CPA + PAGE - 4, (struct ccw1) { 0x03, CC, 2, 0x11223344 });
	has_ccw(*state, CPA + PAGE + 4, (struct ccw1) { 0x03, 0, 3, 0 });
}

static void a_page_that_is_not_needed_is_not_read(void **state)
{
	guest.missing[CPA / PAGE + 1] = true;
	put1(CPA + PAGE - 16, 0x03, CC, 1, 0);
	put1(CPA + PAGE - 8, 0x03, 0, 1, 0);
	assert_int_equal(init(*state, FMT1, CPA + PAGE - 16), 0);
	put1(CPA + PAGE - 8, 0x03, CC, 1, 0);
	assert_int_equal(init(*state, FMT1, CPA + PAGE - 16), -EFAULT);
}

/* ---- lists of IDAWs ---- */

#define LIST 0x4000u

/* A list whose first word is @first; the others are numbers. */
static void put_list(uint32_t word1, uint64_t first)
{
	unsigned int i;

	for (i = 0; i < 64; i++) {
		if (word1 & ORB_C64)
			cio_put64(guest.bytes + LIST + 8 * i, i ? 0x100000000 + i : first);
		else
			cio_put32(guest.bytes + LIST + 4 * i, i ? i : (uint32_t)first);
	}
}

/* How many words of the list of a CCW with @count bytes from @first on are copied? */
static unsigned int words(struct channel_program *cp, uint32_t word1, uint64_t first,
			  uint16_t count)
{
	unsigned int size = word1 & ORB_C64 ? 8 : 4, n;
	uint64_t idaw;

	put_list(word1, first);
	put1(CPA, CCW_CMD_READ, IDA, count, LIST);
	assert_int_equal(init(cp, word1 | FMT1, CPA), 0);
	for (n = 0; !fetch_idaw(cp, LIST + n * size, &idaw); n++)
		assert_int_equal(idaw, n == 0 ? first : word1 & ORB_C64 ? 0x100000000 + n : n);
	return n;
}

static void lists_of_format_1_have_blocks_of_2k(void **state)
{
	assert_int_equal(words(*state, 0, 0x3000, 1), 1);
	assert_int_equal(words(*state, 0, 0x3000, 2048), 1);
	assert_int_equal(words(*state, 0, 0x3000, 2049), 2);
	assert_int_equal(words(*state, 0, 0x3801, 2048), 2);
	assert_int_equal(words(*state, 0, 0x3fff, 1), 1);
	assert_int_equal(words(*state, 0, 0x3fff, 2), 2);
	assert_int_equal(words(*state, 0, 0x3000, 65535), 32);
	assert_int_equal(words(*state, 0, 0x3fff, 65535), 33);
	assert_int_equal(words(*state, ORB_I2K, 0x3fff, 65535), 33);
}

static void lists_of_format_2_have_blocks_of_4k(void **state)
{
	assert_int_equal(words(*state, ORB_C64, 0x3000, 4096), 1);
	assert_int_equal(words(*state, ORB_C64, 0x3000, 4097), 2);
	assert_int_equal(words(*state, ORB_C64, 0x3801, 4096), 2);
	assert_int_equal(words(*state, ORB_C64, 0xfffffffffffff800, 2048), 1);
	assert_int_equal(words(*state, ORB_C64, 0xffffffffffffffff, 65535), 17);
}

static void lists_of_format_2_may_have_blocks_of_2k(void **state)
{
	assert_int_equal(words(*state, ORB_C64 | ORB_I2K, 0x3000, 4096), 2);
	assert_int_equal(words(*state, ORB_C64 | ORB_I2K, 0x3801, 4096), 3);
	assert_int_equal(words(*state, ORB_C64 | ORB_I2K, 0x100000fff, 65535), 33);
}

static void a_list_for_nothing_has_one_word(void **state)
{
	assert_int_equal(words(*state, ORB_C64, 0x3fff, 0), 1);
	assert_int_equal(words(*state, 0, 0x3fff, 0), 1);
}

/* The kernel copies them, too. */
static void lists_are_read_if_nothing_is_transferred(void **state)
{
	static const struct ccw1 ccws[] = {
		{ CCW_CMD_READ, IDA, 1, MEMORY },     { CCW_CMD_READ, IDA, 0, MEMORY },
		{ CCW_CMD_NOOP, IDA, 1, MEMORY },     { CCW_CMD_READ, IDA | SKIP, 1, MEMORY },
		{ CCW_CMD_READ, IDA, 1, MEMORY - 7 }, { CCW_CMD_READ, IDA, 4097, MEMORY - 8 },
		{ CCW_CMD_READ, IDA, 1, 0xfffffff8 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ccws); i++) {
		put1(CPA, ccws[i].cmd_code, ccws[i].flags, ccws[i].count, ccws[i].cda);
		assert_int_equal(init(*state, FMT1 | ORB_C64, CPA), -EFAULT);
	}
	put1(CPA, CCW_CMD_READ, IDA, 4096, MEMORY - 8);
	assert_int_equal(init(*state, FMT1 | ORB_C64, CPA), 0);
}

/* There are CCWs behind it, which are read before. */
static void nothing_behind_a_list_is_read(void **state)
{
	cio_put64(guest.bytes + CPA - 0x100, 0x3000);
	put1(CPA, CCW_CMD_READ, IDA, 4096, CPA - 0x100);
	assert_int_equal(init(*state, FMT1 | ORB_C64, CPA), 0);
	assert_int_equal(guest.reads[CPA - 0x100 + 7], 1);
	assert_int_equal(guest.reads[CPA - 0x100 + 8], 0);
}

static void data_is_not_touched_when_a_program_is_copied(void **state)
{
	put1(CPA, CCW_CMD_WRITE, CC, 4096, 0x10000);
	put1(CPA + 8, CCW_CMD_WRITE, CC, 4096, MEMORY);
	put1(CPA + 16, CCW_CMD_WRITE, IDA, 4096, LIST);
	put_list(ORB_C64, MEMORY);
	assert_int_equal(init(*state, FMT1 | ORB_C64, CPA), 0);
	assert_int_equal(guest.reads[0x10000], 0);
}

/* ---- what is refused as such ---- */

static void transport_mode_is_refused(void **state)
{
	put_row(CPA, 1, 0);
	assert_int_equal(init(*state, FMT1 | ORB_TM, CPA), -EOPNOTSUPP);
}

static void midaws_are_refused(void **state)
{
	put1(CPA, 0x03, CC, 1, 0);
	put1(CPA + 8, CCW_CMD_READ, CCW_FLAG_MIDA, 1, LIST);
	assert_int_equal(init(*state, FMT1 | ORB_MIDAW, CPA), -EINVAL);
	assert_int_equal(init(*state, FMT1, CPA), -EINVAL);
	put1(CPA + 8, CCW_CMD_READ, 0, 1, LIST);
	assert_int_equal(init(*state, FMT1 | ORB_MIDAW, CPA), 0);
}

static void a_guest_that_does_not_prefetch_is_warned_of_once_for_long(void **state)
{
	unsigned int i;

	put_row(CPA, 1, 0);
	for (i = 0; i < 100; i++)
		assert_int_equal(init(*state, ORB_FMT, CPA), 0);
	assert_in_range(guest.warnings, 1, 50);
	guest.warnings = 0;
	assert_int_equal(init(*state, FMT1, CPA), 0);
	assert_int_equal(guest.warnings, 0);
}

/* ---- no double fetch ---- */

static void what_changes_is_read_once(void **state)
{
	uint64_t idaw;

	put1(CPA, 0x63, CC, 16, 0x1000);
	put1(CPA + 8, 0x42, CC | IDA, 6000, LIST);
	put1(CPA + 16, CCW_CMD_TIC, 0, 0, FAR_PIECE);
	put1(FAR_PIECE, 0x41, IDA, 2, LIST + 8);
	put_list(ORB_C64, 0x3800);
	guest.changes = true;
	assert_int_equal(init(*state, FMT1 | ORB_C64, CPA), 0);
	has_ccw(*state, CPA, (struct ccw1) { 0x63, CC, 16, 0x1000 });
	has_ccw(*state, CPA + 8, (struct ccw1) { 0x42, CC | IDA, 6000, LIST });
	has_ccw(*state, FAR_PIECE, (struct ccw1) { 0x41, IDA, 2, LIST + 8 });
	assert_int_equal(fetch_idaw(*state, LIST, &idaw), 0);
	assert_int_equal(idaw, 0x3800);
	assert_int_equal(fetch_idaw(*state, LIST + 8, &idaw), 0);
	assert_int_equal(idaw, 0x100000001);
	assert_int_equal(most_reads(), 1);
}

/* Rows that overlap, lists that overlap, a list in the program, one row in the middle of another's
 * CCWs: each byte has one value. */
static void what_overlaps_is_read_once(void **state)
{
	static uint8_t before[MEMORY];
	struct ccw1 ccw, want;
	uint64_t idaw;
	uint32_t addr;

	put1(CPA + 0x100, 0x03, CC, 1, 0);
	put1(CPA + 0x108, CCW_CMD_READ, CC | IDA, 65535, CPA + 0xf8);
	put1(CPA + 0x110, CCW_CMD_READ, CC | IDA, 65535, CPA + 0x180);
	put1(CPA + 0x118, CCW_CMD_READ, CC | IDA, 65535, CPA + 0x40);
	put1(CPA + 0x120, CCW_CMD_TIC, CC, 0, CPA + 0xf0);
	put1(CPA + 0x128, CCW_CMD_TIC, 0, 0, CPA + 0x7fc);
	put1(CPA + 0xf0, CCW_CMD_READ, CC, 1, 0);
	put1(CPA + 0xf8, CCW_CMD_READ, CC, 1, 0);
	put1(CPA + 0x7fc, CCW_CMD_READ, CC | IDA, 65535, CPA + 0x7ff);
	put1(CPA + 0x804, CCW_CMD_READ, IDA, 65535, CPA + 0x900);
	memcpy(before, guest.bytes, MEMORY);
	guest.changes = true;
	assert_int_equal(init(*state, FMT1 | ORB_C64, CPA + 0x100), 0);
	assert_int_equal(most_reads(), 1);
	for (addr = CPA; addr < CPA + 0x1000; addr += 4) {
		want = ccw_from_bytes(before + addr, true);
		if (!fetch(*state, addr, &ccw))
			assert_memory_equal(&ccw, &want, sizeof(ccw));
		if (!fetch_idaw(*state, addr, &idaw))
			assert_int_equal(idaw, cio_get64(before + addr));
	}
	has_ccw(*state, CPA + 0xf0, (struct ccw1) { CCW_CMD_READ, CC, 1, 0 });
	assert_int_equal(fetch_idaw(*state, CPA + 0x7ff + 16 * 8, &idaw), 0);
}

/* As many reads as there can be: two lists of 24 bytes, of which one has the middle alone. */
static void the_most_scattered_program_finds_room(void **state)
{
	const uint32_t head = 0x10000, lists = 0x18000;
	unsigned int i, ccws = CCWCHAIN_COUNT_MAX * CCWCHAIN_LEN_MAX;
	uint64_t idaw;

	for (i = 0; i < ccws; i++) {
		if (i % CCWCHAIN_LEN_MAX == CCWCHAIN_LEN_MAX - 1)
			put1(head + i * 8, CCW_CMD_TIC, 0, 0, head + (i + 1) % ccws * 8);
		else
			put1(head + i * 8, CCW_CMD_READ, CC | IDA, i % 2 ? 6144 : 1,
			     lists + i / 2 * 24 + (i % 2 ? 0 : 8));
	}
	assert_int_equal(init(*state, FMT1 | ORB_C64 | ORB_I2K, head), 0);
	assert_int_equal(most_reads(), 1);
	assert_int_equal(fetch_idaw(*state, lists + (ccws - 4) / 2 * 24 + 16, &idaw), 0);
}

/* The largest program that there can be, with lists all over its data. */
static void the_largest_program_finds_room(void **state)
{
	unsigned int i, n;
	uint64_t idaw;

	memset(guest.bytes, 0xff, MEMORY);
	for (n = 0; n < CCWCHAIN_COUNT_MAX; n++) {
		for (i = 0; i < CCWCHAIN_LEN_MAX - 1; i++)
			put1(0x10000 + n * 0x800 + i * 8, CCW_CMD_READ, CC | IDA, 65535,
			     0x18000 + (((n * 256 + i) * 37) % 4096) * 36);
		put1(0x10000 + n * 0x800 + i * 8, CCW_CMD_TIC, 0, 0,
		     0x10000 + ((n + 1) % CCWCHAIN_COUNT_MAX) * 0x800);
	}
	assert_int_equal(init(*state, FMT1 | ORB_C64 | ORB_I2K, 0x10000), 0);
	assert_int_equal(most_reads(), 1);
	assert_int_equal(fetch_idaw(*state, 0x18000, &idaw), 0);
	for (i = 0; i < 20; i++)
		assert_int_equal(init(*state, FMT1 | ORB_C64 | ORB_I2K, 0x10000), 0);
}

/* ---- the rest ---- */

static void an_orb_without_paths_gets_the_subchannels(void **state)
{
	const struct orb *orb;

	put_row(CPA, 1, 0);
	assert_int_equal(init(*state, FMT1, CPA), 0);
	orb = cp_get_orb(*state, 0x80);
	assert_int_equal(orb->word1, FMT1 | 0x8000);
	assert_int_equal(orb->cpa, CPA);
	assert_int_equal(orb->intparm, 0x12345678);
	assert_int_equal(init(*state, FMT1 | 0x4000, CPA), 0);
	assert_int_equal(cp_get_orb(*state, 0x80)->word1, FMT1 | 0x4000);
}

static void data_is_the_guests(void **state)
{
	struct channel_memory *mem = cp_memory(*state);
	uint8_t byte = 0x5a;

	guest.bytes[0x5000] = 0xa5;
	assert_int_equal(mem->ops->write(mem, 0x5001, &byte, 1), 0);
	assert_int_equal(guest.bytes[0x5001], 0x5a);
	assert_int_equal(mem->ops->read(mem, 0x5000, &byte, 1), 0);
	assert_int_equal(byte, 0xa5);
	assert_int_equal(mem->ops->read(mem, MEMORY, &byte, 1), -EFAULT);
	assert_int_equal(mem->ops->write(mem, MEMORY, &byte, 1), -EFAULT);
}

static void the_end_is_told(void **state)
{
	struct channel_memory *mem = cp_memory(*state);

	put_row(CPA, 1, 0);
	assert_int_equal(init(*state, FMT1, CPA), 0);
	mem->ops->end(mem);
	assert_int_equal(guest.ends, 1);
	cp_free(*state);
	assert_false(cp_is_initialized(*state));
	has_no_ccw(*state, CPA);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, new_program, old_program)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_row_ends_where_it_does_not_chain),
		TEST(format_0_is_decoded),
		TEST(code_18_is_no_tic_in_format_1),
		TEST(a_tic_of_format_1_that_chains_does_not_end_its_row),
		TEST(a_row_has_256_ccws),
		TEST(a_row_of_257_ccws_is_refused),
		TEST(a_tic_back_into_its_row_does_not_end_it),
		TEST(a_tic_to_itself_does_not_end_its_row),
		TEST(a_tic_forward_in_its_row_begins_another),
		TEST(tics_lead_to_pieces_and_back),
		TEST(there_are_16_pieces),
		TEST(a_program_of_17_pieces_is_refused),
		TEST(several_tics_of_one_row_count),
		TEST(a_tic_to_where_nothing_is_is_refused),
		TEST(a_program_where_nothing_is_is_refused),
		TEST(a_program_may_end_where_the_memory_does),
		TEST(a_program_that_goes_on_behind_the_memory_is_refused),
		TEST(a_row_crosses_into_the_next_page),
		TEST(a_row_crosses_in_the_middle_of_a_ccw),
		TEST(a_page_that_is_not_needed_is_not_read),
		TEST(lists_of_format_1_have_blocks_of_2k),
		TEST(lists_of_format_2_have_blocks_of_4k),
		TEST(lists_of_format_2_may_have_blocks_of_2k),
		TEST(a_list_for_nothing_has_one_word),
		TEST(lists_are_read_if_nothing_is_transferred),
		TEST(nothing_behind_a_list_is_read),
		TEST(data_is_not_touched_when_a_program_is_copied),
		TEST(transport_mode_is_refused),
		TEST(midaws_are_refused),
		TEST(a_guest_that_does_not_prefetch_is_warned_of_once_for_long),
		TEST(what_changes_is_read_once),
		TEST(what_overlaps_is_read_once),
		TEST(the_most_scattered_program_finds_room),
		TEST(the_largest_program_finds_room),
		TEST(an_orb_without_paths_gets_the_subchannels),
		TEST(data_is_the_guests),
		TEST(the_end_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
