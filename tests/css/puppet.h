/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A device, type "puppet", that does with each command what a test has laid down, and keeps what
 * it was asked for.
 */
#ifndef UMDEV_TESTS_CSS_PUPPET_H
#define UMDEV_TESTS_CSS_PUPPET_H

#include "machine.h"

#define PUPPET_DATA 0x40000

/**
 * struct act - how a command is executed
 * @store: bytes the device sends: 1, 2, 3...; @load: bytes it wants
 * @data:  it has a phase of data, even for 0 bytes
 * @twice: in two calls
 * @hold:  it waits, until it is stopped or puppet.go; @deaf: for that alone
 * @dstat: what it returns; @sense: with DEV_STAT_UNIT_CHECK, its first byte
 */
struct act {
	uint32_t store;
	uint32_t load;
	bool data;
	bool twice;
	bool hold;
	bool deaf;
	uint8_t dstat;
	uint8_t sense;
};

/**
 * struct puppet - the device; there is one at a time
 * @act:    by command code; what is not laid down is rejected
 * @go:     releases what holds, once
 * @data:   what was loaded last, @loaded bytes
 * @result: what the last call of store or load returned
 * @cmd:    the last command, as it was when it ended
 * @codes, @nr_codes: those that were executed
 * @begun, @ended, @resets: calls
 * @system_resets: of @resets, with CU_RESET_SYSTEM
 * @path:   of the last begin()
 * @hold_begin, @hold_reset, @hold_stop: such a call waits for @go
 * @in_stop: stop() is being called
 * @stops:  calls of stop()
 */
struct puppet {
	struct cu_device dev;
	struct act act[256];
	int go;
	uint8_t data[PUPPET_DATA];
	uint32_t loaded;
	ssize_t result;
	struct ccw_command cmd;
	uint8_t codes[64];
	unsigned int nr_codes;
	unsigned int begun;
	unsigned int ended;
	unsigned int resets;
	unsigned int system_resets;
	unsigned int stops;
	bool hold_begin;
	bool hold_reset;
	bool hold_stop;
	bool in_stop;
	uint8_t path;
};

extern struct puppet *puppet;
/* A puppet was destroyed while its stop() ran. */
extern bool puppet_cut_off;

/** puppet_register - offer the type; after machine_start(). */
void puppet_register(void);
void puppet_unregister(void);
/** puppet_go - let what holds go on. */
void puppet_go(void);

#endif
