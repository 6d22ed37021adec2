/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>

#include "zcrypt.h"

LIST_HEAD(zcrypt_orphans);

void zcrypt_queue_link(struct zcrypt_queue *zq, struct zcrypt_card *zc)
{
	if (zq->card)
		zq->card->load -= zq->load;
	zq->card = zc;
	if (zc)
		zc->load += zq->load;
	list_del_init(&zq->list);
	list_add_tail(&zq->list, zc ? &zc->queues : &zcrypt_orphans);
}

bool zcrypt_queue_force_online(struct zcrypt_queue *zq, bool online)
{
	if (zq->online == online)
		return false;
	zq->online = online;
	if (!online)
		ap_flush_queue(zq->ap_dev);
	return true;
}

void zcrypt_queue_put(struct zcrypt_queue *zq)
{
	if (!--zq->refs)
		free(zq);
}

/* ---- attributes ---- */

static ssize_t online_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct zcrypt_queue *zq = dev_get_drvdata(dev);
	bool online;

	pthread_mutex_lock(&zcrypt_lock);
	online = zq->online && ap_dev_usable(zq->ap_dev);
	pthread_mutex_unlock(&zcrypt_lock);
	return sysfs_emit(buf, "%d\n", online);
}

static int set_online(struct zcrypt_queue *zq, bool online)
{
	if (online && !(ap_dev_usable(zq->ap_dev) && ap_dev_usable(ap_queue_card(zq->ap_dev))))
		return -ENODEV;
	if (online && !(zq->card && zq->card->online))
		return -EINVAL;
	zq->online = online;
	return 0;
}

static ssize_t online_store(struct device *dev, struct device_attribute *attr, const char *buf,
			    size_t count)
{
	struct zcrypt_queue *zq = dev_get_drvdata(dev);
	bool online;
	int err;

	if (parse_online(buf, &online))
		return -EINVAL;
	pthread_mutex_lock(&zcrypt_lock);
	err = set_online(zq, online);
	pthread_mutex_unlock(&zcrypt_lock);
	if (err)
		return err;
	ap_send_online_uevent(zq->ap_dev, online);
	if (!online)
		ap_flush_queue(zq->ap_dev);
	return (ssize_t)count;
}
static DEVICE_ATTR_RW(online);

static ssize_t load_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct zcrypt_queue *zq = dev_get_drvdata(dev);
	unsigned int load;

	pthread_mutex_lock(&zcrypt_lock);
	load = zq->load;
	pthread_mutex_unlock(&zcrypt_lock);
	return sysfs_emit(buf, "%u\n", load);
}
static DEVICE_ATTR_RO(load);

static struct attribute *queue_attrs[] = {
	&dev_attr_online.attr,
	&dev_attr_load.attr,
	NULL,
};
ATTRIBUTE_GROUPS(queue);

/* ---- the driver ---- */

static struct zcrypt_card *find_card(unsigned int id)
{
	struct zcrypt_card *zc;

	list_for_each_entry (zc, &zcrypt_cards, list)
		if (ap_card_id(zc->ap_dev) == id)
			return zc;
	return NULL;
}

static int queue_probe(struct ap_device *ap_dev)
{
	struct zcrypt_queue *zq;

	if (!(ap_card_hwinfo(ap_queue_card(ap_dev))->fac & AP_FAC_MODES))
		return -ENODEV;
	zq = calloc(1, sizeof(*zq));
	if (!zq)
		return -ENOMEM;
	zq->ap_dev = ap_dev;
	zq->qid = ap_queue_qid(ap_dev);
	zq->refs = 1;
	zq->online = true;
	INIT_LIST_HEAD(&zq->list);
	dev_set_drvdata(&ap_dev->device, zq);
	ap_queue_init_state(ap_dev);

	pthread_mutex_lock(&zcrypt_lock);
	zcrypt_queue_link(zq, find_card(AP_QID_CARD(zq->qid)));
	pthread_mutex_unlock(&zcrypt_lock);
	return 0;
}

static void queue_remove(struct ap_device *ap_dev)
{
	struct zcrypt_queue *zq = dev_get_drvdata(&ap_dev->device);

	pthread_mutex_lock(&zcrypt_lock);
	zcrypt_queue_link(zq, NULL);
	list_del_init(&zq->list);
	zq->ap_dev = NULL;
	zcrypt_queue_put(zq);
	pthread_mutex_unlock(&zcrypt_lock);
}

static const struct ap_device_id queue_ids[] = {
	{ AP_DEVICE_ID_MATCH_QUEUE_TYPE, AP_DEVICE_TYPE_CEX4 },
	{ AP_DEVICE_ID_MATCH_QUEUE_TYPE, AP_DEVICE_TYPE_CEX5 },
	{ AP_DEVICE_ID_MATCH_QUEUE_TYPE, AP_DEVICE_TYPE_CEX6 },
	{ AP_DEVICE_ID_MATCH_QUEUE_TYPE, AP_DEVICE_TYPE_CEX7 },
	{ AP_DEVICE_ID_MATCH_QUEUE_TYPE, AP_DEVICE_TYPE_CEX8 },
	{ 0 },
};

struct ap_driver cex4queue_driver = {
	.driver = { .dev_groups = queue_groups },
	.probe = queue_probe,
	.remove = queue_remove,
	.ids = queue_ids,
	.flags = AP_DRIVER_FLAG_DEFAULT,
};
