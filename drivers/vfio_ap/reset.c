/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Resets of queues: a queue that leaves a guest gets one, and is nobody's until it is over.
 *
 * Behaviour: Linux 7.3 drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_reset_queue() and those that
 * wait for it; there under all locks.
 */
#include <time.h>

#include "private.h"

#define FIRST_PAUSE_MS	 1
#define LONGEST_PAUSE_MS 20
#define FIRST_NOTICE_MS	 1000

static void reset_unexpected(const struct vfio_ap_queue *q, const char *instruction, uint8_t code)
{
	pr_warn("vfio_ap: %s of queue %02x.%04x for a reset: unexpected response code %#04x",
		instruction, AP_QID_CARD(q->apqn), AP_QID_QUEUE(q->apqn), code);
}

/* ZAPQ, and whether it is to be waited for. */
static void zapq(struct vfio_ap_queue *q)
{
	q->reset_status = ap_zapq(q->apqn);
	switch (q->reset_status.response_code) {
	case AP_RESPONSE_NORMAL:
	case AP_RESPONSE_RESET_IN_PROGRESS:
	case AP_RESPONSE_BUSY:
		q->resetting = true;
		break;
	case AP_RESPONSE_DECONFIGURED:
	case AP_RESPONSE_CHECKSTOPPED:
	case AP_RESPONSE_Q_NOT_AVAIL:
		q->resetting = false;
		break;
	default:
		reset_unexpected(q, "ZAPQ", q->reset_status.response_code);
		q->resetting = false;
		break;
	}
}

void vfio_ap_reset_start(struct vfio_ap_queue *q, struct qid_set *resets)
{
	zapq(q);
	if (q->matrix_mdev)
		vfio_ap_irq_free(q);
	if (resets)
		qid_set_add(resets, q->apqn);
}

void vfio_ap_reset_linked(struct ap_matrix_mdev *m, struct qid_set *resets)
{
	unsigned int card, domain;

	ap_for_each_bit (card, &m->matrix.apm) {
		ap_for_each_bit (domain, &m->matrix.aqm) {
			struct vfio_ap_queue *q = matrix_dev->queues[AP_MKQID(card, domain)];

			if (q && q->matrix_mdev == m)
				vfio_ap_reset_start(q, resets);
		}
	}
}

/* Somebody else's reset was under way when this one was asked for: now it can begin. */
static bool was_refused(const struct vfio_ap_queue *q)
{
	return q->reset_status.response_code == AP_RESPONSE_RESET_IN_PROGRESS ||
	       q->reset_status.response_code == AP_RESPONSE_BUSY;
}

/* Look whether the reset of @q is over. */
static void look_at(struct vfio_ap_queue *q)
{
	struct ap_queue_status status = ap_tapq(q->apqn, NULL);

	switch (status.response_code) {
	case AP_RESPONSE_RESET_IN_PROGRESS:
	case AP_RESPONSE_BUSY:
		break;
	case AP_RESPONSE_NORMAL:
	case AP_RESPONSE_DECONFIGURED:
	case AP_RESPONSE_CHECKSTOPPED:
		if (was_refused(q))
			zapq(q);
		else
			q->resetting = false;
		break;
	case AP_RESPONSE_Q_NOT_AVAIL:
		q->resetting = false;
		break;
	default:
		reset_unexpected(q, "TAPQ", status.response_code);
		q->resetting = false;
		break;
	}
}

/* ---- waiting ---- */

/* Shadows that had to do without a queue that was being reset. */
static void filter_again(struct qid_set *resets)
{
	for (struct ap_matrix_mdev *m = matrix_dev->mdevs; m; m = m->next) {
		struct ap_matrix next = m->shadow;

		if (!m->refilter)
			continue;
		vfio_ap_filter_matrix(m, &next, NULL);
		vfio_ap_set_shadow(m, &next, resets);
	}
}

/*
 * Look at those that are being reset; the others leave the set. Return: has one? @slow: one that
 * stays, or NULL.
 */
static bool look_at_all(struct qid_set *resets, struct vfio_ap_queue **slow)
{
	bool over = false;

	for (size_t i = 0; i < ARRAY_SIZE(resets->word); i++) {
		uint64_t word = resets->word[i];

		for (; word; word &= word - 1) {
			unsigned int bit = __builtin_ctzll(word);
			struct vfio_ap_queue *q = matrix_dev->queues[i * 64 + bit];

			if (q && q->resetting)
				look_at(q);
			if (q && q->resetting) {
				*slow = q;
				continue;
			}
			resets->word[i] &= ~(UINT64_C(1) << bit);
			over = true;
		}
	}
	return over;
}

static bool is_empty(const struct qid_set *set)
{
	for (size_t i = 0; i < ARRAY_SIZE(set->word); i++)
		if (set->word[i])
			return false;
	return true;
}

static void notice_slow(const struct vfio_ap_queue *q, unsigned int waited_ms)
{
	pr_notice("vfio_ap: waited %ums for reset of queue %02x.%04x (%u, %u, %u)", waited_ms,
		  AP_QID_CARD(q->apqn), AP_QID_QUEUE(q->apqn), q->reset_status.response_code,
		  q->reset_status.queue_empty, q->reset_status.irq_enabled);
}

/* Return: are all resets over? */
static bool settled(struct qid_set *resets, struct vfio_ap_queue *leaving, bool notice,
		    unsigned int waited_ms)
{
	struct vfio_ap_queue *slow = NULL;
	bool done;

	pthread_mutex_lock(&matrix_dev->lock);
	if (look_at_all(resets, &slow))
		filter_again(resets);
	if (leaving && leaving->resetting)
		look_at(leaving);
	if (leaving && leaving->resetting)
		slow = leaving;
	done = !slow && is_empty(resets);
	if (slow && notice)
		notice_slow(slow, waited_ms);
	pthread_mutex_unlock(&matrix_dev->lock);
	return done;
}

void vfio_ap_settle(struct qid_set *resets, struct vfio_ap_queue *leaving)
{
	unsigned int pause_ms = FIRST_PAUSE_MS, waited_ms = 0, notice_ms = FIRST_NOTICE_MS;

	while (!settled(resets, leaving, waited_ms >= notice_ms, waited_ms)) {
		const struct timespec pause = { .tv_nsec = pause_ms * 1000000L };

		if (waited_ms >= notice_ms)
			notice_ms *= 2;
		nanosleep(&pause, NULL);
		waited_ms += pause_ms;
		if (pause_ms < LONGEST_PAUSE_MS)
			pause_ms++;
	}
}
