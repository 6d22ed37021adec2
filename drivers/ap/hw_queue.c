/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A hardware queue and the instructions on it. Resets and changes of interrupts take their time
 * and nobody waits for them: whoever looks at the queue next finds out that they are over.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hw_machine.h"

#define IRQ_CHANGE_NS 20000 /* until interrupts are as they were asked to be */

uint64_t hw_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* ---- slots ---- */

static void ring_put(struct hw_ring *ring, unsigned int slot)
{
	ring->slot[(ring->first + ring->nr++) % HW_DEPTH_MAX] = (uint8_t)slot;
}

static unsigned int ring_get(struct hw_ring *ring)
{
	unsigned int slot = ring->slot[ring->first];

	ring->first = (ring->first + 1) % HW_DEPTH_MAX;
	ring->nr--;
	return slot;
}

static void ring_move(struct hw_ring *to, struct hw_ring *from)
{
	while (from->nr)
		ring_put(to, ring_get(from));
}

void hw_queue_init(struct hw_queue *q, ap_qid_t qid, unsigned int depth)
{
	memset(q, 0, sizeof(*q));
	q->qid = qid;
	q->working = -1;
	INIT_LIST_HEAD(&q->ready);
	for (unsigned int i = 0; i < depth; i++)
		ring_put(&q->free, i);
}

void hw_queue_finish(struct hw_queue *q)
{
	for (unsigned int i = 0; i < HW_DEPTH_MAX; i++)
		free(q->slots[i].buf);
}

void hw_queue_abandon(struct hw_queue *q)
{
	q->generation++;
	list_del_init(&q->ready);
	ring_move(&q->free, &q->waiting);
	ring_move(&q->free, &q->replies);
	if (q->working >= 0)
		ring_put(&q->free, (unsigned int)q->working);
	q->working = -1;
	q->indicator = NULL;
}

void hw_queue_stop(struct hw_queue *q)
{
	hw_queue_abandon(q);
	q->resetting = false;
	q->irq = HW_IRQ_OFF;
}

struct hw_slot *hw_queue_take(struct hw_queue *q)
{
	q->working = (int)ring_get(&q->waiting);
	q->held = true;
	return &q->slots[q->working];
}

void hw_queue_reply(struct hw_queue *q)
{
	ring_put(&q->replies, (unsigned int)q->working);
	q->working = -1;
	if (q->indicator)
		q->indicator->fn(q->indicator, q->qid);
}

/* ---- its state ---- */

/* What was begun some time ago may be over by now. */
static void settle(struct hw_queue *q, uint64_t now)
{
	if (q->resetting && !q->held && now >= q->reset_end) {
		q->resetting = false;
		q->irq = HW_IRQ_OFF;
	}
	if (q->resetting || now < q->irq_at)
		return;
	if (q->irq == HW_IRQ_ENABLING)
		q->irq = HW_IRQ_ON;
	if (q->irq == HW_IRQ_DISABLING)
		q->irq = HW_IRQ_OFF;
}

static uint8_t response(const struct hw_card *card, const struct hw_queue *q)
{
	if (!card->config)
		return AP_RESPONSE_DECONFIGURED;
	if (card->chkstop || q->chkstop)
		return AP_RESPONSE_CHECKSTOPPED;
	return q->resetting ? AP_RESPONSE_RESET_IN_PROGRESS : AP_RESPONSE_NORMAL;
}

static struct ap_queue_status status_of(const struct hw_queue *q, uint8_t response_code)
{
	return (struct ap_queue_status) {
		.queue_empty = !q->waiting.nr && !q->replies.nr && q->working < 0,
		.replies_waiting = q->replies.nr,
		.queue_full = !q->free.nr,
		.irq_enabled = q->irq == HW_IRQ_ON || q->irq == HW_IRQ_DISABLING,
		.response_code = response_code,
	};
}

/**
 * struct access - an instruction on a queue, with its adapter locked from enter() to leave()
 * @q:    NULL: there is none
 * @now:  when it began
 * @code: whether it works: AP_RESPONSE_NORMAL
 */
struct access {
	struct hw_adapter *adapter;
	struct hw_card *card;
	struct hw_queue *q;
	uint64_t now;
	uint8_t code;
};

static void enter(struct access *a, ap_qid_t qid)
{
	a->adapter = &hw_adapters[AP_QID_CARD(qid)];
	a->now = hw_now();
	pthread_mutex_lock(&a->adapter->lock);
	a->card = a->adapter->card;
	a->q = a->card ? &a->card->queues[AP_QID_QUEUE(qid)] : NULL;
	if (a->q && !a->q->there)
		a->q = NULL;
	a->code = AP_RESPONSE_Q_NOT_AVAIL;
	if (a->q) {
		settle(a->q, a->now);
		a->code = response(a->card, a->q);
	}
}

static struct ap_queue_status leave(struct access *a, uint8_t code)
{
	struct ap_queue_status status = { .response_code = AP_RESPONSE_Q_NOT_AVAIL };

	if (a->q)
		status = status_of(a->q, code);
	pthread_mutex_unlock(&a->adapter->lock);
	return status;
}

/* ---- instructions ---- */

struct ap_queue_status ap_tapq(ap_qid_t qid, struct ap_tapq_hwinfo *info)
{
	struct access a;

	enter(&a, qid);
	if (info)
		memset(info, 0, sizeof(*info));
	if (info && a.q) {
		info->fac = a.card->fac;
		info->at = a.card->type->at;
		info->nd = (uint8_t)hw_max_domain();
		info->ml = a.card->type->ml;
		info->qd = a.card->type->qd;
	}
	return leave(&a, a.code);
}

uint8_t ap_qact(ap_qid_t qid, uint8_t at, uint32_t fac)
{
	struct access a;
	bool there;

	enter(&a, qid);
	there = a.q;
	leave(&a, a.code);
	if (!there || !(fac & AP_FAC_MODES) || at < AP_DEVICE_TYPE_CEX4)
		return 0;
	return at < AP_DEVICE_TYPE_CEX8 ? at : AP_DEVICE_TYPE_CEX8;
}

/* Locked. */
static void begin_reset(struct access *a)
{
	struct hw_queue *q = a->q;

	hw_queue_abandon(q);
	if (q->irq == HW_IRQ_ENABLING)
		q->irq = HW_IRQ_OFF;
	if (q->irq == HW_IRQ_ON)
		q->irq = HW_IRQ_DISABLING;
	q->resetting = true;
	q->reset_end = a->now + hw_reset_time();
}

struct ap_queue_status ap_rapq(ap_qid_t qid)
{
	struct access a;

	enter(&a, qid);
	if (a.code == AP_RESPONSE_NORMAL)
		begin_reset(&a);
	return leave(&a, a.code);
}

struct ap_queue_status ap_zapq(ap_qid_t qid)
{
	struct access a;

	enter(&a, qid);
	if (a.code == AP_RESPONSE_NORMAL) {
		begin_reset(&a);
		for (unsigned int i = 0; i < HW_DEPTH_MAX; i++)
			if (a.q->slots[i].buf)
				explicit_bzero(a.q->slots[i].buf, a.card->max_msg);
	}
	return leave(&a, a.code);
}

/* Locked. */
static uint8_t change_irq(struct access *a, struct ap_indicator *indicator)
{
	struct hw_queue *q = a->q;

	if (!ap_interrupts_available())
		return AP_RESPONSE_REQ_FAC_NOT_INST;
	if (q->irq == HW_IRQ_ENABLING || q->irq == HW_IRQ_DISABLING)
		return AP_RESPONSE_BUSY;
	if (!indicator == (q->irq == HW_IRQ_OFF))
		return AP_RESPONSE_OTHERWISE_CHANGED;
	/* One way it is heard of a little early rather than never, the other way never late. */
	q->indicator = indicator;
	q->irq = indicator ? HW_IRQ_ENABLING : HW_IRQ_DISABLING;
	q->irq_at = a->now + IRQ_CHANGE_NS;
	return AP_RESPONSE_NORMAL;
}

struct ap_queue_status ap_aqic(ap_qid_t qid, struct ap_indicator *indicator)
{
	struct access a;

	enter(&a, qid);
	if (a.code == AP_RESPONSE_NORMAL)
		a.code = change_irq(&a, indicator);
	return leave(&a, a.code);
}

/* Locked. */
static uint8_t put_request(struct access *a, uint64_t psmid, const void *msg, size_t len)
{
	struct hw_queue *q = a->q;
	struct hw_slot *slot;

	if (len > a->card->max_msg)
		return AP_RESPONSE_MESSAGE_TOO_BIG;
	if (!q->free.nr)
		return AP_RESPONSE_Q_FULL;
	/* The slot that is used next; memory for it comes once. */
	slot = &q->slots[q->free.slot[q->free.first]];
	if (!slot->buf)
		slot->buf = malloc(a->card->max_msg);
	/* To whom there is no memory it is full: it can be tried again. */
	if (!slot->buf || hw_engine_start(a->card))
		return AP_RESPONSE_Q_FULL;
	slot->psmid = psmid;
	slot->len = len;
	if (len)
		memcpy(slot->buf, msg, len);
	ring_put(&q->waiting, ring_get(&q->free));
	if (list_empty(&q->ready))
		list_add_tail(&q->ready, &a->card->engine.ready);
	return AP_RESPONSE_NORMAL;
}

struct ap_queue_status ap_nqap(ap_qid_t qid, uint64_t psmid, const void *msg, size_t len)
{
	struct access a;

	enter(&a, qid);
	if (a.code == AP_RESPONSE_NORMAL)
		a.code = put_request(&a, psmid, msg, len);
	return leave(&a, a.code);
}

/* Locked. */
static uint8_t get_reply(struct hw_queue *q, uint64_t *psmid, void *msg, size_t size, size_t *len)
{
	unsigned int nr;
	struct hw_slot *slot;

	if (!q->replies.nr)
		return AP_RESPONSE_NO_PENDING_REPLY;
	nr = ring_get(&q->replies);
	slot = &q->slots[nr];
	ring_put(&q->free, nr);
	*psmid = slot->psmid;
	*len = slot->len;
	if (slot->len > size)
		return AP_RESPONSE_MESSAGE_TOO_BIG;
	memcpy(msg, slot->buf, slot->len);
	return AP_RESPONSE_NORMAL;
}

struct ap_queue_status ap_dqap(ap_qid_t qid, uint64_t *psmid, void *msg, size_t size, size_t *len)
{
	struct access a;

	enter(&a, qid);
	if (a.code == AP_RESPONSE_NORMAL)
		a.code = get_reply(a.q, psmid, msg, size, len);
	return leave(&a, a.code);
}
