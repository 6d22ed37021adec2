/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The AP bus from inside: what its files share.
 *
 * Locks, from the outermost: the scan's (ap_scan.c), that of a device (device_lock()), that of the
 * masks (ap_perms.c), a queue's own, the hardware's, the poll thread's. A driver's locks come
 * behind that of the masks.
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
 * @queues:  its queues by domain, or NULL; under the scan's lock
 */
struct ap_card {
	struct ap_device ap_dev;
	struct ap_tapq_hwinfo hwinfo;
	unsigned int id;
	unsigned int maxmsgsize;
	_Atomic uint64_t request_count;
	_Atomic bool config;
	_Atomic bool chkstop;
	struct ap_queue *queues[AP_DOMAINS];
};

extern const struct device_type ap_card_type;

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
 * struct ap_poll_entry - a queue, as the poll thread sees it; under that one's lock
 * @list:   in the list of queues that are looked after, or empty
 * @due:    when to look at it, in CLOCK_MONOTONIC nanoseconds; AP_NEVER: when it is kicked
 * @kicked: look at it now
 */
struct ap_poll_entry {
	struct list_head list;
	uint64_t due;
	bool kicked;
};

#define AP_NEVER UINT64_MAX

/**
 * struct ap_queue - a domain of an adapter
 * @ap_dev:  its device
 * @card:    whose it is; the parent, which it keeps. Constant
 * @qid:     its number; constant
 * @lock:    for all that follows but @poll; a leaf but for the hardware's and the poll thread's,
 *           instructions are called under it
 * @received: a receive() is over
 * @dev_state: what may be done with it
 * @sm_state:  where its state machine stands
 * @config, @chkstop: as the last scan saw it
 * @total_request_count: requests ever
 * @queue_count:    requests and replies that the hardware has
 * @pendingq_count: of @pendingq
 * @requestq_count: of @requestq
 * @pendingq: requests that the hardware has, oldest first
 * @requestq: requests that it has not yet, oldest first
 * @doneq:    requests that are over, for the poll thread to call their receive(), oldest first
 * @receiving: whose receive() runs; only to compare
 * @reply:    memory for a reply, of the card's maxmsgsize, from the first request on
 * @last_err_rc: AP_RESPONSE_* that led into AP_DEV_STATE_ERROR
 * @request_timeout: how long the hardware may take until the next reply, in nanoseconds
 * @timer:    when its oldest pending request is given up, in CLOCK_MONOTONIC nanoseconds, or
 *            AP_NEVER
 * @look:     when the state machine wants to run again, or AP_NEVER
 * @pause:    how long it waits for a reset until it looks again, in nanoseconds
 * @looked_after: by the poll thread, from a reset or a request on until nothing is left to do
 * @told:     when it was told to look, or AP_NEVER
 * @poll:     the poll thread's
 */
struct ap_queue {
	struct ap_device ap_dev;
	struct ap_card *card;
	ap_qid_t qid;
	pthread_mutex_t lock;
	pthread_cond_t received;
	enum ap_dev_state dev_state;
	enum ap_sm_state sm_state;
	bool config;
	bool chkstop;
	uint64_t total_request_count;
	unsigned int queue_count;
	unsigned int pendingq_count;
	unsigned int requestq_count;
	struct list_head pendingq;
	struct list_head requestq;
	struct list_head doneq;
	struct ap_message *receiving;
	void *reply;
	uint8_t last_err_rc;
	uint64_t request_timeout;
	uint64_t timer;
	uint64_t look;
	uint64_t pause;
	bool looked_after;
	uint64_t told;
	struct ap_poll_entry poll;
};

/* In ap_queue.c; queues have no other, and nobody else has this. */
extern const struct device_type ap_queue_type;

static inline struct ap_queue *to_ap_queue(struct device *dev)
{
	return container_of(dev, struct ap_queue, ap_dev.device);
}

/* ---- ap_card.c ---- */

/**
 * ap_card_create - a card that device_add() can have: initialised, named, below the root
 *
 * It is configured and not checkstopped; the scan sets both before it adds the card.
 * Return: 0, -ENOMEM; NULL in *@out then.
 */
int ap_card_create(unsigned int id, const struct ap_tapq_hwinfo *info, int comp_type,
		   struct ap_card **out);

/* ---- ap_queue.c, ap_queue_sm.c, ap_queue_attr.c: a queue and its requests ---- */

/* Also here: is_queue_dev(), ap_queue_qid(), ap_queue_card() and the requests of umdev/ap.h. */

/**
 * ap_queue_create - a queue that device_add() can have: initialised, named, on its bus, below @card
 * @card: was added; the queue keeps it from device_add() on
 *
 * Nobody's (AP_DEV_STATE_UNINITIATED) until a driver's probe() calls ap_queue_init_state().
 * Return: 0, -ENOMEM; NULL in *@out then.
 */
int ap_queue_create(ap_qid_t qid, struct ap_card *card, bool config, bool chkstop,
		    struct ap_queue **out);
/**
 * ap_queue_scanned - the scan saw an existing queue in this state: take it over, tell of it
 *
 * A queue that doesn't work any more gives up its requests with -EAGAIN, one that does again is
 * reset, also after an error. "change" with CONFIG= is sent. Context: the scan's.
 */
void ap_queue_scanned(struct ap_queue *aq, bool config, bool chkstop);
/**
 * ap_queue_prepare_remove - its driver is about to leave: no requests any more, those that there
 * are end with -EAGAIN; all have been received when this returns. Under the device's lock.
 */
void ap_queue_prepare_remove(struct ap_queue *aq);
/** ap_queue_remove - its driver has left: reset, nobody's. Under the device's lock. */
void ap_queue_remove(struct ap_queue *aq);

/* ---- ap_poll.c: the thread that moves all queues' requests along ---- */

/**
 * ap_poll_start - be ready
 *
 * The thread begins with the first request or reset, and ends a second after the last one; while
 * there are some it sleeps until one is due or replies are indicated. Return: 0.
 */
int ap_poll_start(void);
/** ap_poll_stop - the reverse; all queues are gone. */
void ap_poll_stop(void);

/* How the queues are polled: what stands behind poll_thread and poll_timeout of the bus. */

/**
 * ap_poll_thread_set - look for replies all the time while there are requests, or not
 *
 * With interrupts that is never needed, and to ask for it does nothing. Return: 0, -errno.
 */
int ap_poll_thread_set(bool on);
/** ap_poll_thread_get - is it so? */
bool ap_poll_thread_get(void);
/** ap_poll_timeout_set - nanoseconds between two looks when the above is off; at most 120e9. */
void ap_poll_timeout_set(unsigned long ns);
/** ap_poll_timeout_get - the same; 250000 at first. */
unsigned long ap_poll_timeout_get(void);

/* ---- ap_perms.c: who may have which queue ---- */

/**
 * ap_perms_init - the masks as the parameters say (apmask=, aqmask=), else all ones
 *
 * Return: 0, -EINVAL (a parameter; module_init_error() has said which).
 */
int ap_perms_init(void);
/** ap_perms_has_card, ap_perms_has_domain - is it in its mask? Take ap_attr_lock(). */
bool ap_perms_has_card(unsigned int card);
bool ap_perms_has_domain(unsigned int domain);
/** ap_perms_get - both masks, in a show(). Takes ap_attr_lock(). Return: 0, -EINTR. */
int ap_perms_get(struct ap_mask *apm, struct ap_mask *aqm);
/**
 * ap_perms_set_apmask, ap_perms_set_aqmask - what is written to the attributes
 *
 * When it returns 0, no queue has a driver that the masks forbid. Context: no locks.
 * Return: 0, -EINVAL, -EBUSY (a driver's in_use()), -EINTR; nothing has changed then.
 */
int ap_perms_set_apmask(const char *str);
int ap_perms_set_aqmask(const char *str);
/**
 * ap_perms_claim - a driver is about to probe this queue: may it? By driver_override, else by the
 * masks. If so the queue counts as the driver's for ap_owned_by_def_drv() until
 * ap_perms_unclaim(). Context: the device's lock.
 */
bool ap_perms_claim(struct ap_queue *aq, const struct ap_driver *drv);
/** ap_perms_unclaim - its driver has left it, or has not taken it. */
void ap_perms_unclaim(struct ap_queue *aq);
/** ap_perms_forget - the queue was deleted; with it goes its driver_override. */
void ap_perms_forget(struct ap_queue *aq);
/* Attributes of queues: driver_override; for the bus's dev_groups. */
extern const struct attribute_group ap_perms_queue_group;

/* ---- ap_scan.c: what is there ---- */

/** ap_scan_init - ask the machine for its configuration, once, before the bus is there. */
void ap_scan_init(void);
/** ap_scan_start - the first scan, then one every config_time seconds, or when asked. */
int ap_scan_start(void);
/** ap_scan_stop - no scan any more; all cards and queues are taken away. */
void ap_scan_stop(void);
/** ap_scan_count - how many scans are done. */
uint64_t ap_scan_count(void);
/** ap_config_time_get, ap_config_time_set - seconds between scans; the next one is so far away. */
unsigned int ap_config_time_get(void);
void ap_config_time_set(unsigned int seconds);
/** ap_max_adapter_id, ap_max_domain_id - the highest numbers that the machine may have. Constant.*/
unsigned int ap_max_adapter_id(void);
unsigned int ap_max_domain_id(void);
/** ap_get_config - QCI of the last scan. Return: false if the machine has none. Context: any. */
bool ap_get_config(struct ap_config_info *info);
/** ap_domain_get, ap_domain_set - the default domain; -1: none. Context: any. */
int ap_domain_get(void);
void ap_domain_set(int domain);

/* ---- ap_bus.c, ap_bindings.c ---- */

/* /sys/devices/ap, the parent of all cards. */
extern struct device *ap_root_device;
/** ap_root_uevent - "change" of the root device with more keys: NULL-terminated. */
void ap_root_uevent(char *const envp[]);
/** ap_send_config_uevent - "change" of a card or queue with CONFIG=. */
void ap_send_config_uevent(struct ap_device *ap_dev, bool config);
/** ap_bindings_init - nothing was told so far. */
void ap_bindings_init(void);
/** ap_bindings_incomplete - a queue is about to be probed, or new ones are about to come. */
void ap_bindings_incomplete(void);
/** ap_bindings_check - after a scan, or a driver's registration: tell if all queues are bound. */
void ap_bindings_check(void);
/** ap_bindings_count - queues and how many have a driver. Return: BINDINGS=complete so far. */
uint64_t ap_bindings_count(unsigned int *queues, unsigned int *bound);

/* ---- ap_bus_attr.c ---- */

extern const struct attribute_group *ap_bus_groups[];

#endif
