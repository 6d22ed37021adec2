/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The transport: the way by which users reach the devices of this process.
 */
#include <errno.h>

#include "model/alloc.h"
#include "vfio/vfio.h"

/*
 * Held for reading while a device comes or goes, so that many can at once, for writing while the
 * transport itself does. Inside of device locks, outside of all others of the model's.
 */
static pthread_rwlock_t transport_lock = PTHREAD_RWLOCK_INITIALIZER;
static struct vfio_transport *the_transport; /* under transport_lock */

/* All registered devices, in order; written under transport_lock for reading and devices_lock. */
static LIST_HEAD(devices);
static pthread_mutex_t devices_lock = PTHREAD_MUTEX_INITIALIZER;

void vfio_transport_lock(void)
{
	pthread_rwlock_rdlock(&transport_lock);
}

void vfio_transport_unlock(void)
{
	pthread_rwlock_unlock(&transport_lock);
}

const struct attribute_group **vfio_transport_groups(void)
{
	return the_transport ? the_transport->dev_groups : NULL;
}

const struct attribute_group **vfio_transport_group_groups(void)
{
	return the_transport ? the_transport->group_groups : NULL;
}

static int start(struct vfio_device_private *p)
{
	int err = the_transport->start(the_transport, p->vdev);

	p->started = !err;
	return err;
}

static void stop(struct vfio_device_private *p)
{
	if (!p->started)
		return;
	the_transport->stop(the_transport, p->vdev);
	p->started = false;
}

int vfio_transport_add(struct vfio_device_private *p)
{
	int err = the_transport ? start(p) : 0;

	if (err)
		return err;
	pthread_mutex_lock(&devices_lock);
	list_add_tail(&p->list, &devices);
	pthread_mutex_unlock(&devices_lock);
	return 0;
}

void vfio_transport_remove(struct vfio_device_private *p)
{
	pthread_mutex_lock(&devices_lock);
	list_del_init(&p->list);
	pthread_mutex_unlock(&devices_lock);
	stop(p);
}

struct vfio_device_private **vfio_transport_devices(void)
{
	struct vfio_device_private **array, *p;
	size_t n = 0;

	pthread_mutex_lock(&devices_lock);
	list_for_each_entry (p, &devices, list)
		n++;
	array = zalloc_array(n + 1, sizeof(struct vfio_device_private *));
	n = 0;
	list_for_each_entry (p, &devices, list) {
		if (!array)
			break;
		get_device(&p->device);
		array[n++] = p;
	}
	pthread_mutex_unlock(&devices_lock);
	return array;
}

/* Serve a device that was there before the transport. Under transport_lock for writing. */
static int adopt(struct vfio_device_private *p)
{
	int err = start(p);

	if (err)
		return err;
	if (the_transport->dev_groups)
		err = device_add_groups(&p->device, the_transport->dev_groups);
	if (err)
		goto stop;
	if (the_transport->group_groups)
		err = device_add_groups(p->group.dev, the_transport->group_groups);
	if (err)
		goto remove_groups;
	return 0;
remove_groups:
	if (the_transport->dev_groups)
		device_remove_groups(&p->device, the_transport->dev_groups);
stop:
	stop(p);
	return err;
}

static void abandon(struct vfio_device_private *p)
{
	if (the_transport->group_groups)
		device_remove_groups(p->group.dev, the_transport->group_groups);
	if (the_transport->dev_groups)
		device_remove_groups(&p->device, the_transport->dev_groups);
	p->device.groups = NULL;
	stop(p);
}

int vfio_transport_register(struct vfio_transport *transport)
{
	struct vfio_device_private *p;
	int err = 0;

	pthread_rwlock_wrlock(&transport_lock);
	if (the_transport) {
		pthread_rwlock_unlock(&transport_lock);
		return -EBUSY;
	}
	the_transport = transport;
	list_for_each_entry (p, &devices, list) {
		err = adopt(p);
		if (err)
			break;
	}
	if (err) {
		list_for_each_entry (p, &devices, list) {
			if (p->started)
				abandon(p);
		}
		the_transport = NULL;
	}
	pthread_rwlock_unlock(&transport_lock);
	return err;
}

void vfio_transport_unregister(struct vfio_transport *transport)
{
	struct vfio_device_private *p;

	pthread_rwlock_wrlock(&transport_lock);
	if (the_transport == transport) {
		list_for_each_entry (p, &devices, list)
			abandon(p);
		the_transport = NULL;
	}
	pthread_rwlock_unlock(&transport_lock);
}

void vfio_device_set_transport_data(struct vfio_device *vdev, void *data)
{
	vdev->p->transport_data = data;
}

void *vfio_device_transport_data(struct vfio_device *vdev)
{
	return vdev->p->transport_data;
}
