/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Default drivers of cards and queues of the AP bus, which do nothing with them. */
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

static struct ap_driver host_card = {
	.probe = take_card,
	.ids = cards,
	.flags = AP_DRIVER_FLAG_DEFAULT,
};

static struct ap_driver host_queue = {
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
