/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The module "ap": the bus, its root device, what binds on it, what it tells.
 *
 * Behaviour: Linux 7.3 drivers/s390/crypto/ap_bus.c.
 */
#include <errno.h>
#include <stdio.h>
#include <umdev/publish.h>

#include "ap_bus.h"
#include "hw.h"

static int domain = -1;
module_param(domain, int, 0444);
MODULE_PARM_DESC(domain, "the default domain; -1: the first one that has a queue that works");

static int poll_thread;
module_param(poll_thread, int, 0444);
MODULE_PARM_DESC(poll_thread, "1: look for replies without a pause, where there are no interrupts");

struct device *ap_root_device;

/* ---- events ---- */

static int add_mode(struct kobj_uevent_env *env, uint32_t fac)
{
	if (fac & AP_FAC_ACCEL)
		return add_uevent_var(env, "MODE=accel");
	if (fac & AP_FAC_CCA)
		return add_uevent_var(env, "MODE=cca");
	if (fac & AP_FAC_EP11)
		return add_uevent_var(env, "MODE=ep11");
	return 0;
}

static int ap_uevent(struct device *dev, struct kobj_uevent_env *env)
{
	int err;

	if (is_queue_dev(dev))
		return add_mode(env, to_ap_queue(dev)->card->hwinfo.fac);
	if (!is_card_dev(dev))
		return 0;
	err = add_uevent_var(env, "DEV_TYPE=%04X", to_ap_dev(dev)->device_type);
	if (!err)
		err = add_uevent_var(env, "MODALIAS=ap:t%02X", to_ap_dev(dev)->device_type);
	return err ? err : add_mode(env, to_ap_card(dev)->hwinfo.fac);
}

/* Nothing can be done about one that is lost for want of memory but to say so. */
static void send_change(struct device *dev, char *const envp[])
{
	int err = kobject_uevent_env(&dev->kobj, KOBJ_CHANGE, envp);

	if (err)
		dev_err(dev, "no event of %s: %d", envp[0], err);
}

static void send_number(struct ap_device *ap_dev, const char *key, int value)
{
	char text[32];
	char *envp[] = { text, NULL };

	snprintf(text, sizeof(text), "%s=%d", key, value);
	send_change(&ap_dev->device, envp);
}

void ap_root_uevent(char *const envp[])
{
	send_change(ap_root_device, envp);
}

void ap_send_config_uevent(struct ap_device *ap_dev, bool config)
{
	send_number(ap_dev, "CONFIG", config);
}

void ap_send_online_uevent(struct ap_device *ap_dev, int online)
{
	send_number(ap_dev, "ONLINE", !!online);
}

/* ---- binding ---- */

static int ap_match(struct device *dev, struct device_driver *drv)
{
	unsigned int kind =
		is_card_dev(dev) ? AP_DEVICE_ID_MATCH_CARD_TYPE : AP_DEVICE_ID_MATCH_QUEUE_TYPE;
	const struct ap_device_id *id;

	for (id = to_ap_drv(drv)->ids; id->match_flags; id++)
		if (id->match_flags & kind && id->dev_type == to_ap_dev(dev)->device_type)
			return 1;
	return 0;
}

static int ap_probe(struct device *dev)
{
	struct ap_driver *drv = to_ap_drv(dev->driver);
	int err;

	if (is_queue_dev(dev) && !ap_perms_claim(to_ap_queue(dev), drv))
		return -ENODEV;
	ap_bindings_incomplete();
	err = drv->probe ? drv->probe(to_ap_dev(dev)) : -ENODEV;
	if (err && is_queue_dev(dev))
		ap_perms_unclaim(to_ap_queue(dev));
	return err;
}

static void ap_remove(struct device *dev)
{
	struct ap_driver *drv = to_ap_drv(dev->driver);

	if (is_queue_dev(dev))
		ap_queue_prepare_remove(to_ap_queue(dev));
	if (drv->remove)
		drv->remove(to_ap_dev(dev));
	if (is_queue_dev(dev)) {
		ap_queue_remove(to_ap_queue(dev));
		ap_perms_unclaim(to_ap_queue(dev));
	}
}

static const struct attribute_group *ap_dev_groups[] = { &ap_perms_queue_group, NULL };

struct bus_type ap_bus_type = {
	.name = "ap",
	.bus_groups = ap_bus_groups,
	.dev_groups = ap_dev_groups,
	.match = ap_match,
	.uevent = ap_uevent,
	.probe = ap_probe,
	.remove = ap_remove,
};

int ap_driver_register(struct ap_driver *drv, struct module *owner, const char *name)
{
	int err;

	drv->driver.bus = &ap_bus_type;
	drv->driver.owner = owner;
	drv->driver.name = name;
	drv->told = false;
	err = driver_register(&drv->driver);
	ap_bindings_check();
	return err;
}

void ap_driver_unregister(struct ap_driver *drv)
{
	driver_unregister(&drv->driver);
}

/* ---- up and down ---- */

/*
 * The bus with its root, which appear together: what is written to the one is told by the other.
 * A root device has no bus when it is added, as it is no device on it; its events are the bus's.
 */
static int bus_up(void)
{
	int err;

	publish_begin();
	err = root_device_register("ap", &ap_root_device);
	if (err)
		goto abort;
	ap_root_device->bus = &ap_bus_type;
	err = bus_register(&ap_bus_type);
	if (err)
		goto unregister_root;
	publish_commit();
	return 0;

unregister_root:
	root_device_unregister(ap_root_device);
abort:
	publish_abort();
	return err;
}

static void bus_down(void)
{
	bus_unregister(&ap_bus_type);
	root_device_unregister(ap_root_device);
}

static void choose_domain(void)
{
	bool valid = domain >= -1 && domain <= (int)ap_max_domain_id();

	if (valid && domain >= 0)
		valid = ap_perms_has_domain((unsigned int)domain);
	if (!valid)
		pr_warn("ap: %d is not a valid cryptographic domain", domain);
	ap_domain_set(valid ? domain : -1);
}

static int ap_init(void)
{
	int err;

	err = ap_perms_init();
	if (err)
		return err;
	err = hw_init();
	if (err)
		return err;
	ap_scan_init();
	ap_bindings_init();
	choose_domain();
	err = ap_poll_start();
	if (err)
		goto machine;
	err = ap_poll_thread_set(poll_thread);
	if (err)
		goto stop_poll;
	err = bus_up();
	if (err)
		goto stop_poll;
	err = ap_scan_start();
	if (err)
		goto take_bus_down;
	return 0;

take_bus_down:
	bus_down();
stop_poll:
	ap_poll_stop();
machine:
	hw_exit();
	return err;
}

static void ap_exit(void)
{
	ap_scan_stop();
	bus_down();
	ap_poll_stop();
	hw_exit();
}

module_init(ap_init);
module_exit(ap_exit);
MODULE_LICENSE("LGPL-2.1-or-later");
MODULE_DESCRIPTION("The AP bus, with simulated crypto adapters");
