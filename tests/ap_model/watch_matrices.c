/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A part of the test's vfio_ap; see watch.h. */
#include <stdio.h>
#include <stdlib.h>

#include "../../drivers/vfio_ap/private.h"
#include "ap_model/watch.h"

static bool overlap(const struct ap_matrix *a, const struct ap_matrix *b)
{
	struct ap_mask both;

	return ap_mask_and(&both, &a->apm, &b->apm) && ap_mask_and(&both, &a->aqm, &b->aqm);
}

static void check(bool good, const char *what, unsigned int qid)
{
	if (good)
		return;
	fprintf(stderr, "watch: %s: %02x.%04x\n", what, AP_QID_CARD(qid), AP_QID_QUEUE(qid));
	abort();
}

static unsigned int check_shadow(const struct ap_matrix_mdev *m)
{
	unsigned int n = 0, card, domain;

	ap_for_each_bit (card, &m->shadow.apm) {
		ap_for_each_bit (domain, &m->shadow.aqm) {
			unsigned int qid = AP_MKQID(card, domain);
			const struct vfio_ap_queue *q = matrix_dev->queues[qid];

			check(q, "a guest has a queue that is not bound", qid);
			check(q->matrix_mdev == m, "a guest has a queue that is another's", qid);
			check(ap_mask_test(&m->matrix.apm, card) &&
				      ap_mask_test(&m->matrix.aqm, domain),
			      "a guest has a queue that is not assigned", qid);
			n++;
		}
	}
	return n;
}

unsigned int watch_matrices(void)
{
	const struct ap_matrix_mdev *m, *other;
	unsigned int n = 0;

	pthread_mutex_lock(&matrix_dev->lock);
	for (m = matrix_dev->mdevs; m; m = m->next) {
		for (other = m->next; other; other = other->next) {
			check(!overlap(&m->shadow, &other->shadow), "two guests share queues", 0);
			check(!overlap(&m->matrix, &other->matrix), "queues are assigned twice", 0);
		}
		n += check_shadow(m);
	}
	pthread_mutex_unlock(&matrix_dev->lock);
	return n;
}
