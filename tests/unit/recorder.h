/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A listener that writes down the events as they reach it and misses none of their numbers.
 */
#ifndef UMDEV_TESTS_RECORDER_H
#define UMDEV_TESTS_RECORDER_H

#include "cmocka_umdev.h"

#include <stdio.h>

#include <umdev/uevent.h>

/* Writes down the events that it hears as lines "add@/path KEY=VALUE ...". */
struct recorder {
	struct uevent_listener listener;
	char text[16384];
	uint64_t last_seqnum;
	unsigned int gaps; /* sequence numbers that did not follow each other */
};

static inline void record_event(struct uevent_listener *listener, const struct uevent *ev)
{
	struct recorder *r = container_of(listener, struct recorder, listener);
	size_t len = strlen(r->text);

	if (r->last_seqnum && ev->seqnum != r->last_seqnum + 1)
		r->gaps++;
	r->last_seqnum = ev->seqnum;
	len += snprintf(r->text + len, sizeof(r->text) - len, "%s@%s", ev->action, ev->devpath);
	for (char *const *var = ev->envp + 3; *var && len < sizeof(r->text); var++)
		len += snprintf(r->text + len, sizeof(r->text) - len, " %s", *var);
	if (len < sizeof(r->text))
		snprintf(r->text + len, sizeof(r->text) - len, "\n");
}

static inline void recorder_start(struct recorder *r)
{
	memset(r, 0, sizeof(*r));
	r->listener.event = record_event;
	uevent_listener_register(&r->listener);
}

static inline void recorder_stop(struct recorder *r)
{
	uevent_listener_unregister(&r->listener);
}

/* The recorder of a test, which starts it in its setup. */
static struct recorder rec;

/* Its teardown. */
static inline int recorder_end(void **state)
{
	recorder_stop(&rec);
	assert_int_equal(rec.gaps, 0);
	return 0;
}

/* What was heard since the last time. */
static inline void assert_heard(const char *expected)
{
	assert_string_equal(rec.text, expected);
	rec.text[0] = '\0';
}

#endif
