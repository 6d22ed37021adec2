/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Channel paths: /sys/devices/cssC/chpC.XX, and what happens to them.
 *
 * They are no devices of the model, as they are on no bus and in no class: like the kernel's they
 * have a file "uevent" and send no events.
 *
 * Behaviour: Linux 7.3 drivers/s390/cio/{chp,chsc}.c, on a machine without channel measurements.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <umdev/publish.h>

#include "css_bus.h"

#define UTIL_STRING_SIZE 64

/**
 * struct channel_path - a channel path
 * @kobj:  its directory
 * @chpid: its number; constant
 * @lock:  one change at a time; before that of subchannels
 */
struct channel_path {
	struct kobject kobj;
	uint8_t chpid;
	pthread_mutex_t lock;
};

/* Those that are shown. A path that was shown stays until the end. */
static struct channel_path *paths[HW_CHPIDS]; /* under paths_lock */
static pthread_mutex_t paths_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool varied_off[HW_CHPIDS]; /* written under the path's lock */

static struct channel_path *to_path(struct kobject *kobj)
{
	return container_of(kobj, struct channel_path, kobj);
}

static struct channel_path *find_path(uint8_t chpid)
{
	struct channel_path *path;

	pthread_mutex_lock(&paths_lock);
	path = paths[chpid];
	pthread_mutex_unlock(&paths_lock);
	return path;
}

uint8_t chp_get_sch_opm(const struct schib *schib)
{
	const struct pmcw *pmcw = &schib->pmcw;
	uint8_t opm = 0;
	unsigned int i;

	for (i = 0; i < 8; i++)
		if (!varied_off[pmcw->chpid[i]])
			opm |= (uint8_t)(0x80 >> i);
	return pmcw->flags & PMCW_DNV ? opm : 0;
}

/* ---- events ---- */

struct event {
	struct chp_link link;
	enum chp_event event;
};

static int tell_subchannel(struct device *dev, void *data)
{
	const struct event *event = data;

	css_chp_event(to_css_subchannel(to_subchannel(dev)), &event->link, event->event);
	return 0;
}

static void tell_all(uint8_t chpid, enum chp_event what)
{
	struct event event = { .link = { .cssid = CSS_ID, .chpid = chpid }, .event = what };

	bus_for_each_dev(&css_bus_type, &event, tell_subchannel);
	if (what == CHP_ONLINE || what == CHP_VARY_ON)
		css_schedule_reprobe();
}

/* One that is varied off is none that could come or go. */
void chp_online(uint8_t chpid)
{
	if (varied_off[chpid])
		return;
	css_wait_for_slow_path();
	tell_all(chpid, CHP_ONLINE);
}

void chp_offline(uint8_t chpid)
{
	if (varied_off[chpid] || !find_path(chpid))
		return;
	css_wait_for_slow_path();
	tell_all(chpid, CHP_OFFLINE);
}

void chp_refresh_all(void)
{
	struct hw_path_state state;
	unsigned int chpid;

	for (chpid = 0; chpid < HW_CHPIDS; chpid++) {
		state = hw_path_get((uint8_t)chpid);
		if (state.exists)
			chp_new((uint8_t)chpid);
		if (state.exists && state.configured && state.operational)
			chp_online((uint8_t)chpid);
		else
			chp_offline((uint8_t)chpid);
	}
}

static void vary(struct channel_path *path, bool on)
{
	pthread_mutex_lock(&path->lock);
	if (on || !varied_off[path->chpid]) {
		varied_off[path->chpid] = !on;
		tell_all(path->chpid, on ? CHP_VARY_ON : CHP_VARY_OFF);
	}
	pthread_mutex_unlock(&path->lock);
}

/* ---- attributes ---- */

static ssize_t status_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, varied_off[to_path(kobj)->chpid] ? "offline\n" : "online\n");
}

static ssize_t status_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf,
			    size_t count)
{
	char cmd[6];
	bool on;

	if (sscanf(buf, "%5s", cmd) != 1)
		return (ssize_t)count;
	if (!strncasecmp(cmd, "on", 2) || !strcmp(cmd, "1"))
		on = true;
	else if (!strncasecmp(cmd, "off", 3) || !strcmp(cmd, "0"))
		on = false;
	else
		return -EINVAL;
	if (css_wait_for_slow_path())
		return -EINTR;
	vary(to_path(kobj), on);
	return (ssize_t)count;
}
static KOBJ_ATTR_RW(status);

static ssize_t configure_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	struct hw_path_state state = hw_path_get(to_path(kobj)->chpid);

	return sysfs_emit(buf, "%d\n", !state.exists ? 3 : state.configured ? 1 : 0);
}

/* What the machine refuses is no error of the write, as it is another thread's in the kernel. */
static ssize_t configure_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf,
			       size_t count)
{
	struct channel_path *path = to_path(kobj);
	char more;
	int val, err;

	if (sscanf(buf, "%d %c", &val, &more) != 1 || (val != 0 && val != 1))
		return -EINVAL;
	if (css_wait_for_slow_path())
		return -EINTR;
	pthread_mutex_lock(&path->lock);
	err = hw_path_configure(path->chpid, val);
	if (err)
		pr_warn("css: channel path %x.%02x can't be %s: %d", CSS_ID, path->chpid,
			val ? "configured" : "deconfigured", err);
	pthread_mutex_unlock(&path->lock);
	/* The machine reports it. */
	return css_wait_for_slow_path() ? -EINTR : (ssize_t)count;
}
static KOBJ_ATTR_RW(configure);

static ssize_t type_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%x\n", hw_path_get(to_path(kobj)->chpid).type);
}
static KOBJ_ATTR_RO(type);

static ssize_t unknown_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "unknown\n");
}
static struct kobj_attribute kobj_attr_cmg = __ATTR(cmg, 0444, unknown_show, NULL);
static struct kobj_attribute kobj_attr_shared = __ATTR(shared, 0444, unknown_show, NULL);

static ssize_t nothing_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	return 0;
}
static struct kobj_attribute kobj_attr_chid = __ATTR(chid, 0444, nothing_show, NULL);
static struct kobj_attribute kobj_attr_chid_external =
	__ATTR(chid_external, 0444, nothing_show, NULL);

static ssize_t esc_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "0\n");
}
static KOBJ_ATTR_RO(esc);

static ssize_t uevent_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf,
			    size_t count)
{
	int err = kobject_synth_uevent(kobj, buf, count);

	return err ? err : (ssize_t)count;
}
static struct kobj_attribute kobj_attr_uevent = __ATTR(uevent, 0644, nothing_show, uevent_store);

static struct attribute *path_attrs[] = {
	&kobj_attr_status.attr,	       &kobj_attr_configure.attr,
	&kobj_attr_type.attr,	       &kobj_attr_cmg.attr,
	&kobj_attr_shared.attr,	       &kobj_attr_chid.attr,
	&kobj_attr_esc.attr,	       &kobj_attr_uevent.attr,
	&kobj_attr_chid_external.attr, NULL,
};

static ssize_t util_string_read(struct kobject *kobj, struct bin_attribute *attr, char *buf,
				off_t off, size_t count)
{
	memset(buf, 0, count);
	return (ssize_t)count;
}

static struct bin_attribute bin_attr_util_string = {
	.attr = { .name = "util_string", .mode = 0444 },
	.size = UTIL_STRING_SIZE,
	.read = util_string_read,
};
static struct bin_attribute *path_bin_attrs[] = { &bin_attr_util_string, NULL };

static const struct attribute_group path_group = { .attrs = path_attrs,
						   .bin_attrs = path_bin_attrs };
static const struct attribute_group *path_groups[] = { &path_group, NULL };

/* ---- coming and going ---- */

static void path_release(struct kobject *kobj)
{
	struct channel_path *path = to_path(kobj);

	pthread_mutex_destroy(&path->lock);
	free(path);
}

static const struct kobj_type path_ktype = {
	.release = path_release,
	.sysfs_ops = &kobj_sysfs_ops,
	.default_groups = path_groups,
};

static int show_path(uint8_t chpid, struct channel_path **out)
{
	struct channel_path *path = calloc(1, sizeof(*path));
	int err;

	if (!path)
		return -ENOMEM;
	path->chpid = chpid;
	pthread_mutex_init(&path->lock, NULL);
	varied_off[chpid] = false;
	kobject_init(&path->kobj, &path_ktype);
	publish_begin();
	err = kobject_add(&path->kobj, &css_root_device->kobj, "chp%x.%02x", CSS_ID, chpid);
	if (err) {
		publish_abort();
		kobject_put(&path->kobj);
		return err;
	}
	publish_commit();
	*out = path;
	return 0;
}

int chp_new(uint8_t chpid)
{
	int err = 0;

	if (!hw_path_get(chpid).exists)
		return -ENODEV;
	pthread_mutex_lock(&paths_lock);
	if (!paths[chpid])
		err = show_path(chpid, &paths[chpid]);
	pthread_mutex_unlock(&paths_lock);
	if (err)
		pr_err("css: channel path %x.%02x can't be shown: %d", CSS_ID, chpid, err);
	return err;
}

void chp_init(void)
{
	unsigned int chpid;

	for (chpid = 0; chpid < HW_CHPIDS; chpid++)
		chp_new((uint8_t)chpid);
}

void chp_exit(void)
{
	struct channel_path *path;
	unsigned int chpid;

	for (chpid = 0; chpid < HW_CHPIDS; chpid++) {
		path = paths[chpid];
		paths[chpid] = NULL;
		if (!path)
			continue;
		kobject_del(&path->kobj);
		kobject_put(&path->kobj);
	}
}
