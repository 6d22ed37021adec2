/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>

#include <umdev/log.h>
#include <umdev/publish.h>

#include "model/kernfs.h"
#include "model/uevent_internal.h"

/* What this thread keeps back. The nodes' list is under the lock of the tree, the rest is the thread's alone. */
static __thread struct publication {
	unsigned int depth;
	struct kernfs_hidden hidden;
	struct list_head events; /* struct uevent_record, in their order */
} pub;

void publish_begin(void)
{
	if (pub.depth++)
		return;
	INIT_LIST_HEAD(&pub.hidden.nodes);
	INIT_LIST_HEAD(&pub.events);
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

	if (!pub.depth) {
		pr_err("publish: commit without begin");
		return;
	}
	list_for_each_entry (record, &pub.events, list)
		if (record->level == pub.depth)
			record->level--;
	publish_end();
}

void publish_abort(void)
{
	struct uevent_record *record, *next;

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
	publish_end();
}
