/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A card: its device and attributes. Behaviour: Linux 7.3 drivers/s390/crypto/ap_card.c. */
#include <errno.h>
#include <stdlib.h>

#include "ap_bus.h"
#include "hw.h"

bool is_card_dev(const struct device *dev)
{
	return dev->type == &ap_card_type;
}

unsigned int ap_card_id(const struct ap_device *ap_dev)
{
	return container_of(ap_dev, struct ap_card, ap_dev)->id;
}

size_t ap_card_max_msg_size(const struct ap_device *ap_dev)
{
	return container_of(ap_dev, struct ap_card, ap_dev)->maxmsgsize;
}

const struct ap_tapq_hwinfo *ap_card_hwinfo(const struct ap_device *ap_dev)
{
	return &container_of(ap_dev, struct ap_card, ap_dev)->hwinfo;
}

static bool queue_works(struct ap_queue *aq)
{
	bool works;

	pthread_mutex_lock(&aq->lock);
	works = aq->config && !aq->chkstop;
	pthread_mutex_unlock(&aq->lock);
	return works;
}

bool ap_dev_usable(const struct ap_device *ap_dev)
{
	const struct ap_card *ac = container_of(ap_dev, struct ap_card, ap_dev);

	if (is_queue_dev(&ap_dev->device))
		return queue_works(
			container_of((struct ap_device *)ap_dev, struct ap_queue, ap_dev));
	return ac->config && !ac->chkstop;
}

/* ---- what the hardware is ---- */

static ssize_t hwtype_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n", to_ap_card(dev)->ap_dev.device_type);
}
static DEVICE_ATTR_RO(hwtype);

static ssize_t raw_hwtype_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n", to_ap_card(dev)->hwinfo.at);
}
static DEVICE_ATTR_RO(raw_hwtype);

static ssize_t depth_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n", to_ap_card(dev)->hwinfo.qd + 1);
}
static DEVICE_ATTR_RO(depth);

static ssize_t ap_functions_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "0x%08X\n", to_ap_card(dev)->hwinfo.fac);
}
static DEVICE_ATTR_RO(ap_functions);

static ssize_t modalias_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "ap:t%02X\n", to_ap_dev(dev)->device_type);
}
static DEVICE_ATTR_RO(modalias);

static ssize_t max_msg_size_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", to_ap_card(dev)->maxmsgsize);
}
static DEVICE_ATTR_RO(max_msg_size);

/* ---- counts: the card's own, and sums over its queues ---- */

static ssize_t request_count_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%" PRIu64 "\n", (uint64_t)to_ap_card(dev)->request_count);
}

/* One that nobody uses keeps its count for the next who does. */
static int clear_request_count(struct device *dev, void *data)
{
	struct ap_queue *aq = to_ap_queue(dev);

	pthread_mutex_lock(&aq->lock);
	if (aq->dev_state != AP_DEV_STATE_UNINITIATED)
		aq->total_request_count = 0;
	pthread_mutex_unlock(&aq->lock);
	return 0;
}

/* Whatever is written. */
static ssize_t request_count_store(struct device *dev, struct device_attribute *attr,
				   const char *buf, size_t count)
{
	device_for_each_child(dev, NULL, clear_request_count);
	to_ap_card(dev)->request_count = 0;
	return (ssize_t)count;
}
static DEVICE_ATTR_RW(request_count);

struct request_sum {
	unsigned int requestq;
	unsigned int pendingq;
};

static int add_requests(struct device *dev, void *data)
{
	struct ap_queue *aq = to_ap_queue(dev);
	struct request_sum *sum = data;

	pthread_mutex_lock(&aq->lock);
	sum->requestq += aq->requestq_count;
	sum->pendingq += aq->pendingq_count;
	pthread_mutex_unlock(&aq->lock);
	return 0;
}

static ssize_t requestq_count_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct request_sum sum = { 0 };

	device_for_each_child(dev, &sum, add_requests);
	return sysfs_emit(buf, "%u\n", sum.requestq);
}
static DEVICE_ATTR_RO(requestq_count);

static ssize_t pendingq_count_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct request_sum sum = { 0 };

	device_for_each_child(dev, &sum, add_requests);
	return sysfs_emit(buf, "%u\n", sum.pendingq);
}
static DEVICE_ATTR_RO(pendingq_count);

/* ---- state ---- */

static ssize_t config_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n", to_ap_card(dev)->config);
}

/* The queues follow when the next scan sees it; the event is sent in any case. */
static ssize_t config_store(struct device *dev, struct device_attribute *attr, const char *buf,
			    size_t count)
{
	struct ap_card *ac = to_ap_card(dev);
	int cfg, err = 0;

	if (!ap_parse_int(buf, 10, &cfg) || cfg < 0 || cfg > 1)
		return -EINVAL;
	if (ac->config != cfg)
		err = hw_configure(ac->id, cfg);
	if (err)
		return err;
	ac->config = cfg;
	ap_send_config_uevent(&ac->ap_dev, cfg);
	return (ssize_t)count;
}
static DEVICE_ATTR_RW(config);

static ssize_t chkstop_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n", to_ap_card(dev)->chkstop);
}
static DEVICE_ATTR_RO(chkstop);

static struct attribute *ap_card_attrs[] = {
	&dev_attr_hwtype.attr,	       &dev_attr_raw_hwtype.attr,    &dev_attr_depth.attr,
	&dev_attr_ap_functions.attr,   &dev_attr_request_count.attr, &dev_attr_requestq_count.attr,
	&dev_attr_pendingq_count.attr, &dev_attr_modalias.attr,	     &dev_attr_config.attr,
	&dev_attr_chkstop.attr,	       &dev_attr_max_msg_size.attr,  NULL,
};
ATTRIBUTE_GROUPS(ap_card);

/* ---- the device ---- */

static void ap_card_release(struct device *dev)
{
	free(to_ap_card(dev));
}

const struct device_type ap_card_type = {
	.name = "ap_card",
	.groups = ap_card_groups,
	.release = ap_card_release,
};

int ap_card_create(unsigned int id, const struct ap_tapq_hwinfo *info, int comp_type,
		   struct ap_card **out)
{
	struct ap_card *ac = calloc(1, sizeof(*ac));
	struct device *dev;
	int err;

	*out = NULL;
	if (!ac)
		return -ENOMEM;
	ac->id = id;
	ac->hwinfo = *info;
	ac->maxmsgsize = info->ml > 3 ? info->ml * 4096U : AP_DEFAULT_MAX_MSG_SIZE;
	ac->config = true;
	ac->ap_dev.device_type = comp_type;
	dev = &ac->ap_dev.device;
	dev->type = &ap_card_type;
	dev->bus = &ap_bus_type;
	dev->parent = ap_root_device;
	err = device_initialize(dev);
	if (!err)
		err = dev_set_name(dev, "card%02x", id);
	if (err) {
		put_device(dev);
		return err;
	}
	*out = ac;
	return 0;
}
