/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The data of a command, from and to where its CCWs say: one area after the other (data chaining),
 * each in one piece or in the blocks of a list (indirect addressing).
 */
#include <errno.h>

#include "hw_machine.h"

/* A format-1 IDAW, like any address in a CCW of that format, has 31 bits. */
#define IDAW1_MAX UINT64_C(0x7fffffff)

static struct channel_area *current_area(struct channel *ch)
{
	return &ch->area[ch->current];
}

static int fail(struct channel *ch, uint8_t cstat)
{
	ch->cstat |= cstat;
	return -EIO;
}

/* The area takes control: what it says counts from now on. */
static int enter_area(struct channel *ch)
{
	struct channel_area *area = current_area(ch);

	ch->last = area->addr;
	ch->ida_next = area->cda;
	ch->piece = area->cda;
	ch->piece_left = area->flags & CCW_FLAG_IDA ? 0 : ch->limit - area->cda;
	if (area->error)
		return fail(ch, area->error);
	if (area->flags & CCW_FLAG_PCI)
		hw_thread_intermediate(ch->hw, SCHN_STAT_PCI, area->addr + CCW_SIZE);
	return 0;
}

void channel_data_begin(struct channel *ch)
{
	ch->current = 0;
	ch->touched = false;
	/* Its CCW is good, or there would be no command. */
	enter_area(ch);
}

int channel_data_advance(struct channel *ch)
{
	while (!current_area(ch)->left && ch->current + 1 < ch->nr) {
		ch->current++;
		if (enter_area(ch))
			return -EIO;
	}
	return 0;
}

/* ---- indirect addressing ---- */

/* The next word of the list. The first one may point into a block, the others at one. */
static int next_idaw(struct channel *ch)
{
	const struct channel_area *area = current_area(ch);
	unsigned int size = ch->c64 ? 8 : 4;
	unsigned int offset;
	uint64_t idaw = 0;
	int err;

	if (ch->ida_next % size || ch->ida_next > ch->limit - size)
		return fail(ch, SCHN_STAT_PROG_CHECK);
	err = ch->mem->ops->fetch_idaw(ch->mem, ch->ida_next, ch->c64, &idaw);
	if (err)
		return fail(ch, channel_error(err, SCHN_STAT_CHN_CTRL));
	offset = (unsigned int)(idaw & (ch->idaw_block - 1));
	if ((!ch->c64 && idaw > IDAW1_MAX) || (ch->ida_next != area->cda && offset))
		return fail(ch, SCHN_STAT_PROG_CHECK);
	ch->ida_next += size;
	ch->piece = idaw;
	ch->piece_left = ch->idaw_block - offset;
	return 0;
}

/* ---- transfer ---- */

/* Where the data of the current area goes on. */
static int locate(struct channel *ch)
{
	if (ch->piece_left)
		return 0;
	if (current_area(ch)->flags & CCW_FLAG_IDA)
		return next_idaw(ch);
	return fail(ch, SCHN_STAT_PROG_CHECK);
}

/* Move up to @len bytes between a buffer and the current area. Return: how many, or -EIO. */
static ssize_t move(struct channel *ch, void *to, const void *from, size_t len)
{
	struct channel_area *area = current_area(ch);
	const struct channel_memory_ops *ops = ch->mem->ops;
	int err;

	if (len > area->left)
		len = area->left;
	if (!(ch->input && (area->flags & CCW_FLAG_SKIP))) {
		if (locate(ch))
			return -EIO;
		if (len > ch->piece_left)
			len = ch->piece_left;
		err = ch->input ? ops->write(ch->mem, ch->piece, from, len)
				: ops->read(ch->mem, ch->piece, to, len);
		if (err)
			return fail(ch, channel_error(err, SCHN_STAT_CHN_DATA));
		ch->piece += len;
		ch->piece_left -= (uint32_t)len;
	}
	area->left = (uint16_t)(area->left - len);
	return (ssize_t)len;
}

/* One of @to and @from, which the other direction has not. */
static ssize_t transfer(struct ccw_command *cmd, void *to, const void *from, size_t len)
{
	struct channel *ch = cmd->channel;
	size_t done = 0;
	ssize_t n;

	channel_touch(ch);
	while (done < len && current_area(ch)->left) {
		if (ch->cstat & CHANNEL_ERRORS || ccw_command_stopped(cmd))
			return -EIO;
		n = move(ch, to ? (char *)to + done : NULL, from ? (const char *)from + done : NULL,
			 len - done);
		if (n < 0)
			return -EIO;
		done += (size_t)n;
		cmd->done += (uint32_t)n;
		if (channel_data_advance(ch))
			return -EIO;
	}
	if (done < len)
		cmd->longer = true;
	return ch->cstat & CHANNEL_ERRORS ? -EIO : (ssize_t)done;
}

ssize_t ccw_command_store(struct ccw_command *cmd, const void *buf, size_t len)
{
	/* A device that sends where it should receive is wrong; the program is not to suffer. */
	if (!cmd->channel->input)
		return -EIO;
	return transfer(cmd, NULL, buf, len);
}

ssize_t ccw_command_load(struct ccw_command *cmd, void *buf, size_t len)
{
	if (cmd->channel->input)
		return -EIO;
	return transfer(cmd, buf, NULL, len);
}

bool ccw_command_stopped(const struct ccw_command *cmd)
{
	return atomic_load_explicit(&cmd->channel->hw->stop, memory_order_acquire);
}
