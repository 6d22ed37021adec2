/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Default drivers of cards and queues of the AP bus, which do nothing with them by themselves. The
 * queues' has attributes:
 *
 *   send      "04.0004 3": three requests, which the hardware answers somehow
 *   hold      while it is 1, no reply is received
 *   received  how many requests are over
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <umdev/ap.h>

static const struct ap_device_id cards[] = {
	{ AP_DEVICE_ID_MATCH_CARD_TYPE, AP_DEVICE_TYPE_CEX7 },
	{ AP_DEVICE_ID_MATCH_CARD_TYPE, AP_DEVICE_TYPE_CEX8 },
	{ 0 },
};

static const struct ap_device_id queues[] = {
	{ AP_DEVICE_ID_MATCH_QUEUE_TYPE, AP_DEVICE_TYPE_CEX7 },
	{ AP_DEVICE_ID_MATCH_QUEUE_TYPE, AP_DEVICE_TYPE_CEX8 },
	{ 0 },
};

static int take_card(struct ap_device *ap_dev)
{
	return 0;
}

static int take_queue(struct ap_device *ap_dev)
{
	ap_queue_init_state(ap_dev);
	return 0;
}

/* ---- requests ---- */

struct request {
	struct ap_message msg;
	char buf[64];
};

static atomic_bool hold;
static atomic_uint sent, received;

static void receive(struct ap_device *queue, struct ap_message *msg)
{
	while (atomic_load(&hold))
		nanosleep(&(struct timespec) { 0, 1000000 }, NULL);
	atomic_fetch_add(&received, 1);
	free(container_of(msg, struct request, msg));
}

static int send(struct ap_device *queue)
{
	struct request *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	r->msg = (struct ap_message) {
		.psmid = atomic_fetch_add(&sent, 1),
		.msg = r->buf,
		.len = 16,
		.bufsize = sizeof(r->buf),
		.receive = receive,
	};
	err = ap_queue_message(queue, &r->msg);
	if (err)
		free(r);
	return err;
}

static int send_all(struct device *dev, unsigned int n)
{
	int err = 0;

	device_lock(dev);
	if (!dev->driver)
		err = -ENODEV;
	while (!err && n--)
		err = send(to_ap_dev(dev));
	device_unlock(dev);
	return err;
}

static ssize_t send_store(struct device_driver *drv, const char *buf, size_t count)
{
	struct device *dev;
	unsigned int n;
	char name[16];
	int err;

	if (sscanf(buf, "%15s %u", name, &n) != 2)
		return -EINVAL;
	dev = bus_find_device_by_name(&ap_bus_type, name);
	if (!dev)
		return -ENODEV;
	err = send_all(dev, n);
	put_device(dev);
	return err ? err : (ssize_t)count;
}
static DRIVER_ATTR_WO(send);

static ssize_t hold_store(struct device_driver *drv, const char *buf, size_t count)
{
	atomic_store(&hold, *buf == '1');
	return (ssize_t)count;
}
static DRIVER_ATTR_WO(hold);

static ssize_t received_show(struct device_driver *drv, char *buf)
{
	return sysfs_emit(buf, "%u\n", atomic_load(&received));
}
static DRIVER_ATTR_RO(received);

static struct attribute *queue_attrs[] = {
	&driver_attr_send.attr,
	&driver_attr_hold.attr,
	&driver_attr_received.attr,
	NULL,
};
ATTRIBUTE_GROUPS(queue);

static struct ap_driver host_card = {
	.probe = take_card,
	.ids = cards,
	.flags = AP_DRIVER_FLAG_DEFAULT,
};

static struct ap_driver host_queue = {
	.driver = { .groups = queue_groups },
	.probe = take_queue,
	.ids = queues,
	.flags = AP_DRIVER_FLAG_DEFAULT,
};

static int ap_host_init(void)
{
	int err;

	err = ap_driver_register(&host_card, THIS_MODULE, "host_card");
	if (err)
		return err;
	err = ap_driver_register(&host_queue, THIS_MODULE, "host_queue");
	if (err)
		ap_driver_unregister(&host_card);
	return err;
}

static void ap_host_exit(void)
{
	ap_driver_unregister(&host_queue);
	ap_driver_unregister(&host_card);
}

module_init(ap_host_init);
module_exit(ap_host_exit);
MODULE_DEPENDS("ap");
