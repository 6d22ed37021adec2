/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * io_subchannel, the usual driver of I/O subchannels: what the bus "css" calls, and what its parts
 * know of a subchannel that it has. io_subchannel.c is the driver, io_sch_work.c its work.
 */
#ifndef UMDEV_CSS_IO_SCH_H
#define UMDEV_CSS_IO_SCH_H

#include <umdev/css.h>

/** io_subchannel_init - register the bus "ccw" and the driver; after the bus "css". Return: 0 or
 * what bus_register() and css_driver_register() say. */
int io_subchannel_init(void);
/** io_subchannel_exit - the reverse. */
void io_subchannel_exit(void);

/** io_subchannel_settle - wait until the devices that are being recognised now have been, or found
 * not to answer. Context: no locks. */
void io_subchannel_settle(void);

struct ccw_device_private;
struct ccw_request;

/* What a subchannel's work is, one thing after the other. */
#define IO_SCH_TODO_UNREG  0x1 /* the ccw device is to go */
#define IO_SCH_TODO_REBIND 0x2 /* it is another one now, or its driver has given it up */
#define IO_SCH_TODO_EVAL   0x4 /* look what has happened to subchannel and device */
#define IO_SCH_TODO_VERIFY 0x8 /* verify its paths, when it is idle */

/**
 * struct io_subchannel - a subchannel in the hands of io_subchannel; all under its lock
 * @sch:     the subchannel; constant
 * @cdev:    its ccw device, or NULL
 * @vpm:     verified-path mask: paths that answered
 * @req:     I/O of io_subchannel's own that is under way, or NULL
 * @changed: signalled when anything here has
 * @cancel:  I/O of its own is to end
 * @gone:    the subchannel is gone
 * @todo:    IO_SCH_TODO_*
 * @closed:  no work begins any more; only times are watched
 * @ended:   nor these
 * @doing:   something is being done
 * @working: the thread is there
 * @joinable: @thread is to be joined
 * @deadline: when the program of the driver's has to be over (CLOCK_MONOTONIC); armed if not 0
 */
struct io_subchannel {
	struct subchannel *sch;
	struct ccw_device_private *cdev;
	uint8_t vpm;
	struct ccw_request *req;
	pthread_cond_t changed;
	bool cancel;
	bool gone;
	unsigned int todo;
	bool closed;
	bool ended;
	bool doing;
	bool working;
	bool joinable;
	pthread_t thread;
	struct timespec deadline;
};

static inline struct io_subchannel *to_io_subchannel(struct subchannel *sch)
{
	return dev_get_drvdata(&sch->dev);
}

/* ---- the work; under the subchannel's lock ---- */

/** io_sch_todo - have work done. Return: 0, -EAGAIN (no thread; it is remembered). */
int io_sch_todo(struct io_subchannel *ios, unsigned int todo);
/** io_sch_set_timeout - call ccw_device_timeout() in @ms milliseconds; 0: not. */
void io_sch_set_timeout(struct io_subchannel *ios, unsigned int ms);
/** io_sch_close - end the work for ever, but for times. The lock is given up meanwhile. */
void io_sch_close(struct io_subchannel *ios);
/** io_sch_end - end that, too. */
void io_sch_end(struct io_subchannel *ios);
/** io_sch_wait - wait for a change, at most until @deadline (NULL: for ever). Return: 0,
 * -ETIMEDOUT. */
int io_sch_wait(struct io_subchannel *ios, const struct timespec *deadline);
/** io_sch_after - the moment in @ms milliseconds. */
struct timespec io_sch_after(unsigned int ms);

/* ---- io_subchannel.c, for the work; under the lock, which is given up meanwhile ---- */

/** io_subchannel_evaluate - do what has to be done of what has happened. */
void io_subchannel_evaluate(struct io_subchannel *ios);
/** io_subchannel_verify - the paths may have changed. */
void io_subchannel_verify(struct io_subchannel *ios);
/** io_subchannel_disable - disable it, whatever it does. */
void io_subchannel_disable(struct io_subchannel *ios);

#endif
