/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A queue: its device, the requests of its driver, and what the scan sees of it.
 *
 * Only the poll thread calls receive(), so that it happens without locks, in the order in which
 * requests are over, and who has to wait for it can: for one message by @receiving, for all by a
 * message of its own at the end of @doneq, which nobody receives.
 *
 * Behaviour: Linux 7.3 drivers/s390/crypto/ap_queue.c, and ap_scan_domains() in ap_bus.c.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "ap_queue.h"

static struct ap_queue *to_queue(struct ap_device *ap_dev)
{
	return container_of(ap_dev, struct ap_queue, ap_dev);
}

bool is_queue_dev(const struct device *dev)
{
	return dev->type == &ap_queue_type;
}

ap_qid_t ap_queue_qid(const struct ap_device *ap_dev)
{
	return container_of(ap_dev, struct ap_queue, ap_dev)->qid;
}

struct ap_device *ap_queue_card(const struct ap_device *ap_dev)
{
	return &container_of(ap_dev, struct ap_queue, ap_dev)->card->ap_dev;
}

/* ---- the device ---- */

static void release_queue(struct device *dev)
{
	struct ap_queue *aq = to_ap_queue(dev);

	/* One that never had a driver may still be looked after. */
	ap_poll_forget(aq);
	pthread_cond_destroy(&aq->received);
	pthread_mutex_destroy(&aq->lock);
	free(aq->reply);
	free(aq);
}

const struct device_type ap_queue_type = {
	.name = "ap_queue",
	.groups = ap_queue_dev_groups,
	.release = release_queue,
};

static void init_queue(struct ap_queue *aq)
{
	pthread_mutex_init(&aq->lock, NULL);
	pthread_cond_init(&aq->received, NULL);
	INIT_LIST_HEAD(&aq->pendingq);
	INIT_LIST_HEAD(&aq->requestq);
	INIT_LIST_HEAD(&aq->doneq);
	INIT_LIST_HEAD(&aq->poll.list);
	aq->dev_state = AP_DEV_STATE_UNINITIATED;
	aq->sm_state = AP_SM_STATE_RESET_START;
	aq->request_timeout = AP_REQUEST_TIMEOUT;
	aq->timer = AP_NEVER;
	aq->look = AP_NEVER;
	aq->told = AP_NEVER;
}

int ap_queue_create(ap_qid_t qid, struct ap_card *card, bool config, bool chkstop,
		    struct ap_queue **out)
{
	struct ap_queue *aq = calloc(1, sizeof(*aq));
	struct device *dev;
	int err;

	*out = NULL;
	if (!aq)
		return -ENOMEM;
	init_queue(aq);
	aq->card = card;
	aq->qid = qid;
	aq->config = config;
	aq->chkstop = chkstop;
	aq->ap_dev.device_type = card->ap_dev.device_type;
	dev = &aq->ap_dev.device;
	dev->type = &ap_queue_type;
	dev->bus = &ap_bus_type;
	dev->parent = &card->ap_dev.device;
	err = device_initialize(dev);
	if (!err)
		err = dev_set_name(dev, "%02x.%04x", AP_QID_CARD(qid), AP_QID_QUEUE(qid));
	if (err) {
		put_device(dev);
		return err;
	}
	*out = aq;
	return 0;
}

/* ---- between the poll thread and everybody else ---- */

int ap_queue_look_after(struct ap_queue *aq)
{
	int err;

	if (aq->looked_after)
		return 0;
	err = ap_poll_begin(aq);
	aq->looked_after = !err;
	aq->told = AP_NEVER;
	return err;
}

void ap_queue_settle(struct ap_queue *aq)
{
	uint64_t due = aq->look < aq->timer ? aq->look : aq->timer;

	if (!list_empty(&aq->doneq))
		due = 0;
	if (due == AP_NEVER) {
		ap_poll_end(aq);
		aq->looked_after = false;
	} else if (due < aq->told) {
		ap_poll_at(aq, due);
		aq->told = due;
	}
	/* Else the thread looks too early, once, and is told then. */
}

void ap_queue_wait_received(struct ap_queue *aq)
{
	struct ap_message fence = { .receive = NULL };

	if ((!aq->receiving && list_empty(&aq->doneq)) || ap_poll_is_self())
		return;
	list_add_tail(&fence.list, &aq->doneq);
	ap_queue_settle(aq);
	while (!list_empty(&fence.list))
		pthread_cond_wait(&aq->received, &aq->lock);
}

/* Call receive() of all that is over. Under the queue's lock, which is not held meanwhile. */
static void deliver(struct ap_queue *aq)
{
	struct ap_message *msg;

	while (!list_empty(&aq->doneq)) {
		msg = list_first_entry(&aq->doneq, struct ap_message, list);
		list_del_init(&msg->list);
		if (msg->receive) {
			aq->receiving = msg;
			pthread_mutex_unlock(&aq->lock);
			msg->receive(&aq->ap_dev, msg);
			pthread_mutex_lock(&aq->lock);
			aq->receiving = NULL;
		}
		pthread_cond_broadcast(&aq->received);
	}
}

void ap_queue_look(struct ap_queue *aq)
{
	pthread_mutex_lock(&aq->lock);
	aq->told = AP_NEVER;
	ap_sm_run(aq);
	ap_sm_expire(aq);
	deliver(aq);
	ap_queue_settle(aq);
	pthread_mutex_unlock(&aq->lock);
}

/* ---- requests ---- */

void ap_queue_init_state(struct ap_device *queue)
{
	struct ap_queue *aq = to_queue(queue);

	pthread_mutex_lock(&aq->lock);
	aq->dev_state = AP_DEV_STATE_OPERATING;
	aq->last_err_rc = AP_RESPONSE_NORMAL;
	ap_sm_restart(aq);
	ap_queue_settle(aq);
	pthread_mutex_unlock(&aq->lock);
}

static bool is_usable(const struct ap_queue *aq)
{
	return aq->config && !aq->chkstop && aq->dev_state == AP_DEV_STATE_OPERATING;
}

bool ap_queue_usable(struct ap_device *queue)
{
	struct ap_queue *aq = to_queue(queue);
	bool usable;

	pthread_mutex_lock(&aq->lock);
	usable = is_usable(aq);
	pthread_mutex_unlock(&aq->lock);
	return usable;
}

static int prepare_message(struct ap_queue *aq)
{
	if (!is_usable(aq))
		return -ENODEV;
	if (!aq->reply)
		aq->reply = malloc(aq->card->maxmsgsize);
	if (!aq->reply)
		return -ENOMEM;
	return ap_queue_look_after(aq);
}

int ap_queue_message(struct ap_device *queue, struct ap_message *msg)
{
	struct ap_queue *aq = to_queue(queue);
	int err;

	INIT_LIST_HEAD(&msg->list);
	pthread_mutex_lock(&aq->lock);
	err = prepare_message(aq);
	if (!err) {
		list_add_tail(&msg->list, &aq->requestq);
		aq->requestq_count++;
		aq->total_request_count++;
		atomic_fetch_add_explicit(&aq->card->request_count, 1, memory_order_relaxed);
		ap_sm_send(aq);
		ap_queue_settle(aq);
	}
	pthread_mutex_unlock(&aq->lock);
	return err;
}

static bool is_on(const struct list_head *list, const struct ap_message *msg)
{
	const struct ap_message *m;

	list_for_each_entry (m, list, list)
		if (m == msg)
			return true;
	return false;
}

bool ap_cancel_message(struct ap_device *queue, struct ap_message *msg)
{
	struct ap_queue *aq = to_queue(queue);
	bool taken;

	pthread_mutex_lock(&aq->lock);
	taken = !list_empty(&msg->list);
	if (taken) {
		/* The hardware keeps it; its reply will be nobody's. */
		if (is_on(&aq->pendingq, msg))
			aq->pendingq_count--;
		else if (is_on(&aq->requestq, msg))
			aq->requestq_count--;
		list_del_init(&msg->list);
		ap_queue_settle(aq);
	}
	if (aq->receiving == msg && !ap_poll_is_self())
		while (aq->receiving == msg)
			pthread_cond_wait(&aq->received, &aq->lock);
	pthread_mutex_unlock(&aq->lock);
	return taken;
}

void ap_flush_queue(struct ap_device *queue)
{
	struct ap_queue *aq = to_queue(queue);

	pthread_mutex_lock(&aq->lock);
	ap_sm_flush(aq);
	ap_queue_settle(aq);
	ap_queue_wait_received(aq);
	pthread_mutex_unlock(&aq->lock);
}

/* ---- what happens to it ---- */

/*
 * Has it a driver that sends requests by it? One that is leaving does not get it back: whoever it
 * is waits for the queue to be reset and silent.
 */
static bool is_used(const struct ap_queue *aq)
{
	return aq->dev_state == AP_DEV_STATE_OPERATING || aq->dev_state == AP_DEV_STATE_ERROR;
}

/* It has stopped to work, for @response_code. */
static void stop(struct ap_queue *aq, uint8_t response_code)
{
	if (is_used(aq)) {
		aq->dev_state = AP_DEV_STATE_ERROR;
		aq->last_err_rc = response_code;
	}
	ap_sm_give_up(aq);
}

/* It works again. */
static void start(struct ap_queue *aq)
{
	if (!is_used(aq))
		return;
	aq->dev_state = AP_DEV_STATE_OPERATING;
	aq->last_err_rc = AP_RESPONSE_NORMAL;
	ap_sm_restart(aq);
}

void ap_queue_scanned(struct ap_queue *aq, bool config, bool chkstop)
{
	bool configured = false;

	pthread_mutex_lock(&aq->lock);
	/* One change at a time; the next scan sees the other one. */
	if (chkstop != aq->chkstop) {
		aq->chkstop = chkstop;
		if (chkstop)
			stop(aq, AP_RESPONSE_CHECKSTOPPED);
		else
			start(aq);
	} else if (config != aq->config) {
		aq->config = config;
		configured = true;
		if (config)
			start(aq);
		else
			stop(aq, AP_RESPONSE_DECONFIGURED);
	} else if (config && aq->dev_state == AP_DEV_STATE_ERROR) {
		start(aq);
	}
	ap_queue_settle(aq);
	ap_queue_wait_received(aq);
	pthread_mutex_unlock(&aq->lock);
	if (configured)
		ap_send_config_uevent(&aq->ap_dev, config);
}

void ap_queue_prepare_remove(struct ap_queue *aq)
{
	pthread_mutex_lock(&aq->lock);
	aq->dev_state = AP_DEV_STATE_SHUTDOWN;
	ap_sm_give_up(aq);
	aq->look = AP_NEVER;
	ap_queue_settle(aq);
	ap_queue_wait_received(aq);
	pthread_mutex_unlock(&aq->lock);
}

void ap_queue_remove(struct ap_queue *aq)
{
	pthread_mutex_lock(&aq->lock);
	aq->dev_state = AP_DEV_STATE_UNINITIATED;
	ap_zapq(aq->qid);
	aq->look = AP_NEVER;
	ap_queue_settle(aq);
	pthread_mutex_unlock(&aq->lock);
	ap_poll_forget(aq);
}
