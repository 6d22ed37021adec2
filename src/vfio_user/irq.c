/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interrupts: GET_IRQ_INFO, SET_IRQS.
 */
#include <stdlib.h>
#include <string.h>

#include "model/alloc.h"
#include "vfio_user/connection.h"

int irq_info_handle(struct connection *c, struct request *req, struct reply *reply)
{
	struct vfio_irq_info info;
	uint32_t index;
	int err;

	memcpy(&info, req->payload, sizeof(info));
	if (info.argsz < sizeof(info))
		return -EINVAL;
	index = info.index;
	memset(&info, 0, sizeof(info));
	err = vfio_file_get_irq_info(c->file, index, &info);
	if (err)
		return err;
	info.argsz = sizeof(info);
	info.index = index;
	/*
	 * With it QEMU would arm all vectors anew each time that the guest uses one more. Who uses
	 * VFIO's own API is told what the driver says.
	 */
	if (!c->claim)
		info.flags &= ~VFIO_IRQ_INFO_NORESIZE;
	memcpy(reply->payload, &info, sizeof(info));
	reply->size = sizeof(info);
	return 0;
}

/* An eventfd request without descriptors: the vectors are there, but nobody listens. */
static int set_no_eventfds(struct connection *c, const struct vfio_irq_set *set)
{
	struct vfio_irq_info info = { 0 };
	int *none;
	int err;

	/* Before memory is asked for: is it a number of vectors that can be? */
	err = vfio_file_get_irq_info(c->file, set->index, &info);
	if (err)
		return err;
	if (set->count == 0 || set->count > info.count)
		return -EINVAL;
	none = zalloc_array(set->count, sizeof(*none));
	if (!none)
		return -ENOMEM;
	for (uint32_t i = 0; i < set->count; i++)
		none[i] = -1;
	err = vfio_file_set_irqs(c->file, set->flags, set->index, set->start, set->count, none);
	free(none);
	return err;
}

int set_irqs_handle(struct connection *c, struct request *req, struct reply *reply)
{
	size_t data_size = req->size - sizeof(struct vfio_irq_set);
	const void *data = NULL;
	struct vfio_irq_set set;

	memcpy(&set, req->payload, sizeof(set));
	if (set.argsz < sizeof(set))
		return -EINVAL;
	switch (set.flags & VFIO_IRQ_SET_DATA_TYPE_MASK) {
	case VFIO_IRQ_SET_DATA_NONE:
		if (req->nr_fds || data_size)
			return -EINVAL;
		break;
	case VFIO_IRQ_SET_DATA_BOOL:
		if (req->nr_fds || data_size != set.count)
			return -EINVAL;
		data = req->payload + sizeof(set);
		break;
	case VFIO_IRQ_SET_DATA_EVENTFD:
		if (data_size)
			return -EINVAL;
		if (req->nr_fds == 0)
			return set_no_eventfds(c, &set);
		if (req->nr_fds != set.count)
			return -EINVAL;
		data = req->fds;
		break;
	default:
		return -EINVAL;
	}
	return vfio_file_set_irqs(c->file, set.flags, set.index, set.start, set.count, data);
}
