/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vfio_ccw from inside: what its files share.
 *
 * There is one lock, the subchannel's: css calls irq(), sch_event() and chp_event() under it, and
 * here it guards all that there is of a mediated device, too. So an event is handled on the spot,
 * where the kernel, whose callbacks come with interrupts disabled, leaves it to a work queue and
 * has a second lock (io_mutex) for that. It is given up while the user's memory is read
 * (CP_PROCESSING) and while a close waits for the channel; it is not held while users are waited
 * for, nor while memory of theirs is.
 *
 * Whose a channel program is. From the beginning of cp_init() it is the user's thread's, and from
 * ssch() to the end of the program, which the channel tells by itself, the channel's; cp_busy says
 * that it is one's of them. When it is nobody's and the state does not need it any more it is freed
 * (vfio_ccw_cp_put()). So a program ends in the same way whether it came to its end or was
 * cancelled, and whether the subchannel or its user is still there.
 */
#ifndef UMDEV_VFIO_CCW_PRIVATE_H
#define UMDEV_VFIO_CCW_PRIVATE_H

#include <linux/vfio_ccw.h>
#include <umdev/mdev.h>

#include "cp.h"

/* Channel-report words that wait for the user. */
#define VFIO_CCW_CRW_MAX 32

/* States of the device, as the kernel has them. */
enum vfio_ccw_state {
	VFIO_CCW_STATE_NOT_OPER,      /* the subchannel is gone, or does not answer as it should */
	VFIO_CCW_STATE_STANDBY,	      /* no user; it is disabled */
	VFIO_CCW_STATE_IDLE,	      /* a user may start a program */
	VFIO_CCW_STATE_CP_PROCESSING, /* one is being read */
	VFIO_CCW_STATE_CP_PENDING,    /* one runs */
	NR_VFIO_CCW_STATES
};

enum vfio_ccw_event {
	VFIO_CCW_EVENT_NOT_OPER,
	VFIO_CCW_EVENT_IO_REQ,	  /* the user has written the I/O region */
	VFIO_CCW_EVENT_INTERRUPT, /* private->irb is what came */
	VFIO_CCW_EVENT_ASYNC_REQ, /* the user has written the region for HSCH and CSCH */
	VFIO_CCW_EVENT_OPEN,
	VFIO_CCW_EVENT_CLOSE,
	NR_VFIO_CCW_EVENTS
};

/**
 * struct vfio_ccw_shown - what of the interrupts the user has seen
 * @unread:      the region has an IRB that the user has not read
 * @unsolicited: that one is
 * @irb:         that one
 * @held:        an unsolicited one that waits for it, if @has_held
 */
struct vfio_ccw_shown {
	bool unread;
	bool unsolicited;
	struct irb irb;
	bool has_held;
	struct irb held;
};

/**
 * struct vfio_ccw_private - a mediated device; lives with its binding to vfio_ccw_mdev
 * @vdev:       the VFIO device
 * @sch:        its subchannel; constant
 * @cp:         the channel program; constant, what is in it is @cp_busy's
 * @state:      of the state machine
 * @cp_busy:    somebody uses @cp: see above
 * @left:       the program was halted or cleared because its path is gone, and its user has not
 *              been told yet
 * @irb:        what the event INTERRUPT is about
 * @io_region:  region 0, as it is on the wire
 * @cmd_region: region 1, the same
 * @shown:      of @io_region's IRB
 * @crws:       @nr_crws words from @first_crw on, in a ring
 *
 * All but the first three: under @sch->lock.
 */
struct vfio_ccw_private {
	struct vfio_device vdev;
	struct subchannel *sch;
	struct channel_program *cp;
	enum vfio_ccw_state state;
	bool cp_busy;
	bool left;
	struct irb irb;
	struct ccw_io_region io_region;
	struct ccw_cmd_region cmd_region;
	struct vfio_ccw_shown shown;
	struct crw crws[VFIO_CCW_CRW_MAX];
	unsigned int first_crw;
	unsigned int nr_crws;
};

/**
 * struct vfio_ccw_parent - a subchannel that is bound to vfio_ccw; lives with that binding
 * @parent:  it, as a parent of mediated devices; there is one type, and at most one of it
 * @private: the mediated device, or NULL; under sch->lock
 */
struct vfio_ccw_parent {
	struct mdev_parent parent;
	struct mdev_type type;
	struct mdev_type *types[1];
	struct vfio_ccw_private *private;
};

/* ---- mdev.c ---- */

extern struct mdev_driver vfio_ccw_mdev_driver;

/* ---- fsm.c; under sch->lock but for the last ---- */

/**
 * vfio_ccw_fsm_event - something has happened
 *
 * IO_REQ and CLOSE give the lock up for a while: they come from the user's thread, which has one
 * at a time. An answer is in the region's ret_code.
 */
void vfio_ccw_fsm_event(struct vfio_ccw_private *private, enum vfio_ccw_event event);
/** vfio_ccw_cp_put - free the channel program if nobody has a use for it. */
void vfio_ccw_cp_put(struct vfio_ccw_private *private);
/** vfio_ccw_cp_wait - wait, with the lock given up, until it is nobody's. */
void vfio_ccw_cp_wait(struct vfio_ccw_private *private);
/** vfio_ccw_cp_end - the channel is done with it: for cp_create(). Context: without locks. */
void vfio_ccw_cp_end(struct vfio_device *vdev);

/* ---- io.c; both under sch->lock ---- */

/** vfio_ccw_io_interrupt - show the user @private->irb, and signal. */
void vfio_ccw_io_interrupt(struct vfio_ccw_private *private);
/** vfio_ccw_io_forget - what the user has not read is none of its business any more. */
void vfio_ccw_io_forget(struct vfio_ccw_private *private);
/** vfio_ccw_irb_is_solicited - does it answer what somebody has asked for? */
bool vfio_ccw_irb_is_solicited(const struct irb *irb);

/* ---- crw.c; both under sch->lock ---- */

/**
 * vfio_ccw_queue_crw - a channel report for the user, if there is one
 * @rsc: CRW_RSC_*; @erc: CRW_ERC_*; @rsid: which
 * One that there is no room for is lost, and the last that there is says so (CRW_FLAG_OVERFLOW).
 */
void vfio_ccw_queue_crw(struct vfio_ccw_private *private, unsigned int rsc, unsigned int erc,
			uint16_t rsid);
/** vfio_ccw_drop_crws - there are none. */
void vfio_ccw_drop_crws(struct vfio_ccw_private *private);

/* ---- device.c ---- */

/** vfio_ccw_device_init - make the zeroed @private->vdev one that can be registered. */
void vfio_ccw_device_init(struct vfio_ccw_private *private, struct device *dev);

/**
 * struct vfio_ccw_region - one of the device's regions
 * @subtype: VFIO_REGION_SUBTYPE_CCW_*; 0: region 0, which has no type
 * @size:    in bytes
 * @write:   NULL: it can only be read
 *
 * Context: the user's thread, inside of the region; they take sch->lock. Return: @count, -errno.
 */
struct vfio_ccw_region {
	uint32_t subtype;
	size_t size;
	ssize_t (*read)(struct vfio_ccw_private *private, void *buf, size_t count, size_t offset);
	ssize_t (*write)(struct vfio_ccw_private *private, const void *buf, size_t count,
			 size_t offset);
};

extern const struct vfio_ccw_region vfio_ccw_io_region;
extern const struct vfio_ccw_region vfio_ccw_async_region;
extern const struct vfio_ccw_region vfio_ccw_schib_region;
extern const struct vfio_ccw_region vfio_ccw_crw_region;

#endif
