/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The state machine of a queue: reset, interrupts, requests to the hardware and replies from it.
 *
 * Behaviour: Linux 7.3 drivers/s390/crypto/ap_queue.c. Where a request can't be answered any more
 * it is over at once here, there with the next scan.
 */
#include <errno.h>
#include <string.h>

#include "ap_queue.h"

/* A reset is looked at after a millisecond first, then ever less often. */
#define PAUSE_FIRST AP_NSEC_PER_MSEC
#define PAUSE_LAST  (40 * AP_NSEC_PER_MSEC)

/* What a state waits for before it is run again, the most urgent first. */
enum ap_sm_wait {
	AP_SM_WAIT_AGAIN,
	AP_SM_WAIT_HIGH_TIMEOUT, /* a reply that is not indicated */
	AP_SM_WAIT_LOW_TIMEOUT,	 /* the end of a reset */
	AP_SM_WAIT_INTERRUPT,
	AP_SM_WAIT_NONE,
};

/* ---- requests between the lists ---- */

/* @msg leaves its list, which is counted elsewhere. */
static void finish(struct ap_queue *aq, struct ap_message *msg, int rc)
{
	list_del_init(&msg->list);
	msg->rc = rc;
	list_add_tail(&msg->list, &aq->doneq);
}

/* The hardware has nothing any more. What it has lost is sent again, before all else. */
static void take_back(struct ap_queue *aq)
{
	struct ap_message *msg;

	while (!list_empty(&aq->pendingq)) {
		msg = list_last_entry(&aq->pendingq, struct ap_message, list);
		list_del_init(&msg->list);
		list_add(&msg->list, &aq->requestq);
		aq->requestq_count++;
	}
	aq->pendingq_count = 0;
	aq->queue_count = 0;
	aq->timer = AP_NEVER;
}

void ap_sm_flush(struct ap_queue *aq)
{
	struct ap_message *msg, *next;

	list_for_each_entry_safe (msg, next, &aq->pendingq, list)
		finish(aq, msg, -EAGAIN);
	list_for_each_entry_safe (msg, next, &aq->requestq, list)
		finish(aq, msg, -EAGAIN);
	aq->pendingq_count = 0;
	aq->requestq_count = 0;
}

void ap_sm_give_up(struct ap_queue *aq)
{
	ap_sm_flush(aq);
	aq->queue_count = 0;
	aq->timer = AP_NEVER;
}

/* ---- states ---- */

static enum ap_sm_wait fail(struct ap_queue *aq, uint8_t response_code)
{
	dev_dbg(&aq->ap_dev.device, "response 0x%02x in state %d", response_code, aq->sm_state);
	aq->dev_state = AP_DEV_STATE_ERROR;
	aq->last_err_rc = response_code;
	ap_sm_give_up(aq);
	return AP_SM_WAIT_NONE;
}

static enum ap_sm_wait wait_for_reset(struct ap_queue *aq)
{
	take_back(aq);
	aq->sm_state = AP_SM_STATE_RESET_WAIT;
	aq->pause = PAUSE_FIRST;
	return AP_SM_WAIT_LOW_TIMEOUT;
}

static enum ap_sm_wait wait_for_reply(const struct ap_queue *aq,
				      const struct ap_queue_status *status)
{
	/* Who has nothing there is not told of anything. */
	return status->irq_enabled && aq->queue_count ? AP_SM_WAIT_INTERRUPT
						      : AP_SM_WAIT_HIGH_TIMEOUT;
}

static bool enable_irq(struct ap_queue *aq)
{
	struct ap_queue_status status;

	if (!ap_interrupts_available())
		return false;
	status = ap_aqic(aq->qid, &ap_poll_indicator);
	if (status.response_code != AP_RESPONSE_NORMAL &&
	    status.response_code != AP_RESPONSE_OTHERWISE_CHANGED)
		return false;
	aq->sm_state = AP_SM_STATE_SETIRQ_WAIT;
	aq->pause = PAUSE_FIRST;
	return true;
}

static enum ap_sm_wait reset(struct ap_queue *aq)
{
	struct ap_queue_status status = ap_rapq(aq->qid);

	switch (status.response_code) {
	case AP_RESPONSE_NORMAL:
	case AP_RESPONSE_RESET_IN_PROGRESS:
		return wait_for_reset(aq);
	default:
		return fail(aq, status.response_code);
	}
}

static enum ap_sm_wait reset_wait(struct ap_queue *aq)
{
	struct ap_queue_status status = ap_tapq(aq->qid, NULL);

	switch (status.response_code) {
	case AP_RESPONSE_NORMAL:
		if (!enable_irq(aq))
			aq->sm_state = AP_SM_STATE_IDLE;
		return AP_SM_WAIT_AGAIN;
	case AP_RESPONSE_BUSY:
	case AP_RESPONSE_RESET_IN_PROGRESS:
		return AP_SM_WAIT_LOW_TIMEOUT;
	default:
		return fail(aq, status.response_code);
	}
}

static enum ap_sm_wait setirq_wait(struct ap_queue *aq)
{
	struct ap_queue_status status = ap_tapq(aq->qid, NULL);

	switch (status.response_code) {
	case AP_RESPONSE_NORMAL:
		if (!status.irq_enabled)
			return AP_SM_WAIT_LOW_TIMEOUT;
		aq->sm_state = AP_SM_STATE_IDLE;
		return AP_SM_WAIT_AGAIN;
	case AP_RESPONSE_BUSY:
		return AP_SM_WAIT_LOW_TIMEOUT;
	case AP_RESPONSE_RESET_IN_PROGRESS:
		return wait_for_reset(aq);
	default:
		return fail(aq, status.response_code);
	}
}

static enum ap_sm_wait write_request(struct ap_queue *aq)
{
	struct ap_queue_status status;
	struct ap_message *msg;

	if (list_empty(&aq->requestq))
		return AP_SM_WAIT_NONE;
	msg = list_first_entry(&aq->requestq, struct ap_message, list);
	status = ap_nqap(aq->qid, msg->psmid, msg->msg, msg->len);
	switch (status.response_code) {
	case AP_RESPONSE_NORMAL:
		if (!aq->queue_count++)
			aq->timer = ap_now() + aq->request_timeout;
		list_del_init(&msg->list);
		list_add_tail(&msg->list, &aq->pendingq);
		aq->requestq_count--;
		aq->pendingq_count++;
		aq->sm_state = AP_SM_STATE_WORKING;
		if (aq->queue_count > aq->card->hwinfo.qd)
			aq->sm_state = AP_SM_STATE_QUEUE_FULL;
		else if (aq->requestq_count)
			return AP_SM_WAIT_AGAIN;
		return wait_for_reply(aq, &status);
	case AP_RESPONSE_Q_FULL:
		aq->sm_state = AP_SM_STATE_QUEUE_FULL;
		return wait_for_reply(aq, &status);
	case AP_RESPONSE_RESET_IN_PROGRESS:
		return wait_for_reset(aq);
	case AP_RESPONSE_INVALID_DOMAIN:
	case AP_RESPONSE_MESSAGE_TOO_BIG:
	case AP_RESPONSE_REQ_FAC_NOT_INST:
		aq->requestq_count--;
		finish(aq, msg, -EINVAL);
		return AP_SM_WAIT_AGAIN;
	default:
		return fail(aq, status.response_code);
	}
}

/* A reply to a request that was cancelled is nobody's. */
static void hand_over(struct ap_queue *aq, uint64_t psmid, size_t len, bool complete)
{
	struct ap_message *msg;

	list_for_each_entry (msg, &aq->pendingq, list) {
		if (msg->psmid != psmid)
			continue;
		aq->pendingq_count--;
		if (!complete || len > msg->bufsize) {
			finish(aq, msg, -EMSGSIZE);
			return;
		}
		memcpy(msg->msg, aq->reply, len);
		msg->len = len;
		finish(aq, msg, 0);
		return;
	}
}

static struct ap_queue_status take_reply(struct ap_queue *aq)
{
	struct ap_queue_status status;
	uint64_t psmid = 0;
	size_t len = 0;
	bool complete;

	status = ap_dqap(aq->qid, &psmid, aq->reply, aq->card->maxmsgsize, &len);
	complete = status.response_code == AP_RESPONSE_NORMAL;
	if (complete || status.response_code == AP_RESPONSE_MESSAGE_TOO_BIG) {
		status.response_code = AP_RESPONSE_NORMAL;
		if (aq->queue_count)
			aq->queue_count--;
		if (!status.queue_empty && !aq->queue_count)
			aq->queue_count = 1;
		aq->timer = aq->queue_count ? ap_now() + aq->request_timeout : AP_NEVER;
		hand_over(aq, psmid, len, complete);
	} else if (status.response_code != AP_RESPONSE_NO_PENDING_REPLY) {
		return status;
	}
	if (status.queue_empty && aq->queue_count) {
		dev_warn(&aq->ap_dev.device, "%u requests lost by the hardware, sent again",
			 aq->pendingq_count);
		take_back(aq);
	}
	return status;
}

static enum ap_sm_wait read_reply(struct ap_queue *aq)
{
	struct ap_queue_status status = take_reply(aq);

	switch (status.response_code) {
	case AP_RESPONSE_NORMAL:
		if (!aq->queue_count)
			break;
		aq->sm_state = AP_SM_STATE_WORKING;
		return AP_SM_WAIT_AGAIN;
	case AP_RESPONSE_NO_PENDING_REPLY:
		if (!aq->queue_count)
			break;
		return wait_for_reply(aq, &status);
	case AP_RESPONSE_RESET_IN_PROGRESS:
		return wait_for_reset(aq);
	default:
		return fail(aq, status.response_code);
	}
	aq->sm_state = AP_SM_STATE_IDLE;
	if (!status.irq_enabled && status.queue_empty && enable_irq(aq))
		return AP_SM_WAIT_AGAIN;
	return aq->requestq_count ? AP_SM_WAIT_AGAIN : AP_SM_WAIT_NONE;
}

static enum ap_sm_wait read_and_write(struct ap_queue *aq)
{
	enum ap_sm_wait wait = read_reply(aq), more;

	/* A queue that has left this state sends when it is ready again. */
	if (aq->dev_state == AP_DEV_STATE_ERROR || aq->sm_state != AP_SM_STATE_WORKING)
		return wait;
	more = write_request(aq);
	if (aq->dev_state == AP_DEV_STATE_ERROR || aq->sm_state == AP_SM_STATE_RESET_WAIT)
		return more;
	return wait < more ? wait : more;
}

static enum ap_sm_wait (*const step[])(struct ap_queue *aq) = {
	[AP_SM_STATE_RESET_START] = reset,	 [AP_SM_STATE_RESET_WAIT] = reset_wait,
	[AP_SM_STATE_SETIRQ_WAIT] = setirq_wait, [AP_SM_STATE_IDLE] = write_request,
	[AP_SM_STATE_WORKING] = read_and_write,	 [AP_SM_STATE_QUEUE_FULL] = read_reply,
};

/* ---- driving it ---- */

bool ap_sm_runs(const struct ap_queue *aq)
{
	return aq->config && !aq->chkstop &&
	       (aq->dev_state == AP_DEV_STATE_OPERATING || aq->dev_state == AP_DEV_STATE_ERROR);
}

static uint64_t look_after(struct ap_queue *aq, enum ap_sm_wait wait)
{
	uint64_t pause = aq->pause;

	switch (wait) {
	case AP_SM_WAIT_HIGH_TIMEOUT:
		return ap_now() + ap_poll_pause();
	case AP_SM_WAIT_LOW_TIMEOUT:
		aq->pause = pause * 2 < PAUSE_LAST ? pause * 2 : PAUSE_LAST;
		return ap_now() + pause;
	default:
		return AP_NEVER;
	}
}

void ap_sm_run(struct ap_queue *aq)
{
	enum ap_sm_wait wait = AP_SM_WAIT_AGAIN;

	while (wait == AP_SM_WAIT_AGAIN)
		wait = ap_sm_runs(aq) ? step[aq->sm_state](aq) : AP_SM_WAIT_NONE;
	aq->look = look_after(aq, wait);
}

void ap_sm_send(struct ap_queue *aq)
{
	enum ap_sm_wait wait = AP_SM_WAIT_AGAIN;
	uint64_t look;

	while (wait == AP_SM_WAIT_AGAIN)
		wait = aq->sm_state == AP_SM_STATE_IDLE || aq->sm_state == AP_SM_STATE_WORKING
			       ? write_request(aq)
			       : AP_SM_WAIT_NONE;
	look = look_after(aq, wait);
	if (look < aq->look)
		aq->look = look;
}

void ap_sm_restart(struct ap_queue *aq)
{
	aq->sm_state = AP_SM_STATE_RESET_START;
	aq->look = AP_NEVER;
	if (!ap_sm_runs(aq))
		return;
	if (ap_queue_look_after(aq))
		fail(aq, AP_RESPONSE_BUSY);
	else
		ap_sm_run(aq);
}

void ap_sm_expire(struct ap_queue *aq)
{
	struct ap_message *msg;

	if (aq->timer > ap_now())
		return;
	aq->timer = AP_NEVER;
	dev_warn(&aq->ap_dev.device, "no reply in time, reset");
	if (!list_empty(&aq->pendingq)) {
		msg = list_first_entry(&aq->pendingq, struct ap_message, list);
		aq->pendingq_count--;
		finish(aq, msg, -EIO);
	}
	ap_sm_restart(aq);
}
