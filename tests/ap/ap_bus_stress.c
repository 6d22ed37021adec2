/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All at once: masks change, then overrides, while adapters come and go, the bus is scanned, queues
 * are bound, unbound and moved by others, drivers come and go, and others look on. After each write
 * to a mask no queue is with a driver that the masks forbid. For sanitizers; at the end nothing is
 * left.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <umdev/ap.h>
#include <umdev/log.h>
#include <umdev/umdev.h>

#include "support/outside.h"

#define BUS    "/bus/ap"
#define ROUNDS 2000
/* So often at least the machine changes meanwhile, in each half. */
#define CHANGES 200

static atomic_bool ends;
static atomic_uint probes, changes, masks_written, masks_refused, overrides_written;

static void check(bool good, const char *what, long value)
{
	if (good)
		return;
	fprintf(stderr, "ap_bus_stress: %s: %ld\n", what, value);
	abort();
}

/* Numbers that are the same each time, for each thread its own. */
static unsigned int random_below(unsigned int *seed, unsigned int n)
{
	return (unsigned int)rand_r(seed) % n;
}

static const char *const names[] = { "04.0004", "04.0047", "05.0004",
				     "05.0047", "06.0004", "06.0047" };

static const char *any_name(unsigned int *seed)
{
	return names[random_below(seed, ARRAY_SIZE(names))];
}

/* ---- drivers ---- */

static const struct ap_device_id queues[] = {
	{ AP_DEVICE_ID_MATCH_QUEUE_TYPE, AP_DEVICE_TYPE_CEX7 },
	{ AP_DEVICE_ID_MATCH_QUEUE_TYPE, AP_DEVICE_TYPE_CEX8 },
	{ 0 },
};

/* Who has which queue, from the end of the driver's probe() to the beginning of its remove(). */
enum owner {
	NOBODY,
	HOST,
	GUEST
};
static _Atomic enum owner owners[ARRAY_SIZE(names)];

static void set_owner(struct device *dev, enum owner owner)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(dev_name(dev), names[i]))
			atomic_store(&owners[i], owner);
}

static int take(struct ap_device *ap_dev)
{
	struct device *dev = &ap_dev->device;
	bool by_host = to_ap_drv(dev->driver)->flags & AP_DRIVER_FLAG_DEFAULT;
	void *has = malloc(1);

	atomic_fetch_add(&probes, 1);
	check(has, "memory", 0);
	check(device_match_driver_override(dev, dev->driver), "another one is named", 0);
	dev_set_drvdata(dev, has);
	if (by_host)
		ap_queue_init_state(ap_dev);
	set_owner(dev, by_host ? HOST : GUEST);
	return 0;
}

static void let_go(struct ap_device *ap_dev)
{
	set_owner(&ap_dev->device, NOBODY);
	/* What is let go twice, or not at all, the sanitizers see. */
	free(dev_get_drvdata(&ap_dev->device));
}

/* What the guests' driver says is in use: 06 at times. */
static atomic_bool in_use;
/* The two notifications come in turn. */
static atomic_int open_changes;

static int guest_in_use(const struct ap_mask *apm, const struct ap_mask *aqm)
{
	return atomic_load(&in_use) && ap_mask_test(apm, 6) ? -EADDRINUSE : 0;
}

static void config_changed(const struct ap_config_info *now, const struct ap_config_info *before)
{
	check(!ap_config_info_equal(now, before), "nothing has changed", 0);
	check(!atomic_fetch_add(&open_changes, 1), "no end of the one before", 0);
	atomic_fetch_add(&changes, 1);
}

static void scan_complete(const struct ap_config_info *now, const struct ap_config_info *before)
{
	check(atomic_fetch_sub(&open_changes, 1) == 1, "no beginning", 0);
}

static struct ap_driver host = {
	.probe = take,
	.remove = let_go,
	.ids = queues,
	.flags = AP_DRIVER_FLAG_DEFAULT,
};
static struct ap_driver guest = {
	.probe = take,
	.remove = let_go,
	.in_use = guest_in_use,
	.on_config_changed = config_changed,
	.on_scan_complete = scan_complete,
	.ids = queues,
};
static struct ap_driver comes = { .probe = take, .remove = let_go, .ids = queues };

/* ---- masks: one writer, so it knows what they are ---- */

struct masks {
	struct ap_mask apm;
	struct ap_mask aqm;
};

static void check_owners(const struct masks *masks)
{
	unsigned int card, queue;
	enum owner owner;
	bool owned;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		sscanf(names[i], "%x.%x", &card, &queue);
		owned = ap_mask_test(&masks->apm, card) && ap_mask_test(&masks->aqm, queue);
		owner = atomic_load(&owners[i]);
		check(owner == NOBODY || (owner == HOST) == owned,
		      "with a driver that the masks forbid", (long)i);
	}
}

static void change_masks(unsigned int *seed, unsigned int round)
{
	static const char *const texts[] = {
		"-4", "+4", "-5", "+5,-4", "-6", "+6", "+0-255", "0x0"
	};
	static const char *const domains[] = { "-4", "+4", "-0x47", "+0x47", "+0-255" };
	static struct masks masks;
	const char *text;
	ssize_t err;

	if (!round)
		memset(&masks, 0xff, sizeof(masks));
	atomic_store(&in_use, random_below(seed, 2));
	if (random_below(seed, 2)) {
		text = texts[random_below(seed, ARRAY_SIZE(texts))];
		err = outside_write(text, BUS "/apmask");
		if (!err)
			ap_parse_mask_str(text, &masks.apm);
	} else {
		text = domains[random_below(seed, ARRAY_SIZE(domains))];
		err = outside_write(text, BUS "/aqmask");
		if (!err)
			ap_parse_mask_str(text, &masks.aqm);
	}
	check(!err || err == -EBUSY, "mask", err);
	atomic_fetch_add(err ? &masks_refused : &masks_written, 1);
	check_owners(&masks);
}

/* ---- overrides, while the masks are those of the beginning ---- */

static void clear_overrides(void)
{
	atomic_store(&in_use, false);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		outside_write("\n", BUS "/devices/%s/driver_override", names[i]);
	/* A queue that is just going keeps its own until it has gone. */
	outside_write("1", BUS "/scans");
}

static void change_overrides(unsigned int *seed)
{
	static const char *const drivers[] = { "host", "guest", "comes", "\n" };
	const char *text = drivers[random_below(seed, ARRAY_SIZE(drivers))];
	ssize_t err = outside_write(text, BUS "/devices/%s/driver_override", any_name(seed));

	check(!err || err == -ENOENT || err == -ENODEV, "override", err);
	if (!err)
		atomic_fetch_add(&overrides_written, 1);
}

static void *change_rules(void *arg)
{
	unsigned int seed = 1;

	for (unsigned int i = 0; i < ROUNDS || atomic_load(&changes) < CHANGES; i++)
		change_masks(&seed, i);
	atomic_store(&in_use, false);
	check(!outside_write("+0-255", BUS "/apmask"), "apmask", 0);
	check(!outside_write("+0-255", BUS "/aqmask"), "aqmask", 0);
	for (unsigned int i = 0; i < ROUNDS || atomic_load(&changes) < 2 * CHANGES; i++)
		change_overrides(&seed);
	clear_overrides();
	/* None is counted that is not there any more. */
	check(!outside_write("-4", BUS "/apmask"), "an override is left", 0);
	atomic_store(&ends, true);
	return NULL;
}

/* ---- what others do meanwhile ---- */

static void *rob(void *arg)
{
	static const char *const drivers[] = { "host", "guest", "comes" };
	unsigned int seed = 2;
	const char *name, *driver;

	while (!atomic_load(&ends)) {
		name = any_name(&seed);
		driver = drivers[random_below(&seed, ARRAY_SIZE(drivers))];
		outside_write(driver, BUS "/devices/%s/rebind", name);
		outside_write(name, BUS "/drivers/%s/unbind", driver);
		outside_write(name, BUS "/drivers/%s/bind", driver);
		outside_write(name, BUS "/drivers_probe");
	}
	return NULL;
}

static void *change_machine(void *arg)
{
	static const struct {
		const char *text, *file;
	} steps[] = {
		{ "06:CEX7C", "plug" },	  { "06", "unplug" },	     { "05", "unplug" },
		{ "05:CEX8A", "plug" },	  { "04 off", "config" },    { "04 on", "config" },
		{ "05 on", "checkstop" }, { "05 off", "checkstop" }, { "4", "domains" },
		{ "4,0x47", "domains" },  { "06:CEX8P", "plug" },
	};
	unsigned int seed = 3, n;

	while (!atomic_load(&ends)) {
		n = random_below(&seed, ARRAY_SIZE(steps));
		outside_write(steps[n].text, "/firmware/ap/%s", steps[n].file);
		if (random_below(&seed, 2))
			outside_write("1", BUS "/scans");
	}
	return NULL;
}

static void *change_driver(void *arg)
{
	while (!atomic_load(&ends)) {
		check(!ap_driver_register(&comes, NULL, "comes"), "driver", 0);
		sched_yield();
		ap_driver_unregister(&comes);
	}
	return NULL;
}

static void *look_on(void *arg)
{
	static const char *const attrs[] = {
		"apmask",      "aqmask",	  "bindings",
		"ap_domain",   "features",	  "scans",
		"config_time", "ap_adapter_mask", "bindings_complete_count"
	};
	unsigned int seed = 4, i;

	while (!atomic_load(&ends)) {
		for (i = 0; i < ARRAY_SIZE(attrs); i++)
			outside_read(BUS "/%s", attrs[i]);
		outside_read(BUS "/devices/card05/pendingq_count");
		outside_read(BUS "/devices/card05/config");
		outside_write("1", BUS "/devices/card05/request_count");
		outside_write(random_below(&seed, 2) ? "1" : "0", BUS "/devices/card06/config");
		outside_write("5", BUS "/config_time");
		outside_write(random_below(&seed, 2) ? "4" : "0x47", BUS "/ap_domain");
		outside_read(BUS "/devices/%s/driver_override", any_name(&seed));
		outside_read(BUS "/devices/%s/uevent", any_name(&seed));
	}
	return NULL;
}

int main(void)
{
	static void *(*const all[])(void *) = {
		change_rules, rob, rob, change_machine, change_machine, change_driver, look_on
	};
	pthread_t threads[ARRAY_SIZE(all)];
	size_t i;

	log_set_sink(discard_line);
	check(!umdev_start(), "start", 0);
	check(!outside_write("4,0x47", "/firmware/ap/domains"), "domains", 0);
	check(!outside_write("04:CEX8P", "/firmware/ap/plug"), "plug", 0);
	check(!ap_driver_register(&host, NULL, "host"), "driver", 0);
	check(!ap_driver_register(&guest, NULL, "guest"), "driver", 0);
	for (i = 0; i < ARRAY_SIZE(all); i++)
		check(!pthread_create(&threads[i], NULL, all[i], NULL), "thread", 0);
	for (i = 0; i < ARRAY_SIZE(all); i++)
		pthread_join(threads[i], NULL);
	ap_driver_unregister(&guest);
	ap_driver_unregister(&host);
	umdev_stop();
	check(!strcmp(outside_list("/"), ""), "something is left", 0);
	printf("%u masks, %u refused, %u overrides, %u changes of the machine, %u probes\n",
	       masks_written, masks_refused, overrides_written, changes, probes);
	check(masks_written && masks_refused && overrides_written && changes && probes,
	      "something has not happened", 0);
	return 0;
}
