/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which of the queues that are assigned to a matrix its guest gets.
 *
 * Behaviour: Linux 7.3 drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_filter_matrix() and
 * vfio_ap_mdev_filter_cdoms().
 */
#include "private.h"

/* What the architecture has without APXA. */
#define OLD_MAX_ADAPTER 63
#define OLD_MAX_DOMAIN	15

void vfio_ap_matrix_init(struct ap_matrix *matrix)
{
	const struct ap_config_info *info = &matrix_dev->info;

	matrix->apm_max = info->apxa ? info->na : OLD_MAX_ADAPTER;
	matrix->aqm_max = info->apxa ? info->nd : OLD_MAX_DOMAIN;
	matrix->adm_max = info->apxa ? info->nd : OLD_MAX_DOMAIN;
}

enum passable {
	PASSABLE,
	NOT_PASSABLE,
	NOT_YET, /* its reset is under way */
};

static enum passable queue_passable(const struct ap_matrix_mdev *m, ap_qid_t qid)
{
	const struct vfio_ap_queue *q = matrix_dev->queues[qid];

	if (!q || q->matrix_mdev != m)
		return NOT_PASSABLE;
	/* Its guest has asked for the reset. */
	if (q->resetting)
		return ap_matrix_has(&m->shadow, qid) ? PASSABLE : NOT_YET;
	switch (q->reset_status.response_code) {
	case AP_RESPONSE_NORMAL:
	case AP_RESPONSE_DECONFIGURED:
	case AP_RESPONSE_CHECKSTOPPED:
		return PASSABLE;
	default:
		return NOT_PASSABLE;
	}
}

/* A guest has all queues of an adapter, or none. */
static bool adapter_passable(struct ap_matrix_mdev *m, unsigned int card, const struct ap_mask *aqm,
			     struct qid_set *blocked)
{
	bool passable = true;
	unsigned int domain;

	ap_for_each_bit (domain, aqm) {
		switch (queue_passable(m, AP_MKQID(card, domain))) {
		case PASSABLE:
			break;
		case NOT_PASSABLE:
			return false;
		case NOT_YET:
			passable = false;
			m->refilter = true;
			if (blocked)
				qid_set_add(blocked, AP_MKQID(card, domain));
			break;
		}
	}
	return passable;
}

void vfio_ap_filter_matrix(struct ap_matrix_mdev *m, struct ap_matrix *next,
			   struct qid_set *blocked)
{
	unsigned int card;

	m->refilter = false;
	vfio_ap_matrix_init(next);
	ap_mask_and(&next->apm, &m->matrix.apm, &matrix_dev->info.apm);
	ap_mask_and(&next->aqm, &m->matrix.aqm, &matrix_dev->info.aqm);
	ap_for_each_bit (card, &next->apm)
		if (!adapter_passable(m, card, &next->aqm, blocked))
			ap_mask_clear(&next->apm, card);
}

void vfio_ap_filter_cdoms(const struct ap_matrix_mdev *m, struct ap_matrix *next)
{
	ap_mask_and(&next->adm, &m->matrix.adm, &matrix_dev->info.adm);
}

/* Those that are in @before and not in @matrix. */
static void reset_what_left(const struct ap_matrix *before, const struct ap_matrix *matrix,
			    struct qid_set *resets)
{
	unsigned int card, domain;

	ap_for_each_bit (card, &before->apm) {
		ap_for_each_bit (domain, &before->aqm) {
			ap_qid_t qid = AP_MKQID(card, domain);
			struct vfio_ap_queue *q = matrix_dev->queues[qid];

			if (q && !ap_matrix_has(matrix, qid))
				vfio_ap_reset_start(q, resets);
		}
	}
}

void vfio_ap_set_shadow(struct ap_matrix_mdev *m, const struct ap_matrix *next,
			struct qid_set *resets)
{
	const struct ap_matrix before = m->shadow;
	bool same = ap_mask_equal(&before.apm, &next->apm) &&
		    ap_mask_equal(&before.aqm, &next->aqm) &&
		    ap_mask_equal(&before.adm, &next->adm);

	pthread_mutex_lock(&m->apcb_lock);
	m->shadow = *next;
	pthread_mutex_unlock(&m->apcb_lock);
	if (same)
		return;
	if (m->opened)
		vfio_ap_signal_cfg_chg(m);
	reset_what_left(&before, next, resets);
}
