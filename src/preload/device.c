/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "preload/device_private.h"
#include "preload/door.h"
#include "preload/holders.h"
#include "preload/next.h"
#include "preload/usercopy.h"
#include "vfio_user/protocol.h"

/* ---- the server's requests ---- */

/* No lock: the container cannot change while the device is open. */
static int dma_read(void *data, uint64_t iova, void *buf, size_t count)
{
	const struct device *device = data;

	return container_dma_read(device->group->container, iova, buf, count);
}

static int dma_write(void *data, uint64_t iova, const void *buf, size_t count)
{
	const struct device *device = data;

	return container_dma_write(device->group->container, iova, buf, count);
}

static const struct client_ops client_ops = {
	.dma_read = dma_read,
	.dma_write = dma_write,
};

/* ---- devices of a group, under its lock ---- */

static void device_free(struct device *device)
{
	device_free_info(device);
	free(device);
}

/* A connection to the device's server. Return: its descriptor, -errno. */
static int reach(struct group *group, const char *name)
{
	int fd;

	group->shared->asking = true;
	fd = door_device(group->door, group->id, name);
	/* A reply that has not come may still do; nobody waits for it then. */
	if (fd != -ETIMEDOUT)
		group->shared->asking = false;
	return fd;
}

static int device_create(struct group *group, const char *name, struct device **out)
{
	struct device *device = calloc(1, sizeof(*device));
	int err;

	if (!device)
		return -ENOMEM;
	device->group = group;
	device->refs = 1;
	memcpy(device->name, name, strlen(name) + 1);
	err = reach(group, name);
	if (err >= 0)
		err = client_create(err, &client_ops, device, &device->client);
	if (err)
		goto free;
	err = device_read_info(device);
	if (!err)
		err = container_add_client(group->container, &device->memory, device->client);
	if (err)
		goto disconnect;
	*out = device;
	return 0;
disconnect:
	client_destroy(device->client);
free:
	device_free(device);
	return err;
}

static int device_get(struct group *group, const char *name, struct device **out)
{
	struct device *device;
	int err;

	for (device = group->devices; device; device = device->next) {
		if (!strcmp(device->name, name)) {
			device->refs++;
			*out = device;
			return 0;
		}
	}
	err = device_create(group, name, &device);
	if (err)
		return err;
	device->next = group->devices;
	group->devices = device;
	*out = device;
	return 0;
}

static void device_put(struct device *device)
{
	struct device **link = &device->group->devices;

	if (--device->refs)
		return;
	while (*link != device)
		link = &(*link)->next;
	*link = device->next;
	container_remove_client(&device->memory);
	client_destroy(device->client);
	device_free(device);
}

/* ---- ioctls ---- */

static long reset(struct device *device)
{
	struct client_call call = { .command = VFIO_USER_DEVICE_RESET };

	return client_call(device->client, &call);
}

/*
 * No feature can be had through here: those that there are hand out descriptors (of migration) or
 * take addresses (of logs), which a server could not make any use of.
 */
static long feature(const void *arg)
{
	const uint32_t get = VFIO_DEVICE_FEATURE_GET, set = VFIO_DEVICE_FEATURE_SET;
	const uint32_t probe = VFIO_DEVICE_FEATURE_PROBE;
	struct vfio_device_feature asked;

	if (copy_from_user(&asked, arg, sizeof(asked)))
		return -EFAULT;
	if (asked.argsz < sizeof(asked) ||
	    asked.flags & ~(VFIO_DEVICE_FEATURE_MASK | get | set | probe))
		return -EINVAL;
	if (!(asked.flags & probe) && asked.flags & set && asked.flags & get)
		return -EINVAL;
	return -ENOTTY;
}

static long device_ioctl(struct file *file, unsigned long cmd, void *arg)
{
	struct device *device = device_of(file);

	switch (cmd) {
	case VFIO_DEVICE_GET_INFO:
		return device_get_info(device, arg);
	case VFIO_DEVICE_GET_REGION_INFO:
		return device_get_region_info(device, arg);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return device_get_irq_info(device, arg);
	case VFIO_DEVICE_SET_IRQS:
		return device_set_irqs(device, arg);
	case VFIO_DEVICE_RESET:
		return reset(device);
	case VFIO_DEVICE_FEATURE:
		return feature(arg);
	default:
		return device_is_ap(device) ? -EOPNOTSUPP : -ENOTTY;
	}
}

/* ---- files ---- */

static void device_release(struct file *file)
{
	struct device_file *df = file->priv;
	struct group *group = df->group->priv;

	group_lock(group);
	device_put(df->device);
	hidden_close(df->holder);
	group_unlock(group);
	file_put(df->group);
	free(df);
}

static const struct file_ops device_ops = {
	.name = "vfio-device",
	.ioctl = device_ioctl,
	.read = device_read,
	.write = device_write,
	.mmap = device_mmap,
	.release = device_release,
};

/*
 * vfio_platform and vfio_ccw do not move the position, not even from one piece of a readv() to the
 * next.
 */
static const struct file_ops staying_device_ops = {
	.name = "vfio-device",
	.ioctl = device_ioctl,
	.read = device_read,
	.write = device_write,
	.mmap = device_mmap,
	.release = device_release,
	.stays = true,
};

int device_open(struct file *group_file, const char *name, struct file **out)
{
	struct group *group = group_file->priv;
	struct device_file *df = calloc(1, sizeof(*df));
	bool stays;
	int err;

	if (!df)
		return -ENOMEM;
	df->group = group_file;
	err = device_get(group, name, &df->device);
	if (err)
		goto free;
	/* From here on the group keeps its container. */
	err = df->holder = holder_create(group->holders, HOLDER_DEVICE);
	if (err < 0)
		goto put;
	stays = device_is_platform(df->device) || device_is_ccw(df->device);
	err = file_create(stays ? &staying_device_ops : &device_ops, df, O_RDWR, out);
	if (err)
		goto let_go;
	file_get(group_file);
	return 0;
let_go:
	hidden_close(df->holder);
put:
	device_put(df->device);
free:
	free(df);
	return err;
}

int device_install(struct file *file)
{
	int fd = placeholder_create(), ret = fd;

	if (fd >= 0) {
		ret = file_install(file, fd);
		if (ret < 0)
			NEXT(close)(fd);
	}
	file_put(file);
	return ret;
}
