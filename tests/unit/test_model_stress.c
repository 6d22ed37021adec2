/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Many threads do to one bus whatever can be done to it, for a fixed number of rounds. What is
 * wanted is that nothing is reported by a sanitizer, nothing hangs, nothing is left, and that the
 * model's promises about probe() and remove() hold at every moment.
 */
#include "cmocka_umdev.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#include <umdev/device.h>
#include <umdev/publish.h>

#include "model/base.h"
#include "support/outside.h"

#define ROUNDS	3000
#define NAMES	6 /* below 10 */
#define DRIVERS 3

/* A device whose name ends in an odd digit defers until it was asked a few times. */
struct busy {
	struct device dev;
	_Atomic(struct device_driver *)
		bound; /* the one whose probe() succeeded and remove() did not run */
	_Atomic int asked;
	struct device *child; /* made by probe(); under the device's lock */
};

static atomic_int alive;
static atomic_int broken;
static atomic_int bindings;

static struct busy *to_busy(struct device *dev)
{
	return container_of(dev, struct busy, dev);
}

static void broke(const char *what, int line)
{
	if (!atomic_fetch_add(&broken, 1))
		print_error("line %d: not so: %s\n", line, what);
}

#define promise(what) ((what) ? (void)0 : broke(#what, __LINE__))

static int busy_match(struct device *dev, struct device_driver *drv)
{
	/* Children have a bus too, but no driver. */
	return dev->parent ? 0 : drv->name[3] != 'x';
}

static int busy_uevent(struct device *dev, struct kobj_uevent_env *env)
{
	return add_uevent_var(env, "BUSY=%s", dev_name(dev));
}

static ssize_t state_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n", atomic_load(&to_busy(dev)->asked));
}
static DEVICE_ATTR_RO(state);

static struct attribute *busy_attrs[] = { &dev_attr_state.attr, NULL };
ATTRIBUTE_GROUPS(busy);

static ssize_t bound_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	promise(atomic_load(&to_busy(dev)->bound));
	return sysfs_emit(buf, "yes\n");
}
static DEVICE_ATTR_RO(bound);

static struct attribute *bound_attrs[] = { &dev_attr_bound.attr, NULL };
ATTRIBUTE_GROUPS(bound);

static struct bus_type busy_bus = {
	.name = "busy",
	.dev_groups = busy_groups,
	.match = busy_match,
	.uevent = busy_uevent,
	.has_driver_override = true,
};

static void child_release(struct device *dev)
{
	atomic_fetch_sub(&alive, 1);
	free(dev);
}

static struct device *make_child(struct device *parent)
{
	struct device *child = calloc(1, sizeof(*child));

	atomic_fetch_add(&alive, 1);
	child->parent = parent;
	child->bus = &busy_bus;
	child->release = child_release;
	device_initialize(child);
	dev_set_name(child, "%s-child", dev_name(parent));
	if (device_add(child)) {
		promise(false);
		put_device(child);
		return NULL;
	}
	return child;
}

static int busy_probe(struct device *dev)
{
	struct busy *busy = to_busy(dev);
	struct device_driver *nobody = NULL;
	int asked = atomic_fetch_add(&busy->asked, 1);
	size_t len = strlen(dev_name(dev));

	promise(dev->driver);
	if ((dev_name(dev)[len - 1] - '0') % 2 && asked % 3 == 0)
		return -EPROBE_DEFER;
	if (asked % 7 == 6)
		return -EIO;
	promise(atomic_compare_exchange_strong(&busy->bound, &nobody, dev->driver));
	atomic_fetch_add(&bindings, 1);
	busy->child = make_child(dev);
	dev_set_drvdata(dev, busy);
	return 0;
}

static void busy_remove(struct device *dev)
{
	struct busy *busy = to_busy(dev);

	promise(dev_get_drvdata(dev) == busy);
	if (busy->child)
		device_unregister(busy->child);
	busy->child = NULL;
	promise(atomic_exchange(&busy->bound, NULL) == dev->driver);
}

static void busy_release(struct device *dev)
{
	promise(!atomic_load(&to_busy(dev)->bound));
	promise(!dev->driver);
	atomic_fetch_sub(&alive, 1);
	free(to_busy(dev));
}

static unsigned int next_random(unsigned int *seed)
{
	*seed = *seed * 1103515245 + 12345;
	return *seed >> 16;
}

/* A device that is added, in a publication of its own if @outer; NULL if its name was taken. */
static struct busy *make_busy(unsigned int nr, bool outer)
{
	struct busy *busy = calloc(1, sizeof(*busy));
	int err;

	atomic_fetch_add(&alive, 1);
	busy->dev.bus = &busy_bus;
	busy->dev.release = busy_release;
	device_initialize(&busy->dev);
	dev_set_name(&busy->dev, "dev%u", nr);
	if (outer)
		publish_begin();
	err = device_add(&busy->dev);
	if (outer && err)
		publish_abort();
	else if (outer)
		publish_commit();
	if (!err)
		return busy;
	promise(err == -EEXIST);
	put_device(&busy->dev);
	return NULL;
}

static void *add_and_delete(void *arg)
{
	unsigned int seed = (uintptr_t)arg;
	struct busy *mine[3] = { NULL }, **one;

	for (int i = 0; i < ROUNDS + (int)ARRAY_SIZE(mine); i++) {
		one = &mine[i % ARRAY_SIZE(mine)];
		if (*one) {
			if (next_random(&seed) % 2)
				device_release_driver(&(*one)->dev);
			device_del(&(*one)->dev);
			promise(!atomic_load(&(*one)->bound));
			put_device(&(*one)->dev);
			*one = NULL;
		}
		if (i < ROUNDS)
			*one = make_busy(next_random(&seed) % NAMES, next_random(&seed) % 3 == 0);
		sched_yield();
	}
	return NULL;
}

static void *register_and_unregister(void *arg)
{
	static const char *const names[DRIVERS] = { "drv0", "drv1", "drvx" };
	struct device_driver drv = { .name = names[(uintptr_t)arg],
				     .bus = &busy_bus,
				     .probe = busy_probe,
				     .remove = busy_remove,
				     .dev_groups = bound_groups };

	for (int i = 0; i < ROUNDS; i++) {
		promise(!driver_register(&drv));
		promise(driver_find(drv.name, &busy_bus) == &drv);
		for (int j = 0; j < 3; j++)
			sched_yield();
		driver_unregister(&drv);
		promise(!driver_find(drv.name, &busy_bus));
	}
	return NULL;
}

/* Reads and writes what a tool could. */
static void *use_files(void *arg)
{
	static const char *const drivers[] = { "drv0", "drv1", "drvx", "nosuch" };
	unsigned int seed = (uintptr_t)arg;
	char name[16];

	for (int i = 0; i < 4 * ROUNDS; i++) {
		const char *driver = drivers[next_random(&seed) % ARRAY_SIZE(drivers)];
		unsigned int nr = next_random(&seed) % NAMES;

		snprintf(name, sizeof(name), "dev%u\n", nr);
		switch (next_random(&seed) % 9) {
		case 0:
			outside_write(name, "/bus/busy/drivers/%s/bind", driver);
			break;
		case 1:
			outside_write(name, "/bus/busy/drivers/%s/unbind", driver);
			break;
		case 2:
			outside_write(name, "/bus/busy/drivers_probe");
			break;
		case 3:
			outside_write(i % 2 ? "\n" : driver, "/devices/dev%u/driver_override", nr);
			break;
		case 4:
			outside_write(i % 2 ? "0" : "1", "/devices/dev%u/explicit_bind_only", nr);
			break;
		case 5:
			outside_read("/devices/dev%u/uevent", nr);
			outside_read("/devices/dev%u/state", nr);
			break;
		case 6:
			outside_read("/devices/dev%u/bound", nr);
			break;
		case 7:
			outside_write("change", "/devices/dev%u/uevent", nr);
			break;
		case 8:
			outside_list("/bus/busy/devices");
			outside_link("/devices/dev%u/driver", nr);
			break;
		}
	}
	return NULL;
}

/* What the events have told of the device at each path; under the lock of the uevents. */
static struct told {
	bool there;
	bool bound;
} told[2 * NAMES];

static void hear(struct uevent_listener *listener, const struct uevent *ev)
{
	unsigned int nr;
	char rest[16] = "";
	struct told *it;

	if (sscanf(ev->devpath, "/devices/dev%u%15s", &nr, rest) < 1)
		return;
	it = &told[2 * nr + (*rest != 0)];
	if (!strcmp(ev->action, "add")) {
		promise(!it->there && !it->bound);
		/* A child may have gone with its parent's driver while the parent was hidden. */
		promise(*rest || outside_exists("%s/subsystem", ev->devpath));
		it->there = true;
	} else if (!strcmp(ev->action, "bind")) {
		promise(it->there && !it->bound);
		it->bound = true;
	} else if (!strcmp(ev->action, "unbind")) {
		promise(it->there && it->bound);
		it->bound = false;
	} else if (!strcmp(ev->action, "remove")) {
		promise(it->there && !it->bound);
		promise(*rest || !outside_exists("%s", ev->devpath));
		it->there = false;
	}
}

static struct uevent_listener hearer = { .event = hear };

static int look_at(struct device *dev, void *data)
{
	promise(dev->bus == &busy_bus);
	device_is_bound(dev);
	dev_printk(LOG_LEVEL_DEBUG, dev, "looked at");
	return 0;
}

static void *walk(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		bus_for_each_dev(&busy_bus, NULL, look_at);
		bus_rescan_devices(&busy_bus);
		put_device(bus_find_device_by_name(&busy_bus, "dev1"));
	}
	return NULL;
}

static void all_at_once_break_nothing(void **state)
{
	static const struct {
		void *(*main)(void *arg);
		uintptr_t arg;
	} jobs[] = {
		{ add_and_delete, 1 },
		{ add_and_delete, 2 },
		{ add_and_delete, 3 },
		{ register_and_unregister, 0 },
		{ register_and_unregister, 1 },
		{ register_and_unregister, 2 },
		{ use_files, 11 },
		{ use_files, 12 },
		{ use_files, 13 },
		{ walk, 0 },
	};
	pthread_t threads[ARRAY_SIZE(jobs)];

	log_set_level(LOG_LEVEL_ERR - 1);
	assert_int_equal(bus_register(&busy_bus), 0);
	uevent_listener_register(&hearer);
	for (size_t i = 0; i < ARRAY_SIZE(jobs); i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, jobs[i].main, (void *)jobs[i].arg), 0);
	for (size_t i = 0; i < ARRAY_SIZE(jobs); i++)
		pthread_join(threads[i], NULL);
	wait_for_device_probe();
	uevent_listener_unregister(&hearer);

	assert_string_equal(outside_list("/bus/busy/devices"), "");
	assert_string_equal(outside_list("/bus/busy/drivers"), "");
	assert_string_equal(outside_list("/devices"), "virtual ");
	bus_unregister(&busy_bus);
	model_exit();
	assert_int_equal(atomic_load(&broken), 0);
	assert_true(atomic_load(&bindings) > ROUNDS / 10);
	for (size_t i = 0; i < ARRAY_SIZE(told); i++)
		assert_false(told[i].there);
	assert_int_equal(atomic_load(&alive), 0);
	assert_string_equal(outside_list("/"), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_at_once_break_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
