/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <umdev/log.h>
#include <umdev/module.h>
#include <umdev/uevent.h>

#include "umdevd/autoload.h"

struct wish {
	struct list_head list;
	char alias[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static LIST_HEAD(wishes); /* under lock */
static bool ending;	  /* under lock */
static bool started;
static pthread_t loader;

static const char *event_alias(const struct uevent *ev)
{
	char *const *var;

	for (var = ev->envp; *var; var++)
		/* What a device tree says must not become the path of a file. */
		if (strncmp(*var, "MODALIAS=", 9) == 0 && (*var)[9] && !strchr(*var, '/'))
			return *var + 9;
	return NULL;
}

/* A listener must not load anything itself: that sends events. */
static void autoload_event(struct uevent_listener *listener, const struct uevent *ev)
{
	const char *alias = strcmp(ev->action, "add") == 0 ? event_alias(ev) : NULL;
	struct wish *wish;

	if (!alias)
		return;
	wish = malloc(sizeof(*wish) + strlen(alias) + 1);
	if (!wish) {
		pr_warn("no memory to load a module for %s", ev->devpath);
		return;
	}
	strcpy(wish->alias, alias);
	pthread_mutex_lock(&lock);
	list_add_tail(&wish->list, &wishes);
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
}

static struct uevent_listener listener = { .event = autoload_event };

static void *loader_thread(void *data)
{
	struct wish *wish;

	pthread_mutex_lock(&lock);
	while (!ending) {
		if (list_empty(&wishes)) {
			pthread_cond_wait(&changed, &lock);
			continue;
		}
		wish = list_first_entry(&wishes, struct wish, list);
		list_del_init(&wish->list);
		pthread_mutex_unlock(&lock);
		request_module(wish->alias);
		free(wish);
		pthread_mutex_lock(&lock);
	}
	pthread_mutex_unlock(&lock);
	return NULL;
}

int autoload_start(void)
{
	int err;

	ending = false;
	err = pthread_create(&loader, NULL, loader_thread, NULL);
	if (err) {
		pr_err("can't start a thread: %s", strerror(err));
		return -err;
	}
	uevent_listener_register(&listener);
	started = true;
	return 0;
}

void autoload_stop(void)
{
	struct wish *wish, *next;

	if (!started)
		return;
	uevent_listener_unregister(&listener);
	pthread_mutex_lock(&lock);
	ending = true;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
	pthread_join(loader, NULL);
	list_for_each_entry_safe (wish, next, &wishes, list)
		free(wish);
	INIT_LIST_HEAD(&wishes);
	started = false;
}
