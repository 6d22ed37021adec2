/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A driver of subchannels that records what it is called for, one line for each call, and checks
 * that css keeps its word: no call without the lock, or while another one runs. It takes nothing by
 * itself: where it can be found it is loaded for every subchannel. Its attributes:
 *
 *   record  the lines so far; a write forgets them
 *   start   "0.0.0000": enable the subchannel and start a NO-OPERATION
 *   again   how often sch_event() says -EAGAIN
 *   gone    1: chp_event() says -ENODEV
 *   refuse  1: probe() fails
 *   hold    a callback's name: it waits, without the lock, until something else is written here
 */
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <umdev/css.h>

/**
 * struct tester - what a subchannel has of ours; sanitizers see who uses it without a driver
 * @busy: an event's callback runs
 */
struct tester {
	atomic_bool busy;
};

static char record[SYSFS_PAGE_SIZE];
static size_t record_len;
static char hold[16];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of all three; innermost */

static atomic_int again, gone, refuse;

static void say(const struct subchannel *sch, const char *fmt, ...) __umdev_printf(2, 3);

static void say(const struct subchannel *sch, const char *fmt, ...)
{
	char line[128];
	va_list args;
	int len;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	pthread_mutex_lock(&lock);
	len = snprintf(record + record_len, sizeof(record) - record_len, "%s %s\n",
		       dev_name(&sch->dev), line);
	if (len < (int)(sizeof(record) - record_len))
		record_len += (size_t)len;
	pthread_mutex_unlock(&lock);
}

static bool is_held(const char *callback)
{
	bool held;

	pthread_mutex_lock(&lock);
	held = !strcmp(hold, callback);
	pthread_mutex_unlock(&lock);
	return held;
}

/* Give up the lock of a subchannel, if it is given, as long as somebody wants to see us here. */
static void wait_held(const char *callback, pthread_mutex_t *sch_lock)
{
	static const struct timespec moment = { .tv_nsec = 1000000 };

	if (!is_held(callback))
		return;
	if (sch_lock)
		pthread_mutex_unlock(sch_lock);
	while (is_held(callback))
		nanosleep(&moment, NULL);
	if (sch_lock)
		pthread_mutex_lock(sch_lock);
}

static struct tester *get_tester(struct subchannel *sch)
{
	return dev_get_drvdata(&sch->dev);
}

static void check_locked(struct subchannel *sch, const char *callback)
{
	if (!pthread_mutex_trylock(&sch->lock)) {
		pthread_mutex_unlock(&sch->lock);
		say(sch, "BROKEN: %s without the lock", callback);
	}
}

/* ---- the callbacks ---- */

static int probe(struct subchannel *sch)
{
	struct tester *t;

	say(sch, "probe lpm=%02x opm=%02x", sch->lpm, sch->opm);
	wait_held("probe", NULL);
	if (atomic_load(&refuse))
		return -EIO;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	dev_set_drvdata(&sch->dev, t);
	return 0;
}

static void quiesce(struct subchannel *sch)
{
	say(sch, "quiesce");
	wait_held("quiesce", NULL);
}

static void remove_tester(struct subchannel *sch)
{
	struct tester *t = get_tester(sch);

	if (atomic_load(&t->busy))
		say(sch, "BROKEN: remove while an event runs");
	say(sch, "remove");
	wait_held("remove", NULL);
	free(t);
}

static void irq(struct subchannel *sch, const struct irb *irb)
{
	check_locked(sch, "irq");
	get_tester(sch);
	say(sch, "irq fctl=%04x dstat=%02x cstat=%02x", irb->scsw.ctrl & SCSW_FCTL, irb->scsw.dstat,
	    irb->scsw.cstat);
	wait_held("irq", &sch->lock);
}

static void begin_event(struct subchannel *sch, const char *what)
{
	check_locked(sch, what);
	if (atomic_exchange(&get_tester(sch)->busy, true))
		say(sch, "BROKEN: %s while an event runs", what);
}

static void end_event(struct subchannel *sch)
{
	atomic_store(&get_tester(sch)->busy, false);
}

static int sch_event(struct subchannel *sch, int process)
{
	int err = 0, lost = cio_update_schib(sch);

	begin_event(sch, "sch_event");
	say(sch, "sch_event %s", lost ? "gone" : "there");
	/* Css does so as well. */
	if (lost)
		css_sch_unregister_later(sch);
	wait_held("sch_event", &sch->lock);
	if (atomic_load(&again) > 0) {
		atomic_fetch_sub(&again, 1);
		err = -EAGAIN;
	}
	end_event(sch);
	return err;
}

static int chp_event(struct subchannel *sch, const struct chp_link *link, enum chp_event event)
{
	static const char *const names[] = {
		[CHP_VARY_ON] = "VARY_ON",
		[CHP_VARY_OFF] = "VARY_OFF",
		[CHP_ONLINE] = "ONLINE",
		[CHP_OFFLINE] = "OFFLINE",
	};

	begin_event(sch, "chp_event");
	say(sch, "chp_event %x.%02x mask=%02x opm=%02x %s", link->cssid, link->chpid,
	    sch_path_mask(sch, link), sch->opm, names[event]);
	wait_held("chp_event", &sch->lock);
	end_event(sch);
	return atomic_load(&gone) ? -ENODEV : 0;
}

static void shutdown(struct subchannel *sch)
{
	say(sch, "shutdown");
}

/* ---- attributes ---- */

static ssize_t record_show(struct device_driver *drv, char *buf)
{
	ssize_t len;

	pthread_mutex_lock(&lock);
	len = sysfs_emit(buf, "%s", record);
	pthread_mutex_unlock(&lock);
	return len;
}

static ssize_t record_store(struct device_driver *drv, const char *buf, size_t count)
{
	pthread_mutex_lock(&lock);
	record_len = 0;
	record[0] = '\0';
	pthread_mutex_unlock(&lock);
	return (ssize_t)count;
}
static DRIVER_ATTR_RW(record);

static ssize_t hold_store(struct device_driver *drv, const char *buf, size_t count)
{
	pthread_mutex_lock(&lock);
	snprintf(hold, sizeof(hold), "%.*s", (int)strcspn(buf, "\n"), buf);
	pthread_mutex_unlock(&lock);
	return (ssize_t)count;
}
static DRIVER_ATTR_WO(hold);

static ssize_t set_number(atomic_int *number, const char *buf, size_t count)
{
	atomic_store(number, atoi(buf));
	return (ssize_t)count;
}

static ssize_t again_store(struct device_driver *drv, const char *buf, size_t count)
{
	return set_number(&again, buf, count);
}
static DRIVER_ATTR_WO(again);

static ssize_t gone_store(struct device_driver *drv, const char *buf, size_t count)
{
	return set_number(&gone, buf, count);
}
static DRIVER_ATTR_WO(gone);

static ssize_t refuse_store(struct device_driver *drv, const char *buf, size_t count)
{
	return set_number(&refuse, buf, count);
}
static DRIVER_ATTR_WO(refuse);

static int fetch_ccw(struct channel_memory *mem, uint32_t addr, bool fmt1, struct ccw1 *ccw)
{
	*ccw = (struct ccw1) { .cmd_code = CCW_CMD_NOOP, .flags = CCW_FLAG_SLI, .count = 1 };
	return 0;
}

static int no_memory(struct channel_memory *mem, uint64_t addr, void *buf, size_t len)
{
	return -EFAULT;
}

static void end_program(struct channel_memory *mem)
{
	free(mem);
}

static const struct channel_memory_ops memory_ops = { .fetch_ccw = fetch_ccw,
						      .read = no_memory,
						      .end = end_program };

/* Return: 0, -errno of enabling, or the condition code. */
static int start(struct subchannel *sch)
{
	struct orb orb = { .word1 = ORB_FMT | ORB_PFCH | UINT32_C(0xff) << 8 };
	struct channel_memory *mem = calloc(1, sizeof(*mem));
	int ret;

	if (!mem)
		return -ENOMEM;
	mem->ops = &memory_ops;
	pthread_mutex_lock(&sch->lock);
	ret = cio_enable_subchannel(sch, 1);
	if (!ret)
		ret = ssch(sch, &orb, mem);
	pthread_mutex_unlock(&sch->lock);
	if (ret)
		free(mem);
	return ret;
}

struct wanted {
	const char *name;
	struct device *dev;
};

static int find(struct device *dev, void *data)
{
	struct wanted *wanted = data;

	if (strcmp(dev_name(dev), wanted->name))
		return 0;
	wanted->dev = get_device(dev);
	return 1;
}

static ssize_t start_store(struct device_driver *drv, const char *buf, size_t count)
{
	char name[16];
	struct wanted wanted = { .name = name };
	int err = -ENODEV;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(buf, "\n"), buf);
	driver_for_each_device(drv, &wanted, find);
	if (!wanted.dev)
		return -ENODEV;
	device_lock(wanted.dev);
	if (wanted.dev->driver == drv)
		err = start(to_subchannel(wanted.dev));
	device_unlock(wanted.dev);
	put_device(wanted.dev);
	return err < 0 ? err : err ? -EIO : (ssize_t)count;
}
static DRIVER_ATTR_WO(start);

static struct attribute *tester_attrs[] = {
	&driver_attr_record.attr,
	&driver_attr_hold.attr,
	&driver_attr_again.attr,
	&driver_attr_gone.attr,
	&driver_attr_refuse.attr,
	&driver_attr_start.attr,
	NULL,
};
ATTRIBUTE_GROUPS(tester);

/* ---- the module ---- */

static const struct css_device_id ids[] = { { 1, SUBCHANNEL_TYPE_IO }, { 0 } };
/* For what is no subchannel's type here. */
static const struct css_device_id other_ids[] = { { 1, SUBCHANNEL_TYPE_ADM }, { 0 } };

static struct css_driver tester = {
	.driver = { .groups = tester_groups, .explicit_bind_only = true },
	.ids = ids,
	.probe = probe,
	.quiesce = quiesce,
	.remove = remove_tester,
	.irq = irq,
	.sch_event = sch_event,
	.chp_event = chp_event,
	.shutdown = shutdown,
};

static struct css_driver other = { .ids = other_ids };

static int css_tester_init(void)
{
	int err;

	err = css_driver_register(&tester, THIS_MODULE, "css_tester");
	if (err)
		return err;
	err = css_driver_register(&other, THIS_MODULE, "css_other");
	if (err)
		css_driver_unregister(&tester);
	return err;
}

static void css_tester_exit(void)
{
	css_driver_unregister(&other);
	css_driver_unregister(&tester);
}

module_init(css_tester_init);
module_exit(css_tester_exit);
MODULE_ALIAS("css:t0");
MODULE_DEPENDS("css");
