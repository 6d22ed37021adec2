/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What may be assigned to a matrix, and what assigning does.
 *
 * Behaviour: Linux 7.3 drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_validate_masks() and what
 * its callers do afterwards.
 */
#include <errno.h>

#include "private.h"

/* A write can meet 65536 queues; more lines than this help nobody. */
#define MAX_LINES 256

static void log_conflict(const struct ap_matrix_mdev *assignee, const struct ap_matrix_mdev *owner,
			 const struct ap_mask *apm, const struct ap_mask *aqm)
{
	unsigned int card, domain, lines = 0;

	ap_for_each_bit (card, apm) {
		ap_for_each_bit (domain, aqm) {
			if (lines++ == MAX_LINES)
				return;
			if (assignee)
				dev_warn(&assignee->mdev->dev,
					 "Userspace may not assign queue %02x.%04x to mdev: "
					 "already assigned to %s",
					 card, domain, dev_name(&owner->mdev->dev));
			else
				dev_warn(&owner->mdev->dev,
					 "Can not reserve queue %02x.%04x for host driver: "
					 "in use by mdev",
					 card, domain);
		}
	}
}

int vfio_ap_no_sharing(struct ap_matrix_mdev *assignee, const struct ap_mask *apm,
		       const struct ap_mask *aqm)
{
	for (struct ap_matrix_mdev *m = matrix_dev->mdevs; m; m = m->next) {
		struct ap_mask both_apm, both_aqm;

		if (m == assignee || !ap_mask_and(&both_apm, apm, &m->matrix.apm) ||
		    !ap_mask_and(&both_aqm, aqm, &m->matrix.aqm))
			continue;
		log_conflict(assignee, m, &both_apm, &both_aqm);
		return -EADDRINUSE;
	}
	return 0;
}

int vfio_ap_matrix_allowed(struct ap_matrix_mdev *m, const struct ap_matrix *matrix)
{
	if (ap_apqn_in_matrix_owned_by_def_drv(&matrix->apm, &matrix->aqm))
		return -EADDRNOTAVAIL;
	return vfio_ap_no_sharing(m, &matrix->apm, &matrix->aqm);
}

/* All that are bound; nobody else has them assigned. */
static void link_queues(struct ap_matrix_mdev *m, const struct ap_matrix *matrix)
{
	unsigned int card, domain;

	ap_for_each_bit (card, &matrix->apm) {
		ap_for_each_bit (domain, &matrix->aqm) {
			struct vfio_ap_queue *q = matrix_dev->queues[AP_MKQID(card, domain)];

			if (q)
				q->matrix_mdev = m;
		}
	}
}

static void unlink_queues(struct ap_matrix_mdev *m, const struct ap_matrix *before)
{
	unsigned int card, domain;

	ap_for_each_bit (card, &before->apm) {
		ap_for_each_bit (domain, &before->aqm) {
			ap_qid_t qid = AP_MKQID(card, domain);
			struct vfio_ap_queue *q = matrix_dev->queues[qid];

			if (q && !ap_matrix_has(&m->matrix, qid))
				q->matrix_mdev = NULL;
		}
	}
}

void vfio_ap_set_matrix(struct ap_matrix_mdev *m, const struct ap_matrix *matrix, bool filter,
			bool cdoms, struct qid_set *resets)
{
	const struct ap_matrix before = m->matrix;
	struct ap_matrix next = m->shadow;

	ap_matrix_copy_masks(&m->matrix, matrix);
	link_queues(m, &m->matrix);
	if (filter) {
		vfio_ap_filter_matrix(m, &next, resets);
	} else {
		ap_mask_and(&next.apm, &next.apm, &matrix->apm);
		ap_mask_and(&next.aqm, &next.aqm, &matrix->aqm);
	}
	if (cdoms)
		vfio_ap_filter_cdoms(m, &next);
	else
		ap_mask_and(&next.adm, &next.adm, &matrix->adm);
	vfio_ap_set_shadow(m, &next, resets);
	/* Behind the reset, which gives back what the guest has lent to the queue. */
	unlink_queues(m, &before);
}
