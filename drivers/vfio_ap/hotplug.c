/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The machine changes: what has gone leaves all guests at once, what has come is given to them when
 * the bus's scan is over.
 *
 * Behaviour: Linux 7.3 drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_on_cfg_changed() and
 * vfio_ap_on_scan_complete().
 */
#include "private.h"

/** struct difference - adapters, domains and control domains that one configuration has more */
struct difference {
	struct ap_mask apm;
	struct ap_mask aqm;
	struct ap_mask adm;
};

/* Return: is there one? */
static bool subtract(struct difference *diff, const struct ap_config_info *of,
		     const struct ap_config_info *other)
{
	bool some = ap_mask_andnot(&diff->apm, &of->apm, &other->apm);

	some |= ap_mask_andnot(&diff->aqm, &of->aqm, &other->aqm);
	some |= ap_mask_andnot(&diff->adm, &of->adm, &other->adm);
	return some;
}

static void unplug(const struct difference *gone, struct qid_set *resets)
{
	for (struct ap_matrix_mdev *m = matrix_dev->mdevs; m; m = m->next) {
		struct ap_matrix next = m->shadow;

		ap_mask_andnot(&next.apm, &next.apm, &gone->apm);
		ap_mask_andnot(&next.aqm, &next.aqm, &gone->aqm);
		ap_mask_andnot(&next.adm, &next.adm, &gone->adm);
		vfio_ap_set_shadow(m, &next, resets);
	}
}

/* What vfio_ap has no driver for, or what can't be told, is not waited for. */
static bool supported(ap_qid_t qid)
{
	struct ap_tapq_hwinfo info = { 0 };

	switch (ap_tapq(qid, &info).response_code) {
	case AP_RESPONSE_NORMAL:
	case AP_RESPONSE_RESET_IN_PROGRESS:
	case AP_RESPONSE_DECONFIGURED:
	case AP_RESPONSE_CHECKSTOPPED:
	case AP_RESPONSE_BUSY:
		return info.at >= AP_DEVICE_TYPE_CEX4;
	default:
		return false;
	}
}

static bool all_supported(unsigned int card, const struct ap_mask *aqm)
{
	unsigned int domain;

	ap_for_each_bit (domain, aqm)
		if (!supported(AP_MKQID(card, domain)))
			return false;
	return true;
}

/* Each matrix waits for the end of the scan with what it has of this. */
static void plug(struct difference *come)
{
	unsigned int card;

	ap_for_each_bit (card, &come->apm)
		if (!all_supported(card, &come->aqm))
			ap_mask_clear(&come->apm, card);
	for (struct ap_matrix_mdev *m = matrix_dev->mdevs; m; m = m->next) {
		ap_mask_and(&m->apm_add, &m->matrix.apm, &come->apm);
		ap_mask_and(&m->aqm_add, &m->matrix.aqm, &come->aqm);
		ap_mask_and(&m->adm_add, &m->matrix.adm, &come->adm);
	}
}

void vfio_ap_on_config_changed(const struct ap_config_info *now,
			       const struct ap_config_info *before)
{
	struct qid_set resets = { 0 };
	struct difference diff;

	pthread_mutex_lock(&matrix_dev->lock);
	if (subtract(&diff, before, now))
		unplug(&diff, &resets);
	if (subtract(&diff, now, before) && matrix_dev->mdevs)
		plug(&diff);
	matrix_dev->info = *now;
	pthread_mutex_unlock(&matrix_dev->lock);

	vfio_ap_settle(&resets, NULL);
}

/* Those that are still assigned. */
static void give_what_came(struct ap_matrix_mdev *m, struct qid_set *resets)
{
	struct ap_matrix next = m->shadow;
	struct ap_mask both;
	bool queues = ap_mask_and(&both, &m->matrix.apm, &m->apm_add);

	queues |= ap_mask_and(&both, &m->matrix.aqm, &m->aqm_add);
	if (queues)
		vfio_ap_filter_matrix(m, &next, resets);
	if (ap_mask_and(&both, &m->matrix.adm, &m->adm_add))
		vfio_ap_filter_cdoms(m, &next);
	vfio_ap_set_shadow(m, &next, resets);
}

void vfio_ap_on_scan_complete(const struct ap_config_info *now, const struct ap_config_info *before)
{
	static const struct ap_mask none;
	struct qid_set resets = { 0 };

	pthread_mutex_lock(&matrix_dev->lock);
	for (struct ap_matrix_mdev *m = matrix_dev->mdevs; m; m = m->next) {
		give_what_came(m, &resets);
		m->apm_add = none;
		m->aqm_add = none;
		m->adm_add = none;
	}
	pthread_mutex_unlock(&matrix_dev->lock);

	vfio_ap_settle(&resets, NULL);
}
