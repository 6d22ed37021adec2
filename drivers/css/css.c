/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The module "css": the bus of subchannels, its root device, its drivers.
 *
 * Behaviour: Linux 7.3 drivers/s390/cio/css.c.
 */
#include <errno.h>
#include <umdev/publish.h>

#include "css_bus.h"
#include "io_sch.h"

static char *devices;
module_param(devices, charp, 0444);
MODULE_PARM_DESC(devices, "devices, with ; or white space between: 0.0.1000:TYPE,file=/a.img");

struct device *css_root_device;

/* ---- the bus ---- */

static bool takes_type(const struct css_driver *drv, uint8_t type)
{
	const struct css_device_id *id;

	for (id = drv->ids; id->match_flags; id++)
		if (id->type == type)
			return true;
	return false;
}

static int css_match(struct device *dev, struct device_driver *drv)
{
	return takes_type(to_css_driver(drv), to_subchannel(dev)->st);
}

/* A driver that driver_override names has to take the type all the same. */
static int css_probe(struct device *dev)
{
	struct css_driver *drv = to_css_driver(dev->driver);
	struct subchannel *sch = to_subchannel(dev);

	if (!takes_type(drv, sch->st))
		return -ENODEV;
	return css_subchannel_probe(to_css_subchannel(sch), drv);
}

static void css_remove(struct device *dev)
{
	css_subchannel_remove(to_css_subchannel(to_subchannel(dev)), to_css_driver(dev->driver));
}

static int css_uevent(struct device *dev, struct kobj_uevent_env *env)
{
	uint8_t type = to_subchannel(dev)->st;
	int err = add_uevent_var(env, "ST=%01X", type);

	return err ? err : add_uevent_var(env, "MODALIAS=css:t%01X", type);
}

struct bus_type css_bus_type = {
	.name = "css",
	.match = css_match,
	.uevent = css_uevent,
	.probe = css_probe,
	.remove = css_remove,
	.has_driver_override = true,
};

int css_driver_register(struct css_driver *drv, struct module *owner, const char *name)
{
	if (!drv->ids)
		return -EINVAL;
	drv->driver.bus = &css_bus_type;
	drv->driver.owner = owner;
	drv->driver.name = name;
	return driver_register(&drv->driver);
}

void css_driver_unregister(struct css_driver *drv)
{
	driver_unregister(&drv->driver);
}

/* ---- the root device ---- */

static ssize_t real_cssid_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%x\n", CSS_ID);
}
static DEVICE_ATTR_RO(real_cssid);

static ssize_t rescan_store(struct device *dev, struct device_attribute *attr, const char *buf,
			    size_t count)
{
	css_schedule_eval_all();
	return css_complete_work() ? -EINTR : (ssize_t)count;
}
static DEVICE_ATTR_WO(rescan);

static struct attribute *root_attrs[] = { &dev_attr_real_cssid.attr, &dev_attr_rescan.attr, NULL };
ATTRIBUTE_GROUPS(root);

/* ---- up and down ---- */

/* The bus with its root, which appear together: what is written to the one is about the other. */
static int bus_up(void)
{
	int err;

	publish_begin();
	err = root_device_register("css0", &css_root_device);
	if (err)
		goto abort;
	err = device_add_groups(css_root_device, root_groups);
	if (err)
		goto unregister_root;
	err = bus_register(&css_bus_type);
	if (err)
		goto remove_groups;
	publish_commit();
	return 0;

remove_groups:
	device_remove_groups(css_root_device, root_groups);
unregister_root:
	root_device_unregister(css_root_device);
abort:
	publish_abort();
	return err;
}

static void bus_down(void)
{
	bus_unregister(&css_bus_type);
	device_remove_groups(css_root_device, root_groups);
	root_device_unregister(css_root_device);
}

static int machine_up(void)
{
	static const struct hw_host host = { .crw = css_crw, .interrupt = css_interrupt };
	struct hw_error error;
	int err;

	err = hw_init(&host);
	if (err)
		return err;
	err = console_plug_all(devices ? devices : "", &error);
	if (err) {
		module_init_error("css: devices: %s", error.text);
		hw_exit();
	}
	/* Of an init() it would say that the module is there. */
	return err == -EEXIST ? -EINVAL : err;
}

/* Found and bound when the module is there; a caller that leaves just does not wait for it. */
static void find_subchannels(void)
{
	chp_init();
	css_schedule_eval_all();
	css_wait_for_slow_path();
	css_settle_drivers();
}

static int shut_down(struct device *dev, void *data)
{
	struct subchannel *sch = to_subchannel(dev);
	struct css_driver *drv;

	device_lock(dev);
	drv = dev->driver ? to_css_driver(dev->driver) : NULL;
	if (drv && drv->shutdown)
		drv->shutdown(sch);
	device_unlock(dev);
	return 0;
}

static int remove_subchannel(struct device *dev, void *data)
{
	struct css_subchannel *csch = to_css_subchannel(to_subchannel(dev));

	css_subchannel_del(csch);
	return 0;
}

static void remove_subchannels(void)
{
	css_queue_stop();
	bus_for_each_dev(&css_bus_type, NULL, shut_down);
	bus_for_each_dev(&css_bus_type, NULL, remove_subchannel);
	chp_exit();
}

static int css_init(void)
{
	int err;

	err = machine_up();
	if (err)
		return err;
	err = bus_up();
	if (err)
		goto machine;
	err = io_subchannel_init();
	if (err)
		goto take_bus_down;
	err = css_queue_start();
	if (err)
		goto unregister_driver;
	find_subchannels();
	err = console_init();
	if (err)
		goto remove;
	return 0;

remove:
	remove_subchannels();
unregister_driver:
	io_subchannel_exit();
take_bus_down:
	bus_down();
machine:
	hw_exit();
	return err;
}

static void css_exit(void)
{
	console_exit();
	remove_subchannels();
	io_subchannel_exit();
	bus_down();
	hw_exit();
}

module_init(css_init);
module_exit(css_exit);
MODULE_LICENSE("LGPL-2.1-or-later");
MODULE_DESCRIPTION("The channel subsystem: subchannels, with simulated devices behind them");
