/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/roster.h"

/* Shared by all rosters, so that a number says which stay on which roster is meant. Atomic. */
static uint64_t roster_clock;

void roster_init(struct roster *roster)
{
	INIT_LIST_HEAD(&roster->entries);
	roster->last = 0;
}

void roster_entry_init(struct roster_entry *entry)
{
	INIT_LIST_HEAD(&entry->list);
	entry->nr = 0;
}

void roster_join(struct roster *roster, struct roster_entry *entry)
{
	entry->nr = __atomic_add_fetch(&roster_clock, 1, __ATOMIC_RELAXED);
	roster->last = entry->nr;
	list_add_tail(&entry->list, &roster->entries);
}

void roster_leave(struct roster_entry *entry)
{
	list_del_init(&entry->list);
	entry->nr = 0;
}

struct roster_entry *roster_after(struct roster *roster, struct roster_entry *pos, uint64_t nr)
{
	struct list_head *next = roster->entries.next;
	struct roster_entry *entry;

	if (pos && pos->nr == nr)
		next = pos->list.next;
	for (; next != &roster->entries; next = next->next) {
		entry = list_entry(next, struct roster_entry, list);
		if (entry->nr > nr)
			return entry;
	}
	return NULL;
}

struct roster_entry *roster_before(struct roster *roster, struct roster_entry *pos, uint64_t nr)
{
	struct list_head *prev = roster->entries.prev;
	struct roster_entry *entry;

	if (pos && pos->nr == nr)
		prev = pos->list.prev;
	for (; prev != &roster->entries; prev = prev->prev) {
		entry = list_entry(prev, struct roster_entry, list);
		if (entry->nr < nr)
			return entry;
	}
	return NULL;
}
