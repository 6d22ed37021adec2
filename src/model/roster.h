/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rosters: lists in order of arrival that can be walked without holding their lock.
 *
 * Each entry gets a number when it joins. A walk remembers the entry that it stands on and its
 * number; if that entry has left meanwhile, the walk goes on behind the number. So nothing has to
 * be copied and no walk can fail, however the list changes below it. What joins during a walk is no
 * part of it: the walk ends at the number that was the last one when it began.
 *
 * The owner of a roster says which lock guards it; the caller holds that lock in each call here.
 */
#ifndef UMDEV_MODEL_ROSTER_H
#define UMDEV_MODEL_ROSTER_H

#include <umdev/util.h>

/**
 * struct roster - the list
 * @entries: oldest first
 * @last:    the number of the youngest entry that ever joined
 */
struct roster {
	struct list_head entries;
	uint64_t last;
};

/**
 * struct roster_entry - a place on a list, embedded in who stands there
 * @list: empty while it is on no roster
 * @nr:   given by the last roster_join(); no other entry of any roster has or had it
 */
struct roster_entry {
	struct list_head list;
	uint64_t nr;
};

/** roster_init - an empty roster. */
void roster_init(struct roster *roster);
/** roster_entry_init - an entry that is on no roster. */
void roster_entry_init(struct roster_entry *entry);
/** roster_join - become the youngest entry of @roster. */
void roster_join(struct roster *roster, struct roster_entry *entry);
/** roster_leave - leave the roster; nothing if the entry is on none. */
void roster_leave(struct roster_entry *entry);

static inline bool roster_has(const struct roster_entry *entry)
{
	return !list_empty(&entry->list);
}

static inline bool roster_empty(const struct roster *roster)
{
	return list_empty(&roster->entries);
}

/**
 * roster_after - the oldest entry that is younger than number @nr
 * @pos: the entry that has or had @nr, kept alive by the caller; NULL to search from the beginning
 * Return: the entry, or NULL when there is none.
 */
struct roster_entry *roster_after(struct roster *roster, struct roster_entry *pos, uint64_t nr);

/** roster_before - the youngest entry that is older than number @nr; else as roster_after(). */
struct roster_entry *roster_before(struct roster *roster, struct roster_entry *pos, uint64_t nr);

#endif
