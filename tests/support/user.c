/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>

#include "support/user.h"

static void asked(struct vfio_file *file, unsigned int count)
{
	struct user *user = vfio_file_data(file);

	gate_open(&user->asked);
}

static void describe(struct vfio_file *file, char *buf, size_t size)
{
	snprintf(buf, size, "a test");
}

static const struct vfio_user_ops user_ops = {
	.request = asked,
	.describe = describe,
};

int user_open(struct user *user, unsigned int n)
{
	struct mdev_device *mdev = mdev_find_n(n);
	int err;

	if (!mdev)
		return -ENODEV;
	err = vfio_file_open(&vendor_dev(mdev)->vdev, &user_ops, user, &user->file);
	put_device(&mdev->dev);
	return err;
}

void user_close(struct user *user)
{
	vfio_file_close(user->file);
}
