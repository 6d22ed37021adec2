/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The attribute ap_config: all of a matrix at once.
 *
 * Behaviour: Linux 7.3 drivers/s390/crypto/vfio_ap_ops.c, ap_config_show() and ap_config_store().
 */
#include <errno.h>
#include <string.h>

#include "private.h"

/* Three times "0x", the digits, and what is behind them; the rest of a write is not looked at. */
#define MASK_LEN   (2 + 256 / 4 + 1)
#define CONFIG_LEN (3 * MASK_LEN)

static ssize_t ap_config_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct ap_matrix_mdev *m = dev_get_drvdata(dev);
	int len;

	pthread_mutex_lock(&matrix_dev->lock);
	len = sysfs_emit(buf, AP_MASK_FMT "," AP_MASK_FMT "," AP_MASK_FMT "\n",
			 AP_MASK_ARGS(&m->matrix.apm), AP_MASK_ARGS(&m->matrix.aqm),
			 AP_MASK_ARGS(&m->matrix.adm));
	pthread_mutex_unlock(&matrix_dev->lock);
	return len;
}

static int parse_mask(char **rest, struct ap_mask *mask)
{
	char *text = strsep(rest, ",\n");

	return text ? ap_hex2bitmap(text, mask) : -EINVAL;
}

static int parse_config(const char *buf, struct ap_matrix *matrix)
{
	char copy[CONFIG_LEN + 1] = "", *rest = copy;

	memcpy(copy, buf, strnlen(buf, CONFIG_LEN));
	if (parse_mask(&rest, &matrix->apm) || parse_mask(&rest, &matrix->aqm) ||
	    parse_mask(&rest, &matrix->adm))
		return -EINVAL;
	return 0;
}

static bool is_beyond(const struct ap_mask *mask, unsigned int max)
{
	return ap_mask_next(mask, max + 1) < 256;
}

static int store_locked(struct ap_matrix_mdev *m, const char *buf, struct qid_set *resets)
{
	struct ap_matrix next = m->matrix;
	int err = parse_config(buf, &next);

	if (err)
		return err;
	err = vfio_ap_matrix_allowed(m, &next);
	if (err)
		return err;
	if (is_beyond(&next.apm, next.apm_max) || is_beyond(&next.aqm, next.aqm_max) ||
	    is_beyond(&next.adm, next.adm_max))
		return -ENODEV;
	vfio_ap_set_matrix(m, &next, true, true, resets);
	return 0;
}

static ssize_t ap_config_store(struct device *dev, struct device_attribute *attr, const char *buf,
			       size_t count)
{
	struct qid_set resets = { 0 };
	int err;

	ap_attr_lock();
	pthread_mutex_lock(&matrix_dev->lock);
	err = store_locked(dev_get_drvdata(dev), buf, &resets);
	pthread_mutex_unlock(&matrix_dev->lock);
	ap_attr_unlock();

	vfio_ap_settle(&resets, NULL);
	return err ? err : (ssize_t)count;
}

struct device_attribute vfio_ap_dev_attr_ap_config = __ATTR_RW(ap_config);
