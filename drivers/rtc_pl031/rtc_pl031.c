/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rtc-pl031: the ordinary driver of PL031 clocks. Each is a device of the class "rtc".
 *
 * Behaviour: PrimeCell Real Time Clock (PL031) Technical Reference Manual, ARM DDI 0224; attributes
 * and their errors: Linux 6.1 drivers/rtc/{sysfs,interface}.c.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <umdev/module.h>
#include <umdev/platform.h>
#include "../common/pl031_regs.h"
#include "rtc_number.h"

#define PRIMECELL_ID 0xb105f00d
#define PL031_PART   0x41031 /* ARM's, 0x031 */
#define PART_MASK    0xfffff

/**
 * struct pl031 - a clock in use, from probe to remove
 * @pdev:     the chip
 * @rtc:      its class device
 * @number:   of rtcN
 * @alarm_on: the alarm is to come at @alarm; both under @lock
 * @lock:     guards the chip's alarm, too
 */
struct pl031 {
	struct platform_device *pdev;
	struct device *rtc;
	struct rtc_number number;
	bool alarm_on;
	uint32_t alarm;
	pthread_mutex_t lock;
};

static uint32_t in(struct pl031 *pl031, unsigned int reg)
{
	return platform_readl(pl031->pdev, 0, reg);
}

static void out(struct pl031 *pl031, unsigned int reg, uint32_t value)
{
	platform_writel(pl031->pdev, 0, reg, value);
}

/* ---- the alarm; under the lock ---- */

static void alarm_off(struct pl031 *pl031)
{
	out(pl031, PL031_IMSC, 0);
	out(pl031, PL031_ICR, PL031_INT);
	pl031->alarm_on = false;
}

/*
 * The chip compares for equality only: a second that is over when it is told of it would never
 * come. So the time is looked at afterwards, and who is too late has had the alarm.
 */
static void alarm_set(struct pl031 *pl031, uint32_t when)
{
	alarm_off(pl031);
	pl031->alarm = when;
	pl031->alarm_on = true;
	out(pl031, PL031_MR, when);
	out(pl031, PL031_IMSC, PL031_INT);
	if (in(pl031, PL031_DR) >= when)
		alarm_off(pl031);
}

static void pl031_interrupt(void *data, unsigned int irq)
{
	struct pl031 *pl031 = data;

	pthread_mutex_lock(&pl031->lock);
	if (in(pl031, PL031_MIS) & PL031_INT) {
		out(pl031, PL031_ICR, PL031_INT);
		/* An old one may have come just before it was replaced. */
		if (pl031->alarm_on && in(pl031, PL031_DR) >= pl031->alarm)
			alarm_off(pl031);
	}
	pthread_mutex_unlock(&pl031->lock);
}

/* ---- attributes ---- */

static void time_now(struct device *dev, struct tm *tm)
{
	time_t now = in(dev_get_drvdata(dev), PL031_DR);

	gmtime_r(&now, tm);
}

static ssize_t name_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s %s\n", dev_driver_string(dev->parent), dev_name(dev->parent));
}

static ssize_t date_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct tm tm;

	time_now(dev, &tm);
	return sysfs_emit(buf, "%04d-%02d-%02d\n", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}

static ssize_t time_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct tm tm;

	time_now(dev, &tm);
	return sysfs_emit(buf, "%02d:%02d:%02d\n", tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static ssize_t since_epoch_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", in(dev_get_drvdata(dev), PL031_DR));
}

/* It never sets the machine's clock. */
static ssize_t hctosys_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "0\n");
}

static ssize_t range_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "[0,%u]\n", UINT32_MAX);
}

static ssize_t wakealarm_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct pl031 *pl031 = dev_get_drvdata(dev);
	ssize_t len = 0;

	pthread_mutex_lock(&pl031->lock);
	if (pl031->alarm_on)
		len = sysfs_emit(buf, "%u\n", pl031->alarm);
	pthread_mutex_unlock(&pl031->lock);
	return len;
}

/* As the kernel's kstrtos64() with base 0. */
static int parse_seconds(const char *text, int64_t *seconds)
{
	bool negative = *text == '-';
	unsigned long value;
	int err;

	if (negative && *++text == '+')
		return -EINVAL;
	err = kstrtoul(text, 0, &value);
	if (err)
		return err;
	if (value > (unsigned long)INT64_MAX + negative)
		return -ERANGE;
	*seconds = negative ? (int64_t)-value : (int64_t)value;
	return 0;
}

/* "N": at N; "+N": in N seconds; "+=N": N seconds later than it is set to. */
static int change_alarm(struct pl031 *pl031, const char *buf)
{
	int64_t now = in(pl031, PL031_DR);
	bool relative = false, push = false;
	int64_t when;
	int err;

	if (*buf == '+') {
		push = buf[1] == '=';
		relative = !push;
		buf += push ? 2 : 1;
	}
	err = parse_seconds(buf, &when);
	if (err)
		return err;
	if (relative && __builtin_add_overflow(when, now, &when))
		return -ERANGE;
	if (when <= now && !push) {
		alarm_off(pl031);
		return 0;
	}
	if (push && !pl031->alarm_on)
		return -EINVAL;
	if (pl031->alarm_on && !push)
		return -EBUSY;
	if (push && __builtin_add_overflow(when, (int64_t)pl031->alarm, &when))
		return -ERANGE;
	if (when < 0 || when > UINT32_MAX)
		return -ERANGE;
	alarm_set(pl031, (uint32_t)when);
	return 0;
}

static ssize_t wakealarm_store(struct device *dev, struct device_attribute *attr, const char *buf,
			       size_t count)
{
	struct pl031 *pl031 = dev_get_drvdata(dev);
	int err;

	pthread_mutex_lock(&pl031->lock);
	err = change_alarm(pl031, buf);
	pthread_mutex_unlock(&pl031->lock);
	return err ? err : (ssize_t)count;
}

static DEVICE_ATTR_RO(name);
static DEVICE_ATTR_RO(date);
static DEVICE_ATTR_RO(time);
static DEVICE_ATTR_RO(since_epoch);
static DEVICE_ATTR_RO(hctosys);
static DEVICE_ATTR_RW(wakealarm);
static DEVICE_ATTR_RO(range);

static struct attribute *rtc_attrs[] = {
	&dev_attr_name.attr,	&dev_attr_date.attr,
	&dev_attr_time.attr,	&dev_attr_since_epoch.attr,
	&dev_attr_hctosys.attr, &dev_attr_wakealarm.attr,
	&dev_attr_range.attr,	NULL,
};
ATTRIBUTE_GROUPS(rtc);

static struct class rtc_class = {
	.name = "rtc",
	.owner = THIS_MODULE,
	.dev_groups = rtc_groups,
};

/* ---- from probe to remove ---- */

static uint32_t read_id(struct pl031 *pl031, unsigned int first)
{
	uint32_t id = 0;

	for (unsigned int i = 0; i < 4; i++)
		id |= (in(pl031, PL031_ID + 4 * (first + i)) & 0xff) << 8 * i;
	return id;
}

static int set_up(struct pl031 *pl031)
{
	if (read_id(pl031, 4) != PRIMECELL_ID || (read_id(pl031, 0) & PART_MASK) != PL031_PART) {
		dev_err(&pl031->pdev->dev, "its ids are not a PL031's");
		return -ENODEV;
	}
	out(pl031, PL031_CR, PL031_CR_START);
	alarm_off(pl031);
	return 0;
}

static int pl031_start(struct pl031 *pl031)
{
	int err = set_up(pl031);

	if (err)
		return err;
	err = platform_request_threaded_irq(pl031->pdev, 0, pl031_interrupt, pl031);
	if (err)
		return err;
	err = rtc_number_take(&pl031->number);
	if (err)
		goto free_irq;
	err = device_create(&rtc_class, &pl031->pdev->dev, 0, pl031, &pl031->rtc, "rtc%u",
			    pl031->number.id);
	if (err)
		goto give_back;
	return 0;

give_back:
	rtc_number_give_back(&pl031->number);
free_irq:
	platform_free_irq(pl031->pdev, 0);
	return err;
}

static void pl031_free(struct pl031 *pl031)
{
	pthread_mutex_destroy(&pl031->lock);
	free(pl031);
}

static int pl031_probe(struct platform_device *pdev)
{
	struct pl031 *pl031 = calloc(1, sizeof(*pl031));
	int err;

	if (!pl031)
		return -ENOMEM;
	pthread_mutex_init(&pl031->lock, NULL);
	pl031->pdev = pdev;
	err = pl031_start(pl031);
	if (err) {
		pl031_free(pl031);
		return err;
	}
	platform_set_drvdata(pdev, pl031);
	return 0;
}

static void pl031_remove(struct platform_device *pdev)
{
	struct pl031 *pl031 = platform_get_drvdata(pdev);

	device_unregister(pl031->rtc);
	rtc_number_give_back(&pl031->number);
	platform_free_irq(pdev, 0);
	alarm_off(pl031);
	pl031_free(pl031);
}

static const struct of_device_id pl031_of_match[] = { { .compatible = "arm,pl031" }, { NULL } };

static struct platform_driver pl031_driver = {
	.probe = pl031_probe,
	.remove = pl031_remove,
	.of_match_table = pl031_of_match,
	.driver = {
		.name = "rtc-pl031",
		.owner = THIS_MODULE,
	},
};

static int rtc_pl031_init(void)
{
	int err = class_register(&rtc_class);

	if (err)
		return err;
	err = platform_driver_register(&pl031_driver);
	if (err)
		class_unregister(&rtc_class);
	return err;
}

static void rtc_pl031_exit(void)
{
	platform_driver_unregister(&pl031_driver);
	class_unregister(&rtc_class);
}

module_init(rtc_pl031_init);
module_exit(rtc_pl031_exit);

MODULE_LICENSE("LGPL-2.1-or-later");
MODULE_DESCRIPTION("PL031 clocks");
MODULE_DEPENDS("platform");
MODULE_ALIAS("of:N*T*Carm,pl031");
MODULE_ALIAS("of:N*T*Carm,pl031C*");
