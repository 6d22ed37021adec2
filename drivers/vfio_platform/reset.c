/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How devices are reset: each kind has a way of its own, in a module of its own.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

static pthread_mutex_t resets_lock = PTHREAD_MUTEX_INITIALIZER; /* a leaf */
static LIST_HEAD(resets);					/* under resets_lock */

/* Under resets_lock. */
static struct vfio_platform_reset *find_reset(const char *compatible)
{
	struct vfio_platform_reset *reset;

	list_for_each_entry (reset, &resets, list) {
		if (!strcmp(reset->compatible, compatible))
			return reset;
	}
	return NULL;
}

int vfio_platform_register_reset(struct vfio_platform_reset *reset)
{
	int err = 0;

	if (!reset->compatible || !reset->reset)
		return -EINVAL;
	pthread_mutex_lock(&resets_lock);
	if (find_reset(reset->compatible))
		err = -EEXIST;
	else
		list_add_tail(&reset->list, &resets);
	pthread_mutex_unlock(&resets_lock);
	return err;
}

void vfio_platform_unregister_reset(struct vfio_platform_reset *reset)
{
	pthread_mutex_lock(&resets_lock);
	list_del_init(&reset->list);
	pthread_mutex_unlock(&resets_lock);
}

/* ---- of a device ---- */

/* Find the one that is there, and keep its module. */
static bool take_reset(struct vfio_platform_device *vpdev)
{
	struct vfio_platform_reset *reset;

	pthread_mutex_lock(&resets_lock);
	reset = find_reset(vpdev->compat);
	if (reset && try_module_get(reset->owner))
		vpdev->reset = reset;
	pthread_mutex_unlock(&resets_lock);
	return vpdev->reset;
}

/* The name is the device tree's, and one with a '/' would be the path of a file. */
static void load_reset(const char *compatible)
{
	char *alias;

	if (strchr(compatible, '/') || asprintf(&alias, "vfio-reset:%s", compatible) < 0)
		return;
	request_module(alias);
	free(alias);
}

int vfio_platform_get_reset(struct vfio_platform_device *vpdev)
{
	if (take_reset(vpdev))
		return 0;
	load_reset(vpdev->compat);
	return take_reset(vpdev) ? 0 : -ENOENT;
}

void vfio_platform_put_reset(struct vfio_platform_device *vpdev)
{
	if (vpdev->reset)
		module_put(vpdev->reset->owner);
	vpdev->reset = NULL;
}

int vfio_platform_call_reset(struct vfio_platform_device *vpdev)
{
	struct platform_device *pdev = vpdev->pdev;

	if (!vpdev->reset) {
		dev_warn(&pdev->dev, VFIO_PLATFORM_LOG "no reset function found!");
		return -EINVAL;
	}
	dev_info(&pdev->dev, VFIO_PLATFORM_LOG "reset");
	return vpdev->reset->reset(pdev);
}
