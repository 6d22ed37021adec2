/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of a queue, and the poll thread, share: the state machine and who runs it.
 *
 * A queue that has something to do (a reset that is not over, a request that is not received) is
 * looked after by the poll thread, from ap_queue_look_after() on. Whoever changes it under its lock
 * says at the end when the thread has to look, with ap_queue_settle().
 */
#ifndef UMDEV_AP_QUEUE_H
#define UMDEV_AP_QUEUE_H

#include "ap_bus.h"

#define AP_NSEC_PER_MSEC UINT64_C(1000000)
#define AP_NSEC_PER_SEC	 UINT64_C(1000000000)

/* The kernel's drivers allow a request a quarter of an hour. */
#define AP_REQUEST_TIMEOUT (900 * AP_NSEC_PER_SEC)

/* ---- ap_queue_sm.c; all under the queue's lock ---- */

/** ap_sm_runs - is there anything for the state machine to drive? */
bool ap_sm_runs(const struct ap_queue *aq);
/** ap_sm_run - go on as far as it goes, replies are taken, @aq->look is set. It is looked after. */
void ap_sm_run(struct ap_queue *aq);
/** ap_sm_send - give the hardware as many requests as it takes, and no more than that. The same. */
void ap_sm_send(struct ap_queue *aq);
/** ap_sm_restart - begin with a reset. Requests that the hardware has are sent again after it. */
void ap_sm_restart(struct ap_queue *aq);
/** ap_sm_expire - if the hardware has not answered in time, give up its oldest request, reset. */
void ap_sm_expire(struct ap_queue *aq);
/** ap_sm_flush - all requests are over, with -EAGAIN; their receive() is still to be called. */
void ap_sm_flush(struct ap_queue *aq);
/** ap_sm_give_up - the same, and no reply is expected of the hardware any more. */
void ap_sm_give_up(struct ap_queue *aq);

/* ---- ap_queue.c ---- */

/**
 * ap_queue_look_after - there will be something to do; ap_queue_settle() ends it
 *
 * Under its lock. Return: 0, -EAGAIN or -ENOMEM: there is no thread, and can't be.
 */
int ap_queue_look_after(struct ap_queue *aq);
/** ap_queue_settle - say when to look at it again, or that there is no need. Under its lock. */
void ap_queue_settle(struct ap_queue *aq);
/**
 * ap_queue_wait_received - wait until every receive() of what is over by now has been called
 *
 * Under its lock, which is not held meanwhile. Not from a receive(): returns at once.
 */
void ap_queue_wait_received(struct ap_queue *aq);
/** ap_queue_look - what the poll thread does with a queue that is due. Without locks. */
void ap_queue_look(struct ap_queue *aq);

/* ---- ap_queue_attr.c ---- */

extern const struct attribute_group *ap_queue_dev_groups[];

/* ---- ap_poll.c ---- */

/* What interrupts of queues of the host's drivers wake: the poll thread. */
extern struct ap_indicator ap_poll_indicator;

/** ap_now - CLOCK_MONOTONIC in nanoseconds. */
uint64_t ap_now(void);
/** ap_poll_pause - between two looks for a reply that is not indicated, in nanoseconds. */
uint64_t ap_poll_pause(void);
/**
 * ap_poll_begin - look after @aq from now on, when it is kicked; nothing if that is so already
 *
 * Under its lock. Return: 0, -EAGAIN or -ENOMEM: there is no thread, and can't be.
 */
int ap_poll_begin(struct ap_queue *aq);
/** ap_poll_at - look at it then. Under its lock; nothing if it is not looked after. */
void ap_poll_at(struct ap_queue *aq, uint64_t due);
/** ap_poll_end - don't look after it any more. Under its lock; the thread may be on its way. */
void ap_poll_end(struct ap_queue *aq);
/** ap_poll_forget - the same, and the thread is not on its way any more. Without its lock. */
void ap_poll_forget(struct ap_queue *aq);
/** ap_poll_is_self - is this the poll thread? */
bool ap_poll_is_self(void);

#endif
