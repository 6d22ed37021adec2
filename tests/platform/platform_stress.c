/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All at once: an overlay comes and goes, hardware comes and goes, a driver comes and goes, devices
 * are bound, unbound and moved, interrupts storm, and others look on. For sanitizers; at the end
 * nothing is left. UMDEV_TEST_BLOBS is the directory with stress.dtb.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <umdev/log.h>
#include <umdev/platform.h>
#include <umdev/umdev.h>

#include "support/outside.h"

#define BUS    "/bus/platform"
#define ROUNDS 150

static atomic_bool ends;
static atomic_uint overlays_made, probes, handled;

static void check(bool good, const char *what, long value)
{
	if (good)
		return;
	fprintf(stderr, "platform_stress: %s: %ld\n", what, value);
	abort();
}

/* ---- hardware with a thread that raises interrupts and copies memory ---- */

struct engine {
	struct platform_hw *hw;
	pthread_t thread;
	atomic_bool ends;
	pthread_mutex_t lock;
	uint32_t value; /* under lock */
};

static void *engine_main(void *arg)
{
	struct engine *e = arg;
	unsigned int n = 0;
	char byte = 0;

	while (!atomic_load(&e->ends)) {
		platform_hw_set_irq(e->hw, n % 2, true);
		platform_hw_set_irq(e->hw, n % 2, false);
		platform_hw_dma_rw(e->hw, 0x10000000 + n % 8192, &byte, 1, n % 3);
		if (++n % 64 == 0)
			sched_yield();
	}
	return NULL;
}

static int engine_create(struct platform_hw *hw)
{
	struct engine *e = calloc(1, sizeof(*e));

	check(e && hw->pdev->num_irqs == 2, "create", hw->pdev->num_irqs);
	e->hw = hw;
	pthread_mutex_init(&e->lock, NULL);
	hw->data = e;
	check(!pthread_create(&e->thread, NULL, engine_main, e), "thread", 0);
	return 0;
}

static void engine_destroy(struct platform_hw *hw)
{
	struct engine *e = hw->data;

	atomic_store(&e->ends, true);
	pthread_join(e->thread, NULL);
	pthread_mutex_destroy(&e->lock);
	free(e);
}

static uint64_t engine_read(struct platform_hw *hw, unsigned int region, uint64_t offset,
			    unsigned int size)
{
	struct engine *e = hw->data;
	uint32_t value;

	pthread_mutex_lock(&e->lock);
	value = e->value++;
	pthread_mutex_unlock(&e->lock);
	return value;
}

static void engine_write(struct platform_hw *hw, unsigned int region, uint64_t offset,
			 uint64_t value, unsigned int size)
{
}

static ssize_t engine_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct platform_device *pdev = to_platform_device(dev);

	check(platform_hw_of_device(pdev), "attribute without hardware", 0);
	return sysfs_emit(buf, "%u\n", platform_readl(pdev, 0, 0));
}
static struct device_attribute dev_attr_engine = __ATTR(engine, 0444, engine_show, NULL);
static struct attribute *engine_attrs[] = { &dev_attr_engine.attr, NULL };
ATTRIBUTE_GROUPS(engine);

static const char *const engine_compatible[] = { "test,engine", NULL };
static const struct platform_hw_ops engine = {
	.name = "engine",
	.compatible = engine_compatible,
	.create = engine_create,
	.destroy = engine_destroy,
	.read = engine_read,
	.write = engine_write,
	.groups = engine_groups,
};

/* ---- drivers ---- */

struct binding {
	struct platform_device *pdev;
	void *mem;
	unsigned int edges; /* of the listener's line, under its lock */
};

static void handle(void *data, unsigned int irq)
{
	struct binding *b = data;

	platform_readl(b->pdev, 0, 0);
	atomic_fetch_add(&handled, 1);
}

static void hear(void *data, unsigned int irq, bool level)
{
	((struct binding *)data)->edges++;
}

static int take(struct platform_device *pdev)
{
	struct binding *b = calloc(1, sizeof(*b));
	uint64_t addr;

	atomic_fetch_add(&probes, 1);
	b->pdev = pdev;
	check(platform_hw_of_device(pdev), "bound without hardware", 0);
	b->mem = dma_alloc_coherent(pdev, 8192, &addr);
	check(b->mem && addr == 0x10000000, "coherent memory", (long)addr);
	check(!platform_request_threaded_irq(pdev, 0, handle, b), "request", 0);
	check(!platform_listen_irq(pdev, 1, hear, b), "listen", 0);
	platform_set_drvdata(pdev, b);
	return 0;
}

static void let_go(struct platform_device *pdev)
{
	struct binding *b = platform_get_drvdata(pdev);

	platform_free_irq(pdev, 0);
	platform_free_irq(pdev, 1);
	dma_free_coherent(pdev, b->mem);
	free(b);
}

static const struct of_device_id engine_match[] = { { "test,engine", NULL }, { NULL, NULL } };
static struct platform_driver stays = {
	.probe = take,
	.remove = let_go,
	.of_match_table = engine_match,
	.driver = { .name = "stays" },
};
static struct platform_driver comes = {
	.probe = take,
	.remove = let_go,
	.of_match_table = engine_match,
	.driver = { .name = "comes" },
};

/* ---- what runs at once, each until the end ---- */

static void *change_overlay(void *arg)
{
	char text[4096];
	ssize_t err;
	int i;

	snprintf(text, sizeof(text), "stress %s/stress.dtb", getenv("UMDEV_TEST_BLOBS"));
	for (i = 0; i < ROUNDS; i++) {
		err = outside_write(text, BUS "/add_overlay");
		check(!err, "add_overlay", err);
		atomic_fetch_add(&overlays_made, 1);
		err = outside_write("stress", BUS "/remove_overlay");
		check(!err, "remove_overlay", err);
	}
	atomic_store(&ends, true);
	return NULL;
}

static void *change_driver(void *arg)
{
	while (!atomic_load(&ends)) {
		check(!platform_driver_register(&comes), "driver", 0);
		outside_write("test,other", BUS "/drivers/comes/new_id");
		platform_driver_unregister(&comes);
	}
	return NULL;
}

static void *change_hardware(void *arg)
{
	while (!atomic_load(&ends)) {
		check(!platform_hw_register(&engine), "hardware", 0);
		sched_yield();
		platform_hw_unregister(&engine);
	}
	check(!platform_hw_register(&engine), "hardware", 0);
	return NULL;
}

static void *change_bindings(void *arg)
{
	static const char *const names[] = { "1000.engine", "2000.engine", "3000.engine" };
	unsigned int n = 0;
	const char *name;

	while (!atomic_load(&ends)) {
		name = names[n++ % ARRAY_SIZE(names)];
		outside_write(name, BUS "/drivers/stays/unbind");
		outside_write(name, BUS "/drivers/stays/bind");
		outside_write("comes", BUS "/devices/%s/rebind", name);
		outside_write("stays", BUS "/devices/%s/rebind", name);
		outside_write(name, BUS "/drivers_probe");
	}
	return NULL;
}

static void *look_on(void *arg)
{
	while (!atomic_load(&ends)) {
		outside_read(BUS "/overlays");
		outside_read(BUS "/devices/2000.engine/uevent");
		outside_read(BUS "/devices/2000.engine/modalias");
		outside_read(BUS "/devices/2000.engine/engine");
		outside_read(BUS "/devices/2000.engine/of_node/compatible");
		outside_list(BUS "/devices");
	}
	return NULL;
}

int main(void)
{
	static void *(*const all[])(void *) = { change_overlay, change_driver, change_hardware,
						change_bindings, look_on };
	pthread_t threads[ARRAY_SIZE(all)];
	size_t i;

	log_set_sink(discard_line);
	check(!umdev_start(), "start", 0);
	check(!platform_driver_register(&stays), "driver", 0);
	for (i = 0; i < ARRAY_SIZE(all); i++)
		check(!pthread_create(&threads[i], NULL, all[i], NULL), "thread", 0);
	for (i = 0; i < ARRAY_SIZE(all); i++)
		pthread_join(threads[i], NULL);
	check(!strcmp(outside_list(BUS "/devices"), ""), "devices are left", 0);
	platform_hw_unregister(&engine);
	platform_driver_unregister(&stays);
	umdev_stop();
	check(!strcmp(outside_list("/"), ""), "something is left", 0);
	printf("%u overlays, %u probes, %u interrupts handled\n", overlays_made, probes, handled);
	check(overlays_made == ROUNDS && probes && handled, "something has not happened", probes);
	return 0;
}
