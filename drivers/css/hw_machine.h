/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The machine from inside: what the files hw_*.c and cu.c share.
 *
 * Locks, from the outermost: the console's (one change at a time: devices, paths, types), that of
 * the table of subchannels, a subchannel's. The last two are leaves: nothing is called under them.
 * What is on the way of I/O takes the subchannel's alone.
 */
#ifndef UMDEV_CSS_HW_MACHINE_H
#define UMDEV_CSS_HW_MACHINE_H

#include <pthread.h>
#include <stdatomic.h>

#include "hw.h"
#include "hw_channel.h"

/* Why what runs has to end; bits of hw_sch.stop. */
#define HW_STOP_HALT  1u
#define HW_STOP_CLEAR 2u
#define HW_STOP_PATH  4u
#define HW_STOP_GONE  8u

enum hw_thread {
	HW_THREAD_NONE,
	HW_THREAD_RUNS,
	HW_THREAD_ENDED, /* to be joined */
};

/**
 * struct hw_sch - a subchannel with its device
 * @refs:    how many hold it; the table is one of them
 * @id, @devno: constant
 * @dev:     its device; constant until it is unplugged and its thread has ended, NULL then
 * @options: what it was plugged with, for hw_show(); constant
 *
 * @lock:    guards all that follows, but for @channel, which is the thread's, and @stop, which may
 *           be read without it
 * @wake:    there is work for the thread
 * @quiet:   a call of hw_host.interrupt() or cu_device_ops.stop() has returned
 * @gone:    unplugged: all instructions say 3
 * @schib:   as STORE SUBCHANNEL tells it
 * @orb, @mem: of the start function that is pending
 * @candidates: the paths that it may use and that could be used when it was accepted
 * @ended:   what was given to a start that never reached the device; its end() is yet to be called
 * @erw, @ecw, @esw0: of the status that is pending
 * @path:    which one what runs uses, or 0
 * @running: a channel program is being executed
 * @stop:    HW_STOP_*: why it has to end
 * @stoppers: callers of cu_device_ops.stop()
 * @in_interrupt: hw_host.interrupt() runs
 * @reset_due: the device is to be reset before the next program
 * @unsolicited: DEV_STAT_* to be presented; @un_sense, @un_sense_len: with it
 * @data:    for hw_host.interrupt()
 */
struct hw_sch {
	atomic_uint refs;
	struct schid id;
	uint16_t devno;
	struct cu_device *dev;
	char *options;

	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_cond_t quiet;
	pthread_t thread;
	enum hw_thread thread_state;
	bool gone;
	struct schib schib;
	struct orb orb;
	struct channel_memory *mem;
	uint8_t candidates;
	struct channel_memory *ended;
	uint32_t esw0;
	uint32_t erw;
	uint8_t ecw[SENSE_SIZE];
	uint8_t path;
	bool running;
	atomic_uint stop;
	unsigned int stoppers;
	bool in_interrupt;
	bool reset_due;
	uint8_t unsolicited;
	uint8_t un_sense[SENSE_SIZE];
	unsigned int un_sense_len;
	void *data;

	struct channel channel;
};

/* ---- hw_config.c ---- */

/** hw_host - who uses the machine. */
const struct hw_host *hw_host(void);
/** hw_report - a report word for the bus. Context: no locks. */
void hw_report(unsigned int rsc, unsigned int erc, uint8_t ssid, uint16_t rsid);
/** hw_console_lock - one change at a time. */
void hw_console_lock(void);
void hw_console_unlock(void);
/** hw_for_each - call @fn for each subchannel. Under the console's lock. */
void hw_for_each(void (*fn)(struct hw_sch *hw, void *data), void *data);
/** hw_unplug_type - all devices of a type; when it returns, nothing of it is left. Not locked. */
void hw_unplug_type(const struct cu_type *type);

/* ---- hw_sch.c ---- */

/** hw_sch_create - one with nothing behind it and one reference. Return: NULL: no memory. */
struct hw_sch *hw_sch_create(struct schid id, uint16_t devno);
/** hw_sch_stop - make what runs end, for @why; gives up the lock for a moment. Locked. */
void hw_sch_stop(struct hw_sch *hw, unsigned int why);
/** hw_sch_remove - unplug it, which nobody finds any more: its program is lost, its thread has
 * ended, its device is destroyed. Not locked; waits for what the program waits for. */
void hw_sch_remove(struct hw_sch *hw);

/* ---- hw_thread.c ---- */

/** hw_thread_start - there is one now; joins an older one that has ended. Locked. Return: 0,
 * -EAGAIN. */
int hw_thread_start(struct hw_sch *hw);
/** hw_thread_join - wait until it has ended, after hw_sch.gone. Not locked. */
void hw_thread_join(struct hw_sch *hw);
/** hw_thread_intermediate - present intermediate status of the program that runs. Context: the
 * thread. @cstat: SCHN_STAT_PCI or 0: initial status; @cpa: of the CCW, plus 8 */
void hw_thread_intermediate(struct hw_sch *hw, uint8_t cstat, uint32_t cpa);
/** hw_thread_device_end - wait for the device to end a command for which it only said CHN_END.
 * Context: the thread. Return: DEV_STAT_DEV_END, or 0: what runs has to end. */
uint8_t hw_thread_device_end(struct hw_sch *hw);

/* ---- hw_path.c; the table of paths changes under the console's lock ---- */

/** hw_path_add - a device uses these; those are there then. */
void hw_path_add(const uint8_t *chpid, unsigned int nr);
/** hw_path_forget - forget them all. */
void hw_path_forget(void);
/** hw_path_update - the masks of a subchannel, from its paths' states. Locked. */
void hw_path_update(struct hw_sch *hw);

/* ---- hw_spec.c ---- */

#define HW_OPTIONS_MAX 32
#define HW_SPEC_MAX    4096

/** struct hw_option - one of a text; @value: NULL: none. @used: somebody has asked for it */
struct hw_option {
	const char *name;
	const char *value;
	bool used;
};

/**
 * struct cu_options - what a device is described with
 * @text:  taken apart; names and values are in it
 * @error: why it is refused
 */
struct cu_options {
	char text[HW_SPEC_MAX];
	struct hw_option option[HW_OPTIONS_MAX];
	unsigned int nr;
	struct hw_error *error;
};

/**
 * struct hw_spec - a device as somebody describes it
 * @type:  name of its type
 * @chpid, @nr_chpids: its paths
 * @sch_no: subchannel number, or -1: any
 */
struct hw_spec {
	uint8_t ssid;
	uint16_t devno;
	const char *type;
	uint8_t chpid[8];
	unsigned int nr_chpids;
	int sch_no;
	struct cu_options options;
};

/** hw_spec_parse - take @text apart. Return: 0, -EINVAL with @error. */
int hw_spec_parse(const char *text, struct hw_spec *spec, struct hw_error *error);
/** hw_spec_unused - the first option nobody has asked for, or NULL. */
const char *hw_spec_unused(const struct cu_options *options);
/** hw_spec_options - those that were asked for by the type, as a text again. To be freed; NULL: no
 * memory. */
char *hw_spec_options(const struct cu_options *options);
/** hw_spec_busid - "C.S.DEVNO" or "DEVNO", as a person writes it. Return: 0, -EINVAL. */
int hw_spec_busid(const char *text, uint8_t *ssid, uint16_t *devno, struct hw_error *error);
/** hw_refuse - say why. Return: -EINVAL. */
int hw_refuse(struct hw_error *error, const char *fmt, ...) __umdev_printf(2, 3);

/* ---- cu.c ---- */

/** cu_type_find - by name, or NULL. Under the console's lock. */
const struct cu_type *cu_type_find(const char *name);
/** cu_command - execute a command: those that all devices have, and what the device does. */
uint8_t cu_command(struct cu_device *dev, struct ccw_command *cmd);

/* ---- the types that are always there: cu_NAME.c ---- */

extern struct cu_type cu_null_type;
extern struct cu_type cu_fba_type;
extern struct cu_type cu_eckd_type;

#endif
