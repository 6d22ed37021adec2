/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ccw devices, between the files that make them up: ccw_bus.c the bus, ccw_device.c a device that
 * comes, goes, is put online and offline, ccw_attr.c its attributes, ccw_fsm.c its states,
 * ccw_ops.c channel programs of drivers, ccw_request.c those of io_subchannel's own, of which
 * ccw_id.c is SENSE ID, ccw_path.c and ccw_pgid.c the verification of paths.
 *
 * Unless it says otherwise, everything here wants the subchannel's lock.
 */
#ifndef UMDEV_CSS_CCW_H
#define UMDEV_CSS_CCW_H

#include <stdatomic.h>
#include <umdev/ccwdev.h>

#include "io_sch.h"

/* States of a ccw device. */
enum ccw_device_state {
	DEV_STATE_NOT_OPER,
	DEV_STATE_SENSE_ID,
	DEV_STATE_OFFLINE,
	DEV_STATE_VERIFY,
	DEV_STATE_ONLINE,
	DEV_STATE_DISBAND_PGID,
	DEV_STATE_BOXED,
	DEV_STATE_TIMEOUT_KILL,
	DEV_STATE_QUIESCE,
	DEV_STATE_DISCONNECTED,
	DEV_STATE_DISCONNECTED_SENSE_ID,
	DEV_STATE_STEAL_LOCK,
};

#define PGID_SIZE 12

/**
 * struct ccw_device_private - a ccw device as io_subchannel knows it
 * @cdev:    what drivers know
 * @ios:     its subchannel's, as long as @registered or being recognised
 * @state:   what it is doing
 * @registered: device_add() was called
 * @leaving: its driver's remove() has begun: it is told of nothing but interrupts any more
 * @onoff:   somebody is putting it online or offline; without lock
 * @options: CCWDEV_*
 * @pgroup, @mpath: what of them the device has agreed to
 * @doverify: its paths are to be verified as soon as it is idle
 * @donotify: its driver is to be told that it is there again
 * @pending: a program of the driver's is under way
 * @fake_irb: a start that came while paths were verified waits for its deferred condition code
 * @fake_mem: its memory
 * @path_gone_mask, @path_new_mask, @pgid_reset_mask: of what path_event() is to tell
 * @path_noirq_mask, @pgid_valid_mask, @pgid_todo_mask, @pgid: while paths are verified
 * @intparm: for the next call of the handler
 * @kill_rc: what the handler is told when the program that is being ended is over
 * @kill_retries: how often to try that
 * @irb:     status that has come in so far
 */
struct ccw_device_private {
	struct ccw_device cdev;
	struct io_subchannel *ios;
	enum ccw_device_state state;
	bool registered;
	bool leaving;
	atomic_bool onoff;
	unsigned long options;
	bool pgroup;
	bool mpath;
	bool doverify;
	bool donotify;
	bool pending;
	bool fake_irb;
	struct channel_memory *fake_mem;
	uint8_t path_gone_mask;
	uint8_t path_new_mask;
	uint8_t pgid_reset_mask;
	uint8_t path_noirq_mask;
	uint8_t pgid_valid_mask;
	uint8_t pgid_todo_mask;
	uint8_t pgid[8][PGID_SIZE];
	unsigned long intparm;
	int kill_rc;
	int kill_retries;
	struct irb irb;
};

static inline struct ccw_device_private *to_private(struct ccw_device *cdev)
{
	return container_of(cdev, struct ccw_device_private, cdev);
}

static inline struct subchannel *to_sch(struct ccw_device *cdev)
{
	return to_subchannel(cdev->dev.parent);
}

/* ---- ccw_bus.c ---- */

extern struct bus_type ccw_bus_type;
/* Room for an alias. */
#define CCW_ALIAS_SIZE 32
/** ccw_print_alias - the alias of a device, as modules claim it. */
void ccw_print_alias(char *buf, size_t size, const struct ccw_device_id *id);

/* ---- ccw_attr.c ---- */

extern const struct attribute_group *ccwdev_attr_groups[];

/* ---- ccw_device.c ---- */

/** ccw_device_create - one for the subchannel, not yet registered. Return: NULL without memory. */
struct ccw_device_private *ccw_device_create(struct io_subchannel *ios);
/** ccw_device_register - show it. The lock is given up. Return: as device_add(). */
int ccw_device_register(struct ccw_device_private *priv);
/** ccw_device_unregister - take it down and drop it: nothing of it is used afterwards. The lock is
 * given up. */
void ccw_device_unregister(struct ccw_device_private *priv);
/** ccw_device_rebind - look for a driver anew. The lock is given up. */
void ccw_device_rebind(struct ccw_device_private *priv);

/* ---- ccw_fsm.c ---- */

/** ccw_device_is_final - is it in a state that it does not leave by itself? */
bool ccw_device_is_final(const struct ccw_device_private *priv);
/** ccw_device_wait_final - wait for that. */
void ccw_device_wait_final(struct ccw_device_private *priv);
/** ccw_device_recognition - find out what it is; the end is a final state. Waits. */
void ccw_device_recognition(struct ccw_device_private *priv);
/** ccw_device_online - enable the subchannel and verify paths. Waits. Return: 0 (see the state for
 * what came of it), -EINVAL (the state), -EBUSY, -ENODEV. */
int ccw_device_online(struct ccw_device_private *priv);
/** ccw_device_offline - the reverse. Waits. Return: 0, -EBUSY (I/O is under way), -EINVAL,
 * -ENODEV. */
int ccw_device_offline(struct ccw_device_private *priv);
/** ccw_device_verify - verify paths of one that is online, if it is idle. Waits. */
void ccw_device_verify(struct ccw_device_private *priv);
/** ccw_device_want_verify - have that done. */
void ccw_device_want_verify(struct ccw_device_private *priv);
/** ccw_device_stlck - break a reservation. Waits. Return: 0, -EINVAL, or as a request. */
int ccw_device_stlck(struct ccw_device_private *priv);
/** ccw_device_notify - ask the driver of one that is online. Return: does it want to keep it? */
bool ccw_device_notify(struct ccw_device_private *priv, int event);
/** ccw_device_notoper - it is gone. */
void ccw_device_notoper(struct ccw_device_private *priv);
/** ccw_device_set_notoper - mark it as not operational, with the subchannel disabled. */
void ccw_device_set_notoper(struct ccw_device_private *priv);
/** ccw_device_set_disconnected - mark it as one that may come back. */
void ccw_device_set_disconnected(struct ccw_device_private *priv);

/* ---- ccw_ops.c ---- */

/** ccw_device_irq - an interrupt that is no request's. */
void ccw_device_irq(struct ccw_device_private *priv, const struct irb *irb);
/** ccw_device_timeout - the time of a program is over. */
void ccw_device_timeout(struct ccw_device_private *priv);
/** ccw_device_kill_io - end the program, as its path has gone. */
void ccw_device_kill_io(struct ccw_device_private *priv);
/** ccw_device_fake_irb - tell of the start that came while paths were verified, if one did. */
void ccw_device_fake_irb(struct ccw_device_private *priv);
/** ccw_device_fail_io - no interrupt will come for the program that is under way, if one is. */
void ccw_device_fail_io(struct ccw_device_private *priv);

/* ---- ccw_cio.c ---- */

/** cio_start - ssch with a mask of paths, 0: all. Return: 0, -EBUSY, -EACCES, -ENODEV. */
int cio_start(struct subchannel *sch, struct channel_memory *mem, uint32_t cpa, uint8_t lpm,
	      unsigned long flags);
/** cio_clear - csch. Return: 0, -ENODEV. */
int cio_clear(struct subchannel *sch);
/** cio_halt - hsch. Return: 0, -EBUSY, -ENODEV. */
int cio_halt(struct subchannel *sch);

/* ---- ccw_status.c ---- */

/** ccw_status_is_solicited - has somebody asked for it? */
bool ccw_status_is_solicited(const struct irb *irb);
/** ccw_status_is_final - does nothing more follow? */
bool ccw_status_is_final(const struct irb *irb);
/** ccw_status_accumulate - add what has come to what had come. */
void ccw_status_accumulate(struct irb *sum, const struct irb *irb);

/* ---- ccw_request.c ---- */

/* How long to wait for an answer, in milliseconds. Without lock; written as a parameter. */
extern unsigned int ccw_request_timeout;

/**
 * struct ccw_request - I/O of io_subchannel's own: a program of one or two commands
 * @cmd:        the commands; the second is 0 if there is only one
 * @buf:        data of the first: in before, out afterwards
 * @len:        bytes of it
 * @lpm:        paths to try
 * @singlepath: each alone and twice, else one start may use any
 * @any_status: only an error of the subchannel is one
 * @irb:        status of the last try
 */
struct ccw_request {
	uint8_t cmd[2];
	uint8_t *buf;
	size_t len;
	uint8_t lpm;
	bool singlepath;
	bool any_status;
	struct irb irb;
	struct ccw_memory *memory; /* this and what follows are ccw_request.c's */
	bool arrived;
	unsigned int mask;
	unsigned int retries;
};

/**
 * ccw_request_run - do it
 * Return: 0, -ETIME (no answer), -EACCES (no path), -EOPNOTSUPP (the device knows no such command),
 * -ENODEV (gone), -EIO (cancelled), -ENOMEM.
 */
int ccw_request_run(struct io_subchannel *ios, struct ccw_request *req);
/** ccw_request_irq - its interrupt. */
void ccw_request_irq(struct io_subchannel *ios, const struct irb *irb);

/* ---- ccw_id.c, ccw_path.c, ccw_pgid.c: all wait; return as a request, or what follows ---- */

/** ccw_sense_id - what is it? Return: also -EOPNOTSUPP (it can't say). */
int ccw_sense_id(struct io_subchannel *ios, struct ccw_device_id *id);
/** ccw_path_verify - which paths work? Sets vpm; groups them if the driver wants it. Return: also
 * -EACCES (none), -EUSERS (somebody else has reserved it). */
int ccw_path_verify(struct ccw_device_private *priv);
/** ccw_pgid_verify - the same of a device with path groups. Return: also -EOPNOTSUPP, it has
 * none. */
int ccw_pgid_verify(struct ccw_device_private *priv);
/** ccw_pgid_disband - the end of the path group. */
int ccw_pgid_disband(struct ccw_device_private *priv);
/** ccw_path_set_multipath - tell the subchannel of the mode. Return: 0, -EBUSY, -ENODEV. */
int ccw_path_set_multipath(struct subchannel *sch, bool on);

#endif
