/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Probes that are to be tried again because something that they need was not there yet.
 * Behaviour: Linux 6.1 drivers/base/dd.c.
 *
 * A device waits on the list "pending" until anything is bound; then all that wait move to "due"
 * and the worker tries one after the other. Devices hold no reference while on a list: device_del()
 * takes them off, and nobody enters a device that is not added.
 */
#include <errno.h>
#include <string.h>
#include <umdev/thread.h>

#include "model/alloc.h"
#include "model/base.h"

static pthread_mutex_t deferred_lock = PTHREAD_MUTEX_INITIALIZER;
/* Signalled when something is due, when the worker has to end, and when a probe is over. */
static pthread_cond_t deferred_changed = PTHREAD_COND_INITIALIZER;

/* All under deferred_lock. */
static LIST_HEAD(pending);
static LIST_HEAD(due);
static uint64_t triggers;   /* how often something was bound or registered */
static unsigned int probes; /* that run at this moment, the worker's tries included */
static pthread_t worker;
static bool worker_runs;
static bool worker_ends;

/* Those of the triggers that this thread caused. */
static __thread uint64_t own_triggers;

static void try_again(struct device *dev)
{
	/* What a publication still hides is tried by its publisher when it is shown. */
	if (device_is_visible(dev))
		bus_probe_device(dev);
}

static void *worker_main(void *arg)
{
	struct device *dev;

	pthread_mutex_lock(&deferred_lock);
	while (!worker_ends) {
		if (list_empty(&due)) {
			pthread_cond_wait(&deferred_changed, &deferred_lock);
			continue;
		}
		dev = list_first_entry(&due, struct device_private, deferred)->device;
		list_del_init(&dev->p->deferred);
		get_device(dev);
		probes++;
		pthread_mutex_unlock(&deferred_lock);

		try_again(dev);
		put_device(dev);

		pthread_mutex_lock(&deferred_lock);
		probes--;
		pthread_cond_broadcast(&deferred_changed);
	}
	pthread_mutex_unlock(&deferred_lock);
	return NULL;
}

/* Under deferred_lock. Without a thread what is due waits for the next trigger. */
static void wake_worker(void)
{
	int err;

	if (!worker_runs) {
		err = fault_point() ? -EAGAIN
				    : umdev_thread_start(&worker, NULL, worker_main, NULL);
		if (err) {
			pr_err("no thread for deferred probes: %s", strerror(-err));
			return;
		}
		worker_runs = true;
	}
	pthread_cond_broadcast(&deferred_changed);
}

static void list_move_all(struct list_head *from, struct list_head *to)
{
	struct list_head *entry;

	while (!list_empty(from)) {
		entry = from->next;
		list_del_init(entry);
		list_add_tail(entry, to);
	}
}

static void make_due(void)
{
	list_move_all(&pending, &due);
	if (!list_empty(&due))
		wake_worker();
}

void deferred_del(struct device *dev)
{
	pthread_mutex_lock(&deferred_lock);
	list_del_init(&dev->p->deferred);
	pthread_cond_broadcast(&deferred_changed);
	pthread_mutex_unlock(&deferred_lock);
}

void deferred_kick(struct device *dev)
{
	pthread_mutex_lock(&deferred_lock);
	/* Read under the lock that device_del() takes later in order to take it off the list. */
	if (device_is_added(dev)) {
		list_del_init(&dev->p->deferred);
		list_add_tail(&dev->p->deferred, &due);
		wake_worker();
	}
	pthread_mutex_unlock(&deferred_lock);
}

void deferred_trigger(void)
{
	pthread_mutex_lock(&deferred_lock);
	triggers++;
	own_triggers++;
	make_due();
	pthread_mutex_unlock(&deferred_lock);
}

/*
 * Triggers so far that others caused. What a probe itself binds (children) can't be what it has
 * missed; were it counted, a driver that adds children and then defers would be tried for ever.
 */
static uint64_t foreign_triggers(void)
{
	return triggers - own_triggers;
}

uint64_t deferred_probe_begin(void)
{
	uint64_t begun;

	pthread_mutex_lock(&deferred_lock);
	begun = foreign_triggers();
	probes++;
	pthread_mutex_unlock(&deferred_lock);
	return begun;
}

void deferred_probe_end(struct device *dev, uint64_t begun, bool deferred)
{
	pthread_mutex_lock(&deferred_lock);
	if (deferred && list_empty(&dev->p->deferred))
		list_add_tail(&dev->p->deferred, &pending);
	if (deferred && begun != foreign_triggers())
		make_due();
	probes--;
	pthread_cond_broadcast(&deferred_changed);
	pthread_mutex_unlock(&deferred_lock);
}

void wait_for_device_probe(void)
{
	pthread_mutex_lock(&deferred_lock);
	while (probes || (worker_runs && !list_empty(&due)))
		pthread_cond_wait(&deferred_changed, &deferred_lock);
	pthread_mutex_unlock(&deferred_lock);
}

void deferred_exit(void)
{
	bool runs;

	pthread_mutex_lock(&deferred_lock);
	runs = worker_runs;
	worker_ends = true;
	pthread_cond_broadcast(&deferred_changed);
	pthread_mutex_unlock(&deferred_lock);
	if (runs)
		pthread_join(worker, NULL);
	pthread_mutex_lock(&deferred_lock);
	worker_runs = false;
	worker_ends = false;
	pthread_mutex_unlock(&deferred_lock);
}
