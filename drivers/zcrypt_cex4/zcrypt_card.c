/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "zcrypt.h"

LIST_HEAD(zcrypt_cards);

int parse_online(const char *buf, bool *online)
{
	int value;

	if (!ap_parse_int(buf, 10, &value) || value < 0 || value > 1)
		return -EINVAL;
	*online = value;
	return 0;
}

/* ---- attributes ---- */

static ssize_t type_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct zcrypt_card *zc = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%s\n", zc->type);
}
static DEVICE_ATTR_RO(type);

static ssize_t online_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct zcrypt_card *zc = dev_get_drvdata(dev);
	bool online;

	pthread_mutex_lock(&zcrypt_lock);
	online = zc->online && ap_dev_usable(zc->ap_dev);
	pthread_mutex_unlock(&zcrypt_lock);
	return sysfs_emit(buf, "%d\n", online);
}

/* All queues follow their card. Return: how many; they are in @changed, with references. */
static int set_online(struct zcrypt_card *zc, bool online, struct ap_device **changed)
{
	struct zcrypt_queue *zq;
	int nr = 0;

	pthread_mutex_lock(&zcrypt_lock);
	list_for_each_entry (zq, &zc->queues, list) {
		if (zcrypt_queue_force_online(zq, online)) {
			get_device(&zq->ap_dev->device);
			changed[nr++] = zq->ap_dev;
		}
	}
	pthread_mutex_unlock(&zcrypt_lock);
	return nr;
}

static ssize_t online_store(struct device *dev, struct device_attribute *attr, const char *buf,
			    size_t count)
{
	struct zcrypt_card *zc = dev_get_drvdata(dev);
	struct ap_device *changed[AP_DOMAINS];
	bool online;
	int i, nr;

	if (parse_online(buf, &online))
		return -EINVAL;
	if (online && !ap_dev_usable(zc->ap_dev))
		return -ENODEV;

	pthread_mutex_lock(&zcrypt_lock);
	zc->online = online;
	pthread_mutex_unlock(&zcrypt_lock);
	ap_send_online_uevent(zc->ap_dev, online);

	nr = set_online(zc, online, changed);
	for (i = 0; i < nr; i++) {
		ap_send_online_uevent(changed[i], online);
		put_device(&changed[i]->device);
	}
	return (ssize_t)count;
}
static DEVICE_ATTR_RW(online);

static ssize_t load_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct zcrypt_card *zc = dev_get_drvdata(dev);
	unsigned int load;

	pthread_mutex_lock(&zcrypt_lock);
	load = zc->load;
	pthread_mutex_unlock(&zcrypt_lock);
	return sysfs_emit(buf, "%u\n", load);
}
static DEVICE_ATTR_RO(load);

static struct attribute *card_attrs[] = {
	&dev_attr_type.attr,
	&dev_attr_online.attr,
	&dev_attr_load.attr,
	NULL,
};
ATTRIBUTE_GROUPS(card);

/* ---- the driver ---- */

static int set_type(struct zcrypt_card *zc)
{
	zc->mode = ap_card_hwinfo(zc->ap_dev)->fac;
	/* In the kernel's order, should hardware claim several. */
	if (zc->mode & AP_FAC_ACCEL)
		zc->mode = AP_FAC_ACCEL;
	else if (zc->mode & AP_FAC_CCA)
		zc->mode = AP_FAC_CCA;
	else if (zc->mode & AP_FAC_EP11)
		zc->mode = AP_FAC_EP11;
	else
		return -ENODEV;
	/* CEX4 to CEX8, as card_ids says. */
	memcpy(zc->type, "CEX", 3);
	zc->type[3] = (char)('4' + zc->ap_dev->device_type - AP_DEVICE_TYPE_CEX4);
	zc->type[4] = zc->mode == AP_FAC_ACCEL ? 'A' : (zc->mode == AP_FAC_CCA ? 'C' : 'P');
	return 0;
}

static void publish_card(struct zcrypt_card *zc)
{
	struct zcrypt_queue *zq, *next;

	pthread_mutex_lock(&zcrypt_lock);
	list_add_tail(&zc->list, &zcrypt_cards);
	list_for_each_entry_safe (zq, next, &zcrypt_orphans, list)
		if (AP_QID_CARD(zq->qid) == ap_card_id(zc->ap_dev))
			zcrypt_queue_link(zq, zc);
	pthread_mutex_unlock(&zcrypt_lock);
}

static int card_probe(struct ap_device *ap_dev)
{
	struct zcrypt_card *zc = calloc(1, sizeof(*zc));
	int err;

	if (!zc)
		return -ENOMEM;
	zc->ap_dev = ap_dev;
	zc->max_len = ap_card_max_msg_size(ap_dev);
	zc->online = true;
	INIT_LIST_HEAD(&zc->queues);
	err = set_type(zc);
	if (err) {
		free(zc);
		return err;
	}
	dev_set_drvdata(&ap_dev->device, zc);
	publish_card(zc);
	return 0;
}

static void card_remove(struct ap_device *ap_dev)
{
	struct zcrypt_card *zc = dev_get_drvdata(&ap_dev->device);
	struct zcrypt_queue *zq, *next;

	pthread_mutex_lock(&zcrypt_lock);
	list_for_each_entry_safe (zq, next, &zc->queues, list)
		zcrypt_queue_link(zq, NULL);
	list_del_init(&zc->list);
	pthread_mutex_unlock(&zcrypt_lock);
	free(zc);
}

static const struct ap_device_id card_ids[] = {
	{ AP_DEVICE_ID_MATCH_CARD_TYPE, AP_DEVICE_TYPE_CEX4 },
	{ AP_DEVICE_ID_MATCH_CARD_TYPE, AP_DEVICE_TYPE_CEX5 },
	{ AP_DEVICE_ID_MATCH_CARD_TYPE, AP_DEVICE_TYPE_CEX6 },
	{ AP_DEVICE_ID_MATCH_CARD_TYPE, AP_DEVICE_TYPE_CEX7 },
	{ AP_DEVICE_ID_MATCH_CARD_TYPE, AP_DEVICE_TYPE_CEX8 },
	{ 0 },
};

struct ap_driver cex4card_driver = {
	.driver = { .dev_groups = card_groups },
	.probe = card_probe,
	.remove = card_remove,
	.ids = card_ids,
	.flags = AP_DRIVER_FLAG_DEFAULT,
};
