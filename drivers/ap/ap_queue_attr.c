/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attributes of a queue. Behaviour: Linux 7.3 drivers/s390/crypto/ap_queue.c.
 */
#include <errno.h>

#include "ap_queue.h"

/* ---- counts; a queue that nobody has, has none ---- */

static ssize_t request_count_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct ap_queue *aq = to_ap_queue(dev);
	uint64_t count;
	bool valid;

	pthread_mutex_lock(&aq->lock);
	valid = aq->dev_state != AP_DEV_STATE_UNINITIATED;
	count = aq->total_request_count;
	pthread_mutex_unlock(&aq->lock);
	return valid ? sysfs_emit(buf, "%" PRIu64 "\n", count) : sysfs_emit(buf, "-\n");
}

/* Whatever is written, the count begins anew. */
static ssize_t request_count_store(struct device *dev, struct device_attribute *attr,
				   const char *buf, size_t count)
{
	struct ap_queue *aq = to_ap_queue(dev);

	pthread_mutex_lock(&aq->lock);
	aq->total_request_count = 0;
	pthread_mutex_unlock(&aq->lock);
	return (ssize_t)count;
}

static ssize_t show_count(struct ap_queue *aq, const unsigned int *field, char *buf)
{
	unsigned int count = 0;

	pthread_mutex_lock(&aq->lock);
	if (aq->dev_state != AP_DEV_STATE_UNINITIATED)
		count = *field;
	pthread_mutex_unlock(&aq->lock);
	return sysfs_emit(buf, "%u\n", count);
}

static ssize_t requestq_count_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct ap_queue *aq = to_ap_queue(dev);

	return show_count(aq, &aq->requestq_count, buf);
}

static ssize_t pendingq_count_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct ap_queue *aq = to_ap_queue(dev);

	return show_count(aq, &aq->pendingq_count, buf);
}

/* ---- state ---- */

static ssize_t reset_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct ap_queue *aq = to_ap_queue(dev);
	enum ap_sm_state state;

	pthread_mutex_lock(&aq->lock);
	state = aq->sm_state;
	pthread_mutex_unlock(&aq->lock);
	switch (state) {
	case AP_SM_STATE_RESET_START:
	case AP_SM_STATE_RESET_WAIT:
		return sysfs_emit(buf, "Reset in progress.\n");
	case AP_SM_STATE_WORKING:
	case AP_SM_STATE_QUEUE_FULL:
		return sysfs_emit(buf, "Reset Timer armed.\n");
	default:
		return sysfs_emit(buf, "No Reset Timer set.\n");
	}
}

static ssize_t reset_store(struct device *dev, struct device_attribute *attr, const char *buf,
			   size_t count)
{
	struct ap_queue *aq = to_ap_queue(dev);

	pthread_mutex_lock(&aq->lock);
	ap_sm_flush(aq);
	ap_sm_restart(aq);
	ap_queue_settle(aq);
	ap_queue_wait_received(aq);
	pthread_mutex_unlock(&aq->lock);
	dev_info(dev, "reset by a user");
	return (ssize_t)count;
}

static ssize_t interrupt_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct ap_queue *aq = to_ap_queue(dev);
	bool pending;

	/* A queue that has stopped in that state waits for nothing any more. */
	pthread_mutex_lock(&aq->lock);
	pending = aq->sm_state == AP_SM_STATE_SETIRQ_WAIT &&
		  aq->dev_state == AP_DEV_STATE_OPERATING && ap_sm_runs(aq);
	pthread_mutex_unlock(&aq->lock);
	if (pending)
		return sysfs_emit(buf, "Enable Interrupt pending.\n");
	return sysfs_emit(buf, "Interrupts %s.\n",
			  ap_tapq(aq->qid, NULL).irq_enabled ? "enabled" : "disabled");
}

static ssize_t show_flag(struct ap_queue *aq, const bool *field, char *buf)
{
	bool flag;

	pthread_mutex_lock(&aq->lock);
	flag = *field;
	pthread_mutex_unlock(&aq->lock);
	return sysfs_emit(buf, "%d\n", flag);
}

static ssize_t config_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct ap_queue *aq = to_ap_queue(dev);

	return show_flag(aq, &aq->config, buf);
}

static ssize_t chkstop_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct ap_queue *aq = to_ap_queue(dev);

	return show_flag(aq, &aq->chkstop, buf);
}

static ssize_t ap_functions_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct ap_tapq_hwinfo info = { 0 };

	if (ap_tapq(to_ap_queue(dev)->qid, &info).response_code > AP_RESPONSE_BUSY)
		return -EIO;
	return sysfs_emit(buf, "0x%08X\n", info.fac);
}

static DEVICE_ATTR_RW(request_count);
static DEVICE_ATTR_RO(requestq_count);
static DEVICE_ATTR_RO(pendingq_count);
static DEVICE_ATTR_RW(reset);
static DEVICE_ATTR_RO(interrupt);
static DEVICE_ATTR_RO(config);
static DEVICE_ATTR_RO(chkstop);
static DEVICE_ATTR_RO(ap_functions);

static struct attribute *ap_queue_dev_attrs[] = {
	&dev_attr_request_count.attr, &dev_attr_requestq_count.attr, &dev_attr_pendingq_count.attr,
	&dev_attr_reset.attr,	      &dev_attr_interrupt.attr,	     &dev_attr_config.attr,
	&dev_attr_chkstop.attr,	      &dev_attr_ap_functions.attr,   NULL,
};

static const struct attribute_group ap_queue_dev_group = { .attrs = ap_queue_dev_attrs };

const struct attribute_group *ap_queue_dev_groups[] = { &ap_queue_dev_group, NULL };
