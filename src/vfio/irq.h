/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interrupts of a VFIO device: which eventfds its user has given, what is masked, pending,
 * asserted.
 */
#ifndef UMDEV_VFIO_IRQ_H
#define UMDEV_VFIO_IRQ_H

#include <umdev/vfio.h>

struct vfio_resample;

/* Levels are kept in one word per index. */
#define VFIO_IRQ_MASKABLE_MAX 64

/**
 * struct vfio_irq_vector - one interrupt
 * @fd:      the user's eventfd, our own duplicate; -1: none
 * @masked:  by the user, or by its own signal
 * @pending: was triggered while masked, or before it was armed if the index latches
 */
struct vfio_irq_vector {
	int fd;
	bool masked;
	bool pending;
};

/**
 * struct vfio_irq_index - one interrupt index; under the device's irq_lock but for count and flags
 * @count:   constant
 * @flags:   the same
 * @latches: an edge that comes without an eventfd is kept for the one that comes; constant
 * @level:   what the driver asserts, a bit per vector; only for maskable indexes
 * @vectors: @count of them while the user has the index enabled, else NULL
 * @resamples: the user's eventfds that mask and unmask, NULL-terminated chain; user's thread only
 */
struct vfio_irq_index {
	uint32_t count;
	uint32_t flags;
	bool latches;
	uint64_t level;
	struct vfio_irq_vector *vectors;
	struct vfio_resample *resamples;
};

/**
 * vfio_irqs_create - ask the driver what interrupts there are, and be ready for them
 * Return: 0, -EINVAL, -ENOMEM, what get_irq() says.
 */
int vfio_irqs_create(struct vfio_device *vdev);
/** vfio_irqs_destroy - the reverse; triggers that come later are dropped. */
void vfio_irqs_destroy(struct vfio_device *vdev);

/**
 * vfio_irqs_open - make ready what a user finds enabled: the interrupts of a platform device
 * Context: the user's thread. Return: 0, -ENOMEM.
 */
int vfio_irqs_open(struct vfio_device *vdev);
/** vfio_irqs_set - what vfio_file_set_irqs() does, but for telling the driver. */
int vfio_irqs_set(struct vfio_device *vdev, uint32_t flags, unsigned int index, unsigned int start,
		  unsigned int count, const void *data);
/** vfio_irqs_disable_all - drop all that the user has set. Context: the user's thread. */
void vfio_irqs_disable_all(struct vfio_device *vdev);

/**
 * vfio_irq_set_masked - mask a vector, or unmask it and signal what it has missed; nothing if it is
 * so already. Context: any.
 */
void vfio_irq_set_masked(struct vfio_device *vdev, unsigned int index, unsigned int vector,
			 bool masked);

/* ---- irq.c, for those who take SET_IRQS apart; the user's thread ---- */

/**
 * vfio_irq_exchange_fd - give a vector of an enabled index another eventfd
 * @fd: becomes the vector's; -1: none
 * What is asserted or pending is signalled to it. Context: under irq_lock. Return: the one that it
 * had, the caller's now, or -1.
 */
int vfio_irq_exchange_fd(struct vfio_irq_index *irq, unsigned int vector, int fd);
/** vfio_irq_find_resample - where the vector's eventfd for @action is chained in, or would be. */
struct vfio_resample **vfio_irq_find_resample(struct vfio_irq_index *irq, unsigned int vector,
					      uint32_t action);
/** vfio_irq_drop_resample - forget that eventfd, if there is one. */
void vfio_irq_drop_resample(struct vfio_irq_index *irq, unsigned int vector, uint32_t action);

/* ---- irq_platform.c ---- */

/** vfio_irqs_set_platform - vfio_irqs_set() for a platform device. */
int vfio_irqs_set_platform(struct vfio_device *vdev, uint32_t flags, unsigned int index,
			   unsigned int start, unsigned int count, const void *data);

/* ---- eventfd.c ---- */

/**
 * vfio_eventfd_dup - keep somebody else's eventfd
 *
 * It is made non-blocking, for whoever shares it too: a full counter must not stop a device.
 * Return: the descriptor, or -EBADF (not an eventfd), -EMFILE, -ENOMEM.
 */
int vfio_eventfd_dup(int fd);
/** vfio_eventfd_signal - add one to it. Context: any; does not block. */
void vfio_eventfd_signal(int fd);

#endif
