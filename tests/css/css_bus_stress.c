/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All at once: devices are plugged and unplugged, paths come, go and are varied, subchannels are
 * bound, unbound and moved by several, drivers come and go, programs run and end, and others look
 * on. Each callback checks that css keeps its word (umdev/css.h): with the lock, one event at a
 * time, never during probe() or remove(), and with what probe() has made. For sanitizers; at the
 * end nothing is left.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <umdev/css.h>
#include <umdev/log.h>
#include <umdev/umdev.h>

#include "support/outside.h"

#define BUS	 "/bus/css"
#define CONSOLE	 "/firmware/css"
#define ROUNDS	 400 /* of each of those who change something */
#define ENOUGH	 50
#define IRQ_WAIT 2 /* milliseconds */

static atomic_bool ends;

static atomic_uint probes, irqs, sch_events, chp_events, removes, starts, program_ends;

static void check(bool good, const char *what, long value)
{
	if (good)
		return;
	fprintf(stderr, "css_bus_stress: %s: %ld\n", what, value);
	abort();
}

/* Numbers that are the same each time, for each thread its own. */
static unsigned int random_below(unsigned int *seed, unsigned int n)
{
	return (unsigned int)rand_r(seed) % n;
}

static const char *const names[] = { "0.0.0000", "0.0.0001", "0.0.0002", "0.0.0003" };

static const char *any_name(unsigned int *seed)
{
	return names[random_below(seed, ARRAY_SIZE(names))];
}

/* ---- a driver ---- */

/**
 * struct taken - a subchannel that is bound
 * @event: an event's callback runs, or is waiting
 * @calls: of callbacks; under sch->lock
 */
struct taken {
	atomic_bool event;
	unsigned int calls;
};

static struct taken *get_taken(struct subchannel *sch)
{
	struct taken *t = dev_get_drvdata(&sch->dev);

	check(t, "a callback without driver", 0);
	check(pthread_mutex_trylock(&sch->lock) == EBUSY, "a callback without the lock", 0);
	t->calls++;
	return t;
}

static int fetch_ccw(struct channel_memory *mem, uint32_t addr, bool fmt1, struct ccw1 *ccw)
{
	*ccw = (struct ccw1) { .cmd_code = CCW_CMD_NOOP, .flags = CCW_FLAG_SLI, .count = 1 };
	if (addr < 0x1020)
		ccw->flags |= CCW_FLAG_CC;
	return 0;
}

static void end_program(struct channel_memory *mem)
{
	free(mem);
	atomic_fetch_add(&program_ends, 1);
}

static const struct channel_memory_ops memory_ops = { .fetch_ccw = fetch_ccw, .end = end_program };

/* With the lock: the subchannel may be gone, busy, or have an interrupt that is on its way. */
static void start(struct subchannel *sch)
{
	struct orb orb = { .word1 = ORB_FMT | ORB_PFCH | UINT32_C(0xff) << 8, .cpa = 0x1000 };
	struct channel_memory *mem = calloc(1, sizeof(*mem));

	check(mem, "memory", 0);
	mem->ops = &memory_ops;
	if (!cio_enable_subchannel(sch, 1) && !ssch(sch, &orb, mem))
		atomic_fetch_add(&starts, 1);
	else
		free(mem);
}

static int take(struct subchannel *sch)
{
	struct taken *t = calloc(1, sizeof(*t));
	static atomic_uint turn;

	atomic_fetch_add(&probes, 1);
	check(t, "memory", 0);
	if (atomic_fetch_add(&turn, 1) % 8 == 7) {
		free(t);
		return -EIO;
	}
	dev_set_drvdata(&sch->dev, t);
	pthread_mutex_lock(&sch->lock);
	check(!(sch->schib.pmcw.flags & PMCW_ENA), "it is enabled", 0);
	start(sch);
	pthread_mutex_unlock(&sch->lock);
	return 0;
}

static void let_go(struct subchannel *sch)
{
	struct taken *t = dev_get_drvdata(&sch->dev);

	check(!atomic_load(&t->event), "an event during remove", 0);
	pthread_mutex_lock(&sch->lock);
	check(!sch->driver, "events may come", 0);
	pthread_mutex_unlock(&sch->lock);
	sched_yield();
	check(!atomic_load(&t->event), "an event during remove", 0);
	atomic_fetch_add(&removes, 1);
	pthread_mutex_lock(&sch->lock);
	for (int retries = 255; cio_disable_subchannel(sch) == -EBUSY;)
		if (cio_cancel_halt_clear(sch, &retries) == -EBUSY)
			css_sch_wait(sch, IRQ_WAIT);
	pthread_mutex_unlock(&sch->lock);
	free(t);
}

static void take_irq(struct subchannel *sch, const struct irb *irb)
{
	unsigned int n = atomic_fetch_add(&irqs, 1);

	get_taken(sch);
	/* Not for ever: others want the lock, too. */
	if (irb->scsw.ctrl & SCSW_FCTL_START && n % 4)
		start(sch);
}

static int take_sch_event(struct subchannel *sch, int process)
{
	struct taken *t = get_taken(sch);
	unsigned int n = atomic_fetch_add(&sch_events, 1);

	check(!atomic_exchange(&t->event, true), "two events", 0);
	start(sch);
	/* Interrupts come meanwhile, and nothing else does. */
	if (n % 4 == 0)
		css_sch_wait(sch, IRQ_WAIT);
	atomic_store(&t->event, false);
	return n % 16 == 0 ? -EAGAIN : 0;
}

static int take_chp_event(struct subchannel *sch, const struct chp_link *link, enum chp_event event)
{
	struct taken *t = get_taken(sch);
	unsigned int n = atomic_fetch_add(&chp_events, 1);

	check(!atomic_exchange(&t->event, true), "two events", 0);
	if (n % 8 == 0)
		css_sch_wait(sch, IRQ_WAIT);
	atomic_store(&t->event, false);
	return n % 16 == 0 ? -ENODEV : 0;
}

static const struct css_device_id ids[] = { { 1, SUBCHANNEL_TYPE_IO }, { 0 } };

#define DRIVER                                                                \
	{                                                                     \
		.ids = ids, .probe = take, .remove = let_go, .irq = take_irq, \
		.sch_event = take_sch_event, .chp_event = take_chp_event,     \
	}
static struct css_driver stays = DRIVER;
static struct css_driver other = DRIVER;
static struct css_driver comes = DRIVER;

/* ---- who does what ---- */

/* Has everything happened so often that it met everything else? */
static bool has_enough(void)
{
	return probes > ENOUGH && removes > ENOUGH && starts > ENOUGH && irqs > ENOUGH &&
	       sch_events > ENOUGH && chp_events > ENOUGH;
}

static void *change_devices(void *arg)
{
	static const char *const devnos[] = { "0.0.1000", "0.0.1001", "0.0.1002", "0.0.1003" };
	unsigned int seed = 1, i, n;
	char text[64];

	for (i = 0; i < ROUNDS || !has_enough(); i++) {
		n = random_below(&seed, ARRAY_SIZE(devnos));
		outside_write(devnos[n], CONSOLE "/unplug");
		if (random_below(&seed, 4) == 0)
			outside_write("1", CONSOLE "/settle");
		snprintf(text, sizeof(text), "%s:null,chpids=1%u.20", devnos[n], n);
		outside_write(text, CONSOLE "/plug");
		outside_write(devnos[random_below(&seed, ARRAY_SIZE(devnos))],
			      CONSOLE "/attention");
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
		{ "10 off", CONSOLE "/path" },
		{ "10 on", CONSOLE "/path" },
		{ "20 deconfigure", CONSOLE "/path" },
		{ "20 configure", CONSOLE "/path" },
		{ "off", "/devices/css0/chp0.20/status" },
		{ "on", "/devices/css0/chp0.20/status" },
		{ "off", "/devices/css0/chp0.11/status" },
		{ "on", "/devices/css0/chp0.11/status" },
		{ "0", "/devices/css0/chp0.11/configure" },
		{ "1", "/devices/css0/chp0.11/configure" },
		{ "1", "/devices/css0/rescan" },
	};
	unsigned int seed = 2, i, n;

	for (i = 0; i < ROUNDS || !has_enough(); i++) {
		n = random_below(&seed, ARRAY_SIZE(steps));
		outside_write(steps[n].text, "%s", steps[n].file);
	}
	return NULL;
}

static void *rob(void *arg)
{
	static const char *const drivers[] = { "stays", "other", "comes" };
	unsigned int seed = 3;
	const char *name, *driver;

	while (!atomic_load(&ends)) {
		name = any_name(&seed);
		driver = drivers[random_below(&seed, ARRAY_SIZE(drivers))];
		outside_write(driver, BUS "/devices/%s/rebind", name);
		outside_write(name, BUS "/drivers/%s/unbind", driver);
		outside_write(name, BUS "/drivers/%s/bind", driver);
		outside_write(random_below(&seed, 4) ? "\n" : driver,
			      BUS "/devices/%s/driver_override", name);
		outside_write(name, BUS "/drivers_probe");
	}
	return NULL;
}

static void *change_driver(void *arg)
{
	while (!atomic_load(&ends)) {
		check(!css_driver_register(&comes, NULL, "comes"), "driver", 0);
		sched_yield();
		css_driver_unregister(&comes);
	}
	return NULL;
}

static void *look_on(void *arg)
{
	static const char *const attrs[] = { "type",	  "chpids",	     "pimpampom",
					     "dev_busid", "driver_override", "uevent" };
	unsigned int seed = 4, i;

	while (!atomic_load(&ends)) {
		for (i = 0; i < ARRAY_SIZE(attrs); i++)
			outside_read(BUS "/devices/%s/%s", any_name(&seed), attrs[i]);
		outside_read("/devices/css0/chp0.20/status");
		outside_read("/devices/css0/chp0.20/configure");
		outside_read(CONSOLE "/devices");
		outside_read(CONSOLE "/errors");
	}
	return NULL;
}

int main(void)
{
	static void *(*const all[])(void *) = {
		change_devices, change_devices, change_paths, rob, rob, change_driver, look_on
	};
	pthread_t threads[ARRAY_SIZE(all)];
	size_t i;

	log_set_sink(discard_line);
	check(!umdev_start(), "start", 0);
	check(!css_driver_register(&stays, NULL, "stays"), "driver", 0);
	check(!css_driver_register(&other, NULL, "other"), "driver", 0);
	for (i = 0; i < ARRAY_SIZE(all); i++)
		check(!pthread_create(&threads[i], NULL, all[i], NULL), "thread", 0);
	for (i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	atomic_store(&ends, true);
	for (i = 3; i < ARRAY_SIZE(all); i++)
		pthread_join(threads[i], NULL);
	check(!outside_write("1", CONSOLE "/settle"), "settle", 0);
	css_driver_unregister(&other);
	css_driver_unregister(&stays);
	umdev_stop();
	check(!strcmp(outside_list("/"), ""), "something is left", 0);
	printf("%u probes, %u removes, %u starts, %u irqs, %u sch_events, %u chp_events\n", probes,
	       removes, starts, irqs, sch_events, chp_events);
	check(starts == program_ends, "programs without end", (long)(starts - program_ends));
	return 0;
}
