/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Modules that are asked for by somebody who can't wait for them: loaded by a thread, in order. */
#include <errno.h>
#include <pthread.h>

#include <umdev/log.h>
#include <umdev/uevent.h>
#include <umdev/thread.h>

#include "model/alloc.h"
#include "model/module_internal.h"

struct wish {
	struct list_head list;
	char name[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static LIST_HEAD(wishes); /* all under lock */
static pthread_t loader;
static bool runs;
static bool ends;

static void *loader_main(void *arg)
{
	struct wish *wish;

	pthread_mutex_lock(&lock);
	while (!ends) {
		if (list_empty(&wishes)) {
			pthread_cond_wait(&changed, &lock);
			continue;
		}
		wish = list_first_entry(&wishes, struct wish, list);
		list_del_init(&wish->list);
		pthread_mutex_unlock(&lock);
		request_module(wish->name);
		free(wish);
		pthread_mutex_lock(&lock);
	}
	pthread_mutex_unlock(&lock);
	return NULL;
}

int request_module_nowait(const char *name)
{
	struct wish *wish = zalloc(sizeof(*wish) + strlen(name) + 1);
	int err = 0;

	if (!wish)
		return -ENOMEM;
	strcpy(wish->name, name);
	pthread_mutex_lock(&lock);
	if (!runs) {
		ends = false;
		err = fault_point() ? -EAGAIN
				    : umdev_thread_start(&loader, NULL, loader_main, NULL);
		runs = !err;
	}
	if (!err) {
		list_add_tail(&wish->list, &wishes);
		pthread_cond_signal(&changed);
	}
	pthread_mutex_unlock(&lock);
	if (!err)
		return 0;
	pr_err("no thread to load \"%s\"", name);
	free(wish);
	return err;
}

void module_requests_finish(void)
{
	struct wish *wish, *next;
	bool ran;

	pthread_mutex_lock(&lock);
	ran = runs;
	ends = true;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
	if (!ran)
		return;
	pthread_join(loader, NULL);
	pthread_mutex_lock(&lock);
	list_for_each_entry_safe (wish, next, &wishes, list)
		free(wish);
	INIT_LIST_HEAD(&wishes);
	runs = false;
	pthread_mutex_unlock(&lock);
}
