/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bus of subchannels, and the instructions that reach the channel subsystem: for drivers of
 * subchannels. What is behind a subchannel is umdev/control_unit.h's.
 *
 * Behaviour: Linux 7.3 drivers/s390/cio/{css,cio,chp,ioasm}.c; Principles of Operation, chapter 14.
 */
#ifndef UMDEV_CSS_H
#define UMDEV_CSS_H

#include <pthread.h>
#include <umdev/cio.h>
#include <umdev/device.h>
#include <umdev/module.h>

struct subchannel;
struct hw_sch;

/* ---- the memory that a channel program is in ---- */

struct channel_memory;

/**
 * struct channel_memory_ops - how a channel gets at the memory of who started it
 * @fetch_ccw:  the CCW at @addr, decoded (ccw_from_bytes()). It is asked once for each execution of
 *              it
 * @fetch_idaw: the word at @addr of a list: 8 bytes with @c64, else 4
 * @read:       @len bytes of data at @addr into @buf
 * @write:      the reverse
 * @end:        the channel program has ended (or never began, after a condition code but 0 there
 *              is no call): nothing of @mem is used any more. Optional
 *
 * Context: the subchannel's thread, without locks; may sleep. Return: 0; -EFAULT (no such memory:
 * program check), -EACCES (may not be read, or written: protection check), others: channel-data
 * check of @read and @write, channel-control check of @fetch_*.
 */
struct channel_memory_ops {
	int (*fetch_ccw)(struct channel_memory *mem, uint32_t addr, bool fmt1, struct ccw1 *ccw);
	int (*fetch_idaw)(struct channel_memory *mem, uint64_t addr, bool c64, uint64_t *idaw);
	int (*read)(struct channel_memory *mem, uint64_t addr, void *buf, size_t len);
	int (*write)(struct channel_memory *mem, uint64_t addr, const void *buf, size_t len);
	void (*end)(struct channel_memory *mem);
};

/** struct channel_memory - embed it; alive from ssch() to @end. @next: css's */
struct channel_memory {
	const struct channel_memory_ops *ops;
	struct channel_memory *next;
};

/* ---- drivers ---- */

/** struct css_device_id - a type of subchannel that a driver takes; a list ends with flags 0 */
struct css_device_id {
	uint8_t match_flags; /* 1 */
	uint8_t type;
};

/* What has happened to a channel path, for chp_event(). */
enum chp_event {
	CHP_VARY_ON,
	CHP_VARY_OFF,
	CHP_ONLINE,
	CHP_OFFLINE,
};

/** struct chp_link - the path of a chp_event() */
struct chp_link {
	uint8_t cssid;
	uint8_t chpid;
};

/**
 * struct css_driver - a driver of subchannels
 * @driver: name and owner are set by css_driver_register(); dev_groups, explicit_bind_only and the
 *          like are the driver's
 * @ids:    which types it takes
 * @probe:  as device_driver.probe(). The subchannel is disabled
 * @quiesce: the first step on the way out, before anything is unbound, while callbacks still come:
 *          let users go and wait until they have. Cannot fail. Optional
 * @remove: as device_driver.remove(); leave the subchannel disabled, the core does it otherwise
 * @irq:    an interrupt: what TEST SUBCHANNEL told, which the core has executed
 * @sch_event: something has happened to the subchannel: update the schib, see whether it is still
 *          there. Return: 0, or -EAGAIN: call again in a moment. Optional
 * @chp_event: the same for a channel path. Return: 0, or -ENODEV: the subchannel is gone (an
 *          evaluation follows). Optional
 * @shutdown: the module css is being unloaded or the daemon ends; no users are left. Optional
 * @settle: wait until what is new is as it should be: those who write to rescan or plug something
 *          wait for it. Without locks; not from a callback of css's. Optional
 *
 * @irq, @sch_event and @chp_event are called under sch->lock, one at a time, from when @probe has
 * returned 0 to when @quiesce has returned, and never while @probe or @remove runs: css serialises
 * them with binding, which the kernel leaves to its drivers (seed 001). So what a driver guards
 * with sch->lock, as the pointer to the state of a mediated device that comes and goes on its own,
 * is safe in them. They may release sch->lock and take it again to wait; @irq comes meanwhile, and
 * no other event does. An event that comes during @probe or @remove waits for its end, so no event
 * is lost on a driver that is being bound. An interrupt does not wait: @irq comes also during
 * @probe, from when the driver has enabled the subchannel; in @remove it is taken and dropped.
 */
struct css_driver {
	struct device_driver driver;
	const struct css_device_id *ids;
	int (*probe)(struct subchannel *sch);
	void (*quiesce)(struct subchannel *sch);
	void (*remove)(struct subchannel *sch);
	void (*irq)(struct subchannel *sch, const struct irb *irb);
	int (*sch_event)(struct subchannel *sch, int process);
	int (*chp_event)(struct subchannel *sch, const struct chp_link *link, enum chp_event event);
	void (*shutdown)(struct subchannel *sch);
	void (*settle)(void);
};

static inline struct css_driver *to_css_driver(struct device_driver *drv)
{
	return container_of(drv, struct css_driver, driver);
}

/** css_driver_register - as driver_register(), on the bus "css". Return: also -EINVAL, no ids. */
UMDEV_API int css_driver_register(struct css_driver *drv, struct module *owner, const char *name);
/** css_driver_unregister - the reverse. */
UMDEV_API void css_driver_unregister(struct css_driver *drv);

/* ---- subchannels ---- */

/**
 * struct subchannel - a subchannel
 * @schid:  which; constant
 * @lock:   guards what follows, up to @dev; every instruction but stsch() wants it held. A mutex:
 *          what is called under it may wait for memory, not for another subchannel or for users
 * @cond:   signalled with each interrupt that was delivered, for css_sch_wait()
 * @st:     its type; constant
 * @opm:    operational-path mask: what is not varied off. css keeps it
 * @lpm:    logical-path mask: what programs may use. css sets it before a driver's probe, to what
 *          is available and not varied off; then it is the driver's
 * @schib:  as cio_update_schib() found it last
 * @path_mask, @chpid: channel paths, leftmost bit first; constant
 * @driver: who has it, from the beginning of @probe to the end of @quiesce; else NULL
 * @dev:    /sys/devices/cssC/C.S.DDDD
 * @hw:     css's; constant
 */
struct subchannel {
	struct schid schid;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	uint8_t st;
	uint8_t opm;
	uint8_t lpm;
	struct schib schib;
	uint8_t path_mask;
	uint8_t chpid[8];
	struct css_driver *driver;
	struct device dev;
	struct hw_sch *hw;
};

static inline struct subchannel *to_subchannel(struct device *dev)
{
	return container_of(dev, struct subchannel, dev);
}

/** sch_path_mask - the bit of a path in a subchannel's masks, or 0: it is none of its. */
UMDEV_API uint8_t sch_path_mask(const struct subchannel *sch, const struct chp_link *link);

/**
 * css_sch_wait - wait, with sch->lock, which is given up meanwhile, until an interrupt was
 * delivered
 * @ms: at most, in milliseconds
 *
 * Spurious wake-ups happen: look at what was waited for. Return: 0, -ETIMEDOUT.
 */
UMDEV_API int css_sch_wait(struct subchannel *sch, unsigned int ms);

/**
 * css_sch_unregister_later - take a subchannel that is gone out of the tree, from a thread of css's
 *
 * css does so itself with one that is not operational any more after a sch_event(). If the machine
 * still has it, it comes back as a new one. Context: any, also under sch->lock.
 */
UMDEV_API void css_sch_unregister_later(struct subchannel *sch);

/* ---- instructions; they return the condition code, 3: not operational ---- */

/**
 * stsch - STORE SUBCHANNEL
 * Context: any lock. Return: 0, 3 (no such subchannel).
 */
UMDEV_API int stsch(struct subchannel *sch, struct schib *schib);

/**
 * msch - MODIFY SUBCHANNEL: what of @schib may be changed is (enabling, the logical-path mask,
 * intparm, interruption subclass, concurrent sense, multipath mode)
 * Return: 0, 1 (status pending), 2 (busy), 3.
 */
UMDEV_API int msch(struct subchannel *sch, const struct schib *schib);

/**
 * ssch - START SUBCHANNEL
 * @mem: where the program is; used until its @end. Nobody's after any return but 0
 * Return: 0 (started; an interrupt will tell), 1 (status pending), 2 (busy), 3 (no path of the
 * ORB's mask can be used, or not enabled).
 */
UMDEV_API int ssch(struct subchannel *sch, const struct orb *orb, struct channel_memory *mem);

/** hsch - HALT SUBCHANNEL. Return: 0 (an interrupt will tell), 1 (status pending), 2 (busy: a halt
 * or clear is under way), 3. */
UMDEV_API int hsch(struct subchannel *sch);

/** csch - CLEAR SUBCHANNEL. Return: 0 (an interrupt will tell), 3. */
UMDEV_API int csch(struct subchannel *sch);

/** xsch - CANCEL SUBCHANNEL: a start that has not reached the device. Return: 0 (cancelled; there
 * will be no interrupt), 1 (status pending), 2 (can't be cancelled any more), 3. */
UMDEV_API int xsch(struct subchannel *sch);

/** tsch - TEST SUBCHANNEL: take the status. Return: 0 (there was one), 1 (none), 3. For those who
 * don't wait for @irq; the core executes it before that. */
UMDEV_API int tsch(struct subchannel *sch, struct irb *irb);

/* ---- what drivers make of them; all with sch->lock held ---- */

/** cio_update_schib - sch->schib from STORE SUBCHANNEL. Return: 0, -ENODEV (not there or no valid
 * device number). */
UMDEV_API int cio_update_schib(struct subchannel *sch);

/** cio_enable_subchannel - enable it for I/O, with concurrent sense. Return: 0, -EBUSY (status
 * pending that does not go away, or active), -ENODEV. */
UMDEV_API int cio_enable_subchannel(struct subchannel *sch, uint32_t intparm);

/** cio_disable_subchannel - the reverse. Return: 0, -EBUSY (a function is under way), -ENODEV. */
UMDEV_API int cio_disable_subchannel(struct subchannel *sch);

/**
 * cio_cancel_halt_clear - end what is under way, by the mildest means that works
 * @retries: how often is left; the caller sets it to 255 at first
 * Return: 0 (it is idle), -EBUSY (wait for an interrupt, then call again), -EIO (nothing helps),
 * -ENODEV.
 */
UMDEV_API int cio_cancel_halt_clear(struct subchannel *sch, int *retries);

#endif
