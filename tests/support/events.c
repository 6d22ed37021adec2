/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "support/events.h"

static bool is_told_already(const char *var)
{
	return !strncmp(var, "ACTION=", 7) || !strncmp(var, "DEVPATH=", 8);
}

static void heard(struct uevent_listener *listener, const struct uevent *ev)
{
	struct events *events = container_of(listener, struct events, listener);
	char *const *var;

	if (events->seen)
		events->seen(events, ev);
	pthread_mutex_lock(&events->lock);
	fprintf(events->out, "%s %s", ev->action, ev->devpath);
	for (var = ev->envp; *var; var++)
		if (!is_told_already(*var))
			fprintf(events->out, " %s", *var);
	fputc('\n', events->out);
	events->number++;
	pthread_mutex_unlock(&events->lock);
}

void events_start(struct events *events)
{
	events->listener.event = heard;
	pthread_mutex_init(&events->lock, NULL);
	events->out = open_memstream(&events->text, &events->size);
	uevent_listener_register(&events->listener);
}

void events_stop(struct events *events)
{
	uevent_listener_unregister(&events->listener);
	fclose(events->out);
	free(events->text);
	pthread_mutex_destroy(&events->lock);
}

char *events_take(struct events *events)
{
	char *text;

	pthread_mutex_lock(&events->lock);
	fclose(events->out);
	text = events->text;
	events->out = open_memstream(&events->text, &events->size);
	pthread_mutex_unlock(&events->lock);
	return text;
}

void events_copy(struct events *events, char *buf, size_t size)
{
	pthread_mutex_lock(&events->lock);
	fflush(events->out);
	snprintf(buf, size, "%s", events->text);
	pthread_mutex_unlock(&events->lock);
}

unsigned int events_number(struct events *events)
{
	unsigned int number;

	pthread_mutex_lock(&events->lock);
	number = events->number;
	pthread_mutex_unlock(&events->lock);
	return number;
}
