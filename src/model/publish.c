/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <umdev/log.h>
#include <umdev/publish.h>

#include "model/kernfs.h"
#include "model/publish_work.h"
#include "model/uevent_internal.h"

/*
 * Guards the events of all publications, and that one ends while another thread adds to it.
 * Inside the lock of the uevents, outside of the tree's.
 */
static pthread_mutex_t publish_lock = PTHREAD_MUTEX_INITIALIZER;

/* What this thread keeps back. */
static __thread struct publication {
	_Atomic unsigned int depth; /* grows without a lock, shrinks under publish_lock */
	struct kernfs_hidden hidden;
	struct list_head events; /* struct uevent_record, in their order; under publish_lock */
	struct list_head works;	 /* struct publish_work, in their order; its thread's alone */
} pub;

void publish_begin(void)
{
	if (!pub.depth) {
		INIT_LIST_HEAD(&pub.events);
		INIT_LIST_HEAD(&pub.works);
		kernfs_set_hiding(&pub.hidden);
	}
	pub.depth++;
}

bool publish_hold(struct uevent_record *record, struct kernfs_node *dir)
{
	struct kernfs_hidden *hidden;
	struct publication *holder;
	bool held;

	pthread_mutex_lock(&publish_lock);
	hidden = kernfs_hidden_by(dir);
	/*
	 * Nobody hears of an object before its "add", not even of what another thread does to it.
	 */
	holder = hidden ? container_of(hidden, struct publication, hidden) : &pub;
	/* From the unlock on the record is the holder's, who may send and free it. */
	record->level = holder->depth;
	held = record->level > 0;
	if (held)
		list_add_tail(&record->list, &holder->events);
	pthread_mutex_unlock(&publish_lock);
	return held;
}

void publish_on_end(struct publish_work *work)
{
	if (!pub.depth) {
		work->fn(work, true);
		return;
	}
	work->level = pub.depth;
	list_add_tail(&work->list, &pub.works);
}

void publish_suspend(void)
{
	kernfs_set_hiding(NULL);
}

void publish_resume(void)
{
	if (pub.depth)
		kernfs_set_hiding(&pub.hidden);
}

/* Move to @over the works of the level that is about to end and of those in it. */
static void collect_works(struct list_head *over)
{
	struct publish_work *work, *next;

	list_for_each_entry_safe (work, next, &pub.works, list) {
		if (work->level < pub.depth)
			continue;
		list_del_init(&work->list);
		list_add_tail(&work->list, over);
	}
}

static void run_works(struct list_head *over, bool shown)
{
	struct publish_work *work;

	while (!list_empty(over)) {
		work = list_first_entry(over, struct publish_work, list);
		list_del_init(&work->list);
		work->fn(work, shown);
	}
}

/* Let the outside see what this thread has made. */
static void show_all(void)
{
	kernfs_set_hiding(NULL);
	kernfs_show_hidden(&pub.hidden);
	pub.depth = 0;
}

static void take_events(struct list_head *events)
{
	struct uevent_record *record;

	while (!list_empty(&pub.events)) {
		record = list_first_entry(&pub.events, struct uevent_record, list);
		list_del_init(&record->list);
		list_add_tail(&record->list, events);
	}
}

/* Leave a level, with publish_lock held, which is dropped. */
static void leave(void)
{
	LIST_HEAD(events);

	if (pub.depth > 1) {
		pub.depth--;
		pthread_mutex_unlock(&publish_lock);
		return;
	}
	if (list_empty(&pub.events)) {
		show_all();
		pthread_mutex_unlock(&publish_lock);
		return;
	}
	/* No event of another thread comes between what is shown and what is told of it. */
	pthread_mutex_unlock(&publish_lock);
	uevent_begin();
	pthread_mutex_lock(&publish_lock);
	take_events(&events);
	show_all();
	pthread_mutex_unlock(&publish_lock);
	uevent_deliver(&events);
	uevent_end();
}

void publish_commit(void)
{
	struct uevent_record *record;
	struct publish_work *work;
	LIST_HEAD(over);

	if (!pub.depth) {
		pr_err("publish: commit without begin");
		return;
	}
	if (pub.depth == 1)
		collect_works(&over);
	list_for_each_entry (work, &pub.works, list)
		if (work->level == pub.depth)
			work->level--;
	pthread_mutex_lock(&publish_lock);
	list_for_each_entry (record, &pub.events, list)
		if (record->level == pub.depth)
			record->level--;
	leave();
	run_works(&over, true);
}

void publish_abort(void)
{
	struct uevent_record *record, *next;
	LIST_HEAD(over);

	if (!pub.depth) {
		pr_err("publish: abort without begin");
		return;
	}
	collect_works(&over);
	pthread_mutex_lock(&publish_lock);
	list_for_each_entry_safe (record, next, &pub.events, list) {
		if (record->level < pub.depth)
			continue;
		list_del_init(&record->list);
		free(record);
	}
	leave();
	run_works(&over, false);
}
