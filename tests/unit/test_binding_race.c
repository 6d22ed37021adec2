/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Devices are handed to and fro while others do nothing but try to get one: drivers that come and
 * go, ids, rescans, hotplug, and somebody who answers each event with a probe. No device is ever
 * with a driver that nobody has told to take it.
 */
#include "cmocka_umdev.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>

#include "model/base.h"
#include "model_fixture.h"
#include "support/outside.h"

/* How often each of the three devices moves. */
#define ROUNDS 36000

#define DEVICE	"/bus/ring/devices/"
#define DRIVERS "/bus/ring/drivers/"

/* ---- who may have what ---- */

enum taker {
	USUAL = 1,    /* matches those that are handed around */
	VFIO = 2,     /* matches all, is explicit_bind_only */
	SWITCHED = 4, /* is explicit_bind_only, or is not */
	ROBBER = 8,   /* all that come and go */
};

/* The devices that are handed around, and those that lie around. */
enum toy_nr {
	MARKED, /* explicit_bind_only */
	MOVED,	/* by rebind */
	NAMED,	/* by driver_override */
	KEPT,
	LOOSE = KEPT,
	TOYS
};

static const char *const names[TOYS] = { "marked", "moved", "named", "loose" };

/* enum taker: those that have been told to take it, or have not been told not to. */
static atomic_uint allowed[TOYS];
static atomic_int robbed, seen_wrong, failed;
static atomic_int loot, offers; /* what robbers may take, and have; how often they have tried */
static atomic_bool over;

#define must(what) ((what) ? (void)0 : fail_at(__LINE__, #what))

static void fail_at(int line, const char *what)
{
	if (!atomic_fetch_add(&failed, 1))
		print_error("line %d: not so: %s\n", line, what);
}

static int nr_of(const char *name)
{
	int nr = 0;

	while (nr < KEPT && strcmp(names[nr], name))
		nr++;
	return nr;
}

static void check_allowed(struct device *dev, enum taker taker)
{
	if (atomic_load(&allowed[nr_of(dev_name(dev))]) & taker)
		return;
	if (!atomic_fetch_add(&robbed, 1))
		print_error("%s got %s\n", dev->driver->name, dev_name(dev));
}

/* It must not become wrong while it lasts, either. */
static int take(struct device *dev, enum taker taker)
{
	check_allowed(dev, taker);
	sched_yield();
	check_allowed(dev, taker);
	return 0;
}

static int usual_probe(struct device *dev)
{
	return take(dev, USUAL);
}

static int vfio_probe(struct device *dev)
{
	static atomic_uint asked;

	take(dev, VFIO);
	/* The device that moves is refused now and then, and goes back. */
	return nr_of(dev_name(dev)) == MOVED && atomic_fetch_add(&asked, 1) % 8 == 7 ? -EIO : 0;
}

static int switched_probe(struct device *dev)
{
	return take(dev, SWITCHED);
}

static int robber_probe(struct device *dev)
{
	atomic_fetch_add(&loot, 1);
	return take(dev, ROBBER);
}

static int late_probe(struct device *dev)
{
	take(dev, ROBBER);
	return -EPROBE_DEFER;
}

/* ---- the bus ---- */

static atomic_bool any_id;

static int ring_match(struct device *dev, struct device_driver *drv)
{
	if (!strcmp(drv->name, "ids"))
		return atomic_load(&any_id);
	/* Time for its flag to change behind the one who has looked at it. */
	if (!strcmp(drv->name, "switched"))
		sched_yield();
	return strcmp(drv->name, "usual") || strcmp(dev_name(dev), "loose");
}

static int ring_accept(struct device *dev, struct device_driver *drv)
{
	return 0;
}

static struct bus_type ring = {
	.name = "ring", .match = ring_match, .accept = ring_accept, .has_driver_override = true
};

static struct device_driver usual = { .name = "usual", .bus = &ring, .probe = usual_probe };
static struct device_driver vfio = { .name = "vfio",
				     .bus = &ring,
				     .match_any = true,
				     .explicit_bind_only = true,
				     .probe = vfio_probe };
static struct device_driver switched = {
	.name = "switched", .bus = &ring, .explicit_bind_only = true, .probe = switched_probe
};
static struct device_driver ids = { .name = "ids", .bus = &ring, .probe = robber_probe };
static struct device_driver late = { .name = "late", .bus = &ring, .probe = late_probe };

/* ---- those who hand devices around ---- */

static bool is_with(int nr, const char *driver)
{
	const char *link = outside_link(DEVICE "%s/driver", names[nr]);
	const char *slash = strrchr(link, '/');

	return driver ? slash && !strcmp(slash + 1, driver) : !strcmp(link, "error -2");
}

/* Step by step, since it is marked: between two drivers it is nobody's. */
static void *hand_marked(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		const char *driver = i % 2 ? "usual" : "vfio";

		atomic_store(&allowed[MARKED], i % 2 ? USUAL : VFIO);
		must(!outside_write("marked", DRIVERS "%s/bind", driver));
		must(is_with(MARKED, driver));
		must(!outside_write("marked", DRIVERS "%s/unbind", driver));
		atomic_store(&allowed[MARKED], 0);
		must(is_with(MARKED, NULL));
	}
	return NULL;
}

/* In one step, and where it does not arrive it is back. It is not marked. */
static void *hand_moved(void *arg)
{
	ssize_t err;

	for (int i = 0; i < ROUNDS; i++) {
		err = outside_write("vfio", DEVICE "moved/rebind");
		must(!err || err == -EIO);
		must(is_with(MOVED, err ? "usual" : "vfio"));
		must(!outside_write("usual", DEVICE "moved/rebind"));
		must(is_with(MOVED, "usual"));
	}
	return NULL;
}

/* As in Linux: whoever probes, it goes to the one who is named. */
static void *hand_named(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		const char *to = i % 2 ? "usual" : "vfio", *from = i % 2 ? "vfio" : "usual";

		atomic_store(&allowed[NAMED], USUAL | VFIO);
		must(!outside_write(to, DEVICE "named/driver_override"));
		atomic_store(&allowed[NAMED], i % 2 ? USUAL : VFIO);
		must(!outside_write("named", DRIVERS "%s/unbind", from));
		must(!outside_write("named", "/bus/ring/drivers_probe"));
		/* Somebody else's probe may be under way to that. */
		while (!is_with(NAMED, to) && is_with(NAMED, NULL))
			sched_yield();
		must(is_with(NAMED, to));
	}
	return NULL;
}

/* ---- those who rob ---- */

static void *load_and_unload(void *arg)
{
	const char *name = (intptr_t)arg ? "robber1" : "robber0";
	struct device_driver robber = { .name = name, .bus = &ring, .probe = robber_probe };

	while (!atomic_load(&over)) {
		must(!driver_register(&robber));
		atomic_fetch_add(&offers, 1);
		sched_yield();
		driver_unregister(&robber);
		sched_yield();
	}
	return NULL;
}

static void *add_ids(void *arg)
{
	while (!atomic_load(&over)) {
		atomic_store(&any_id, true);
		must(!driver_attach(&ids));
		atomic_fetch_add(&offers, 1);
		atomic_store(&any_id, false);
		sched_yield();
	}
	return NULL;
}

static int attach(struct device *dev, void *data)
{
	return device_attach(dev) < 0;
}

static void *probe_for_ever(void *arg)
{
	for (int i = 0; !atomic_load(&over); i++) {
		outside_write(names[i % TOYS], "/bus/ring/drivers_probe");
		if (i % 3 == 0)
			bus_rescan_devices(&ring);
		else if (i % 3 == 1)
			bus_for_each_dev(&ring, NULL, attach);
		atomic_fetch_add(&offers, 1);
		sched_yield();
	}
	return NULL;
}

/* A device of the robbers' own, to keep them alive; with it, others are tried again. */
static void *plug_and_unplug(void *arg)
{
	struct device *dev;

	while (!atomic_load(&over)) {
		dev = fixture_added(&ring, NULL, "loose");
		sched_yield();
		device_unregister(dev);
		sched_yield();
	}
	return NULL;
}

/* Each time the write has returned nobody chooses the driver any more. */
static void *switch_on_and_off(void *arg)
{
	while (!atomic_load(&over)) {
		must(!outside_write("1", DRIVERS "switched/explicit_bind_only"));
		atomic_fetch_and(&allowed[LOOSE], ~(unsigned int)SWITCHED);
		outside_write("loose", "/bus/ring/drivers_probe");
		sched_yield();
		atomic_fetch_or(&allowed[LOOSE], SWITCHED);
		must(!outside_write("0", DRIVERS "switched/explicit_bind_only"));
		outside_write("loose", "/bus/ring/drivers_probe");
	}
	return NULL;
}

static sem_t unbound[KEPT];

static void hear(struct uevent_listener *listener, const struct uevent *ev)
{
	int nr = nr_of(strrchr(ev->devpath, '/') + 1);

	if (nr < KEPT && !strcmp(ev->action, "unbind"))
		sem_post(&unbound[nr]);
}

static struct uevent_listener hearer = { .event = hear };

/* As rules of a udevd may: "unbind" was heard, so let others have it. */
static void *answer_events(void *arg)
{
	int nr = (intptr_t)arg;

	for (;;) {
		sem_wait(&unbound[nr]);
		if (atomic_load(&over))
			return NULL;
		outside_write(names[nr], "/bus/ring/drivers_probe");
		atomic_fetch_add(&offers, 1);
	}
}

/* ---- those who look ---- */

static void *look(void *arg)
{
	const char *link, *driver;

	for (int i = 0; !atomic_load(&over); i = (i + 1) % KEPT) {
		link = outside_link(DEVICE "%s/driver", names[i]);
		driver = strrchr(link, '/');
		if (driver && strcmp(driver, "/usual") && strcmp(driver, "/vfio"))
			atomic_fetch_add(&seen_wrong, 1);
		sched_yield();
	}
	return NULL;
}

/* ---- all of them ---- */

static const struct job {
	void *(*main)(void *arg);
	void *arg;
} jobs[] = {
	{ load_and_unload, (void *)0 },
	{ load_and_unload, (void *)1 },
	{ add_ids, NULL },
	{ probe_for_ever, NULL },
	{ plug_and_unplug, NULL },
	{ switch_on_and_off, NULL },
	{ answer_events, (void *)MARKED },
	{ answer_events, (void *)MOVED },
	{ answer_events, (void *)NAMED },
	{ look, NULL },
};

static const struct job hands[KEPT] = { { hand_marked, NULL },
					{ hand_moved, NULL },
					{ hand_named, NULL } };

static struct device *kept[KEPT];

static void begin(void)
{
	static struct device_driver *const drivers[] = { &vfio, &switched, &late, &ids, &usual };

	assert_int_equal(bus_register(&ring), 0);
	assert_int_equal(outside_write("0", "/bus/ring/drivers_autoprobe"), 0);
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
		assert_int_equal(driver_register(drivers[i]), 0);
	for (int i = 0; i < KEPT; i++) {
		kept[i] = fixture_added(&ring, NULL, names[i]);
		sem_init(&unbound[i], 0, 0);
	}
	atomic_store(&allowed[MOVED], USUAL | VFIO);
	atomic_store(&allowed[NAMED], USUAL | VFIO);
	atomic_store(&allowed[LOOSE], SWITCHED | ROBBER);
	assert_int_equal(outside_write("1", DEVICE "marked/explicit_bind_only"), 0);
	assert_int_equal(outside_write("usual", DEVICE "moved/rebind"), 0);
	assert_int_equal(outside_write("usual", DEVICE "named/rebind"), 0);
	assert_int_equal(outside_write("usual", DEVICE "named/driver_override"), 0);
	assert_int_equal(outside_write("1", "/bus/ring/drivers_autoprobe"), 0);
	uevent_listener_register(&hearer);
}

static void end(void)
{
	uevent_listener_unregister(&hearer);
	for (int i = 0; i < KEPT; i++)
		device_unregister(kept[i]);
	driver_unregister(&usual);
	driver_unregister(&ids);
	driver_unregister(&late);
	driver_unregister(&switched);
	driver_unregister(&vfio);
	bus_unregister(&ring);
}

static void nobody_gets_what_he_was_not_given(void **state)
{
	pthread_t threads[ARRAY_SIZE(jobs)], handing[KEPT];

	log_set_sink(discard_line);
	begin();
	for (size_t i = 0; i < ARRAY_SIZE(jobs); i++)
		pthread_create(&threads[i], NULL, jobs[i].main, jobs[i].arg);
	for (int i = 0; i < KEPT; i++)
		pthread_create(&handing[i], NULL, hands[i].main, hands[i].arg);
	for (int i = 0; i < KEPT; i++)
		pthread_join(handing[i], NULL);
	atomic_store(&over, true);
	for (int i = 0; i < KEPT; i++)
		sem_post(&unbound[i]);
	for (size_t i = 0; i < ARRAY_SIZE(jobs); i++)
		pthread_join(threads[i], NULL);
	end();
	assert_int_equal(atomic_load(&failed), 0);
	assert_int_equal(atomic_load(&robbed), 0);
	assert_int_equal(atomic_load(&seen_wrong), 0);
	/* They have tried, and what lay around they have got. */
	print_message("%d offers, %d devices taken\n", atomic_load(&offers), atomic_load(&loot));
	assert_true(atomic_load(&offers) > 100);
	assert_true(atomic_load(&loot) > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nobody_gets_what_he_was_not_given, fixture_setup,
						fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
