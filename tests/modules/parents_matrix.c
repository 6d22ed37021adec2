/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The matrix of crypto adapters and domains, of which each mediated device gets a part: what is
 * assigned is kept, nothing is behind it. This driver counts its devices by itself.
 * Behaviour: Linux 6.1 drivers/s390/crypto/{vfio_ap_drv,vfio_ap_ops}.c.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "parents.h"

#define MATRIX_INSTANCES 4
#define MATRIX_IDS	 256

static atomic_uint matrix_free = MATRIX_INSTANCES;

/* One per mediated device, from probe to remove. */
struct matrix_mdev {
	struct scratch scratch;
	pthread_mutex_t lock;
	bool adapters[MATRIX_IDS]; /* under lock */
	bool domains[MATRIX_IDS];  /* under lock */
};

/* ---- attributes ---- */

static ssize_t assign(struct device *dev, bool *ids, bool on, const char *buf, size_t count)
{
	struct matrix_mdev *matrix = dev_get_drvdata(dev);
	unsigned long id;
	int err;

	err = kstrtoul(buf, 0, &id);
	if (err)
		return err;
	if (id >= MATRIX_IDS)
		return -ENODEV;
	pthread_mutex_lock(&matrix->lock);
	ids[id] = on;
	pthread_mutex_unlock(&matrix->lock);
	return count;
}

#define MATRIX_ATTR(name, ids, on)                                                     \
	static ssize_t name##_store(struct device *dev, struct device_attribute *attr, \
				    const char *buf, size_t count)                     \
	{                                                                              \
		struct matrix_mdev *matrix = dev_get_drvdata(dev);                     \
		return assign(dev, matrix->ids, on, buf, count);                       \
	}                                                                              \
	static DEVICE_ATTR_WO(name)

MATRIX_ATTR(assign_adapter, adapters, true);
MATRIX_ATTR(unassign_adapter, adapters, false);
MATRIX_ATTR(assign_domain, domains, true);
MATRIX_ATTR(unassign_domain, domains, false);

static ssize_t matrix_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct matrix_mdev *matrix = dev_get_drvdata(dev);
	int len = 0;

	pthread_mutex_lock(&matrix->lock);
	for (unsigned int a = 0; a < MATRIX_IDS; a++)
		for (unsigned int d = 0; d < MATRIX_IDS; d++)
			if (matrix->adapters[a] && matrix->domains[d])
				len += sysfs_emit_at(buf, len, "%02x.%04x\n", a, d);
	pthread_mutex_unlock(&matrix->lock);
	return len;
}
static DEVICE_ATTR_RO(matrix);

static struct attribute *matrix_attrs[] = {
	&dev_attr_assign_adapter.attr, &dev_attr_unassign_adapter.attr,
	&dev_attr_assign_domain.attr,  &dev_attr_unassign_domain.attr,
	&dev_attr_matrix.attr,	       NULL,
};
ATTRIBUTE_GROUPS(matrix);

/* ---- a mediated device comes and goes ---- */

static bool take_instance(void)
{
	unsigned int left = atomic_load(&matrix_free);

	do {
		if (!left)
			return false;
	} while (!atomic_compare_exchange_weak(&matrix_free, &left, left - 1));
	return true;
}

static void free_matrix(struct matrix_mdev *matrix)
{
	pthread_mutex_destroy(&matrix->lock);
	free(matrix);
	atomic_fetch_add(&matrix_free, 1);
}

static int matrix_probe(struct mdev_device *mdev)
{
	struct matrix_mdev *matrix;
	int err;

	if (!take_instance())
		return -ENOSPC;
	matrix = calloc(1, sizeof(*matrix));
	if (!matrix) {
		atomic_fetch_add(&matrix_free, 1);
		return -ENOMEM;
	}
	pthread_mutex_init(&matrix->lock, NULL);
	dev_set_drvdata(&mdev->dev, matrix);
	err = scratch_register(&matrix->scratch, &mdev->dev, VFIO_DEVICE_FLAGS_AP);
	if (err)
		free_matrix(matrix);
	return err;
}

static void matrix_quiesce(struct mdev_device *mdev)
{
	struct matrix_mdev *matrix = dev_get_drvdata(&mdev->dev);

	vfio_unregister_group_dev(&matrix->scratch.vdev);
}

static void matrix_remove(struct mdev_device *mdev)
{
	free_matrix(dev_get_drvdata(&mdev->dev));
}

static unsigned int matrix_available(struct mdev_type *type)
{
	return atomic_load(&matrix_free);
}

static struct mdev_type passthrough = {
	.sysfs_name = "passthrough",
	.pretty_name = "VFIO AP Passthrough Device",
};
static struct mdev_type *matrix_types[] = { &passthrough };

struct stand matrix_stand = {
	.bus = { .name = "matrix" },
	.driver = {
		.name = "vfio_ap",
		.bus = &matrix_stand.bus,
		.owner = THIS_MODULE,
		.suppress_bind_attrs = true,
		.probe = stand_probe,
		.remove = stand_remove,
	},
	.mdev_driver = {
		.device_api = VFIO_DEVICE_API_AP_STRING,
		.probe = matrix_probe,
		.quiesce = matrix_quiesce,
		.remove = matrix_remove,
		.get_available = matrix_available,
		.driver = {
			.name = "vfio_ap_mdev",
			.owner = THIS_MODULE,
			.dev_groups = matrix_groups,
		},
	},
	.types = matrix_types,
	.nr_types = ARRAY_SIZE(matrix_types),
	.root_name = "vfio_ap",
	.dev_name = "matrix",
};
