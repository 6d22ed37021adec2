/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vfio_ap from inside: what its files share.
 *
 * Locks, from the outermost: that of a device (device_lock()), that of the AP bus's masks
 * (ap_attr_lock()), matrix_dev->lock, a guest's apcb_lock.
 *
 * How a queue changes hands. What a guest has (its shadow) is changed by vfio_ap_set_shadow()
 * alone, under matrix_dev->lock, until there can be no guest any more (mdev.c). A queue that leaves
 * a shadow is reset in the same breath (vfio_ap_reset_start()) and is marked as resetting; nobody
 * gets it into a shadow as long as it is (filter.c). Whoever started resets waits for them when all
 * locks are given back (vfio_ap_settle()), and then the shadows that had to do without such a queue
 * are filtered again, so that what a write to an attribute causes is all done when it returns, as
 * in the kernel, and nobody else waits with it. A queue that leaves vfio_ap is out of all shadows
 * first, and its remove() returns when its reset is over: the bus offers it to no other driver
 * before.
 */
#ifndef UMDEV_VFIO_AP_PRIVATE_H
#define UMDEV_VFIO_AP_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
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
struct ap_window;

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
 * @refilter: a queue that was being reset kept an adapter out of @shadow; to be filtered again when
 *            that is over
 * @window:  the guest's registers, of the user's thread; NULL: it has none. Constant
 * @revoked: the guest was asked to let go: until its shadow changes it has nothing
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
	bool refilter;
	struct ap_window *window;
	atomic_bool revoked;
};

static inline bool ap_matrix_has(const struct ap_matrix *matrix, ap_qid_t qid)
{
	return ap_mask_test(&matrix->apm, AP_QID_CARD(qid)) &&
	       ap_mask_test(&matrix->aqm, AP_QID_QUEUE(qid));
}

static inline void ap_matrix_copy_masks(struct ap_matrix *dst, const struct ap_matrix *src)
{
	dst->apm = src->apm;
	dst->aqm = src->aqm;
	dst->adm = src->adm;
}

/**
 * struct vfio_ap_irq - the guest's indicator byte of a queue; zeroed memory: it has none
 * @indicator: the hardware's, until the queue has been reset
 * @lock:      for what follows; behind the hardware's, so never held over an instruction
 * @nib:       the byte, in a page that is pinned; NULL: none
 * @iova:      its address, as the guest gave it. Written under matrix_dev->lock, too
 * @vdev:      the guest's device, with @nib
 * @early:     there was a reply before the byte was known
 */
struct vfio_ap_irq {
	struct ap_indicator indicator;
	pthread_mutex_t lock;
	uint8_t *nib;
	uint64_t iova;
	struct vfio_device *vdev;
	bool early;
};

/**
 * struct vfio_ap_queue - a queue that is bound to vfio_ap; lives with that binding
 * @apqn:         its number; constant
 * @matrix_mdev:  the matrix that it is assigned to, or NULL; under matrix_dev->lock
 * @reset_status: what its last reset came to; under matrix_dev->lock
 * @resetting:    a reset is under way; under matrix_dev->lock. Instructions of a guest that still
 *                has it in its shadow are carried out (the hardware says RESET_IN_PROGRESS)
 * @irq: what AQIC has asked for
 */
struct vfio_ap_queue {
	ap_qid_t apqn;
	struct ap_matrix_mdev *matrix_mdev;
	struct ap_queue_status reset_status;
	bool resetting;
	struct vfio_ap_irq irq;
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
extern struct device_attribute vfio_ap_dev_attr_ap_config;

/* ---- guest.c: called by the VFIO side (device.c), without locks ---- */

/**
 * vfio_ap_guest_attach - a guest opens it: its queues are reset, waited for
 * Return: 0. Takes matrix_dev->lock.
 */
int vfio_ap_guest_attach(struct ap_matrix_mdev *m);
/** vfio_ap_guest_detach - it closes it: its queues are reset, waited for. */
void vfio_ap_guest_detach(struct ap_matrix_mdev *m);
/** vfio_ap_mdev_reset_queues - ZAPQ all queues linked to it, and wait. Return: 0, -EIO. */
int vfio_ap_mdev_reset_queues(struct ap_matrix_mdev *m);

/* ---- device.c: called by the matrix side ---- */

/**
 * vfio_ap_device_init - make @m->vdev a device that can be registered
 *
 * @m is zeroed but for @mdev, @apcb_lock and the matrices; ops, flags and numbers of regions and
 * interrupts are set here, and whatever else the VFIO side keeps in @m. Return: 0, -ENOMEM.
 */
int vfio_ap_device_init(struct ap_matrix_mdev *m);
/** vfio_ap_device_finish - the reverse; it is unregistered. */
void vfio_ap_device_finish(struct ap_matrix_mdev *m);
/**
 * vfio_ap_signal_cfg_chg - the guest's matrix has changed: CFG_CHG. Any lock; never sleeps.
 */
void vfio_ap_signal_cfg_chg(struct ap_matrix_mdev *m);

/* ---- irq.c ---- */

/** vfio_ap_irq_init - a queue that nobody has asked for interrupts of. */
void vfio_ap_irq_init(struct vfio_ap_queue *q);
/** vfio_ap_irq_finish - the reverse, after vfio_ap_irq_free() and when the reset is over. */
void vfio_ap_irq_finish(struct vfio_ap_queue *q);
/**
 * vfio_ap_irq_free - forget its guest's indicator byte, and unpin it
 *
 * Its reset has begun: what the hardware still indicates afterwards is dropped. Nothing if it has
 * none. @q->matrix_mdev is still there. Context: matrix_dev->lock.
 */
void vfio_ap_irq_free(struct vfio_ap_queue *q);
/**
 * vfio_ap_irq_aqic - PQAP(AQIC) of @m's guest
 * @gr1, @gr2: as the guest has them
 * Context: the user's thread, without locks.
 */
struct ap_queue_status vfio_ap_irq_aqic(struct ap_matrix_mdev *m, ap_qid_t qid, uint64_t gr1,
					uint64_t gr2);
/**
 * vfio_ap_irq_unmap - the guest takes [@iova, @iova + @length) back: no byte is in it any more
 * Context: as above.
 */
void vfio_ap_irq_unmap(struct ap_matrix_mdev *m, uint64_t iova, uint64_t length);

/* ---- window.c: of the user's thread ---- */

/** ap_window_create - for ap_window_reset() to begin with. Return: NULL without memory. */
struct ap_window *ap_window_create(void);
/** ap_window_destroy - the reverse; NULL is fine. */
void ap_window_destroy(struct ap_window *window);
/** ap_window_reset - registers as after power-on. */
void ap_window_reset(struct ap_window *window);
/** ap_window_read - from inside of the region. */
void ap_window_read(const struct ap_window *window, void *buf, size_t count, uint64_t offset);
/** ap_window_write - the same for writing; carries out an instruction if it says so. */
void ap_window_write(struct ap_matrix_mdev *m, const void *buf, size_t count, uint64_t offset);

/* ---- the matrix side; under matrix_dev->lock unless they say otherwise ---- */

/** struct qid_set - queues by number */
struct qid_set {
	uint64_t word[AP_DEVICES * AP_DOMAINS / 64];
};

static inline void qid_set_add(struct qid_set *set, ap_qid_t qid)
{
	set->word[qid / 64] |= UINT64_C(1) << qid % 64;
}

/* reset.c */

/**
 * vfio_ap_reset_start - ZAPQ a queue; vfio_ap_settle() sees to the rest
 * @resets: gets its number. NULL: the caller waits for it by itself
 *
 * Its guest's indicator byte is given back. A queue that is being reset is reset once more.
 */
void vfio_ap_reset_start(struct vfio_ap_queue *q, struct qid_set *resets);
/** vfio_ap_reset_linked - the same with all queues of @m. */
void vfio_ap_reset_linked(struct ap_matrix_mdev *m, struct qid_set *resets);
/**
 * vfio_ap_settle - wait until these queues' resets are over
 * @resets: what others are added to that this leads to
 * @leaving: one that is not in matrix_dev->queues any more, or NULL
 *
 * As long as the hardware says that a reset is under way; one that is deconfigured, checkstopped or
 * gone is done with at once. Context: without matrix_dev->lock and that of the masks.
 */
void vfio_ap_settle(struct qid_set *resets, struct vfio_ap_queue *leaving);

/* filter.c */

/** vfio_ap_matrix_init - the highest numbers, as the machine has them. */
void vfio_ap_matrix_init(struct ap_matrix *matrix);
/**
 * vfio_ap_filter_matrix - which of @m's adapters and domains its guest may have
 * @next: m->shadow, to be changed; its control domains are left alone
 * @blocked: gets the queues that are not there yet because they are being reset; or NULL
 *
 * Those of the machine; an adapter only if all its queues are bound to vfio_ap and reset.
 */
void vfio_ap_filter_matrix(struct ap_matrix_mdev *m, struct ap_matrix *next,
			   struct qid_set *blocked);
/** vfio_ap_filter_cdoms - the same for control domains. */
void vfio_ap_filter_cdoms(const struct ap_matrix_mdev *m, struct ap_matrix *next);
/**
 * vfio_ap_set_shadow - give the guest @next, and tell it
 * @resets: gets the queues that have left
 */
void vfio_ap_set_shadow(struct ap_matrix_mdev *m, const struct ap_matrix *next,
			struct qid_set *resets);

/* assign.c */

/**
 * vfio_ap_no_sharing - is no queue of @apm x @aqm assigned?
 * @assignee: whose they are to be, not to be looked at; NULL: the host's
 * Return: 0, -EADDRINUSE, and the log says which and whose.
 */
int vfio_ap_no_sharing(struct ap_matrix_mdev *assignee, const struct ap_mask *apm,
		       const struct ap_mask *aqm);
/** vfio_ap_matrix_allowed - may @m have @matrix? Return: 0, -EADDRNOTAVAIL, -EADDRINUSE. Also under
 * ap_attr_lock(). */
int vfio_ap_matrix_allowed(struct ap_matrix_mdev *m, const struct ap_matrix *matrix);
/**
 * vfio_ap_set_matrix - assign @matrix and nothing else to @m
 * @filter: adapters and domains are filtered; else what is not assigned any more just leaves
 * @cdoms:  the same for control domains
 * @resets: gets what the caller has to wait for
 */
void vfio_ap_set_matrix(struct ap_matrix_mdev *m, const struct ap_matrix *matrix, bool filter,
			bool cdoms, struct qid_set *resets);

/* queue.c, hotplug.c: the AP driver's callbacks */

int vfio_ap_probe_queue(struct ap_device *ap_dev);
void vfio_ap_remove_queue(struct ap_device *ap_dev);
/** vfio_ap_reset_all_queues - no matrix is left, and the driver goes: it waits for all at once. */
void vfio_ap_reset_all_queues(void);
int vfio_ap_in_use(const struct ap_mask *apm, const struct ap_mask *aqm);
void vfio_ap_on_config_changed(const struct ap_config_info *now,
			       const struct ap_config_info *before);
void vfio_ap_on_scan_complete(const struct ap_config_info *now,
			      const struct ap_config_info *before);

/* mdev.c: mediated devices of matrix_dev; without locks */

/** vfio_ap_mdev_register - offer them. Return: as mdev_register_parent(). */
int vfio_ap_mdev_register(void);
/** vfio_ap_mdev_unregister - the reverse: all are gone. */
void vfio_ap_mdev_unregister(void);

#endif
