/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The classes of VFIO and the directory of its groups, made when the first of them is needed.
 */
/* Part of the library, not a shared object. */
#define UMDEV_BUILTIN vfio

#include <errno.h>
#include <pthread.h>

#include "model/alloc.h"
#include "model/base.h"
#include "vfio/vfio.h"

static char *group_devnode(struct device *dev, mode_t *mode)
{
	return asprintf_f("vfio/%s", dev_name(dev));
}

struct class vfio_group_class = {
	.name = "vfio",
	.devnode = group_devnode,
};

struct kobject *vfio_iommu_groups;

static pthread_mutex_t init_lock = PTHREAD_MUTEX_INITIALIZER;
static bool ready; /* atomic; written under init_lock */

static int create_all(void)
{
	int err = model_init();

	if (err)
		return err;
	vfio_iommu_groups = kobject_create_and_add("iommu_groups", model_roots.kernel);
	if (!vfio_iommu_groups)
		return -ENOMEM;
	err = class_register(&vfio_group_class);
	if (err)
		goto remove_dir;
	err = class_register(&vfio_device_class);
	if (err)
		goto remove_class;
	err = vfio_group_init();
	if (err)
		goto remove_device_class;
	err = vfio_container_init();
	if (err)
		goto group_cleanup;
	return 0;
group_cleanup:
	vfio_group_cleanup();
remove_device_class:
	class_unregister(&vfio_device_class);
remove_class:
	class_unregister(&vfio_group_class);
remove_dir:
	kobject_del(vfio_iommu_groups);
	kobject_put(vfio_iommu_groups);
	return err;
}

int vfio_init(void)
{
	int err = 0;

	if (__atomic_load_n(&ready, __ATOMIC_ACQUIRE))
		return 0;
	pthread_mutex_lock(&init_lock);
	if (!ready) {
		/* They belong to all devices, not to the one whose publication we may be in. */
		publish_suspend();
		err = create_all();
		publish_resume();
		if (!err)
			__atomic_store_n(&ready, true, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&init_lock);
	return err;
}

static void vfio_exit(void)
{
	pthread_mutex_lock(&init_lock);
	if (ready) {
		vfio_container_cleanup();
		vfio_group_cleanup();
		class_unregister(&vfio_device_class);
		class_unregister(&vfio_group_class);
		kobject_del(vfio_iommu_groups);
		kobject_put(vfio_iommu_groups);
		__atomic_store_n(&ready, false, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&init_lock);
}

subsys_initcall(vfio_init);
module_exit(vfio_exit);
