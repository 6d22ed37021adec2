/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>

#include <umdev/log.h>
#include <umdev/publish.h>

#include "model/kernfs.h"
#include "model/publish_work.h"
#include "model/uevent_internal.h"

/* What this thread keeps back. The nodes' list is under the lock of the tree, the rest is the thread's alone. */
static __thread struct publication {
	unsigned int depth;
	struct kernfs_hidden hidden;
	struct list_head events; /* struct uevent_record, in their order */
	struct list_head works;	 /* struct publish_work, in their order */
} pub;

void publish_begin(void)
{
	if (pub.depth++)
		return;
	INIT_LIST_HEAD(&pub.hidden.nodes);
	INIT_LIST_HEAD(&pub.events);
	INIT_LIST_HEAD(&pub.works);
	kernfs_set_hiding(&pub.hidden);
}

bool publish_hold(struct uevent_record *record)
{
	if (!pub.depth)
		return false;
	record->level = pub.depth;
	list_add_tail(&record->list, &pub.events);
	return true;
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

/* Leave a level; at the outermost what is left is shown and sent. */
static void publish_end(void)
{
	if (--pub.depth)
		return;
	kernfs_set_hiding(NULL);
	uevent_deliver(&pub.hidden, &pub.events);
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
	list_for_each_entry (record, &pub.events, list)
		if (record->level == pub.depth)
			record->level--;
	if (pub.depth == 1)
		collect_works(&over);
	list_for_each_entry (work, &pub.works, list)
		if (work->level == pub.depth)
			work->level--;
	publish_end();
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
	list_for_each_entry_safe (record, next, &pub.events, list) {
		if (record->level < pub.depth)
			continue;
		list_del_init(&record->list);
		free(record);
	}
	collect_works(&over);
	publish_end();
	run_works(&over, false);
}
