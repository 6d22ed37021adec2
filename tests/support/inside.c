/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/inside.h"

/* Devices between the transport's start and stop: only these may be opened. */
static struct vfio_device *devices[INSIDE_DEVICES]; /* under lock */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int device_comes(struct vfio_transport *transport, struct vfio_device *vdev)
{
	int err = -ENOSPC;
	int i;

	pthread_mutex_lock(&lock);
	for (i = 0; err && i < INSIDE_DEVICES; i++) {
		if (!devices[i]) {
			devices[i] = vdev;
			err = 0;
		}
	}
	pthread_mutex_unlock(&lock);
	return err;
}

static void device_goes(struct vfio_transport *transport, struct vfio_device *vdev)
{
	int i;

	pthread_mutex_lock(&lock);
	for (i = 0; i < INSIDE_DEVICES; i++)
		if (devices[i] == vdev)
			devices[i] = NULL;
	pthread_mutex_unlock(&lock);
}

static struct vfio_transport transport = {
	.name = "inside",
	.start = device_comes,
	.stop = device_goes,
};

int inside_start(void)
{
	return vfio_transport_register(&transport);
}

void inside_stop(void)
{
	vfio_transport_unregister(&transport);
}

static void describe(struct vfio_file *file, char *buf, size_t size)
{
	snprintf(buf, size, "a guest");
}

static const struct vfio_user_ops user_ops = { .describe = describe };

int inside_open(const char *name, void *user, struct vfio_file **out)
{
	int err = -ENODEV;
	int i;

	pthread_mutex_lock(&lock);
	for (i = 0; i < INSIDE_DEVICES; i++) {
		if (!devices[i] || strcmp(dev_name(devices[i]->dev), name))
			continue;
		err = vfio_file_open(devices[i], &user_ops, user, out);
		break;
	}
	pthread_mutex_unlock(&lock);
	return err;
}

struct vfio_file *inside_open_some(unsigned int *seed)
{
	struct vfio_file *file = NULL;
	int i, tries;

	pthread_mutex_lock(&lock);
	for (tries = 0; !file && tries < INSIDE_DEVICES; tries++) {
		i = (rand_r(seed) % INSIDE_DEVICES + tries) % INSIDE_DEVICES;
		if (devices[i] && vfio_file_open(devices[i], &user_ops, NULL, &file))
			file = NULL;
	}
	pthread_mutex_unlock(&lock);
	return file;
}
