/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A channel subsystem for tests, without a bus: devices behind it, and a program that uses them
 * from a memory of its own. A failure of what a test takes for granted fails the test.
 *
 *     struct machine m;
 *     struct unit u;
 *     struct irb irb;
 *     uint32_t at;
 *
 *     machine_start(&m);
 *     unit_plug(&u, &m, "0.0.1000:null");
 *     at = guest_ccw(&u.guest, CCW_CMD_READ, CCW_FLAG_SLI, 512, 0x10000);
 *     unit_run(&u, 0, at, &irb);
 *     unit_finish(&u);
 *     machine_stop(&m);
 */
#ifndef UMDEV_TESTS_CSS_MACHINE_H
#define UMDEV_TESTS_CSS_MACHINE_H

#include <pthread.h>

#include "../../drivers/css/hw.h"

/* Memory of a guest: from 0, and the same again from GUEST_HIGH on, where only 64 bits reach. */
#define GUEST_SIZE  UINT32_C(0x04000000)
#define GUEST_HIGH  UINT64_C(0x80000000)
#define GUEST_CCWS  UINT32_C(0x2000)   /* where guest_ccw() begins */
#define GUEST_IDAWS UINT32_C(0x80000)  /* where guest_idaws() begins */
#define GUEST_DATA  UINT32_C(0x100000) /* nothing is there unless a test puts it there */

/**
 * struct guest - a memory with programs in it
 * @mem:    for ssch()
 * @ram:    GUEST_SIZE bytes, zero
 * @fmt1:   the format guest_ccw() writes in
 * @next_ccw, @next_idaw: where the next ones go
 * @denied, @denied_len: a range that may not be read or written (-EACCES)
 * @broken, @broken_len: one that is broken (-EIO)
 * @fetched: CCWs that were asked for
 * @lock, @cond, @ended: how often end() was called
 * @on_end: NULL, or called in end()
 * @stray:  accesses after end(), which are errors of the machine
 * @open:   between ssch() and end()
 */
struct guest {
	struct channel_memory mem;
	uint8_t *ram;
	bool fmt1;
	uint32_t next_ccw;
	uint32_t next_idaw;
	uint64_t denied;
	uint64_t denied_len;
	uint64_t broken;
	uint64_t broken_len;
	unsigned int fetched;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	unsigned int ended;
	void (*on_end)(struct guest *g);
	unsigned int stray;
	bool open;
};

void guest_init(struct guest *g);
void guest_finish(struct guest *g);
/** guest_reset - forget the programs; data stays. */
void guest_reset(struct guest *g, bool fmt1);
/** guest_ccw - append a CCW. Return: its address. */
uint32_t guest_ccw(struct guest *g, uint8_t code, uint8_t flags, uint16_t count, uint32_t cda);
/** guest_tic - append a transfer in channel. */
uint32_t guest_tic(struct guest *g, uint32_t to);
/** guest_idaws - a list of @nr addresses, of 64 bits with @c64. Return: its address. */
uint32_t guest_idaws(struct guest *g, bool c64, const uint64_t *addr, unsigned int nr);
/** guest_wait_end - wait until end() was called @nr times in all. */
void guest_wait_end(struct guest *g, unsigned int nr);

/* Reports that a machine keeps. */
#define MACHINE_CRWS 64

/**
 * struct machine - the machine under test; one at a time
 * @crw, @crw_ssid, @nr_crws: what it reported, oldest first; @lock
 */
struct machine {
	pthread_mutex_t lock;
	struct crw crw[MACHINE_CRWS];
	uint8_t crw_ssid[MACHINE_CRWS];
	unsigned int nr_crws;
};

void machine_start(struct machine *m);
void machine_stop(struct machine *m);

#define UNIT_IRBS 64

/**
 * struct unit - a subchannel with its device, enabled, and who takes its interrupts
 * @busid:  of the device
 * @hw:     held
 * @on_interrupt: NULL, or called in place of tsch
 * @irb, @nr_irbs, @taken: those that came and were not taken by unit_wait() yet; @lock
 * @interrupts: how many there were; @lock
 */
struct unit {
	char busid[16];
	struct hw_sch *hw;
	struct guest guest;
	void (*on_interrupt)(struct unit *u);
	pthread_mutex_t lock;
	pthread_cond_t cond;
	struct irb irb[UNIT_IRBS];
	unsigned int nr_irbs;
	unsigned int taken;
	unsigned int interrupts;
};

/** unit_plug - plug a device by hw_plug()'s text; enable its subchannel, with concurrent sense */
void unit_plug(struct unit *u, struct machine *m, const char *spec);
/** unit_finish - unplug it, if it still is there, and free what is the test's. */
void unit_finish(struct unit *u);
/** unit_modify - msch of enabling, concurrent sense and paths. Return: condition code. */
int unit_modify(struct unit *u, bool enable, bool csense, uint8_t lpm);
/** unit_schib - stsch, which has to succeed. */
struct schib unit_schib(struct unit *u);

/** unit_start - ssch of the guest's program at @cpa, with ORB_* @flags (format and all paths are
 * added). Return: condition code. */
int unit_start(struct unit *u, uint32_t flags, uint32_t cpa);
/** unit_wait - the next interrupt's IRB; fails the test when there is none for a long time. */
void unit_wait(struct unit *u, struct irb *irb);
/** unit_wait_active - wait until a program runs: a halt finds it at the device. */
void unit_wait_active(struct unit *u);
/** unit_run - start, and wait for the status that ends it; the guest's end() was called. Other
 * interrupts before it are dropped. */
void unit_run(struct unit *u, uint32_t flags, uint32_t cpa, struct irb *irb);
/** unit_assert_good - run a program that has to end with CHN_END and DEV_END alone. */
void unit_assert_good(struct unit *u, uint32_t flags, uint32_t cpa);

/** status_is - fails the test, telling both, unless this is what @irb says: SCSW_STCTL_*,
 * DEV_STAT_*, SCHN_STAT_*. */
void status_is(const struct irb *irb, uint16_t stctl, uint8_t dstat, uint8_t cstat);

/* Primary and secondary status: the usual end. */
#define STCTL_END   (SCSW_STCTL_PRIM | SCSW_STCTL_SEC | SCSW_STCTL_STATUS)
#define STCTL_ALERT (STCTL_END | SCSW_STCTL_ALERT)
#define DSTAT_END   (DEV_STAT_CHN_END | DEV_STAT_DEV_END)

#endif
