/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Queues that are bound to vfio_ap.
 *
 * Behaviour: Linux 7.3 drivers/s390/crypto/vfio_ap_ops.c, vfio_ap_mdev_probe_queue(),
 * vfio_ap_mdev_remove_queue(), vfio_ap_mdev_resource_in_use().
 */
#include <errno.h>
#include <stdlib.h>

#include "private.h"

/* ---- attributes ---- */

static const char *queue_status(const struct vfio_ap_queue *q)
{
	const struct ap_matrix_mdev *m = q->matrix_mdev;

	if (!m)
		return "unassigned";
	return m->opened && ap_matrix_has(&m->shadow, q->apqn) ? "in use" : "assigned";
}

static ssize_t status_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	const char *status;

	pthread_mutex_lock(&matrix_dev->lock);
	status = queue_status(dev_get_drvdata(dev));
	pthread_mutex_unlock(&matrix_dev->lock);
	return sysfs_emit(buf, "%s\n", status);
}
static DEVICE_ATTR_RO(status);

static struct attribute *queue_attrs[] = { &dev_attr_status.attr, NULL };
static const struct attribute_group queue_group = { .attrs = queue_attrs };
const struct attribute_group *vfio_ap_queue_attr_groups[] = { &queue_group, NULL };

/* ---- binding ---- */

static struct ap_matrix_mdev *mdev_for_queue(ap_qid_t qid)
{
	struct ap_matrix_mdev *m = matrix_dev->mdevs;

	while (m && !ap_matrix_has(&m->matrix, qid))
		m = m->next;
	return m;
}

/* Its guest may get it, but when a scan has found more the end of the scan sees to all at once. */
static void give_to_guest(struct ap_matrix_mdev *m, struct qid_set *resets)
{
	struct ap_matrix next = m->shadow;

	if (!ap_mask_empty(&m->apm_add) || !ap_mask_empty(&m->aqm_add))
		return;
	vfio_ap_filter_matrix(m, &next, resets);
	vfio_ap_set_shadow(m, &next, resets);
}

int vfio_ap_probe_queue(struct ap_device *ap_dev)
{
	struct vfio_ap_queue *q = calloc(1, sizeof(*q));
	struct qid_set resets = { 0 };

	if (!q)
		return -ENOMEM;
	q->apqn = ap_queue_qid(ap_dev);
	vfio_ap_irq_init(q);
	dev_set_drvdata(&ap_dev->device, q);

	pthread_mutex_lock(&matrix_dev->lock);
	matrix_dev->queues[q->apqn] = q;
	q->matrix_mdev = mdev_for_queue(q->apqn);
	if (q->matrix_mdev)
		give_to_guest(q->matrix_mdev, &resets);
	pthread_mutex_unlock(&matrix_dev->lock);

	vfio_ap_settle(&resets, NULL);
	return 0;
}

/* A guest that loses one queue of an adapter loses the adapter. */
static void take_from_guest(struct vfio_ap_queue *q, struct qid_set *resets)
{
	struct ap_matrix_mdev *m = q->matrix_mdev;
	struct ap_matrix next = m->shadow;

	ap_mask_clear(&next.apm, AP_QID_CARD(q->apqn));
	vfio_ap_set_shadow(m, &next, resets);
}

void vfio_ap_remove_queue(struct ap_device *ap_dev)
{
	struct vfio_ap_queue *q = dev_get_drvdata(&ap_dev->device);
	struct qid_set resets = { 0 };
	bool used;

	pthread_mutex_lock(&matrix_dev->lock);
	matrix_dev->queues[q->apqn] = NULL;
	used = q->matrix_mdev && ap_matrix_has(&q->matrix_mdev->shadow, q->apqn);
	if (used)
		take_from_guest(q, &resets);
	/* One that is under way and that nobody has used the queue since is as good. */
	if (used || !q->resetting)
		vfio_ap_reset_start(q, NULL);
	q->matrix_mdev = NULL;
	pthread_mutex_unlock(&matrix_dev->lock);

	vfio_ap_settle(&resets, q);
	vfio_ap_irq_finish(q);
	free(q);
}

void vfio_ap_reset_all_queues(void)
{
	pthread_mutex_lock(&matrix_dev->lock);
	for (unsigned int qid = 0; qid < AP_DEVICES * AP_DOMAINS; qid++)
		if (matrix_dev->queues[qid])
			vfio_ap_reset_start(matrix_dev->queues[qid], NULL);
	pthread_mutex_unlock(&matrix_dev->lock);
}

int vfio_ap_in_use(const struct ap_mask *apm, const struct ap_mask *aqm)
{
	int err;

	pthread_mutex_lock(&matrix_dev->lock);
	err = vfio_ap_no_sharing(NULL, apm, aqm);
	pthread_mutex_unlock(&matrix_dev->lock);
	return err;
}
