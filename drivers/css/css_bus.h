/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bus of subchannels from inside: what its files share.
 *
 * Locks, from the outermost: that of a device (device_lock()), a channel path's (chp.c), that of a
 * subchannel (sch.lock), the queue's (crw.c), the machine's.
 */
#ifndef UMDEV_CSS_BUS_H
#define UMDEV_CSS_BUS_H

#include <umdev/css.h>

#include "hw.h"

/* ---- subchannel.c: subchannels as devices, and who may call their drivers ---- */

/**
 * struct css_subchannel - a subchannel, as the bus has it
 * @sch:     what drivers see
 * @idle:    one of the following has ended; with sch.lock, under which they are
 * @binding: probe() or remove() runs, in which no callback is called
 * @event:   sch_event() or chp_event() runs
 * @irqs:    how many irq() run: more than one if they give up the lock
 * @link:    in a list of crw.c's, or empty; under the queue's lock, as what follows
 * @gone:    it is to leave the tree, or leaves it
 * @leaver:  the thread in which it does
 */
struct css_subchannel {
	struct subchannel sch;
	pthread_cond_t idle;
	bool binding;
	bool event;
	unsigned int irqs;
	struct list_head link;
	bool gone;
	pthread_t leaver;
};

static inline struct css_subchannel *to_css_subchannel(struct subchannel *sch)
{
	return container_of(sch, struct css_subchannel, sch);
}

extern const struct attribute_group *css_subchannel_groups[];

/**
 * css_subchannel_add - make a device of a subchannel of the machine's, and show it
 * @hw: the caller's reference is taken over, in any case
 * Return: 0; -ENODEV, it is gone or has no device; -ENOMEM and what device_add() says.
 */
int css_subchannel_add(struct hw_sch *hw);
/** css_subchannel_del - the reverse; who needs it afterwards holds it. Its driver may wait. */
void css_subchannel_del(struct css_subchannel *csch);

/** css_subchannel_probe - as bus_type.probe(), for a driver that takes this type. */
int css_subchannel_probe(struct css_subchannel *csch, struct css_driver *drv);
/** css_subchannel_remove - as bus_type.remove(). */
void css_subchannel_remove(struct css_subchannel *csch, struct css_driver *drv);

/** css_interrupt - struct hw_host's. @data: the struct css_subchannel, or NULL. */
void css_interrupt(struct hw_sch *hw, void *data);

/**
 * css_sch_event - have the driver, if there is one, see what has become of a subchannel
 * Context: no sch->lock. Return: 0; -EAGAIN, again in a moment; -ENODEV, it is gone.
 */
int css_sch_event(struct css_subchannel *csch);
/**
 * css_chp_event - tell the driver, if there is one, of a channel path
 * Context: no sch->lock.
 */
void css_chp_event(struct css_subchannel *csch, const struct chp_link *link, enum chp_event event);

/** css_sch_is_valid - does a subchannel have a device, as drivers see it? */
bool css_sch_is_valid(const struct schib *schib);

/* ---- crw.c: what the machine reports, and the thread that sees to it ---- */

/** css_queue_start - begin to take reports. Return: 0, -EAGAIN (no thread). */
int css_queue_start(void);
/** css_queue_stop - the reverse; waits for subchannels that leave, and for who uses them. */
void css_queue_stop(void);

/** css_crw - struct hw_host's. Context: any lock. */
void css_crw(const struct crw *crw, uint8_t ssid);

/** css_schedule_eval - have a subchannel evaluated: has it come, gone, changed? Any lock. */
void css_schedule_eval(struct schid schid);
/** css_schedule_eval_all - the same for all. */
void css_schedule_eval_all(void);
/** css_schedule_reprobe - the same for those that have no path that works, or are not known. */
void css_schedule_reprobe(void);

/**
 * css_wait_for_slow_path - wait until all that was scheduled and reported has been seen to
 *
 * Not for subchannels that leave: their users may take their time. Returns at once in the queue's
 * own thread. Context: no lock. Return: 0; -EINTR, the caller of the attribute has left.
 */
int css_wait_for_slow_path(void);
/**
 * css_settle_drivers - wait until drivers have seen to what is new. Context: no lock.
 */
void css_settle_drivers(void);
/** css_complete_work - wait for all of that and for those that leave. Return: 0, -EINTR. */
int css_complete_work(void);

/* ---- chp.c: channel paths ---- */

/** chp_init - those that the machine has. Context: the root device is there. */
void chp_init(void);
/** chp_exit - the reverse. */
void chp_exit(void);
/** chp_new - show a channel path, unless it is there. Return: 0, -ENODEV (none such), -ENOMEM. */
int chp_new(uint8_t chpid);
/** chp_get_sch_opm - which of these paths are not varied off. Context: any. */
uint8_t chp_get_sch_opm(const struct schib *schib);
/** chp_online - tell all subchannels that a path has come. chp_offline - that it has gone. */
void chp_online(uint8_t chpid);
void chp_offline(uint8_t chpid);
/** chp_refresh_all - the same for every path, as it is now: reports were lost. */
void chp_refresh_all(void);

/* ---- css.c: the bus and its root ---- */

extern struct bus_type css_bus_type;
extern struct device *css_root_device;

#define CSS_ID 0 /* of the only channel subsystem */

/* ---- console.c: /sys/firmware/css ---- */

int console_init(void);
void console_exit(void);
/** console_plug_all - plug what the parameter "devices" describes. Return: as hw_plug(). */
int console_plug_all(const char *specs, struct hw_error *error);

#endif
