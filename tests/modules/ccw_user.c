/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A driver of ccw devices that does what it is told, and tells what it is told: each of its calls
 * is a line of "events" in the driver's directory, until that is written to. Its devices have
 *
 *   start   "CODE [MS]": a program of one command, for at most MS milliseconds
 *   read    the same, of one that reads 16 bytes
 *   halt, clear  end it
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <umdev/ccwdev.h>

static bool keep;
module_param(keep, bool, 0644);
MODULE_PARM_DESC(keep, "what notify() returns");

static unsigned int options;
module_param(options, uint, 0644);
MODULE_PARM_DESC(options, "CCWDEV_*");

static int fail_online;
module_param(fail_online, int, 0644);
MODULE_PARM_DESC(fail_online, "an error number: set_online() fails with it");

static int fail_offline;
module_param(fail_offline, int, 0644);
MODULE_PARM_DESC(fail_offline, "the same of set_offline()");

/* ---- what has been heard ---- */

static pthread_mutex_t events_lock = PTHREAD_MUTEX_INITIALIZER;
static char events[3800];
static size_t events_len;

static void __umdev_printf(1, 2) tell(const char *fmt, ...)
{
	va_list args;
	int n;

	pthread_mutex_lock(&events_lock);
	va_start(args, fmt);
	n = vsnprintf(events + events_len, sizeof(events) - events_len, fmt, args);
	va_end(args);
	if (n > 0 && (size_t)n < sizeof(events) - events_len)
		events_len += (size_t)n;
	pthread_mutex_unlock(&events_lock);
}

static ssize_t events_show(struct device_driver *drv, char *buf)
{
	int n;

	pthread_mutex_lock(&events_lock);
	n = sysfs_emit(buf, "%.*s", (int)events_len, events);
	pthread_mutex_unlock(&events_lock);
	return n;
}

static ssize_t events_store(struct device_driver *drv, const char *buf, size_t count)
{
	pthread_mutex_lock(&events_lock);
	events_len = 0;
	pthread_mutex_unlock(&events_lock);
	return (ssize_t)count;
}
static DRIVER_ATTR_RW(events);

/* ---- its devices ---- */

static void handler(struct ccw_device *cdev, unsigned long intparm, const struct irb *irb, int err)
{
	if (!irb) {
		tell("irq %lu error %s\n", intparm, strerrorname_np(-err));
		return;
	}
	tell("irq %lu cc %u ctrl %04x dstat %02x cstat %02x count %u", intparm,
	     (irb->scsw.flags & SCSW_FLAGS_CC) >> 8, irb->scsw.ctrl, irb->scsw.dstat,
	     irb->scsw.cstat, irb->scsw.count);
	if (irb->esw[1] & ERW_CONS)
		tell(" sense %02x", irb->ecw[0]);
	tell("\n");
}

#define READ_SIZE 16

static int start(struct ccw_device *cdev, const char *buf, uint16_t len)
{
	struct ccw_memory *memory = ccw_memory_alloc(CCW_SIZE + READ_SIZE);
	struct ccw1 ccw = { .flags = CCW_FLAG_SLI, .count = len ? len : 1, .cda = CCW_SIZE };
	unsigned int code, ms = 0;
	int err;

	if (!memory)
		return -ENOMEM;
	if (sscanf(buf, "%x %u", &code, &ms) < 1) {
		ccw_memory_put(memory);
		return -EINVAL;
	}
	ccw.cmd_code = (uint8_t)code;
	ccw_to_bytes(&ccw, memory->bytes);
	pthread_mutex_lock(cdev->ccwlock);
	err = ccw_device_start_timeout(cdev, &memory->mem, 0, code, 0, 0, ms);
	pthread_mutex_unlock(cdev->ccwlock);
	if (err)
		ccw_memory_put(memory);
	return err;
}

static ssize_t start_store(struct device *dev, struct device_attribute *attr, const char *buf,
			   size_t count)
{
	int err = start(to_ccwdev(dev), buf, 0);

	return err ? err : (ssize_t)count;
}
static DEVICE_ATTR_WO(start);

static ssize_t read_store(struct device *dev, struct device_attribute *attr, const char *buf,
			  size_t count)
{
	int err = start(to_ccwdev(dev), buf, READ_SIZE);

	return err ? err : (ssize_t)count;
}
static DEVICE_ATTR_WO(read);

static ssize_t halt_store(struct device *dev, struct device_attribute *attr, const char *buf,
			  size_t count)
{
	struct ccw_device *cdev = to_ccwdev(dev);
	int err;

	pthread_mutex_lock(cdev->ccwlock);
	err = ccw_device_halt(cdev, 1001);
	pthread_mutex_unlock(cdev->ccwlock);
	return err ? err : (ssize_t)count;
}
static DEVICE_ATTR_WO(halt);

static ssize_t clear_store(struct device *dev, struct device_attribute *attr, const char *buf,
			   size_t count)
{
	struct ccw_device *cdev = to_ccwdev(dev);
	int err;

	pthread_mutex_lock(cdev->ccwlock);
	err = ccw_device_clear(cdev, 1002);
	pthread_mutex_unlock(cdev->ccwlock);
	return err ? err : (ssize_t)count;
}
static DEVICE_ATTR_WO(clear);

static ssize_t state_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct ccw_device *cdev = to_ccwdev(dev);
	int n;

	pthread_mutex_lock(cdev->ccwlock);
	n = sysfs_emit(buf, "paths %02x group %d multipath %d\n", ccw_device_get_path_mask(cdev),
		       ccw_device_is_pathgroup(cdev), ccw_device_is_multipath(cdev));
	pthread_mutex_unlock(cdev->ccwlock);
	return n;
}
static DEVICE_ATTR_RO(state);

static struct attribute *ccw_user_attrs[] = { &dev_attr_start.attr, &dev_attr_read.attr,
					      &dev_attr_halt.attr,  &dev_attr_clear.attr,
					      &dev_attr_state.attr, NULL };
ATTRIBUTE_GROUPS(ccw_user);

/* ---- the driver ---- */

static int ccw_user_probe(struct ccw_device *cdev)
{
	tell("probe %s info %lu\n", dev_name(&cdev->dev), cdev->id.driver_info);
	cdev->handler = handler;
	return ccw_device_set_options(cdev, options);
}

static void ccw_user_remove(struct ccw_device *cdev)
{
	tell("remove %s\n", dev_name(&cdev->dev));
}

static int ccw_user_set_online(struct ccw_device *cdev)
{
	tell("set_online\n");
	return -fail_online;
}

static int ccw_user_set_offline(struct ccw_device *cdev)
{
	tell("set_offline\n");
	return -fail_offline;
}

static bool ccw_user_notify(struct ccw_device *cdev, int event)
{
	static const char *const names[] = { "", "GONE", "NO_PATH", "OPER", "BOXED" };

	tell("notify %s\n", names[event]);
	return keep;
}

static void ccw_user_path_event(struct ccw_device *cdev, const int event[8])
{
	tell("paths %d%d%d%d%d%d%d%d\n", event[0], event[1], event[2], event[3], event[4], event[5],
	     event[6], event[7]);
}

static struct attribute *driver_attrs[] = { &driver_attr_events.attr, NULL };
static const struct attribute_group driver_group = { .attrs = driver_attrs };
static const struct attribute_group *driver_groups[] = { &driver_group, NULL };

static const struct ccw_device_id ccw_user_ids[] = {
	{ CCW_DEVICE_DEVTYPE(0x3990, 0, 0x3390, 0), .driver_info = 3 },
	{ CCW_DEVICE(0x6310, 0), .driver_info = 2 },
	{ CCW_DEVICE(0xabcd, 1), .driver_info = 1 },
	{ .match_flags = 0 },
};

static struct ccw_driver ccw_user = {
	.driver = { .groups = driver_groups, .dev_groups = ccw_user_groups },
	.ids = ccw_user_ids,
	.probe = ccw_user_probe,
	.remove = ccw_user_remove,
	.set_online = ccw_user_set_online,
	.set_offline = ccw_user_set_offline,
	.notify = ccw_user_notify,
	.path_event = ccw_user_path_event,
};

static int ccw_user_init(void)
{
	return ccw_driver_register(&ccw_user, THIS_MODULE, "ccw_user");
}

static void ccw_user_exit(void)
{
	ccw_driver_unregister(&ccw_user);
}

module_init(ccw_user_init);
module_exit(ccw_user_exit);
MODULE_LICENSE("LGPL-2.1-or-later");
MODULE_DESCRIPTION("A driver of ccw devices, for tests");
MODULE_DEPENDS("css");
