/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The engine of channel programs. All of it is a subchannel's thread's, which calls it without
 * locks.
 */
#ifndef UMDEV_CSS_HW_CHANNEL_H
#define UMDEV_CSS_HW_CHANNEL_H

#include <umdev/css.h>

struct hw_sch;
struct ccw_command;

/* CCWs that a program may execute. */
#define CHANNEL_CCWS_MAX 65536
/* What ends a program. */
#define CHANNEL_ERRORS                                                                           \
	(SCHN_STAT_PROG_CHECK | SCHN_STAT_PROT_CHECK | SCHN_STAT_CHN_DATA | SCHN_STAT_CHN_CTRL | \
	 SCHN_STAT_INTF_CTRL | SCHN_STAT_CHAIN_CHK)

/**
 * struct channel_area - a CCW's room for data
 * @addr:  where the CCW is
 * @cda:   its data's address
 * @left:  bytes that were not transferred
 * @flags: CCW_FLAG_*
 * @error: SCHN_STAT_*: it is wrong, or was not to be had; seen when the channel gets to it
 */
struct channel_area {
	uint32_t addr;
	uint32_t cda;
	uint16_t left;
	uint8_t flags;
	uint8_t error;
};

#define CHANNEL_AREAS_FEW 16

/**
 * struct channel - the state of a program
 * @hw:      whose; constant
 * @mem, @fmt1, @c64, @idaw_block, @limit: as the ORB says: where the program is, its CCWs' format,
 *           its IDAWs' size, how many bytes one is for, the end of addresses in CCWs
 * @path:    the path it uses
 * @next:    address of the next CCW
 * @last:    address of the CCW that was executed last
 * @ccws:    how many were fetched
 * @area:    of the command that runs, one per CCW that chains data: @few, or allocated when a
 *           program needed more and kept; @nr of @size
 * @current: the one in use
 * @ida_next: address of the next word in its list
 * @piece, @piece_left: its data go on at this address, for so many bytes in one piece
 * @input:   the command's data goes to memory
 * @touched: the device has asked for data, or had some
 * @started: the first command was accepted: of an initial status was told if that was asked for
 * @isic:    it was asked for
 * @dstat, @cstat, @count, @stopped: how it ended; @stopped: before its end
 */
struct channel {
	struct hw_sch *hw;
	struct channel_memory *mem;
	bool fmt1;
	bool c64;
	unsigned int idaw_block;
	uint32_t limit;
	uint8_t path;
	bool ils;
	uint32_t next;
	uint32_t last;
	unsigned int ccws;
	struct channel_area *area;
	struct channel_area few[CHANNEL_AREAS_FEW];
	unsigned int nr;
	unsigned int size;
	unsigned int current;
	uint32_t ida_next;
	uint64_t piece;
	uint32_t piece_left;
	bool input;
	bool touched;
	bool started;
	bool isic;
	uint8_t dstat;
	uint8_t cstat;
	uint16_t count;
	bool stopped;
};

/** channel_init - no program. */
void channel_init(struct channel *ch, struct hw_sch *hw);
/** channel_finish - the reverse. */
void channel_finish(struct channel *ch);

/** channel_run - execute a program to its end, or to what ends it; the results are in @ch. */
void channel_run(struct channel *ch, const struct orb *orb, struct channel_memory *mem,
		 uint8_t path);

/** channel_touch - the device asks for data, or has some: it has accepted the command. */
void channel_touch(struct channel *ch);
/** channel_error - what the failure of a channel_memory_ops callback is: SCHN_STAT_*, @other when
 * it is the memory's nor the program's fault. */
uint8_t channel_error(int err, uint8_t other);

/* ---- hw_data.c ---- */

/** channel_data_begin - the command's data begins at its first area, which takes control. */
void channel_data_begin(struct channel *ch);
/** channel_data_advance - let the next area take control if this one is used up. Return: 0, -EIO:
 * it is wrong. */
int channel_data_advance(struct channel *ch);

#endif
