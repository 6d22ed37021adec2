/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A subchannel whose device answers as a test says: the machine below the bus, for the parts of
 * io_subchannel that do I/O of its own.
 */
#ifndef UMDEV_TESTS_FAKE_CHANNEL_H
#define UMDEV_TESTS_FAKE_CHANNEL_H

#include "../../drivers/css/ccw.h"

#define FAKE_STARTS 1024

/**
 * struct fake_answer - what comes of one start
 * @cc:     of ssch; nothing more happens unless it is 0
 * @silent: no interrupt comes
 * @irb:    its status
 * @pieces: first primary, then secondary status
 * @stray:  before it comes an unsolicited one
 */
struct fake_answer {
	int cc;
	bool silent;
	bool pieces;
	bool stray;
	struct irb irb;
};

/**
 * struct fake_device - how it answers
 * @answer: to @cmd on @path; @data: what is read or written, @len bytes. @nr: how many starts came
 *          before
 */
struct fake_device {
	struct fake_answer (*answer)(unsigned int nr, uint8_t path, uint8_t cmd, uint8_t *data,
				     size_t len);
};

extern struct io_subchannel fake_ios;
extern struct subchannel fake_sch;

/** fake_up - a subchannel with these paths, enabled, and its lock held; fake_down the reverse. */
void fake_up(uint8_t paths, const struct fake_device *device);
void fake_down(void);
/** fake_gone - the subchannel is not operational any more. */
void fake_gone(void);

/** fake_starts - how many there were, fake_path - on which path, fake_clears - how many csch. */
unsigned int fake_starts(void);
uint8_t fake_path(unsigned int nr);
unsigned int fake_clears(void);

/** answer_* - usual answers. */
struct fake_answer answer_good(uint16_t residual);
struct fake_answer answer_sense(uint8_t sense0);
struct fake_answer answer_status(uint16_t flags, uint8_t dstat, uint8_t cstat);
struct fake_answer answer_cc(int cc);

#endif
