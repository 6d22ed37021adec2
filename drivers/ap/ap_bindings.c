/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Have all queues a driver? Who waits for that hears of it: BINDINGS=complete, once each time that
 * it becomes so. Behaviour: Linux 7.3 drivers/s390/crypto/ap_bus.c.
 */
#include <stdio.h>

#include "ap_bus.h"

/**
 * struct bindings - what is known of it
 * @lock:     for all that follows
 * @changes:  how often it was no longer sure that all are bound
 * @complete: it was found so, and told, since then
 * @times:    how often it was told
 */
static struct bindings {
	pthread_mutex_t lock;
	uint64_t changes;
	bool complete;
	uint64_t times;
} bindings = { .lock = PTHREAD_MUTEX_INITIALIZER };

void ap_bindings_init(void)
{
	bindings.complete = false;
	bindings.times = 0;
}

void ap_bindings_incomplete(void)
{
	pthread_mutex_lock(&bindings.lock);
	bindings.changes++;
	bindings.complete = false;
	pthread_mutex_unlock(&bindings.lock);
}

struct counts {
	unsigned int queues;
	unsigned int bound;
};

static int count_queue(struct device *dev, void *data)
{
	struct counts *counts = data;

	if (is_queue_dev(dev)) {
		counts->queues++;
		counts->bound += device_is_bound(dev);
	}
	return 0;
}

uint64_t ap_bindings_count(unsigned int *queues, unsigned int *bound)
{
	struct counts counts = { 0 };
	uint64_t times;

	bus_for_each_dev(&ap_bus_type, &counts, count_queue);
	*queues = counts.queues;
	*bound = counts.bound;
	pthread_mutex_lock(&bindings.lock);
	times = bindings.times;
	pthread_mutex_unlock(&bindings.lock);
	return times;
}

static void tell(uint64_t times)
{
	char what[] = "BINDINGS=complete", count[40];
	char *envp[] = { what, count, NULL };

	snprintf(count, sizeof(count), "COMPLETECOUNT=%" PRIu64, times);
	ap_root_uevent(envp);
}

void ap_bindings_check(void)
{
	unsigned int queues, bound;
	uint64_t before, times = 0;

	if (!ap_scan_count())
		return;
	pthread_mutex_lock(&bindings.lock);
	before = bindings.changes;
	pthread_mutex_unlock(&bindings.lock);
	ap_bindings_count(&queues, &bound);
	if (bound != queues)
		return;
	pthread_mutex_lock(&bindings.lock);
	/* What has changed while it was counted, the next one sees. */
	if (before == bindings.changes && !bindings.complete) {
		bindings.complete = true;
		times = ++bindings.times;
	}
	pthread_mutex_unlock(&bindings.lock);
	if (times)
		tell(times);
}
