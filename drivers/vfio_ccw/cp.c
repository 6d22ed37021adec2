/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A guest's channel program: what the channel is given of it, and who gives it.
 *
 * All of a program is read when it is started, in the order and with the limits of the kernel's:
 * CCWs up to the end of each piece, the pieces that TICs lead to, lists of IDAWs. The channel sees
 * the copy at the guest's addresses, so that status and TICs need no translation.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "cp.h"
#include "cp_copy.h"

#define CCWS_MAX (CCWCHAIN_COUNT_MAX * CCWCHAIN_LEN_MAX)

/* IDAWs in one list: 65,535 bytes that begin at the last byte of a block of 2 KiB. */
#define IDAW_BLOCK_2K	  2048u
#define IDAW_BLOCK_4K	  4096u
#define IDAW_NR_MAX	  33u
#define IDAL_BYTES_MAX	  (IDAW_NR_MAX * sizeof(uint64_t))
#define MEMORY_PAGE	  4096u
#define WARN_INTERVAL_SEC 5

/* A list is taken in two steps, a piece's CCWs in up to three, if a page ends in one of them. */
#define TAKES_MAX (2 * CCWS_MAX + 3 * CCWCHAIN_COUNT_MAX)
#define BYTES_MAX (CCWS_MAX * (IDAL_BYTES_MAX + CCW_SIZE))

/*
 * A piece of a program: CCWs in a row.
 * @head: address of the first
 * @nr:   how many
 */
struct piece {
	uint32_t head;
	unsigned int nr;
	struct ccw1 ccws[CCWCHAIN_LEN_MAX];
};

struct channel_program {
	struct channel_memory mem;
	struct vfio_device *vdev;
	void (*end)(struct vfio_device *vdev);
	bool initialized;
	struct orb orb;
	struct piece pieces[CCWCHAIN_COUNT_MAX];
	unsigned int nr_pieces;
	struct cp_copy *copy;
};

/* ---- pieces ---- */

/* Is @addr in the first @nr CCWs from @head? In the middle of one it is, too. */
static bool is_within(uint32_t addr, uint32_t head, unsigned int nr)
{
	return head <= addr && addr - head <= (nr - 1) * CCW_SIZE;
}

static bool chains(const struct ccw1 *ccw)
{
	return ccw->flags & (CCW_FLAG_CC | CCW_FLAG_DC);
}

/*
 * CCW @i of a piece. Read ahead, but not into the next page before the program gets there: it may
 * be the end of the guest's memory.
 */
static int take_ccw(struct channel_program *cp, struct piece *piece, unsigned int i)
{
	uint64_t addr = (uint64_t)piece->head + i * CCW_SIZE;
	size_t len = (CCWCHAIN_LEN_MAX - i) * CCW_SIZE, page = MEMORY_PAGE - addr % MEMORY_PAGE;
	uint8_t bytes[CCW_SIZE];
	int err;

	if (cp_copy_get(cp->copy, addr, bytes, sizeof(bytes))) {
		if (len > page)
			len = page < CCW_SIZE ? CCW_SIZE : page;
		err = cp_copy_take(cp->copy, cp->vdev, addr, len);
		if (err)
			return err;
		err = cp_copy_get(cp->copy, addr, bytes, sizeof(bytes));
		if (err)
			return err;
	}
	piece->ccws[i] = ccw_from_bytes(bytes, cp->orb.word1 & ORB_FMT);
	return 0;
}

/*
 * The CCWs from piece->head on. A TIC ends them, unless it leads back into them: then the command
 * before it may skip it (a search that has found), and what follows is part of the program.
 */
static int take_ccws(struct channel_program *cp, struct piece *piece)
{
	const struct ccw1 *ccw;
	int err;

	for (piece->nr = 0; piece->nr < CCWCHAIN_LEN_MAX;) {
		err = take_ccw(cp, piece, piece->nr);
		if (err)
			return err;
		ccw = &piece->ccws[piece->nr++];
		if (!chains(ccw) &&
		    !(CCW_CMD_IS_TIC(ccw->cmd_code) && is_within(ccw->cda, piece->head, piece->nr)))
			return 0;
	}
	return -EINVAL;
}

static bool has_piece(const struct channel_program *cp, uint32_t addr)
{
	unsigned int i;

	for (i = 0; i < cp->nr_pieces; i++) {
		if (is_within(addr, cp->pieces[i].head, cp->pieces[i].nr))
			return true;
	}
	return false;
}

static int take_piece(struct channel_program *cp, uint32_t head)
{
	struct piece *piece = &cp->pieces[cp->nr_pieces];
	int err;

	if (cp->nr_pieces == CCWCHAIN_COUNT_MAX)
		return -EINVAL;
	piece->head = head;
	err = take_ccws(cp, piece);
	if (!err)
		cp->nr_pieces++;
	return err;
}

/* The piece at @cpa, and those that TICs lead to, in depth first. */
static int take_pieces(struct channel_program *cp, uint32_t cpa)
{
	struct {
		const struct piece *piece;
		unsigned int next;
	} path[CCWCHAIN_COUNT_MAX], *at;
	unsigned int depth = 1;
	const struct ccw1 *ccw;
	int err = take_piece(cp, cpa);

	path[0].piece = &cp->pieces[0];
	path[0].next = 0;
	while (!err && depth) {
		at = &path[depth - 1];
		if (at->next == at->piece->nr) {
			depth--;
			continue;
		}
		ccw = &at->piece->ccws[at->next++];
		if (!CCW_CMD_IS_TIC(ccw->cmd_code) || has_piece(cp, ccw->cda))
			continue;
		err = take_piece(cp, ccw->cda);
		if (!err) {
			path[depth].piece = &cp->pieces[cp->nr_pieces - 1];
			path[depth++].next = 0;
		}
	}
	return err;
}

/* ---- lists of IDAWs ---- */

static unsigned int idaw_size(const struct channel_program *cp)
{
	return cp->orb.word1 & ORB_C64 ? sizeof(uint64_t) : sizeof(uint32_t);
}

static int get_idaw(const struct channel_program *cp, uint64_t addr, uint64_t *idaw)
{
	uint8_t bytes[sizeof(uint64_t)];
	int err = cp_copy_get(cp->copy, addr, bytes, idaw_size(cp));

	if (!err)
		*idaw = cp->orb.word1 & ORB_C64 ? cio_get64(bytes) : cio_get32(bytes);
	return err;
}

/* How many words move @count bytes, when the first one begins at @first: the others are aligned. */
static unsigned int count_idaws(const struct channel_program *cp, uint64_t first,
				unsigned int count)
{
	bool blocks_4k = (cp->orb.word1 & (ORB_C64 | ORB_I2K)) == ORB_C64;
	unsigned int block = blocks_4k ? IDAW_BLOCK_4K : IDAW_BLOCK_2K;

	return ((unsigned int)(first % block) + count + block - 1) / block;
}

/* A list is read, too, if nothing is transferred by it, as in the kernel: its first word. */
static int take_idal(struct channel_program *cp, const struct ccw1 *ccw)
{
	unsigned int size = idaw_size(cp);
	uint64_t first;
	int err;

	err = cp_copy_take(cp->copy, cp->vdev, ccw->cda, size);
	if (!err)
		err = get_idaw(cp, ccw->cda, &first);
	if (err)
		return err;
	return cp_copy_take(cp->copy, cp->vdev, ccw->cda,
			    (size_t)size * count_idaws(cp, first, ccw->count));
}

static int take_idals(struct channel_program *cp)
{
	const struct piece *piece;
	const struct ccw1 *ccw;
	int err = 0;

	for (piece = cp->pieces; !err && piece < cp->pieces + cp->nr_pieces; piece++) {
		for (ccw = piece->ccws; !err && ccw < piece->ccws + piece->nr; ccw++) {
			if (CCW_CMD_IS_TIC(ccw->cmd_code))
				continue;
			if (ccw->flags & CCW_FLAG_MIDA)
				err = -EINVAL;
			else if (ccw->flags & CCW_FLAG_IDA)
				err = take_idal(cp, ccw);
		}
	}
	return err;
}

/* ---- what the channel asks for ---- */

static struct channel_program *to_cp(struct channel_memory *mem)
{
	return container_of(mem, struct channel_program, mem);
}

static int fetch_ccw(struct channel_memory *mem, uint32_t addr, bool fmt1, struct ccw1 *ccw)
{
	const struct channel_program *cp = to_cp(mem);
	const struct piece *piece;

	(void)fmt1; /* that of the ORB, by which they were decoded */
	for (piece = cp->pieces; piece < cp->pieces + cp->nr_pieces; piece++) {
		if (is_within(addr, piece->head, piece->nr) && !((addr - piece->head) % CCW_SIZE)) {
			*ccw = piece->ccws[(addr - piece->head) / CCW_SIZE];
			return 0;
		}
	}
	return -EFAULT;
}

static int fetch_idaw(struct channel_memory *mem, uint64_t addr, bool c64, uint64_t *idaw)
{
	(void)c64; /* the ORB's */
	return get_idaw(to_cp(mem), addr, idaw);
}

static int read_data(struct channel_memory *mem, uint64_t addr, void *buf, size_t len)
{
	return vfio_dma_rw(to_cp(mem)->vdev, addr, buf, len, false);
}

static int write_data(struct channel_memory *mem, uint64_t addr, const void *buf, size_t len)
{
	return vfio_dma_rw(to_cp(mem)->vdev, addr, (void *)buf, len, true);
}

static void program_end(struct channel_memory *mem)
{
	struct channel_program *cp = to_cp(mem);

	cp->end(cp->vdev);
}

static const struct channel_memory_ops cp_memory_ops = {
	.fetch_ccw = fetch_ccw,
	.fetch_idaw = fetch_idaw,
	.read = read_data,
	.write = write_data,
	.end = program_end,
};

/* ---- the program as a whole ---- */

struct channel_program *cp_create(struct vfio_device *vdev, void (*end)(struct vfio_device *vdev))
{
	struct channel_program *cp = calloc(1, sizeof(*cp));

	if (!cp)
		return NULL;
	cp->mem.ops = &cp_memory_ops;
	cp->vdev = vdev;
	cp->end = end;
	cp->copy = cp_copy_create(TAKES_MAX, BYTES_MAX);
	if (cp->copy)
		return cp;
	free(cp);
	return NULL;
}

void cp_destroy(struct channel_program *cp)
{
	if (!cp)
		return;
	cp_copy_destroy(cp->copy);
	free(cp);
}

/* A guest that does not prefetch does not for any of its programs: one line is enough for long. */
static void warn_of_prefetch(const struct channel_program *cp)
{
	static atomic_llong next;
	long long due = atomic_load(&next);
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec < due ||
	    !atomic_compare_exchange_strong(&next, &due, now.tv_sec + WARN_INTERVAL_SEC))
		return;
	dev_warn(cp->vdev->dev,
		 "Prefetching channel program even though prefetch not specified in ORB");
}

int cp_init(struct channel_program *cp, const struct orb *orb)
{
	int err;

	if (orb->word1 & ORB_TM)
		return -EOPNOTSUPP;
	if (!(orb->word1 & ORB_PFCH))
		warn_of_prefetch(cp);
	cp_free(cp);
	cp->orb = *orb;
	err = take_pieces(cp, orb->cpa);
	if (!err)
		err = take_idals(cp);
	if (err)
		cp_free(cp);
	else
		cp->initialized = true;
	return err;
}

void cp_free(struct channel_program *cp)
{
	cp->initialized = false;
	cp->nr_pieces = 0;
	cp_copy_clear(cp->copy);
}

bool cp_is_initialized(const struct channel_program *cp)
{
	return cp->initialized;
}

const struct orb *cp_get_orb(struct channel_program *cp, uint8_t lpm)
{
	if (!ORB_LPM(cp->orb.word1))
		cp->orb.word1 |= (uint32_t)lpm << 8;
	return &cp->orb;
}

struct channel_memory *cp_memory(struct channel_program *cp)
{
	return &cp->mem;
}
