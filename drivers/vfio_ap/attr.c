/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The attributes of a mediated matrix. ap_config is in attr_config.c.
 *
 * Behaviour: Linux 7.3 drivers/s390/crypto/vfio_ap_ops.c.
 */
#include <errno.h>

#include "private.h"

/* ---- assigning one adapter, domain or control domain ---- */

/** struct assignable - one of the three kinds of numbers: its mask in a matrix, and its highest */
struct assignable {
	size_t mask;
	size_t max;
	bool queues; /* queues are made of it */
};

static const struct assignable adapters = {
	.mask = offsetof(struct ap_matrix, apm),
	.max = offsetof(struct ap_matrix, apm_max),
	.queues = true,
};
static const struct assignable domains = {
	.mask = offsetof(struct ap_matrix, aqm),
	.max = offsetof(struct ap_matrix, aqm_max),
	.queues = true,
};
static const struct assignable control = {
	.mask = offsetof(struct ap_matrix, adm),
	.max = offsetof(struct ap_matrix, adm_max),
};

static struct ap_mask *mask_of(struct ap_matrix *matrix, const struct assignable *kind)
{
	return (struct ap_mask *)((char *)matrix + kind->mask);
}

static unsigned int max_of(const struct ap_matrix *matrix, const struct assignable *kind)
{
	return *(const unsigned int *)((const char *)matrix + kind->max);
}

/* Return: 1: @next is m->matrix with @nr changed; 0: it is so already; -errno. */
static int change(struct ap_matrix_mdev *m, const struct assignable *kind, const char *buf, bool on,
		  struct ap_matrix *next)
{
	struct ap_mask *mask = mask_of(next, kind);
	unsigned long nr;
	int err = kstrtoul(buf, 0, &nr);

	if (err)
		return err;
	*next = m->matrix;
	if (nr > max_of(&m->matrix, kind))
		return -ENODEV;
	if (ap_mask_test(mask, nr) == on)
		return 0;
	if (on)
		ap_mask_set(mask, nr);
	else
		ap_mask_clear(mask, nr);
	return 1;
}

static int assign_locked(struct ap_matrix_mdev *m, const struct assignable *kind, const char *buf,
			 struct qid_set *resets)
{
	struct ap_matrix next;
	int err = change(m, kind, buf, true, &next);

	if (err <= 0)
		return err;
	err = kind->queues ? vfio_ap_matrix_allowed(m, &next) : 0;
	if (err)
		return err;
	vfio_ap_set_matrix(m, &next, kind->queues, !kind->queues, resets);
	return 0;
}

static ssize_t assign(struct device *dev, const struct assignable *kind, const char *buf,
		      size_t count)
{
	struct qid_set resets = { 0 };
	int err;

	ap_attr_lock();
	pthread_mutex_lock(&matrix_dev->lock);
	err = assign_locked(dev_get_drvdata(dev), kind, buf, &resets);
	pthread_mutex_unlock(&matrix_dev->lock);
	ap_attr_unlock();

	vfio_ap_settle(&resets, NULL);
	return err ? err : (ssize_t)count;
}

static ssize_t unassign(struct device *dev, const struct assignable *kind, const char *buf,
			size_t count)
{
	struct ap_matrix_mdev *m = dev_get_drvdata(dev);
	struct qid_set resets = { 0 };
	struct ap_matrix next;
	int err;

	pthread_mutex_lock(&matrix_dev->lock);
	err = change(m, kind, buf, false, &next);
	if (err > 0)
		vfio_ap_set_matrix(m, &next, false, false, &resets);
	pthread_mutex_unlock(&matrix_dev->lock);

	vfio_ap_settle(&resets, NULL);
	return err < 0 ? err : (ssize_t)count;
}

#define ASSIGN_ATTR(name, how, kind)                                                   \
	static ssize_t name##_store(struct device *dev, struct device_attribute *attr, \
				    const char *buf, size_t count)                     \
	{                                                                              \
		return how(dev, kind, buf, count);                                     \
	}                                                                              \
	static DEVICE_ATTR_WO(name)

ASSIGN_ATTR(assign_adapter, assign, &adapters);
ASSIGN_ATTR(unassign_adapter, unassign, &adapters);
ASSIGN_ATTR(assign_domain, assign, &domains);
ASSIGN_ATTR(unassign_domain, unassign, &domains);
ASSIGN_ATTR(assign_control_domain, assign, &control);
ASSIGN_ATTR(unassign_control_domain, unassign, &control);

/* ---- looking ---- */

static ssize_t control_domains_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct ap_matrix_mdev *m = dev_get_drvdata(dev);
	unsigned int nr;
	int len = 0;

	pthread_mutex_lock(&matrix_dev->lock);
	ap_for_each_bit (nr, &m->matrix.adm)
		len += sysfs_emit_at(buf, len, "%04x\n", nr);
	pthread_mutex_unlock(&matrix_dev->lock);
	return len;
}
static DEVICE_ATTR_RO(control_domains);

/* As many queues as a page has room for. */
static int emit_queues(const struct ap_matrix *matrix, char *buf)
{
	unsigned int card, domain;
	int len = 0, more;

	ap_for_each_bit (card, &matrix->apm) {
		ap_for_each_bit (domain, &matrix->aqm) {
			more = sysfs_emit_at(buf, len, "%02x.%04x\n", card, domain);
			if (!more)
				return len;
			len += more;
		}
	}
	return len;
}

static int emit_matrix(const struct ap_matrix *matrix, char *buf)
{
	unsigned int nr;
	int len = 0;

	if (!ap_mask_empty(&matrix->apm) && !ap_mask_empty(&matrix->aqm))
		return emit_queues(matrix, buf);
	ap_for_each_bit (nr, &matrix->apm)
		len += sysfs_emit_at(buf, len, "%02x.\n", nr);
	ap_for_each_bit (nr, &matrix->aqm)
		len += sysfs_emit_at(buf, len, ".%04x\n", nr);
	return len;
}

static ssize_t matrix_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct ap_matrix_mdev *m = dev_get_drvdata(dev);
	int len;

	pthread_mutex_lock(&matrix_dev->lock);
	len = emit_matrix(&m->matrix, buf);
	pthread_mutex_unlock(&matrix_dev->lock);
	return len;
}
static DEVICE_ATTR_RO(matrix);

static ssize_t guest_matrix_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct ap_matrix_mdev *m = dev_get_drvdata(dev);
	int len;

	pthread_mutex_lock(&matrix_dev->lock);
	len = emit_matrix(&m->shadow, buf);
	pthread_mutex_unlock(&matrix_dev->lock);
	return len;
}
static DEVICE_ATTR_RO(guest_matrix);

static struct attribute *mdev_attrs[] = {
	&dev_attr_assign_adapter.attr,
	&dev_attr_unassign_adapter.attr,
	&dev_attr_assign_domain.attr,
	&dev_attr_unassign_domain.attr,
	&dev_attr_assign_control_domain.attr,
	&dev_attr_unassign_control_domain.attr,
	&vfio_ap_dev_attr_ap_config.attr,
	&dev_attr_control_domains.attr,
	&dev_attr_matrix.attr,
	&dev_attr_guest_matrix.attr,
	NULL,
};
static const struct attribute_group mdev_group = { .attrs = mdev_attrs };
const struct attribute_group *vfio_ap_mdev_attr_groups[] = { &mdev_group, NULL };
