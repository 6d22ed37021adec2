/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The children of a directory: a list, and a hash table on top of it when there are many, so that
 * one more costs the same whether 100 or 100,000 are there.
 */
#include <errno.h>
#include <string.h>
#include <sys/auxv.h>

#include "model/alloc.h"
#include "model/kernfs_internal.h"

/* Up to here a walk along the list is as good as a table. */
#define FEW	  16
#define MIN_SLOTS 64

/* Spread the bits of @value. */
static uint64_t mix(uint64_t value)
{
	value *= UINT64_C(0x9e3779b97f4a7c15);
	return value ^ value >> 32;
}

/* A number that nobody outside knows, so that nobody can choose names that meet in one place. */
static uint64_t seed(void)
{
	static _Atomic uint64_t secret;
	uint64_t value = atomic_load_explicit(&secret, memory_order_relaxed);

	if (!value) {
		memcpy(&value, (const void *)getauxval(AT_RANDOM), sizeof(value));
		value |= 1;
		atomic_store_explicit(&secret, value, memory_order_relaxed);
	}
	return value;
}

uint32_t kernfs_hash(const char *name)
{
	size_t len = strlen(name);
	uint64_t hash = seed(), word;

	for (; len >= sizeof(word); name += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, name, sizeof(word));
		hash = mix(hash ^ word);
	}
	word = len;
	memcpy(&word, name, len);
	hash = mix(mix(hash ^ word) ^ len);
	return (uint32_t)hash ? (uint32_t)hash : 1;
}

void kernfs_dir_init(struct kernfs_dir *dir)
{
	INIT_LIST_HEAD(&dir->children);
}

void kernfs_dir_finish(struct kernfs_dir *dir)
{
	free(dir->slots);
}

/*
 * The hashes of the slots, behind them; 0 for an empty slot. Apart from the slots, so that who
 * looks for a name that is not there, as each insertion does, reads a few numbers that stand side
 * by side.
 */
static uint32_t *hashes(const struct kernfs_dir *dir)
{
	return (uint32_t *)(dir->slots + dir->nr_slots);
}

static uint32_t next_slot(const struct kernfs_dir *dir, uint32_t i)
{
	return (i + 1) & (dir->nr_slots - 1);
}

static void table_insert(struct kernfs_dir *dir, struct kernfs_node *kn)
{
	uint32_t i = kn->hash & (dir->nr_slots - 1);

	while (hashes(dir)[i])
		i = next_slot(dir, i);
	hashes(dir)[i] = kn->hash;
	dir->slots[i] = kn;
}

/* Empty a slot, and move into it what stands behind it only because it was taken. */
static void table_erase(struct kernfs_dir *dir, const struct kernfs_node *kn)
{
	uint32_t mask = dir->nr_slots - 1, *hash = hashes(dir);
	uint32_t hole = kn->hash & mask, i;

	while (dir->slots[hole] != kn)
		hole = next_slot(dir, hole);
	for (i = next_slot(dir, hole); hash[i]; i = next_slot(dir, i)) {
		if (((i - hash[i]) & mask) < ((i - hole) & mask))
			continue;
		hash[hole] = hash[i];
		dir->slots[hole] = dir->slots[i];
		hole = i;
	}
	hash[hole] = 0;
	dir->slots[hole] = NULL;
}

/*
 * Without memory the table stays as it is, or, when it is nearly full, goes: the list alone is
 * slower and still right.
 */
static void resize(struct kernfs_dir *dir, uint32_t nr_slots)
{
	struct kernfs_node **slots;
	struct kernfs_node *kn;

	slots = calloc(nr_slots, sizeof(struct kernfs_node *) + sizeof(uint32_t));
	if (!slots && dir->count < dir->nr_slots - dir->nr_slots / 4)
		return;
	free(dir->slots);
	dir->slots = slots;
	dir->nr_slots = slots ? nr_slots : 0;
	if (!slots)
		return;
	list_for_each_entry (kn, &dir->children, sibling)
		table_insert(dir, kn);
}

/* How many slots are at most half full with @count, and will be for a while. */
static uint32_t slots_for(uint32_t count)
{
	uint32_t slots = MIN_SLOTS;

	while (slots / 2 <= count)
		slots *= 2;
	return slots;
}

static struct kernfs_node *table_find(const struct kernfs_dir *dir, const char *name, uint32_t hash)
{
	uint32_t i;

	for (i = hash & (dir->nr_slots - 1); hashes(dir)[i]; i = next_slot(dir, i))
		if (hashes(dir)[i] == hash && !strcmp(dir->slots[i]->name, name))
			return dir->slots[i];
	return NULL;
}

struct kernfs_node *kernfs_dir_find(const struct kernfs_dir *dir, const char *name, uint32_t hash)
{
	struct kernfs_node *kn;

	if (dir->slots)
		return table_find(dir, name, hash);
	list_for_each_entry (kn, &dir->children, sibling)
		if (kn->hash == hash && !strcmp(kn->name, name))
			return kn;
	return NULL;
}

void kernfs_dir_insert(struct kernfs_dir *dir, struct kernfs_node *kn)
{
	/* At most half full, so that the way to an empty slot is short. */
	if (dir->count >= FEW && dir->count >= dir->nr_slots / 2)
		resize(dir, slots_for(dir->count + 1));
	list_add_tail(&kn->sibling, &dir->children);
	dir->count++;
	if (dir->slots)
		table_insert(dir, kn);
}

void kernfs_dir_erase(struct kernfs_dir *dir, struct kernfs_node *kn)
{
	if (dir->slots)
		table_erase(dir, kn);
	list_del_init(&kn->sibling);
	dir->count--;
	/* Far below the size that it would grow to again: no size is a threshold to and fro. */
	if (dir->nr_slots > MIN_SLOTS && dir->count < dir->nr_slots / 16)
		resize(dir, dir->nr_slots / 2);
}

struct kernfs_node *kernfs_dir_first(const struct kernfs_dir *dir)
{
	return list_empty(&dir->children)
		       ? NULL
		       : list_first_entry(&dir->children, struct kernfs_node, sibling);
}

struct kernfs_node *kernfs_dir_next(const struct kernfs_dir *dir, const struct kernfs_node *kn)
{
	return kn->sibling.next == &dir->children
		       ? NULL
		       : list_entry(kn->sibling.next, struct kernfs_node, sibling);
}

static int by_name(const void *a, const void *b)
{
	struct kernfs_node *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

/*
 * The children that the outside sees, each with a reference. Return: how many, or a negative errno.
 */
static ssize_t get_seen(struct kernfs_node *dir, struct kernfs_node ***nodes)
{
	struct kernfs_node *kn;
	ssize_t n = 0;

	*nodes = NULL;
	if (kernfs_has(dir, KN_REMOVING))
		return -ENODEV;
	if (!dir->dir->count)
		return 0;
	*nodes = zalloc_array(dir->dir->count, sizeof(struct kernfs_node *));
	if (!*nodes)
		return -ENOMEM;
	list_for_each_entry (kn, &dir->dir->children, sibling)
		if (!kernfs_has(kn, KN_REMOVING | KN_HIDDEN))
			(*nodes)[n++] = kernfs_get(kn);
	return n;
}

int kernfs_readdir(struct kernfs_node *dir, int (*fn)(struct kernfs_node *kn, void *data),
		   void *data)
{
	struct kernfs_node **nodes;
	int ret = 0;
	ssize_t n;

	if (dir->type != KERNFS_DIR)
		return -ENOTDIR;
	pthread_rwlock_rdlock(&kernfs_lock);
	n = get_seen(dir, &nodes);
	pthread_rwlock_unlock(&kernfs_lock);
	if (n < 0)
		return n;

	/* Nobody waits for the tree while many names are sorted. */
	if (n)
		qsort(nodes, n, sizeof(*nodes), by_name);
	for (ssize_t i = 0; i < n; i++) {
		if (!ret)
			ret = fn(nodes[i], data);
		kernfs_put(nodes[i]);
	}
	free(nodes);
	return ret;
}
