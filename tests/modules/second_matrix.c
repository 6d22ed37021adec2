/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tries to put a second device on the bus of the matrix that a mediated device is of; the log says
 * what came of it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <umdev/mdev.h>
#include <umdev/module.h>

static char *uuid;
module_param(uuid, charp, 0444);
MODULE_PARM_DESC(uuid, "a mediated matrix");

static void release(struct device *dev)
{
	free(dev);
}

static int add_second(const struct device *matrix)
{
	struct device *dev = calloc(1, sizeof(*dev));
	int err;

	if (!dev)
		return -ENOMEM;
	dev->parent = matrix->parent;
	dev->bus = matrix->bus;
	dev->release = release;
	err = device_initialize(dev);
	if (!err)
		err = dev_set_name(dev, "matrix1");
	if (!err)
		err = device_add(dev);
	if (!err)
		device_del(dev);
	put_device(dev);
	return err;
}

/* Return: is it 32 digits, with '-' anywhere? */
static bool parse(const char *text, uint8_t bytes[16])
{
	unsigned int nr = 0;

	for (; *text && nr < 16; text++) {
		if (*text == '-')
			continue;
		if (sscanf(text++, "%2hhx", &bytes[nr++]) != 1)
			return false;
	}
	return nr == 16;
}

static int second_matrix_init(void)
{
	struct mdev_device *mdev;
	uint8_t bytes[16];

	mdev = uuid && parse(uuid, bytes) ? mdev_find(bytes) : NULL;
	if (!mdev)
		return -ENODEV;
	pr_info("second_matrix: %d", add_second(mdev->dev.parent));
	put_device(&mdev->dev);
	return 0;
}

static void second_matrix_exit(void)
{
}

module_init(second_matrix_init);
module_exit(second_matrix_exit);
MODULE_LICENSE("LGPL-2.1-or-later");
