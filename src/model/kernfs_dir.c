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
#define FEW 16

/* Spread the bits of @value. */
static uint64_t mix(uint64_t value)
{
	value *= UINT64_C(0x9e3779b97f4a7c15);
	return value ^ value >> 32;
}

/* A number that nobody outside knows, so that nobody can choose names that meet in one bucket. */
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
	return mix(mix(hash ^ word) ^ len);
}

void kernfs_dir_init(struct kernfs_dir *dir)
{
	INIT_LIST_HEAD(&dir->children);
}

void kernfs_dir_finish(struct kernfs_dir *dir)
{
	free(dir->buckets);
}

static struct kernfs_node **bucket(const struct kernfs_dir *dir, uint32_t hash)
{
	return &dir->buckets[hash & (dir->nr_buckets - 1)];
}

static void chain(struct kernfs_dir *dir, struct kernfs_node *kn)
{
	struct kernfs_node **head = bucket(dir, kn->hash);

	kn->chain = *head;
	*head = kn;
}

static void unchain(struct kernfs_dir *dir, struct kernfs_node *kn)
{
	struct kernfs_node **pos = bucket(dir, kn->hash);

	while (*pos != kn)
		pos = &(*pos)->chain;
	*pos = kn->chain;
}

/* Without memory the table stays as it is: slower and still right. */
static void resize(struct kernfs_dir *dir, uint32_t nr_buckets)
{
	struct kernfs_node **buckets = calloc(nr_buckets, sizeof(struct kernfs_node *));
	struct kernfs_node *kn;

	if (!buckets)
		return;
	free(dir->buckets);
	dir->buckets = buckets;
	dir->nr_buckets = nr_buckets;
	list_for_each_entry (kn, &dir->children, sibling)
		chain(dir, kn);
}

struct kernfs_node *kernfs_dir_find(const struct kernfs_dir *dir, const char *name, uint32_t hash)
{
	struct kernfs_node *kn;

	if (dir->buckets) {
		for (kn = *bucket(dir, hash); kn; kn = kn->chain)
			if (kn->hash == hash && !strcmp(kn->name, name))
				return kn;
		return NULL;
	}
	list_for_each_entry (kn, &dir->children, sibling)
		if (kn->hash == hash && !strcmp(kn->name, name))
			return kn;
	return NULL;
}

void kernfs_dir_insert(struct kernfs_dir *dir, struct kernfs_node *kn)
{
	list_add_tail(&kn->sibling, &dir->children);
	dir->count++;
	if (dir->buckets)
		chain(dir, kn);
	if (dir->count > FEW && dir->count > dir->nr_buckets)
		resize(dir, dir->nr_buckets ? 2 * dir->nr_buckets : 2 * FEW);
}

void kernfs_dir_erase(struct kernfs_dir *dir, struct kernfs_node *kn)
{
	if (dir->buckets)
		unchain(dir, kn);
	list_del_init(&kn->sibling);
	dir->count--;
	/*
	 * Far below the size that it would grow to again, so that no size is a threshold to and
	 * fro.
	 */
	if (dir->nr_buckets > 2 * FEW && dir->count < dir->nr_buckets / 8)
		resize(dir, dir->nr_buckets / 2);
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
