/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Remembers uevents as lines of text: "add /devices/x SUBSYSTEM=mdev KEY=VALUE". */
#ifndef TESTS_SUPPORT_EVENTS_H
#define TESTS_SUPPORT_EVENTS_H

#include <pthread.h>
#include <stdio.h>
#include <umdev/uevent.h>

/**
 * struct events - a listener and what it heard
 * @listener: umdev's
 * @seen:     called for each event, before it is entered; optional, set before events_start()
 * @lock:     guards the rest
 * @out:      prints into @text
 * @number:   of events heard
 */
struct events {
	struct uevent_listener listener;
	void (*seen)(struct events *events, const struct uevent *ev);
	pthread_mutex_t lock;
	FILE *out;
	char *text;
	size_t size;
	unsigned int number;
};

/** events_start - listen from now on. @events is zeroed but for @seen. */
void events_start(struct events *events);
/** events_stop - the reverse. */
void events_stop(struct events *events);
/** events_take - what was heard since the last time, a line for each; to free(). */
char *events_take(struct events *events);

/** events_copy - the same into @buf, cut off where it ends, and keep it. */
void events_copy(struct events *events, char *buf, size_t size);
/** events_number - how many events were heard since the start. */
unsigned int events_number(struct events *events);

#endif
