/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two drivers of AP queues that are no default drivers, with attributes through which a test looks
 * at what the bus tells drivers:
 *
 *   used    the queue that is given to somebody, as "04.0047"; empty: none
 *   owned   a queue, and afterwards whether it belongs to the default drivers
 *   heard   what the scans have told, a line each
 *   pause   1: the next scan that tells of a change waits, for a 0; it says "waits" then
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <umdev/ap.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* All under it. */
static unsigned int used_card, used_queue;
static bool used;
static unsigned int asked_card, asked_queue;
static char heard[SYSFS_PAGE_SIZE];
static size_t heard_len;
static bool pause_scan, scan_waits;
static pthread_cond_t pause_over = PTHREAD_COND_INITIALIZER;

static const struct ap_device_id queues[] = {
	{ AP_DEVICE_ID_MATCH_QUEUE_TYPE, AP_DEVICE_TYPE_CEX7 },
	{ AP_DEVICE_ID_MATCH_QUEUE_TYPE, AP_DEVICE_TYPE_CEX8 },
	{ 0 },
};

static int take(struct ap_device *ap_dev)
{
	return 0;
}

static int guest_in_use(const struct ap_mask *apm, const struct ap_mask *aqm)
{
	bool in_use;

	pthread_mutex_lock(&lock);
	in_use = used && ap_mask_test(apm, used_card) && ap_mask_test(aqm, used_queue);
	pthread_mutex_unlock(&lock);
	return in_use ? -EADDRINUSE : 0;
}

static void note(const char *what, const struct ap_config_info *now,
		 const struct ap_config_info *before)
{
	/* From inside of a scan there is no other one. */
	bool rescan = ap_bus_force_rescan();

	pthread_mutex_lock(&lock);
	heard_len += (size_t)snprintf(heard + heard_len, sizeof(heard) - heard_len,
				      "%s %02" PRIx64 "->%02" PRIx64 " %d\n", what,
				      before->apm.word[0] >> 56, now->apm.word[0] >> 56, rescan);
	if (heard_len >= sizeof(heard))
		heard_len = sizeof(heard) - 1;
	pthread_mutex_unlock(&lock);
}

static void wait_if_told(void)
{
	pthread_mutex_lock(&lock);
	scan_waits = true;
	while (pause_scan)
		pthread_cond_wait(&pause_over, &lock);
	scan_waits = false;
	pthread_mutex_unlock(&lock);
}

static void config_changed(const struct ap_config_info *now, const struct ap_config_info *before)
{
	wait_if_told();
	note("changed", now, before);
}

static void scan_complete(const struct ap_config_info *now, const struct ap_config_info *before)
{
	note("complete", now, before);
}

static ssize_t used_store(struct device_driver *drv, const char *buf, size_t count)
{
	pthread_mutex_lock(&lock);
	used = sscanf(buf, "%x.%x", &used_card, &used_queue) == 2;
	pthread_mutex_unlock(&lock);
	return (ssize_t)count;
}
static DRIVER_ATTR_WO(used);

static ssize_t owned_store(struct device_driver *drv, const char *buf, size_t count)
{
	int n;

	pthread_mutex_lock(&lock);
	n = sscanf(buf, "%x.%x", &asked_card, &asked_queue);
	pthread_mutex_unlock(&lock);
	return n == 2 ? (ssize_t)count : -EINVAL;
}

static ssize_t owned_show(struct device_driver *drv, char *buf)
{
	int card, queue, owned;

	pthread_mutex_lock(&lock);
	card = (int)asked_card;
	queue = (int)asked_queue;
	pthread_mutex_unlock(&lock);
	ap_attr_lock();
	owned = ap_owned_by_def_drv(card, queue);
	ap_attr_unlock();
	return sysfs_emit(buf, "%d\n", owned);
}
static DRIVER_ATTR_RW(owned);

static ssize_t heard_show(struct device_driver *drv, char *buf)
{
	size_t len;

	pthread_mutex_lock(&lock);
	len = heard_len;
	memcpy(buf, heard, len);
	pthread_mutex_unlock(&lock);
	return (ssize_t)len;
}
static DRIVER_ATTR_RO(heard);

static ssize_t pause_store(struct device_driver *drv, const char *buf, size_t count)
{
	pthread_mutex_lock(&lock);
	pause_scan = *buf == '1';
	pthread_cond_broadcast(&pause_over);
	pthread_mutex_unlock(&lock);
	return (ssize_t)count;
}

static ssize_t pause_show(struct device_driver *drv, char *buf)
{
	const char *state;

	pthread_mutex_lock(&lock);
	state = scan_waits ? "waits" : pause_scan ? "1" : "0";
	pthread_mutex_unlock(&lock);
	return sysfs_emit(buf, "%s\n", state);
}
static DRIVER_ATTR_RW(pause);

static struct attribute *guest_attrs[] = {
	&driver_attr_used.attr,
	&driver_attr_owned.attr,
	&driver_attr_heard.attr,
	&driver_attr_pause.attr,
	NULL,
};
ATTRIBUTE_GROUPS(guest);

static struct ap_driver guest_queue = {
	.driver = { .groups = guest_groups },
	.probe = take,
	.in_use = guest_in_use,
	.on_config_changed = config_changed,
	.on_scan_complete = scan_complete,
	.ids = queues,
};

static struct ap_driver guest_other = {
	.driver = { .explicit_bind_only = true },
	.probe = take,
	.ids = queues,
};

static int ap_guest_init(void)
{
	int err;

	err = ap_driver_register(&guest_queue, THIS_MODULE, "guest_queue");
	if (err)
		return err;
	err = ap_driver_register(&guest_other, THIS_MODULE, "guest_other");
	if (err)
		ap_driver_unregister(&guest_queue);
	return err;
}

static void ap_guest_exit(void)
{
	ap_driver_unregister(&guest_other);
	ap_driver_unregister(&guest_queue);
}

module_init(ap_guest_init);
module_exit(ap_guest_exit);
MODULE_DEPENDS("ap");
