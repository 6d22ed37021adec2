/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <umdev/vfio_file.h>
#include "stress/users.h"

#define MAX_DEVICES 256

/* Devices between the transport's start and stop: only these may be opened. */
static struct vfio_device *devices[MAX_DEVICES]; /* under lock */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned long visits; /* atomic */

static int device_comes(struct vfio_transport *transport, struct vfio_device *vdev)
{
	int err = -ENOSPC;
	int i;

	pthread_mutex_lock(&lock);
	for (i = 0; err && i < MAX_DEVICES; i++) {
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
	for (i = 0; i < MAX_DEVICES; i++)
		if (devices[i] == vdev)
			devices[i] = NULL;
	pthread_mutex_unlock(&lock);
}

static struct vfio_transport transport = {
	.name = "stress",
	.start = device_comes,
	.stop = device_goes,
};

int users_start(void)
{
	return vfio_transport_register(&transport);
}

void users_stop(void)
{
	vfio_transport_unregister(&transport);
}

static void describe(struct vfio_file *file, char *buf, size_t size)
{
	snprintf(buf, size, "a visitor");
}

static const struct vfio_user_ops visitor_ops = {
	.describe = describe,
};

static struct vfio_file *open_some(unsigned int *seed)
{
	struct vfio_file *file = NULL;
	int i, tries;

	pthread_mutex_lock(&lock);
	for (tries = 0; !file && tries < MAX_DEVICES; tries++) {
		i = (rand_r(seed) % MAX_DEVICES + tries) % MAX_DEVICES;
		if (devices[i] && vfio_file_open(devices[i], &visitor_ops, NULL, &file))
			file = NULL;
	}
	pthread_mutex_unlock(&lock);
	return file;
}

void users_visit(unsigned int *seed)
{
	struct vfio_file *file = open_some(seed);
	struct vfio_device_info info = { .argsz = sizeof(info) };
	uint32_t value;
	int i;

	if (!file)
		return;
	vfio_file_get_info(file, &info);
	for (i = rand_r(seed) % 16; i; i--)
		vfio_file_read(file, 0, &value, sizeof(value), 0);
	vfio_file_close(file);
	__atomic_add_fetch(&visits, 1, __ATOMIC_RELAXED);
}

unsigned long users_visits(void)
{
	return __atomic_load_n(&visits, __ATOMIC_RELAXED);
}
