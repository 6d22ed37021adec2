/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Claims: a group that has been opened, with its device or without.
 * Behaviour: Linux 6.1 drivers/vfio/vfio_main.c (vfio_group_fops_open() and its reverse).
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>

#include "model/alloc.h"
#include "vfio/vfio.h"

/**
 * struct vfio_claim - a group's one opening
 * @refs: the holder's, and of those who are to come with it
 * @p:    the group's device; NULL once the claim has ended. Under claims_lock
 */
struct vfio_claim {
	atomic_uint refs;
	struct vfio_device_private *p;
	const struct vfio_claim_ops *ops;
	void *data;
};

/*
 * A holder may let go at the moment at which the device goes: this is what the two agree by. Inside
 * of a transport's locks, outside of vfio_device_private.lock.
 */
static pthread_mutex_t claims_lock = PTHREAD_MUTEX_INITIALIZER;

static int take(struct vfio_device_private *p, struct vfio_claim *claim)
{
	int err = 0;

	pthread_mutex_lock(&claims_lock);
	pthread_mutex_lock(&p->lock);
	if (p->going) {
		err = -ENODEV;
	} else if (p->claim || p->file) {
		err = -EBUSY;
	} else {
		p->claim = claim;
		claim->p = p;
	}
	pthread_mutex_unlock(&p->lock);
	pthread_mutex_unlock(&claims_lock);
	return err;
}

int vfio_group_claim(struct vfio_device *vdev, const struct vfio_claim_ops *ops, void *data,
		     struct vfio_claim **out)
{
	struct vfio_claim *claim = zalloc(sizeof(*claim));
	int err;

	if (!claim)
		return -ENOMEM;
	atomic_init(&claim->refs, 1);
	claim->ops = ops;
	claim->data = data;
	err = take(vdev->p, claim);
	if (err) {
		free(claim);
		return err;
	}
	*out = claim;
	return 0;
}

/* The group is free. claims_lock held. */
static void end(struct vfio_claim *claim)
{
	pthread_mutex_lock(&claim->p->lock);
	claim->p->claim = NULL;
	pthread_mutex_unlock(&claim->p->lock);
	claim->p = NULL;
}

void vfio_group_release(struct vfio_claim *claim)
{
	pthread_mutex_lock(&claims_lock);
	if (claim->p)
		end(claim);
	pthread_mutex_unlock(&claims_lock);
	vfio_claim_put(claim);
}

void vfio_claim_kill(struct vfio_device_private *p)
{
	struct vfio_claim *claim;

	pthread_mutex_lock(&claims_lock);
	claim = p->claim;
	if (claim) {
		end(claim);
		claim->ops->gone(claim->data);
	}
	pthread_mutex_unlock(&claims_lock);
}

bool vfio_claim_describe(struct vfio_device_private *p, char *buf, size_t size)
{
	struct vfio_claim *claim;

	pthread_mutex_lock(&claims_lock);
	claim = p->claim;
	if (claim) {
		snprintf(buf, size, "a user");
		if (claim->ops->describe)
			claim->ops->describe(claim->data, buf, size);
		vfio_clean_name(buf);
	}
	pthread_mutex_unlock(&claims_lock);
	return claim;
}

struct vfio_claim *vfio_claim_get(struct vfio_claim *claim)
{
	if (claim)
		atomic_fetch_add_explicit(&claim->refs, 1, memory_order_relaxed);
	return claim;
}

void vfio_claim_put(struct vfio_claim *claim)
{
	if (claim && atomic_fetch_sub(&claim->refs, 1) == 1)
		free(claim);
}
