/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A guest comes, resets its queues, and goes.
 *
 * Behaviour: Linux 7.3 drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_set_kvm(),
 * vfio_ap_mdev_unset_kvm(), vfio_ap_mdev_reset_queues().
 */
#include <errno.h>

#include "private.h"

static bool all_reset(const struct ap_matrix_mdev *m)
{
	unsigned int card, domain;

	ap_for_each_bit (card, &m->matrix.apm) {
		ap_for_each_bit (domain, &m->matrix.aqm) {
			const struct vfio_ap_queue *q = matrix_dev->queues[AP_MKQID(card, domain)];

			if (q && q->matrix_mdev == m && q->reset_status.response_code)
				return false;
		}
	}
	return true;
}

int vfio_ap_mdev_reset_queues(struct ap_matrix_mdev *m)
{
	struct qid_set resets = { 0 };
	int err;

	pthread_mutex_lock(&matrix_dev->lock);
	vfio_ap_reset_linked(m, &resets);
	pthread_mutex_unlock(&matrix_dev->lock);

	vfio_ap_settle(&resets, NULL);

	pthread_mutex_lock(&matrix_dev->lock);
	err = all_reset(m) ? 0 : -EIO;
	pthread_mutex_unlock(&matrix_dev->lock);
	return err;
}

int vfio_ap_guest_attach(struct ap_matrix_mdev *m)
{
	/* A queue that can't be reset now (deconfigured, say) is so when it comes back. */
	vfio_ap_mdev_reset_queues(m);

	pthread_mutex_lock(&matrix_dev->lock);
	m->opened = true;
	vfio_ap_signal_cfg_chg(m);
	pthread_mutex_unlock(&matrix_dev->lock);
	return 0;
}

void vfio_ap_guest_detach(struct ap_matrix_mdev *m)
{
	vfio_ap_mdev_reset_queues(m);

	pthread_mutex_lock(&matrix_dev->lock);
	m->opened = false;
	pthread_mutex_unlock(&matrix_dev->lock);
}
