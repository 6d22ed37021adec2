/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The AP bus from inside: what its files share.
 *
 * Locks, from the outermost: the scan's (ap_scan.c), that of a device (device_lock()), that of the
 * masks (ap_perms.c), a queue's own. A driver's locks come behind that of the masks.
 */
#ifndef UMDEV_AP_BUS_H
#define UMDEV_AP_BUS_H

#include <pthread.h>
#include <umdev/ap.h>

#define AP_CONFIG_TIME		30	    /* seconds between scans */
#define AP_DEFAULT_MAX_MSG_SIZE (12 * 1024) /* bytes */

/**
 * struct ap_card - an adapter
 * @ap_dev:  its device
 * @hwinfo:  as it was found; constant
 * @id:      its number; constant
 * @maxmsgsize: bytes; constant
 * @request_count: requests ever; atomic
 * @config:  it is configured, as the last scan saw it; atomic
 * @chkstop: it is checkstopped, the same
 */
struct ap_card {
	struct ap_device ap_dev;
	struct ap_tapq_hwinfo hwinfo;
	unsigned int id;
	unsigned int maxmsgsize;
	_Atomic uint64_t request_count;
	_Atomic bool config;
	_Atomic bool chkstop;
};

static inline struct ap_card *to_ap_card(struct device *dev)
{
	return container_of(dev, struct ap_card, ap_dev.device);
}

enum ap_sm_state {
	AP_SM_STATE_RESET_START,
	AP_SM_STATE_RESET_WAIT,
	AP_SM_STATE_SETIRQ_WAIT,
	AP_SM_STATE_IDLE,
	AP_SM_STATE_WORKING,
	AP_SM_STATE_QUEUE_FULL,
};

enum ap_dev_state {
	AP_DEV_STATE_UNINITIATED, /* nobody's */
	AP_DEV_STATE_OPERATING,
	AP_DEV_STATE_SHUTDOWN, /* its driver is leaving */
	AP_DEV_STATE_ERROR,
};

/**
 * struct ap_queue - a domain of an adapter
 * @ap_dev:  its device
 * @card:    whose it is; the parent, which it keeps. Constant
 * @qid:     its number; constant
 * @lock:    for all that follows; a leaf, instructions are called under it
 * @dev_state: what may be done with it
 * @sm_state:  where its state machine stands
 * @config, @chkstop: as the last scan saw it
 * @total_request_count: requests ever
 * @queue_count:    requests and replies that the hardware has
 * @pendingq_count: of @pendingq
 * @requestq_count: of @requestq
 * @pendingq: requests that the hardware has, oldest first
 * @requestq: requests that it has not yet, oldest first
 * @reply:    memory for a reply, of the card's maxmsgsize
 * @last_err_rc: AP_RESPONSE_* that led into AP_DEV_STATE_ERROR
 * @timer:    when its oldest pending request is given up, or a reset is looked at again, in
 *            CLOCK_MONOTONIC nanoseconds; 0: never
 */
struct ap_queue {
	struct ap_device ap_dev;
	struct ap_card *card;
	ap_qid_t qid;
	pthread_mutex_t lock;
	enum ap_dev_state dev_state;
	enum ap_sm_state sm_state;
	bool config;
	bool chkstop;
	uint64_t total_request_count;
	unsigned int queue_count;
	unsigned int pendingq_count;
	unsigned int requestq_count;
	struct ap_message *pendingq;
	struct ap_message *requestq;
	void *reply;
	uint8_t last_err_rc;
	uint64_t timer;
};

static inline struct ap_queue *to_ap_queue(struct device *dev)
{
	return container_of(dev, struct ap_queue, ap_dev.device);
}

/* ---- ap_card.c ---- */

/** ap_card_create - a card that device_add() can have. Return: 0, -ENOMEM; NULL in *@out then. */
int ap_card_create(unsigned int id, const struct ap_tapq_hwinfo *info, int comp_type,
		   struct ap_card **out);

/* ---- ap_queue.c, ap_queue_sm.c: a queue and its requests ---- */

/** ap_queue_create - a queue that device_add() can have. Return: 0, -ENOMEM. */
int ap_queue_create(ap_qid_t qid, struct ap_card *card, bool config, bool chkstop,
		    struct ap_queue **out);
/** ap_queue_scanned - the scan saw an existing queue in this state: take it over, tell of it. */
void ap_queue_scanned(struct ap_queue *aq, bool config, bool chkstop);
/**
 * ap_queue_prepare_remove - its driver is about to leave: no requests any more, those that there
 * are end with -EAGAIN. Under the device's lock.
 */
void ap_queue_prepare_remove(struct ap_queue *aq);
/** ap_queue_remove - its driver has left: reset, nobody's. Under the device's lock. */
void ap_queue_remove(struct ap_queue *aq);

/** ap_poll_start - the thread that moves all queues' requests along, when there are any. */
int ap_poll_start(void);
/** ap_poll_stop - the reverse; all queues are gone. */
void ap_poll_stop(void);

/* ---- ap_perms.c: who may have which queue ---- */

/** ap_perms_init - the masks as parameters say (apmask=, aqmask=), else all ones. */
int ap_perms_init(void);
/** ap_perms_allow - may @drv probe this queue? By driver_override, else by the masks. */
bool ap_perms_allow(struct ap_queue *aq, struct ap_driver *drv);

/* ---- ap_scan.c ---- */

/** ap_scan_start - the first scan, then one every config_time seconds, or when asked. */
int ap_scan_start(void);
/** ap_scan_stop - no scan any more; all cards and queues are taken away. */
void ap_scan_stop(void);

#endif
