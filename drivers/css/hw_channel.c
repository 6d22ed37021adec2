/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Execution of a channel program: CCW by CCW, as Principles of Operation, chapters 15 and 16.
 *
 * The CCWs of a command that chains data are fetched when it begins: how much room there is, the
 * device is told at once. An error in one of them counts when the channel gets there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hw_machine.h"

/* Addresses that CCWs of a format can have are below these. */
#define LIMIT_FMT0 UINT32_C(0x01000000)
#define LIMIT_FMT1 UINT32_C(0x80000000)

#define STATUS_GOOD (DEV_STAT_CHN_END | DEV_STAT_DEV_END)

uint8_t channel_error(int err, uint8_t other)
{
	if (err == -EFAULT)
		return SCHN_STAT_PROG_CHECK;
	return err == -EACCES ? SCHN_STAT_PROT_CHECK : other;
}

void channel_init(struct channel *ch, struct hw_sch *hw)
{
	memset(ch, 0, sizeof(*ch));
	ch->hw = hw;
	ch->area = ch->few;
	ch->size = CHANNEL_AREAS_FEW;
}

void channel_finish(struct channel *ch)
{
	if (ch->area != ch->few)
		free(ch->area);
}

/* ---- CCWs ---- */

/* The CCW at @addr. Return: 0, or SCHN_STAT_*. */
static uint8_t fetch(struct channel *ch, uint32_t addr, struct ccw1 *ccw)
{
	int err;

	if (addr % CCW_SIZE || addr > ch->limit - CCW_SIZE || ch->ccws == CHANNEL_CCWS_MAX)
		return SCHN_STAT_PROG_CHECK;
	ch->ccws++;
	err = ch->mem->ops->fetch_ccw(ch->mem, addr, ch->fmt1, ccw);
	return err ? channel_error(err, SCHN_STAT_CHN_CTRL) : 0;
}

static bool tic_is_valid(const struct channel *ch, const struct ccw1 *tic)
{
	/* What format 0 leaves open is not in there any more. */
	return !ch->fmt1 || (!tic->flags && !tic->count && tic->cda < ch->limit);
}

/* Is it one that may be executed? A TIC is none here. */
static bool ccw_is_valid(const struct channel *ch, const struct ccw1 *ccw, bool chains_data)
{
	uint8_t code = ccw->cmd_code & 0x0f;

	/* The code counts in the first CCW of a command alone. */
	if (!chains_data && (!code || code == CCW_CMD_TIC))
		return false;
	/* Neither suspending nor modified IDAWs are offered. */
	if (ccw->flags & (CCW_FLAG_SUSPEND | CCW_FLAG_MIDA))
		return false;
	if (!ccw->count && (!ch->fmt1 || chains_data || ccw->flags & CCW_FLAG_DC))
		return false;
	return ccw->cda < ch->limit;
}

/*
 * The next CCW that is no TIC. @addr: where it is, and at a return with an error where the wrong
 * one is. @chains_data: it is chained by data; @first: nothing was executed before it. Return: 0,
 * or SCHN_STAT_*.
 */
static uint8_t next_ccw(struct channel *ch, uint32_t *addr, bool chains_data, bool first,
			struct ccw1 *ccw)
{
	uint8_t error;

	*addr = ch->next;
	error = fetch(ch, *addr, ccw);
	if (error)
		return error;
	if (CCW_CMD_IS_TIC(ccw->cmd_code)) {
		if (first || !tic_is_valid(ch, ccw))
			return SCHN_STAT_PROG_CHECK;
		*addr = ccw->cda;
		error = fetch(ch, *addr, ccw);
		if (error)
			return error;
		if (CCW_CMD_IS_TIC(ccw->cmd_code))
			return SCHN_STAT_PROG_CHECK;
	}
	if (!ccw_is_valid(ch, ccw, chains_data))
		return SCHN_STAT_PROG_CHECK;
	ch->next = *addr + CCW_SIZE;
	return 0;
}

/* ---- areas ---- */

/* Room for two more: one stays, to tell of an error. What is allocated later programs have, too. */
static bool grow(struct channel *ch)
{
	unsigned int size = ch->size * 4;
	struct channel_area *area;

	if (ch->nr + 2 <= ch->size)
		return true;
	area = realloc(ch->area == ch->few ? NULL : ch->area, size * sizeof(*area));
	if (!area)
		return false;
	if (ch->area == ch->few)
		memcpy(area, ch->few, sizeof(ch->few));
	ch->area = area;
	ch->size = size;
	return true;
}

static void add_area(struct channel *ch, uint32_t addr, const struct ccw1 *ccw, uint8_t error)
{
	ch->area[ch->nr++] = (struct channel_area) {
		.addr = addr,
		.cda = ccw->cda,
		.left = error ? 0 : ccw->count,
		.flags = error ? 0 : ccw->flags,
		.error = error,
	};
}

/* Fetch the CCWs of the command that begins with @ccw, at @addr. Return: bytes there is room for */
static uint32_t fetch_areas(struct channel *ch, uint32_t addr, const struct ccw1 *ccw)
{
	struct ccw1 c = *ccw;
	uint32_t count = c.count;
	uint8_t error = 0;

	ch->nr = 0;
	add_area(ch, addr, &c, 0);
	while (!error && c.flags & CCW_FLAG_DC) {
		error = next_ccw(ch, &addr, true, false, &c);
		if (!grow(ch))
			error = SCHN_STAT_CHN_CTRL;
		add_area(ch, addr, &c, error);
		/* Fewer than 2^32: there are no more than 65,536 of 16 bits. */
		count += ch->area[ch->nr - 1].left;
	}
	return count;
}

/* ---- commands ---- */

void channel_touch(struct channel *ch)
{
	ch->touched = true;
	if (ch->started)
		return;
	ch->started = true;
	if (ch->isic)
		hw_thread_intermediate(ch->hw, 0, ch->last + CCW_SIZE);
}

/* Was the length incorrect, and does the program want to know? */
static bool length_is_incorrect(const struct channel *ch, const struct ccw_command *cmd)
{
	const struct channel_area *area = &ch->area[ch->current];

	/* More CCWs chain data: that much was expected. */
	if (area->flags & CCW_FLAG_DC)
		return true;
	if (area->flags & CCW_FLAG_SLI)
		return false;
	/* At once, without data: in format 0 the count means nothing then. */
	if (!ch->touched)
		return area->left && ch->fmt1 && !ch->ils;
	return area->left || cmd->longer;
}

/* Execute the command whose areas are there. Return: does the program go on? */
static bool execute(struct channel *ch, struct cu_device *dev, struct ccw_command *cmd)
{
	uint8_t dstat;
	bool go_on;

	channel_data_begin(ch);
	cmd->chained = ch->area[ch->nr - 1].flags & CCW_FLAG_CC;
	ch->input = CCW_CMD_IS_READ(cmd->code) || CCW_CMD_IS_SENSE(cmd->code) ||
		    CCW_CMD_IS_READBACK(cmd->code);
	dstat = cu_command(dev, cmd);
	ch->count = ch->area[ch->current].left;
	if (ch->cstat & CHANNEL_ERRORS || ccw_command_stopped(cmd)) {
		/* What the device says of it is of no meaning: it was cut short. */
		dev->sense_len = 0;
		ch->dstat = STATUS_GOOD;
		ch->stopped = !(ch->cstat & CHANNEL_ERRORS);
		return false;
	}
	ch->started = true;
	/* A command that was refused has no length. */
	if ((ch->touched || !(dstat & ~STATUS_GOOD)) && length_is_incorrect(ch, cmd))
		ch->cstat |= SCHN_STAT_INCORR_LEN;
	go_on = cmd->chained && !(ch->cstat & ~SCHN_STAT_PCI);
	/* The device goes on without the channel, which the next command has to wait for. */
	if (go_on && (dstat & ~DEV_STAT_STAT_MOD) == DEV_STAT_CHN_END)
		dstat |= hw_thread_device_end(ch->hw);
	ch->dstat = dstat;
	return go_on && (dstat & ~DEV_STAT_STAT_MOD) == STATUS_GOOD;
}

static void begin(struct channel *ch, const struct orb *orb, struct channel_memory *mem,
		  uint8_t path)
{
	ch->mem = mem;
	ch->path = path;
	ch->fmt1 = orb->word1 & ORB_FMT;
	ch->limit = ch->fmt1 ? LIMIT_FMT1 : LIMIT_FMT0;
	ch->c64 = orb->word1 & ORB_C64;
	ch->idaw_block = ch->c64 && !(orb->word1 & ORB_I2K) ? 4096 : 2048;
	ch->ils = orb->word1 & ORB_ILS;
	ch->isic = orb->word1 & ORB_ISIC;
	ch->next = orb->cpa;
	ch->last = orb->cpa;
	ch->ccws = 0;
	ch->started = false;
	ch->stopped = false;
	ch->dstat = ch->cstat = 0;
	ch->count = 0;
}

void channel_run(struct channel *ch, const struct orb *orb, struct channel_memory *mem,
		 uint8_t path)
{
	struct cu_device *dev = ch->hw->dev;
	struct ccw_command cmd = { .channel = ch, .path = path };
	bool first = true, go_on = true;
	struct ccw1 ccw;
	uint32_t addr;
	uint8_t error;

	begin(ch, orb, mem, path);
	if (orb->word1 & ORB_TM) {
		ch->cstat = SCHN_STAT_PROG_CHECK;
		return;
	}
	while (go_on) {
		if (ccw_command_stopped(&cmd)) {
			ch->stopped = true;
			break;
		}
		error = next_ccw(ch, &addr, false, first, &ccw);
		if (error) {
			ch->cstat |= error;
			ch->dstat &= STATUS_GOOD;
			ch->last = addr;
			ch->count = 0;
			break;
		}
		cmd.code = ccw.cmd_code;
		cmd.flags = ccw.flags;
		cmd.done = 0;
		cmd.longer = false;
		cmd.count = fetch_areas(ch, addr, &ccw);
		go_on = execute(ch, dev, &cmd);
		if (go_on && ch->dstat & DEV_STAT_STAT_MOD)
			ch->next += CCW_SIZE;
		first = false;
	}
	ch->mem = NULL;
}
