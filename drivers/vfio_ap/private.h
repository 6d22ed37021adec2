/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vfio_ap from inside: what its files share.
 *
 * Locks, from the outermost: that of a device (device_lock()), that of the AP bus's masks
 * (ap_attr_lock()), matrix_dev->lock, a guest's apcb_lock.
 */
#ifndef UMDEV_VFIO_AP_PRIVATE_H
#define UMDEV_VFIO_AP_PRIVATE_H

#include <pthread.h>
#include <umdev/ap.h>
#include <umdev/mdev.h>
#include <umdev/vfio.h>

/** struct ap_matrix - adapters, domains and control domains, and the highest number of each */
struct ap_matrix {
	unsigned int apm_max;
	unsigned int aqm_max;
	unsigned int adm_max;
	struct ap_mask apm;
	struct ap_mask aqm;
	struct ap_mask adm;
};

struct vfio_ap_queue;

/**
 * struct ap_matrix_mdev - a mediated matrix; lives with its binding to vfio_ap_mdev
 * @vdev:    the VFIO device
 * @mdev:    its mediated device
 * @next:    in matrix_dev->mdevs
 * @matrix:  what is assigned to it
 * @opened:  a guest has it: the kernel's kvm != NULL
 * @apm_add, @aqm_add, @adm_add: of @matrix, what the scan that is running has found anew
 * @apcb_lock: held while an instruction of the guest's is carried out, and to change the shadow, so
 *             that none is under way on a queue that the guest has no more
 * @shadow:  what the guest has; written under matrix_dev->lock and @apcb_lock, read under either
 *
 * All but @vdev, @mdev and what is said above: under matrix_dev->lock.
 */
struct ap_matrix_mdev {
	struct vfio_device vdev;
	struct mdev_device *mdev;
	struct ap_matrix_mdev *next;
	struct ap_matrix matrix;
	bool opened;
	struct ap_mask apm_add;
	struct ap_mask aqm_add;
	struct ap_mask adm_add;
	pthread_mutex_t apcb_lock;
	struct ap_matrix shadow;
};

/**
 * struct vfio_ap_queue - a queue that is bound to vfio_ap; lives with that binding
 * @apqn:         its number; constant
 * @matrix_mdev:  the matrix that it is assigned to, or NULL; under matrix_dev->lock
 * @reset_status: what its last reset came to; under matrix_dev->lock
 * @resetting:    a reset is under way; under matrix_dev->lock
 * @indicator:    for the guest's replies, with AQIC; under the guest's apcb_lock
 * @saved_iova:   of the page with the guest's indicator byte, pinned; 0: none. The same
 * @nib:          the byte; the same
 */
struct vfio_ap_queue {
	ap_qid_t apqn;
	struct ap_matrix_mdev *matrix_mdev;
	struct ap_queue_status reset_status;
	bool resetting;
	struct ap_indicator indicator;
	uint64_t saved_iova;
	uint8_t *nib;
};

/**
 * struct ap_matrix_dev - the one device of the bus "matrix", parent of all mdevs
 * @device: it
 * @parent: it, as a parent of mdevs
 * @lock:   for all that follows, and for the mdevs and queues
 * @info:   the machine's configuration as of the last scan
 * @mdevs:  all, in no order
 * @queues: bound queues by number, or NULL
 */
struct ap_matrix_dev {
	struct device device;
	struct mdev_parent parent;
	pthread_mutex_t lock;
	struct ap_config_info info;
	struct ap_matrix_mdev *mdevs;
	struct vfio_ap_queue *queues[AP_DEVICES * AP_DOMAINS];
};

extern struct ap_matrix_dev *matrix_dev;
extern const struct attribute_group *vfio_ap_mdev_attr_groups[];
extern const struct attribute_group *vfio_ap_queue_attr_groups[];

/* ---- matrix.c, filter.c: called by the VFIO side (device.c) ---- */

/** vfio_ap_guest_attach - a guest opens it. Return: 0. Takes matrix_dev->lock. */
int vfio_ap_guest_attach(struct ap_matrix_mdev *m);
/** vfio_ap_guest_detach - it closes it: its queues are reset, waited for. */
void vfio_ap_guest_detach(struct ap_matrix_mdev *m);
/** vfio_ap_mdev_reset_queues - ZAPQ all queues linked to it, and wait. Return: 0, -EIO. */
int vfio_ap_mdev_reset_queues(struct ap_matrix_mdev *m);

/* ---- device.c: called by the matrix side ---- */

extern const struct vfio_device_ops vfio_ap_device_ops;
/**
 * vfio_ap_signal_cfg_chg - the guest's matrix has changed: CFG_CHG. Any lock; never sleeps.
 */
void vfio_ap_signal_cfg_chg(struct ap_matrix_mdev *m);
/** vfio_ap_irq_free - its guest's indicator byte is unpinned: the queue was reset. */
void vfio_ap_irq_free(struct vfio_ap_queue *q);

#endif
