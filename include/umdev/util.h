/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Small things that every driver uses: container_of, intrusive lists, compiler attributes.
 */
#ifndef UMDEV_UTIL_H
#define UMDEV_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
#error "umdev's headers are C; wrap your driver's entry points in a C file"
#endif

/* A symbol that libumdev offers to programs and driver modules. */
#define UMDEV_API __attribute__((visibility("default")))

#define __umdev_printf(fmt, args) __attribute__((format(printf, fmt, args)))
#define __umdev_must_check	  __attribute__((warn_unused_result))

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#endif

#ifndef container_of
/**
 * container_of - the object that embeds a member
 * @ptr:    pointer to the member
 * @type:   type of the object
 * @member: the member's name in @type
 */
#define container_of(ptr, type, member) \
	((type *)((char *)(1 ? (ptr) : &((type *)0)->member) - offsetof(type, member)))
#endif

/**
 * struct list_head - a link in a circular doubly linked list, or its head
 *
 * Plain data without a lock of its own: whoever embeds one says beside the field what guards it.
 */
struct list_head {
	struct list_head *next, *prev;
};

#define LIST_HEAD_INIT(name)     \
	{                        \
		&(name), &(name) \
	}
#define LIST_HEAD(name) struct list_head name = LIST_HEAD_INIT(name)

static inline void INIT_LIST_HEAD(struct list_head *head)
{
	head->next = head;
	head->prev = head;
}

static inline void list_insert_between(struct list_head *entry, struct list_head *prev,
				       struct list_head *next)
{
	entry->prev = prev;
	entry->next = next;
	prev->next = entry;
	next->prev = entry;
}

/* Put @entry first. */
static inline void list_add(struct list_head *entry, struct list_head *head)
{
	list_insert_between(entry, head, head->next);
}

/* Put @entry last. */
static inline void list_add_tail(struct list_head *entry, struct list_head *head)
{
	list_insert_between(entry, head->prev, head);
}

/* Take @entry out of its list and leave it empty, so that list_empty(@entry) holds. */
static inline void list_del_init(struct list_head *entry)
{
	entry->prev->next = entry->next;
	entry->next->prev = entry->prev;
	INIT_LIST_HEAD(entry);
}

static inline bool list_empty(const struct list_head *head)
{
	return head->next == head;
}

#define list_entry(ptr, type, member)	     container_of(ptr, type, member)
#define list_first_entry(head, type, member) list_entry((head)->next, type, member)
#define list_last_entry(head, type, member)  list_entry((head)->prev, type, member)
#define list_next_entry(p, member)	     list_entry((p)->member.next, __typeof__(*(p)), member)

#define list_for_each_entry(pos, head, member)                                                 \
	for (pos = list_entry((head)->next, __typeof__(*pos), member); &pos->member != (head); \
	     pos = list_next_entry(pos, member))

/* The body may remove @pos from the list. */
#define list_for_each_entry_safe(pos, n, head, member)                 \
	for (pos = list_entry((head)->next, __typeof__(*pos), member), \
	    n = list_next_entry(pos, member);                          \
	     &pos->member != (head); pos = n, n = list_next_entry(n, member))

#endif
