/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The module "vfio_platform_base": how devices are reset. Each kind has a way of its own, in a
 * module of its own, which a probe() of vfio_platform's loads. That may run while vfio_platform is
 * still coming, when nothing can depend on it: so all of these depend on this module.
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

/* ---- for devices ---- */

/* The one that is there, with its module kept. */
static const struct vfio_platform_reset *take_reset(const char *compatible)
{
	struct vfio_platform_reset *reset;

	pthread_mutex_lock(&resets_lock);
	reset = find_reset(compatible);
	if (reset && !try_module_get(reset->owner))
		reset = NULL;
	pthread_mutex_unlock(&resets_lock);
	return reset;
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

const struct vfio_platform_reset *vfio_platform_get_reset(const char *compatible)
{
	const struct vfio_platform_reset *reset = take_reset(compatible);

	if (reset)
		return reset;
	load_reset(compatible);
	return take_reset(compatible);
}

void vfio_platform_put_reset(const struct vfio_platform_reset *reset)
{
	if (reset)
		module_put(reset->owner);
}

/* ---- the module ---- */

static int vfio_platform_base_init(void)
{
	return 0;
}

static void vfio_platform_base_exit(void)
{
}

module_init(vfio_platform_base_init);
module_exit(vfio_platform_base_exit);
MODULE_DEPENDS("platform");
MODULE_LICENSE("LGPL-2.1-or-later");
MODULE_DESCRIPTION("How platform devices are reset for users of VFIO");
