/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The drivers of cards and queues, and the requests that go through them.
 *
 * Behaviour: Linux 7.3 drivers/s390/crypto/zcrypt_{api,card,queue,cex4}.c.
 */
#ifndef ZCRYPT_CEX4_ZCRYPT_H
#define ZCRYPT_CEX4_ZCRYPT_H

#include <pthread.h>
#include <umdev/ap.h>
#include <umdev/zcrypt.h>

/* The second byte of what accelerators of the kernel's driver get: RSA (ap_message.h). */
#define ZCRYPT_TYPE50 0x50

/* How often a request is sent to some queue before it is given up. */
#define ZCRYPT_AGAIN_MAX 10

/**
 * zcrypt_lock - of all cards, queues and their load
 *
 * Behind the lock of a device; a queue's own comes behind it. Requests come back under it
 * (zcrypt_request.done()).
 */
extern pthread_mutex_t zcrypt_lock;

/**
 * struct zcrypt_card - a card that is bound; all under zcrypt_lock
 * @ap_dev:  the card; constant
 * @mode:    AP_FAC_CCA, AP_FAC_ACCEL or AP_FAC_EP11; constant
 * @max_len: of a message, in bytes; constant
 * @type:    "CEX8P"; constant
 * @online:  the user wants it to work
 * @load:    weight of the requests that its queues have
 * @total:   requests ever
 * @queues:  those of it that are bound
 * @list:    in zcrypt_cards
 */
struct zcrypt_card {
	struct ap_device *ap_dev;
	uint32_t mode;
	size_t max_len;
	char type[8];
	bool online;
	unsigned int load;
	uint64_t total;
	struct list_head queues;
	struct list_head list;
};

/**
 * struct zcrypt_queue - a queue that is bound; all under zcrypt_lock
 * @ap_dev: the queue; NULL: no longer bound
 * @card:   whose it is; NULL while that is not bound
 * @qid:    constant
 * @refs:   the binding's and one of each of its requests
 * @online: the user wants it to work
 * @load:   weight of the requests that it has
 * @total:  requests ever
 * @list:   in the card's queues, or in zcrypt_orphans
 */
struct zcrypt_queue {
	struct ap_device *ap_dev;
	struct zcrypt_card *card;
	ap_qid_t qid;
	unsigned int refs;
	bool online;
	unsigned int load;
	uint64_t total;
	struct list_head list;
};

extern struct list_head zcrypt_cards;
/* Queues whose cards are not bound. */
extern struct list_head zcrypt_orphans;

/** parse_online - what is written to "online", as sscanf("%d") of the kernel. Return: 0, -EINVAL */
int parse_online(const char *buf, bool *online);

/* ---- zcrypt_card.c ---- */

extern struct ap_driver cex4card_driver;

/* ---- zcrypt_queue.c ---- */

extern struct ap_driver cex4queue_driver;

/** zcrypt_queue_link - @zq belongs to this card now; NULL: to none. Under zcrypt_lock. */
void zcrypt_queue_link(struct zcrypt_queue *zq, struct zcrypt_card *zc);
/** zcrypt_queue_force_online - as its card. Return: is that a change? Under zcrypt_lock. */
bool zcrypt_queue_force_online(struct zcrypt_queue *zq, bool online);
/** zcrypt_queue_put - drop a reference. Under zcrypt_lock. */
void zcrypt_queue_put(struct zcrypt_queue *zq);

/* ---- zcrypt_api.c: requests ---- */

/**
 * struct zcrypt_request - a request on its way
 * @msg:    what is sent, and comes back; msg.bufsize is the caller's
 * @card:   of which card, or ZCRYPT_ANY. The caller's
 * @domain: of which domain, the same
 * @len:    of the request. The caller's
 * @done:   it is over: zcrypt_finish() says how. Called once for each zcrypt_send() that returned
 *          0, from any thread, perhaps with zcrypt_lock; it must not wait. The caller's
 * @modes:  AP_FAC_* that can do it
 * @weight: what it costs a coprocessor
 * @load:   what it costs who has it
 * @zq:     who has it, or NULL; with a reference
 * @qid:    who had it last; -1: nobody
 * @again:  how often it has failed
 */
struct zcrypt_request {
	struct ap_message msg;
	uint16_t card;
	uint16_t domain;
	size_t len;
	void (*done)(struct zcrypt_request *req);
	uint32_t modes;
	unsigned int weight;
	unsigned int load;
	struct zcrypt_queue *zq;
	int qid;
	unsigned int again;
};

/** zcrypt_weigh - look at a new request, @req->len bytes in @req->msg.msg: modes and weight. */
void zcrypt_weigh(struct zcrypt_request *req);

/**
 * zcrypt_send - send it to the best queue
 * Return: 0: @req is away until done(); -ENODEV, -EMSGSIZE: there is no such queue, and none that
 * takes so long a message; -EIO: it was sent too often.
 */
int zcrypt_send(struct zcrypt_request *req);
/**
 * zcrypt_finish - it came back
 * Return: how, as ap_message.rc. -EAGAIN: it may be sent again.
 */
int zcrypt_finish(struct zcrypt_request *req);
/** zcrypt_cancel - when this returns done() was called, or never will be; finish it then. */
void zcrypt_cancel(struct zcrypt_request *req);

#endif
