/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SET_IRQS. On the wire a message carries as many descriptors as it has vectors, or none: no
 * eventfd for any of them. So what the program says in one call may take several messages.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "preload/device_private.h"
#include "preload/next.h"
#include "preload/table.h"
#include "preload/usercopy.h"
#include "vfio_user/protocol.h"

/* How many booleans any server takes in one message. */
#define BOOLS_MAX 4096u

/*
 * As the kernel's vfio_set_irqs_validate_and_prepare(). Return: how many bytes of data follow,
 * -EINVAL.
 */
static ssize_t check(const struct device *device, const struct vfio_irq_set *set)
{
	uint32_t irqs;
	size_t size;

	if (set->argsz < sizeof(*set) || set->index >= device->nr_irqs ||
	    set->count >= UINT32_MAX - set->start ||
	    set->flags & ~(VFIO_IRQ_SET_DATA_TYPE_MASK | VFIO_IRQ_SET_ACTION_TYPE_MASK))
		return -EINVAL;
	/* vfio_platform has one in each index, and compares with how many indexes there are. */
	if (device_is_platform(device))
		irqs = device->nr_irqs;
	else
		irqs = device->irqs[set->index].err ? 0 : device->irqs[set->index].count;
	if (set->start >= irqs || set->start + set->count > irqs)
		return -EINVAL;
	switch (set->flags & VFIO_IRQ_SET_DATA_TYPE_MASK) {
	case VFIO_IRQ_SET_DATA_NONE:
		return 0;
	case VFIO_IRQ_SET_DATA_BOOL:
		size = set->count * sizeof(uint8_t);
		break;
	case VFIO_IRQ_SET_DATA_EVENTFD:
		size = set->count * sizeof(int32_t);
		break;
	default:
		return -EINVAL;
	}
	return set->argsz - sizeof(*set) < size ? -EINVAL : (ssize_t)size;
}

/* What vfio_platform looks at before the data. Return: 0, -EINVAL, -ENOTTY. */
static int check_platform(const struct device *device, const struct vfio_irq_set *set)
{
	switch (set->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK) {
	case VFIO_IRQ_SET_ACTION_TRIGGER:
		if (!set->count && set->flags & VFIO_IRQ_SET_DATA_NONE)
			return 0;
		return set->start || set->count != 1 ? -EINVAL : 0;
	case VFIO_IRQ_SET_ACTION_MASK:
	case VFIO_IRQ_SET_ACTION_UNMASK:
		if (set->start || set->count != 1)
			return -EINVAL;
		return device->irqs[set->index].flags & VFIO_IRQ_INFO_MASKABLE ? 0 : -EINVAL;
	default:
		return -ENOTTY;
	}
}

/* @count vectors from @start, with @size bytes or @nr_fds descriptors. */
static int send_set(struct device *device, const struct vfio_irq_set *set, uint32_t start,
		    uint32_t count, const uint8_t *bools, const int *fds, unsigned int nr_fds)
{
	struct vfio_irq_set msg = {
		.argsz = (uint32_t)sizeof(msg) + (bools ? count : 0),
		.flags = set->flags,
		.index = set->index,
		.start = start,
		.count = count,
	};
	struct client_call call = {
		.command = VFIO_USER_DEVICE_SET_IRQS,
		.out = { { &msg, sizeof(msg) }, { (void *)bools, count } },
		.nr_out = bools ? 2 : 1,
		.fds = fds,
		.nr_fds = nr_fds,
	};

	return client_call(device->client, &call);
}

static int send_bools(struct device *device, const struct vfio_irq_set *set, const uint8_t *bools)
{
	uint32_t done = 0;
	int err;

	do {
		uint32_t n = set->count - done < BOOLS_MAX ? set->count - done : BOOLS_MAX;

		err = send_set(device, set, set->start + done, n, bools + done, NULL, 0);
		done += n;
	} while (!err && done < set->count);
	return err;
}

/* As eventfd_ctx_fdget(). Return: 0, -EBADF, -EINVAL (something else). */
static int check_eventfd(int fd)
{
	char name[32], target[32];
	struct file *file;
	ssize_t n;
	int flags;

	if (table_is_hidden(fd))
		return -EBADF;
	file = file_from_fd(fd);
	if (file) {
		file_put(file);
		return -EINVAL;
	}
	flags = NEXT(fcntl)(fd, F_GETFL);
	if (flags < 0 || flags & O_PATH)
		return -EBADF;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	n = readlink(name, target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = '\0';
	return strcmp(target, "anon_inode:[eventfd]") ? -EINVAL : 0;
}

/* How many from the first on have an eventfd, or have none, as that has; at most @max with one. */
static uint32_t run_length(const int32_t *fds, uint32_t count, uint32_t max)
{
	bool none = fds[0] < 0;
	uint32_t n = 1;

	while (n < count && (fds[n] < 0) == none && (none || n < max))
		n++;
	return n;
}

/*
 * All or nothing, as far as that can be: what was armed before the message that failed has no
 * eventfd afterwards, which is what the kernel's drivers leave behind, too.
 */
static int send_eventfds(struct device *device, const struct vfio_irq_set *set, const int32_t *fds)
{
	uint32_t max = client_max_fds(device->client), done = 0, n;
	int err;

	if (!fds)
		return send_set(device, set, set->start, 0, NULL, NULL, 0);
	for (n = 0; n < set->count; n++) {
		err = fds[n] < 0 ? 0 : check_eventfd(fds[n]);
		if (err) {
			/* vfio_platform has let go of the one before when it looks at this one. */
			if (device_is_platform(device) && set->flags & VFIO_IRQ_SET_ACTION_TRIGGER)
				send_set(device, set, set->start, set->count, NULL, NULL, 0);
			return err;
		}
	}
	max = max < CLIENT_MAX_FDS ? max : CLIENT_MAX_FDS;
	do {
		n = run_length(fds + done, set->count - done, max);
		if (fds[done] >= 0)
			err = send_set(device, set, set->start + done, n, NULL, fds + done, n);
		else
			err = send_set(device, set, set->start + done, n, NULL, NULL, 0);
		if (err && done)
			send_set(device, set, set->start, done, NULL, NULL, 0);
		done += n;
	} while (!err && done < set->count);
	return err;
}

/*
 * vfio_ap has one eventfd in each index, and looks at the first word of the data for it, whatever
 * the program says how many there are.
 */
static int set_ap(struct device *device, struct vfio_irq_set *set, const uint8_t *data)
{
	int32_t fd;

	if (!(set->flags & VFIO_IRQ_SET_ACTION_TRIGGER) ||
	    (set->flags & VFIO_IRQ_SET_DATA_TYPE_MASK) != VFIO_IRQ_SET_DATA_EVENTFD)
		return -EINVAL;
	if (copy_from_user(&fd, data, sizeof(fd)))
		return -EFAULT;
	if (fd < -1)
		return -EINVAL;
	set->flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
	set->count = 1;
	return send_eventfds(device, set, &fd);
}

/*
 * vfio_ccw has the same, and its interrupts can be signalled by the program, too. An action besides
 * triggering does not disturb it, nor how many there are.
 */
static int set_ccw(struct device *device, struct vfio_irq_set *set, const uint8_t *data)
{
	uint32_t data_type = set->flags & VFIO_IRQ_SET_DATA_TYPE_MASK;
	uint8_t trigger = 1;

	if (!(set->flags & VFIO_IRQ_SET_ACTION_TRIGGER))
		return -EINVAL;
	if (data_type == VFIO_IRQ_SET_DATA_EVENTFD)
		return set_ap(device, set, data);
	if (data_type == VFIO_IRQ_SET_DATA_BOOL && copy_from_user(&trigger, data, sizeof(trigger)))
		return -EFAULT;
	set->flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER;
	return trigger ? send_set(device, set, set->start, 1, NULL, NULL, 0) : 0;
}

long device_set_irqs(struct device *device, const void *arg)
{
	struct vfio_irq_set set;
	void *data = NULL;
	ssize_t size;
	int err;

	if (copy_from_user(&set, arg, sizeof(set)))
		return -EFAULT;
	size = check(device, &set);
	if (size < 0)
		return size;
	if (device_is_ap(device))
		return set_ap(device, &set, (const uint8_t *)arg + sizeof(set));
	if (device_is_ccw(device))
		return set_ccw(device, &set, (const uint8_t *)arg + sizeof(set));
	if (size) {
		data = malloc((size_t)size);
		if (!data)
			return -ENOMEM;
		if (copy_from_user(data, (const uint8_t *)arg + sizeof(set), (size_t)size)) {
			free(data);
			return -EFAULT;
		}
	}
	err = device_is_platform(device) ? check_platform(device, &set) : 0;
	if (err) {
		free(data);
		return err;
	}
	switch (set.flags & VFIO_IRQ_SET_DATA_TYPE_MASK) {
	case VFIO_IRQ_SET_DATA_BOOL:
		err = send_bools(device, &set, data);
		break;
	case VFIO_IRQ_SET_DATA_EVENTFD:
		err = send_eventfds(device, &set, data);
		break;
	default:
		err = send_set(device, &set, set.start, set.count, NULL, NULL, 0);
	}
	free(data);
	return err;
}
