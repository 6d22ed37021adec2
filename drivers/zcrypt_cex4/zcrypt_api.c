/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which queue gets a request: of all that are named and can do it the one with the least to do, as
 * zcrypt_api.c of the kernel chooses.
 */
#include <errno.h>

#include "zcrypt.h"

pthread_mutex_t zcrypt_lock = PTHREAD_MUTEX_INITIALIZER;

/* Who has failed with a request gets it again only if there is nobody else; as in the kernel. */
#define CARD_PENALTY  1000000u
#define QUEUE_PENALTY 10000000u

/* Under zcrypt_lock. */
static uint64_t last_psmid;

/**
 * struct choice - the best queue so far
 * @card_cost:  of its card: what that has to do, this request too
 * @queue_cost: the same of the queue
 * @too_long:   there is one that would do it, were the request shorter
 */
struct choice {
	struct zcrypt_queue *zq;
	unsigned int card_cost;
	unsigned int queue_cost;
	bool too_long;
};

/* Accelerators are made for what they can do. */
static unsigned int load_on(const struct zcrypt_request *req, const struct zcrypt_card *zc)
{
	return zc->mode == AP_FAC_ACCEL ? (req->weight + 1) / 2 : req->weight;
}

static unsigned int card_cost(const struct zcrypt_request *req, const struct zcrypt_card *zc)
{
	bool failed =
		req->qid >= 0 && AP_QID_CARD((unsigned int)req->qid) == ap_card_id(zc->ap_dev);

	return zc->load + load_on(req, zc) + (failed ? CARD_PENALTY : 0);
}

static unsigned int queue_cost(const struct zcrypt_request *req, const struct zcrypt_queue *zq)
{
	return zq->load + (req->qid == (int)zq->qid ? QUEUE_PENALTY : 0);
}

static bool is_better_card(const struct zcrypt_card *zc, unsigned int cost,
			   const struct choice *best)
{
	if (!best->zq || best->zq->card == zc)
		return true;
	if (cost != best->card_cost)
		return cost < best->card_cost;
	return zc->total < best->zq->card->total;
}

static bool is_better_queue(const struct zcrypt_queue *zq, unsigned int cost,
			    const struct choice *best)
{
	if (!best->zq || best->zq->card != zq->card)
		return true;
	if (cost != best->queue_cost)
		return cost < best->queue_cost;
	return zq->total < best->zq->total;
}

static void choose_queue(const struct zcrypt_request *req, struct zcrypt_card *zc,
			 struct choice *best)
{
	unsigned int of_card = card_cost(req, zc);
	struct zcrypt_queue *zq;

	if (!is_better_card(zc, of_card, best))
		return;
	list_for_each_entry (zq, &zc->queues, list) {
		unsigned int of_queue = queue_cost(req, zq);

		if (req->domain != ZCRYPT_ANY && req->domain != AP_QID_QUEUE(zq->qid))
			continue;
		if (!zq->online || !ap_queue_usable(zq->ap_dev) ||
		    !is_better_queue(zq, of_queue, best))
			continue;
		best->zq = zq;
		best->card_cost = of_card;
		best->queue_cost = of_queue;
	}
}

/* Who names a card gets what that says to the request, be it that it can't. */
static bool is_eligible(const struct zcrypt_request *req, const struct zcrypt_card *zc)
{
	if (!zc->online || !ap_dev_usable(zc->ap_dev))
		return false;
	if (req->card == ZCRYPT_ANY)
		return zc->mode & req->modes;
	return req->card == ap_card_id(zc->ap_dev);
}

static void choose(const struct zcrypt_request *req, struct choice *best)
{
	struct zcrypt_card *zc;

	*best = (struct choice) { 0 };
	list_for_each_entry (zc, &zcrypt_cards, list) {
		if (!is_eligible(req, zc))
			continue;
		if (req->len > zc->max_len)
			best->too_long = true;
		else
			choose_queue(req, zc, best);
	}
}

static void take(struct zcrypt_request *req, struct zcrypt_queue *zq)
{
	req->zq = zq;
	req->qid = (int)zq->qid;
	zq->refs++;
	zq->total++;
	req->load = load_on(req, zq->card);
	zq->load += req->load;
	zq->card->total++;
	zq->card->load += req->load;
}

static void drop(struct zcrypt_request *req)
{
	struct zcrypt_queue *zq = req->zq;

	zq->load -= req->load;
	if (zq->card)
		zq->card->load -= req->load;
	zcrypt_queue_put(zq);
	req->zq = NULL;
}

static void received(struct ap_device *queue, struct ap_message *msg)
{
	struct zcrypt_request *req = container_of(msg, struct zcrypt_request, msg);

	req->done(req);
}

static int send_locked(struct zcrypt_request *req)
{
	struct choice best;

	while (req->again < ZCRYPT_AGAIN_MAX) {
		choose(req, &best);
		if (!best.zq)
			return best.too_long ? -EMSGSIZE : -ENODEV;
		req->msg.len = req->len;
		req->msg.rc = 0;
		req->msg.psmid = ++last_psmid;
		req->msg.receive = received;
		take(req, best.zq);
		if (!ap_queue_message(best.zq->ap_dev, &req->msg))
			return 0;
		/* It went out of service between the two. */
		drop(req);
		req->again++;
	}
	return -EIO;
}

int zcrypt_send(struct zcrypt_request *req)
{
	int err;

	pthread_mutex_lock(&zcrypt_lock);
	err = send_locked(req);
	pthread_mutex_unlock(&zcrypt_lock);
	return err;
}

int zcrypt_finish(struct zcrypt_request *req)
{
	pthread_mutex_lock(&zcrypt_lock);
	drop(req);
	pthread_mutex_unlock(&zcrypt_lock);
	if (req->msg.rc == -EAGAIN)
		req->again++;
	return req->msg.rc;
}

void zcrypt_cancel(struct zcrypt_request *req)
{
	pthread_mutex_lock(&zcrypt_lock);
	/* Of a queue that is no longer bound all have come back. */
	if (req->zq->ap_dev)
		ap_cancel_message(req->zq->ap_dev, &req->msg);
	pthread_mutex_unlock(&zcrypt_lock);
}
