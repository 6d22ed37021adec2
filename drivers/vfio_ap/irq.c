/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PQAP(AQIC) of a guest: replies are indicated in a byte of its memory, and by the window's
 * interrupt.
 *
 * The hardware's time and the guest's are different ones: the guest may take its memory back, or go
 * away, before the hardware has heard that nothing is to be indicated any more. So the byte is
 * taken out of the hardware's hands by a lock of its own, and what comes late falls into nothing.
 */
#include <errno.h>
#include <time.h>
#include <umdev/vfio_ap.h>

#include "private.h"

/* How long a change of interrupts is waited for, which takes no longer than one pause. */
#define BUSY_PAUSE_NS 50000
#define BUSY_TRIES    1000

/* Under @irq->lock, with a byte. */
static void tell(const struct vfio_ap_irq *irq)
{
	__atomic_store_n(irq->nib, VFIO_AP_INDICATOR, __ATOMIC_RELEASE);
	vfio_irq_trigger(irq->vdev, VFIO_AP_WINDOW_IRQ_INDEX, 0);
}

/* The hardware, under its lock of the queue. */
static void indicate(struct ap_indicator *indicator, ap_qid_t qid)
{
	struct vfio_ap_irq *irq = container_of(indicator, struct vfio_ap_irq, indicator);

	pthread_mutex_lock(&irq->lock);
	if (irq->nib)
		tell(irq);
	else
		irq->early = true;
	pthread_mutex_unlock(&irq->lock);
}

void vfio_ap_irq_init(struct vfio_ap_queue *q)
{
	pthread_mutex_init(&q->irq.lock, NULL);
	q->irq.indicator.fn = indicate;
}

void vfio_ap_irq_finish(struct vfio_ap_queue *q)
{
	pthread_mutex_destroy(&q->irq.lock);
}

/* Another byte, or none (@nib NULL); the one before is given back. */
static void exchange(struct vfio_ap_irq *irq, struct vfio_device *vdev, uint64_t iova, uint8_t *nib)
{
	struct vfio_device *old_vdev = irq->vdev;
	uint64_t old_iova = irq->iova;

	pthread_mutex_lock(&irq->lock);
	irq->vdev = vdev;
	irq->iova = iova;
	irq->nib = nib;
	if (nib && irq->early)
		tell(irq);
	irq->early = false;
	pthread_mutex_unlock(&irq->lock);
	if (old_vdev)
		vfio_unpin_pages(old_vdev, old_iova, 1);
}

void vfio_ap_irq_free(struct vfio_ap_queue *q)
{
	exchange(&q->irq, NULL, 0, NULL);
}

static struct ap_queue_status status_of(uint8_t response_code)
{
	return (struct ap_queue_status) { .response_code = response_code };
}

/* The byte is known to be the new one when the hardware has agreed, and not before. */
static struct ap_queue_status enable(struct ap_matrix_mdev *m, struct vfio_ap_queue *q,
				     uint64_t iova)
{
	const int prot = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
	struct ap_queue_status status;
	void *page;

	if (!iova || vfio_pin_pages(&m->vdev, iova, 1, prot, &page) != 1)
		return status_of(AP_RESPONSE_INVALID_ADDRESS);
	pthread_mutex_lock(&q->irq.lock);
	q->irq.early = false;
	pthread_mutex_unlock(&q->irq.lock);
	status = ap_aqic(q->apqn, &q->irq.indicator);
	if (status.response_code == AP_RESPONSE_NORMAL)
		exchange(&q->irq, &m->vdev, iova, (uint8_t *)page + iova % 4096);
	else
		vfio_unpin_pages(&m->vdev, iova, 1);
	return status;
}

/* A queue that is busy, or being reset, keeps the byte: its guest has to ask again. */
static struct ap_queue_status disable(struct vfio_ap_queue *q)
{
	struct ap_queue_status status = ap_aqic(q->apqn, NULL);

	if (status.response_code != AP_RESPONSE_BUSY &&
	    status.response_code != AP_RESPONSE_RESET_IN_PROGRESS)
		vfio_ap_irq_free(q);
	return status;
}

struct ap_queue_status vfio_ap_irq_aqic(struct ap_matrix_mdev *m, ap_qid_t qid, uint64_t gr1,
					uint64_t gr2)
{
	struct ap_queue_status status = status_of(AP_RESPONSE_Q_NOT_AVAIL);
	struct vfio_ap_queue *q;

	pthread_mutex_lock(&matrix_dev->lock);
	pthread_mutex_lock(&m->apcb_lock);
	q = matrix_dev->queues[qid];
	if (!m->revoked && ap_matrix_has(&m->shadow, qid) && q && q->matrix_mdev == m)
		status = gr1 & VFIO_AP_AQIC_IR ? enable(m, q, gr2) : disable(q);
	pthread_mutex_unlock(&m->apcb_lock);
	pthread_mutex_unlock(&matrix_dev->lock);
	return status;
}

/*
 * The hardware is busy while it begins to indicate, which is soon over. It must not go on without a
 * byte: who asks for indications again would hear that there are some.
 */
static void end_indications(struct vfio_ap_queue *q)
{
	const struct timespec pause = { .tv_nsec = BUSY_PAUSE_NS };

	for (int i = 0; i < BUSY_TRIES; i++) {
		if (ap_aqic(q->apqn, NULL).response_code != AP_RESPONSE_BUSY)
			break;
		nanosleep(&pause, NULL);
	}
	vfio_ap_irq_free(q);
}

void vfio_ap_irq_unmap(struct ap_matrix_mdev *m, uint64_t iova, uint64_t length)
{
	unsigned int card, domain;

	pthread_mutex_lock(&matrix_dev->lock);
	/* A queue that leaves the shadow loses its byte. */
	ap_for_each_bit (card, &m->shadow.apm) {
		ap_for_each_bit (domain, &m->shadow.aqm) {
			struct vfio_ap_queue *q = matrix_dev->queues[AP_MKQID(card, domain)];

			if (q && q->irq.vdev == &m->vdev && q->irq.iova - iova < length)
				end_indications(q);
		}
	}
	pthread_mutex_unlock(&matrix_dev->lock);
}
