/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <unistd.h>

#include "model/alloc.h"
#include "vfio/irq.h"
#include "vfio/resample.h"

/* ---- the driver's side: any thread ---- */

/* Signal the user, if there is an eventfd. Under irq_lock, so that it is not closed meanwhile. */
static void fire(const struct vfio_irq_index *irq, struct vfio_irq_vector *v)
{
	if (v->fd < 0)
		return;
	v->pending = false;
	if (irq->flags & VFIO_IRQ_INFO_AUTOMASKED)
		v->masked = true;
	vfio_eventfd_signal(v->fd);
}

static bool level_is_high(const struct vfio_irq_index *irq, unsigned int vector)
{
	return irq->flags & VFIO_IRQ_INFO_MASKABLE && irq->level >> vector & 1;
}

static void unmask(const struct vfio_irq_index *irq, unsigned int vector)
{
	struct vfio_irq_vector *v = &irq->vectors[vector];

	v->masked = false;
	if (v->pending || level_is_high(irq, vector))
		fire(irq, v);
}

/* The index, if there is such a vector. Under irq_lock. */
static struct vfio_irq_index *find_index(struct vfio_device *vdev, unsigned int index,
					 unsigned int vector)
{
	if (!vdev->irqs || index >= vdev->num_irqs || vector >= vdev->irqs[index].count)
		return NULL;
	return &vdev->irqs[index];
}

void vfio_irq_trigger(struct vfio_device *vdev, unsigned int index, unsigned int vector)
{
	struct vfio_irq_index *irq;
	struct vfio_irq_vector *v;

	pthread_mutex_lock(&vdev->irq_lock);
	irq = find_index(vdev, index, vector);
	if (irq && irq->vectors) {
		v = &irq->vectors[vector];
		if (!v->masked && v->fd >= 0)
			fire(irq, v);
		else if (v->fd >= 0 || irq->latches)
			v->pending = true;
	}
	pthread_mutex_unlock(&vdev->irq_lock);
}

void vfio_irq_set_level(struct vfio_device *vdev, unsigned int index, unsigned int vector,
			bool level)
{
	struct vfio_irq_index *irq;

	pthread_mutex_lock(&vdev->irq_lock);
	irq = find_index(vdev, index, vector);
	if (irq && irq->flags & VFIO_IRQ_INFO_MASKABLE && level != level_is_high(irq, vector)) {
		irq->level ^= UINT64_C(1) << vector;
		if (level && irq->vectors && !irq->vectors[vector].masked)
			fire(irq, &irq->vectors[vector]);
	}
	pthread_mutex_unlock(&vdev->irq_lock);
}

bool vfio_irq_is_armed(struct vfio_device *vdev, unsigned int index, unsigned int vector)
{
	struct vfio_irq_index *irq;
	bool armed;

	pthread_mutex_lock(&vdev->irq_lock);
	irq = find_index(vdev, index, vector);
	armed = irq && irq->vectors && irq->vectors[vector].fd >= 0;
	pthread_mutex_unlock(&vdev->irq_lock);
	return armed;
}

bool vfio_irq_is_enabled(struct vfio_device *vdev, unsigned int index)
{
	struct vfio_irq_index *irq;
	bool enabled;

	pthread_mutex_lock(&vdev->irq_lock);
	irq = find_index(vdev, index, 0);
	enabled = irq && irq->vectors;
	pthread_mutex_unlock(&vdev->irq_lock);
	return enabled;
}

void vfio_irq_set_masked(struct vfio_device *vdev, unsigned int index, unsigned int vector,
			 bool masked)
{
	struct vfio_irq_index *irq;

	pthread_mutex_lock(&vdev->irq_lock);
	irq = find_index(vdev, index, vector);
	if (irq && irq->vectors && irq->vectors[vector].masked != masked) {
		if (masked)
			irq->vectors[vector].masked = true;
		else
			unmask(irq, vector);
	}
	pthread_mutex_unlock(&vdev->irq_lock);
}

/* ---- the user's side: its thread ---- */

static int enable(struct vfio_device *vdev, struct vfio_irq_index *irq)
{
	struct vfio_irq_vector *vectors;
	unsigned int i;

	if (irq->vectors)
		return 0;
	vectors = zalloc_array(irq->count, sizeof(*vectors));
	if (!vectors)
		return -ENOMEM;
	for (i = 0; i < irq->count; i++)
		vectors[i].fd = -1;
	pthread_mutex_lock(&vdev->irq_lock);
	irq->vectors = vectors;
	pthread_mutex_unlock(&vdev->irq_lock);
	return 0;
}

struct vfio_resample **vfio_irq_find_resample(struct vfio_irq_index *irq, unsigned int vector,
					      uint32_t action)
{
	struct vfio_resample **link = &irq->resamples;

	while (*link && ((*link)->vector != vector || (*link)->action != action))
		link = &(*link)->next;
	return link;
}

void vfio_irq_drop_resample(struct vfio_irq_index *irq, unsigned int vector, uint32_t action)
{
	struct vfio_resample **link = vfio_irq_find_resample(irq, vector, action), *rs = *link;

	if (rs) {
		*link = rs->next;
		vfio_resample_destroy(rs);
	}
}

static void disable(struct vfio_device *vdev, struct vfio_irq_index *irq)
{
	struct vfio_irq_vector *vectors;
	unsigned int i;

	while (irq->resamples)
		vfio_irq_drop_resample(irq, irq->resamples->vector, irq->resamples->action);
	pthread_mutex_lock(&vdev->irq_lock);
	vectors = irq->vectors;
	irq->vectors = NULL;
	pthread_mutex_unlock(&vdev->irq_lock);
	if (!vectors)
		return;
	for (i = 0; i < irq->count; i++) {
		if (vectors[i].fd >= 0)
			close(vectors[i].fd);
	}
	free(vectors);
}

int vfio_irqs_open(struct vfio_device *vdev)
{
	unsigned int i;
	int err = 0;

	if (!(vdev->flags & (VFIO_DEVICE_FLAGS_PLATFORM | VFIO_DEVICE_FLAGS_CCW)))
		return 0;
	for (i = 0; i < vdev->num_irqs && !err; i++)
		err = enable(vdev, &vdev->irqs[i]);
	if (err)
		vfio_irqs_disable_all(vdev);
	return err;
}

void vfio_irqs_disable_all(struct vfio_device *vdev)
{
	unsigned int i;

	for (i = 0; i < vdev->num_irqs; i++)
		disable(vdev, &vdev->irqs[i]);
}

static void close_all(int *fds, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
}

/* Our own duplicates of @count eventfds, -1 where there is none; all or nothing. */
static int dup_all(const int *from, unsigned int count, int **out)
{
	int *fds = zalloc_array(count, sizeof(*fds));
	unsigned int i;

	if (!fds)
		return -ENOMEM;
	for (i = 0; i < count; i++) {
		fds[i] = from[i] < 0 ? -1 : vfio_eventfd_dup(from[i]);
		if (from[i] >= 0 && fds[i] < 0) {
			int err = fds[i];

			close_all(fds, i);
			free(fds);
			return err;
		}
	}
	*out = fds;
	return 0;
}

int vfio_irq_exchange_fd(struct vfio_irq_index *irq, unsigned int vector, int fd)
{
	struct vfio_irq_vector *v = &irq->vectors[vector];
	int old = v->fd;

	v->fd = fd;
	if (fd < 0 && !irq->latches)
		v->pending = false;
	if (!v->masked && (v->pending || level_is_high(irq, vector)))
		fire(irq, v);
	return old;
}

static int arm(struct vfio_device *vdev, struct vfio_irq_index *irq, unsigned int start,
	       unsigned int count, const int *data)
{
	unsigned int i;
	int err, *fds;

	if (!(irq->flags & VFIO_IRQ_INFO_EVENTFD))
		return -EINVAL;
	err = dup_all(data, count, &fds);
	if (err)
		return err;
	err = enable(vdev, irq);
	if (err) {
		close_all(fds, count);
		free(fds);
		return err;
	}
	pthread_mutex_lock(&vdev->irq_lock);
	for (i = 0; i < count; i++)
		fds[i] = vfio_irq_exchange_fd(irq, start + i, fds[i]);
	pthread_mutex_unlock(&vdev->irq_lock);
	close_all(fds, count);
	free(fds);
	return 0;
}

static int set_resamples(struct vfio_device *vdev, struct vfio_irq_index *irq, unsigned int index,
			 unsigned int start, unsigned int count, const int *data)
{
	struct vfio_resample *fresh = NULL, *rs;
	unsigned int i;
	int err;

	for (i = 0; i < count; i++) {
		if (data[i] < 0)
			continue;
		err = vfio_resample_create(vdev, index, start + i, VFIO_IRQ_SET_ACTION_UNMASK,
					   data[i], &rs);
		if (err)
			goto undo;
		rs->next = fresh;
		fresh = rs;
	}
	for (i = 0; i < count; i++)
		vfio_irq_drop_resample(irq, start + i, VFIO_IRQ_SET_ACTION_UNMASK);
	while (fresh) {
		rs = fresh;
		fresh = rs->next;
		rs->next = irq->resamples;
		irq->resamples = rs;
	}
	return 0;
undo:
	while (fresh) {
		rs = fresh;
		fresh = rs->next;
		vfio_resample_destroy(rs);
	}
	return err;
}

/* Apply @change to the vectors that @bools (NULL: all) names. */
static void change_each(struct vfio_device *vdev, struct vfio_irq_index *irq, unsigned int start,
			unsigned int count, const uint8_t *bools, uint32_t action)
{
	unsigned int i;

	pthread_mutex_lock(&vdev->irq_lock);
	for (i = start; i < start + count; i++) {
		struct vfio_irq_vector *v = &irq->vectors[i];

		if (bools && !bools[i - start])
			continue;
		if (action == VFIO_IRQ_SET_ACTION_MASK)
			v->masked = true;
		else if (action == VFIO_IRQ_SET_ACTION_UNMASK)
			unmask(irq, i);
		else if (v->fd >= 0)
			vfio_eventfd_signal(v->fd);
	}
	pthread_mutex_unlock(&vdev->irq_lock);
}

static bool one_bit(uint32_t bits)
{
	return bits && !(bits & (bits - 1));
}

static int check_set(const struct vfio_device *vdev, const struct vfio_irq_index *irq,
		     uint32_t data_type, uint32_t action, unsigned int start, unsigned int count)
{
	if (!one_bit(data_type) || !one_bit(action))
		return -EINVAL;
	/* vfio_ap takes eventfds and nothing else: none is signalled or disabled by the user. */
	if (vdev->flags & VFIO_DEVICE_FLAGS_AP && data_type != VFIO_IRQ_SET_DATA_EVENTFD)
		return -EINVAL;
	if (start >= irq->count || count > irq->count - start)
		return -EINVAL;
	if (action != VFIO_IRQ_SET_ACTION_TRIGGER && !(irq->flags & VFIO_IRQ_INFO_MASKABLE))
		return -EINVAL;
	if (action == VFIO_IRQ_SET_ACTION_MASK && data_type == VFIO_IRQ_SET_DATA_EVENTFD)
		return -EINVAL;
	if (!count)
		return action == VFIO_IRQ_SET_ACTION_TRIGGER && data_type == VFIO_IRQ_SET_DATA_NONE
			       ? 0
			       : -EINVAL;
	/* Only arming makes sense before the index is enabled. */
	if (!irq->vectors &&
	    (action != VFIO_IRQ_SET_ACTION_TRIGGER || data_type != VFIO_IRQ_SET_DATA_EVENTFD))
		return -EINVAL;
	return 0;
}

int vfio_irqs_set(struct vfio_device *vdev, uint32_t flags, unsigned int index, unsigned int start,
		  unsigned int count, const void *data)
{
	uint32_t data_type = flags & VFIO_IRQ_SET_DATA_TYPE_MASK;
	uint32_t action = flags & VFIO_IRQ_SET_ACTION_TYPE_MASK;
	struct vfio_irq_index *irq;
	int err;

	if (index >= vdev->num_irqs || flags & ~(data_type | action))
		return -EINVAL;
	if (vdev->flags & VFIO_DEVICE_FLAGS_PLATFORM)
		return vfio_irqs_set_platform(vdev, flags, index, start, count, data);
	irq = &vdev->irqs[index];
	err = check_set(vdev, irq, data_type, action, start, count);
	if (err)
		return err;
	if (!count) {
		disable(vdev, irq);
		return 0;
	}
	if (data_type == VFIO_IRQ_SET_DATA_EVENTFD) {
		if (action == VFIO_IRQ_SET_ACTION_TRIGGER)
			return arm(vdev, irq, start, count, data);
		return set_resamples(vdev, irq, index, start, count, data);
	}
	change_each(vdev, irq, start, count, data_type == VFIO_IRQ_SET_DATA_BOOL ? data : NULL,
		    action);
	return 0;
}

/* ---- registering ---- */

static int ask(struct vfio_device *vdev, unsigned int index, struct vfio_irq_index *irq)
{
	struct vfio_irq said = { 0 };
	int err = vdev->ops->get_irq(vdev, index, &said);

	if (err)
		return err;
	if (said.flags & ~(uint32_t)(VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE |
				     VFIO_IRQ_INFO_AUTOMASKED | VFIO_IRQ_INFO_NORESIZE))
		return -EINVAL;
	if (said.flags & VFIO_IRQ_INFO_AUTOMASKED && !(said.flags & VFIO_IRQ_INFO_MASKABLE))
		return -EINVAL;
	if (said.flags & VFIO_IRQ_INFO_MASKABLE && said.count > VFIO_IRQ_MASKABLE_MAX)
		return -EINVAL;
	if (vdev->flags & VFIO_DEVICE_FLAGS_PLATFORM && said.count != 1)
		return -EINVAL;
	irq->count = said.count;
	irq->flags = said.flags;
	irq->latches = vdev->flags & VFIO_DEVICE_FLAGS_PLATFORM;
	return 0;
}

int vfio_irqs_create(struct vfio_device *vdev)
{
	struct vfio_irq_index *irqs;
	unsigned int i;
	int err;

	/* One at least, so that NULL says "not registered". */
	irqs = zalloc_array(vdev->num_irqs ? vdev->num_irqs : 1, sizeof(*irqs));
	if (!irqs)
		return -ENOMEM;
	for (i = 0; i < vdev->num_irqs; i++) {
		err = ask(vdev, i, &irqs[i]);
		if (err) {
			free(irqs);
			return err;
		}
	}
	pthread_mutex_lock(&vdev->irq_lock);
	vdev->irqs = irqs;
	pthread_mutex_unlock(&vdev->irq_lock);
	return 0;
}

void vfio_irqs_destroy(struct vfio_device *vdev)
{
	struct vfio_irq_index *irqs;

	pthread_mutex_lock(&vdev->irq_lock);
	irqs = vdev->irqs;
	vdev->irqs = NULL;
	pthread_mutex_unlock(&vdev->irq_lock);
	free(irqs);
}
