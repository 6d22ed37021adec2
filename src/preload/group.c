/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <linux/vfio.h>

#include "preload/door.h"
#include "preload/group.h"
#include "preload/group_private.h"
#include "preload/holders.h"
#include "preload/next.h"
#include "preload/table.h"
#include "preload/usercopy.h"
#include "vfio_user/door.h"

/* Has the server ended the connection, or the program closed it, unseen? */
static bool has_gone(const struct group *group)
{
	return !table_is_hidden(group->door) || door_has_gone(group->door);
}

/* ---- what other processes have done ---- */

/* See to it that this process uses what the group is attached to. */
static void follow(struct group *group)
{
	uint64_t id = group->shared->container;

	if (group->container && container_id(group->container) == id)
		return;
	if (group->container)
		container_leave_group(group->container);
	group->container = id ? container_join_group(id) : NULL;
}

void group_lock(struct group *group)
{
	if (shared_mutex_lock(&group->shared->lock) && group->shared->asking) {
		if (table_is_hidden(group->door))
			door_drain(group->door);
		group->shared->asking = false;
	}
	follow(group);
}

void group_unlock(struct group *group)
{
	shared_mutex_unlock(&group->shared->lock);
}

/* ---- ioctls ---- */

static long get_status(struct group *group, void *arg)
{
	struct vfio_group_status status;

	if (copy_from_user(&status, arg, sizeof(status)))
		return -EFAULT;
	if (status.argsz < sizeof(status))
		return -EINVAL;
	if (has_gone(group))
		return -ENODEV;
	group_lock(group);
	status.flags = VFIO_GROUP_FLAGS_VIABLE;
	if (group->shared->container)
		status.flags |= VFIO_GROUP_FLAGS_CONTAINER_SET;
	group_unlock(group);
	return copy_to_user(arg, &status, sizeof(status));
}

/* What the kernel says of a descriptor that is no file of ours. */
static int foreign_fd(int fd)
{
	int flags = table_is_hidden(fd) ? -1 : NEXT(fcntl)(fd, F_GETFL);

	return flags < 0 || flags & O_PATH ? -EBADF : -EINVAL;
}

static int attach(struct group *group, struct file *file)
{
	struct container *container = file ? container_from_file(file) : NULL;
	int err;

	if (group->shared->container)
		return -EINVAL;
	if (has_gone(group))
		return -ENODEV;
	if (!container)
		return -EINVAL;
	err = container_attach_group(container);
	if (err)
		return err;
	group->container = container;
	group->shared->container = container_id(container);
	return 0;
}

static long set_container(struct group *group, void *arg)
{
	struct file *file;
	int fd, err;

	if (copy_from_user(&fd, arg, sizeof(fd)))
		return -EFAULT;
	file = file_from_fd(fd);
	if (!file && foreign_fd(fd) == -EBADF)
		return -EBADF;
	group_lock(group);
	err = attach(group, file);
	group_unlock(group);
	if (file)
		file_put(file);
	return err;
}

static void detach(struct group *group)
{
	struct container *container = group->container;

	group->container = NULL;
	group->shared->container = 0;
	/* Another process may have attached it to what this one does not have. */
	if (container)
		container_detach_group(container);
}

static long unset_container(struct group *group)
{
	long ret = 0;

	group_lock(group);
	if (!group->shared->container)
		ret = -EINVAL;
	else if (holders_any(group->holders, HOLDER_DEVICE))
		ret = -EBUSY;
	else
		detach(group);
	group_unlock(group);
	return ret;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/*
 * A string of the program's, of a page at most with its end, of which no more than @size bytes are
 * kept. Return: its length, -EFAULT, -EINVAL (it is longer).
 */
static long copy_name(char *name, size_t size, const char *from)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), done = 0;
	char piece[256];

	while (done < page) {
		/* What lies behind the end need not be there: from one page to the next. */
		size_t border = page - ((uintptr_t)(from + done) & (page - 1));
		size_t n = least(least(sizeof(piece), border), page - done), len;

		if (copy_from_user(piece, from + done, n))
			return -EFAULT;
		len = strnlen(piece, n);
		if (done < size)
			memcpy(name + done, piece, least(len, size - done));
		done += len;
		if (len < n)
			return (long)done;
	}
	return -EINVAL;
}

/* Does the group have a device of that name? For when it cannot be opened anyway. */
static bool has_device(const struct group *group, const char *name)
{
	char path[VFIO_DOOR_NAME_MAX + 64];
	struct stat st;

	if (!*name || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%u/devices/%s", group->id, name);
	return !lstat(path, &st);
}

static long get_device_fd(struct file *file, void *arg)
{
	struct group *group = file->priv;
	char name[VFIO_DOOR_NAME_MAX];
	struct file *device = NULL;
	long ret;

	ret = copy_name(name, sizeof(name), arg);
	if (ret < 0)
		return ret;
	if ((size_t)ret >= sizeof(name) || has_gone(group))
		return -ENODEV;
	name[ret] = '\0';
	group_lock(group);
	if (!group->container || !container_has_iommu(group->container))
		ret = has_device(group, name) ? -EINVAL : -ENODEV;
	else
		ret = device_open(file, name, &device);
	group_unlock(group);
	return ret ? ret : device_install(device);
}

static long group_ioctl(struct file *file, unsigned long cmd, void *arg)
{
	struct group *group = file->priv;

	switch (cmd) {
	case VFIO_GROUP_GET_DEVICE_FD:
		return get_device_fd(file, arg);
	case VFIO_GROUP_GET_STATUS:
		return get_status(group, arg);
	case VFIO_GROUP_SET_CONTAINER:
		return set_container(group, arg);
	case VFIO_GROUP_UNSET_CONTAINER:
		return unset_container(group);
	default:
		return -ENOTTY;
	}
}

/* ---- open and close ---- */

static void group_free(struct group *group)
{
	hidden_close(group->holder);
	hidden_close(group->holders);
	/* With the last copy of it the group is free. */
	hidden_close(group->door);
	shared_free(group->shared, sizeof(*group->shared));
	free(group);
}

static void group_release(struct file *file)
{
	struct group *group = file->priv;

	group_lock(group);
	hidden_close(group->holder);
	group->holder = -1;
	if (group->container) {
		if (holders_any(group->holders, HOLDER_GROUP))
			container_leave_group(group->container);
		else
			detach(group);
	}
	group_unlock(group);
	group_free(group);
}

static const struct file_ops group_ops = {
	.name = "vfio-group",
	.ioctl = group_ioctl,
	.release = group_release,
};

static int group_create(unsigned int id, int flags, struct group **out)
{
	struct group *group = calloc(1, sizeof(*group));
	int err;

	if (!group)
		return -ENOMEM;
	group->id = id;
	group->door = group->holders = group->holder = -1;
	group->shared = shared_alloc(sizeof(*group->shared));
	err = group->shared ? 0 : -ENOMEM;
	if (err)
		goto free;
	shared_mutex_init(&group->shared->lock);
	err = group->holders = holders_create();
	if (err < 0)
		goto free;
	err = group->holder = holder_create(group->holders, HOLDER_GROUP);
	if (err < 0)
		goto free;
	err = door_connect(id);
	if (err >= 0)
		err = group->door = hidden_fd(err);
	if (err >= 0)
		err = door_open(group->door, id, flags & O_ACCMODE);
	if (err)
		goto free;
	*out = group;
	return 0;
free:
	group_free(group);
	return err;
}

int group_open(int fd, unsigned int id, int flags)
{
	struct group *group;
	struct file *file;
	int ret;

	ret = group_create(id, flags, &group);
	if (ret)
		goto close;
	ret = file_create(&group_ops, group, flags, &file);
	if (ret) {
		group_free(group);
		goto close;
	}
	ret = file_install(file, fd);
	file_put(file);
	if (ret >= 0)
		return ret;
close:
	NEXT(close)(fd);
	return ret;
}
