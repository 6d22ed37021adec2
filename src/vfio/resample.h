/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Eventfds that unmask: what KVM writes to when a guest has served a level interrupt. And those
 * that mask, for whoever wants that.
 *
 * One thread waits for all of them; it runs while there is at least one.
 */
#ifndef UMDEV_VFIO_RESAMPLE_H
#define UMDEV_VFIO_RESAMPLE_H

#include <umdev/vfio.h>

struct resampler;

/**
 * struct vfio_resample - one such eventfd
 * @next:   in the chain of its interrupt index, the owner's
 * @vdev, @index, @vector: which interrupt it is for; constant
 * @action: VFIO_IRQ_SET_ACTION_UNMASK or _MASK: what writing to it does; constant
 * @fd:     our own duplicate
 * @resampler: the thread that waits for it; constant
 * @busy:   the thread is at it; under the resampler's lock
 * @dead:   destroyed, to be freed by the thread; under the same
 */
struct vfio_resample {
	struct vfio_resample *next;
	struct vfio_device *vdev;
	unsigned int index;
	unsigned int vector;
	uint32_t action;
	int fd;
	struct resampler *resampler;
	bool busy;
	bool dead;
};

/**
 * vfio_resample_create - unmask or mask an interrupt whenever an eventfd is written to
 * @action: VFIO_IRQ_SET_ACTION_UNMASK or _MASK
 * @fd:     stays the caller's
 * @out:    taken down with vfio_resample_destroy()
 *
 * One that has been written to already does so at once.
 * Return: 0, or -EBADF (not an eventfd), -ENOMEM, -EMFILE, -EAGAIN (no thread).
 */
int vfio_resample_create(struct vfio_device *vdev, unsigned int index, unsigned int vector,
			 uint32_t action, int fd, struct vfio_resample **out);

/**
 * vfio_resample_destroy - the reverse
 *
 * When it returns nothing is done through it any more. Context: not under irq_lock.
 */
void vfio_resample_destroy(struct vfio_resample *rs);

#endif
