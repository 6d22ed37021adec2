/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All at once, with ccw devices: they are put online and offline and lose their driver, their
 * subchannels are unbound, unplugged and lose their paths, while programs run, end in time or not,
 * and others look on. The driver checks that it is called as umdev/ccwdev.h says, and that each
 * program has an end. For sanitizers; at the end nothing is left.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <umdev/ccwdev.h>
#include <umdev/log.h>
#include <umdev/umdev.h>

#include "support/outside.h"

#define CCW	"/bus/ccw"
#define CONSOLE "/firmware/css"
#define ROUNDS	150 /* of each of those who change something */
#define ENOUGH	30

static atomic_bool ends;
static atomic_uint probes, removes, onlines, starts, program_ends, calls, errors, path_events;

static void check(bool good, const char *what, long value)
{
	if (good)
		return;
	fprintf(stderr, "ccw_stress: %s: %ld\n", what, value);
	abort();
}

/* Numbers that are the same each time, for each thread its own. */
static unsigned int random_below(unsigned int *seed, unsigned int n)
{
	return (unsigned int)rand_r(seed) % n;
}

static const char *const busids[] = { "0.0.1000", "0.0.1001", "0.0.1002" };

/* ---- the driver ---- */

/* What a device has while it is bound. */
struct user {
	unsigned int calls; /* under ccwlock */
	bool runs;	    /* under ccwlock */
};

struct program {
	struct channel_memory mem;
};

static struct user *get_user(struct ccw_device *cdev)
{
	struct user *u = dev_get_drvdata(&cdev->dev);

	check(u, "a callback without driver", 0);
	check(pthread_mutex_trylock(cdev->ccwlock) == EBUSY, "a callback without the lock", 0);
	u->calls++;
	return u;
}

static int fetch_ccw(struct channel_memory *mem, uint32_t addr, bool fmt1, struct ccw1 *ccw)
{
	*ccw = (struct ccw1) { .cmd_code = CCW_CMD_NOOP, .flags = CCW_FLAG_SLI, .count = 1 };
	return 0;
}

static void end_program(struct channel_memory *mem)
{
	free(container_of(mem, struct program, mem));
	atomic_fetch_add(&program_ends, 1);
}

static const struct channel_memory_ops memory_ops = { .fetch_ccw = fetch_ccw, .end = end_program };

/* With ccwlock. */
static void start(struct ccw_device *cdev, struct user *u)
{
	struct program *p = calloc(1, sizeof(*p));

	check(p, "memory", 0);
	p->mem.ops = &memory_ops;
	if (ccw_device_start_timeout(cdev, &p->mem, 0, 1, 0, 0, starts % 4 ? 0 : 1)) {
		free(p);
		return;
	}
	u->runs = true;
	atomic_fetch_add(&starts, 1);
}

static void handler(struct ccw_device *cdev, unsigned long intparm, const struct irb *irb, int err)
{
	struct user *u = get_user(cdev);
	unsigned int n = atomic_fetch_add(&calls, 1);

	check(!irb == !!err, "a status or an error", err);
	if (err)
		atomic_fetch_add(&errors, 1);
	if (!intparm)
		return;
	check(u->runs, "an end of no program", (long)intparm);
	u->runs = false;
	/* Not for ever: others want the lock, too. */
	if (n % 8)
		start(cdev, u);
}

static int probe(struct ccw_device *cdev)
{
	struct user *u = calloc(1, sizeof(*u));

	check(u, "memory", 0);
	atomic_fetch_add(&probes, 1);
	dev_set_drvdata(&cdev->dev, u);
	cdev->handler = handler;
	return 0;
}

static void leave(struct ccw_device *cdev)
{
	struct user *u = dev_get_drvdata(&cdev->dev);

	atomic_fetch_add(&removes, 1);
	pthread_mutex_lock(cdev->ccwlock);
	cdev->handler = NULL;
	pthread_mutex_unlock(cdev->ccwlock);
	free(u);
}

static int go_online(struct ccw_device *cdev)
{
	struct user *u = dev_get_drvdata(&cdev->dev);

	if (atomic_fetch_add(&onlines, 1) % 16 == 15)
		return -EIO;
	pthread_mutex_lock(cdev->ccwlock);
	if (!u->runs)
		start(cdev, u);
	pthread_mutex_unlock(cdev->ccwlock);
	return 0;
}

static int go_offline(struct ccw_device *cdev)
{
	return 0;
}

static bool notify(struct ccw_device *cdev, int event)
{
	return get_user(cdev)->calls % 2;
}

static void path_event(struct ccw_device *cdev, const int event[8])
{
	get_user(cdev);
	atomic_fetch_add(&path_events, 1);
}

static const struct ccw_device_id ids[] = {
	{ .match_flags = CCW_DEVICE_ID_MATCH_CU_MODEL, .cu_model = 1 },
	{ .match_flags = 0 },
};

#define DRIVER                                                                         \
	{                                                                              \
		.ids = ids, .probe = probe, .remove = leave, .set_online = go_online,  \
		.set_offline = go_offline, .notify = notify, .path_event = path_event, \
	}
static struct ccw_driver stays = DRIVER;
static struct ccw_driver comes = DRIVER;

/* ---- who does what ---- */

/* Has everything happened so often that it met everything else? */
static bool has_enough(void)
{
	return probes > ENOUGH && removes > ENOUGH && onlines > ENOUGH && starts > ENOUGH &&
	       errors > ENOUGH && path_events > ENOUGH;
}

static void *change_devices(void *arg)
{
	unsigned int seed = 1, i, n;
	char text[64];

	for (i = 0; i < ROUNDS || !has_enough(); i++) {
		n = random_below(&seed, ARRAY_SIZE(busids));
		if (random_below(&seed, 4) == 0)
			outside_write(busids[n], CONSOLE "/unplug");
		snprintf(text, sizeof(text), "%s:null,chpids=10.20,delay_us=%u", busids[n],
			 n * 2000);
		outside_write(text, CONSOLE "/plug");
		outside_write(busids[n], CONSOLE "/attention");
		sched_yield();
	}
	return NULL;
}

static void *change_paths(void *arg)
{
	static const struct {
		const char *text, *file;
	} steps[] = {
		{ "20 off", CONSOLE "/path" },
		{ "20 on", CONSOLE "/path" },
		{ "off", "/devices/css0/chp0.10/status" },
		{ "on", "/devices/css0/chp0.10/status" },
		{ "on", "/devices/css0/chp0.20/status" },
		{ "off", "/devices/css0/chp0.20/status" },
		{ "on", "/devices/css0/chp0.20/status" },
	};
	unsigned int seed = 2, i, n;

	for (i = 0; i < ROUNDS || !has_enough(); i++) {
		n = random_below(&seed, ARRAY_SIZE(steps));
		outside_write(steps[n].text, "%s", steps[n].file);
	}
	return NULL;
}

static void *switch_them(void *arg)
{
	unsigned int seed = 3;
	const char *name;

	while (!atomic_load(&ends)) {
		name = busids[random_below(&seed, ARRAY_SIZE(busids))];
		outside_write(random_below(&seed, 3) ? "1" : "0", CCW "/devices/%s/online", name);
		if (random_below(&seed, 16) == 0)
			outside_write("force", CCW "/devices/%s/online", name);
		if (random_below(&seed, 8) == 0) {
			outside_write(name, CCW "/drivers/stays/unbind");
			outside_write(name, CCW "/drivers/stays/bind");
		}
	}
	return NULL;
}

static void *rob(void *arg)
{
	static const char *const names[] = { "0.0.0000", "0.0.0001", "0.0.0002" };
	unsigned int seed = 4;
	const char *name;

	while (!atomic_load(&ends)) {
		name = names[random_below(&seed, ARRAY_SIZE(names))];
		outside_write(name, "/bus/css/drivers/io_subchannel/unbind");
		outside_write(name, "/bus/css/drivers/io_subchannel/bind");
		outside_write("1", CONSOLE "/settle");
		sched_yield();
	}
	return NULL;
}

static void *change_driver(void *arg)
{
	while (!atomic_load(&ends)) {
		check(!ccw_driver_register(&comes, NULL, "comes"), "driver", 0);
		sched_yield();
		ccw_driver_unregister(&comes);
	}
	return NULL;
}

static void *look_on(void *arg)
{
	static const char *const attrs[] = { "cutype", "devtype",      "modalias",
					     "online", "availability", "uevent" };
	unsigned int seed = 5, i;

	while (!atomic_load(&ends)) {
		for (i = 0; i < ARRAY_SIZE(attrs); i++)
			outside_read(CCW "/devices/%s/%s",
				     busids[random_below(&seed, ARRAY_SIZE(busids))], attrs[i]);
		outside_read("/devices/css0/0.0.0000/vpm");
	}
	return NULL;
}

int main(void)
{
	static void *(*const all[])(void *) = { change_devices, change_paths, switch_them,
						switch_them,	rob,	      change_driver,
						look_on };
	pthread_t threads[ARRAY_SIZE(all)];
	size_t i;

	log_set_sink(discard_line);
	check(!umdev_start(), "start", 0);
	check(!ccw_driver_register(&stays, NULL, "stays"), "driver", 0);
	for (i = 0; i < ARRAY_SIZE(all); i++)
		check(!pthread_create(&threads[i], NULL, all[i], NULL), "thread", 0);
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	atomic_store(&ends, true);
	for (i = 2; i < ARRAY_SIZE(all); i++)
		pthread_join(threads[i], NULL);
	check(!outside_write("1", CONSOLE "/settle"), "settle", 0);
	ccw_driver_unregister(&stays);
	umdev_stop();
	check(!strcmp(outside_list("/"), ""), "something is left", 0);
	printf("%u probes, %u onlines, %u starts, %u calls, %u errors, %u path events\n", probes,
	       onlines, starts, calls, errors, path_events);
	check(probes == removes, "devices that were not let go", (long)(probes - removes));
	check(starts == program_ends, "programs without end", (long)(starts - program_ends));
	return 0;
}
